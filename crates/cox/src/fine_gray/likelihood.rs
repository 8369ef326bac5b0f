//! The log partial likelihood of the subdistribution hazard and its derivatives.

use super::censoring::{Censoring, Exit};
use crate::Ties;
use crate::derivatives::{TieSums, add_mean_products, difference, dot, mirrored};
use crate::risk_sets::{RiskSets, RiskSums};
use nalgebra::{DMatrix, DVector};
use numerics::elementary::exp;
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
    weighted_column: Vec<f64>,
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
            weighted_column: vec![0.0; n],
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
            value += self.eta[events].iter().sum::<f64>() - tied.ln_phi;
            hazard[index] = [tied.one, tied.share];
            add_mean_products(&mut mean_products, &self.sums[index], &tied, 1.0);
        }
        self.expect(&hazard);
        let information = difference(self.gram(), &mean_products);
        let gradient = DVector::from_fn(beta.len(), |j, _| self.score(j));
        Derivatives { value: value.value(), gradient, information: mirrored(information) }
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

    /// Lower triangle of `X' W X`.
    fn gram(&mut self) -> DMatrix<f64> {
        let p = self.sets.p();
        let mut gram = DMatrix::zeros(p, p);
        for j in 0..p {
            let products = self.weight.iter().zip(self.sets.column(j)).map(|(w, x)| w * x);
            self.weighted_column.iter_mut().zip(products).for_each(|(cell, value)| *cell = value);
            for k in 0..=j {
                gram[(j, k)] = dot(&self.weighted_column, self.sets.column(k));
            }
        }
        gram
    }

    fn score(&self, j: usize) -> f64 {
        let column = self.sets.column(j);
        let events = self.sets.groups().iter().flat_map(|group| group.events.clone());
        let observed: f64 = events.map(|position| column[position]).sum();
        observed - dot(&self.weight, column)
    }
}

/// Adds a subject with the risk `r`.
fn add(sums: &mut RiskSums, sets: &RiskSets, position: usize, r: f64) {
    sums.s0 += r;
    for (j, s1) in sums.s1.iter_mut().enumerate() {
        *s1 += r * sets.column(j)[position];
    }
}
