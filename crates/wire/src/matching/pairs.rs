//! Matched samples and their certificate.

use super::match_options::{match_option_path, options_from, options_to};
use crate::common::{
    caveats_from, caveats_to, count, count_from, counts_from, estimate_from, estimate_to,
    optional_name, required_name,
};
use crate::pb::matching as pb;
use crate::violation::Violations;
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Malformed, Unreadable};
use cohort::{Cohort, Selection};
use matching::{Certificate, MatchQuery, MatchedSample, MatchingError, Pair};

/// Asks for matched sets.
#[must_use]
pub fn match_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    query: &MatchQuery,
) -> pb::MatchPairsRequest {
    let (cohort, selection) = Asked::<()>::written(cohort, selection, query.columns());
    let distance_column = query.score.clone().unwrap_or_default();
    pb::MatchPairsRequest { cohort, selection, distance_column, ..query_to(query) }
}

/// How sets are formed: a request without patients and without the column of their score.
pub(crate) fn query_to(query: &MatchQuery) -> pb::MatchPairsRequest {
    pb::MatchPairsRequest {
        cohort: None,
        selection: None,
        exposure_column: query.exposure.clone(),
        exposed_level: query.exposed.clone(),
        distance_column: String::new(),
        exact_columns: query.exact.clone(),
        options: Some(options_to(query)),
        covariate_columns: query.covariates.clone(),
        anti_exact_columns: query.anti_exact.clone(),
        site_column: query.site.as_ref().map(|site| site.column.clone()).unwrap_or_default(),
    }
}

impl CohortRequest for pb::MatchPairsRequest {
    type Query = MatchQuery;

    fn asked(mut self, cohorts: &dyn Cohorts) -> Result<Asked<MatchQuery>, Unreadable> {
        let (cohort, selection) = (self.cohort.take(), self.selection.take());
        Asked::read(cohorts, cohort, selection, |violations, cohort| {
            let score = optional_name(std::mem::take(&mut self.distance_column));
            if let Some(column) = &score {
                violations.check("distance_column", cohort.values(column));
            }
            query_from(violations, self, score, cohort)
        })
    }
}

/// How sets are formed on a score of this name, if there is one.
pub(crate) fn query_from(
    violations: &mut Violations,
    request: pb::MatchPairsRequest,
    score: Option<String>,
    cohort: &Cohort,
) -> Option<MatchQuery> {
    let exposure = required_name(violations, "exposure_column", request.exposure_column);
    let exposed = required_name(violations, "exposed_level", request.exposed_level);
    let n_covariates = request.covariate_columns.len();
    let options = request.options.unwrap_or_default();
    let options = options_from(violations, options, request.site_column, n_covariates)?;
    let query = MatchQuery {
        exposure: exposure?,
        exposed: exposed?,
        estimand: options.estimand,
        method: options.method,
        score,
        covariates: request.covariate_columns,
        caliper: options.caliper,
        covariate_calipers: options.covariate_calipers,
        exact: request.exact_columns,
        anti_exact: request.anti_exact_columns,
        site: options.site,
        discard: options.discard,
    };
    columns_are_known(violations, &query, cohort);
    if let Err(MatchingError::Option { option, message }) = matching::check(&query) {
        violations.add(match_option_path(option), message);
    }
    Some(query)
}

/// Names the field of every column that the cohort does not have, but for that of the score.
fn columns_are_known(violations: &mut Violations, query: &MatchQuery, cohort: &Cohort) {
    let one = |path: &str, column: &str| vec![(path.to_string(), column.to_string())];
    let each = |path: &str, columns: &[String]| -> Vec<(String, String)> {
        let named = columns.iter().enumerate();
        named.map(|(index, column)| (format!("{path}[{index}]"), column.clone())).collect()
    };
    let mut named = one("exposure_column", &query.exposure);
    named.extend(each("covariate_columns", &query.covariates));
    named.extend(each("exact_columns", &query.exact));
    named.extend(each("anti_exact_columns", &query.anti_exact));
    named.extend(query.site.iter().flat_map(|site| one("site_column", &site.column)));
    for (index, limit) in query.covariate_calipers.iter().enumerate() {
        let path = format!("options.covariate_calipers[{index}].column");
        named.push((path, limit.column.clone()));
    }
    for (path, column) in named {
        violations.check(path, cohort.values(&column));
    }
}

