//! The scores of two arms beside each other.

use crate::common::{count, count_from, counts, counts_from, estimate_to};
use crate::pb::matching as pb;
use crate::violation::Violations;
use propensity::{ArmScores, Overlap};

pub(super) fn overlap_to(overlap: &Overlap) -> pb::ScoreOverlap {
    pb::ScoreOverlap {
        exposed: Some(arm_to(&overlap.exposed)),
        comparator: Some(arm_to(&overlap.comparators)),
        common_support_lower: overlap.common_support.map(|[lower, _]| lower),
        common_support_upper: overlap.common_support.map(|[_, upper]| upper),
        share_in_equipoise: Some(estimate_to(overlap.share_in_equipoise())),
    }
}

fn arm_to(arm: &ArmScores) -> pb::ArmScores {
    pb::ArmScores {
        patient_count: count(arm.n),
        quantiles: arm.quantiles.clone(),
        histogram_counts: counts(&arm.histogram),
        common_support_count: count(arm.n_in_common_support),
        equipoise_count: count(arm.n_in_equipoise),
    }
}

/// The share in equipoise follows from the counts of the arms.
pub(super) fn overlap_from(
    violations: &mut Violations,
    path: &str,
    message: pb::ScoreOverlap,
) -> Option<Overlap> {
    let exposed = arm_from(violations, &format!("{path}.exposed"), message.exposed);
    let comparators = arm_from(violations, &format!("{path}.comparator"), message.comparator);
    let bounds = message.common_support_lower.zip(message.common_support_upper);
    Some(Overlap {
        exposed: exposed?,
        comparators: comparators?,
        common_support: bounds.map(<[f64; 2]>::from),
    })
}

fn arm_from(
    violations: &mut Violations,
    path: &str,
    message: Option<pb::ArmScores>,
) -> Option<ArmScores> {
    let arm = violations.require(path, message)?;
    let histogram_path = format!("{path}.histogram_counts");
    Some(ArmScores {
        n: count_from(violations, path, arm.patient_count)?,
        quantiles: arm.quantiles,
        histogram: counts_from(violations, &histogram_path, arm.histogram_counts)?,
        n_in_common_support: count_from(violations, path, arm.common_support_count)?,
        n_in_equipoise: count_from(violations, path, arm.equipoise_count)?,
    })
}
