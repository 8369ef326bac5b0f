//! Contrasts between the curves of groups.

use super::variance::{asked_variance_from, variance_to};
use super::{
    check_probabilities, check_times, interval_rule_from, interval_rule_to, quantile_from,
    quantile_rule_from, quantile_rule_to, quantile_rules_from, quantile_to, restricted_mean_from,
    restricted_mean_to, survival_at_from, survival_at_to, weight_column,
};
use crate::common::{
    caveats_from, caveats_to, confidence_from, count, count_from, endpoint_columns, endpoint_from,
    endpoint_to, estimate_from, estimate_to, interval_from, interval_to, optional_column,
    optional_name, required_column, weights_from, weights_to,
};
use crate::pb::survival as pb;
use crate::violation::Violations;
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Malformed, Unreadable};
use cohort::{EndpointColumns, Selection};
use survival::{
    BeyondLastTime, Contrast, ContrastedGroup, Contrasts, ContrastsQuery, GroupContrasts,
    GroupMean, Horizon, QuantileContrast, RestrictedMeanContrast, SurvivalContrast,
};

/// Asks for contrasts.
#[must_use]
pub fn contrasts_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    query: &ContrastsQuery,
) -> pb::ContrastCurvesRequest {
    let columns = endpoint_columns(&query.endpoint)
        .chain([query.group.as_str()])
        .chain(query.weights.as_ref().map(weight_column))
        .chain(query.cluster.as_deref());
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    pb::ContrastCurvesRequest {
        cohort,
        selection,
        endpoint: Some(endpoint_to(&query.endpoint)),
        group_column: query.group.clone(),
        options: Some(options_to(query)),
        case_weights: query.weights.as_ref().map(weights_to),
        cluster_column: query.cluster.clone().unwrap_or_default(),
    }
}

fn options_to(query: &ContrastsQuery) -> pb::ContrastOptions {
    pb::ContrastOptions {
        reference_level: query.reference.clone().unwrap_or_default(),
        interval_rule: interval_rule_to(query.interval),
        confidence: Some(query.confidence),
        restricted_mean_times: query.restricted_mean_times.clone(),
        carry_forward: query.beyond_last_time == BeyondLastTime::CarryForward,
        times: query.times.clone(),
        quantile_probabilities: query.quantiles.clone(),
        quantile_rules: query.quantile_rules.iter().copied().map(quantile_rule_to).collect(),
        variance: query.variance.map_or(0, variance_to),
    }
}

impl CohortRequest for pb::ContrastCurvesRequest {
    type Query = ContrastsQuery;

    fn asked(self, cohorts: &dyn Cohorts) -> Result<Asked<ContrastsQuery>, Unreadable> {
        let pb::ContrastCurvesRequest { cohort, selection, endpoint, group_column, .. } = self;
        Asked::read(cohorts, cohort, selection, |violations, cohort| {
            let endpoint = endpoint_from(violations, endpoint, cohort);
            let group = required_column(violations, "group_column", group_column, cohort);
            let query = query_from(violations, self.options.unwrap_or_default());
            let weights = weights_from(violations, "case_weights", self.case_weights, cohort);
            let cluster = self.cluster_column;
            let cluster = optional_column(violations, "cluster_column", cluster, cohort);
            Some(ContrastsQuery {
                endpoint: endpoint?,
                group: group?,
                weights: weights?,
                cluster,
                ..query?
            })
        })
    }
}

/// The options as a query whose columns are still to be filled in.
fn query_from(violations: &mut Violations, options: pb::ContrastOptions) -> Option<ContrastsQuery> {
    let interval = interval_rule_from(options.interval_rule);
    let interval = violations.require_known("options.interval_rule", interval);
    let confidence = confidence_from(violations, "options.confidence", options.confidence);
    let means = &options.restricted_mean_times;
    check_times(violations, "options.restricted_mean_times", means);
    check_times(violations, "options.times", &options.times);
    let probabilities = &options.quantile_probabilities;
    check_probabilities(violations, "options.quantile_probabilities", probabilities);
    let rules = quantile_rules_from(violations, "options.quantile_rules", &options.quantile_rules);
    let variance = asked_variance_from(violations, "options.variance", options.variance);
    Some(ContrastsQuery {
        reference: optional_name(options.reference_level),
        variance: variance?,
        interval: interval?,
        confidence: confidence?,
        restricted_mean_times: options.restricted_mean_times,
        beyond_last_time: if options.carry_forward {
            BeyondLastTime::CarryForward
        } else {
            BeyondLastTime::Refuse
        },
        times: options.times,
        quantiles: options.quantile_probabilities,
        quantile_rules: rules,
        ..ContrastsQuery::new(EndpointColumns::new("", ""), "")
    })
}

