//! The two files of a study as they lie on the disk.

use crate::problem::Problem;
use service_kit::Violation;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use study::Protocol;

/// A study file and its table, read.
pub(crate) struct Inputs {
    /// The study file as the user wrote its path.
    pub path: String,
    /// Its text.
    pub text: String,
    /// The protocol in it.
    pub protocol: Protocol,
    /// The patient table.
    pub table: Arc<Vec<u8>>,
}

impl Inputs {
    /// Reads the study file, and the table that it names.
    pub(crate) fn read(study: &Path) -> Result<Self, Problem> {
        let study = study_file(study);
        let path = study.display().to_string();
        let text =
            fs::read_to_string(&study).map_err(|error| Problem::file("read", &study, &error))?;
        let wrong = |violations: Vec<Violation>| Problem::Study {
            path: path.clone(),
            text: text.clone(),
            violations,
            n_omitted: 0,
        };
        let protocol = study::protocol::read(&text).map_err(|violations| {
            let convert = |violation: study::protocol::Violation| Violation {
                field: violation.path,
                description: violation.message,
            };
            wrong(violations.into_iter().map(convert).collect())
        })?;
        let table_path = study.parent().unwrap_or(Path::new("")).join(&protocol.data.file);
        let table = fs::read(&table_path).map_err(|error| {
            let description =
                format!("could not read the patient table {}: {error}", table_path.display());
            wrong(vec![Violation { field: "data.file".into(), description }])
        })?;
        Ok(Self { path, text, protocol, table: Arc::new(table) })
    }
}

/// The study file; of a folder, the `study.toml` in it.
fn study_file(path: &Path) -> PathBuf {
    if path.is_dir() { path.join("study.toml") } else { path.to_path_buf() }
}
