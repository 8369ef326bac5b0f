//! Differences and ratios between the curves of groups: restricted means, survival at chosen times
//! and quantiles.

use crate::contrast::{INDEPENDENT, Normal, difference, ratio};
use crate::quantile_contrast::quantile_contrast;
use crate::reference::reference_level;
use crate::restricted_mean::restricted_mean_carried_forward;
use crate::{
    Confidence, Contrast, CurvesQuery, GroupCurve, IntervalRule, Quantile, QuantileRule,
    RestrictedMean, SurvivalAt, SurvivalCurve, SurvivalError, curves, restricted_mean,
};
use cohort::{
    Caveat, Cohort, EndpointColumns, Estimate, Interval, LARGEST_NUMBER, NotEstimable, Selection,
};
use numerics::elementary::ln;
use numerics::sum::sum;
use numerics::tails::normal_two_sided;

/// Which groups to contrast, and in what.
#[derive(Clone, Debug, PartialEq)]
pub struct ContrastsQuery {
    /// Follow-up.
    pub endpoint: EndpointColumns,
    /// Column whose levels are contrasted.
    pub group: String,
    /// Level that every other is contrasted with; absent = the first that holds a subject.
    pub reference: Option<String>,
    /// Rule for the limits of survival at chosen times within a group.
    pub interval: IntervalRule,
    /// Confidence of every interval.
    pub confidence: f64,
    /// Horizons of the restricted means, in the unit of the endpoint; none = the smallest of the
    /// groups' last times.
    pub restricted_mean_times: Vec<f64>,
    /// What happens where the curve of a group ends above 0 before the horizon.
    pub beyond_last_time: BeyondLastTime,
    /// Times at which survival is contrasted.
    pub times: Vec<f64>,
    /// Probabilities of the quantiles that are contrasted, 0.5 for the median.
    pub quantiles: Vec<f64>,
    /// Rules for the limits of the quantiles; each contrast is answered once per rule.
    pub quantile_rules: Vec<QuantileRule>,
}

/// What a restricted mean is where the curve ends above 0 before the horizon.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum BeyondLastTime {
    /// There is none: what happens after the last time is unknown.
    #[default]
    Refuse,
    /// The area under the curve with its last value carried forward to the horizon, as R has it.
    CarryForward,
}

/// Where a horizon comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Horizon {
    /// It was asked for.
    Chosen,
    /// It is the smallest of the groups' last times.
    SmallestLastTime,
}

/// What the groups have, and how they differ from the reference.
#[derive(Clone, Debug, PartialEq)]
pub struct Contrasts {
    /// The level that every other is contrasted with.
    pub reference: String,
    /// Where the horizons come from.
    pub horizon: Horizon,
    /// One entry per level that holds a subject, the reference among them, in their order.
    pub groups: Vec<ContrastedGroup>,
    /// One entry per level but the reference.
    pub contrasts: Vec<GroupContrasts>,
    /// What a reader must know besides the doubts about single groups.
    pub caveats: Vec<Caveat>,
}

/// What one group has.
#[derive(Clone, Debug, PartialEq)]
pub struct ContrastedGroup {
    /// Level of the group column.
    pub group: String,
    /// Number of subjects.
    pub n: usize,
    /// Number of events.
    pub n_events: usize,
    /// Last time of anybody in the group.
    pub last_time: f64,
    /// Restricted means, one per horizon.
    pub restricted_means: Vec<GroupMean>,
    /// Survival at the times asked for.
    pub at_times: Vec<SurvivalAt>,
    /// Quantiles: for each probability all rules.
    pub quantiles: Vec<Quantile>,
    /// Doubts about this group.
    pub caveats: Vec<Caveat>,
}

/// Restricted mean of one group with the time lost up to the horizon.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupMean {
    /// The mean survival time up to the horizon.
    pub mean: RestrictedMean,
    /// Mean time lost before the horizon, `tau - mean`; its standard error is that of the mean.
    pub time_lost: Estimate,
    /// Limits of the time lost.
    pub time_lost_interval: Interval,
    /// Whether the last value of the curve was carried forward to the horizon.
    pub is_carried_forward: bool,
}

/// How one group differs from the reference.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupContrasts {
    /// Level of the group column.
    pub group: String,
    /// One entry per horizon.
    pub restricted_means: Vec<RestrictedMeanContrast>,
    /// One entry per time asked for.
    pub at_times: Vec<SurvivalContrast>,
    /// For each probability all rules.
    pub quantiles: Vec<QuantileContrast>,
}

