//! The figures of the report: which there are, and what each shows.

use crate::number;
use crate::tables::{STUDY, Source, WHOLE};
use crate::words;
use figures::{
    Caption, FlowBox, FlowFigure, ForestFigure, ForestRow, ForestValue, KaplanMeierFigure,
    KaplanMeierGroup, LoveFigure, LoveRow, OverlapArm, OverlapFigure,
};
use study::protocol::TimeUnit;
use study::result::{
    Curve, FlowKind, FlowStep, Label, SubgroupOutline, SubgroupVariable, VariableOutline, id,
};

mod forest;
mod survival;

pub(crate) use forest::forests;
pub(crate) use survival::{all_main_curves, compared_curves, subgroup_curves};

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
        match &self.drawing {
            Drawing::Flow(figure) => figures::flow_diagram(figure),
            Drawing::Love(figure) => figures::love_plot(figure),
            Drawing::Overlap(figure) => figures::overlap_plot(figure),
            Drawing::Forest(figure) => figures::forest_plot(figure),
            Drawing::KaplanMeier(figure) => figures::kaplan_meier(figure),
        }
    }

    /// The figure for a file, which carries the notice itself.
    pub fn file(mut self, notice: Option<String>) -> String {
        self.caption().notice = notice;
        self.inline()
    }

    fn caption(&mut self) -> &mut Caption {
        match &mut self.drawing {
            Drawing::Flow(figure) => &mut figure.caption,
            Drawing::Love(figure) => &mut figure.caption,
            Drawing::Overlap(figure) => &mut figure.caption,
            Drawing::Forest(figure) => &mut figure.caption,
            Drawing::KaplanMeier(figure) => &mut figure.caption,
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
    FlowBox { label: step.label.clone(), count: format!("n = {}", count("n")), excluded }
}

/// Standardised differences; absent without variables.
pub(crate) fn love(source: &Source) -> Option<Plot> {
    let (before, after) = match source.populations() {
        [] => return None,
        [only] => (only, None),
        [before, after, ..] => (before, Some(after)),
    };
    let threshold = source.result.protocol.balance.threshold;
    let row = |variable: &VariableOutline| {
        let id = |population: &Label| {
            id::quantity(STUDY, &population.id, "balance", &variable.id, "smd")
        };
        let text = |population| source.numbers.cell(&id(population), number::ratio).text;
        LoveRow {
            label: variable.label.clone(),
            before: source.numbers.value(&id(before)),
            after: after.and_then(|after| source.numbers.value(&id(after))),
            before_text: text(before),
            after_text: after.map_or(String::new(), text),
        }
    };
    let rows: Vec<LoveRow> = source.result.outline.variables.iter().map(row).collect();
    let description = format!(
        "Absolute standardised mean differences of the baseline variables; the dashed line stands \
         at {}. Numbers at the right carry their sign, exposed minus comparator.",
        words::plain(threshold)
    );
    let figure = LoveFigure {
        caption: caption("love", "Balance at baseline", description),
        axis: "Absolute standardised mean difference".into(),
        before: if after.is_some() { "Before".into() } else { before.label.clone() },
        after: if after.is_some() { "After".into() } else { String::new() },
        threshold,
        rows,
    };
    (!figure.rows.is_empty()).then(|| Plot::new(Drawing::Love(figure)))
}

/// Bins of the histograms of the scores.
const BINS: usize = 20;

/// The scores of both arms; absent where the study has none.
pub(crate) fn overlap(source: &Source) -> Option<Plot> {
    let id = |term: &str, name: &str| id::quantity(STUDY, WHOLE, "overlap", term, name);
    let [exposed, comparator] = source.arms() else { return None };
    if !source.numbers.has(&id(&exposed.id, "score_share_0")) {
        return None;
    }
    let arm = |arm: &Label| {
        let share = |bin| {
            let name = format!("score_share_{}", bin as f64 / BINS as f64);
            source.numbers.value(&id(&arm.id, &name)).unwrap_or(0.0)
        };
        OverlapArm { label: arm.label.clone(), shares: (0..BINS).map(share).collect() }
    };
    let bound = |name: &str| source.numbers.value(&id(WHOLE, name));
    let support = bound("common_support_lower").zip(bound("common_support_upper"));
    let description = "Share of each arm by propensity score, in bins of 0.05; between the dashed \
                       lines lies the common support.";
    let figure = OverlapFigure {
        caption: caption("overlap", "Overlap of the propensity scores", description),
        axis: "Propensity score".into(),
        share_axis: "Share of the arm (%)".into(),
        arms: [arm(exposed), arm(comparator)],
        support: support.map(|(lower, upper)| [lower, upper]),
    };
    Some(Plot::new(Drawing::Overlap(figure)))
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
