//! Doubts about the study as a whole, marked on the number on which its conclusion rests.

use super::Assembly;
use cohort::CaveatCode;
use study::protocol::Population;
use study::result::{Quantity, id};

/// Gives the primary result, a hazard ratio or the p-value of the curves, the doubts about the whole
/// study and about its population.
pub(super) fn assemble(assembly: &mut Assembly) {
    let protocol = assembly.pipeline.protocol();
    let primary = &protocol.report.primary;
    let (endpoint, population) = (&primary.endpoint, primary.population);
    let exposure = &protocol.exposure;
    let place = |analysis: &str, term: &str, name: &str| {
        id::quantity(endpoint, population.id(), analysis, term, name)
    };
    let ids = match &primary.model {
        Some(model) => {
            let exposed = id::level(&exposure.column, &exposure.exposed.value);
            vec![place(&format!("cox_{model}"), &exposed, "hazard_ratio")]
        }
        None => {
            let column = id::part(&exposure.column);
            ["log_rank", "robust_score"].map(|test| place(test, &column, "p_value")).to_vec()
        }
    };
    let concerned = assembly.caveats.iter().filter(|caveat| concerns(caveat.code, population));
    let doubts: Vec<_> = concerned.cloned().collect();
    let is_primary = |quantity: &&mut Quantity| ids.contains(&quantity.id);
    for quantity in assembly.quantities.iter_mut().filter(is_primary) {
        for doubt in &doubts {
            if !quantity.caveats.contains(doubt) {
                quantity.caveats.push(doubt.clone());
            }
        }
    }
}

/// Whether doubts of a kind concern the comparison in a population, whatever the model.
fn concerns(code: CaveatCode, population: Population) -> bool {
    use CaveatCode::{
        ExtremeWeights, Imbalance, ImmortalTime, MeasuredAfterTimeZero, MissingData, PairsIgnored,
        Positivity, SmallEffectiveSample, UnadjustedConfounder, UnmatchedExposed,
    };
    match code {
        ImmortalTime | MeasuredAfterTimeZero | MissingData | Positivity | UnadjustedConfounder => {
            true
        }
        ExtremeWeights | Imbalance | PairsIgnored | SmallEffectiveSample | UnmatchedExposed => {
            matches!(population, Population::Matched | Population::Weighted)
        }
        _ => false,
    }
}
