//! A server that answers fits of Cox models as each test wants, and a plan that calls it.

use load::{Arrivals, Kind, Limits, LoadPlan, LoadReport, Replicates, Requests, Target};
use service_kit::{Server, Services, Settings, Stack};
use std::convert::Infallible;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::{NamedService, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use wire::pb::regression::{FitCoxRequest, FitCoxResponse};

type Answer = Pin<Box<dyn Future<Output = Result<Response<FitCoxResponse>, Status>> + Send>>;

/// Answers the calls in the order in which they come.
#[derive(Clone)]
struct Probe(Arc<dyn Fn() -> Answer + Send + Sync>);

/// The address of a server on which each call of a model is answered by `handler`.
pub async fn start<F>(handler: impl Fn() -> F + Send + Sync + 'static) -> String
where
    F: Future<Output = Result<FitCoxResponse, Status>> + Send + 'static,
{
    let probe = Probe(Arc::new(move || {
        let answer = handler();
        Box::pin(async move { answer.await.map(Response::new) })
    }));
    serve(Services::new().with_service(probe), Settings::default()).await
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

/// One step of a second at 100 calls a second, evenly spaced, of Cox models.
pub fn plan(address: &str) -> LoadPlan {
    LoadPlan {
        targets: vec![Target { service: None, address: address.into() }],
        n_connections: 1,
        mix: vec![(Kind::Cox, 1.0)],
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

impl NamedService for Probe {
    const NAME: &'static str = "equipoise.regression.v1.RegressionService";
}

impl Service<http::Request<Body>> for Probe {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let probe = self.clone();
        Box::pin(async move {
            let mut server = tonic::server::Grpc::new(ProstCodec::default());
            Ok(server.unary(Ask(probe), request).await)
        })
    }
}

struct Ask(Probe);

impl UnaryService<FitCoxRequest> for Ask {
    type Response = FitCoxResponse;
    type Future = Answer;

    fn call(&mut self, _: Request<FitCoxRequest>) -> Answer {
        (self.0.0)()
    }
}
