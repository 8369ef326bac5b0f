//! What the loop counts when a server stalls, refuses, fails, lies or says nothing.

use crate::probe::{plan, run, start};
use load::{Arrivals, Limits, LoadPlan, StepReport};
use service_kit::Failure;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use wire::pb::bootstrap::{BootstrappedQuantity, EstimateIntervalsResponse};

/// Every call that was due is in one class, and every class has its calls among the errors.
fn adds_up(step: &StepReport) {
    let classes = [step.answered, step.refused, step.failed, step.different, step.not_sent];
    assert_eq!(classes.iter().sum::<u64>(), step.scheduled, "{step:?}");
    let errors: u64 = step.errors.iter().map(|error| error.count).sum();
    assert_eq!(errors + step.answered, step.scheduled, "{step:?}");
    assert_eq!(step.latency.map_or(0, |latency| latency.count), step.answered);
    assert_eq!(step.wait.map_or(0, |wait| wait.count), step.scheduled);
    assert_eq!(step.refusal_latency.map_or(0, |latency| latency.count), step.refused);
}

fn count(step: &StepReport, code: &str, reason: &str) -> u64 {
    let is = |error: &&load::ErrorCount| error.code == code && error.reason == reason;
    step.errors.iter().find(is).map_or(0, |error| error.count)
}

/// An answer that differs from those of other numbers.
fn numbered(turn: i32) -> EstimateIntervalsResponse {
    let quantity = BootstrappedQuantity { replicate_count: turn, ..Default::default() };
    EstimateIntervalsResponse { quantities: vec![quantity], ..Default::default() }
}

/// A server that says nothing from 0.3 to 0.8 s after its first call: the 50 calls that are due in
/// that time wait for what is left of it, evenly from 500 ms down to 0. So a tenth of all 100 calls
/// takes over 400 ms and a quarter over 250, whether the calls leave in time or wait for a place; a
/// loop that sends the next call after the last answer would have seen a single long one.
#[tokio::test(flavor = "multi_thread")]
async fn a_stall_is_in_the_latency_of_every_call_that_was_due() {
    for in_flight in [256, 2] {
        let first: Arc<std::sync::OnceLock<Instant>> = Arc::default();
        let address = start(move || {
            let begin = *first.get_or_init(Instant::now);
            async move {
                let since = begin.elapsed();
                let (from, until) = (Duration::from_millis(300), Duration::from_millis(800));
                if from <= since && since < until {
                    tokio::time::sleep(until - since).await;
                }
                Ok(EstimateIntervalsResponse::default())
            }
        })
        .await;
        let plan = LoadPlan { in_flight, ..plan(&address) };
        let report = run(&plan).await;
        let step = &report.steps[0];
        adds_up(step);
        assert_eq!((step.scheduled, step.answered), (100, 100));
        let latency = step.latency.unwrap();
        // A machine that is busy with other things adds to them, and takes nothing away.
        assert!(latency.p90_ms > 350.0 && latency.max_ms > 400.0, "{in_flight}: {latency:?}");
        assert!(in_flight > 2 || step.late > 30, "{} late", step.late);
        assert!(step.most_in_flight <= in_flight);
    }
}

/// Of every six calls one is refused, one fails inside and four are answered.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_stand_apart_from_failures() {
    let n = AtomicUsize::new(0);
    let address = start(move || {
        let turn = n.fetch_add(1, Ordering::Relaxed) % 6;
        async move {
            match turn {
                0 => Err(Failure::busy(Duration::from_millis(5)).into()),
                3 => Err(Failure::internal("PANIC", "the computation failed").into()),
                _ => Ok(EstimateIntervalsResponse::default()),
            }
        }
    })
    .await;
    let report = run(&LoadPlan { rates: vec![60.0], ..plan(&address) }).await;
    let step = &report.steps[0];
    adds_up(step);
    assert_eq!((step.scheduled, step.refused, step.failed, step.answered), (60, 10, 10, 40));
    assert_eq!(count(step, "RESOURCE_EXHAUSTED", "BUSY"), 10);
    assert_eq!(count(step, "INTERNAL", "PANIC"), 10);
    assert!(!step.is_sustained && report.knee.is_none() && report.has_answers());
}

