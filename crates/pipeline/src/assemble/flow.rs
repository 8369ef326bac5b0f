//! From the rows of the table to the analysed and the matched patients.

use super::{Assembly, Place, STUDY, WHOLE};
use study::protocol::Population;
use study::result::{FlowKind, FlowStep, id};

pub(super) fn assemble(assembly: &mut Assembly) {
    let study = &assembly.pipeline.study;
    let place = Place::new(STUDY, WHOLE, "flow");
    let mut steps = vec![(source(), study.n_rows, None)];
    for (index, step) in study.attrition.iter().enumerate() {
        let (id, kind) = if step.is_missing_policy {
            ("complete".into(), FlowKind::Missing)
        } else {
            (format!("criterion_{}", index + 1), FlowKind::Criterion)
        };
        let population = WHOLE.into();
        let outline = FlowStep { population, id, label: step.label.clone(), kind };
        steps.push((outline, step.n_left, Some((step.n_excluded, step.n_missing))));
    }
    for (outline, n, excluded) in steps {
        assembly.push(place.count(&outline.id, "n", n));
        if let Some((n_excluded, n_missing)) = excluded {
            assembly.push(place.count(&outline.id, "n_excluded", n_excluded));
            assembly.push(place.count(&outline.id, "n_missing", n_missing));
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
        assembly.quantities.push(place.count(&term, "n_missing", missing.count));
    }
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
    let rows = assembly.pipeline.rows(population);
    let categories = assembly.pipeline.cohort().categories(&exposure.column, &rows);
    let place = Place::new(STUDY, population.id(), "flow");
    for arm in exposure.arms() {
        let n = categories.as_ref().map_or(0, |categories| {
            let level = categories.position(&arm.value);
            categories.codes.iter().filter(|&&code| Some(code) == level).count()
        });
        let term = id::level(&exposure.column, &arm.value);
        let label = match kind {
            FlowKind::Matched => format!("{}, matched", arm.label),
            FlowKind::Weighted => format!("{}, weighted", arm.label),
            _ => arm.label.clone(),
        };
        assembly.quantities.push(place.count(&term, "n", n));
        let population = population.id().into();
        assembly.outline.flow.push(FlowStep { population, id: term, label, kind });
    }
}
