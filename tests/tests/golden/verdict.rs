//! Holds the comparison of a case against the list of what is not built.

use crate::case::Case;
use crate::compare::{Leaf, Outcome, compare};
use crate::not_built::{Fields, Gap, INFORMATION, NOT_BUILT};
use serde_json::Value;

/// All that is wrong with an answer, compared with the golden values by our rules: fields that differ or are absent without being listed, and
/// listed fields that are equal.
pub fn complaints(case: &Case, expect: &Value, answer: &Value) -> Vec<String> {
    let mut leaves = compare(expect, Some(answer), case.tolerance);
    leaves.retain(|leaf| !is_covered(INFORMATION, case, leaf));
    let unlisted = leaves.iter().filter(|leaf| !is_covered(NOT_BUILT, case, leaf)).filter_map(|leaf| {
        match &leaf.outcome {
            Outcome::Equal => None,
            Outcome::Absent => Some(format!("{}: {} is not answered", case.id, leaf.field)),
            Outcome::Differs(message) => Some(format!("{}: {message}", case.id)),
        }
    });
    let mut complaints: Vec<String> = unlisted.collect();
    complaints.sort();
    complaints.dedup();
    complaints.extend(NOT_BUILT.iter().filter(|gap| gap.names(case)).flat_map(|gap| built(case, gap, &leaves)));
    complaints
}

/// Listed fields that are built.
fn built(case: &Case, gap: &Gap, leaves: &[Leaf]) -> Vec<String> {
    let is_equal = |leaf: &&Leaf| leaf.outcome == Outcome::Equal;
    match gap.fields {
        Fields::All => leaves
            .iter()
            .filter(is_equal)
            .map(|leaf| {
                let field = &leaf.field;
                format!("{}: {field} is built; list only the fields of the case that are not", case.id)
            })
            .collect(),
        Fields::Only(fields) => fields
            .iter()
            .filter(|field| {
                let mut covered = leaves.iter().filter(|leaf| covers(field, &leaf.field)).peekable();
                covered.peek().is_some() && covered.all(|leaf| is_equal(&leaf))
            })
            .map(|field| format!("{}: {field} is built; take it off the list", case.id))
            .collect(),
    }
}

/// Entries of both lists that name no case, or no field of their cases.
pub fn unknown_names(cases: &[Case]) -> Vec<String> {
    let leaves: Vec<(&Case, Vec<Leaf>)> =
        cases.iter().map(|case| (case, compare(&case.expect, None, case.tolerance))).collect();
    let mut complaints = Vec::new();
    for gap in NOT_BUILT.iter().chain(INFORMATION) {
        for pattern in gap.cases {
            if !leaves.iter().any(|(case, _)| matches(pattern, &case.id)) {
                complaints.push(format!("no case is called {pattern}"));
            }
        }
        let Fields::Only(fields) = gap.fields else { continue };
        for pattern in gap.cases {
            for field in fields {
                let of_cases = leaves.iter().filter(|(case, _)| matches(pattern, &case.id));
                let mut fields = of_cases.flat_map(|(_, leaves)| leaves);
                if !fields.any(|leaf| covers(field, &leaf.field)) {
                    complaints.push(format!("{pattern} has no field {field}"));
                }
            }
        }
    }
    complaints
}

fn is_covered(list: &[Gap], case: &Case, leaf: &Leaf) -> bool {
    list.iter().filter(|gap| gap.names(case)).any(|gap| match gap.fields {
        Fields::All => true,
        Fields::Only(fields) => fields.iter().any(|field| covers(field, &leaf.field)),
    })
}

impl Gap {
    fn names(&self, case: &Case) -> bool {
        self.cases.iter().any(|pattern| matches(pattern, &case.id))
    }
}

/// Whether a pattern, which may end in `*`, names a case.
fn matches(pattern: &str, id: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => id.starts_with(prefix),
        None => pattern == id,
    }
}

/// Whether a listed field is this one or holds it.
fn covers(listed: &str, field: &str) -> bool {
    field.strip_prefix(listed).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
