//! Tables in Markdown.

use crate::validate::estimates::{Coverage, HORIZONS, LEVELS, RULES, WEIGHTS};
use crate::validate::population::{Comparison, Curve};
use crate::validate::tally::Tally;

/// A table with its title.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table {
    pub(crate) title: &'static str,
    header: Vec<String>,
    cells: Vec<Vec<String>>,
}

/// What a curve shows of survival at the times of [`LEVELS`].
pub(crate) fn survival(rows: &[(&Curve, Coverage)]) -> Table {
    let of_curve = |(curve, coverage): &(&Curve, Coverage)| {
        let of_level = |(level, tallies): (&f64, &Vec<Tally>)| {
            let labels = labels(curve).into_iter().chain([level.to_string()]);
            labels.chain(cells(tallies)).collect()
        };
        LEVELS.iter().zip(&coverage.survival).map(of_level).collect::<Vec<Vec<String>>>()
    };
    Table::new(
        "Survival at a time: coverage of intervals of 95 %",
        &["population", "n", "true survival"],
        &RULES.map(|(name, _)| name),
        rows.iter().flat_map(of_curve).collect(),
    )
}

/// The median by each rule.
pub(crate) fn median(rows: &[(&Curve, Coverage)]) -> Table {
    let [plain, log, log_log, logit, arcsin] = RULES.map(|(name, _)| name);
    let rules = [plain, log, log_log, logit, arcsin, "SPSS"];
    of_curves("Median: coverage of intervals of 95 %", &rules, rows, |coverage| &coverage.median)
}

/// The restricted mean at each horizon.
pub(crate) fn restricted_mean(rows: &[(&Curve, Coverage)]) -> Table {
    let titles = HORIZONS.map(|survival| format!("τ where survival is {survival}"));
    let titles = [titles[0].as_str(), titles[1].as_str()];
    of_curves("Restricted mean up to τ: coverage of intervals of 95 %", &titles, rows, |coverage| {
        &coverage.restricted_mean
    })
}

/// The tests of two groups that do not differ.
pub(crate) fn log_rank(rows: &[(&Comparison, Vec<Tally>)]) -> Table {
    let row = |(comparison, tallies): &(&Comparison, Vec<Tally>)| {
        let groups = format!("{}:{}", comparison.first_group, 100 - comparison.first_group);
        let labels = [comparison.population.name().into(), comparison.n.to_string(), groups];
        labels.into_iter().chain(cells(tallies)).collect()
    };
    Table::new(
        "Two groups without difference: rejections at 5 %",
        &["population", "n", "groups"],
        &WEIGHTS.map(|(name, _)| name),
        rows.iter().map(row).collect(),
    )
}

impl Table {
    /// A table whose first columns say what a row is.
    pub(crate) fn new(
        title: &'static str,
        labels: &[&str],
        columns: &[&str],
        cells: Vec<Vec<String>>,
    ) -> Self {
        Self { title, header: header(labels, columns), cells }
    }

    /// The table as Markdown has it.
    pub(crate) fn markdown(&self) -> String {
        let rule: Vec<String> = self.header.iter().map(|_| "---".to_string()).collect();
        let head = [line(&self.header), line(&rule)];
        head.into_iter().chain(self.rows()).map(|line| line + "\n").collect()
    }

    /// Its rows without the header.
    pub(crate) fn rows(&self) -> impl Iterator<Item = String> {
        self.cells.iter().map(|cells| line(cells))
    }
}

fn of_curves(
    title: &'static str,
    columns: &[&str],
    rows: &[(&Curve, Coverage)],
    of: impl Fn(&Coverage) -> &Vec<Tally>,
) -> Table {
    let row = |(curve, coverage): &(&Curve, Coverage)| {
        labels(curve).into_iter().chain(cells(of(coverage))).collect()
    };
    Table::new(title, &["population", "n"], columns, rows.iter().map(row).collect())
}

fn labels(curve: &Curve) -> [String; 2] {
    [curve.population.name().into(), curve.n.to_string()]
}

fn cells(tallies: &[Tally]) -> impl Iterator<Item = String> {
    tallies.iter().map(|tally| tally.cell())
}

fn header(labels: &[&str], columns: &[&str]) -> Vec<String> {
    labels.iter().chain(columns).map(ToString::to_string).collect()
}

fn line(cells: &[String]) -> String {
    format!("| {} |", cells.join(" | "))
}
