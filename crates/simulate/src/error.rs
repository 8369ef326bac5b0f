//! Why a scenario cannot be simulated.

use thiserror::Error;

/// What is wrong with a scenario.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ScenarioError {
    /// A number lies outside its range.
    #[error("the {quantity} is {value} but must be {allowed}")]
    OutOfRange {
        /// What the number is.
        quantity: String,
        /// The number.
        value: f64,
        /// The numbers that make sense.
        allowed: &'static str,
    },
    /// The pieces of a step function do not cover the time axis once.
    #[error("the steps must begin at time 0 and follow each other in ascending order")]
    Steps,
    /// There is no event to wait for.
    #[error("the scenario has no cause of events")]
    NoCause,
    /// Two columns of the cohort would have one name.
    #[error("two columns are named {name}")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// Follow-up of some patients would never end.
    #[error("there is no censoring, though some patients may never have an event")]
    NeverEnds,
}
