//! Conversions that every package shares.

use crate::pb::common as pb;
use crate::violation::Violations;
use cohort::{
    Caveat, CaveatCode, Cohort, CohortError, Column, EndpointColumns, Estimate, Interval,
    LARGEST_NUMBER, NotEstimable, Selection, SplineKnots, Term, Transform, Values, WeightColumn,
    WeightKind,
};
use numerics::multiplicity::Correction;
use std::collections::BTreeSet;
use std::ops::Range;

/// Conversions between an enum and its message, variant by variant of the same name.
///
/// What the message leaves UNSPECIFIED becomes the default given; an unknown number is `None`.
macro_rules! enum_conversion {
    ($to:ident, $from:ident, $domain:path, $message:path, $default:expr, [$($variant:ident),+ $(,)?]) => {
        pub(crate) fn $to(value: $domain) -> i32 {
            use $domain as Domain;
            use $message as Message;
            (match value {
                $(Domain::$variant => Message::$variant,)+
            }) as i32
        }

        pub(crate) fn $from(number: i32) -> Option<$domain> {
            use $domain as Domain;
            use $message as Message;
            match Message::try_from(number).ok()? {
                Message::Unspecified => $default,
                $(Message::$variant => Some(Domain::$variant),)+
            }
        }
    };
}
pub(crate) use enum_conversion;

enum_conversion!(
    reason_to,
    reason_from,
    NotEstimable,
    pb::NotEstimable,
    Some(NotEstimable::NotDefined),
    [
        NotReached,
        BeyondFollowUp,
        NoEvents,
        NoSubjects,
        TooFewGroups,
        EmptyLevel,
        EmptyMargin,
        AllValuesEqual,
        TooFewValues,
        NoVariation,
        VarianceUndefined,
        Aliased,
        Monotone,
        Separation,
        NotConverged,
        TooLarge,
        NotDefined,
        NoWeights,
    ]
);

enum_conversion!(
    caveat_code_to,
    caveat_code_from,
    CaveatCode,
    pb::CaveatCode,
    None,
    [
        FewAtRisk,
        BeyondFollowUp,
        MedianNotReached,
        CurveEndsOnEvent,
        EmptyRiskSet,
        FewEvents,
        Aliased,
        Monotone,
        Separation,
        NotConverged,
        NonProportionalHazards,
        DataDrivenSelection,
        PairsIgnored,
        UnmatchedExposed,
        Imbalance,
        SparseTable,
        EmptyLevel,
        ZeroTimes,
        MissingData,
        ImmortalTime,
        SyntheticData,
        CompetingRisksIgnored,
        ZeroWeights,
        FewClusters,
        PenalisedLikelihood,
        Ties,
        MonteCarlo,
        Positivity,
        ExtremeWeights,
        SmallEffectiveSample,
        FailedReplicates,
        InfiniteReplicates,
        FewReplicates,
        DiscreteReplicates,
        BiasedReplicates,
        UnmetSetting,
        UnequalFollowUp,
        MeasuredAfterTimeZero,
        UnadjustedConfounder,
        Heterogeneity,
    ]
);

/// A count or row number. What a message holds is less than 2 GiB and what multiplicities add is
/// bounded by [`Selection::MOST_SUBJECTS`], so that the type suffices.
pub(crate) fn count(number: usize) -> i32 {
    i32::try_from(number).expect("rows of a message and selected subjects are fewer than 2^31")
}

/// Counts or row numbers.
pub(crate) fn counts(numbers: &[usize]) -> Vec<i32> {
    numbers.iter().map(|&number| count(number)).collect()
}

/// A count or row number, which must not be negative.
pub(crate) fn count_from(violations: &mut Violations, path: &str, number: i32) -> Option<usize> {
    violations.check(path, usize::try_from(number).map_err(|_| "must not be negative"))
}

/// Counts or row numbers, none negative.
pub(crate) fn counts_from(
    violations: &mut Violations,
    path: &str,
    numbers: Vec<i32>,
) -> Option<Vec<usize>> {
    let is_negative = |&(_, number): &(usize, &i32)| *number < 0;
    let negative = numbers.iter().enumerate().filter(is_negative).map(|(index, _)| index);
    violations.add_each(path, negative, "must not be negative");
    numbers.into_iter().map(|number| usize::try_from(number).ok()).collect()
}

