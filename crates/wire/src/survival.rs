//! `equipoise.survival.v1`: curves and their comparison; in modules of their own what stands on
//! curves.

mod conditional;
mod contrasts;
mod follow_up;
mod landmark;

pub use conditional::{conditional_request, conditional_response};
pub use contrasts::{contrasts_request, contrasts_response};
pub use follow_up::{follow_up_request, follow_up_response};
pub use landmark::{landmark_request, landmark_response};

use crate::common::{
    caveats_from, caveats_to, confidence_from, count, count_from, counts, counts_from,
    endpoint_columns, endpoint_from, endpoint_to, enum_conversion, estimate_from, estimate_to,
    interval_from, interval_to, matrix_from, matrix_to, optional_name, required_name,
};
use crate::pb::{common, survival as pb};
use crate::violation::Violations;
use crate::{Asked, Malformed};
use cohort::{Cohort, Estimate, Interval, LARGEST_NUMBER, NotEstimable, Selection};
use survival::{
    ComparedGroup, Comparison, ComparisonQuery, Curves, CurvesQuery, GroupCurve, IntervalRule,
    Quantile, QuantileRule, RestrictedMean, SurvivalAt, SurvivalCurve, TestWeights,
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
    let is_time = |time: f64| (0.0..=LARGEST_NUMBER).contains(&time);
    violations.check_each(path, times, is_time, "must be neither negative nor too large");
}

/// Probabilities of quantiles lie strictly between 0 and 1.
pub(crate) fn check_probabilities(violations: &mut Violations, path: &str, probabilities: &[f64]) {
    let is_share = |share: f64| 0.0 < share && share < 1.0;
    violations.check_each(path, probabilities, is_share, "must lie between 0 and 1");
}

/// Asks for curves.
#[must_use]
pub fn curves_request(
    cohort: &Cohort,
    selection: &Selection,
    query: &CurvesQuery,
) -> pb::EstimateCurvesRequest {
    let columns = endpoint_columns(&query.endpoint).chain(query.group.as_deref());
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    pb::EstimateCurvesRequest {
        cohort,
        selection,
        endpoint: Some(endpoint_to(&query.endpoint)),
        group_column: query.group.clone().unwrap_or_default(),
        options: Some(curve_options(query)),
    }
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
    }
}

impl TryFrom<pb::EstimateCurvesRequest> for Asked<CurvesQuery> {
    type Error = Malformed;

    fn try_from(request: pb::EstimateCurvesRequest) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let pb::EstimateCurvesRequest { cohort, selection, endpoint, group_column, options } =
            request;
        let asked = Asked::read(&mut violations, cohort, selection, |violations, _| {
            let endpoint = endpoint_from(violations, endpoint);
            let query = curves_query(violations, options.unwrap_or_default());
            Some(CurvesQuery { endpoint: endpoint?, group: optional_name(group_column), ..query? })
        });
        violations.finish(asked)
    }
}

/// The options as a query whose endpoint and group are still to be filled in.
fn curves_query(violations: &mut Violations, options: pb::CurveOptions) -> Option<CurvesQuery> {
    let interval = interval_rule_from(options.interval_rule);
    let interval = violations.require_known("options.interval_rule", interval);
    let confidence = confidence_from(violations, "options.confidence", options.confidence);
    let quantile_rules =
        quantile_rules_from(violations, "options.quantile_rules", &options.quantile_rules);
    Some(CurvesQuery {
        endpoint: cohort::EndpointColumns::new("", ""),
        group: None,
        reverse: options.reverse,
        interval: interval?,
        confidence: confidence?,
        quantiles: options.quantile_probabilities,
        quantile_rules,
        times: options.times,
        restricted_mean_times: options.restricted_mean_times,
    })
}

/// Answers with curves and the options in force.
#[must_use]
pub fn curves_response(curves: Curves, query: &CurvesQuery) -> pb::EstimateCurvesResponse {
    pb::EstimateCurvesResponse {
        groups: curves.groups.into_iter().map(group_to).collect(),
        options: Some(curve_options(query)),
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
    }
}

