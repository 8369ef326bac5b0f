//! Survival of those who have survived for a while.

use super::{check_times, interval_rule_from, interval_rule_to};
use crate::common::{
    caveats_to, confidence_from, count, endpoint_columns, endpoint_from, endpoint_to, estimate_to,
    interval_to, optional_column,
};
use crate::pb::survival as pb;
use crate::violation::Violations;
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Unreadable};
use cohort::{Cohort, Selection};
use survival::{ConditionalQuery, ConditionalSurvival, GroupConditional};

/// Asks for conditional survival.
#[must_use]
pub fn conditional_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    query: &ConditionalQuery,
) -> pb::EstimateConditionalSurvivalRequest {
    let columns = endpoint_columns(&query.endpoint).chain(query.group.as_deref());
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    pb::EstimateConditionalSurvivalRequest {
        cohort,
        selection,
        endpoint: Some(endpoint_to(&query.endpoint)),
        group_column: query.group.clone().unwrap_or_default(),
        options: Some(options_to(query)),
    }
}

fn options_to(query: &ConditionalQuery) -> pb::ConditionalSurvivalOptions {
    pb::ConditionalSurvivalOptions {
        interval_rule: interval_rule_to(query.interval),
        confidence: Some(query.confidence),
        survived_times: query.survived.clone(),
        further_times: query.further.clone(),
    }
}

impl CohortRequest for pb::EstimateConditionalSurvivalRequest {
    type Query = ConditionalQuery;

    fn asked(self, cohorts: &dyn Cohorts) -> Result<Asked<ConditionalQuery>, Unreadable> {
        let options = self.options.unwrap_or_default();
        let (endpoint, group) = (self.endpoint, self.group_column);
        let read = |violations: &mut Violations, cohort: &Cohort| {
            let group = optional_column(violations, "group_column", group, cohort);
            let endpoint = endpoint_from(violations, endpoint, cohort);
            let interval = interval_rule_from(options.interval_rule);
            let interval = violations.require_known("options.interval_rule", interval);
            let confidence = confidence_from(violations, "options.confidence", options.confidence);
            check_times(violations, "options.survived_times", &options.survived_times);
            check_times(violations, "options.further_times", &options.further_times);
            Some(ConditionalQuery {
                endpoint: endpoint?,
                group,
                interval: interval?,
                confidence: confidence?,
                survived: options.survived_times,
                further: options.further_times,
            })
        };
        Asked::read(cohorts, self.cohort, self.selection, read)
    }
}

/// Answers with conditional survival and the options in force.
#[must_use]
pub fn conditional_response(
    groups: Vec<GroupConditional>,
    query: &ConditionalQuery,
) -> pb::EstimateConditionalSurvivalResponse {
    let group = |group: GroupConditional| pb::GroupConditionalSurvival {
        group: group.group,
        subject_count: count(group.n),
        event_count: count(group.n_events),
        survival: group.survival.into_iter().map(survival_to).collect(),
        caveats: caveats_to(group.caveats),
    };
    pb::EstimateConditionalSurvivalResponse {
        groups: groups.into_iter().map(group).collect(),
        options: Some(options_to(query)),
    }
}

fn survival_to(given: ConditionalSurvival) -> pb::ConditionalSurvival {
    pb::ConditionalSurvival {
        survived_time: given.survived,
        further_time: given.further,
        at_risk_count: count(given.n_at_risk),
        event_count: count(given.n_events),
        survival: Some(estimate_to(given.survival)),
        standard_error: Some(estimate_to(given.standard_error)),
        interval: Some(interval_to(given.interval)),
    }
}
