//! Robust variance from the scores of clusters.

use crate::likelihood::Likelihood;
use nalgebra::DMatrix;

/// Sums of the scores of each cluster, clusters by coordinates. `residuals` are the scores per unit of
/// a column, one per subject.
pub(crate) fn cluster_scores(
    likelihood: &Likelihood,
    residuals: &[f64],
    clusters: &[u32],
) -> DMatrix<f64> {
    let n_clusters = clusters.iter().max().map_or(0, |&last| last as usize + 1);
    let mut scores = DMatrix::zeros(n_clusters, likelihood.p());
    for j in 0..likelihood.p() {
        for (score, &cluster) in likelihood.weighted(residuals, j).iter().zip(clusters) {
            scores[(cluster as usize, j)] += score;
        }
    }
    scores
}

/// `V (Σ_clusters u u') V`, with `V` the model covariance and `u` the summed scores of a cluster; 0
/// for one cluster alone, whose scores add up to 0 but for rounding.
///
/// Every subject its own cluster gives the estimator HC0. Liang and Zeger (1986), Biometrika
/// 73:13-22.
pub(crate) fn sandwich(covariance: &DMatrix<f64>, scores: &DMatrix<f64>) -> DMatrix<f64> {
    if scores.nrows() < 2 {
        return DMatrix::zeros(covariance.nrows(), covariance.ncols());
    }
    let influence = scores * covariance;
    influence.tr_mul(&influence)
}
