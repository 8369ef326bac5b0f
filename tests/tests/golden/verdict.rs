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
    let unlisted =
        leaves.iter().filter(|leaf| !is_covered(NOT_BUILT, case, leaf)).filter_map(|leaf| {
            match &leaf.outcome {
                Outcome::Equal => None,
                Outcome::Absent => Some(format!("{}: {} is not answered", case.id, leaf.field)),
                Outcome::Differs(message) => Some(format!("{}: {message}", case.id)),
            }
        });
    let mut complaints: Vec<String> = unlisted.collect();
    complaints.sort();
    complaints.dedup();
    complaints.extend(
        NOT_BUILT.iter().filter(|gap| gap.names(case)).flat_map(|gap| built(case, gap, &leaves)),
    );
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
                format!(
                    "{}: {field} is built; list only the fields of the case that are not",
                    case.id
                )
            })
            .collect(),
        Fields::Only(fields) => fields
            .iter()
            .filter(|field| {
                let mut covered =
                    leaves.iter().filter(|leaf| covers(field, &leaf.field)).peekable();
                covered.peek().is_some() && covered.all(|leaf| is_equal(&leaf))
            })
            .map(|field| format!("{}: {field} is built; take it off \"{}\"", case.id, gap.reason))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Tolerance;
    use serde_json::json;

    const GAP: Gap =
        Gap { reason: "no errors", cases: &["km/*"], fields: Fields::Only(&["groups.se"]) };

    /// A case with three fields, of which the answer gives the second right and the third wrong.
    fn case_and_leaves() -> (Case, Vec<Leaf>) {
        let tolerance = Tolerance { relative: 0.0, absolute: 0.0 };
        let expect = json!({"groups": [{"n": 1, "se": [2], "surv": 3}]});
        let answer = json!({"groups": [{"se": [2], "surv": 4}]});
        let leaves = compare(&expect, Some(&answer), tolerance);
        let case = Case { id: "km/some".into(), input: json!({}), expect, tolerance };
        (case, leaves)
    }

    #[test]
    fn a_listed_field_that_is_equal_is_a_complaint() {
        let (case, leaves) = case_and_leaves();
        let complaints = built(&case, &GAP, &leaves);
        assert_eq!(complaints, ["km/some: groups.se is built; take it off \"no errors\""]);
        let absent = Gap { fields: Fields::Only(&["groups.n"]), ..GAP };
        assert!(built(&case, &absent, &leaves).is_empty());
        let all = Gap { fields: Fields::All, ..GAP };
        assert_eq!(built(&case, &all, &leaves).len(), 1);
    }

    #[test]
    fn a_gap_covers_its_cases_and_fields_alone() {
        let (case, leaves) = case_and_leaves();
        let covered = |gap: &Gap| -> Vec<bool> {
            leaves.iter().map(|leaf| is_covered(std::slice::from_ref(gap), &case, leaf)).collect()
        };
        assert_eq!(covered(&GAP), [false, true, false]);
        assert_eq!(covered(&Gap { fields: Fields::Only(&["groups"]), ..GAP }), [true; 3]);
        assert_eq!(covered(&Gap { fields: Fields::Only(&["groups.s"]), ..GAP }), [false; 3]);
        assert_eq!(covered(&Gap { cases: &["cox/*", "km/other"], ..GAP }), [false; 3]);
    }
}
