//! One group whose subjects are counted anew in each of eight replicates.

use super::Measure;
use crate::quantile::{ON_LEVEL, crossing};
use crate::{Recount, Recounted};
use cohort::{Drawn, Endpoint, NotEstimable, Replicated, RiskOrder, TieGroup};
use numerics::lanes::{Block, F64x8, Kernel, Lanes, run};
use numerics::sum::Sum;

/// A group and its times.
#[derive(Clone, Debug)]
pub struct Arm {
    times: Vec<f64>,
    recount: Recount,
}

/// The same group in eight replicates.
#[derive(Clone, Debug)]
pub struct CountedArm {
    counts: Recounted,
    /// Survival after each time.
    survival: Vec<Block>,
}

impl Arm {
    /// The subjects of one stratum of the order, with a row for each of their times.
    pub fn new(endpoint: &Endpoint, order: &RiskOrder, stratum: &[TieGroup]) -> Self {
        let times: Vec<f64> = stratum.iter().map(|tied| tied.time).collect();
        Self { recount: Recount::new(&times, endpoint, order, stratum), times }
    }

    pub fn scratch(&self) -> CountedArm {
        let survival = vec![Block::default(); self.times.len()];
        CountedArm { counts: self.recount.scratch(), survival }
    }

    /// Counts the subjects of all replicates, and estimates their curves.
    pub fn count(&self, drawn: &Drawn, into: &mut CountedArm) {
        self.recount.count(drawn, &mut into.counts);
        run(Survival(into));
    }

    pub fn measure(&self, counted: &CountedArm, measure: Measure, replicate: usize) -> Replicated {
        let Some(last) = counted.last_row(replicate) else {
            return Replicated::value(Err(NotEstimable::NoSubjects));
        };
        match measure {
            Measure::Quantile { probability } => {
                self.quantile(counted, 1.0 - probability, replicate)
            }
            Measure::SurvivalAt { time } if time > self.times[last] => {
                Replicated::value(Err(NotEstimable::BeyondFollowUp))
            }
            Measure::SurvivalAt { time } => self.survival_at(counted, time, replicate),
            Measure::RestrictedMean { tau }
                if tau > self.times[last] && counted.survival[last].0[replicate] > 0.0 =>
            {
                Replicated::value(Err(NotEstimable::BeyondFollowUp))
            }
            Measure::RestrictedMean { tau } => self.restricted_mean(counted, tau, replicate),
        }
    }

    fn quantile(&self, counted: &CountedArm, level: f64, replicate: usize) -> Replicated {
        // The curve only falls, and what is above the level is no crossing.
        let is_above = |row: &Block| row.0[replicate] > level + ON_LEVEL;
        let first = counted.survival.partition_point(is_above);
        let steps = (first..self.times.len())
            .filter(|&row| counted.counts.events[row].0[replicate] > 0.0)
            .map(|row| (self.times[row], counted.survival[row].0[replicate]));
        match crossing(steps, level) {
            Err(NotEstimable::NotReached) => Replicated::value(Ok(f64::INFINITY)),
            value => Replicated::value(value),
        }
    }

    fn survival_at(&self, counted: &CountedArm, time: f64, replicate: usize) -> Replicated {
        let n_reached = self.times.partition_point(|&other| other <= time);
        let greenwood: Sum =
            (0..n_reached).filter_map(|row| counted.greenwood(row, replicate)).collect();
        let last = n_reached.checked_sub(1);
        let survival = last.map_or(1.0, |row| counted.survival[row].0[replicate]);
        Replicated { value: Ok(survival), variance: Some(survival * survival * greenwood.value()) }
    }

    fn restricted_mean(&self, counted: &CountedArm, tau: f64, replicate: usize) -> Replicated {
        let (mut area, mut variance, mut end) = (Sum::default(), Sum::default(), tau);
        for row in (0..self.times.partition_point(|&time| time <= tau)).rev() {
            area += counted.survival[row].0[replicate] * (end - self.times[row]);
            end = self.times[row];
            if let Some(greenwood) = counted.greenwood(row, replicate) {
                variance += area.value() * area.value() * greenwood;
            }
        }
        area += end;
        Replicated { value: Ok(area.value()), variance: Some(variance.value()) }
    }
}

impl CountedArm {
    /// The last time at which somebody of the replicate leaves.
    fn last_row(&self, replicate: usize) -> Option<usize> {
        // Whoever is at risk leaves at that time or later.
        self.counts.at_risk.iter().rposition(|row| row.0[replicate] > 0.0)
    }

    /// What a time adds to the variance of the logarithm of the curve.
    fn greenwood(&self, row: usize, replicate: usize) -> Option<f64> {
        let (n, d) = self.counts.at(row, replicate);
        (0.0 < d && d < n).then(|| d / (n * (n - d)))
    }
}

/// The curves of all replicates from their counts.
struct Survival<'a>(&'a mut CountedArm);

impl Kernel for Survival<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self(CountedArm { counts, survival: curve }) = self;
        let (zero, one) = (F64x8::splat(lanes, 0.0), F64x8::splat(lanes, 1.0));
        let mut survival = one;
        for ((at_risk, events), curve) in counts.at_risk.iter().zip(&counts.events).zip(curve) {
            let n = F64x8::from_block(lanes, at_risk);
            let d = F64x8::from_block(lanes, events);
            // Where nobody is at risk nobody dies, and the quotient is not used.
            survival = survival * zero.if_less(d, (n - d) / n, one);
            *curve = survival.to_block();
        }
    }
}
