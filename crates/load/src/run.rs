//! The open loop: sends what is due when it is due, whatever has become of the calls before.
//!
//! A thread of its own waits for the due times, since the clock of the runtime ticks in milliseconds.
//! A call for which there is no room waits, and its latency counts from when it was due: a server that
//! stalls is seen in the latency of every call that would have come in the meantime (no coordinated
//! omission; Tene 2013). Steps do not touch each other: each begins when all calls of the one before
//! are over.

use crate::call::{self, Channels, FirstAnswers, Target, TargetError};
use crate::report::{StepReport, knee};
use crate::requests::{Payload, Requests};
use crate::schedule::{Arrivals, DueTimes, Mixer};
use crate::tally::{Ended, Outcome, Tally, Window};
use crate::{Kind, LoadReport};
use service_kit::Deadline;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};

/// Longest sleep of the thread that waits for due times, after which it looks whether to go on.
const LONGEST_SLEEP: Duration = Duration::from_millis(50);

/// Share of its time for which a call may wait for room: the rest is the server's, which is not to be
/// asked for what nobody can wait for.
const WAITING_SHARE: f64 = 0.5;

/// What is sent, how often and for how long.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadPlan {
    /// Who is called.
    pub targets: Vec<Target>,
    /// Connections to each target.
    pub n_connections: usize,
    /// The kinds of calls and their weights, which are positive.
    pub mix: Vec<(Kind, f64)>,
    /// Calls a second of each step; positive.
    pub rates: Vec<f64>,
    /// How calls are spread over time.
    pub arrivals: Arrivals,
    /// Seed of times and kinds.
    pub seed: u64,
    /// Time at the beginning of each step that does not count.
    pub warm_up: Duration,
    /// Time of each step that counts.
    pub duration: Duration,
    /// Calls that may be under way at a time; what exceeds it waits, for half of its time at most.
    pub in_flight: usize,
    /// Time that each call has from when it was due.
    pub deadline: Duration,
    /// Whether answers to one request are compared with the first of them.
    pub compare_answers: bool,
    /// What a step must keep to.
    pub limits: Limits,
    /// Largest message in bytes, either way.
    pub message_limit_bytes: usize,
}

/// What a step must keep to in order to count as sustained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Largest share of calls without a right answer.
    pub error_share: f64,
    /// Largest 99th percentile of the waits of all calls, those without a right answer included; absent =
    /// any.
    pub latency: Option<Duration>,
}

/// Why a load test cannot be run.
#[derive(Debug, Error)]
pub enum LoadError {
    /// There is nobody to call.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The study does not ask for a kind of call.
    #[error("the study makes no calls of the kind {kind}; it has {known}")]
    NoSuchCall {
        /// The kind.
        kind: String,
        /// The kinds that it has.
        known: String,
    },
}

/// Runs every step of a plan and reports each of them; `progress` hears of each step when it is over.
///
/// Must be called within a runtime of several threads. When `stop` becomes true the step under way is
/// given up, and the report has those before it.
///
/// # Errors
///
/// Before anything is sent: an address that is none, a kind without target or without requests.
pub async fn run(
    plan: &LoadPlan,
    requests: &Requests,
    stop: Arc<AtomicBool>,
    mut progress: impl FnMut(&StepReport),
) -> Result<LoadReport, LoadError> {
    let channels = Channels::new(&plan.targets, plan.n_connections, plan.message_limit_bytes)?;
    channels.check(plan.mix.iter().map(|(kind, _)| *kind))?;
    let payloads = payloads(plan, requests)?;
    let generator = Arc::new(Generator {
        channels,
        payloads,
        first_answers: FirstAnswers::default(),
        compare_answers: plan.compare_answers,
        slots: Semaphore::new(plan.in_flight.clamp(1, Semaphore::MAX_PERMITS)),
        n_in_flight: AtomicUsize::new(0),
        most_in_flight: AtomicUsize::new(0),
        deadline: plan.deadline,
    });
    let mut steps = Vec::new();
    for (index, &rate) in plan.rates.iter().enumerate() {
        let step = generator.step(plan, index, rate, &stop).await;
        if stop.load(Ordering::Relaxed) {
            break;
        }
        progress(&step);
        steps.push(step);
    }
    let is_complete = steps.len() == plan.rates.len();
    let knee = knee(&steps);
    Ok(LoadReport::new(plan, steps, knee, is_complete))
}

/// The requests of each kind of the mix.
fn payloads(plan: &LoadPlan, requests: &Requests) -> Result<Vec<Vec<Payload>>, LoadError> {
    let of = |&(kind, _): &(Kind, f64)| match requests.of(kind) {
        [] => Err(LoadError::NoSuchCall {
            kind: kind.name(),
            known: requests.kinds().map(Kind::name).collect::<Vec<_>>().join(", "),
        }),
        payloads => Ok(payloads.to_vec()),
    };
    plan.mix.iter().map(of).collect()
}

