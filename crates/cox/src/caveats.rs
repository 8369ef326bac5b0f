//! Doubts about penalised, unfinished and robust fits.

use crate::{CoxFit, PenalisedLikelihood, Penalty};
use cohort::{Caveat, CaveatCode, NotEstimable};
use numerics::newton::Maximum;

/// A robust variance of fewer clusters than this is too small more often than not.
///
/// There is no sharp limit; Cameron and Miller (2015), J. Hum. Resour. 50:317-372, call fewer than 20
/// to 50 clusters few.
const FEW_CLUSTERS: usize = 20;

pub(crate) fn not_converged(maximum: &Maximum) -> Caveat {
    let message = format!(
        "the fit has not converged after {} iterations; the next step would be {:.2e} standard errors \
         long",
        maximum.iterations, maximum.last_step
    );
    Caveat::new(CaveatCode::NotConverged, message)
}

/// That estimates are penalised ones.
pub(crate) fn penalised(part: &PenalisedLikelihood) -> Caveat {
    let penalty = match part.penalty {
        Penalty::Ridge(lambda) => format!("a ridge of {lambda}"),
        _ => "Firth's penalty".into(),
    };
    let message = format!("the estimates maximise the likelihood with {penalty}");
    Caveat::new(CaveatCode::PenalisedLikelihood, message)
}

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

/// That the robust variance rests on few clusters, or on no more than there are coefficients.
pub(crate) fn few_clusters(clusters: Option<&[u32]>, coefficients: usize) -> Option<Caveat> {
    let mut distinct = clusters?.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let n = distinct.len();
    let message = format!(
        "the robust variance rests on few clusters (clusters: {n}, coefficients: {coefficients})"
    );
    (n < FEW_CLUSTERS || n <= coefficients).then(|| Caveat::new(CaveatCode::FewClusters, message))
}
