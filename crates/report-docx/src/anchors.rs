//! Names by which links find their targets: Word knows no more than letters, digits and `_`.

use report::Document;
use std::collections::BTreeMap;

/// The bookmarks of a document.
pub(crate) struct Anchors {
    numbers: BTreeMap<String, usize>,
}

impl Anchors {
    /// One for each section, table, figure and item that has an id.
    pub(crate) fn of(document: &Document) -> Self {
        Self { numbers: document.targets().map(str::to_owned).zip(1..).collect() }
    }

    /// Number and name of the bookmark of an id.
    pub(crate) fn find(&self, id: &str) -> Option<(usize, String)> {
        let number = *self.numbers.get(id)?;
        Some((number, format!("target_{number}")))
    }
}
