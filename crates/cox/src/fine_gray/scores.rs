//! Score residuals of the subdistribution hazard.

use super::censoring::Exit;
use super::likelihood::SubdistributionLikelihood;
use super::{CensoringTies, CensoringVariance};
use crate::event_times::EventTimes;
use crate::ties::TieSums;
use nalgebra::DMatrix;
use std::ops::Range;

impl SubdistributionLikelihood<'_> {
    /// Sums of score residuals by cluster, clusters by columns; `clusters` holds an index per
    /// position.
    ///
    /// ```text
    /// U_i = δ_i (x_i - m(t_i))  -  r_i Σ_t v_i(t) (x_i - m(t)) dΛ(t)
    /// ```
    ///
    /// with `v_i(t) = 1` up to `T_i` and, after another cause, `G(t-) / G(T_i-)` beyond it; ties as
    /// in [`crate::robust::cluster_scores`]. When the distribution of censoring is estimated, each
    /// subject also moves it:
    ///
    /// ```text
    /// ψ_i = Σ_u q(u) / π(u) dM_i(u)      q(u) = Σ_{T_i < u, competing} r_i Σ_{t >= u} v_i(t) (x_i - m(t)) dΛ(t)
    /// ```
    ///
    /// over the times `u` of censoring, with `π` at risk of it and `M_i` the martingale of the
    /// subject's own censoring. Where an event comes before a censoring at the same time, `T_i = u`
    /// counts and `t = u` does not. Fine and Gray (1999), J. Am. Stat. Assoc. 94:496-509, section 4.
    pub fn scores(
        &mut self,
        beta: &[f64],
        variance: CensoringVariance,
        clusters: &[u32],
    ) -> DMatrix<f64> {
        self.evaluate(beta);
        let times = self.event_times();
        let n_clusters = clusters.iter().max().map_or(0, |&last| last as usize + 1);
        let mut scores = DMatrix::zeros(n_clusters, beta.len());
        for j in 0..beta.len() {
            let mut residuals = vec![0.0; self.sets.n()];
            for stratum in self.sets.strata() {
                self.add_residuals(&times, j, stratum, &mut residuals);
                if variance == CensoringVariance::Estimated {
                    self.add_moved_censoring(&times, j, stratum, &mut residuals);
                }
            }
            for (&cluster, residual) in clusters.iter().zip(residuals) {
                scores[(cluster as usize, j)] += residual;
            }
        }
        scores
    }

    fn event_times(&self) -> EventTimes {
        let mut times = EventTimes::new(self.sets);
        for (index, group) in self.sets.groups().iter().enumerate() {
            if !group.events.is_empty() {
                let tied = TieSums::new(self.ties, group.events.len(), &self.sums[index]);
                times.set(index, &tied, &self.sums[index]);
            }
        }
        times
    }

    fn add_residuals(
        &self,
        times: &EventTimes,
        j: usize,
        stratum: &Range<usize>,
        residuals: &mut [f64],
    ) {
        let column = self.sets.column(j);
        let mut total = [0.0; 2];
        let mut rest = self.still_to_come(times, j, stratum);
        for index in stratum.clone() {
            let (own, before) = (times.increments(index, j), self.censoring.before[index]);
            for part in 0..2 {
                total[part] += own[part];
                rest[part] -= before * own[part];
            }
            let group = &self.sets.groups()[index];
            for position in group.events.clone() {
                let shared = times.shared_increments(index, j);
                let [hazard, product] = [total[0] - shared[0], total[1] - shared[1]];
                let x = column[position];
                residuals[position] += x - times.mean(index, j);
                residuals[position] -= self.risk[position] * (x * hazard - product);
            }
            for position in group.censored.clone() {
                let after =
                    if self.exits[position] == Exit::Competing { 1.0 / before } else { 0.0 };
                let [hazard, product] = [0, 1].map(|part| total[part] + after * rest[part]);
                residuals[position] -= self.risk[position] * (column[position] * hazard - product);
            }
        }
    }

    /// `Σ G(t-) dΛ(t)` and `Σ G(t-) m(t) dΛ(t)` over the times of a stratum.
    fn still_to_come(&self, times: &EventTimes, j: usize, stratum: &Range<usize>) -> [f64; 2] {
        let mut rest = [0.0; 2];
        for index in stratum.clone() {
            let increments = times.increments(index, j);
            for (rest, increment) in rest.iter_mut().zip(increments) {
                *rest += self.censoring.before[index] * increment;
            }
        }
        rest
    }

    fn add_moved_censoring(
        &self,
        times: &EventTimes,
        j: usize,
        stratum: &Range<usize>,
        residuals: &mut [f64],
    ) {
        let mut outlook = Outlook { rest: self.still_to_come(times, j, stratum), gone: [0.0; 2] };
        let mut compensator = 0.0;
        for index in stratum.clone() {
            // Whoever has an event at the time of a censoring has had it before, or has not yet.
            let comes_after = self.censoring.ties == CensoringTies::AfterEvents;
            if comes_after {
                outlook.pass(self, times, j, index);
            }
            let (at_risk, n_censored) =
                (self.censoring.at_risk[index], self.censoring.n_censored[index]);
            let jump = if n_censored > 0.0 { outlook.moved() / at_risk } else { 0.0 };
            let compensator_before = compensator;
            if n_censored > 0.0 {
                compensator += jump * n_censored / at_risk;
            }
            for position in self.sets.groups()[index].all() {
                residuals[position] += match self.exits[position] {
                    Exit::Censored => jump - compensator,
                    _ if comes_after => -compensator_before,
                    _ => -compensator,
                };
            }
            if !comes_after {
                outlook.pass(self, times, j, index);
            }
        }
    }
}

/// What the weights of those gone by another cause bear on, for one column.
struct Outlook {
    /// `Σ G(t-) dΛ(t)` and `Σ G(t-) m(t) dΛ(t)` over the times to come.
    rest: [f64; 2],
    /// Sums of `r / G(T-)` and `x r / G(T-)` over those gone.
    gone: [f64; 2],
}

impl Outlook {
    /// Goes beyond the time of a group.
    fn pass(
        &mut self,
        likelihood: &SubdistributionLikelihood,
        times: &EventTimes,
        j: usize,
        index: usize,
    ) {
        let before = likelihood.censoring.before[index];
        let increments = times.increments(index, j);
        for (rest, increment) in self.rest.iter_mut().zip(increments) {
            *rest -= before * increment;
        }
        for position in likelihood.competing(index) {
            let r = likelihood.risk[position] / before;
            self.gone[0] += r;
            self.gone[1] += r * likelihood.sets.column(j)[position];
        }
    }

    /// `q`: the scores still to come of those gone, with the sign turned.
    fn moved(&self) -> f64 {
        self.gone[1] * self.rest[0] - self.gone[0] * self.rest[1]
    }
}
