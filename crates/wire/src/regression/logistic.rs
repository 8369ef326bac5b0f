//! Logistic models.

use super::likelihood::{
    penalised_from, penalised_to, penalty_from, penalty_to, profile_limits_from, profile_limits_to,
};
use super::performance::{performance_from, performance_to};
use super::{
    iteration_from, optional, optional_test_from, term_test_to, term_tests_from, test_from, test_to,
};
use crate::common::{
    caveats_from, caveats_to, confidence_from, count, count_from, counts, counts_from,
    enum_conversion, estimate_from, estimate_to, interval_from, interval_to, matrix_from,
    matrix_to, optional_column, optional_number, reason_from, reason_to, required_column,
    required_name, term_to, terms_from, weights_from, weights_to,
};
use crate::pb::{common, regression as pb};
use crate::violation::Violations;
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Malformed, Unreadable};
use cohort::{Cohort, NotEstimable, Selection, Variance};
use propensity::{
    FittedSubjects, Influence, Level, Link, LogisticCoefficient, LogisticExtras, LogisticFit,
    LogisticOptions, LogisticQuery, OnSeparation, PerformanceOptions, ProfiledCoefficient,
};

enum_conversion!(link_to, link_from, Link, pb::Link, Some(Link::default()), [Logit, Probit]);
enum_conversion!(
    on_separation_to,
    on_separation_from,
    OnSeparation,
    pb::OnSeparation,
    Some(OnSeparation::default()),
    [Report, Firth]
);
/// The settings of a query.
pub(crate) fn logistic_options_to(query: &LogisticQuery) -> pb::LogisticOptions {
    let LogisticQuery { options, extras, .. } = query;
    let (penalty, ridge_lambda) = penalty_to(options.penalty);
    let (profile_limits, profile_columns) = profile_limits_to(&extras.profile_limits);
    pb::LogisticOptions {
        max_iterations: Some(count(options.max_iterations)),
        tolerance: Some(options.tolerance),
        confidence: Some(options.confidence),
        link: link_to(options.link),
        penalty,
        ridge_lambda,
        on_separation: on_separation_to(options.on_separation),
        profile_limits,
        profile_columns,
        term_likelihood_ratios: extras.term_likelihood_ratios,
        robust_variance: query.variance == Variance::Robust,
        subjects: extras.subjects,
        performance: extras.performance_groups.is_some(),
        performance_groups: extras.performance_groups.map(count),
    }
}

fn options_from(
    violations: &mut Violations,
    options: &pb::LogisticOptions,
) -> Option<LogisticOptions> {
    let defaults = LogisticOptions::default();
    let iteration = iteration_from(
        violations,
        options.max_iterations,
        options.tolerance,
        (defaults.max_iterations, defaults.tolerance),
    );
    let confidence = confidence_from(violations, "options.confidence", options.confidence);
    let link = violations.require_known("options.link", link_from(options.link));
    let (penalty, lambda) = (options.penalty, options.ridge_lambda);
    let penalty = penalty_from(violations, "options", penalty, lambda);
    let on_separation = on_separation_from(options.on_separation);
    let on_separation = violations.require_known("options.on_separation", on_separation);
    let (max_iterations, tolerance) = iteration?;
    Some(LogisticOptions {
        link: link?,
        penalty: penalty?,
        on_separation: on_separation?,
        max_iterations,
        tolerance,
        confidence: confidence?,
    })
}

fn extras_from(violations: &mut Violations, options: pb::LogisticOptions) -> LogisticExtras {
    let groups = groups_from(violations, "options.performance_groups", options.performance_groups);
    LogisticExtras {
        profile_limits: profile_limits_from(options.profile_limits, options.profile_columns),
        term_likelihood_ratios: options.term_likelihood_ratios,
        subjects: options.subjects,
        performance_groups: groups.filter(|_| options.performance),
    }
}

/// A number of groups of predicted risk, or its default.
pub(super) fn groups_from(
    violations: &mut Violations,
    path: &str,
    groups: Option<i32>,
) -> Option<usize> {
    let Some(groups) = groups else { return Some(PerformanceOptions::default().groups) };
    let is_enough = |groups: &usize| *groups >= PerformanceOptions::FEWEST_GROUPS;
    let groups = usize::try_from(groups).ok().filter(is_enough);
    violations.check(path, groups.ok_or("must be at least 3"))
}

