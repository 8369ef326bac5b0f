//! The figures of the report: which there are, and what each shows.

use crate::number;
use crate::tables::{STUDY, Source, WHOLE};
use crate::words;
use figures::{
    Caption, FlowBox, FlowFigure, ForestFigure, ForestRow, ForestValue, KaplanMeierFigure,
    KaplanMeierGroup, LogLogCurve, LogLogFigure, LoveFigure, LoveRow, OverlapArm, OverlapFigure,
    OverlapPanel, Page,
};
use study::protocol::{FigureProfile, TimeUnit};
use study::result::{
    Curve, FlowKind, FlowStep, Label, SubgroupOutline, SubgroupVariable, VariableOutline, id,
};

mod forest;
mod survival;

pub(crate) use forest::forests;
pub(crate) use survival::{all_main_curves, compared_curves, log_log, subgroup_curves};

/// A figure that is not drawn yet, so that it can be drawn with and without its notice.
pub(crate) struct Plot {
    /// File name without ending.
    pub name: String,
    /// What the figure shows, for its caption.
    pub legend: String,
    /// The drawing.
    drawing: Drawing,
}

enum Drawing {
    Flow(FlowFigure),
    Love(LoveFigure),
    Overlap(OverlapFigure),
    Forest(ForestFigure),
    KaplanMeier(KaplanMeierFigure),
    LogLog(LogLogFigure),
}

impl Plot {
    fn new(drawing: Drawing) -> Self {
        let mut plot = Self { name: String::new(), legend: String::new(), drawing };
        let Caption { id, title, description, .. } = plot.caption().clone();
        plot.name = id;
        plot.legend = format!("{title}. {description}");
        plot
    }

    /// The figure for the document, whose caption carries the notice.
    pub fn inline(&self) -> String {
        self.drawn(Page::TWO_COLUMNS)
    }

    /// The figure for files, which carries the notice itself, with the names of the files without
    /// ending: over two columns, and where its words leave room over one.
    pub fn files(
        mut self,
        notice: Option<String>,
        profile: FigureProfile,
    ) -> Vec<(String, String)> {
        self.caption().notice = notice;
        let [one, two] = profile.widths_mm().map(Page::of_width);
        let [small, large] = profile.text_points();
        let mut files = vec![(self.name.clone(), self.drawn(two.with_text(large)))];
        if !matches!(self.drawing, Drawing::Forest(_)) {
            let name = format!("{}-one-column", self.name);
            files.push((name, self.drawn(one.with_text(small))));
        }
        files
    }

    fn drawn(&self, page: Page) -> String {
        match &self.drawing {
            Drawing::Flow(figure) => figures::flow_diagram(figure, page),
            Drawing::Love(figure) => figures::love_plot(figure, page),
            Drawing::Overlap(figure) => figures::overlap_plot(figure, page),
            Drawing::Forest(figure) => figures::forest_plot(figure, page),
            Drawing::KaplanMeier(figure) => figures::kaplan_meier(figure, page),
            Drawing::LogLog(figure) => figures::log_log_plot(figure, page),
        }
    }

    fn caption(&mut self) -> &mut Caption {
        match &mut self.drawing {
            Drawing::Flow(figure) => &mut figure.caption,
            Drawing::Love(figure) => &mut figure.caption,
            Drawing::Overlap(figure) => &mut figure.caption,
            Drawing::Forest(figure) => &mut figure.caption,
            Drawing::KaplanMeier(figure) => &mut figure.caption,
            Drawing::LogLog(figure) => &mut figure.caption,
        }
    }
}

fn caption(
    id: impl AsRef<str>,
    title: impl Into<String>,
    description: impl Into<String>,
) -> Caption {
    Caption {
        id: file_name(id.as_ref()),
        title: title.into(),
        description: description.into(),
        notice: None,
    }
}

/// A name of letters, digits and hyphens; comparison signs stay apart as words.
pub(crate) fn file_name(name: &str) -> String {
    let mut safe = String::new();
    for character in name.chars() {
        match character {
            '<' => safe.push_str("lt"),
            '>' => safe.push_str("gt"),
            '+' => safe.push_str("plus"),
            ']' => {}
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => safe.push(character),
            _ => safe.push('-'),
        }
    }
    safe
}

/// The flow diagram.
pub(crate) fn flow(source: &Source) -> Plot {
    let steps = source.result.outline.flow.iter();
    let is_arm = |step: &&FlowStep| {
        matches!(step.kind, FlowKind::Arm | FlowKind::Matched | FlowKind::Weighted)
    };
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
    let figure = FlowFigure {
        caption: caption(
            "flow",
            "Flow of patients",
            match source.result.protocol.adjusted() {
                None => "From the rows of the table to the analysed patients.".to_owned(),
                Some(_) => format!(
                    "From the rows of the table to the analysed and the {}.",
                    words::adjusted(&source.result.protocol)
                ),
            },
        ),
        steps: steps.filter(|step| !is_arm(step)).map(|step| flow_box(source, step)).collect(),
        arms,
    };
    Plot::new(Drawing::Flow(figure))
}

