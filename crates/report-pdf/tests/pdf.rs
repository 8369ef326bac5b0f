//! The file as a whole. Its text is read back and compared in CI, by a program that knows PDF.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail where it stands")]

#[path = "../../report/tests/fixture/mod.rs"]
#[allow(dead_code, reason = "not every test needs all of it")]
mod fixture;

use report::Document;
use report::document::{Block, Cover, Section, Text};
use report_pdf::PdfError;

/// The sections of a report that hold a table that lies across, figures, a list and links.
fn part(ids: &[&str]) -> Document {
    let document = report::document(&fixture::rotterdam());
    let wanted = |section: &Section| ids.contains(&section.id.as_str());
    let sections: Vec<Section> =
        document.sections.iter().filter(|one| wanted(one)).cloned().collect();
    assert_eq!(sections.len(), ids.len());
    Document { sections, ..document }
}

fn contains(bytes: &[u8], sign: &str) -> bool {
    bytes.windows(sign.len()).any(|window| window == sign.as_bytes())
}

/// A file that keeps the rules of PDF/UA-1 says so.
#[test]
fn a_report_has_tags_and_no_date_and_gives_the_same_bytes() {
    let document = part(&["abstract", "baseline", "survival", "hazard", "caveats"]);
    let pdf = report_pdf::pdf(&document).unwrap();
    assert!(pdf.starts_with(b"%PDF-1.7"));
    assert!(contains(&pdf, "/StructTreeRoot") && contains(&pdf, "pdfuaid"));
    assert!(!contains(&pdf, "CreationDate") && !contains(&pdf, "CreateDate"));
    assert!(!contains(&pdf, "/Subtype/Image"), "figures are lines and text");
    let elsewhere = std::thread::spawn(move || report_pdf::pdf(&document).unwrap());
    assert!(pdf == elsewhere.join().unwrap());
}

/// What would be markup, code or a path is set as it stands, and links without a target as words. The
/// fonts have neither faces nor Chinese, so that the file has tags but not the mark of PDF/UA-1.
#[test]
fn words_are_words() {
    let hostile =
        "#panic() ] \" \\ $x$ @nowhere <here> /* // \u{1f600} \u{4e00} read(\"/etc/passwd\")";
    let mut text = Text::from(hostile);
    text.push(Text::code(hostile));
    text.push(Text::reference(hostile, "nowhere"));
    let block = Block::Verbatim { text: format!("{hostile}\n  {hostile}") };
    let mut document = part(&["abstract"]);
    document.sections[0].heading = hostile.into();
    document.sections[0].blocks = vec![Block::paragraph(text), block];
    document.cover = Cover { title: hostile.into(), study: hostile.into(), ..document.cover };
    let pdf = report_pdf::pdf(&document).unwrap();
    assert!(contains(&pdf, "/StructTreeRoot") && !contains(&pdf, "pdfuaid"));
}

#[test]
fn a_figure_that_is_no_drawing_is_refused() {
    let mut document = part(&["survival"]);
    let blocks = &mut document.sections[0].blocks;
    let svg = blocks.iter_mut().find_map(|block| match block {
        Block::Figure(figure) => Some(&mut figure.svg),
        _ => None,
    });
    *svg.unwrap() = "no drawing".into();
    assert!(matches!(report_pdf::file(&document), Err(PdfError::Typesetting(_))));
}