pub(crate) fn estimate_to(estimate: Estimate) -> pb::Estimate {
    pb::Estimate { value: estimate.ok(), reason: estimate.err().map_or(0, reason_to) }
}

/// A required estimate; one that is absent is not defined.
pub(crate) fn estimate_from(estimate: Option<pb::Estimate>) -> Estimate {
    let estimate = estimate.unwrap_or_default();
    limit(estimate.value, estimate.reason)
}

pub(crate) fn interval_to(interval: Interval) -> pb::Interval {
    pb::Interval {
        lower: interval.lower.ok(),
        lower_reason: interval.lower.err().map_or(0, reason_to),
        upper: interval.upper.ok(),
        upper_reason: interval.upper.err().map_or(0, reason_to),
    }
}

pub(crate) fn interval_from(interval: Option<pb::Interval>) -> Interval {
    let interval = interval.unwrap_or_default();
    Interval {
        lower: limit(interval.lower, interval.lower_reason),
        upper: limit(interval.upper, interval.upper_reason),
    }
}

fn limit(value: Option<f64>, reason: i32) -> Estimate {
    value.ok_or(reason_from(reason).unwrap_or(NotEstimable::NotDefined))
}

pub(crate) fn caveats_to(caveats: Vec<Caveat>) -> Vec<pb::Caveat> {
    let convert =
        |caveat: Caveat| pb::Caveat { code: caveat_code_to(caveat.code), message: caveat.message };
    caveats.into_iter().map(convert).collect()
}

pub(crate) fn caveats_from(
    violations: &mut Violations,
    path: &str,
    caveats: Vec<pb::Caveat>,
) -> Vec<Caveat> {
    let mut read = Vec::with_capacity(caveats.len());
    for (index, caveat) in caveats.into_iter().enumerate() {
        match caveat_code_from(caveat.code) {
            Some(code) => read.push(Caveat { code, message: caveat.message }),
            None => violations.add(format!("{path}[{index}].code"), "is an unknown kind"),
        }
    }
    read
}

pub(crate) fn matrix_to(rows: &[Vec<f64>]) -> pb::Matrix {
    pb::Matrix { size: count(rows.len()), values: rows.concat() }
}

pub(crate) fn matrix_from(
    violations: &mut Violations,
    path: &str,
    matrix: pb::Matrix,
) -> Option<Vec<Vec<f64>>> {
    let size = count_from(violations, &format!("{path}.size"), matrix.size)?;
    if matrix.values.len() != size * size {
        violations.add(format!("{path}.values"), format!("must hold {size} by {size} numbers"));
        return None;
    }
    Some(matrix.values.chunks(size.max(1)).map(<[f64]>::to_vec).collect())
}

pub(crate) fn cohort_to<'a>(
    cohort: &Cohort,
    columns: impl IntoIterator<Item = &'a str>,
) -> pb::Cohort {
    let names: BTreeSet<&str> = columns.into_iter().collect();
    let columns = cohort
        .names()
        .filter(|name| names.contains(name))
        .filter_map(|name| column_to(cohort, name));
    pb::Cohort { columns: columns.collect(), ..pb::Cohort::default() }
}

fn column_to(cohort: &Cohort, name: &str) -> Option<pb::Column> {
    let mut column = cells_to(cohort, name, 0..cohort.len())?;
    if let Values::Categorical { levels, .. } = cohort.values(name).ok()? {
        column.levels = levels.clone();
    }
    Some(column)
}

/// Some rows of a column, which are counted from the first of them, without its levels.
pub(crate) fn cells_to(cohort: &Cohort, name: &str, rows: Range<usize>) -> Option<pb::Column> {
    let is_missing = cohort.is_missing(name).ok()?.get(rows.clone())?;
    let missing = is_missing.iter().enumerate().filter(|(_, is_missing)| **is_missing);
    let mut column = pb::Column {
        name: name.to_string(),
        missing_rows: missing.map(|(row, _)| count(row)).collect(),
        ..pb::Column::default()
    };
    match cohort.values(name).ok()? {
        Values::Numeric(values) => {
            let present = |(value, missing): (&f64, &bool)| if *missing { 0.0 } else { *value };
            column.values = values.get(rows)?.iter().zip(is_missing).map(present).collect();
        }
        Values::Categorical { codes, .. } => {
            let present = |(code, missing): (&u32, &bool)| if *missing { 0 } else { *code as i32 };
            column.codes = codes.get(rows)?.iter().zip(is_missing).map(present).collect();
        }
    }
    Some(column)
}

