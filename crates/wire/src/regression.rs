//! `equipoise.regression.v1`: Cox and logistic models.

mod diagnostics;
mod fine_gray;
mod intervals;
mod likelihood;
mod logistic;
mod model;
mod performance;
mod piecewise;
mod prediction;
mod selection;

pub use diagnostics::{diagnostics_request, diagnostics_response, over_time_from};
pub use fine_gray::{fine_gray_from, fine_gray_request, fine_gray_response};
pub use intervals::{IntervalsQuery, intervals_request, intervals_response};
pub(crate) use logistic::{
    logistic_columns, logistic_fit_from, logistic_fit_to, logistic_model_from, logistic_model_to,
    logistic_options_to,
};
pub use logistic::{logistic_request, logistic_response};
pub(crate) use model::{model_columns, model_from, model_to};
pub use performance::{validation_request, validation_response};
pub use piecewise::{piecewise_request, piecewise_response};
pub use prediction::{WithProfiles, prediction_request, prediction_response};
pub use selection::{selection_request, selection_response};

use crate::common::{
    caveats_from, caveats_to, count, count_from, enum_conversion, estimate_from, estimate_to,
    interval_from, interval_to, matrix_from, matrix_to, reason_from, reason_to, term_to,
    terms_from,
};
use crate::pb::{common, regression as pb};
use crate::violation::Violations;
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Malformed, Unreadable};
use cohort::{Estimate, NotEstimable, Selection};
use cox::{
    Coefficient, CoefficientTest, Concordance, CoxFit, CoxQuery, CoxScreenQuery, CurveTest,
    ProportionalHazards, ScreenedTerm, TermTest, TestResult, Ties, TimeTransform,
};
use likelihood::{penalised_from, penalised_to, profile_from, profile_to};
use model::model_options_to;

enum_conversion!(
    ties_to,
    ties_from,
    Ties,
    pb::Ties,
    Some(Ties::default()),
    [Efron, Breslow, Exact]
);
enum_conversion!(
    transform_to,
    transform_from,
    TimeTransform,
    pb::TimeTransform,
    None,
    [KaplanMeier, Rank, Identity, Log]
);

/// Asks for a Cox model.
#[must_use]
pub fn cox_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    query: &CoxQuery,
) -> pb::FitCoxRequest {
    let (cohort, selection) = Asked::<()>::written(cohort, selection, model_columns(query));
    pb::FitCoxRequest { cohort, selection, model: Some(model_to(query)) }
}

impl CohortRequest for pb::FitCoxRequest {
    type Query = CoxQuery;

    fn asked(self, cohorts: &dyn Cohorts) -> Result<Asked<CoxQuery>, Unreadable> {
        let pb::FitCoxRequest { cohort, selection, model } = self;
        Asked::read(cohorts, cohort, selection, |violations, cohort| {
            model_from(violations, model, cohort)
        })
    }
}

/// Asks for a screen of Cox models.
#[must_use]
pub fn screen_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    query: &CoxScreenQuery,
) -> pb::ScreenCoxRequest {
    let candidates = query.candidates.iter().flat_map(|term| term.columns());
    let columns = model_columns(&query.model).chain(candidates);
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    pb::ScreenCoxRequest {
        cohort,
        selection,
        model: Some(model_to(&query.model)),
        candidates: query.candidates.iter().map(term_to).collect(),
    }
}

impl CohortRequest for pb::ScreenCoxRequest {
    type Query = CoxScreenQuery;

    fn asked(self, cohorts: &dyn Cohorts) -> Result<Asked<CoxScreenQuery>, Unreadable> {
        let pb::ScreenCoxRequest { cohort, selection, model, candidates } = self;
        Asked::read(cohorts, cohort, selection, |violations, cohort| {
            let model = model_from(violations, model, cohort);
            let candidates = terms_from(violations, "candidates", candidates, cohort);
            Some(CoxScreenQuery { model: model?, candidates: candidates? })
        })
    }
}

/// Number of steps and tolerance of an iteration, or their defaults.
fn iteration_from(
    violations: &mut Violations,
    max_iterations: Option<i32>,
    tolerance: Option<f64>,
    defaults: (usize, f64),
) -> Option<(usize, f64)> {
    let steps = match max_iterations {
        None => Ok(defaults.0),
        Some(steps) => {
            usize::try_from(steps).ok().filter(|&steps| steps > 0).ok_or("must be at least 1")
        }
    };
    let steps = violations.check("options.max_iterations", steps);
    let tolerance = tolerance.unwrap_or(defaults.1);
    let is_positive = tolerance.is_finite() && tolerance > 0.0;
    let tolerance = is_positive.then_some(tolerance).ok_or("must be above 0");
    let tolerance = violations.check("options.tolerance", tolerance);
    Some((steps?, tolerance?))
}