/// How two groups differ in their restricted means.
#[derive(Clone, Debug, PartialEq)]
pub struct RestrictedMeanContrast {
    /// The horizon.
    pub tau: f64,
    /// Mean of the group less that of the reference; the difference of the times lost is its
    /// negative.
    pub difference: Contrast,
    /// Mean of the group over that of the reference.
    pub ratio: Contrast,
    /// Time lost in the group over time lost in the reference.
    pub lost_ratio: Contrast,
}

/// How two groups differ in survival at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct SurvivalContrast {
    /// The time.
    pub time: f64,
    /// Survival of the group less that of the reference, limits within [-1, 1].
    pub difference: Contrast,
    /// Survival of the group over that of the reference.
    pub ratio: Contrast,
    /// Two-sided p-value of equal survival on the scale of `log(-log S)`, which holds its level
    /// in small samples better than the difference does.
    pub log_log_p_value: Estimate,
}

/// How two groups differ in a quantile of the survival time.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantileContrast {
    /// Share of subjects who have had the event by then.
    pub probability: f64,
    /// How the limits of both quantiles were computed, which decides the method of the contrast.
    pub rule: QuantileRule,
    /// Quantile of the group less that of the reference.
    pub difference: Contrast,
    /// Quantile of the group over that of the reference.
    pub ratio: Contrast,
}

/// Contrasts every level of a column with the reference; groups are taken as independent.
///
/// Restricted means `m` up to `tau` (see [`restricted_mean`]) and times lost `tau - m`:
///
/// ```text
/// difference  m1 - m0                     SE² = SE1² + SE0²
/// ratio       m1 / m0                     SE² of the logarithm = (SE1 / m1)² + (SE0 / m0)²
/// lost ratio  (tau - m1) / (tau - m0)     SE² of the logarithm likewise, with the times lost
/// ```
///
/// Uno et al. (2014), J. Clin. Oncol. 32:2380-2385; Royston and Parmar (2013), BMC Med. Res.
/// Methodol. 13:152. Same as `rmst2(time, status, arm, tau)` of survRM2 in R for a horizon asked
/// for. Its default horizon is larger than ours where the curve that ends first has reached 0. A
/// horizon beyond the last time of a group has no contrast unless the curve of that group has
/// reached 0, or [`BeyondLastTime::CarryForward`] is asked for.
///
/// Survival at a time: Wald on the difference, on the logarithm of the ratio, and on `log(-log S)`
/// as Klein, Logan, Harhoff and Andersen (2007), Stat. Med. 26:4505-4519, who compare them. Where a
/// curve has reached 0 its variance is undefined, and so are limits and tests.
///
/// Quantiles: with [`QuantileRule::Spss`] Wald with the standard errors of that rule, which rest on
/// the slope of the curve between its 45th and 55th percentile. With [`QuantileRule::Curve`] the
/// limits of the two quantiles are combined by the method of variance estimates recovery, which has
/// no p-value: Zou and Donner (2008), Stat. Med. 27:1693-1702. A limit of the contrast exists when
/// the limits of the quantiles that it needs are reached. Both are large-sample methods; with few
/// events near the quantile their limits are rough.
///
/// A level without subjects is left out and named in a caveat. Fails when columns cannot be read,
/// when no row is selected, when fewer than two levels hold a subject, when the reference is unknown
/// or holds nobody, and on a confidence, probability or time that makes no sense.
pub fn contrasts(
    cohort: &Cohort,
    selection: &Selection,
    query: &ContrastsQuery,
) -> Result<Contrasts, SurvivalError> {
    let confidence = Confidence::new(query.confidence)?;
    let is_number = |tau: &f64| tau.abs() <= LARGEST_NUMBER;
    if let Some(&time) = query.restricted_mean_times.iter().find(|&tau| !is_number(tau)) {
        return Err(SurvivalError::Time { time });
    }
    let (taus, horizon) = horizons(cohort, selection, query)?;
    let groups = curves(cohort, selection, &curves_query(query, taus.clone()))?.groups;
    let sizes: Vec<(&str, usize)> = groups.iter().map(|group| (label(group), group.n)).collect();
    let levels = sizes.iter().filter(|size| size.1 > 0).count();
    if levels < 2 {
        return Err(SurvivalError::TooFewGroups { column: query.group.clone(), levels });
    }
    let reference = reference_level(&query.group, &sizes, query.reference.as_deref())?;
    let reference = sizes[reference].0.to_string();
    let (held, empty): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| group.n > 0);
    let caveats = empty.into_iter().flat_map(|group| group.caveats).collect();
    let groups: Vec<ContrastedGroup> = held
        .into_iter()
        .map(|group| contrasted_group(group, &taus, query.beyond_last_time, confidence))
        .collect();
    let (references, others): (Vec<_>, Vec<_>) =
        groups.iter().partition(|group| group.group == reference);
    let contrast = |group: &&ContrastedGroup| group_contrasts(group, references[0], confidence);
    let contrasts = others.iter().map(contrast).collect();
    Ok(Contrasts { reference, horizon, contrasts, groups, caveats })
}