pub(crate) fn cohort_from(violations: &mut Violations, message: pb::Cohort) -> Option<Cohort> {
    let positions: Vec<(String, bool)> = message
        .columns
        .iter()
        .map(|column| (column.name.clone(), is_categorical(column)))
        .collect();
    let n_violations = violations.len();
    let mut columns = Vec::with_capacity(message.columns.len());
    for (index, column) in message.columns.into_iter().enumerate() {
        columns.extend(column_from(violations, &format!("cohort.columns[{index}]"), column));
    }
    if violations.len() > n_violations {
        return None;
    }
    let ids = (!message.ids.is_empty()).then_some(message.ids);
    match Cohort::new(ids, columns) {
        Ok(cohort) => Some(cohort),
        Err(error) => {
            violations.add(cohort_error_path(&error, &positions), error);
            None
        }
    }
}

pub(crate) fn is_categorical(column: &pb::Column) -> bool {
    !column.levels.is_empty() || !column.codes.is_empty()
}

pub(crate) fn column_from(
    violations: &mut Violations,
    path: &str,
    mut column: pb::Column,
) -> Option<Column> {
    if column.name.is_empty() {
        violations.add(format!("{path}.name"), "is required");
    }
    let n_levels = is_categorical(&column).then_some(column.levels.len());
    let levels = std::mem::take(&mut column.levels);
    let mut cells = cells_from(violations, path, column, n_levels)?;
    if let Values::Categorical { levels: none, .. } = &mut cells.values {
        *none = levels;
    }
    Some(cells)
}

/// The cells of a column, of categories if the number of these is given, and none of its labels.
pub(crate) fn cells_from(
    violations: &mut Violations,
    path: &str,
    column: pb::Column,
    n_levels: Option<usize>,
) -> Option<Column> {
    let length = if n_levels.is_some() { column.codes.len() } else { column.values.len() };
    let missing = missing_rows_from(violations, path, &column.missing_rows, length)?;
    let values = match n_levels {
        Some(n_levels) => {
            if !column.values.is_empty() {
                violations.add(path, "has both values and codes; give one of them");
            }
            let path = format!("{path}.codes");
            let codes = codes_from(violations, &path, &column.codes, n_levels, &missing)?;
            Values::Categorical { levels: Vec::new(), codes: codes.into() }
        }
        None => {
            check_numbers(violations, &format!("{path}.values"), &column.values, &missing);
            Values::Numeric(column.values.into())
        }
    };
    Some(Column { name: column.name, values, missing })
}

/// Rows of a column that hold nothing; each must exist.
fn missing_rows_from(
    violations: &mut Violations,
    path: &str,
    rows: &[i32],
    length: usize,
) -> Option<Vec<usize>> {
    let path = format!("{path}.missing_rows");
    let rows = counts_from(violations, &path, rows.to_vec())?;
    let outside = |&(_, &row): &(usize, &usize)| row >= length;
    let entries = rows.iter().enumerate().filter(outside).map(|(index, _)| index);
    violations.add_each(&path, entries, format!("does not exist among {length} rows"));
    rows.iter().all(|&row| row < length).then_some(rows)
}

/// Codes of so many levels; only those of missing rows mean nothing.
fn codes_from(
    violations: &mut Violations,
    path: &str,
    codes: &[i32],
    n_levels: usize,
    missing: &[usize],
) -> Option<Vec<u32>> {
    let is_missing = flags(codes.len(), missing);
    let read = |row: usize| -> Option<u32> {
        let code = u32::try_from(codes[row]).ok()?;
        (is_missing[row] || (code as usize) < n_levels).then_some(code)
    };
    let rows = 0..codes.len();
    let unknown = rows.clone().filter(|&row| read(row).is_none());
    violations.add_each(path, unknown, format!("has no level among the {n_levels}"));
    rows.map(read).collect()
}

