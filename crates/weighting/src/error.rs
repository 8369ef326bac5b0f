//! Why subjects could not be weighted.

use cohort::{ArmsError, CohortError, NotEstimable};
use thiserror::Error;

/// What is wrong with a request for weights; messages fit after "could not weigh the subjects: ".
#[derive(Clone, Debug, Error, PartialEq)]
pub enum WeightingError {
    /// A column cannot be read, or a selected row lacks a value.
    #[error(transparent)]
    Cohort(#[from] CohortError),
    /// The exposure does not make two groups.
    #[error(transparent)]
    Arms(ArmsError),
    /// A score lies outside 0 to 1.
    #[error("column {column}, row {}: the score is no probability", row + 1)]
    NotAProbability {
        /// Column of the scores.
        column: String,
        /// Row of the cell, from 0 in the caller's order.
        row: usize,
    },
    /// Exposed subjects can only be comparators by their score, or the reverse: their weight would
    /// be infinite, or too large to compute with.
    #[error(
        "column {column}, row {}: by its score the subject could not be in its arm, and would have \
         an infinite weight (subjects: {n})",
        row + 1
    )]
    InfiniteWeight {
        /// Column of the scores.
        column: String,
        /// Row of the first such cell, from 0 in the caller's order.
        row: usize,
        /// Number of such subjects.
        n: usize,
    },
    /// All weights of an arm are 0.
    #[error("all {subjects} subjects of an arm have the weight 0: their scores are all 0 or 1")]
    ArmWithoutWeight {
        /// Number of subjects of the arm.
        subjects: usize,
    },
    /// No weights give an arm the means asked for.
    #[error(
        "no weights give {arm} the means asked for: they lie outside of what {arm} span, as that of \
         {column} may"
    )]
    Unreachable {
        /// The arm, as it reads in a sentence.
        arm: &'static str,
        /// Column whose mean is furthest away where the search ended.
        column: String,
    },
    /// The search for weights ended early.
    #[error("the weights of {arm} have not converged after {iterations} iterations")]
    NotConverged {
        /// The arm, as it reads in a sentence.
        arm: &'static str,
        /// Newton steps taken.
        iterations: usize,
    },
    /// Percentiles of a truncation are out of order.
    #[error("weights are cut at two probabilities from 0 to 1, the lower one first")]
    InvalidTruncation,
    /// Only weights that make both arms look like everybody can be stabilised.
    #[error("stabilised weights belong to the average effect in everybody")]
    StabilisedSubgroup,
}

impl WeightingError {
    /// Why the data cannot answer as a whole, when that is what the error says; other errors are
    /// faults of the question.
    #[must_use]
    pub fn impossibility(&self) -> Option<NotEstimable> {
        match self {
            Self::Cohort(CohortError::NoRows) => Some(NotEstimable::NoSubjects),
            Self::Arms(error) => error.impossibility(),
            Self::InfiniteWeight { .. }
            | Self::ArmWithoutWeight { .. }
            | Self::Unreachable { .. } => Some(NotEstimable::NoWeights),
            Self::NotConverged { .. } => Some(NotEstimable::NotConverged),
            _ => None,
        }
    }
}

impl From<ArmsError> for WeightingError {
    fn from(error: ArmsError) -> Self {
        match error {
            ArmsError::Cohort(error) => Self::Cohort(error),
            error => Self::Arms(error),
        }
    }
}
