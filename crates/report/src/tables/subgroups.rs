//! The arms within levels, and levels against each other.

use super::survival::{median_cells, median_columns};
use super::{ENDPOINT, Source};
use crate::number;
use crate::table::{Cell, Column, Row, Table};
use crate::words;
use study::protocol::{QuantileRule, Ties};
use study::result::{Label, SubgroupOutline, SubgroupVariable, id};

/// Two tables for each analysis within levels: hazard ratios, and medians by arm.
pub(crate) fn subgroups(source: &Source) -> Vec<Table> {
    let subgroups = source.result.outline.subgroups.iter();
    let within = subgroups.filter(|subgroup| !subgroup.variables.is_empty());
    within.flat_map(|subgroup| [ratios(source, subgroup), medians(source, subgroup)]).collect()
}

fn ratios(source: &Source, subgroup: &SubgroupOutline) -> Table {
    let ci = words::confidence_interval(&source.result.protocol);
    let mut columns = ["Variable", "Level"].map(Column::key).to_vec();
    let events = |arm: &Label| Column::value(&arm.label).within("Events / n");
    columns.extend(source.arms().iter().map(events));
    let population = std::iter::once(subgroup.population.as_str());
    columns.push(Column::value(source.comparison_heading(population)));
    columns.push(Column::value(format!("HR ({ci})")));
    columns.extend(["P", "Interaction P"].map(Column::value));
    let mut table = table(source, subgroup, "subgroups", "hazard ratios", columns);
    for variable in &subgroup.variables {
        for (index, level) in variable.levels.iter().enumerate() {
            let place = Place { source, subgroup, variable, level };
            let mut cells = place.comparison();
            cells.push(match index {
                0 => interaction(source, subgroup, variable),
                _ => Cell::new(""),
            });
            table.rows.push(Row::new(cells));
        }
    }
    let (variance, interaction) = methods(source, subgroup);
    table.note(format!(
        "Hazard ratios of Cox models of the exposure alone, ties by {}, {variance} variance. \
         Interaction: {interaction} test of exposure by variable. The tests are not adjusted \
         for their number.",
        words::ties(ties(source, subgroup))
    ));
    if source.has_weights(&subgroup.population) {
        let note = "Weights balance the arms as a whole, not within each level; balance within levels \
                    stands with the baseline table where the study asks for it.";
        table.note(note);
    }
    table
}

fn medians(source: &Source, subgroup: &SubgroupOutline) -> Table {
    let mut columns = ["Variable", "Level", "Group"].map(Column::key).to_vec();
    columns.push(Column::value("Events / n"));
    columns.extend(median_columns(source, rules(source), "Median"));
    let mut table = table(source, subgroup, "subgroup_medians", "medians", columns);
    for variable in &subgroup.variables {
        for level in &variable.levels {
            let place = Place { source, subgroup, variable, level };
            table.rows.extend(source.arms().iter().map(|arm| Row::new(place.arm(arm))));
        }
    }
    table
}

fn table(
    source: &Source,
    subgroup: &SubgroupOutline,
    name: &str,
    what: &str,
    columns: Vec<Column>,
) -> Table {
    let title = format!(
        "{}: {}{what} of {}, {}",
        subgroup.label,
        unadjusted(subgroup),
        words::within(&source.endpoint_label(&subgroup.endpoint)),
        words::within(&source.population_label(&subgroup.population))
    );
    Table::new(format!("{name}_{}_{}", subgroup.endpoint, subgroup.id), title, columns)
}

/// What must be said of results in patients whom no design has made comparable.
fn unadjusted(subgroup: &SubgroupOutline) -> &'static str {
    if is_unadjusted(subgroup) { "unadjusted " } else { "" }
}

/// Whether no design has made the patients of an analysis comparable.
pub(crate) fn is_unadjusted(subgroup: &SubgroupOutline) -> bool {
    !["matched", "weighted"].contains(&subgroup.population.as_str())
}

/// The variance within levels and the test of the interaction, in words.
pub(crate) fn methods(source: &Source, subgroup: &SubgroupOutline) -> (&'static str, &'static str) {
    match source.has_weights(&subgroup.population) {
        true => ("robust", "robust Wald"),
        false => ("model-based", "likelihood-ratio"),
    }
}

