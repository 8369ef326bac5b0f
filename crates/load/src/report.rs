//! What a load test found, as the JSON that programs read; [`crate::text`] prints it for people.

use crate::run::LoadPlan;
use crate::schedule::Arrivals;
use crate::tally::Tally;
use crate::{Kind, Target};
use clap::ValueEnum;
use schemars::JsonSchema;
use serde::Serialize;

/// The name of the result format.
pub const SCHEMA: &str = "equipoise-load/1";

/// Growth of the number of unanswered calls, as a share of those that were due, beyond which a rate is
/// more than the servers keep up with.
const GROWTH_SHARE: f64 = 0.05;

/// Growth that chance alone may bring: the calls that happen to be under way at the end.
const GROWTH_BY_CHANCE: f64 = 3.0;

/// A finished load test.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct LoadReport {
    /// Format: `equipoise-load/1`.
    pub schema: String,
    /// Version of the generator.
    pub equipoise_version: String,
    /// What was in force.
    pub settings: SettingsReport,
    /// The steps in the order in which they were run.
    pub steps: Vec<StepReport>,
    /// Where the servers stop keeping up; absent when the first step was too much already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub knee: Option<Knee>,
    /// Whether every step was run to its end.
    pub is_complete: bool,
}

/// What was in force in a load test.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct SettingsReport {
    /// Addresses, with the service in front where one was named.
    pub targets: Vec<String>,
    /// Connections to each target.
    pub connections: usize,
    /// Kinds of calls with their weights.
    pub mix: Vec<Weight>,
    /// How calls were spread over time.
    pub arrivals: Arrivals,
    /// Seed of times and kinds.
    pub seed: u64,
    /// Seconds at the beginning of each step that do not count.
    pub warm_up_seconds: f64,
    /// Seconds of each step that count.
    pub duration_seconds: f64,
    /// Calls that may be under way at a time.
    pub in_flight_limit: usize,
    /// Seconds that each call has, from when it is due.
    pub deadline_seconds: f64,
    /// Whether answers were compared with the first to the same request.
    pub compares_answers: bool,
    /// Largest share of calls without a right answer of a step that is sustained.
    pub error_limit: f64,
    /// Largest 99th percentile of the waits of a step that is sustained; absent = any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_limit_ms: Option<f64>,
}

/// How often a kind of call is made, relative to the others.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Weight {
    /// The kind.
    pub kind: Kind,
    /// Its weight.
    pub weight: f64,
}

/// What came of one rate. Counts are those of the calls that were due in the measured time; every call
/// is in one of `answered`, `refused`, `failed`, `different` and `not_sent`.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct StepReport {
    /// Calls a second that were due.
    pub rate_per_second: f64,
    /// Calls made before measuring began, and left aside.
    pub warm_up_calls: u64,
    /// Calls that were due.
    pub scheduled: u64,
    /// Calls with a right answer in time.
    pub answered: u64,
    /// Calls that a service turned away at once (RESOURCE_EXHAUSTED with a delay to come back after).
    pub refused: u64,
    /// Calls that failed otherwise; `errors` says how.
    pub failed: u64,
    /// Calls whose answer differs from the first one to the same request.
    pub different: u64,
    /// Calls that never left, because too many were under way until half of their time had passed.
    pub not_sent: u64,
    /// Calls that left more than 5 ms after they were due: held up by the limit of calls under way, or
    /// by a generator that is itself short of processor.
    pub late: u64,
    /// The longest such delay.
    pub largest_delay_ms: f64,
    /// Most calls that were under way at a time.
    pub most_in_flight: usize,
    /// Answers a second within the measured time, whenever their calls were due.
    pub answered_per_second: f64,
    /// Replicates a second in those answers.
    pub replicates_per_second: f64,
    /// How much the number of unanswered calls grew in the measured time; negative if it shrank.
    pub backlog_growth: i64,
    /// Latency of answered calls from when they were due; absent if none was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// Waits of all calls that were due: the latency of those that were answered, and of every other one
    /// all the time that it had (`deadline_seconds`), or longer where it took longer. Its percentiles
    /// cannot become better by answering less. Absent if no call was due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<Latency>,
    /// Latency of refusals, which should be short; absent if nothing was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal_latency: Option<Latency>,
    /// The same by kind of call.
    pub kinds: Vec<KindReport>,
    /// What went wrong, by class.
    pub errors: Vec<ErrorCount>,
    /// Whether the step kept to its limits and the servers kept up with the rate; not if no call was due.
    pub is_sustained: bool,
}

/// Counts and latency of one kind of call.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct KindReport {
    /// The kind.
    pub kind: Kind,
    /// Calls that were due.
    pub scheduled: u64,
    /// Calls with a right answer in time.
    pub answered: u64,
    /// Latency of those; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// Waits of all, those without an answer included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<Latency>,
}

/// Latencies in milliseconds, to 0.1 %.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Latency {
    /// Number of calls.
    pub count: u64,
    /// Mean.
    pub mean_ms: f64,
    /// Median.
    pub p50_ms: f64,
    /// 90th percentile.
    pub p90_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
    /// 99.9th percentile.
    pub p999_ms: f64,
    /// Longest.
    pub max_ms: f64,
}

