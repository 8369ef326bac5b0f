//! How alike two arms are at baseline: summaries, tests and standardised differences.
//!
//! Which variables to compare is the caller's choice, and so is what difference is too large.

mod contingency;
mod error;
mod fisher;
mod mann_whitney;
mod query;
mod smd;
mod summary;
mod table;
mod welch;

pub use contingency::{ContingencyTable, chi_squared, chi_squared_yates};
pub use error::BalanceError;
pub use fisher::fisher_exact;
pub use mann_whitney::{Continuity, mann_whitney};
pub use query::{
    BalanceQuery, BalanceRow, BalanceTable, BalanceTest, NumericSummary, Summary, TestOutcome,
    Variable,
};
pub use smd::{categorical_smd, numeric_smd};
pub use table::balance;
pub use welch::welch_t;
