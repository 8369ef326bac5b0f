//! Messages of the bootstrap service.

use crate::common::{
    caveats_to, columns_from, confidence_from, count, endpoint_from, enum_conversion, estimate_to,
    interval_to, optional_column, reason_to,
};
use crate::pb::bootstrap as pb;
use crate::regression::model_from;
use crate::violation::Violations;
use crate::{Asked, Malformed};
use ::bootstrap::{BootstrapLimits, Failure, Plan, Replicates, Resampling, UnitColumns};
use cohort::Cohort;
use pipeline::{BootstrapQuery, BootstrappedQuantity, IntervalMethod, IntervalsQuery};
use std::ops::Range;
use survival::{Measure, SurvivalQuantity, SurvivalStatisticQuery};

/// Largest seed: every language can hold it.
const LARGEST_SEED: i64 = (1 << 53) - 1;

enum_conversion!(
    resampling_to,
    resampling_from,
    Resampling,
    pb::Resampling,
    Some(Resampling::default()),
    [WithReplacement, Bayesian]
);

enum_conversion!(
    method_to,
    method_from,
    IntervalMethod,
    pb::IntervalMethod,
    Some(IntervalMethod::Percentile),
    [Percentile, Basic, Normal, Studentized, Bca]
);

/// A bootstrap and which of its replicates are wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicatesQuery {
    /// The bootstrap.
    pub bootstrap: BootstrapQuery,
    /// The replicates, within the plan.
    pub range: Range<u64>,
}

/// A bootstrap and the intervals that are made of it.
#[derive(Clone, Debug, PartialEq)]
pub struct BootstrapIntervalsQuery {
    /// The bootstrap.
    pub bootstrap: BootstrapQuery,
    /// The intervals.
    pub intervals: IntervalsQuery,
}

impl TryFrom<pb::RunReplicatesRequest> for Asked<ReplicatesQuery> {
    type Error = Malformed;

    fn try_from(request: pb::RunReplicatesRequest) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let (plan, quantities) = (request.plan, request.quantities);
        let (first, n) = (request.first_replicate, request.replicate_count);
        let read = |violations: &mut Violations, cohort: &Cohort| {
            let bootstrap = query_from(violations, plan, quantities, cohort)?;
            let range = range_from(violations, first, n, bootstrap.plan)?;
            Some(ReplicatesQuery { bootstrap, range })
        };
        let asked = Asked::read(&mut violations, request.cohort, request.selection, read);
        violations.finish(asked)
    }
}

impl TryFrom<pb::EstimateIntervalsRequest> for Asked<BootstrapIntervalsQuery> {
    type Error = Malformed;

    fn try_from(request: pb::EstimateIntervalsRequest) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let (plan, quantities) = (request.plan, request.quantities);
        let options = request.options.unwrap_or_default();
        let read = |violations: &mut Violations, cohort: &Cohort| {
            let bootstrap = query_from(violations, plan, quantities, cohort);
            let intervals = intervals_from(violations, options);
            Some(BootstrapIntervalsQuery { bootstrap: bootstrap?, intervals: intervals? })
        };
        let asked = Asked::read(&mut violations, request.cohort, request.selection, read);
        violations.finish(asked)
    }
}

fn query_from(
    violations: &mut Violations,
    plan: Option<pb::BootstrapPlan>,
    quantities: Option<pb::BootstrapQuantities>,
    cohort: &Cohort,
) -> Option<BootstrapQuery> {
    let plan = plan_from(violations, plan, cohort);
    let quantities = violations.require("quantities", quantities)?;
    if quantities.survival.is_none() && quantities.cox.is_none() {
        violations.add("quantities", "asks for nothing: set survival or cox");
    }
    let survival = match quantities.survival {
        Some(survival) => survival_from(violations, survival, cohort).map(Some),
        None => Some(None),
    };
    let cox = match quantities.cox {
        Some(model) => violations
            .within(("model", "quantities.cox"), |violations| {
                model_from(violations, Some(model), cohort)
            })
            .map(Some),
        None => Some(None),
    };
    let (plan, units) = plan?;
    Some(BootstrapQuery { plan, units, survival: survival?, cox: cox? })
}

fn plan_from(
    violations: &mut Violations,
    plan: Option<pb::BootstrapPlan>,
    cohort: &Cohort,
) -> Option<(Plan, UnitColumns)> {
    let plan = violations.require("plan", plan)?;
    if !(0..=LARGEST_SEED).contains(&plan.seed) {
        violations.add("plan.seed", "lies between 0 and 2^53 - 1");
    }
    let resampling = violations.require_known("plan.resampling", resampling_from(plan.resampling));
    let seed = u64::try_from(plan.seed).ok();
    // A number below 0 is none that a plan may have, and is refused as 0 is.
    let n_replicates = u64::try_from(plan.replicate_count).unwrap_or(0);
    let made = Plan::new(seed?, n_replicates, resampling?);
    let made = violations.check("plan.replicate_count", made)?;
    let units = UnitColumns {
        unit: optional_column(violations, "plan.unit_column", plan.unit_column, cohort),
        strata: columns_from(violations, "plan.strata_columns", plan.strata_columns, cohort),
    };
    Some((made, units))
}

