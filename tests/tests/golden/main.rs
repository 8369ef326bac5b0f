//! Every golden case of `tests/golden/index.json` against the statistics crates.
//!
//! A topic turns the input of a case into queries and lays the answers out as the `expect` of the
//! file. Every number of `expect` is then compared at the tolerance of the file. What the crates
//! cannot answer yet stands in `not_built.rs` with its reason, and comes off that list as soon as it
//! agrees: a listed field that is equal fails the test.

mod case;
mod compare;
mod json;
mod landmark;
mod not_built;
mod sample;
mod table;
mod topics;
mod verdict;

use case::{Case, index};

#[test]
fn km() {
    check("km");
}

#[test]
fn logrank() {
    check("logrank");
}

#[test]
fn cox() {
    check("cox");
}

#[test]
fn logistic() {
    check("logistic");
}

#[test]
fn hypothesis() {
    check("hypothesis");
}

#[test]
fn matching() {
    check("matching");
}

#[test]
fn weights() {
    check("weights");
}

#[test]
fn competing() {
    check("competing");
}

#[test]
fn bootstrap() {
    check("bootstrap");
}

#[test]
fn sensitivity() {
    check("sensitivity");
}

#[test]
fn study() {
    check("study");
}

#[test]
fn federated() {
    check("federated");
}

#[test]
fn adversarial() {
    check("adversarial");
}

/// Balance rests on the weights and pairs of the file, whether or not we can form them ourselves.
#[test]
fn every_match_has_its_balance_tables() {
    let cases = index().into_iter().filter(|id| id.starts_with("matching/"));
    let complaints: Vec<String> = cases
        .flat_map(|id| match topics::balance_tables(&Case::read(&id)) {
            Ok(differing) => differing,
            Err(message) => vec![format!("{id}: {message}")],
        })
        .collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// The tests above, for the test that none is forgotten.
const TOPICS: [&str; 13] = [
    "km",
    "logrank",
    "cox",
    "logistic",
    "hypothesis",
    "matching",
    "weights",
    "competing",
    "bootstrap",
    "sensitivity",
    "study",
    "federated",
    "adversarial",
];

#[test]
fn every_case_of_the_index_has_a_topic_that_is_run() {
    let cases = index();
    let announced = case::announced();
    assert_eq!(cases.len(), announced, "the index announces {announced} cases");
    for id in &cases {
        let topic = id.split('/').next().unwrap_or_default();
        assert!(TOPICS.contains(&topic), "nobody runs {id}");
    }
    let files = case::files();
    assert_eq!(cases, files, "the index and the files under expected/ differ");
}

#[test]
fn the_list_names_existing_cases_and_fields() {
    let cases: Vec<Case> = index().iter().map(|id| Case::read(id)).collect();
    let complaints = verdict::unknown_names(&cases);
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// Runs every case of a topic and reports all that disagrees at once.
fn check(topic: &str) {
    let cases: Vec<String> =
        index().into_iter().filter(|id| id.split('/').next() == Some(topic)).collect();
    assert!(!cases.is_empty(), "the index has no case of {topic}");
    let complaints: Vec<String> = cases
        .iter()
        .flat_map(|id| {
            let case = Case::read(id);
            match topics::answer(&case) {
                Ok(answer) => verdict::complaints(&case, &topics::golden(&case), &answer),
                Err(message) => vec![format!("{id}: {message}")],
            }
        })
        .collect();
    assert!(
        complaints.is_empty(),
        "{} complaints about {} cases of {topic}\n{}\n",
        complaints.len(),
        cases.len(),
        complaints.join("\n")
    );
}
