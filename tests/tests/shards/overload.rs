//! More work than a worker takes: what it accepts it finishes, the rest is turned away at once.

use crate::harness::Question;
use crate::worker::Worker;
use service_kit::Failure;
use tokio::sync::mpsc;
use tonic::transport::Channel;
use tonic::{Code, Status};
use wire::bootstrap::{ReplicatesQuery, replicates_request};
use wire::pb::bootstrap::RunReplicatesRequest;
use wire::pb::bootstrap::bootstrap_service_client::BootstrapServiceClient;

const N_CALLS: usize = 200;

/// Computations that may wait.
const QUEUE: usize = 4;

/// Memory that the worker may use with all calls, in bytes: the limit of its pods is a gigabyte.
const MOST_MEMORY: u64 = 256 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_accepted_finishes_and_the_rest_is_turned_away() {
    let worker = Worker::start(&["--queue", &QUEUE.to_string()]);
    let channel = service_kit::connect(&format!("http://{}", worker.address)).unwrap();
    let question = Question::new(1000, 4, 1000);
    let asked = ReplicatesQuery { bootstrap: question.query.clone(), range: 0..1000 };
    let request = replicates_request(&question.cohort, &question.everybody, &asked);
    let (sender, mut answers) = mpsc::unbounded_channel();
    for _ in 0..N_CALLS {
        let (channel, request, sender) = (channel.clone(), request.clone(), sender.clone());
        tokio::spawn(async move { sender.send(n_replicates(channel, request).await) });
    }
    drop(sender);
    let (mut n_accepted, mut n_refused, mut n_accepted_before_last_refusal) = (0, 0, 0);
    while let Some(answer) = answers.recv().await {
        match answer {
            Ok(n) => {
                assert_eq!(n, 1000);
                n_accepted += 1;
            }
            Err(status) => {
                assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
                assert!(Failure::from(&status).retry_after.is_some());
                n_refused += 1;
                n_accepted_before_last_refusal = n_accepted;
            }
        }
    }
    assert!(n_accepted > QUEUE && n_accepted + n_refused == N_CALLS, "{n_accepted} {n_refused}");
    // Whoever was turned away heard of it while those who came first were still being served.
    assert!(n_accepted_before_last_refusal < n_accepted, "{n_accepted}");
    let peak = worker.peak_memory();
    assert!(peak < MOST_MEMORY, "{peak}");
}

/// Calls a worker without any of the client's rules; how many replicates came.
async fn n_replicates(channel: Channel, request: RunReplicatesRequest) -> Result<i32, Status> {
    let mut client = BootstrapServiceClient::new(channel);
    let mut pieces = client.run_replicates(request).await?.into_inner();
    let mut n = 0;
    while let Some(piece) = pieces.message().await? {
        n += piece.replicate_count;
    }
    Ok(n)
}
