//! Caveats of crates that know no protocol, in its words: labels in the place of columns and codes, the
//! unit beside times, patients in the place of subjects.

use crate::terms::level_label;
use cohort::{Caveat, CaveatCode};
use study::Protocol;
use study::protocol::Population;

/// A caveat as readers of the study want it.
pub(super) fn worded(protocol: &Protocol, caveat: &mut Caveat) {
    if caveat.code == CaveatCode::SyntheticData {
        // These are the words of the authors.
        return;
    }
    let mut message = caveat.message.replace("subjects", "patients");
    let exposure = &protocol.exposure;
    for arm in exposure.arms() {
        let label = format!(" of the arm \"{}\"", arm.label);
        for sign in SIGNS {
            let code = format!(" with {}{sign}{}", exposure.column, arm.value);
            message = replaced(&message, &code, &label);
        }
    }
    for variable in &protocol.variables {
        for level in &variable.levels {
            let label = format!(" with {}: {}", variable.label, level_label(variable, level));
            for sign in SIGNS {
                let code = format!(" with {}{sign}{level}", variable.name);
                message = replaced(&message, &code, &label);
            }
        }
    }
    if is_of_times(caveat.code) {
        message = with_units(&message, protocol.study.time_unit.name());
    }
    if let Some(terms) = message.strip_prefix(NOT_PROPORTIONAL) {
        let labels: Vec<String> =
            terms.split(", ").map(|term| term_label(protocol, term)).collect();
        message = format!("{NOT_PROPORTIONAL}{}", labels.join(", "));
    }
    caveat.message = message;
}

/// How columns and their values are joined.
const SIGNS: [&str; 2] = [" = ", "="];

/// What stands before the names of terms whose hazards change.
const NOT_PROPORTIONAL: &str = "the hazards may not be proportional: ";

/// Doubts whose messages name times.
fn is_of_times(code: CaveatCode) -> bool {
    use CaveatCode::{BeyondFollowUp, CurveEndsOnEvent, EmptyRiskSet, FewAtRisk};
    [BeyondFollowUp, CurveEndsOnEvent, EmptyRiskSet, FewAtRisk].contains(&code)
}

/// A message with a code replaced wherever no longer code begins with it.
fn replaced(message: &str, code: &str, label: &str) -> String {
    let mut text = String::new();
    let mut rest = message;
    while let Some(at) = rest.find(code) {
        let (before, after) = (&rest[..at], &rest[at + code.len()..]);
        // `1.5` and `2-3` go on, a full stop at the end of a sentence does not.
        let next = after.trim_start_matches(['.', '-', '_', '+']);
        let goes_on = next.starts_with(|letter: char| letter.is_alphanumeric());
        text.push_str(before);
        text.push_str(if goes_on { code } else { label });
        rest = after;
    }
    text + rest
}

/// `time 60` becomes `time 60 months`.
fn with_units(message: &str, unit: &str) -> String {
    let mut words: Vec<String> = message.split(' ').map(str::to_owned).collect();
    for index in 1..words.len() {
        let is_time = words[index - 1].eq_ignore_ascii_case("time");
        let number = words[index].trim_end_matches(['.', ',', ';', ')']);
        if is_time && number.parse::<f64>().is_ok() {
            let end = words[index][number.len()..].to_owned();
            words[index] = format!("{number} {unit}{end}");
        }
    }
    words.join(" ")
}

/// What readers call an endpoint.
pub(super) fn endpoint_label(protocol: &Protocol, endpoint: &str) -> String {
    let known = protocol.endpoints.iter().find(|known| known.id == endpoint);
    known.map_or_else(|| endpoint.to_owned(), |known| known.label.clone())
}

/// What readers call a population by the part of an id that names it, within a sentence.
pub(super) fn population_label(population: &str) -> String {
    match crate::plan::population_of(population) {
        Population::All => "all patients".into(),
        Population::Matched => "matched patients".into(),
        Population::Weighted => "weighted patients".into(),
        Population::Exposed => "exposed patients".into(),
        Population::Comparator => "comparators".into(),
    }
}

/// What readers call a term of a model: `age` or `size=20-50`.
pub(super) fn term_label(protocol: &Protocol, term: &str) -> String {
    let (name, level) = match term.split_once('=') {
        Some((name, level)) => (name, Some(level)),
        None => (term, None),
    };
    if name == protocol.exposure.column {
        return protocol.exposure.exposed.label.clone();
    }
    match (protocol.variable(name), level) {
        (Some(variable), Some(level)) => {
            format!("{}: {}", variable.label, level_label(variable, level))
        }
        (Some(variable), None) => variable.label.clone(),
        (None, _) => term.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{replaced, with_units};

    #[test]
    fn times_have_their_unit() {
        let text =
            with_units("3 are at risk at time 60. The median, time 57.2, is late.", "months");
        assert_eq!(text, "3 are at risk at time 60 months. The median, time 57.2 months, is late.");
    }

    #[test]
    fn a_longer_code_is_another_one() {
        let message = "7 with rt = 1 and 3 with rt = 10.";
        assert_eq!(replaced(message, " with rt = 1", " exposed"), "7 exposed and 3 with rt = 10.");
        let message = "2 with dose = 1.5, 4 with dose = 1-2, 5 with dose = 1.";
        assert_eq!(
            replaced(message, " with dose = 1", " of low dose"),
            "2 with dose = 1.5, 4 with dose = 1-2, 5 of low dose."
        );
    }
}
