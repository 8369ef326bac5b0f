//! The statistical services as the coordinator sees them: a question goes out, an answer comes
//! back.

use crate::cohorts::{Cohorts, Named};
use crate::shards::{self, Ask};
use ::bootstrap::Replicates;
use ::wire::failure::impossibility;
use ::wire::matching::{BalanceQuestion, PropensityQuestion};
use ::wire::pb::matching::matching_service_client::MatchingServiceClient;
use ::wire::pb::regression::regression_service_client::RegressionServiceClient;
use ::wire::pb::survival::survival_service_client::SurvivalServiceClient;
use ::wire::{Malformed, matching, regression, survival};
use cohort::{Cohort, Estimate, Selection};
use cohort_store::Desk;
use pipeline::{
    Answer, Bootstrap, BootstrapQuery, BootstrappedQuantity, IntervalsQuery, Question, Task,
};
use service_kit::{
    CallPolicy, Compute, Deadline, Endpoint, Failure, Pool, Settings, StartError, call,
};
use std::sync::Arc;
use tonic::transport::Channel;
use tonic::{Code, Status};

/// Times a question is asked before a service counts as gone: with the growing waits between them
/// long enough for a pod to be replaced, and short enough for a person to wait for the message.
const TRIES: u32 = 6;

/// Where the statistical services are; see [`Pool::connect`].
#[derive(clap::Args, Clone, Debug)]
pub struct Addresses {
    /// The matching service: http://host:port, several of these with commas between them, or
    /// dns:///name:port for all addresses of a name.
    #[arg(long, env = "EQUIPOISE_MATCHING", default_value = "http://127.0.0.1:50052")]
    pub matching: String,
    /// The survival service, likewise.
    #[arg(long, env = "EQUIPOISE_SURVIVAL", default_value = "http://127.0.0.1:50053")]
    pub survival: String,
    /// The regression service, likewise.
    #[arg(long, env = "EQUIPOISE_REGRESSION", default_value = "http://127.0.0.1:50054")]
    pub regression: String,
    /// The bootstrap service, likewise.
    #[arg(long, env = "EQUIPOISE_BOOTSTRAP", default_value = "http://127.0.0.1:50055")]
    pub bootstrap: String,
}

impl Addresses {
    /// Pools of the services at these addresses; they connect at their first call.
    ///
    /// # Errors
    /// [`StartError::Uri`] if an address is none that [`Pool::connect`] takes.
    pub fn connect(&self, settings: &Settings) -> Result<Statistics, StartError> {
        Ok(Statistics::new(
            Pool::connect(&self.matching)?,
            Pool::connect(&self.survival)?,
            Pool::connect(&self.regression)?,
            Pool::connect(&self.bootstrap)?,
            settings,
        ))
    }
}

/// A table of questions: of each the service and method that take it, the request, and how the answer is read;
/// behind `else` the one that no single call answers.
macro_rules! questions {
    (
        ($statistics:ident, $named:ident, $deadline:ident) match &$task:ident.$question:ident {
            $($kind:pat => $service:ident.$method:ident($request:expr) => $read:expr;)*
        } else $other:pat => $answer:block
    ) => {
        match &$task.$question {
            $($kind => {
                let limit = $statistics.policy.message_limit_bytes;
                let send = |endpoint: Endpoint, request| {
                    let client = <client!($service)>::new(endpoint.channel());
                    let client = client.max_encoding_message_size(limit);
                    let client = client.max_decoding_message_size(limit);
                    $statistics.cohorts.call(endpoint, &$named, request, move |request| {
                        let mut client = client.clone();
                        async move { client.$method(request).await }
                    })
                };
                let (policy, pool) = (&$statistics.policy, &$statistics.$service);
                let answer = call(policy, $deadline, pool, &$request, send).await?;
                ($read)(answer).map_err(|malformed| unreadable(malformed).into())
            })*
            $other => $answer
        }
    };
}

/// The type of the client of a service.
macro_rules! client {
    (matching) => {
        MatchingServiceClient<Channel>
    };
    (survival) => {
        SurvivalServiceClient<Channel>
    };
    (regression) => {
        RegressionServiceClient<Channel>
    };
}

/// The pools of the four services; clones share them.
#[derive(Clone, Debug)]
pub struct Statistics {
    matching: Pool,
    survival: Pool,
    regression: Pool,
    bootstrap: Pool,
    policy: CallPolicy,
    cohorts: Cohorts,
}

