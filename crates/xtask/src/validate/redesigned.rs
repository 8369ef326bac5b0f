//! Coverage of bootstrap intervals after matching or weighting: a design that is drawn as it is, or patients
//! whose design is made again.

use crate::validate::Settings;
use crate::validate::models;
use crate::validate::replicates::{MEDIAN, covers, difference};
use crate::validate::tables::Table;
use crate::validate::tally::{Tally, ask};
use bootstrap::{Plan, Resampling, UnitColumns};
use cohort::{Cohort, Column, EndpointColumns, Selection, Term, WeightColumn, WeightKind};
use cox::CoxQuery;
use matching::{Caliper, CaliperScale, MatchQuery, match_pairs};
use pipeline::{
    Bootstrap, BootstrapQuery, DesignQuery, IntervalMethod, IntervalsQuery, RedesignQuery, Scope,
    ScoreQuery,
};
use propensity::{Discard, Level, LogisticQuery, propensity};
use simulate::{Scenario, Simulation};
use survival::{Measure, SurvivalStatisticQuery};
use weighting::{Estimand, InverseProbability, ScoreScale, WeightMethod, WeightsQuery, weigh};

/// Sizes of the cohorts.
const SIZES: [usize; 3] = [100, 200, 400];

/// Share of the exposed whose covariates are average.
const EXPOSED_SHARE: f64 = 0.3;

/// Replicates of each cohort.
const REPLICATES: u64 = 399;

/// Of so many cohorts one is asked: making the design again takes its time, and BCa takes as many designs more
/// as there are patients.
const ONE_OF: u32 = 4;

/// Columns of what a design adds.
const LOGIT: &str = "logit";
const PAIR: &str = "pair";
const WEIGHT: &str = "weight";

/// The intervals of each scope.
const METHODS: [IntervalMethod; 3] =
    [IntervalMethod::Percentile, IntervalMethod::Bca, IntervalMethod::Basic];

/// Their names.
const COLUMNS: [&str; 2 * METHODS.len()] = [
    "outcome, percentile",
    "outcome, BCa",
    "outcome, basic",
    "pipeline, percentile",
    "pipeline, BCa",
    "pipeline, basic",
];

/// What makes the arms comparable.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Design {
    /// Pairs of nearest neighbours.
    Matched,
    /// Stabilised weights of the average effect.
    Weighted,
}

/// Cohorts of one size with one design.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct DesignRow {
    design: Design,
    n: usize,
}

/// Whether each interval of each quantity holds the truth.
type Covers = [[Option<bool>; COLUMNS.len()]; N_QUANTITIES];

/// Quantities that are looked at.
const N_QUANTITIES: usize = 3;

/// What is drawn, for readers.
pub(crate) fn description(settings: &Settings) -> String {
    format!(
        "\nThe tables of matched and of weighted patients have {} cohorts per row and {REPLICATES} replicates. \
         Age and stage act on exposure and on the hazard, as in `crates/cox/VALIDATION.md`; exposure itself \
         has no effect, so that every difference is truly 0. The exposed are {} % of patients of average \
         score. Matched, they have their nearest neighbours on the logit of the propensity score within \
         0.2 standard deviations; weighted, everybody has the stabilised inverse probability of the own \
         arm. Scope `outcome` draws the pairs as they are, or patients with their weights; scope `pipeline` \
         draws patients, estimates the score and matches or weighs again. BCa of scope `pipeline` does so once \
         more without each patient, with n designs more per cohort than the other intervals need: that is \
         why there are fewer cohorts here than above.\n",
        cohorts(settings),
        100.0 * EXPOSED_SHARE,
    )
}

fn cohorts(settings: &Settings) -> u32 {
    settings.cohorts.div_ceil(ONE_OF)
}

impl Design {
    const ALL: [Self; 2] = [Self::Matched, Self::Weighted];

    /// The quantities, in the order in which they are answered.
    fn titles(self) -> [&'static str; N_QUANTITIES] {
        match self {
            Self::Matched => [
                "Matched, without effect: difference of the medians",
                "Matched, without effect: difference of survival at 12 months",
                "Matched, without effect: log hazard ratio of the exposed",
            ],
            Self::Weighted => [
                "Weighted, without effect: difference of the medians",
                "Weighted, without effect: difference of survival at 12 months",
                "Weighted, without effect: log hazard ratio of the exposed",
            ],
        }
    }

    /// What is done again with the patients of a replicate.
    fn again(self) -> DesignQuery {
        match self {
            Self::Matched => DesignQuery::Matching(matching()),
            Self::Weighted => DesignQuery::Weighting(weighting()),
        }
    }

    /// The patients of the design, who have what it adds in columns; nothing of a cohort that has none.
    fn finished(self, cohort: &mut Cohort, patients: &Selection) -> Option<Selection> {
        let scores = propensity(cohort, patients, &model()).ok()?;
        cohort.push(Column::numeric(LOGIT, scores.linear_predictor)).ok()?;
        match self {
            Self::Matched => {
                let sample = match_pairs(cohort, patients, &matching()).ok()?;
                let numbers = sample.subclass.iter().copied().map(f64::from).collect();
                cohort.push(Column::numeric(PAIR, numbers)).ok()?;
                Some(patients.filter(|row| sample.subclass[row] > 0))
            }
            Self::Weighted => {
                let weights = weigh(cohort, patients, &weighting()).ok()?.weights;
                cohort.push(Column::numeric(WEIGHT, weights)).ok()?;
                Some(patients.clone())
            }
        }
    }