/// Notes every number that cannot be computed with, but those of missing rows.
fn check_numbers(violations: &mut Violations, path: &str, numbers: &[f64], missing: &[usize]) {
    let is_number = |number: f64| number.abs() <= LARGEST_NUMBER;
    if numbers.iter().all(|&number| is_number(number)) {
        return;
    }
    let is_missing = flags(numbers.len(), missing);
    let bad = (0..numbers.len()).filter(|&row| !is_number(numbers[row]) && !is_missing[row]);
    let message = "is not finite or too large to compute with; list the row as missing instead";
    violations.add_each(path, bad, message);
}

/// Which of `length` rows are listed; all of those listed exist.
fn flags(length: usize, rows: &[usize]) -> Vec<bool> {
    let mut flags = vec![false; length];
    rows.iter().for_each(|&row| flags[row] = true);
    flags
}

/// The field that a cohort error is about.
fn cohort_error_path(error: &CohortError, columns: &[(String, bool)]) -> String {
    let cell = |name: &String, row: usize| {
        let index = columns.iter().position(|(known, _)| known == name);
        match index {
            Some(index) => {
                let field = if columns[index].1 { "codes" } else { "values" };
                format!("cohort.columns[{index}].{field}[{row}]")
            }
            None => "cohort.columns".to_string(),
        }
    };
    match error {
        CohortError::NotFinite { column, row }
        | CohortError::CodeWithoutLevel { column, row, .. } => cell(column, *row),
        CohortError::DuplicateColumn { column }
        | CohortError::DuplicateLevel { column, .. }
        | CohortError::LengthMismatch { column, .. } => columns
            .iter()
            .rposition(|(known, _)| known == column)
            .map_or_else(|| "cohort.columns".into(), |index| format!("cohort.columns[{index}]")),
        _ => "cohort.columns".into(),
    }
}

pub(crate) fn selection_to(selection: &Selection) -> pb::Selection {
    let mut message = pb::Selection::default();
    for repeated in selection.rows().chunk_by(|a, b| a == b) {
        message.rows.push(count(repeated[0]));
        message.multiplicities.push(count(repeated.len()));
    }
    if message.multiplicities.iter().all(|&times| times == 1) {
        message.multiplicities.clear();
    }
    message
}

pub(crate) fn selection_from(
    violations: &mut Violations,
    path: &str,
    message: Option<pb::Selection>,
    cohort: &Cohort,
) -> Option<Selection> {
    let Some(message) = message else { return Some(Selection::all(cohort)) };
    let rows = counts_from(violations, &format!("{path}.rows"), message.rows)?;
    let times = if message.multiplicities.is_empty() {
        vec![1; rows.len()]
    } else {
        counts_from(violations, &format!("{path}.multiplicities"), message.multiplicities)?
    };
    if times.len() != rows.len() {
        let message = format!("has {} entries for {} rows", times.len(), rows.len());
        violations.add(format!("{path}.multiplicities"), message);
        return None;
    }
    let outside = |&(_, &row): &(usize, &usize)| row >= cohort.len();
    let entries = rows.iter().enumerate().filter(outside).map(|(index, _)| index);
    let message = format!("does not exist: the cohort has {} rows", cohort.len());
    violations.add_each(&format!("{path}.rows"), entries, message);
    if rows.iter().any(|&row| row >= cohort.len()) {
        return None;
    }
    let most = Selection::MOST_SUBJECTS;
    let n_subjects = times.iter().fold(0usize, |total, &times| total.saturating_add(times));
    if n_subjects > most {
        let message = format!("select {n_subjects} subjects; at most {most} are allowed");
        violations.add(format!("{path}.multiplicities"), message);
        return None;
    }
    let by_caller = cohort.rows_by_caller();
    let repeated =
        rows.iter().zip(times).flat_map(|(&row, times)| std::iter::repeat_n(by_caller[row], times));
    violations.check(path, Selection::of(cohort, repeated))
}

pub(crate) fn endpoint_to(columns: &EndpointColumns) -> pb::Endpoint {
    pb::Endpoint {
        entry_column: columns.entry.clone().unwrap_or_default(),
        time_column: columns.time.clone(),
        event_column: columns.event.clone(),
        event_codes: columns.event_codes.clone(),
        censored_codes: columns.censored_codes.clone(),
    }
}

