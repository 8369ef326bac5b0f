//! What `manifest.json` holds: where the numbers came from, and how long they took.
//!
//! Everything that may differ between two runs of one study stands here and nowhere else: the
//! report itself has no clock in it.

use pipeline::sha256;
use report::ReportFile;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use study::StudyResult;

/// The manifest while the study runs.
#[derive(Debug)]
pub(crate) struct Manifest {
    started: SystemTime,
    clock: Instant,
    steps: Vec<Step>,
}

#[derive(Debug, Serialize)]
struct Step {
    name: String,
    /// Milliseconds since the study began.
    finished_after_ms: f64,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    equipoise_version: &'static str,
    study: &'a str,
    data_sha256: &'a str,
    protocol_sha256: &'a str,
    /// Seconds since 1970-01-01 UTC.
    started_unix_seconds: u64,
    duration_ms: f64,
    compute_threads: usize,
    steps: Vec<Step>,
    /// SHA-256 of every file of the report.
    files: BTreeMap<&'a str, String>,
}

impl Manifest {
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
        let document = Document {
            schema: "equipoise-manifest/1",
            equipoise_version: env!("CARGO_PKG_VERSION"),
            study: &result.protocol.study.id,
            data_sha256: &result.data_sha256,
            protocol_sha256: &result.protocol_sha256,
            started_unix_seconds: since_1970.as_secs(),
            duration_ms: milliseconds(self.clock.elapsed()),
            compute_threads,
            steps: self.steps,
            files: files.iter().map(|file| (file.path.as_str(), sha256(&file.bytes))).collect(),
        };
        let mut bytes = serde_json::to_vec_pretty(&document)
            .expect("a manifest has string keys and finite numbers alone");
        bytes.push(b'\n');
        ReportFile { path: "manifest.json".into(), bytes }
    }
}

/// Milliseconds to the microsecond.
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}
