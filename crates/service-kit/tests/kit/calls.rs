//! What a client does with time, failures and limits.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use service_kit::{CallPolicy, Deadline, Failure, Pool, Services, Stack, Violation, call};
use tonic::{Code, Request, Status, transport::Channel};

use crate::probe::{Running, Text, ask, ask_there, echo, services};

/// Repeats without losing time.
fn hasty() -> CallPolicy {
    CallPolicy { first_delay: Duration::from_millis(1), ..CallPolicy::default() }
}

async fn call_probe(
    channel: &Channel,
    policy: &CallPolicy,
    deadline: Deadline,
) -> Result<Text, Status> {
    call(policy, deadline, &Pool::new([channel.clone()]), &Text::new("ping"), ask_there).await
}

/// A probe that fails with each of the failures and then answers with its number of calls.
fn failing_first(failures: Vec<Failure>) -> (Services, Arc<AtomicU32>) {
    let n_calls = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&n_calls);
    let services = services(move |request| {
        let index = counter.fetch_add(1, Ordering::SeqCst);
        let failure = failures.get(index as usize).cloned();
        async { failure.map_or(Ok(request.into_inner()), |failure| Err(failure.into())) }
    });
    (services, n_calls)
}

fn unavailable() -> Failure {
    Failure::new(Code::Unavailable, "AWAY", "away")
}

#[tokio::test]
async fn a_call_without_an_answer_ends_as_deadline_exceeded() {
    for channel in [
        Running::start(services(|_| pending())).await.channel(),
        Stack::new(services(|_| pending())).await.unwrap().in_process(),
    ] {
        let deadline = Deadline::after(Duration::from_millis(50));
        let status = call_probe(&channel, &hasty(), deadline).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
    }
}

#[tokio::test]
async fn a_deadline_that_has_passed_is_not_sent() {
    let (services, n_calls) = failing_first(vec![]);
    let channel = Stack::new(services).await.unwrap().in_process();
    let deadline = Deadline::after(Duration::ZERO);
    let status = call_probe(&channel, &hasty(), deadline).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(n_calls.load(Ordering::SeqCst), 0);
}

/// The handler knows the time left, less the margin that the caller keeps back.
#[tokio::test]
async fn the_deadline_reaches_the_handler() {
    let services = services(|request| async move {
        let left = Deadline::of(&request).remaining();
        Ok(Text::new(&left.map_or(String::new(), |left| left.as_millis().to_string())))
    });
    let channel = Running::start(services).await.channel();
    let policy = CallPolicy { margin: Duration::from_secs(20), ..CallPolicy::default() };
    let deadline = Deadline::after(Duration::from_secs(60));
    let answer = call_probe(&channel, &policy, deadline).await.unwrap();
    let left: u64 = answer.text.parse().unwrap();
    assert!((20_000..=40_000).contains(&left), "{left}");
    let answer = call_probe(&channel, &policy, Deadline::NONE).await.unwrap();
    assert_eq!(answer.text, "");
}

#[tokio::test]
async fn passing_failures_are_repeated_twice() {
    let busy = Failure::busy(Duration::from_millis(1));
    let (services, n_calls) = failing_first(vec![unavailable(), busy]);
    let channel = Running::start(services).await.channel();
    let answer = call_probe(&channel, &hasty(), Deadline::NONE).await;
    assert_eq!(answer.unwrap(), Text::new("ping"));
    assert_eq!(n_calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn after_three_tries_the_failure_counts() {
    let (services, n_calls) = failing_first(vec![unavailable(); 9]);
    let channel = Running::start(services).await.channel();
    let status = call_probe(&channel, &hasty(), Deadline::NONE).await.unwrap_err();
    assert_eq!(Failure::from(&status), unavailable());
    assert_eq!(n_calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_is_not_begun() {
    let busy = Failure::busy(Duration::from_secs(3600));
    let (services, n_calls) = failing_first(vec![busy.clone()]);
    let channel = Running::start(services).await.channel();
    let deadline = Deadline::after(Duration::from_secs(60));
    let status = call_probe(&channel, &hasty(), deadline).await.unwrap_err();
    assert_eq!(Failure::from(&status), busy);
    assert_eq!(n_calls.load(Ordering::SeqCst), 1);
}

/// A connection that fails gives a status made by the client's own transport.
#[tokio::test]
async fn a_failed_connection_is_repeated() {
    let attempts = AtomicU32::new(0);
    let answering = Running::start(echo()).await.channel();
    let pool = Pool::connect("http://127.0.0.1:1").unwrap();
    let answer = call(&hasty(), Deadline::NONE, &pool, &Text::new("ping"), |nobody, request| {
        let first = attempts.fetch_add(1, Ordering::SeqCst) == 0;
        ask(if first { nobody.channel() } else { answering.clone() }, request)
    })
    .await;
    assert_eq!(answer.unwrap(), Text::new("ping"));
    assert_eq!(attempts.into_inner(), 2);
}

#[tokio::test]
async fn a_message_over_the_limit_is_not_sent() {
    let (services, n_calls) = failing_first(vec![]);
    let channel = Running::start(services).await.channel();
    let policy = CallPolicy { message_limit_bytes: 5, ..hasty() };
    let status = call_probe(&channel, &policy, Deadline::NONE).await.unwrap_err();
    assert_eq!(Failure::from(&status), Failure::too_large(6, 5));
    assert_eq!(n_calls.load(Ordering::SeqCst), 0);
}

/// The probe has the limit of tonic, 4 MiB.
#[tokio::test]
async fn a_request_over_the_limit_of_the_server_is_an_invalid_one() {
    let channel = Running::start(echo()).await.channel();
    let status = ask(channel, Request::new(Text::new(&"x".repeat(5 << 20)))).await.unwrap_err();
    let bytes = (5 << 20) + 5; // a tag and four bytes of length
    let failure = Failure::from(&status);
    assert_eq!(failure, Failure::request_too_large(bytes, 4 << 20));
    assert_eq!(
        (failure.code, failure.reason.as_str()),
        (Code::InvalidArgument, "MESSAGE_TOO_LARGE")
    );
    assert_eq!(failure.violations[0].field, "request");
}

/// Far more violations than headers hold, in a script that takes three bytes a letter.
#[tokio::test]
async fn field_violations_cross_the_wire() {
    let violation = |row: usize| Violation {
        field: format!("columns[3].values[{row}]"),
        description: "数は有限でなければならない".into(),
    };
    let sent = Failure::invalid((0..1000).map(violation).collect());
    let (services, _) = failing_first(vec![sent.clone()]);
    let channel = Running::start(services).await.channel();
    let status = call_probe(&channel, &hasty(), Deadline::NONE).await.unwrap_err();
    let read = Failure::from(&status);
    assert_eq!((read.code, &read.reason), (Code::InvalidArgument, &sent.reason));
    assert_eq!(read.message, sent.message);
    assert_eq!(read.violations[..], sent.violations[..read.violations.len()]);
    assert!(!read.violations.is_empty());
    assert_eq!(read.violations.len() + read.n_omitted(), 1000);
}
