//! Why a Cox model could not be set up.

use cohort::{Brief, CausesError, CohortError, NotEstimable};
use thiserror::Error;

/// Why a Cox model could not be set up; messages fit after "could not fit the model: ".
///
/// What the data leave open about single coefficients is not an error but part of the answer.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum CoxError {
    /// The cohort lacks what the model asks for.
    #[error(transparent)]
    Cohort(#[from] CohortError),
    /// Nobody has the event, so that no hazard ratio can be estimated.
    #[error("none of the {subjects} subjects has the event")]
    NoEvents {
        /// Number of subjects.
        subjects: usize,
    },
    /// Follow-up, design, strata or clusters do not speak of the same subjects.
    #[error("{what} have {got} entries for {subjects} subjects")]
    LengthMismatch {
        /// What is too long or too short.
        what: &'static str,
        /// Number of entries it has.
        got: usize,
        /// Number of subjects.
        subjects: usize,
    },
    /// The causes of an endpoint contradict each other.
    #[error(transparent)]
    Causes(#[from] CausesError),
    /// No cause of the endpoint has this label.
    #[error("the endpoint has no cause {cause}")]
    UnknownCause {
        /// Label asked for.
        cause: String,
    },
    /// Late entry, for which the subdistribution hazard is not built.
    #[error(
        "the subdistribution hazard needs everyone to be followed from time 0: leave out the entry \
         column"
    )]
    LateEntry,
    /// The subjects to predict lack what the model asks for; rows are those of the profiles.
    #[error("the profiles do not fit the model: {0}")]
    Profiles(CohortError),
    /// Survival is averaged over the levels of something that is no factor of the model.
    #[error("{column} is no factor of the model")]
    NoFactor {
        /// Name asked for.
        column: String,
    },
    /// A term is named that the model does not have.
    #[error("the model has no term {term}")]
    UnknownTerm {
        /// Name asked for.
        term: String,
    },
    /// Cut points do not make intervals.
    #[error("cut points must be positive, finite and ascending, and there must be at least one")]
    InvalidCuts,
    /// A time asked for is negative, too large or not finite.
    #[error("the time {} asked for is negative, too large or not finite", Brief(*time))]
    InvalidTime {
        /// The time.
        time: f64,
    },
    /// A probability lies strictly between 0 and 1.
    #[error("the probability {} of a quantile does not lie between 0 and 1", Brief(*probability))]
    InvalidProbability {
        /// The probability asked for.
        probability: f64,
    },
    /// The exact likelihood of ties goes with few other settings.
    #[error("the exact likelihood of tied events cannot be combined with {with}")]
    ExactTies {
        /// What it does not go with.
        with: &'static str,
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
    /// A limit for p-values is no probability, or candidates would enter that must leave at once.
    #[error("limits of p-values lie between 0 and 1, that of entry not above that of removal")]
    InvalidLimit,
    /// Penalised likelihoods are not compared with each other.
    #[error("terms are not selected under a penalty")]
    PenalisedSelection,
    /// The partial likelihood of the subdistribution is no likelihood to penalise.
    #[error("a model of the incidence of one cause has no penalty")]
    PenalisedIncidence,
    /// Weighted likelihoods are no likelihoods.
    #[error(
        "likelihood ratios of sampling weights have no known distribution; select by Wald tests"
    )]
    LikelihoodRatioOfWeights,
    /// Two terms have one name, so that a path would not tell them apart.
    #[error("the term {term} is listed twice")]
    DuplicateTerm {
        /// Name of the term.
        term: String,
    },
    /// A product would be in a model without one of its parts.
    #[error("the product {term} needs the term {part} beside it")]
    MissingPart {
        /// Name of the product.
        term: String,
        /// Name of the part.
        part: String,
    },
    /// A product has no p-value of its own.
    #[error("the product {term} has no univariable p-value")]
    ScreenedProduct {
        /// Name of the product.
        term: String,
    },
    /// One evaluation of the likelihood would take too long.
    #[error("{what} would take too long for so many subjects, events and coefficients")]
    TooLarge {
        /// What is too large.
        what: &'static str,
    },
    /// A confidence lies strictly between 0 and 1.
    #[error("the confidence {} is not between 0 and 1", Brief(*confidence))]
    InvalidConfidence {
        /// The confidence asked for.
        confidence: f64,
    },
}

impl CoxError {
    /// Why the data cannot answer as a whole, when that is what the error says; other errors are
    /// faults of the question.
    #[must_use]
    pub fn impossibility(&self) -> Option<NotEstimable> {
        match self {
            Self::Cohort(CohortError::NoRows) => Some(NotEstimable::NoSubjects),
            Self::NoEvents { .. } => Some(NotEstimable::NoEvents),
            Self::TooLarge { .. } => Some(NotEstimable::TooLarge),
            _ => None,
        }
    }
}
