//! `equipoise.survival.v1` under competing risks: cumulative incidence and its comparison.

use crate::common::{
    caveats_from, caveats_to, columns_from, confidence_from, count, count_from, counts,
    counts_from, estimate_from, estimate_to, interval_from, interval_to, matrix_from, matrix_to,
    optional_column, optional_number, required_column, required_name, required_number,
};
use crate::pb::{common, survival as pb};
use crate::survival::{
    comparison_from, comparison_response, curve_from, curve_to, interval_rule_from,
    interval_rule_to,
};
use crate::violation::Violations;
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Malformed, Unreadable};
use cohort::{Cause, CauseColumns, Cohort, Interval, NotEstimable, Selection};
use survival::{
    CauseAt, CauseCurve, CauseSummary, GrayGroup, GrayTest, GroupIncidence, IncidenceAt,
    IncidenceComparison, IncidenceComparisonQuery, IncidenceCurve, IncidenceQuery, Incidences,
    StateAt, StateCurve, TimeLost,
};

pub(crate) fn cause_endpoint_to(columns: &CauseColumns) -> common::CauseEndpoint {
    let cause =
        |cause: &Cause| common::Cause { label: cause.label.clone(), codes: cause.codes.clone() };
    common::CauseEndpoint {
        entry_column: columns.entry.clone().unwrap_or_default(),
        time_column: columns.time.clone(),
        cause_column: columns.cause.clone(),
        causes: columns.causes.iter().map(cause).collect(),
        censored_codes: columns.censored_codes.clone(),
    }
}

pub(crate) fn cause_endpoint_from(
    violations: &mut Violations,
    endpoint: Option<common::CauseEndpoint>,
    cohort: &Cohort,
) -> Option<CauseColumns> {
    let endpoint = violations.require("endpoint", endpoint)?;
    let entry = endpoint.entry_column;
    let entry = optional_number(violations, "endpoint.entry_column", entry, cohort);
    let time = required_number(violations, "endpoint.time_column", endpoint.time_column, cohort);
    let cause = required_column(violations, "endpoint.cause_column", endpoint.cause_column, cohort);
    let mut causes = Vec::new();
    for (index, cause) in endpoint.causes.into_iter().enumerate() {
        let path = format!("endpoint.causes[{index}].label");
        let label = required_name(violations, &path, cause.label)?;
        let codes = if cause.codes.is_empty() { vec![label.clone()] } else { cause.codes };
        causes.push(Cause { label, codes });
    }
    let mut censored_codes = endpoint.censored_codes;
    if censored_codes.is_empty() {
        censored_codes.push("0".into());
    }
    let columns = CauseColumns { entry, time: time?, cause: cause?, causes, censored_codes };
    violations.check("endpoint.causes", columns.check())?;
    Some(columns)
}

/// The columns that an endpoint reads.
pub(crate) fn cause_endpoint_columns(endpoint: &CauseColumns) -> impl Iterator<Item = &str> {
    let always = [endpoint.time.as_str(), &endpoint.cause];
    always.into_iter().chain(endpoint.entry.as_deref())
}

/// Asks for cumulative incidence.
#[must_use]
pub fn incidence_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    query: &IncidenceQuery,
) -> pb::EstimateIncidenceRequest {
    let columns = cause_endpoint_columns(&query.endpoint).chain(query.group.as_deref());
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    pb::EstimateIncidenceRequest {
        cohort,
        selection,
        endpoint: Some(cause_endpoint_to(&query.endpoint)),
        group_column: query.group.clone().unwrap_or_default(),
        options: Some(incidence_options(query)),
    }
}

fn incidence_options(query: &IncidenceQuery) -> pb::IncidenceOptions {
    pb::IncidenceOptions {
        interval_rule: interval_rule_to(query.interval),
        confidence: Some(query.confidence),
        times: query.times.clone(),
        time_lost_horizons: query.time_lost_horizons.clone(),
        cause_specific: query.cause_specific,
    }
}

impl CohortRequest for pb::EstimateIncidenceRequest {
    type Query = IncidenceQuery;

