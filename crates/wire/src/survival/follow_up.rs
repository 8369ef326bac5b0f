//! Summaries of follow-up.

use super::contrasts::{contrast_from, contrast_to};
use super::{quantile_from, quantile_rule_to, quantile_rules_from, quantile_to, weight_column};
use crate::common::{
    caveats_from, caveats_to, confidence_from, count, count_from, endpoint_columns, endpoint_from,
    endpoint_to, estimate_from, estimate_to, interval_from, interval_to, optional_column,
    optional_name, required_number, weights_from, weights_to,
};
use crate::pb::survival as pb;
use crate::violation::Violations;
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Malformed, Unreadable};
use cohort::{Cohort, EndpointColumns, LARGEST_NUMBER, Selection};
use survival::{
    ComparedRate, Completeness, FollowUp, FollowUpQuery, GroupFollowUp, PersonTime,
    PotentialFollowUp, Rate, RateContrast, WeightedPersonTime,
};

/// Asks for a summary of follow-up.
#[must_use]
pub fn follow_up_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    query: &FollowUpQuery,
) -> pb::SummariseFollowUpRequest {
    let potential = query.potential.as_ref().map(|potential| match potential {
        PotentialFollowUp::Column(column) => column,
        PotentialFollowUp::DataLock { start, .. } => start,
    });
    let columns = endpoint_columns(&query.endpoint)
        .chain(query.group.as_deref())
        .chain(potential.map(String::as_str))
        .chain(query.weights.as_ref().map(weight_column))
        .chain(query.cluster.as_deref());
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    pb::SummariseFollowUpRequest {
        cohort,
        selection,
        endpoint: Some(endpoint_to(&query.endpoint)),
        group_column: query.group.clone().unwrap_or_default(),
        options: Some(options_to(query)),
        case_weights: query.weights.as_ref().map(weights_to),
        cluster_column: query.cluster.clone().unwrap_or_default(),
    }
}

fn options_to(query: &FollowUpQuery) -> pb::FollowUpOptions {
    let potential = query.potential.clone().map(|potential| match potential {
        PotentialFollowUp::Column(column) => pb::PotentialFollowUp { column, ..Default::default() },
        PotentialFollowUp::DataLock { lock, start } => {
            pb::PotentialFollowUp { start_column: start, data_lock: lock, ..Default::default() }
        }
    });
    pb::FollowUpOptions {
        reference_level: query.reference.clone().unwrap_or_default(),
        confidence: Some(query.confidence),
        rate_unit: Some(query.rate_unit),
        quantile_rules: query.quantile_rules.iter().copied().map(quantile_rule_to).collect(),
        potential,
    }
}

impl CohortRequest for pb::SummariseFollowUpRequest {
    type Query = FollowUpQuery;

    fn asked(self, cohorts: &dyn Cohorts) -> Result<Asked<FollowUpQuery>, Unreadable> {
        let pb::SummariseFollowUpRequest { cohort, selection, endpoint, group_column, .. } = self;
        Asked::read(cohorts, cohort, selection, |violations, cohort| {
            let endpoint = endpoint_from(violations, endpoint, cohort);
            let query = query_from(violations, self.options.unwrap_or_default(), cohort);
            let weights = weights_from(violations, "case_weights", self.case_weights, cohort);
            let cluster = self.cluster_column;
            Some(FollowUpQuery {
                endpoint: endpoint?,
                group: optional_column(violations, "group_column", group_column, cohort),
                weights: weights?,
                cluster: optional_column(violations, "cluster_column", cluster, cohort),
                ..query?
            })
        })
    }
}

/// The options as a query whose endpoint and group are still to be filled in.
fn query_from(
    violations: &mut Violations,
    options: pb::FollowUpOptions,
    cohort: &Cohort,
) -> Option<FollowUpQuery> {
    let confidence = confidence_from(violations, "options.confidence", options.confidence);
    let rules = quantile_rules_from(violations, "options.quantile_rules", &options.quantile_rules);
    let rate_unit = options.rate_unit.unwrap_or(1.0);
    if !(0.0 < rate_unit && rate_unit <= LARGEST_NUMBER) {
        violations.add("options.rate_unit", "must be positive and not too large");
    }
    let potential = match options.potential {
        Some(potential) => Some(potential_from(violations, potential, cohort)?),
        None => None,
    };
    Some(FollowUpQuery {
        endpoint: EndpointColumns::new("", ""),
        group: None,
        reference: optional_name(options.reference_level),
        confidence: confidence?,
        rate_unit,
        quantile_rules: rules,
        potential,
        weights: None,
        cluster: None,
    })
}