/// The columns that a logistic model reads.
pub(crate) fn logistic_columns(query: &LogisticQuery) -> impl Iterator<Item = &str> {
    let terms = query.terms.iter().flat_map(|term| term.columns());
    [query.outcome.column.as_str()]
        .into_iter()
        .chain(terms)
        .chain(query.weights.as_ref().map(|weights| weights.column.as_str()))
        .chain(query.offset.as_deref())
        .chain(query.cluster.as_deref())
}

/// A model as a message.
pub(crate) fn logistic_model_to(query: &LogisticQuery) -> pb::LogisticModel {
    pb::LogisticModel {
        outcome_column: query.outcome.column.clone(),
        outcome_level: query.outcome.level.clone(),
        terms: query.terms.iter().map(term_to).collect(),
        case_weights: query.weights.as_ref().map(weights_to),
        offset_column: query.offset.clone().unwrap_or_default(),
        cluster_column: query.cluster.clone().unwrap_or_default(),
        options: Some(logistic_options_to(query)),
    }
}

/// The model in the field `model`.
pub(crate) fn logistic_model_from(
    violations: &mut Violations,
    model: Option<pb::LogisticModel>,
    cohort: &Cohort,
) -> Option<LogisticQuery> {
    let model = violations.require("model", model)?;
    violations.within(("", "model."), |violations| query_from(violations, model, cohort))
}

fn query_from(
    violations: &mut Violations,
    model: pb::LogisticModel,
    cohort: &Cohort,
) -> Option<LogisticQuery> {
    let column = required_column(violations, "outcome_column", model.outcome_column, cohort);
    let level = required_name(violations, "outcome_level", model.outcome_level);
    let terms = terms_from(violations, "terms", model.terms, cohort);
    let weights = weights_from(violations, "case_weights", model.case_weights, cohort);
    let offset = optional_number(violations, "offset_column", model.offset_column, cohort);
    let cluster = optional_column(violations, "cluster_column", model.cluster_column, cohort);
    let settings = model.options.unwrap_or_default();
    let options = options_from(violations, &settings);
    let variance = match settings.robust_variance {
        true => Variance::Robust,
        false => Variance::Automatic,
    };
    let extras = extras_from(violations, settings);
    Some(LogisticQuery {
        outcome: Level { column: column?, level: level? },
        terms: terms?,
        weights: weights?,
        offset,
        cluster,
        variance,
        options: options?,
        extras,
    })
}

/// Asks for a logistic model.
#[must_use]
pub fn logistic_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    query: &LogisticQuery,
) -> pb::FitLogisticRequest {
    let (cohort, selection) = Asked::<()>::written(cohort, selection, logistic_columns(query));
    pb::FitLogisticRequest { cohort, selection, model: Some(logistic_model_to(query)) }
}

impl CohortRequest for pb::FitLogisticRequest {
    type Query = LogisticQuery;

    fn asked(self, cohorts: &dyn Cohorts) -> Result<Asked<LogisticQuery>, Unreadable> {
        let pb::FitLogisticRequest { cohort, selection, model } = self;
        Asked::read(cohorts, cohort, selection, |violations, cohort| {
            logistic_model_from(violations, model, cohort)
        })
    }
}

/// Answers with a logistic model, its subjects by the rows of the caller, and the options in force.
#[must_use]
pub fn logistic_response(
    fit: LogisticFit,
    asked: &Asked<LogisticQuery>,
) -> pb::FitLogisticResponse {
    pb::FitLogisticResponse {
        fit: Some(logistic_fit_to(fit, &asked.cohort)),
        options: Some(logistic_options_to(&asked.query)),
    }
}

impl TryFrom<pb::FitLogisticResponse> for LogisticFit {
    type Error = Malformed;

    /// Reads a model; rows count as the sender of the cohort counted them.
    fn try_from(response: pb::FitLogisticResponse) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let fit = violations.require("fit", response.fit);
        let fit = fit.and_then(|fit| logistic_fit_from(&mut violations, "fit", fit));
        violations.finish(fit)
    }
}

