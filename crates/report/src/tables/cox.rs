//! Hazard models.

use super::{ENDPOINT, Source, WHOLE};
use crate::document::Text;
use crate::number;
use crate::table::{Cell, Column, Row, Table};
use crate::words;
use study::protocol::Variance;
use study::result::{EndpointOutline, Label, ModelOutline, TermOutline, id};

/// One table per endpoint and population: the univariable screen and the multivariable models side
/// by side.
pub(crate) fn hazard_ratios(source: &Source) -> Vec<Table> {
    let mut places: Vec<(&str, &str)> = Vec::new();
    for model in &source.result.outline.models {
        let place = (model.endpoint.as_str(), model.population.as_str());
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places.into_iter().map(|(endpoint, population)| place(source, endpoint, population)).collect()
}

/// Name of the table of hazard ratios that a paper prints as its Table 2: of the first endpoint, in the
/// population of the design, or where that has none in the first that has one.
pub(crate) fn main_hazard_ratios(source: &Source) -> Option<String> {
    let models = || source.result.outline.models.iter();
    let first = models().next()?;
    let adjusted = source.result.protocol.adjusted();
    let is_adjusted = |model: &&ModelOutline| {
        model.endpoint == first.endpoint && adjusted.is_some_and(|one| one.id() == model.population)
    };
    let model = models().find(is_adjusted).unwrap_or(first);
    Some(table_name(&model.endpoint, &model.population))
}

fn table_name(endpoint: &str, population: &str) -> String {
    format!("cox_{endpoint}_{population}")
}

/// What a reader must know of a curve in a table of ratios.
const CURVES: &str = "A number that enters as a curve (natural spline) has no single hazard ratio: P \
                      is the Wald test of all its columns, nonlinear P that of its departure from a \
                      straight line.";

/// How the ratios of covariates must not be read.
const NO_CAUSES: &str = "Only the hazard ratio of the arms is meant as an effect. Those of the other \
                         characteristics are adjusted for what makes the arms comparable, not for \
                         their own confounders: they are no causes or effects (Westreich and Greenland \
                         2013, Am. J. Epidemiol. 177:292-298).";

fn place(source: &Source, endpoint: &str, population: &str) -> Table {
    let models: Vec<&ModelOutline> = source
        .result
        .outline
        .models
        .iter()
        .filter(|model| model.endpoint == endpoint && model.population == population)
        .collect();
    let ci = words::confidence_interval(&source.result.protocol);
    let place = Place { source, endpoint, population, models: &models };
    let mut columns = ["Characteristic", "Level"].map(Column::key).to_vec();
    let has_counts = place.has_counts();
    if has_counts {
        columns.extend(["Patients", "Events"].map(Column::value));
    }
    for model in &models {
        columns.push(Column::value(format!("HR ({ci})")).within(&model.label));
        columns.push(Column::value("P").within(&model.label));
    }
    let title = format!(
        "Cox models of {}: {}",
        words::within(&source.endpoint_label(endpoint)),
        words::within(&source.population_label(population))
    );
    let mut table = Table::new(table_name(endpoint, population), title, columns);
    let mut printed: Vec<&str> = Vec::new();
    for term in terms(&models) {
        let levels = place.levels(&term.variable);
        if levels.is_empty() {
            table.rows.push(place.number_row(term, has_counts));
        } else if !printed.contains(&term.variable.as_str()) {
            printed.push(&term.variable);
            let row = |level: &Level| place.level_row(&term.variable, level, has_counts);
            table.rows.extend(levels.iter().map(row));
        }
    }
    table.notes = model_lines(source, &models);
    table.note("Hazard ratios of numbers are per unit.");
    if models.iter().flat_map(|model| &model.terms).any(|term| term.curve_columns.is_some()) {
        table.note(CURVES);
    }
    table.notes.extend(notes(source, population));
    table.note(NO_CAUSES);
    table
}

/// Every term of some models once, in the order of the models.
fn terms<'a>(models: &[&'a ModelOutline]) -> Vec<&'a TermOutline> {
    let mut terms: Vec<&TermOutline> = Vec::new();
    for term in models.iter().flat_map(|model| &model.terms) {
        if !terms.iter().any(|known| known.id == term.id) {
            terms.push(term);
        }
    }
    terms
}

