//! How the terms of hazard models were chosen.

use super::cox::{model_id, variable_label};
use super::{ENDPOINT, Source};
use crate::document::Text;
use crate::number;
use crate::table::{Cell, Column, Row, Table};
use study::result::{ModelOutline, StepOutline, id};

/// One row per test on the way to a model, with what came of it; without rows when no model was
/// chosen.
pub(crate) fn selection(source: &Source) -> Table {
    let keys = [ENDPOINT, "Population", "Model", "Step", "Term", "Test of"].map(Column::key);
    let values = ["Chi-squared (df)", "P", "Decision"].map(Column::value);
    let columns = keys.into_iter().chain(values).collect();
    let title = "Likelihood-ratio tests by which terms were chosen";
    let mut table = Table::new("cox_selection", title, columns);
    for model in &source.result.outline.models {
        for (index, step) in model.steps.iter().enumerate() {
            for term in &step.removal {
                let leaves = step.removed.as_ref() == Some(term);
                let decision = if leaves { "leaves" } else { "" };
                let place = (index + 1, term.as_str(), "removal");
                table.rows.push(row(source, model, place, decision));
            }
            for term in &step.entry {
                let decision = if step.entered.contains(term) { "enters" } else { "" };
                let place = (index + 1, term.as_str(), "entry");
                table.rows.push(row(source, model, place, decision));
            }
        }
    }
    table.notes.extend(
        source
            .result
            .outline
            .models
            .iter()
            .filter_map(|model| chosen(source, model).map(Text::from)),
    );
    table.note(
        "P-values and intervals of a model whose terms were chosen by tests on the same patients do \
         not allow for the choice: they are too small and too narrow.",
    );
    table
}

fn row(
    source: &Source,
    model: &ModelOutline,
    (step, term, test): (usize, &str, &str),
    decision: &str,
) -> Row {
    let id = |part| model_id(model, &id::part(term), &format!("step_{step}_{test}_{part}"));
    let (statistic, df) = (id("chi_squared"), id("df"));
    Row::new(vec![
        Cell::new(source.endpoint_label(&model.endpoint)),
        Cell::new(source.population_label(&model.population)),
        Cell::from(&model.label),
        Cell::new(step.to_string()),
        Cell::new(variable_label(source, term)),
        test.into(),
        source.numbers.pair((&statistic, number::statistic), (&df, number::count)),
        source.numbers.cell(&id("p_value"), number::p_value),
        decision.into(),
    ])
}

/// The terms of a model that was chosen, in words.
fn chosen(source: &Source, model: &ModelOutline) -> Option<String> {
    let StepOutline { terms, .. } = model.steps.last()?;
    let labels: Vec<String> = terms.iter().map(|term| variable_label(source, term)).collect();
    Some(format!(
        "{}, {}, {}: {}.",
        source.endpoint_label(&model.endpoint),
        source.population_label(&model.population),
        model.label,
        labels.join(", ")
    ))
}
