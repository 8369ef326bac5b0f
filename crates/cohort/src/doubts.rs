//! Doubts that models of any kind share.

use crate::{Brief, Caveat, CaveatCode, NotEstimable, PenalisedLikelihood, Penalty};

/// A robust variance of fewer clusters than this is too small more often than not.
///
/// There is no sharp limit; Cameron and Miller (2015), J. Hum. Resour. 50:317-372, call fewer than 20
/// to 50 clusters few.
const FEW_CLUSTERS: usize = 20;

impl Caveat {
    /// That a column of a Cox model has no coefficient because those at risk at each event, within
    /// their stratum, all have the same value.
    #[must_use]
    pub fn same_within_risk_sets(column: &str) -> Self {
        let message = format!(
            "{column} does not vary within any risk set (those at risk at an event, within their \
             stratum) and has no coefficient"
        );
        Self::new(CaveatCode::Aliased, message)
    }

    /// That a column has no coefficient, for the reasons that are worth a caveat.
    #[must_use]
    pub fn without_coefficient(column: &str, reason: NotEstimable) -> Option<Self> {
        let (code, why) = match reason {
            NotEstimable::Aliased => (
                CaveatCode::Aliased,
                "is constant or a combination of the columns before it and has no coefficient",
            ),
            NotEstimable::EmptyLevel => (CaveatCode::EmptyLevel, "occurs in no subject"),
            NotEstimable::Monotone => (
                CaveatCode::Monotone,
                "has an infinite coefficient: the likelihood rises for ever with it",
            ),
            NotEstimable::Separation => (
                CaveatCode::Separation,
                "separates the outcome: its coefficient is infinite and scores come near 0 or 1",
            ),
            _ => return None,
        };
        Some(Self::new(code, format!("{column} {why}")))
    }

    /// That the search has ended before it was at the maximum: after as many iterations as allowed, or
    /// before, where the likelihood no longer changes though it has no maximum there. `last_step` is
    /// the longest coordinate of the step that would come next.
    #[must_use]
    pub fn not_converged(iterations: usize, most_iterations: usize, last_step: f64) -> Self {
        let end = match iterations >= most_iterations {
            true => {
                format!(
                    "the fit has not converged within the iterations allowed ({most_iterations})"
                )
            }
            false => format!(
                "the fit has not converged: rounding hides where the likelihood rises (iterations: \
                 {iterations})"
            ),
        };
        let message = format!("{end}; the next step would be {last_step:.2e} standard errors long");
        Self::new(CaveatCode::NotConverged, message)
    }

    /// That estimates are penalised ones.
    #[must_use]
    pub fn penalised(part: &PenalisedLikelihood) -> Self {
        let penalty = match part.penalty {
            Penalty::Ridge(lambda) => format!("a ridge of {}", Brief(lambda)),
            _ => "Firth's penalty".into(),
        };
        let message = format!("the estimates maximise the likelihood with {penalty}");
        Self::new(CaveatCode::PenalisedLikelihood, message)
    }

    /// That the robust variance rests on few clusters, or on no more than there are coefficients;
    /// `clusters` holds the index of each subject's.
    #[must_use]
    pub fn few_clusters(clusters: Option<&[u32]>, coefficients: usize) -> Option<Self> {
        let mut distinct = clusters?.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let n = distinct.len();
        let message = format!(
            "the robust variance rests on few clusters (clusters: {n}, coefficients: {coefficients})"
        );
        (n < FEW_CLUSTERS || n <= coefficients).then(|| Self::new(CaveatCode::FewClusters, message))
    }
}
