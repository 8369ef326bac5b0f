//! Coverage of intervals and size of tests over simulated cohorts.
//!
//! An interval of 95 % should hold the truth in 95 of 100 cohorts, and a test at 5 % should reject a
//! true hypothesis in 5. How near the estimators of `survival` come to that is computed here over
//! many cohorts of `simulate`, whose truth is known, and printed as Markdown.

mod estimates;
mod population;
mod tables;
mod tally;

use population::{Comparison, Curve};
use tables::Table;

/// Where the report of the default settings is committed.
pub const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../survival/VALIDATION.md");

/// What the simulations depend on besides the code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Seed of all cohorts.
    pub seed: u64,
    /// Number of cohorts for each row of the tables.
    pub cohorts: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { seed: 20_261_123, cohorts: 10_000 }
    }
}

/// Runs every simulation and describes what came of it, as Markdown.
///
/// The same settings give the same text on any number of threads.
#[must_use]
pub fn report(settings: &Settings) -> String {
    let tables = tables(settings, &Curve::all(), &Comparison::all());
    let titled = tables.iter().map(|table| format!("\n## {}\n\n{}", table.title, table.markdown()));
    preamble(settings) + &titled.collect::<String>()
}

/// Computes a few rows anew, with the default settings, and returns those that `committed` lacks.
#[must_use]
pub fn rows_missing_from(committed: &str) -> Vec<String> {
    let curves: Vec<Curve> = Curve::all().into_iter().filter(Curve::is_checked).collect();
    let comparisons: Vec<Comparison> =
        Comparison::all().into_iter().filter(Comparison::is_checked).collect();
    let tables = tables(&Settings::default(), &curves, &comparisons);
    let rows = tables.iter().flat_map(Table::rows);
    rows.filter(|row| !committed.lines().any(|line| line == row)).collect()
}

fn tables(settings: &Settings, curves: &[Curve], comparisons: &[Comparison]) -> Vec<Table> {
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

fn preamble(settings: &Settings) -> String {
    let Settings { seed, cohorts } = settings;
    format!(
        "# Coverage and size over simulated cohorts\n\n\
         Written by `cargo run -p xtask --release -- validate`; do not edit. Seed {seed}, {cohorts} \
         cohorts per row.\n\n\
         Each cell is a percentage ± its Monte-Carlo standard error. An interval of 95 % should read \
         95, a test at 5 % should read 5; differences within two standard errors are chance. A \
         number in brackets is the percentage of cohorts that gave no interval or no statistic; they \
         are left out of the cell, and a dash stands where they are more than half. An upper limit \
         that is not reached counts as infinite. Before anybody's follow-up has ended the limits of \
         survival are 1 and 1 by every rule, as in R, and miss the truth.\n\n\
         {}",
        population::description()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Estimators, simulations and random streams together still do what they did.
    #[test]
    fn the_committed_report_has_the_rows_computed_anew() {
        let committed = std::fs::read_to_string(COMMITTED).unwrap();
        assert_eq!(rows_missing_from(&committed), Vec::<String>::new());
    }

    #[test]
    fn threads_change_nothing() {
        let settings = Settings { seed: 1, cohorts: 40 };
        let curves = &Curve::all()[..1];
        let tables = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| tables(&settings, curves, &[]))
        };
        assert_eq!(tables(1), tables(3));
    }
}
