//! Hazard ratios by intervals of time, where proportional hazards are in doubt.

use super::{ENDPOINT, Source, WHOLE};
use crate::number;
use crate::table::{Cell, Column, Row, Table};
use crate::words;
use study::result::{PiecewiseOutline, TermOutline, id};

/// One row per model, column and interval; without rows where no hazards are in doubt.
pub(crate) fn piecewise(source: &Source) -> Table {
    let ci = words::confidence_interval(&source.result.protocol);
    let mut columns =
        [ENDPOINT, "Population", "Model", "Term", "Interval"].map(Column::key).to_vec();
    columns.push(Column::value("At risk"));
    columns.push(Column::value("Events"));
    columns.push(Column::value(format!("HR ({ci})")));
    columns.extend(["P", "P of no change"].map(Column::value));
    let title = "Hazard ratios by intervals of time, where proportional hazards are in doubt";
    let mut table = Table::new("piecewise", title, columns);
    for model in &source.result.outline.piecewise {
        for term in &model.terms {
            rows(source, model, term, &mut table);
        }
    }
    table.note(
        "A test below 0.05 speaks against a constant hazard ratio, of the model or of the exposure; the \
         ratios of the exposure and of the terms in doubt may then change between intervals. The cuts are \
         those of the protocol, the times at which survival is quoted, or the median time of the events. \
         P of no change: Wald test that a term has one ratio in all intervals.",
    );
    table
}

fn rows(source: &Source, model: &PiecewiseOutline, term: &TermOutline, table: &mut Table) {
    let place = |term: &str, name: &str| {
        id::quantity(&model.endpoint, &model.population, &model.analysis, term, name)
    };
    let unchanged = place(&id::part(&term.variable), "equality_p_value");
    let ratio_at = |after: f64| format!("{}@{after}", place(&term.id, "hazard_ratio"));
    let ratios: Vec<String> = model.intervals.iter().map(|one| ratio_at(one.after)).collect();
    let write = source.numbers.ratio_write(&ratios);
    for (index, interval) in model.intervals.iter().enumerate() {
        let at = |term: &str, name: &str| format!("{}@{}", place(term, name), interval.after);
        let numbers = &source.numbers;
        table.rows.push(Row::new(vec![
            Cell::new(source.endpoint_label(&model.endpoint)),
            Cell::new(source.population_label(&model.population)),
            Cell::from(&model.label),
            Cell::from(&term.label),
            Cell::from(&interval.label),
            numbers.cell(&at(WHOLE, "n"), number::count),
            numbers.cell(&at(WHOLE, "n_events"), number::count),
            numbers.with_limits(&ratio_at(interval.after), write),
            numbers.cell(&at(&term.id, "p_value"), number::p_value),
            match index {
                0 => numbers.cell(&unchanged, number::p_value),
                _ => Cell::new(""),
            },
        ]));
    }
}
