//! Table 1: the arms at baseline, before and after matching.

use super::{STUDY, Source, WHOLE};
use crate::document::Text;
use crate::number;
use crate::table::{Cell, Column, Row, Table};
use crate::words;
use std::collections::BTreeSet;
use study::result::{Label, VariableOutline, id};

/// One row per variable, and one per level or summary below it.
pub(crate) fn baseline(source: &Source) -> Table {
    let mut columns = vec![Column::key("Characteristic"), Column::key("Level")];
    for population in source.populations() {
        columns.extend(population_columns(source, population));
    }
    let mut table = Table::new("baseline", "Baseline characteristics", columns);
    table.is_nested = true;
    for variable in &source.result.outline.variables {
        table.rows.extend(variable_rows(source, variable));
    }
    table.notes = notes(source);
    table
}

fn population_columns(source: &Source, population: &Label) -> Vec<Column> {
    let has_weights = source.has_weights(&population.id);
    let arm = |arm: &Label| {
        let n = source.arm_size(&population.id, arm);
        let weighted = match has_weights {
            true => {
                Text::fill(", weighted {}", [arm_number(source, population, arm, "weighted_n")])
            }
            false => Text::default(),
        };
        Text::fill("{} (n\u{a0}=\u{a0}{}{})", [arm.label.as_str().into(), n, weighted])
    };
    let mut titles: Vec<Text> = source.arms().iter().map(arm).collect();
    // Patients with weights are not tested.
    titles.extend((!has_weights).then(|| "P".into()));
    titles.push("SMD".into());
    titles.into_iter().map(|title| Column::value(title).within(&population.label)).collect()
}

/// A number of an arm of patients with weights.
fn arm_number(source: &Source, population: &Label, arm: &Label, name: &str) -> Text {
    source.numbers.cell(&balance_id(&population.id, &arm.id, name), number::time).into()
}

fn variable_rows(source: &Source, variable: &VariableOutline) -> Vec<Row> {
    let label = match &variable.unit {
        Some(unit) => format!("{} ({unit})", variable.label),
        None => variable.label.clone(),
    };
    if let Some(level) = only_level(source, variable) {
        let label = format!("{label}, n (%)");
        let summary = |population: &str, arm: &Label| level_cell(source, population, level, arm);
        let mut rows = vec![Row::new(line(source, variable, [&label, ""], Some(&summary), true))];
        rows.extend(missing_row(source, variable, &label));
        return rows;
    }
    let label = if variable.levels.is_empty() { label } else { format!("{label}, n (%)") };
    let mut rows = vec![Row::new(line(source, variable, [&label, ""], None, true))];
    if variable.levels.is_empty() {
        for (name, summary) in [("Mean (SD)", mean as NumberSummary), ("Median (IQR)", median)] {
            let summary =
                |population: &str, arm: &Label| summary(source, population, &variable.id, arm);
            let cells = line(source, variable, [&label, name], Some(&summary), false);
            rows.push(Row::indented(cells));
        }
    }
    for level in &variable.levels {
        let summary = |population: &str, arm: &Label| level_cell(source, population, level, arm);
        let cells = line(source, variable, [&label, &level.label], Some(&summary), false);
        rows.push(Row::indented(cells));
    }
    rows.extend(missing_row(source, variable, &label));
    rows
}

/// Counts of patients without a value, where there is one.
fn missing_row(source: &Source, variable: &VariableOutline, label: &str) -> Option<Row> {
    let id = |population: &str, arm: &Label| {
        balance_id(population, &format!("{}/{}", variable.id, arm.id), "n_missing")
    };
    let n_missing =
        |population: &Label, arm: &Label| source.numbers.value(&id(&population.id, arm));
    let is_complete = source.populations().iter().all(|population| {
        source.arms().iter().all(|arm| n_missing(population, arm).is_none_or(|n| n == 0.0))
    });
    let summary =
        |population: &str, arm: &Label| source.numbers.cell(&id(population, arm), number::count);
    (!is_complete)
        .then(|| Row::indented(line(source, variable, [label, "Missing"], Some(&summary), false)))
}

/// What a row says of an arm of a population.
type Summary<'a> = dyn Fn(&str, &Label) -> Cell + 'a;

/// A summary of a number: source, population, variable, arm.
type NumberSummary = fn(&Source, &str, &str, &Label) -> Cell;

/// The second level of a binary variable that speaks for both: levels 0 and 1 without names.
fn only_level<'a>(source: &Source, variable: &'a VariableOutline) -> Option<&'a Label> {
    let known =
        source.result.protocol.variables.iter().find(|v| id::part(&v.name) == variable.id)?;
    if words::is_indicator(known) { variable.levels.last() } else { None }
}

/// The cells of a row: names, then for every population the arms, P and SMD.
fn line(
    source: &Source,
    variable: &VariableOutline,
    names: [&str; 2],
    summary: Option<&Summary>,
    with_test: bool,
) -> Vec<Cell> {
    let mut cells: Vec<Cell> = names.map(Cell::from).into();
    for population in source.populations() {
        for arm in source.arms() {
            cells.push(summary.map_or(Cell::new(""), |summary| summary(&population.id, arm)));
        }
        let has_tests = !source.has_weights(&population.id);
        if with_test {
            cells.extend(has_tests.then(|| p_value(source, &population.id, variable)));
            cells.push(difference(source, &population.id, variable));
        } else {
            cells.extend(has_tests.then(|| Cell::new("")));
            cells.push(Cell::new(""));
        }
    }
    cells
}

