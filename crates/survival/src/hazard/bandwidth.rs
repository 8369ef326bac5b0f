//! The bandwidth that the data suggest.

use super::increments::Increments;
use super::range::Range;
use numerics::elementary::pow;
use numerics::sum::{Sum, sum};

/// Number of bandwidths that are tried.
const CANDIDATES: usize = 20;

/// The widest is this many times the narrowest, 1/40 of the range.
const WIDEST_TO_NARROWEST: f64 = 20.0;

/// Intervals of the rule for the integral of the squared hazard.
const INTERVALS: usize = 100;

/// Chooses the bandwidth by cross-validation: the one with the smallest
///
/// ```text
/// CV(b) = ∫ h_b(t)² dt - 2 Σ_i h_b,-i(t_i) ΔH(t_i)
/// ```
///
/// over the range, up to a constant an unbiased estimate of the integrated squared error. `h_b,-i` is
/// the smooth with the same kernels of all steps but that at `t_i`. 20 bandwidths are tried, from half
/// of the range down to its fortieth part by equal factors; of equals the widest is taken. The
/// integral is that of the trapezoidal rule with 100 intervals.
///
/// Andersen, Borgan, Gill and Keiding (1993), Statistical Models Based on Counting Processes,
/// section IV.2; Klein and Moeschberger (2003), Survival Analysis, section 6.2, leave the kernels
/// near the ends uncorrected in this criterion, which favours narrow bandwidths.
pub(super) fn cross_validated(increments: &Increments, range: Range) -> f64 {
    let sums = PowerSums::of(increments, range);
    let ratio = pow(1.0 / WIDEST_TO_NARROWEST, 1.0 / (CANDIDATES - 1) as f64);
    let mut best = (f64::INFINITY, 0.5 * range.length());
    let mut bandwidth = best.1;
    for _ in 0..CANDIDATES {
        let criterion = criterion(increments, &sums, range, bandwidth);
        if criterion < best.0 {
            best = (criterion, bandwidth);
        }
        bandwidth *= ratio;
    }
    best.1
}

fn criterion(increments: &Increments, sums: &PowerSums, range: Range, bandwidth: f64) -> f64 {
    let width = range.length() / INTERVALS as f64;
    let square = sum((0..=INTERVALS).map(|point| {
        let time = if point == INTERVALS { range.to } else { range.from + point as f64 * width };
        let hazard = sums.smooth(increments, time, bandwidth, None).max(0.0);
        let half = if point == 0 || point == INTERVALS { 0.5 } else { 1.0 };
        half * width * hazard * hazard
    }));
    let left_out = sum((0..increments.time.len()).map(|event| {
        let time = increments.time[event];
        sums.smooth(increments, time, bandwidth, Some(event)) * increments.step[event]
    }));
    square - 2.0 * left_out
}

/// Sums of the steps before each event, times powers of its place in the range: a kernel is a
/// polynomial, so that a smooth takes a few operations however many steps it adds.
struct PowerSums {
    range: Range,
    sums: Vec<[f64; 3]>,
}

impl PowerSums {
    fn of(increments: &Increments, range: Range) -> Self {
        let mut running = [Sum::default(); 3];
        let mut sums = vec![[0.0; 3]];
        for (&time, &step) in increments.time.iter().zip(&increments.step) {
            let place = (time - range.from) / range.length();
            for (total, term) in running.iter_mut().zip([step, step * place, step * place * place])
            {
                *total += term;
            }
            sums.push(running.map(Sum::value));
        }
        Self { range, sums }
    }

    /// The smooth at a time, without the step of one event if it is left out.
    fn smooth(
        &self,
        increments: &Increments,
        time: f64,
        bandwidth: f64,
        left_out: Option<usize>,
    ) -> f64 {
        let (kernel, events) = increments.near(time, bandwidth);
        let [zeroth, first, second] =
            [0, 1, 2].map(|power| self.sums[events.end][power] - self.sums[events.start][power]);
        let place = (time - self.range.from) / self.range.length();
        let scale = self.range.length() / bandwidth;
        let moments = [
            zeroth,
            scale * (place * zeroth - first),
            scale * scale * (place * (place * zeroth - 2.0 * first) + second),
        ];
        let own = left_out.map_or(0.0, |event| kernel.powers[0] * increments.step[event]);
        let total: f64 = kernel.powers.iter().zip(moments).map(|(power, sum)| power * sum).sum();
        (total - own) / bandwidth
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RiskTable;
    use cohort::{Endpoint, RiskOrder};

    fn increments(time: &[f64], event: &[bool]) -> (Increments, Range) {
        let endpoint = Endpoint::new(time.to_vec(), event.to_vec()).unwrap();
        let codes = vec![0; time.len()];
        let order = RiskOrder::new(&endpoint, &codes);
        let table = RiskTable::tally(&endpoint, &order, order.groups(), &codes, 1);
        let members: Vec<usize> = (0..time.len()).collect();
        let range = Range::of(&endpoint, &members, 1).unwrap();
        (Increments::of(&table, range), range)
    }

    /// The sums of powers give what adding the steps one by one gives.
    #[test]
    fn sums_of_powers_agree_with_single_steps() {
        let time: Vec<f64> = (1..=40).map(|i| f64::from(i * i % 83) / 7.0).collect();
        let event: Vec<bool> = (1..=40).map(|i| i % 3 > 0).collect();
        let (increments, range) = increments(&time, &event);
        let sums = PowerSums::of(&increments, range);
        for bandwidth in [0.3, 1.7, 0.5 * range.length()] {
            for point in 0..=20 {
                let time = range.from + range.length() * f64::from(point) / 20.0;
                let quick = sums.smooth(&increments, time, bandwidth, None).max(0.0);
                let slow = increments.smooth(time, bandwidth).0;
                assert!((quick - slow).abs() < 1e-10, "{quick} instead of {slow}");
            }
        }
    }

    /// Events of a constant hazard are smoothed widely, events in two clusters are not.
    #[test]
    fn the_bandwidth_follows_the_shape() {
        let even: Vec<f64> = (1..=200).map(|i| -(1.0 - f64::from(i) / 201.0).ln()).collect();
        let (constant, range) = increments(&even[..190], &[true; 190]);
        assert!(cross_validated(&constant, range) > 0.3 * range.length());
        let cluster = |at: f64| (0..60).map(move |i| at + f64::from(i % 30) / 300.0);
        let times: Vec<f64> = cluster(2.0).chain(cluster(7.0)).chain([10.0; 80]).collect();
        let event: Vec<bool> = times.iter().map(|&time| time < 10.0).collect();
        let (peaks, range) = increments(&times, &event);
        assert!(cross_validated(&peaks, range) < 0.1 * range.length());
    }
}
