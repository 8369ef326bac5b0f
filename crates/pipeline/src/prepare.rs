//! From the two files of a study to the patients that are analysed.
//!
//! Reads the protocol, says to `intake` which columns the table must have, applies eligibility and
//! the policy for missing values, and derives the endpoints. Everything that is wrong comes back as
//! violations of fields of the protocol, since that is the file in which a person will look.

mod checks;
mod columns;
mod confounders;
mod flow;
mod quality;

use crate::terms::{POTENTIAL, censoring_name, endpoint_names};
use crate::{pairing, sha256};
use checks::Checks;
use cohort::{Caveat, CaveatCode, Cohort, Column};
use eligibility::{Criterion, ParseError};
pub(crate) use flow::LevelCount;
use flow::Levels;
use intake::{FollowUp, Table};
pub(crate) use quality::RuleCount;
use std::sync::Arc;
use study::Protocol;
use study::protocol::{self, EndpointSection, MissingPolicy, TimeUnit, Violation};

/// The analysed patients of a study and how they were found.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub(crate) protocol: Protocol,
    pub(crate) protocol_sha256: String,
    pub(crate) data_sha256: String,
    pub(crate) n_rows: usize,
    pub(crate) rows_by_level: Vec<LevelCount>,
    pub(crate) attrition: Vec<Attrition>,
    pub(crate) missing_by_variable: Vec<MissingValues>,
    pub(crate) rules: Vec<RuleCount>,
    pub(crate) cohort: Arc<Cohort>,
    pub(crate) caveats: Vec<Caveat>,
}

/// How many eligible patients lack a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MissingValues {
    /// Column of the table.
    pub column: String,
    /// Number of patients.
    pub count: usize,
    /// How many of them are exposed, and how many are comparators.
    pub by_arm: [usize; 2],
    /// Of how many patients: those who can have a value.
    pub n: usize,
    /// The same by arm.
    pub n_by_arm: [usize; 2],
    /// Whether they are left out of the whole study for it.
    pub leaves_out: bool,
}

/// One step from the rows of the table to the analysed patients.
#[derive(Clone, Debug, PartialEq)]
pub struct Attrition {
    /// What readers call the step.
    pub label: String,
    /// Whether it is the policy for missing values instead of a criterion.
    pub is_missing_policy: bool,
    /// Patients left out.
    pub n_excluded: usize,
    /// Of these, patients who lack a value that the step needs.
    pub n_missing: usize,
    /// Patients left.
    pub n_left: usize,
    /// The same by arm and by site.
    pub(crate) by_level: Vec<LevelCount>,
}

impl Prepared {
    /// Rows of the patient table.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The steps from the table to the analysed patients, in order.
    #[must_use]
    pub fn attrition(&self) -> &[Attrition] {
        &self.attrition
    }

    /// Analysed patients of each arm, the exposed first.
    #[must_use]
    pub fn arm_sizes(&self) -> [usize; 2] {
        let exposure = &self.protocol.exposure;
        let everyone = cohort::Selection::all(&self.cohort);
        let counts = self
            .cohort
            .categories(&exposure.column, &everyone)
            .map(|categories| categories.counts())
            .unwrap_or_default();
        // The levels were declared in this order.
        [counts.get(1).copied().unwrap_or(0), counts.first().copied().unwrap_or(0)]
    }
}

/// Reads a study file and its patient table, or says everything that is wrong with them.
///
/// `study_file` is TOML and `table` CSV, both UTF-8. Violations carry paths of the study file;
/// those of the table stand at the field that asks for the column, or at `data.file`.
pub fn prepare(study_file: &[u8], table: &[u8]) -> Result<Prepared, Vec<Violation>> {
    let text = std::str::from_utf8(study_file).map_err(|_| {
        let message = "the study file is not UTF-8 text".into();
        vec![Violation { path: String::new(), message }]
    })?;
    let protocol = protocol::read(text)?;
    if let Some(fault) = pairing::fault(&protocol) {
        return Err(vec![fault]);
    }
    let conditions = Conditions::parse(&protocol)?;
    let data_sha256 = sha256(table);
    let spec = columns::table_spec(&protocol, &conditions)?;
    let table = intake::read(table, &spec).map_err(|errors| {
        let violations = errors.iter().map(|error| columns::violation(&protocol, error));
        violations.collect::<Vec<_>>()
    })?;
    let mut checks = Checks::default();
    let prepared = analysed(&protocol, &conditions, &table, &mut checks);
    let patients = checks.finish(prepared)?;
    Ok(Prepared {
        protocol_sha256: sha256(study_file),
        data_sha256,
        n_rows: table.len(),
        caveats: caveats(&protocol, &conditions, &table, &patients),
        rows_by_level: Levels::read(&protocol, &table).into_counts(),
        attrition: patients.attrition,
        missing_by_variable: patients.missing_by_variable,
        rules: patients.rules,
        cohort: Arc::new(patients.cohort),
        protocol,
    })
}

