//! Conditional inference about an odds ratio: a count whose distribution, given all margins, depends
//! on the odds ratio alone.

use crate::root::rising_root;
use cohort::{Estimate, Interval, NotEstimable};
use numerics::elementary::{exp, ln};
use numerics::sum::{Sum, sum};

/// The distribution `P(x) ∝ w(x) ψ^x` of a count `x` for the odds ratio `ψ`.
///
/// Fisher's noncentral hypergeometric distribution, or the sum of several.
#[derive(Clone, Debug)]
pub(crate) struct Tilted {
    /// Smallest count that can occur.
    lowest: usize,
    /// `ln w(x)` for each count from the lowest.
    ln_weights: Vec<f64>,
}

/// Counts within this factor of the observed probability count as equally probable, as in R.
const RELATIVE_SLACK: f64 = 1e-7;

/// Products of weights beyond which several tables are not convolved.
const MOST_PRODUCTS: usize = 20_000_000;

impl Tilted {
    /// `ln_weights` of the counts from `lowest` on; there is at least one.
    pub(crate) fn new(lowest: usize, ln_weights: Vec<f64>) -> Self {
        Self { lowest, ln_weights }
    }

    /// The distribution of the sum of two independent counts.
    pub(crate) fn plus(&self, other: &Self) -> Estimate<Self> {
        let (a, b) = (&self.ln_weights, &other.ln_weights);
        if a.len().saturating_mul(b.len()) > MOST_PRODUCTS {
            return Err(NotEstimable::TooLarge);
        }
        let of_count = |x: usize| {
            let from = (x + 1).saturating_sub(b.len());
            let terms = || (from..=x.min(a.len() - 1)).map(|i| a[i] + b[x - i]);
            let largest = terms().fold(f64::NEG_INFINITY, f64::max);
            largest + ln(sum(terms().map(|term| exp(term - largest))))
        };
        let ln_weights = (0..a.len() + b.len() - 1).map(of_count).collect();
        Ok(Self::new(self.lowest + other.lowest, ln_weights))
    }

    fn highest(&self) -> usize {
        self.lowest + self.ln_weights.len() - 1
    }

    /// Probabilities of the counts from the lowest on.
    fn probabilities(&self, ln_ratio: f64) -> Vec<f64> {
        let tilted = |(index, weight): (usize, &f64)| weight + index as f64 * ln_ratio;
        let logarithms: Vec<f64> = self.ln_weights.iter().enumerate().map(tilted).collect();
        let largest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut weights: Vec<f64> = logarithms.into_iter().map(|l| exp(l - largest)).collect();
        let total = sum(weights.iter().copied());
        weights.iter_mut().for_each(|weight| *weight /= total);
        weights
    }

    /// Probability of at most `x` when the odds ratio is 1.
    pub(crate) fn at_most(&self, x: usize) -> f64 {
        sum(self.probabilities(0.0).into_iter().take(x - self.lowest + 1)).min(1.0)
    }

    /// Probability of at least `x` when the odds ratio is 1.
    pub(crate) fn at_least(&self, x: usize) -> f64 {
        sum(self.probabilities(0.0).into_iter().skip(x - self.lowest)).min(1.0)
    }

    /// Probability of all counts that are no more probable than `x` when the odds ratio is 1.
    pub(crate) fn two_sided(&self, x: usize) -> f64 {
        let probabilities = self.probabilities(0.0);
        let limit = probabilities[x - self.lowest] * (1.0 + RELATIVE_SLACK);
        sum(probabilities.into_iter().filter(|&probability| probability <= limit)).min(1.0)
    }

    /// The odds ratio under which `x` is the expected count: its conditional maximum likelihood
    /// estimate.
    ///
    /// 0 at the lowest count; at the highest it is infinite, [`NotEstimable::Separation`]. Where only
    /// one count can occur, nothing can be said: [`NotEstimable::EmptyMargin`].
    pub(crate) fn odds_ratio(&self, x: usize) -> Estimate {
        if self.ln_weights.len() == 1 {
            return Err(NotEstimable::EmptyMargin);
        }
        if x == self.lowest {
            return Ok(0.0);
        }
        if x == self.highest() {
            return Err(NotEstimable::Separation);
        }
        let observed = (x - self.lowest) as f64;
        let ln_ratio = rising_root(0.0, |ln_ratio| {
            let (mean, variance) = moments(&self.probabilities(ln_ratio));
            (mean - observed, variance)
        });
        Ok(exp(ln_ratio))
    }

    /// The odds ratios under which a tail beyond `x` has the probability `(1 - confidence) / 2`.
    pub(crate) fn limits(&self, x: usize, confidence: f64) -> Interval {
        if self.ln_weights.len() == 1 {
            return Interval::none(NotEstimable::EmptyMargin);
        }
        let alpha = (1.0 - confidence) / 2.0;
        let index = x - self.lowest;
        let lower = match x == self.lowest {
            true => 0.0,
            false => exp(rising_root(0.0, |ln_ratio| {
                self.excess(ln_ratio, alpha, |count| count >= index)
            })),
        };
        let upper = match x == self.highest() {
            true => Err(NotEstimable::Separation),
            false => Ok(exp(rising_root(0.0, |ln_ratio| {
                let (excess, slope) = self.excess(ln_ratio, alpha, |count| count <= index);
                (-excess, -slope)
            }))),
        };
        Interval { lower: Ok(lower), upper }
    }

    /// Logarithm of the probability of a tail over `alpha`, and its slope in the logarithm of the odds
    /// ratio.
    fn excess(&self, ln_ratio: f64, alpha: f64, is_in: impl Fn(usize) -> bool) -> (f64, f64) {
        let probabilities = self.probabilities(ln_ratio);
        let (mut tail, mut tail_mean, mut mean) = (Sum::default(), Sum::default(), Sum::default());
        for (count, &probability) in probabilities.iter().enumerate() {
            mean += count as f64 * probability;
            if is_in(count) {
                tail += probability;
                tail_mean += count as f64 * probability;
            }
        }
        let tail = tail.value().max(f64::MIN_POSITIVE);
        (ln(tail / alpha), tail_mean.value() / tail - mean.value())
    }
}

fn moments(probabilities: &[f64]) -> (f64, f64) {
    let counts = || probabilities.iter().enumerate().map(|(count, p)| (count as f64, p));
    let mean = sum(counts().map(|(count, p)| count * p));
    (mean, sum(counts().map(|(count, p)| (count - mean) * (count - mean) * p)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Weights 1, 2, 1: the sum of two counts has 1, 4, 6, 4, 1.
    #[test]
    fn counts_add_up() {
        let one = Tilted::new(1, [1.0, 2.0, 1.0].map(f64::ln).to_vec());
        let two = one.plus(&one).unwrap();
        assert!((two.at_most(3) - 5.0 / 16.0).abs() < 1e-15);
        assert!((two.at_least(6) - 1.0 / 16.0).abs() < 1e-15);
        assert!((two.two_sided(3) - 10.0 / 16.0).abs() < 1e-15);
        // (1 + ψ)^4 expects 4ψ/(1 + ψ) above the lowest: 3 for ψ = 3.
        assert!((two.odds_ratio(5).unwrap() - 3.0).abs() < 1e-14);
        assert_eq!(
            (two.odds_ratio(2), two.odds_ratio(6)),
            (Ok(0.0), Err(NotEstimable::Separation))
        );
    }
}