/// Hazard ratio and p-value of a term; empty where the model does not have it.
fn ratio_cells(source: &Source, model: &ModelOutline, term: &TermOutline) -> [Cell; 2] {
    if !model.terms.iter().any(|known| known.id == term.id) {
        return [Cell::new(""), Cell::new("")];
    }
    let id = |name| model_id(model, &term.id, name);
    if term.curve_columns.is_some() {
        let nonlinear = source.numbers.cell(&id("nonlinear_p_value"), number::p_value);
        let text = format!("curve, nonlinear P {}", nonlinear.text);
        return [Cell { text, ..nonlinear }, source.numbers.cell(&id("p_value"), number::p_value)];
    }
    [
        source.numbers.ratio(&id("hazard_ratio")),
        source.numbers.cell(&id("p_value"), number::p_value),
    ]
}

/// Id of a number of a model.
pub(crate) fn model_id(model: &ModelOutline, term: &str, name: &str) -> String {
    id::quantity(&model.endpoint, &model.population, &model.analysis, term, name)
}

/// A level of a variable, or an arm.
struct Level {
    /// Its part of ids.
    id: String,
    label: String,
    is_reference: bool,
}

/// The models of one endpoint and population.
struct Place<'a> {
    source: &'a Source<'a>,
    endpoint: &'a str,
    population: &'a str,
    models: &'a [&'a ModelOutline],
}

impl Place<'_> {
    /// The levels of a variable in the order of the tables, or the arms, the comparator first; a
    /// number has none.
    fn levels(&self, variable: &str) -> Vec<Level> {
        let protocol = &self.source.result.protocol;
        if variable == protocol.exposure.column {
            let arm = |(is_reference, arm): (bool, &Label)| Level {
                id: arm.id.clone(),
                label: arm.label.clone(),
                is_reference,
            };
            let [exposed, comparator] = self.source.arms() else { return Vec::new() };
            return [(true, comparator), (false, exposed)].map(arm).into();
        }
        let Some(known) = protocol.variable(variable) else { return Vec::new() };
        let level = |(level, label): (&String, &String)| Level {
            id: id::level(variable, level),
            label: words::level(protocol, variable, label).to_owned(),
            is_reference: known.reference.as_ref() == Some(level),
        };
        known.levels.iter().zip(&known.level_labels).map(level).collect()
    }

    fn level_row(&self, variable: &str, level: &Level, has_counts: bool) -> Row {
        let name = match variable == self.source.result.protocol.exposure.column {
            true => "Arm".to_owned(),
            false => variable_label(self.source, variable),
        };
        let mut cells = vec![Cell::new(name), Cell::from(&level.label)];
        if has_counts {
            cells.extend(["level_n", "level_n_events"].map(|name| self.count(&level.id, name)));
        }
        for model in self.models {
            let own = model.terms.iter().find(|term| term.id == level.id);
            let has_variable = model.terms.iter().any(|term| term.variable == variable);
            cells.extend(match own {
                Some(term) => ratio_cells(self.source, model, term),
                None if level.is_reference && has_variable => {
                    [Cell::new("1 (reference)"), Cell::new("")]
                }
                None => [Cell::new(""), Cell::new("")],
            });
        }
        Row::new(cells)
    }

    fn number_row(&self, term: &TermOutline, has_counts: bool) -> Row {
        let mut cells = vec![Cell::from(&term.label), Cell::new("")];
        if has_counts {
            cells.extend([Cell::new(""), Cell::new("")]);
        }
        for model in self.models {
            cells.extend(ratio_cells(self.source, model, term));
        }
        Row::new(cells)
    }

    fn count(&self, level: &str, name: &str) -> Cell {
        let id = id::quantity(self.endpoint, self.population, "cox_univariable", level, name);
        match self.source.numbers.has(&id) {
            true => self.source.numbers.cell(&id, number::count),
            false => Cell::new(""),
        }
    }

    /// Whether patients and events of levels are known.
    fn has_counts(&self) -> bool {
        let is_known = |arm: &Label| !self.count(&arm.id, "level_n").ids.is_empty();
        self.source.arms().iter().any(is_known)
    }
}

/// A line for each model: its size, its ties and how well it fits.
fn model_lines(source: &Source, models: &[&ModelOutline]) -> Vec<Text> {
    models.iter().filter_map(|model| model_line(source, model)).collect()
}

