//! The golden files: their index, and one case as it stands in its file.

use crate::compare::Tolerance;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

/// One golden case.
pub struct Case {
    /// `topic/name`.
    pub id: String,
    /// What to analyse and how.
    pub input: Value,
    /// The golden values.
    pub expect: Value,
    /// How near is equal.
    pub tolerance: Tolerance,
}

impl Case {
    /// Reads the case from its file.
    pub fn read(id: &str) -> Self {
        let file = read_json(&format!("expected/{id}.json"));
        let number = |name: &str| {
            file["tolerance"][name]
                .as_f64()
                .unwrap_or_else(|| panic!("{id} has no tolerance {name}"))
        };
        Self {
            id: id.to_string(),
            input: file["input"].clone(),
            expect: file["expect"].clone(),
            tolerance: Tolerance { relative: number("rel"), absolute: number("abs") },
        }
    }

    /// The topic.
    pub fn topic(&self) -> &str {
        self.id.split('/').next().unwrap_or_default()
    }

    /// Whether the input has this entry and it is not null.
    pub fn has(&self, name: &str) -> bool {
        self.input.get(name).is_some_and(|value| !value.is_null())
    }
}

/// Ids of all cases, sorted.
pub fn index() -> Vec<String> {
    let index = read_json("index.json");
    let files = index["files"].as_array().expect("the index lists files");
    let id = |entry: &Value| entry["id"].as_str().expect("an entry has an id").to_string();
    let mut ids: Vec<String> = files.iter().map(id).collect();
    ids.sort();
    ids
}

/// Number of cases that the index announces.
pub fn announced() -> usize {
    read_json("index.json")["cases"].as_u64().expect("the index counts its cases") as usize
}

/// Ids of the files that are there, sorted.
pub fn files() -> Vec<String> {
    let mut ids = Vec::new();
    for topic in fs::read_dir(folder().join("expected")).expect("there are golden files") {
        let topic = topic.expect("the folder can be read").path();
        for file in fs::read_dir(&topic).expect("a topic is a folder") {
            let name = file.expect("the folder can be read").path().with_extension("");
            let part = |path: &PathBuf| {
                path.file_name().and_then(|name| name.to_str()).expect("names are text").to_string()
            };
            ids.push(format!("{}/{}", part(&topic), part(&name)));
        }
    }
    ids.sort();
    ids
}

/// The folder of the golden files.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn read_json(path: &str) -> Value {
    let path = folder().join(path);
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
