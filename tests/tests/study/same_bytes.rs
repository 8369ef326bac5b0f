//! One study gives one report: in this process or over a network, on one thread or two.

use crate::deployed::Service;
use crate::harness::{Report, example, with_few_replicates};

#[test]
fn embedded_and_deployed_on_one_thread_or_two() {
    let matching = Service::start("matching", &["--threads", "1"]);
    let survival = Service::start("survival", &["--threads", "2"]);
    let regression = Service::start("regression", &["--threads", "1"]);
    let bootstrap = Service::start("bootstrap", &["--threads", "2"]);
    let addresses = [
        "--matching",
        &matching.address,
        "--survival",
        &survival.address,
        "--regression",
        &regression.address,
        "--bootstrap",
        &bootstrap.address,
    ];
    let coordinator = Service::start("coordinator", &addresses);
    // Every cohort counts as large: it is uploaded, and questions name it by digest.
    let never_inline = ["--inline-bytes", "0"];
    let by_digest = Service::start("coordinator", &[&addresses[..], &never_inline].concat());
    let in_one_process = Service::start("all", &never_inline);
    let studies = [
        ("her2", "study.toml", "matched_pairs.csv"),
        ("rotterdam", "study.toml", "matched_pairs.csv"),
        ("rotterdam", "overlap.toml", "weights.csv"),
    ];
    for (name, file, design) in studies {
        let folder = with_few_replicates(name);
        let study = folder.path().join(file);
        let one = Report::of(&study, &["--threads", "1"]);
        let two = Report::of(&study, &["--threads", "2"]);
        let deployed = Report::of(&study, &["--coordinator", &coordinator.address]);
        let digest = Report::of(&study, &["--coordinator", &by_digest.address]);
        let shared = Report::of(&study, &["--coordinator", &in_one_process.address]);
        for path in ["report.json", "report.html", design] {
            assert!(one.bytes(path) == two.bytes(path), "{name}/{file}, {path}: one thread or two");
            assert!(one.bytes(path) == deployed.bytes(path), "{name}/{file}, {path}: deployed");
            assert!(one.bytes(path) == digest.bytes(path), "{name}/{file}, {path}: by digest");
            assert!(one.bytes(path) == shared.bytes(path), "{name}/{file}, {path}: shared");
        }
    }
}

/// The order of the rows of the table decides nothing, not even a last digit.
#[test]
fn the_order_of_the_rows_does_not_matter() {
    for (name, file, table) in
        [("her2", "study.toml", "cohort.csv"), ("rotterdam", "overlap.toml", "rotterdam.csv")]
    {
        order_does_not_matter(name, file, table);
    }
}

fn order_does_not_matter(name: &str, file: &str, table: &str) {
    let example = with_few_replicates(name);
    let example = example.path();
    let folder = tempfile::tempdir().unwrap();
    let rows = std::fs::read_to_string(example.join(table)).unwrap();
    let (header, rows) = rows.split_once('\n').unwrap();
    let mut rows: Vec<&str> = rows.lines().collect();
    rows.reverse();
    rows.rotate_left(100);
    std::fs::write(folder.path().join(table), format!("{header}\n{}\n", rows.join("\n"))).unwrap();
    let study = folder.path().join(file);
    std::fs::copy(example.join(file), &study).unwrap();
    let shuffled = Report::of(&study, &[]).json();
    let original = Report::of(&example.join(file), &[]).json();
    assert_eq!(shuffled["quantities"], original["quantities"]);
    assert_eq!(shuffled["curves"], original["curves"]);
}

/// A service that cannot be reached is no wrong input: exit code 1, a message with the step, and no
/// folder.
#[test]
fn an_unreachable_service_fails_the_study_at_its_step() {
    let coordinator = Service::start(
        "coordinator",
        &["--matching", "http://127.0.0.1:9", "--survival", "http://127.0.0.1:9"],
    );
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let study = example("her2");
    let output = crate::harness::equipoise([
        "run",
        study.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
        "--coordinator",
        &coordinator.address,
    ]);
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("propensity score"), "{words}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}
