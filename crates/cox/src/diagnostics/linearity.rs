//! Whether a number enters a model as a straight line.

use super::at_maximum::AtMaximum;
use super::smooth::{LeastSquares, Smooth, SmoothOptions, grid};
use crate::cohort_fit::FollowUp;
use crate::fit::Model;
use crate::{CoxError, CoxExtras, CoxFit, TestResult};
use cohort::{Design, DesignColumn, Estimate, NotEstimable, Term, chi_squared_test};
use nalgebra::{DMatrix, DVector};
use numerics::cholesky::Cholesky;
use numerics::spline::NaturalSpline;
use numerics::tails::two_sided_multiplier;

/// How linearity is checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinearityOptions {
    /// Dimensions of the curve that takes the place of the line, at least 2; the test has one
    /// degree of freedom less.
    pub dimension: usize,
    /// The curve through the residuals without the term.
    pub smooth: SmoothOptions,
}

impl Default for LinearityOptions {
    fn default() -> Self {
        Self { dimension: 3, smooth: SmoothOptions::default() }
    }
}

/// How well a straight line describes the effect of one term.
#[derive(Clone, Debug, PartialEq)]
pub struct Linearity {
    /// Name of the term.
    pub term: String,
    /// Likelihood-ratio test of the curve against the line.
    pub likelihood_ratio_test: TestResult,
    /// Wald test of the same with the robust variance, when there is one: the likelihood ratio does
    /// not know of clusters or sampling weights.
    pub robust_test: Option<TestResult>,
    /// Residuals of the model without the term.
    pub residuals: Estimate<TermResiduals>,
}

/// Martingale residuals of a model without a term, against the term.
#[derive(Clone, Debug, PartialEq)]
pub struct TermResiduals {
    /// The row of each value.
    pub rows: Vec<usize>,
    /// The term, transformed as in the model.
    pub x: Vec<f64>,
    /// Martingale residuals.
    pub martingale: Vec<f64>,
    /// The curve through them; none when the term has too few distinct values.
    pub smooth: Estimate<Smooth>,
}

/// Checks every numeric term of a model that is no interaction.
///
/// In the test a natural cubic spline takes the place of the line, its knots at the quantiles of
/// the term (those of `splines::ns(x, df)` in R); quantiles that coincide leave fewer degrees of
/// freedom, and a term with two values has no test. Same as `anova(line, curve)` of the two models
/// in R.
///
/// The residuals are those of the model without the term and its interactions; where the effect is
/// small, the curve through them has the shape of the effect. It is a natural spline fitted by
/// least squares with the residual variance of `lm(martingale ~ ns(x, df = dimension - 1), weights
/// = w)`. Therneau, Grambsch and Fleming (1990), Biometrika 77:147-160.
pub(crate) fn check(
    follow_up: &FollowUp,
    design: &Design,
    line: &CoxFit,
    options: &LinearityOptions,
) -> Result<Vec<Linearity>, CoxError> {
    let terms = follow_up.query.terms.iter().enumerate();
    let numeric = terms.filter(|(_, term)| matches!(term, Term::Linear { .. }));
    numeric
        .map(|(index, term)| {
            let column = design.columns.iter().find(|column| column.term == index);
            let x = column.map_or(&[][..], |column| &column.values);
            let (likelihood_ratio_test, robust_test) =
                curve_against_line(follow_up, design, line, index, options.dimension)?;
            Ok(Linearity {
                term: term.name(),
                likelihood_ratio_test,
                robust_test,
                residuals: residuals_without(follow_up, design, index, x, &options.smooth)?,
            })
        })
        .collect()
}

/// Tests of a spline in the place of one linear term.
fn curve_against_line(
    follow_up: &FollowUp,
    design: &Design,
    line: &CoxFit,
    term: usize,
    dimension: usize,
) -> Result<(TestResult, Option<TestResult>), CoxError> {
    let is_robust = line.robust_covariance.is_some();
    let not_converged = Err(NotEstimable::NotConverged);
    let none = |reason| {
        let test = TestResult::none(reason, 0);
        Ok((test, is_robust.then_some(test)))
    };
    if line.coefficients.iter().any(|coefficient| coefficient.estimate == not_converged) {
        return none(NotEstimable::NotConverged);
    }
    let column = |column: &&DesignColumn| column.term == term;
    let Some(linear) = design.columns.iter().find(column) else {
        return none(NotEstimable::NotDefined);
    };
    let Some(spline) = NaturalSpline::of_sample(&linear.values, dimension, false) else {
        return none(NotEstimable::AllValuesEqual);
    };
    let basis: Vec<Vec<f64>> = linear.values.iter().map(|&x| spline.basis(x)).collect();
    let curved = with_columns(design, term, &basis, spline.dimension());
    let first = design.columns.iter().position(|column| column.term == term).unwrap_or_default();
    let columns: Vec<usize> = (first..first + spline.dimension()).collect();
    let look = |model: &Model| {
        let nonlinear = Nonlinear::new(&linear.values, &basis, model, &columns);
        let covariance = if is_robust { model.robust_covariance() } else { None };
        (model.no_diagnosis(), nonlinear.n, covariance.map(|robust| nonlinear.test(model, &robust)))
    };
    let (curve, (no_maximum, df, robust_test)) =
        follow_up.fit_and(&follow_up.query.terms, &curved, CoxExtras::default(), look)?;
    if let Some(reason) = no_maximum {
        return none(reason);
    }
    if df == 0 {
        return none(NotEstimable::TooFewValues);
    }
    let statistic = 2.0 * (curve.log_likelihood - line.log_likelihood);
    Ok((chi_squared_test(statistic, df), robust_test))
}

