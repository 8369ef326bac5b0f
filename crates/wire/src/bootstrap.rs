//! `equipoise.bootstrap.v1`: replicates and their intervals.

mod answer;
mod quantities;

pub use answer::{intervals_from, intervals_response, replicates_from, replicates_response};

use crate::common::{columns_from, confidence_from, enum_conversion, optional_column};
use crate::pb::bootstrap as pb;
use crate::violation::Violations;
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Unreadable};
use ::bootstrap::{Plan, Resampling, UnitColumns};
use cohort::{Cohort, Selection};
use pipeline::{BootstrapQuery, IntervalMethod, IntervalsQuery, Scope};
use quantities::{quantities_columns, quantities_from, quantities_to};
use std::ops::Range;

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
    units.chain(quantities_columns(query))
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
            let (bootstrap, intervals) = (bootstrap?, intervals?);
            methods_fit(violations, &bootstrap.scope, &intervals.methods);
            Some(BootstrapIntervalsQuery { bootstrap, intervals })
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
    let query = quantities_from(violations, quantities, cohort);
    let (plan, units) = plan?;
    let query = BootstrapQuery { plan, units, ..query? };
    if query.scope != Scope::Outcome && plan.resampling() != Resampling::WithReplacement {
        violations.add("plan.resampling", "pipeline counts whole patients: WITH_REPLACEMENT");
    }
    Some(query)
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