/// What all calls share.
struct Generator {
    channels: Channels,
    /// By place in the mix.
    payloads: Vec<Vec<Payload>>,
    first_answers: FirstAnswers,
    compare_answers: bool,
    slots: Semaphore,
    n_in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
    deadline: Duration,
}

/// A call that is due: which request, and when.
#[derive(Clone, Copy)]
struct Due {
    place: usize,
    request: usize,
    at: Instant,
}

impl Generator {
    /// Runs one step until its last call is over.
    async fn step(
        self: &Arc<Self>,
        plan: &LoadPlan,
        index: usize,
        rate: f64,
        stop: &Arc<AtomicBool>,
    ) -> StepReport {
        self.most_in_flight.store(0, Ordering::Relaxed);
        let begin = Instant::now();
        let window =
            Window { begin: begin + plan.warm_up, end: begin + plan.warm_up + plan.duration };
        let due = self.due_calls(plan, index, rate, begin, window.end);
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let (generator, stop, handle) = (Arc::clone(self), Arc::clone(stop), Handle::current());
        // The thread ends by itself after the last due time, or soon after `stop`.
        let dispatcher =
            std::thread::spawn(move || generator.dispatch(&handle, due, &stop, &sender));
        let mut tally = Tally::new(window, plan.deadline);
        // The channel closes when the thread and the last call have let go of it.
        while let Some(ended) = receiver.recv().await {
            tally.add(&ended);
        }
        // A panic of the thread has been reported by its hook; what it sent counts.
        let _ = dispatcher.join();
        StepReport::new(plan, rate, &tally, self.most_in_flight.load(Ordering::Relaxed))
    }

    /// The calls of a step. Requests of a kind take turns.
    fn due_calls(
        &self,
        plan: &LoadPlan,
        index: usize,
        rate: f64,
        begin: Instant,
        end: Instant,
    ) -> Vec<Due> {
        let mut mixer = Mixer::new(&plan.mix, plan.seed, index);
        let mut turns = vec![0usize; self.payloads.len()];
        DueTimes::new(plan.arrivals, rate, plan.seed, index)
            .map(|offset| begin + offset)
            .take_while(|at| *at < end)
            .map(|at| {
                let place = mixer.draw();
                let request = turns[place] % self.payloads[place].len();
                turns[place] += 1;
                Due { place, request, at }
            })
            .collect()
    }

    /// Starts each call when it is due.
    fn dispatch(
        self: Arc<Self>,
        handle: &Handle,
        due: Vec<Due>,
        stop: &AtomicBool,
        ended: &mpsc::UnboundedSender<Ended>,
    ) {
        for call in due {
            while let Some(left) = call.at.checked_duration_since(Instant::now()) {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                std::thread::sleep(left.min(LONGEST_SLEEP));
            }
            let (generator, ended) = (Arc::clone(&self), ended.clone());
            handle.spawn(async move {
                // An error means that nobody counts any more.
                let _ = ended.send(generator.make(call).await);
            });
        }
    }

    /// Waits for room and makes the call.
    async fn make(&self, due: Due) -> Ended {
        let payload = &self.payloads[due.place][due.request];
        let latest = due.at + self.deadline.mul_f64(WAITING_SHARE);
        let slot = tokio::time::timeout_at(latest.into(), self.slots.acquire()).await;
        let (sent, outcome) = match slot {
            Ok(Ok(_slot)) => {
                let sent = Instant::now();
                let left = (due.at + self.deadline).saturating_duration_since(sent);
                let n = self.n_in_flight.fetch_add(1, Ordering::Relaxed) + 1;
                self.most_in_flight.fetch_max(n, Ordering::Relaxed);
                let outcome = self.outcome(due, payload, Deadline::after(left)).await;
                self.n_in_flight.fetch_sub(1, Ordering::Relaxed);
                (Some(sent), outcome)
            }
            _ => (None, Outcome::NotSent),
        };
        Ended { kind: payload.kind, due: due.at, sent, ended: Instant::now(), outcome }
    }

    async fn outcome(&self, due: Due, payload: &Payload, deadline: Deadline) -> Outcome {
        match call::make(&self.channels, payload, deadline, self.compare_answers).await {
            Ok(answer) if self.first_answers.agree((payload.kind, due.request), &answer) => {
                Outcome::Answered { n_replicates: answer.n_replicates }
            }
            Ok(_) => Outcome::Differs,
            Err(failure) => Outcome::Failed(failure),
        }
    }
}