    fn asked(self, cohorts: &dyn Cohorts) -> Result<Asked<IncidenceQuery>, Unreadable> {
        let pb::EstimateIncidenceRequest { cohort, selection, endpoint, group_column, options } =
            self;
        let options = options.unwrap_or_default();
        Asked::read(cohorts, cohort, selection, |violations, cohort| {
            let endpoint = cause_endpoint_from(violations, endpoint, cohort);
            let interval = interval_rule_from(options.interval_rule);
            let interval = violations.require_known("options.interval_rule", interval);
            let confidence = confidence_from(violations, "options.confidence", options.confidence);
            check_times(violations, "options.times", &options.times);
            let horizons = &options.time_lost_horizons;
            check_times(violations, "options.time_lost_horizons", horizons);
            Some(IncidenceQuery {
                endpoint: endpoint?,
                group: optional_column(violations, "group_column", group_column, cohort),
                interval: interval?,
                confidence: confidence?,
                times: options.times,
                time_lost_horizons: options.time_lost_horizons,
                cause_specific: options.cause_specific,
            })
        })
    }
}

fn check_times(violations: &mut Violations, path: &str, times: &[f64]) {
    let is_time = |time: f64| time.is_finite() && time >= 0.0;
    for (index, _) in times.iter().enumerate().filter(|&(_, &time)| !is_time(time)) {
        violations.add(format!("{path}[{index}]"), "must be finite and not negative");
    }
}

/// Answers with cumulative incidence and the options in force.
#[must_use]
pub fn incidence_response(
    incidences: Incidences,
    query: &IncidenceQuery,
) -> pb::EstimateIncidenceResponse {
    pb::EstimateIncidenceResponse {
        groups: incidences.groups.into_iter().map(group_to).collect(),
        options: Some(incidence_options(query)),
    }
}

fn group_to(group: GroupIncidence) -> pb::GroupIncidence {
    pb::GroupIncidence {
        group: group.group,
        subject_count: count(group.n),
        curve: Some(incidence_curve_to(group.curve)),
        at_times: group.at_times.into_iter().map(at_to).collect(),
        causes: group.causes.into_iter().map(summary_to).collect(),
        caveats: caveats_to(group.caveats),
    }
}

fn incidence_curve_to(curve: IncidenceCurve) -> pb::IncidenceCurve {
    let cause = |cause: CauseCurve| pb::CauseCurve {
        event_counts: counts(&cause.n_events),
        incidence: Some(state_curve_to(cause.incidence)),
        aalen_variances: cause.aalen_variance,
    };
    pb::IncidenceCurve {
        times: curve.time,
        at_risk_counts: counts(&curve.n_at_risk),
        censored_counts: counts(&curve.n_censored),
        event_free: Some(state_curve_to(curve.event_free)),
        causes: curve.causes.into_iter().map(cause).collect(),
    }
}

fn state_curve_to(state: StateCurve) -> pb::StateCurve {
    let limits = state.interval;
    let undefined = (0..limits.len()).filter(|&index| limits[index].lower.is_err());
    pb::StateCurve {
        undefined_limits: undefined.map(count).collect(),
        probabilities: state.probability,
        standard_errors: state.standard_error,
        lower_limits: limits.iter().map(|limit| limit.lower.unwrap_or(0.0)).collect(),
        upper_limits: limits.iter().map(|limit| limit.upper.unwrap_or(0.0)).collect(),
    }
}

fn at_to(at: IncidenceAt) -> pb::IncidenceAt {
    let cause = |cause: CauseAt| pb::CauseAt {
        event_count: count(cause.n_events),
        incidence: Some(state_at_to(cause.incidence)),
        aalen_variance: Some(estimate_to(cause.aalen_variance)),
    };
    pb::IncidenceAt {
        time: at.time,
        at_risk_count: count(at.n_at_risk),
        censored_count: count(at.n_censored),
        event_free: Some(state_at_to(at.event_free)),
        causes: at.causes.into_iter().map(cause).collect(),
    }
}

fn state_at_to(state: StateAt) -> pb::StateAt {
    pb::StateAt {
        probability: Some(estimate_to(state.probability)),
        standard_error: Some(estimate_to(state.standard_error)),
        interval: Some(interval_to(state.interval)),
    }
}

fn summary_to(summary: CauseSummary) -> pb::CauseSummary {
    let lost = |lost: TimeLost| pb::TimeLost {
        tau: lost.tau,
        mean: Some(estimate_to(lost.mean)),
        standard_error: Some(estimate_to(lost.standard_error)),
        interval: Some(interval_to(lost.interval)),
    };
    pb::CauseSummary {
        cause: summary.cause,
        event_count: count(summary.n_events),
        time_lost: summary.time_lost.into_iter().map(lost).collect(),
        cause_specific: summary.cause_specific.as_ref().map(curve_to),
    }
}

