//! Doubts about monotone likelihoods.

use crate::CoxFit;
use cohort::{Caveat, CaveatCode, NotEstimable};

/// Names of the coefficients that are infinite.
pub(crate) fn infinite(fit: &CoxFit) -> Vec<String> {
    let is_infinite = |estimate| estimate == Err(NotEstimable::Monotone);
    let infinite = fit.coefficients.iter().filter(|coefficient| is_infinite(coefficient.estimate));
    infinite.map(|coefficient| coefficient.name.clone()).collect()
}

/// That the model with Firth's penalty stands beside this one.
pub(crate) fn firth_beside(infinite: &[String]) -> Caveat {
    let message = format!(
        "the likelihood is monotone in {}: finite estimates are those with Firth's penalty, which are \
         given apart",
        infinite.join(", ")
    );
    Caveat::new(CaveatCode::PenalisedLikelihood, message)
}

/// That it does not, and why.
pub(crate) fn no_firth(why: &str) -> Caveat {
    let message = format!("finite estimates are missing: Firth's penalty {why}");
    Caveat::new(CaveatCode::Monotone, message)
}