pub(crate) fn curve_to(curve: &SurvivalCurve) -> pb::SurvivalCurve {
    let undefined = |is_undefined: &dyn Fn(usize) -> bool| -> Vec<i32> {
        (0..curve.time.len()).filter(|&index| is_undefined(index)).map(count).collect()
    };
    let limits = &curve.interval;
    pb::SurvivalCurve {
        times: curve.time.clone(),
        at_risk_counts: counts(&curve.n_at_risk),
        event_counts: counts(&curve.n_events),
        censored_counts: counts(&curve.n_censored),
        survival: curve.survival.clone(),
        standard_errors: curve.standard_error.iter().map(|error| error.unwrap_or(0.0)).collect(),
        lower_limits: limits.iter().map(|limit| limit.lower.unwrap_or(0.0)).collect(),
        upper_limits: limits.iter().map(|limit| limit.upper.unwrap_or(0.0)).collect(),
        undefined_standard_errors: undefined(&|index| curve.standard_error[index].is_err()),
        undefined_limits: undefined(&|index| limits[index].lower.is_err()),
    }
}

pub(crate) fn quantile_to(quantile: Quantile) -> pb::Quantile {
    pb::Quantile {
        probability: quantile.probability,
        rule: quantile_rule_to(quantile.rule),
        estimate: Some(estimate_to(quantile.value)),
        standard_error: quantile.standard_error.map(estimate_to),
        interval: Some(interval_to(quantile.interval)),
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
    }
}

fn restricted_mean_to(mean: RestrictedMean) -> pb::RestrictedMean {
    pb::RestrictedMean {
        tau: mean.tau,
        mean: Some(estimate_to(mean.mean)),
        standard_error: Some(estimate_to(mean.standard_error)),
        interval: Some(interval_to(mean.interval)),
    }
}

impl TryFrom<pb::EstimateCurvesResponse> for Curves {
    type Error = Malformed;

    fn try_from(response: pb::EstimateCurvesResponse) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let read = |(index, group)| group_from(&mut violations, &format!("groups[{index}]"), group);
        let groups: Option<Vec<_>> = response.groups.into_iter().enumerate().map(read).collect();
        violations.finish(groups.map(|groups| Self { groups }))
    }
}

fn group_from(
    violations: &mut Violations,
    path: &str,
    group: pb::GroupCurve,
) -> Option<GroupCurve> {
    let curve = violations.require(format!("{path}.curve"), group.curve)?;
    let quantile = |(index, quantile): (usize, pb::Quantile)| {
        let rule = quantile_rule_from(quantile.rule);
        Some(Quantile {
            probability: quantile.probability,
            rule: violations.require_known(format!("{path}.quantiles[{index}].rule"), rule)?,
            value: estimate_from(quantile.estimate),
            standard_error: quantile.standard_error.map(|error| estimate_from(Some(error))),
            interval: interval_from(quantile.interval),
        })
    };
    let quantiles: Option<Vec<_>> = group.quantiles.into_iter().enumerate().map(quantile).collect();
    let at_times: Option<Vec<_>> =
        group.at_times.into_iter().map(|at| survival_at_from(violations, path, at)).collect();
    Some(GroupCurve {
        group: group.group,
        n: count_from(violations, path, group.subject_count)?,
        n_events: count_from(violations, path, group.event_count)?,
        curve: curve_from(violations, &format!("{path}.curve"), curve)?,
        quantiles: quantiles?,
        at_times: at_times?,
        restricted_means: group.restricted_means.into_iter().map(restricted_mean_from).collect(),
        caveats: caveats_from(violations, &format!("{path}.caveats"), group.caveats),
    })
}

fn survival_at_from(
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
    })
}

