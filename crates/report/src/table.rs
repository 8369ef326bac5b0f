//! Tables that are printed in the document and written as CSV from the same cells.

use serde::Serialize;

/// A table of the report.
#[derive(Clone, Debug, Serialize)]
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
    pub notes: Vec<String>,
    /// Whether the second column names what lies within the first: the document prints both in
    /// one column, the second indented.
    pub is_nested: bool,
}

/// A column.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Column {
    /// Heading shared with the columns beside it; empty without one.
    pub group: String,
    /// Heading.
    pub title: String,
    /// Whether it says what the row is about: repeated values are printed once, and a column of one
    /// value alone is left out of the document.
    pub is_key: bool,
}

/// A row.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// Cells; those that span columns count once.
    pub cells: Vec<Cell>,
    /// Whether the row stands within the one above it.
    pub is_indented: bool,
}

/// A cell.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Cell {
    /// What it says.
    pub text: String,
    /// Numbers of the caveats that it carries.
    pub caveats: Vec<usize>,
    /// How many columns it takes.
    pub span: usize,
    /// Whether it should catch the eye.
    pub is_striking: bool,
}

impl Cell {
    /// A cell of one column.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), span: 1, ..Self::default() }
    }

    /// The same over several columns.
    pub fn spanning(self, span: usize) -> Self {
        Self { span, ..self }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Self::new(text)
    }
}

impl Column {
    /// A column that says what a row is about.
    pub fn key(title: impl Into<String>) -> Self {
        Self { group: String::new(), title: title.into(), is_key: true }
    }

    /// A column of values.
    pub fn value(title: impl Into<String>) -> Self {
        Self { group: String::new(), title: title.into(), is_key: false }
    }

    /// The same below a shared heading.
    pub fn within(self, group: impl Into<String>) -> Self {
        Self { group: group.into(), ..self }
    }
}

impl Row {
    /// A row of cells.
    pub fn new(cells: Vec<Cell>) -> Self {
        Self { cells, is_indented: false }
    }

    /// A row within the one above it.
    pub fn indented(cells: Vec<Cell>) -> Self {
        Self { cells, is_indented: true }
    }
}

impl Table {
    /// A table without rows.
    pub fn new(name: impl Into<String>, title: impl Into<String>, columns: Vec<Column>) -> Self {
        let (name, title) = (name.into(), title.into());
        Self { name, title, columns, rows: Vec::new(), notes: Vec::new(), is_nested: false }
    }

    /// The table as CSV: one line of headings, then the rows with every cell in its own column.
    pub fn csv(&self) -> Vec<u8> {
        let heading = self.columns.iter().map(|column| match column.group.as_str() {
            "" => column.title.clone(),
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
