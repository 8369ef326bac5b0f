//! What replicates say of a quantity as a whole.

use crate::Histogram;
use cohort::{Estimate, NotEstimable, Replicated};
use numerics::sum::{mean, variance};
use numerics::tails::normal_quantile;

/// Replicates that have no answer for one reason.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Failure {
    /// The reason.
    pub reason: NotEstimable,
    /// Number of replicates.
    pub n_replicates: usize,
}

/// The distribution of a quantity over the replicates.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Number of replicates, with and without an answer.
    pub n_replicates: usize,
    /// Replicates without an answer by reason, in the order of the reasons.
    pub failures: Vec<Failure>,
    /// Number of replicates whose answer is infinite: a time that they do not reach.
    pub n_infinite: usize,
    /// Mean of the replicates minus the estimate; not reached where one of them is infinite.
    pub bias: Estimate,
    /// Standard deviation of the replicates; not reached where one of them is infinite.
    pub standard_error: Estimate,
    /// How many normal standard deviations the median of the replicates lies below the estimate: the normal
    /// quantile of the share of replicates below it. Not defined where all of them lie on one side.
    pub bias_correction: Estimate,
    /// Smallest, first quartile, median, third quartile and largest of the replicates with an answer; quartiles
    /// of type 7 of R, infinite beside an infinite replicate. Absent where no replicate has an answer.
    pub five_numbers: Option<[f64; 5]>,
    /// The finite replicates in classes; absent without such.
    pub histogram: Option<Histogram>,
}

impl Summary {
    /// Number of replicates without an answer.
    #[must_use]
    pub fn n_failed(&self) -> usize {
        self.failures.iter().map(|failure| failure.n_replicates).sum()
    }
}

/// The distribution of the replicates of one quantity, and of what `estimate` is of the sample.
///
/// Same as what `print(boot(...))` shows in R when all replicates are finite.
#[must_use]
pub fn summary(estimate: Estimate, replicates: &[Replicated]) -> Summary {
    let values = answers(replicates);
    let mut failures: Vec<Failure> = Vec::new();
    let mut reasons: Vec<NotEstimable> =
        replicates.iter().filter_map(|replicate| replicate.value.err()).collect();
    reasons.sort_unstable();
    for reason in reasons {
        match failures.last_mut() {
            Some(last) if last.reason == reason => last.n_replicates += 1,
            _ => failures.push(Failure { reason, n_replicates: 1 }),
        }
    }
    let n_infinite = values.iter().filter(|value| value.is_infinite()).count();
    let finite = if n_infinite == 0 { Ok(&values) } else { Err(NotEstimable::NotReached) };
    let bias = finite.and_then(|values| {
        let mean = mean(values).ok_or(NotEstimable::TooFewValues)?;
        finite_estimate(estimate).map(|estimate| mean - estimate)
    });
    let standard_error =
        finite.and_then(|values| variance(values).map(f64::sqrt).ok_or(NotEstimable::TooFewValues));
    let bias_correction = estimate.and_then(|estimate| bias_correction(&values, estimate));
    Summary {
        n_replicates: replicates.len(),
        failures,
        n_infinite,
        bias,
        standard_error,
        bias_correction,
        histogram: Histogram::of(&values),
        five_numbers: five_numbers(values),
    }
}

fn five_numbers(mut values: Vec<f64>) -> Option<[f64; 5]> {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some([0.0, 0.25, 0.5, 0.75, 1.0].map(|level| {
        let position = level * last as f64;
        let (below, share) = (position.floor() as usize, position.fract());
        // Between two that are infinite there is no distance.
        match (values[below], values[(below + 1).min(last)]) {
            (low, high) if share == 0.0 || low == high => low,
            (low, high) => low + share * (high - low),
        }
    }))
}

fn bias_correction(values: &[f64], estimate: f64) -> Estimate {
    let n_below = values.iter().filter(|&&value| value < estimate).count();
    if n_below == 0 || n_below == values.len() {
        return Err(NotEstimable::NotDefined);
    }
    Ok(normal_quantile(n_below as f64 / values.len() as f64))
}

/// The replicates that have an answer.
pub fn answers(replicates: &[Replicated]) -> Vec<f64> {
    replicates.iter().filter_map(|replicate| replicate.value.ok()).collect()
}

/// An infinite value is one that is not reached.
pub fn finite_estimate(value: Estimate) -> Estimate {
    value
        .and_then(|value| if value.is_finite() { Ok(value) } else { Err(NotEstimable::NotReached) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ranks 0.75, 1.5 and 2.25 from 0 among 1, 2, 4 and infinity; `quantile(c(1, 2, 4, Inf))` in R.
    #[test]
    fn five_numbers_reach_to_infinity() {
        let found = five_numbers(vec![4.0, f64::INFINITY, 1.0, 2.0]);
        assert_eq!(found, Some([1.0, 1.75, 3.0, f64::INFINITY, f64::INFINITY]));
        assert_eq!(five_numbers(vec![f64::INFINITY; 2]), Some([f64::INFINITY; 5]));
        assert_eq!(five_numbers(Vec::new()), None);
    }
}
