//! The file read back: a zip of parts, whose text must be that of the document.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail where it stands")]

#[path = "../../report/tests/fixture/mod.rs"]
#[allow(dead_code, reason = "not every test needs all of it")]
mod fixture;

use report::Document;
use report::document::{Block, Table};
use std::io::{Cursor, Read};
use std::sync::LazyLock;
use zip::ZipArchive;

/// All figures but the first are a square inch, since an unoptimised program draws slowly.
static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
    let mut document = report::document(&fixture::rotterdam());
    for block in document.sections.iter_mut().flat_map(|section| &mut section.blocks) {
        if let Block::Figure(figure) = block
            && 1 < figure.number
        {
            figure.svg = SQUARE.into();
        }
    }
    document
});
const SQUARE: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" width="72" height="72"/>"#;
static FILE: LazyLock<Vec<u8>> = LazyLock::new(|| report_docx::docx(&DOCUMENT).unwrap());

fn part(bytes: &[u8], name: &str) -> String {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut text = String::new();
    archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

fn body() -> String {
    part(&FILE, "word/document.xml")
}

/// What stands between the beginnings and ends of an element, each time.
fn elements<'a>(xml: &'a str, name: &str) -> Vec<&'a str> {
    let (begins, ends) = (format!("<{name}"), format!("</{name}>"));
    let mut found = Vec::new();
    let mut rest = xml;
    while let Some(from) = rest.find(&begins) {
        rest = &rest[from + begins.len()..];
        // The name may be the beginning of a longer one.
        if rest.starts_with([' ', '>']) {
            let Some((content, after)) = rest.split_once(&ends) else { break };
            found.push(content.split_once('>').unwrap().1);
            rest = after;
        }
    }
    found
}

/// The words of a part; a line break within a cell stands for a space.
fn words(xml: &str) -> String {
    let broken = xml.replace("<w:br w:type=\"textWrapping\" />", "<w:t> </w:t>");
    let text = elements(&broken, "w:t").concat();
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    text.replace("&apos;", "'").replace("&#39;", "'").replace("&amp;", "&")
}

fn marks(caveats: &[usize]) -> String {
    caveats.iter().map(|number| format!("[{number}]")).collect()
}

/// The cells of a table as the document has them, header first.
fn expected(table: &Table) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    if !table.groups.is_empty() {
        rows.push(table.groups.iter().map(|group| group.title.clone()).collect());
    }
    rows.push(table.columns.iter().map(|column| column.title.to_string()).collect());
    for row in &table.rows {
        let cell = |cell: &report::document::Cell| match cell.is_repeated {
            true => String::new(),
            false => format!("{}{}", cell.text, marks(&cell.caveats)),
        };
        rows.push(row.cells.iter().map(cell).collect());
    }
    rows
}

fn printed(table: &str) -> Vec<Vec<String>> {
    let row = |row: &str| elements(row, "w:tc").into_iter().map(words).collect();
    elements(table, "w:tr").into_iter().map(row).collect()
}

#[test]
fn every_table_is_there_cell_by_cell() {
    let body = body();
    let tables = elements(&body, "w:tbl");
    assert_eq!(tables.len(), DOCUMENT.tables().count());
    for (table, printed_table) in DOCUMENT.tables().zip(&tables) {
        assert_eq!(printed(printed_table), expected(table), "{}", table.id);
        let n_headers = if table.groups.is_empty() { 1 } else { 2 };
        assert_eq!(printed_table.matches("<w:tblHeader />").count(), n_headers, "{}", table.id);
    }
    let second = DOCUMENT.tables().find(|table| table.number.as_deref() == Some("2")).unwrap();
    assert!(tables.iter().any(|table| printed(table) == expected(second)));
}

