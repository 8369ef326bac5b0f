//! Balance beyond Table 1: within the levels of sites and subgroups, and whom the matched patients
//! speak for.

use super::{STUDY, Source, WHOLE};
use crate::document::Text;
use crate::number;
use crate::table::{Cell, Column, Row, Table};
use crate::words;
use study::protocol::BalanceTest;
use study::result::{Label, VariableOutline, id};

/// Measures of balance beside the difference of Table 1: name in the ids, heading.
const MEASURES: [(&str, &str); 5] = [
    ("smd_exposed_sd", "SMD by the SD of the exposed"),
    ("variance_ratio", "Variance ratio"),
    ("ecdf_mean", "eCDF, mean"),
    ("ecdf_max", "eCDF, largest"),
    ("pair_distance", "Distance of pairs"),
];

/// Further measures of balance, one row per variable.
pub(crate) fn balance_measures(source: &Source) -> Table {
    let id = |population: &Label, variable: &VariableOutline, name: &str| {
        id::quantity(STUDY, &population.id, "balance", &variable.id, name)
    };
    let variables = &source.result.outline.variables;
    let mut columns = vec![Column::key("Characteristic")];
    let mut shown = Vec::new();
    for population in source.populations() {
        for (name, title) in MEASURES {
            if variables.iter().any(|variable| source.numbers.has(&id(population, variable, name)))
            {
                columns.push(Column::value(title).within(&population.label));
                shown.push((population, name));
            }
        }
    }
    let mut table = Table::new("balance_measures", "Balance in other measures", columns);
    if shown.is_empty() {
        return table;
    }
    for variable in variables {
        let cell = |&(population, name): &(&Label, &str)| {
            let id = id(population, variable, name);
            let is_there = source.numbers.has(&id);
            if is_there { source.numbers.cell(&id, number::ratio) } else { Cell::new("") }
        };
        let cells = std::iter::once(Cell::from(&variable.label)).chain(shown.iter().map(cell));
        table.rows.push(Row::new(cells.collect()));
    }
    table.note(
        "SMD by the SD of the exposed patients before matching or weighting. Variance ratio: exposed \
         over comparators, of numbers alone. eCDF: distance of the distribution functions of the \
         arms, for categories of the shares.",
    );
    if shown.iter().any(|(_, name)| *name == "pair_distance") {
        let note = "Distance of pairs: mean absolute difference within pairs, in SD of the exposed \
                    patients before matching; not defined for more than two categories.";
        table.note(note);
    }
    table
}

/// Every test of the protocol that applies to a variable; without rows where Table 1 has them all.
pub(crate) fn balance_tests(source: &Source) -> Table {
    let mut columns = ["Characteristic", "Test"].map(Column::key).to_vec();
    for population in tested(source) {
        let titles = ["Statistic", "df", "P"];
        columns.extend(titles.map(|title| Column::value(title).within(&population.label)));
    }
    let mut table = Table::new("balance_tests", "Tests at baseline", columns);
    let mut is_more_than_table_1 = false;
    for variable in &source.result.outline.variables {
        for &test in &source.result.protocol.balance.tests {
            let Some(name) = words::balance_test_id(test) else { continue };
            if let Some(cells) = test_cells(source, variable, test, &name) {
                is_more_than_table_1 |= variable.test.as_deref() != Some(name.as_str());
                table.rows.push(Row::new(cells));
            }
        }
    }
    if !is_more_than_table_1 {
        table.rows.clear();
    }
    table.notes = test_notes(source);
    table
}

/// The populations whose arms are tested: those without weights.
fn tested<'a>(source: &'a Source) -> impl Iterator<Item = &'a Label> {
    source.populations().iter().filter(|population| !source.has_weights(&population.id))
}

/// The row of a test; none where it is defined in no population.
fn test_cells(
    source: &Source,
    variable: &VariableOutline,
    test: BalanceTest,
    name: &str,
) -> Option<Vec<Cell>> {
    let mut is_there = false;
    let words = words::balance_test(test);
    let words = words.strip_prefix("the ").unwrap_or(words);
    let mut cells = vec![Cell::from(&variable.label), Cell::new(words)];
    for population in tested(source) {
        let parts: [(&str, number::Write); 3] = [
            ("statistic", number::statistic),
            ("df", number::degrees_of_freedom),
            ("p_value", number::p_value),
        ];
        for (part, write) in parts {
            let name = format!("{name}_{part}");
            let id = id::quantity(STUDY, &population.id, "balance", &variable.id, &name);
            let has_pairs = !test.is_paired() || population.id == "matched";
            let is_known = has_pairs && source.numbers.is_defined(&id);
            is_there |= is_known;
            cells.push(if is_known { source.numbers.cell(&id, write) } else { Cell::new("") });
        }
    }
    is_there.then_some(cells)
}

