//! Patients and events of each level of the variables of hazard models, for the table of the models.
//!
//! Patients are counted without weights, as everywhere.

use super::{Assembly, Place};
use crate::plan::Pipeline;
use crate::terms::endpoint_names;
use cohort::Selection;
use study::protocol::{CoxSection, EndpointSection, Population};
use study::result::id;

pub(super) fn assemble(assembly: &mut Assembly) {
    let pipeline = assembly.pipeline;
    let Some(section) = &pipeline.protocol().cox else { return };
    let mut populations = section.populations.clone();
    populations.extend(section.multivariable.iter().flat_map(|model| &model.populations));
    populations.sort_unstable();
    populations.dedup();
    for endpoint in &pipeline.protocol().endpoints {
        for &population in &populations {
            of_population(assembly, endpoint, population, &names(pipeline, section));
        }
    }
}

/// The variables of all models, each once.
fn names(pipeline: &Pipeline, section: &CoxSection) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let of_models = section.multivariable.iter().flat_map(|model| &model.terms);
    let left = pipeline.left_unbalanced().unwrap_or_default();
    for name in section.univariable.iter().chain(of_models).chain(&left) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

fn of_population(
    assembly: &mut Assembly,
    endpoint: &EndpointSection,
    population: Population,
    names: &[String],
) {
    let pipeline = assembly.pipeline;
    let place = Place::new(&endpoint.id, population.id(), "cox_univariable");
    for name in names {
        for level in levels(pipeline, name) {
            let rows = pipeline.rows_at(population, name, &level);
            let term = id::level(name, &level);
            assembly.push(place.count(&term, "level_n", rows.len()));
            let n_events = n_events(pipeline, &endpoint.id, &rows);
            assembly.push(place.count(&term, "level_n_events", n_events));
        }
    }
}

/// The levels of a variable, or the arms; a number has none.
fn levels(pipeline: &Pipeline, name: &str) -> Vec<String> {
    let protocol = pipeline.protocol();
    match protocol.variable(name) {
        Some(variable) => variable.levels.clone(),
        None => protocol.exposure.arms().map(|arm| arm.value.clone()).to_vec(),
    }
}

fn n_events(pipeline: &Pipeline, endpoint: &str, rows: &Selection) -> usize {
    let (_, event) = endpoint_names(endpoint);
    let events = pipeline.cohort().numeric(&event, rows);
    events.map_or(0, |events| events.iter().filter(|&&event| event == 1.0).count())
}
