//! Why a baseline table could not be made.

use cohort::{ArmsError, CohortError, NotEstimable};
use thiserror::Error;

/// What is wrong with a request for a baseline table.
///
/// A single test or difference that does not exist is no error but a reason in its place.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum BalanceError {
    /// A column cannot be read, or a selected row lacks a value that all need: arm, weight, stratum.
    #[error(transparent)]
    Cohort(#[from] CohortError),
    /// The exposure does not make two groups of the rows at hand, or of the reference rows.
    #[error(transparent)]
    Arms(ArmsError),
    /// Fewer than two groups hold somebody.
    #[error("the comparison needs two non-empty groups: {groups} levels of {column} occur")]
    TooFewGroups {
        /// Column that should tell the groups apart.
        column: String,
        /// Number of its levels that occur.
        groups: usize,
    },
    /// A weight is negative.
    #[error("column {column}, row {}: a weight is negative", row + 1)]
    NegativeWeight {
        /// Column of the weights.
        column: String,
        /// Row of the weight, from 0 in the caller's order.
        row: usize,
    },
    /// A pair names a row that does not exist.
    #[error("a pair has row {}: the cohort has {rows} rows", row + 1)]
    PairOutOfRange {
        /// The row.
        row: usize,
        /// Number of rows.
        rows: usize,
    },
    /// A pair names a row of the wrong arm.
    #[error("pair {} has row {} as its {place}, which is of the other arm", index + 1, row + 1)]
    PairOfWrongArm {
        /// Place of the pair in the list.
        index: usize,
        /// Row of the member, from 0 in the caller's order.
        row: usize,
        /// How the member is called.
        place: &'static str,
    },
    /// The confidence is not strictly between 0 and 1.
    #[error("the confidence must lie between 0 and 1")]
    InvalidConfidence,
}

impl BalanceError {
    /// Why the data cannot answer as a whole, when that is what the error says; other errors are
    /// faults of the question.
    #[must_use]
    pub fn impossibility(&self) -> Option<NotEstimable> {
        match self {
            Self::Cohort(CohortError::NoRows) => Some(NotEstimable::NoSubjects),
            Self::Arms(error) => error.impossibility(),
            Self::TooFewGroups { .. } => Some(NotEstimable::TooFewGroups),
            _ => None,
        }
    }
}

impl From<ArmsError> for BalanceError {
    fn from(error: ArmsError) -> Self {
        match error {
            ArmsError::Cohort(error) => Self::Cohort(error),
            error => Self::Arms(error),
        }
    }
}
