//! The answer to a protocol: what `report.json` holds and everything that prints results reads.
//!
//! Every number stands once, as a [`Quantity`] under its id. Tables, text and figures look numbers
//! up by id, so that an abstract cannot disagree with a table. The [`Outline`] says which ids there
//! are and how they are called; [`id`] spells them.

pub mod id;
mod read;

pub use read::ReadResultError;

use crate::Protocol;
use cohort::{Caveat, Estimate, Interval, NotEstimable};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name of the result format.
pub const SCHEMA: &str = "equipoise-report/1";

/// Distribution functions that are further apart than this at some value are unlike: the limit of
/// standardised differences, for want of an agreed one. Distributions are compared beside their means
/// after Austin and Stuart (2015), Stat. Med. 34:3661-3679.
pub const LARGEST_ECDF: f64 = 0.1;

/// Ratios of variances outside these limits are extreme: Rubin (2001), Health Serv. Outcomes Res.
/// Methodol. 2:169-188.
pub const VARIANCE_RATIOS: [f64; 2] = [0.5, 2.0];

/// A finished study.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct StudyResult {
    /// Format: `equipoise-report/1`.
    pub schema: String,
    /// SHA-256 of the patient table as it was read, hexadecimal.
    pub data_sha256: String,
    /// SHA-256 of the study file as it was read, hexadecimal.
    pub protocol_sha256: String,
    /// The protocol with its defaults filled in.
    pub protocol: Protocol,
    /// Which ids there are, and how they are laid out.
    pub outline: Outline,
    /// Every number, in the order of the report.
    pub quantities: Vec<Quantity>,
    /// Survival curves, in the order of the report.
    pub curves: Vec<Curve>,
    /// Each coefficient over time, in the order of the report.
    #[serde(default)]
    pub over_time: Vec<CoefficientOverTime>,
    /// The replicates of each headline number in classes, in the order of the report.
    #[serde(default)]
    pub histograms: Vec<ReplicateHistogram>,
    /// Doubts about the study as a whole.
    pub caveats: Vec<Caveat>,
}

/// The JSON Schema of `report.json`, indented, with a line feed at the end.
#[must_use]
pub fn json_schema() -> String {
    let schema = schemars::schema_for!(StudyResult);
    let text = serde_json::to_string_pretty(&schema).expect("a schema has string keys alone");
    format!("{text}\n")
}

/// One number, or the reason why there is none.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Quantity {
    /// `endpoint/population/analysis/term/quantity[@time]`.
    pub id: String,
    /// The number; absent when it is not estimable.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<f64>,
    /// Why there is no number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub not_estimable: Option<NotEstimable>,
    /// Its interval, for quantities that have one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub interval: Option<Limits>,
    /// Unit of number and limits; absent for counts, ratios and probabilities.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<String>,
    /// How it was computed, in words.
    pub method: String,
    /// What a reader must know beside it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub caveats: Vec<Caveat>,
}

/// Confidence limits, each with its own reason when it does not exist.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Limits {
    /// Confidence, such as 0.95.
    pub confidence: f64,
    /// Lower limit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lower: Option<f64>,
    /// Why there is no lower limit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lower_not_estimable: Option<NotEstimable>,
    /// Upper limit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub upper: Option<f64>,
    /// Why there is no upper limit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub upper_not_estimable: Option<NotEstimable>,
}

/// A survival curve of one group: a step function with its numbers at risk.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Curve {
    /// `endpoint/population/survival/term`, such as `os/all/survival/rt=1`.
    pub id: String,
    /// Name of the group in a legend.
    pub label: String,
    /// Rule for the limits.
    pub interval: crate::protocol::IntervalRule,
    /// Confidence of the limits.
    pub confidence: f64,
    /// Number of subjects.
    pub n: usize,
    /// Distinct times, ascending, in the unit of the study.
    pub time: Vec<f64>,
    /// Number at risk just before each time.
    pub n_at_risk: Vec<usize>,
    /// Number of events at each time.
    pub n_events: Vec<usize>,
    /// Number censored at each time.
    pub n_censored: Vec<usize>,
    /// Survival just after each time.
    pub survival: Vec<f64>,
    /// Lower limit; absent where it is undefined.
    pub lower: Vec<Option<f64>>,
    /// Upper limit; absent where it is undefined.
    pub upper: Vec<Option<f64>>,
}

