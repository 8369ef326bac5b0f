//! From estimates and their covariance to the coefficients and tests of a table.

use crate::{Estimate, Interval, NotEstimable, TermTest, TestResult, chi_squared_test};
use nalgebra::{DMatrix, DVector};
use numerics::cholesky::Cholesky;
use numerics::elementary::exp;
use numerics::tails::normal_two_sided;

/// Estimates of a model in the units of its search, and what takes them to the caller's.
#[derive(Clone, Copy, Debug)]
pub struct WaldTable<'a> {
    /// One estimate per column.
    pub estimate: &'a DVector<f64>,
    /// What one unit of the caller's is in that of the search: the standard deviation of each
    /// standardised column.
    pub scales: &'a [f64],
    /// Why a column has no coefficient.
    pub reasons: &'a [Option<NotEstimable>],
    /// Normal quantile of the intervals.
    pub multiplier: f64,
}

/// One coefficient with one of its standard errors, in the caller's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WaldEstimate {
    /// The coefficient.
    pub estimate: Estimate,
    /// Its standard error; a single cluster leaves it undefined.
    pub standard_error: Estimate,
    multiplier: f64,
}

impl WaldTable<'_> {
    /// Column `j` with the standard error of this covariance.
    #[must_use]
    pub fn coefficient(&self, j: usize, covariance: &DMatrix<f64>) -> WaldEstimate {
        let defined = self.reasons[j].map_or(Ok(()), Err);
        let scale = self.scales[j];
        let standard_error = match covariance[(j, j)] {
            // Of a single cluster.
            0.0 => Err(NotEstimable::VarianceUndefined),
            variance => finite(variance.sqrt() / scale),
        };
        WaldEstimate {
            estimate: defined.and_then(|()| finite(self.estimate[j] / scale)),
            standard_error: defined.and(standard_error),
            multiplier: self.multiplier,
        }
    }

    /// Wald test that these columns have no effect.
    ///
    /// Those that the data cannot tell from others count for nothing. One without an estimate for
    /// another reason, as where it is infinite, leaves no test.
    #[must_use]
    pub fn test(&self, columns: &[usize], covariance: &DMatrix<f64>) -> TestResult {
        let counts = |&j: &usize| !self.reasons[j].is_some_and(says_nothing);
        let counted: Vec<usize> = columns.iter().copied().filter(counts).collect();
        if let Some(reason) = counted.iter().find_map(|&j| self.reasons[j]) {
            return TestResult::none(reason, counted.len());
        }
        if let (Some(&first), true) = (columns.first(), counted.is_empty()) {
            return TestResult::none(self.reasons[first].unwrap_or(NotEstimable::NotDefined), 0);
        }
        let estimate = self.estimate.select_rows(&counted);
        let block = covariance.select_rows(&counted).select_columns(&counted);
        let factor = Cholesky::rank_revealing(&block);
        if factor.rank() == 0 && !counted.is_empty() {
            return TestResult::none(NotEstimable::VarianceUndefined, counted.len());
        }
        chi_squared_test(factor.quadratic_form(&estimate), factor.rank())
    }

    /// The Wald test of every term, given with its columns.
    #[must_use]
    pub fn term_tests(
        &self,
        terms: &[(String, Vec<usize>)],
        covariance: &DMatrix<f64>,
    ) -> Vec<TermTest> {
        let test = |(term, columns): &(String, Vec<usize>)| TermTest {
            term: term.clone(),
            test: self.test(columns, covariance),
        };
        terms.iter().map(test).collect()
    }

    /// A covariance in the caller's units, row by row; 0 for what has no estimate.
    #[must_use]
    pub fn in_callers_units(&self, covariance: &DMatrix<f64>) -> Vec<Vec<f64>> {
        let is_known = |j: usize| self.reasons[j].is_none();
        let cell = |j: usize, k: usize| match is_known(j) && is_known(k) {
            true => covariance[(j, k)] / self.scales[j] / self.scales[k],
            false => 0.0,
        };
        let p = self.scales.len();
        (0..p).map(|j| (0..p).map(|k| cell(j, k)).collect()).collect()
    }
}

