//! Why subjects could not be matched.

use cohort::{ArmsError, CohortError, NotEstimable};
use thiserror::Error;

/// What is wrong with a request for matched sets.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum MatchingError {
    /// A column cannot be read, or a selected row lacks a value.
    #[error(transparent)]
    Cohort(#[from] CohortError),
    /// The exposure does not make two groups.
    #[error(transparent)]
    Arms(ArmsError),
    /// A setting is out of its range, or two settings contradict each other.
    #[error("{message}")]
    Option {
        /// The setting at fault.
        option: MatchOption,
        /// What is wrong with it.
        message: String,
    },
    /// Two selected rows have one id, which then decides no tie and names no member of a pair.
    #[error("row {} has the id of another selected row", row + 1)]
    RepeatedId {
        /// The later row, from 0 in the caller's order.
        row: usize,
    },
    /// A caliper on the logit needs probabilities.
    #[error("{column} has values that are no probabilities between 0 and 1")]
    NotProbabilities {
        /// Column of the score.
        column: String,
    },
    /// An optimal match would look at more pairs than fit.
    #[error(
        "an optimal match would weigh more than {limit} pairs: narrow them by a caliper or exact \
         keys, or ask for single partners by score without further rules, which has no such limit"
    )]
    TooManyPairs {
        /// Largest number of pairs.
        limit: usize,
    },
    /// The finished sets break a condition: a fault of this program, not of the data.
    #[error("internal error: {0}")]
    Broken(#[from] BrokenPromise),
}

/// The settings that can be at fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MatchOption {
    /// The column of the score.
    Score,
    /// The covariates.
    Covariates,
    /// The exact keys.
    Exact,
    /// The anti-exact keys.
    AntiExact,
    /// The caliper on the score.
    Caliper,
    /// A caliper on a covariate, by its place in the list.
    CovariateCaliper(usize),
    /// The number of partners.
    Ratio,
    /// The mean number of partners.
    MeanRatio,
    /// The smallest number of partners.
    MinRatio,
    /// The largest number of partners.
    MaxRatio,
    /// The smallest ratio within a set.
    MinSetRatio,
    /// The largest ratio within a set.
    MaxSetRatio,
    /// The share of partners who may be left out.
    OmittedShare,
    /// The estimand.
    Estimand,
    /// The site.
    Site,
    /// The number of subclasses.
    Subclasses,
    /// The rule by which a covariate is coarsened, by its place in the list.
    Coarsening(usize),
}

impl MatchOption {
    /// The error that this setting is at fault.
    pub(crate) fn refused(self, message: impl Into<String>) -> MatchingError {
        MatchingError::Option { option: self, message: message.into() }
    }
}

impl MatchingError {
    /// Why the data cannot answer as a whole, when that is what the error says; other errors are
    /// faults of the question.
    #[must_use]
    pub fn impossibility(&self) -> Option<NotEstimable> {
        match self {
            Self::Cohort(CohortError::NoRows) => Some(NotEstimable::NoSubjects),
            Self::Arms(error) => error.impossibility(),
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

/// A condition that finished sets do not meet.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum BrokenPromise {
    /// The members of a pair are not an exposed subject and a comparator.
    #[error("a pair does not join an exposed subject and a comparator")]
    SameArm,
    /// A subject is in more sets than it may be.
    #[error("a subject is used more often than it may be")]
    Reuse,
    /// A pair occurs twice.
    #[error("a pair occurs twice")]
    Repeated,
    /// A focal subject has more partners than asked for.
    #[error("a subject has more partners than asked for")]
    Ratio,
    /// A discarded subject is in a set.
    #[error("a discarded subject is in a set")]
    Discarded,
    /// A distance is wrong or exceeds the caliper.
    #[error("a pair is wider than the caliper")]
    Caliper,
    /// A covariate differs by more than its caliper.
    #[error("a pair is wider than the caliper of a covariate")]
    CovariateCaliper,
    /// The members of a pair differ on an exact key.
    #[error("a pair differs on an exact key")]
    ExactKey,
    /// The members of a pair agree on an anti-exact key.
    #[error("a pair agrees on an anti-exact key")]
    AntiExactKey,
    /// A class lacks an arm.
    #[error("a set lacks one of the arms")]
    OneArm,
    /// Weights do not add up to the subjects of an arm.
    #[error("the weights of an arm do not add up to its subjects")]
    Weights,
}