/// The design with other columns in the place of those of one term.
fn with_columns(design: &Design, term: usize, rows: &[Vec<f64>], n_columns: usize) -> Design {
    let name = &design.terms[term];
    let new = (0..n_columns).map(|k| DesignColumn {
        name: format!("{name}, curve {}", k + 1),
        term,
        values: rows.iter().map(|row| row[k]).collect(),
    });
    let (before, rest): (Vec<DesignColumn>, Vec<DesignColumn>) =
        design.columns.iter().cloned().partition(|column| column.term < term);
    let after = rest.into_iter().filter(|column| column.term > term);
    Design {
        terms: design.terms.clone(),
        columns: before.into_iter().chain(new).chain(after).collect(),
    }
}

/// What a spline has beside the line in it.
struct Nonlinear {
    /// Columns of the curve that have a coefficient, as indexes of the model.
    columns: Vec<usize>,
    /// Coefficients of the line on these columns, standardised.
    line: DVector<f64>,
    /// Degrees of freedom beside the line.
    n: usize,
}

impl Nonlinear {
    fn new(x: &[f64], basis: &[Vec<f64>], model: &Model, columns: &[usize]) -> Self {
        let kept: Vec<usize> =
            columns.iter().copied().filter(|&j| !model.maximum.aliased[j]).collect();
        let own = |j: usize| j - columns[0];
        // The line is in the span of the columns, so that least squares finds it exactly.
        let matrix = DMatrix::from_fn(x.len(), kept.len() + 1, |row, k| match k.checked_sub(1) {
            None => 1.0,
            Some(k) => basis[row][own(kept[k])],
        });
        let gram = Cholesky::rank_revealing(&matrix.tr_mul(&matrix));
        let line = gram.solve(&matrix.tr_mul(&DVector::from_column_slice(x)));
        let scales = model.sets.scales();
        let line = DVector::from_fn(kept.len(), |k, _| line[k + 1] * scales[kept[k]]);
        Self { n: kept.len().saturating_sub(1), columns: kept, line }
    }

    /// Wald test that the coefficients are a multiple of those of the line: what is at right angles
    /// to the line is 0.
    fn test(&self, model: &Model, covariance: &DMatrix<f64>) -> TestResult {
        let k = self.columns.len();
        let across =
            DMatrix::identity(k, k) - &self.line * self.line.transpose() / self.line.norm_squared();
        let block = covariance.select_rows(&self.columns).select_columns(&self.columns);
        let factor = Cholesky::rank_revealing(&(&across * block * &across));
        if factor.rank() == 0 {
            return TestResult::none(NotEstimable::VarianceUndefined, self.n);
        }
        let beta = &across * model.maximum.estimate.select_rows(&self.columns);
        chi_squared_test(factor.quadratic_form(&beta), factor.rank())
    }
}

/// Martingale residuals of the model without a term and its interactions.
fn residuals_without(
    follow_up: &FollowUp,
    design: &Design,
    term: usize,
    x: &[f64],
    options: &SmoothOptions,
) -> Result<Estimate<TermResiduals>, CoxError> {
    let terms = &follow_up.query.terms;
    let keep = |index: usize| index != term && !terms[index].has_part(&terms[term]);
    let mut rest = design.clone();
    rest.columns.retain(|column| keep(column.term));
    let martingale = |model: &Model| Ok(AtMaximum::new(model)?.martingale());
    let (_, martingale) = follow_up.fit_and(terms, &rest, CoxExtras::default(), martingale)?;
    let weights = follow_up.weighted.weights.as_deref();
    let multiplier = two_sided_multiplier(follow_up.query.options.confidence);
    let with_curve = |martingale: Vec<f64>| {
        let smooth = grid(x, options).and_then(|points| {
            let spline = NaturalSpline::of_sample(x, options.dimension, true)
                .ok_or(NotEstimable::AllValuesEqual)?;
            let fit = LeastSquares::fit(&spline, x, &martingale, weights)?;
            Ok(fit.draw(points, fit.residual_variance(), multiplier))
        });
        let rows = follow_up.weighted.selection.rows().to_vec();
        TermResiduals { rows, x: x.to_vec(), martingale, smooth }
    };
    Ok(martingale.map(with_curve))
}