/// Answers with a Cox model and the options in force.
#[must_use]
pub fn cox_response(fit: CoxFit, query: &CoxQuery) -> pb::FitCoxResponse {
    pb::FitCoxResponse { fit: Some(cox_fit_to(fit)), options: Some(model_options_to(query)) }
}

/// Answers with a screen and the options in force.
#[must_use]
pub fn screen_response(terms: Vec<ScreenedTerm>, query: &CoxScreenQuery) -> pb::ScreenCoxResponse {
    let line = |line: ScreenedTerm| {
        let (fit, reason) = match line.fit {
            Ok(fit) => (Some(cox_fit_to(fit)), 0),
            Err(reason) => (None, reason_to(reason)),
        };
        pb::ScreenedTerm { term: line.term, fit, reason }
    };
    pb::ScreenCoxResponse {
        terms: terms.into_iter().map(line).collect(),
        options: Some(model_options_to(&query.model)),
    }
}

fn cox_fit_to(fit: CoxFit) -> pb::CoxFit {
    pb::CoxFit {
        subject_count: count(fit.n),
        event_count: count(fit.n_events),
        coefficients: fit.coefficients.into_iter().map(coefficient_to).collect(),
        covariance: Some(matrix_to(&fit.covariance)),
        robust_covariance: fit.robust_covariance.as_deref().map(matrix_to),
        log_likelihood_null: fit.log_likelihood_null,
        log_likelihood: fit.log_likelihood,
        likelihood_ratio_test: Some(test_to(fit.likelihood_ratio_test)),
        wald_test: Some(test_to(fit.wald_test)),
        score_test: Some(test_to(fit.score_test)),
        robust_wald_test: fit.robust_wald_test.map(test_to),
        robust_score_test: fit.robust_score_test.map(test_to),
        term_tests: fit.term_tests.into_iter().map(term_test_to).collect(),
        aic: fit.aic,
        bic: fit.bic,
        iteration_count: count(fit.iterations),
        concordance: fit.concordance.map(concordance_to),
        proportional_hazards: fit.proportional_hazards.map(proportional_hazards_to),
        events_per_parameter: Some(estimate_to(fit.events_per_parameter)),
        term_likelihood_ratio_tests: fit
            .term_likelihood_ratio_tests
            .into_iter()
            .map(term_test_to)
            .collect(),
        penalised: fit.penalised.map(penalised_to),
        firth: fit.firth.map(|firth| Box::new(cox_fit_to(*firth))),
        curve_tests: fit.curve_tests.into_iter().map(curve_test_to).collect(),
        caveats: caveats_to(fit.caveats),
    }
}

fn coefficient_to(coefficient: Coefficient) -> pb::CoxCoefficient {
    pb::CoxCoefficient {
        name: coefficient.name,
        term: coefficient.term,
        centre: coefficient.centre,
        estimate: Some(estimate_to(coefficient.estimate)),
        standard_error: Some(estimate_to(coefficient.standard_error)),
        robust_standard_error: coefficient.robust_standard_error.map(estimate_to),
        hazard_ratio: Some(estimate_to(coefficient.hazard_ratio)),
        interval: Some(interval_to(coefficient.interval)),
        z: Some(estimate_to(coefficient.z)),
        p_value: Some(estimate_to(coefficient.p_value)),
        robust_interval: coefficient.robust_interval.map(interval_to),
        robust_p_value: coefficient.robust_p_value.map(estimate_to),
        profile: coefficient.profile.map(profile_to),
    }
}

fn test_to(test: TestResult) -> common::ChiSquaredTest {
    common::ChiSquaredTest {
        chi_squared: Some(estimate_to(test.chi_squared)),
        degrees_of_freedom: count(test.degrees_of_freedom),
        p_value: Some(estimate_to(test.p_value)),
    }
}

fn term_test_to(test: TermTest) -> pb::TermTest {
    pb::TermTest { term: test.term, test: Some(test_to(test.test)) }
}

fn curve_test_to(test: CurveTest) -> pb::CurveTest {
    pb::CurveTest {
        term: test.term,
        overall: Some(test_to(test.overall)),
        nonlinear: Some(test_to(test.nonlinear)),
        robust_overall: test.robust_overall.map(test_to),
        robust_nonlinear: test.robust_nonlinear.map(test_to),
    }
}

