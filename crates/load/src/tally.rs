//! Counts and latencies of the calls of one step.

use crate::Kind;
use crate::report::{ErrorCount, KindReport, Latency};
use hdrhistogram::Histogram;
use service_kit::Failure;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tonic::Code;

/// Longest latency that is told apart, in microseconds: an hour.
const LONGEST_US: u64 = 3_600_000_000;

/// Digits to which latencies are kept: 0.1 %.
const DIGITS: u8 = 3;

/// A call that leaves later than this was held up by the generator, not by the precision of its clock.
const LATE: Duration = Duration::from_millis(5);

/// What became of a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Answered, with so many replicates.
    Answered { n_replicates: u64 },
    /// Answered, but not as the first time.
    Differs,
    /// The service said no, or nothing.
    Failed(Failure),
    /// It could not leave in time, as too many were under way.
    NotSent,
}

/// A call that is over.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub kind: Kind,
    /// When it was due, from which its latency counts.
    pub due: Instant,
    /// When it left; absent if it did not.
    pub sent: Option<Instant>,
    pub ended: Instant,
    pub outcome: Outcome,
}

/// The part of a step that is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub begin: Instant,
    pub end: Instant,
}

impl Window {
    fn has(&self, moment: Instant) -> bool {
        self.begin <= moment && moment < self.end
    }
}

/// Counts of the calls that were due in the window, and of what was finished within it.
#[derive(Debug)]
pub(crate) struct Tally {
    window: Window,
    /// Time that each call has from when it is due.
    deadline: Duration,
    pub n_warm_up: u64,
    pub due: Counts,
    by_kind: BTreeMap<Kind, Counts>,
    refusals: Latencies,
    errors: BTreeMap<(&'static str, String), u64>,
    pub n_late: u64,
    pub largest_delay: Duration,
    /// Calls answered within the window, whenever they were due, and their replicates.
    pub n_answered_within: u64,
    pub n_replicates_within: u64,
    /// Calls that ended within the window, whatever became of them.
    pub n_ended_within: u64,
}

/// Counts of some calls.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub n: u64,
    pub n_answered: u64,
    pub n_refused: u64,
    pub n_failed: u64,
    pub n_different: u64,
    pub n_not_sent: u64,
    /// Of the calls with a right answer.
    pub latencies: Latencies,
    /// Of all calls. One without a right answer counts with all the time that it had: whoever waited for
    /// the answer has waited so long in vain, however soon the call failed.
    pub waits: Latencies,
}

impl Tally {
    pub(crate) fn new(window: Window, deadline: Duration) -> Self {
        Self {
            window,
            deadline,
            n_warm_up: 0,
            due: Counts::default(),
            by_kind: BTreeMap::new(),
            refusals: Latencies::default(),
            errors: BTreeMap::new(),
            n_late: 0,
            largest_delay: Duration::ZERO,
            n_answered_within: 0,
            n_replicates_within: 0,
            n_ended_within: 0,
        }
    }

    pub(crate) fn add(&mut self, call: &Ended) {
        if self.window.has(call.ended) {
            self.n_ended_within += 1;
            if let Outcome::Answered { n_replicates } = call.outcome {
                self.n_answered_within += 1;
                self.n_replicates_within += n_replicates;
            }
        }
        if !self.window.has(call.due) {
            self.n_warm_up += 1;
            return;
        }
        let latency = call.ended.saturating_duration_since(call.due);
        if let Some(sent) = call.sent {
            let delay = sent.saturating_duration_since(call.due);
            self.largest_delay = self.largest_delay.max(delay);
            self.n_late += u64::from(LATE < delay);
        }
        let wait = match call.outcome {
            Outcome::Answered { .. } => latency,
            _ => latency.max(self.deadline),
        };
        for counts in [&mut self.due, self.by_kind.entry(call.kind).or_default()] {
            counts.add(&call.outcome, latency);
            counts.waits.record(wait);
        }
        self.add_error(&call.outcome, latency);
    }

    fn add_error(&mut self, outcome: &Outcome, latency: Duration) {
        let class = match outcome {
            Outcome::Answered { .. } => return,
            Outcome::Differs => ("OK", "ANSWER_DIFFERS".to_owned()),
            Outcome::NotSent => ("NOT_SENT", "TOO_MANY_IN_FLIGHT".to_owned()),
            Outcome::Failed(failure) => {
                if is_refusal(failure) {
                    self.refusals.record(latency);
                }
                (code_name(failure.code), failure.reason.clone())
            }
        };
        *self.errors.entry(class).or_default() += 1;
    }

