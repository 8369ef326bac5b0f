//! Coverage of bootstrap intervals after matching: pairs drawn as they are, or patients who are matched again.

use crate::validate::Settings;
use crate::validate::models;
use crate::validate::replicates::{MEDIAN, covers, difference};
use crate::validate::tables::Table;
use crate::validate::tally::{Tally, ask};
use bootstrap::{Plan, Resampling, UnitColumns};
use cohort::{Cohort, Column, EndpointColumns, Selection, Term};
use cox::CoxQuery;
use matching::{Caliper, CaliperScale, MatchQuery, match_pairs};
use pipeline::{
    Bootstrap, BootstrapQuery, IntervalMethod, IntervalsQuery, RematchQuery, Scope, ScoreQuery,
};
use propensity::{Discard, Level, LogisticQuery, propensity};
use simulate::{Scenario, Simulation};
use survival::{Measure, SurvivalStatisticQuery};
use weighting::ScoreScale;

/// Sizes of the cohorts, before matching.
const SIZES: [usize; 3] = [100, 200, 400];

/// Share of the exposed whose covariates are average.
const EXPOSED_SHARE: f64 = 0.3;

/// Replicates of each cohort.
const REPLICATES: u64 = 399;

/// Of so many cohorts one is asked: matching again takes its time.
const ONE_OF: u32 = 4;

/// Columns of what matching adds.
const LOGIT: &str = "logit";
const PAIR: &str = "pair";

/// The intervals of each scope.
const OF_PAIRS: [IntervalMethod; 3] =
    [IntervalMethod::Percentile, IntervalMethod::Bca, IntervalMethod::Basic];
const OF_PATIENTS: [IntervalMethod; 2] = [IntervalMethod::Percentile, IntervalMethod::Basic];

/// Their names.
const COLUMNS: [&str; 5] = [
    "outcome, percentile",
    "outcome, BCa",
    "outcome, basic",
    "pipeline, percentile",
    "pipeline, basic",
];

/// The quantities, in the order in which they are answered.
const QUANTITIES: [&str; 3] = [
    "Matched, without effect: difference of the medians",
    "Matched, without effect: difference of survival at 12 months",
    "Matched, without effect: log hazard ratio of the exposed",
];

/// Cohorts of one size.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct MatchedRow {
    n: usize,
}

/// Whether each interval of each quantity holds the truth.
type Covers = [[Option<bool>; COLUMNS.len()]; QUANTITIES.len()];

/// What is drawn, for readers.
pub(crate) fn description(settings: &Settings) -> String {
    format!(
        "\nThe tables of matched patients have {} cohorts per row and {REPLICATES} replicates. Age and stage \
         act on exposure and on the hazard, as in `crates/cox/VALIDATION.md`; exposure itself has no \
         effect, so that every difference of the matched is truly 0. The exposed ({} % of patients of \
         average score) are matched to their nearest neighbours on the logit of the propensity score \
         within 0.2 standard deviations. Scope `outcome` draws the pairs as they are; scope `pipeline` \
         draws patients, and estimates the score and matches again.\n",
        cohorts(settings),
        100.0 * EXPOSED_SHARE,
    )
}

fn cohorts(settings: &Settings) -> u32 {
    settings.cohorts.div_ceil(ONE_OF)
}

impl MatchedRow {
    pub(crate) fn all() -> Vec<Self> {
        SIZES.map(|n| Self { n }).to_vec()
    }

    pub(crate) fn ask(self, settings: &Settings) -> Vec<Covers> {
        let scenario =
            Scenario { exposed_share: EXPOSED_SHARE, ..models::confounded_without_effect() };
        let simulation = Simulation::new(scenario, settings.seed)
            .expect("the numbers above are a valid scenario");
        let settings = Settings { cohorts: cohorts(settings), ..*settings };
        ask(&settings, |cohort| {
            // The sizes are none of those of other rows.
            let replicate = (10_000 + self.n as u64) << 32 | u64::from(cohort);
            let columns = simulation.draw(self.n, replicate).columns();
            let cohort = Cohort::new(None, columns).expect("simulated columns make a cohort");
            answer(cohort, settings.seed ^ replicate)
        })
    }
}