/// The conditions of a protocol, parsed.
pub(crate) struct Conditions {
    /// Label and condition of each criterion.
    eligibility: Vec<(String, Criterion)>,
    /// Who can have a variable at all; by position of the variable.
    among: Vec<Option<Criterion>>,
}

impl Conditions {
    fn parse(protocol: &Protocol) -> Result<Self, Vec<Violation>> {
        let mut checks = Checks::default();
        let mut parse = |path: String, text: &str| {
            Criterion::parse(text).map_err(|error| checks.add(path, at_character(&error))).ok()
        };
        let criteria = protocol.eligibility.iter().enumerate();
        let eligibility = criteria
            .filter_map(|(index, criterion)| {
                let parsed = parse(format!("eligibility[{index}].keep"), &criterion.keep)?;
                Some((criterion.label.clone(), parsed))
            })
            .collect();
        let variables = protocol.variables.iter();
        let among = variables
            .map(|variable| {
                let text = variable.among.as_ref()?;
                parse(format!("variables.{}.among", variable.name), text)
            })
            .collect();
        checks.finish(Some(Self { eligibility, among }))
    }

    /// Every condition with the field of the study file that holds it.
    fn with_paths<'a>(
        &'a self,
        protocol: &'a Protocol,
    ) -> impl Iterator<Item = (String, &'a Criterion)> {
        let criteria = self.eligibility.iter().enumerate();
        let among = protocol.variables.iter().zip(&self.among);
        criteria
            .map(|(index, (_, criterion))| (format!("eligibility[{index}].keep"), criterion))
            .chain(among.filter_map(|(variable, criterion)| {
                Some((format!("variables.{}.among", variable.name), criterion.as_ref()?))
            }))
    }
}

/// What is wrong with a condition, and where in its text.
fn at_character(error: &ParseError) -> String {
    format!("at character {}: {}", error.at + 1, error.message)
}

/// Analysed patients while they are being found.
struct Patients {
    cohort: Cohort,
    rows: Vec<usize>,
    attrition: Vec<Attrition>,
    missing_by_variable: Vec<MissingValues>,
    rules: Vec<RuleCount>,
}

fn analysed(
    protocol: &Protocol,
    conditions: &Conditions,
    table: &Table,
    checks: &mut Checks,
) -> Option<Patients> {
    let mut levels = Levels::read(protocol, table);
    let (mut attrition, eligible) = eligible(protocol, conditions, table, &mut levels, checks)?;
    let endpoints = endpoint_columns(protocol, table, &eligible, checks)?;
    let missing = missing_values(protocol, conditions, table, &eligible, checks)?;
    let is_complete = |position: &usize| !missing.is_incomplete[*position];
    let complete: Vec<usize> = (0..eligible.len()).filter(is_complete).collect();
    let n_incomplete = eligible.len() - complete.len();
    let incomplete = (0..eligible.len()).filter(|&position| missing.is_incomplete[position]);
    let incomplete: Vec<usize> = incomplete.map(|position| eligible[position]).collect();
    attrition.push(Attrition {
        by_level: levels.without(&incomplete),
        label: "All declared values present".into(),
        is_missing_policy: true,
        n_excluded: n_incomplete,
        n_missing: n_incomplete,
        n_left: complete.len(),
    });
    if n_incomplete > 0 && protocol.missing.policy == MissingPolicy::Refuse {
        for MissingValues { column: variable, count, .. } in leaving_out(&missing.by_variable) {
            let message = format!(
                "{count} eligible patients lack {variable}, and the policy is to refuse missing \
                 values; complete them or choose policy = \"complete_case\""
            );
            checks.add("missing.policy", message);
        }
    }
    let rows: Vec<usize> = complete.iter().map(|&position| eligible[position]).collect();
    checks.not_empty(protocol, table, &rows, &attrition)?;
    checks.few_enough(protocol, rows.len());
    let cohort = build_cohort(protocol, table, &rows, &complete, &endpoints, checks)?;
    let times = endpoints.iter().map(|[time, _]| columns::picked(time, &complete));
    let rules = quality::rules(protocol, table, &rows, &times.collect::<Vec<_>>());
    Some(Patients { cohort, rows, attrition, missing_by_variable: missing.by_variable, rules })
}