impl TryFrom<pb::EstimateIncidenceResponse> for Incidences {
    type Error = Malformed;

    fn try_from(response: pb::EstimateIncidenceResponse) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let read = |(index, group)| group_from(&mut violations, &format!("groups[{index}]"), group);
        let groups: Option<Vec<_>> = response.groups.into_iter().enumerate().map(read).collect();
        violations.finish(groups.map(|groups| Self { groups }))
    }
}

fn group_from(
    violations: &mut Violations,
    path: &str,
    group: pb::GroupIncidence,
) -> Option<GroupIncidence> {
    let curve = violations.require(format!("{path}.curve"), group.curve)?;
    let at_times: Option<Vec<_>> =
        group.at_times.into_iter().map(|at| at_from(violations, path, at)).collect();
    let causes: Option<Vec<_>> =
        group.causes.into_iter().map(|cause| summary_from(violations, path, cause)).collect();
    Some(GroupIncidence {
        group: group.group,
        n: count_from(violations, path, group.subject_count)?,
        curve: incidence_curve_from(violations, &format!("{path}.curve"), curve)?,
        at_times: at_times?,
        causes: causes?,
        caveats: caveats_from(violations, &format!("{path}.caveats"), group.caveats),
    })
}

fn incidence_curve_from(
    violations: &mut Violations,
    path: &str,
    curve: pb::IncidenceCurve,
) -> Option<IncidenceCurve> {
    let event_free = violations.require(format!("{path}.event_free"), curve.event_free)?;
    let mut causes = Vec::new();
    for (index, cause) in curve.causes.into_iter().enumerate() {
        let path = format!("{path}.causes[{index}]");
        let incidence = violations.require(format!("{path}.incidence"), cause.incidence)?;
        causes.push(CauseCurve {
            n_events: counts_from(violations, &path, cause.event_counts)?,
            incidence: state_curve_from(violations, &path, incidence, 0.0)?,
            aalen_variance: cause.aalen_variances,
        });
    }
    Some(IncidenceCurve {
        time: curve.times,
        n_at_risk: counts_from(violations, path, curve.at_risk_counts)?,
        n_censored: counts_from(violations, path, curve.censored_counts)?,
        event_free: state_curve_from(violations, path, event_free, 1.0)?,
        causes,
    })
}

/// A state whose probability is `at_start` before its first event, where limits may be undefined.
fn state_curve_from(
    violations: &mut Violations,
    path: &str,
    state: pb::StateCurve,
    at_start: f64,
) -> Option<StateCurve> {
    let length = state.probabilities.len();
    let lengths = [&state.standard_errors, &state.lower_limits, &state.upper_limits];
    if lengths.iter().any(|list| list.len() != length) {
        violations.add(path, "has lists of different lengths");
        return None;
    }
    let limits = state.lower_limits.into_iter().zip(state.upper_limits);
    let mut interval: Vec<Interval> =
        limits.map(|(lower, upper)| Interval { lower: Ok(lower), upper: Ok(upper) }).collect();
    for index in counts_from(violations, path, state.undefined_limits)? {
        let is_start = *state.probabilities.get(index)? == at_start;
        let reason =
            if is_start { NotEstimable::NoEvents } else { NotEstimable::VarianceUndefined };
        interval[index] = Interval::none(reason);
    }
    Some(StateCurve {
        probability: state.probabilities,
        standard_error: state.standard_errors,
        interval,
    })
}

fn at_from(violations: &mut Violations, path: &str, at: pb::IncidenceAt) -> Option<IncidenceAt> {
    let mut causes = Vec::new();
    for cause in at.causes {
        causes.push(CauseAt {
            n_events: count_from(violations, path, cause.event_count)?,
            incidence: state_at_from(cause.incidence),
            aalen_variance: estimate_from(cause.aalen_variance),
        });
    }
    Some(IncidenceAt {
        time: at.time,
        n_at_risk: count_from(violations, path, at.at_risk_count)?,
        n_censored: count_from(violations, path, at.censored_count)?,
        event_free: state_at_from(at.event_free),
        causes,
    })
}