fn model_line(source: &Source, model: &ModelOutline) -> Option<Text> {
    let term =
        if model.is_screen { id::part(&model.terms.first()?.variable) } else { WHOLE.into() };
    let id = |name: &str| model_id(model, &term, name);
    let cell = |name: &str, write| Text::from(source.numbers.cell(&id(name), write));
    source.numbers.value(&id("n"))?;
    let size = ["n", "n_events"].map(|name| cell(name, number::count));
    let mut line = Text::from(model.label.as_str());
    line.push(Text::fill(": {} patients, {} events", size));
    if !model.is_screen {
        for (words, name, write) in [
            (
                "; {} events per coefficient",
                "events_per_coefficient",
                number::time as number::Write,
            ),
            ("; concordance {}", "concordance", number::ratio),
            (
                "; proportional hazards, global P {}",
                "proportional_hazards_p_value",
                number::p_value,
            ),
        ] {
            if source.numbers.has(&id(name)) {
                line.push(Text::fill(words, [cell(name, write)]));
            }
        }
    }
    line.push(".");
    Some(line)
}

/// Variance of the hazard ratios of a whole population.
pub(crate) fn variance_in(source: &Source, population: &str) -> Variance {
    let protocol = &source.result.protocol;
    let is_adjusted = protocol.adjusted().is_some_and(|adjusted| adjusted.id() == population);
    let section = protocol.cox.as_ref().filter(|_| is_adjusted);
    section.map_or(Variance::Model, |section| section.variance)
}

fn notes(source: &Source, population: &str) -> Vec<Text> {
    let Some(section) = &source.result.protocol.cox else { return Vec::new() };
    let protocol = &source.result.protocol;
    let variance = words::variance(protocol, variance_in(source, population));
    let mut notes = vec![Text::from(format!(
        "Wald limits and p-values; variance {variance}; ties by {}.",
        words::ties(section.ties)
    ))];
    if source.has_weights(population) {
        notes.push(
            "The univariable hazard ratio of the exposure is the marginal one; ratios of models with \
             further terms are conditional on these."
                .into(),
        );
    }
    notes
}

/// Hazard ratios of the exposure by both variances; without rows where no model has both.
pub(crate) fn variances(source: &Source) -> Table {
    let ci = words::confidence_interval(&source.result.protocol);
    let mut columns = [ENDPOINT, "Population", "Model"].map(Column::key).to_vec();
    for variance in ["Model-based variance", "Robust variance"] {
        columns.push(Column::value(format!("HR ({ci})")).within(variance));
        columns.push(Column::value("P").within(variance));
    }
    let exposed = source.result.protocol.exposure.exposed.label.as_str();
    let title = format!("Hazard ratio of {exposed} by variance");
    let mut table = Table::new("cox_variances", title, columns);
    let term = source.arms().first().map_or("", |arm| arm.id.as_str());
    for model in &source.result.outline.models {
        let id = |name: &str| model_id(model, term, name);
        let has_both = ["hazard_ratio_robust", "hazard_ratio_model"]
            .iter()
            .all(|name| source.numbers.has(&id(name)));
        if !has_both {
            continue;
        }
        let mut cells = vec![
            Cell::new(source.endpoint_label(&model.endpoint)),
            Cell::new(source.population_label(&model.population)),
            Cell::from(&model.label),
        ];
        for variance in ["model", "robust"] {
            let (ratio, p) = (format!("hazard_ratio_{variance}"), format!("p_value_{variance}"));
            cells.push(source.numbers.ratio(&id(&ratio)));
            cells.push(source.numbers.cell(&id(&p), number::p_value));
        }
        table.rows.push(Row::new(cells));
    }
    table
}

/// The hazard ratio after matching with replacement by both variances; without rows otherwise.
pub(crate) fn reuse(source: &Source) -> Table {
    let ci = words::confidence_interval(&source.result.protocol);
    let mut columns = [ENDPOINT, "Variance"].map(Column::key).to_vec();
    columns.extend([Column::value(format!("HR ({ci})")), Column::value("P")]);
    let exposed = source.result.protocol.exposure.exposed.label.as_str();
    let title = format!("Hazard ratio of {exposed} after matching with replacement");
    let mut table = Table::new("cox_replacement", title, columns);
    let Some(arm) = source.arms().first() else { return table };
    for endpoint in source.endpoints() {
        let id =
            |name: &str| id::quantity(&endpoint.id, "matched", "cox_univariable", &arm.id, name);
        if !source.numbers.has(&id("hazard_ratio_reuse")) {
            continue;
        }
        for (words, suffix) in [("patients as clusters", ""), ("pairs and patients", "_reuse")] {
            table.rows.push(Row::new(vec![
                Cell::from(&endpoint.label),
                words.into(),
                source.numbers.ratio(&id(&format!("hazard_ratio{suffix}"))),
                source.numbers.cell(&id(&format!("p_value{suffix}")), number::p_value),
            ]));
        }
    }
    table.note(
        "Patients as clusters: who is taken again counts once. Pairs and patients: the sum of the \
         variances by set and by patient less that by row (Austin and Cafri 2020), for samples in \
         which 30% or more are exposed.",
    );
    table
}

