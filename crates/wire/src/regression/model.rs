//! The Cox model of a request, which every call on such models shares.

use super::likelihood::{
    on_monotone_from, on_monotone_to, penalty_from, penalty_to, profile_limits_from,
    profile_limits_to,
};
use super::{iteration_from, ties_from, ties_to, transform_from, transform_to};
use crate::common::{
    columns_from, confidence_from, count, endpoint_columns, endpoint_from, endpoint_to,
    optional_column, optional_number, term_to, terms_from, weights_from, weights_to,
};
use crate::pb::regression as pb;
use crate::violation::Violations;
use cohort::Cohort;
use cox::{CoxOptions, CoxQuery, Variance};

/// The columns that a model reads.
pub(crate) fn model_columns(query: &CoxQuery) -> impl Iterator<Item = &str> {
    endpoint_columns(&query.endpoint)
        .chain(query.terms.iter().flat_map(|term| term.columns()))
        .chain(query.strata.iter().map(String::as_str))
        .chain(query.cluster.as_deref())
        .chain(query.weights.as_ref().map(|weights| weights.column.as_str()))
        .chain(query.offset.as_deref())
        .chain(query.id.as_deref())
}

/// A model as a message.
pub(crate) fn model_to(query: &CoxQuery) -> pb::CoxModel {
    pb::CoxModel {
        endpoint: Some(endpoint_to(&query.endpoint)),
        terms: query.terms.iter().map(term_to).collect(),
        strata_columns: query.strata.clone(),
        cluster_column: query.cluster.clone().unwrap_or_default(),
        case_weights: query.weights.as_ref().map(weights_to),
        offset_column: query.offset.clone().unwrap_or_default(),
        id_column: query.id.clone().unwrap_or_default(),
        options: Some(model_options_to(query)),
    }
}

/// The settings of a model, none left open.
pub(super) fn model_options_to(query: &CoxQuery) -> pb::CoxOptions {
    let (penalty, ridge_lambda) = penalty_to(query.options.penalty);
    let (profile_limits, profile_columns) = profile_limits_to(&query.profile_limits);
    pb::CoxOptions {
        ties: ties_to(query.options.ties),
        max_iterations: Some(count(query.options.max_iterations)),
        tolerance: Some(query.options.tolerance),
        confidence: Some(query.options.confidence),
        proportional_hazards: query.proportional_hazards.map_or(0, transform_to),
        concordance: query.concordance,
        robust_variance: query.variance == Variance::Robust,
        penalty,
        ridge_lambda,
        on_monotone: on_monotone_to(query.options.on_monotone),
        profile_limits,
        profile_columns,
        term_likelihood_ratios: query.term_likelihood_ratios,
    }
}

/// The model in the field `model`.
pub(crate) fn model_from(
    violations: &mut Violations,
    model: Option<pb::CoxModel>,
    cohort: &Cohort,
) -> Option<CoxQuery> {
    let model = violations.require("model", model)?;
    violations.within(("", "model."), |violations| {
        let endpoint = endpoint_from(violations, model.endpoint, cohort);
        let terms = terms_from(violations, "terms", model.terms, cohort);
        let weights = weights_from(violations, "case_weights", model.case_weights, cohort);
        let strata = columns_from(violations, "strata_columns", model.strata_columns, cohort);
        let cluster = optional_column(violations, "cluster_column", model.cluster_column, cohort);
        let offset = optional_number(violations, "offset_column", model.offset_column, cohort);
        let id = optional_column(violations, "id_column", model.id_column, cohort);
        let settings = settings_from(violations, model.options.unwrap_or_default());
        Some(CoxQuery {
            endpoint: endpoint?,
            terms: terms?,
            strata,
            cluster,
            weights: weights?,
            offset,
            id,
            ..settings?
        })
    })
}

/// The options as a query whose columns are still to be filled in.
fn settings_from(violations: &mut Violations, options: pb::CoxOptions) -> Option<CoxQuery> {
    let defaults = CoxOptions::default();
    let ties = violations.require_known("options.ties", ties_from(options.ties));
    let (max_iterations, tolerance) = iteration_from(
        violations,
        options.max_iterations,
        options.tolerance,
        (defaults.max_iterations, defaults.tolerance),
    )?;
    let confidence = confidence_from(violations, "options.confidence", options.confidence);
    let transform = transform_from(options.proportional_hazards);
    if transform.is_none() && options.proportional_hazards != 0 {
        violations.add("options.proportional_hazards", "is no value of this enum");
    }
    let on_monotone = on_monotone_from(options.on_monotone);
    let on_monotone = violations.require_known("options.on_monotone", on_monotone);
    let (penalty, lambda) = (options.penalty, options.ridge_lambda);
    let penalty = penalty_from(violations, "options", penalty, lambda);
    let variance = match options.robust_variance {
        true => Variance::Robust,
        false => Variance::Automatic,
    };
    Some(CoxQuery {
        variance,
        options: CoxOptions {
            ties: ties?,
            max_iterations,
            tolerance,
            confidence: confidence?,
            penalty: penalty?,
            on_monotone: on_monotone?,
        },
        profile_limits: profile_limits_from(options.profile_limits, options.profile_columns),
        term_likelihood_ratios: options.term_likelihood_ratios,
        proportional_hazards: transform,
        concordance: options.concordance,
        ..CoxQuery::new(cohort::EndpointColumns::new("", ""), Vec::new())
    })
}
