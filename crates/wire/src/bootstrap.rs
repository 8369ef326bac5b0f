//! `equipoise.bootstrap.v1`: replicates and their intervals.

mod answer;

pub use answer::{intervals_from, intervals_response, replicates_from, replicates_response};

use crate::common::{
    columns_from, confidence_from, endpoint_columns, endpoint_from, endpoint_to, enum_conversion,
    optional_column,
};
use crate::pb::bootstrap as pb;
use crate::regression::{model_columns, model_from, model_to};
use crate::violation::Violations;
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Unreadable};
use ::bootstrap::{Plan, Resampling, UnitColumns};
use cohort::{Cohort, Selection};
use pipeline::{BootstrapQuery, IntervalMethod, IntervalsQuery};
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

/// Asks for a range of replicates.
#[must_use]
pub fn replicates_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    query: &ReplicatesQuery,
) -> pb::RunReplicatesRequest {
    let columns = query_columns(&query.bootstrap);
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    let range = &query.range;
    pb::RunReplicatesRequest {
        cohort,
        selection,
        plan: Some(plan_to(&query.bootstrap)),
        quantities: Some(quantities_to(&query.bootstrap)),
        // Plans have fewer replicates than the type can count.
        first_replicate: range.start as i32,
        replicate_count: range.end.saturating_sub(range.start) as i32,
    }
}

/// Asks for intervals from all replicates of a plan.
#[must_use]
pub fn intervals_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    query: &BootstrapIntervalsQuery,
) -> pb::EstimateIntervalsRequest {
    let columns = query_columns(&query.bootstrap);
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    pb::EstimateIntervalsRequest {
        cohort,
        selection,
        plan: Some(plan_to(&query.bootstrap)),
        quantities: Some(quantities_to(&query.bootstrap)),
        options: Some(options_to(&query.intervals)),
    }
}

/// The columns that a bootstrap reads.
fn query_columns(query: &BootstrapQuery) -> impl Iterator<Item = &str> {
    let units = query.units.unit.iter().chain(&query.units.strata).map(String::as_str);
    let survival = query
        .survival
        .iter()
        .flat_map(|survival| endpoint_columns(&survival.endpoint).chain(survival.group.as_deref()));
    units.chain(survival).chain(query.cox.iter().flat_map(model_columns))
}

impl CohortRequest for pb::RunReplicatesRequest {
    type Query = ReplicatesQuery;

    fn asked(self, cohorts: &dyn Cohorts) -> Result<Asked<ReplicatesQuery>, Unreadable> {
        let (plan, quantities) = (self.plan, self.quantities);
        let (first, n) = (self.first_replicate, self.replicate_count);
        let read = |violations: &mut Violations, cohort: &Cohort| {
            let bootstrap = query_from(violations, plan, quantities, cohort)?;
            let range = range_from(violations, first, n, bootstrap.plan)?;
            Some(ReplicatesQuery { bootstrap, range })
        };
        Asked::read(cohorts, self.cohort, self.selection, read)
    }
}

impl CohortRequest for pb::EstimateIntervalsRequest {
    type Query = BootstrapIntervalsQuery;