/// Applies the criteria.
fn eligible(
    protocol: &Protocol,
    conditions: &Conditions,
    table: &Table,
    levels: &mut Levels,
    checks: &mut Checks,
) -> Option<(Vec<Attrition>, Vec<usize>)> {
    let window = columns::window(protocol);
    let found = match eligibility::attrition(table, &conditions.eligibility, window) {
        Ok(found) => found,
        Err(error) => {
            let path = format!("eligibility[{}].keep", error.index);
            checks.add(path, at_character(&error.source));
            return None;
        }
    };
    let step = |step: eligibility::Step| Attrition {
        by_level: levels.without(&step.excluded),
        label: step.label,
        is_missing_policy: false,
        n_excluded: step.excluded.len(),
        n_missing: step.n_missing,
        n_left: step.n_left,
    };
    Some((found.steps.into_iter().map(step).collect(), found.rows))
}

/// Time and event of every endpoint, for the eligible rows.
fn endpoint_columns(
    protocol: &Protocol,
    table: &Table,
    rows: &[usize],
    checks: &mut Checks,
) -> Option<Vec<[Column; 2]>> {
    let mut columns = Vec::new();
    for (index, endpoint) in protocol.endpoints.iter().enumerate() {
        let path = format!("endpoint[{index}]");
        let time = time_column(protocol, table, rows, endpoint);
        let time = time.map_err(|error| checks.add(&path, error)).ok();
        let event = event_column(table, rows, endpoint);
        let event = event.map_err(|message| checks.add(format!("{path}.event"), message)).ok();
        columns.extend(time.zip(event).map(|(time, event)| [time, event]));
    }
    (columns.len() == protocol.endpoints.len()).then_some(columns)
}

fn time_column(
    protocol: &Protocol,
    table: &Table,
    rows: &[usize],
    endpoint: &EndpointSection,
) -> Result<Column, intake::IntakeError> {
    let unit: TimeUnit = protocol.study.time_unit;
    let start = protocol.time_zero.as_ref().map(|zero| zero.date.clone()).unwrap_or_default();
    let source = match (&endpoint.time, &endpoint.end) {
        (Some(time), _) => {
            FollowUp::Time { column: time.column.clone(), days_per_unit: time.unit.days() }
        }
        (None, end) => FollowUp::Dates { start, end: end.clone().unwrap_or_default() },
    };
    table.follow_up(&endpoint_names(&endpoint.id).0, &source, unit.days(), rows)
}

/// The event as 0 and 1; codes that another endpoint declares on the same column are refused here.
fn event_column(
    table: &Table,
    rows: &[usize],
    endpoint: &EndpointSection,
) -> Result<Column, String> {
    let column = &endpoint.event.column;
    let (levels, codes) = table.category(column).map_err(|error| error.to_string())?;
    let mut missing = Vec::new();
    let mut values = Vec::with_capacity(rows.len());
    for (position, &row) in rows.iter().enumerate() {
        let level = codes[row].map(|code| levels[code as usize].as_str());
        values.push(match level {
            Some(level) if level == endpoint.event.value => 1.0,
            Some(level) if level == endpoint.event.censored => 0.0,
            Some(_) => {
                return Err(format!(
                    "column {column}, line {}: the value is neither the event ({}) nor censoring \
                     ({})",
                    table.line(row),
                    endpoint.event.value,
                    endpoint.event.censored
                ));
            }
            None => {
                missing.push(position);
                0.0
            }
        });
    }
    Ok(Column::numeric(endpoint_names(&endpoint.id).1, values).with_missing(missing))
}

/// Who lacks what among the eligible.
struct Missing {
    is_incomplete: Vec<bool>,
    by_variable: Vec<MissingValues>,
}

