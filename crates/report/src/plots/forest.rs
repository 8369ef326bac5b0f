//! Figures of hazard ratios in subgroups.

use super::{
    Drawing, ForestFigure, ForestRow, ForestValue, Label, Plot, Source, SubgroupOutline,
    SubgroupVariable, caption, id, unadjusted, words,
};
use crate::tables::{events, interaction, is_unadjusted, methods, variance_in};
use study::protocol::Variance;

/// A figure for each analysis that compares the arms within levels.
pub(crate) fn forests(source: &Source) -> Vec<Plot> {
    let subgroups = source.result.outline.subgroups.iter();
    let within = subgroups.filter(|subgroup| !subgroup.variables.is_empty());
    within.map(|subgroup| forest(source, subgroup)).collect()
}

fn forest(source: &Source, subgroup: &SubgroupOutline) -> Plot {
    let arm = |k: usize| source.arms().get(k).map_or(String::new(), |arm| arm.label.clone());
    let (exposed, comparator) = (arm(0), arm(1));
    let ci = words::confidence_interval(&source.result.protocol);
    let population = words::within(&source.population_label(&subgroup.population));
    let title = format!(
        "{} by subgroup, {population}: {}",
        source.endpoint_label(&subgroup.endpoint),
        words::within(&subgroup.label)
    );
    let (variance, test) = methods(source, subgroup);
    let rows = rows(source, subgroup);
    let has_overall = rows.iter().any(|row| row.is_overall);
    let overall = match has_overall {
        true => "; the diamond and the dotted line show that of all these patients",
        false => "",
    };
    let description = format!(
        "Hazard ratios of {exposed} against {comparator} with {ci}; squares grow with the number \
         of events{overall}. Limits within subgroups by the {variance} variance{}. Interaction: {test} \
         test of exposure by variable.{}{}",
        if has_overall { diamond(source, &subgroup.population) } else { String::new() },
        not_shown(source, subgroup),
        unadjusted(is_unadjusted(subgroup))
    );
    let figure = ForestFigure {
        caption: caption(
            format!("forest-{}-{}", subgroup.endpoint, subgroup.id),
            title,
            description,
        ),
        axis: "Hazard ratio".into(),
        favours_below: format!("favours {exposed}"),
        favours_above: format!("favours {comparator}"),
        columns_heading: "Events / patients".into(),
        columns: source.arms().iter().map(|arm| arm.label.clone()).collect(),
        ratio_heading: format!("HR ({ci})"),
        note_heading: "Interaction P".into(),
        rows,
    };
    Plot::new(Drawing::Forest(figure))
}

/// The variance of the ratio of all patients, where it is not that of the subgroups.
fn diamond(source: &Source, population: &str) -> String {
    let variance = variance_in(source, population);
    // Subgroups of patients with weights have a robust variance too.
    match variance == Variance::Robust && !source.has_weights(population) {
        true => format!(
            ", those of the diamond by one that is {}",
            words::variance(&source.result.protocol, variance)
        ),
        false => String::new(),
    }
}

/// Which levels have no row though the test of the interaction compares the others with them.
fn not_shown(source: &Source, subgroup: &SubgroupOutline) -> String {
    let variables = subgroup.variables.iter();
    let without: Vec<String> =
        variables.filter_map(|variable| levels_not_shown(source, subgroup, variable)).collect();
    match without.as_slice() {
        [] => String::new(),
        _ => format!(
            " It compares all levels of a variable, also those that have no row: {}.",
            without.join("; ")
        ),
    }
}

/// The name of a variable with its levels that have no row; absent where all have one.
fn levels_not_shown(
    source: &Source,
    subgroup: &SubgroupOutline,
    variable: &SubgroupVariable,
) -> Option<String> {
    let protocol = &source.result.protocol;
    let known = protocol.variables.iter().find(|known| id::part(&known.name) == variable.id)?;
    let is_shown = |level: &String| {
        let population = id::within(&subgroup.population, &known.name, level);
        variable.levels.iter().any(|shown| shown.id == population)
    };
    let labels = known.levels.iter().zip(&known.level_labels);
    let labels = labels.filter(|(level, _)| !is_shown(level));
    let labels: Vec<&str> =
        labels.map(|(_, label)| words::level(protocol, &variable.id, label)).collect();
    (!labels.is_empty()).then(|| format!("{}: {}", variable.label, words::list(&labels)))
}

fn rows(source: &Source, subgroup: &SubgroupOutline) -> Vec<ForestRow> {
    let mut rows = Vec::new();
    let overall = place(subgroup, &subgroup.population);
    let exposed = source.arms().first().map_or("", |arm| arm.id.as_str());
    if source.numbers.has(&overall("cox_univariable", exposed, "hazard_ratio")) {
        let label = source.population_label(&subgroup.population);
        let row = ratio_row(source, subgroup, &subgroup.population, label);
        rows.push(ForestRow { is_heading: true, is_overall: true, ..row });
    }
    for variable in &subgroup.variables {
        rows.extend(variable_rows(source, subgroup, variable));
    }
    rows
}

/// A heading and a row per level; a single level takes one row with the name of its variable before it.
fn variable_rows(
    source: &Source,
    subgroup: &SubgroupOutline,
    variable: &SubgroupVariable,
) -> Vec<ForestRow> {
    let note = interaction(source, subgroup, variable).text;
    if let [level] = variable.levels.as_slice() {
        let label = format!("{}: {}", variable.label, source.level_label(&variable.id, level));
        return vec![ForestRow { note, ..ratio_row(source, subgroup, &level.id, label) }];
    }
    let label = variable.label.clone();
    let heading = ForestRow { label, is_heading: true, note, ..ForestRow::default() };
    let level = |level: &Label| {
        let label = source.level_label(&variable.id, level).to_owned();
        ratio_row(source, subgroup, &level.id, label)
    };
    std::iter::once(heading).chain(variable.levels.iter().map(level)).collect()
}

fn place<'a>(
    subgroup: &'a SubgroupOutline,
    population: &'a str,
) -> impl Fn(&str, &str, &str) -> String + 'a {
    move |analysis, term, name| id::quantity(&subgroup.endpoint, population, analysis, term, name)
}

fn ratio_row(
    source: &Source,
    subgroup: &SubgroupOutline,
    population: &str,
    label: String,
) -> ForestRow {
    let numbers = &source.numbers;
    let id = place(subgroup, population);
    let count = |arm: &Label, name| id("survival", &arm.id, name);
    let cell = |arm: &Label| events(source, &count(arm, "n_events"), &count(arm, "n")).text;
    let exposed = source.arms().first().map_or("", |arm| arm.id.as_str());
    let ratio = id("cox_univariable", exposed, "hazard_ratio");
    let n_events = source.arms().iter().filter_map(|arm| numbers.value(&count(arm, "n_events")));
    let weight = n_events.sum();
    let (lower, upper) = numbers.limits(&ratio);
    let positive = |limit: &f64| 0.0 < *limit;
    let value = numbers.value(&ratio).filter(positive).map(|ratio| ForestValue {
        ratio,
        lower: lower.filter(positive),
        upper,
        weight,
    });
    ForestRow {
        label,
        cells: source.arms().iter().map(cell).collect(),
        value,
        ratio: numbers.ratio(&ratio).text,
        ..ForestRow::default()
    }
}
