//! Survival of the arms: medians, rates, restricted means, follow-up and comparisons.

use super::{ENDPOINT, Source, WHOLE};
use crate::number;
use crate::table::{Cell, Column, Row, Table};
use crate::words;
use study::protocol::{ComparisonTest, QuantileRule};
use study::result::{EndpointOutline, Label, id};

/// Events and medians of the arms, a column for each rule of the limits.
pub(crate) fn medians(source: &Source) -> Table {
    let mut columns = key_columns();
    columns.extend([Column::key("Group"), Column::value("Patients"), Column::value("Events")]);
    let any_weights = words::any_weights(&source.result.protocol);
    let weighted = [("weighted_n", "patients"), ("weighted_n_events", "events")];
    if any_weights {
        columns
            .extend(weighted.map(|(_, title)| Column::value(title).within("Sum of the weights")));
    }
    columns.extend(median_columns(source, &source.result.protocol.survival.median_ci, "Median"));
    let mut table = Table::new("survival", "Medians by arm", columns);
    for_arms(source, &mut table, |endpoint, population, arm| {
        let id = |name: &str| id::quantity(&endpoint.id, &population.id, "survival", &arm.id, name);
        let mut cells = vec![Cell::from(&arm.label)];
        cells.extend(["n", "n_events"].map(|name| source.numbers.cell(&id(name), number::count)));
        if any_weights {
            cells.extend(weighted.map(|(name, _)| weighted_cell(source, &id(name))));
        }
        let rules = &source.result.protocol.survival.median_ci;
        cells.extend(median_cells(source, rules, &id));
        vec![cells]
    });
    table.note(format!(
        "Limits of the medians: {}.",
        words::quantiles(&source.result.protocol.survival.median_ci)
    ));
    if any_weights {
        let note =
            "In patients with weights all limits rest on the robust standard error of the curve.";
        table.note(note);
    }
    table
}

/// A number that only patients with weights have.
fn weighted_cell(source: &Source, id: &str) -> Cell {
    let is_there = source.numbers.has(id);
    if is_there { source.numbers.cell(id, number::time) } else { Cell::new("") }
}

/// Survival at the times of the protocol, a column for each rule of the limits.
pub(crate) fn rates(source: &Source) -> Table {
    let ci = words::confidence_interval(&source.result.protocol);
    let mut columns = key_columns();
    columns.push(Column::key("Group"));
    columns.push(Column::key(format!("Time ({})", source.unit())));
    columns.push(Column::value("At risk"));
    let any_weights = words::any_weights(&source.result.protocol);
    if any_weights {
        columns.push(Column::value("At risk, sum of the weights"));
    }
    for rule in &source.result.protocol.survival.interval {
        columns.push(
            Column::value(format!("{} rule", words::interval(*rule)))
                .within(format!("Survival, % ({ci})")),
        );
    }
    let mut table = Table::new("rates", "Survival at the times of the protocol", columns);
    for_arms(source, &mut table, |endpoint, population, arm| {
        let rate = |time: &f64| {
            let id = |name: &str| {
                id::quantity_at(&endpoint.id, &population.id, "survival", &arm.id, name, *time)
            };
            let mut cells = vec![Cell::from(&arm.label), Cell::new(words::plain(*time))];
            cells.push(source.numbers.cell(&id("n_at_risk"), number::count));
            if any_weights {
                cells.push(weighted_cell(source, &id("weighted_n_at_risk")));
            }
            for rule in &source.result.protocol.survival.interval {
                let name = format!("survival_{}", words::interval_id(*rule));
                cells.push(source.numbers.with_limits(&id(&name), number::percent));
            }
            cells
        };
        endpoint.times.iter().map(rate).collect()
    });
    table
}

/// Restricted means up to the horizons of the protocol.
pub(crate) fn restricted_means(source: &Source) -> Table {
    let ci = words::confidence_interval(&source.result.protocol);
    let mut columns = key_columns();
    columns.push(Column::key("Group"));
    for tau in &source.result.protocol.survival.restricted_mean {
        let unit = source.unit();
        columns.push(
            Column::value(format!("up to {tau} {}", words::unit_of(&source.result.protocol, *tau)))
                .within(format!("Mean in {unit} ({ci})")),
        );
    }
    let mut table = Table::new("restricted_means", "Restricted mean survival", columns);
    if source.result.protocol.survival.restricted_mean.is_empty() {
        return table;
    }
    for_arms(source, &mut table, |endpoint, population, arm| {
        let mut cells = vec![Cell::from(&arm.label)];
        for tau in &source.result.protocol.survival.restricted_mean {
            let (endpoint, population) = (&endpoint.id, &population.id);
            let name = "restricted_mean";
            let id = id::quantity_at(endpoint, population, "survival", &arm.id, name, *tau);
            cells.push(source.numbers.with_limits(&id, number::time));
        }
        vec![cells]
    });
    table.note("Area under the Kaplan-Meier curve, mean \u{b1} z \u{b7} SE.");
    table
}

