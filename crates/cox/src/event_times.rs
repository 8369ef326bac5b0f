//! What every event time adds to the hazards and to the residuals of those at risk.

use crate::Ties;
use crate::risk_sets::RiskSets;
use crate::risks::Risks;
use crate::sweep::RiskSums;
use crate::ties::TieSums;
use nalgebra::DMatrix;

/// Sums over the `d` deaths of each tie group, which stand for the powers of `1/φ`; all carry the
/// mean case weight of the deaths.
///
/// `φ_l = S0 - (l/d) D0` is the risk set that the `l`-th of the tied deaths sees, counted from 0,
/// and `m_l = (S1 - (l/d) D1) / φ_l` its weighted mean; Breslow's rule has `l/d` replaced by 0. A
/// group without deaths holds zeros. Columns are standardised, and a power of `1/φ` is in units of
/// the same power of one over the unit of its group, see [`Risks`].
pub(crate) struct EventTimes {
    /// `Σ 1/φ`, the step of the cumulative hazard, and `Σ (l/d)/φ`.
    hazard: Vec<[f64; 2]>,
    /// `Σ 1/φ²`.
    square: Vec<f64>,
    /// `Σ m_l/φ_l`, groups by columns.
    product: DMatrix<f64>,
    /// `Σ (l/d) m_l/φ_l`, groups by columns.
    shared_product: DMatrix<f64>,
    /// Average of `m_l`, groups by columns.
    mean: DMatrix<f64>,
}

impl EventTimes {
    /// Nothing at any time yet.
    pub fn new(sets: &RiskSets) -> Self {
        let (groups, p) = (sets.groups().len(), sets.p());
        let zeros = || DMatrix::zeros(groups, p);
        Self {
            hazard: vec![[0.0; 2]; groups],
            square: vec![0.0; groups],
            product: zeros(),
            shared_product: zeros(),
            mean: zeros(),
        }
    }

    pub fn collect(sets: &RiskSets, ties: Ties, risks: &Risks) -> Self {
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
        self.square[index] = tied.square;
        for (j, (s1, d1)) in sums.s1.iter().zip(&sums.d1).enumerate() {
            let at = (index, j);
            self.product[at] = tied.square * s1 - tied.share_square * d1;
            self.shared_product[at] = tied.share_square * s1 - tied.square_square * d1;
            self.mean[at] = (tied.one * s1 - tied.share * d1) / sums.death_weight;
        }
    }

    /// `Σ 1/φ` and `Σ m_l/φ_l` of column `j`.
    pub fn increments(&self, group: usize, j: usize) -> [f64; 2] {
        [self.hazard[group][0], self.product[(group, j)]]
    }

    /// The shares of both that those with the event at the time itself do not see.
    pub fn shared_increments(&self, group: usize, j: usize) -> [f64; 2] {
        [self.hazard[group][1], self.shared_product[(group, j)]]
    }

    /// Step of the cumulative hazard at a group.
    pub fn hazard(&self, group: usize) -> f64 {
        self.hazard[group][0]
    }

    /// Variance of that step, as if the coefficients were known.
    pub fn square(&self, group: usize) -> f64 {
        self.square[group]
    }

    /// Step of the cumulative hazard at a group times the mean of column `j` in its risk set.
    pub fn product(&self, group: usize, j: usize) -> f64 {
        self.product[(group, j)]
    }

    /// Mean of column `j` over the risk set of a group with deaths.
    pub fn mean(&self, group: usize, j: usize) -> f64 {
        self.mean[(group, j)]
    }

    /// The cumulative hazard that each position lives through with a relative risk of 1, in units
    /// of one over the unit of its group.
    pub fn experienced_hazard(&self, sets: &RiskSets, risks: &Risks) -> Vec<f64> {
        experienced(sets, risks, |group| self.hazard[group])
    }

    /// Score residuals of one column times the case weights, by position.
    ///
    /// ```text
    /// w_i δ_i (x_i - m(t_i))  -  r_i Σ_t Σ_l (1 - δ_i(t) l/d) (x_i - m_l(t)) / φ_l(t)
    /// ```
    ///
    /// over the event times `t` at which subject `i` is at risk, `r_i` its weighted risk; `δ_i(t)`
    /// says whether `i` itself dies at `t`. `hazard` is [`EventTimes::experienced_hazard`].
    pub fn scores(&self, sets: &RiskSets, risks: &Risks, hazard: &[f64], j: usize) -> Vec<f64> {
        let step = |group| [self.product[(group, j)], self.shared_product[(group, j)]];
        let mut scores = experienced(sets, risks, step);
        let column = sets.column(j);
        for (position, score) in scores.iter_mut().enumerate() {
            *score = -risks.risk[position] * (column[position] * hazard[position] - *score);
        }
        for (index, group) in sets.groups().iter().enumerate() {
            for position in group.events.clone() {
                scores[position] +=
                    sets.weight(position) * (column[position] - self.mean(index, j));
            }
        }
        scores
    }
}

/// Sums the first number of `step` over the groups at which each position is at risk, less the
/// second one of the group in which it dies.
fn experienced(sets: &RiskSets, risks: &Risks, step: impl Fn(usize) -> [f64; 2]) -> Vec<f64> {
    let mut sums = vec![0.0; sets.n()];
    let mut before = vec![0.0; sets.groups().len()];
    for stratum in sets.strata() {
        let (mut total, mut earlier) = (0.0, stratum.start);
        for index in stratum.clone() {
            // The total is in units of one over the unit of its group.
            total *= risks.carry(index, earlier);
            earlier = index;
            before[index] = total;
            let [own, shared] = step(index);
            total += own;
            let group = &sets.groups()[index];
            for position in group.all() {
                let entered = sets.first_groups().map_or(0.0, |first| {
                    let first = first[position] as usize;
                    before[first] * risks.carry(index, first)
                });
                sums[position] = total - entered;
            }
            for position in group.events.clone() {
                sums[position] -= shared;
            }
        }
    }
    sums
}