/// Size and fit of the multivariable models.
pub(crate) fn models(source: &Source) -> Table {
    let columns = [ENDPOINT, "Population", "Model"].map(Column::key).into_iter();
    let values = [
        "Patients",
        "Events",
        "Coefficients",
        "Events per coefficient",
        "Concordance",
        "P of the model",
        "Proportional hazards, global P",
    ];
    let columns = columns.chain(values.map(Column::value)).collect();
    let mut table = Table::new("models", "Multivariable models", columns);
    for model in source.result.outline.models.iter().filter(|model| !model.is_screen) {
        let id = |name| model_id(model, WHOLE, name);
        let numbers = &source.numbers;
        let n_terms: usize = model.terms.iter().map(|term| term.curve_columns.unwrap_or(1)).sum();
        let per_term = id("events_per_coefficient");
        let per_term = match numbers.has(&per_term) {
            true => numbers.cell(&per_term, number::time),
            false => Cell::new(""),
        };
        table.rows.push(Row::new(vec![
            Cell::new(source.endpoint_label(&model.endpoint)),
            Cell::new(source.population_label(&model.population)),
            Cell::from(&model.label),
            numbers.cell(&id("n"), number::count),
            numbers.cell(&id("n_events"), number::count),
            Cell::new(n_terms.to_string()),
            per_term,
            numbers.cell(&id("concordance"), number::ratio),
            numbers.cell(&id(test_of_model(source, model)), number::p_value),
            proportional_hazards_cell(source, model),
        ]));
    }
    table.note("P of the model: likelihood-ratio test of all coefficients.");
    if words::any_weights(&source.result.protocol) {
        table.note(
            "In patients with weights it is the robust Wald test, and proportional hazards are not \
             tested: no variance of that test is robust to weights.",
        );
    }
    table
}

/// The test of all coefficients of a model.
fn test_of_model(source: &Source, model: &ModelOutline) -> &'static str {
    match source.has_weights(&model.population) {
        true => "robust_wald_p_value",
        false => "likelihood_ratio_p_value",
    }
}

fn proportional_hazards_cell(source: &Source, model: &ModelOutline) -> Cell {
    match source.has_weights(&model.population) {
        true => Cell::new("not tested"),
        false => {
            let id = model_id(model, WHOLE, "proportional_hazards_p_value");
            source.numbers.cell(&id, number::p_value)
        }
    }
}

/// Finite hazard ratios of the models whose likelihood is monotone; without rows when there is none.
pub(crate) fn firth(source: &Source) -> Table {
    let ci = words::confidence_interval(&source.result.protocol);
    let mut columns = [ENDPOINT, "Population", "Model", "Term"].map(Column::key).to_vec();
    columns.extend([Column::value(format!("HR ({ci})")), Column::value("P")]);
    let title = "Hazard ratios with Firth's penalty where the likelihood is monotone";
    let mut table = Table::new("cox_firth", title, columns);
    for quantity in &source.result.quantities {
        let parts: Vec<&str> = quantity.id.split('/').collect();
        let &[endpoint, population, analysis, term, "firth_hazard_ratio"] = &parts[..] else {
            continue;
        };
        let p_value = id::quantity(endpoint, population, analysis, term, "firth_p_value");
        table.rows.push(Row::new(vec![
            Cell::new(source.endpoint_label(endpoint)),
            Cell::new(source.population_label(population)),
            Cell::new(model_label(source, analysis)),
            Cell::new(term_label(source, term)),
            source.numbers.ratio(&quantity.id),
            source.numbers.cell(&p_value, number::p_value),
        ]));
    }
    table.note(
        "A coefficient is infinite where everyone who has the event has the highest value of those \
         at risk. Firth's penalty makes it finite; limits and P are those of the penalised \
         likelihood ratio. All terms of such a model are listed."
            .to_owned(),
    );
    table
}

/// What readers call an analysis, which may be that of a subgroup.
fn model_label(source: &Source, analysis: &str) -> String {
    let outline = &source.result.outline;
    let model = outline.models.iter().find(|model| model.analysis == analysis);
    model.map_or_else(|| "Subgroup".to_owned(), |model| model.label.clone())
}