/// A coefficient over time: scaled Schoenfeld residuals of the events and the curve through them, a
/// natural spline of four dimensions over the scale of time. A flat curve speaks for proportional
/// hazards.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct CoefficientOverTime {
    /// `endpoint/population/analysis/term/over_time`.
    pub id: String,
    /// What readers call the term.
    pub label: String,
    /// The scale of time of the curve and the test.
    pub transform: crate::protocol::TimeTransform,
    /// Confidence of the band.
    pub confidence: f64,
    /// Number of events.
    pub n_events: usize,
    /// One of this many events, in the order of their times, has its residual here: 1 = all of them.
    pub every: usize,
    /// Times of the events whose residuals are here, ascending, in the unit of the study.
    pub event_time: Vec<f64>,
    /// The same times on the scale of time, on which the curve is smooth.
    #[serde(default)]
    pub event_scale: Vec<f64>,
    /// Their scaled Schoenfeld residuals: about the log hazard ratio at the time.
    pub residual: Vec<f64>,
    /// Times at which the curve is given, ascending; empty when there is no curve.
    pub time: Vec<f64>,
    /// The same times on the scale of time.
    #[serde(default)]
    pub scale: Vec<f64>,
    /// The curve: the log hazard ratio over time.
    pub value: Vec<f64>,
    /// Lower limit of its pointwise band.
    pub lower: Vec<f64>,
    /// Upper limit of its pointwise band.
    pub upper: Vec<f64>,
    /// Why there is no curve.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub not_estimable: Option<NotEstimable>,
}

/// The replicates of a headline number in classes of one width, by the rule of Freedman and Diaconis,
/// at most 60 of them; of a hazard ratio classes of one width on the logarithm.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ReplicateHistogram {
    /// `endpoint/population/analysis/term/quantity_replicates[@time]`.
    pub id: String,
    /// What readers call the number.
    pub label: String,
    /// The kind of the number.
    pub kind: BootstrapKind,
    /// Unit of the limits of the classes; absent for ratios and probabilities.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<String>,
    /// Number of replicates.
    pub n_replicates: usize,
    /// Replicates without an answer, which are in no class.
    pub n_failed: usize,
    /// Infinite replicates, which are in no class.
    pub n_infinite: usize,
    /// Limits of the classes, ascending, one more than there are classes; empty without finite replicates.
    pub edges: Vec<f64>,
    /// Number of replicates in each class.
    pub counts: Vec<usize>,
}

/// What the study consists of, in the order in which it is printed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Outline {
    /// Steps from the table to the analysed patients, in order.
    pub flow: Vec<FlowStep>,
    /// The site and its levels; absent when the study has one site.
    #[serde(default)]
    pub site: Option<VariableOutline>,
    /// The two arms, the exposed first.
    pub arms: Vec<Label>,
    /// Populations in which the arms are compared at baseline and for every endpoint: `all`, then
    /// `matched` or `weighted` when there is such a design.
    pub populations: Vec<Label>,
    /// Rows of the baseline table.
    pub variables: Vec<VariableOutline>,
    /// Columns of the propensity model, the intercept first; empty without matching.
    pub propensity: Vec<TermOutline>,
    /// What is certified of the matched sample in words; absent without matching.
    pub matching: Option<MatchingOutline>,
    /// Endpoints.
    pub endpoints: Vec<EndpointOutline>,
    /// Hazard models.
    pub models: Vec<ModelOutline>,
    /// Models whose hazard ratios change between intervals of time, because proportional hazards are in
    /// doubt.
    #[serde(default)]
    pub piecewise: Vec<PiecewiseOutline>,
    /// Subgroup analyses.
    pub subgroups: Vec<SubgroupOutline>,
    /// Intervals from resampled patients; empty without `[bootstrap]`.
    pub bootstraps: Vec<BootstrapOutline>,
}

/// What is certified of a matched sample beside the numbers of `study/matched/matching`.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct MatchingOutline {
    /// Method and version of its algorithm.
    pub algorithm: String,
    /// For whom the matched sample speaks.
    pub estimand: String,
    /// SHA-256, in hexadecimal digits, of the lines `exposed id,comparator id` of the pairs in the id
    /// order of who was given a partner or, of classes, of the lines `id,class` in id order.
    pub digest: String,
}

/// A part of an id and what readers call it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Label {
    /// Part of an id.
    pub id: String,
    /// What readers call it.
    pub label: String,
}

/// A step of the flow diagram. Its quantities are `study/{population}/flow/{id}/n` (patients left),
/// `.../n_excluded` and `.../n_missing` (of the excluded, those who lack a value); for each arm and
/// each level of [`Outline::site`] `study/{population}/flow/{id}/{column}={level}/n` and, except of
/// arms and of the source, `.../n_excluded`. Arms of the matched and the weighted have `n_excluded`, how
/// many of the arm are not among them.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct FlowStep {
    /// Population of the ids: `all`, or `matched` or `weighted` for those arms.
    pub population: String,
    /// Term of the ids.
    pub id: String,
    /// What readers call the step.
    pub label: String,
    /// What kind of step it is.
    pub kind: FlowKind,
}

