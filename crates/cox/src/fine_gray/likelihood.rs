//! The log partial likelihood of the subdistribution hazard and its derivatives.

use super::censoring::{Censoring, Exit};
use crate::Ties;
use crate::derivatives::difference;
use crate::risk_sets::RiskSets;
use crate::sweep::RiskSums;
use crate::ties::TieSums;
use nalgebra::{DMatrix, DVector};
use numerics::elementary::{exp, ln};
use numerics::gram::Gram;
use numerics::newton::Derivatives;
use numerics::sum::Sum;
use std::ops::Range;

/// Evaluates the likelihood; holds its scratch so that no step allocates.
///
/// The form is that of [`crate::derivatives::PartialLikelihood`]. Only the sums over risk sets and
/// what a subject is expected to contribute differ for those with a competing event, who count at
/// later times as well:
///
/// ```text
/// S0(t) = Σ_{T_i >= t} r_i  +  G(t-) C0(t)         C0(t) = Σ_{T_i < t, competing} r_i / G(T_i-)
///
/// w_i = r_i [ Σ_{t <= T_i} A(t)  +  Σ_{t > T_i} A(t) G(t-) / G(T_i-) ]
/// ```
pub(super) struct SubdistributionLikelihood<'a> {
    pub(super) sets: &'a RiskSets<'a>,
    pub(super) exits: &'a [Exit],
    pub(super) censoring: &'a Censoring,
    pub(super) ties: Ties,
    eta: Vec<f64>,
    /// `exp(eta)` in units of the largest of the stratum, which cancel.
    pub(super) risk: Vec<f64>,
    /// Sums at each group that has an event.
    pub(super) sums: Vec<RiskSums>,
    weight: Vec<f64>,
    gram: Gram,
}

impl<'a> SubdistributionLikelihood<'a> {
    pub fn new(
        sets: &'a RiskSets<'a>,
        exits: &'a [Exit],
        censoring: &'a Censoring,
        ties: Ties,
    ) -> Self {
        let n = sets.n();
        Self {
            sets,
            exits,
            censoring,
            ties,
            eta: vec![0.0; n],
            risk: vec![0.0; n],
            sums: vec![RiskSums::new(sets.p()); sets.groups().len()],
            weight: vec![0.0; n],
            gram: Gram::new(sets.p()),
        }
    }

    /// Value, gradient and information at `beta`.
    pub fn derivatives(&mut self, beta: &[f64]) -> Derivatives {
        self.evaluate(beta);
        let mut mean_products = DMatrix::zeros(beta.len(), beta.len());
        let mut value = Sum::default();
        let mut hazard = vec![[0.0; 2]; self.sets.groups().len()];
        for (index, group) in self.sets.groups().iter().enumerate() {
            let events = group.events.clone();
            if events.is_empty() {
                continue;
            }
            let tied = TieSums::new(self.ties, events.len(), &self.sums[index]);
            value += self.eta[events].iter().sum::<f64>()
                - tied.ln_shares
                - self.sums[index].death_weight * ln(self.sums[index].s0);
            hazard[index] = [tied.one, tied.share];
            add_mean_products(&mut mean_products, &self.sums[index], &tied);
        }
        self.expect(&hazard);
        mean_products.fill_upper_triangle_with_lower_triangle();
        let gradient = self.score();
        let information = difference(self.gram.matrix(), &mean_products);
        Derivatives { value: value.value(), gradient, information }
    }

    /// Risks and their sums over the risk set of every group with an event.
    pub(super) fn evaluate(&mut self, beta: &[f64]) {
        self.sets.linear_predictor(beta, &mut self.eta);
        for stratum in self.sets.strata() {
            let positions = self.sets.positions(stratum);
            let largest =
                self.eta[positions.clone()].iter().copied().fold(f64::NEG_INFINITY, f64::max);
            for position in positions {
                self.eta[position] -= largest;
                self.risk[position] = exp(self.eta[position]);
            }
            self.add_those_under_observation(stratum);
            self.add_those_with_other_causes(stratum);
        }
    }