pub(crate) fn logistic_fit_to(fit: LogisticFit, cohort: &Cohort) -> pb::LogisticFit {
    pb::LogisticFit {
        subject_count: count(fit.n),
        outcome_count: count(fit.n_outcomes),
        coefficients: fit.coefficients.into_iter().map(coefficient_to).collect(),
        covariance: Some(matrix_to(&fit.covariance)),
        robust_covariance: fit.robust_covariance.as_deref().map(matrix_to),
        null_deviance: fit.null_deviance,
        deviance: fit.deviance,
        degrees_of_freedom: fit.degrees_of_freedom,
        aic: fit.aic,
        bic: fit.bic,
        mcfadden_r_squared: fit.mcfadden_r_squared,
        nagelkerke_r_squared: fit.nagelkerke_r_squared,
        likelihood_ratio_test: Some(test_to(fit.likelihood_ratio_test)),
        wald_test: Some(test_to(fit.wald_test)),
        score_test: Some(test_to(fit.score_test)),
        robust_wald_test: fit.robust_wald_test.map(test_to),
        term_tests: fit.term_tests.into_iter().map(term_test_to).collect(),
        term_likelihood_ratio_tests: fit
            .term_likelihood_ratio_tests
            .into_iter()
            .map(term_test_to)
            .collect(),
        iteration_count: count(fit.iterations),
        penalised: fit.penalised.map(penalised_to),
        subjects: fit.subjects.map(|subjects| subjects_to(subjects, cohort)),
        performance: fit.performance.map(performance_to),
        firth: fit.firth.map(|firth| Box::new(logistic_fit_to(*firth, cohort))),
        caveats: caveats_to(fit.caveats),
    }
}

fn coefficient_to(coefficient: LogisticCoefficient) -> pb::LogisticCoefficient {
    pb::LogisticCoefficient {
        name: coefficient.name,
        term: coefficient.term,
        estimate: Some(estimate_to(coefficient.estimate)),
        standard_error: Some(estimate_to(coefficient.standard_error)),
        estimate_interval: Some(interval_to(coefficient.estimate_interval)),
        odds_ratio: Some(estimate_to(coefficient.odds_ratio)),
        interval: Some(interval_to(coefficient.interval)),
        z: Some(estimate_to(coefficient.z)),
        p_value: Some(estimate_to(coefficient.p_value)),
        augmented_standard_error: coefficient.augmented_standard_error.map(estimate_to),
        robust_standard_error: coefficient.robust_standard_error.map(estimate_to),
        robust_estimate_interval: coefficient.robust_estimate_interval.map(interval_to),
        robust_interval: coefficient.robust_interval.map(interval_to),
        robust_p_value: coefficient.robust_p_value.map(estimate_to),
        profile: coefficient.profile.map(|profile| pb::LogisticProfile {
            interval: Some(interval_to(profile.interval)),
            odds_ratio_interval: Some(interval_to(profile.odds_ratio_interval)),
            test: Some(test_to(profile.test)),
        }),
    }
}

fn subjects_to(subjects: FittedSubjects, cohort: &Cohort) -> pb::LogisticSubjects {
    let rows: Vec<usize> = subjects.rows.iter().map(|&row| cohort.caller_row(row)).collect();
    let (influence, influence_reason) = match subjects.influence {
        Ok(influence) => (Some(influence), 0),
        Err(reason) => (None, reason_to(reason)),
    };
    let (leverages, distances) = influence
        .map_or_else(Default::default, |influence| (influence.leverage, influence.cooks_distance));
    pb::LogisticSubjects {
        rows: counts(&rows),
        linear_predictors: subjects.linear_predictor,
        probabilities: subjects.probability,
        deviance_residuals: subjects.deviance_residual,
        pearson_residuals: subjects.pearson_residual,
        leverages,
        cooks_distances: distances.into_iter().map(estimate_to).collect(),
        influence_reason,
    }
}