fn balance_id(population: &str, term: &str, name: &str) -> String {
    id::quantity(STUDY, population, "balance", term, name)
}

fn p_value(source: &Source, population: &str, variable: &VariableOutline) -> Cell {
    match &variable.test {
        Some(test) => {
            let id = balance_id(population, &variable.id, &format!("{test}_p_value"));
            source.numbers.cell(&id, number::p_value)
        }
        None => Cell::new(""),
    }
}

fn difference(source: &Source, population: &str, variable: &VariableOutline) -> Cell {
    let id = balance_id(population, &variable.id, "smd");
    let threshold = source.result.protocol.balance.threshold;
    let is_striking = source.numbers.value(&id).is_none_or(|smd| threshold < smd.abs());
    Cell { is_striking, ..source.numbers.cell(&id, number::ratio) }
}

fn level_cell(source: &Source, population: &str, level: &Label, arm: &Label) -> Cell {
    let term = format!("{}/{}", level.id, arm.id);
    let (name, write): (&str, number::Write) = match source.has_weights(population) {
        true => ("weighted_n", number::time),
        false => ("n", number::count),
    };
    let (n, share) = (balance_id(population, &term, name), balance_id(population, &term, "share"));
    source.numbers.pair((&n, write), (&share, number::percent))
}

fn mean(source: &Source, population: &str, variable: &str, arm: &Label) -> Cell {
    let term = format!("{variable}/{}", arm.id);
    let (mean, sd) = (balance_id(population, &term, "mean"), balance_id(population, &term, "sd"));
    source.numbers.pair((&mean, number::time), (&sd, number::time))
}

fn median(source: &Source, population: &str, variable: &str, arm: &Label) -> Cell {
    let term = format!("{variable}/{}", arm.id);
    let [median, q1, q3] = ["median", "q1", "q3"].map(|name| balance_id(population, &term, name));
    source.numbers.range(&median, [&q1, &q3], number::time)
}

/// Which test the rule chose for each variable of each population.
fn chosen_tests(source: &Source) -> Vec<Text> {
    let variables = || source.result.outline.variables.iter();
    if variables().all(|variable| variable.test.as_deref() != Some("auto")) {
        return Vec::new();
    }
    let of_population = |population: &Label| {
        let chosen = variables().filter_map(|variable| {
            let id = balance_id(&population.id, &variable.id, "auto_p_value");
            Some(format!("{}: {}", variable.label, source.numbers.method(&id)?))
        });
        format!("{}: {}.", population.label, chosen.collect::<Vec<_>>().join("; ")).into()
    };
    let tested = |population: &&Label| !source.has_weights(&population.id);
    source.populations().iter().filter(tested).map(of_population).collect()
}

fn notes(source: &Source) -> Vec<Text> {
    let tests: BTreeSet<&str> =
        source.result.outline.variables.iter().filter_map(|v| v.test.as_deref()).collect();
    let tests: Vec<&str> = tests.into_iter().filter_map(words::balance_test_by_id).collect();
    let mut notes: Vec<Text> = vec![
        format!("P by {}.", words::list(&tests)).into(),
        format!(
            "SMD, standardised mean difference: difference of the means (exposed minus comparator) \
             divided by the pooled SD, the root of the mean of both variances, {}; for categories \
             the Mahalanobis distance of the shares. Bold above {}.",
            words::pooled_over(&source.result.protocol),
            words::plain(source.result.protocol.balance.threshold)
        )
        .into(),
        format!(
            "IQR: first to third quartile ({}).",
            words::quartiles(source.result.protocol.balance.quartiles)
        )
        .into(),
    ];
    notes.extend(chosen_tests(source));
    let weighted = |population: &&Label| source.has_weights(&population.id);
    for population in source.populations().iter().filter(weighted) {
        let arm = |arm: &Label| {
            let size = arm_number(source, population, arm, "effective_n");
            Text::fill("{} {}", [size, arm.label.as_str().into()])
        };
        notes.push(Text::fill(
            "{}: sums of weights, weighted shares, means, SD and quartiles; no tests, since the arms \
             are not two samples of patients. Effective sample size: {}.",
            [population.label.as_str().into(), Text::list(source.arms().iter().map(arm))],
        ));
    }
    for population in source.populations() {
        let largest = balance_id(&population.id, WHOLE, "largest_smd");
        let n = balance_id(&population.id, WHOLE, "n_unbalanced");
        if source.numbers.has(&largest) {
            notes.push(Text::fill(
                "{}: largest absolute SMD {}; {} of {} variables above {}.",
                [
                    population.label.as_str().into(),
                    source.numbers.cell(&largest, number::ratio).into(),
                    source.numbers.cell(&n, number::count).into(),
                    source.result.outline.variables.len().to_string().into(),
                    words::plain(source.result.protocol.balance.threshold).into(),
                ],
            ));
        }
    }
    notes
}
