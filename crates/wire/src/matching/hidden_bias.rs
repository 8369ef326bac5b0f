//! Bounds under hidden bias.

use crate::common::{
    count, count_from, endpoint_columns, endpoint_from, endpoint_to, estimate_from, estimate_to,
    optional_name, required_column, required_name, required_number,
};
use crate::pb::matching as pb;
use crate::violation::Violations;
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Malformed, Unreadable};
use cohort::{Cohort, Estimate, Selection};
use hypothesis::{HiddenBias, HiddenBiasAnswer, HiddenBiasQuery, PairOutcome};

/// Factors for which bounds are given unless asked otherwise.
const DEFAULT_GAMMAS: [f64; 8] = [1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0];

/// The level of a one-sided test unless asked otherwise.
const DEFAULT_LEVEL: f64 = 0.025;

/// Asks for bounds.
#[must_use]
pub fn hidden_bias_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    query: &HiddenBiasQuery,
) -> pb::BoundHiddenBiasRequest {
    let (number, endpoint) = match &query.outcome {
        PairOutcome::Number(column) => (column.as_str(), None),
        PairOutcome::FollowUp(columns) => ("", Some(columns)),
    };
    let columns = [query.exposure.as_str(), query.pair.as_str(), number].into_iter();
    let columns = columns.chain(endpoint.into_iter().flat_map(endpoint_columns));
    let columns = columns.filter(|column| !column.is_empty());
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    pb::BoundHiddenBiasRequest {
        cohort,
        selection,
        exposure_column: query.exposure.clone(),
        exposed_level: query.exposed.clone(),
        pair_column: query.pair.clone(),
        outcome_column: number.into(),
        endpoint: endpoint.map(endpoint_to),
        exposed_fare_less: query.exposed_fare_less,
        gammas: query.gammas.clone(),
        level: Some(query.level),
    }
}

impl CohortRequest for pb::BoundHiddenBiasRequest {
    type Query = HiddenBiasQuery;

    fn asked(mut self, cohorts: &dyn Cohorts) -> Result<Asked<HiddenBiasQuery>, Unreadable> {
        let (cohort, selection) = (self.cohort.take(), self.selection.take());
        Asked::read(cohorts, cohort, selection, |violations, cohort| {
            query_from(violations, self, cohort)
        })
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

impl TryFrom<pb::BoundHiddenBiasResponse> for HiddenBiasAnswer {
    type Error = Malformed;

    fn try_from(response: pb::BoundHiddenBiasResponse) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let mut count_of = |name: &str, number| count_from(&mut violations, name, number);
        let counts = (
            count_of("pair_count", response.pair_count),
            count_of("positive_count", response.positive_count),
            count_of("negative_count", response.negative_count),
        );
        let answer = match counts {
            (Some(n_pairs), Some(n_positive), Some(n_negative)) => Some(Self {
                n_pairs,
                n_positive,
                n_negative,
                bounds: response.bounds.into_iter().map(bound_from).collect(),
                largest_gamma: estimate_from(response.largest_gamma),
            }),
            _ => None,
        };
        violations.finish(answer)
    }
}

fn bound_from(bound: pb::HiddenBiasBound) -> Estimate<HiddenBias> {
    Ok(HiddenBias {
        gamma: bound.gamma,
        p_upper: estimate_from(bound.p_upper)?,
        p_lower: estimate_from(bound.p_lower)?,
        p_upper_normal: bound.p_upper_normal,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::{Column, EndpointColumns};

    /// Two pairs in each of which the exposed fails first.
    #[test]
    fn question_and_answer_come_back() {
        let columns = vec![
            Column::numeric("rt", vec![1.0, 0.0, 1.0, 0.0]),
            Column::numeric("pair", vec![1.0, 1.0, 2.0, 2.0]),
            Column::numeric("time", vec![1.0, 2.0, 3.0, 4.0]),
            Column::numeric("event", vec![1.0, 1.0, 1.0, 0.0]),
        ];
        let cohort = Cohort::new(None, columns).unwrap();
        let everyone = Selection::all(&cohort);
        let query = HiddenBiasQuery {
            exposure: "rt".into(),
            exposed: "1".into(),
            pair: "pair".into(),
            outcome: PairOutcome::FollowUp(EndpointColumns::new("time", "event")),
            exposed_fare_less: false,
            gammas: vec![1.0, 2.0],
            level: 0.1,
        };
        let request = hidden_bias_request(&cohort, &everyone, &query);
        let asked = request.asked(&()).unwrap();
        assert_eq!(asked.query, query);
        let answer = hypothesis::hidden_bias(&cohort, &everyone, &query).unwrap();
        assert_eq!((answer.n_pairs, answer.n_positive), (2, 2));
        let response = hidden_bias_response(answer.clone(), &query);
        assert_eq!(HiddenBiasAnswer::try_from(response), Ok(answer));
    }
}
