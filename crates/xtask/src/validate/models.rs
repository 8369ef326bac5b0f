//! Bias, coverage and size of Cox and logistic models.

use crate::validate::Settings;
use crate::validate::estimates::holds;
use crate::validate::tables::Table;
use crate::validate::tally::{Moments, Tally, ask};
use cohort::{Cohort, EndpointColumns, Selection, Term};
use cox::{CoxOptions, CoxQuery, ProfileLimits, Ties, Variance, cox};
use numerics::elementary::{exp, ln};
use propensity::{Level, LogisticExtras, LogisticQuery, logistic};
use simulate::{Baseline, Censoring, Covariate, Distribution, Scenario, Simulation, Steps};
use std::f64::consts::LN_2;

/// Sizes of the cohorts.
const SIZES: [usize; 3] = [100, 300, 1000];

/// Hazard ratios of the exposed.
const HAZARD_RATIOS: [f64; 2] = [1.0, 2.0];

/// Median survival of the comparators of average score, in months.
const MEDIAN: f64 = 12.0;

/// What a unit of each covariate adds to the log odds of exposure, and to the score.
const LN_ODDS_RATIOS: [f64; 2] = [0.04, 0.8];
const LN_HAZARD_RATIOS: [f64; 2] = [0.03, 0.6];

const SIZE_OF_TEST: f64 = 0.05;

/// The column of the exposure in a model.
const EXPOSED: &str = "exposed=1";

/// That of the covariate whose odds ratio is looked at.
const STAGE: &str = "stage";

/// How patients are made, and how they are modelled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Design {
    /// Exposure by lot, no covariates.
    Randomised,
    /// Two covariates act on exposure and on the hazard; both are in the model.
    Confounded,
    /// The same with times in quarters, so that most events are tied.
    Tied(Ties),
}

/// A model of the hazard in cohorts of one size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct HazardRow {
    design: Design,
    n: usize,
    hazard_ratio: f64,
}

/// A model of exposure in cohorts of one size.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ExposureRow {
    n: usize,
}

/// What one cohort says of one coefficient.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Answer {
    estimate: Option<f64>,
    standard_error: Option<f64>,
    /// Whether each interval holds the truth.
    covers: [Option<bool>; 3],
    /// Whether each test rejects.
    rejects: [Option<bool>; 3],
}

/// The intervals of a ratio, and the tests of a hazard ratio.
const INTERVALS: [&str; 3] = ["Wald", "robust", "profile"];
const TESTS: [&str; 3] = ["Wald", "robust", "likelihood ratio"];

/// What the designs are, for readers.
pub(crate) fn description() -> String {
    format!(
        "Time is in months. Comparators of average score have exponential survival with a median of \
         {MEDIAN}; 30 % of them leave before their event, at a constant rate. The designs:\n\n\
         - **randomised**: half are exposed by lot; the model has the exposure alone;\n\
         - **confounded**: age (normal, 10 years of standard deviation) and stage (in 30 %) act on \
         exposure (log odds ratios {} a year and {}) and on the hazard (log hazard ratios {} and {}); \
         the model has all three;\n\
         - **tied**: the same with times rounded up to quarters, by each rule of ties.\n",
        LN_ODDS_RATIOS[0], LN_ODDS_RATIOS[1], LN_HAZARD_RATIOS[0], LN_HAZARD_RATIOS[1],
    )
}

impl Design {
    const ALL: [Self; 4] =
        [Self::Randomised, Self::Confounded, Self::Tied(Ties::Efron), Self::Tied(Ties::Breslow)];

    fn name(self) -> &'static str {
        match self {
            Self::Randomised => "randomised",
            Self::Confounded => "confounded",
            Self::Tied(Ties::Efron) => "tied, Efron",
            Self::Tied(_) => "tied, Breslow",
        }
    }

    fn scenario(self, hazard_ratio: f64) -> Scenario {
        let rate = LN_2 / MEDIAN;
        let mut scenario =
            Scenario::of(Baseline::Exponential { rate }).expect("1 is a hazard ratio");
        scenario.causes[0].hazard_ratio =
            Steps::constant(hazard_ratio).expect("hazard ratios are positive");
        let covariates = if self == Self::Randomised { Vec::new() } else { covariates() };
        let time_grid = matches!(self, Self::Tied(_)).then_some(3.0);
        let censoring = Censoring { dropout_rate: rate * 3.0 / 7.0, ..Censoring::default() };
        Scenario { covariates, time_grid, censoring, ..scenario }
    }

    fn terms(self) -> Vec<Term> {
        let exposed = Term::factor("exposed");
        match self {
            Self::Randomised => vec![exposed],
            _ => vec![exposed, Term::linear("age"), Term::linear("stage")],
        }
    }

    fn ties(self) -> Ties {
        match self {
            Self::Tied(ties) => ties,
            _ => Ties::Efron,
        }
    }
}