pub(crate) fn endpoint_from(
    violations: &mut Violations,
    endpoint: Option<pb::Endpoint>,
    cohort: &Cohort,
) -> Option<EndpointColumns> {
    let endpoint = violations.require("endpoint", endpoint)?;
    let entry = endpoint.entry_column;
    let entry = optional_number(violations, "endpoint.entry_column", entry, cohort);
    let time = required_number(violations, "endpoint.time_column", endpoint.time_column, cohort);
    let event = required_column(violations, "endpoint.event_column", endpoint.event_column, cohort);
    let mut columns = EndpointColumns::new(time?, event?);
    columns.entry = entry;
    if !endpoint.event_codes.is_empty() {
        columns.event_codes = endpoint.event_codes;
    }
    if !endpoint.censored_codes.is_empty() {
        columns.censored_codes = endpoint.censored_codes;
    }
    if columns.event_codes.iter().any(|code| columns.censored_codes.contains(code)) {
        violations.add("endpoint.event_codes", "share a code with those of censoring");
    }
    Some(columns)
}

enum_conversion!(
    weight_kind_to,
    weight_kind_from,
    WeightKind,
    pb::WeightKind,
    None,
    [Frequency, Sampling]
);

enum_conversion!(
    correction_to,
    correction_from,
    Correction,
    pb::Correction,
    Some(Correction::default()),
    [Bonferroni, Holm, Hochberg, BenjaminiHochberg]
);

pub(crate) fn weights_to(weights: &WeightColumn) -> pb::CaseWeights {
    pb::CaseWeights { column: weights.column.clone(), kind: weight_kind_to(weights.kind) }
}

/// Case weights, if there are any; what they mean must be said.
pub(crate) fn weights_from(
    violations: &mut Violations,
    path: &str,
    weights: Option<pb::CaseWeights>,
    cohort: &Cohort,
) -> Option<Option<WeightColumn>> {
    let Some(weights) = weights else { return Some(None) };
    let column = required_number(violations, &format!("{path}.column"), weights.column, cohort);
    let kind = weight_kind_from(weights.kind).ok_or("must be FREQUENCY or SAMPLING");
    let kind = violations.check(format!("{path}.kind"), kind);
    Some(Some(WeightColumn { column: column?, kind: kind? }))
}

/// A name that must be given.
pub(crate) fn required_name(
    violations: &mut Violations,
    path: &str,
    name: String,
) -> Option<String> {
    violations.require(path, optional_name(name))
}

/// A name that may be left empty.
pub(crate) fn optional_name(name: String) -> Option<String> {
    (!name.is_empty()).then_some(name)
}

/// A column that must be named and that the cohort has.
pub(crate) fn required_column(
    violations: &mut Violations,
    path: &str,
    name: String,
    cohort: &Cohort,
) -> Option<String> {
    let name = required_name(violations, path, name)?;
    violations.check(path, cohort.values(&name)).map(|_| name)
}

/// The same of numbers.
pub(crate) fn required_number(
    violations: &mut Violations,
    path: &str,
    name: String,
    cohort: &Cohort,
) -> Option<String> {
    let column = required_column(violations, path, name, cohort)?;
    let is_number = matches!(cohort.values(&column), Ok(Values::Numeric(_)));
    let found = if is_number { Ok(column) } else { Err(CohortError::NotNumeric { column }) };
    violations.check(path, found)
}

/// A column that may be left out; one that is named is in the cohort, or a violation says that it is
/// not.
pub(crate) fn optional_column(
    violations: &mut Violations,
    path: &str,
    name: String,
    cohort: &Cohort,
) -> Option<String> {
    if name.is_empty() { None } else { required_column(violations, path, name, cohort) }
}

/// The same of numbers.
pub(crate) fn optional_number(
    violations: &mut Violations,
    path: &str,
    name: String,
    cohort: &Cohort,
) -> Option<String> {
    if name.is_empty() { None } else { required_number(violations, path, name, cohort) }
}

/// Names of columns, each of which the cohort has, or a violation says which it has not.
pub(crate) fn columns_from(
    violations: &mut Violations,
    path: &str,
    names: Vec<String>,
    cohort: &Cohort,
) -> Vec<String> {
    for (index, name) in names.iter().enumerate() {
        violations.check(format!("{path}[{index}]"), cohort.values(name));
    }
    names
}