impl Statistics {
    /// Services behind these pools, which may be the same.
    #[must_use]
    pub fn new(
        matching: Pool,
        survival: Pool,
        regression: Pool,
        bootstrap: Pool,
        settings: &Settings,
    ) -> Self {
        let policy = CallPolicy {
            tries: TRIES,
            message_limit_bytes: settings.message_limit_bytes,
            ..CallPolicy::default()
        };
        let cohorts = Cohorts::new(settings);
        Self { matching, survival, regression, bootstrap, policy, cohorts }
    }

    /// The same services, of which it is known that they run within this process behind this desk: a
    /// large cohort is shared with them.
    #[must_use]
    pub fn within(self, desk: &Desk) -> Self {
        Self { cohorts: self.cohorts.within(desk.cohorts()), ..self }
    }

    /// Asks whoever can answer; data that cannot answer give the reason.
    pub(crate) async fn ask(
        &self,
        task: &Task,
        compute: &Compute,
        deadline: Deadline,
    ) -> Result<Estimate<Answer>, Failure> {
        match self.send(task, compute, deadline).await {
            Ok(answer) => Ok(Ok(answer)),
            Err(status) => {
                let mut failure = Failure::from(&status);
                if let Question::Bootstrap { .. } = &task.question {
                    failure = in_protocol(failure);
                }
                if failure.code == Code::Unavailable {
                    let service = service_of(&task.question);
                    failure.message =
                        format!("the {service} service cannot be reached ({})", failure.message);
                }
                // Without weights there is no study, and the words say which variable is at fault.
                let reason = match &task.question {
                    Question::Weigh(_) => None,
                    _ => impossibility(&failure),
                };
                reason.map(Err).ok_or(failure)
            }
        }
    }

    async fn send(
        &self,
        task: &Task,
        compute: &Compute,
        deadline: Deadline,
    ) -> Result<Answer, Status> {
        let named = self.cohorts.name(&task.cohort, compute, deadline).await?;
        let (cohort, rows) = (named.reference(), &task.selection);
        questions! { (self, named, deadline) match &task.question {
            Question::Propensity { model, discard } => matching.estimate_propensity({
                let question = PropensityQuestion { model: model.clone(), discard: *discard };
                matching::propensity_request(cohort, rows, &question)
            }) => boxed(Answer::Propensity);
            Question::Match(query) => matching.match_pairs(
                matching::match_request(cohort, rows, query)
            ) => plain(Answer::Match);
            Question::Weigh(query) => matching.estimate_weights(
                matching::weights_request(cohort, rows, query)
            ) => boxed(Answer::Weigh);
            Question::Balance { reference, query } => matching.assess_balance({
                let (reference, query) = (reference.clone(), query.clone());
                matching::balance_request(cohort, rows, &BalanceQuestion { reference, query })
            }) => boxed(Answer::Balance);
            Question::HiddenBias(query) => matching.bound_hidden_bias(
                matching::hidden_bias_request(cohort, rows, query)
            ) => plain(Answer::HiddenBias);
            Question::Curves(query) => survival.estimate_curves(
                survival::curves_request(cohort, rows, query)
            ) => plain(Answer::Curves);
            Question::Compare(query) => survival.compare_curves(
                survival::comparison_request(cohort, rows, query)
            ) => plain(Answer::Compare);
            Question::Contrast(query) => survival.contrast_curves(
                survival::contrasts_request(cohort, rows, query)
            ) => boxed(Answer::Contrast);
            Question::FollowUp(query) => survival.summarise_follow_up(
                survival::follow_up_request(cohort, rows, query)
            ) => boxed(Answer::FollowUp);
            Question::OverTime(query) => regression.diagnose_cox(
                regression::diagnostics_request(cohort, rows, query)
            ) => |answer| regression::over_time_from(answer).map(Answer::OverTime);
            Question::Piecewise(query) => regression.fit_piecewise_cox(
                regression::piecewise_request(cohort, rows, query)
            ) => boxed(Answer::Piecewise);
            Question::Cox(query) => regression.fit_cox(regression::cox_request(cohort, rows, query))
                => boxed(Answer::Cox);
            Question::Screen(query) => regression.screen_cox(
                regression::screen_request(cohort, rows, query)
            ) => |answer| regression::screen_from(answer).map(Answer::Screen);
            Question::Select(query) => regression.select_cox(
                regression::selection_request(cohort, rows, query)
            ) => boxed(Answer::Select);
        } else Question::Bootstrap { query, intervals } => {
            let replicates = self.all_replicates(named, rows, query, deadline).await?;
            let quantities = intervals_of(task, query, replicates, intervals);
            compute.run(deadline, move |_| quantities()).await.map(Answer::Bootstrap)
        } }
    }

