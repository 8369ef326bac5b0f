//! Replicates and intervals as messages.

use super::{
    BootstrapIntervalsQuery, ReplicatesQuery, method_from, method_to, options_to, plan_to,
};
use crate::Malformed;
use crate::common::{
    caveats_from, caveats_to, count, count_from, counts, counts_from, estimate_from, estimate_to,
    interval_from, interval_to, reason_from, reason_to,
};
use crate::pb::bootstrap as pb;
use crate::violation::Violations;
use ::bootstrap::{BootstrapLimits, Failure, Histogram, Replicates, Summary};
use cohort::{NotEstimable, Replicated};
use pipeline::{BootstrappedQuantity, IntervalMethod};

/// A piece of the replicates of a query, from a server that computes on so many threads.
#[must_use]
pub fn replicates_response(
    replicates: &Replicates,
    names: &[(String, bool)],
    query: &ReplicatesQuery,
    n_threads: usize,
) -> pb::RunReplicatesResponse {
    let n = replicates.answers.len() / replicates.n_quantities.max(1);
    let missing = replicates.answers.iter().enumerate().filter_map(|(index, answer)| {
        let reason = reason_to(answer.value.err()?);
        Some(pb::MissingValue { index: count(index), reason })
    });
    pb::RunReplicatesResponse {
        // Numbers of replicates fit the messages that asked for them.
        first_replicate: replicates.first as i32,
        replicate_count: count(n),
        quantity_names: names.iter().map(|(name, _)| name.clone()).collect(),
        values: replicates.answers.iter().map(|answer| answer.value.unwrap_or(0.0)).collect(),
        variances: replicates.answers.iter().map(|answer| answer.variance.unwrap_or(0.0)).collect(),
        missing: missing.collect(),
        finished_count: (replicates.first - query.range.start) as i32 + count(n),
        thread_count: count(n_threads),
    }
}

/// Answers with the quantities, plan and options in force.
#[must_use]
pub fn intervals_response(
    quantities: Vec<BootstrappedQuantity>,
    query: &BootstrapIntervalsQuery,
) -> pb::EstimateIntervalsResponse {
    pb::EstimateIntervalsResponse {
        quantities: quantities.into_iter().map(quantity_to).collect(),
        plan: Some(plan_to(&query.bootstrap)),
        options: Some(options_to(&query.intervals)),
    }
}

fn quantity_to(quantity: BootstrappedQuantity) -> pb::BootstrappedQuantity {
    let summary = quantity.summary;
    let failure = |failure: Failure| pb::ReplicateFailure {
        reason: reason_to(failure.reason),
        replicate_count: count(failure.n_replicates),
    };
    pb::BootstrappedQuantity {
        name: quantity.name,
        is_logarithm: quantity.is_logarithm,
        estimate: Some(estimate_to(quantity.estimate)),
        bias: Some(estimate_to(summary.bias)),
        standard_error: Some(estimate_to(summary.standard_error)),
        replicate_count: count(summary.n_replicates),
        infinite_count: count(summary.n_infinite),
        failures: summary.failures.into_iter().map(failure).collect(),
        acceleration: quantity.acceleration.map(estimate_to),
        bias_correction: Some(estimate_to(summary.bias_correction)),
        intervals: quantity.limits.into_iter().map(interval_of).collect(),
        five_numbers: summary.five_numbers.map(Vec::from).unwrap_or_default(),
        histogram: summary.histogram.map(|histogram| pb::ReplicateHistogram {
            counts: counts(&histogram.counts),
            edges: histogram.edges,
        }),
    }
}

fn interval_of((method, limits): (IntervalMethod, BootstrapLimits)) -> pb::BootstrapInterval {
    pb::BootstrapInterval {
        method: method_to(method),
        interval: Some(interval_to(limits.interval)),
        monte_carlo_error: Some(interval_to(limits.monte_carlo_error)),
        levels: limits.levels.map(Vec::from).unwrap_or_default(),
        caveats: caveats_to(limits.caveats),
    }
}

