//! The variance of curves, sums of sampling weights and cumulative hazards.

use crate::common::{count, counts_from, enum_conversion};
use crate::pb::survival as pb;
use crate::violation::Violations;
use cohort::{Estimate, Interval, NotEstimable};
use survival::{
    CumulativeHazard, HazardEstimator, HazardIntervalRule, SurvivalCurve, Variance, WeightedCounts,
    WeightedSums,
};

enum_conversion!(
    variance_to,
    known_variance_from,
    Variance,
    pb::CurveVariance,
    Some(Variance::default()),
    [Greenwood, InfinitesimalJackknife]
);

enum_conversion!(
    hazard_estimator_to,
    hazard_estimator_from,
    HazardEstimator,
    pb::HazardEstimator,
    None,
    [NelsonAalen, FlemingHarrington]
);

enum_conversion!(
    hazard_interval_rule_to,
    hazard_interval_rule_from,
    HazardIntervalRule,
    pb::HazardIntervalRule,
    Some(HazardIntervalRule::default()),
    [Plain, Log]
);

/// The variance asked for, if any is.
pub(super) fn asked_variance_from(
    violations: &mut Violations,
    path: &str,
    number: i32,
) -> Option<Option<Variance>> {
    if number == pb::CurveVariance::Unspecified as i32 {
        return Some(None);
    }
    violations.require_known(path, known_variance_from(number)).map(Some)
}

/// The variance of a curve.
pub(super) fn variance_from(
    violations: &mut Violations,
    path: &str,
    number: i32,
) -> Option<Variance> {
    violations.require_known(path, known_variance_from(number))
}

/// The estimators asked for, each by its name.
pub(super) fn hazard_estimators_from(
    violations: &mut Violations,
    path: &str,
    numbers: &[i32],
) -> Option<Vec<HazardEstimator>> {
    let read = |(index, &number)| {
        violations.require_known(format!("{path}[{index}]"), hazard_estimator_from(number))
    };
    let read: Vec<Option<HazardEstimator>> = numbers.iter().enumerate().map(read).collect();
    read.into_iter().collect()
}

/// Lists of one curve have one length.
pub(super) fn check_lengths(
    violations: &mut Violations,
    path: &str,
    lengths: &[usize],
    length: usize,
) -> Option<()> {
    let is_one = lengths.iter().all(|&other| other == length);
    violations.check(path, is_one.then_some(()).ok_or("has lists of different lengths"))
}

/// Entries for which there is no number.
pub(super) fn undefined<T>(items: &[T], is_undefined: impl Fn(&T) -> bool) -> Vec<i32> {
    (0..items.len()).filter(|&index| is_undefined(&items[index])).map(count).collect()
}

/// Lower limits, upper limits, and the entries without either.
pub(super) fn limits_to(intervals: &[Interval]) -> [Vec<f64>; 2] {
    let number = |limit: Estimate| limit.unwrap_or(0.0);
    [
        intervals.iter().map(|interval| number(interval.lower)).collect(),
        intervals.iter().map(|interval| number(interval.upper)).collect(),
    ]
}

/// Numbers of which some entries are undefined.
pub(super) fn errors_from(
    violations: &mut Violations,
    path: &str,
    numbers: Vec<f64>,
    undefined: Vec<i32>,
) -> Option<Vec<Estimate>> {
    let mut errors: Vec<Estimate> = numbers.into_iter().map(Ok).collect();
    for index in counts_from(violations, path, undefined)? {
        *errors.get_mut(index)? = Err(NotEstimable::VarianceUndefined);
    }
    Some(errors)
}

