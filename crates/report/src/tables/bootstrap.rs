//! Headline numbers with limits from replicates.

use super::{ENDPOINT, Source, WHOLE};
use crate::document::Text;
use crate::number;
use crate::table::{Cell, Column, Row, Table};
use crate::words;
use study::protocol::{BootstrapMethod, BootstrapScope};
use study::result::{BootstrapKind, BootstrapOutline, BootstrapRow, Label, id};

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
    columns.push(Column::value("bias").within("Replicates"));
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
        number_of("bias", write.1),
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
         there are only so many replicates. The bias is the mean of the replicates less the estimate, of a \
         hazard ratio on the logarithm; one above a quarter of their standard error means that the \
         replicates are off centre, and then so are percentile limits (Efron and Tibshirani 1993, An \
         Introduction to the Bootstrap, section 10.3). Shares are in per cent.",
    )];
    let scopes = source.result.outline.bootstraps.iter();
    let has = |scope| scopes.clone().any(|outline| outline.scope == scope);
    if has(BootstrapScope::Outcome) {
        notes.push(words::of_outcome_scope(protocol).into());
    }
    if has(BootstrapScope::Pipeline) {
        notes.push(words::of_pipeline_scope(protocol).into());
    }
    let pipelines = scopes.filter(|outline| outline.scope == BootstrapScope::Pipeline);
    notes.extend(pipelines.flat_map(|outline| sizes(source, outline)));
    notes
}

/// How large the designs of the replicates are: their pairs or sets, or what weights leave of each arm.
fn sizes(source: &Source, outline: &BootstrapOutline) -> Vec<Text> {
    if !outline.has_sets {
        let arms = source.result.outline.arms.iter();
        return arms.map(|arm| effective_size(source, outline, arm)).collect();
    }
    let matching = source.result.protocol.matching.as_ref();
    let what = match matching.is_some_and(study::protocol::MatchingSection::is_one_to_one) {
        true => "pairs",
        false => "sets",
    };
    let [own, n_failed, rest @ ..] = size(source, outline, (WHOLE, "n_sets"), number::count);
    let endpoint = source.endpoint_label(&outline.endpoint).into();
    let start =
        Text::fill("{}, scope pipeline: the study has {} {};", [endpoint, own, what.into()]);
    vec![distribution(start, rest, n_failed)]
}

/// The effective sample size of an arm.
fn effective_size(source: &Source, outline: &BootstrapOutline, arm: &Label) -> Text {
    let term = (arm.id.as_str(), "effective_n");
    let [own, n_failed, rest @ ..] = size(source, outline, term, number::time);
    let endpoint = source.endpoint_label(&outline.endpoint).into();
    let start = "{}, scope pipeline, effective sample size of {}: the study has {};";
    distribution(Text::fill(start, [endpoint, arm.label.as_str().into(), own]), rest, n_failed)
}

/// What the replicates have behind what the study has.
fn distribution(start: Text, of_replicates: [Text; 7], n_failed: Text) -> Text {
    let [mean, sd, least, q1, median, q3, most] = of_replicates;
    Text::fill(
        "{} replicates have {} on average (SD {}), {} at least, {}, {} and {} at the quartiles, {} at most; \
         {} replicates have no design.",
        [start, mean, sd, least, q1, median, q3, most, n_failed],
    )
}

/// A size of the design in the study, the number of replicates without one, and mean, SD and five numbers of
/// the others.
fn size(
    source: &Source,
    outline: &BootstrapOutline,
    (term, name): (&str, &str),
    write: number::Write,
) -> [Text; 9] {
    let analysis = format!("bootstrap_{}", outline.scope.name());
    let text = |ending: &str, write: number::Write| {
        let (endpoint, population) = (&outline.endpoint, &outline.population);
        let name = format!("{name}{ending}");
        let id = id::quantity(endpoint, population, &analysis, term, &name);
        Text::from(source.numbers.cell(&id, write))
    };
    [
        text("", write),
        text("_n_failed", number::count),
        text("_mean", number::time),
        text("_sd", number::time),
        text("_min", write),
        text("_q1", write),
        text("_median", write),
        text("_q3", write),
        text("_max", write),
    ]
}