/// What readers call a column of any model.
fn term_label(source: &Source, term: &str) -> String {
    let models: Vec<&ModelOutline> = source.result.outline.models.iter().collect();
    let known = terms(&models).into_iter().find(|known| known.id == term);
    known.map_or_else(|| term.to_owned(), |known| known.label.clone())
}

/// Tests of proportional hazards of each variable, in models of its own and in the multivariable ones.
pub(crate) fn proportional_hazards(source: &Source) -> Vec<Table> {
    let tables = source.endpoints().iter().map(|endpoint| {
        let is_tested = |model: &&ModelOutline| {
            let of_term = |term: &str| {
                source.numbers.has(&model_id(model, term, "proportional_hazards_p_value"))
            };
            let of_screen = || model.terms.iter().any(|term| of_term(&id::part(&term.variable)));
            let is_known = if model.is_screen { of_screen() } else { of_term(WHOLE) };
            model.endpoint == endpoint.id && is_known
        };
        let models = source.result.outline.models.iter().filter(is_tested).collect::<Vec<_>>();
        proportional_hazards_table(source, endpoint, &models)
    });
    tables.collect()
}

fn proportional_hazards_table(
    source: &Source,
    endpoint: &EndpointOutline,
    models: &[&ModelOutline],
) -> Table {
    let mut columns = vec![Column::key("Variable")];
    for model in models {
        let group = format!("{}: {}", source.population_label(&model.population), model.label);
        let titles = ["Chi-squared (df)", "P"];
        columns.extend(titles.map(|title| Column::value(title).within(&group)));
    }
    let title = format!("Tests of proportional hazards, {}", words::within(&endpoint.label));
    let name = format!("proportional_hazards_{}", endpoint.id);
    let mut table = Table::new(name, title, columns);
    let mut variables: Vec<&str> = Vec::new();
    for term in terms(models) {
        if !variables.contains(&term.variable.as_str()) {
            variables.push(&term.variable);
        }
    }
    for variable in variables.into_iter().map(Some).chain([None]) {
        if !models.is_empty() {
            table.rows.push(proportional_hazards_row(source, models, variable));
        }
    }
    if let Some(section) = &source.result.protocol.cox {
        let scale = words::transform(section.ph_test);
        table.note(format!(
            "Score test of an interaction with {scale}. A small p-value speaks against a hazard \
             ratio that is constant over time."
        ));
    }
    table
}

/// The tests of a variable, or of all; empty where a model does not have it.
fn proportional_hazards_row(
    source: &Source,
    models: &[&ModelOutline],
    variable: Option<&str>,
) -> Row {
    let label = variable.map_or_else(|| "Global".to_owned(), |name| variable_label(source, name));
    let mut cells = vec![Cell::new(label)];
    for model in models {
        let own = |name: &str| model.terms.iter().find(|term| term.variable == name);
        let term = match variable.map(own) {
            None if !model.is_screen => WHOLE.to_owned(),
            None | Some(None) => {
                cells.extend([Cell::new(""), Cell::new("")]);
                continue;
            }
            Some(Some(term)) => proportional_hazards_term(term),
        };
        let id = |part| model_id(model, &term, &format!("proportional_hazards_{part}"));
        let (statistic, df) = (id("chi_squared"), id("df"));
        cells.push(source.numbers.pair((&statistic, number::statistic), (&df, number::count)));
        cells.push(source.numbers.cell(&id("p_value"), number::p_value));
    }
    Row::new(cells)
}

/// Term of the ids of the test of proportional hazards to which a column belongs.
pub(crate) fn proportional_hazards_term(term: &TermOutline) -> String {
    match term.curve_columns {
        Some(_) => term.id.clone(),
        None => id::part(&term.variable),
    }
}

/// What readers call a variable or the exposure.
pub(super) fn variable_label(source: &Source, name: &str) -> String {
    let protocol = &source.result.protocol;
    match protocol.variable(name) {
        Some(variable) => variable.label.clone(),
        None if name == protocol.exposure.column => protocol.exposure.exposed.label.clone(),
        None => name.to_owned(),
    }
}

