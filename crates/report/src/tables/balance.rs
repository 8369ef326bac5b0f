//! Balance beyond Table 1: within the levels of sites and subgroups, and whom the matched patients
//! speak for.

use super::{STUDY, Source, WHOLE};
use crate::number;
use crate::table::{Cell, Column, Row, Table};
use crate::words;
use study::result::{Label, id};

/// One row per level, with the largest difference in each population.
pub(crate) fn balance_within(source: &Source) -> Table {
    let mut columns = vec![Column::key("Variable"), Column::key("Level")];
    for population in source.populations() {
        let arms = source.arms().iter().map(|arm| format!("n, {}", arm.label));
        let titles = arms.chain(["Largest SMD".to_owned(), "Unbalanced variables".to_owned()]);
        columns.extend(titles.map(|title| Column::value(title).within(&population.label)));
    }
    let mut table = Table::new("balance_within", "Balance within levels", columns);
    let protocol = &source.result.protocol;
    for name in &protocol.balance.within {
        let Some(variable) = protocol.variable(name) else { continue };
        for level in &variable.levels {
            let label = words::level(protocol, name, level);
            let mut cells = vec![Cell::new(&variable.label), Cell::new(label)];
            for population in source.populations() {
                cells.extend(level_cells(source, population, &id::level(name, level)));
            }
            table.rows.push(Row::new(cells));
        }
    }
    table.notes = vec![format!(
        "Largest absolute standardised mean difference over the variables of the baseline table, and \
         how many exceed {}; differences are divided by the pooled SD of the patients of the level, {}.",
        words::plain(protocol.balance.threshold),
        words::pooled_over(protocol)
    )];
    table
}

fn level_cells(source: &Source, population: &Label, term: &str) -> [Cell; 4] {
    let id = |name: &str| id::quantity(STUDY, &population.id, "balance_within", term, name);
    // A level that cannot be compared has its reason and no counts.
    let count = |name: &str| match source.numbers.has(&id(name)) {
        true => source.numbers.cell(&id(name), number::count),
        false => Cell::new(""),
    };
    let largest = id("largest_smd");
    let threshold = source.result.protocol.balance.threshold;
    let is_striking = source.numbers.value(&largest).is_none_or(|smd| threshold < smd);
    let largest = Cell { is_striking, ..source.numbers.cell(&largest, number::ratio) };
    [count("n_exposed"), count("n_comparators"), largest, count("n_unbalanced")]
}

/// Matched against unmatched exposed patients, where some found no partner.
pub(crate) fn balance_unmatched(source: &Source) -> Table {
    let columns = vec![Column::key("Characteristic"), Column::value("SMD")];
    let title = "Matched against unmatched exposed patients";
    let mut table = Table::new("balance_unmatched", title, columns);
    let id =
        |term: &str, name: &str| id::quantity(STUDY, "matched", "balance_unmatched", term, name);
    if !source.numbers.has(&id(WHOLE, "n_unmatched")) {
        return table;
    }
    for variable in &source.result.outline.variables {
        let smd = source.numbers.cell(&id(&variable.id, "smd"), number::ratio);
        table.rows.push(Row::new(vec![Cell::new(&variable.label), smd]));
    }
    let count = |name: &str| source.numbers.cell(&id(WHOLE, name), number::count).text;
    table.notes = vec![format!(
        "{} exposed patients are matched, {} are not: the result does not speak for those. SMD, \
         standardised mean difference, matched minus unmatched, divided by the pooled SD of both.",
        count("n_matched"),
        count("n_unmatched")
    )];
    table
}
