//! Tests whose statistic is chi-squared under their hypothesis.

use crate::{Estimate, NotEstimable};
use numerics::tails::chi_squared_sf;

/// A chi-squared test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TestResult {
    /// The statistic, or why there is none.
    pub chi_squared: Estimate,
    /// Degrees of freedom.
    pub degrees_of_freedom: usize,
    /// Upper tail of the statistic.
    pub p_value: Estimate,
}

/// A test of all columns of one term.
#[derive(Clone, Debug, PartialEq)]
pub struct TermTest {
    /// Name of the term.
    pub term: String,
    /// The test.
    pub test: TestResult,
}

impl TestResult {
    /// A test that does not exist.
    #[must_use]
    pub fn none(reason: NotEstimable, degrees_of_freedom: usize) -> Self {
        Self { chi_squared: Err(reason), degrees_of_freedom, p_value: Err(reason) }
    }
}

/// The test of a statistic that is chi-squared under its hypothesis; without degrees of freedom it
/// is not defined.
#[must_use]
pub fn chi_squared_test(statistic: f64, degrees_of_freedom: usize) -> TestResult {
    if degrees_of_freedom == 0 {
        return TestResult::none(NotEstimable::NotDefined, 0);
    }
    // At a maximum rounding can leave a likelihood ratio of no effect just below 0.
    let statistic = statistic.max(0.0);
    let p_value = Ok(chi_squared_sf(statistic, degrees_of_freedom));
    TestResult { chi_squared: Ok(statistic), degrees_of_freedom, p_value }
}