/// Limits, as many lower as upper ones, of which some entries are undefined.
pub(super) fn limits_from(
    violations: &mut Violations,
    path: &str,
    [lower, upper]: [Vec<f64>; 2],
    undefined: Vec<i32>,
) -> Option<Vec<Interval>> {
    let limits = lower.into_iter().zip(upper);
    let interval = |(lower, upper)| Interval { lower: Ok(lower), upper: Ok(upper) };
    let mut intervals: Vec<Interval> = limits.map(interval).collect();
    for index in counts_from(violations, path, undefined)? {
        *intervals.get_mut(index)? = Interval::none(NotEstimable::VarianceUndefined);
    }
    Some(intervals)
}

/// The curve's sums of weights; the lists are empty without weights.
pub(super) fn weighted_sums_to(curve: &SurvivalCurve) -> WeightedSums {
    curve.weighted.clone().unwrap_or_default()
}

/// Sums of weights, if there are any; all lists have `length` entries then.
pub(super) fn weighted_sums_from(
    violations: &mut Violations,
    path: &str,
    sums: WeightedSums,
    length: usize,
) -> Option<Option<WeightedSums>> {
    let lengths = [sums.at_risk.len(), sums.events.len(), sums.censored.len()];
    if lengths == [0; 3] {
        return Some(None);
    }
    check_lengths(violations, path, &lengths, length)?;
    Some(Some(sums))
}

pub(super) fn weighted_counts_to(counts: WeightedCounts) -> pb::WeightedCounts {
    let WeightedCounts { at_risk, events, censored } = counts;
    pb::WeightedCounts { at_risk, events, censored }
}

pub(super) fn weighted_counts_from(counts: pb::WeightedCounts) -> WeightedCounts {
    let pb::WeightedCounts { at_risk, events, censored } = counts;
    WeightedCounts { at_risk, events, censored }
}

pub(super) fn hazard_to(hazard: CumulativeHazard) -> pb::CumulativeHazard {
    let no_lower = |interval: &Interval| interval.lower.is_err();
    let [lower_limits, upper_limits] = limits_to(&hazard.interval);
    let [survival_lower_limits, survival_upper_limits] = limits_to(&hazard.survival_interval);
    pb::CumulativeHazard {
        estimator: hazard_estimator_to(hazard.estimator),
        undefined_standard_errors: undefined(&hazard.standard_error, Estimate::is_err),
        standard_errors: hazard.standard_error.iter().map(|error| error.unwrap_or(0.0)).collect(),
        undefined_limits: undefined(&hazard.interval, no_lower),
        undefined_survival_limits: undefined(&hazard.survival_interval, no_lower),
        hazards: hazard.hazard,
        survival: hazard.survival,
        lower_limits,
        upper_limits,
        survival_lower_limits,
        survival_upper_limits,
    }
}

/// A cumulative hazard with one entry for each of the `length` times of its curve.
pub(super) fn hazard_from(
    violations: &mut Violations,
    path: &str,
    hazard: pb::CumulativeHazard,
    length: usize,
) -> Option<CumulativeHazard> {
    let lengths = [
        hazard.hazards.len(),
        hazard.standard_errors.len(),
        hazard.lower_limits.len(),
        hazard.upper_limits.len(),
        hazard.survival.len(),
        hazard.survival_lower_limits.len(),
        hazard.survival_upper_limits.len(),
    ];
    check_lengths(violations, path, &lengths, length)?;
    let estimator = hazard_estimator_from(hazard.estimator);
    let limits = [hazard.lower_limits, hazard.upper_limits];
    let survival_limits = [hazard.survival_lower_limits, hazard.survival_upper_limits];
    Some(CumulativeHazard {
        estimator: violations.require_known(format!("{path}.estimator"), estimator)?,
        hazard: hazard.hazards,
        standard_error: errors_from(
            violations,
            path,
            hazard.standard_errors,
            hazard.undefined_standard_errors,
        )?,
        interval: limits_from(violations, path, limits, hazard.undefined_limits)?,
        survival: hazard.survival,
        survival_interval: limits_from(
            violations,
            path,
            survival_limits,
            hazard.undefined_survival_limits,
        )?,
    })
}
