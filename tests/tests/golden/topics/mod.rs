//! One module per topic: the input of a case as queries, the answers laid out as its `expect`.

mod adversarial;
mod competing;
mod cox;
mod hypothesis;
mod km;
mod logistic;
mod logrank;
mod matching;
mod sensitivity;
mod study;
mod weights;

use crate::case::Case;
use serde_json::{Value, json};

/// What the crates answer to a case; fields that they cannot answer are left out.
pub fn answer(case: &Case) -> Result<Value, String> {
    match case.topic() {
        "km" => km::answer(case),
        "logrank" => logrank::answer(case),
        "cox" => cox::answer(case),
        "logistic" => logistic::answer(case),
        "hypothesis" => hypothesis::answer(case),
        "matching" => matching::answer(case),
        "sensitivity" => sensitivity::answer(case),
        "study" => study::answer(case),
        "adversarial" => adversarial::answer(case),
        "competing" => competing::answer(case),
        "weights" => weights::answer(case),
        "bootstrap" | "federated" => Ok(nothing()),
        other => Err(format!("nobody answers the topic {other}")),
    }
}

/// The golden values of a case as our rules read them; they differ from R's only where the rules in
/// the README of the golden files say so.
pub fn golden(case: &Case) -> Value {
    match case.topic() {
        "km" => km::by_our_rules(case.expect.clone()),
        _ => case.expect.clone(),
    }
}

/// The answer to a case for which the crates have no query.
fn nothing() -> Value {
    json!({})
}

/// An error in words.
fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
