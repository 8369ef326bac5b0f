//! The arms within levels of a variable, and the levels of a variable against each other.

use super::cox::Reader;
use super::survival::{Groups, curves, log_rank};
use super::{Assembly, Place};
use crate::plan::{MAIN_EFFECTS, SUBGROUP, WITH_INTERACTION, key};
use crate::question::Answer;
use crate::terms::{level_label, variable_outline};
use ::cox::CoxFit;
use cohort::{Estimate, NotEstimable};
use numerics::tails::chi_squared_sf;
use study::protocol::{Subgroup, Variable, Variance};
use study::result::{Label, SubgroupOutline, SubgroupVariable, VariableOutline, id};

pub(super) fn assemble(assembly: &mut Assembly) {
    let protocol = assembly.pipeline.protocol();
    let (endpoints, subgroups) = (protocol.endpoints.clone(), protocol.subgroups.clone());
    for endpoint in &endpoints {
        for subgroup in &subgroups {
            within_levels(assembly, &endpoint.id, subgroup);
            between_levels(assembly, &endpoint.id, subgroup);
            let outline = outline(assembly, &endpoint.id, subgroup);
            assembly.outline.subgroups.push(outline);
        }
    }
}

fn outline(assembly: &Assembly, endpoint: &str, subgroup: &Subgroup) -> SubgroupOutline {
    let protocol = assembly.pipeline.protocol();
    let variable = |name: &String| {
        let known = protocol.variable(name)?;
        let level = |level: &String| Label {
            id: id::within(subgroup.population.id(), name, level),
            label: level_label(known, level).into(),
        };
        Some(SubgroupVariable {
            id: id::part(name),
            label: known.label.clone(),
            levels: assembly.pipeline.analysed_levels(subgroup, name).iter().map(level).collect(),
        })
    };
    SubgroupOutline {
        id: subgroup.id.clone(),
        label: subgroup.label.clone(),
        endpoint: endpoint.into(),
        population: subgroup.population.id().into(),
        variables: subgroup.variables.iter().filter_map(variable).collect(),
        compare: subgroup
            .compare
            .as_ref()
            .and_then(|name| protocol.variable(name))
            .map(|known| compared_outline(assembly, subgroup, known)),
    }
}

/// The compared variable with those of its levels that are compared.
fn compared_outline(
    assembly: &Assembly,
    subgroup: &Subgroup,
    variable: &Variable,
) -> VariableOutline {
    let levels = assembly.pipeline.analysed_levels(subgroup, &variable.name);
    let is_compared =
        |label: &Label| levels.iter().any(|level| id::level(&variable.name, level) == label.id);
    let mut outline = variable_outline(variable, None);
    outline.levels.retain(is_compared);
    outline
}

fn within_levels(assembly: &mut Assembly, endpoint: &str, subgroup: &Subgroup) {
    let arms = Groups::arms(assembly);
    for variable in &subgroup.variables {
        for level in assembly.pipeline.analysed_levels(subgroup, variable) {
            let population = id::within(subgroup.population.id(), variable, &level);
            let place = Place::new(endpoint, &population, "survival");
            curves(assembly, &place, &population, &arms);
            log_rank(assembly, endpoint, &population, &population, &arms);
            hazard_ratio(assembly, endpoint, &population);
        }
        interaction(assembly, endpoint, subgroup, variable);
    }
}

/// The hazard ratio of the exposure within one level.
fn hazard_ratio(assembly: &mut Assembly, endpoint: &str, population: &str) {
    let place = Place::new(endpoint, population, "cox_univariable");
    match fit(assembly, &key::cox(endpoint, population, SUBGROUP)) {
        Ok(fit) => {
            Reader::new(assembly, &place, Variance::Model, &fit).columns(assembly);
        }
        Err(reason) => {
            let exposure = &assembly.pipeline.protocol().exposure;
            let term = id::level(&exposure.column, &exposure.exposed.value);
            let method = "Cox proportional hazards model";
            assembly.push(place.quantity(&term, "hazard_ratio", Err(reason), method));
            assembly.push(place.quantity(&term, "p_value", Err(reason), method));
        }
    }
}

