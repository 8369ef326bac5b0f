//! What can be wrong with a table. No message holds the content of a cell.

use std::fmt;
use thiserror::Error;

/// One thing that is wrong with a file or with a column of it.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum IntakeError {
    /// There is not one character in the file.
    #[error("the file is empty; it should have a line of column names and one line per patient")]
    Empty,
    /// There are column names and nothing else.
    #[error("the file has column names but no patients")]
    NoRows,
    /// Some bytes are no UTF-8.
    #[error("line {line} is not UTF-8 text; save the file as CSV in UTF-8")]
    NotUtf8 {
        /// First line that is not.
        line: u64,
    },
    /// The file is no CSV.
    #[error("the file could not be read as CSV near line {line}")]
    NotCsv {
        /// Line near which reading failed.
        line: u64,
    },
    /// None of the expected columns is there. The names that are there stay unsaid, since they may
    /// be a patient's values.
    #[error(
        "none of the expected columns is in the first line; \
         does the file begin with column names, and is `{separator}` its separator?"
    )]
    NoHeader {
        /// The separator of the protocol.
        separator: char,
    },
    /// One column is not there.
    #[error(
        "there is no column {column}{}; the table has {}",
        suggestion(suggested),
        available(columns)
    )]
    MissingColumn {
        /// The column.
        column: String,
        /// A name that is there and looks like it.
        suggested: Option<String>,
        /// The names that are there.
        columns: Vec<String>,
    },
    /// Two columns have one name.
    #[error("column {column} occurs {count} times in the first line; rename or remove the others")]
    DuplicateColumn {
        /// The column.
        column: String,
        /// How often it occurs.
        count: usize,
    },
    /// Rows have more or fewer cells than there are column names.
    #[error("{lines} {} not {expected} cells as the first line has", plural(lines, "has", "have"))]
    RaggedRows {
        /// The rows.
        lines: Lines,
        /// Number of column names.
        expected: usize,
    },
    /// Patients have no id.
    #[error("column {column}: {lines} {} no id", plural(lines, "has", "have"))]
    MissingId {
        /// Column of the ids.
        column: String,
        /// The rows.
        lines: Lines,
    },
    /// Two rows have one id.
    #[error(
        "column {column}: lines {} and {} have the same id{}; every patient has one row",
        first.0, first.1, further(*count)
    )]
    DuplicateId {
        /// Column of the ids.
        column: String,
        /// The first two rows with one id.
        first: (u64, u64),
        /// How many rows repeat an id.
        count: usize,
    },
    /// Cells hold something else than they should.
    #[error("column {column}: {lines} {} {problem}", plural(lines, "holds", "hold"))]
    Cells {
        /// The column.
        column: String,
        /// What was found.
        problem: CellProblem,
        /// The rows.
        lines: Lines,
    },
    /// Follow-up times are negative.
    #[error("column {column}: {lines} {} a negative time", plural(lines, "has", "have"))]
    NegativeTime {
        /// Column of the times.
        column: String,
        /// The rows.
        lines: Lines,
    },
    /// Follow-up ends before it starts.
    #[error(
        "column {end}: {lines} {} a date before that of column {start}",
        plural(lines, "has", "have")
    )]
    EndBeforeStart {
        /// Column of the first date.
        start: String,
        /// Column of the last date.
        end: String,
        /// The rows.
        lines: Lines,
    },
    /// A column was asked for that was not read.
    #[error("column {column} was not read from the file")]
    NotRead {
        /// The column.
        column: String,
    },
    /// A column was asked for as something that it does not hold.
    #[error("column {column} holds {found} where {expected} are needed")]
    WrongKind {
        /// The column.
        column: String,
        /// What is needed.
        expected: &'static str,
        /// What it holds.
        found: &'static str,
    },
}

