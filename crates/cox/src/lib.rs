//! Cox proportional hazards models: fits with Efron's or Breslow's ties, strata, late entry and
//! cluster-robust variance, their tests, concordance, and tests of proportional hazards.
//!
//! [`cox`] and [`screen`] read the columns of a cohort, [`fit()`] is the estimator beneath. Within,
//! `risk_sets` puts subjects in risk order, `derivatives` sums the likelihood over risk sets for the
//! Newton machine of `numerics`, and `inference`, `robust`, `concordance` and `proportionality` each
//! turn the maximum into one part of the answer. `e_value` says how robust a hazard ratio is to what
//! was not measured.
//!
//! `VALIDATION.md` beside this crate shows bias and coverage of its estimates and the size of its
//! tests over simulated cohorts.

mod caveats;
mod centring;
mod cohort_fit;
mod concordance;
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
mod objective;
mod one_column;
mod one_walk;
mod piecewise;
mod prediction;
mod proportionality;
mod query;
mod risk_sets;
mod robust;
mod screen;
mod selection;
mod sweep;
#[cfg(test)]
mod testing;
mod ties;

pub use cohort_fit::{cox, screen};
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
pub use query::{
    Coefficient, CoefficientTest, Concordance, CoxFit, CoxOptions, CoxQuery, CoxScreenQuery,
    OnMonotone, PenalisedLikelihood, Penalty, ProfileLikelihood, ProfileLimits,
    ProportionalHazards, ScreenedTerm, TermTest, TestResult, Ties, TimeTransform, Variance,
};
pub use selection::{
    CoxSelection, CoxSelectionQuery, SelectionRule, SelectionStep, SelectionTest, select,
};
