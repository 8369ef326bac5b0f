//! The way from the patient table to the analysed patients.

use super::{Drawing, Plot, Source, caption, id, number, words};
use crate::tables::step_id;
use figures::{FlowBox, FlowFigure};
use study::result::{FlowKind, FlowStep, Label};

/// With more sites than this their counts are left to the table.
const MOST_SITES: usize = 8;

/// The flow diagram.
pub(crate) fn flow(source: &Source) -> Plot {
    let is_arm = |step: &&FlowStep| is_arm(step.kind);
    let of_kind = |kind| {
        let steps = source.result.outline.flow.iter().filter(move |step| step.kind == kind);
        steps.map(|step| flow_box(source, step)).collect::<Vec<_>>()
    };
    let mut arms: Vec<Vec<FlowBox>> =
        of_kind(FlowKind::Arm).into_iter().map(|one| vec![one]).collect();
    for kind in [FlowKind::Matched, FlowKind::Weighted] {
        for (arm, adjusted) in arms.iter_mut().zip(of_kind(kind)) {
            arm.push(adjusted);
        }
    }
    let steps = source.result.outline.flow.iter();
    let figure = FlowFigure {
        caption: caption("flow", "Flow of patients", description(source)),
        steps: steps.filter(|step| !is_arm(step)).map(|step| flow_box(source, step)).collect(),
        arms,
    };
    Plot::new(Drawing::Flow(figure))
}

fn is_arm(kind: FlowKind) -> bool {
    matches!(kind, FlowKind::Arm | FlowKind::Matched | FlowKind::Weighted)
}

fn description(source: &Source) -> String {
    let way = match source.result.protocol.adjusted() {
        None => "From the rows of the table to the analysed patients.".to_owned(),
        Some(_) => format!(
            "From the rows of the table to the analysed and the {}.",
            words::adjusted(&source.result.protocol)
        ),
    };
    match &source.result.outline.site {
        Some(site) if MOST_SITES < site.levels.len() => format!(
            "{way} The counts of the {} sites stand in the table by arm and site.",
            site.levels.len()
        ),
        Some(site) => {
            format!("{way} Small type: patients by arm and by {}.", words::within(&site.label))
        }
        None => format!("{way} Small type: patients by arm."),
    }
}

fn flow_box(source: &Source, step: &FlowStep) -> FlowBox {
    let n = source.numbers.cell(&step_id(step, "n"), number::count).text;
    let excluded = excluded(source, step);
    let excluded_details = match &excluded {
        Some(_) => by_level(source, step, "n_excluded"),
        None => Vec::new(),
    };
    FlowBox {
        label: step.label.clone(),
        count: format!("n = {n}"),
        details: by_level(source, step, "n"),
        excluded,
        excluded_details,
    }
}

/// Who was left out on the way to a step; absent where that has no meaning.
fn excluded(source: &Source, step: &FlowStep) -> Option<String> {
    let id = |name| step_id(step, name);
    let count = |name| source.numbers.cell(&id(name), number::count).text;
    source.numbers.has(&id("n_excluded")).then(|| {
        let n_missing = source.numbers.value(&id("n_missing")).unwrap_or(0.0);
        match step.kind {
            FlowKind::Missing => format!("Left out for a missing value: {}", count("n_excluded")),
            FlowKind::Matched => format!("Not matched: {}", count("n_excluded")),
            FlowKind::Weighted => format!("Without a weight: {}", count("n_excluded")),
            _ if 0.0 < n_missing => format!(
                "Left out: {} (of these {} for a missing value)",
                count("n_excluded"),
                count("n_missing")
            ),
            _ => format!("Left out: {}", count("n_excluded")),
        }
    })
}

/// Counts of a step by arm, of an arm by site alone, a line for each; those of many sites, and lines of
/// nobody, are left out.
fn by_level(source: &Source, step: &FlowStep, name: &str) -> Vec<String> {
    let mut lines = Vec::new();
    if !is_arm(step.kind) {
        let column = id::part(&source.result.protocol.exposure.column);
        let arms = source.arms().iter().map(|arm| (arm, arm.label.as_str()));
        lines.extend(line(source, step, (name, &column), arms));
    }
    let site = source.result.outline.site.as_ref();
    if let Some(site) = site.filter(|site| site.levels.len() <= MOST_SITES) {
        let levels = site.levels.iter();
        let levels = levels.map(|level| (level, source.level_label(&site.id, level)));
        lines.extend(line(source, step, (name, &site.id), levels));
    }
    lines
}

/// `A: 12; B: 9`, and behind them those of whom the level is not known. Count and level stay together.
fn line<'a>(
    source: &Source,
    step: &FlowStep,
    (name, column): (&str, &str),
    levels: impl Iterator<Item = (&'a Label, &'a str)>,
) -> Option<String> {
    let value = |id: &str| source.numbers.value(&step_id(step, id));
    let mut counts: Vec<(&str, f64)> = levels
        .filter_map(|(level, label)| Some((label, value(&format!("{}/{name}", level.id))?)))
        .collect();
    if name == "n" {
        let unknown = value(&format!("{column}/n_unknown")).filter(|n| 0.0 < *n);
        counts.extend(unknown.map(|n| ("not known", n)));
    }
    let words = counts.iter().map(|(label, n)| format!("{label}:\u{a0}{}", number::count(*n)));
    let has_any = counts.iter().any(|(_, n)| 0.0 < *n);
    has_any.then(|| words.collect::<Vec<_>>().join("; "))
}
