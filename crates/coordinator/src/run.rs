//! One study from its files to the streamed report.

use crate::manifest::Journal;
use crate::print::Wanted;
use crate::receive::StudyFiles;
use crate::statistics::Statistics;
use pipeline::{Pipeline, Task, WeightedId, sha256};
use report::ReportFile;
use service_kit::{Compute, Deadline, Failure};
use study::StudyResult;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;
use tonic::Status;
use wire::pb::study as pb;
use wire::pb::study::run_study_response::Piece;

/// Questions that are on their way at a time. Few enough not to crowd out other studies, enough to
/// keep several pods busy.
const MOST_CALLS: usize = 16;

/// Bytes of a chunk of a file.
const CHUNK_BYTES: usize = 1 << 20;

type Caller = Sender<Result<pb::RunStudyResponse, Status>>;

/// What a study needs to run.
pub(crate) struct Study {
    pub compute: Compute,
    pub statistics: Statistics,
    pub deadline: Deadline,
}

impl Study {
    /// Runs the study and sends progress, files and summary to the caller.
    pub(crate) async fn run(&self, files: StudyFiles, caller: &Caller) -> Result<(), Failure> {
        let mut journal = Journal::begin();
        let mut progress = Progress { caller, n_finished: 0, n_total: 2 };
        let wanted = files.wanted.clone();
        progress.report("reading the study").await;
        let prepared = crate::prepare(&self.compute, self.deadline, files)
            .await
            .map_err(|status| Failure::from(&status))?;
        journal.step("reading the study");
        progress.finish("patients are read").await;

        let mut pipeline = Pipeline::new(prepared);
        self.ask_everything(&mut pipeline, &mut progress, &mut journal).await?;

        progress.report("writing the report").await;
        let (result, files) = self.render(pipeline, journal, wanted).await?;
        for file in &files {
            send_file(caller, file).await;
        }
        progress.finish("report is written").await;
        let sha256 = files.first().map(|json| sha256(&json.bytes)).unwrap_or_default();
        let summary = wire::study::summary(&result, sha256);
        send(caller, Piece::Summary(summary)).await;
        Ok(())
    }

    /// Asks what is ready until nothing is.
    async fn ask_everything(
        &self,
        pipeline: &mut Pipeline,
        progress: &mut Progress<'_>,
        journal: &mut Journal,
    ) -> Result<(), Failure> {
        let mut calls = JoinSet::new();
        let mut waiting: Vec<Task> = Vec::new();
        loop {
            let ready = pipeline.ready();
            progress.n_total += ready.len();
            waiting.extend(ready.into_iter().rev());
            while calls.len() < MOST_CALLS {
                let Some(task) = waiting.pop() else { break };
                let (statistics, deadline) = (self.statistics.clone(), self.deadline);
                let compute = self.compute.clone();
                calls.spawn(async move {
                    let answer = statistics.ask(&task, &compute, deadline).await;
                    (task.key, answer)
                });
            }
            let Some(joined) = calls.join_next().await else { return Ok(()) };
            let (key, answer) =
                joined.map_err(|_| Failure::internal("LOST", "a call to a service was lost"))?;
            let answer = answer.map_err(|failure| at_step(failure, &key))?;
            pipeline.answer(&key, answer).map_err(|error| {
                at_step(Failure::precondition("STUDY_IMPOSSIBLE", error.to_string()), &key)
            })?;
            journal.step(&key);
            progress.finish(&key).await;
        }
    }

    /// Assembles the result and prints what is wanted, `report.json` first.
    async fn render(
        &self,
        pipeline: Pipeline,
        journal: Journal,
        wanted: Wanted,
    ) -> Result<(StudyResult, Vec<ReportFile>), Failure> {
        let n_threads = self.compute.n_threads();
        let rendered = self.compute.run(self.deadline, move |cancel| {
            let (pairs, weighted) = (pipeline.matched_ids(), pipeline.weighted_ids());
            let result = pipeline.finish();
            let mut files = wanted.print(&result, cancel)?;
            let matching = result.protocol.matching.as_ref();
            if matching.is_some_and(|section| !section.forms_classes()) {
                files.push(matched_pairs(&pairs));
            }
            if result.protocol.adjusted().is_some_and(|known| result.protocol.has_weights(known)) {
                files.push(weights(&weighted));
            }
            files.push(journal.finish(&result, n_threads, &files));
            Ok::<_, Failure>((result, files))
        });
        rendered.await.map_err(|status| Failure::from(&status))
    }
}

/// Who was matched to whom. The ids are patients', so the file stands apart from the report and its
/// tables: it is for those who hold the data.
fn matched_pairs(pairs: &[(String, String)]) -> ReportFile {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write = |row: [&str; 3]| {
        writer.write_record(row).expect("writing to memory does not fail");
    };
    write(["pair", "exposed_id", "comparator_id"]);
    for (index, (exposed, comparator)) in pairs.iter().enumerate() {
        write([&(index + 1).to_string(), exposed, comparator]);
    }
    let bytes = writer.into_inner().expect("writing to memory does not fail");
    ReportFile { path: "matched_pairs.csv".into(), bytes }
}

/// Who has which weight, and in which set or class. It stands apart as [`matched_pairs`] does.
fn weights(weighted: &[WeightedId]) -> ReportFile {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write = |row: [&str; 3]| {
        writer.write_record(row).expect("writing to memory does not fail");
    };
    write(["id", "set", "weight"]);
    for one in weighted {
        let set = one.set.map_or(String::new(), |set| set.to_string());
        write([&one.id, &set, &one.weight.to_string()]);
    }
    let bytes = writer.into_inner().expect("writing to memory does not fail");
    ReportFile { path: "weights.csv".into(), bytes }
}

/// The failure with the step at which it happened.
fn at_step(failure: Failure, step: &str) -> Failure {
    let message = format!("the study failed at the step \"{step}\": {}", failure.message);
    Failure { message, ..failure }.with("step", step)
}

async fn send(caller: &Caller, piece: Piece) {
    // A caller who has gone is noticed by whoever started the study.
    let _ = caller.send(Ok(pb::RunStudyResponse { piece: Some(piece) })).await;
}

async fn send_file(caller: &Caller, file: &ReportFile) {
    for chunk in chunks(file) {
        send(caller, Piece::File(chunk)).await;
    }
}

/// A file in the pieces in which it is sent.
pub(crate) fn chunks(file: &ReportFile) -> Vec<pb::ReportFileChunk> {
    let chunk =
        |bytes: &[u8]| pb::ReportFileChunk { path: file.path.clone(), data: bytes.to_vec() };
    file.bytes.chunks(CHUNK_BYTES).map(chunk).collect()
}

/// Tells the caller how far the study is.
struct Progress<'a> {
    caller: &'a Caller,
    n_finished: usize,
    n_total: usize,
}

impl Progress<'_> {
    async fn report(&self, step: &str) {
        let progress = pb::StudyProgress {
            step: step.into(),
            finished_count: crate::count(self.n_finished),
            total_count: crate::count(self.n_total.max(self.n_finished)),
        };
        send(self.caller, Piece::Progress(progress)).await;
    }

    async fn finish(&mut self, step: &str) {
        self.n_finished += 1;
        self.report(step).await;
    }
}