/// Reads a piece of replicates.
///
/// A variance of 0 is read as none: no interval rests on one.
///
/// # Errors
///
/// Lists of the wrong length, or a missing value that has no place.
pub fn replicates_from(response: pb::RunReplicatesResponse) -> Result<Replicates, Malformed> {
    let mut violations = Violations::default();
    let replicates = replicates_of(&mut violations, response);
    violations.finish(replicates)
}

fn replicates_of(
    violations: &mut Violations,
    response: pb::RunReplicatesResponse,
) -> Option<Replicates> {
    let first = count_from(violations, "first_replicate", response.first_replicate)?;
    let n = count_from(violations, "replicate_count", response.replicate_count)?;
    let n_quantities = response.quantity_names.len();
    let (values, variances) = (response.values, response.variances);
    if values.len() != n * n_quantities || values.len() != variances.len() {
        violations.add("values", "the lists of values have different lengths");
        return None;
    }
    let answer = |(value, variance): (f64, f64)| Replicated {
        value: Ok(value),
        variance: (variance != 0.0).then_some(variance),
    };
    let mut answers: Vec<Replicated> = values.into_iter().zip(variances).map(answer).collect();
    for (at, missing) in response.missing.into_iter().enumerate() {
        let place = usize::try_from(missing.index).ok().and_then(|index| answers.get_mut(index));
        let place = violations
            .check(format!("missing[{at}].index"), place.ok_or("lies outside the values"))?;
        *place =
            Replicated::value(Err(reason_from(missing.reason).unwrap_or(NotEstimable::NotDefined)));
    }
    Some(Replicates { first: first as u64, n_quantities, answers })
}

/// Reads intervals.
///
/// # Errors
///
/// A negative count, or a method or caveat that is not known.
pub fn intervals_from(
    response: pb::EstimateIntervalsResponse,
) -> Result<Vec<BootstrappedQuantity>, Malformed> {
    let mut violations = Violations::default();
    let mut quantities = Vec::with_capacity(response.quantities.len());
    for (at, quantity) in response.quantities.into_iter().enumerate() {
        let outer = format!("quantities[{at}].");
        let quantity =
            violations.within(("", &outer), |violations| quantity_from(violations, quantity));
        quantities.extend(quantity);
    }
    violations.finish(Some(quantities))
}

fn quantity_from(
    violations: &mut Violations,
    quantity: pb::BootstrappedQuantity,
) -> Option<BootstrappedQuantity> {
    let mut failures = Vec::with_capacity(quantity.failures.len());
    for (at, failure) in quantity.failures.into_iter().enumerate() {
        let path = format!("failures[{at}].replicate_count");
        let reason = reason_from(failure.reason).unwrap_or(NotEstimable::NotDefined);
        failures.push(Failure {
            reason,
            n_replicates: count_from(violations, &path, failure.replicate_count)?,
        });
    }
    let summary = Summary {
        n_replicates: count_from(violations, "replicate_count", quantity.replicate_count)?,
        failures,
        n_infinite: count_from(violations, "infinite_count", quantity.infinite_count)?,
        bias: estimate_from(quantity.bias),
        standard_error: estimate_from(quantity.standard_error),
        bias_correction: estimate_from(quantity.bias_correction),
        five_numbers: <[f64; 5]>::try_from(quantity.five_numbers).ok(),
        histogram: match quantity.histogram {
            None => None,
            Some(histogram) => Some(histogram_from(violations, histogram)?),
        },
    };
    let mut limits = Vec::with_capacity(quantity.intervals.len());
    for (at, interval) in quantity.intervals.into_iter().enumerate() {
        let outer = format!("intervals[{at}].");
        limits
            .push(violations.within(("", &outer), |violations| limits_from(violations, interval))?);
    }
    Some(BootstrappedQuantity {
        name: quantity.name,
        is_logarithm: quantity.is_logarithm,
        estimate: estimate_from(quantity.estimate),
        summary,
        acceleration: quantity.acceleration.map(|acceleration| estimate_from(Some(acceleration))),
        limits,
    })
}