/// Kinds of steps.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowKind {
    /// The rows of the table.
    Source,
    /// A criterion of eligibility.
    Criterion,
    /// Patients who lack a declared value.
    Missing,
    /// One arm of the analysed patients.
    Arm,
    /// One arm of the matched patients.
    Matched,
    /// One arm of the weighted patients.
    Weighted,
}

/// A row of the baseline table.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct VariableOutline {
    /// Column of the patient table, the term of the ids.
    pub id: String,
    /// What readers call it.
    pub label: String,
    /// Unit of a number.
    pub unit: Option<String>,
    /// Levels of a category; empty for a number.
    pub levels: Vec<Label>,
    /// The test printed in the table, such as `mann_whitney`: the middle part of the ids.
    pub test: Option<String>,
}

/// A column of a model.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct TermOutline {
    /// Name of the column, such as `age` or `size=20-50`: the term of the ids.
    pub id: String,
    /// Name of the variable or interaction that it belongs to.
    pub variable: String,
    /// What readers call it.
    pub label: String,
    /// What it is compared with; absent for a number.
    pub reference: Option<String>,
    /// Number of columns of a number that enters a hazard model as a curve, which is one line of
    /// tables: it has tests and no ratio. Absent for a single column.
    pub curve_columns: Option<usize>,
}

/// An endpoint.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct EndpointOutline {
    /// First part of the ids.
    pub id: String,
    /// What readers call it.
    pub label: String,
    /// Times at which survival is quoted, in the unit of the study.
    pub times: Vec<f64>,
}

/// A hazard model, or the screen of models of one term each.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ModelOutline {
    /// Endpoint of the ids.
    pub endpoint: String,
    /// Population of the ids.
    pub population: String,
    /// Analysis of the ids: `cox_univariable` or `cox_` and the name of a multivariable model.
    pub analysis: String,
    /// What readers call it.
    pub label: String,
    /// Whether each term has a model of its own.
    pub is_screen: bool,
    /// The columns, in the order of the table.
    pub terms: Vec<TermOutline>,
    /// The models on the way to this one, itself the last; empty when its terms were not chosen.
    pub steps: Vec<StepOutline>,
}

/// A model whose hazard ratios change between intervals of time.
///
/// Its ids are `{endpoint}/{population}/{analysis}/{term}/hazard_ratio@{after}` and `p_value@{after}`
/// for each interval by the time after which it begins, `all/n@{after}` and `n_events@{after}`,
/// `{variable}/equality_p_value` and `all/likelihood_ratio_p_value`.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct PiecewiseOutline {
    /// Endpoint of the ids.
    pub endpoint: String,
    /// Population of the ids.
    pub population: String,
    /// Analysis of the ids: that of the model, and `_piecewise`.
    pub analysis: String,
    /// What readers call the model.
    pub label: String,
    /// The columns whose ratios change.
    pub terms: Vec<TermOutline>,
    /// The intervals, in order.
    pub intervals: Vec<IntervalOutline>,
}

/// An interval of time.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct IntervalOutline {
    /// It begins after this time, in the unit of the study.
    pub after: f64,
    /// It ends with this time; absent for the last one.
    pub until: Option<f64>,
    /// What readers call it.
    pub label: String,
}

/// A model on the way to the one whose terms were chosen.
///
/// The tests of step `k`, counted from 1, have ids that end in `step_<k>_removal_chi_squared`,
/// `.._df` and `.._p_value` for the terms that may leave, and `step_<k>_entry_...` for those that may
/// enter.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct StepOutline {
    /// Names of its terms.
    pub terms: Vec<String>,
    /// Names of the terms that may leave.
    pub removal: Vec<String>,
    /// Names of the terms that may enter.
    pub entry: Vec<String>,
    /// The term that left.
    pub removed: Option<String>,
    /// The terms that entered.
    pub entered: Vec<String>,
}

/// A subgroup analysis.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct SubgroupOutline {
    /// Name of the analysis.
    pub id: String,
    /// What readers call it.
    pub label: String,
    /// Endpoint of the ids.
    pub endpoint: String,
    /// Population of the ids.
    pub population: String,
    /// Variables within whose levels the arms are compared; empty when levels are compared.
    pub variables: Vec<SubgroupVariable>,
    /// The variable whose levels are compared with each other.
    pub compare: Option<VariableOutline>,
}