/// How strong unmeasured confounding would have to be; without rows when it was not asked for.
pub(crate) fn sensitivity(source: &Source) -> Table {
    let keys = [ENDPOINT, "Population", "Outcome taken as"].map(Column::key).into_iter();
    let values = ["E-value of the hazard ratio", "of the limit nearest to 1"];
    let columns = keys.chain(values.map(Column::value)).collect();
    let mut table = Table::new("sensitivity", "E-values", columns);
    let Some(exposed) = source.arms().first() else { return table };
    for endpoint in source.endpoints() {
        for population in source.populations() {
            let place = (endpoint.id.as_str(), population.id.as_str());
            let share = share_of_events(source, place);
            for (name, outcome) in [("e_value_common", "common"), ("e_value_rare", "rare")] {
                if share.is_some_and(|share| (COMMON < share) != (outcome == "common")) {
                    continue;
                }
                let id =
                    |name: &str| id::quantity(place.0, place.1, "sensitivity", &exposed.id, name);
                if !source.numbers.has(&id(name)) {
                    continue;
                }
                table.rows.push(Row::new(vec![
                    Cell::from(&endpoint.label),
                    Cell::from(&population.label),
                    outcome.into(),
                    source.numbers.cell(&id(name), number::statistic),
                    source.numbers.cell(&id(&format!("{name}_limit")), number::statistic),
                ]));
            }
        }
    }
    table.note(
        "E-value: how strongly, as a risk ratio, an unmeasured confounder would have to go with \
         both exposure and outcome to explain the hazard ratio away. An outcome is \"common\" when \
         more than 15% of the patients have the event; the formula that then holds is printed.",
    );
    table
}

/// Above this share of patients with the event it is common (VanderWeele and Ding 2017).
const COMMON: f64 = 0.15;

/// Events over patients of the model of the exposure alone; absent where there is none.
fn share_of_events(source: &Source, (endpoint, population): (&str, &str)) -> Option<f64> {
    let exposure = id::part(&source.result.protocol.exposure.column);
    let number = |name: &str| {
        let id = id::quantity(endpoint, population, "cox_univariable", &exposure, name);
        source.numbers.value(&id)
    };
    Some(number("n_events")? / number("n").filter(|&n| 0.0 < n)?)
}

/// Rosenbaum's bounds of the comparison within pairs; without rows when they were not asked for.
pub(crate) fn hidden_bias(source: &Source) -> Table {
    let keys = [ENDPOINT, "Factor of hidden bias"].map(Column::key).into_iter();
    let values = ["Largest one-sided P", "Smallest one-sided P"].map(Column::value);
    let title = "Bounds under hidden bias, matched pairs";
    let mut table = Table::new("hidden_bias", title, keys.chain(values).collect());
    let Some(section) = &source.result.protocol.sensitivity.hidden_bias else { return table };
    let [exposed, comparator] = source.arms() else { return table };
    for endpoint in source.endpoints() {
        let id =
            |name: &str| id::quantity(&endpoint.id, "matched", "hidden_bias", &exposed.id, name);
        if !source.numbers.has(&id("n_pairs")) {
            continue;
        }
        let cell = |name: &str, write| source.numbers.cell(&id(name), write);
        for gamma in &section.gammas {
            let mut cells = vec![Cell::from(&endpoint.label), Cell::new(words::plain(*gamma))];
            let bounds = ["p_upper", "p_lower"].map(|name| format!("{name}_{gamma}"));
            cells.extend(bounds.map(|name| cell(&name, number::p_value)));
            table.rows.push(Row::new(cells));
        }
        let finding = match source.numbers.value(&id("largest_gamma")) {
            Some(_) => Text::fill(
                "The finding withstands hidden bias up to the factor {}",
                [cell("largest_gamma", number::largest).into()],
            ),
            None => "The finding is not significant even without hidden bias".into(),
        };
        table.note(Text::fill(
            "{}: of {} pairs the patient of the arm \"{}\" has the event first in {}, that of \"{}\" in \
             {}; the others carry no information. {} (one-sided level {}).",
            [
                endpoint.label.as_str().into(),
                cell("n_pairs", number::count).into(),
                exposed.label.as_str().into(),
                cell("n_exposed_first", number::count).into(),
                comparator.label.as_str().into(),
                cell("n_comparator_first", number::count).into(),
                finding,
                words::plain(section.level).into(),
            ],
        ));
    }
    table.note(
        "Sign test on the pairs of which one member has the event while the other is still at risk, \
         in the direction that more pairs speak for. A factor of 2 means that an unmeasured trait may \
         make one member of a pair twice as likely to be exposed as the other (Rosenbaum 2002).",
    );
    table
}