/// Patients whose covariates act on exposure and on the hazard, while exposure has no effect.
pub(crate) fn confounded_without_effect() -> Scenario {
    Design::Confounded.scenario(1.0)
}

impl HazardRow {
    pub(crate) fn all() -> Vec<Self> {
        let of = |design, n| HAZARD_RATIOS.map(|hazard_ratio| Self { design, n, hazard_ratio });
        let sized = |design| SIZES.into_iter().flat_map(move |n| of(design, n));
        Design::ALL.into_iter().flat_map(sized).collect()
    }

    /// Whether the quick check computes it anew.
    pub(crate) fn is_checked(&self) -> bool {
        self.design == Design::Confounded && self.n == SIZES[0]
    }

    pub(crate) fn ask(self, settings: &Settings) -> Vec<Answer> {
        let simulation = simulation(self.design.scenario(self.hazard_ratio), settings.seed);
        let row = self.design.terms().len() * 10 + self.design.ties() as usize;
        ask(settings, |cohort| {
            let columns = simulation.draw(self.n, replicate(row, self.n, cohort)).columns();
            self.answer(&Cohort::new(None, columns).expect("simulated columns make a cohort"))
        })
    }

    fn answer(self, cohort: &Cohort) -> Answer {
        let query = CoxQuery {
            options: CoxOptions { ties: self.design.ties(), ..CoxOptions::default() },
            variance: Variance::Robust,
            profile_limits: ProfileLimits::Of(vec![EXPOSED.into()]),
            ..CoxQuery::new(EndpointColumns::new("time", "event"), self.design.terms())
        };
        // Nobody with the event leaves no model.
        let Ok(fit) = cox(cohort, &Selection::all(cohort), &query) else {
            return Answer::default();
        };
        let coefficient = &fit.coefficients[0];
        let robust = coefficient.robust_interval.expect("a robust variance was asked for");
        let profile = coefficient.profile.expect("likelihood-ratio limits were asked for");
        let p_values = [
            coefficient.p_value.ok(),
            coefficient.robust_p_value.and_then(Result::ok),
            profile.test.p_value.ok(),
        ];
        let intervals = [coefficient.interval, robust, profile.interval];
        Answer {
            estimate: coefficient.estimate.ok(),
            standard_error: coefficient.standard_error.ok(),
            covers: intervals.map(|interval| holds(interval, self.hazard_ratio)),
            rejects: p_values.map(|p_value| Some(p_value? < SIZE_OF_TEST)),
        }
    }
}

impl ExposureRow {
    pub(crate) fn all() -> Vec<Self> {
        SIZES.map(|n| Self { n }).to_vec()
    }

    /// Whether the quick check computes it anew.
    pub(crate) fn is_checked(&self) -> bool {
        self.n == SIZES[0]
    }

    pub(crate) fn ask(self, settings: &Settings) -> Vec<Answer> {
        let simulation = simulation(Design::Confounded.scenario(1.0), settings.seed);
        ask(settings, |cohort| {
            let columns = simulation.draw(self.n, replicate(1, self.n, cohort)).columns();
            answer_of_exposure(
                &Cohort::new(None, columns).expect("simulated columns make a cohort"),
            )
        })
    }
}

/// What a model of exposure says of stage.
fn answer_of_exposure(cohort: &Cohort) -> Answer {
    let exposed = Level { column: "exposed".into(), level: "1".into() };
    let query = LogisticQuery {
        variance: Variance::Robust,
        extras: LogisticExtras {
            profile_limits: ProfileLimits::Of(vec![STAGE.into()]),
            ..LogisticExtras::default()
        },
        ..LogisticQuery::new(exposed, vec![Term::linear("age"), Term::linear(STAGE)])
    };
    let Ok(fit) = logistic(cohort, &Selection::all(cohort), &query) else {
        return Answer::default();
    };
    let stage = &fit.coefficients[2];
    let robust = stage.robust_interval.expect("a robust variance was asked for");
    let profile = stage.profile.expect("likelihood-ratio limits were asked for");
    let intervals = [stage.interval, robust, profile.odds_ratio_interval];
    Answer {
        estimate: stage.estimate.ok(),
        standard_error: stage.standard_error.ok(),
        covers: intervals.map(|interval| holds(interval, exp(LN_ODDS_RATIOS[1]))),
        ..Answer::default()
    }
}

