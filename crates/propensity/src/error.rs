//! Why a logistic model could not be set up.

use cohort::{CohortError, NotEstimable};
use thiserror::Error;

/// Why a logistic model could not be set up; messages fit after "could not fit the model: ".
#[derive(Clone, Debug, Error, PartialEq)]
pub enum PropensityError {
    /// The cohort lacks what the model asks for.
    #[error(transparent)]
    Cohort(#[from] CohortError),
    /// All subjects have the outcome, or none has it: there is nothing to tell apart.
    #[error(
        "{column} is {level} in {n_outcomes} of {subjects} subjects: both arms must be occupied"
    )]
    OneLevel {
        /// Column of the outcome.
        column: String,
        /// Level that counts as the outcome.
        level: String,
        /// Number of subjects with it.
        n_outcomes: usize,
        /// Number of subjects.
        subjects: usize,
    },
    /// A confidence lies strictly between 0 and 1.
    #[error("the confidence {confidence} is not between 0 and 1")]
    InvalidConfidence {
        /// The confidence asked for.
        confidence: f64,
    },
}

impl PropensityError {
    /// Why the data cannot answer as a whole, when that is what the error says; other errors are
    /// faults of the question.
    #[must_use]
    pub fn impossibility(&self) -> Option<NotEstimable> {
        match self {
            Self::Cohort(CohortError::NoRows) => Some(NotEstimable::NoSubjects),
            Self::OneLevel { .. } => Some(NotEstimable::TooFewGroups),
            _ => None,
        }
    }
}