    fn asked(self, cohorts: &dyn Cohorts) -> Result<Asked<BootstrapIntervalsQuery>, Unreadable> {
        let (plan, quantities) = (self.plan, self.quantities);
        let options = self.options.unwrap_or_default();
        let read = |violations: &mut Violations, cohort: &Cohort| {
            let bootstrap = query_from(violations, plan, quantities, cohort);
            let intervals = options_from(violations, options);
            Some(BootstrapIntervalsQuery { bootstrap: bootstrap?, intervals: intervals? })
        };
        Asked::read(cohorts, self.cohort, self.selection, read)
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

fn quantities_to(query: &BootstrapQuery) -> pb::BootstrapQuantities {
    pb::BootstrapQuantities {
        survival: query.survival.as_ref().map(survival_to),
        cox: query.cox.as_ref().map(model_to),
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

fn survival_to(query: &SurvivalStatisticQuery) -> pb::SurvivalQuantities {
    pb::SurvivalQuantities {
        endpoint: Some(endpoint_to(&query.endpoint)),
        group_column: query.group.clone().unwrap_or_default(),
        quantities: query.quantities.iter().map(quantity_to).collect(),
    }
}

fn quantity_to(quantity: &SurvivalQuantity) -> pb::SurvivalQuantity {
    let (measure, group, reference) = match quantity {
        SurvivalQuantity::Of { measure, group } => (measure, group.clone(), None),
        SurvivalQuantity::Difference { measure, group, reference } => {
            (measure, Some(group.clone()), Some(reference.clone()))
        }
        SurvivalQuantity::LogRank => {
            let measure = pb::SurvivalMeasure::LogRank.into();
            return pb::SurvivalQuantity { measure, ..pb::SurvivalQuantity::default() };
        }
    };
    let (measure, at) = match *measure {
        Measure::Quantile { probability } => (pb::SurvivalMeasure::Quantile, probability),
        Measure::SurvivalAt { time } => (pb::SurvivalMeasure::SurvivalAt, time),
        Measure::RestrictedMean { tau } => (pb::SurvivalMeasure::RestrictedMean, tau),
    };
    pb::SurvivalQuantity { measure: measure.into(), at: Some(at), group, reference }
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

fn options_from(
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

fn options_to(query: &IntervalsQuery) -> pb::IntervalOptions {
    pb::IntervalOptions {
        methods: query.methods.iter().map(|&method| method_to(method)).collect(),
        confidence: Some(query.confidence),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::{Column, EndpointColumns, Term};
    use cox::CoxQuery;

    fn cohort() -> Cohort {
        let columns = vec![
            Column::numeric("time", vec![1.0, 2.0, 3.0, 4.0]),
            Column::numeric("event", vec![1.0, 0.0, 1.0, 1.0]),
            Column::categorical("arm", vec!["a".into(), "b".into()], vec![0, 1, 0, 1]),
            Column::numeric("pair", vec![1.0, 1.0, 2.0, 2.0]),
            Column::numeric("site", vec![1.0, 1.0, 1.0, 1.0]),
        ];
        Cohort::new(None, columns).unwrap()
    }

    fn query() -> BootstrapQuery {
        let endpoint = EndpointColumns::new("time", "event");
        let of = |measure| SurvivalQuantity::Of { measure, group: Some("b".into()) };
        let survival = SurvivalStatisticQuery {
            endpoint: endpoint.clone(),
            group: Some("arm".into()),
            quantities: vec![
                of(Measure::Quantile { probability: 0.5 }),
                of(Measure::RestrictedMean { tau: 3.0 }),
                SurvivalQuantity::Difference {
                    measure: Measure::SurvivalAt { time: 2.0 },
                    group: "b".into(),
                    reference: "a".into(),
                },
                SurvivalQuantity::LogRank,
            ],
        };
        BootstrapQuery {
            plan: Plan::new(7, 99, Resampling::WithReplacement).unwrap(),
            units: UnitColumns { unit: Some("pair".into()), strata: vec!["site".into()] },
            survival: Some(survival),
            cox: Some(CoxQuery::new(endpoint, vec![Term::factor("arm")])),
        }
    }

    /// What is asked of a service is what it reads, with the columns that it needs.
    #[test]
    fn requests_say_everything() {
        let (cohort, query) = (cohort(), query());
        let everybody = Selection::all(&cohort);
        let asked = ReplicatesQuery { bootstrap: query.clone(), range: 8..24 };
        let request = replicates_request(&cohort, &everybody, &asked);
        let read = request.asked(&()).unwrap();
        assert_eq!((&read.query, read.selection.len()), (&asked, 4));
        let intervals = IntervalsQuery { methods: vec![IntervalMethod::Bca], confidence: 0.9 };
        let asked = BootstrapIntervalsQuery { bootstrap: query, intervals };
        let request = intervals_request(&cohort, &everybody, &asked);
        assert_eq!(request.cohort.as_ref().unwrap().columns.len(), 5);
        let read = request.asked(&()).unwrap();
        assert_eq!(read.query, asked);
    }
}