/// Every fiftieth call is answered at once and the others are never: what was answered looks fast, and
/// the percentiles of the step are the time that calls have, though any share of errors is allowed.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_never_answered_is_not_fast() {
    let n = AtomicUsize::new(0);
    let address = start(move || {
        let turn = n.fetch_add(1, Ordering::Relaxed);
        async move {
            if !turn.is_multiple_of(50) {
                std::future::pending::<()>().await;
            }
            Ok(EstimateIntervalsResponse::default())
        }
    })
    .await;
    let limits = Limits { error_share: 1.0, latency: Some(Duration::from_millis(250)) };
    let deadline = Duration::from_millis(300);
    let report = run(&LoadPlan { deadline, limits, ..plan(&address) }).await;
    let step = &report.steps[0];
    adds_up(step);
    assert_eq!((step.scheduled, step.answered), (100, 2));
    let (latency, wait) = (step.latency.unwrap(), step.wait.unwrap());
    assert!(latency.p99_ms < 250.0 && wait.p50_ms > 299.0, "{latency:?} {wait:?}");
    assert!(!step.is_sustained);
}

/// At a call in twenty minutes nothing is due within the second, and nothing is known.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_without_calls_is_not_sustained() {
    let address = start(|| async { Ok(EstimateIntervalsResponse::default()) }).await;
    let arrivals = Arrivals::Poisson;
    let report = run(&LoadPlan { rates: vec![1.0 / 1200.0], arrivals, ..plan(&address) }).await;
    let step = &report.steps[0];
    adds_up(step);
    assert_eq!((step.scheduled, step.is_sustained), (0, false));
    assert!(report.knee.is_none() && step.wait.is_none());
}

/// One place, nobody answers, and each call has 0.3 s: the first takes the place until its deadline, and
/// gives it to one of those who have half of their time left, and so on; the others never leave.
/// Nothing takes longer than the last deadline.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_cannot_leave_are_counted_as_such() {
    let address = start(std::future::pending).await;
    let plan = LoadPlan { in_flight: 1, deadline: Duration::from_millis(300), ..plan(&address) };
    let begin = Instant::now();
    let report = run(&plan).await;
    assert!(begin.elapsed() < Duration::from_secs(5));
    let step = &report.steps[0];
    adds_up(step);
    assert_eq!((step.scheduled, step.answered), (100, 0));
    assert!(step.not_sent > 80 && step.failed > 0, "{step:?}");
    assert_eq!(count(step, "NOT_SENT", "TOO_MANY_IN_FLIGHT"), step.not_sent);
    assert_eq!(count(step, "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"), step.failed);
    assert!(!report.has_answers());
}

/// There is one request, and every answer is that of its number: all differ from the first.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_changes_is_no_answer() {
    let n = AtomicUsize::new(0);
    let address = start(move || {
        let turn = n.fetch_add(1, Ordering::Relaxed) as i32;
        async move { Ok(numbered(turn)) }
    })
    .await;
    let report = run(&LoadPlan { compare_answers: true, ..plan(&address) }).await;
    let step = &report.steps[0];
    adds_up(step);
    assert_eq!((step.different, step.answered), (99, 1), "{step:?}");
    assert_eq!(count(step, "OK", "ANSWER_DIFFERS"), step.different);
    assert!(!report.has_answers());
}

/// A server that takes one call at a time for 20 ms sustains 10 calls a second and not 100: the
/// unanswered pile up though none of them fails.
#[tokio::test(flavor = "multi_thread")]
async fn the_knee_lies_between_the_rates() {
    let one = Arc::new(tokio::sync::Mutex::new(()));
    let address = start(move || {
        let one = Arc::clone(&one);
        async move {
            let _turn = one.lock().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(EstimateIntervalsResponse::default())
        }
    })
    .await;
    let plan = LoadPlan { rates: vec![10.0, 100.0], ..plan(&address) };
    let report = run(&plan).await;
    let [slow, fast] = &report.steps[..] else { panic!("{:?}", report.steps) };
    assert!(slow.is_sustained, "{slow:?}");
    assert!(!fast.is_sustained && fast.backlog_growth > 30, "{fast:?}");
    assert_eq!((fast.scheduled, fast.answered), (100, 100));
    assert!(fast.answered_per_second < 60.0);
    let knee = report.knee.unwrap();
    assert_eq!((knee.sustained_per_second, knee.exceeded_per_second), (10.0, Some(100.0)));
}

/// What is due in the warm-up is sent and not counted.
#[tokio::test(flavor = "multi_thread")]
async fn the_warm_up_does_not_count() {
    let n = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&n);
    let address = start(move || {
        seen.fetch_add(1, Ordering::Relaxed);
        async { Ok(EstimateIntervalsResponse::default()) }
    })
    .await;
    let plan = LoadPlan { warm_up: Duration::from_millis(200), ..plan(&address) };
    let step = run(&plan).await.steps.remove(0);
    assert_eq!((step.warm_up_calls, step.scheduled), (20, 100));
    assert_eq!(n.load(Ordering::Relaxed), 120);
}