fn restricted_mean_from(mean: pb::RestrictedMean) -> RestrictedMean {
    RestrictedMean {
        tau: mean.tau,
        mean: estimate_from(mean.mean),
        standard_error: estimate_from(mean.standard_error),
        interval: interval_from(mean.interval),
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
    if lengths.iter().any(|&other| other != length) {
        violations.add(path, "has lists of different lengths");
        return None;
    }
    let mut standard_error: Vec<Estimate> = curve.standard_errors.into_iter().map(Ok).collect();
    let mut interval: Vec<Interval> = curve
        .lower_limits
        .into_iter()
        .zip(curve.upper_limits)
        .map(|(lower, upper)| Interval { lower: Ok(lower), upper: Ok(upper) })
        .collect();
    for index in counts_from(violations, path, curve.undefined_standard_errors)? {
        *standard_error.get_mut(index)? = Err(NotEstimable::VarianceUndefined);
    }
    for index in counts_from(violations, path, curve.undefined_limits)? {
        *interval.get_mut(index)? = Interval::none(NotEstimable::VarianceUndefined);
    }
    Some(SurvivalCurve {
        time: curve.times,
        n_at_risk: counts_from(violations, path, curve.at_risk_counts)?,
        n_events: counts_from(violations, path, curve.event_counts)?,
        n_censored: counts_from(violations, path, curve.censored_counts)?,
        survival: curve.survival,
        standard_error,
        interval,
    })
}

/// Asks for a comparison.
#[must_use]
pub fn comparison_request(
    cohort: &Cohort,
    selection: &Selection,
    query: &ComparisonQuery,
) -> pb::CompareCurvesRequest {
    let columns = endpoint_columns(&query.endpoint)
        .chain([query.group.as_str()])
        .chain(query.strata.iter().map(String::as_str));
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    pb::CompareCurvesRequest {
        cohort,
        selection,
        endpoint: Some(endpoint_to(&query.endpoint)),
        group_column: query.group.clone(),
        strata_columns: query.strata.clone(),
        options: Some(comparison_options(query)),
    }
}

fn comparison_options(query: &ComparisonQuery) -> pb::ComparisonOptions {
    let (weights, early_power, late_power) = match query.weights {
        TestWeights::LogRank => (pb::TestWeights::LogRank, 0.0, 0.0),
        TestWeights::GehanBreslow => (pb::TestWeights::GehanBreslow, 0.0, 0.0),
        TestWeights::TaroneWare => (pb::TestWeights::TaroneWare, 0.0, 0.0),
        TestWeights::PetoPeto => (pb::TestWeights::PetoPeto, 0.0, 0.0),
        TestWeights::FlemingHarrington { p, q } => (pb::TestWeights::FlemingHarrington, p, q),
    };
    pb::ComparisonOptions { weights: weights as i32, early_power, late_power }
}

fn weights_from(
    violations: &mut Violations,
    options: pb::ComparisonOptions,
) -> Option<TestWeights> {
    let weights = pb::TestWeights::try_from(options.weights).ok();
    Some(match violations.require_known("options.weights", weights)? {
        pb::TestWeights::Unspecified | pb::TestWeights::LogRank => TestWeights::LogRank,
        pb::TestWeights::GehanBreslow => TestWeights::GehanBreslow,
        pb::TestWeights::TaroneWare => TestWeights::TaroneWare,
        pb::TestWeights::PetoPeto => TestWeights::PetoPeto,
        pb::TestWeights::FlemingHarrington => {
            let (p, q) = (options.early_power, options.late_power);
            let is_power = |power: f64| power.is_finite() && power >= 0.0;
            if !is_power(p) || !is_power(q) {
                violations.add("options", "the powers must be finite and not negative");
                return None;
            }
            TestWeights::FlemingHarrington { p, q }
        }
    })
}

impl TryFrom<pb::CompareCurvesRequest> for Asked<ComparisonQuery> {
    type Error = Malformed;

    fn try_from(request: pb::CompareCurvesRequest) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let pb::CompareCurvesRequest { cohort, selection, endpoint, group_column, .. } = request;
        let asked = Asked::read(&mut violations, cohort, selection, |violations, _| {
            let endpoint = endpoint_from(violations, endpoint);
            let group = required_name(violations, "group_column", group_column);
            let weights = weights_from(violations, request.options.unwrap_or_default());
            Some(ComparisonQuery {
                endpoint: endpoint?,
                group: group?,
                strata: request.strata_columns,
                weights: weights?,
            })
        });
        violations.finish(asked)
    }
}

/// Answers with a comparison and the options in force.
#[must_use]
pub fn comparison_response(
    comparison: Comparison,
    query: &ComparisonQuery,
) -> pb::CompareCurvesResponse {
    let group = |group: ComparedGroup| pb::ComparedGroup {
        group: group.group,
        subject_count: count(group.n),
        observed: group.observed,
        expected: group.expected,
    };
    pb::CompareCurvesResponse {
        groups: comparison.groups.into_iter().map(group).collect(),
        variance: Some(matrix_to(&comparison.variance)),
        test: Some(common::ChiSquaredTest {
            chi_squared: Some(estimate_to(comparison.chi_squared)),
            degrees_of_freedom: count(comparison.degrees_of_freedom),
            p_value: Some(estimate_to(comparison.p_value)),
        }),
        ln_p_value: Some(estimate_to(comparison.ln_p_value)),
        caveats: caveats_to(comparison.caveats),
        options: Some(comparison_options(query)),
    }
}

