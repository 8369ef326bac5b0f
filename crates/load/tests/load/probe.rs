//! A server that answers intervals as each test wants, and a plan that calls it.

use load::{Arrivals, Kind, Limits, LoadPlan, LoadReport, Replicates, Requests, Target};
use service_kit::{Pieces, Server, Services, Settings, Stack};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use wire::pb::bootstrap::bootstrap_service_server::{BootstrapService, BootstrapServiceServer};
use wire::pb::bootstrap::{
    EstimateIntervalsRequest, EstimateIntervalsResponse, RunReplicatesRequest,
    RunReplicatesResponse,
};

type Answer =
    Pin<Box<dyn Future<Output = Result<Response<EstimateIntervalsResponse>, Status>> + Send>>;

/// Answers the calls in the order in which they come.
struct Probe(Box<dyn Fn() -> Answer + Send + Sync>);

#[tonic::async_trait]
impl BootstrapService for Probe {
    type RunReplicatesStream = Pieces<RunReplicatesResponse>;

    async fn run_replicates(
        &self,
        _: Request<RunReplicatesRequest>,
    ) -> Result<Response<Self::RunReplicatesStream>, Status> {
        Err(Status::unimplemented("the probe has intervals alone"))
    }

    async fn estimate_intervals(
        &self,
        _: Request<EstimateIntervalsRequest>,
    ) -> Result<Response<EstimateIntervalsResponse>, Status> {
        (self.0)().await
    }
}

/// The address of a server on which each call for intervals is answered by `handler`.
pub async fn start<F>(handler: impl Fn() -> F + Send + Sync + 'static) -> String
where
    F: Future<Output = Result<EstimateIntervalsResponse, Status>> + Send + 'static,
{
    let probe = Probe(Box::new(move || {
        let answer = handler();
        Box::pin(async move { answer.await.map(Response::new) })
    }));
    let services = Services::new().with_service(BootstrapServiceServer::new(probe));
    serve(services, Settings::default()).await
}

/// The address of a server of these services, which ends with the test.
pub async fn serve(services: Services, settings: Settings) -> String {
    let settings = Settings { listen: ([127, 0, 0, 1], 0).into(), ..settings };
    let stack = Stack::new(services).await.unwrap();
    let server = Server::bind(stack, &settings).await.unwrap();
    let address = server.address().unwrap();
    tokio::spawn(server.serve(CancellationToken::new()));
    format!("http://{address}")
}

/// The requests of the example study.
pub fn requests() -> Requests {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/studies/her2");
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let replicates = Replicates { n: 64, seed: 1 };
    Requests::of_study(&read("study.toml"), &read("cohort.csv"), replicates).unwrap()
}

/// One step of a second at 100 calls a second, evenly spaced, for intervals.
pub fn plan(address: &str) -> LoadPlan {
    LoadPlan {
        targets: vec![Target { service: None, address: address.into() }],
        n_connections: 1,
        mix: vec![(Kind::Intervals, 1.0)],
        rates: vec![100.0],
        arrivals: Arrivals::Fixed,
        seed: 1,
        warm_up: Duration::ZERO,
        duration: Duration::from_secs(1),
        in_flight: 256,
        deadline: Duration::from_secs(10),
        compare_answers: false,
        limits: Limits { error_share: 0.01, latency: None },
        message_limit_bytes: service_kit::MESSAGE_LIMIT,
    }
}

pub async fn run(plan: &LoadPlan) -> LoadReport {
    load::run(plan, &requests(), Arc::new(AtomicBool::new(false)), |_| {}).await.unwrap()
}
