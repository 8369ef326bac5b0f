//! `equipoise.survival.v1`: curves; in modules of their own their comparison and what else stands on
//! curves.

mod bands;
mod comparison;
mod conditional;
mod contrasts;
mod follow_up;
mod hazard;
mod hazards;
mod landmark;
mod variance;

pub(crate) use comparison::comparison_from;
pub use comparison::{comparison_request, comparison_response};
pub use conditional::{conditional_request, conditional_response};
pub use contrasts::{contrasts_request, contrasts_response};
pub use follow_up::{follow_up_request, follow_up_response};
pub use hazard::{hazard_request, hazard_response};
pub use landmark::{landmark_request, landmark_response};

use crate::common::{
    caveats_from, caveats_to, confidence_from, count, count_from, counts, counts_from,
    endpoint_columns, endpoint_from, endpoint_to, enum_conversion, estimate_from, estimate_to,
    interval_from, interval_to, optional_column, weights_from as case_weights_from,
    weights_to as case_weights_to,
};
use crate::pb::survival as pb;
use crate::violation::Violations;
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Malformed, Unreadable};
use cohort::{EndpointColumns, Estimate, LARGEST_NUMBER, Selection, WeightColumn};
use hazards::{
    hazard_estimator_to, hazard_estimators_from, hazard_from, hazard_interval_rule_from,
    hazard_interval_rule_to, hazard_to,
};
use survival::{
    Curves, CurvesQuery, GroupCurve, IntervalRule, Quantile, QuantileRule, RestrictedMean,
    SurvivalAt, SurvivalCurve, WeightedSums,
};
use variance::{
    asked_variance_from, check_lengths, errors_from, limits_from, limits_to, undefined,
    variance_from, variance_to, weighted_counts_from, weighted_counts_to, weighted_sums_from,
    weighted_sums_to,
};

enum_conversion!(
    interval_rule_to,
    interval_rule_from,
    IntervalRule,
    pb::IntervalRule,
    Some(IntervalRule::default()),
    [Plain, Log, LogLog, Logit, Arcsin]
);

fn quantile_rule_to(rule: QuantileRule) -> i32 {
    (match rule {
        QuantileRule::Curve(IntervalRule::Plain) => pb::QuantileRule::Plain,
        QuantileRule::Curve(IntervalRule::Log) => pb::QuantileRule::Log,
        QuantileRule::Curve(IntervalRule::LogLog) => pb::QuantileRule::LogLog,
        QuantileRule::Curve(IntervalRule::Logit) => pb::QuantileRule::Logit,
        QuantileRule::Curve(IntervalRule::Arcsin) => pb::QuantileRule::Arcsin,
        QuantileRule::Spss => pb::QuantileRule::Spss,
    }) as i32
}

fn quantile_rule_from(number: i32) -> Option<QuantileRule> {
    Some(match pb::QuantileRule::try_from(number).ok()? {
        pb::QuantileRule::Plain => QuantileRule::Curve(IntervalRule::Plain),
        pb::QuantileRule::Unspecified | pb::QuantileRule::Log => {
            QuantileRule::Curve(IntervalRule::Log)
        }
        pb::QuantileRule::LogLog => QuantileRule::Curve(IntervalRule::LogLog),
        pb::QuantileRule::Logit => QuantileRule::Curve(IntervalRule::Logit),
        pb::QuantileRule::Arcsin => QuantileRule::Curve(IntervalRule::Arcsin),
        pb::QuantileRule::Spss => QuantileRule::Spss,
    })
}

/// The rules asked for, or the default one.
fn quantile_rules_from(
    violations: &mut Violations,
    path: &str,
    numbers: &[i32],
) -> Vec<QuantileRule> {
    let mut rules = Vec::new();
    for (index, &number) in numbers.iter().enumerate() {
        let path = format!("{path}[{index}]");
        rules.extend(violations.require_known(path, quantile_rule_from(number)));
    }
    if rules.is_empty() {
        rules.push(QuantileRule::Curve(IntervalRule::default()));
    }
    rules
}

/// Times must be neither negative nor beyond the numbers that can be computed with.
pub(crate) fn check_times(violations: &mut Violations, path: &str, times: &[f64]) {
    violations.check_each(path, times, is_time, NO_TIME);
}

