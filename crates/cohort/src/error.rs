//! Why a cohort could not be built or read.

use crate::EndpointError;
use thiserror::Error;

/// What is wrong with a cohort, its selection or a reference to its columns.
///
/// Rows count from 0 in the caller's order and are printed from 1. No variant carries a value.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum CohortError {
    /// Two columns have the same name.
    #[error("column {column} occurs twice")]
    DuplicateColumn {
        /// Name of the column.
        column: String,
    },
    /// A column or the ids are shorter or longer than the others.
    #[error("column {column} has {got} values for {rows} rows")]
    LengthMismatch {
        /// Name of the column.
        column: String,
        /// Number of values it has.
        got: usize,
        /// Number of values it should have.
        rows: usize,
    },
    /// A numeric cell is NaN, infinite or beyond [`crate::LARGEST_NUMBER`].
    #[error(
        "column {column}, row {}: the value is not finite or too large to compute with; list the \
         row as missing instead",
        row + 1
    )]
    NotFinite {
        /// Name of the column.
        column: String,
        /// Row of the cell.
        row: usize,
    },
    /// A level is listed twice, so that a label would not tell which is meant.
    #[error("column {column} has the level {level} twice")]
    DuplicateLevel {
        /// Name of the column.
        column: String,
        /// The level.
        level: String,
    },
    /// A categorical code has no level.
    #[error("column {column}, row {}: the code has no level among the {levels}", row + 1)]
    CodeWithoutLevel {
        /// Name of the column.
        column: String,
        /// Row of the cell.
        row: usize,
        /// Number of levels.
        levels: usize,
    },
    /// A missing cell or a selected row lies outside the table.
    #[error("row {} does not exist: the cohort has {rows} rows", row + 1)]
    RowOutOfRange {
        /// The row.
        row: usize,
        /// Number of rows.
        rows: usize,
    },
    /// No column has this name.
    #[error("there is no column {column}")]
    UnknownColumn {
        /// Name asked for.
        column: String,
    },
    /// A number was needed and the column has categories.
    #[error("column {column} is categorical where a number is needed")]
    NotNumeric {
        /// Name of the column.
        column: String,
    },
    /// A level was named that the column does not have.
    #[error("column {column} has no level {level}")]
    UnknownLevel {
        /// Name of the column.
        column: String,
        /// Level asked for.
        level: String,
    },
    /// A subject to predict has a level that the subjects of the model do not have.
    #[error("column {column}, row {}: the model does not know the level", row + 1)]
    ForeignLevel {
        /// Name of the column.
        column: String,
        /// Row of the cell.
        row: usize,
    },
    /// The terms of a model have too many columns.
    #[error(
        "the term {term} brings the model to {columns} columns; at most {most} are allowed, so \
         group its levels"
    )]
    TooManyColumns {
        /// Name of the first term that does not fit.
        term: String,
        /// Number of columns with it.
        columns: usize,
        /// Number of columns that are allowed.
        most: usize,
    },
    /// Selected rows have no value; a statistic guesses none.
    #[error("column {column} is missing in {count} of the selected rows, first in row {}; leave those rows out", row + 1)]
    Missing {
        /// Name of the column.
        column: String,
        /// How many selected rows lack it.
        count: usize,
        /// The first of them.
        row: usize,
    },
    /// A cell of the event column holds none of the declared codes.
    #[error("column {column}, row {}: the value is neither an event code nor a censoring code", row + 1)]
    UndeclaredEventCode {
        /// Name of the column.
        column: String,
        /// Row of the cell.
        row: usize,
    },
    /// A transformation or product is undefined for a value, or beyond [`crate::LARGEST_NUMBER`]; a
    /// product is called by the name of its term.
    #[error(
        "column {column}, row {}: the transformation is undefined for the value, or too large to \
         compute with",
        row + 1
    )]
    UndefinedTransform {
        /// Name of the column.
        column: String,
        /// Row of the cell.
        row: usize,
    },
    /// A column of a term varies by less than can be computed with.
    #[error(
        "the values of {term} are too close together to compute with: give them in a smaller unit, \
         so that the numbers are larger"
    )]
    FaintColumn {
        /// Name of the term.
        term: String,
    },
    /// A quantile at which a spline has a knot is the smallest or largest value.
    #[error(
        "column {column} has too few distinct values for a spline with {degrees_of_freedom} degrees \
         of freedom: a quantile that would be a knot is the smallest or largest value; ask for \
         {possible}, or name knots between these values"
    )]
    TiedKnots {
        /// Name of the column.
        column: String,
        /// Degrees of freedom asked for.
        degrees_of_freedom: usize,
        /// The most below it that the quantiles allow.
        possible: usize,
    },
    /// The knots of a spline are out of order.
    #[error(
        "the spline of column {column} needs at least one degree of freedom, boundary knots that \
         ascend and have values between them, and knots that ascend strictly between these"
    )]
    InvalidKnots {
        /// Name of the column.
        column: String,
    },
    /// A case weight is negative.
    #[error("column {column}, row {}: the weight is negative", row + 1)]
    NegativeWeight {
        /// Name of the column.
        column: String,
        /// Row of the cell.
        row: usize,
    },
    /// A weight that is declared as a frequency is no whole number.
    #[error(
        "column {column}, row {}: a frequency must be a whole number; declare the weights as \
         sampling weights if they are not frequencies",
        row + 1
    )]
    FractionalFrequency {
        /// Name of the column.
        column: String,
        /// Row of the cell.
        row: usize,
    },
    /// Every selected row has the weight 0.
    #[error("column {column}: all {rows} selected rows have the weight 0")]
    NoWeight {
        /// Name of the column.
        column: String,
        /// Number of selected rows.
        rows: usize,
    },
    /// Frequencies stand for more subjects than can be analysed.
    #[error("column {column}: the frequencies add up to more than {most} subjects")]
    TooManySubjects {
        /// Name of the column.
        column: String,
        /// Number of subjects that are allowed.
        most: usize,
    },
    /// Follow-up times are wrong.
    #[error("column {column}: {source}")]
    Endpoint {
        /// Name of the time column.
        column: String,
        /// What is wrong with it.
        source: EndpointError,
    },
    /// Rows of one id overlap, so that a patient would be at risk twice.
    #[error(
        "column {column}: intervals of one id overlap (overlaps: {}; later rows: {})",
        rows.len(),
        listed(rows)
    )]
    OverlappingIntervals {
        /// Name of the column of ids.
        column: String,
        /// The later row of each pair, ascending.
        rows: Vec<usize>,
    },
    /// No row is selected.
    #[error("no rows are selected")]
    NoRows,
}

/// Most rows that a message lists.
const MOST_LISTED: usize = 20;

fn listed(rows: &[usize]) -> String {
    let shown: Vec<String> =
        rows.iter().take(MOST_LISTED).map(|row| (row + 1).to_string()).collect();
    let more = match rows.len().saturating_sub(MOST_LISTED) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    format!("{}{more}", shown.join(", "))
}