/// Standard errors of a replicate do not know of its design, and intervals of them are not made.
fn methods_fit(violations: &mut Violations, scope: &Scope, methods: &[IntervalMethod]) {
    let needs_errors = |method: &IntervalMethod| {
        matches!(method, IntervalMethod::Normal | IntervalMethod::Studentized)
    };
    let unfit = methods.iter().enumerate().filter(|(_, method)| needs_errors(method));
    if *scope != Scope::Outcome {
        let message = "scope pipeline has PERCENTILE, BASIC and BCA";
        violations.add_each("options.methods", unfit.map(|(at, _)| at), message);
    }
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
    use crate::Malformed;
    use crate::pb::matching;
    use ::matching::{Caliper, CaliperScale, MatchQuery};
    use balance::{SmdQuery, Variable};
    use cohort::{Column, EndpointColumns, Term};
    use cox::CoxQuery;
    use pipeline::{DesignQuery, RedesignQuery, ScoreQuery};
    use propensity::{Discard, Level, LogisticQuery};
    use survival::{Measure, SurvivalQuantity, SurvivalStatisticQuery};
    use weighting::{
        Entropy, Estimand, InverseProbability, ScoreScale, Target, Truncation, WeightMethod,
        WeightsQuery,
    };

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
        let plan = Plan::new(7, 99, Resampling::WithReplacement).unwrap();
        BootstrapQuery {
            units: UnitColumns { unit: Some("pair".into()), strata: vec!["site".into()] },
            survival: Some(survival),
            cox: vec![CoxQuery::new(endpoint, vec![Term::factor("arm")])],
            smd: Some(SmdQuery {
                exposure: "arm".into(),
                exposed: "b".into(),
                variables: vec![Variable::Numeric("time".into())],
            }),
            ..BootstrapQuery::new(plan)
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

    /// The same with a scope in which patients are matched again.
    fn matched_again() -> BootstrapQuery {
        let outcome = Level { column: "arm".into(), level: "b".into() };
        let model = LogisticQuery::new(outcome, vec![Term::linear("pair")]);
        let (discard, scale) = (Discard::Both, ScoreScale::Logit);
        let caliper = Caliper { width: 0.2, scale: CaliperScale::StandardDeviations };
        let design = DesignQuery::Matching(MatchQuery {
            caliper: Some(caliper),
            exact: vec!["site".into()],
            ..MatchQuery::nearest("arm", "b", quantities::SCORE)
        });
        let score = Some(ScoreQuery { model, discard, scale });
        BootstrapQuery {
            units: UnitColumns::default(),
            scope: Scope::Pipeline(Box::new(RedesignQuery { score, design })),
            ..query()
        }
    }

    /// The same with a scope in which patients are weighed again, by a score unless the means of `pair` are
    /// balanced.
    fn weighed_again(is_by_score: bool) -> BootstrapQuery {
        let outcome = Level { column: "arm".into(), level: "b".into() };
        let model = LogisticQuery::new(outcome, vec![Term::linear("pair")]);
        let (discard, scale) = (Discard::None, ScoreScale::Logit);
        let score = is_by_score.then_some(ScoreQuery { model, discard, scale });
        let by_score = InverseProbability {
            score: quantities::SCORE.into(),
            scale,
            estimand: Estimand::Ate,
            stabilised: true,
        };
        let by_entropy = Entropy::new(vec![Term::linear("pair")], Target::Exposed);
        let method = match is_by_score {
            true => WeightMethod::InverseProbability(by_score),
            false => WeightMethod::EntropyBalancing(by_entropy),
        };
        let truncation = Some(Truncation { lower: 0.01, upper: 0.99 });
        let (exposure, exposed) = ("arm".into(), "b".into());
        let query = WeightsQuery { exposure, exposed, method, truncation };
        let mut asked = matched_again();
        // Patients with weights have no log-rank test.
        asked.survival.iter_mut().for_each(|survival| survival.quantities.truncate(3));
        let design = DesignQuery::Weighting(query);
        BootstrapQuery {
            scope: Scope::Pipeline(Box::new(RedesignQuery { score, design })),
            ..asked
        }
    }

    #[test]
    fn a_scope_is_read_as_it_was_asked() {
        let cohort = cohort();
        let everybody = Selection::all(&cohort);
        for query in [matched_again(), weighed_again(true), weighed_again(false)] {
            let asked = ReplicatesQuery { bootstrap: query, range: 0..99 };
            let request = replicates_request(&cohort, &everybody, &asked);
            assert_eq!(request.asked(&()).unwrap().query, asked);
        }
    }

    /// The fields at fault of a request for intervals that has been changed.
    fn faults(
        bootstrap: BootstrapQuery,
        change: &dyn Fn(&mut pb::EstimateIntervalsRequest),
    ) -> Vec<String> {
        let cohort = cohort();
        let methods = vec![IntervalMethod::Basic];
        let intervals = IntervalsQuery { methods, confidence: 0.9 };
        let asked = BootstrapIntervalsQuery { bootstrap, intervals };
        let mut request = intervals_request(&cohort, &Selection::all(&cohort), &asked);
        change(&mut request);
        let Unreadable::Malformed(Malformed(found)) = request.asked(&()).unwrap_err() else {
            panic!("the cohort came along");
        };
        found.into_iter().map(|violation| violation.path).collect()
    }

    #[test]
    fn what_does_not_fit_the_scope_names_its_field() {
        let paths =
            |change: &dyn Fn(&mut pb::EstimateIntervalsRequest)| faults(matched_again(), change);
        let quantities = |change: fn(&mut pb::BootstrapQuantities)| {
            paths(&move |request| change(request.quantities.as_mut().unwrap()))
        };
        let pipeline = |change: fn(&mut pb::Pipeline)| {
            paths(&move |request| {
                let quantities = request.quantities.as_mut().unwrap();
                change(quantities.pipeline.as_mut().unwrap());
            })
        };
        let studentized = pb::IntervalMethod::Studentized as i32;
        let found = paths(&|request| request.options.as_mut().unwrap().methods.push(studentized));
        assert_eq!(found, ["options.methods[1]"]);
        let bayesian = pb::Resampling::Bayesian as i32;
        let found = paths(&|request| request.plan.as_mut().unwrap().resampling = bayesian);
        assert_eq!(found, ["plan.resampling"]);
        let found = quantities(|asked| asked.weight_column = "pair".into());
        assert!(found.contains(&"quantities.weight_column".to_string()), "{found:?}");
        let found = quantities(|asked| {
            asked.smd.as_mut().unwrap().reference_selection = Some(Default::default());
        });
        assert_eq!(found, ["quantities.smd.reference_selection"]);
        let found = pipeline(|asked| {
            let options = asked.matching.as_mut().unwrap().options.as_mut().unwrap();
            options.ratio = Some(2);
        });
        assert_eq!(found, ["quantities.survival.quantities[3].measure"]);
        let found = pipeline(|asked| asked.matching = None);
        assert_eq!(found, ["quantities.pipeline.matching"]);
        let found =
            pipeline(|asked| asked.matching.as_mut().unwrap().distance_column = "pair".into());
        assert_eq!(found, ["quantities.pipeline.matching.distance_column"]);
        let found = pipeline(|asked| asked.propensity = None);
        assert!(found[0].starts_with("quantities.pipeline.matching."), "{found:?}");
        let found = pipeline(|asked| {
            let propensity = asked.propensity.as_mut().unwrap();
            propensity.model.as_mut().unwrap().outcome_column = "age".into();
        });
        assert_eq!(found, ["quantities.pipeline.propensity.model.outcome_column"]);
    }

    #[test]
    fn what_does_not_fit_weights_names_its_field() {
        let pipeline = |is_by_score, change: fn(&mut pb::Pipeline)| {
            faults(weighed_again(is_by_score), &move |request| {
                let quantities = request.quantities.as_mut().unwrap();
                change(quantities.pipeline.as_mut().unwrap());
            })
        };
        let path = "quantities.pipeline.";
        let found = pipeline(true, |asked| asked.propensity = None);
        assert_eq!(found, [format!("{path}propensity")]);
        let found = pipeline(false, |asked| asked.propensity = Some(Default::default()));
        assert!(found.contains(&format!("{path}propensity")), "{found:?}");
        let found = pipeline(true, |asked| asked.matching = Some(Default::default()));
        assert_eq!(found, [format!("{path}weighting")]);
        let found = pipeline(true, |asked| asked.weighting = None);
        assert_eq!(found, [format!("{path}matching")]);
        let found = pipeline(true, |asked| {
            let weighting = asked.weighting.as_mut().unwrap();
            weighting.score_column = "pair".into();
            weighting.options.as_mut().unwrap().score_scale = 2;
            weighting.selection = Some(Default::default());
        });
        let fields = ["selection", "score_column", "options.score_scale"];
        assert_eq!(found, fields.map(|field| format!("{path}weighting.{field}")));
        let found = pipeline(false, |asked| {
            let options = asked.weighting.as_mut().unwrap().options.as_mut().unwrap();
            options.estimand = matching::WeightEstimand::Overlap as i32;
        });
        assert_eq!(found, [format!("{path}weighting.options.estimand")]);
        let log_rank = pb::SurvivalMeasure::LogRank as i32;
        let found = faults(weighed_again(true), &|request| {
            let survival = request.quantities.as_mut().unwrap().survival.as_mut().unwrap();
            survival.quantities[0] =
                pb::SurvivalQuantity { measure: log_rank, ..Default::default() };
        });
        assert_eq!(found, ["quantities.survival.quantities[0].measure"]);
    }
}