    /// All replicates of a bootstrap, from all workers that are ready: the same bytes for any number of
    /// them, and when some are lost, slow or busy on the way.
    ///
    /// # Errors
    /// What a worker says of the question; UNAVAILABLE if no worker could be reached for some seconds;
    /// DEADLINE_EXCEEDED. A busy worker is waited for until the deadline.
    pub async fn replicates(
        &self,
        cohort: &Arc<Cohort>,
        selection: &Selection,
        query: &BootstrapQuery,
        compute: &Compute,
        deadline: Deadline,
    ) -> Result<Replicates, Failure> {
        let named = self.cohorts.name(cohort, compute, deadline).await;
        let named = named.map_err(|status| Failure::from(&status))?;
        self.all_replicates(named, selection, query, deadline).await
    }

    async fn all_replicates(
        &self,
        cohort: Named,
        selection: &Selection,
        query: &BootstrapQuery,
        deadline: Deadline,
    ) -> Result<Replicates, Failure> {
        let cohort = (self.cohorts.clone(), cohort);
        let ask = Ask::new(self.policy.clone(), deadline, cohort, selection, query);
        shards::replicates(&self.bootstrap, ask).await
    }
}

/// The failure of a bootstrap with its faults where the study file has them.
fn in_protocol(mut failure: Failure) -> Failure {
    let (asked, key) = ("plan.replicate_count", "bootstrap.replicates");
    for violation in failure.violations.iter_mut().filter(|violation| violation.field == asked) {
        violation.field = key.into();
    }
    if let Some(rest) = failure.message.strip_prefix(asked) {
        failure.message = format!("{key}{rest}");
    }
    failure
}

/// Makes intervals of replicates; to be called on the pool.
fn intervals_of(
    task: &Task,
    query: &BootstrapQuery,
    replicates: Replicates,
    intervals: &IntervalsQuery,
) -> impl FnOnce() -> Result<Vec<BootstrappedQuantity>, Failure> + use<> {
    let (cohort, selection) = (Arc::clone(&task.cohort), task.selection.clone());
    let (query, intervals) = (query.clone(), intervals.clone());
    move || {
        let bootstrap = Bootstrap::read(&cohort, &selection, &query);
        let quantities = bootstrap
            .and_then(|bootstrap| Ok(bootstrap.intervals(&replicates, &intervals)?))
            // The workers have read the same sample.
            .map_err(|error| Failure::internal("INTERVALS", error.to_string()))?;
        Ok(quantities)
    }
}

/// Reads an answer of one kind.
fn plain<Message, T>(answer: fn(T) -> Answer) -> impl Fn(Message) -> Result<Answer, Malformed>
where
    T: TryFrom<Message, Error = Malformed>,
{
    move |message| T::try_from(message).map(answer)
}

/// The same of a large one.
fn boxed<Message, T>(answer: fn(Box<T>) -> Answer) -> impl Fn(Message) -> Result<Answer, Malformed>
where
    T: TryFrom<Message, Error = Malformed>,
{
    move |message| T::try_from(message).map(Box::new).map(answer)
}

/// The service that answers a question.
fn service_of(question: &Question) -> &'static str {
    match question {
        Question::Propensity { .. }
        | Question::Match(_)
        | Question::Weigh(_)
        | Question::Balance { .. }
        | Question::HiddenBias(_) => "matching",
        Question::Curves(_)
        | Question::Compare(_)
        | Question::Contrast(_)
        | Question::FollowUp(_) => "survival",
        Question::Cox(_)
        | Question::Screen(_)
        | Question::Select(_)
        | Question::OverTime(_)
        | Question::Piecewise(_) => "regression",
        Question::Bootstrap { .. } => "bootstrap",
    }
}

/// An answer that cannot be understood: a service of another version, or a fault of ours.
pub(crate) fn unreadable(malformed: Malformed) -> Failure {
    Failure::internal("UNREADABLE_ANSWER", malformed.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use service_kit::Violation;

    #[test]
    fn too_many_replicates_are_a_fault_of_the_study_file() {
        let description = "ask for fewer".to_owned();
        let violation = Violation { field: "plan.replicate_count".into(), description };
        let failure = in_protocol(Failure::invalid(vec![violation]));
        assert_eq!(failure.violations[0].field, "bootstrap.replicates");
        assert_eq!(failure.message, "bootstrap.replicates: ask for fewer");
    }
}
