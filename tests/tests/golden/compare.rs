//! Compares an answer with golden values, field by field.

use serde_json::Value;

/// Equal when `|x - y| <= absolute + relative * |y|`.
#[derive(Clone, Copy)]
pub struct Tolerance {
    pub relative: f64,
    pub absolute: f64,
}

/// One field of `expect`: a value or an array without named parts.
#[derive(Debug)]
pub struct Leaf {
    /// Path of names; positions in a list are left out, so that `groups.surv` is that of any group.
    pub field: String,
    /// How the answer compares.
    pub outcome: Outcome,
}

/// How a field of the answer compares with the golden one.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// Within the tolerance.
    Equal,
    /// The answer does not have the field.
    Absent,
    /// Where and how it differs.
    Differs(String),
}

/// Compares every field of `expect`.
pub fn compare(expect: &Value, answer: Option<&Value>, tolerance: Tolerance) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    walk(&Place::default(), expect, answer, tolerance, &mut leaves);
    leaves
}

/// Where the walk is: as a field, and with positions for messages.
#[derive(Clone, Default)]
struct Place {
    field: String,
    path: String,
}

impl Place {
    fn name(&self, name: &str) -> Self {
        let join = |prefix: &str| {
            if prefix.is_empty() { name.to_string() } else { format!("{prefix}.{name}") }
        };
        Self { field: join(&self.field), path: join(&self.path) }
    }

    fn at(&self, index: usize) -> Self {
        Self { field: self.field.clone(), path: format!("{}[{index}]", self.path) }
    }
}

fn walk(
    place: &Place,
    expect: &Value,
    answer: Option<&Value>,
    tolerance: Tolerance,
    leaves: &mut Vec<Leaf>,
) {
    match expect {
        Value::Object(fields) => {
            for (name, expect) in fields {
                let answer = answer.and_then(|answer| answer.get(name));
                walk(&place.name(name), expect, answer, tolerance, leaves);
            }
        }
        Value::Array(items) if items.iter().any(has_names) => {
            let answers = answer.and_then(Value::as_array);
            if let Some(answers) = answers
                && answers.len() != items.len()
            {
                let message = lengths(&place.path, answers.len(), items.len());
                leaves
                    .push(Leaf { field: place.field.clone(), outcome: Outcome::Differs(message) });
                return;
            }
            for (index, expect) in items.iter().enumerate() {
                let answer = answers.map(|answers| &answers[index]);
                walk(&place.at(index), expect, answer, tolerance, leaves);
            }
        }
        _ => {
            let outcome = match answer {
                None => Outcome::Absent,
                Some(answer) => match difference(&place.path, expect, answer, tolerance) {
                    None => Outcome::Equal,
                    Some(message) => Outcome::Differs(message),
                },
            };
            leaves.push(Leaf { field: place.field.clone(), outcome });
        }
    }
}

fn has_names(value: &Value) -> bool {
    match value {
        Value::Object(_) => true,
        Value::Array(items) => items.iter().any(has_names),
        _ => false,
    }
}

/// Where two values differ first.
fn difference(path: &str, expect: &Value, answer: &Value, tolerance: Tolerance) -> Option<String> {
    if let (Value::Array(expects), Value::Array(answers)) = (expect, answer) {
        if expects.len() != answers.len() {
            return Some(lengths(path, answers.len(), expects.len()));
        }
        let pairs = expects.iter().zip(answers).enumerate();
        return pairs
            .filter_map(|(index, (expect, answer))| {
                difference(&format!("{path}[{index}]"), expect, answer, tolerance)
            })
            .next();
    }
    if are_equal(expect, answer, tolerance) {
        None
    } else {
        Some(format!("{path} is {answer} where {expect} is expected"))
    }
}

fn lengths(path: &str, answer: usize, expect: usize) -> String {
    format!("{path} has {answer} entries where {expect} are expected")
}

/// Infinite without a sign, as a coefficient of a monotone likelihood is.
pub const INFINITE: &str = "infinite";

fn are_equal(expect: &Value, answer: &Value, tolerance: Tolerance) -> bool {
    let is_undefined = |value: &Value| value.is_null() || value == "NaN";
    let is_infinite = |value: &Value| value == "Inf" || value == "-Inf";
    match (expect.as_f64(), answer.as_f64()) {
        (Some(y), Some(x)) => (x - y).abs() <= tolerance.absolute + tolerance.relative * y.abs(),
        (None, None) if is_undefined(expect) => is_undefined(answer) || answer == INFINITE,
        (None, None) if is_infinite(expect) => answer == INFINITE,
        (None, None) => expect == answer,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TOLERANCE: Tolerance = Tolerance { relative: 0.0, absolute: 0.5 };

    fn outcomes(expect: &Value, answer: &Value) -> Vec<(String, Outcome)> {
        let leaves = compare(expect, Some(answer), TOLERANCE);
        leaves.into_iter().map(|leaf| (leaf.field, leaf.outcome)).collect()
    }

    #[test]
    fn every_field_is_compared_and_named() {
        let expect = json!({"groups": [{"n": 3, "surv": [1, "NaN"]}], "p": 0.1, "x": null});
        let answer = json!({"groups": [{"n": 3.5, "surv": [2, null]}], "x": 1});
        let differs = |message: &str| Outcome::Differs(message.into());
        assert_eq!(
            outcomes(&expect, &answer),
            [
                ("groups.n".into(), Outcome::Equal),
                ("groups.surv".into(), differs("groups[0].surv[0] is 2 where 1 is expected")),
                ("p".into(), Outcome::Absent),
                ("x".into(), differs("x is 1 where null is expected")),
            ]
        );
    }

    #[test]
    fn undefined_infinite_and_missing_are_not_confused() {
        for (expect, answer, equal) in [
            (json!("NaN"), json!(null), true),
            (json!("Inf"), json!(INFINITE), true),
            (json!("Inf"), json!(null), false),
            (json!(0), json!(null), false),
            (json!([1, 2]), json!([1]), false),
            (json!({"a": [{"b": 1}]}), json!({"a": []}), false),
        ] {
            let all_equal = outcomes(&expect, &answer).iter().all(|(_, o)| *o == Outcome::Equal);
            assert_eq!(all_equal, equal, "{expect} and {answer}");
        }
    }
}
