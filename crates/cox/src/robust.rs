//! The cluster-robust variance.

use crate::Ties;
use crate::event_times::EventTimes;
use crate::risk_sets::RiskSets;
use crate::risks::Risks;
use nalgebra::DMatrix;

/// Sums of weighted score residuals by cluster, clusters by columns; `clusters` holds an index per
/// position.
///
/// The residuals are those of the rule of ties in force, see [`EventTimes::scores`]. Same as
/// `residuals(fit, "score", collapse = cluster)` in R.
///
/// Lin and Wei (1989), J. Am. Stat. Assoc. 84:1074-1078; Therneau and Grambsch (2000), chapter 7.
pub(crate) fn cluster_scores(
    sets: &RiskSets,
    ties: Ties,
    beta: &[f64],
    clusters: &[u32],
) -> DMatrix<f64> {
    let p = sets.p();
    let mut risks = Risks::new(sets);
    sets.evaluate(beta, &mut risks);
    let times = EventTimes::collect(sets, ties, &risks);
    let hazard = times.experienced_hazard(sets, &risks);
    let n_clusters = clusters.iter().max().map_or(0, |&last| last as usize + 1);
    let mut scores = DMatrix::zeros(n_clusters, p);
    for j in 0..p {
        let residuals = times.scores(sets, &risks, &hazard, j);
        for (&cluster, residual) in clusters.iter().zip(residuals) {
            scores[(cluster as usize, j)] += residual;
        }
    }
    scores
}

/// `V (Σ_clusters u u') V`, with `V` the model covariance and `u` the summed scores of a cluster; 0
/// for one cluster alone, whose scores add up to 0 but for rounding.
pub(crate) fn sandwich(covariance: &DMatrix<f64>, scores: &DMatrix<f64>) -> DMatrix<f64> {
    if scores.nrows() < 2 {
        return DMatrix::zeros(covariance.nrows(), covariance.ncols());
    }
    let influence = scores * covariance;
    influence.transpose() * influence
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derivatives::PartialLikelihood;
    use crate::testing::sample;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Score residuals of all subjects add up to the gradient, wherever they are taken.
        #[test]
        fn residuals_add_up_to_the_gradient(data in sample(true), x in -1.0..1.0f64) {
            let order = data.order();
            let sets = RiskSets::new(&data.endpoint, &order, &data.design);
            for ties in [Ties::Efron, Ties::Breslow] {
                let beta = [x, -x];
                let clusters: Vec<u32> = (0..sets.n() as u32).map(|i| i / 2).collect();
                let scores = cluster_scores(&sets, ties, &beta, &clusters);
                let gradient = PartialLikelihood::new(&sets, ties).derivatives(&beta, |_| 1.0).gradient;
                for j in 0..2 {
                    prop_assert!((scores.column(j).sum() - gradient[j]).abs() < 1e-10);
                }
            }
        }
    }
}
