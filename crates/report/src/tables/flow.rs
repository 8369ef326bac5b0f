//! Who is analysed, and which values are missing.

use super::{STUDY, Source};
use crate::number;
use crate::table::{Cell, Column, Row, Table};
use crate::words;
use study::result::{FlowStep, id};

/// Patients left and left out at each step.
pub(crate) fn flow(source: &Source) -> Table {
    let columns = vec![
        Column::key("Step"),
        Column::value("Patients left"),
        Column::value("Left out"),
        Column::value("of these for a missing value"),
    ];
    let mut table = Table::new("flow", "From the table to the analysed patients", columns);
    for step in &source.result.outline.flow {
        let cell = |name| optional(source, &step_id(step, name));
        let n = source.numbers.cell(&step_id(step, "n"), number::count);
        let cells = vec![Cell::from(&step.label), n, cell("n_excluded"), cell("n_missing")];
        table.rows.push(Row::new(cells));
    }
    table
}

/// The id of a number of a step.
pub(crate) fn step_id(step: &FlowStep, name: &str) -> String {
    id::quantity(STUDY, &step.population, "flow", &step.id, name)
}

/// Missing values of each variable, in one row when nobody lacks any; without rows when none was counted.
pub(crate) fn missing(source: &Source) -> Table {
    let title = |label: &str| Column::value(label).within("Missing, n (%)");
    let mut columns = vec![Column::key("Variable"), title("Eligible patients")];
    columns.extend(source.arms().iter().map(|arm| title(&arm.label)));
    let mut table = Table::new("missing", "Missing values of the eligible patients", columns);
    let terms = source.result.quantities.iter().filter_map(|quantity| {
        let term = quantity.id.strip_prefix("study/all/missing/")?.strip_suffix("/n_missing")?;
        (!term.contains('/')).then_some(term)
    });
    let label = |term: &&str| {
        let mut known = source.result.protocol.variables.iter();
        let known = known.find(|one| id::part(&one.name) == *term);
        known.map_or_else(|| (*term).to_owned(), |variable| variable.label.clone())
    };
    let row = |label: String, term: &str| {
        let arms = source.arms().iter().map(|arm| format!("{term}/{}", arm.id));
        let cells = std::iter::once(term.to_owned()).chain(arms).map(|term| lacking(source, &term));
        Row::new(std::iter::once(Cell::new(label)).chain(cells).collect())
    };
    let terms: Vec<&str> = terms.collect();
    let is_complete = |term: &&str| {
        source.numbers.value(&id::quantity(STUDY, "all", "missing", term, "n_missing")) == Some(0.0)
    };
    match terms.first() {
        Some(first) if terms.iter().all(is_complete) => {
            let labels: Vec<String> = terms.iter().map(label).collect();
            let none = format!(
                "None of the {} columns has a missing value: {}",
                terms.len(),
                words::list(&labels)
            );
            table.rows.push(row(none, first));
        }
        _ => table.rows.extend(terms.iter().map(|term| row(label(term), term))),
    }
    table.note("Per cent of those who can have a value; whose arm is missing is in no arm.");
    table
}

/// How many lack a value, in all or in an arm.
fn lacking(source: &Source, term: &str) -> Cell {
    let id = |name: &str| id::quantity(STUDY, "all", "missing", term, name);
    let (n, share) = (id("n_missing"), id("share_missing"));
    // A result of an earlier version counts them in all alone.
    match (source.numbers.has(&n), source.numbers.has(&share)) {
        (false, _) => Cell::new(""),
        (true, false) => source.numbers.cell(&n, number::count),
        (true, true) => source.numbers.pair((&n, number::count), (&share, number::percent)),
    }
}

/// A count that not every step has.
pub(super) fn optional(source: &Source, id: &str) -> Cell {
    if source.numbers.has(id) { source.numbers.cell(id, number::count) } else { Cell::new("") }
}
