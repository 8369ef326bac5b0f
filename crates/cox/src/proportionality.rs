//! Tests of proportional hazards.

use crate::derivatives::PartialLikelihood;
use crate::risk_sets::RiskSets;
use crate::{CoefficientTest, ProportionalHazards, TermTest, TestResult, TimeTransform};
use cohort::{Design, Endpoint, Estimate, NotEstimable, RiskOrder, chi_squared_test};
use nalgebra::{DMatrix, DVector};
use numerics::cholesky::Cholesky;
use numerics::elementary::ln;
use numerics::rank::midranks;

/// A fitted model, as far as the test needs it.
pub(crate) struct Fitted<'a> {
    pub sets: &'a RiskSets<'a>,
    pub estimate: &'a DVector<f64>,
    pub covariance: &'a DMatrix<f64>,
    /// Why the fit did not end at a maximum, if it did not.
    pub no_maximum: Option<NotEstimable>,
    /// The columns of each term that are not aliased, by name of the term.
    pub terms: &'a [(String, Vec<usize>)],
    pub design: &'a Design,
}

/// Tests whether the coefficients change with transformed time `g(t)`.
///
/// The score test of `theta = 0` in the hazard `exp(x'beta + g(t) x'theta)`, exact in that the
/// information at each event time is its own and not an average:
///
/// ```text
/// chi² = u' [ C - B V B ]⁻¹ u      u = Σ g (x - m)     B = Σ g I(t)     C = Σ g² I(t)
/// ```
///
/// with `V` the model covariance and `I(t)` the information of one event time. A term is tested
/// with all its columns at once, and each coefficient alone. `g` is centred and scaled, which
/// changes nothing but the rounding.
///
/// Grambsch and Therneau (1994), Biometrika 81:515-526. Same as `cox.zph` of the R package survival
/// from version 3.0 on (`terms = FALSE` for the coefficients); older versions and other software
/// approximate.
pub(crate) fn proportional_hazards(
    fitted: &Fitted,
    likelihood: &mut PartialLikelihood,
    endpoint: &Endpoint,
    transform: TimeTransform,
) -> ProportionalHazards {
    let all: Vec<usize> = fitted.terms.iter().flat_map(|(_, columns)| columns).copied().collect();
    let scale = match fitted.no_maximum {
        Some(reason) => Err(reason),
        None => time_scale(fitted.sets, endpoint, transform),
    };
    let test = scale.and_then(|g| TimeEffect::new(fitted, &all, likelihood, &g));
    let of = |columns: &[usize]| match &test {
        Ok(effect) => effect.test(columns),
        Err(reason) => TestResult::none(*reason, columns.len()),
    };
    ProportionalHazards {
        transform,
        terms: fitted
            .terms
            .iter()
            .map(|(term, columns)| TermTest { term: term.clone(), test: of(columns) })
            .collect(),
        coefficients: all
            .iter()
            .map(|&j| CoefficientTest {
                name: fitted.design.columns[j].name.clone(),
                test: of(&[j]),
            })
            .collect(),
        global: of(&all),
    }
}

/// Score and variance of all columns times `g(t)`, in coordinates in which the information is 1.
///
/// With `V = F F'` they are `F'u` and `F' [ C - B V B ] F`. In the units of the columns the
/// difference would lose its digits where columns nearly depend on each other, such as a number and
/// its square.
struct TimeEffect {
    /// The columns that are not aliased, in the order of all that follows.
    columns: Vec<usize>,
    /// `F⁻¹`; its columns say where those of the model lie in the new coordinates.
    directions: DMatrix<f64>,
    score: DVector<f64>,
    variance: DMatrix<f64>,
}

