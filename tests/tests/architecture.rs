//! Holds the crates of the workspace against the map in ARCHITECTURE.md.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The packages of tests and benches, which may use every crate and are on no row.
const TESTS: [&str; 2] = ["equipoise-tests", "equipoise-bench"];

/// Place of a crate on the map: its row from the top, and its place in that row from the left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Place {
    row: usize,
    column: usize,
}

impl Place {
    /// Whether a crate here may depend on one there: further down, or to the left in its row.
    fn may_use(self, other: Self) -> bool {
        self.row < other.row || (self.row == other.row && other.column < self.column)
    }
}

#[test]
fn every_crate_is_on_the_map_once() {
    let map = map(&document());
    let mut on_the_map: Vec<&str> = map.iter().map(|(name, _)| name.as_str()).collect();
    on_the_map.sort_unstable();
    let crates = dependencies();
    let in_the_workspace: Vec<&str> = crates.keys().map(String::as_str).collect();
    assert_eq!(on_the_map, in_the_workspace, "map (left) and workspace (right) differ");
}

#[test]
fn dependencies_point_down_or_left() {
    let places: BTreeMap<String, Place> = map(&document()).into_iter().collect();
    let mut faults = Vec::new();
    for (name, used) in dependencies() {
        for other in used {
            if !places[&name].may_use(places[&other]) {
                faults.push(format!("{name} must not depend on {other}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn upwards_and_rightwards_is_refused() {
    let map: BTreeMap<String, Place> =
        map("```map\ntop: a b\nbottom: c\n```\nafter: d\n").into_iter().collect();
    let may_use = |user, used| map[user].may_use(map[used]);
    assert!(may_use("a", "c") && may_use("b", "c") && may_use("b", "a"));
    assert!(!may_use("c", "a") && !may_use("a", "b") && !may_use("a", "a"));
    assert_eq!(map.len(), 3);
}

/// The crates of the fenced block `map`, row by row.
fn map(document: &str) -> Vec<(String, Place)> {
    let rows = document.lines().skip_while(|line| *line != "```map").skip(1);
    let rows = rows.take_while(|line| *line != "```");
    let crates = |(row, line): (usize, &str)| {
        let (_title, names) = line.split_once(": ").expect("a row reads `title: crate crate`");
        let place = |(column, name): (usize, &str)| (name.to_owned(), Place { row, column });
        names.split_whitespace().enumerate().map(place).collect::<Vec<_>>()
    };
    rows.enumerate().flat_map(crates).collect()
}

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ARCHITECTURE.md");
    fs::read_to_string(path).expect("ARCHITECTURE.md lies beside Cargo.toml")
}

/// The crates of the workspace with those of its crates that they depend on outside their tests.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs, as it runs this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("metadata list the packages");
    let crates =
        packages.iter().filter(|package| !TESTS.iter().any(|name| package["name"] == *name));
    crates.map(|package| (text(&package["name"]), used_crates(package))).collect()
}

/// Crates of the workspace have a path; of a normal dependency the kind is null.
fn used_crates(package: &Value) -> Vec<String> {
    let dependencies = package["dependencies"].as_array().expect("a package has dependencies");
    let normal =
        dependencies.iter().filter(|used| used["kind"].is_null() && used["path"].is_string());
    normal.map(|used| text(&used["name"])).collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("names are text").to_owned()
}