fn missing_values(
    protocol: &Protocol,
    conditions: &Conditions,
    table: &Table,
    rows: &[usize],
    checks: &mut Checks,
) -> Option<Missing> {
    let window = columns::window(protocol);
    let mut missing = Missing { is_incomplete: vec![false; rows.len()], by_variable: Vec::new() };
    let arms = arms(protocol, table, rows)?;
    let by_arm = |positions: &[usize]| {
        [0, 1].map(|arm| positions.iter().filter(|&&one| arms[one] == Some(arm)).count())
    };
    let everyone: Vec<usize> = (0..rows.len()).collect();
    let mut note = |name: &str, positions: Vec<usize>, can_have: &[usize], leaves_out: bool| {
        // Endpoints share columns, such as time zero and the date of the last visit.
        let is_new = missing.by_variable.iter().all(|known| known.column != name);
        if is_new {
            missing.by_variable.push(MissingValues {
                column: name.to_string(),
                count: positions.len(),
                by_arm: by_arm(&positions),
                n: can_have.len(),
                n_by_arm: by_arm(can_have),
                leaves_out,
            });
        }
        for position in positions.into_iter().filter(|_| leaves_out) {
            missing.is_incomplete[position] = true;
        }
    };
    let exposure = &protocol.exposure.column;
    note(exposure, lacking(table, exposure, rows)?, &everyone, true);
    for (variable, among) in protocol.variables.iter().zip(&conditions.among) {
        let mut positions = lacking(table, &variable.name, rows)?;
        let mut can_have = everyone.clone();
        if let Some(condition) = among {
            let path = format!("variables.{}.among", variable.name);
            let applies = condition.bind(table, window).map_err(|error| at_character(&error));
            let applies = checks.take(&path, applies)?;
            let can = |position: &usize| applies.evaluate(rows[*position]) == Some(true);
            positions.retain(can);
            can_have.retain(can);
        }
        // What only some patients can have serves comparisons among these alone, and there alone
        // it leaves out who lacks it.
        note(&variable.name, positions, &can_have, among.is_none());
    }
    for column in protocol.endpoints.iter().flat_map(|known| follow_up_columns(protocol, known)) {
        note(column, lacking(table, column, rows)?, &everyone, true);
    }
    Some(missing)
}

/// The arm of each row, 0 for the exposed; absent where it is not known.
fn arms(protocol: &Protocol, table: &Table, rows: &[usize]) -> Option<Vec<Option<usize>>> {
    let exposure = &protocol.exposure;
    let (levels, codes) = table.category(&exposure.column).ok()?;
    let values = exposure.arms().map(|arm| &arm.value);
    let arm = |code: u32| {
        let level = &levels[code as usize];
        values.iter().position(|value| *value == level)
    };
    Some(rows.iter().map(|&row| codes[row].and_then(arm)).collect())
}

/// The columns of the table without which an endpoint has no value.
fn follow_up_columns<'a>(protocol: &'a Protocol, endpoint: &'a EndpointSection) -> Vec<&'a str> {
    let mut columns = vec![endpoint.event.column.as_str()];
    match (&endpoint.time, &endpoint.end) {
        (Some(time), _) => columns.push(&time.column),
        (None, end) => {
            columns.extend(protocol.time_zero.as_ref().map(|zero| zero.date.as_str()));
            columns.extend(end.as_deref());
        }
    }
    columns
}

/// Positions of the rows that lack a value in a column.
fn lacking(table: &Table, column: &str, rows: &[usize]) -> Option<Vec<usize>> {
    let cells = table.cells(column).ok()?;
    Some((0..rows.len()).filter(|&position| cells.is_missing(rows[position])).collect())
}

/// The columns for want of which patients are left out of the study.
fn leaving_out(missing: &[MissingValues]) -> impl Iterator<Item = &MissingValues> {
    missing.iter().filter(|known| known.leaves_out && known.count > 0)
}

/// Columns with their counts, for a sentence.
fn counted<'a>(missing: impl IntoIterator<Item = &'a MissingValues>) -> String {
    let entry = |known: &MissingValues| format!("{} ({})", known.column, known.count);
    missing.into_iter().map(entry).collect::<Vec<_>>().join(", ")
}

/// The analysed patients with every column that an analysis reads.
fn build_cohort(
    protocol: &Protocol,
    table: &Table,
    rows: &[usize],
    positions: &[usize],
    endpoints: &[[Column; 2]],
    checks: &mut Checks,
) -> Option<Cohort> {
    let mut columns = Vec::new();
    let names = std::iter::once(&protocol.exposure.column)
        .chain(protocol.variables.iter().map(|variable| &variable.name));
    for name in names {
        columns.push(checks.take("data.file", table.column(name, rows))?);
    }
    for column in endpoints.iter().flatten() {
        columns.push(columns::picked(column, positions));
    }
    for endpoint in &protocol.endpoints {
        if let Some(censoring) = &endpoint.censoring {
            let column = checks.take("data.file", table.column(&censoring.column, rows))?;
            columns.push(Column { name: censoring_name(&endpoint.id), ..column });
        }
    }
    columns.extend(potential_follow_up(protocol, table, rows));
    checks.take("data.file", Cohort::new(Some(table.ids_of(rows)), columns))
}