    pub(crate) fn errors(&self) -> Vec<ErrorCount> {
        let count = |((code, reason), count): (&(&'static str, String), &u64)| ErrorCount {
            code: (*code).to_owned(),
            reason: reason.clone(),
            count: *count,
        };
        self.errors.iter().map(count).collect()
    }

    pub(crate) fn by_kind(&self) -> Vec<KindReport> {
        let report = |(kind, counts): (&Kind, &Counts)| KindReport {
            kind: *kind,
            scheduled: counts.n,
            answered: counts.n_answered,
            latency: counts.latencies.report(),
            wait: counts.waits.report(),
        };
        self.by_kind.iter().map(report).collect()
    }

    pub(crate) fn refusal_latency(&self) -> Option<Latency> {
        self.refusals.report()
    }
}

impl Counts {
    fn add(&mut self, outcome: &Outcome, latency: Duration) {
        self.n += 1;
        match outcome {
            Outcome::Answered { .. } => {
                self.n_answered += 1;
                self.latencies.record(latency);
            }
            Outcome::Differs => self.n_different += 1,
            Outcome::NotSent => self.n_not_sent += 1,
            Outcome::Failed(failure) if is_refusal(failure) => self.n_refused += 1,
            Outcome::Failed(_) => self.n_failed += 1,
        }
    }

    /// Share of the calls that have no right answer; 0 of no calls.
    pub(crate) fn error_share(&self) -> f64 {
        if self.n == 0 { 0.0 } else { (self.n - self.n_answered) as f64 / self.n as f64 }
    }
}

/// Whether a service turned the call away before it worked for it.
fn is_refusal(failure: &Failure) -> bool {
    failure.code == Code::ResourceExhausted && failure.retry_after.is_some()
}

/// Latencies in microseconds, to 0.1 %.
#[derive(Debug)]
pub(crate) struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, DIGITS);
        Self(histogram.expect("the bounds are constants that fit each other"))
    }
}

impl Latencies {
    fn record(&mut self, latency: Duration) {
        let us = u64::try_from(latency.as_micros()).unwrap_or(LONGEST_US);
        self.0.saturating_record(us.max(1));
    }

    /// Mean and quantiles; nothing of no calls.
    pub(crate) fn report(&self) -> Option<Latency> {
        if self.0.is_empty() {
            return None;
        }
        let at = |quantile: f64| self.0.value_at_quantile(quantile) as f64 / 1000.0;
        Some(Latency {
            count: self.0.len(),
            mean_ms: self.0.mean() / 1000.0,
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: self.0.max() as f64 / 1000.0,
        })
    }
}

/// A code as gRPC spells it.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(begin: Instant, due_ms: u64, took_ms: u64, outcome: Outcome) -> Ended {
        let due = begin + Duration::from_millis(due_ms);
        let ended = due + Duration::from_millis(took_ms);
        Ended { kind: Kind::Cox, due, sent: Some(due), ended, outcome }
    }

    /// A window of a second after one of warm-up: what is due counts where it is due, what is finished
    /// where it ends.
    #[test]
    fn calls_count_where_they_are_due_and_answers_where_they_come() {
        let begin = Instant::now();
        let second = Duration::from_secs(1);
        let window = Window { begin: begin + second, end: begin + 2 * second };
        let mut tally = Tally::new(window, 10 * second);
        let answered = || Outcome::Answered { n_replicates: 10 };
        tally.add(&ended(begin, 900, 300, answered()));
        tally.add(&ended(begin, 1000, 100, answered()));
        tally.add(&ended(begin, 1900, 300, answered()));
        let busy = Failure::busy(Duration::from_millis(1));
        tally.add(&ended(begin, 1500, 2, Outcome::Failed(busy)));
        tally.add(&ended(begin, 1500, 3, Outcome::Failed(Failure::too_large(2, 1))));
        tally.add(&ended(begin, 1600, 0, Outcome::NotSent));
        assert_eq!(tally.n_warm_up, 1);
        let due = &tally.due;
        assert_eq!((due.n, due.n_answered, due.n_refused), (5, 2, 1));
        assert_eq!((due.n_failed, due.n_not_sent, due.n_different), (1, 1, 0));
        assert_eq!((tally.n_answered_within, tally.n_replicates_within), (2, 20));
        assert_eq!(due.error_share(), 0.6);
        let latency = due.latencies.report().unwrap();
        assert!((latency.max_ms - 300.0).abs() < 0.5 && latency.count == 2, "{latency:?}");
        // Three of five have waited for their ten seconds.
        let wait = due.waits.report().unwrap();
        assert!((wait.p50_ms - 10_000.0).abs() < 10.0 && wait.count == 5, "{wait:?}");
        let errors: Vec<_> = tally.errors().into_iter().map(|error| error.reason).collect();
        assert_eq!(errors, ["TOO_MANY_IN_FLIGHT", "BUSY", "MESSAGE_TOO_LARGE"]);
        assert_eq!(tally.refusal_latency().unwrap().count, 1);
    }

    #[test]
    fn a_call_that_leaves_late_is_counted() {
        let begin = Instant::now();
        let window = Window { begin, end: begin + Duration::from_secs(1) };
        let mut tally = Tally::new(window, Duration::from_secs(10));
        let mut call = ended(begin, 0, 50, Outcome::Answered { n_replicates: 0 });
        call.sent = Some(begin + Duration::from_millis(40));
        tally.add(&call);
        assert_eq!((tally.n_late, tally.largest_delay), (1, Duration::from_millis(40)));
    }
}
