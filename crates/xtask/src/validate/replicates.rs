//! Coverage of bootstrap intervals.

use crate::validate::Settings;
use crate::validate::tables::Table;
use crate::validate::tally::{Tally, ask};
use bootstrap::{Plan, Resampling, UnitColumns};
use cohort::{Cohort, EndpointColumns, Interval, NotEstimable, Selection, Term};
use cox::CoxQuery;
use numerics::elementary::ln;
use pipeline::{Bootstrap, BootstrapQuery, BootstrappedQuantity, IntervalMethod, IntervalsQuery};
use simulate::{Arm, Baseline, Censoring, Scenario, Simulation, Steps, Truth};
use std::f64::consts::LN_2;
use survival::{Measure, SurvivalQuantity, SurvivalStatisticQuery};

/// Sizes of the cohorts.
const SIZES: [usize; 3] = [50, 100, 300];

/// Hazard ratios of the exposed.
const HAZARD_RATIOS: [f64; 2] = [1.0, 2.0];

/// Median survival of the comparators, and the time at which survival is read, in months.
pub(crate) const MEDIAN: f64 = 12.0;

/// Replicates of each cohort.
const REPLICATES: u64 = 999;

const CONFIDENCE: f64 = 0.95;

/// The intervals with their names.
const METHODS: [(&str, IntervalMethod); 5] = [
    ("percentile", IntervalMethod::Percentile),
    ("BCa", IntervalMethod::Bca),
    ("basic", IntervalMethod::Basic),
    ("normal", IntervalMethod::Normal),
    ("studentized", IntervalMethod::Studentized),
];

/// The quantities, in the order in which they are answered.
const QUANTITIES: [&str; 4] = [
    "Difference of the medians",
    "Survival of the exposed at 12 months",
    "Difference of survival at 12 months",
    "Log hazard ratio of the exposed",
];

/// Cohorts of one size with one hazard ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ReplicateRow {
    n: usize,
    hazard_ratio: f64,
}

/// Whether each interval of each quantity holds the truth.
type Covers = [[Option<bool>; METHODS.len()]; QUANTITIES.len()];

/// What is drawn, for readers.
pub(crate) fn description() -> String {
    format!(
        "Time is in months. Half are exposed by lot; comparators have exponential survival with a median \
         of {MEDIAN}, the exposed that of the hazard ratio; 30 % of comparators leave before their event, \
         at a constant rate. Patients are drawn again within the arms, {REPLICATES} times for each \
         cohort. Medians have no variance of their own, and so no studentized interval.\n"
    )
}

impl ReplicateRow {
    pub(crate) fn all() -> Vec<Self> {
        let of = |n| HAZARD_RATIOS.map(|hazard_ratio| Self { n, hazard_ratio });
        SIZES.into_iter().flat_map(of).collect()
    }

    /// Whether the quick check computes it anew.
    pub(crate) fn is_checked(&self) -> bool {
        self.n == SIZES[0] && self.hazard_ratio == HAZARD_RATIOS[1]
    }

    pub(crate) fn ask(self, settings: &Settings) -> Vec<Covers> {
        let simulation = Simulation::new(self.scenario(), settings.seed)
            .expect("the numbers above are a valid scenario");
        let truths = truths(&simulation.truth(), self.hazard_ratio);
        ask(settings, |cohort| {
            let replicate = (self.n as u64) << 32 | u64::from(cohort);
            let columns = simulation.draw(self.n, replicate).columns();
            let cohort = Cohort::new(None, columns).expect("simulated columns make a cohort");
            answer(&cohort, settings.seed ^ replicate, truths)
        })
    }

    fn scenario(self) -> Scenario {
        let rate = LN_2 / MEDIAN;
        let mut scenario =
            Scenario::of(Baseline::Exponential { rate }).expect("1 is a hazard ratio");
        scenario.causes[0].hazard_ratio =
            Steps::constant(self.hazard_ratio).expect("hazard ratios are positive");
        let censoring = Censoring { dropout_rate: rate * 3.0 / 7.0, ..Censoring::default() };
        Scenario { censoring, ..scenario }
    }
}