fn plan_to(query: &BootstrapQuery) -> pb::BootstrapPlan {
    pb::BootstrapPlan {
        // Seeds and numbers of replicates were read from messages that hold them.
        seed: query.plan.seed() as i64,
        replicate_count: query.plan.n_replicates() as i32,
        resampling: resampling_to(query.plan.resampling()),
        unit_column: query.units.unit.clone().unwrap_or_default(),
        strata_columns: query.units.strata.clone(),
    }
}

fn range_from(violations: &mut Violations, first: i32, n: i32, plan: Plan) -> Option<Range<u64>> {
    let first_replicate = u64::try_from(first).ok().filter(|&first| first < plan.n_replicates());
    if first_replicate.is_none() {
        violations.add("first_replicate", "lies between 0 and the number of the plan's replicates");
    }
    let last = first_replicate.zip(u64::try_from(n).ok().filter(|&n| n > 0));
    let end = last.map(|(first, n)| first + n).filter(|&end| end <= plan.n_replicates());
    if first_replicate.is_some() && end.is_none() {
        violations.add("replicate_count", "is at least 1 and ends within the plan");
    }
    Some(first_replicate?..end?)
}

fn survival_from(
    violations: &mut Violations,
    survival: pb::SurvivalQuantities,
    cohort: &Cohort,
) -> Option<SurvivalStatisticQuery> {
    violations.within(("", "quantities.survival."), |violations| {
        let endpoint = endpoint_from(violations, survival.endpoint, cohort);
        if survival.quantities.is_empty() {
            violations.add("quantities", "has no entry: ask for at least one");
        }
        let has_groups = !survival.group_column.is_empty();
        let group = optional_column(violations, "group_column", survival.group_column, cohort);
        let quantities: Vec<Option<SurvivalQuantity>> = (survival.quantities.into_iter())
            .enumerate()
            .map(|(at, quantity)| {
                let outer = format!("quantities[{at}].");
                violations.within(("", &outer), |violations| {
                    quantity_from(violations, quantity, has_groups)
                })
            })
            .collect();
        Some(SurvivalStatisticQuery {
            endpoint: endpoint?,
            group,
            quantities: quantities.into_iter().collect::<Option<_>>()?,
        })
    })
}

fn quantity_from(
    violations: &mut Violations,
    quantity: pb::SurvivalQuantity,
    has_groups: bool,
) -> Option<SurvivalQuantity> {
    let at = |violations: &mut Violations| violations.require("at", quantity.at);
    let measure = match pb::SurvivalMeasure::try_from(quantity.measure) {
        Ok(pb::SurvivalMeasure::Quantile) => Measure::Quantile { probability: at(violations)? },
        Ok(pb::SurvivalMeasure::SurvivalAt) => Measure::SurvivalAt { time: at(violations)? },
        Ok(pb::SurvivalMeasure::RestrictedMean) => Measure::RestrictedMean { tau: at(violations)? },
        Ok(pb::SurvivalMeasure::LogRank) => {
            if quantity.at.is_some() || quantity.group.is_some() || quantity.reference.is_some() {
                violations
                    .add("measure", "LOG_RANK compares all groups: leave out the other fields");
            }
            if !has_groups {
                violations.add("measure", "LOG_RANK needs group_column");
            }
            return Some(SurvivalQuantity::LogRank);
        }
        Ok(pb::SurvivalMeasure::Unspecified) => {
            violations.add("measure", "is required");
            return None;
        }
        Err(_) => {
            violations.add("measure", "is no value of this enum");
            return None;
        }
    };
    if quantity.group.is_some() != has_groups {
        let what = if has_groups { "is required" } else { "needs group_column" };
        violations.add("group", what);
    }
    match (quantity.group, quantity.reference) {
        (Some(group), Some(reference)) => {
            Some(SurvivalQuantity::Difference { measure, group, reference })
        }
        (None, Some(_)) => {
            violations.add("reference", "needs group");
            None
        }
        (group, None) => Some(SurvivalQuantity::Of { measure, group }),
    }
}

fn intervals_from(
    violations: &mut Violations,
    options: pb::IntervalOptions,
) -> Option<IntervalsQuery> {
    let confidence = confidence_from(violations, "options.confidence", options.confidence);
    let mut methods = Vec::with_capacity(options.methods.len());
    for (at, method) in options.methods.into_iter().enumerate() {
        let method = method_from(method);
        methods.push(violations.require_known(format!("options.methods[{at}]"), method));
    }
    let mut methods: Vec<IntervalMethod> = methods.into_iter().collect::<Option<_>>()?;
    if methods.is_empty() {
        methods.push(IntervalMethod::Percentile);
    }
    Some(IntervalsQuery { methods, confidence: confidence? })
}

/// A piece of the replicates of a query.
#[must_use]
pub fn replicates_response(
    replicates: &Replicates,
    names: &[(String, bool)],
    query: &ReplicatesQuery,
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
        options: Some(pb::IntervalOptions {
            methods: query.intervals.methods.iter().map(|&method| method_to(method)).collect(),
            confidence: Some(query.intervals.confidence),
        }),
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