/// How long each patient could have been followed: from time zero to the lock of the data, or not at
/// all where time zero lies behind it. Absent when one of them is not known.
fn potential_follow_up(protocol: &Protocol, table: &Table, rows: &[usize]) -> Option<Column> {
    let lock = intake::day(protocol.study.data_lock.as_ref()?)?;
    let starts = table.date(&protocol.time_zero.as_ref()?.date).ok()?;
    let days_per_unit = protocol.study.time_unit.days();
    let potential = |&row: &usize| Some(f64::from((lock - starts[row]?).max(0)) / days_per_unit);
    let times: Option<Vec<f64>> = rows.iter().map(potential).collect();
    Some(Column::numeric(POTENTIAL, times?))
}

/// What a reader must know about the patients, before anything is computed.
fn caveats(
    protocol: &Protocol,
    conditions: &Conditions,
    table: &Table,
    patients: &Patients,
) -> Vec<Caveat> {
    let mut caveats = Vec::new();
    if protocol.study.synthetic {
        let notice = protocol.study.notice.clone();
        let message = notice.unwrap_or_else(|| "The patients of this study are synthetic.".into());
        caveats.push(Caveat::new(CaveatCode::SyntheticData, message));
    }
    let n_incomplete = patients.attrition.last().map_or(0, |step| step.n_excluded);
    if n_incomplete > 0 {
        let message = format!(
            "{n_incomplete} eligible patients were left out because values are missing: {}.",
            counted(leaving_out(&patients.missing_by_variable))
        );
        caveats.push(Caveat::new(CaveatCode::MissingData, message));
    }
    let is_partial = |known: &&MissingValues| !known.leaves_out && known.count > 0;
    let partial: Vec<_> = patients.missing_by_variable.iter().filter(is_partial).collect();
    if !partial.is_empty() {
        let message = format!(
            "Values that only some patients can have are missing: {}. These patients are left out of \
             the comparisons of those values alone.",
            counted(partial)
        );
        caveats.push(Caveat::new(CaveatCode::MissingData, message));
    }
    caveats.extend(patients.missing_by_variable.iter().filter_map(often_missing));
    caveats.extend(confounders::caveats(protocol));
    let criteria = conditions.eligibility.iter().map(|(label, one)| (label.as_str(), one));
    caveats.extend(confounders::future_criteria(protocol, criteria));
    caveats.extend(immortal_time(protocol, table, &patients.rows));
    caveats
}

/// A larger share of missing values than this deserves a doubt of its own.
const OFTEN: f64 = 0.1;

/// The doubt about a value that many lack.
pub(crate) fn often_missing(missing: &MissingValues) -> Option<Caveat> {
    let share = missing.count as f64 / missing.n as f64;
    let message = format!(
        "{} is missing in {} of {} eligible patients who can have it ({:.1} %): who lacks it may differ \
         from the others.",
        missing.column,
        missing.count,
        missing.n,
        100.0 * share
    );
    (share > OFTEN).then(|| Caveat::new(CaveatCode::MissingData, message))
}

/// The warning that exposure begins after time zero.
fn immortal_time(protocol: &Protocol, table: &Table, rows: &[usize]) -> Option<Caveat> {
    let exposure_start = table.date(protocol.exposure.start_date.as_ref()?).ok()?;
    let time_zero = table.date(&protocol.time_zero.as_ref()?.date).ok()?;
    let delay = |&row: &usize| Some(f64::from(exposure_start[row]? - time_zero[row]?));
    let mut delays: Vec<f64> = rows.iter().filter_map(delay).filter(|&days| days > 0.0).collect();
    delays.sort_by(f64::total_cmp);
    let median = numerics::sum::quantile_type_7(&delays, 0.5)?;
    let message = format!(
        "In {} exposed patients exposure began after time zero, a median of {median} days later. They \
         had to live until then to be exposed, and the comparison of the arms counts that time as \
         exposed (immortal time), which favours exposure. No analysis of this report corrects for it.",
        delays.len()
    );
    Some(Caveat::new(CaveatCode::ImmortalTime, message))
}
