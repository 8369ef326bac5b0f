//! How alike groups are at baseline: summaries, tests, and standardised differences of two arms.
//!
//! Which variables to compare is the caller's choice, and so is what difference is too large. The
//! tests themselves are those of `hypothesis`; here each variable meets those that suit it.

mod answer;
mod choice;
mod differences;
mod distribution;
mod error;
mod groups;
mod pairing;
mod query;
mod replicated;
mod run;
mod sample;
mod smd;
mod summary;
mod table;
mod tests_of;

pub use answer::{
    Assessment, BalanceRow, BalanceTable, BaselineRow, Cells, Detail, Differences, GroupTable,
    LevelDifference, Measure, NumericSummary, Standardised, Summary, TestOutcome, Within,
};
pub use choice::{Location, MOST_SKEWED, SMALLEST_GROUP_FOR_MEANS};
pub use error::BalanceError;
pub use groups::compare_groups;
pub use query::{BalanceQuery, GroupsQuery, Pairing, TestChoice, TestOptions, Variable};
pub use replicated::{Members, SmdQuery, SmdStatistic};
pub use smd::{categorical_smd, numeric_smd};
pub use table::{assess, balance};
pub use tests_of::{BalanceTest, Design, Measured};
