//! Why subjects could not be matched.

use cohort::{ArmsError, CohortError, NotEstimable};
use thiserror::Error;

/// What is wrong with a request for pairs.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum MatchingError {
    /// A column cannot be read, or a selected row lacks a value.
    #[error(transparent)]
    Cohort(#[from] CohortError),
    /// The exposure does not make two groups.
    #[error(transparent)]
    Arms(ArmsError),
    /// The caliper is negative or not a number.
    #[error("the caliper must be a finite number that is not negative")]
    InvalidCaliper,
    /// The scores lie so far apart that their distances are not finite.
    #[error("the values of {column} lie too far apart to measure distances")]
    ScoreTooWide {
        /// Column of the score.
        column: String,
    },
    /// The finished pairs break a condition: a fault of this program, not of the data.
    #[error("internal error: {0}")]
    Broken(#[from] BrokenPromise),
}

impl MatchingError {
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

impl From<ArmsError> for MatchingError {
    fn from(error: ArmsError) -> Self {
        match error {
            ArmsError::Cohort(error) => Self::Cohort(error),
            error => Self::Arms(error),
        }
    }
}

/// A condition that finished pairs do not meet.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum BrokenPromise {
    /// The members of a pair are not an exposed subject and a comparator.
    #[error("a pair does not join an exposed subject and a comparator")]
    SameArm,
    /// A subject is in more pairs than it may be, or neither in a pair nor among the unmatched.
    #[error("a subject is used more than once or lost")]
    Reuse,
    /// A distance is wrong or exceeds the caliper.
    #[error("a pair is wider than the caliper")]
    Caliper,
    /// The members of a pair differ on an exact key.
    #[error("a pair differs on an exact key")]
    ExactKey,
}
