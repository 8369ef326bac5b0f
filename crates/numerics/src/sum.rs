//! Compensated sums, so that a total does not lose digits to the number of its terms.

use crate::lanes::{F64x8, Kernel, LANES, Lanes, run};
use std::ops::AddAssign;

/// A running sum that carries the rounding error of each addition along.
///
/// Neumaier (1974), Z. Angew. Math. Mech. 54:39-51. The order of the terms is the caller's, and the
/// same order gives the same bits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    total: f64,
    compensation: f64,
}

impl Sum {
    /// The sum so far.
    #[must_use]
    pub fn value(self) -> f64 {
        self.total + self.compensation
    }
}

impl AddAssign<f64> for Sum {
    fn add_assign(&mut self, term: f64) {
        let total = self.total + term;
        self.compensation += if self.total.abs() >= term.abs() {
            (self.total - total) + term
        } else {
            (term - total) + self.total
        };
        self.total = total;
    }
}

impl FromIterator<f64> for Sum {
    fn from_iter<I: IntoIterator<Item = f64>>(terms: I) -> Self {
        let mut sum = Self::default();
        for term in terms {
            sum += term;
        }
        sum
    }
}

/// Compensated sum of the terms in the order given; 0 when there are none.
#[must_use]
pub fn sum<I: IntoIterator<Item = f64>>(terms: I) -> f64 {
    terms.into_iter().collect::<Sum>().value()
}

/// Sum in eight running totals, without compensation: for sums that a kernel needs often.
#[must_use]
pub fn total(values: &[f64]) -> f64 {
    if values.len() < LANES { values.iter().sum() } else { run(Total(values)) }
}

struct Total<'a>(&'a [f64]);

impl Kernel for Total<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> f64 {
        let mut totals = F64x8::splat(lanes, 0.0);
        for block in self.0.chunks(LANES) {
            totals += F64x8::load_part(lanes, block);
        }
        totals.sum()
    }
}

/// From so many terms on, several sums that do not wait for each other are worth joining.
const MANY: usize = 1024;

/// Compensated sum of `term` over all values: of few in their order, of many in eight columns, which are
/// then added up.
fn sum_over(values: &[f64], term: impl Fn(f64) -> f64) -> f64 {
    if values.len() < MANY {
        return sum(values.iter().map(|&value| term(value)));
    }
    let mut sums = [Sum::default(); LANES];
    for block in values.chunks(LANES) {
        sums.iter_mut().zip(block).for_each(|(sum, &value)| *sum += term(value));
    }
    let compensations: f64 = sums.iter().map(|sum| sum.compensation).sum();
    sum(sums.iter().map(|sum| sum.total).chain([compensations]))
}

/// Arithmetic mean; `None` when there are no values.
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| sum_over(values, |value| value) / values.len() as f64)
}

/// Sample variance with denominator `n - 1`; `None` for fewer than two values.
///
/// Same as `var` in R.
#[must_use]
pub fn variance(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let centre = mean(values)?;
    let squares = sum_over(values, |value| (value - centre) * (value - centre));
    Some(squares / (values.len() - 1) as f64)
}

/// Quantile of type 7, the default of `quantile` in R: linear between order statistics.
///
/// `sorted` ascends; `None` when it is empty. Hyndman and Fan (1996), Am. Stat. 50:361-365.
#[must_use]
pub fn quantile_type_7(sorted: &[f64], probability: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = probability * last as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    Some(sorted[below] + (position - below as f64) * (sorted[above] - sorted[below]))
}

/// Quantile of type 6, that of SPSS: the order statistic at `probability * (n + 1)`, interpolated,
/// and the extremes beyond them.
///
/// `sorted` ascends; `None` when it is empty. Same as `quantile(x, probability, type = 6)` in R.
#[must_use]
pub fn quantile_type_6(sorted: &[f64], probability: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = (probability * (last + 2) as f64 - 1.0).clamp(0.0, last as f64);
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    Some(sorted[below] + (position - below as f64) * (sorted[above] - sorted[below]))
}

/// Quantile of type 2, that of SAS: the order statistic that the share `probability` of the values does
/// not exceed, the mean of two where the share is met exactly.
///
/// `sorted` ascends; `None` when it is empty. Same as `quantile(x, probability, type = 2)` in R. Hyndman
/// and Fan (1996), Am. Stat. 50:361-365, definition 2.
#[must_use]
pub fn quantile_type_2(sorted: &[f64], probability: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = probability * sorted.len() as f64;
    let below = (position + AT_A_VALUE).floor();
    let above = (below as usize).min(last);
    let is_met = (position - below).abs() <= AT_A_VALUE && below >= 1.0;
    Some(if is_met { (sorted[below as usize - 1] + sorted[above]) / 2.0 } else { sorted[above] })
}

/// A position this close to a whole number is one, as in `quantile` of R.
const AT_A_VALUE: f64 = 4.0 * f64::EPSILON;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_terms_survive_a_large_one() {
        assert_eq!(sum([1.0, 1e100, 1.0, -1e100]), 2.0);
    }

    #[test]
    fn totals_count_every_value() {
        for n in [0, 1, 7, 8, 9, 100] {
            let values: Vec<f64> = (1..=n).map(f64::from).collect();
            assert_eq!(total(&values), f64::from(n * (n + 1)) / 2.0);
        }
    }

    /// Of large numbers that cancel the sum is 2 in every column and over them.
    #[test]
    fn many_terms_lose_no_digits_either() {
        let mut values = vec![0.0; 2 * MANY + 3];
        (values[0], values[1], values[MANY]) = (1.0, 1e100, 1.0);
        (values[MANY + 1], values[MANY + 2]) = (-1e100, 3.0);
        assert_eq!(mean(&values), Some(5.0 / values.len() as f64));
    }

    #[test]
    fn variance_needs_two_values() {
        assert_eq!(variance(&[3.0]), None);
        assert_eq!(variance(&[1.0, 2.0, 4.0]), Some(7.0 / 3.0));
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile_type_7(&[1.0, 2.0, 3.0, 4.0], 0.5), Some(2.5));
        assert_eq!(quantile_type_7(&[1.0, 2.0, 3.0, 4.0], 0.25), Some(1.75));
        assert_eq!(quantile_type_7(&[], 0.5), None);
        assert_eq!(quantile_type_6(&[1.0, 2.0, 3.0, 4.0], 0.25), Some(1.25));
        assert_eq!(quantile_type_6(&[1.0, 2.0], 0.9), Some(2.0));
        assert_eq!(quantile_type_6(&[], 0.5), None);
        // A quarter of four is one value: the mean of the first two. Of five the second exceeds it.
        assert_eq!(quantile_type_2(&[1.0, 2.0, 3.0, 4.0], 0.25), Some(1.5));
        assert_eq!(quantile_type_2(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.25), Some(2.0));
        assert_eq!(quantile_type_2(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.5), Some(3.0));
        assert_eq!(quantile_type_2(&[1.0, 2.0], 0.0), Some(1.0));
        assert_eq!(quantile_type_2(&[1.0, 2.0], 1.0), Some(2.0));
        assert_eq!(quantile_type_2(&[], 0.5), None);
    }
}