/// Bias and coverage of the hazard ratio of the exposed.
pub(crate) fn hazard_ratios(rows: &[(HazardRow, Vec<Answer>)]) -> Table {
    let row = |(row, answers): &(HazardRow, Vec<Answer>)| {
        let labels = labels(row.design.name(), row.n, row.hazard_ratio);
        let truth = ln(row.hazard_ratio);
        labels.into_iter().chain(described(answers, truth)).collect()
    };
    let title = "Log hazard ratio of the exposed: bias, errors and coverage of intervals of 95 %";
    let columns = [&MEASURES[..], &INTERVALS].concat();
    Table::new(title, &["design", "n", "hazard ratio"], &columns, rows.iter().map(row).collect())
}

/// Tests of a hazard ratio that is 1.
pub(crate) fn hazard_tests(rows: &[(HazardRow, Vec<Answer>)]) -> Table {
    let equal = rows.iter().filter(|(row, _)| row.hazard_ratio == 1.0);
    let row = |(row, answers): &(HazardRow, Vec<Answer>)| {
        let labels = [row.design.name().to_string(), row.n.to_string()];
        let tally = |test: usize| answers.iter().map(move |answer| Tally::of(answer.rejects[test]));
        let tests = (0..TESTS.len()).map(|test| tally(test).sum::<Tally>().cell());
        labels.into_iter().chain(tests).collect()
    };
    let title = "Hazard ratio of 1: rejections at 5 %";
    Table::new(title, &["design", "n"], &TESTS, equal.map(row).collect())
}

/// Bias and coverage of an odds ratio.
pub(crate) fn odds_ratios(rows: &[(ExposureRow, Vec<Answer>)]) -> Table {
    let row = |(row, answers): &(ExposureRow, Vec<Answer>)| {
        let described = described(answers, LN_ODDS_RATIOS[1]);
        [Design::Confounded.name().to_string(), row.n.to_string()]
            .into_iter()
            .chain(described)
            .collect()
    };
    let title =
        "Log odds ratio of exposure by stage: bias, errors and coverage of intervals of 95 %";
    let columns = [&MEASURES[..], &INTERVALS].concat();
    Table::new(title, &["design", "n"], &columns, rows.iter().map(row).collect())
}

/// What stands before the intervals.
const MEASURES: [&str; 2] = ["bias", "mean error / spread"];

/// The bias with its Monte-Carlo error, the mean standard error over the standard deviation of the
/// estimates, and the coverage of the intervals.
fn described(answers: &[Answer], truth: f64) -> Vec<String> {
    let estimates = Moments::of(answers.iter().filter_map(|answer| answer.estimate));
    let errors = Moments::of(answers.iter().filter_map(|answer| answer.standard_error));
    let covers = |interval: usize| {
        answers.iter().map(|answer| Tally::of(answer.covers[interval])).sum::<Tally>().cell()
    };
    let measures =
        [estimates.cell(truth), format!("{:.3}", errors.mean / estimates.standard_deviation)];
    measures.into_iter().chain((0..INTERVALS.len()).map(covers)).collect()
}

fn labels(design: &str, n: usize, hazard_ratio: f64) -> [String; 3] {
    [design.into(), n.to_string(), hazard_ratio.to_string()]
}

fn simulation(scenario: Scenario, seed: u64) -> Simulation {
    Simulation::new(scenario, seed).expect("the numbers above are a valid scenario")
}

/// Rows are told apart in the upper half of the number, cohorts in the lower. Equal hazards and
/// unequal ones see the same patients, which makes their difference clearer.
fn replicate(row: usize, n: usize, cohort: u32) -> u64 {
    ((row * 10_000 + n) as u64) << 32 | u64::from(cohort)
}

fn covariates() -> Vec<Covariate> {
    let age = Distribution::Normal { mean: 60.0, standard_deviation: 10.0 };
    let stage = Distribution::Binary { share: 0.3 };
    let both = [("age", age), ("stage", stage)].into_iter().enumerate();
    both.map(|(index, (name, distribution))| Covariate {
        name: name.into(),
        distribution,
        ln_hazard_ratio: LN_HAZARD_RATIOS[index],
        ln_odds_ratio: LN_ODDS_RATIOS[index],
    })
    .collect()
}
