//! Cohorts that requests name by digest: uploads them, keeps them within a budget of bytes, and
//! gives them to the questions about them.
//!
//! A service hands its questions to a [`Desk`]. What is kept is a cache and nothing else: a cohort
//! that is not there is NOT_FOUND, and the caller uploads it again.

mod desk;
mod store;
mod upload;

pub use desk::Desk;
pub use store::CohortStore;

use crate::upload::Upload;
use service_kit::{Deadline, Failure, Services, Settings};
use std::time::Duration;
use tonic::{Request, Response, Status, Streaming};
use wire::failure::invalid;
use wire::pb::cohort as pb;
use wire::pb::cohort::cohort_service_server::{self, CohortServiceServer};
use wire::pb::cohort::upload_cohort_request::Piece;

/// Largest piece of an upload in bytes. It is small because it is hashed on a thread that serves the
/// network: in a few milliseconds.
const PIECE_BYTES: usize = 4 << 20;

/// How long an upload may be quiet: what it holds is kept from others.
const QUIET: Duration = Duration::from_secs(30);

/// Adds the service that takes cohorts to those of a server, once; they are for all who share the
/// desk.
#[must_use]
pub fn add(services: Services, desk: &Desk, settings: &Settings) -> Services {
    let server = CohortServiceServer::new(CohortService { desk: desk.clone() })
        .max_decoding_message_size(settings.message_limit_bytes.min(PIECE_BYTES))
        .max_encoding_message_size(settings.message_limit_bytes);
    services.with_service(server)
}

#[derive(Debug)]
struct CohortService {
    desk: Desk,
}

#[tonic::async_trait]
impl cohort_service_server::CohortService for CohortService {
    async fn upload_cohort(
        &self,
        request: Request<Streaming<pb::UploadCohortRequest>>,
    ) -> Result<Response<pb::UploadCohortResponse>, Status> {
        let deadline = Deadline::of(&request);
        let mut pieces = request.into_inner();
        let store = self.desk.cohorts().clone();
        let upload = match deadline.limit(received(&store, &mut pieces)).await?? {
            Received::HeldAlready(response) => return Ok(Response::new(response)),
            Received::Whole(upload) => upload,
        };
        self.desk.compute().run(deadline, move |_| upload.finish(&store).map(Response::new)).await
    }
}

enum Received {
    HeldAlready(pb::UploadCohortResponse),
    Whole(Box<Upload>),
}

/// Puts the pieces of an upload together. Whoever drops it, because the caller has gone or is late,
/// drops all that has come.
async fn received(
    store: &CohortStore,
    pieces: &mut Streaming<pb::UploadCohortRequest>,
) -> Result<Received, Status> {
    let announcement = match next(pieces).await? {
        Some(Piece::Announcement(announcement)) => announcement.try_into().map_err(failed)?,
        _ => return Err(invalid("announcement", "is required as the first piece").into()),
    };
    if let Some(response) = store.described(&announcement) {
        return Ok(Received::HeldAlready(response));
    }
    let mut upload = Upload::begin(store, announcement)?;
    while let Some(piece) = next(pieces).await? {
        match piece {
            Piece::Announcement(_) => {
                return Err(invalid("announcement", "came before: send it once").into());
            }
            Piece::Ids(ids) => upload.ids(ids)?,
            Piece::Levels(chunk) => upload.levels(chunk)?,
            Piece::Column(chunk) => upload.column(chunk)?,
        }
    }
    Ok(Received::Whole(Box::new(upload)))
}

/// The next piece; none at the end.
async fn next(pieces: &mut Streaming<pb::UploadCohortRequest>) -> Result<Option<Piece>, Status> {
    let message = Deadline::after(QUIET).limit(pieces.message()).await??;
    match message {
        None => Ok(None),
        Some(pb::UploadCohortRequest { piece: Some(piece) }) => Ok(Some(piece)),
        Some(_) => Err(invalid("piece", "is required").into()),
    }
}

fn failed(malformed: wire::Malformed) -> Failure {
    malformed.into()
}