fn fit(assembly: &Assembly, key: &str) -> Estimate<CoxFit> {
    match assembly.answer(key)? {
        Answer::Cox(fit) => Ok(fit.as_ref().clone()),
        _ => Err(NotEstimable::NotDefined),
    }
}

/// Whether the effect of the exposure differs between levels: the model with the product of
/// exposure and variable against the one without.
fn interaction(assembly: &mut Assembly, endpoint: &str, subgroup: &Subgroup, variable: &str) {
    let population = subgroup.population.id();
    let place = Place::new(endpoint, population, "interaction");
    let read = |part| fit(assembly, &key::interaction(endpoint, population, variable, part));
    let both = read(MAIN_EFFECTS).and_then(|main| Ok((main, read(WITH_INTERACTION)?)));
    let term = id::part(variable);
    let (ratio, wald) = match &both {
        Ok((_, full)) if assembly.has_weights(population) => {
            (Err(NotEstimable::NotDefined), wald(full))
        }
        Ok((main, full)) => (likelihood_ratio(main, full), wald(full)),
        Err(reason) => (Err(*reason), Err(*reason)),
    };
    for (name, test, words) in [
        ("likelihood_ratio", ratio, "likelihood-ratio test of the interaction"),
        ("wald", wald, "Wald test of the interaction"),
    ] {
        let part = |read: fn(ChiSquared) -> f64| test.map(read);
        let quantities = [
            ("chi_squared", part(|test| test.statistic)),
            ("df", part(|test| test.degrees_of_freedom as f64)),
            ("p_value", part(|test| chi_squared_sf(test.statistic, test.degrees_of_freedom))),
        ];
        for (part, estimate) in quantities {
            assembly.push(place.quantity(&term, &format!("{name}_{part}"), estimate, words));
        }
    }
}

#[derive(Clone, Copy)]
struct ChiSquared {
    statistic: f64,
    degrees_of_freedom: usize,
}

fn likelihood_ratio(main: &CoxFit, full: &CoxFit) -> Estimate<ChiSquared> {
    let df = |fit: &CoxFit| fit.likelihood_ratio_test.degrees_of_freedom;
    match df(full).saturating_sub(df(main)) {
        0 => Err(NotEstimable::Aliased),
        degrees_of_freedom => Ok(ChiSquared {
            statistic: f64::max(2.0 * (full.log_likelihood - main.log_likelihood), 0.0),
            degrees_of_freedom,
        }),
    }
}

/// The Wald test of the last term of the full model, which is the interaction.
fn wald(full: &CoxFit) -> Estimate<ChiSquared> {
    let test = full.term_tests.last().ok_or(NotEstimable::NotDefined)?.test;
    match test.degrees_of_freedom {
        0 => Err(NotEstimable::Aliased),
        degrees_of_freedom => Ok(ChiSquared { statistic: test.chi_squared?, degrees_of_freedom }),
    }
}

fn between_levels(assembly: &mut Assembly, endpoint: &str, subgroup: &Subgroup) {
    let protocol = assembly.pipeline.protocol();
    let Some(variable) = subgroup.compare.as_ref().and_then(|name| protocol.variable(name)) else {
        return;
    };
    let label = |level: &String| (level.clone(), level_label(variable, level).to_string());
    let groups = Groups {
        column: variable.name.clone(),
        levels: assembly
            .pipeline
            .analysed_levels(subgroup, &variable.name)
            .iter()
            .map(label)
            .collect(),
    };
    let population = subgroup.population.id();
    let asked = key::compared(population, &groups.column);
    let place = Place::new(endpoint, population, "survival");
    curves(assembly, &place, &asked, &groups);
    log_rank(assembly, endpoint, population, &asked, &groups);
}
