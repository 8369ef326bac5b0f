//! The arms within levels, and levels against each other.

use super::survival::{median_cells, median_columns};
use super::{ENDPOINT, Source};
use crate::number;
use crate::table::{Cell, Column, Row, Table};
use crate::words;
use study::protocol::QuantileRule;
use study::result::{Label, SubgroupOutline, SubgroupVariable, id};

/// Medians and hazard ratios of the arms within each level, a row per arm; what compares the arms
/// stands in the first.
pub(crate) fn subgroups(source: &Source) -> Table {
    let ci = words::confidence_interval(&source.result.protocol);
    let keys = [ENDPOINT, "Analysis", "Population", "Variable", "Level", "Group"];
    let mut columns: Vec<Column> = keys.map(Column::key).into();
    columns.push(Column::value("Events / n"));
    columns.extend(median_columns(source, rules(source), "Median"));
    columns.extend([
        Column::value("Log-rank P"),
        Column::value(format!("HR ({ci})")),
        Column::value("P"),
        Column::value("Interaction P"),
    ]);
    let mut table = Table::new("subgroups", "The arms within subgroups", columns);
    for subgroup in &source.result.outline.subgroups {
        for variable in &subgroup.variables {
            for (index, level) in variable.levels.iter().enumerate() {
                let interaction = (index == 0).then(|| interaction(source, subgroup, variable));
                let place = Place { source, subgroup, variable, level };
                table.rows.extend(place.rows(interaction.unwrap_or_else(|| Cell::new(""))));
            }
        }
    }
    table.notes.push(
        "Hazard ratios with model-based variance. Interaction: likelihood-ratio test of exposure \
         by variable. The tests are not adjusted for their number."
            .to_owned(),
    );
    table
}

/// The rules of the medians.
fn rules<'a>(source: &Source<'a>) -> &'a [QuantileRule] {
    &source.result.protocol.survival.median_ci
}

/// One level of one variable.
struct Place<'a> {
    source: &'a Source<'a>,
    subgroup: &'a SubgroupOutline,
    variable: &'a SubgroupVariable,
    level: &'a Label,
}

impl Place<'_> {
    fn rows(&self, interaction: Cell) -> Vec<Row> {
        let mut comparison = self.comparison();
        comparison.push(interaction);
        let empty = vec![Cell::new(""); comparison.len()];
        let mut rows = Vec::new();
        for (index, arm) in self.source.arms().iter().enumerate() {
            let mut cells = self.arm(arm);
            cells.extend(if index == 0 { comparison.clone() } else { empty.clone() });
            rows.push(Row::new(cells));
        }
        rows
    }

    fn id(&self, analysis: &str, term: &str, name: &str) -> String {
        id::quantity(&self.subgroup.endpoint, &self.level.id, analysis, term, name)
    }

    fn arm(&self, arm: &Label) -> Vec<Cell> {
        let of_arm = |name: &str| self.id("survival", &arm.id, name);
        let mut cells = vec![
            Cell::new(self.source.endpoint_label(&self.subgroup.endpoint)),
            Cell::from(&self.subgroup.label),
            Cell::new(self.source.population_label(&self.subgroup.population)),
            Cell::from(&self.variable.label),
            Cell::from(&self.level.label),
            Cell::from(&arm.label),
            events(self.source, &of_arm("n_events"), &of_arm("n")),
        ];
        cells.extend(median_cells(self.source, rules(self.source), &of_arm));
        cells
    }

    /// Log-rank P, hazard ratio and its P.
    fn comparison(&self) -> Vec<Cell> {
        let numbers = &self.source.numbers;
        let exposure = id::part(&self.source.result.protocol.exposure.column);
        let exposed = self.source.arms().first().map_or("", |arm| arm.id.as_str());
        let ratio = |name: &str| self.id("cox_univariable", exposed, name);
        vec![
            numbers.cell(&self.id("log_rank", &exposure, "p_value"), number::p_value),
            numbers.with_limits(&ratio("hazard_ratio"), number::ratio),
            numbers.cell(&ratio("p_value"), number::p_value),
        ]
    }
}

/// `events / n`.
pub(crate) fn events(source: &Source, n_events: &str, n: &str) -> Cell {
    let (events, n) =
        (source.numbers.cell(n_events, number::count), source.numbers.cell(n, number::count));
    let mut caveats = events.caveats;
    caveats.extend(n.caveats);
    Cell { caveats, ..Cell::new(format!("{} / {}", events.text, n.text)) }
}

/// The p-value of exposure by variable.
pub(crate) fn interaction(
    source: &Source,
    subgroup: &SubgroupOutline,
    variable: &SubgroupVariable,
) -> Cell {
    let (endpoint, population) = (&subgroup.endpoint, &subgroup.population);
    let name = "likelihood_ratio_p_value";
    let id = id::quantity(endpoint, population, "interaction", &variable.id, name);
    source.numbers.cell(&id, number::p_value)
}

/// Levels of a variable against each other.
pub(crate) fn comparisons(source: &Source) -> Table {
    let keys = [ENDPOINT, "Analysis", "Population", "Level"];
    let mut columns: Vec<Column> = keys.map(Column::key).into();
    columns.extend(["Patients", "Events"].map(Column::value));
    columns.extend(median_columns(source, rules(source), "Median"));
    columns.push(Column::value("Log-rank P"));
    let mut table = Table::new("comparisons", "Levels compared with each other", columns);
    for subgroup in &source.result.outline.subgroups {
        let Some(variable) = &subgroup.compare else { continue };
        for (index, level) in variable.levels.iter().enumerate() {
            let place = |analysis: &str, term: &str, name: &str| {
                id::quantity(&subgroup.endpoint, &subgroup.population, analysis, term, name)
            };
            let of_level = |name: &str| place("survival", &level.id, name);
            let mut cells = vec![
                Cell::new(source.endpoint_label(&subgroup.endpoint)),
                Cell::from(&subgroup.label),
                Cell::new(source.population_label(&subgroup.population)),
                Cell::from(&level.label),
                source.numbers.cell(&of_level("n"), number::count),
                source.numbers.cell(&of_level("n_events"), number::count),
            ];
            cells.extend(median_cells(source, rules(source), &of_level));
            let p_value = place("log_rank", &variable.id, "p_value");
            cells.push(match index {
                0 => source.numbers.cell(&p_value, number::p_value),
                _ => Cell::new(""),
            });
            table.rows.push(Row::new(cells));
        }
    }
    table
}