pub(crate) fn logistic_fit_from(
    violations: &mut Violations,
    path: &str,
    fit: pb::LogisticFit,
) -> Option<LogisticFit> {
    let within = |field: &str| format!("{path}.{field}");
    let robust_covariance = optional(fit.robust_covariance, |matrix| {
        matrix_from(violations, &within("robust_covariance"), matrix)
    })?;
    let coefficients =
        fit.coefficients.into_iter().map(|part| coefficient_from(violations, path, part));
    let coefficients = coefficients.collect::<Option<Vec<_>>>()?;
    let firth = optional(fit.firth, |firth| {
        logistic_fit_from(violations, &within("firth"), *firth).map(Box::new)
    })?;
    let tests = term_tests_from(violations, path, fit.term_likelihood_ratio_tests)?;
    let covariance = fit.covariance.unwrap_or_default();
    Some(LogisticFit {
        n: count_from(violations, path, fit.subject_count)?,
        n_outcomes: count_from(violations, path, fit.outcome_count)?,
        coefficients,
        covariance: matrix_from(violations, &within("covariance"), covariance)?,
        robust_covariance,
        null_deviance: fit.null_deviance,
        deviance: fit.deviance,
        degrees_of_freedom: fit.degrees_of_freedom,
        aic: fit.aic,
        bic: fit.bic,
        mcfadden_r_squared: fit.mcfadden_r_squared,
        nagelkerke_r_squared: fit.nagelkerke_r_squared,
        likelihood_ratio_test: test_from(violations, path, fit.likelihood_ratio_test)?,
        wald_test: test_from(violations, path, fit.wald_test)?,
        score_test: test_from(violations, path, fit.score_test)?,
        robust_wald_test: optional_test_from(violations, path, fit.robust_wald_test)?,
        term_tests: term_tests_from(violations, path, fit.term_tests)?,
        term_likelihood_ratio_tests: tests,
        iterations: count_from(violations, path, fit.iteration_count)?,
        penalised: optional(fit.penalised, |part| {
            penalised_from(violations, &within("penalised"), part)
        })?,
        subjects: optional(fit.subjects, |subjects| {
            subjects_from(violations, &within("subjects"), subjects)
        })?,
        performance: optional(fit.performance, |found| {
            performance_from(violations, &within("performance"), found)
        })?,
        firth,
        caveats: caveats_from(violations, &within("caveats"), fit.caveats),
    })
}

fn coefficient_from(
    violations: &mut Violations,
    path: &str,
    coefficient: pb::LogisticCoefficient,
) -> Option<LogisticCoefficient> {
    let present =
        |estimate: Option<common::Estimate>| estimate.map(|estimate| estimate_from(Some(estimate)));
    let limits =
        |interval: Option<common::Interval>| interval.map(|interval| interval_from(Some(interval)));
    let profile = optional(coefficient.profile, |profile| {
        Some(ProfiledCoefficient {
            interval: interval_from(profile.interval),
            odds_ratio_interval: interval_from(profile.odds_ratio_interval),
            test: test_from(violations, path, profile.test)?,
        })
    })?;
    Some(LogisticCoefficient {
        name: coefficient.name,
        term: coefficient.term,
        estimate: estimate_from(coefficient.estimate),
        standard_error: estimate_from(coefficient.standard_error),
        augmented_standard_error: present(coefficient.augmented_standard_error),
        robust_standard_error: present(coefficient.robust_standard_error),
        estimate_interval: interval_from(coefficient.estimate_interval),
        odds_ratio: estimate_from(coefficient.odds_ratio),
        interval: interval_from(coefficient.interval),
        z: estimate_from(coefficient.z),
        p_value: estimate_from(coefficient.p_value),
        robust_estimate_interval: limits(coefficient.robust_estimate_interval),
        robust_interval: limits(coefficient.robust_interval),
        robust_p_value: present(coefficient.robust_p_value),
        profile,
    })
}

fn subjects_from(
    violations: &mut Violations,
    path: &str,
    subjects: pb::LogisticSubjects,
) -> Option<FittedSubjects> {
    let influence = match subjects.influence_reason {
        0 => Ok(Influence {
            leverage: subjects.leverages,
            cooks_distance: subjects
                .cooks_distances
                .into_iter()
                .map(|distance| estimate_from(Some(distance)))
                .collect(),
        }),
        reason => Err(reason_from(reason).unwrap_or(NotEstimable::NotDefined)),
    };
    Some(FittedSubjects {
        rows: counts_from(violations, &format!("{path}.rows"), subjects.rows)?,
        linear_predictor: subjects.linear_predictors,
        probability: subjects.probabilities,
        deviance_residual: subjects.deviance_residuals,
        pearson_residual: subjects.pearson_residuals,
        influence,
    })
}
