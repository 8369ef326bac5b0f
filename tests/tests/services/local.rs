//! What the services answer through the wire is what the crates answer in this process: nothing is
//! lost or changed on the way.

use pipeline::Pipeline;
use std::path::Path;

/// Runs a study without any service.
fn report_of(name: &str, table: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("studies").join(name);
    let read = |file: &str| std::fs::read(folder.join(file)).unwrap();
    let study = pipeline::prepare(&read("study.toml"), &read(table)).unwrap();
    let mut pipeline = Pipeline::new(study);
    loop {
        let tasks = pipeline.ready();
        if tasks.is_empty() {
            break;
        }
        for task in tasks {
            let answer = task.evaluate().unwrap();
            pipeline.answer(&task.key, answer).unwrap();
        }
    }
    assert!(pipeline.is_done());
    report::json(&pipeline.finish())
}

#[test]
fn the_report_is_the_same_without_services() {
    for (name, table) in [("her2", "cohort.csv"), ("rotterdam", "rotterdam.csv")] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("report");
        let study = Path::new(env!("CARGO_MANIFEST_DIR")).join("studies").join(name);
        let run = std::process::Command::new(env!("CARGO_BIN_EXE_equipoise-under-test"))
            .args(["run", "--figures", "svg"])
            .arg(study)
            .arg("--out")
            .arg(&out)
            .output()
            .unwrap();
        assert!(run.status.success());
        let through_services = std::fs::read(out.join("report.json")).unwrap();
        assert!(report_of(name, table) == through_services, "{name}");
    }
}