    fn add_those_under_observation(&mut self, stratum: &Range<usize>) {
        let mut later = RiskSums::new(self.sets.p());
        for index in stratum.clone().rev() {
            let group = &self.sets.groups()[index];
            for position in group.all() {
                add(&mut later, self.sets, position, self.risk[position]);
            }
            if group.events.is_empty() {
                continue;
            }
            let sums = &mut self.sums[index];
            sums.s0 = later.s0;
            sums.s1.copy_from_slice(&later.s1);
            let mut deaths = RiskSums::new(self.sets.p());
            for position in group.events.clone() {
                add(&mut deaths, self.sets, position, self.risk[position]);
            }
            sums.d0 = deaths.s0;
            sums.d1 = deaths.s1;
            sums.death_weight = group.events.len() as f64;
        }
    }

    fn add_those_with_other_causes(&mut self, stratum: &Range<usize>) {
        let mut gone = RiskSums::new(self.sets.p());
        for index in stratum.clone() {
            let group = &self.sets.groups()[index];
            let before = self.censoring.before[index];
            if !group.events.is_empty() {
                let sums = &mut self.sums[index];
                sums.s0 += before * gone.s0;
                for (s1, gone) in sums.s1.iter_mut().zip(&gone.s1) {
                    *s1 += before * gone;
                }
            }
            for position in self.competing(index) {
                add(&mut gone, self.sets, position, self.risk[position] / before);
            }
        }
    }

    /// Positions of a group with an event of another cause.
    pub(super) fn competing(&self, index: usize) -> impl Iterator<Item = usize> + use<'a> {
        let exits = self.exits;
        let others = self.sets.groups()[index].censored.clone();
        others.filter(move |&position| exits[position] == Exit::Competing)
    }

    /// What each subject is expected to contribute; `hazard` holds `A` and `B` of each group.
    fn expect(&mut self, hazard: &[[f64; 2]]) {
        for stratum in self.sets.strata() {
            let before = &self.censoring.before[stratum.clone()];
            let one = hazard[stratum.clone()].iter().map(|hazard| hazard[0]);
            let mut rest: f64 = one.zip(before).map(|(one, before)| one * before).sum();
            let mut total = 0.0;
            for index in stratum.clone() {
                let group = &self.sets.groups()[index];
                let ([one, share], before) = (hazard[index], self.censoring.before[index]);
                total += one;
                rest -= one * before;
                for position in group.events.clone() {
                    self.weight[position] = self.risk[position] * (total - share);
                }
                for position in group.censored.clone() {
                    let is_gone = self.exits[position] == Exit::Competing;
                    let after = if is_gone { rest / before } else { 0.0 };
                    self.weight[position] = self.risk[position] * (total + after);
                }
            }
        }
    }

    /// The gradient, and beside it `X' W X`.
    fn score(&mut self) -> DVector<f64> {
        let sets = self.sets;
        let mut score = DVector::zeros(sets.p());
        self.gram.clear();
        let mut window = sets.window();
        for batch in sets.batches() {
            let positions = sets.positions(batch);
            sets.widen(&positions, &mut window);
            let (rows, start) = (sets.rows(&window), window.start());
            let range = start..start + positions.len();
            let weights = &mut self.weight[positions.clone()];
            self.gram.add(rows, range.clone(), weights);
            // What is observed less what is expected.
            weights.iter_mut().for_each(|weight| *weight = -*weight);
            for group in batch.clone() {
                sets.span(group).events().for_each(|at| weights[at - positions.start] += 1.0);
            }
            rows.add_sum(range, weights, score.as_mut_slice());
        }
        score
    }
}

/// Adds a subject with the risk `r`.
fn add(sums: &mut RiskSums, sets: &RiskSets, position: usize, r: f64) {
    sums.s0 += r;
    for (j, s1) in sums.s1.iter_mut().enumerate() {
        *s1 += r * sets.column(j)[position];
    }
}

/// Adds `a S1 S1' - b (S1 D1' + D1 S1') + c D1 D1'` to the lower triangle.
fn add_mean_products(products: &mut DMatrix<f64>, sums: &RiskSums, tied: &TieSums) {
    let (s1, d1) = (&sums.s1, &sums.d1);
    for k in 0..s1.len() {
        // Column k of the product is `left S1 + right D1`.
        let left = tied.square * s1[k] - tied.share_square * d1[k];
        let right = tied.square_square * d1[k] - tied.share_square * s1[k];
        for j in k..s1.len() {
            products[(j, k)] += left * s1[j] + right * d1[j];
        }
    }
}