fn coefficient_test_to(test: CoefficientTest) -> pb::CoefficientTest {
    pb::CoefficientTest { name: test.name, test: Some(test_to(test.test)) }
}

fn concordance_to(concordance: Concordance) -> pb::Concordance {
    pb::Concordance {
        value: Some(estimate_to(concordance.value)),
        standard_error: Some(estimate_to(concordance.standard_error)),
        robust_standard_error: concordance.robust_standard_error.map(estimate_to),
        concordant_pairs: concordance.concordant,
        discordant_pairs: concordance.discordant,
        tied_risk_pairs: concordance.tied_risk,
        tied_time_pairs: concordance.tied_time,
        tied_both_pairs: concordance.tied_both,
    }
}

fn proportional_hazards_to(tests: ProportionalHazards) -> pb::ProportionalHazards {
    pb::ProportionalHazards {
        transform: transform_to(tests.transform),
        terms: tests.terms.into_iter().map(term_test_to).collect(),
        coefficients: tests.coefficients.into_iter().map(coefficient_test_to).collect(),
        global: Some(test_to(tests.global)),
    }
}

impl TryFrom<pb::FitCoxResponse> for CoxFit {
    type Error = Malformed;

    fn try_from(response: pb::FitCoxResponse) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let fit = violations.require("fit", response.fit);
        let fit = fit.and_then(|fit| cox_fit_from(&mut violations, "fit", fit));
        violations.finish(fit)
    }
}

/// Reads a screen.
pub fn screen_from(response: pb::ScreenCoxResponse) -> Result<Vec<ScreenedTerm>, Malformed> {
    let mut violations = Violations::default();
    let read = |(index, line): (usize, pb::ScreenedTerm)| {
        let fit: Estimate<CoxFit> = match line.fit {
            Some(fit) => Ok(cox_fit_from(&mut violations, &format!("terms[{index}].fit"), fit)?),
            None => Err(reason_from(line.reason).unwrap_or(NotEstimable::NotDefined)),
        };
        Some(ScreenedTerm { term: line.term, fit })
    };
    let terms = response.terms.into_iter().enumerate().map(read).collect();
    violations.finish(terms)
}

fn cox_fit_from(violations: &mut Violations, path: &str, fit: pb::CoxFit) -> Option<CoxFit> {
    let robust_covariance = optional(fit.robust_covariance, |matrix| {
        matrix_from(violations, &format!("{path}.robust_covariance"), matrix)
    })?;
    let proportional_hazards = optional(fit.proportional_hazards, |tests| {
        proportional_hazards_from(violations, path, tests)
    })?;
    let firth = optional(fit.firth, |firth| {
        cox_fit_from(violations, &format!("{path}.firth"), *firth).map(Box::new)
    })?;
    let term_ratios = fit.term_likelihood_ratio_tests;
    let curve_tests =
        fit.curve_tests.into_iter().map(|test| curve_test_from(violations, path, test));
    let curve_tests = curve_tests.collect::<Option<_>>()?;
    let coefficients = fit.coefficients.into_iter();
    let covariance = fit.covariance.unwrap_or_default();
    Some(CoxFit {
        n: count_from(violations, path, fit.subject_count)?,
        n_events: count_from(violations, path, fit.event_count)?,
        coefficients: coefficients
            .map(|coefficient| coefficient_from(violations, path, coefficient))
            .collect::<Option<_>>()?,
        covariance: matrix_from(violations, &format!("{path}.covariance"), covariance)?,
        robust_covariance,
        log_likelihood_null: fit.log_likelihood_null,
        log_likelihood: fit.log_likelihood,
        likelihood_ratio_test: test_from(violations, path, fit.likelihood_ratio_test)?,
        wald_test: test_from(violations, path, fit.wald_test)?,
        score_test: test_from(violations, path, fit.score_test)?,
        robust_wald_test: optional_test_from(violations, path, fit.robust_wald_test)?,
        robust_score_test: optional_test_from(violations, path, fit.robust_score_test)?,
        term_tests: term_tests_from(violations, path, fit.term_tests)?,
        aic: fit.aic,
        bic: fit.bic,
        iterations: count_from(violations, path, fit.iteration_count)?,
        concordance: fit.concordance.map(concordance_from),
        proportional_hazards,
        events_per_parameter: estimate_from(fit.events_per_parameter),
        term_likelihood_ratio_tests: term_tests_from(violations, path, term_ratios)?,
        penalised: optional(fit.penalised, |part| {
            penalised_from(violations, &format!("{path}.penalised"), part)
        })?,
        firth,
        curve_tests,
        caveats: caveats_from(violations, &format!("{path}.caveats"), fit.caveats),
    })
}

