//! Why nothing could be drawn.

use crate::Plan;
use cohort::{CohortError, NotEstimable};
use thiserror::Error;

/// What is wrong with a request for replicates; messages fit after "could not draw: ".
#[derive(Clone, Debug, Error, PartialEq)]
pub enum BootstrapError {
    /// A column cannot be read, or a selected row lacks a value.
    #[error(transparent)]
    Cohort(#[from] CohortError),
    /// The number of replicates is out of bounds.
    #[error("there are 1 to {} replicates, not {n_replicates}", Plan::MOST_REPLICATES)]
    InvalidReplicates {
        /// Number asked for.
        n_replicates: u64,
    },
    /// There would be more values than are kept.
    #[error(
        "{n_replicates} replicates of {n_quantities} quantities are {n_values} values, and at most {most} are \
         kept: ask for at most {} replicates, or for fewer quantities",
        Plan::MOST_VALUES / (*n_quantities).max(1) as u64,
        most = Plan::MOST_VALUES,
    )]
    TooManyValues {
        /// Number of replicates.
        n_replicates: u64,
        /// Quantities of each.
        n_quantities: usize,
        /// Their product.
        n_values: u64,
    },
    /// Replicates are asked for that the plan does not have.
    #[error("replicates {first} to {end} are asked for, but the plan has {n_replicates}")]
    BeyondPlan {
        /// First replicate asked for, from 0.
        first: u64,
        /// The one after the last.
        end: u64,
        /// Number in the plan.
        n_replicates: u64,
    },
    /// A unit has subjects in two strata, so that it cannot be drawn within one.
    #[error(
        "row {}: its unit of {unit} has subjects in other strata; draw within strata that hold whole \
         units, or draw subjects",
        row + 1
    )]
    UnitAcrossStrata {
        /// Column of the units, or what they are called.
        unit: String,
        /// Row of the first such subject, from 0 in the caller's order.
        row: usize,
    },
    /// A jackknife would repeat the whole analysis once for each of very many units.
    #[error(
        "BCa repeats score and design without each of the {n_units} units, at most {most} of them; choose \
         percentile or basic"
    )]
    LongJackknife {
        /// Number of units.
        n_units: usize,
        /// Most units that are left out one by one.
        most: usize,
    },
    /// A confidence is not between 0 and 1.
    #[error("a confidence lies between 0 and 1, not at {confidence}")]
    InvalidConfidence {
        /// Confidence asked for.
        confidence: f64,
    },
}

impl BootstrapError {
    /// Why the data cannot answer as a whole, when that is what the error says; other errors are
    /// faults of the question.
    #[must_use]
    pub fn impossibility(&self) -> Option<NotEstimable> {
        match self {
            Self::Cohort(CohortError::NoRows) => Some(NotEstimable::NoSubjects),
            _ => None,
        }
    }
}
