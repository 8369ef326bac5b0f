//! How the terms of a hazard model were chosen.

use super::{Assembly, Place};
use ::cox::{CoxFit, SelectionStep, TermTest};
use cohort::{Caveat, CaveatCode};
use study::result::{StepOutline, id};

/// Lifts the doubt about chosen terms from the model to the study, where it names the model and is
/// told once for all populations.
pub(super) fn caveat(assembly: &mut Assembly, fit: &mut CoxFit, label: &str) {
    let is_lifted = |caveat: &Caveat| caveat.code == CaveatCode::DataDrivenSelection;
    for lifted in fit.caveats.iter().filter(|caveat| is_lifted(caveat)) {
        let message = format!("In the model \"{label}\" {}.", lifted.message);
        let caveat = Caveat::new(lifted.code, message);
        if !assembly.caveats.contains(&caveat) {
            assembly.caveats.push(caveat);
        }
    }
    fit.caveats.retain(|caveat| !is_lifted(caveat));
}

/// Writes the tests of every step into the result, and gives the outline of the way.
pub(super) fn path(
    assembly: &mut Assembly,
    place: &Place,
    steps: &[SelectionStep],
) -> Vec<StepOutline> {
    let mut outlines = Vec::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        let number = index + 1;
        tests(assembly, place, &step.removal_tests, &format!("step_{number}_removal"));
        tests(assembly, place, &step.entry_tests, &format!("step_{number}_entry"));
        let names = |tests: &[TermTest]| tests.iter().map(|tested| tested.term.clone()).collect();
        outlines.push(StepOutline {
            terms: step.terms.clone(),
            removal: names(&step.removal_tests),
            entry: names(&step.entry_tests),
            removed: step.removed.clone(),
            entered: step.entered.clone(),
        });
    }
    outlines
}

fn tests(assembly: &mut Assembly, place: &Place, tests: &[TermTest], name: &str) {
    let method = "likelihood-ratio test of a term, models of one choice";
    for TermTest { term, test } in tests {
        let df = Ok(test.degrees_of_freedom as f64);
        for (part, estimate) in
            [("chi_squared", test.chi_squared), ("df", df), ("p_value", test.p_value)]
        {
            let name = format!("{name}_{part}");
            assembly.push(place.quantity(&id::part(term), &name, estimate, method));
        }
    }
}