/// A variable within whose levels the arms are compared.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct SubgroupVariable {
    /// Column of the patient table.
    pub id: String,
    /// What readers call it.
    pub label: String,
    /// One entry per analysed level; its id is the population of the ids, `all[bone=1]`.
    pub levels: Vec<Label>,
}

/// The headline numbers of one endpoint from the replicates of one scope.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct BootstrapOutline {
    /// Endpoint of the ids.
    pub endpoint: String,
    /// Population of the ids.
    pub population: String,
    /// What a replicate repeats.
    pub scope: crate::protocol::BootstrapScope,
    /// What is drawn, in words: `matched pairs`, `patients`.
    pub unit: String,
    /// Columns within whose crossings as many are drawn as there are.
    pub strata: Vec<String>,
    /// The numbers, in the order of the table.
    pub rows: Vec<BootstrapRow>,
    /// Whether the number of pairs or sets of each replicate is described, under
    /// `{endpoint}/{population}/bootstrap_pipeline/all/n_sets_...`. Where scope `pipeline` weighs patients, the
    /// effective sample size of each arm is, under `.../bootstrap_pipeline/{arm}/effective_n_...`.
    pub has_sets: bool,
}

/// A headline number. Its ids are `{endpoint}/{population}/{analysis}/{term}/{name}_{method}`, with
/// `@{time}` where there is one.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct BootstrapRow {
    /// Analysis of the ids: `bootstrap_{scope}`, and behind it `_{model}` for a multivariable model.
    pub analysis: String,
    /// Term of the ids: an arm, or the exposure for differences of the arms.
    pub term: String,
    /// What is measured.
    pub name: String,
    /// Time or horizon, in the unit of the study.
    pub time: Option<f64>,
    /// What readers call it.
    pub label: String,
    /// What kind of number it is.
    pub kind: BootstrapKind,
    /// The methods of its intervals, in the order of the table.
    pub methods: Vec<crate::protocol::BootstrapMethod>,
}

/// Kinds of headline numbers.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BootstrapKind {
    /// A hazard ratio.
    HazardRatio,
    /// A time, or a difference of times.
    Time,
    /// A probability, or a difference of probabilities.
    Probability,
}

impl BootstrapRow {
    /// The id of a number of this row, whose name goes on like this: a method, `bias`.
    #[must_use]
    pub fn id(&self, outline: &BootstrapOutline, ending: &str) -> String {
        let (endpoint, population) = (&outline.endpoint, &outline.population);
        let name = format!("{}_{ending}", self.name);
        let id = id::quantity(endpoint, population, &self.analysis, &self.term, &name);
        self.time.map_or(id.clone(), |time| format!("{id}@{time}"))
    }
}

impl StudyResult {
    /// The quantity of this id.
    #[must_use]
    pub fn quantity(&self, id: &str) -> Option<&Quantity> {
        self.quantities.iter().find(|quantity| quantity.id == id)
    }

    /// The curve of this id.
    #[must_use]
    pub fn curve(&self, id: &str) -> Option<&Curve> {
        self.curves.iter().find(|curve| curve.id == id)
    }
}

impl Quantity {
    /// A number that was computed as `method` says.
    pub fn new(id: impl Into<String>, estimate: Estimate, method: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            value: estimate.ok(),
            not_estimable: estimate.err(),
            interval: None,
            unit: None,
            method: method.into(),
            caveats: Vec::new(),
        }
    }

    /// A count.
    pub fn count(id: impl Into<String>, count: usize) -> Self {
        Self::new(id, Ok(count as f64), "count")
    }

    /// The same with its interval.
    #[must_use]
    pub fn with_interval(self, interval: Interval, confidence: f64) -> Self {
        let limits = Limits {
            confidence,
            lower: interval.lower.ok(),
            lower_not_estimable: interval.lower.err(),
            upper: interval.upper.ok(),
            upper_not_estimable: interval.upper.err(),
        };
        Self { interval: Some(limits), ..self }
    }

    /// The same in a unit.
    #[must_use]
    pub fn in_unit(self, unit: impl Into<String>) -> Self {
        Self { unit: Some(unit.into()), ..self }
    }

    /// The same with what a reader must know.
    #[must_use]
    pub fn with_caveats(self, caveats: Vec<Caveat>) -> Self {
        Self { caveats, ..self }
    }

    /// The number, or why there is none.
    pub fn estimate(&self) -> Estimate {
        self.value.ok_or(self.not_estimable.unwrap_or(NotEstimable::NotDefined))
    }
}
