//! One module per topic: the input of a case as queries, the answers laid out as its `expect`.

mod adversarial;
mod balance;
mod bootstrap;
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
use crate::compare::{Leaf, Outcome, compare};
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
        "bootstrap" => bootstrap::answer(case),
        "federated" => Ok(nothing()),
        other => Err(format!("nobody answers the topic {other}")),
    }
}

/// The golden values of a case as our rules read them; they differ from R's only where the rules in
/// the README of the golden files say so.
pub fn golden(case: &Case) -> Value {
    match case.topic() {
        "km" => km::by_our_rules(case),
        _ => case.expect.clone(),
    }
}

/// Where the balance tables of a match differ from those that its weights and pairs give.
pub fn balance_tables(case: &Case) -> Result<Vec<String>, String> {
    let golden = |name: &str| case.expect.get(name).filter(|table| !table.is_null());
    let (Some(all), Some(matched)) = (golden("balance_all"), golden("balance_matched")) else {
        return Ok(Vec::new());
    };
    let answers = balance::tables(case)?;
    let leaves = [(all, &answers.0), (matched, &answers.1)]
        .map(|(golden, answer)| compare(golden, Some(answer), case.tolerance));
    let complaint = |leaf: Leaf| match leaf.outcome {
        Outcome::Equal => None,
        outcome => Some(format!("{}: {} {outcome:?}", case.id, leaf.field)),
    };
    Ok(leaves.into_iter().flatten().filter_map(complaint).collect())
}

/// The answer to a case for which the crates have no query.
fn nothing() -> Value {
    json!({})
}

/// An error in words.
fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
