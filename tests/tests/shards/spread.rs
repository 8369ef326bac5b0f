//! Workers within this process.

use crate::harness::{FAR, Question};
use cohort_store::Desk;
use service_kit::{Compute, Deadline, Pool, Services, Settings, Stack};
use std::num::NonZeroUsize;
use std::time::Duration;
use tonic::Code;
use tonic::transport::Channel;

pub async fn worker(settings: &Settings) -> Channel {
    let compute = Compute::with_settings(settings).unwrap();
    let desk = Desk::new(&compute, settings);
    let services = cohort_store::add(Services::new(), &desk, settings);
    let services = bootstrap_service::add(services, &desk, settings);
    Stack::new(services).await.unwrap().in_process()
}

async fn pool(n_workers: usize, settings: &Settings) -> Pool {
    let mut channels = Vec::new();
    for _ in 0..n_workers {
        channels.push(worker(settings).await);
    }
    Pool::new(channels)
}

pub fn one_thread() -> Settings {
    Settings { threads: NonZeroUsize::new(1), ..Settings::default() }
}

/// Large enough for several requests, with replicates that lack a quantity.
#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_workers_gives_the_same_bytes() {
    let question = Question::new(60, 4, 5_003);
    let expected = question.expected();
    for n_workers in [1, 2, 7] {
        let pool = pool(n_workers, &one_thread()).await;
        let found = question.ask(&pool, Deadline::after(FAR)).await.unwrap();
        assert!(found == expected, "{n_workers} workers");
    }
}

/// One thread, and nobody may wait: every second request is refused, and asked again.
#[tokio::test(flavor = "multi_thread")]
async fn busy_workers_are_waited_for() {
    let question = Question::new(60, 4, 4_000);
    let expected = question.expected();
    let pool = pool(2, &Settings { queue: 0, ..one_thread() }).await;
    let ask = || question.ask(&pool, Deadline::after(FAR));
    let (first, second, third) = tokio::join!(ask(), ask(), ask());
    for found in [first, second, third] {
        assert!(found.unwrap() == expected);
    }
}

#[tokio::test]
async fn a_question_that_cannot_be_answered_is_not_repeated() {
    let mut question = Question::new(60, 2, 1000);
    question.query.units.unit = Some("x0".into());
    question.query.units.strata = vec!["arm".into()];
    let failure = question.ask(&pool(2, &one_thread()).await, Deadline::after(FAR)).await;
    assert_eq!(failure.unwrap_err().code, Code::InvalidArgument);
}

/// A large cohort is sent to each worker, and from then on named.
#[tokio::test(flavor = "multi_thread")]
async fn a_cohort_is_named_by_digest() {
    let question = Question::new(60, 4, 5_003);
    let expected = question.expected();
    let pool = pool(2, &one_thread()).await;
    let settings = Settings { inline_bytes: 0, ..one_thread() };
    for _ in 0..2 {
        let found = question.ask_with(&pool, &settings, Deadline::after(FAR)).await.unwrap();
        assert!(found == expected);
    }
}

#[tokio::test(start_paused = true)]
async fn workers_that_cannot_be_reached_are_said_so() {
    let question = Question::new(60, 2, 1000);
    let nobody = || service_kit::connect("http://127.0.0.1:1").unwrap();
    let pool = Pool::new([nobody(), nobody()]);
    let failure = question.ask(&pool, Deadline::NONE).await.unwrap_err();
    assert_eq!(failure.code, Code::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_ends_it() {
    let question = Question::new(400, 12, 100_000);
    let deadline = Deadline::after(Duration::from_millis(200));
    let failure = question.ask(&pool(2, &one_thread()).await, deadline).await.unwrap_err();
    assert_eq!(failure.code, Code::DeadlineExceeded);
}
