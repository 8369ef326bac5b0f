//! Steps of the cumulative hazard within a range, and their smooth.

use super::kernel::Kernel;
use super::range::Range;
use crate::RiskTable;
use numerics::sum::sum;

/// Increments of the estimate of Nelson and Aalen at the event times within a range.
pub(super) struct Increments {
    range: Range,
    /// Event times, ascending.
    pub(super) time: Vec<f64>,
    /// `d / n` at each.
    pub(super) step: Vec<f64>,
    /// `d / n²` at each.
    variance: Vec<f64>,
    /// Number of events in the range.
    pub(super) n_events: usize,
}

impl Increments {
    pub(super) fn of(table: &RiskTable, range: Range) -> Self {
        let (mut time, mut step, mut variance, mut n_events) = (vec![], vec![], vec![], 0);
        for row in table.rows().filter(|row| row.n_events() > 0 && range.counts(row.time)) {
            let (n, d) = (row.n_at_risk() as f64, row.n_events() as f64);
            time.push(row.time);
            step.push(d / n);
            variance.push(d / (n * n));
            n_events += row.n_events();
        }
        Self { range, time, step, variance, n_events }
    }

    /// Kernel for an estimate at `time`, with the events that it reaches.
    pub(super) fn near(&self, time: f64, bandwidth: f64) -> (Kernel, std::ops::Range<usize>) {
        let Range { from, to } = self.range;
        let kernel = Kernel::at((time - from) / bandwidth, (to - time) / bandwidth);
        let (least, most) = kernel.ends;
        let first = self.time.partition_point(|&event| (time - event) / bandwidth > most);
        let after = self.time.partition_point(|&event| (time - event) / bandwidth >= least);
        (kernel, first..after)
    }

    /// Smoothed hazard at a time within the range, and its variance; a negative sum, which the
    /// boundary kernels allow, counts as 0.
    pub(super) fn smooth(&self, time: f64, bandwidth: f64) -> (f64, f64) {
        let (kernel, events) = self.near(time, bandwidth);
        let weight =
            |event: usize| kernel.weight((time - self.time[event]) / bandwidth) / bandwidth;
        let hazard = sum(events.clone().map(|event| weight(event) * self.step[event]));
        let square = |event: usize| weight(event) * weight(event);
        let variance = sum(events.map(|event| square(event) * self.variance[event]));
        (hazard.max(0.0), variance)
    }
}
