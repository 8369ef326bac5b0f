//! Cumulative hazards beside a curve.

use super::variance::{check_lengths, errors_from, limits_from, limits_to, undefined};
use crate::common::enum_conversion;
use crate::pb::survival as pb;
use crate::violation::Violations;
use cohort::{Estimate, Interval};
use survival::{CumulativeHazard, HazardEstimator, HazardIntervalRule};

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
