//! Cox proportional hazards models: fits with Efron's or Breslow's ties, strata, late entry and
//! cluster-robust variance, their tests, concordance, and tests of proportional hazards.
//!
//! [`cox`] and [`screen`] read the columns of a cohort, [`fit()`] is the estimator beneath. Within,
//! `risk_sets` puts subjects in risk order, `derivatives` sums the likelihood over risk sets for the
//! Newton machine of `numerics`, and `inference`, `robust`, `concordance` and `proportionality` each
//! turn the maximum into one part of the answer. `e_value` says how robust a hazard ratio is to what
//! was not measured.

mod caveats;
mod cohort_fit;
mod concordance;
mod derivatives;
mod e_value;
mod error;
mod exact;
mod fit;
mod inference;
mod likelihood_ratio;
mod moments;
mod objective;
mod proportionality;
mod query;
mod risk_sets;
mod robust;
mod selection;
#[cfg(test)]
mod testing;

pub use cohort_fit::{cox, screen};
pub use e_value::{EValue, Outcome, e_value};
pub use error::CoxError;
pub use fit::{CoxData, CoxExtras, fit};
pub use query::{
    Coefficient, Concordance, CoxFit, CoxOptions, CoxQuery, CoxScreenQuery, OnMonotone,
    PenalisedLikelihood, Penalty, ProfileLikelihood, ProfileLimits, ProportionalHazards,
    ScreenedTerm, TermTest, TestResult, Ties, TimeTransform, Variance,
};
pub use selection::{
    CoxSelection, CoxSelectionQuery, SelectionRule, SelectionStep, SelectionTest, select,
};