fn state_at_from(state: Option<pb::StateAt>) -> StateAt {
    let state = state.unwrap_or_default();
    StateAt {
        probability: estimate_from(state.probability),
        standard_error: estimate_from(state.standard_error),
        interval: interval_from(state.interval),
    }
}

fn summary_from(
    violations: &mut Violations,
    path: &str,
    summary: pb::CauseSummary,
) -> Option<CauseSummary> {
    let lost = |lost: pb::TimeLost| TimeLost {
        tau: lost.tau,
        mean: estimate_from(lost.mean),
        standard_error: estimate_from(lost.standard_error),
        interval: interval_from(lost.interval),
    };
    let cause_specific = match summary.cause_specific {
        Some(curve) => Some(curve_from(violations, &format!("{path}.cause_specific"), curve)?),
        None => None,
    };
    Some(CauseSummary {
        cause: summary.cause,
        n_events: count_from(violations, path, summary.event_count)?,
        time_lost: summary.time_lost.into_iter().map(lost).collect(),
        cause_specific,
    })
}

/// Asks for a comparison of cumulative incidence.
#[must_use]
pub fn incidence_comparison_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    query: &IncidenceComparisonQuery,
) -> pb::CompareIncidenceRequest {
    let columns = cause_endpoint_columns(&query.endpoint)
        .chain([query.group.as_str()])
        .chain(query.strata.iter().map(String::as_str));
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    pb::CompareIncidenceRequest {
        cohort,
        selection,
        endpoint: Some(cause_endpoint_to(&query.endpoint)),
        group_column: query.group.clone(),
        strata_columns: query.strata.clone(),
        options: Some(incidence_comparison_options(query)),
    }
}

fn incidence_comparison_options(
    query: &IncidenceComparisonQuery,
) -> pb::IncidenceComparisonOptions {
    pb::IncidenceComparisonOptions { rho: query.rho, cause_specific: query.cause_specific }
}

impl CohortRequest for pb::CompareIncidenceRequest {
    type Query = IncidenceComparisonQuery;

    fn asked(self, cohorts: &dyn Cohorts) -> Result<Asked<IncidenceComparisonQuery>, Unreadable> {
        let pb::CompareIncidenceRequest { cohort, selection, endpoint, group_column, .. } = self;
        let options = self.options.unwrap_or_default();
        Asked::read(cohorts, cohort, selection, |violations, cohort| {
            let endpoint = cause_endpoint_from(violations, endpoint, cohort);
            let group = required_column(violations, "group_column", group_column, cohort);
            let strata = self.strata_columns;
            let strata = columns_from(violations, "strata_columns", strata, cohort);
            if !(options.rho.is_finite() && options.rho >= 0.0) {
                violations.add("options.rho", "must be finite and not negative");
            }
            Some(IncidenceComparisonQuery {
                endpoint: endpoint?,
                group: group?,
                strata,
                rho: options.rho,
                cause_specific: options.cause_specific,
            })
        })
    }
}

/// Answers with a comparison of cumulative incidence and the options in force.
#[must_use]
pub fn incidence_comparison_response(
    comparison: IncidenceComparison,
    query: &IncidenceComparisonQuery,
) -> pb::CompareIncidenceResponse {
    let causes = comparison.causes.into_iter().enumerate();
    pb::CompareIncidenceResponse {
        causes: causes.map(|(index, test)| test_to(test, index, query)).collect(),
        caveats: caveats_to(comparison.caveats),
        options: Some(incidence_comparison_options(query)),
    }
}

fn test_to(test: GrayTest, cause: usize, query: &IncidenceComparisonQuery) -> pb::GrayTest {
    let group = |group: GrayGroup| pb::GrayGroup {
        group: group.group,
        subject_count: count(group.n),
        event_count: count(group.n_events),
        observed: group.observed,
        expected: group.expected,
    };
    pb::GrayTest {
        cause: test.cause,
        groups: test.groups.into_iter().map(group).collect(),
        variance: Some(matrix_to(&test.variance)),
        test: Some(common::ChiSquaredTest {
            chi_squared: Some(estimate_to(test.chi_squared)),
            degrees_of_freedom: count(test.degrees_of_freedom),
            p_value: Some(estimate_to(test.p_value)),
        }),
        ln_p_value: Some(estimate_to(test.ln_p_value)),
        cause_specific: test
            .cause_specific
            .map(|log_rank| comparison_response(log_rank, &query.log_rank(cause))),
    }
}

