//! Why a baseline table could not be made.

use cohort::{ArmsError, CohortError, NotEstimable};
use thiserror::Error;

/// What is wrong with a request for a baseline table.
///
/// A single test or difference that does not exist is no error but a reason in its place.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum BalanceError {
    /// A column cannot be read, or a selected row lacks a value.
    #[error(transparent)]
    Cohort(#[from] CohortError),
    /// The exposure does not make two groups of the rows at hand, or of the reference rows.
    #[error(transparent)]
    Arms(ArmsError),
}

impl BalanceError {
    /// Why the data cannot answer as a whole, when that is what the error says; other errors are
    /// faults of the question.
    #[must_use]
    pub fn impossibility(&self) -> Option<NotEstimable> {
        match self {
            Self::Cohort(CohortError::NoRows) => Some(NotEstimable::NoSubjects),
            Self::Arms(_) => Some(NotEstimable::TooFewGroups),
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
