//! The requests of a study, encoded once: those that the coordinator would send, and bootstraps of
//! the study's main results.
//!
//! `pipeline` says what is asked and answers it here, since later questions stand on earlier answers;
//! so a load test of the services needs no coordinator, and one study makes all its requests.

use crate::Kind;
use bootstrap::{BootstrapError, Plan, Resampling, UnitColumns};
use cohort::{EndpointColumns, NotEstimable, Term};
use cox::CoxQuery;
use pipeline::{
    BootstrapQuery, IntervalMethod, IntervalsQuery, Pipeline, PipelineError, Question,
    QuestionError, Scope, Task,
};
use prost::Message;
use prost::bytes::Bytes;
use std::collections::BTreeMap;
use study::protocol::{Population, Protocol, Violation};
use survival::{Measure, SurvivalQuantity, SurvivalStatisticQuery};
use thiserror::Error;
use wire::bootstrap::{BootstrapIntervalsQuery, ReplicatesQuery};
use wire::matching::{BalanceQuestion, PropensityQuestion};
use wire::pb::study::{RunStudyRequest, run_study_request::Piece};
use wire::{bootstrap as replicates, matching, regression, survival as curves};

/// Bytes of a piece of a file on its way to the coordinator.
const CHUNK_BYTES: usize = 1 << 20;

/// A request that is ready to be sent, any number of times.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    /// What it asks for.
    pub kind: Kind,
    /// Name of the question within the study.
    pub name: String,
    /// The messages of the request in the order in which they are sent: one, except of a study.
    pub messages: Vec<Bytes>,
    /// Replicates that its answer holds or rests on; 0 where it is no bootstrap.
    pub n_replicates: u64,
}

/// The requests of a study by kind; a kind that the study does not ask for is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Requests {
    by_kind: BTreeMap<Kind, Vec<Payload>>,
}

/// How bootstraps are asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Replicates {
    /// Replicates of a call.
    pub n: u32,
    /// Seed of the plan.
    pub seed: u64,
}

/// Why a study makes no requests.
#[derive(Debug, Error, PartialEq)]
pub enum RequestsError {
    /// The study file or the table is wrong.
    #[error("the study cannot be read")]
    Study(Vec<Violation>),
    /// A question has no answer, and others stand on it.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// There are no such numbers of replicates.
    #[error(transparent)]
    Replicates(#[from] BootstrapError),
    /// A question does not fit the patients.
    #[error("{key}: {error}")]
    Question {
        /// Name of the question.
        key: String,
        /// What is wrong.
        error: QuestionError,
    },
}

impl Requests {
    /// Answers the questions of a study, and encodes all that have an answer.
    ///
    /// # Errors
    ///
    /// A study file or table that is wrong, and a study that cannot go on.
    pub fn of_study(
        study_file: &[u8],
        table: &[u8],
        asked: Replicates,
    ) -> Result<Self, RequestsError> {
        let text = String::from_utf8_lossy(study_file);
        let protocol = study::protocol::read(&text).map_err(RequestsError::Study)?;
        let prepared = pipeline::prepare(study_file, table).map_err(RequestsError::Study)?;
        let tasks = answered(Pipeline::new(prepared))?;
        let mut requests = Self::default();
        for task in &tasks {
            let Some((kind, message)) = encoded(task) else { continue };
            requests.add(Payload {
                kind,
                name: task.key.clone(),
                messages: vec![message],
                n_replicates: 0,
            });
        }
        let plan = Plan::new(asked.seed, u64::from(asked.n), Resampling::default())?;
        for payload in Bootstraps::of_study(&protocol, &tasks, plan) {
            requests.add(payload);
        }
        requests.add(whole_study(&protocol, study_file, table));
        Ok(requests)
    }

    fn add(&mut self, payload: Payload) {
        self.by_kind.entry(payload.kind).or_default().push(payload);
    }

    /// The kinds that there are.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.by_kind.keys().copied()
    }

    /// The requests of a kind, in the order in which the study asks.
    #[must_use]
    pub fn of(&self, kind: Kind) -> &[Payload] {
        self.by_kind.get(&kind).map_or(&[], Vec::as_slice)
    }

    /// All requests, by kind.
    pub fn all(&self) -> impl Iterator<Item = &Payload> {
        self.by_kind.values().flatten()
    }
}

/// The questions of a study that have an answer.
fn answered(mut pipeline: Pipeline) -> Result<Vec<Task>, RequestsError> {
    let mut tasks = Vec::new();
    loop {
        let ready = pipeline.ready();
        if ready.is_empty() {
            return Ok(tasks);
        }
        for task in ready {
            if matches!(task.question, Question::Bootstrap { .. }) {
                // Nothing stands on it, and it takes longer than everything else together.
                pipeline.answer(&task.key, Err(NotEstimable::NotDefined))?;
                tasks.push(task);
                continue;
            }
            let answer = task
                .evaluate()
                .map_err(|error| RequestsError::Question { key: task.key.clone(), error })?;
            let has_answer = answer.is_ok();
            pipeline.answer(&task.key, answer)?;
            if has_answer {
                tasks.push(task);
            }
        }
    }
}

