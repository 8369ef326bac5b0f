//! From an estimate and its covariance to the coefficients and tests of a table.

use crate::{Coefficient, TermTest, TestResult};
use cohort::{Estimate, Interval, NotEstimable, chi_squared_test};
use nalgebra::{DMatrix, DVector};
use numerics::cholesky::Cholesky;
use numerics::elementary::exp;
use numerics::tails::normal_two_sided;

/// Estimates on the standardised scale, and what takes them back to the caller's.
pub(crate) struct Estimates<'a> {
    pub beta: &'a DVector<f64>,
    pub covariance: &'a DMatrix<f64>,
    pub robust_covariance: Option<&'a DMatrix<f64>>,
    /// Standard deviation of each column.
    pub scales: &'a [f64],
    /// Why a column has no coefficient.
    pub reasons: &'a [Option<NotEstimable>],
    /// Normal quantile of the interval.
    pub multiplier: f64,
}

impl Estimates<'_> {
    /// Column `j`, which R centres at `centre`, as a line of a table.
    pub fn coefficient(&self, j: usize, name: &str, term: &str, centre: f64) -> Coefficient {
        let model = Wald::new(self, self.covariance, j);
        let robust = self.robust_covariance.map(|covariance| Wald::new(self, covariance, j));
        Coefficient {
            name: name.into(),
            term: term.into(),
            centre,
            estimate: model.estimate,
            standard_error: model.standard_error,
            robust_standard_error: robust.as_ref().map(|robust| robust.standard_error),
            hazard_ratio: model.ratio(0.0),
            interval: model.interval(self.multiplier),
            z: model.z(),
            p_value: model.z().map(normal_two_sided),
            robust_interval: robust.as_ref().map(|robust| robust.interval(self.multiplier)),
            robust_p_value: robust.as_ref().map(|robust| robust.z().map(normal_two_sided)),
            profile: None,
        }
    }

    /// Wald test that these columns have no effect; aliased ones count for nothing.
    pub fn wald_test(&self, columns: &[usize], covariance: &DMatrix<f64>) -> TestResult {
        let is_infinite = |&&j: &&usize| self.reasons[j] == Some(NotEstimable::Monotone);
        let estimable: Vec<usize> =
            columns.iter().copied().filter(|&j| self.reasons[j].is_none()).collect();
        let degrees_of_freedom = estimable.len() + columns.iter().filter(is_infinite).count();
        if degrees_of_freedom > estimable.len() {
            return TestResult::none(NotEstimable::Monotone, degrees_of_freedom);
        }
        let reason = columns.iter().find_map(|&j| self.reasons[j]);
        if let (Some(reason), true) = (reason, estimable.is_empty()) {
            return TestResult::none(reason, 0);
        }
        let beta = self.beta.select_rows(&estimable);
        let block = covariance.select_rows(&estimable).select_columns(&estimable);
        let factor = Cholesky::rank_revealing(&block);
        if factor.rank() == 0 && !estimable.is_empty() {
            return TestResult::none(NotEstimable::VarianceUndefined, degrees_of_freedom);
        }
        chi_squared_test(factor.quadratic_form(&beta), factor.rank())
    }

    /// The Wald test of every term, with the robust covariance when there is one.
    pub fn term_tests(&self, terms: &[(String, Vec<usize>)]) -> Vec<TermTest> {
        let covariance = self.robust_covariance.unwrap_or(self.covariance);
        let test = |(term, columns): &(String, Vec<usize>)| TermTest {
            term: term.clone(),
            test: self.wald_test(columns, covariance),
        };
        terms.iter().map(test).collect()
    }

    /// A covariance in the caller's units, row by row; 0 for what has no estimate.
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

/// One coefficient with one of its standard errors, in the caller's unit.
struct Wald {
    estimate: Estimate,
    standard_error: Estimate,
}

impl Wald {
    fn new(estimates: &Estimates, covariance: &DMatrix<f64>, j: usize) -> Self {
        let defined = estimates.reasons[j].map_or(Ok(()), Err);
        let scale = estimates.scales[j];
        let standard_error = match covariance[(j, j)] {
            // Of a single cluster.
            0.0 => Err(NotEstimable::VarianceUndefined),
            variance => finite(variance.sqrt() / scale),
        };
        Self {
            estimate: defined.and_then(|()| finite(estimates.beta[j] / scale)),
            standard_error: defined.and(standard_error),
        }
    }

    /// `exp(estimate + multiplier * standard error)`.
    fn ratio(&self, multiplier: f64) -> Estimate {
        finite(exp(self.estimate? + multiplier * self.standard_error?))
    }

    fn interval(&self, multiplier: f64) -> Interval {
        Interval { lower: self.ratio(-multiplier), upper: self.ratio(multiplier) }
    }

    fn z(&self) -> Estimate {
        finite(self.estimate? / self.standard_error?)
    }
}

/// A number, unless the unit of its column puts it out of range.
pub(crate) fn finite(value: f64) -> Estimate {
    if value.is_finite() { Ok(value) } else { Err(NotEstimable::NotDefined) }
}