fn potential_from(
    violations: &mut Violations,
    potential: pb::PotentialFollowUp,
    cohort: &Cohort,
) -> Option<PotentialFollowUp> {
    let path = "options.potential";
    match (optional_name(potential.column), optional_name(potential.start_column)) {
        (Some(column), None) => {
            let path = format!("{path}.column");
            required_number(violations, &path, column, cohort).map(PotentialFollowUp::Column)
        }
        (None, Some(start)) => {
            if !(-LARGEST_NUMBER..=LARGEST_NUMBER).contains(&potential.data_lock) {
                violations.add(format!("{path}.data_lock"), "must be finite and not too large");
            }
            let path = format!("{path}.start_column");
            let start = required_number(violations, &path, start, cohort)?;
            Some(PotentialFollowUp::DataLock { lock: potential.data_lock, start })
        }
        _ => {
            violations.add(path, "needs either column or start_column");
            None
        }
    }
}

/// Answers with a summary and the options in force.
#[must_use]
pub fn follow_up_response(
    answer: FollowUp,
    query: &FollowUpQuery,
) -> pb::SummariseFollowUpResponse {
    let compared = |compared: ComparedRate| pb::RateContrast {
        group: compared.group,
        ratio: Some(contrast_to(compared.contrast.ratio)),
        difference: Some(contrast_to(compared.contrast.difference)),
    };
    let reference_level = answer.reference.unwrap_or_default();
    pb::SummariseFollowUpResponse {
        total: Some(group_to(answer.total)),
        groups: answer.groups.into_iter().map(group_to).collect(),
        rate_contrasts: answer.rate_contrasts.into_iter().map(compared).collect(),
        options: Some(pb::FollowUpOptions { reference_level, ..options_to(query) }),
    }
}

impl TryFrom<pb::SummariseFollowUpResponse> for FollowUp {
    type Error = Malformed;

    fn try_from(response: pb::SummariseFollowUpResponse) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let total = violations.require("total", response.total);
        let total = total.and_then(|total| group_from(&mut violations, "total", total));
        let groups = response.groups.into_iter().enumerate();
        let groups: Option<Vec<_>> = groups
            .map(|(index, group)| group_from(&mut violations, &format!("groups[{index}]"), group))
            .collect();
        let compared = |compared: pb::RateContrast| ComparedRate {
            group: compared.group,
            contrast: RateContrast {
                ratio: contrast_from(compared.ratio),
                difference: contrast_from(compared.difference),
            },
        };
        let rate_contrasts = response.rate_contrasts.into_iter().map(compared).collect();
        let reference = response.options.and_then(|options| optional_name(options.reference_level));
        let found = total.zip(groups);
        violations.finish(found.map(|(total, groups)| Self {
            total,
            groups,
            reference,
            rate_contrasts,
        }))
    }
}

fn group_from(
    violations: &mut Violations,
    path: &str,
    group: pb::GroupFollowUp,
) -> Option<GroupFollowUp> {
    let completeness = match group.completeness {
        None => None,
        Some(known) => Some(Completeness {
            index: estimate_from(known.index),
            observed: known.observed,
            potential: known.potential,
            n_beyond: count_from(violations, path, known.beyond_count)?,
        }),
    };
    let medians = group.median_follow_up.into_iter().enumerate();
    let medians: Option<Vec<_>> = medians
        .map(|(index, median)| {
            quantile_from(violations, &format!("{path}.median_follow_up[{index}]"), median)
        })
        .collect();
    Some(GroupFollowUp {
        group: group.group,
        n: count_from(violations, path, group.subject_count)?,
        observed: PersonTime {
            n_events: count_from(violations, path, group.event_count)?,
            time: group.person_time,
        },
        weighted: group.weighted.map(|sums| WeightedPersonTime {
            subjects: sums.subjects,
            events: sums.events,
            time: sums.person_time,
        }),
        rate: Rate {
            rate: estimate_from(group.rate),
            interval: interval_from(group.rate_interval),
        },
        median_follow_up: medians?,
        completeness,
        caveats: caveats_from(violations, &format!("{path}.caveats"), group.caveats),
    })
}

fn group_to(group: GroupFollowUp) -> pb::GroupFollowUp {
    let completeness = |completeness: Completeness| pb::Completeness {
        index: Some(estimate_to(completeness.index)),
        observed: completeness.observed,
        potential: completeness.potential,
        beyond_count: count(completeness.n_beyond),
    };
    pb::GroupFollowUp {
        group: group.group,
        subject_count: count(group.n),
        event_count: count(group.observed.n_events),
        person_time: group.observed.time,
        rate: Some(estimate_to(group.rate.rate)),
        rate_interval: Some(interval_to(group.rate.interval)),
        median_follow_up: group.median_follow_up.into_iter().map(quantile_to).collect(),
        completeness: group.completeness.map(completeness),
        caveats: caveats_to(group.caveats),
        weighted: group.weighted.map(|sums| pb::WeightedPersonTime {
            subjects: sums.subjects,
            events: sums.events,
            person_time: sums.time,
        }),
    }
}