fn label(group: &GroupCurve) -> &str {
    group.group.as_deref().unwrap_or_default()
}

/// The horizons asked for, or the smallest of the last times of the levels that hold a subject.
fn horizons(
    cohort: &Cohort,
    selection: &Selection,
    query: &ContrastsQuery,
) -> Result<(Vec<f64>, Horizon), SurvivalError> {
    if !query.restricted_mean_times.is_empty() {
        return Ok((query.restricted_mean_times.clone(), Horizon::Chosen));
    }
    let endpoint = cohort.endpoint(&query.endpoint, selection)?;
    let categories = cohort.categories(&query.group, selection)?;
    let mut last_times: Vec<Option<f64>> = vec![None; categories.levels.len()];
    for (&code, &time) in categories.codes.iter().zip(endpoint.time()) {
        let last = &mut last_times[code as usize];
        *last = Some(last.map_or(time, |last| last.max(time)));
    }
    let smallest = last_times.into_iter().flatten().min_by(f64::total_cmp);
    Ok((smallest.into_iter().collect(), Horizon::SmallestLastTime))
}

fn curves_query(query: &ContrastsQuery, restricted_mean_times: Vec<f64>) -> CurvesQuery {
    CurvesQuery {
        group: Some(query.group.clone()),
        interval: query.interval,
        confidence: query.confidence,
        quantiles: query.quantiles.clone(),
        quantile_rules: query.quantile_rules.clone(),
        times: query.times.clone(),
        restricted_mean_times,
        ..CurvesQuery::new(query.endpoint.clone())
    }
}

fn contrasted_group(
    group: GroupCurve,
    taus: &[f64],
    beyond_last_time: BeyondLastTime,
    confidence: Confidence,
) -> ContrastedGroup {
    let mean = |&tau: &f64| group_mean(&group, tau, beyond_last_time, confidence);
    ContrastedGroup {
        restricted_means: taus.iter().map(mean).collect(),
        n: group.n,
        n_events: group.n_events,
        last_time: group.curve.time.last().copied().unwrap_or(0.0),
        group: group.group.unwrap_or_default(),
        at_times: group.at_times,
        quantiles: group.quantiles,
        caveats: group.caveats,
    }
}

fn group_mean(
    group: &GroupCurve,
    tau: f64,
    beyond_last_time: BeyondLastTime,
    confidence: Confidence,
) -> GroupMean {
    let mean = restricted_mean(&group.curve, tau, confidence);
    let is_beyond = mean.mean == Err(NotEstimable::BeyondFollowUp);
    let is_carried_forward = is_beyond && beyond_last_time == BeyondLastTime::CarryForward;
    let mean = if is_carried_forward {
        restricted_mean_carried_forward(&group.curve, None, tau, confidence)
    } else {
        mean
    };
    let time_lost = mean.mean.map(|_| area_above(&group.curve, tau));
    let distance = mean.standard_error.map(|error| confidence.multiplier() * error);
    let limit = |side: f64| Ok(time_lost? + side * distance?);
    GroupMean {
        time_lost,
        time_lost_interval: Interval { lower: limit(-1.0), upper: limit(1.0) },
        mean,
        is_carried_forward,
    }
}

/// Area above the curve up to `tau`, its last value carried forward. It is summed rather than
/// subtracted from `tau`, so that it is exactly 0 where nobody has had the event.
fn area_above(curve: &SurvivalCurve, tau: f64) -> f64 {
    let mut end = tau;
    let steps = (0..curve.time.partition_point(|&time| time <= tau)).rev().map(|row| {
        let width = end - curve.time[row];
        end = curve.time[row];
        (1.0 - curve.survival[row]) * width
    });
    sum(steps)
}

