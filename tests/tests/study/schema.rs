//! `report.json` is what its committed schema says.

use crate::harness::{Report, equipoise, with_few_replicates};
use serde_json::Value;
use std::path::Path;

fn committed() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/study/report.schema.json");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_committed_schema_is_that_of_the_types() {
    let printed = String::from_utf8(equipoise(["schema"]).stdout).unwrap();
    assert!(
        printed == committed(),
        "write it anew: cargo run -- schema > crates/study/report.schema.json"
    );
}

#[test]
fn reports_keep_to_the_schema() {
    let schema: Value = serde_json::from_str(&committed()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, file) in
        [("her2", "study.toml"), ("rotterdam", "study.toml"), ("rotterdam", "overlap.toml")]
    {
        let folder = with_few_replicates(name);
        let report = Report::of(&folder.path().join(file), &[]).json();
        let errors: Vec<String> =
            validator.iter_errors(&report).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}/{file}: {errors:?}");
    }
    let wrong = serde_json::json!({"schema": "equipoise-report/1"});
    assert!(!validator.is_valid(&wrong), "a report without numbers is no report");
}
