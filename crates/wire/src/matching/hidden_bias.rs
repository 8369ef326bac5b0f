//! Bounds under hidden bias.

use crate::common::{
    count, endpoint_from, estimate_to, optional_name, required_column, required_name,
    required_number,
};
use crate::pb::matching as pb;
use crate::violation::Violations;
use crate::{Asked, Malformed};
use cohort::{Cohort, Estimate};
use hypothesis::{HiddenBias, HiddenBiasAnswer, HiddenBiasQuery, PairOutcome};

/// Factors for which bounds are given unless asked otherwise.
const DEFAULT_GAMMAS: [f64; 8] = [1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0];

/// The level of a one-sided test unless asked otherwise.
const DEFAULT_LEVEL: f64 = 0.025;

impl TryFrom<pb::BoundHiddenBiasRequest> for Asked<HiddenBiasQuery> {
    type Error = Malformed;

    fn try_from(mut request: pb::BoundHiddenBiasRequest) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let (cohort, selection) = (request.cohort.take(), request.selection.take());
        let asked = Asked::read(&mut violations, cohort, selection, |violations, cohort| {
            query_from(violations, request, cohort)
        });
        violations.finish(asked)
    }
}

fn query_from(
    violations: &mut Violations,
    request: pb::BoundHiddenBiasRequest,
    cohort: &Cohort,
) -> Option<HiddenBiasQuery> {
    let exposure = request.exposure_column;
    let exposure = required_column(violations, "exposure_column", exposure, cohort);
    let exposed = required_name(violations, "exposed_level", request.exposed_level);
    let pair = required_column(violations, "pair_column", request.pair_column, cohort);
    let outcome = match (optional_name(request.outcome_column), request.endpoint) {
        (Some(column), None) => {
            let column = required_number(violations, "outcome_column", column, cohort);
            column.map(PairOutcome::Number)
        }
        (None, endpoint @ Some(_)) => {
            endpoint_from(violations, endpoint, cohort).map(PairOutcome::FollowUp)
        }
        (Some(_), Some(_)) => {
            violations.add("outcome_column", "must be empty where an endpoint is given");
            None
        }
        (None, None) => {
            violations.add("outcome_column", "is missing, and so is an endpoint");
            None
        }
    };
    let gammas = if request.gammas.is_empty() { DEFAULT_GAMMAS.to_vec() } else { request.gammas };
    Some(HiddenBiasQuery {
        exposure: exposure?,
        exposed: exposed?,
        pair: pair?,
        outcome: outcome?,
        exposed_fare_less: request.exposed_fare_less,
        gammas,
        level: request.level.unwrap_or(DEFAULT_LEVEL),
    })
}

/// Answers with the bounds of each factor asked for.
#[must_use]
pub fn hidden_bias_response(
    answer: HiddenBiasAnswer,
    query: &HiddenBiasQuery,
) -> pb::BoundHiddenBiasResponse {
    let bound = |(&gamma, bounds): (&f64, &Estimate<HiddenBias>)| pb::HiddenBiasBound {
        gamma,
        p_upper: Some(estimate_to(bounds.map(|bounds| bounds.p_upper))),
        p_lower: Some(estimate_to(bounds.map(|bounds| bounds.p_lower))),
        p_upper_normal: bounds.ok().and_then(|bounds| bounds.p_upper_normal),
    };
    pb::BoundHiddenBiasResponse {
        pair_count: count(answer.n_pairs),
        positive_count: count(answer.n_positive),
        negative_count: count(answer.n_negative),
        uninformative_count: count(answer.n_pairs - answer.n_positive - answer.n_negative),
        bounds: query.gammas.iter().zip(&answer.bounds).map(bound).collect(),
        largest_gamma: Some(estimate_to(answer.largest_gamma)),
        level: query.level,
    }
}