/// The same for a time that may be left out.
fn check_time(violations: &mut Violations, path: &str, time: Option<f64>) {
    if time.is_some_and(|time| !is_time(time)) {
        violations.add(path, NO_TIME);
    }
}

fn is_time(time: f64) -> bool {
    (0.0..=LARGEST_NUMBER).contains(&time)
}

const NO_TIME: &str = "must be neither negative nor too large";

/// Probabilities of quantiles lie strictly between 0 and 1.
pub(crate) fn check_probabilities(violations: &mut Violations, path: &str, probabilities: &[f64]) {
    let is_share = |share: f64| 0.0 < share && share < 1.0;
    violations.check_each(path, probabilities, is_share, "must lie between 0 and 1");
}

/// Asks for curves.
#[must_use]
pub fn curves_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    query: &CurvesQuery,
) -> pb::EstimateCurvesRequest {
    let columns = endpoint_columns(&query.endpoint)
        .chain(query.group.as_deref())
        .chain(query.weights.as_ref().map(weight_column))
        .chain(query.cluster.as_deref());
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    pb::EstimateCurvesRequest {
        cohort,
        selection,
        endpoint: Some(endpoint_to(&query.endpoint)),
        group_column: query.group.clone().unwrap_or_default(),
        options: Some(curve_options(query)),
        case_weights: query.weights.as_ref().map(case_weights_to),
        cluster_column: query.cluster.clone().unwrap_or_default(),
    }
}

fn weight_column(weights: &WeightColumn) -> &str {
    &weights.column
}

fn curve_options(query: &CurvesQuery) -> pb::CurveOptions {
    pb::CurveOptions {
        reverse: query.reverse,
        interval_rule: interval_rule_to(query.interval),
        confidence: Some(query.confidence),
        quantile_probabilities: query.quantiles.clone(),
        quantile_rules: query.quantile_rules.iter().copied().map(quantile_rule_to).collect(),
        times: query.times.clone(),
        restricted_mean_times: query.restricted_mean_times.clone(),
        bands: query.bands.iter().map(bands::band_to).collect(),
        start_time: query.start_time,
        variance: query.variance.map_or(0, variance_to),
        cumulative_hazards: query.hazards.iter().copied().map(hazard_estimator_to).collect(),
        hazard_interval_rule: hazard_interval_rule_to(query.hazard_interval),
    }
}

/// The options with the variance in force.
fn curve_options_in_force(query: &CurvesQuery) -> pb::CurveOptions {
    let variance = variance_to(query.variance_in_force());
    pb::CurveOptions { variance, ..curve_options(query) }
}

impl CohortRequest for pb::EstimateCurvesRequest {
    type Query = CurvesQuery;

    fn asked(self, cohorts: &dyn Cohorts) -> Result<Asked<CurvesQuery>, Unreadable> {
        let pb::EstimateCurvesRequest { cohort, selection, endpoint, group_column, .. } = self;
        Asked::read(cohorts, cohort, selection, |violations, cohort| {
            let endpoint = endpoint_from(violations, endpoint, cohort);
            let query = curves_query(violations, self.options.unwrap_or_default());
            let weights = case_weights_from(violations, "case_weights", self.case_weights, cohort);
            let cluster = self.cluster_column;
            let cluster = optional_column(violations, "cluster_column", cluster, cohort);
            Some(CurvesQuery {
                endpoint: endpoint?,
                group: optional_column(violations, "group_column", group_column, cohort),
                weights: weights?,
                cluster,
                ..query?
            })
        })
    }
}

