//! Tables that are printed in the document and written as CSV from the same cells.

pub(crate) use crate::document::{Cell, Column, Row};

use crate::document::Text;

/// A table of the report, with every key in a column of its own.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// File name without ending.
    pub name: String,
    /// What the table shows.
    pub title: String,
    /// Columns.
    pub columns: Vec<Column>,
    /// Rows.
    pub rows: Vec<Row>,
    /// Sentences below the table.
    pub notes: Vec<Text>,
    /// Whether the second column names what lies within the first: the document prints both in
    /// one column, the second indented.
    pub is_nested: bool,
}

impl Table {
    /// A table without rows.
    pub fn new(name: impl Into<String>, title: impl Into<String>, columns: Vec<Column>) -> Self {
        let (name, title) = (name.into(), title.into());
        Self { name, title, columns, rows: Vec::new(), notes: Vec::new(), is_nested: false }
    }

    /// Adds a sentence below the table.
    pub fn note(&mut self, sentence: impl Into<Text>) {
        self.notes.push(sentence.into());
    }

    /// The ids of every number that the table or its notes print.
    pub fn ids(&self) -> impl Iterator<Item = &String> {
        let cells = self.rows.iter().flat_map(|row| &row.cells).flat_map(|cell| &cell.ids);
        cells.chain(self.notes.iter().flat_map(Text::ids))
    }

    /// The table as CSV: one line of headings, then the rows with every cell in its own column.
    pub fn csv(&self) -> Vec<u8> {
        let heading = self.columns.iter().map(|column| match column.group.as_str() {
            "" => column.title.to_string(),
            group => format!("{group}: {}", column.title),
        });
        let rows = self.rows.iter().map(|row| {
            let cells = row.cells.iter().flat_map(|cell| {
                let rest = std::iter::repeat_n(String::new(), cell.span.saturating_sub(1));
                std::iter::once(cell.text.clone()).chain(rest)
            });
            cells.collect()
        });
        csv_bytes(std::iter::once(heading.collect()).chain(rows))
    }
}

/// Lines of CSV, each ended by a line feed.
pub(crate) fn csv_bytes(rows: impl Iterator<Item = Vec<String>>) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    for row in rows {
        writer.write_record(&row).expect("writing into memory does not fail");
    }
    writer.into_inner().expect("writing into memory does not fail")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_has_every_cell_in_its_own_column() {
        let columns = vec![
            Column::key("Group"),
            Column::value("n").within("Before"),
            Column::value("P").within("Before"),
        ];
        let mut table = Table::new("t", "T", columns);
        table.rows.push(Row::new(vec!["a, b".into(), Cell::new("1").spanning(2)]));
        let text = String::from_utf8(table.csv()).unwrap();
        assert_eq!(text, "Group,Before: n,Before: P\n\"a, b\",1,\n");
    }
}
