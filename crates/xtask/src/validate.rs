//! Bias and coverage of estimates and size of tests over simulated cohorts.
//!
//! An interval of 95 % should hold the truth in 95 of 100 cohorts, and a test at 5 % should reject a
//! true hypothesis in 5. How near the estimators come to that is computed here over many cohorts of
//! `simulate`, whose truth is known, and printed as Markdown.

mod estimates;
mod models;
mod population;
mod redesigned;
mod replicates;
mod tables;
mod tally;

use clap::ValueEnum;
use models::{ExposureRow, HazardRow};
use population::{Comparison, Curve};
use redesigned::DesignRow;
use replicates::ReplicateRow;
use tables::Table;

/// What is validated, and where its report is committed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Subject {
    /// Curves and their comparison, in `crates/survival/VALIDATION.md`.
    Survival,
    /// Cox and logistic models, in `crates/cox/VALIDATION.md`.
    Models,
    /// Intervals from bootstrap replicates, in `crates/bootstrap/VALIDATION.md`.
    Bootstrap,
}

/// What the simulations depend on besides the code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Seed of all cohorts.
    pub seed: u64,
    /// Number of cohorts for each row of the tables.
    pub cohorts: u32,
}

/// Seed of the committed reports.
pub const SEED: u64 = 20_261_123;

impl Subject {
    /// Settings of the committed report. A bootstrap takes a thousand times as long as an estimate.
    #[must_use]
    pub fn settings(self) -> Settings {
        let cohorts = match self {
            Self::Survival | Self::Models => 10_000,
            Self::Bootstrap => 4_000,
        };
        Settings { seed: SEED, cohorts }
    }

    /// Where the report of these settings is committed.
    #[must_use]
    pub fn committed(self) -> &'static str {
        match self {
            Self::Survival => concat!(env!("CARGO_MANIFEST_DIR"), "/../survival/VALIDATION.md"),
            Self::Models => concat!(env!("CARGO_MANIFEST_DIR"), "/../cox/VALIDATION.md"),
            Self::Bootstrap => concat!(env!("CARGO_MANIFEST_DIR"), "/../bootstrap/VALIDATION.md"),
        }
    }

    /// Runs every simulation and describes what came of it, as Markdown.
    ///
    /// The same settings give the same text on any number of threads.
    #[must_use]
    pub fn report(self, settings: &Settings) -> String {
        let tables = self.tables(settings, false);
        let titled =
            tables.iter().map(|table| format!("\n## {}\n\n{}", table.title, table.markdown()));
        self.preamble(settings) + &titled.collect::<String>()
    }

    /// Computes a few rows anew, with the settings of the committed report, and returns those that
    /// `committed` lacks.
    #[must_use]
    pub fn rows_missing_from(self, committed: &str) -> Vec<String> {
        let tables = self.tables(&self.settings(), true);
        let rows = tables.iter().flat_map(Table::rows);
        rows.filter(|row| !committed.lines().any(|line| line == row)).collect()
    }

    /// All rows, or those that are computed anew for a quick check.
    fn tables(self, settings: &Settings, is_check: bool) -> Vec<Table> {
        match self {
            Self::Survival => {
                let mut curves = Curve::all();
                let mut comparisons = Comparison::all();
                curves.retain(|curve| !is_check || curve.is_checked());
                comparisons.retain(|comparison| !is_check || comparison.is_checked());
                of_survival(settings, &curves, &comparisons)
            }
            Self::Models => {
                let (mut hazards, mut exposures) = (HazardRow::all(), ExposureRow::all());
                hazards.retain(|row| !is_check || row.is_checked());
                exposures.retain(|row| !is_check || row.is_checked());
                of_models(settings, &hazards, &exposures)
            }
            Self::Bootstrap => {
                let mut rows = ReplicateRow::all();
                rows.retain(|row| !is_check || row.is_checked());
                // Making a design again is too slow for a quick check.
                let designed = if is_check { Vec::new() } else { DesignRow::all() };
                of_replicates(settings, &rows, &designed)
            }
        }
    }

    fn preamble(self, settings: &Settings) -> String {
        let Settings { seed, cohorts } = settings;
        let (title, name, rules, description) = match self {
            Self::Survival => (
                "Coverage and size over simulated cohorts",
                "survival",
                " An upper limit that is not reached counts as infinite. Before anybody's follow-up \
                 has ended the limits of survival are 1 and 1 by every rule, as in R, and miss the \
                 truth.",
                population::description(),
            ),
            Self::Models => (
                "Bias, coverage and size of models over simulated cohorts",
                "models",
                " A bias stands ± its Monte-Carlo standard error on the scale of the logarithm; it \
                 and the mean standard error over the standard deviation of the estimates, which \
                 should be 1, leave out cohorts without an estimate.",
                models::description(),
            ),
            Self::Bootstrap => (
                "Coverage of bootstrap intervals over simulated cohorts",
                "bootstrap",
                " A limit that is not reached counts as infinite.",
                replicates::description() + &redesigned::description(settings),
            ),
        };
        format!(
            "# {title}\n\n\
             Written by `cargo run -p xtask --release -- validate {name}`; do not edit. Seed {seed}, \
             {cohorts} cohorts per row.\n\n\
             Each cell is a percentage ± its Monte-Carlo standard error. An interval of 95 % should \
             read 95, a test at 5 % should read 5; differences within two standard errors are \
             chance. A number in brackets is the percentage of cohorts that gave no interval or no \
             statistic; they are left out of the cell, and a dash stands where they are more than \
             half.{rules}\n\n\
             {description}"
        )
    }
}