/// A share strictly between 0 and 1, or its default.
pub(crate) fn confidence_from(
    violations: &mut Violations,
    path: &str,
    confidence: Option<f64>,
) -> Option<f64> {
    let confidence = confidence.unwrap_or(DEFAULT_CONFIDENCE);
    let is_share = 0.0 < confidence && confidence < 1.0;
    violations.check(path, is_share.then_some(confidence).ok_or("must lie between 0 and 1"))
}

/// The confidence of an interval unless asked otherwise.
const DEFAULT_CONFIDENCE: f64 = 0.95;

/// The columns of an endpoint.
pub(crate) fn endpoint_columns(endpoint: &EndpointColumns) -> impl Iterator<Item = &str> {
    [&endpoint.time, &endpoint.event].into_iter().chain(endpoint.entry.as_ref()).map(String::as_str)
}

pub(crate) fn term_to(term: &Term) -> pb::ModelTerm {
    match term {
        Term::Linear { column, transform } => {
            let (transform, transform_constant) = transform_to(*transform);
            pb::ModelTerm {
                column: column.clone(),
                kind: pb::TermKind::Linear as i32,
                transform: transform as i32,
                transform_constant,
                ..pb::ModelTerm::default()
            }
        }
        Term::Factor { column, reference } => pb::ModelTerm {
            column: column.clone(),
            kind: pb::TermKind::Factor as i32,
            reference: reference.clone().unwrap_or_default(),
            ..pb::ModelTerm::default()
        },
        Term::Spline { column, knots, boundary } => {
            let (degrees_of_freedom, knots) = match knots {
                SplineKnots::At(knots) if !knots.is_empty() => (None, knots.clone()),
                knots => (Some(count(knots.n_columns())), Vec::new()),
            };
            pb::ModelTerm {
                column: column.clone(),
                kind: pb::TermKind::Spline as i32,
                degrees_of_freedom,
                knots,
                boundary_knots: boundary.map_or_else(Vec::new, Vec::from),
                ..pb::ModelTerm::default()
            }
        }
        Term::Interaction(left, right) => append(term_to(left), term_to(right)),
    }
}

/// The product of two terms: a chain in which each column points to the next.
fn append(left: pb::ModelTerm, right: pb::ModelTerm) -> pb::ModelTerm {
    let next = match left.interaction_with {
        Some(next) => append(*next, right),
        None => right,
    };
    pb::ModelTerm { interaction_with: Some(Box::new(next)), ..left }
}

fn transform_to(transform: Transform) -> (pb::Transform, f64) {
    match transform {
        Transform::Identity => (pb::Transform::Unspecified, 0.0),
        Transform::Divide(by) => (pb::Transform::Divide, by),
        Transform::Center(at) => (pb::Transform::Center, at),
        Transform::Log => (pb::Transform::Log, 0.0),
        Transform::Log1p => (pb::Transform::Log1p, 0.0),
        Transform::Sqrt => (pb::Transform::Sqrt, 0.0),
    }
}

pub(crate) fn terms_from(
    violations: &mut Violations,
    path: &str,
    terms: Vec<pb::ModelTerm>,
    cohort: &Cohort,
) -> Option<Vec<Term>> {
    let mut read = Vec::with_capacity(terms.len());
    let mut is_complete = true;
    for (index, term) in terms.into_iter().enumerate() {
        match term_from(violations, &format!("{path}[{index}]"), term, cohort) {
            Some(term) => read.push(term),
            None => is_complete = false,
        }
    }
    is_complete.then_some(read)
}

