//! Figures of the replicates of a bootstrap.

use super::{Drawing, Plot, Source, caption, number, words};
use figures::{HistogramFigure, Mark, MarkKind};
use study::result::{BootstrapKind, BootstrapOutline, BootstrapRow, ReplicateHistogram};

/// The replicates of the hazard ratio of the exposure, a figure for each endpoint and scope: of the
/// model of the primary analysis where it has replicates, else of the exposure alone.
pub(crate) fn replicates(source: &Source) -> Vec<Plot> {
    let outlines = source.result.outline.bootstraps.iter();
    outlines.filter_map(|outline| figure(source, outline, row(source, outline)?)).collect()
}

fn row<'a>(source: &Source, outline: &'a BootstrapOutline) -> Option<&'a BootstrapRow> {
    let primary = source.result.protocol.report.primary.model.as_deref().unwrap_or_default();
    let of_primary = format!("bootstrap_{}_{primary}", outline.scope.name());
    let ratios = || outline.rows.iter().filter(|row| row.kind == BootstrapKind::HazardRatio);
    ratios().find(|row| row.analysis == of_primary).or_else(|| ratios().next())
}

fn figure(source: &Source, outline: &BootstrapOutline, row: &BootstrapRow) -> Option<Plot> {
    let id = row.id(outline, "replicates");
    let known = source.result.histograms.iter().find(|known| known.id == id);
    let known = known.filter(|known| !known.counts.is_empty())?;
    let scope = outline.scope.name();
    let title = format!(
        "Replicates of the {}, {}, scope {scope}",
        words::within(&row.label),
        words::within(&source.endpoint_label(&outline.endpoint))
    );
    let name = format!("{}-{scope}-{}", row.name.replace('_', "-"), outline.endpoint);
    let figure = HistogramFigure {
        caption: caption(format!("bootstrap-{name}"), title, description(outline)),
        axis: known.label.clone(),
        is_logarithmic: true,
        count_axis: "Replicates".into(),
        edges: known.edges.clone(),
        counts: known.counts.clone(),
        marks: marks(source, outline, row),
        notes: vec![counted(known)],
    };
    Some(Plot::new(Drawing::Histogram(figure)))
}

/// The estimate, the limits of each method and the ratio without effect.
fn marks(source: &Source, outline: &BootstrapOutline, row: &BootstrapRow) -> Vec<Mark> {
    let numbers = &source.numbers;
    let section = source.result.protocol.bootstrap.as_ref();
    let ci = words::share_of(section.map_or(0.95, |section| section.confidence));
    let mut marks = Vec::new();
    for (method, &known) in row.methods.iter().enumerate() {
        let id = row.id(outline, known.name());
        let words = numbers.ratio(&id).text;
        let (value, limits) = words.split_once(" (").unwrap_or((&words, ""));
        if let (0, Some(estimate)) = (method, positive(numbers.value(&id))) {
            let label = format!("Estimate {value}");
            marks.push(Mark { value: estimate, label, kind: MarkKind::Estimate });
        }
        let (lower, upper) = numbers.limits(&id);
        let name = words::bootstrap_method(known);
        let mut label = format!("{ci} limits, {name}: {}", limits.trim_end_matches(')'));
        for limit in [lower, upper].map(positive).into_iter().flatten() {
            let label = std::mem::take(&mut label);
            marks.push(Mark { value: limit, label, kind: MarkKind::Limit(method) });
        }
    }
    marks.push(Mark { value: 1.0, label: "No effect: 1".into(), kind: MarkKind::Null });
    marks
}

/// What has a place on an axis of ratios.
fn positive(value: Option<f64>) -> Option<f64> {
    value.filter(|value| 0.0 < *value)
}

/// How many replicates there are, and how many are in no bar.
fn counted(known: &ReplicateHistogram) -> String {
    let n = number::count(known.n_replicates as f64);
    let without = [(known.n_failed, "without an answer"), (known.n_infinite, "infinite")];
    let without: Vec<String> = without
        .into_iter()
        .filter(|(count, _)| 0 < *count)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    match without.is_empty() {
        true => format!("{n} replicates, all in the bars."),
        false => format!("{n} replicates, of which {} are in no bar.", words::list(&without)),
    }
}

fn description(outline: &BootstrapOutline) -> String {
    format!(
        "Bars: replicates in classes of one width on the logarithm; each replicate resamples {}. Solid \
         line: the estimate; dashes with two dots: no effect; the other lines: the limits of each method.",
        outline.unit
    )
}