fn of_survival(settings: &Settings, curves: &[Curve], comparisons: &[Comparison]) -> Vec<Table> {
    let of_curves: Vec<_> = curves.iter().map(|curve| (curve, curve.tally(settings))).collect();
    let of_tests: Vec<_> =
        comparisons.iter().map(|comparison| (comparison, comparison.tally(settings))).collect();
    vec![
        tables::survival(&of_curves),
        tables::median(&of_curves),
        tables::restricted_mean(&of_curves),
        tables::log_rank(&of_tests),
    ]
}

fn of_models(settings: &Settings, hazards: &[HazardRow], exposures: &[ExposureRow]) -> Vec<Table> {
    let hazards: Vec<_> = hazards.iter().map(|&row| (row, row.ask(settings))).collect();
    let exposures: Vec<_> = exposures.iter().map(|&row| (row, row.ask(settings))).collect();
    vec![
        models::hazard_ratios(&hazards),
        models::hazard_tests(&hazards),
        models::odds_ratios(&exposures),
    ]
}

fn of_replicates(settings: &Settings, rows: &[ReplicateRow], designed: &[DesignRow]) -> Vec<Table> {
    let rows: Vec<_> = rows.iter().map(|&row| (row, row.ask(settings))).collect();
    let designed: Vec<_> = designed.iter().map(|&row| (row, row.ask(settings))).collect();
    let mut tables = replicates::tables(&rows);
    tables.extend(redesigned::tables(&designed));
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Estimators, simulations and random streams together still do what they did.
    #[test]
    fn the_committed_reports_have_the_rows_computed_anew() {
        for subject in [Subject::Survival, Subject::Models, Subject::Bootstrap] {
            let committed = std::fs::read_to_string(subject.committed()).unwrap();
            assert_eq!(subject.rows_missing_from(&committed), Vec::<String>::new());
        }
    }

    #[test]
    fn threads_change_nothing() {
        let settings = Settings { seed: 1, cohorts: 40 };
        let (curves, hazards) = (&Curve::all()[..1], &HazardRow::all()[..1]);
        let (replicates, designed) = (&ReplicateRow::all()[..1], &DesignRow::all()[..1]);
        let tables = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                [
                    of_survival(&settings, curves, &[]),
                    of_models(&settings, hazards, &[]),
                    of_replicates(&settings, replicates, designed),
                ]
            })
        };
        assert_eq!(tables(1), tables(3));
    }
}
