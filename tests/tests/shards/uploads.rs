//! Cohorts that are named by digest, and workers that do not take them as they should.

use crate::harness::Question;
use crate::spread::{one_thread, worker};
use service_kit::{Deadline, Failure, Pieces, Pool, Services, Settings, Stack};
use std::time::{Duration, Instant};
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};
use wire::Unreadable;
use wire::pb::bootstrap as pb;
use wire::pb::bootstrap::bootstrap_service_server::{BootstrapService, BootstrapServiceServer};
use wire::pb::cohort::cohort_service_server::{CohortService, CohortServiceServer};
use wire::pb::cohort::{UploadCohortRequest, UploadCohortResponse};

/// Every cohort is named.
fn by_digest() -> Settings {
    Settings { inline_bytes: 0, ..one_thread() }
}

/// A worker that lacks every cohort, and what it does when one is sent.
#[derive(Clone, Copy, Debug)]
enum Refusing {
    /// It says nothing.
    Silent,
    /// It has no room for a long time.
    Busy,
}

impl Refusing {
    async fn start(self) -> Channel {
        let services = Services::new()
            .with_service(BootstrapServiceServer::new(self))
            .with_service(CohortServiceServer::new(self));
        Stack::new(services).await.unwrap().in_process()
    }
}

#[tonic::async_trait]
impl BootstrapService for Refusing {
    type RunReplicatesStream = Pieces<pb::RunReplicatesResponse>;

    async fn run_replicates(
        &self,
        request: Request<pb::RunReplicatesRequest>,
    ) -> Result<Response<Self::RunReplicatesStream>, Status> {
        let cohort = request.into_inner().cohort.unwrap();
        Err(Failure::from(Unreadable::NotHeld(cohort.digest.parse().unwrap())).into())
    }

    async fn estimate_intervals(
        &self,
        _: Request<pb::EstimateIntervalsRequest>,
    ) -> Result<Response<pb::EstimateIntervalsResponse>, Status> {
        Err(Status::unimplemented("nobody asks for it"))
    }
}

#[tonic::async_trait]
impl CohortService for Refusing {
    async fn upload_cohort(
        &self,
        _: Request<Streaming<UploadCohortRequest>>,
    ) -> Result<Response<UploadCohortResponse>, Status> {
        match self {
            Self::Silent => std::future::pending().await,
            Self::Busy => Err(Failure::busy(Duration::from_secs(3600)).into()),
        }
    }
}

/// The first worker is asked for everything and does not get its cohort; the second one does, and
/// computes it all.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_takes_no_cohort_holds_nobody_up() {
    let question = Question::new(60, 4, 4_000);
    let expected = question.expected();
    for refusing in [Refusing::Silent, Refusing::Busy] {
        let pool = Pool::new([refusing.start().await, worker(&one_thread()).await]);
        // The first call goes to the one that has fewer.
        let _other = pool.ready(Deadline::NONE).await.unwrap()[1].lease();
        let begin = Instant::now();
        let deadline = Deadline::after(Duration::from_secs(15));
        let found = question.ask_with(&pool, &by_digest(), deadline).await;
        assert!(found.unwrap() == expected, "{refusing:?}");
        assert!(begin.elapsed() < Duration::from_secs(10), "{refusing:?}: {:?}", begin.elapsed());
    }
}
