//! One group whose subjects are counted anew in each of eight replicates.

use super::Measure;
use crate::quantile::{ON_LEVEL, crossing};
use cohort::{Drawn, Endpoint, NotEstimable, Replicated, RiskOrder, TieGroup};
use numerics::lanes::{Block, F64x8, Kernel, Lanes, run};
use numerics::sum::Sum;
use std::ops::Range;

/// The subjects of a group in the order of time.
#[derive(Clone, Debug)]
pub struct Arm {
    times: Vec<f64>,
    /// For each time the positions of its events and of its censorings.
    rows: Vec<(Range<usize>, Range<usize>)>,
    /// The subject at each position.
    subjects: Vec<u32>,
    /// For each time those whose entry does not precede it, and does precede the next one.
    entering: Vec<Vec<u32>>,
}

/// The same group in eight replicates.
#[derive(Clone, Debug)]
pub struct CountedArm {
    /// Number at risk just before each time.
    at_risk: Vec<Block>,
    /// Number of events at each time.
    events: Vec<Block>,
    /// Survival after each time.
    survival: Vec<Block>,
}

impl Arm {
    /// The subjects of one stratum of the order, with a row for each of these times; they ascend and
    /// hold those of the stratum.
    pub fn new(
        times: Vec<f64>,
        endpoint: &Endpoint,
        order: &RiskOrder,
        stratum: &[TieGroup],
    ) -> Self {
        let positions = stratum.iter().flat_map(TieGroup::all);
        let subjects: Vec<u32> = positions.map(|at| order.order()[at]).collect();
        let mut entering = Vec::new();
        if let Some(entry) = endpoint.entry() {
            entering = vec![Vec::new(); times.len()];
            for &subject in &subjects {
                let n_before = times.partition_point(|&time| time <= entry[subject as usize]);
                // Who enters before the first time is at risk at all of them.
                if let Some(row) = n_before.checked_sub(1) {
                    entering[row].push(subject);
                }
            }
        }
        let (mut rows, mut tied, mut end) =
            (Vec::with_capacity(times.len()), stratum.iter().peekable(), 0);
        for &time in &times {
            let here = tied.next_if(|tied| tied.time == time);
            let middle = end + here.map_or(0, |tied| tied.events.len());
            let last = middle + here.map_or(0, |tied| tied.censored.len());
            rows.push((end..middle, middle..last));
            end = last;
        }
        Self { rows, times, subjects, entering }
    }

    pub fn n_rows(&self) -> usize {
        self.times.len()
    }

    pub fn scratch(&self) -> CountedArm {
        let rows = vec![Block::default(); self.times.len()];
        CountedArm { at_risk: rows.clone(), events: rows.clone(), survival: rows }
    }

    /// Counts the subjects of eight replicates, and estimates their curves.
    pub fn count(&self, drawn: &Drawn, into: &mut CountedArm) {
        run(Count { arm: self, drawn, into });
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
            .filter(|&row| counted.events[row].0[replicate] > 0.0)
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
    /// Numbers at risk and of events at a time.
    pub fn counts(&self, row: usize, replicate: usize) -> (f64, f64) {
        (self.at_risk[row].0[replicate], self.events[row].0[replicate])
    }

    /// The last time at which somebody of the replicate leaves.
    fn last_row(&self, replicate: usize) -> Option<usize> {
        // Whoever is at risk leaves at that time or later.
        (0..self.at_risk.len()).rev().find(|&row| self.at_risk[row].0[replicate] > 0.0)
    }

    /// What a time adds to the variance of the logarithm of the curve.
    fn greenwood(&self, row: usize, replicate: usize) -> Option<f64> {
        let (n, d) = self.counts(row, replicate);
        (0.0 < d && d < n).then(|| d / (n * (n - d)))
    }
}

struct Count<'a> {
    arm: &'a Arm,
    drawn: &'a Drawn,
    into: &'a mut CountedArm,
}

impl Kernel for Count<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { arm, drawn, into } = self;
        let zero = F64x8::splat(lanes, 0.0);
        let sum = |subjects: &[u32]| {
            let mut sum = zero;
            for &subject in subjects {
                sum += F64x8::from_array(lanes, &drawn.counts[subject as usize]);
            }
            sum
        };
        let mut at_risk = zero;
        for (row, (events, censored)) in arm.rows.iter().enumerate().rev() {
            let died = sum(&arm.subjects[events.clone()]);
            at_risk += died + sum(&arm.subjects[censored.clone()]);
            if let Some(entering) = arm.entering.get(row) {
                at_risk = at_risk - sum(entering);
            }
            into.events[row] = died.to_block();
            into.at_risk[row] = at_risk.to_block();
        }
        let one = zero.like(1.0);
        let mut survival = one;
        for row in 0..arm.rows.len() {
            let n = F64x8::from_block(lanes, &into.at_risk[row]);
            let d = F64x8::from_block(lanes, &into.events[row]);
            // Nobody at risk is nobody who dies; the quotient of zeros is put aside.
            let share = zero.if_less(d, (n - d) / n, one);
            survival = survival * share;
            into.survival[row] = survival.to_block();
        }
    }
}