    /// What is asked in scope outcome.
    fn as_it_is(self, plan: Plan) -> BootstrapQuery {
        let asked = quantities(plan);
        match self {
            Self::Matched => {
                let units = UnitColumns { unit: Some(PAIR.into()), strata: Vec::new() };
                BootstrapQuery { units, ..asked }
            }
            Self::Weighted => {
                let column = WeightColumn { column: WEIGHT.into(), kind: WeightKind::Sampling };
                let weighted =
                    |model: CoxQuery| CoxQuery { weights: Some(column.clone()), ..model };
                BootstrapQuery {
                    weights: Some(WEIGHT.into()),
                    cox: asked.cox.into_iter().map(weighted).collect(),
                    ..quantities(plan)
                }
            }
        }
    }
}

impl DesignRow {
    pub(crate) fn all() -> Vec<Self> {
        Design::ALL.iter().flat_map(|&design| SIZES.map(|n| Self { design, n })).collect()
    }

    pub(crate) fn ask(self, settings: &Settings) -> Vec<Covers> {
        let scenario =
            Scenario { exposed_share: EXPOSED_SHARE, ..models::confounded_without_effect() };
        let simulation = Simulation::new(scenario, settings.seed)
            .expect("the numbers above are a valid scenario");
        let settings = Settings { cohorts: cohorts(settings), ..*settings };
        ask(&settings, |cohort| {
            // The sizes are none of those of other tables; both designs are of the same cohorts.
            let replicate = (10_000 + self.n as u64) << 32 | u64::from(cohort);
            let columns = simulation.draw(self.n, replicate).columns();
            let cohort = Cohort::new(None, columns).expect("simulated columns make a cohort");
            self.answer(cohort, settings.seed ^ replicate)
        })
    }

    /// Nothing of a cohort that has no design or no estimates.
    fn answer(self, mut cohort: Cohort, seed: u64) -> Covers {
        let patients = Selection::all(&cohort);
        let plan = Plan::new(seed, REPLICATES, Resampling::WithReplacement)
            .expect("a plan may have so many replicates");
        let again = covered(&cohort, &patients, &self.of_patients(plan));
        let finished = self.design.finished(&mut cohort, &patients);
        let as_it_is =
            finished.and_then(|members| covered(&cohort, &members, &self.design.as_it_is(plan)));
        std::array::from_fn(|at| {
            let of = |found: &Option<Vec<Vec<Option<bool>>>>, method: usize| {
                found.as_ref().and_then(|found| found[at][method])
            };
            std::array::from_fn(|column| match column.checked_sub(METHODS.len()) {
                None => of(&as_it_is, column),
                Some(method) => of(&again, method),
            })
        })
    }

    /// What is asked in scope pipeline.
    fn of_patients(self, plan: Plan) -> BootstrapQuery {
        let score = ScoreQuery { model: model(), discard: Discard::None, scale: ScoreScale::Logit };
        let again = RedesignQuery { score: Some(score), design: self.design.again() };
        BootstrapQuery { scope: Scope::Pipeline(Box::new(again)), ..quantities(plan) }
    }
}

/// Whether each interval of each quantity holds 0.
fn covered(
    cohort: &Cohort,
    selection: &Selection,
    query: &BootstrapQuery,
) -> Option<Vec<Vec<Option<bool>>>> {
    let bootstrap = Bootstrap::read(cohort, selection, query).ok()?;
    let replicates = bootstrap.replicates(0..REPLICATES).ok()?;
    let asked = IntervalsQuery { methods: METHODS.to_vec(), confidence: 0.95 };
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

fn weighting() -> WeightsQuery {
    let method = WeightMethod::InverseProbability(InverseProbability {
        score: LOGIT.into(),
        scale: ScoreScale::Logit,
        estimand: Estimand::Ate,
        stabilised: true,
    });
    WeightsQuery { exposure: "exposed".into(), exposed: "1".into(), method, truncation: None }
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

/// A table for each quantity of each design.
pub(crate) fn tables(rows: &[(DesignRow, Vec<Covers>)]) -> Vec<Table> {
    let of_design = |&design: &Design| {
        let rows: Vec<_> = rows.iter().filter(|(row, _)| row.design == design).collect();
        let table = |(at, title): (usize, &'static str)| {
            let row = |(row, answers): &&(DesignRow, Vec<Covers>)| {
                let cell = |column: usize| {
                    answers.iter().map(|answer| Tally::of(answer[at][column])).sum::<Tally>().cell()
                };
                [row.n.to_string()].into_iter().chain((0..COLUMNS.len()).map(cell)).collect()
            };
            Table::new(title, &["n"], &COLUMNS, rows.iter().map(row).collect())
        };
        design.titles().into_iter().enumerate().map(table).collect::<Vec<_>>()
    };
    Design::ALL.iter().flat_map(of_design).collect()
}
