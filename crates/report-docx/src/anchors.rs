//! Names by which links find their targets: Word knows no more than letters, digits and `_`.

use report::Document;
use report::document::Block;
use std::collections::BTreeMap;

/// The bookmarks of a document.
pub(crate) struct Anchors {
    numbers: BTreeMap<String, usize>,
}

impl Anchors {
    /// One for each section, table, figure and item that has an id.
    pub(crate) fn of(document: &Document) -> Self {
        let sections = document.sections.iter().map(|section| &section.id);
        let blocks = document.blocks().flat_map(|block| match block {
            Block::Table(table) => vec![&table.id],
            Block::Figure(figure) => vec![&figure.id],
            Block::List { items, .. } => items.iter().filter_map(|item| item.id.as_ref()).collect(),
            _ => Vec::new(),
        });
        let ids = sections.chain(blocks).cloned();
        Self { numbers: ids.zip(1..).collect() }
    }

    /// Number and name of the bookmark of an id.
    pub(crate) fn find(&self, id: &str) -> Option<(usize, String)> {
        let number = *self.numbers.get(id)?;
        Some((number, format!("target_{number}")))
    }
}