/// Answers with contrasts and the options in force.
#[must_use]
pub fn contrasts_response(answer: Contrasts, query: &ContrastsQuery) -> pb::ContrastCurvesResponse {
    let horizon = match answer.horizon {
        Horizon::Chosen => pb::Horizon::Chosen,
        Horizon::SmallestLastTime => pb::Horizon::SmallestLastTime,
    };
    let options = pb::ContrastOptions {
        reference_level: answer.reference,
        variance: variance_to(query.variance_in_force()),
        ..options_to(query)
    };
    pb::ContrastCurvesResponse {
        groups: answer.groups.into_iter().map(group_to).collect(),
        contrasts: answer.contrasts.into_iter().map(contrasts_to).collect(),
        horizon: horizon as i32,
        caveats: caveats_to(answer.caveats),
        options: Some(options),
    }
}

impl TryFrom<pb::ContrastCurvesResponse> for Contrasts {
    type Error = Malformed;

    fn try_from(response: pb::ContrastCurvesResponse) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let horizon = match response.horizon() {
            pb::Horizon::Chosen => Some(Horizon::Chosen),
            pb::Horizon::SmallestLastTime => Some(Horizon::SmallestLastTime),
            pb::Horizon::Unspecified => None,
        };
        let horizon = violations.require("horizon", horizon);
        let groups = response.groups.into_iter().enumerate();
        let groups: Option<Vec<_>> = groups
            .map(|(index, group)| group_from(&mut violations, &format!("groups[{index}]"), group))
            .collect();
        let contrasts = response.contrasts.into_iter().enumerate();
        let contrasts: Option<Vec<_>> = contrasts
            .map(|(index, one)| {
                contrasts_from(&mut violations, &format!("contrasts[{index}]"), one)
            })
            .collect();
        let caveats = caveats_from(&mut violations, "caveats", response.caveats);
        let reference = response.options.unwrap_or_default().reference_level;
        let found = horizon.zip(groups).zip(contrasts);
        violations.finish(found.map(|((horizon, groups), contrasts)| Self {
            reference,
            horizon,
            groups,
            contrasts,
            caveats,
        }))
    }
}

fn group_from(
    violations: &mut Violations,
    path: &str,
    group: pb::ContrastedGroup,
) -> Option<ContrastedGroup> {
    let means = group.restricted_means.into_iter().enumerate();
    let means: Option<Vec<_>> = means
        .map(|(index, mean)| {
            mean_from(violations, &format!("{path}.restricted_means[{index}]"), mean)
        })
        .collect();
    let at_times = group.at_times.into_iter().enumerate();
    let at_times: Option<Vec<_>> = at_times
        .map(|(index, at)| survival_at_from(violations, &format!("{path}.at_times[{index}]"), at))
        .collect();
    let quantiles = group.quantiles.into_iter().enumerate();
    let quantiles: Option<Vec<_>> = quantiles
        .map(|(index, one)| quantile_from(violations, &format!("{path}.quantiles[{index}]"), one))
        .collect();
    Some(ContrastedGroup {
        group: group.group,
        n: count_from(violations, path, group.subject_count)?,
        n_events: count_from(violations, path, group.event_count)?,
        last_time: group.last_time,
        restricted_means: means?,
        at_times: at_times?,
        quantiles: quantiles?,
        caveats: caveats_from(violations, &format!("{path}.caveats"), group.caveats),
    })
}

fn mean_from(violations: &mut Violations, path: &str, mean: pb::GroupMean) -> Option<GroupMean> {
    let own = violations.require(format!("{path}.mean"), mean.mean)?;
    Some(GroupMean {
        mean: restricted_mean_from(violations, &format!("{path}.mean"), own),
        time_lost: estimate_from(mean.time_lost),
        time_lost_interval: interval_from(mean.time_lost_interval),
        is_carried_forward: mean.carried_forward,
    })
}