fn histogram_from(
    violations: &mut Violations,
    histogram: pb::ReplicateHistogram,
) -> Option<Histogram> {
    let counts = counts_from(violations, "histogram.counts", histogram.counts)?;
    if histogram.edges.len() != counts.len() + 1 {
        violations.add("histogram.edges", "must be one more than the counts");
        return None;
    }
    Some(Histogram { edges: histogram.edges, counts })
}

fn limits_from(
    violations: &mut Violations,
    interval: pb::BootstrapInterval,
) -> Option<(IntervalMethod, BootstrapLimits)> {
    let method = violations.require_known("method", method_from(interval.method))?;
    let limits = BootstrapLimits {
        interval: interval_from(interval.interval),
        monte_carlo_error: interval_from(interval.monte_carlo_error),
        levels: <[f64; 2]>::try_from(interval.levels).ok(),
        caveats: caveats_from(violations, "caveats", interval.caveats),
    };
    Some((method, limits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::bootstrap::{Plan, Resampling};
    use cohort::{Cohort, Column, EndpointColumns, Selection};
    use pipeline::{Bootstrap, BootstrapQuery, IntervalsQuery};
    use survival::{Measure, SurvivalQuantity, SurvivalStatisticQuery};

    /// Four patients, half of whom die: a fifth of all replicates do not reach the median.
    fn asked() -> (Cohort, BootstrapIntervalsQuery) {
        let columns = vec![
            Column::numeric("time", vec![1.0, 2.0, 3.0, 4.0]),
            Column::numeric("event", vec![1.0, 0.0, 1.0, 0.0]),
        ];
        let of = |measure| SurvivalQuantity::Of { measure, group: None };
        let survival = SurvivalStatisticQuery {
            endpoint: EndpointColumns::new("time", "event"),
            group: None,
            quantities: vec![
                of(Measure::Quantile { probability: 0.5 }),
                of(Measure::SurvivalAt { time: 3.5 }),
            ],
        };
        let plan = Plan::new(1, 40, Resampling::WithReplacement).unwrap();
        let bootstrap = BootstrapQuery { survival: Some(survival), ..BootstrapQuery::new(plan) };
        let methods = vec![IntervalMethod::Percentile, IntervalMethod::Normal, IntervalMethod::Bca];
        let intervals = IntervalsQuery { methods, confidence: 0.95 };
        (Cohort::new(None, columns).unwrap(), BootstrapIntervalsQuery { bootstrap, intervals })
    }

    /// Infinite, missing and failed ones keep what they are.
    #[test]
    fn answers_come_back_as_they_were() {
        let (cohort, query) = asked();
        let everybody = Selection::all(&cohort);
        let bootstrap = Bootstrap::read(&cohort, &everybody, &query.bootstrap).unwrap();
        let replicates = bootstrap.replicates(0..40).unwrap();
        assert!(replicates.answers.iter().any(|answer| answer.value == Ok(f64::INFINITY)));
        assert!(replicates.answers.iter().any(|answer| answer.value.is_err()));
        let part = ReplicatesQuery { bootstrap: query.bootstrap.clone(), range: 0..40 };
        let message = replicates_response(&replicates, &bootstrap.names(), &part, 2);
        let read = replicates_from(message).unwrap();
        let values = |replicates: &Replicates| -> Vec<_> {
            replicates.answers.iter().map(|answer| answer.value).collect()
        };
        assert_eq!(values(&read), values(&replicates));
        let quantities = bootstrap.intervals(&replicates, &query.intervals).unwrap();
        let message = intervals_response(quantities.clone(), &query);
        assert_eq!(intervals_from(message), Ok(quantities));
    }

    #[test]
    fn a_piece_of_another_length_is_refused() {
        let piece = pb::RunReplicatesResponse {
            replicate_count: 2,
            quantity_names: vec!["median".into()],
            values: vec![1.0],
            variances: vec![0.0],
            ..pb::RunReplicatesResponse::default()
        };
        let Malformed(violations) = replicates_from(piece).unwrap_err();
        assert_eq!(violations[0].path, "values");
    }
}
