//! Smoothed hazard rates.

use super::check_times;
use crate::common::{
    caveats_to, confidence_from, count, endpoint_columns, endpoint_from, endpoint_to, estimate_to,
    interval_to, optional_column, reason_to,
};
use crate::pb::survival as pb;
use crate::violation::Violations;
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Unreadable};
use cohort::{Cohort, LARGEST_NUMBER, Selection};
use survival::{BandwidthSource, FEWEST_AT_RISK, GroupHazard, HazardAt, HazardQuery, Smoothing};

/// Asks for smoothed hazards.
#[must_use]
pub fn hazard_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    query: &HazardQuery,
) -> pb::EstimateHazardRequest {
    let columns = endpoint_columns(&query.endpoint).chain(query.group.as_deref());
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    pb::EstimateHazardRequest {
        cohort,
        selection,
        endpoint: Some(endpoint_to(&query.endpoint)),
        group_column: query.group.clone().unwrap_or_default(),
        options: Some(options_to(query)),
    }
}

fn options_to(query: &HazardQuery) -> pb::HazardOptions {
    pb::HazardOptions {
        bandwidth: query.bandwidth,
        times: query.times.clone(),
        fewest_at_risk: Some(count(query.fewest_at_risk)),
        confidence: Some(query.confidence),
    }
}

impl CohortRequest for pb::EstimateHazardRequest {
    type Query = HazardQuery;

    fn asked(self, cohorts: &dyn Cohorts) -> Result<Asked<HazardQuery>, Unreadable> {
        let options = self.options.unwrap_or_default();
        let (endpoint, group) = (self.endpoint, self.group_column);
        let read = |violations: &mut Violations, cohort: &Cohort| {
            let group = optional_column(violations, "group_column", group, cohort);
            let endpoint = endpoint_from(violations, endpoint, cohort);
            check_bandwidth(violations, "options.bandwidth", options.bandwidth);
            check_times(violations, "options.times", &options.times);
            let fewest_at_risk =
                fewest_from(violations, "options.fewest_at_risk", options.fewest_at_risk);
            let confidence = confidence_from(violations, "options.confidence", options.confidence);
            Some(HazardQuery {
                endpoint: endpoint?,
                group,
                bandwidth: options.bandwidth,
                times: options.times,
                fewest_at_risk: fewest_at_risk?,
                confidence: confidence?,
            })
        };
        Asked::read(cohorts, self.cohort, self.selection, read)
    }
}

fn check_bandwidth(violations: &mut Violations, path: &str, bandwidth: Option<f64>) {
    let is_width = |width: f64| (1.0 / LARGEST_NUMBER..=LARGEST_NUMBER).contains(&width);
    if bandwidth.is_some_and(|bandwidth| !is_width(bandwidth)) {
        violations.add(path, "must be positive, neither too small nor too large");
    }
}

/// A positive number of subjects, or its default.
fn fewest_from(violations: &mut Violations, path: &str, fewest: Option<i32>) -> Option<usize> {
    let fewest = fewest.map(|fewest| usize::try_from(fewest).ok().filter(|&fewest| fewest > 0));
    violations.check(path, fewest.unwrap_or(Some(FEWEST_AT_RISK)).ok_or("must be positive"))
}

/// Answers with smoothed hazards and the options in force.
#[must_use]
pub fn hazard_response(
    groups: Vec<GroupHazard>,
    query: &HazardQuery,
) -> pb::EstimateHazardResponse {
    pb::EstimateHazardResponse {
        groups: groups.into_iter().map(group_to).collect(),
        options: Some(options_to(query)),
    }
}

fn group_to(group: GroupHazard) -> pb::GroupHazard {
    pb::GroupHazard {
        group: group.group,
        subject_count: count(group.n),
        event_count: count(group.n_events),
        reason: group.smoothing.err().map_or(0, reason_to),
        smoothing: group.smoothing.ok().map(smoothing_to),
        at_times: group.at_times.into_iter().map(hazard_at_to).collect(),
        caveats: caveats_to(group.caveats),
    }
}

fn smoothing_to(smoothing: Smoothing) -> pb::Smoothing {
    let source = match smoothing.source {
        BandwidthSource::Chosen => pb::BandwidthSource::Chosen,
        BandwidthSource::HalfRange => pb::BandwidthSource::HalfRange,
        BandwidthSource::CrossValidation => pb::BandwidthSource::CrossValidation,
    };
    pb::Smoothing {
        from_time: smoothing.from,
        to_time: smoothing.to,
        event_count: count(smoothing.n_events),
        bandwidth: smoothing.bandwidth,
        bandwidth_source: source as i32,
    }
}

fn hazard_at_to(at: HazardAt) -> pb::HazardAt {
    pb::HazardAt {
        time: at.time,
        hazard: Some(estimate_to(at.hazard)),
        standard_error: Some(estimate_to(at.standard_error)),
        interval: Some(interval_to(at.interval)),
    }
}