/// Calls that went wrong in one way.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct ErrorCount {
    /// gRPC code such as `RESOURCE_EXHAUSTED`; `NOT_SENT` for calls that never left, `OK` for answers
    /// that differ from the first one.
    pub code: String,
    /// Reason within the code such as `BUSY`; empty if the status came from elsewhere.
    pub reason: String,
    /// Number of calls.
    pub count: u64,
}

/// The rates between which the servers stop keeping up.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Knee {
    /// Highest rate up to which every step was sustained, in the order of rates.
    pub sustained_per_second: f64,
    /// Lowest rate above it, which was not; absent when every step was sustained: the knee is higher
    /// than all rates that were tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exceeded_per_second: Option<f64>,
}

impl LoadReport {
    pub(crate) fn new(
        plan: &LoadPlan,
        steps: Vec<StepReport>,
        knee: Option<Knee>,
        is_complete: bool,
    ) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            equipoise_version: env!("CARGO_PKG_VERSION").to_owned(),
            settings: SettingsReport::of(plan),
            steps,
            knee,
            is_complete,
        }
    }

    /// Whether something answered, and nothing answered wrongly.
    #[must_use]
    pub fn has_answers(&self) -> bool {
        self.steps.iter().any(|step| step.answered > 0)
            && self.steps.iter().all(|step| step.different == 0)
    }

    /// Whether every step was run and kept to its limits.
    #[must_use]
    pub fn is_sustained(&self) -> bool {
        self.is_complete && self.steps.iter().all(|step| step.is_sustained)
    }

    /// The report as JSON, indented, with a line feed at the end.
    #[must_use]
    pub fn json(&self) -> String {
        let text =
            serde_json::to_string_pretty(self).expect("a report has string keys and numbers alone");
        format!("{text}\n")
    }
}

/// The JSON Schema of [`LoadReport`], indented, with a line feed at the end.
#[must_use]
pub fn json_schema() -> String {
    let schema = schemars::schema_for!(LoadReport);
    let text = serde_json::to_string_pretty(&schema).expect("a schema has string keys alone");
    format!("{text}\n")
}

impl SettingsReport {
    fn of(plan: &LoadPlan) -> Self {
        let target = |target: &Target| match target.service.and_then(|one| one.to_possible_value())
        {
            Some(service) => format!("{}={}", service.get_name(), target.address),
            None => target.address.clone(),
        };
        Self {
            targets: plan.targets.iter().map(target).collect(),
            connections: plan.n_connections,
            mix: plan.mix.iter().map(|&(kind, weight)| Weight { kind, weight }).collect(),
            arrivals: plan.arrivals,
            seed: plan.seed,
            warm_up_seconds: plan.warm_up.as_secs_f64(),
            duration_seconds: plan.duration.as_secs_f64(),
            in_flight_limit: plan.in_flight,
            deadline_seconds: plan.deadline.as_secs_f64(),
            compares_answers: plan.compare_answers,
            error_limit: plan.limits.error_share,
            latency_limit_ms: plan.limits.latency.map(|limit| limit.as_secs_f64() * 1e3),
        }
    }
}

impl StepReport {
    pub(crate) fn new(plan: &LoadPlan, rate: f64, tally: &Tally, most_in_flight: usize) -> Self {
        let (due, seconds) = (&tally.due, plan.duration.as_secs_f64());
        let backlog_growth = due.n as i64 - tally.n_ended_within as i64;
        let wait = due.waits.report();
        let allowed = GROWTH_BY_CHANCE.max(GROWTH_SHARE * due.n as f64);
        let is_fast = plan
            .limits
            .latency
            .is_none_or(|limit| wait.is_some_and(|wait| wait.p99_ms <= limit.as_secs_f64() * 1e3));
        Self {
            rate_per_second: rate,
            warm_up_calls: tally.n_warm_up,
            scheduled: due.n,
            answered: due.n_answered,
            refused: due.n_refused,
            failed: due.n_failed,
            different: due.n_different,
            not_sent: due.n_not_sent,
            late: tally.n_late,
            largest_delay_ms: tally.largest_delay.as_secs_f64() * 1e3,
            most_in_flight,
            answered_per_second: tally.n_answered_within as f64 / seconds,
            replicates_per_second: tally.n_replicates_within as f64 / seconds,
            backlog_growth,
            latency: due.latencies.report(),
            wait,
            refusal_latency: tally.refusal_latency(),
            kinds: tally.by_kind(),
            errors: tally.errors(),
            is_sustained: due.n > 0
                && due.error_share() <= plan.limits.error_share
                && is_fast
                && backlog_growth as f64 <= allowed,
        }
    }
}

/// The rates between which steps stop being sustained.
pub(crate) fn knee(steps: &[StepReport]) -> Option<Knee> {
    let mut by_rate: Vec<&StepReport> = steps.iter().collect();
    by_rate.sort_by(|one, other| one.rate_per_second.total_cmp(&other.rate_per_second));
    let n_sustained = by_rate.iter().take_while(|step| step.is_sustained).count();
    Some(Knee {
        sustained_per_second: by_rate.get(n_sustained.checked_sub(1)?)?.rate_per_second,
        exceeded_per_second: by_rate.get(n_sustained).map(|step| step.rate_per_second),
    })
}