impl IntakeError {
    /// The column to which the error belongs; `None` for the file as a whole.
    #[must_use]
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::MissingColumn { column, .. }
            | Self::DuplicateColumn { column, .. }
            | Self::MissingId { column, .. }
            | Self::DuplicateId { column, .. }
            | Self::Cells { column, .. }
            | Self::NegativeTime { column, .. }
            | Self::EndBeforeStart { end: column, .. }
            | Self::NotRead { column }
            | Self::WrongKind { column, .. } => Some(column),
            Self::Empty
            | Self::NoRows
            | Self::NotUtf8 { .. }
            | Self::NotCsv { .. }
            | Self::NoHeader { .. }
            | Self::RaggedRows { .. } => None,
        }
    }
}

/// What a cell holds instead of what it should.
#[derive(Clone, Debug, Eq, Error, Ord, PartialEq, PartialOrd)]
pub enum CellProblem {
    /// Nothing, where the empty cell is not declared as missing.
    #[error("an empty cell; list \"\" under `missing` if that means a missing value")]
    Empty,
    /// Text where a number is needed.
    #[error("text where a number is needed; if it means a missing value, list it under `missing`")]
    NotANumber,
    /// A number with a comma.
    #[error("a number with a comma; write the decimals after a point")]
    DecimalComma,
    /// Infinity, "not a number", or a number beyond [`cohort::LARGEST_NUMBER`].
    #[error(
        "a number that is infinite, undefined or too large to compute with; if it means a missing value, list it under `missing`"
    )]
    NotFinite,
    /// Something else than a date.
    #[error("no date of the form YYYY-MM-DD")]
    NotADate,
    /// A level that is not declared.
    #[error("a value that is no level; declared are {}", .levels.join(", "))]
    UnknownLevel {
        /// The declared levels.
        levels: Vec<String>,
    },
}

/// Lines of the file, from 1 with the column names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lines {
    /// The first of them, ascending, at most [`Lines::MOST`].
    pub first: Vec<u64>,
    /// How many there are.
    pub count: usize,
}

impl Lines {
    /// How many lines are listed.
    pub const MOST: usize = 20;

    /// Counts lines and keeps the first; `None` when there are none.
    pub(crate) fn of(mut lines: Vec<u64>) -> Option<Self> {
        lines.sort_unstable();
        let count = lines.len();
        lines.truncate(Self::MOST);
        (count > 0).then_some(Self { first: lines, count })
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let list = |lines: &[u64]| lines.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        match self.first.as_slice() {
            [line] if self.count == 1 => write!(f, "line {line}"),
            lines if lines.len() < self.count => {
                write!(f, "lines {} and {} more", list(lines), self.count - lines.len())
            }
            [lines @ .., last] => write!(f, "lines {} and {last}", list(lines)),
            [] => f.write_str("no line"),
        }
    }
}

fn plural(lines: &Lines, one: &'static str, many: &'static str) -> &'static str {
    if lines.count == 1 { one } else { many }
}

fn suggestion(suggested: &Option<String>) -> String {
    suggested.as_ref().map_or_else(String::new, |name| format!(", did you mean {name}?"))
}

/// How many column names a message lists.
const MOST_COLUMNS: usize = 30;

fn available(columns: &[String]) -> String {
    let listed = columns[..columns.len().min(MOST_COLUMNS)].join(", ");
    match columns.len().saturating_sub(MOST_COLUMNS) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

fn further(count: usize) -> String {
    match count {
        0 | 1 => String::new(),
        count => format!(", as have {} further lines", count - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_listed_up_to_a_limit() {
        let text =
            |lines: std::ops::RangeInclusive<u64>| Lines::of(lines.collect()).unwrap().to_string();
        assert_eq!(text(4..=4), "line 4");
        assert_eq!(text(4..=5), "lines 4 and 5");
        assert_eq!(text(4..=6), "lines 4, 5 and 6");
        assert!(text(1..=50).ends_with("19, 20 and 30 more"));
        assert_eq!(Lines::of(Vec::new()), None);
    }
}
