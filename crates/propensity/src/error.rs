//! Why a logistic model could not be set up.

use cohort::{Brief, CohortError, NotEstimable};
use thiserror::Error;

/// Why a logistic model could not be set up; messages fit after "could not fit the model: ".
#[derive(Clone, Debug, Error, PartialEq)]
pub enum PropensityError {
    /// The cohort lacks what the model asks for.
    #[error(transparent)]
    Cohort(#[from] CohortError),
    /// All subjects have the outcome, or none has it: there is nothing to tell apart.
    #[error(
        "{column} is {level} in {n_outcomes} of {subjects} subjects: some must have it and some not"
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
    #[error("the confidence {} is not between 0 and 1", Brief(*confidence))]
    InvalidConfidence {
        /// The confidence asked for.
        confidence: f64,
    },
    /// A ridge pulls with a positive finite force.
    #[error("the penalty of a ridge must be above 0")]
    InvalidRidge,
    /// Limits are asked for a column that the model does not have.
    #[error("the model has no coefficient {name}")]
    UnknownCoefficient {
        /// Place of the name among those asked for.
        index: usize,
        /// Name asked for.
        name: String,
    },
    /// Outcomes, design, weights, offset or clusters do not speak of the same subjects.
    #[error("{what} have {got} entries for {subjects} subjects")]
    LengthMismatch {
        /// What is too long or too short.
        what: &'static str,
        /// Number of entries it has.
        got: usize,
        /// Number of subjects.
        subjects: usize,
    },
    /// One evaluation of the likelihood would take too long.
    #[error("Firth's penalty would take too long for so many subjects and coefficients")]
    TooLarge,
    /// The penalty of Firth is that of the logit.
    #[error("Firth's penalty belongs to the logit link")]
    FirthWithoutLogit,
    /// The test of Hosmer and Lemeshow has two degrees of freedom fewer than groups.
    #[error(
        "{groups} groups leave the test of calibration no degree of freedom: ask for 3 or more"
    )]
    TooFewGroups {
        /// Number of groups asked for.
        groups: usize,
    },
    /// A prediction lies outside 0 to 1.
    #[error("column {column}, row {}: the prediction is no probability", row + 1)]
    NotAProbability {
        /// Column of the predictions.
        column: String,
        /// Row of the cell, from 0 in the caller's order.
        row: usize,
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
            Self::TooLarge => Some(NotEstimable::TooLarge),
            _ => None,
        }
    }
}
