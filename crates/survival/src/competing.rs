//! Competing risks: follow-up ends with one of several causes, each of which rules out the others.
//!
//! [`incidence`] and [`compare_incidence`] answer a query about the columns of a cohort. Beneath
//! them [`aalen_johansen`] and [`gray`] take a [`CauseTable`], the counts at each time. Models of
//! the incidence with covariates are left to regression.

mod at_times;
mod caveats;
mod compare;
mod endpoint;
mod gray;
mod groups;
mod incidence;
mod influence;
mod query;
mod table;
mod time_lost;

pub use compare::compare_incidence;
pub use gray::{Gray, gray};
pub use groups::incidence;
pub use incidence::aalen_johansen;
pub use query::{
    CauseAt, CauseCurve, CauseSummary, GrayGroup, GrayTest, GroupIncidence, IncidenceAt,
    IncidenceComparison, IncidenceComparisonQuery, IncidenceCurve, IncidenceQuery, Incidences,
    StateAt, StateCurve, TimeLost,
};
pub use table::{CauseRow, CauseTable};