/// How tied events are treated in an analysis.
fn ties(source: &Source, subgroup: &SubgroupOutline) -> Ties {
    let known = source.result.protocol.subgroups.iter().find(|known| known.id == subgroup.id);
    known.map(|known| known.ties).unwrap_or_default()
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
    fn id(&self, analysis: &str, term: &str, name: &str) -> String {
        id::quantity(&self.subgroup.endpoint, &self.level.id, analysis, term, name)
    }

    fn events(&self, arm: &Label) -> Cell {
        let of_arm = |name: &str| self.id("survival", &arm.id, name);
        events(self.source, &of_arm("n_events"), &of_arm("n"))
    }

    fn names(&self) -> Vec<Cell> {
        let level = self.source.level_label(&self.variable.id, self.level);
        vec![Cell::from(&self.variable.label), Cell::from(level)]
    }

    /// The row of an arm: events and medians.
    fn arm(&self, arm: &Label) -> Vec<Cell> {
        let mut cells = self.names();
        cells.extend([Cell::from(&arm.label), self.events(arm)]);
        let of_arm = |name: &str| self.id("survival", &arm.id, name);
        cells.extend(median_cells(self.source, rules(self.source), &of_arm));
        cells
    }

    /// The row that compares the arms: events, log-rank P, hazard ratio and its P.
    fn comparison(&self) -> Vec<Cell> {
        let numbers = &self.source.numbers;
        let exposure = id::part(&self.source.result.protocol.exposure.column);
        let exposed = self.source.arms().first().map_or("", |arm| arm.id.as_str());
        let ratio = |name: &str| self.id("cox_univariable", exposed, name);
        let comparison = self.source.comparison(&self.level.id);
        let mut cells = self.names();
        cells.extend(self.source.arms().iter().map(|arm| self.events(arm)));
        cells.extend([
            numbers.cell(&self.id(comparison, &exposure, "p_value"), number::p_value),
            numbers.ratio(&ratio("hazard_ratio")),
            numbers.cell(&ratio("p_value"), number::p_value),
        ]);
        cells
    }
}

/// `events / n`.
pub(crate) fn events(source: &Source, n_events: &str, n: &str) -> Cell {
    let (events, n) =
        (source.numbers.cell(n_events, number::count), source.numbers.cell(n, number::count));
    let mut caveats = events.caveats;
    caveats.extend(n.caveats);
    let ids = [events.ids, n.ids].concat();
    Cell { caveats, ids, ..Cell::new(format!("{} / {}", events.text, n.text)) }
}

/// The p-value of exposure by variable.
pub(crate) fn interaction(
    source: &Source,
    subgroup: &SubgroupOutline,
    variable: &SubgroupVariable,
) -> Cell {
    let (endpoint, population) = (&subgroup.endpoint, &subgroup.population);
    let name = match source.has_weights(population) {
        true => "wald_p_value",
        false => "likelihood_ratio_p_value",
    };
    let id = id::quantity(endpoint, population, "interaction", &variable.id, name);
    source.numbers.cell(&id, number::p_value)
}

/// Levels of a variable against each other.
pub(crate) fn comparisons(source: &Source) -> Table {
    let keys = [ENDPOINT, "Analysis", "Population", "Level"];
    let mut columns: Vec<Column> = keys.map(Column::key).into();
    columns.extend(["Patients", "Events"].map(Column::value));
    columns.extend(median_columns(source, rules(source), "Median"));
    let compared = source.result.outline.subgroups.iter().filter(|known| known.compare.is_some());
    let populations = compared.map(|subgroup| subgroup.population.as_str());
    columns.push(Column::value(source.comparison_heading(populations)));
    let mut table =
        Table::new("comparisons", "Levels compared with each other, unadjusted", columns);
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
                Cell::from(source.level_label(&variable.id, level)),
                source.numbers.cell(&of_level("n"), number::count),
                source.numbers.cell(&of_level("n_events"), number::count),
            ];
            cells.extend(median_cells(source, rules(source), &of_level));
            let comparison = source.comparison(&subgroup.population);
            let p_value = place(comparison, &variable.id, "p_value");
            cells.push(match index {
                0 => source.numbers.cell(&p_value, number::p_value),
                _ => Cell::new(""),
            });
            table.rows.push(Row::new(cells));
        }
    }
    table
}
