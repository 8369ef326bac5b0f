//! Survival without covariates: Kaplan-Meier curves with their quantiles, landmark rates and
//! restricted means, and the log-rank family of tests.
//!
//! [`curves`] and [`compare`] answer a query about the columns of a cohort. Beneath them every
//! estimator takes a [`RiskTable`], a summary that adds up over sites, or a curve made from one.
//! Models with covariates are the business of `cox`.

mod caveats;
mod compare;
mod confidence;
mod contrast;
mod contrasts;
mod curves;
mod error;
mod interval;
mod kaplan_meier;
mod landmark;
mod log_rank;
mod quantile;
mod quantile_contrast;
mod query;
mod reference;
mod restricted_mean;
mod risk_table;

pub use compare::compare;
pub use confidence::Confidence;
pub use contrast::Contrast;
pub use contrasts::{
    BeyondLastTime, ContrastedGroup, Contrasts, ContrastsQuery, GroupContrasts, GroupMean, Horizon,
    QuantileContrast, RestrictedMeanContrast, SurvivalContrast, contrasts,
};
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
