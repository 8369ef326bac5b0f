//! Matched samples and their certificate.

use crate::common::{
    caveats_from, caveats_to, count, count_from, counts_from, enum_conversion, estimate_from,
    estimate_to, required_name,
};
use crate::pb::matching as pb;
use crate::violation::Violations;
use crate::{Asked, Malformed};
use cohort::{Cohort, Selection};
use matching::{Caliper, CaliperScale, Certificate, MatchOrder, MatchQuery, MatchedSample, Pair};

enum_conversion!(
    scale_to,
    scale_from,
    CaliperScale,
    pb::CaliperScale,
    Some(CaliperScale::default()),
    [StandardDeviations, Raw]
);
enum_conversion!(
    order_to,
    order_from,
    MatchOrder,
    pb::MatchOrder,
    Some(MatchOrder::default()),
    [Largest, Smallest, Data]
);

/// Asks for pairs.
#[must_use]
pub fn match_request(
    cohort: &Cohort,
    selection: &Selection,
    query: &MatchQuery,
) -> pb::MatchPairsRequest {
    let columns = [query.exposure.as_str(), query.distance.as_str()]
        .into_iter()
        .chain(query.exact.iter().map(String::as_str));
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    pb::MatchPairsRequest {
        cohort,
        selection,
        exposure_column: query.exposure.clone(),
        exposed_level: query.exposed.clone(),
        distance_column: query.distance.clone(),
        exact_columns: query.exact.clone(),
        options: Some(match_options(query)),
    }
}

fn match_options(query: &MatchQuery) -> pb::MatchOptions {
    pb::MatchOptions {
        caliper: query.caliper.map(|caliper| caliper.width),
        caliper_scale: scale_to(
            query.caliper.map_or_else(Default::default, |caliper| caliper.scale),
        ),
        order: order_to(query.order),
    }
}

impl TryFrom<pb::MatchPairsRequest> for Asked<MatchQuery> {
    type Error = Malformed;

    fn try_from(request: pb::MatchPairsRequest) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let pb::MatchPairsRequest { cohort, selection, distance_column, options, .. } = request;
        let asked = Asked::read(&mut violations, cohort, selection, |violations, _| {
            let exposure = required_name(violations, "exposure_column", request.exposure_column);
            let exposed = required_name(violations, "exposed_level", request.exposed_level);
            let distance = required_name(violations, "distance_column", distance_column);
            let options = options.unwrap_or_default();
            let order = violations.require_known("options.order", order_from(options.order));
            let caliper = caliper_from(violations, &options)?;
            Some(MatchQuery {
                exposure: exposure?,
                exposed: exposed?,
                distance: distance?,
                caliper,
                order: order?,
                exact: request.exact_columns,
            })
        });
        violations.finish(asked)
    }
}

fn caliper_from(
    violations: &mut Violations,
    options: &pb::MatchOptions,
) -> Option<Option<Caliper>> {
    let scale = scale_from(options.caliper_scale);
    let scale = violations.require_known("options.caliper_scale", scale)?;
    match options.caliper {
        None => Some(None),
        Some(width) if width.is_finite() && width >= 0.0 => Some(Some(Caliper { width, scale })),
        Some(_) => {
            violations.add("options.caliper", "must be finite and not negative");
            None
        }
    }
}

/// Answers with pairs, as rows of the caller, and the options in force.
#[must_use]
pub fn match_response(sample: MatchedSample, asked: &Asked<MatchQuery>) -> pb::MatchPairsResponse {
    let row = |row: usize| count(asked.cohort.caller_row(row));
    let certificate = sample.certificate;
    pb::MatchPairsResponse {
        exposed_rows: sample.pairs.iter().map(|pair| row(pair.exposed)).collect(),
        comparator_rows: sample.pairs.iter().map(|pair| row(pair.comparator)).collect(),
        distances: sample.pairs.iter().map(|pair| pair.distance).collect(),
        unmatched_exposed_rows: sample
            .unmatched_exposed
            .iter()
            .map(|&exposed| row(exposed))
            .collect(),
        certificate: Some(pb::MatchCertificate {
            exposed_count: count(certificate.n_exposed),
            comparator_count: count(certificate.n_comparators),
            caliper: certificate.caliper,
            score_sd: Some(estimate_to(certificate.score_sd)),
            largest_distance: Some(estimate_to(certificate.largest_distance)),
            total_distance: certificate.total_distance,
            tie_count: count(certificate.n_ties),
        }),
        caveats: caveats_to(sample.caveats),
        options: Some(match_options(&asked.query)),
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
    let pair = |((exposed, comparator), distance)| Pair { exposed, comparator, distance };
    let certificate = violations.require("certificate", response.certificate)?;
    Some(MatchedSample {
        pairs: exposed.into_iter().zip(comparators).zip(response.distances).map(pair).collect(),
        unmatched_exposed: counts_from(
            violations,
            "unmatched_exposed_rows",
            response.unmatched_exposed_rows,
        )?,
        certificate: Certificate {
            n_exposed: count_from(violations, "certificate", certificate.exposed_count)?,
            n_comparators: count_from(violations, "certificate", certificate.comparator_count)?,
            caliper: certificate.caliper,
            score_sd: estimate_from(certificate.score_sd),
            largest_distance: estimate_from(certificate.largest_distance),
            total_distance: certificate.total_distance,
            n_ties: count_from(violations, "certificate", certificate.tie_count)?,
        },
        caveats: caveats_from(violations, "caveats", response.caveats),
    })
}