impl TryFrom<pb::CompareIncidenceResponse> for IncidenceComparison {
    type Error = Malformed;

    fn try_from(response: pb::CompareIncidenceResponse) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let read = |(index, test)| test_from(&mut violations, &format!("causes[{index}]"), test);
        let causes: Option<Vec<_>> = response.causes.into_iter().enumerate().map(read).collect();
        let caveats = caveats_from(&mut violations, "caveats", response.caveats);
        violations.finish(causes.map(|causes| Self { causes, caveats }))
    }
}

fn test_from(violations: &mut Violations, path: &str, gray: pb::GrayTest) -> Option<GrayTest> {
    let mut groups = Vec::new();
    for group in gray.groups {
        groups.push(GrayGroup {
            group: group.group,
            n: count_from(violations, path, group.subject_count)?,
            n_events: count_from(violations, path, group.event_count)?,
            observed: group.observed,
            expected: group.expected,
        });
    }
    let variance = gray.variance.unwrap_or_default();
    let test = violations.require(format!("{path}.test"), gray.test)?;
    let cause_specific = match gray.cause_specific {
        Some(log_rank) => Some(comparison_from(violations, log_rank)?),
        None => None,
    };
    Some(GrayTest {
        cause: gray.cause,
        groups,
        variance: matrix_from(violations, &format!("{path}.variance"), variance)?,
        chi_squared: estimate_from(test.chi_squared),
        degrees_of_freedom: count_from(violations, path, test.degrees_of_freedom)?,
        p_value: estimate_from(test.p_value),
        ln_p_value: estimate_from(gray.ln_p_value),
        cause_specific,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::Column;
    use survival::{IntervalRule, compare_incidence, incidence};

    fn cohort() -> Cohort {
        let levels = ["a", "b", "c"].map(String::from).to_vec();
        Cohort::new(
            None,
            vec![
                Column::numeric("entry", vec![0.0, 0.0, 1.0, 0.0, 0.0, 2.0]),
                Column::numeric("time", vec![1.0, 2.0, 2.0, 3.0, 4.0, 5.0]),
                Column::numeric("code", vec![0.0, 1.0, 2.0, 1.0, 2.0, 1.0]),
                Column::categorical("arm", levels, vec![0, 1, 0, 1, 1, 0]),
            ],
        )
        .unwrap()
    }

    fn endpoint(entry: Option<&str>) -> CauseColumns {
        let cause =
            |label: &str, code: &str| Cause { label: label.into(), codes: vec![code.into()] };
        CauseColumns {
            entry: entry.map(String::from),
            time: "time".into(),
            cause: "code".into(),
            causes: vec![cause("relapse", "1"), cause("death", "2")],
            censored_codes: vec!["0".into()],
        }
    }

    #[test]
    fn incidence_comes_back_as_it_went() {
        for interval in [IntervalRule::Plain, IntervalRule::LogLog] {
            let query = IncidenceQuery {
                endpoint: endpoint(Some("entry")),
                group: Some("arm".into()),
                interval,
                confidence: 0.9,
                times: vec![0.5, 2.0, 9.0],
                time_lost_horizons: vec![3.0, 9.0],
                cause_specific: interval == IntervalRule::Plain,
            };
            let (cohort, selection) = (cohort(), Selection::all(&cohort()));
            let request = incidence_request(&cohort, &selection, &query);
            assert_eq!(request.asked(&()).unwrap().query, query);
            let answer = incidence(&cohort, &selection, &query).unwrap();
            let response = incidence_response(answer.clone(), &query);
            assert!(Incidences::try_from(response) == Ok(answer), "{interval:?}");
        }
    }

    #[test]
    fn a_comparison_comes_back_as_it_went() {
        let query = IncidenceComparisonQuery {
            endpoint: endpoint(None),
            group: "arm".into(),
            strata: vec!["entry".into()],
            rho: 0.5,
            cause_specific: true,
        };
        let (cohort, selection) = (cohort(), Selection::all(&cohort()));
        let request = incidence_comparison_request(&cohort, &selection, &query);
        assert_eq!(request.asked(&()).unwrap().query, query);
        let answer = compare_incidence(&cohort, &selection, &query).unwrap();
        let response = incidence_comparison_response(answer.clone(), &query);
        assert_eq!(IncidenceComparison::try_from(response), Ok(answer));
    }
}
