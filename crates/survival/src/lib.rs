//! Survival without covariates: Kaplan-Meier curves with their quantiles, landmark rates and
//! restricted means, and the log-rank family of tests.
//!
//! [`curves`] and [`compare`] answer a query about the columns of a cohort. Beneath them every
//! estimator takes a [`RiskTable`], a summary that adds up over sites, or a curve made from one.
//! Models with covariates are the business of `cox`.
//!
//! `VALIDATION.md` beside this crate shows the coverage of its intervals and the size of its tests
//! over simulated cohorts.

mod caveats;
mod compare;
mod confidence;
mod curves;
mod error;
mod interval;
mod kaplan_meier;
mod landmark;
mod log_rank;
mod quantile;
mod query;
mod restricted_mean;
mod risk_table;

pub use compare::compare;
pub use confidence::Confidence;
pub use curves::curves;
pub use error::SurvivalError;
pub use kaplan_meier::kaplan_meier;
pub use landmark::survival_at;
pub use log_rank::{LogRank, log_rank};
pub use quantile::quantile;
pub use query::{
    ComparedGroup, Comparison, ComparisonQuery, Curves, CurvesQuery, GroupCurve, IntervalRule,
    Quantile, QuantileRule, RestrictedMean, SurvivalAt, SurvivalCurve, TestWeights,
};
pub use restricted_mean::restricted_mean;
pub use risk_table::{RiskRow, RiskTable};