fn term_from(
    violations: &mut Violations,
    path: &str,
    term: pb::ModelTerm,
    cohort: &Cohort,
) -> Option<Term> {
    let column = required_name(violations, &format!("{path}.column"), term.column.clone())?;
    let values = violations.check(format!("{path}.column"), cohort.values(&column))?;
    let is_number = matches!(values, Values::Numeric(_));
    let kind = match pb::TermKind::try_from(term.kind) {
        Ok(pb::TermKind::Unspecified) if is_number => pb::TermKind::Linear,
        Ok(pb::TermKind::Unspecified) => pb::TermKind::Factor,
        Ok(kind) => kind,
        Err(_) => {
            violations.add(format!("{path}.kind"), "is an unknown kind of term");
            return None;
        }
    };
    refuse_without_effect(violations, path, &term, kind);
    if kind != pb::TermKind::Factor && !is_number {
        let column = column.clone();
        violations.add(format!("{path}.kind"), CohortError::NotNumeric { column });
    }
    let main = match kind {
        pb::TermKind::Factor => {
            Term::Factor { column, reference: optional_name(term.reference.clone()) }
        }
        pb::TermKind::Spline => spline_from(violations, path, column, &term)?,
        _ => {
            let (transform, constant) = (term.transform, term.transform_constant);
            let transform = transform_from(violations, path, transform, constant)?;
            Term::Linear { column, transform }
        }
    };
    match term.interaction_with {
        None => Some(main),
        Some(other) => {
            let path = format!("{path}.interaction_with");
            let other = term_from(violations, &path, *other, cohort)?;
            Some(Term::interaction(main, other))
        }
    }
}

/// What a kind of term does not read must not be there, as if it had an effect.
fn refuse_without_effect(
    violations: &mut Violations,
    path: &str,
    term: &pb::ModelTerm,
    kind: pb::TermKind,
) {
    if kind != pb::TermKind::Linear && term.transform != pb::Transform::Unspecified as i32 {
        violations.add(format!("{path}.transform"), "belongs to a term that is linear");
    }
    if kind != pb::TermKind::Factor && !term.reference.is_empty() {
        violations.add(format!("{path}.reference"), "belongs to a factor, not to a number");
    }
    if kind != pb::TermKind::Spline {
        let fields = [
            ("degrees_of_freedom", term.degrees_of_freedom.is_some()),
            ("knots", !term.knots.is_empty()),
            ("boundary_knots", !term.boundary_knots.is_empty()),
        ];
        for (field, _) in fields.into_iter().filter(|(_, is_given)| *is_given) {
            violations.add(format!("{path}.{field}"), "belongs to a spline");
        }
    }
}

fn spline_from(
    violations: &mut Violations,
    path: &str,
    column: String,
    term: &pb::ModelTerm,
) -> Option<Term> {
    let ascend = |knots: &[f64]| {
        knots.iter().all(|knot| knot.is_finite()) && knots.windows(2).all(|pair| pair[0] < pair[1])
    };
    let knots = match term.degrees_of_freedom {
        Some(_) if !term.knots.is_empty() => Err("excludes degrees_of_freedom"),
        None if term.knots.is_empty() => Err("or degrees_of_freedom is required"),
        None if ascend(&term.knots) => Ok(SplineKnots::At(term.knots.clone())),
        None => Err("must be finite and ascend strictly"),
        Some(number) if number > 0 => Ok(SplineKnots::DegreesOfFreedom(number as usize)),
        Some(_) => {
            violations.add(format!("{path}.degrees_of_freedom"), "must be at least 1");
            return None;
        }
    };
    let knots = violations.check(format!("{path}.knots"), knots);
    let boundary = match term.boundary_knots[..] {
        [] => Ok(None),
        [lower, upper] if ascend(&[lower, upper]) => Ok(Some([lower, upper])),
        _ => Err("must be two finite numbers, the lower one first"),
    };
    let boundary = violations.check(format!("{path}.boundary_knots"), boundary)?;
    let knots = knots?;
    if let (SplineKnots::At(knots), Some([lower, upper])) = (&knots, boundary)
        && !knots.iter().all(|&knot| lower < knot && knot < upper)
    {
        violations.add(format!("{path}.knots"), "must lie strictly between the boundary knots");
    }
    Some(Term::Spline { column, knots, boundary })
}

