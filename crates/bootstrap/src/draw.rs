//! Draws replicates.

use crate::{Plan, Resampling, Units};
use cohort::{Counting, Counts, Drawn, REPLICATES_AT_ONCE};
use numerics::streams::{Stream, Streams};
use std::ops::Range;

/// Purpose of the streams: replicates have nothing in common with what else is drawn from the seed.
const PURPOSE: &str = "bootstrap";

/// Draws replicates of one sample, up to eight at a time.
pub struct Draws<'a> {
    plan: Plan,
    units: &'a Units,
    streams: Streams,
    of_unit: Vec<Counts>,
    drawn: Drawn,
}

impl<'a> Draws<'a> {
    pub fn new(plan: Plan, units: &'a Units) -> Self {
        let counting = match plan.resampling() {
            Resampling::WithReplacement => Counting::Subjects,
            Resampling::Bayesian => Counting::Weights,
        };
        let none = [0.0; REPLICATES_AT_ONCE];
        Self {
            plan,
            units,
            streams: Streams::new(plan.seed(), PURPOSE),
            of_unit: vec![none; units.n_units()],
            drawn: Drawn { counts: vec![none; units.n_subjects()], n_replicates: 0, counting },
        }
    }

    /// The replicates of a range of at most eight.
    pub fn draw(&mut self, replicates: Range<u64>) -> &Drawn {
        self.of_unit.fill([0.0; REPLICATES_AT_ONCE]);
        self.drawn.n_replicates = 0;
        for replicate in replicates {
            let mut stream = self.streams.stream(replicate);
            let lane = self.drawn.n_replicates;
            for units in self.units.strata() {
                match self.plan.resampling() {
                    Resampling::WithReplacement => {
                        with_replacement(&mut stream, units, &mut self.of_unit, lane);
                    }
                    Resampling::Bayesian => bayesian(&mut stream, units, &mut self.of_unit, lane),
                }
            }
            self.drawn.n_replicates += 1;
        }
        for (counts, &unit) in self.drawn.counts.iter_mut().zip(self.units.of_subject()) {
            *counts = self.of_unit[unit as usize];
        }
        &self.drawn
    }
}

/// As many of the units as there are.
fn with_replacement(stream: &mut Stream, units: &[u32], counts: &mut [Counts], lane: usize) {
    // Units are numbered by 32 bits.
    let n = units.len() as u32;
    for _ in units {
        let unit = units[stream.below_short(n) as usize];
        counts[unit as usize][lane] += 1.0;
    }
}

/// Exponential waiting times, divided by their mean.
fn bayesian(stream: &mut Stream, units: &[u32], counts: &mut [Counts], lane: usize) {
    let mut sum = 0.0;
    for &unit in units {
        let time = stream.exponential();
        counts[unit as usize][lane] = time;
        sum += time;
    }
    let mean = sum / units.len() as f64;
    units.iter().for_each(|&unit| counts[unit as usize][lane] /= mean);
}