impl TimeEffect {
    fn new(
        fitted: &Fitted,
        columns: &[usize],
        likelihood: &mut PartialLikelihood,
        g: &[f64],
    ) -> Estimate<Self> {
        let block = |matrix: &DMatrix<f64>| matrix.select_rows(columns).select_columns(columns);
        let factor = nalgebra::Cholesky::new(block(fitted.covariance))
            .ok_or(NotEstimable::VarianceUndefined)?
            .unpack();
        let one = DMatrix::identity(columns.len(), columns.len());
        let beta = fitted.estimate.as_slice();
        let first = likelihood.derivatives(beta, |group| g[group]);
        let second = likelihood.derivatives(beta, |group| g[group] * g[group]);
        let whitened = |matrix: &DMatrix<f64>| factor.tr_mul(&(block(matrix) * &factor));
        let known = whitened(&first.information);
        Ok(Self {
            columns: columns.to_vec(),
            directions: factor
                .solve_lower_triangular(&one)
                .ok_or(NotEstimable::VarianceUndefined)?,
            score: factor.tr_mul(&first.gradient.select_rows(columns)),
            variance: whitened(&second.information) - &known * &known,
        })
    }

    fn test(&self, columns: &[usize]) -> TestResult {
        if columns.is_empty() {
            return TestResult::none(NotEstimable::NotDefined, 0);
        }
        let position = |column: &usize| self.columns.iter().position(|other| other == column);
        let positions: Vec<usize> = columns.iter().filter_map(position).collect();
        // An orthonormal basis of what the columns span.
        let basis = self.directions.select_columns(&positions).qr().q();
        let factor = Cholesky::rank_revealing(&basis.tr_mul(&(&self.variance * &basis)));
        if factor.rank() < columns.len() {
            // As when a column varies at one event time only: there is no change to see.
            return TestResult::none(NotEstimable::Aliased, columns.len());
        }
        chi_squared_test(factor.quadratic_form(&basis.tr_mul(&self.score)), columns.len())
    }
}

/// `g` at each group with events, at mean 0 and standard deviation 1 over the events.
fn time_scale(
    sets: &RiskSets,
    endpoint: &Endpoint,
    transform: TimeTransform,
) -> Estimate<Vec<f64>> {
    let by_subject = transformed(endpoint, transform);
    let at_position = sets.in_risk_order(&by_subject);
    let g: Vec<f64> = sets.groups().iter().map(|group| at_position[group.all().start]).collect();
    let counts = || sets.groups().iter().map(|group| group.events.len() as f64);
    if g.iter().zip(counts()).any(|(g, events)| events > 0.0 && !g.is_finite()) {
        // The logarithm of an event at time 0.
        return Err(NotEstimable::NotDefined);
    }
    let moment = |f: &dyn Fn(f64) -> f64| -> f64 {
        let terms = g.iter().zip(counts()).filter(|(_, events)| *events > 0.0);
        terms.map(|(&g, events)| events * f(g)).sum::<f64>() / counts().sum::<f64>()
    };
    let centre = moment(&|g| g);
    let scale = moment(&|g| (g - centre) * (g - centre)).sqrt();
    if scale > 0.0 {
        Ok(g.iter().map(|g| (g - centre) / scale).collect())
    } else {
        Err(NotEstimable::AllValuesEqual)
    }
}

/// Transformed time of every subject, strata pooled as in R.
pub(crate) fn transformed(endpoint: &Endpoint, transform: TimeTransform) -> Vec<f64> {
    let time = endpoint.time();
    match transform {
        TimeTransform::Identity => time.to_vec(),
        TimeTransform::Log => time.iter().map(|&time| ln(time)).collect(),
        TimeTransform::Rank => midranks(time).ranks,
        TimeTransform::KaplanMeier => kaplan_meier_before(endpoint),
    }
}

/// One minus the pooled Kaplan-Meier curve just before each subject's time.
fn kaplan_meier_before(endpoint: &Endpoint) -> Vec<f64> {
    let order = RiskOrder::new(endpoint, &vec![0; endpoint.len()]);
    let mut entries = endpoint.entry().unwrap_or_default().to_vec();
    entries.sort_by(f64::total_cmp);
    let mut failed = vec![0.0; endpoint.len()];
    let mut survival = 1.0;
    for group in order.groups() {
        for position in group.all() {
            failed[order.order()[position] as usize] = 1.0 - survival;
        }
        let gone = group.all().start;
        let not_entered = entries.len() - entries.partition_point(|entry| *entry < group.time);
        let at_risk = endpoint.len() - gone - not_entered;
        survival *= 1.0 - group.events.len() as f64 / at_risk as f64;
    }
    failed
}
