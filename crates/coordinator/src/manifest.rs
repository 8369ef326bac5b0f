//! What `manifest.json` holds: where the numbers came from, how long they took, and what was written.
//!
//! Everything that may differ between two runs of one study stands here and nowhere else: the
//! report itself has no clock in it.

use pipeline::sha256;
use report::ReportFile;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use study::StudyResult;

const SCHEMA: &str = "equipoise-manifest/1";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The clock of a study while it runs.
#[derive(Debug)]
pub(crate) struct Journal {
    started: SystemTime,
    clock: Instant,
    steps: Vec<Step>,
}

/// The manifest of a report, which lies beside it as `manifest.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    schema: String,
    equipoise_version: String,
    study: String,
    data_sha256: String,
    protocol_sha256: String,
    /// Seconds since 1970-01-01 UTC.
    started_unix_seconds: u64,
    duration_ms: f64,
    compute_threads: usize,
    steps: Vec<Step>,
    /// SHA-256 of every file of the report.
    files: BTreeMap<String, String>,
    /// Which version printed a file that was printed after the run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    printed_again: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Step {
    name: String,
    /// Milliseconds since the study began.
    finished_after_ms: f64,
}

/// By what a result says which inputs it came from.
#[derive(Deserialize)]
struct Origin {
    data_sha256: String,
    protocol_sha256: String,
}

impl Journal {
    pub(crate) fn begin() -> Self {
        Self { started: SystemTime::now(), clock: Instant::now(), steps: Vec::new() }
    }

    /// Notes that a step has ended.
    pub(crate) fn step(&mut self, name: &str) {
        let finished_after_ms = milliseconds(self.clock.elapsed());
        self.steps.push(Step { name: name.into(), finished_after_ms });
    }

    /// The manifest of a finished study.
    pub(crate) fn finish(
        self,
        result: &StudyResult,
        compute_threads: usize,
        files: &[ReportFile],
    ) -> ReportFile {
        let since_1970 = self.started.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let digest = |file: &ReportFile| (file.path.clone(), sha256(&file.bytes));
        let manifest = Manifest {
            schema: SCHEMA.into(),
            equipoise_version: VERSION.into(),
            study: result.protocol.study.id.clone(),
            data_sha256: result.data_sha256.clone(),
            protocol_sha256: result.protocol_sha256.clone(),
            started_unix_seconds: since_1970.as_secs(),
            duration_ms: milliseconds(self.clock.elapsed()),
            compute_threads,
            steps: self.steps,
            files: files.iter().map(digest).collect(),
            printed_again: BTreeMap::new(),
        };
        ReportFile { path: Manifest::PATH.into(), bytes: manifest.bytes() }
    }
}

impl Manifest {
    /// Its path within the folder of a report.
    pub const PATH: &str = "manifest.json";

    /// The manifest in these bytes; absent if they are none, or one of another version.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let read: Option<Self> = serde_json::from_slice(bytes).ok();
        read.filter(|manifest| manifest.schema == SCHEMA)
    }

    /// Whether a `report.json` came from the same study file and table.
    #[must_use]
    pub fn is_of(&self, report_json: &[u8]) -> bool {
        serde_json::from_slice(report_json).is_ok_and(|origin: Origin| {
            (origin.data_sha256, origin.protocol_sha256)
                == (self.data_sha256.clone(), self.protocol_sha256.clone())
        })
    }

    /// Notes a file that was printed after the run; what the run noted of others stays.
    pub fn note(&mut self, path: &str, bytes: &[u8]) {
        self.files.insert(path.into(), sha256(bytes));
        self.printed_again.insert(path.into(), VERSION.into());
    }

    /// The bytes of the file.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self)
            .expect("a manifest has string keys and finite numbers alone");
        bytes.push(b'\n');
        bytes
    }
}

/// Milliseconds to the microsecond.
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_A_RUN: &str = r#"{
  "schema": "equipoise-manifest/1",
  "equipoise_version": "0.0.9",
  "study": "s",
  "data_sha256": "d",
  "protocol_sha256": "p",
  "started_unix_seconds": 5,
  "duration_ms": 12.034,
  "compute_threads": 2,
  "steps": [
    {
      "name": "reading the study",
      "finished_after_ms": 0.1
    }
  ],
  "files": {
    "report.html": "before",
    "report.json": "kept"
  }
}
"#;

    /// The digest of no bytes is that of FIPS 180-4's empty message.
    #[test]
    fn a_file_that_is_printed_again_changes_its_own_digest_alone() {
        let mut manifest = Manifest::read(OF_A_RUN.as_bytes()).unwrap();
        assert_eq!(manifest.bytes(), OF_A_RUN.as_bytes());
        manifest.note("report.html", b"");
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let expected = OF_A_RUN.replace("before", empty).replace(
            "\"kept\"\n  }",
            &format!(
                "\"kept\"\n  }},\n  \"printed_again\": {{\n    \"report.html\": \"{VERSION}\"\n  }}"
            ),
        );
        assert_eq!(String::from_utf8(manifest.bytes()).unwrap(), expected);
        assert_eq!(Manifest::read(expected.as_bytes()), Some(manifest));
    }

    #[test]
    fn manifests_of_other_studies_and_versions_are_told_apart() {
        let manifest = Manifest::read(OF_A_RUN.as_bytes()).unwrap();
        assert!(manifest.is_of(br#"{"study": 1, "data_sha256": "d", "protocol_sha256": "p"}"#));
        assert!(!manifest.is_of(br#"{"data_sha256": "d", "protocol_sha256": "q"}"#));
        assert!(!manifest.is_of(b"{}"));
        assert_eq!(Manifest::read(OF_A_RUN.replace("manifest/1", "manifest/2").as_bytes()), None);
        assert_eq!(Manifest::read(OF_A_RUN.replace("\"study\"", "\"studies\"").as_bytes()), None);
    }
}
