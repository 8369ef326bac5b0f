//! A simulated network, on which hosts are cut off, slowed down, crashed and started again. Time is that of
//! the simulation, so that a minute takes no longer than its computations.

use crate::harness::{Bits, Question};
use bootstrap::Replicates;
use hyper_util::rt::TokioIo;
use pipeline::Bootstrap;
use service_kit::{Deadline, Pool};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;
use tonic::transport::{Channel, Endpoint, Server, Uri};
use tonic::{Request, Response, Status};
use tower::service_fn;
use turmoil::net::{TcpListener, TcpStream};
use turmoil::{Builder, Sim};
use wire::CohortRequest;
use wire::bootstrap::ReplicatesQuery;
use wire::pb::bootstrap as pb;
use wire::pb::bootstrap::bootstrap_service_server::{BootstrapService, BootstrapServiceServer};

const PORT: u16 = 50051;
const HOSTS: [&str; 3] = ["first", "second", "third"];

/// Replicates of a piece, and the time that they take.
const PIECE: u64 = 64;
const PIECE_TIME: Duration = Duration::from_millis(12);

/// When a host of the simulation meets its fate: in the middle of the run, which takes 0.4 s.
const MIDDLE: Duration = Duration::from_millis(150);

#[test]
fn a_quiet_network_takes_a_third_of_the_time() {
    let took = simulate(0, |_| {}, |_| {});
    assert!(took < Duration::from_millis(700), "{took:?}");
}

#[test]
fn a_host_that_is_cut_off_changes_nothing() {
    for seed in 0..3 {
        let cut_off = HOSTS[seed % 3];
        simulate(seed, |sim| sim.partition("coordinator", cut_off), |_| {});
    }
}

/// Some pieces were asked for twice by the time the network is whole again.
#[test]
fn a_network_that_is_mended_changes_nothing() {
    let hold = |sim: &mut Sim<'_>| sim.hold("coordinator", "second");
    simulate(1, hold, |sim| sim.release("coordinator", "second"));
}

#[test]
fn a_host_that_crashes_and_comes_back_changes_nothing() {
    simulate(2, |sim| sim.crash("first"), |sim| sim.bounce("first"));
}

/// Nobody is left; the connections are given up when nothing is heard for a while.
#[test]
fn all_hosts_may_be_cut_off_for_a_while() {
    let all = |sim: &mut Sim<'_>| HOSTS.iter().for_each(|host| sim.partition("coordinator", *host));
    let mended = |sim: &mut Sim<'_>| HOSTS.iter().for_each(|host| sim.repair("coordinator", *host));
    let took = simulate(3, all, mended);
    assert!(took < Duration::from_secs(90), "{took:?}");
}

/// Runs a bootstrap on three hosts; in the middle something happens to the network, and something else
/// once it has been so for longer than a silent worker is waited for. Gives the time of the simulation.
fn simulate(
    seed: usize,
    happens: impl FnOnce(&mut Sim<'_>),
    then: impl FnOnce(&mut Sim<'_>),
) -> Duration {
    let question = Arc::new(Question::new(60, 2, 6000));
    let everything = Arc::new(Everything::of(&question));
    let mut sim = Builder::new()
        .rng_seed(seed as u64)
        .simulation_duration(Duration::from_secs(300))
        .tick_duration(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(5))
        .build();
    for host in HOSTS {
        let everything = Arc::clone(&everything);
        sim.host(host, move || serve(Arc::clone(&everything)));
    }
    let found: Arc<Mutex<Option<Vec<Bits>>>> = Arc::default();
    let result = Arc::clone(&found);
    let asked = Arc::clone(&question);
    sim.client("coordinator", async move {
        let pool = Pool::new(HOSTS.map(channel));
        let answer = asked.ask(&pool, Deadline::NONE).await?;
        *result.lock().unwrap() = Some(answer);
        Ok(())
    });
    let (mut happens, mut then) = (Some(happens), Some(then));
    while !sim.step().unwrap() {
        if sim.elapsed() >= MIDDLE
            && let Some(happens) = happens.take()
        {
            happens(&mut sim);
        }
        if sim.elapsed() >= MIDDLE + Duration::from_secs(1)
            && let Some(then) = then.take()
        {
            then(&mut sim);
        }
    }
    assert!(happens.is_none(), "the bootstrap is too short for this test");
    assert!(found.lock().unwrap().take().unwrap() == everything.bits);
    sim.elapsed()
}

/// What workers answer, computed beforehand: it takes none of the simulation's time.
struct Everything {
    replicates: Replicates,
    names: Vec<(String, bool)>,
    bits: Vec<Bits>,
}

impl Everything {
    fn of(question: &Question) -> Self {
        let Question { cohort, everybody, query } = question;
        let bootstrap = Bootstrap::read(cohort, everybody, query).unwrap();
        let replicates = bootstrap.replicates(0..query.plan.n_replicates()).unwrap();
        Self { replicates, names: bootstrap.names(), bits: question.expected() }
    }

    fn piece(&self, first: u64, end: u64, query: &ReplicatesQuery) -> pb::RunReplicatesResponse {
        let n_quantities = self.replicates.n_quantities;
        let places = first as usize * n_quantities..end as usize * n_quantities;
        let answers = self.replicates.answers[places].to_vec();
        let piece = Replicates { first, n_quantities, answers };
        wire::bootstrap::replicates_response(&piece, &self.names, query, 1)
    }
}

/// A worker that takes its time.
struct Worker(Arc<Everything>);

#[tonic::async_trait]
impl BootstrapService for Worker {
    type RunReplicatesStream = ReceiverStream<Result<pb::RunReplicatesResponse, Status>>;

    async fn run_replicates(
        &self,
        request: Request<pb::RunReplicatesRequest>,
    ) -> Result<Response<Self::RunReplicatesStream>, Status> {
        let asked = request.into_inner().asked(&()).unwrap();
        let (sender, receiver) = mpsc::channel(1);
        let everything = Arc::clone(&self.0);
        tokio::spawn(async move {
            let range = asked.query.range.clone();
            for first in range.clone().step_by(PIECE as usize) {
                tokio::time::sleep(PIECE_TIME).await;
                let end = range.end.min(first + PIECE);
                let piece = everything.piece(first, end, &asked.query);
                if sender.send(Ok(piece)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn estimate_intervals(
        &self,
        _: Request<pb::EstimateIntervalsRequest>,
    ) -> Result<Response<pb::EstimateIntervalsResponse>, Status> {
        Err(Status::unimplemented("nobody asks for it"))
    }
}

async fn serve(everything: Arc<Everything>) -> turmoil::Result {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    let (sender, connections) = mpsc::channel(16);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if sender.send(Ok::<_, io::Error>(Accepted(stream))).await.is_err() {
                return;
            }
        }
    });
    Server::builder()
        .add_service(BootstrapServiceServer::new(Worker(everything)))
        .serve_with_incoming(ReceiverStream::new(connections))
        .await?;
    Ok(())
}

/// A channel over the simulated network, which asks after a quiet peer as those of a service do.
fn channel(host: &'static str) -> Channel {
    let connect = move |_: Uri| async move {
        Ok::<_, io::Error>(TokioIo::new(TcpStream::connect((host, PORT)).await?))
    };
    Endpoint::from_static("http://worker")
        .connect_timeout(Duration::from_secs(5))
        .http2_keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20))
        .connect_with_connector_lazy(service_fn(connect))
}

/// A connection as a server of tonic takes it.
struct Accepted(TcpStream);

impl Connected for Accepted {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Accepted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
