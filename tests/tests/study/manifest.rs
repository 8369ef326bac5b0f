//! The manifest of a report lists what lies beside it, also after `equipoise report`.

use crate::harness::{Report, equipoise, with_few_replicates};
use pipeline::sha256;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The paths of all files of a report but its manifest, with their digests.
fn digests(folder: &Path) -> BTreeMap<String, String> {
    let mut folders: Vec<PathBuf> = vec![folder.into()];
    let mut digests = BTreeMap::new();
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            if name != "manifest.json" {
                digests.insert(name, sha256(&std::fs::read(path).unwrap()));
            }
        }
    }
    digests
}

/// The digests of a manifest, and what else it says.
fn manifest(folder: &Path) -> (BTreeMap<String, String>, Value) {
    let text = std::fs::read_to_string(folder.join("manifest.json")).unwrap();
    let mut manifest: Value = serde_json::from_str(&text).unwrap();
    let files = manifest["files"].take();
    (serde_json::from_value(files).unwrap(), manifest)
}

/// Tables and figures come after the run, the page a second time and in other bytes.
#[test]
fn every_file_is_listed_also_when_it_is_printed_again() {
    let example = with_few_replicates("rotterdam");
    let study = example.path().join("study.toml");
    let report = Report::of(&study, &["--format", "html", "--figures", "svg"]);
    let folder = report.folder();
    let (listed, run) = manifest(&folder);
    assert_eq!(listed, digests(&folder));
    let names: Vec<&str> = listed.keys().map(String::as_str).collect();
    assert_eq!(names, ["matched_pairs.csv", "report.html", "report.json"]);
    std::fs::write(folder.join("report.html"), "another").unwrap();
    let path = folder.to_str().unwrap();
    let output =
        equipoise(["report", path, "--figures", "svg,pdf", "--format", "html", "csv", "figures"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (listed_again, mut again) = manifest(&folder);
    assert_eq!(listed_again, digests(&folder));
    assert!(listed_again.contains_key("figures/flow.pdf"));
    for file in listed.keys() {
        assert_eq!(listed_again[file], listed[file], "{file}");
    }
    let printed = again.as_object_mut().unwrap().remove("printed_again").unwrap();
    assert!(printed["figures/flow.pdf"].is_string() && printed["report.json"].is_null());
    assert_eq!(again, run, "what the run put there stays");
}

#[test]
fn the_report_of_another_study_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let of_another = "{\n  \"schema\": \"equipoise-manifest/1\",\n  \"equipoise_version\": \"0.1.0\",\n  \
                      \"study\": \"s\",\n  \"data_sha256\": \"d\",\n  \"protocol_sha256\": \"p\",\n  \
                      \"started_unix_seconds\": 5,\n  \"duration_ms\": 1.0,\n  \
                      \"compute_threads\": 2,\n  \"steps\": [],\n  \"files\": {}\n}\n";
    let (json, out) = (folder.path().join("report.json"), folder.path().join("out"));
    std::fs::write(&json, crate::her2::REPORT.bytes("report.json")).unwrap();
    std::fs::create_dir(&out).unwrap();
    let refused = |manifest: &str| {
        std::fs::write(out.join("manifest.json"), manifest).unwrap();
        let output = equipoise(["report", json.to_str().unwrap(), "--out", out.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(std::fs::read_to_string(out.join("manifest.json")).unwrap(), manifest);
        assert!(!out.join("report.html").exists());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused(of_another).contains("of other data, or of another study file"));
    let later = of_another.replace("manifest/1", "manifest/2");
    assert!(refused(&later).contains("another version of equipoise"));
}