fn group_contrasts(
    group: &ContrastedGroup,
    reference: &ContrastedGroup,
    confidence: Confidence,
) -> GroupContrasts {
    let means = group.restricted_means.iter().zip(&reference.restricted_means);
    let times = group.at_times.iter().zip(&reference.at_times);
    let quantiles = group.quantiles.iter().zip(&reference.quantiles);
    GroupContrasts {
        group: group.group.clone(),
        restricted_means: means.map(|(a, b)| mean_contrast(a, b, confidence)).collect(),
        at_times: times.map(|(a, b)| survival_contrast(a, b, confidence)).collect(),
        quantiles: quantiles
            .map(|(a, b)| quantile_contrast(a, b, INDEPENDENT, confidence))
            .collect(),
    }
}

fn mean_contrast(
    group: &GroupMean,
    reference: &GroupMean,
    confidence: Confidence,
) -> RestrictedMeanContrast {
    let mean =
        |one: &GroupMean| Normal { value: one.mean.mean, standard_error: one.mean.standard_error };
    let lost = |one: &GroupMean| Normal { value: one.time_lost, ..mean(one) };
    RestrictedMeanContrast {
        tau: group.mean.tau,
        difference: difference(mean(group), mean(reference), INDEPENDENT, confidence),
        ratio: ratio(mean(group), mean(reference), INDEPENDENT, confidence),
        lost_ratio: ratio(lost(group), lost(reference), INDEPENDENT, confidence),
    }
}

fn survival_contrast(
    group: &SurvivalAt,
    reference: &SurvivalAt,
    confidence: Confidence,
) -> SurvivalContrast {
    let survival =
        |at: &SurvivalAt| Normal { value: at.survival, standard_error: at.standard_error };
    let difference = difference(survival(group), survival(reference), INDEPENDENT, confidence);
    let Interval { lower, upper } = difference.interval;
    let interval = Interval {
        lower: lower.map(|limit| limit.max(-1.0)),
        upper: upper.map(|limit| limit.min(1.0)),
    };
    SurvivalContrast {
        time: group.time,
        difference: Contrast { interval, ..difference },
        ratio: ratio(survival(group), survival(reference), INDEPENDENT, confidence),
        log_log_p_value: log_log_test(group, reference),
    }
}

