//! Differences and ratios between the curves of groups: restricted means, survival at chosen times
//! and quantiles.

use crate::contrast::{INDEPENDENT, Normal, difference, joint, ratio};
use crate::curves::{Estimated, check, estimated};
use crate::quantile_contrast::quantile_contrast;
use crate::reference::reference_level;
use crate::restricted_mean::{restricted_mean_carried_forward, restricted_mean_of};
use crate::sample::{CurveSample, SampleColumns};
use crate::shared_clusters::{Correlations, Influences};
use crate::{
    Confidence, Contrast, CurvesQuery, GroupCurve, IntervalRule, Quantile, QuantileRule,
    RestrictedMean, SurvivalAt, SurvivalCurve, SurvivalError, Variance,
};
use cohort::{
    Caveat, Cohort, EndpointColumns, Estimate, Interval, LARGEST_NUMBER, NotEstimable, Selection,
    WeightColumn,
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
    /// Case weights, such as those of inverse probability; absent = everybody counts once.
    pub weights: Option<WeightColumn>,
    /// Column of clusters, such as matched pairs, whose members are not independent, within a group
    /// or between groups.
    pub cluster: Option<String>,
    /// How variances are computed; absent = as for [`CurvesQuery::variance`].
    pub variance: Option<Variance>,
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

impl ContrastsQuery {
    /// Restricted means up to the smallest of the last times; the settings are defaults.
    #[must_use]
    pub fn new(endpoint: EndpointColumns, group: impl Into<String>) -> Self {
        Self {
            endpoint,
            group: group.into(),
            reference: None,
            weights: None,
            cluster: None,
            variance: None,
            interval: IntervalRule::default(),
            confidence: 0.95,
            restricted_mean_times: Vec::new(),
            beyond_last_time: BeyondLastTime::default(),
            times: Vec::new(),
            quantiles: Vec::new(),
            quantile_rules: Vec::new(),
        }
    }

    /// The variance in force: the one asked for, else the one that weights and clusters call for.
    #[must_use]
    pub fn variance_in_force(&self) -> Variance {
        self.columns().variance_in_force()
    }

    fn columns(&self) -> SampleColumns<'_> {
        SampleColumns {
            endpoint: &self.endpoint,
            group: Some(&self.group),
            weights: self.weights.as_ref(),
            cluster: self.cluster.as_ref(),
            variance: self.variance,
        }
    }
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

/// Contrasts every level of a column with the reference.
///
/// Restricted means `m` up to `tau` (see [`crate::restricted_mean`]) and times lost `tau - m`:
///
/// ```text
/// difference  m1 - m0                     SE² = SE1² + SE0²
/// ratio       m1 / m0                     SE² of the logarithm = (SE1 / m1)² + (SE0 / m0)²
/// lost ratio  (tau - m1) / (tau - m0)     SE² of the logarithm likewise, with the times lost
/// ```
///
/// With sampling weights or clusters all standard errors are robust, as in [`crate::curves`]; weights
/// are taken as known. Groups are independent unless clusters have members in both: then the
/// influences of these clusters on the two estimates give their correlation, and twice the
/// covariance comes off the variances above and below.
///
/// Uno et al. (2014), J. Clin. Oncol. 32:2380-2385; Royston and Parmar (2013), BMC Med. Res.
/// Methodol. 13:152. Same as `rmst2(time, status, arm, tau)` of survRM2 in R for a horizon asked
/// for. Its default horizon is larger than ours where the curve that ends first has reached 0. A
/// horizon beyond the last time of a group has no contrast unless the curve of that group has
/// reached 0, or [`BeyondLastTime::CarryForward`] is asked for.
///
/// Survival at a time: Wald on the difference, on the logarithm of the ratio, and on `log(-log S)`
/// as Klein, Logan, Harhoff and Andersen (2007), Stat. Med. 26:4505-4519, who compare them. Where a
/// curve has reached 0 limits and tests are undefined.
///
/// Quantiles: with [`QuantileRule::Spss`] Wald with the standard errors of that rule, which rest on
/// the slope of the curve between its 45th and 55th percentile. With [`QuantileRule::Curve`] the
/// limits of the two quantiles are combined by the method of variance estimates recovery, which has
/// no p-value: Zou and Donner (2008), Stat. Med. 27:1693-1702; Zou (2007), Psychol. Methods
/// 12:399-413, where they are correlated. Quantiles are correlated as the survival at them. A limit of the contrast exists when
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
    let sample = CurveSample::read(cohort, selection, query.columns())?;
    let (taus, horizon) = horizons(&sample, query);
    let asked = curves_query(query, taus.clone());
    check(&asked)?;
    let estimated = estimated(&sample, &asked, confidence);
    let sizes: Vec<(&str, usize)> =
        estimated.iter().map(|one| (label(&one.group), one.group.n)).collect();
    let levels = sizes.iter().filter(|size| size.1 > 0).count();
    if levels < 2 {
        return Err(SurvivalError::TooFewGroups { column: query.group.clone(), levels });
    }
    let reference = reference_level(&query.group, &sizes, query.reference.as_deref())?;
    let reference = sizes[reference].0.to_string();
    let (held, empty): (Vec<_>, Vec<_>) = estimated.into_iter().partition(|one| one.group.n > 0);
    let of_empty = empty.into_iter().flat_map(|one| one.group.caveats);
    let caveats = sample.caveats.into_iter().chain(of_empty).collect();
    let beyond = query.beyond_last_time;
    let groups: Vec<ContrastedGroup> =
        held.iter().map(|one| contrasted_group(one, &taus, beyond, confidence)).collect();
    let influences: Vec<Option<Influences>> = match sample.clusters {
        Some(_) => held.iter().map(|one| Influences::of(one, &taus)).collect(),
        None => held.iter().map(|_| None).collect(),
    };
    let with_influences = groups.iter().zip(&influences);
    let (references, others): (Vec<_>, Vec<_>) =
        with_influences.partition(|(group, _)| group.group == reference);
    let contrasts = others.into_iter().map(|(group, influence)| {
        let (reference, of_reference) = references[0];
        let pair = influence.as_ref().zip(of_reference.as_ref());
        let correlations = pair.map(|(one, other)| one.correlations(other)).unwrap_or_default();
        group_contrasts(group, reference, &correlations, confidence)
    });
    let contrasts = contrasts.collect();
    Ok(Contrasts { reference, horizon, contrasts, groups, caveats })
}