/// Median follow-up by the reverse Kaplan-Meier estimator.
pub(crate) fn follow_up(source: &Source) -> Table {
    let rules = &source.result.protocol.survival.followup_ci;
    let mut columns = key_columns();
    columns.push(Column::key("Group"));
    columns.extend(median_columns(source, rules, "Median follow-up"));
    let mut table = Table::new("follow_up", "Follow-up", columns);
    let everyone = Label { id: WHOLE.into(), label: "Both arms".into() };
    for endpoint in source.endpoints() {
        for population in source.populations() {
            for group in std::iter::once(&everyone).chain(source.arms()) {
                let id = |name: &str| {
                    id::quantity(&endpoint.id, &population.id, "followup", &group.id, name)
                };
                let mut cells: Vec<Cell> =
                    [&endpoint.label, &population.label, &group.label].map(Cell::from).into();
                cells.extend(median_cells(source, rules, &id));
                table.rows.push(Row::new(cells));
            }
        }
    }
    table.note(format!(
        "Reverse Kaplan-Meier: censoring is what is waited for. Limits: {}.",
        words::quantiles(rules)
    ));
    table
}

/// Log-rank tests of the arms.
pub(crate) fn comparison_tests(source: &Source) -> Table {
    let mut columns = key_columns();
    columns.push(Column::key("Test"));
    for arm in source.arms() {
        columns.push(Column::value("observed").within(&arm.label));
        columns.push(Column::value("expected").within(&arm.label));
    }
    columns.extend(["Chi-squared", "df", "P"].map(Column::value));
    let mut table = Table::new("log_rank", "Comparison of the arms", columns);
    let exposure = id::part(&source.result.protocol.exposure.column);
    for endpoint in source.endpoints() {
        for population in source.populations() {
            for test in &source.result.protocol.survival.tests {
                let Some(analysis) = test_analysis(source, *test, &population.id) else {
                    continue;
                };
                let names = [&endpoint.label, &population.label].map(Cell::from);
                let id = |term: &str, name: &str| {
                    id::quantity(&endpoint.id, &population.id, analysis, term, name)
                };
                let mut cells: Vec<Cell> = names.into();
                cells.push(match analysis {
                    "robust_score" => words::ROBUST_SCORE.into(),
                    _ => words::comparison(*test).into(),
                });
                cells.extend(test_cells(source, &exposure, &id));
                table.rows.push(Row::new(cells));
            }
        }
    }
    table
}

/// Observed and expected events of each arm, then the test.
fn test_cells(source: &Source, exposure: &str, id: &dyn Fn(&str, &str) -> String) -> Vec<Cell> {
    let numbers = &source.numbers;
    let mut cells = Vec::new();
    for arm in source.arms() {
        for (name, write) in
            [("observed", number::count as number::Write), ("expected", number::time)]
        {
            let id = id(&arm.id, name);
            let is_there = numbers.has(&id);
            cells.push(if is_there { numbers.cell(&id, write) } else { Cell::new("") });
        }
    }
    cells.push(numbers.cell(&id(exposure, "chi_squared"), number::statistic));
    cells.push(numbers.cell(&id(exposure, "df"), number::count));
    cells.push(numbers.cell(&id(exposure, "p_value"), number::p_value));
    cells
}

/// The analysis of the ids of a test; pairs exist in the matched sample alone.
fn test_analysis(source: &Source, test: ComparisonTest, population: &str) -> Option<&'static str> {
    match test {
        ComparisonTest::LogRank => Some(source.comparison(population)),
        ComparisonTest::LogRankStratifiedByPair => {
            (population == "matched").then_some("log_rank_stratified_by_pair")
        }
    }
}

/// Endpoint and population, which name the rows of every table here.
fn key_columns() -> Vec<Column> {
    vec![Column::key(ENDPOINT), Column::key("Population")]
}

/// A column for each rule of the limits of a median.
pub(super) fn median_columns(source: &Source, rules: &[QuantileRule], what: &str) -> Vec<Column> {
    let ci = words::confidence_interval(&source.result.protocol);
    let group = format!("{what}, {} ({ci})", source.unit());
    let column = |rule: &QuantileRule| {
        Column::value(format!("{} rule", words::quantile(*rule))).within(&group)
    };
    rules.iter().map(column).collect()
}

/// A cell for each rule of the limits of a median.
pub(super) fn median_cells(
    source: &Source,
    rules: &[QuantileRule],
    id: &dyn Fn(&str) -> String,
) -> Vec<Cell> {
    let cell = |rule: &QuantileRule| {
        let name = format!("median_{}", words::quantile_id(*rule));
        source.numbers.with_limits(&id(&name), number::time)
    };
    rules.iter().map(cell).collect()
}

/// Adds the rows that `cells` gives for every endpoint, population and arm.
fn for_arms(
    source: &Source,
    table: &mut Table,
    cells: impl Fn(&EndpointOutline, &Label, &Label) -> Vec<Vec<Cell>>,
) {
    for endpoint in source.endpoints() {
        for population in source.populations() {
            for arm in source.arms() {
                for rest in cells(endpoint, population, arm) {
                    let names = [&endpoint.label, &population.label].map(Cell::from);
                    table.rows.push(Row::new(names.into_iter().chain(rest).collect()));
                }
            }
        }
    }
}
