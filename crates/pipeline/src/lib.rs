//! The analysis of a study as pure functions.
//!
//! [`prepare`] reads protocol and patient table; a [`Pipeline`] says what to ask of the statistics
//! and in which order; at the end it assembles the [`study::StudyResult`]. Who answers the questions
//! is somebody else's business: the coordinator sends them to services, a replicate of a bootstrap
//! evaluates them on the spot.

mod assemble;
mod bootstrap;
mod headline;
mod pairing;
mod plan;
mod prepare;
mod question;
mod reuse;
mod terms;

pub use bootstrap::{
    Bootstrap, BootstrapQuery, BootstrapQueryError, BootstrappedQuantity, DesignQuery,
    IntervalMethod, IntervalsQuery, RedesignQuery, Scope, ScoreQuery,
};
pub use plan::{Pipeline, WeightedId};
pub use prepare::{Attrition, Prepared, prepare};
pub use question::{Answer, Question, QuestionError, Task};

use cohort::{CohortError, NotEstimable};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// SHA-256 of some bytes, hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Why a study cannot go on.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum PipelineError {
    /// A step on which the rest stands has no answer.
    #[error("there is no {step}: {reason}")]
    Unanswered {
        /// The step.
        step: String,
        /// Why it has no answer.
        reason: NotEstimable,
    },
    /// An answer does not fit the patients.
    #[error("an answer does not fit the patients: {0}")]
    Misfit(#[from] CohortError),
}