/// Nothing of a cohort that cannot be matched or has no estimates.
fn answer(mut cohort: Cohort, seed: u64) -> Covers {
    let patients = Selection::all(&cohort);
    let plan = Plan::new(seed, REPLICATES, Resampling::WithReplacement)
        .expect("a plan may have so many replicates");
    let again = covered(&cohort, &patients, &of_patients(plan), &OF_PATIENTS);
    let pairs = matched(&mut cohort, &patients);
    let as_they_are = pairs.and_then(|pairs| covered(&cohort, &pairs, &of_pairs(plan), &OF_PAIRS));
    std::array::from_fn(|at| {
        let of = |found: &Option<Vec<Vec<Option<bool>>>>, method: usize| {
            found.as_ref().and_then(|found| found[at][method])
        };
        std::array::from_fn(|column| match column.checked_sub(OF_PAIRS.len()) {
            None => of(&as_they_are, column),
            Some(method) => of(&again, method),
        })
    })
}

/// Whether each interval of each quantity holds 0.
fn covered(
    cohort: &Cohort,
    selection: &Selection,
    query: &BootstrapQuery,
    methods: &[IntervalMethod],
) -> Option<Vec<Vec<Option<bool>>>> {
    let bootstrap = Bootstrap::read(cohort, selection, query).ok()?;
    let replicates = bootstrap.replicates(0..REPLICATES).ok()?;
    let asked = IntervalsQuery { methods: methods.to_vec(), confidence: 0.95 };
    let quantities = bootstrap.intervals(&replicates, &asked).ok()?;
    let of = |limits: &Vec<(IntervalMethod, bootstrap::BootstrapLimits)>| {
        limits.iter().map(|(_, limits)| covers(limits.interval, 0.0)).collect()
    };
    Some(quantities.iter().map(|quantity| of(&quantity.limits)).collect())
}

/// The model of exposure.
fn model() -> LogisticQuery {
    let exposed = Level { column: "exposed".into(), level: "1".into() };
    LogisticQuery::new(exposed, vec![Term::linear("age"), Term::linear("stage")])
}

fn matching() -> MatchQuery {
    let caliper = Caliper { width: 0.2, scale: CaliperScale::StandardDeviations };
    MatchQuery { caliper: Some(caliper), ..MatchQuery::nearest("exposed", "1", LOGIT) }
}

/// The patients in pairs, whose numbers become a column.
fn matched(cohort: &mut Cohort, patients: &Selection) -> Option<Selection> {
    let scores = propensity(cohort, patients, &model()).ok()?;
    cohort.push(Column::numeric(LOGIT, scores.linear_predictor)).ok()?;
    let sample = match_pairs(cohort, patients, &matching()).ok()?;
    let numbers = sample.subclass.iter().copied().map(f64::from).collect();
    cohort.push(Column::numeric(PAIR, numbers)).ok()?;
    Some(patients.filter(|row| sample.subclass[row] > 0))
}

/// The quantities without what is drawn.
fn quantities(plan: Plan) -> BootstrapQuery {
    let endpoint = EndpointColumns::new("time", "event");
    let asked = vec![
        difference(Measure::Quantile { probability: 0.5 }),
        difference(Measure::SurvivalAt { time: MEDIAN }),
    ];
    let group = Some("exposed".into());
    BootstrapQuery {
        survival: Some(SurvivalStatisticQuery {
            endpoint: endpoint.clone(),
            group,
            quantities: asked,
        }),
        cox: vec![CoxQuery::new(endpoint, vec![Term::factor("exposed")])],
        ..BootstrapQuery::new(plan)
    }
}

fn of_pairs(plan: Plan) -> BootstrapQuery {
    let units = UnitColumns { unit: Some(PAIR.into()), strata: Vec::new() };
    BootstrapQuery { units, ..quantities(plan) }
}

fn of_patients(plan: Plan) -> BootstrapQuery {
    let score = ScoreQuery { model: model(), discard: Discard::None, scale: ScoreScale::Logit };
    let again = RematchQuery { score: Some(score), matching: matching() };
    BootstrapQuery { scope: Scope::Pipeline(Box::new(again)), ..quantities(plan) }
}

/// A table for each quantity.
pub(crate) fn tables(rows: &[(MatchedRow, Vec<Covers>)]) -> Vec<Table> {
    let table = |(at, title): (usize, &&'static str)| {
        let row = |(row, answers): &(MatchedRow, Vec<Covers>)| {
            let cell = |column: usize| {
                answers.iter().map(|answer| Tally::of(answer[at][column])).sum::<Tally>().cell()
            };
            [row.n.to_string()].into_iter().chain((0..COLUMNS.len()).map(cell)).collect()
        };
        Table::new(title, &["n"], &COLUMNS, rows.iter().map(row).collect())
    };
    QUANTITIES.iter().enumerate().map(table).collect()
}