/// The options as a query whose columns are still to be filled in.
fn curves_query(violations: &mut Violations, options: pb::CurveOptions) -> Option<CurvesQuery> {
    let interval = interval_rule_from(options.interval_rule);
    let interval = violations.require_known("options.interval_rule", interval);
    let confidence = confidence_from(violations, "options.confidence", options.confidence);
    let quantile_rules =
        quantile_rules_from(violations, "options.quantile_rules", &options.quantile_rules);
    let variance = asked_variance_from(violations, "options.variance", options.variance);
    let hazards = &options.cumulative_hazards;
    let hazards = hazard_estimators_from(violations, "options.cumulative_hazards", hazards);
    let hazard_interval = hazard_interval_rule_from(options.hazard_interval_rule);
    let hazard_interval = violations.require_known("options.hazard_interval_rule", hazard_interval);
    let bands = bands::bands_from(violations, "options.bands", &options.bands);
    check_curve_times(violations, &options);
    Some(CurvesQuery {
        start_time: options.start_time,
        variance: variance?,
        hazards: hazards?,
        hazard_interval: hazard_interval?,
        reverse: options.reverse,
        interval: interval?,
        confidence: confidence?,
        quantiles: options.quantile_probabilities,
        quantile_rules,
        times: options.times,
        restricted_mean_times: options.restricted_mean_times,
        bands,
        ..CurvesQuery::new(EndpointColumns::new("", ""))
    })
}

/// The times and probabilities at which something is read off a curve; none lies before its start.
fn check_curve_times(violations: &mut Violations, options: &pb::CurveOptions) {
    let probabilities = &options.quantile_probabilities;
    check_probabilities(violations, "options.quantile_probabilities", probabilities);
    check_time(violations, "options.start_time", options.start_time);
    let start = options.start_time.filter(|&start| is_time(start)).unwrap_or(0.0);
    let is_early = |time: f64| is_time(time) && time < start;
    for (path, times) in [
        ("options.times", &options.times),
        ("options.restricted_mean_times", &options.restricted_mean_times),
    ] {
        check_times(violations, path, times);
        violations.check_each(path, times, |time| !is_early(time), "lies before start_time");
    }
    for (index, band) in options.bands.iter().enumerate() {
        for (name, time) in [("from_time", band.from_time), ("to_time", band.to_time)] {
            if time.is_some_and(is_early) {
                let path = format!("options.bands[{index}].{name}");
                violations.add(path, "lies before start_time");
            }
        }
    }
}

/// Answers with curves and the options in force.
#[must_use]
pub fn curves_response(curves: Curves, query: &CurvesQuery) -> pb::EstimateCurvesResponse {
    pb::EstimateCurvesResponse {
        groups: curves.groups.into_iter().map(group_to).collect(),
        options: Some(curve_options_in_force(query)),
        caveats: caveats_to(curves.caveats),
    }
}

fn group_to(group: GroupCurve) -> pb::GroupCurve {
    pb::GroupCurve {
        group: group.group,
        subject_count: count(group.n),
        event_count: count(group.n_events),
        curve: Some(curve_to(&group.curve)),
        quantiles: group.quantiles.into_iter().map(quantile_to).collect(),
        at_times: group.at_times.into_iter().map(survival_at_to).collect(),
        restricted_means: group.restricted_means.into_iter().map(restricted_mean_to).collect(),
        caveats: caveats_to(group.caveats),
        bands: group.bands.into_iter().map(bands::confidence_band_to).collect(),
        cumulative_hazards: group.hazards.into_iter().map(hazard_to).collect(),
    }
}

pub(crate) fn curve_to(curve: &SurvivalCurve) -> pb::SurvivalCurve {
    let [lower_limits, upper_limits] = limits_to(&curve.interval);
    let WeightedSums { at_risk, events, censored } = weighted_sums_to(curve);
    pb::SurvivalCurve {
        times: curve.time.clone(),
        at_risk_counts: counts(&curve.n_at_risk),
        event_counts: counts(&curve.n_events),
        censored_counts: counts(&curve.n_censored),
        survival: curve.survival.clone(),
        standard_errors: curve.standard_error.iter().map(|error| error.unwrap_or(0.0)).collect(),
        lower_limits,
        upper_limits,
        undefined_standard_errors: undefined(&curve.standard_error, Estimate::is_err),
        undefined_limits: undefined(&curve.interval, |interval| interval.lower.is_err()),
        variance: variance_to(curve.variance),
        weighted_at_risk: at_risk,
        weighted_events: events,
        weighted_censored: censored,
    }
}

pub(crate) fn quantile_to(quantile: Quantile) -> pb::Quantile {
    pb::Quantile {
        probability: quantile.probability,
        rule: quantile_rule_to(quantile.rule),
        estimate: Some(estimate_to(quantile.value)),
        standard_error: quantile.standard_error.map(estimate_to),
        interval: Some(interval_to(quantile.interval)),
        caveats: caveats_to(quantile.caveats),
    }
}