fn test_notes(source: &Source) -> Vec<Text> {
    let section = &source.result.protocol.balance;
    let mut notes = vec![Text::from(
        "Exact tests have no statistic. Tests of pairs look at matched pairs alone. The tests are \
         not adjusted for their number.",
    )];
    if !section.strata.is_empty() {
        let protocol = &source.result.protocol;
        let label = |name: &String| {
            protocol.variable(name).map_or(name.clone(), |known| words::within(&known.label))
        };
        let strata: Vec<String> = section.strata.iter().map(label).collect();
        notes.push(format!("Strata of the stratified tests: {}.", words::list(&strata)).into());
    }
    notes
}

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
    table.note(format!(
        "Largest absolute standardised mean difference over the variables of the baseline table, and \
         how many exceed {}; differences are divided by the pooled SD within the level, {}.",
        words::plain(protocol.balance.threshold),
        words::pooled_over(protocol)
    ));
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
    let id =
        |term: &str, name: &str| id::quantity(STUDY, "matched", "balance_unmatched", term, name);
    let count = |name: &str| Text::from(source.numbers.cell(&id(WHOLE, name), number::count));
    let group = |word: &str, name: &str| {
        Column::value(Text::fill("{} (n\u{a0}=\u{a0}{})", [word.into(), count(name)]))
    };
    let mut columns = ["Characteristic", "Level"].map(Column::key).to_vec();
    columns.extend([group("Matched", "n_matched"), group("Unmatched", "n_unmatched")]);
    columns.push(Column::value("SMD"));
    let title = "Matched against unmatched exposed patients";
    let mut table = Table::new("balance_unmatched", title, columns);
    table.is_nested = true;
    if !source.numbers.has(&id(WHOLE, "n_unmatched")) {
        return table;
    }
    for variable in &source.result.outline.variables {
        table.rows.extend(unmatched_rows(source, variable));
    }
    table.note(Text::fill(
        "{} exposed patients are matched, {} are not: the result does not speak for those. Numbers as \
         mean (SD), categories as n (%). SMD, standardised mean difference, matched minus unmatched, \
         divided by the pooled SD of both; bold above {}.",
        [
            count("n_matched"),
            count("n_unmatched"),
            words::plain(source.result.protocol.balance.threshold).into(),
        ],
    ));
    table
}

/// A variable, and its levels below it.
fn unmatched_rows(source: &Source, variable: &VariableOutline) -> Vec<Row> {
    let id =
        |term: &str, name: &str| id::quantity(STUDY, "matched", "balance_unmatched", term, name);
    let pair = |term: &str, names: [(&str, number::Write); 2]| {
        ["matched", "unmatched"].map(|group| {
            let [first, second] =
                names.map(|(name, write)| (id(&format!("{term}/{group}"), name), write));
            // A result of an earlier version has the differences alone.
            match source.numbers.has(&first.0) {
                true => source.numbers.pair((&first.0, first.1), (&second.0, second.1)),
                false => Cell::new(""),
            }
        })
    };
    let threshold = source.result.protocol.balance.threshold;
    let smd = id(&variable.id, "smd");
    let is_striking = source.numbers.value(&smd).is_none_or(|smd| threshold < smd.abs());
    let smd = Cell { is_striking, ..source.numbers.cell(&smd, number::ratio) };
    let line = |level: &str, groups: [Cell; 2], smd: Cell| {
        let names = [variable.label.as_str(), level].map(Cell::from);
        names.into_iter().chain(groups).chain([smd]).collect::<Vec<Cell>>()
    };
    if variable.levels.is_empty() {
        let names = [("mean", number::time as number::Write), ("sd", number::time)];
        return vec![Row::new(line("", pair(&variable.id, names), smd))];
    }
    let mut rows = vec![Row::new(line("", [Cell::new(""), Cell::new("")], smd))];
    rows.extend(variable.levels.iter().map(|level| {
        let names = [("n", number::count as number::Write), ("share", number::percent)];
        let label = source.level_label(&variable.id, level);
        Row::indented(line(label, pair(&level.id, names), Cell::new("")))
    }));
    rows
}
