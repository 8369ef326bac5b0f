//! From an estimate and its covariance to the coefficients and tests of a table.

use crate::{LogisticCoefficient, LogisticData};
use cohort::{Estimate, Interval, NotEstimable, TermTest, TestResult, chi_squared_test};
use nalgebra::{DMatrix, DVector};
use numerics::cholesky::Cholesky;
use numerics::elementary::exp;
use numerics::tails::normal_two_sided;

/// Name of the intercept and of its term.
pub(crate) const INTERCEPT: &str = "intercept";

/// Estimates of standardised slopes and of the intercept at the caller's origin.
pub(crate) struct Estimates<'a> {
    pub data: &'a LogisticData<'a>,
    pub beta: &'a DVector<f64>,
    /// Standard deviation of each column; 1 of the intercept.
    pub scales: Vec<f64>,
    pub covariance: &'a DMatrix<f64>,
    /// Covariance with the weights that Firth's penalty adds.
    pub augmented: Option<&'a DMatrix<f64>>,
    pub robust: Option<&'a DMatrix<f64>>,
    /// Why a coefficient has no estimate.
    pub reasons: &'a [Option<NotEstimable>],
    /// Normal quantile of the interval.
    pub multiplier: f64,
}

impl Estimates<'_> {
    /// Coefficient `j` as a line of a table.
    pub fn coefficient(&self, j: usize) -> LogisticCoefficient {
        let (name, term) = self.names(j);
        let model = self.wald(j, self.covariance);
        let robust = self.robust.map(|covariance| self.wald(j, covariance));
        LogisticCoefficient {
            name: name.into(),
            term: term.into(),
            estimate: model.estimate,
            standard_error: model.standard_error,
            augmented_standard_error: self
                .augmented
                .map(|covariance| self.wald(j, covariance).standard_error),
            robust_standard_error: robust.as_ref().map(|robust| robust.standard_error),
            odds_ratio: model.estimate.and_then(|estimate| finite(exp(estimate))),
            interval: model.interval(self.multiplier),
            z: model.z(),
            p_value: model.z().map(normal_two_sided),
            robust_interval: robust.as_ref().map(|robust| robust.interval(self.multiplier)),
            robust_p_value: robust.as_ref().map(|robust| robust.z().map(normal_two_sided)),
            profile: None,
        }
    }

    fn names(&self, j: usize) -> (&str, &str) {
        match j.checked_sub(1) {
            None => (INTERCEPT, INTERCEPT),
            Some(j) => {
                let column = &self.data.design.columns[j];
                (&column.name, &self.data.design.terms[column.term])
            }
        }
    }

    fn wald(&self, j: usize, covariance: &DMatrix<f64>) -> Wald {
        let defined = self.reasons[j].map_or(Ok(()), Err);
        let standard_error = match covariance[(j, j)] {
            // Of a single cluster.
            0.0 => Err(NotEstimable::VarianceUndefined),
            variance => finite(variance.sqrt() / self.scales[j]),
        };
        Wald {
            estimate: defined.and_then(|()| finite(self.beta[j] / self.scales[j])),
            standard_error: defined.and(standard_error),
        }
    }

    /// All coordinates but the intercept.
    pub fn slopes(&self) -> Vec<usize> {
        (1..self.beta.len()).collect()
    }

    /// Wald test that these columns have no effect; aliased ones count for nothing.
    pub fn wald_test(&self, columns: &[usize], covariance: &DMatrix<f64>) -> TestResult {
        let is_aliased = |reason: NotEstimable| {
            matches!(reason, NotEstimable::Aliased | NotEstimable::EmptyLevel)
        };
        let counted: Vec<usize> =
            columns.iter().copied().filter(|&j| !self.reasons[j].is_some_and(is_aliased)).collect();
        if let Some(reason) = counted.iter().find_map(|&j| self.reasons[j]) {
            return TestResult::none(reason, counted.len());
        }
        if let (Some(&first), true) = (columns.first(), counted.is_empty()) {
            return TestResult::none(self.reasons[first].unwrap_or(NotEstimable::NotDefined), 0);
        }
        let beta = self.beta.select_rows(&counted);
        let block = covariance.select_rows(&counted).select_columns(&counted);
        let factor = Cholesky::rank_revealing(&block);
        if factor.rank() == 0 && !counted.is_empty() {
            return TestResult::none(NotEstimable::VarianceUndefined, counted.len());
        }
        chi_squared_test(factor.quadratic_form(&beta), factor.rank())
    }

    /// The Wald test of every term, with the robust covariance when there is one.
    pub fn term_tests(&self, terms: &[(String, Vec<usize>)]) -> Vec<TermTest> {
        let covariance = self.robust.unwrap_or(self.covariance);
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
        let p = self.beta.len();
        (0..p).map(|j| (0..p).map(|k| cell(j, k)).collect()).collect()
    }
}

/// One coefficient with one of its standard errors, in the caller's unit.
struct Wald {
    estimate: Estimate,
    standard_error: Estimate,
}

impl Wald {
    fn z(&self) -> Estimate {
        finite(self.estimate? / self.standard_error?)
    }

    fn interval(&self, multiplier: f64) -> Interval {
        let ratio =
            |multiplier: f64| finite(exp(self.estimate? + multiplier * self.standard_error?));
        Interval { lower: ratio(-multiplier), upper: ratio(multiplier) }
    }
}

/// A number, unless the unit of its column puts it out of range.
pub(crate) fn finite(value: f64) -> Estimate {
    if value.is_finite() { Ok(value) } else { Err(NotEstimable::NotDefined) }
}
