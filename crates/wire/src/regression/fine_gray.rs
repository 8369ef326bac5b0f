//! Fine and Gray's model.

use super::{cox_fit_from, cox_fit_to, iteration_from, ties_from, ties_to};
use crate::common::{
    columns_from, confidence_from, count, enum_conversion, optional_column, required_name, term_to,
    terms_from,
};
use crate::incidence::{cause_endpoint_columns, cause_endpoint_from, cause_endpoint_to};
use crate::pb::regression as pb;
use crate::violation::Violations;
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Malformed, Unreadable};
use cohort::Selection;
use cox::{CensoringTies, CensoringVariance, CoxFit, CoxOptions, FineGrayQuery};

enum_conversion!(
    censoring_ties_to,
    censoring_ties_from,
    CensoringTies,
    pb::CensoringTies,
    Some(CensoringTies::default()),
    [AfterEvents, WithEvents]
);
enum_conversion!(
    censoring_variance_to,
    censoring_variance_from,
    CensoringVariance,
    pb::CensoringVariance,
    Some(CensoringVariance::default()),
    [Known, Estimated]
);

/// Asks for a model of the cumulative incidence.
#[must_use]
pub fn fine_gray_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    query: &FineGrayQuery,
) -> pb::FitFineGrayRequest {
    let columns = cause_endpoint_columns(&query.endpoint)
        .chain(query.terms.iter().flat_map(|term| term.columns()))
        .chain(query.strata.iter().map(String::as_str))
        .chain(query.cluster.as_deref());
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    pb::FitFineGrayRequest {
        cohort,
        selection,
        endpoint: Some(cause_endpoint_to(&query.endpoint)),
        cause: query.cause.clone(),
        terms: query.terms.iter().map(term_to).collect(),
        strata_columns: query.strata.clone(),
        cluster_column: query.cluster.clone().unwrap_or_default(),
        options: Some(options(query)),
    }
}

fn options(query: &FineGrayQuery) -> pb::FineGrayOptions {
    pb::FineGrayOptions {
        ties: ties_to(query.options.ties),
        max_iterations: Some(count(query.options.max_iterations)),
        tolerance: Some(query.options.tolerance),
        confidence: Some(query.options.confidence),
        censoring_ties: censoring_ties_to(query.censoring_ties),
        censoring_variance: censoring_variance_to(query.censoring_variance),
    }
}

impl CohortRequest for pb::FitFineGrayRequest {
    type Query = FineGrayQuery;

    fn asked(self, cohorts: &dyn Cohorts) -> Result<Asked<FineGrayQuery>, Unreadable> {
        let pb::FitFineGrayRequest { cohort, selection, endpoint, cause, terms, .. } = self;
        Asked::read(cohorts, cohort, selection, |violations, cohort| {
            let endpoint = cause_endpoint_from(violations, endpoint, cohort);
            let cause = required_name(violations, "cause", cause);
            let terms = terms_from(violations, "terms", terms, cohort);
            let strata = self.strata_columns;
            let strata = columns_from(violations, "strata_columns", strata, cohort);
            let cluster = self.cluster_column;
            let cluster = optional_column(violations, "cluster_column", cluster, cohort);
            let settings = settings(violations, self.options.unwrap_or_default());
            let (options, censoring_ties, censoring_variance) = settings?;
            Some(FineGrayQuery {
                strata,
                cluster,
                censoring_ties,
                censoring_variance,
                options,
                ..FineGrayQuery::new(endpoint?, cause?, terms?)
            })
        })
    }
}

fn settings(
    violations: &mut Violations,
    options: pb::FineGrayOptions,
) -> Option<(CoxOptions, CensoringTies, CensoringVariance)> {
    let defaults = CoxOptions::default();
    let ties = violations.require_known("options.ties", ties_from(options.ties));
    let iteration = iteration_from(
        violations,
        options.max_iterations,
        options.tolerance,
        (defaults.max_iterations, defaults.tolerance),
    );
    let confidence = confidence_from(violations, "options.confidence", options.confidence);
    let censoring_ties = censoring_ties_from(options.censoring_ties);
    let censoring_ties = violations.require_known("options.censoring_ties", censoring_ties);
    let variance = censoring_variance_from(options.censoring_variance);
    let variance = violations.require_known("options.censoring_variance", variance);
    let (max_iterations, tolerance) = iteration?;
    let options =
        CoxOptions { ties: ties?, max_iterations, tolerance, confidence: confidence?, ..defaults };
    Some((options, censoring_ties?, variance?))
}

/// Answers with a model of the cumulative incidence and the options in force.
#[must_use]
pub fn fine_gray_response(fit: CoxFit, query: &FineGrayQuery) -> pb::FitFineGrayResponse {
    pb::FitFineGrayResponse { fit: Some(cox_fit_to(fit)), options: Some(options(query)) }
}

/// Reads a model of the cumulative incidence.
pub fn fine_gray_from(response: pb::FitFineGrayResponse) -> Result<CoxFit, Malformed> {
    let mut violations = Violations::default();
    let fit = violations.require("fit", response.fit);
    let fit = fit.and_then(|fit| cox_fit_from(&mut violations, "fit", fit));
    violations.finish(fit)
}