#[test]
fn the_abstract_is_there_word_by_word() {
    let section = DOCUMENT.sections.iter().find(|section| section.id == "abstract").unwrap();
    let body = body();
    let paragraphs: Vec<String> = elements(&body, "w:p").into_iter().map(words).collect();
    let mut n_entries = 0;
    for block in &section.blocks {
        let Block::Definitions { entries } = block else { continue };
        for entry in entries {
            let marked: String = entry
                .text
                .spans
                .iter()
                .map(|span| match span {
                    report::document::Span::Number { text, caveats, .. } => {
                        format!("{text}{}", marks(caveats))
                    }
                    other => other.text().to_owned(),
                })
                .collect();
            let wanted = format!("{}: {marked}", entry.term);
            assert!(paragraphs.contains(&wanted), "{wanted}");
            n_entries += 1;
        }
    }
    assert!(n_entries >= 3);
}

#[test]
fn headings_captions_and_pictures_are_those_of_word() {
    let body = body();
    for section in &DOCUMENT.sections {
        let style = format!("<w:pStyle w:val=\"Heading{}\" />", section.level);
        let heading = format!("{} {}", section.number, section.heading);
        let found = elements(&body, "w:p").into_iter();
        assert!(found.filter(|one| one.contains(&style)).any(|one| words(one) == heading));
    }
    for figure in DOCUMENT.figures() {
        let label = format!("Figure {}. {}", figure.number, figure.legend);
        assert!(elements(&body, "w:p").into_iter().any(|one| words(one).starts_with(&label)));
    }
    assert_eq!(body.matches(" descr=\"").count(), DOCUMENT.figures().count());
    assert!(body.contains("SEQ Figure \\* ARABIC "));
    assert!(body.contains("TOC \\o"));
    let notice = DOCUMENT.cover.notice.as_ref();
    let header = words(&part(&FILE, "word/header1.xml"));
    assert_eq!(&header, notice.unwrap_or(&DOCUMENT.cover.title));
}

#[test]
fn links_lead_somewhere() {
    let body = body();
    let names = |sign: &str| -> Vec<String> {
        let parts = body.split(sign).skip(1);
        parts.map(|part| part.split('"').next().unwrap().to_owned()).collect()
    };
    let (mut targets, links) = (names("w:name=\"target_"), names("w:anchor=\"target_"));
    assert!(!links.is_empty());
    assert!(links.iter().all(|link| targets.contains(link)));
    let n_targets = targets.len();
    targets.sort();
    targets.dedup();
    assert_eq!(targets.len(), n_targets, "a name is used twice");
}

/// The day of the data is the only date, and the parts have the first day that a zip can hold.
#[test]
fn no_clock_is_in_the_file_and_the_bytes_are_the_same() {
    let small = Document {
        sections: DOCUMENT.sections.iter().filter(|one| one.id == "survival").cloned().collect(),
        ..DOCUMENT.clone()
    };
    let dated = |date: Option<&str>| {
        let cover = report::document::Cover {
            date: date.map(str::to_owned),
            title: "A < B & C".into(),
            ..small.cover.clone()
        };
        report_docx::docx(&Document { cover, ..small.clone() }).unwrap()
    };
    let file = dated(Some("2022-03-01"));
    assert!(file == dated(Some("2022-03-01")));
    assert!(
        file == std::thread::scope(|scope| {
            scope.spawn(|| dated(Some("2022-03-01"))).join().unwrap()
        })
    );
    let properties = part(&file, "docProps/core.xml");
    assert!(properties.contains("<dc:title>A &lt; B &amp; C</dc:title>"));
    assert_eq!(properties.matches("2022-03-01T00:00:00Z").count(), 2);
    assert!(!part(&dated(None), "docProps/core.xml").contains("T00:00:00Z"));
    let mut archive = ZipArchive::new(Cursor::new(&file[..])).unwrap();
    for index in 0..archive.len() {
        let time = archive.by_index(index).unwrap().last_modified().unwrap();
        assert_eq!((time.year(), time.month(), time.day()), (1980, 1, 1));
    }
}
