//! `equipoise.study.v1`: the numbers of a finished study.

use crate::common::{caveats_to, estimate_to, interval_to};
use crate::pb::study as pb;
use cohort::{Interval, NotEstimable};
use study::StudyResult;
use study::result::{Limits, Quantity};

/// What a finished study found, as a flat list.
#[must_use]
pub fn summary(result: &StudyResult, report_sha256: String) -> pb::StudySummary {
    pb::StudySummary {
        report_sha256,
        quantities: result.quantities.iter().map(quantity_to).collect(),
        caveats: caveats_to(result.caveats.clone()),
    }
}

fn quantity_to(quantity: &Quantity) -> pb::StudyQuantity {
    pb::StudyQuantity {
        id: quantity.id.clone(),
        estimate: Some(estimate_to(quantity.estimate())),
        interval: quantity.interval.map(|limits| interval_to(interval_of(limits))),
        unit: quantity.unit.clone().unwrap_or_default(),
        method: quantity.method.clone(),
        caveats: caveats_to(quantity.caveats.clone()),
    }
}

fn interval_of(limits: Limits) -> Interval {
    let limit = |value: Option<f64>, reason: Option<NotEstimable>| {
        value.ok_or(reason.unwrap_or(NotEstimable::NotDefined))
    };
    Interval {
        lower: limit(limits.lower, limits.lower_not_estimable),
        upper: limit(limits.upper, limits.upper_not_estimable),
    }
}
