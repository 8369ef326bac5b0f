//! The requests of a study, encoded once: those that the coordinator would send, and bootstraps of
//! the study's main results.
//!
//! `pipeline` says what is asked and answers it here, since later questions stand on earlier answers;
//! so a load test of the services needs no coordinator, and one study makes all its requests.

use crate::Kind;
use cohort::{Cohort, Selection, Term};
use cox::CoxQuery;
use pipeline::{Pipeline, PipelineError, Question, QuestionError, Task};
use prost::Message;
use prost::bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use study::protocol::{Protocol, Violation};
use survival::CurvesQuery;
use thiserror::Error;
use wire::matching::{BalanceQuestion, PropensityQuestion};
use wire::pb::bootstrap as pb;
use wire::pb::study::{RunStudyRequest, run_study_request::Piece};
use wire::{matching, regression, survival as curves};

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
        replicates: Replicates,
    ) -> Result<Self, RequestsError> {
        let text = String::from_utf8_lossy(study_file);
        let protocol = study::protocol::read(&text).map_err(RequestsError::Study)?;
        let prepared = pipeline::prepare(study_file, table).map_err(RequestsError::Study)?;
        let tasks = answered(Pipeline::new(prepared))?;
        let mut requests = Self::default();
        for task in &tasks {
            let (kind, message) = encoded(task);
            requests.add(Payload {
                kind,
                name: task.key.clone(),
                messages: vec![message],
                n_replicates: 0,
            });
        }
        bootstraps(&protocol, &tasks, replicates).into_iter().for_each(|one| requests.add(one));
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

/// The message in which the coordinator asks this.
fn encoded(task: &Task) -> (Kind, Bytes) {
    let (cohort, rows) = (task.cohort.as_ref(), &task.selection);
    match &task.question {
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
    }
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

/// The bootstraps of the study's main results.
fn bootstraps(protocol: &Protocol, tasks: &[Task], replicates: Replicates) -> Vec<Payload> {
    let plan = |unit: &Option<String>| pb::BootstrapPlan {
        // Larger seeds than a message holds are refused on the command line.
        seed: i64::try_from(replicates.seed).unwrap_or(i64::MAX),
        replicate_count: i32::try_from(replicates.n).unwrap_or(i32::MAX),
        unit_column: unit.clone().unwrap_or_default(),
        ..pb::BootstrapPlan::default()
    };
    let payload = |kind, name: &str, message: Bytes| Payload {
        kind,
        name: name.into(),
        messages: vec![message],
        n_replicates: u64::from(replicates.n),
    };
    let mut payloads = Vec::new();
    if let Some(sample) = MainSample::of(protocol, tasks) {
        let (ratio, medians) = (sample.ratio(protocol), sample.medians(protocol));
        let both = Quantities { cox: ratio.cox.clone(), ..medians.clone() };
        let (plan, name) = (plan(&sample.unit), &sample.name);
        payloads.push(payload(Kind::ReplicatesRatio, name, bytes(&ratio.replicates(plan.clone()))));
        payloads.push(payload(
            Kind::ReplicatesMedian,
            name,
            bytes(&medians.replicates(plan.clone())),
        ));
        payloads.push(payload(Kind::Intervals, name, bytes(&both.intervals(plan))));
    }
    if let Some((task, query)) = largest_model(tasks) {
        let model = Quantities::of_model(&task.cohort, &task.selection, query);
        let message = bytes(&model.replicates(plan(&query.cluster)));
        payloads.push(payload(Kind::ReplicatesModel, &task.key, message));
    }
    payloads
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
struct MainSample {
    name: String,
    cohort: Arc<Cohort>,
    selection: Selection,
    curves: CurvesQuery,
    /// Column of the pairs, which are drawn as a whole.
    unit: Option<String>,
}

impl MainSample {
    /// The patients whose curves by arm the study shows last for its first endpoint, without weights.
    fn of(protocol: &Protocol, tasks: &[Task]) -> Option<Self> {
        let endpoint = &protocol.endpoints.first()?.id;
        let populations = [protocol.adjusted(), Some(Default::default())];
        let shown = |population: study::protocol::Population| {
            let begin = format!("{endpoint} {} curves", population.id());
            tasks.iter().find_map(|task| match &task.question {
                Question::Curves(query) if task.key.starts_with(&begin) => Some((task, query)),
                _ => None,
            })
        };
        let (task, query) = populations
            .into_iter()
            .flatten()
            .filter_map(shown)
            .find(|(_, query)| query.weights.is_none())?;
        let unit = tasks.iter().filter(|other| other.selection == task.selection).find_map(cluster);
        Some(Self {
            name: task.key.clone(),
            cohort: Arc::clone(&task.cohort),
            selection: task.selection.clone(),
            curves: query.clone(),
            unit,
        })
    }

    /// The log hazard ratio of the arms.
    fn ratio(&self, protocol: &Protocol) -> Quantities {
        let exposure = &protocol.exposure;
        let arm = Term::Factor {
            column: exposure.column.clone(),
            reference: Some(exposure.comparator.value.clone()),
        };
        let model = CoxQuery {
            cluster: self.unit.clone(),
            ..CoxQuery::new(self.curves.endpoint.clone(), vec![arm])
        };
        Quantities::of_model(&self.cohort, &self.selection, &model)
    }

    /// The difference of the arms' medians.
    fn medians(&self, protocol: &Protocol) -> Quantities {
        // The request of curves by pairs has every column that is needed.
        let query = CurvesQuery { cluster: self.unit.clone(), ..self.curves.clone() };
        let request = curves::curves_request(self.cohort.as_ref(), &self.selection, &query);
        let median = pb::SurvivalQuantity {
            measure: pb::SurvivalMeasure::Quantile.into(),
            at: Some(0.5),
            group: Some(protocol.exposure.exposed.value.clone()),
            reference: Some(protocol.exposure.comparator.value.clone()),
        };
        Quantities {
            cohort: request.cohort,
            selection: request.selection,
            survival: Some(pb::SurvivalQuantities {
                endpoint: request.endpoint,
                group_column: request.group_column,
                quantities: vec![median],
            }),
            cox: None,
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

/// What is bootstrapped, in messages.
#[derive(Clone)]
struct Quantities {
    cohort: Option<wire::pb::common::Cohort>,
    selection: Option<wire::pb::common::Selection>,
    survival: Option<pb::SurvivalQuantities>,
    cox: Option<wire::pb::regression::CoxModel>,
}

impl Quantities {
    fn of_model(cohort: &Cohort, selection: &Selection, query: &CoxQuery) -> Self {
        let request = regression::cox_request(cohort, selection, query);
        Self {
            cohort: request.cohort,
            selection: request.selection,
            survival: None,
            cox: request.model,
        }
    }

    fn replicates(self, plan: pb::BootstrapPlan) -> pb::RunReplicatesRequest {
        pb::RunReplicatesRequest {
            cohort: self.cohort,
            selection: self.selection,
            first_replicate: 0,
            replicate_count: plan.replicate_count,
            plan: Some(plan),
            quantities: Some(pb::BootstrapQuantities { survival: self.survival, cox: self.cox }),
        }
    }

    fn intervals(self, plan: pb::BootstrapPlan) -> pb::EstimateIntervalsRequest {
        pb::EstimateIntervalsRequest {
            cohort: self.cohort,
            selection: self.selection,
            plan: Some(plan),
            quantities: Some(pb::BootstrapQuantities { survival: self.survival, cox: self.cox }),
            options: None,
        }
    }
}