impl TryFrom<pb::CompareCurvesResponse> for Comparison {
    type Error = Malformed;

    fn try_from(response: pb::CompareCurvesResponse) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let comparison = comparison_from(&mut violations, response);
        violations.finish(comparison)
    }
}

pub(crate) fn comparison_from(
    violations: &mut Violations,
    response: pb::CompareCurvesResponse,
) -> Option<Comparison> {
    let mut groups = Vec::new();
    for group in response.groups {
        groups.push(ComparedGroup {
            group: group.group,
            n: count_from(violations, "groups", group.subject_count)?,
            observed: group.observed,
            expected: group.expected,
        });
    }
    let test = violations.require("test", response.test)?;
    Some(Comparison {
        groups,
        variance: matrix_from(violations, "variance", response.variance.unwrap_or_default())?,
        chi_squared: estimate_from(test.chi_squared),
        degrees_of_freedom: count_from(violations, "test", test.degrees_of_freedom)?,
        p_value: estimate_from(test.p_value),
        ln_p_value: estimate_from(response.ln_p_value),
        caveats: caveats_from(violations, "caveats", response.caveats),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::{Column, EndpointColumns};
    use survival::{
        BeyondLastTime, ConditionalQuery, ContrastsQuery, FollowUpQuery, LandmarkQuery,
        PotentialFollowUp,
    };

    fn cohort() -> Cohort {
        let names = ["time", "event", "arm", "exposure"];
        let columns = names.map(|name| Column::numeric(name, vec![1.0, 0.0])).to_vec();
        Cohort::new(None, columns).unwrap()
    }

    fn curves_query() -> CurvesQuery {
        CurvesQuery {
            endpoint: EndpointColumns::new("time", "event"),
            group: None,
            reverse: false,
            interval: IntervalRule::Logit,
            confidence: 0.9,
            quantiles: vec![0.5],
            quantile_rules: vec![QuantileRule::Spss],
            times: vec![1.0],
            restricted_mean_times: vec![2.0],
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
            interval: IntervalRule::Arcsin,
            confidence: 0.9,
            restricted_mean_times: vec![2.0],
            beyond_last_time: BeyondLastTime::CarryForward,
            times: vec![1.0],
            quantiles: vec![0.25],
            quantile_rules: vec![QuantileRule::Spss],
        };
        let asked: Asked<ContrastsQuery> =
            contrasts_request(&cohort, &all, &contrasts).try_into().unwrap();
        assert_eq!(asked.query, contrasts);
        let follow_up = FollowUpQuery {
            endpoint: endpoint.clone(),
            group: Some("arm".into()),
            reference: None,
            confidence: 0.9,
            rate_unit: 100.0,
            quantile_rules: vec![QuantileRule::Spss],
            potential: Some(PotentialFollowUp::DataLock { lock: 5.0, start: "exposure".into() }),
        };
        let asked: Asked<FollowUpQuery> =
            follow_up_request(&cohort, &all, &follow_up).try_into().unwrap();
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
        let asked: Asked<ConditionalQuery> =
            conditional_request(&cohort, &all, &conditional).try_into().unwrap();
        assert_eq!(asked.query, conditional);
        let landmark = LandmarkQuery {
            landmark: 1.0,
            exposure: Some("exposure".into()),
            curves: curves_query(),
            weights: TestWeights::FlemingHarrington { p: 1.0, q: 2.0 },
        };
        let asked: Asked<LandmarkQuery> =
            landmark_request(&cohort, &all, &landmark).try_into().unwrap();
        assert_eq!(asked.query, landmark);
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
            },
        );
        let options = request.options.as_mut().unwrap();
        options.potential.as_mut().unwrap().start_column = "time".into();
        options.rate_unit = Some(-1.0);
        let malformed = Asked::<FollowUpQuery>::try_from(request).unwrap_err();
        let paths: Vec<_> = malformed.0.iter().map(|field| field.path.as_str()).collect();
        assert_eq!(paths, ["options.rate_unit", "options.potential"]);
    }
}