fn curve_test_from(
    violations: &mut Violations,
    path: &str,
    test: pb::CurveTest,
) -> Option<CurveTest> {
    Some(CurveTest {
        term: test.term,
        overall: test_from(violations, path, test.overall)?,
        nonlinear: test_from(violations, path, test.nonlinear)?,
        robust_overall: optional_test_from(violations, path, test.robust_overall)?,
        robust_nonlinear: optional_test_from(violations, path, test.robust_nonlinear)?,
    })
}

/// What may be absent, read when it is there.
fn optional<T, U>(value: Option<T>, read: impl FnOnce(T) -> Option<U>) -> Option<Option<U>> {
    match value {
        None => Some(None),
        Some(value) => read(value).map(Some),
    }
}

fn coefficient_from(
    violations: &mut Violations,
    path: &str,
    coefficient: pb::CoxCoefficient,
) -> Option<Coefficient> {
    let profile = optional(coefficient.profile, |profile| profile_from(violations, path, profile))?;
    Some(Coefficient {
        profile,
        name: coefficient.name,
        term: coefficient.term,
        centre: coefficient.centre,
        estimate: estimate_from(coefficient.estimate),
        standard_error: estimate_from(coefficient.standard_error),
        robust_standard_error: coefficient
            .robust_standard_error
            .map(|error| estimate_from(Some(error))),
        hazard_ratio: estimate_from(coefficient.hazard_ratio),
        interval: interval_from(coefficient.interval),
        z: estimate_from(coefficient.z),
        p_value: estimate_from(coefficient.p_value),
        robust_interval: coefficient.robust_interval.map(|limits| interval_from(Some(limits))),
        robust_p_value: coefficient.robust_p_value.map(|value| estimate_from(Some(value))),
    })
}

fn test_from(
    violations: &mut Violations,
    path: &str,
    test: Option<common::ChiSquaredTest>,
) -> Option<TestResult> {
    let test = violations.require(path, test)?;
    Some(TestResult {
        chi_squared: estimate_from(test.chi_squared),
        degrees_of_freedom: count_from(violations, path, test.degrees_of_freedom)?,
        p_value: estimate_from(test.p_value),
    })
}

fn optional_test_from(
    violations: &mut Violations,
    path: &str,
    test: Option<common::ChiSquaredTest>,
) -> Option<Option<TestResult>> {
    optional(test, |test| test_from(violations, path, Some(test)))
}

fn term_tests_from(
    violations: &mut Violations,
    path: &str,
    tests: Vec<pb::TermTest>,
) -> Option<Vec<TermTest>> {
    let read = |test: pb::TermTest| {
        Some(TermTest { term: test.term, test: test_from(violations, path, test.test)? })
    };
    tests.into_iter().map(read).collect()
}

fn coefficient_tests_from(
    violations: &mut Violations,
    path: &str,
    tests: Vec<pb::CoefficientTest>,
) -> Option<Vec<CoefficientTest>> {
    let read = |test: pb::CoefficientTest| {
        Some(CoefficientTest { name: test.name, test: test_from(violations, path, test.test)? })
    };
    tests.into_iter().map(read).collect()
}

fn concordance_from(concordance: pb::Concordance) -> Concordance {
    Concordance {
        value: estimate_from(concordance.value),
        standard_error: estimate_from(concordance.standard_error),
        robust_standard_error: concordance
            .robust_standard_error
            .map(|error| estimate_from(Some(error))),
        concordant: concordance.concordant_pairs,
        discordant: concordance.discordant_pairs,
        tied_risk: concordance.tied_risk_pairs,
        tied_time: concordance.tied_time_pairs,
        tied_both: concordance.tied_both_pairs,
    }
}

fn proportional_hazards_from(
    violations: &mut Violations,
    path: &str,
    tests: pb::ProportionalHazards,
) -> Option<ProportionalHazards> {
    let transform = transform_from(tests.transform);
    Some(ProportionalHazards {
        transform: violations.require_known(format!("{path}.proportional_hazards"), transform)?,
        terms: term_tests_from(violations, path, tests.terms)?,
        coefficients: coefficient_tests_from(violations, path, tests.coefficients)?,
        global: test_from(violations, path, tests.global)?,
    })
}