fn contrasts_from(
    violations: &mut Violations,
    path: &str,
    contrasts: pb::GroupContrasts,
) -> Option<GroupContrasts> {
    let mean = |mean: pb::RestrictedMeanContrast| RestrictedMeanContrast {
        tau: mean.tau,
        difference: contrast_from(mean.difference),
        ratio: contrast_from(mean.ratio),
        lost_ratio: contrast_from(mean.lost_ratio),
    };
    let at_time = |at: pb::SurvivalContrast| SurvivalContrast {
        time: at.time,
        difference: contrast_from(at.difference),
        ratio: contrast_from(at.ratio),
        log_log_p_value: estimate_from(at.log_log_p_value),
    };
    let quantile = |(index, quantile): (usize, pb::QuantileContrast)| {
        let rule = quantile_rule_from(quantile.rule);
        Some(QuantileContrast {
            probability: quantile.probability,
            rule: violations.require_known(format!("{path}.quantiles[{index}].rule"), rule)?,
            difference: contrast_from(quantile.difference),
            ratio: contrast_from(quantile.ratio),
        })
    };
    let quantiles: Option<Vec<_>> =
        contrasts.quantiles.into_iter().enumerate().map(quantile).collect();
    Some(GroupContrasts {
        group: contrasts.group,
        restricted_means: contrasts.restricted_means.into_iter().map(mean).collect(),
        at_times: contrasts.at_times.into_iter().map(at_time).collect(),
        quantiles: quantiles?,
    })
}

fn group_to(group: ContrastedGroup) -> pb::ContrastedGroup {
    let mean = |mean: GroupMean| pb::GroupMean {
        mean: Some(restricted_mean_to(mean.mean)),
        time_lost: Some(estimate_to(mean.time_lost)),
        time_lost_interval: Some(interval_to(mean.time_lost_interval)),
        carried_forward: mean.is_carried_forward,
    };
    pb::ContrastedGroup {
        group: group.group,
        subject_count: count(group.n),
        event_count: count(group.n_events),
        last_time: group.last_time,
        restricted_means: group.restricted_means.into_iter().map(mean).collect(),
        at_times: group.at_times.into_iter().map(survival_at_to).collect(),
        quantiles: group.quantiles.into_iter().map(quantile_to).collect(),
        caveats: caveats_to(group.caveats),
    }
}

fn contrasts_to(contrasts: GroupContrasts) -> pb::GroupContrasts {
    let mean = |mean: RestrictedMeanContrast| pb::RestrictedMeanContrast {
        tau: mean.tau,
        difference: Some(contrast_to(mean.difference)),
        ratio: Some(contrast_to(mean.ratio)),
        lost_ratio: Some(contrast_to(mean.lost_ratio)),
    };
    let at_time = |at: SurvivalContrast| pb::SurvivalContrast {
        time: at.time,
        difference: Some(contrast_to(at.difference)),
        ratio: Some(contrast_to(at.ratio)),
        log_log_p_value: Some(estimate_to(at.log_log_p_value)),
    };
    let quantile = |quantile: QuantileContrast| pb::QuantileContrast {
        probability: quantile.probability,
        rule: quantile_rule_to(quantile.rule),
        difference: Some(contrast_to(quantile.difference)),
        ratio: Some(contrast_to(quantile.ratio)),
    };
    pb::GroupContrasts {
        group: contrasts.group,
        restricted_means: contrasts.restricted_means.into_iter().map(mean).collect(),
        at_times: contrasts.at_times.into_iter().map(at_time).collect(),
        quantiles: contrasts.quantiles.into_iter().map(quantile).collect(),
    }
}

pub(super) fn contrast_from(contrast: Option<pb::Contrast>) -> Contrast {
    let contrast = contrast.unwrap_or_default();
    Contrast {
        estimate: estimate_from(contrast.estimate),
        standard_error: contrast.standard_error.map(|error| estimate_from(Some(error))),
        interval: interval_from(contrast.interval),
        p_value: contrast.p_value.map(|value| estimate_from(Some(value))),
    }
}

pub(super) fn contrast_to(contrast: Contrast) -> pb::Contrast {
    pb::Contrast {
        estimate: Some(estimate_to(contrast.estimate)),
        standard_error: contrast.standard_error.map(estimate_to),
        interval: Some(interval_to(contrast.interval)),
        p_value: contrast.p_value.map(estimate_to),
    }
}
