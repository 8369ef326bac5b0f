//! A number, or the reason why there is none.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An estimate: a finite value, or why the data give none.
///
/// What the data cannot answer is an answer: a table of many items never fails because one of them
/// has none.
pub type Estimate<T = f64> = Result<T, NotEstimable>;

/// Why the data give no value. The names appear unchanged in the report and on the wire.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Error, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum NotEstimable {
    /// The curve, or the limit of its interval, does not fall to the level asked for.
    #[error("not reached")]
    NotReached,
    /// The time lies beyond the last observation.
    #[error("beyond follow-up")]
    BeyondFollowUp,
    /// No event was observed.
    #[error("no events")]
    NoEvents,
    /// There are no subjects.
    #[error("no subjects")]
    NoSubjects,
    /// Fewer than two groups hold a subject.
    #[error("fewer than two groups")]
    TooFewGroups,
    /// A level of the variable occurs in no subject.
    #[error("empty level")]
    EmptyLevel,
    /// A row or column of the table is empty.
    #[error("an empty row or column")]
    EmptyMargin,
    /// All values are equal, so that nothing can be ranked.
    #[error("all values are equal")]
    AllValuesEqual,
    /// A group has fewer than two values, so that its variance is undefined.
    #[error("a group has fewer than two values")]
    TooFewValues,
    /// Nothing varies within the groups that are compared: the arms of a standardised difference,
    /// which is infinite then, or the risk sets of a Cox model, whose column says nothing.
    #[error("no variation within the groups")]
    NoVariation,
    /// The variance is undefined, as after a survival curve has reached 0.
    #[error("variance undefined")]
    VarianceUndefined,
    /// The column is a linear combination of those before it.
    #[error("aliased")]
    Aliased,
    /// The likelihood has no maximum: the coefficient grows without bound.
    #[error("infinite: the likelihood is monotone")]
    Monotone,
    /// The outcome is separated by the covariates: the coefficient grows without bound.
    #[error("infinite: the outcome is separated")]
    Separation,
    /// The iteration ended before it had found the maximum.
    #[error("not converged")]
    NotConverged,
    /// The exact computation would take too long.
    #[error("too large for an exact computation")]
    TooLarge,
    /// The quantity is not defined for this kind of variable.
    #[error("not defined")]
    NotDefined,
    /// No weights make the arms comparable in the way asked for.
    #[error("no weights make the arms comparable")]
    NoWeights,
}

impl NotEstimable {
    /// Every reason, for those who translate them.
    pub const ALL: [Self; 18] = [
        Self::NotReached,
        Self::BeyondFollowUp,
        Self::NoEvents,
        Self::NoSubjects,
        Self::TooFewGroups,
        Self::EmptyLevel,
        Self::EmptyMargin,
        Self::AllValuesEqual,
        Self::TooFewValues,
        Self::NoVariation,
        Self::VarianceUndefined,
        Self::Aliased,
        Self::Monotone,
        Self::Separation,
        Self::NotConverged,
        Self::TooLarge,
        Self::NotDefined,
        Self::NoWeights,
    ];
}

/// Two confidence limits, each with its own reason when it does not exist.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower limit.
    pub lower: Estimate,
    /// Upper limit.
    pub upper: Estimate,
}

impl Interval {
    /// An interval of which neither limit exists.
    #[must_use]
    pub fn none(reason: NotEstimable) -> Self {
        Self { lower: Err(reason), upper: Err(reason) }
    }
}
