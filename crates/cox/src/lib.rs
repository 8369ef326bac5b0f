//! Cox proportional hazards models: their fits, tests, selection, diagnostics and predictions, and
//! Fine and Gray's model of the subdistribution hazard.
//!
//! What to look for where:
//!
//! - [`cox`] and [`screen`] fit the model of a query, one or one per candidate: ties by Efron, Breslow
//!   or the exact likelihood, strata, late entry, case weights, offset, robust variance, Firth's
//!   penalty or a ridge ([`Penalty`]), limits and tests of likelihood ratios, concordance, tests of
//!   proportional hazards. [`fit()`] is the estimator beneath,
//!   [`PreparedCox`] that of several models of the same subjects.
//! - [`select`] chooses the terms of a model by a rule and keeps the way there.
//! - [`diagnose`] gives residuals, influence, coefficients over time and checks of linearity.
//! - [`predict`] gives baseline hazards, curves of given subjects and averages over a cohort.
//! - [`piecewise`] gives hazard ratios by intervals of time, for when they are not constant.
//! - [`fine_gray`] models the cumulative incidence of one cause under competing risks.
//! - [`e_value`] says how robust a hazard ratio is to what was not measured.
//!
//! Within, `risk_sets` puts subjects in risk order, `derivatives` (`exact` for the exact likelihood)
//! sums the likelihood over risk sets, and `objective` adds a penalty to it for the Newton machine of
//! `numerics`. `inference`, `likelihood_ratio`, `robust`, `concordance` and `proportionality` each turn
//! the maximum into one part of the answer.
//!
//! `VALIDATION.md` beside this crate shows bias and coverage of its estimates and the size of its
//! tests over simulated cohorts.

mod caveats;
mod centring;
mod cohort_fit;
mod concordance;
mod curve_tests;
mod derivatives;
mod diagnostics;
mod e_value;
mod error;
mod event_times;
mod exact;
mod fine_gray;
mod fit;
mod inference;
mod likelihood_ratio;
mod moments;
mod monotone;
mod objective;
mod one_column;
mod one_walk;
mod piecewise;
mod prediction;
mod prepared;
mod proportionality;
mod query;
mod replicated;
mod risk_sets;
mod risks;
mod robust;
mod screen;
mod selection;
mod subjects;
mod sweep;
#[cfg(test)]
mod testing;
mod ties;

pub use cohort_fit::{cox, screen};
pub use curve_tests::CurveTest;
pub use diagnostics::{
    CoefficientOverTime, Diagnostics, DiagnosticsQuery, Influence, InfluenceOnCoefficient,
    InfluenceOptions, InfluentialRow, Linearity, LinearityOptions, ResidualKind, ResidualSeries,
    Residuals, Smooth, SmoothOptions, TermResiduals, diagnose,
};
pub use e_value::{EValue, Outcome, e_value};
pub use error::CoxError;
pub use fine_gray::{CensoringTies, CensoringVariance, FineGrayQuery, fine_gray};
pub use fit::{CoxData, CoxExtras, fit};
pub use piecewise::{Piecewise, PiecewiseInterval, PiecewiseQuery, piecewise};
pub use prediction::{
    AverageAt, AverageCurve, BaselineHazard, PredictedAt, PredictedCurve, PredictedSteps,
    PredictedSurvival, Prediction, PredictionQuery, predict,
};
pub use prepared::PreparedCox;
pub use query::{
    Coefficient, CoefficientTest, Concordance, CoxFit, CoxOptions, CoxQuery, CoxScreenQuery,
    OnMonotone, PenalisedLikelihood, Penalty, ProfileLikelihood, ProfileLimits,
    ProportionalHazards, ScreenedTerm, TermTest, TestResult, Ties, TimeTransform, Variance,
};
pub use replicated::CoxStatistic;
pub use selection::{
    CoxSelection, CoxSelectionQuery, SelectionRule, SelectionStep, SelectionTest, select,
};