/// The message in which the coordinator asks this; none of a bootstrap, which it asks in parts.
fn encoded(task: &Task) -> Option<(Kind, Bytes)> {
    let (cohort, rows) = (task.cohort.as_ref(), &task.selection);
    Some(match &task.question {
        Question::Propensity { model, discard } => {
            let question = PropensityQuestion { model: model.clone(), discard: *discard };
            (Kind::Propensity, bytes(&matching::propensity_request(cohort, rows, &question)))
        }
        Question::Match(query) => {
            (Kind::Match, bytes(&matching::match_request(cohort, rows, query)))
        }
        Question::Weigh(query) => {
            (Kind::Weigh, bytes(&matching::weights_request(cohort, rows, query)))
        }
        Question::Balance { reference, query } => {
            let question = BalanceQuestion { reference: reference.clone(), query: query.clone() };
            (Kind::Balance, bytes(&matching::balance_request(cohort, rows, &question)))
        }
        Question::HiddenBias(query) => {
            (Kind::HiddenBias, bytes(&matching::hidden_bias_request(cohort, rows, query)))
        }
        Question::Curves(query) => {
            (Kind::Curves, bytes(&curves::curves_request(cohort, rows, query)))
        }
        Question::Compare(query) => {
            (Kind::Compare, bytes(&curves::comparison_request(cohort, rows, query)))
        }
        Question::Cox(query) => (Kind::Cox, bytes(&regression::cox_request(cohort, rows, query))),
        Question::Screen(query) => {
            (Kind::Screen, bytes(&regression::screen_request(cohort, rows, query)))
        }
        Question::Select(query) => {
            (Kind::Select, bytes(&regression::selection_request(cohort, rows, query)))
        }
        Question::Contrast(query) => {
            (Kind::Contrast, bytes(&curves::contrasts_request(cohort, rows, query)))
        }
        Question::FollowUp(query) => {
            (Kind::FollowUp, bytes(&curves::follow_up_request(cohort, rows, query)))
        }
        Question::OverTime(query) => {
            (Kind::OverTime, bytes(&regression::diagnostics_request(cohort, rows, query)))
        }
        Question::Piecewise(query) => {
            (Kind::Piecewise, bytes(&regression::piecewise_request(cohort, rows, query)))
        }
        Question::Bootstrap { .. } => return None,
    })
}

fn bytes(message: &impl Message) -> Bytes {
    message.encode_to_vec().into()
}

/// The whole study as the coordinator receives it.
fn whole_study(protocol: &Protocol, study_file: &[u8], table: &[u8]) -> Payload {
    let pieces = |bytes: &[u8], piece: fn(Vec<u8>) -> Piece| -> Vec<RunStudyRequest> {
        let request = |chunk: &[u8]| RunStudyRequest { piece: Some(piece(chunk.to_vec())) };
        bytes.chunks(CHUNK_BYTES).map(request).collect()
    };
    let mut messages = pieces(study_file, Piece::StudyFile);
    messages.extend(pieces(table, Piece::Table));
    Payload {
        kind: Kind::Study,
        name: protocol.study.id.clone(),
        messages: messages.iter().map(bytes).collect(),
        n_replicates: 0,
    }
}

/// The bootstraps of a study: its own, and those of single results.
struct Bootstraps {
    plan: Plan,
    payloads: Vec<Payload>,
}

impl Bootstraps {
    fn of_study(protocol: &Protocol, tasks: &[Task], plan: Plan) -> Vec<Payload> {
        let mut all = Self { plan, payloads: Vec::new() };
        for task in tasks {
            if let Question::Bootstrap { query, .. } = &task.question {
                all.add_own(task, query);
            }
        }
        if let Some(sample) = MainSample::of(protocol, tasks) {
            all.add_single(protocol, &sample);
        }
        if let Some((task, model)) = largest_model(tasks) {
            let units = UnitColumns { unit: model.cluster.clone(), ..UnitColumns::default() };
            let cox = vec![model.clone()];
            let query = BootstrapQuery { units, cox, ..BootstrapQuery::new(plan) };
            all.add_replicates(Kind::ReplicatesModel, task, query);
        }
        all.payloads
    }

    /// A bootstrap that the study asks for, with the number of replicates of the load test.
    fn add_own(&mut self, task: &Task, query: &BootstrapQuery) {
        let kind = match query.scope {
            Scope::Outcome => Kind::ReplicatesOutcome,
            Scope::Pipeline(_) => Kind::ReplicatesPipeline,
        };
        self.add_replicates(kind, task, BootstrapQuery { plan: self.plan, ..query.clone() });
    }

