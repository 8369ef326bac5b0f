//! Score residuals and the cluster-robust variance.

use crate::Ties;
use crate::derivatives::TieSums;
use crate::risk_sets::{RiskSets, RiskSums, Risks};
use nalgebra::DMatrix;

/// Sums of weighted score residuals by cluster, clusters by columns; `clusters` holds an index per
/// position.
///
/// ```text
/// U_i = w_i δ_i (x_i - m(t_i))  -  r_i Σ_t Σ_l (1 - δ_i(t) l/d) (x_i - m_l(t)) / φ_l(t)
/// ```
///
/// over the event times `t` at which subject `i` is at risk. `m_l = (S1 - (l/d) D1) / φ_l` is the
/// weighted mean of the `l`-th tied death, `m` their average, and `δ_i(t)` says whether `i` itself
/// dies at `t`: the residuals are those of the rule of ties in force. Same as
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
    let n_clusters = clusters.iter().max().map_or(0, |&last| last as usize + 1);
    let mut scores = DMatrix::zeros(n_clusters, p);
    for j in 0..p {
        let residuals = times.residuals(sets, &risks, j);
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

/// What each tie group adds to the residuals of those at risk; groups by columns.
pub(crate) struct EventTimes {
    /// `Σ 1/φ` and `Σ (l/d)/φ`.
    hazard: Vec<[f64; 2]>,
    /// `Σ m_l/φ_l`.
    product: DMatrix<f64>,
    /// `Σ (l/d) m_l/φ_l`.
    shared_product: DMatrix<f64>,
    /// `m`.
    mean: DMatrix<f64>,
}

impl EventTimes {
    /// Nothing at any time yet.
    pub fn new(sets: &RiskSets) -> Self {
        let (groups, p) = (sets.groups().len(), sets.p());
        let zeros = || DMatrix::zeros(groups, p);
        Self {
            hazard: vec![[0.0; 2]; groups],
            product: zeros(),
            shared_product: zeros(),
            mean: zeros(),
        }
    }

    fn collect(sets: &RiskSets, ties: Ties, risks: &Risks) -> Self {
        let mut times = Self::new(sets);
        sets.sweep(risks, &mut RiskSums::new(sets.p()), |index, sums| {
            let d = sets.groups()[index].events.len();
            times.set(index, &TieSums::new(ties, d, sums), sums);
        });
        times
    }

    /// Takes down the sums at one group.
    pub fn set(&mut self, index: usize, tied: &TieSums, sums: &RiskSums) {
        self.hazard[index] = [tied.one, tied.share];
        for (j, (s1, d1)) in sums.s1.iter().zip(&sums.d1).enumerate() {
            let at = (index, j);
            self.product[at] = tied.square * s1 - tied.share_square * d1;
            self.shared_product[at] = tied.share_square * s1 - tied.square_square * d1;
            self.mean[at] = (tied.one * s1 - tied.share * d1) / sums.death_weight;
        }
    }

    /// `Σ 1/φ` and `Σ m_l/φ_l` of column `j`.
    pub fn increments(&self, index: usize, j: usize) -> [f64; 2] {
        [self.hazard[index][0], self.product[(index, j)]]
    }

    /// The shares of both that those with the event at the time itself do not see.
    pub fn shared_increments(&self, index: usize, j: usize) -> [f64; 2] {
        [self.hazard[index][1], self.shared_product[(index, j)]]
    }

    /// Weighted mean of column `j` over the risk set, averaged over the tied events.
    pub fn mean(&self, index: usize, j: usize) -> f64 {
        self.mean[(index, j)]
    }

    /// Score residuals of one column, by position.
    fn residuals(&self, sets: &RiskSets, risks: &Risks, j: usize) -> Vec<f64> {
        let mut residuals = vec![0.0; sets.n()];
        let mut before = vec![[0.0; 2]; sets.groups().len()];
        for stratum in sets.strata() {
            let (mut total, mut earlier) = ([0.0; 2], stratum.start);
            for index in stratum.clone() {
                // Both totals are in units of one over the unit of their group.
                total = total.map(|total| total * risks.carry(index, earlier));
                earlier = index;
                before[index] = total;
                total[0] += self.hazard[index][0];
                total[1] += self.product[(index, j)];
                let group = &sets.groups()[index];
                for position in group.all() {
                    let x = sets.column(j)[position];
                    let entered = sets.first_groups().map_or([0.0; 2], |first| {
                        let first = first[position];
                        before[first].map(|total| total * risks.carry(index, first))
                    });
                    let (mut hazard, mut product) = (total[0] - entered[0], total[1] - entered[1]);
                    if group.events.contains(&position) {
                        hazard -= self.hazard[index][1];
                        product -= self.shared_product[(index, j)];
                        residuals[position] = sets.weight(position) * (x - self.mean[(index, j)]);
                    }
                    residuals[position] -= risks.risk[position] * (x * hazard - product);
                }
            }
        }
        residuals
    }
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
