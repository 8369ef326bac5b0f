//! Bootstrap replicates of any statistic, and the intervals that are made of them.
//!
//! A [`Plan`] says how often [`Units`] of a sample are drawn. Replicate `k` draws from stream `k` of the
//! plan's seed, so that [`replicate`] may compute any range of replicates anywhere, and all ranges in
//! order are the same bits as one. [`influence`] leaves out one unit at a time. [`limits`] turns
//! replicates into an interval and says how sure it is of it. What is computed from a replicate is the
//! matter of a [`cohort::Statistic`]; this crate knows none.

mod draw;
mod error;
mod histogram;
mod jackknife;
mod limits;
mod monte_carlo;
mod plan;
mod quantile;
mod replicates;
mod summary;
mod units;

pub use error::BootstrapError;
pub use histogram::Histogram;
pub use jackknife::{influence, without_each};
pub use limits::{BootstrapLimits, Method, acceleration, limits};
pub use plan::{Plan, Resampling};
pub use replicates::{Replicates, replicate};
pub use summary::{Failure, Summary, summary};
pub use units::{UnitColumns, Units, units};
