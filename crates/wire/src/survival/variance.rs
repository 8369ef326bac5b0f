//! The variance of curves, what may be undefined for it, and sums of sampling weights.

use crate::common::{count, counts_from, enum_conversion};
use crate::pb::survival as pb;
use crate::violation::Violations;
use cohort::{Estimate, Interval, NotEstimable};
use survival::{SurvivalCurve, Variance, WeightedCounts, WeightedSums};

enum_conversion!(
    variance_to,
    known_variance_from,
    Variance,
    pb::CurveVariance,
    Some(Variance::default()),
    [Greenwood, InfinitesimalJackknife]
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
