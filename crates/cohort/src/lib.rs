//! The vocabulary that every other crate speaks: columns of patients, selections of rows, endpoints
//! whose ties are settled, model terms, penalties, estimates and tests that may not exist, and caveats.
//!
//! This crate computes no statistic but what every model makes of its estimates: the columns of a
//! Wald table and chi-squared tests. It proves once, in its constructors, what later code relies on:
//! finite times, distinct column names, codes that have a level, rows in the order of their ids.

mod arms;
mod brief;
mod causes;
mod caveat;
mod cells;
mod column;
mod design;
mod digest;
mod doubts;
mod endpoint;
mod error;
mod estimate;
mod factor;
mod groups;
mod ids;
mod intervals;
mod likelihood;
mod penalty;
mod risk_order;
mod selection;
mod spline;
mod statistic;
mod table;
mod test_result;
mod time_codes;
mod wald;
mod weights;

pub use arms::{Arms, ArmsError};
pub use brief::Brief;
pub use causes::{Cause, CauseColumns, CausesError};
pub use caveat::{Caveat, CaveatCode};
pub use cells::Cells;
pub use column::{Column, LARGEST_NUMBER, Values};
pub use design::{Design, DesignColumn, Frame, Term, Transform};
pub use digest::{CohortDigest, ColumnDigest, ColumnHasher, IdsDigest, InvalidDigest};
pub use endpoint::{Endpoint, EndpointColumns, EndpointError, SplitEndpoint};
pub use error::CohortError;
pub use estimate::{Estimate, Interval, NotEstimable};
pub use groups::Groups;
pub use ids::id_order;
pub use intervals::IntervalCheck;
pub use likelihood::{loss_test, profile_interval, term_ratio_tests};
pub use penalty::{PenalisedLikelihood, Penalty, ProfileLimits};
pub use risk_order::{RiskOrder, TieGroup};
pub use selection::Selection;
pub use spline::SplineKnots;
pub use statistic::{Counting, Counts, Drawn, REPLICATES_AT_ONCE, Replicated, Statistic};
pub use table::{Categories, Cohort};
pub use test_result::{TermTest, TestResult, chi_squared_test};
pub use time_codes::{Codes, TimeCodes};
pub use wald::{WaldEstimate, WaldTable, finite, ratio, ratio_interval};
pub use weights::{Variance, WeightColumn, WeightKind, Weighted};
