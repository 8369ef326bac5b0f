//! The report of a study as a Word document that an author can edit: headings that Word knows, a
//! table of contents, tables whose headers repeat, numbered captions, pictures with alternatives.
//!
//! A renderer of [`report::Document`]: words, rounding, order and numbering are settled there. Of
//! what the page in HTML has, the explanations behind the numbers are missing, since Word has no
//! place for them.

mod anchors;
mod body;
mod package;
mod page;
mod style;
mod table;
mod text;

use anchors::Anchors;
use body::Body;
use docx_rs::{Docx, Footer, Header, Paragraph, Run, Style};
use figure_files::{FigureFileError, FigureWriter};
use report::{Document, ReportFile};
use std::collections::BTreeMap;
use thiserror::Error;

/// Pixels per inch of pictures, as most journals ask for.
const DPI: u32 = 300;

/// Why no Word document could be written.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum DocxError {
    /// A figure could not be drawn.
    #[error("figure {number} could not be drawn: {reason}")]
    Figure {
        /// Number of the figure within the report.
        number: usize,
        /// What is wrong with it.
        reason: FigureFileError,
    },
    /// The parts were written, but not as expected.
    #[error("the document could not be put together: {0}")]
    Package(String),
}

/// `report.docx` of a document.
///
/// A4 pages, tables that are too wide for them on pages of their own that lie across. Pictures have
/// 300 pixels per inch. The same document gives the same bytes: no clock is read, and the dates of
/// the file are the day on which the data were closed, or missing.
///
/// # Errors
///
/// If a figure is no SVG or has no size.
pub fn file(document: &Document) -> Result<ReportFile, DocxError> {
    Ok(ReportFile { path: "report.docx".into(), bytes: docx(document)? })
}

/// The bytes of the Word document; see [`file`].
///
/// # Errors
///
/// As of [`file`].
pub fn docx(document: &Document) -> Result<Vec<u8>, DocxError> {
    let pictures = draw(document)?;
    let anchors = Anchors::of(document);
    let mut body = Body::new(&anchors, &pictures);
    body.cover(document);
    for section in &document.sections {
        body.section(section);
    }
    let written = body.finish();
    let mut docx = Docx::new()
        .default_fonts(style::fonts(style::FAMILY))
        .default_size(style::BODY_SIZE)
        .default_line_spacing(style::body_spacing())
        .header(header(document))
        .footer(footer(document));
    docx.document.section_property =
        page::lying(docx.document.section_property, written.last_orientation);
    docx = style::all().into_iter().fold(docx, Docx::add_style as fn(Docx, Style) -> Docx);
    docx = style::numberings(docx, &written.lists);
    docx = written.content.into_iter().fold(docx, body::add);
    package::finish(docx, document, &written.header_rows)
}

/// The pictures of all figures, by number.
fn draw(document: &Document) -> Result<BTreeMap<usize, Vec<u8>>, DocxError> {
    let writer = FigureWriter::new();
    let one = |figure: &report::document::Figure| {
        let png = writer.png(&figure.svg, DPI);
        let failed = |reason| DocxError::Figure { number: figure.number, reason };
        Ok((figure.number, png.map_err(failed)?))
    };
    document.figures().map(one).collect()
}

/// The notice stands on every page, since pages are passed on without their cover.
fn header(document: &Document) -> Header {
    let words = document.cover.notice.as_ref().unwrap_or(&document.cover.title);
    let run = Run::new().add_text(text::clean(words));
    Header::new().add_paragraph(Paragraph::new().style(style::HEADER).add_run(run))
}

/// Name of the study, and which page of how many.
fn footer(document: &Document) -> Footer {
    let run = |words: &str| Run::new().add_text(words);
    let field = |name: &str| text::field(name, "1");
    let first = run(&format!("{}, page ", text::clean(&document.cover.study)));
    let parts = [first].into_iter().chain(field("PAGE")).chain([run(" of ")]);
    let paragraph = Paragraph::new().style(style::FOOTER);
    Footer::new().add_paragraph(parts.chain(field("NUMPAGES")).fold(paragraph, Paragraph::add_run))
}