fn truths(truth: &Truth, hazard_ratio: f64) -> [f64; QUANTITIES.len()] {
    let median = |arm| truth.quantile(arm, 0.5).expect("everybody has the event at last");
    let [exposed, comparator] =
        [Arm::Exposed, Arm::Comparator].map(|arm| truth.survival(arm, MEDIAN));
    let difference = median(Arm::Exposed) - median(Arm::Comparator);
    [difference, exposed, exposed - comparator, ln(hazard_ratio)]
}

/// Nothing of a cohort that has no estimates, as one in which nobody has the event.
fn answer(cohort: &Cohort, seed: u64, truths: [f64; QUANTITIES.len()]) -> Covers {
    let selection = Selection::all(cohort);
    let Some(quantities) = intervals(cohort, &selection, seed) else { return Covers::default() };
    std::array::from_fn(|at| {
        let limits = &quantities[at].limits;
        std::array::from_fn(|method| covers(limits[method].1.interval, truths[at]))
    })
}

fn intervals(
    cohort: &Cohort,
    selection: &Selection,
    seed: u64,
) -> Option<Vec<BootstrappedQuantity>> {
    let bootstrap = Bootstrap::read(cohort, selection, &query(seed)).ok()?;
    let replicates = bootstrap.replicates(0..REPLICATES).ok()?;
    let methods = METHODS.map(|(_, method)| method).to_vec();
    bootstrap.intervals(&replicates, &IntervalsQuery { methods, confidence: CONFIDENCE }).ok()
}

fn query(seed: u64) -> BootstrapQuery {
    let endpoint = EndpointColumns::new("time", "event");
    let at_median = Measure::SurvivalAt { time: MEDIAN };
    let quantities = vec![
        difference(Measure::Quantile { probability: 0.5 }),
        SurvivalQuantity::Of { measure: at_median, group: Some("1".into()) },
        difference(at_median),
    ];
    let group = Some("exposed".into());
    let plan = Plan::new(seed, REPLICATES, Resampling::WithReplacement)
        .expect("a plan may have so many replicates");
    BootstrapQuery {
        units: UnitColumns { unit: None, strata: vec!["exposed".into()] },
        survival: Some(SurvivalStatisticQuery { endpoint: endpoint.clone(), group, quantities }),
        cox: vec![CoxQuery::new(endpoint, vec![Term::factor("exposed")])],
        ..BootstrapQuery::new(plan)
    }
}

/// What the exposed have more than the comparators.
pub(crate) fn difference(measure: Measure) -> SurvivalQuantity {
    SurvivalQuantity::Difference { measure, group: "1".into(), reference: "0".into() }
}

/// Whether an interval holds the truth, if there is an interval; limits that are not reached are infinite
/// on their side.
pub(crate) fn covers(interval: Interval, truth: f64) -> Option<bool> {
    let limit = |limit, infinite| match limit {
        Ok(limit) => Some(limit),
        Err(NotEstimable::NotReached) => Some(infinite),
        Err(_) => None,
    };
    let lower = limit(interval.lower, f64::NEG_INFINITY)?;
    Some(lower <= truth && truth <= limit(interval.upper, f64::INFINITY)?)
}

/// A table for each quantity.
pub(crate) fn tables(rows: &[(ReplicateRow, Vec<Covers>)]) -> Vec<Table> {
    let table = |(at, title): (usize, &&'static str)| {
        let row = |(row, answers): &(ReplicateRow, Vec<Covers>)| {
            let cell = |method: usize| {
                answers.iter().map(|answer| Tally::of(answer[at][method])).sum::<Tally>().cell()
            };
            let labels = [row.n.to_string(), row.hazard_ratio.to_string()];
            labels.into_iter().chain((0..METHODS.len()).map(cell)).collect()
        };
        let columns = METHODS.map(|(name, _)| name);
        Table::new(title, &["n", "hazard ratio"], &columns, rows.iter().map(row).collect())
    };
    QUANTITIES.iter().enumerate().map(table).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_are_not_reached_are_infinite() {
        let interval = |lower, upper| Interval { lower, upper };
        let not_reached = Err(NotEstimable::NotReached);
        assert_eq!(covers(interval(Ok(1.0), not_reached), 2.0), Some(true));
        assert_eq!(covers(interval(Ok(1.0), not_reached), 0.5), Some(false));
        assert_eq!(covers(interval(not_reached, Ok(1.0)), 2.0), Some(false));
        assert_eq!(covers(interval(Ok(1.0), Err(NotEstimable::NoEvents)), 2.0), None);
    }
}