fn label(group: &GroupCurve) -> &str {
    group.group.as_deref().unwrap_or_default()
}

/// The horizons asked for, or the smallest of the last times of the levels that hold a subject.
fn horizons(sample: &CurveSample, query: &ContrastsQuery) -> (Vec<f64>, Horizon) {
    if !query.restricted_mean_times.is_empty() {
        return (query.restricted_mean_times.clone(), Horizon::Chosen);
    }
    let time = sample.endpoint.time();
    let last_time =
        |members: &Vec<usize>| members.iter().map(|&subject| time[subject]).max_by(f64::total_cmp);
    let smallest = sample.members().iter().filter_map(last_time).min_by(f64::total_cmp);
    (smallest.into_iter().collect(), Horizon::SmallestLastTime)
}

fn curves_query(query: &ContrastsQuery, restricted_mean_times: Vec<f64>) -> CurvesQuery {
    CurvesQuery {
        group: Some(query.group.clone()),
        cluster: query.cluster.clone(),
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
    estimated: &Estimated,
    taus: &[f64],
    beyond_last_time: BeyondLastTime,
    confidence: Confidence,
) -> ContrastedGroup {
    let group = estimated.group.clone();
    let mean = |(&tau, curve): (&f64, &RestrictedMean)| {
        let mut found = group_mean(estimated, tau, beyond_last_time, confidence);
        found.mean.caveats.clone_from(&curve.caveats);
        found
    };
    ContrastedGroup {
        restricted_means: taus.iter().zip(&group.restricted_means).map(mean).collect(),
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
    estimated: &Estimated,
    tau: f64,
    beyond_last_time: BeyondLastTime,
    confidence: Confidence,
) -> GroupMean {
    let (curve, jackknife) = (&estimated.group.curve, estimated.jackknife.as_ref());
    let mean = restricted_mean_of(curve, jackknife, tau, confidence);
    let is_beyond = mean.mean == Err(NotEstimable::BeyondFollowUp);
    let is_carried_forward = is_beyond && beyond_last_time == BeyondLastTime::CarryForward;
    let mean = if is_carried_forward {
        restricted_mean_carried_forward(curve, jackknife, tau, confidence)
    } else {
        mean
    };
    let time_lost = mean.mean.map(|_| area_above(curve, tau));
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
    correlations: &Correlations,
    confidence: Confidence,
) -> GroupContrasts {
    let known = |correlations: &[f64], index: usize| {
        correlations.get(index).copied().unwrap_or(INDEPENDENT)
    };
    let means = group.restricted_means.iter().zip(&reference.restricted_means).enumerate();
    let times = group.at_times.iter().zip(&reference.at_times).enumerate();
    let quantiles = group.quantiles.iter().zip(&reference.quantiles).enumerate();
    let means =
        means.map(|(i, (a, b))| mean_contrast(a, b, known(&correlations.means, i), confidence));
    let at_times = times
        .map(|(i, (a, b))| survival_contrast(a, b, known(&correlations.at_times, i), confidence));
    let quantiles = quantiles
        .map(|(i, (a, b))| quantile_contrast(a, b, known(&correlations.quantiles, i), confidence));
    GroupContrasts {
        group: group.group.clone(),
        restricted_means: means.collect(),
        at_times: at_times.collect(),
        quantiles: quantiles.collect(),
    }
}

fn mean_contrast(
    group: &GroupMean,
    reference: &GroupMean,
    r: f64,
    confidence: Confidence,
) -> RestrictedMeanContrast {
    let mean =
        |one: &GroupMean| Normal { value: one.mean.mean, standard_error: one.mean.standard_error };
    let lost = |one: &GroupMean| Normal { value: one.time_lost, ..mean(one) };
    RestrictedMeanContrast {
        tau: group.mean.tau,
        difference: difference(mean(group), mean(reference), r, confidence),
        ratio: ratio(mean(group), mean(reference), r, confidence),
        lost_ratio: ratio(lost(group), lost(reference), r, confidence),
    }
}

fn survival_contrast(
    group: &SurvivalAt,
    reference: &SurvivalAt,
    r: f64,
    confidence: Confidence,
) -> SurvivalContrast {
    let difference = difference(survival(group), survival(reference), r, confidence);
    let Interval { lower, upper } = difference.interval;
    let interval = Interval {
        lower: lower.map(|limit| limit.max(-1.0)),
        upper: upper.map(|limit| limit.min(1.0)),
    };
    SurvivalContrast {
        time: group.time,
        difference: Contrast { interval, ..difference },
        ratio: ratio(survival(group), survival(reference), r, confidence),
        log_log_p_value: log_log_test(survival(group), survival(reference), r),
    }
}

/// Survival with its standard error; a robust one of 0 at a survival of 0 is no measure of doubt.
fn survival(at: &SurvivalAt) -> Normal {
    let standard_error = match at.survival {
        Ok(0.0) => Err(NotEstimable::VarianceUndefined),
        _ => at.standard_error,
    };
    Normal { value: at.survival, standard_error }
}

/// Compares `ln(-ln S)`, whose standard error is `SE / (S |ln S|)`; it needs `0 < S < 1` in both.
fn log_log_test(group: Normal, reference: Normal, r: f64) -> Estimate {
    let transformed = |at: Normal| {
        let (survival, standard_error) = (at.value?, at.standard_error?);
        if survival >= 1.0 {
            return Err(NotEstimable::NoEvents);
        }
        let ln_survival = ln(survival);
        Ok((ln(-ln_survival), standard_error / (survival * ln_survival)))
    };
    let ((a, error_a), (b, error_b)) = (transformed(group)?, transformed(reference)?);
    Ok(normal_two_sided((a - b) / joint(Ok(error_a), Ok(error_b), r)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::{CaveatCode, CohortError, Column, WeightKind};

    fn query() -> ContrastsQuery {
        ContrastsQuery {
            times: vec![2.0],
            quantiles: vec![0.5],
            quantile_rules: vec![QuantileRule::Curve(IntervalRule::Log)],
            ..ContrastsQuery::new(EndpointColumns::new("time", "event"), "arm")
        }
    }

    /// Arm A: event at 1, censored at 3. Arm B: event at 2, censored at 5.
    fn contrasted(query: &ContrastsQuery) -> Result<Contrasts, SurvivalError> {
        let levels = ["none", "A", "B"].map(String::from).to_vec();
        let columns = vec![
            Column::numeric("time", vec![1.0, 3.0, 2.0, 5.0]),
            Column::numeric("event", vec![1.0, 0.0, 1.0, 0.0]),
            Column::categorical("arm", levels, vec![1, 1, 2, 2]),
            Column::numeric("pair", vec![1.0, 2.0, 1.0, 2.0]),
            Column::numeric("w", vec![1.0, 3.0, 0.0, 2.0]),
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

    /// The first of each arm move its mean by -1/2 and -1/4, the second by as much upwards. With one
    /// of each arm in a pair the pairs move the difference by 1/4 and -1/4.
    #[test]
    fn pairs_differ_less_than_strangers() {
        let query = ContrastsQuery { cluster: Some("pair".into()), ..query() };
        let answer = contrasted(&query).unwrap();
        let group = &answer.groups[0];
        assert_eq!(group.restricted_means[0].mean.standard_error, Ok(0.5f64.sqrt()));
        assert_eq!(group.caveats.last().unwrap().code, CaveatCode::FewClusters);
        let contrast = &answer.contrasts[0];
        let error = contrast.restricted_means[0].difference.standard_error.unwrap().unwrap();
        assert!((error - 0.125f64.sqrt()).abs() < 1e-15);
        // At 2 both arms have S = 1/2, moved by the same pairs in the same way: nothing differs.
        let at = &contrast.at_times[0];
        assert_eq!(at.difference.interval, Interval::none(NotEstimable::VarianceUndefined));
        assert_eq!(at.log_log_p_value, Err(NotEstimable::VarianceUndefined));
        // Both medians have the limits of their arm alone.
        let quantile = &contrast.quantiles[0];
        assert_eq!(quantile.difference.estimate, Ok(1.0));
    }

    /// Weights 1 and 3: S = 3/4 from 1 to 3, so the mean is 1 + 3/2. Of the other arm the second is
    /// left alone.
    #[test]
    fn weighted_means_are_contrasted() {
        let weights = WeightColumn { column: "w".into(), kind: WeightKind::Sampling };
        let answer = contrasted(&ContrastsQuery { weights: Some(weights), ..query() }).unwrap();
        assert_eq!(answer.caveats[0].code, CaveatCode::ZeroWeights);
        let means: Vec<_> =
            answer.groups.iter().map(|group| group.restricted_means[0].mean.mean).collect();
        assert_eq!((answer.groups[1].n, means), (1, vec![Ok(2.5), Ok(3.0)]));
        // S = 3 / (w + 3) has the derivative -3/16 by the weight of the first, and 1/16 three times
        // for the second: the area of two units moves by 3/8 either way.
        let error = answer.groups[0].restricted_means[0].mean.standard_error;
        assert!((error.unwrap() - 2f64.sqrt() * 3.0 / 8.0).abs() < 1e-15);
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