/// Compares `ln(-ln S)`, whose standard error is `SE / (S |ln S|)`; it needs `0 < S < 1` in both.
fn log_log_test(group: &SurvivalAt, reference: &SurvivalAt) -> Estimate {
    let transformed = |at: &SurvivalAt| {
        let (survival, standard_error) = (at.survival?, at.standard_error?);
        if survival >= 1.0 {
            return Err(NotEstimable::NoEvents);
        }
        let ln_survival = ln(survival);
        Ok((ln(-ln_survival), standard_error / (survival * ln_survival)))
    };
    let ((a, error_a), (b, error_b)) = (transformed(group)?, transformed(reference)?);
    Ok(normal_two_sided((a - b) / (error_a * error_a + error_b * error_b).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::{CaveatCode, CohortError, Column};

    fn query() -> ContrastsQuery {
        ContrastsQuery {
            endpoint: EndpointColumns::new("time", "event"),
            group: "arm".into(),
            reference: None,
            interval: IntervalRule::Log,
            confidence: 0.95,
            restricted_mean_times: vec![],
            beyond_last_time: BeyondLastTime::Refuse,
            times: vec![2.0],
            quantiles: vec![0.5],
            quantile_rules: vec![QuantileRule::Curve(IntervalRule::Log)],
        }
    }

    /// Arm A: event at 1, censored at 3. Arm B: event at 2, censored at 5.
    fn contrasted(query: &ContrastsQuery) -> Result<Contrasts, SurvivalError> {
        let levels = ["none", "A", "B"].map(String::from).to_vec();
        let columns = vec![
            Column::numeric("time", vec![1.0, 3.0, 2.0, 5.0]),
            Column::numeric("event", vec![1.0, 0.0, 1.0, 0.0]),
            Column::categorical("arm", levels, vec![1, 1, 2, 2]),
        ];
        let cohort = Cohort::new(None, columns).unwrap();
        contrasts(&cohort, &Selection::all(&cohort), query)
    }

    /// Up to 3, the last time of A: areas 1 + 2/2 and 2 + 1/2, variances 1 · 1/2 and 1/4 · 1/2.
    #[test]
    fn restricted_means_by_hand() {
        let answer = contrasted(&query()).unwrap();
        assert_eq!((answer.reference.as_str(), answer.horizon), ("A", Horizon::SmallestLastTime));
        assert_eq!(answer.caveats[0].code, CaveatCode::EmptyLevel);
        let contrast = &answer.contrasts[0].restricted_means[0];
        assert_eq!((contrast.tau, contrast.difference.estimate), (3.0, Ok(0.5)));
        assert_eq!(contrast.difference.standard_error, Some(Ok(0.625f64.sqrt())));
        assert_eq!(contrast.ratio.estimate, Ok(1.25));
        let relative = (0.5 / 4.0 + 0.125 / 6.25f64).sqrt();
        assert!((contrast.ratio.standard_error.unwrap().unwrap() - relative).abs() < 1e-15);
        assert_eq!(contrast.lost_ratio.estimate, Ok(0.5));
        let relative = (0.5f64 + 0.125 / 0.25).sqrt();
        assert!((contrast.lost_ratio.standard_error.unwrap().unwrap() - relative).abs() < 1e-15);
        let lost = &answer.groups[1].restricted_means[0];
        assert_eq!(lost.time_lost, Ok(0.5));
        assert!(lost.time_lost_interval.lower.unwrap() < 0.5);
    }

    /// Subtracted from the horizon the area under the curve would leave rounding noise.
    #[test]
    fn who_loses_no_time_loses_exactly_none() {
        let unit = 352.474_752_991_939_6;
        let columns = vec![
            Column::numeric("time", [2.0, 9.0, 3.0, 10.0].map(|time| time * unit).to_vec()),
            Column::numeric("event", vec![1.0, 0.0, 0.0, 0.0]),
            Column::numeric("arm", vec![0.0, 0.0, 1.0, 1.0]),
        ];
        let cohort = Cohort::new(None, columns).unwrap();
        let answer = contrasts(&cohort, &Selection::all(&cohort), &query()).unwrap();
        let lost = answer.contrasts[0].restricted_means[0].lost_ratio;
        assert_eq!(lost.estimate, Ok(0.0));
        assert_eq!(lost.interval, Interval::none(NotEstimable::VarianceUndefined));
    }

    #[test]
    fn beyond_the_first_last_time_only_a_curve_carried_forward_has_a_mean() {
        let refused = ContrastsQuery { restricted_mean_times: vec![4.0], ..query() };
        let answer = contrasted(&refused).unwrap();
        let beyond = Err(NotEstimable::BeyondFollowUp);
        assert_eq!(answer.horizon, Horizon::Chosen);
        assert_eq!(answer.contrasts[0].restricted_means[0].difference.estimate, beyond);
        assert_eq!(answer.groups[0].caveats[1].code, CaveatCode::BeyondFollowUp);
        assert_eq!(answer.groups[1].restricted_means[0].mean.mean, Ok(3.0));
        let carried = ContrastsQuery { beyond_last_time: BeyondLastTime::CarryForward, ..refused };
        let answer = contrasted(&carried).unwrap();
        assert_eq!(answer.contrasts[0].restricted_means[0].difference.estimate, Ok(0.5));
        let carried: Vec<bool> = answer
            .groups
            .iter()
            .map(|group| group.restricted_means[0].is_carried_forward)
            .collect();
        assert_eq!(carried, [true, false]);
    }

    /// At 2 both curves are 1/2 with SE √(1/8); nothing differs.
    #[test]
    fn equal_survival_has_a_p_value_of_1() {
        let answer = contrasted(&query()).unwrap();
        let at = &answer.contrasts[0].at_times[0];
        assert_eq!((at.difference.estimate, at.ratio.estimate), (Ok(0.0), Ok(1.0)));
        assert_eq!(at.difference.standard_error, Some(Ok(0.5)));
        assert_eq!((at.difference.p_value, at.log_log_p_value), (Some(Ok(1.0)), Ok(1.0)));
        let z = 1.959_963_984_540_054;
        assert!((at.difference.interval.upper.unwrap() - z / 2.0).abs() < 1e-15);
    }

    #[test]
    fn the_reference_must_hold_somebody() {
        let with = |reference: &str| {
            contrasted(&ContrastsQuery { reference: Some(reference.into()), ..query() })
        };
        assert_eq!(with("B").unwrap().contrasts[0].group, "A");
        assert!(matches!(with("none"), Err(SurvivalError::EmptyReference { .. })));
        let unknown = CohortError::UnknownLevel { column: "arm".into(), level: "C".into() };
        assert_eq!(with("C"), Err(SurvivalError::Cohort(unknown)));
    }
}
