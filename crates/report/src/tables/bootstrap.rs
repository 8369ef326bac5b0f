//! Headline numbers with limits from replicates.

use super::{ENDPOINT, Source, WHOLE};
use crate::document::Text;
use crate::number;
use crate::table::{Cell, Column, Row, Table};
use crate::words;
use study::protocol::{BootstrapMethod, BootstrapScope};
use study::result::{BootstrapKind, BootstrapOutline, BootstrapRow, id};

/// One row per number and method.
pub(crate) fn bootstrap(source: &Source) -> Table {
    let confidence =
        source.result.protocol.bootstrap.as_ref().map_or(0.95, |known| known.confidence);
    let ci = words::share_of(confidence);
    let mut columns = [ENDPOINT, "Scope", "Number", "Interval"].map(Column::key).to_vec();
    columns.push(Column::value(format!("Estimate ({ci} CI)")));
    columns.push(Column::value("lower").within("Monte-Carlo error"));
    columns.push(Column::value("upper").within("Monte-Carlo error"));
    columns.push(Column::value("failed").within("Replicates"));
    columns.push(Column::value("infinite").within("Replicates"));
    columns.push(Column::value("Without replicates"));
    let mut table = Table::new("bootstrap", "Intervals from resampled patients", columns);
    for outline in &source.result.outline.bootstraps {
        for row in &outline.rows {
            for &method in &row.methods {
                table.rows.push(Row::new(cells(source, outline, row, method)));
            }
        }
    }
    table.notes = notes(source);
    table
}

fn cells(
    source: &Source,
    outline: &BootstrapOutline,
    row: &BootstrapRow,
    method: BootstrapMethod,
) -> Vec<Cell> {
    let numbers = &source.numbers;
    let number_of =
        |ending: &str, write: number::Write| numbers.cell(&row.id(outline, ending), write);
    let write = write(row.kind);
    let estimate = row.id(outline, method.name());
    let estimate = match row.kind {
        BootstrapKind::HazardRatio => numbers.ratio(&estimate),
        BootstrapKind::Time | BootstrapKind::Probability => numbers.with_limits(&estimate, write.0),
    };
    let error = |end: &str| number_of(&format!("{}_{end}_error", method.name()), write.1);
    vec![
        Cell::new(source.endpoint_label(&outline.endpoint)),
        outline.scope.name().into(),
        Cell::from(&row.label),
        words::bootstrap_method(method).into(),
        estimate,
        error("lower"),
        error("upper"),
        number_of("n_failed", number::count),
        number_of("n_infinite", number::count),
        model_based(source, outline, row),
    ]
}

/// How a number and an error of its kind are written; shares in per cent.
fn write(kind: BootstrapKind) -> (number::Write, number::Write) {
    match kind {
        BootstrapKind::HazardRatio => (number::ratio, |error| number::fixed(error, 4)),
        BootstrapKind::Time => (number::time, |error| number::fixed(error, 2)),
        BootstrapKind::Probability => (number::percent, |error| number::fixed(100.0 * error, 2)),
    }
}

/// The same number with the limits that the analysis gives it without replicates, where it has some.
fn model_based(source: &Source, outline: &BootstrapOutline, row: &BootstrapRow) -> Cell {
    let survival = &source.result.protocol.survival;
    let (analysis, name) = match (row.kind, row.name.as_str()) {
        (BootstrapKind::HazardRatio, name) => {
            let own = format!("bootstrap_{}", outline.scope.name());
            let model = row.analysis.strip_prefix(&own).unwrap_or_default();
            let model = if model.is_empty() { "_univariable" } else { model };
            (format!("cox{model}"), name.to_owned())
        }
        (_, "median") => {
            let rule = survival.median_ci.first().map_or("log", |&rule| words::quantile_id(rule));
            ("survival".to_owned(), format!("median_{rule}"))
        }
        (_, "survival") => {
            let rule = survival.interval.first().map_or("log", |&rule| words::interval_id(rule));
            ("survival".to_owned(), format!("survival_{rule}"))
        }
        (_, "median_difference") => {
            let rule = survival.median_ci.first().map_or("log", |&rule| words::quantile_id(rule));
            ("differences".to_owned(), format!("median_difference_{rule}"))
        }
        (_, name) if name.ends_with("_difference") => ("differences".to_owned(), name.to_owned()),
        (_, name) => ("survival".to_owned(), name.to_owned()),
    };
    let (endpoint, population) = (&outline.endpoint, &outline.population);
    let id = match row.time {
        None => id::quantity(endpoint, population, &analysis, &row.term, &name),
        Some(time) => id::quantity_at(endpoint, population, &analysis, &row.term, &name, time),
    };
    match (source.numbers.has(&id), row.kind) {
        (false, _) => Cell::new(""),
        (true, BootstrapKind::HazardRatio) => source.numbers.ratio(&id),
        (true, kind) => source.numbers.with_limits(&id, write(kind).0),
    }
}

fn notes(source: &Source) -> Vec<Text> {
    let protocol = &source.result.protocol;
    let mut notes = vec![Text::from(
        "Failed replicates have no answer and no limit rests on them; infinite ones do not reach the time \
         and count as above all others. The Monte-Carlo error of a limit is its standard error because \
         there are only so many replicates; shares are in per cent.",
    )];
    let scopes = source.result.outline.bootstraps.iter();
    let has = |scope| scopes.clone().any(|outline| outline.scope == scope);
    if has(BootstrapScope::Outcome) {
        notes.push(words::of_outcome_scope(protocol).into());
    }
    if has(BootstrapScope::Pipeline) {
        notes.push(words::of_pipeline_scope(protocol).into());
    }
    notes.extend(scopes.filter(|outline| outline.has_sets).map(|outline| sets(source, outline)));
    notes
}

/// How many pairs or sets the replicates have.
fn sets(source: &Source, outline: &BootstrapOutline) -> Text {
    let matching = source.result.protocol.matching.as_ref();
    let what = match matching.is_some_and(study::protocol::MatchingSection::is_one_to_one) {
        true => "pairs",
        false => "sets",
    };
    let analysis = format!("bootstrap_{}", outline.scope.name());
    let text = |name: &str, write: number::Write| {
        let (endpoint, population) = (&outline.endpoint, &outline.population);
        let id = id::quantity(endpoint, population, &analysis, WHOLE, &format!("n_sets{name}"));
        Text::from(source.numbers.cell(&id, write))
    };
    Text::fill(
        "{}, scope pipeline: the study has {} {}; replicates have {} on average (SD {}), {} at least, \
         {}, {} and {} at the quartiles, {} at most; {} replicates have no score.",
        [
            source.endpoint_label(&outline.endpoint).into(),
            text("", number::count),
            what.into(),
            text("_mean", number::time),
            text("_sd", number::time),
            text("_min", number::count),
            text("_q1", number::count),
            text("_median", number::count),
            text("_q3", number::count),
            text("_max", number::count),
            text("_n_failed", number::count),
        ],
    )
}
