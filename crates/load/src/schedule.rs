//! When calls are due and of which kind they are: pure functions of the settings and a seed.
//!
//! The loop is open: a call is due at its time whether or not earlier ones have been answered, as
//! with callers who know nothing of each other.

use crate::Kind;
use clap::ValueEnum;
use numerics::streams::{Stream, Streams};
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// How the calls of one rate are spread over time.
#[derive(Clone, Copy, Debug, Default, Eq, JsonSchema, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Arrivals {
    /// With exponential gaps, as of many independent callers.
    #[default]
    Poisson,
    /// With equal gaps.
    Fixed,
}

/// The gaps between the calls of one step, from its beginning on without an end.
#[derive(Clone, Debug)]
pub(crate) struct DueTimes {
    arrivals: Arrivals,
    rate: f64,
    stream: Stream,
    n: u64,
    seconds: f64,
}

impl DueTimes {
    /// Calls at `rate` a second in the step of this number. With equal gaps call `n` is due `n / rate`
    /// seconds after the beginning; of Poisson arrivals the first is due after a gap as well.
    pub(crate) fn new(arrivals: Arrivals, rate: f64, seed: u64, step: usize) -> Self {
        let stream = Streams::new(seed, "load arrivals").stream(step as u64);
        Self { arrivals, rate, stream, n: 0, seconds: 0.0 }
    }
}

impl Iterator for DueTimes {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let seconds = match self.arrivals {
            Arrivals::Fixed => self.n as f64 / self.rate,
            Arrivals::Poisson => self.seconds + self.stream.exponential() / self.rate,
        };
        self.n += 1;
        self.seconds = seconds;
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// Draws kinds in proportion to their weights.
#[derive(Clone, Debug)]
pub(crate) struct Mixer<'a> {
    mix: &'a [(Kind, f64)],
    total: f64,
    stream: Stream,
}

impl<'a> Mixer<'a> {
    /// Draws for the step of this number. The weights are positive.
    pub(crate) fn new(mix: &'a [(Kind, f64)], seed: u64, step: usize) -> Self {
        let total = mix.iter().map(|(_, weight)| weight).sum();
        Self { mix, total, stream: Streams::new(seed, "load mix").stream(step as u64) }
    }

    /// The kind of the next call, by its place in the mix.
    pub(crate) fn draw(&mut self) -> usize {
        let mut left = self.stream.uniform() * self.total;
        for (place, (_, weight)) in self.mix.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return place;
            }
        }
        // Rounding may leave a crumb of the last one.
        self.mix.len().saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_gaps_are_those_of_the_rate() {
        let due: Vec<_> = DueTimes::new(Arrivals::Fixed, 4.0, 1, 0).take(3).collect();
        assert_eq!(due, [0, 250, 500].map(Duration::from_millis));
    }

    /// The mean of 10000 gaps has a standard error of 1 % of their mean, as has their standard
    /// deviation about; both within four.
    #[test]
    fn poisson_gaps_have_mean_and_spread_of_the_exponential() {
        let due: Vec<f64> = DueTimes::new(Arrivals::Poisson, 50.0, 1, 0)
            .take(10_000)
            .map(|due| due.as_secs_f64())
            .collect();
        let gaps: Vec<f64> = due.windows(2).map(|two| two[1] - two[0]).collect();
        let mean = numerics::sum::mean(&gaps).unwrap() * 50.0;
        let spread = numerics::sum::variance(&gaps).unwrap().sqrt() * 50.0;
        assert!((mean - 1.0).abs() < 0.04 && (spread - 1.0).abs() < 0.06, "{mean} {spread}");
    }

    #[test]
    fn a_seed_and_a_step_make_the_times() {
        let of = |seed, step| -> Vec<_> {
            DueTimes::new(Arrivals::Poisson, 5.0, seed, step).take(5).collect()
        };
        assert_eq!(of(1, 2), of(1, 2));
        assert_ne!(of(1, 2), of(2, 2));
        assert_ne!(of(1, 2), of(1, 3));
    }

    /// Three to one: 7500 of 10000 with a standard deviation of 43.
    #[test]
    fn kinds_come_in_proportion_to_their_weights() {
        let mix = [(Kind::Cox, 3.0), (Kind::Study, 1.0)];
        let mut mixer = Mixer::new(&mix, 1, 0);
        let n_first = (0..10_000).filter(|_| mixer.draw() == 0).count();
        assert!(n_first.abs_diff(7500) < 200, "{n_first}");
    }
}
