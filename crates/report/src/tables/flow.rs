//! Who is analysed, and which values are missing.

use super::{STUDY, Source};
use crate::number;
use crate::table::{Cell, Column, Row, Table};
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

/// Missing values of each variable; without rows when none was counted.
pub(crate) fn missing(source: &Source) -> Table {
    let columns = vec![Column::key("Variable"), Column::value("Missing values")];
    let mut table = Table::new("missing", "Missing values of the eligible patients", columns);
    let numbers = source.result.quantities.iter().filter_map(|quantity| {
        let term = quantity.id.strip_prefix("study/all/missing/")?.strip_suffix("/n_missing")?;
        Some((term, quantity))
    });
    for (term, quantity) in numbers {
        let known = source.result.protocol.variable(term);
        let label = known.map_or(term, |variable| &variable.label);
        let n = source.numbers.cell(&quantity.id, number::count);
        table.rows.push(Row::new(vec![label.into(), n]));
    }
    table
}

/// A count that not every step has.
pub(super) fn optional(source: &Source, id: &str) -> Cell {
    if source.numbers.has(id) { source.numbers.cell(id, number::count) } else { Cell::new("") }
}