impl WaldEstimate {
    /// Estimate over standard error.
    pub fn z(&self) -> Estimate {
        finite(self.estimate? / self.standard_error?)
    }

    /// Two-sided p-value of [`WaldEstimate::z`].
    pub fn p_value(&self) -> Estimate {
        self.z().map(normal_two_sided)
    }

    /// Limits of the coefficient.
    #[must_use]
    pub fn interval(&self) -> Interval {
        Interval { lower: self.limit(-self.multiplier), upper: self.limit(self.multiplier) }
    }

    /// Limits of the ratio.
    #[must_use]
    pub fn ratio_interval(&self) -> Interval {
        ratio_interval(self.interval())
    }

    fn limit(&self, multiplier: f64) -> Estimate {
        finite(self.estimate? + multiplier * self.standard_error?)
    }
}

/// Why a column has no coefficient of its own, whatever the outcome.
fn says_nothing(reason: NotEstimable) -> bool {
    let reasons = [NotEstimable::Aliased, NotEstimable::EmptyLevel, NotEstimable::NoVariation];
    reasons.contains(&reason)
}

/// `exp` of a coefficient or of one of its limits, where it is a number.
pub fn ratio(coefficient: Estimate) -> Estimate {
    finite(exp(coefficient?))
}

/// `exp` of the limits of a coefficient.
#[must_use]
pub fn ratio_interval(interval: Interval) -> Interval {
    Interval { lower: ratio(interval.lower), upper: ratio(interval.upper) }
}

/// A number, unless the unit of its column puts it out of range.
pub fn finite(value: f64) -> Estimate {
    if value.is_finite() { Ok(value) } else { Err(NotEstimable::NotDefined) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A coefficient of 2 and one of 3 with the covariance `[[4, 0], [0, 9]]` in columns of scale 2
    /// and 1: z of 1 each, and 2 for both together.
    #[test]
    fn a_table_is_in_the_units_of_the_caller() {
        let estimate = DVector::from_vec(vec![2.0, 3.0]);
        let covariance = DMatrix::from_diagonal(&DVector::from_vec(vec![4.0, 9.0]));
        let table = WaldTable {
            estimate: &estimate,
            scales: &[2.0, 1.0],
            reasons: &[None, None],
            multiplier: 2.0,
        };
        let first = table.coefficient(0, &covariance);
        assert_eq!((first.estimate, first.standard_error, first.z()), (Ok(1.0), Ok(1.0), Ok(1.0)));
        assert_eq!(first.interval(), Interval { lower: Ok(-1.0), upper: Ok(3.0) });
        assert_eq!(first.ratio_interval().upper, ratio(Ok(3.0)));
        assert_eq!(table.test(&[0, 1], &covariance).chi_squared, Ok(2.0));
        assert_eq!(table.in_callers_units(&covariance), [[1.0, 0.0], [0.0, 9.0]]);
    }

    #[test]
    fn what_says_nothing_is_left_out_and_what_is_infinite_leaves_no_test() {
        let estimate = DVector::from_vec(vec![2.0, 3.0]);
        let covariance = DMatrix::from_diagonal(&DVector::from_vec(vec![4.0, 0.0]));
        let test = |reason: NotEstimable, columns: &[usize]| {
            let reasons = [None, Some(reason)];
            let (scales, multiplier) = (&[1.0; 2], 2.0);
            let table = WaldTable { estimate: &estimate, scales, reasons: &reasons, multiplier };
            table.test(columns, &covariance)
        };
        assert_eq!(test(NotEstimable::Aliased, &[0, 1]), chi_squared_test(1.0, 1));
        assert_eq!(test(NotEstimable::NoVariation, &[1]).p_value, Err(NotEstimable::NoVariation));
        let infinite = TestResult::none(NotEstimable::Monotone, 2);
        assert_eq!(test(NotEstimable::Monotone, &[0, 1]), infinite);
    }
}
