//! The report of a study as a PDF document: contents with page numbers, tables whose headers repeat,
//! figures as lines and text, links, and tags by which a reader without eyes finds their way.
//!
//! A renderer of [`report::Document`]: words, rounding, order and numbering are settled there, the
//! layout of tables in [`report::paper`]. The looks are in `templates/report.typ`, set by Typst, which
//! sees nothing but what it is handed: no file, font or clock of the machine, and no network. Of what
//! the page in HTML has, the explanations behind the numbers are missing.

// The typesetter is large; whoever does not ask for it compiles an empty crate.
#![cfg(feature = "typst")]

mod data;
mod world;

use report::{Document, ReportFile};
use thiserror::Error;
use typst::diag::SourceDiagnostic;
use typst::foundations::Smart;
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards};
use world::Desk;

/// Compilations after which what the typesetter remembers is forgotten.
const REMEMBERED: usize = 1;

/// Why no PDF document could be written.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum PdfError {
    /// The typesetter refused the document, or its file could not be encoded.
    #[error("the document could not be set: {0}")]
    Typesetting(String),
}

/// `report.pdf` of a document.
///
/// A4 pages, tables that are too wide for them on pages of their own that lie across. The file has
/// tags, title and language, and keeps the rules of PDF/UA-1 (ISO 14289-1) unless the report has
/// characters that the fonts of the program lack: they are printed as empty boxes, which PDF/UA-1 does
/// not allow. The same document gives the same bytes: the file has no date.
///
/// # Errors
///
/// If a figure is no SVG.
pub fn file(document: &Document) -> Result<ReportFile, PdfError> {
    Ok(ReportFile { path: "report.pdf".into(), bytes: pdf(document)? })
}

/// The bytes of the PDF document; see [`file`].
///
/// # Errors
///
/// As of [`file`].
pub fn pdf(document: &Document) -> Result<Vec<u8>, PdfError> {
    let json = data::json(document);
    let accessible = PdfStandards::new(&[PdfStandard::Ua_1])
        .map_err(|error| PdfError::Typesetting(error.message().to_string()))?;
    let mut options = PdfOptions {
        ident: Smart::Custom(json.clone()),
        creator: Smart::Custom(Some("Equipoise".into())),
        standards: accessible,
        ..PdfOptions::default()
    };
    let desk = Desk::new(document, json);
    let set: Result<PagedDocument, _> = typst::compile(&desk).output;
    let written = set.and_then(|set| {
        typst_pdf::pdf(&set, &options).or_else(|_| {
            options.standards = PdfStandards::default();
            typst_pdf::pdf(&set, &options)
        })
    });
    typst::comemo::evict(REMEMBERED);
    written.map_err(|faults| PdfError::Typesetting(words(&faults)))
}

fn words(faults: &[SourceDiagnostic]) -> String {
    let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
    messages.join("; ")
}