/// Answers with matched sets, as rows of the caller, and the options in force.
#[must_use]
pub fn match_response(sample: MatchedSample, asked: &Asked<MatchQuery>) -> pb::MatchPairsResponse {
    let row = |&row: &usize| count(asked.cohort.caller_row(row));
    let subclasses = sample.subclass.iter().map(|&set| count(set as usize)).collect();
    pb::MatchPairsResponse {
        exposed_rows: sample.pairs.iter().map(|pair| row(&pair.exposed)).collect(),
        comparator_rows: sample.pairs.iter().map(|pair| row(&pair.comparator)).collect(),
        distances: sample.pairs.iter().map(|pair| pair.distance).collect(),
        unmatched_exposed_rows: sample.unmatched_exposed.iter().map(row).collect(),
        certificate: Some(certificate_to(sample.certificate)),
        caveats: caveats_to(sample.caveats),
        options: Some(options_to(&asked.query)),
        unit_rows: asked.selection.rows().iter().map(row).collect(),
        subclasses,
        weights: sample.weights,
        discarded_rows: sample.discarded.iter().map(row).collect(),
    }
}

fn certificate_to(certificate: Certificate) -> pb::MatchCertificate {
    pb::MatchCertificate {
        exposed_count: count(certificate.n_exposed),
        comparator_count: count(certificate.n_comparators),
        caliper: certificate.caliper,
        score_sd: Some(estimate_to(certificate.score_sd)),
        largest_distance: Some(estimate_to(certificate.largest_distance)),
        total_distance: certificate.total_distance,
        tie_count: count(certificate.n_ties),
        algorithm: certificate.algorithm,
        estimand: certificate.estimand,
        matched_exposed_count: count(certificate.n_matched_exposed),
        matched_comparator_count: count(certificate.n_matched_comparators),
        largest_over_caliper: Some(estimate_to(certificate.largest_over_caliper)),
        digest: certificate.digest,
    }
}

impl TryFrom<pb::MatchPairsResponse> for MatchedSample {
    type Error = Malformed;

    fn try_from(response: pb::MatchPairsResponse) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let sample = matched_from(&mut violations, response);
        violations.finish(sample)
    }
}

fn matched_from(
    violations: &mut Violations,
    response: pb::MatchPairsResponse,
) -> Option<MatchedSample> {
    let exposed = counts_from(violations, "exposed_rows", response.exposed_rows)?;
    let comparators = counts_from(violations, "comparator_rows", response.comparator_rows)?;
    if exposed.len() != comparators.len() || exposed.len() != response.distances.len() {
        violations.add("exposed_rows", "the lists of pairs have different lengths");
        return None;
    }
    let (subclasses, weights) = (response.subclasses, response.weights);
    let n_units = weights.len();
    if n_units != response.unit_rows.len() || ![0, n_units].contains(&subclasses.len()) {
        violations.add("unit_rows", "the lists of units have different lengths");
        return None;
    }
    let pair = |((exposed, comparator), distance)| Pair { exposed, comparator, distance };
    let certificate = violations.require("certificate", response.certificate)?;
    let unmatched = response.unmatched_exposed_rows;
    let subclass = counts_from(violations, "subclasses", subclasses)?;
    Some(MatchedSample {
        pairs: exposed.into_iter().zip(comparators).zip(response.distances).map(pair).collect(),
        subclass: subclass.into_iter().map(|set| set as u32).collect(),
        weights,
        discarded: counts_from(violations, "discarded_rows", response.discarded_rows)?,
        unmatched_exposed: counts_from(violations, "unmatched_exposed_rows", unmatched)?,
        certificate: certificate_from(violations, certificate)?,
        caveats: caveats_from(violations, "caveats", response.caveats),
    })
}

fn certificate_from(
    violations: &mut Violations,
    certificate: pb::MatchCertificate,
) -> Option<Certificate> {
    let mut count_of =
        |name: &str, number: i32| count_from(violations, &format!("certificate.{name}"), number);
    Some(Certificate {
        n_exposed: count_of("exposed_count", certificate.exposed_count)?,
        n_comparators: count_of("comparator_count", certificate.comparator_count)?,
        n_matched_exposed: count_of("matched_exposed_count", certificate.matched_exposed_count)?,
        n_matched_comparators: count_of(
            "matched_comparator_count",
            certificate.matched_comparator_count,
        )?,
        caliper: certificate.caliper,
        score_sd: estimate_from(certificate.score_sd),
        largest_distance: estimate_from(certificate.largest_distance),
        total_distance: certificate.total_distance,
        largest_over_caliper: estimate_from(certificate.largest_over_caliper),
        n_ties: count_of("tie_count", certificate.tie_count)?,
        algorithm: certificate.algorithm,
        estimand: certificate.estimand,
        digest: certificate.digest,
    })
}
