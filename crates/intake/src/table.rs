//! A table of typed columns in the order of ids.

use crate::{ColumnKind, Day, IntakeError};
use cohort::{Column, Values};

/// Typed columns of the patients of a file.
///
/// Rows stand in the order of their ids ([`cohort::id_order`]), so that no result depends on the
/// order of the file; ids are distinct, numbers are finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    ids: Vec<String>,
    lines: Vec<u64>,
    columns: Vec<StoredColumn>,
}

/// The cells of a column, one per row; `None` is missing.
#[derive(Clone, Debug, PartialEq)]
pub enum Cells {
    /// Finite numbers.
    Number(Vec<Option<f64>>),
    /// Categories or text.
    Category {
        /// Levels in display order; those of a text column in bytewise order.
        levels: Vec<String>,
        /// Indexes into `levels`.
        codes: Vec<Option<u32>>,
    },
    /// Days since 1970-01-01.
    Date(Vec<Option<Day>>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StoredColumn {
    pub(crate) name: String,
    pub(crate) kind: ColumnKind,
    pub(crate) cells: Cells,
}

impl Table {
    pub(crate) fn new(ids: Vec<String>, lines: Vec<u64>, columns: Vec<StoredColumn>) -> Self {
        Self { ids, lines, columns }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are no rows; a table that was read has some.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The ids, one per row.
    #[must_use]
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// Line of the file on which a row begins, from 1 with the column names.
    #[must_use]
    pub fn line(&self, row: usize) -> u64 {
        self.lines[row]
    }

    /// What a column was read as; `None` when it was not read.
    #[must_use]
    pub fn kind(&self, name: &str) -> Option<&ColumnKind> {
        self.columns.iter().find(|column| column.name == name).map(|column| &column.kind)
    }

    /// The cells of a column.
    pub fn cells(&self, name: &str) -> Result<&Cells, IntakeError> {
        Ok(&self.stored(name)?.cells)
    }

    /// The numbers of a column.
    pub fn number(&self, name: &str) -> Result<&[Option<f64>], IntakeError> {
        let stored = self.stored(name)?;
        match &stored.cells {
            Cells::Number(values) => Ok(values),
            _ => Err(stored.is_not(&ColumnKind::Number)),
        }
    }

    /// The levels of a column of categories or text, and one index into them per row.
    pub fn category(&self, name: &str) -> Result<(&[String], &[Option<u32>]), IntakeError> {
        let stored = self.stored(name)?;
        match &stored.cells {
            Cells::Category { levels, codes } => Ok((levels, codes)),
            _ => Err(stored.is_not(&ColumnKind::Category { levels: Vec::new() })),
        }
    }

    /// The dates of a column.
    pub fn date(&self, name: &str) -> Result<&[Option<Day>], IntakeError> {
        let stored = self.stored(name)?;
        match &stored.cells {
            Cells::Date(days) => Ok(days),
            _ => Err(stored.is_not(&ColumnKind::Date)),
        }
    }

    /// The ids of some rows.
    #[must_use]
    pub fn ids_of(&self, rows: &[usize]) -> Vec<String> {
        rows.iter().map(|&row| self.ids[row].clone()).collect()
    }

    /// Some rows of a column for a cohort; dates become days since 1970-01-01.
    pub fn column(&self, name: &str, rows: &[usize]) -> Result<Column, IntakeError> {
        Ok(match self.cells(name)? {
            Cells::Number(values) => numeric(name, pick(values, rows)),
            Cells::Date(days) => {
                let days = pick(days, rows);
                numeric(name, days.into_iter().map(|day| day.map(f64::from)).collect())
            }
            Cells::Category { levels, codes } => {
                let codes = pick(codes, rows);
                let missing = missing(&codes);
                let codes = codes.into_iter().map(Option::unwrap_or_default).collect();
                Column::categorical(name, levels.clone(), codes).with_missing(missing)
            }
        })
    }

    fn stored(&self, name: &str) -> Result<&StoredColumn, IntakeError> {
        self.columns
            .iter()
            .find(|column| column.name == name)
            .ok_or_else(|| IntakeError::NotRead { column: name.into() })
    }
}

impl Cells {
    /// Whether a row has no value.
    #[must_use]
    pub fn is_missing(&self, row: usize) -> bool {
        match self {
            Self::Number(values) => values[row].is_none(),
            Self::Category { codes, .. } => codes[row].is_none(),
            Self::Date(days) => days[row].is_none(),
        }
    }
}

impl StoredColumn {
    fn is_not(&self, expected: &ColumnKind) -> IntakeError {
        let (expected, found) = (expected.name(), self.kind.name());
        IntakeError::WrongKind { column: self.name.clone(), expected, found }
    }
}

/// A column of numbers, some of which may be missing.
pub(crate) fn numeric(name: &str, values: Vec<Option<f64>>) -> Column {
    let missing = missing(&values);
    let values = Values::Numeric(values.into_iter().map(Option::unwrap_or_default).collect());
    Column { name: name.into(), values, missing }
}

fn pick<T: Copy>(values: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().map(|&row| values[row]).collect()
}

fn missing<T>(values: &[Option<T>]) -> Vec<usize> {
    (0..values.len()).filter(|&row| values[row].is_none()).collect()
}
