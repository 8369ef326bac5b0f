//! What the reports of both examples say, word for word, and that they say it again.

use crate::harness::{Report, equipoise};
use std::path::Path;
use tempfile::TempDir;

/// Set to write the texts anew instead of comparing them.
const UPDATE: &str = "UPDATE_SNAPSHOTS";

#[test]
fn her2_reads_as_before() {
    compare("her2", &crate::her2::REPORT);
}

#[test]
fn rotterdam_reads_as_before() {
    compare("rotterdam", &crate::rotterdam::REPORT);
}

/// Abstract, methods, Table 1 and Table 2 against the files of `tests/snapshots`.
fn compare(name: &str, report: &Report) {
    let html = report.text("report.html");
    assert!(!html.contains("A number of the study."), "every number has a definition");
    let found = [
        ("abstract.txt", section(&html, "abstract", "dl")),
        ("methods.txt", section(&html, "methods", "dl")),
        ("table_1.csv", report.text("tables/baseline.csv")),
        ("table_2.csv", report.text("tables/cox_os_matched.csv")),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots").join(name);
    for (file, text) in found {
        let path = folder.join(file);
        if std::env::var_os(UPDATE).is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, text).unwrap();
            continue;
        }
        let known = std::fs::read_to_string(&path).unwrap();
        for (line, (known, text)) in known.lines().zip(text.lines()).enumerate() {
            assert_eq!(text, known, "{name}/{file}, line {}", line + 1);
        }
        assert_eq!(text.lines().count(), known.lines().count(), "{name}/{file}");
    }
}

/// The words of the first element of a kind within a section, a line for each term and what is said
/// of it.
fn section(html: &str, id: &str, element: &str) -> String {
    let begin = html.find(&format!("<section id=\"{id}\"")).unwrap();
    let rest = &html[begin..];
    let begin = rest.find(&format!("<{element}>")).unwrap();
    let end = begin + rest[begin..].find(&format!("</{element}>")).unwrap();
    let marked = rest[begin..end].replace("</dt>", ": ");
    let words: String =
        marked.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect();
    let lines = words.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| format!("{line}\n")).collect()
}

/// Rendered from `report.json` alone, every file is what the run wrote; nothing else is touched.
#[test]
fn a_report_is_rendered_again_in_the_same_bytes() {
    let report = &*crate::her2::REPORT;
    let folder = TempDir::new().unwrap();
    let json = folder.path().join("report.json");
    std::fs::write(&json, report.bytes("report.json")).unwrap();
    let path = folder.path().to_str().unwrap();
    let formats = ["html", "csv", "json", "figures"];
    let arguments = ["report", path, "--figures", "svg", "--format"].into_iter().chain(formats);
    let output = equipoise(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let words = String::from_utf8(output.stdout).unwrap();
    assert!(words.lines().count() > 40, "{words}");
    for written in words.lines() {
        let name = Path::new(written).strip_prefix(folder.path()).unwrap().to_str().unwrap();
        assert!(std::fs::read(written).unwrap() == report.bytes(name), "{name}");
    }
}

#[test]
fn what_is_no_report_is_refused() {
    let folder = TempDir::new().unwrap();
    let json = folder.path().join("report.json");
    std::fs::write(&json, "{\"schema\": 1}").unwrap();
    let output = equipoise(["report", json.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains("report.json is no report: schema, line 1"), "{words}");
}

/// What was taken out of a result is named; no report is printed without it.
#[test]
fn what_is_incomplete_or_contradicts_itself_is_refused() {
    let report = &*crate::her2::REPORT;
    let id = "os/matched/cox_univariable/rt=1/hazard_ratio";
    let refused = |change: fn(&mut Vec<serde_json::Value>, &str)| {
        let mut result: serde_json::Value =
            serde_json::from_slice(&report.bytes("report.json")).unwrap();
        change(result["quantities"].as_array_mut().unwrap(), id);
        let folder = TempDir::new().unwrap();
        let json = folder.path().join("report.json");
        std::fs::write(&json, result.to_string()).unwrap();
        let output = equipoise(["report", json.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is written");
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(words.contains(id), "{words}");
    };
    refused(|quantities, id| quantities.retain(|quantity| quantity["id"] != id));
    refused(|quantities, id| {
        let known = quantities.iter_mut().find(|quantity| quantity["id"] == id).unwrap();
        known["value"] = 0.9.into();
    });
}

#[test]
fn a_file_is_no_folder() {
    let folder = TempDir::new().unwrap();
    let (json, out) = (folder.path().join("report.json"), folder.path().join("out"));
    std::fs::write(&json, crate::her2::REPORT.bytes("report.json")).unwrap();
    std::fs::write(&out, "").unwrap();
    for out in [out.clone(), out.join("deeper")] {
        let (json, out) = (json.to_str().unwrap(), out.to_str().unwrap());
        let output = equipoise(["report", json, "--out", out]);
        assert_eq!(output.status.code(), Some(2));
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(words.contains("is a file, not a folder"), "{words}");
    }
}