fn transform_from(
    violations: &mut Violations,
    path: &str,
    number: i32,
    constant: f64,
) -> Option<Transform> {
    let invalid = |by: f64| !by.is_finite() || by == 0.0;
    match pb::Transform::try_from(number) {
        Ok(pb::Transform::Divide) if invalid(constant) => {
            violations.add(format!("{path}.transform_constant"), "must be finite and not 0");
            None
        }
        Ok(pb::Transform::Center) if !constant.is_finite() => {
            violations.add(format!("{path}.transform_constant"), "must be finite");
            None
        }
        Ok(pb::Transform::Unspecified) => Some(Transform::Identity),
        Ok(pb::Transform::Divide) => Some(Transform::Divide(constant)),
        Ok(pb::Transform::Center) => Some(Transform::Center(constant)),
        Ok(pb::Transform::Log) => Some(Transform::Log),
        Ok(pb::Transform::Log1p) => Some(Transform::Log1p),
        Ok(pb::Transform::Sqrt) => Some(Transform::Sqrt),
        Err(_) => {
            violations.add(format!("{path}.transform"), "is an unknown transformation");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cohort() -> Cohort {
        let levels = ["I", "II"].map(String::from).to_vec();
        let columns = vec![
            Column::numeric("age", vec![50.0, 60.0]),
            Column::categorical("stage", levels, vec![0, 1]),
        ];
        Cohort::new(None, columns).unwrap()
    }

    fn followed() -> Cohort {
        let columns = ["time", "event"].map(|name| Column::numeric(name, vec![1.0, 1.0])).to_vec();
        Cohort::new(None, columns).unwrap()
    }

    fn refused<T>(read: impl FnOnce(&mut Violations) -> Option<T>) -> String {
        let mut violations = Violations::default();
        let value = read(&mut violations);
        let malformed = violations.finish(value).err().expect("something is wrong");
        malformed.0[0].path.clone()
    }

    #[test]
    fn a_small_message_cannot_ask_for_endless_subjects() {
        let message = |multiplicities: Vec<i32>| pb::Selection { rows: vec![0, 1], multiplicities };
        let read = |violations: &mut Violations, times| {
            selection_from(violations, "selection", Some(message(times)), &cohort())
        };
        let selected = read(&mut Violations::default(), vec![0, 3]).unwrap();
        assert_eq!(selected.rows(), [1, 1, 1]);
        let path = refused(|violations| read(violations, vec![i32::MAX, i32::MAX]));
        assert_eq!(path, "selection.multiplicities");
    }

    #[test]
    fn a_code_has_one_meaning() {
        let mut endpoint = endpoint_to(&EndpointColumns::new("time", "event"));
        endpoint.censored_codes.push("1".into());
        let path = refused(|violations| endpoint_from(violations, Some(endpoint), &followed()));
        assert_eq!(path, "endpoint.event_codes");
    }

    #[test]
    fn what_would_have_no_effect_is_refused() {
        let term = |column: &str| pb::ModelTerm { column: column.into(), ..Default::default() };
        let read =
            |violations: &mut Violations, term| term_from(violations, "terms[0]", term, &cohort());
        let factor = pb::ModelTerm { transform: pb::Transform::Log as i32, ..term("stage") };
        assert_eq!(refused(|violations| read(violations, factor)), "terms[0].transform");
        let number = pb::ModelTerm { reference: "50".into(), ..term("age") };
        assert_eq!(refused(|violations| read(violations, number)), "terms[0].reference");
        let straight = pb::ModelTerm { degrees_of_freedom: Some(3), ..term("age") };
        assert_eq!(refused(|violations| read(violations, straight)), "terms[0].degrees_of_freedom");
    }

    #[test]
    fn splines_come_back_and_say_what_they_lack() {
        let boundary = Some([50.0, 60.0]);
        let spline = |knots| Term::Spline { column: "age".into(), knots, boundary };
        let term = |term: &Term| {
            let read =
                terms_from(&mut Violations::default(), "terms", vec![term_to(term)], &cohort());
            read.and_then(|terms| terms.into_iter().next())
        };
        for knots in [SplineKnots::DegreesOfFreedom(3), SplineKnots::At(vec![52.0, 55.0])] {
            let spline = spline(knots);
            assert_eq!(term(&spline), Some(spline));
        }
        let refused_field = |message: pb::ModelTerm| {
            let kind = pb::TermKind::Spline as i32;
            let message = pb::ModelTerm { column: "age".into(), kind, ..message };
            refused(|violations| term_from(violations, "terms[0]", message, &cohort()))
        };
        let nothing = pb::ModelTerm::default();
        assert_eq!(refused_field(nothing.clone()), "terms[0].knots");
        let none = pb::ModelTerm { degrees_of_freedom: Some(0), ..nothing.clone() };
        assert_eq!(refused_field(none), "terms[0].degrees_of_freedom");
        let turned = pb::ModelTerm { knots: vec![55.0, 52.0], ..nothing };
        assert_eq!(refused_field(turned), "terms[0].knots");
    }
}
