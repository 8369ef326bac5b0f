//! A load test as a user runs it: every kind of call against a deployment, its report, its exit codes.

use crate::deployed::Service;
use crate::harness::{equipoise, example};
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;

fn committed() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/load/report.schema.json");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_committed_schema_is_that_of_the_types() {
    let printed = String::from_utf8(equipoise(["schema", "load"]).stdout).unwrap();
    assert!(
        printed == committed(),
        "write it anew: cargo run -- schema load > crates/load/report.schema.json"
    );
}

/// Every kind that the example has, but for whole studies, several times, from two targets: all are
/// answered, and every answer is that of the first time.
#[test]
fn every_kind_of_call_is_answered() {
    let all = Service::start("all", &[]);
    let bootstrap = Service::start("bootstrap", &[]);
    let study = example("her2");
    let of_bootstrap = format!("bootstrap={}", bootstrap.address);
    let output = equipoise([
        "load",
        study.to_str().unwrap(),
        "--target",
        &all.address,
        "--target",
        &of_bootstrap,
        "--rate",
        "20",
        "--duration",
        "4",
        "--warm-up",
        "0.5",
        "--mix",
        "propensity,match,balance,hidden-bias,curves,compare,cox,screen,contrast,follow-up,over-time,\
         replicates-ratio,replicates-median,replicates-model,replicates-outcome,replicates-pipeline,\
         intervals",
        "--replicates",
        "16",
        "--deadline",
        "60",
        "--compare-answers",
        "--json",
        "-",
    ]);
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let schema: Value = serde_json::from_str(&committed()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&report).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let step = &report["steps"][0];
    assert_eq!(step["scheduled"], step["answered"], "{step}");
    assert_eq!(step["kinds"].as_array().unwrap().len(), 17, "{step}");
}

#[test]
fn a_load_test_without_a_server_or_without_such_calls_fails() {
    let study = example("her2");
    let load = |arguments: &[&str]| {
        let first = ["load", study.to_str().unwrap(), "--target", "http://127.0.0.1:1"];
        let output = equipoise(first.iter().chain(arguments));
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let short = ["--duration", "0.3", "--warm-up", "0", "--arrivals", "fixed"];
    let (code, words) = load(&short);
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("no call was answered"), "{words}");
    let (code, words) = load(&["--mix", "weigh"]);
    assert_eq!(code, Some(2), "{words}");
    assert!(words.contains("makes no calls of the kind weigh"), "{words}");
    assert_eq!(load(&["--rate", "0"]).0, Some(2));
    assert_eq!(load(&["--mix", "curve"]).0, Some(2));
}

#[test]
fn requests_can_be_written_for_others() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("requests");
    let study = example("rotterdam");
    let write =
        || equipoise(["load", study.to_str().unwrap(), "--write-requests", out.to_str().unwrap()]);
    assert!(write().status.success());
    let index = std::fs::read(out.join("index.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    for request in index.as_array().unwrap() {
        for file in request["files"].as_array().unwrap() {
            let length = out.join(file.as_str().unwrap()).metadata().unwrap().len();
            assert!(length > 0, "{request}");
        }
    }
    assert_eq!(write().status.code(), Some(2), "a folder that is there is not touched");
}
