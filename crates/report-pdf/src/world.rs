//! All that the typesetter sees: the template, the data, the drawings, the fonts of the program.

use report::Document;
use std::collections::BTreeMap;
use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::syntax::{FileId, Source};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};

const TEMPLATE: &str = include_str!("../templates/report.typ");

/// The template calls the data so, and drawings by [`drawing`].
const DATA: &str = "report.json";

/// What lies on the desk of the typesetter.
pub(crate) struct Desk {
    library: LazyHash<Library>,
    book: LazyHash<FontBook>,
    fonts: Vec<Font>,
    template: Source,
    files: BTreeMap<String, Bytes>,
}

impl Desk {
    pub(crate) fn new(document: &Document, json: String) -> Self {
        let fonts = figure_files::FONTS.into_iter().flat_map(|font| Font::iter(Bytes::new(font)));
        let fonts: Vec<Font> = fonts.collect();
        let drawings = document.figures().map(|figure| {
            (format!("figure-{}.svg", figure.number), Bytes::from_string(figure.svg.clone()))
        });
        let mut files: BTreeMap<String, Bytes> = drawings.collect();
        files.insert(DATA.into(), Bytes::from_string(json));
        Self {
            library: LazyHash::new(Library::default()),
            book: LazyHash::new(FontBook::from_fonts(&fonts)),
            fonts,
            template: Source::detached(TEMPLATE),
            files,
        }
    }
}

impl World for Desk {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.book
    }

    fn main(&self) -> FileId {
        self.template.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.template.id() {
            Ok(self.template.clone())
        } else {
            Err(FileError::AccessDenied)
        }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        let known = self.files.get(id.get().vpath().get_without_slash());
        known.cloned().ok_or(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.fonts.get(index).cloned()
    }

    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        None
    }
}