fn survival_at_to(at: SurvivalAt) -> pb::SurvivalAt {
    pb::SurvivalAt {
        time: at.time,
        at_risk_count: count(at.n_at_risk),
        event_count: count(at.n_events),
        censored_count: count(at.n_censored),
        survival: Some(estimate_to(at.survival)),
        standard_error: Some(estimate_to(at.standard_error)),
        interval: Some(interval_to(at.interval)),
        weighted: at.weighted.map(weighted_counts_to),
        caveats: caveats_to(at.caveats),
    }
}

fn restricted_mean_to(mean: RestrictedMean) -> pb::RestrictedMean {
    pb::RestrictedMean {
        tau: mean.tau,
        mean: Some(estimate_to(mean.mean)),
        standard_error: Some(estimate_to(mean.standard_error)),
        interval: Some(interval_to(mean.interval)),
        caveats: caveats_to(mean.caveats),
    }
}

impl TryFrom<pb::EstimateCurvesResponse> for Curves {
    type Error = Malformed;

    fn try_from(response: pb::EstimateCurvesResponse) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let read = |(index, group)| group_from(&mut violations, &format!("groups[{index}]"), group);
        let groups: Option<Vec<_>> = response.groups.into_iter().enumerate().map(read).collect();
        let caveats = caveats_from(&mut violations, "caveats", response.caveats);
        violations.finish(groups.map(|groups| Self { groups, caveats }))
    }
}

fn group_from(
    violations: &mut Violations,
    path: &str,
    group: pb::GroupCurve,
) -> Option<GroupCurve> {
    let curve = violations.require(format!("{path}.curve"), group.curve)?;
    let quantile = |(index, quantile): (usize, pb::Quantile)| {
        quantile_from(violations, &format!("{path}.quantiles[{index}]"), quantile)
    };
    let quantiles: Option<Vec<_>> = group.quantiles.into_iter().enumerate().map(quantile).collect();
    let at_time =
        |(index, at)| survival_at_from(violations, &format!("{path}.at_times[{index}]"), at);
    let at_times: Option<Vec<_>> = group.at_times.into_iter().enumerate().map(at_time).collect();
    let mean = |(index, mean)| {
        restricted_mean_from(violations, &format!("{path}.restricted_means[{index}]"), mean)
    };
    let restricted_means = group.restricted_means.into_iter().enumerate().map(mean).collect();
    let bands: Option<Vec<_>> = group
        .bands
        .into_iter()
        .enumerate()
        .map(|(index, band)| {
            bands::confidence_band_from(violations, &format!("{path}.bands[{index}]"), band)
        })
        .collect();
    let n_times = curve.times.len();
    let hazard = |(index, hazard): (usize, pb::CumulativeHazard)| {
        let path = format!("{path}.cumulative_hazards[{index}]");
        hazard_from(violations, &path, hazard, n_times)
    };
    let hazards: Option<Vec<_>> =
        group.cumulative_hazards.into_iter().enumerate().map(hazard).collect();
    Some(GroupCurve {
        group: group.group,
        n: count_from(violations, path, group.subject_count)?,
        n_events: count_from(violations, path, group.event_count)?,
        curve: curve_from(violations, &format!("{path}.curve"), curve)?,
        hazards: hazards?,
        quantiles: quantiles?,
        at_times: at_times?,
        restricted_means,
        bands: bands?,
        caveats: caveats_from(violations, &format!("{path}.caveats"), group.caveats),
    })
}

pub(crate) fn quantile_from(
    violations: &mut Violations,
    path: &str,
    quantile: pb::Quantile,
) -> Option<Quantile> {
    let rule = quantile_rule_from(quantile.rule);
    Some(Quantile {
        probability: quantile.probability,
        rule: violations.require_known(format!("{path}.rule"), rule)?,
        value: estimate_from(quantile.estimate),
        standard_error: quantile.standard_error.map(|error| estimate_from(Some(error))),
        interval: interval_from(quantile.interval),
        caveats: caveats_from(violations, &format!("{path}.caveats"), quantile.caveats),
    })
}

