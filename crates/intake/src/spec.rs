//! What a caller expects of a file.

/// The columns that are read from a file; others are passed over.
#[derive(Clone, Debug, PartialEq)]
pub struct TableSpec {
    /// Column of the patient's id; every patient has one row.
    pub id: String,
    /// Byte between cells, such as a comma.
    pub separator: u8,
    /// Cells that mean "missing" in every column, such as the empty cell and `NA`.
    pub missing: Vec<String>,
    /// The columns, each once.
    pub columns: Vec<ColumnSpec>,
}

/// One column.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnSpec {
    /// Its name in the first line of the file.
    pub name: String,
    /// What its cells hold.
    pub kind: ColumnKind,
    /// Further cells that mean "missing" in this column.
    pub missing: Vec<String>,
}

/// What the cells of a column hold.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnKind {
    /// Finite numbers with a decimal point.
    Number,
    /// One of these levels; anything else is an error.
    Category {
        /// Levels in display order.
        levels: Vec<String>,
    },
    /// Any text. Its levels are those that occur, in bytewise order.
    Text,
    /// Days as `YYYY-MM-DD`.
    Date,
}

impl ColumnKind {
    /// What readers call the content: "numbers", "categories", "text", "dates".
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Number => "numbers",
            Self::Category { .. } => "categories",
            Self::Text => "text",
            Self::Date => "dates",
        }
    }
}
