//! Runs whole studies: prepares the patients, asks the statistical services, assembles the report.
//!
//! The only service that calls others. It keeps nothing between calls: a study lives as long as the
//! stream on which it was asked for, and ends when the caller goes away.

mod cohorts;
mod manifest;
mod print;
mod receive;
mod render;
mod run;
mod shards;
mod statistics;

pub use manifest::Manifest;
pub use statistics::{Addresses, Statistics};

use crate::receive::StudyFiles;
use pipeline::Prepared;
use service_kit::{Compute, Deadline, Failure, Services, Settings, Violation};
use std::pin::Pin;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};
use wire::pb::study as pb;
use wire::pb::study::study_service_server::{self, StudyServiceServer};

/// Pieces of an answer that may wait for a slow reader.
const BUFFERED_PIECES: usize = 16;

/// Adds this service to those of a server; `statistics` is whom it asks.
#[must_use]
pub fn add(
    services: Services,
    compute: &Compute,
    settings: &Settings,
    statistics: Statistics,
) -> Services {
    let coordinator = Coordinator { compute: compute.clone(), statistics };
    let server = StudyServiceServer::new(coordinator)
        .max_decoding_message_size(settings.message_limit_bytes)
        .max_encoding_message_size(settings.message_limit_bytes);
    services.with_service(server)
}

#[derive(Debug)]
struct Coordinator {
    compute: Compute,
    statistics: Statistics,
}

#[tonic::async_trait]
impl study_service_server::StudyService for Coordinator {
    type RunStudyStream =
        Pin<Box<dyn Stream<Item = Result<pb::RunStudyResponse, Status>> + Send + 'static>>;

    async fn run_study(
        &self,
        request: Request<Streaming<pb::RunStudyRequest>>,
    ) -> Result<Response<Self::RunStudyStream>, Status> {
        let deadline = Deadline::of(&request);
        let pieces = request.into_inner().map(|piece| piece.map(receive::run_piece));
        let files = deadline.limit(StudyFiles::receive(pieces)).await??;
        let study = run::Study {
            compute: self.compute.clone(),
            statistics: self.statistics.clone(),
            deadline,
        };
        let (sender, receiver) = mpsc::channel(BUFFERED_PIECES);
        tokio::spawn(async move {
            let caller = sender.clone();
            // The caller who goes away takes the study along: its calls are dropped and cancelled.
            let outcome = tokio::select! {
                outcome = study.run(files, &sender) => outcome,
                () = caller.closed() => return,
            };
            if let Err(failure) = outcome {
                // An error means that the caller has gone in the meantime.
                let _ = sender.send(Err(failure.into())).await;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    type RenderReportStream =
        Pin<Box<dyn Stream<Item = Result<pb::RenderReportResponse, Status>> + Send + 'static>>;

    async fn render_report(
        &self,
        request: Request<Streaming<pb::RenderReportRequest>>,
    ) -> Result<Response<Self::RenderReportStream>, Status> {
        let deadline = Deadline::of(&request);
        let again = deadline.limit(render::Again::receive(request.into_inner())).await??;
        let files = self.compute.run(deadline, move |cancel| again.print(cancel)).await?;
        let chunks = files.into_iter().flat_map(|file| run::chunks(&file));
        let answers = chunks.map(|chunk| Ok(pb::RenderReportResponse { file: Some(chunk) }));
        Ok(Response::new(Box::pin(tokio_stream::iter(answers))))
    }

    async fn check_study(
        &self,
        request: Request<Streaming<pb::CheckStudyRequest>>,
    ) -> Result<Response<pb::CheckStudyResponse>, Status> {
        let deadline = Deadline::of(&request);
        let pieces = request.into_inner().map(|piece| piece.map(receive::check_piece));
        let files = deadline.limit(StudyFiles::receive(pieces)).await??;
        let study = prepare(&self.compute, deadline, files).await?;
        let [exposed_count, comparator_count] = study.arm_sizes().map(count);
        let step = |step: &pipeline::Attrition| pb::AttritionStep {
            label: step.label.clone(),
            excluded_count: count(step.n_excluded),
            missing_count: count(step.n_missing),
            left_count: count(step.n_left),
        };
        Ok(Response::new(pb::CheckStudyResponse {
            row_count: count(study.n_rows()),
            steps: study.attrition().iter().map(step).collect(),
            exposed_count,
            comparator_count,
        }))
    }
}

/// Reads both files and holds one against the other.
async fn prepare(
    compute: &Compute,
    deadline: Deadline,
    files: StudyFiles,
) -> Result<Prepared, Status> {
    compute
        .run(deadline, move |_| {
            pipeline::prepare(&files.study_file, &files.table).map_err(|violations| {
                let violation = |violation: study::protocol::Violation| Violation {
                    field: violation.path,
                    description: violation.message,
                };
                Failure::invalid(violations.into_iter().map(violation).collect())
            })
        })
        .await
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