pub(crate) fn survival_at_from(
    violations: &mut Violations,
    path: &str,
    at: pb::SurvivalAt,
) -> Option<SurvivalAt> {
    Some(SurvivalAt {
        time: at.time,
        n_at_risk: count_from(violations, path, at.at_risk_count)?,
        n_events: count_from(violations, path, at.event_count)?,
        n_censored: count_from(violations, path, at.censored_count)?,
        survival: estimate_from(at.survival),
        standard_error: estimate_from(at.standard_error),
        interval: interval_from(at.interval),
        weighted: at.weighted.map(weighted_counts_from),
        caveats: caveats_from(violations, &format!("{path}.caveats"), at.caveats),
    })
}

pub(crate) fn restricted_mean_from(
    violations: &mut Violations,
    path: &str,
    mean: pb::RestrictedMean,
) -> RestrictedMean {
    RestrictedMean {
        tau: mean.tau,
        mean: estimate_from(mean.mean),
        standard_error: estimate_from(mean.standard_error),
        interval: interval_from(mean.interval),
        caveats: caveats_from(violations, &format!("{path}.caveats"), mean.caveats),
    }
}

pub(crate) fn curve_from(
    violations: &mut Violations,
    path: &str,
    curve: pb::SurvivalCurve,
) -> Option<SurvivalCurve> {
    let length = curve.times.len();
    let lengths = [
        curve.at_risk_counts.len(),
        curve.event_counts.len(),
        curve.censored_counts.len(),
        curve.survival.len(),
        curve.standard_errors.len(),
        curve.lower_limits.len(),
        curve.upper_limits.len(),
    ];
    check_lengths(violations, path, &lengths, length)?;
    let sums = WeightedSums {
        at_risk: curve.weighted_at_risk,
        events: curve.weighted_events,
        censored: curve.weighted_censored,
    };
    let (errors, undefined) = (curve.standard_errors, curve.undefined_standard_errors);
    let limits = [curve.lower_limits, curve.upper_limits];
    Some(SurvivalCurve {
        time: curve.times,
        n_at_risk: counts_from(violations, path, curve.at_risk_counts)?,
        n_events: counts_from(violations, path, curve.event_counts)?,
        n_censored: counts_from(violations, path, curve.censored_counts)?,
        weighted: weighted_sums_from(violations, path, sums, length)?,
        survival: curve.survival,
        variance: variance_from(violations, &format!("{path}.variance"), curve.variance)?,
        standard_error: errors_from(violations, path, errors, undefined)?,
        interval: limits_from(violations, path, limits, curve.undefined_limits)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::{Cohort, Column, WeightKind};
    use survival::{
        Band, BandKind, BeyondLastTime, ComparisonOptions, ConditionalQuery, ContrastsQuery,
        FollowUp, FollowUpQuery, HazardEstimator, HazardIntervalRule, HazardQuery, LandmarkQuery,
        PotentialFollowUp, TrendQuery, Variance,
    };

    fn cohort() -> Cohort {
        let names = ["time", "event", "arm", "exposure", "weight"];
        let columns = names.map(|name| Column::numeric(name, vec![1.0, 0.0])).to_vec();
        Cohort::new(None, columns).unwrap()
    }

    fn weights() -> WeightColumn {
        WeightColumn { column: "weight".into(), kind: WeightKind::Sampling }
    }

    fn curves_query() -> CurvesQuery {
        CurvesQuery {
            variance: Some(Variance::Greenwood),
            hazards: vec![HazardEstimator::FlemingHarrington, HazardEstimator::NelsonAalen],
            hazard_interval: HazardIntervalRule::Log,
            interval: IntervalRule::Logit,
            confidence: 0.9,
            quantiles: vec![0.5],
            quantile_rules: vec![QuantileRule::Spss],
            times: vec![1.0],
            restricted_mean_times: vec![2.0],
            bands: vec![Band { kind: BandKind::EqualPrecision, from: Some(1.0), to: None }],
            start_time: Some(0.5),
            ..CurvesQuery::new(EndpointColumns::new("time", "event"))
        }
    }

    /// The question that arrives is the one that was asked.
    #[test]
    fn questions_come_back() {
        let cohort = cohort();
        let all = Selection::all(&cohort);
        let endpoint = EndpointColumns::new("time", "event");
        let contrasts = ContrastsQuery {
            endpoint: endpoint.clone(),
            group: "arm".into(),
            reference: Some("1".into()),
            weights: None,
            cluster: None,
            variance: Some(Variance::InfinitesimalJackknife),
            interval: IntervalRule::Arcsin,
            confidence: 0.9,
            restricted_mean_times: vec![2.0],
            beyond_last_time: BeyondLastTime::CarryForward,
            times: vec![1.0],
            quantiles: vec![0.25],
            quantile_rules: vec![QuantileRule::Spss],
        };
        let asked = contrasts_request(&cohort, &all, &contrasts).asked(&()).unwrap();
        assert_eq!(asked.query, contrasts);
        let follow_up = FollowUpQuery {
            endpoint: endpoint.clone(),
            group: Some("arm".into()),
            reference: None,
            confidence: 0.9,
            rate_unit: 100.0,
            quantile_rules: vec![QuantileRule::Spss],
            potential: Some(PotentialFollowUp::DataLock { lock: 5.0, start: "exposure".into() }),
            weights: None,
            cluster: None,
        };
        let asked = follow_up_request(&cohort, &all, &follow_up).asked(&()).unwrap();
        assert_eq!(asked.query, follow_up);
        assert!(asked.cohort.values("exposure").is_ok());
        let conditional = ConditionalQuery {
            endpoint,
            group: None,
            interval: IntervalRule::Plain,
            confidence: 0.9,
            survived: vec![1.0],
            further: vec![2.0],
        };
        let asked = conditional_request(&cohort, &all, &conditional).asked(&()).unwrap();
        assert_eq!(asked.query, conditional);
        let hazard = HazardQuery {
            bandwidth: Some(0.5),
            times: vec![1.0],
            fewest_at_risk: 3,
            confidence: 0.9,
            group: Some("arm".into()),
            ..HazardQuery::new(EndpointColumns::new("time", "event"))
        };
        let asked = hazard_request(&cohort, &all, &hazard).asked(&()).unwrap();
        assert_eq!(asked.query, hazard);
        let landmark = LandmarkQuery {
            landmark: 1.0,
            exposure: Some("exposure".into()),
            curves: curves_query(),
            comparison: ComparisonOptions {
                trend: Some(TrendQuery::default()),
                ..ComparisonOptions::default()
            },
        };
        let asked = landmark_request(&cohort, &all, &landmark).asked(&()).unwrap();
        assert_eq!(asked.query, landmark);
    }

    /// The columns of weights and clusters travel with the question.
    #[test]
    fn weighted_questions_come_back() {
        let cohort = cohort();
        let all = Selection::all(&cohort);
        let (weights, cluster) = (Some(weights()), Some("exposure".to_string()));
        let curves =
            CurvesQuery { weights: weights.clone(), cluster: cluster.clone(), ..curves_query() };
        let asked = curves_request(&cohort, &all, &curves).asked(&()).unwrap();
        assert_eq!(asked.query, curves);
        assert!(asked.cohort.values("weight").is_ok() && asked.cohort.values("exposure").is_ok());
        let endpoint = EndpointColumns::new("time", "event");
        let contrasts = ContrastsQuery::new(endpoint, "arm");
        let contrasts = ContrastsQuery { weights, cluster, ..contrasts };
        let asked = contrasts_request(&cohort, &all, &contrasts).asked(&()).unwrap();
        assert_eq!(asked.query.cluster, contrasts.cluster);
        assert_eq!(asked.query.weights, contrasts.weights);
        assert!(asked.cohort.values("weight").is_ok() && asked.cohort.values("exposure").is_ok());
    }

    /// The answer that arrives is the one that was given.
    #[test]
    fn weighted_curves_come_back() {
        let columns = vec![
            Column::numeric("time", vec![1.0, 2.0, 3.0]),
            Column::numeric("event", vec![0.0, 1.0, 1.0]),
            Column::numeric("arm", vec![0.0; 3]),
            Column::numeric("weight", vec![0.5, 2.0, 0.25]),
        ];
        let cohort = Cohort::new(None, columns).unwrap();
        let query = CurvesQuery {
            weights: Some(weights()),
            variance: None,
            interval: IntervalRule::Log,
            hazard_interval: HazardIntervalRule::Plain,
            ..curves_query()
        };
        let curves = survival::curves(&cohort, &Selection::all(&cohort), &query).unwrap();
        let answer = curves_response(curves.clone(), &query);
        let options = answer.options.as_ref().unwrap();
        assert_eq!(options.variance(), pb::CurveVariance::InfinitesimalJackknife);
        assert_eq!(Curves::try_from(answer.clone()), Ok(curves));
        let mut short = answer;
        short.groups[0].cumulative_hazards[0].survival.pop();
        let malformed = Curves::try_from(short).unwrap_err();
        assert_eq!(malformed.0[0].path, "groups[0].cumulative_hazards[0]");
    }

    /// Group 2 has nobody's event and group 1 everybody's, so that there is a number and a reason of each kind.
    #[test]
    fn a_summary_of_follow_up_comes_back() {
        let columns = vec![
            Column::numeric("time", vec![1.0, 2.0, 3.0, 4.0, 5.0, 7.0]),
            Column::numeric("event", vec![0.0, 0.0, 1.0, 1.0, 1.0, 0.0]),
            Column::numeric("arm", vec![2.0, 2.0, 1.0, 1.0, 3.0, 3.0]),
            Column::numeric("possible", vec![6.0, 2.0, 6.0, 6.0, 6.0, 6.0]),
        ];
        let cohort = Cohort::new(None, columns).unwrap();
        let query = FollowUpQuery {
            endpoint: EndpointColumns::new("time", "event"),
            group: Some("arm".into()),
            reference: Some("3".into()),
            confidence: 0.9,
            rate_unit: 100.0,
            quantile_rules: vec![QuantileRule::Curve(IntervalRule::Log), QuantileRule::Spss],
            potential: Some(PotentialFollowUp::Column("possible".into())),
            weights: None,
            cluster: None,
        };
        let all = Selection::all(&cohort);
        let found = survival::summarise_follow_up(&cohort, &all, &query).unwrap();
        let medians = |group: usize| &found.groups[group].median_follow_up;
        assert!(medians(0)[0].value.is_err() && medians(1)[0].value.is_ok());
        assert_eq!(found.groups[2].completeness.unwrap().n_beyond, 1);
        assert_eq!((found.reference.as_deref(), found.rate_contrasts.len()), (Some("3"), 2));
        let answer = follow_up_response(found.clone(), &query);
        assert_eq!(FollowUp::try_from(answer.clone()), Ok(found));
        let lacking = pb::SummariseFollowUpResponse { total: None, ..answer };
        assert_eq!(FollowUp::try_from(lacking).unwrap_err().0[0].path, "total");
        let weights = WeightColumn { column: "possible".into(), kind: WeightKind::Sampling };
        let query = FollowUpQuery { weights: Some(weights), cluster: Some("time".into()), ..query };
        let asked = follow_up_request(&cohort, &all, &query).asked(&()).unwrap();
        assert_eq!(asked.query, query);
        let found = survival::summarise_follow_up(&cohort, &all, &query).unwrap();
        assert_eq!(found.total.weighted.map(|sums| sums.subjects), Some(32.0));
        assert_eq!(FollowUp::try_from(follow_up_response(found.clone(), &query)), Ok(found));
    }

    #[test]
    fn a_potential_follow_up_is_one_thing() {
        let mut request = follow_up_request(
            &cohort(),
            &Selection::all(&cohort()),
            &FollowUpQuery {
                endpoint: EndpointColumns::new("time", "event"),
                group: None,
                reference: None,
                confidence: 0.95,
                rate_unit: 1.0,
                quantile_rules: vec![],
                potential: Some(PotentialFollowUp::Column("exposure".into())),
                weights: None,
                cluster: None,
            },
        );
        let options = request.options.as_mut().unwrap();
        options.potential.as_mut().unwrap().start_column = "time".into();
        options.rate_unit = Some(-1.0);
        let Err(Unreadable::Malformed(malformed)) = request.asked(&()) else { panic!() };
        let paths: Vec<_> = malformed.0.iter().map(|field| field.path.as_str()).collect();
        assert_eq!(paths, ["options.rate_unit", "options.potential"]);
    }
}