    /// The hazard ratio of the arms, the difference of their medians, and the intervals of both.
    fn add_single(&mut self, protocol: &Protocol, sample: &MainSample) {
        let nothing = || BootstrapQuery {
            units: UnitColumns { unit: sample.unit.clone(), ..UnitColumns::default() },
            ..BootstrapQuery::new(self.plan)
        };
        let (survival, cox) = (Some(sample.medians(protocol)), vec![sample.ratio(protocol)]);
        let ratio = BootstrapQuery { cox: cox.clone(), ..nothing() };
        let medians = BootstrapQuery { survival: survival.clone(), ..nothing() };
        let both = BootstrapQuery { survival, cox, ..nothing() };
        self.add_replicates(Kind::ReplicatesRatio, sample.task, ratio);
        self.add_replicates(Kind::ReplicatesMedian, sample.task, medians);
        let intervals =
            IntervalsQuery { methods: vec![IntervalMethod::Percentile], confidence: 0.95 };
        let question = BootstrapIntervalsQuery { bootstrap: both, intervals };
        let (cohort, rows) = (sample.task.cohort.as_ref(), &sample.task.selection);
        let message = bytes(&replicates::intervals_request(cohort, rows, &question));
        self.add(Kind::Intervals, sample.task, message);
    }

    fn add_replicates(&mut self, kind: Kind, task: &Task, bootstrap: BootstrapQuery) {
        let query = ReplicatesQuery { bootstrap, range: 0..self.plan.n_replicates() };
        let (cohort, rows) = (task.cohort.as_ref(), &task.selection);
        let message = bytes(&replicates::replicates_request(cohort, rows, &query));
        self.add(kind, task, message);
    }

    fn add(&mut self, kind: Kind, task: &Task, message: Bytes) {
        self.payloads.push(Payload {
            kind,
            name: task.key.clone(),
            messages: vec![message],
            n_replicates: self.plan.n_replicates(),
        });
    }
}

/// The Cox model of a study with the most terms, the first among equals; those of weighted patients
/// have no bootstrap.
fn largest_model(tasks: &[Task]) -> Option<(&Task, &CoxQuery)> {
    let models = tasks.iter().filter_map(|task| match &task.question {
        Question::Cox(query) if query.weights.is_none() => Some((task, query)),
        _ => None,
    });
    models.rev().max_by_key(|(_, query)| query.terms.len())
}

/// The patients of the main comparison: matched pairs where there are any, everybody elsewhere.
struct MainSample<'a> {
    /// The question about their curves.
    task: &'a Task,
    endpoint: &'a EndpointColumns,
    /// Column of the pairs, which are drawn as a whole.
    unit: Option<String>,
}

impl<'a> MainSample<'a> {
    /// The patients whose curves by arm the study shows last for its first endpoint, without weights.
    fn of(protocol: &Protocol, tasks: &'a [Task]) -> Option<Self> {
        let endpoint = &protocol.endpoints.first()?.id;
        let shown = |population: Population| {
            let begin = format!("{endpoint} {} curves", population.id());
            tasks.iter().find_map(|task| match &task.question {
                Question::Curves(query) if task.key.starts_with(&begin) => Some((task, query)),
                _ => None,
            })
        };
        let populations = protocol.adjusted().into_iter().chain([Population::All]);
        let (task, curves) =
            populations.filter_map(shown).find(|(_, query)| query.weights.is_none())?;
        let unit = tasks.iter().filter(|other| other.selection == task.selection).find_map(cluster);
        Some(Self { task, endpoint: &curves.endpoint, unit })
    }

    /// The model of the arms alone.
    fn ratio(&self, protocol: &Protocol) -> CoxQuery {
        let exposure = &protocol.exposure;
        let arm = Term::Factor {
            column: exposure.column.clone(),
            reference: Some(exposure.comparator.value.clone()),
        };
        CoxQuery::new(self.endpoint.clone(), vec![arm])
    }

    /// The difference of the arms' medians.
    fn medians(&self, protocol: &Protocol) -> SurvivalStatisticQuery {
        let exposure = &protocol.exposure;
        SurvivalStatisticQuery {
            endpoint: self.endpoint.clone(),
            group: Some(exposure.column.clone()),
            quantities: vec![SurvivalQuantity::Difference {
                measure: Measure::Quantile { probability: 0.5 },
                group: exposure.exposed.value.clone(),
                reference: exposure.comparator.value.clone(),
            }],
        }
    }
}

/// The column of clusters that a question names.
fn cluster(task: &Task) -> Option<String> {
    match &task.question {
        Question::Cox(query) => query.cluster.clone(),
        Question::Screen(query) => query.model.cluster.clone(),
        Question::Select(query) => query.model.cluster.clone(),
        _ => None,
    }
}