fn flow_box(source: &Source, step: &FlowStep) -> FlowBox {
    let id = |name| crate::tables::step_id(step, name);
    let count = |name| source.numbers.cell(&id(name), number::count).text;
    let excluded = source.numbers.has(&id("n_excluded")).then(|| {
        let n_missing = source.numbers.value(&id("n_missing")).unwrap_or(0.0);
        match step.kind {
            FlowKind::Missing => format!("Left out for a missing value: {}", count("n_excluded")),
            _ if 0.0 < n_missing => format!(
                "Left out: {} (of these {} for a missing value)",
                count("n_excluded"),
                count("n_missing")
            ),
            _ => format!("Left out: {}", count("n_excluded")),
        }
    });
    FlowBox {
        label: step.label.clone(),
        count: format!("n = {}", count("n")),
        details: Vec::new(),
        excluded,
    }
}

/// Standardised differences; absent without variables.
pub(crate) fn love(source: &Source) -> Option<Plot> {
    let (before, after) = match source.populations() {
        [] => return None,
        [only] => (only, None),
        [before, after, ..] => (before, Some(after)),
    };
    let threshold = source.result.protocol.balance.threshold;
    let id = |population: &Label, variable: &VariableOutline, name| {
        id::quantity(STUDY, &population.id, "balance", &variable.id, name)
    };
    let last = after.unwrap_or(before);
    let row = |variable: &VariableOutline| {
        let text = |population, name| {
            let id = id(population, variable, name);
            let is_there = source.numbers.has(&id);
            if is_there { source.numbers.cell(&id, number::ratio).text } else { String::new() }
        };
        let smd = |population| source.numbers.value(&id(population, variable, "smd"));
        LoveRow {
            label: variable.label.clone(),
            before: smd(before),
            after: after.and_then(smd),
            before_text: text(before, "smd"),
            after_text: after.map_or(String::new(), |after| text(after, "smd")),
            variance_ratio: text(last, "variance_ratio"),
        }
    };
    let rows: Vec<LoveRow> = source.result.outline.variables.iter().map(row).collect();
    let has_ratios = rows.iter().any(|row| !row.variance_ratio.is_empty());
    let ratio = if after.is_some() { "Variance ratio after" } else { "Variance ratio" };
    let description = format!(
        "Absolute standardised mean differences of the baseline variables; the dashed line stands \
         at {}. Numbers at the right carry their sign, exposed minus comparator.{}",
        words::plain(threshold),
        if has_ratios {
            " Variance ratio: exposed over comparators, of numbers alone."
        } else {
            ""
        }
    );
    let figure = LoveFigure {
        caption: caption("love", "Balance at baseline", description),
        axis: "Absolute standardised mean difference".into(),
        before: if after.is_some() { "Before".into() } else { before.label.clone() },
        after: if after.is_some() { "After".into() } else { String::new() },
        before_note: largest(rows.iter().map(|row| row.before)),
        after_note: largest(rows.iter().map(|row| row.after)),
        variance_ratio: if has_ratios { ratio.into() } else { String::new() },
        threshold,
        rows,
    };
    (!figure.rows.is_empty()).then(|| Plot::new(Drawing::Love(figure)))
}

/// The largest of some differences in words; empty where there is none.
fn largest(differences: impl Iterator<Item = Option<f64>>) -> String {
    let largest = differences.flatten().map(f64::abs).max_by(f64::total_cmp);
    largest.map_or(String::new(), |value| format!("largest {}", number::ratio(value)))
}

/// Bins of the histograms of the scores.
const BINS: usize = 20;

/// The scores of both arms in each population that has them; absent where none has.
pub(crate) fn overlap(source: &Source) -> Option<Plot> {
    let [exposed, comparator] = source.arms() else { return None };
    let arms = [exposed, comparator];
    let panels: Vec<OverlapPanel> =
        source.populations().iter().filter_map(|one| overlap_panel(source, one, arms)).collect();
    if panels.is_empty() {
        return None;
    }
    let description = "Share of each arm by propensity score, in bins of 0.05; between the dashed \
                       lines lies the common support.";
    let figure = OverlapFigure {
        caption: caption("overlap", "Overlap of the propensity scores", description),
        axis: "Propensity score".into(),
        share_axis: "Share of the arm (%)".into(),
        arms: arms.map(|arm| arm.label.clone()),
        panels,
    };
    Some(Plot::new(Drawing::Overlap(figure)))
}

fn overlap_panel(source: &Source, population: &Label, arms: [&Label; 2]) -> Option<OverlapPanel> {
    let id = |term: &str, name: &str| id::quantity(STUDY, &population.id, "overlap", term, name);
    if !source.numbers.has(&id(&arms[0].id, "score_share_0")) {
        return None;
    }
    let arm = |arm: &Label| {
        let share = |bin| {
            let name = format!("score_share_{}", bin as f64 / BINS as f64);
            source.numbers.value(&id(&arm.id, &name)).unwrap_or(0.0)
        };
        OverlapArm { shares: (0..BINS).map(share).collect() }
    };
    let bound = |name: &str| source.numbers.value(&id(WHOLE, name));
    let support = bound("common_support_lower").zip(bound("common_support_upper"));
    Some(OverlapPanel {
        title: population.label.clone(),
        arms: arms.map(arm),
        support: support.map(|(lower, upper)| [lower, upper]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_safe_and_keep_levels_apart() {
        assert_eq!(file_name("km-os-all[size=<=20]"), "km-os-all-size-lt-20");
        assert_eq!(file_name("km-os-all[size=>20]"), "km-os-all-size-gt20");
        assert_eq!(file_name("../a b"), "---a-b");
    }
}
