//! Tests of numbers that enter a model as curves.

use crate::{CoxFit, TestResult};
use cohort::{CohortError, Design, NotEstimable, Term, chi_squared_test};
use nalgebra::{DMatrix, DVector};
use numerics::cholesky::Cholesky;
use numerics::sum::total;

/// What a natural spline of a model says as a whole; its columns have no meaning one by one.
#[derive(Clone, Debug, PartialEq)]
pub struct CurveTest {
    /// Name of the term, such as `ns(age)`.
    pub term: String,
    /// Wald test that the curve is flat, model variance.
    pub overall: TestResult,
    /// Wald test that it is a straight line, model variance. A spline of one column has none.
    pub nonlinear: TestResult,
    /// The first test with the robust variance, when there is one.
    pub robust_overall: Option<TestResult>,
    /// The second.
    pub robust_nonlinear: Option<TestResult>,
}

/// Tests every spline of a fit; `numbers` reads a column of its subjects.
///
/// ```text
/// (K b)' (K V K')⁻¹ (K b)
/// ```
///
/// with the coefficients `b` of the columns of the spline and their covariance `V`. For the curve as
/// a whole `K` is the identity. Columns whose coefficients are proportional to `c`, those of the
/// number itself, make a straight line: for that test the rows of `K` are orthogonal to `c`. The
/// tests do not depend on the basis. Harrell (2015), Regression Modeling Strategies, section 2.4. Same as the
/// lines of a term and of `Nonlinear` in `anova` of a `cph` with the same knots in R's `rms`, whose
/// restricted cubic spline spans what a natural spline spans.
pub(crate) fn curve_tests(
    fit: &CoxFit,
    terms: &[Term],
    design: &Design,
    numbers: impl Fn(&str) -> Result<Vec<f64>, CohortError>,
) -> Result<Vec<CurveTest>, CohortError> {
    let mut tests = Vec::new();
    for (term, (name, columns)) in terms.iter().zip(design.columns_by_term()) {
        let Term::Spline { column, .. } = term else { continue };
        let line = line(design, &columns, &numbers(column)?);
        let both = |covariance: &[Vec<f64>]| {
            let part = Part::new(fit, &columns, covariance);
            (part.test(&DMatrix::identity(columns.len(), columns.len())), part.nonlinear(&line))
        };
        let (overall, nonlinear) = both(&fit.covariance);
        let robust = fit.robust_covariance.as_deref().map(both);
        let (robust_overall, robust_nonlinear) = robust.unzip();
        tests.push(CurveTest { term: name, overall, nonlinear, robust_overall, robust_nonlinear });
    }
    Ok(tests)
}

/// What the columns of a spline are multiplied with to be the number itself, but for a constant:
/// least squares, which leave nothing. Zeros where the number does not vary.
fn line(design: &Design, columns: &[usize], numbers: &[f64]) -> DVector<f64> {
    let centred = |values: &[f64]| -> DVector<f64> {
        let mean = total(values) / values.len().max(1) as f64;
        DVector::from_iterator(values.len(), values.iter().map(|value| value - mean))
    };
    let basis: Vec<DVector<f64>> =
        columns.iter().map(|&j| centred(&design.columns[j].values)).collect();
    let number = centred(numbers);
    let scale = number.amax().max(f64::MIN_POSITIVE);
    let number = number / scale;
    let k = columns.len();
    let gram = DMatrix::from_fn(k, k, |a, b| basis[a].dot(&basis[b]));
    let products = DVector::from_fn(k, |a, _| basis[a].dot(&number));
    Cholesky::rank_revealing(&gram).solve(&products)
}

/// The coefficients of some columns and their covariance, in the caller's units.
struct Part {
    estimate: Result<DVector<f64>, NotEstimable>,
    covariance: DMatrix<f64>,
}

impl Part {
    fn new(fit: &CoxFit, columns: &[usize], covariance: &[Vec<f64>]) -> Self {
        let estimates: Result<Vec<f64>, NotEstimable> =
            columns.iter().map(|&j| fit.coefficients[j].estimate).collect();
        let k = columns.len();
        let cell = |a: usize, b: usize| covariance[columns[a]][columns[b]];
        Self {
            estimate: estimates.map(DVector::from_vec),
            covariance: DMatrix::from_fn(k, k, cell),
        }
    }

    fn nonlinear(&self, line: &DVector<f64>) -> TestResult {
        let k = line.len();
        let pivot = line.icamax();
        let rows: Vec<usize> = (0..k).filter(|&j| j != pivot).collect();
        if rows.is_empty() || line[pivot] == 0.0 {
            return TestResult::none(NotEstimable::NotDefined, rows.len());
        }
        let contrasts = DMatrix::from_fn(rows.len(), k, |row, column| {
            if column == rows[row] {
                1.0
            } else if column == pivot {
                -line[rows[row]] / line[pivot]
            } else {
                0.0
            }
        });
        self.test(&contrasts)
    }

    fn test(&self, contrasts: &DMatrix<f64>) -> TestResult {
        match &self.estimate {
            Ok(estimate) => contrast_test(contrasts, estimate, &self.covariance),
            Err(reason) => TestResult::none(*reason, contrasts.nrows()),
        }
    }
}

/// Wald test that all contrasts are 0.
pub(crate) fn contrast_test(
    contrasts: &DMatrix<f64>,
    estimate: &DVector<f64>,
    covariance: &DMatrix<f64>,
) -> TestResult {
    if contrasts.nrows() == 0 {
        return TestResult::none(NotEstimable::NotDefined, 0);
    }
    let factor = Cholesky::rank_revealing(&(contrasts * covariance * contrasts.transpose()));
    if factor.rank() == 0 {
        return TestResult::none(NotEstimable::VarianceUndefined, contrasts.nrows());
    }
    chi_squared_test(factor.quadratic_form(&(contrasts * estimate)), factor.rank())
}
