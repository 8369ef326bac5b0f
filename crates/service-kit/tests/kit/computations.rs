//! The pool: admission, cancellation, panics.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use service_kit::{Compute, Deadline, Failure, Stack};
use tokio::task::JoinSet;
use tonic::{Code, Request, Status};

use crate::probe::{Running, Text, ask, services};

/// No test waits for longer; reached only where one fails.
const FAR: Duration = Duration::from_secs(5);

fn one_thread(queue: usize) -> Compute {
    Compute::new(NonZeroUsize::new(1), queue).unwrap()
}

/// One call runs and one waits; the other three are told at once when to come back.
#[tokio::test]
async fn work_beyond_the_queue_is_turned_away() {
    let (release, released) = mpsc::channel::<()>();
    let released = Arc::new(Mutex::new(released));
    let compute = one_thread(1);
    let services = services(move |request| {
        let (compute, released) = (compute.clone(), Arc::clone(&released));
        async move {
            let job = move |_: &_| {
                released.lock().unwrap().recv_timeout(FAR).unwrap();
                Ok::<_, Failure>(request.into_inner())
            };
            compute.run(Deadline::after(FAR), job).await
        }
    });
    let channel = Running::start(services).await.channel();
    let mut calls = JoinSet::new();
    for _ in 0..5 {
        calls.spawn(ask(channel.clone(), Request::new(Text::default())));
    }
    for _ in 0..3 {
        let status = calls.join_next().await.unwrap().unwrap().unwrap_err();
        let failure = Failure::from(&status);
        assert_eq!(failure.code, Code::ResourceExhausted);
        assert!(failure.retry_after.is_some());
        assert!(status.metadata().contains_key("grpc-retry-pushback-ms"));
    }
    for _ in 0..2 {
        release.send(()).unwrap();
    }
    while let Some(answer) = calls.join_next().await {
        answer.unwrap().unwrap();
    }
}

/// The caller goes away; the computation learns of it through the connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_call_stops_its_computation() {
    let (began, mut beginnings) = tokio::sync::mpsc::unbounded_channel();
    let (ended, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let compute = one_thread(0);
    let services = services(move |_| {
        let (compute, began, ended) = (compute.clone(), began.clone(), ended.clone());
        async move {
            let job = move |cancel: &service_kit::Cancel| {
                began.send(()).unwrap();
                let start = Instant::now();
                while !cancel.is_cancelled() && start.elapsed() < FAR {
                    std::thread::sleep(Duration::from_millis(1));
                }
                ended.send(cancel.check()).unwrap();
                Ok::<_, Failure>(Text::default())
            };
            compute.run(Deadline::after(FAR), job).await
        }
    });
    let channel = Running::start(services).await.channel();
    let call = tokio::spawn(ask(channel, Request::new(Text::default())));
    beginnings.recv().await.unwrap();
    let start = Instant::now();
    call.abort();
    assert_eq!(ends.recv().await.unwrap(), Err(Failure::cancelled()));
    // A few milliseconds on a quiet machine.
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_computation_is_told_of_its_deadline() {
    let compute = one_thread(0);
    let (ended, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let deadline = Deadline::after(Duration::from_millis(20));
    let job = move |cancel: &service_kit::Cancel| {
        let start = Instant::now();
        while !cancel.is_cancelled() && start.elapsed() < FAR {
            std::thread::sleep(Duration::from_millis(1));
        }
        ended.send(cancel.check()).unwrap();
        cancel.check()
    };
    let status = compute.run(deadline, job).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(ends.recv().await.unwrap(), Err(Failure::deadline_exceeded()));
}

/// A fit deep below knows no call; it asks whether it is wanted, and ends between two steps.
#[tokio::test]
async fn a_fit_stops_at_its_deadline_and_frees_its_thread() {
    let compute = one_thread(1);
    let deadline = Deadline::after(Duration::from_millis(20));
    let endless = |_: &service_kit::Cancel| -> Result<(), Failure> {
        loop {
            numerics::wanted::check();
        }
    };
    let status = compute.run(deadline, endless).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    let quick = |_: &service_kit::Cancel| -> Result<i32, Failure> { Ok(7) };
    assert_eq!(compute.run(Deadline::after(FAR), quick).await.unwrap(), 7);
}

/// The call whose deadline passes while it waits for the thread never begins.
#[tokio::test]
async fn a_waiting_computation_gives_up_at_its_deadline() {
    let compute = one_thread(1);
    let (release, released) = mpsc::channel::<()>();
    let first = tokio::spawn({
        let compute = compute.clone();
        async move {
            let job = move |_: &_| {
                released.recv_timeout(FAR).unwrap();
                Ok::<_, Failure>(())
            };
            compute.run(Deadline::after(FAR), job).await
        }
    });
    tokio::task::yield_now().await;
    let deadline = Deadline::after(Duration::from_millis(20));
    let never = |_: &_| -> Result<(), Failure> { panic!("the thread is taken") };
    let status = compute.run(deadline, never).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    release.send(()).unwrap();
    first.await.unwrap().unwrap();
    compute.run(Deadline::after(FAR), |_| Ok::<_, Failure>(())).await.unwrap();
}

/// The text of a panic may quote a value of a patient, so it must not travel.
#[tokio::test]
async fn a_panic_fails_its_call_alone() {
    let compute = one_thread(0);
    let services = services(move |request| {
        let compute = compute.clone();
        async move {
            let text = request.into_inner();
            let job = move |_: &_| {
                assert!(text.text != "secret", "age of {}", text.text);
                Ok::<_, Failure>(text)
            };
            compute.run(Deadline::after(FAR), job).await
        }
    });
    let channel = Stack::new(services).await.unwrap().in_process();
    let status = ask(channel.clone(), Request::new(Text::new("secret"))).await.unwrap_err();
    assert_eq!(Failure::from(&status).reason, "PANIC");
    assert_eq!(status.code(), Code::Internal);
    assert!(!format!("{status:?}").contains("secret"));
    ask(channel, Request::new(Text::new("plain"))).await.unwrap();
}

#[tokio::test]
async fn a_computation_may_fail_in_its_own_words() {
    let failure = Failure::precondition("ARM_IS_EMPTY", "no subject is treated");
    let expected = failure.clone();
    let job = move |_: &_| Err::<(), _>(failure);
    let status: Status = one_thread(0).run(Deadline::after(FAR), job).await.unwrap_err();
    assert_eq!(Failure::from(&status), expected);
}
