//! How much hidden bias the comparison within pairs withstands.

use super::{Assembly, Place};
use crate::plan::key;
use crate::question::Answer;
use cohort::{Estimate, NotEstimable};
use hypothesis::HiddenBiasAnswer;
use study::protocol::{HiddenBiasSection, Population};
use study::result::id;

pub(super) fn assemble(assembly: &mut Assembly) {
    let Some(section) = assembly.pipeline.protocol().sensitivity.hidden_bias.clone() else {
        return;
    };
    let endpoints = assembly.pipeline.protocol().endpoints.clone();
    for endpoint in &endpoints {
        let place = Place::new(&endpoint.id, Population::Matched.id(), "hidden_bias");
        let exposure = &assembly.pipeline.protocol().exposure;
        let term = id::level(&exposure.column, &exposure.exposed.value);
        bounds(assembly, &place, &term, &section);
    }
}

/// The bounds of the finding that more pairs speak for; of later events when they are equal.
fn finding(assembly: &Assembly, endpoint: &str) -> Estimate<(HiddenBiasAnswer, bool)> {
    let answer = |exposed_fare_less| match assembly
        .answer(&key::hidden_bias(endpoint, exposed_fare_less))?
    {
        Answer::HiddenBias(answer) => Ok(answer.clone()),
        _ => Err(NotEstimable::NotDefined),
    };
    let (earlier, later) = (answer(false)?, answer(true)?);
    let is_later = later.n_negative <= later.n_positive;
    Ok(if is_later { (later, true) } else { (earlier, false) })
}

fn bounds(assembly: &mut Assembly, place: &Place, term: &str, section: &HiddenBiasSection) {
    let found = finding(assembly, &place.endpoint);
    let of = |read: fn(&HiddenBiasAnswer, bool) -> usize| {
        found
            .as_ref()
            .map_or_else(|reason| Err(*reason), |(one, later)| Ok(read(one, *later) as f64))
    };
    let first: fn(&HiddenBiasAnswer, bool) -> usize =
        |one, later| if later { one.n_negative } else { one.n_positive };
    let counts = [
        ("n_pairs", of(|one, _| one.n_pairs), "pairs of one exposed patient and one comparator"),
        ("n_exposed_first", of(first), "pairs in which the exposed patient has the event first"),
        (
            "n_comparator_first",
            of(|one, later| if later { one.n_positive } else { one.n_negative }),
            "pairs in which the comparator has the event first",
        ),
    ];
    for (name, count, method) in counts {
        assembly.push(place.quantity(term, name, count, method));
    }
    for (index, gamma) in section.gammas.iter().enumerate() {
        let bound = || found.as_ref().map_err(|reason| *reason)?.0.bounds[index];
        let parts = [
            ("p_upper", bound().map(|bound| bound.p_upper), "largest"),
            ("p_lower", bound().map(|bound| bound.p_lower), "smallest"),
        ];
        for (name, estimate, which) in parts {
            let method = format!(
                "{which} one-sided p-value of the sign test on pairs under hidden bias of the factor \
                 {gamma}"
            );
            assembly.push(place.quantity(term, &format!("{name}_{gamma}"), estimate, &method));
        }
    }
    let largest = found.as_ref().map_or_else(|reason| Err(*reason), |(one, _)| one.largest_gamma);
    let method = "factor of hidden bias at which the largest p-value reaches the level";
    assembly.push(place.quantity(term, "largest_gamma", largest, method));
}
