//! One named column of a cohort.

use crate::Cells;

/// Largest absolute value of a number in a cohort or a model.
///
/// Squares of products of two such numbers can still be summed over any cohort, so that no estimator
/// has to fear an overflow. No measurement comes near it; a cell that does is a slip.
pub const LARGEST_NUMBER: f64 = 1e70;

/// A named column: numbers or categories, with the rows that have no value.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Name, unique within the cohort.
    pub name: String,
    /// The cells. What stands in a missing row is never read.
    pub values: Values,
    /// Rows without a value, in any order.
    pub missing: Vec<usize>,
}

/// The cells of a column, one per row.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Finite numbers in the caller's unit, at most [`LARGEST_NUMBER`] in size.
    Numeric(Cells<f64>),
    /// Categories: `codes` index into `levels`, whose order is that of every table.
    Categorical {
        /// Labels in display order.
        levels: Vec<String>,
        /// One index into `levels` per row.
        codes: Cells<u32>,
    },
}

impl Values {
    /// Bytes that the labels take in memory; 0 of numbers.
    #[must_use]
    pub fn label_bytes(&self) -> usize {
        match self {
            Self::Numeric(_) => 0,
            Self::Categorical { levels, .. } => label_bytes(levels),
        }
    }
}

/// Bytes that texts take in memory.
pub(crate) fn label_bytes(texts: &[String]) -> usize {
    texts.iter().map(|text| text.len() + size_of::<String>()).sum()
}

impl Column {
    /// A numeric column without missing cells.
    pub fn numeric(name: impl Into<String>, values: Vec<f64>) -> Self {
        Self { name: name.into(), values: Values::Numeric(values.into()), missing: Vec::new() }
    }

    /// A categorical column without missing cells.
    pub fn categorical(name: impl Into<String>, levels: Vec<String>, codes: Vec<u32>) -> Self {
        Self {
            name: name.into(),
            values: Values::Categorical { levels, codes: codes.into() },
            missing: Vec::new(),
        }
    }

    /// The same column with these rows marked as missing.
    #[must_use]
    pub fn with_missing(self, missing: Vec<usize>) -> Self {
        Self { missing, ..self }
    }
}

impl Values {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Numeric(values) => values.len(),
            Self::Categorical { codes, .. } => codes.len(),
        }
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
