//! Workers that are processes of their own: killed, stopped and restarted in the middle of a run.

use crate::harness::{Bits, FAR, Question};
use crate::worker::Worker;
use rustix::process::Signal;
use service_kit::{Deadline, Failure, Pool, Settings};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// A second or two of one core.
static LONG: LazyLock<(Arc<Question>, Vec<Bits>)> = LazyLock::new(|| {
    let question = Question::new(488, 8, 4_000);
    let expected = question.expected();
    (Arc::new(question), expected)
});

/// Workers of one thread, and of more than there are tries: each has as many requests and one more, and
/// loses them all at once.
const THREADS: [[&str; 2]; 2] = [["--threads", "1"], ["--threads", "8"]];

fn workers(n: usize, threads: &[&str]) -> Vec<Worker> {
    (0..n).map(|_| Worker::start(threads)).collect()
}

fn pool(workers: &[Worker]) -> Pool {
    let uris: Vec<String> =
        workers.iter().map(|worker| format!("http://{}", worker.address)).collect();
    Pool::connect(&uris.join(",")).unwrap()
}

/// Begins the long bootstrap, and returns when this worker computes for it.
async fn begin(pool: Pool, busy: &Worker) -> JoinHandle<Result<Vec<Bits>, Failure>> {
    begin_with(pool, Settings::default(), busy).await
}

/// The same, by a coordinator with these settings.
async fn begin_with(
    pool: Pool,
    settings: Settings,
    busy: &Worker,
) -> JoinHandle<Result<Vec<Bits>, Failure>> {
    let question = Arc::clone(&LONG.0);
    let before = busy.cpu_time();
    let run =
        tokio::spawn(
            async move { question.ask_with(&pool, &settings, Deadline::after(FAR)).await },
        );
    wait_until(|| busy.cpu_time() > before + Duration::from_millis(50)).await;
    assert!(!run.is_finished(), "the bootstrap is too short for this test");
    run
}

async fn wait_until(condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < FAR, "it does not come to pass");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_changes_nothing() {
    for threads in THREADS {
        let mut workers = workers(3, &threads);
        let run = begin(pool(&workers), &workers[1]).await;
        workers[1].kill();
        assert!(run.await.unwrap().unwrap() == LONG.1);
    }
}

/// It neither answers nor fails.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stands_still_changes_nothing() {
    for threads in THREADS {
        let workers = workers(2, &threads);
        let run = begin(pool(&workers), &workers[0]).await;
        workers[0].signal(Signal::STOP);
        assert!(run.await.unwrap().unwrap() == LONG.1);
        workers[0].signal(Signal::CONT);
    }
}

/// What it has not taken of the cohort does not hold the other up, whichever of them was asked first.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stands_still_has_its_cohort_to_itself() {
    let settings = Settings { inline_bytes: 0, ..Settings::default() };
    for stopped in [0, 1] {
        let workers = workers(2, &[]);
        let before = Instant::now();
        let run = begin_with(pool(&workers), settings.clone(), &workers[stopped]).await;
        workers[stopped].signal(Signal::STOP);
        assert!(run.await.unwrap().unwrap() == LONG.1);
        assert!(before.elapsed() < FAR / 3, "{:?}", before.elapsed());
        workers[stopped].signal(Signal::CONT);
    }
}

/// It goes on before the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stumbles_changes_nothing() {
    for threads in THREADS {
        let workers = workers(2, &threads);
        let run = begin(pool(&workers), &workers[0]).await;
        workers[0].signal(Signal::STOP);
        let before = workers[1].cpu_time();
        let enough = before + Duration::from_millis(300);
        wait_until(|| run.is_finished() || workers[1].cpu_time() > enough).await;
        workers[0].signal(Signal::CONT);
        assert!(run.await.unwrap().unwrap() == LONG.1);
    }
}

/// There is no other, so the run waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn the_only_worker_may_be_restarted() {
    for threads in THREADS {
        let mut only = Worker::start(&threads);
        let run = begin(pool(std::slice::from_ref(&only)), &only).await;
        only.kill();
        let again = Worker::start_at(&only.address, &threads);
        assert!(run.await.unwrap().unwrap() == LONG.1);
        drop(again);
    }
}

/// Another one joins the list of a name only; of a list all are there, but this one comes late.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_comes_late_is_used() {
    for threads in THREADS {
        let mut workers = workers(2, &threads);
        let pool = pool(&workers);
        let late = workers[1].address.clone();
        workers[1].kill();
        let run = begin(pool, &workers[0]).await;
        let again = Worker::start_at(&late, &threads);
        wait_until(|| run.is_finished() || again.cpu_time() > Duration::from_millis(50)).await;
        assert!(run.await.unwrap().unwrap() == LONG.1);
    }
}

/// The caller goes away in the middle: each worker computes for a tenth of a second at most.
#[tokio::test(flavor = "multi_thread")]
async fn workers_stop_when_the_caller_has_gone() {
    let workers = workers(2, &[]);
    let question = Question::new(488, 12, 300_000);
    let pool = pool(&workers);
    let run = tokio::spawn(async move { question.ask(&pool, Deadline::after(FAR)).await });
    for worker in &workers {
        wait_until(|| worker.cpu_time() > Duration::from_millis(100)).await;
    }
    run.abort();
    let times = || workers.iter().map(Worker::cpu_time).collect::<Vec<_>>();
    let at_once = times();
    let (mut last, mut unchanged_since) = (times(), Instant::now());
    while unchanged_since.elapsed() < Duration::from_millis(300) {
        sleep(Duration::from_millis(10)).await;
        let now = times();
        if now != last {
            (last, unchanged_since) = (now, Instant::now());
        }
        assert!(last[0] < at_once[0] + Duration::from_secs(5), "it computes on and on");
    }
    for (before, after) in at_once.iter().zip(&last) {
        assert!(*after - *before <= Duration::from_millis(100), "{before:?} {after:?}");
    }
}
