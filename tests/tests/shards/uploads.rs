//! Cohorts that are named by digest, and workers that do not take them as they should.

use crate::harness::{Bits, FAR, Question};
use crate::spread::{one_thread, worker};
use cohort::{Cohort, CohortDigest, Column};
use service_kit::{Deadline, Failure, Pieces, Pool, Services, Settings, Stack};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio_stream::StreamExt;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status, Streaming};
use wire::Unreadable;
use wire::pb::bootstrap as pb;
use wire::pb::bootstrap::bootstrap_service_client::BootstrapServiceClient;
use wire::pb::bootstrap::bootstrap_service_server::{BootstrapService, BootstrapServiceServer};
use wire::pb::cohort::cohort_service_client::CohortServiceClient;
use wire::pb::cohort::cohort_service_server::{CohortService, CohortServiceServer};
use wire::pb::cohort::upload_cohort_request::Piece;
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

/// The replicates of a question from two workers that lack its cohort; the first is asked first, since the
/// second has a call more under way.
async fn from_two(
    question: &Question,
    workers: [Channel; 2],
    within: Duration,
) -> Result<Vec<Bits>, Failure> {
    let pool = Pool::new(workers);
    let _other = pool.ready(Deadline::NONE).await.unwrap()[1].lease();
    question.ask_with(&pool, &by_digest(), Deadline::after(within)).await
}

/// The first worker is asked for everything and does not get its cohort; the second one does, and
/// computes it all.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_takes_no_cohort_holds_nobody_up() {
    let question = Question::new(60, 4, 4_000);
    let expected = question.expected();
    for refusing in [Refusing::Silent, Refusing::Busy] {
        let workers = [refusing.start().await, worker(&one_thread()).await];
        let begin = Instant::now();
        let found = from_two(&question, workers, Duration::from_secs(15)).await;
        assert!(found.unwrap() == expected, "{refusing:?}");
        assert!(begin.elapsed() < Duration::from_secs(10), "{refusing:?}: {:?}", begin.elapsed());
    }
}

/// Longer than a silent worker is waited for.
const UPLOAD_TIME: Duration = Duration::from_millis(700);

/// A worker behind a slow line: its uploads take their time.
#[derive(Clone)]
struct Distant {
    worker: Channel,
    n_begun: Arc<AtomicUsize>,
    n_finished: Arc<AtomicUsize>,
    n_computed: Arc<AtomicUsize>,
}

impl Distant {
    fn of(worker: Channel) -> Self {
        let (n_begun, n_finished, n_computed) = Default::default();
        Self { worker, n_begun, n_finished, n_computed }
    }

    async fn start(&self) -> Channel {
        let services = Services::new()
            .with_service(BootstrapServiceServer::new(self.clone()))
            .with_service(CohortServiceServer::new(self.clone()));
        Stack::new(services).await.unwrap().in_process()
    }
}

#[tonic::async_trait]
impl BootstrapService for Distant {
    type RunReplicatesStream = Streaming<pb::RunReplicatesResponse>;

    async fn run_replicates(
        &self,
        request: Request<pb::RunReplicatesRequest>,
    ) -> Result<Response<Self::RunReplicatesStream>, Status> {
        let answer = BootstrapServiceClient::new(self.worker.clone()).run_replicates(request).await;
        self.n_computed.fetch_add(usize::from(answer.is_ok()), Ordering::Relaxed);
        answer
    }

    async fn estimate_intervals(
        &self,
        _: Request<pb::EstimateIntervalsRequest>,
    ) -> Result<Response<pb::EstimateIntervalsResponse>, Status> {
        Err(Status::unimplemented("nobody asks for it"))
    }
}

#[tonic::async_trait]
impl CohortService for Distant {
    async fn upload_cohort(
        &self,
        request: Request<Streaming<UploadCohortRequest>>,
    ) -> Result<Response<UploadCohortResponse>, Status> {
        self.n_begun.fetch_add(1, Ordering::Relaxed);
        // Who sends what is there already hears of it at once.
        if self.n_finished.load(Ordering::Relaxed) == 0 {
            tokio::time::sleep(UPLOAD_TIME).await;
        }
        let pieces: Result<Vec<_>, Status> = request.into_inner().collect().await;
        let pieces = tokio_stream::iter(pieces?);
        let answer = CohortServiceClient::new(self.worker.clone()).upload_cohort(pieces).await;
        self.n_finished.fetch_add(usize::from(answer.is_ok()), Ordering::Relaxed);
        answer
    }
}

/// What it was asked for meanwhile is computed by the other; its upload goes on, and then it helps.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_takes_its_time_ends() {
    let question = Question::new(488, 8, 12_000);
    let distant = Distant::of(worker(&one_thread()).await);
    let workers = [worker(&one_thread()).await, distant.start().await];
    let found = from_two(&question, workers, FAR).await.unwrap();
    assert!(found == question.expected());
    let counts = [&distant.n_begun, &distant.n_finished].map(|count| count.load(Ordering::Relaxed));
    // Each of its two requests found it without the cohort; the second one found it sent already.
    assert!(counts[0] <= 2 && counts[0] == counts[1], "{counts:?}");
    assert!(distant.n_computed.load(Ordering::Relaxed) > 2);
}

/// Six megabytes of labels, more than a message takes: they come in pieces, and count.
#[tokio::test(flavor = "multi_thread")]
async fn labels_may_be_more_than_a_message_holds() {
    let labels: Vec<String> = (0..100_000).map(|at| format!("{at:060}")).collect();
    let bytes = 100_000 * (60 + size_of::<String>());
    let columns = vec![
        Column::categorical("centre", labels, (0..100_000).rev().collect()),
        Column::categorical("arm", vec!["a".into(), "b".into()], vec![1; 100_000]),
        Column::numeric("age", vec![50.0; 100_000]),
    ];
    let cohort = Arc::new(Cohort::new(None, columns).unwrap());
    let digest = CohortDigest::of(&cohort);
    let mut client = CohortServiceClient::new(worker(&one_thread()).await);
    let pieces: Vec<_> = wire::cohort::upload(Arc::clone(&cohort), digest, None).collect();
    let held = client.upload_cohort(tokio_stream::iter(pieces.clone())).await.unwrap().into_inner();
    assert_eq!((held.digest, held.column_count), (digest.to_string(), 3));
    assert!(held.byte_count as usize > bytes, "{}", held.byte_count);
    let is_of_centre = |piece: &UploadCohortRequest| match &piece.piece {
        Some(Piece::Levels(chunk)) => chunk.name == "centre",
        _ => false,
    };
    let first = pieces.iter().position(is_of_centre).unwrap();
    let last = pieces.iter().rposition(is_of_centre).unwrap();
    // Labels that do not follow those before, and cells before the last labels.
    for (left_out, fault) in [(first, "levels.first_level"), (last, "column")] {
        let mut client = CohortServiceClient::new(worker(&one_thread()).await);
        let mut pieces = pieces.clone();
        pieces.remove(left_out);
        let status = client.upload_cohort(tokio_stream::iter(pieces)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(Failure::from(&status).violations[0].field, fault);
    }
}
