//! From the rows of the table to the analysed and the matched patients.

use super::{Assembly, Place, STUDY, WHOLE, population_label};
use crate::prepare::{LevelCount, often_missing};
use crate::terms::level_label;
use cohort::{Caveat, CaveatCode, Estimate, NotEstimable, Selection};
use study::protocol::{Arm, Population, Variable};
use study::result::{FlowKind, FlowStep, id};

pub(super) fn assemble(assembly: &mut Assembly) {
    let study = &assembly.pipeline.study;
    let place = Place::new(STUDY, WHOLE, "flow");
    let mut steps = vec![(source(), study.n_rows, None, &study.rows_by_level)];
    for (index, step) in study.attrition.iter().enumerate() {
        let (id, kind) = if step.is_missing_policy {
            ("complete".into(), FlowKind::Missing)
        } else {
            (format!("criterion_{}", index + 1), FlowKind::Criterion)
        };
        let population = WHOLE.into();
        let outline = FlowStep { population, id, label: step.label.clone(), kind };
        steps.push((outline, step.n_left, Some((step.n_excluded, step.n_missing)), &step.by_level));
    }
    for (outline, n, excluded, by_level) in steps {
        assembly.push(place.count(&outline.id, "n", n));
        if let Some((n_excluded, n_missing)) = excluded {
            assembly.push(place.count(&outline.id, "n_excluded", n_excluded));
            assembly.push(place.count(&outline.id, "n_missing", n_missing));
        }
        for count in by_level {
            let has_unknown = study.rows_by_level.iter().any(|known| {
                known.level.is_none() && known.column == count.column && known.n_left > 0
            });
            if count.level.is_some() || has_unknown {
                level(assembly, &place, &outline.id, count, excluded.is_some());
            }
        }
        assembly.outline.flow.push(outline);
    }
    arms(assembly, Population::All, FlowKind::Arm);
    if let Some(adjusted) = assembly.pipeline.protocol().adjusted() {
        let is_matched = adjusted == Population::Matched;
        let kind = if is_matched { FlowKind::Matched } else { FlowKind::Weighted };
        arms(assembly, adjusted, kind);
    }
    for missing in &assembly.pipeline.study.missing_by_variable {
        let place = Place::new(STUDY, WHOLE, "missing");
        let term = id::part(&missing.column);
        let count = place.count(&term, "n_missing", missing.count);
        let caveats = often_missing(missing).into_iter().collect();
        assembly.quantities.push(count.with_caveats(caveats));
        let share = share_of(missing.count, missing.n);
        assembly.quantities.push(place.quantity(&term, "share_missing", share, SHARE_MISSING));
        let exposure = &assembly.pipeline.protocol().exposure;
        for (index, arm) in exposure.arms().into_iter().enumerate() {
            let term = format!("{term}/{}", id::level(&exposure.column, &arm.value));
            let (n_missing, n) = (missing.by_arm[index], missing.n_by_arm[index]);
            assembly.quantities.push(place.count(&term, "n_missing", n_missing));
            let share = share_of(n_missing, n);
            assembly.quantities.push(place.quantity(&term, "share_missing", share, SHARE_MISSING));
        }
    }
    rules(assembly);
}

/// How many patients break each rule of plausible data.
fn rules(assembly: &mut Assembly) {
    for rule in &assembly.pipeline.study.rules {
        let place = Place::new(rule.endpoint.as_deref().unwrap_or(STUDY), WHOLE, "quality");
        let method = match rule.is_refused {
            true => "count; a table with such a patient is refused",
            false => "count",
        };
        let count = place.quantity(WHOLE, rule.name, Ok(rule.count as f64), method);
        assembly.quantities.push(count);
    }
}

const SHARE_MISSING: &str = "share of the eligible patients who can have a value";

fn share_of(count: usize, n: usize) -> Estimate {
    if n == 0 { Err(NotEstimable::NoSubjects) } else { Ok(count as f64 / n as f64) }
}

/// Patients of an arm or a site after a step.
fn level(
    assembly: &mut Assembly,
    place: &Place,
    step: &str,
    count: &LevelCount,
    has_excluded: bool,
) {
    let Some(level) = &count.level else {
        let term = format!("{step}/{}", id::part(&count.column));
        assembly.push(place.count(&term, "n_unknown", count.n_left));
        return;
    };
    let term = format!("{step}/{}", id::level(&count.column, level));
    assembly.push(place.count(&term, "n", count.n_left));
    if has_excluded {
        assembly.push(place.count(&term, "n_excluded", count.n_excluded));
    }
}

/// Patients of an arm at each site; a site without any in one arm gives a doubt.
fn sites(assembly: &mut Assembly, population: Population, arm: &Arm, rows: &Selection) {
    let pipeline = assembly.pipeline;
    let protocol = pipeline.protocol();
    let Some(site) = protocol.site() else { return };
    let place = Place::new(STUDY, population.id(), "flow");
    let everyone = pipeline.rows(population);
    for level in &site.levels {
        let n = n_at(assembly, site, level, rows);
        let caveat = (n == 0 && n_at(assembly, site, level, &everyone) > 0).then(|| {
            let message = format!(
                "{}: at {} {} nobody is of the arm \"{}\"; comparisons there rest on other sites.",
                population_label(population),
                site.label,
                level_label(site, level),
                arm.label
            );
            Caveat::new(CaveatCode::Positivity, message)
        });
        let arm = id::level(&protocol.exposure.column, &arm.value);
        let term = format!("{arm}/{}", id::level(&site.name, level));
        let caveats: Vec<Caveat> = caveat.into_iter().collect();
        assembly.caveats.extend(caveats.iter().cloned());
        assembly.push(place.count(&term, "n", n).with_caveats(caveats));
    }
}

/// How many rows of a selection are at a level.
fn n_at(assembly: &Assembly, variable: &Variable, level: &str, rows: &Selection) -> usize {
    let categories = assembly.pipeline.cohort().categories(&variable.name, rows);
    categories.map_or(0, |categories| {
        let code = categories.position(level);
        categories.codes.iter().filter(|&&known| Some(known) == code).count()
    })
}

fn source() -> FlowStep {
    FlowStep {
        population: WHOLE.into(),
        id: "source".into(),
        label: "Patients in the table".into(),
        kind: FlowKind::Source,
    }
}

/// The arms of a population.
fn arms(assembly: &mut Assembly, population: Population, kind: FlowKind) {
    let exposure = &assembly.pipeline.protocol().exposure;
    let place = Place::new(STUDY, population.id(), "flow");
    for arm in exposure.arms() {
        let rows = assembly.pipeline.rows_at(population, &exposure.column, &arm.value);
        let term = id::level(&exposure.column, &arm.value);
        let label = match kind {
            FlowKind::Matched => format!("{}, matched", arm.label),
            FlowKind::Weighted => format!("{}, weighted", arm.label),
            _ => arm.label.clone(),
        };
        assembly.quantities.push(place.count(&term, "n", rows.len()));
        if kind != FlowKind::Arm {
            let n = assembly.pipeline.rows_at(Population::All, &exposure.column, &arm.value).len();
            assembly.quantities.push(place.count(&term, "n_excluded", n - rows.len()));
        }
        sites(assembly, population, arm, &rows);
        let population = population.id().into();
        assembly.outline.flow.push(FlowStep { population, id: term, label, kind });
    }
}
