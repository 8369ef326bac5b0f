//! The figures of the report: which there are, and what each shows.

use crate::number;
use crate::tables::{STUDY, Source, WHOLE};
use crate::words;
use figures::{
    Caption, FlowFigure, ForestFigure, ForestRow, ForestValue, HistogramFigure, KaplanMeierFigure,
    KaplanMeierGroup, LogLogCurve, LogLogFigure, LoveFigure, LoveRow, OverlapArm, OverlapFigure,
    OverlapPanel, Page, ResidualFigure,
};
use study::protocol::{FigureProfile, TimeUnit};
use study::result::{Curve, Label, SubgroupOutline, SubgroupVariable, id};

mod flow;
mod forest;
mod love;
mod replicates;
mod residuals;
mod survival;

pub(crate) use flow::flow;
pub(crate) use forest::forests;
pub(crate) use love::love;
pub(crate) use replicates::replicates;
pub(crate) use residuals::residuals;
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
    Residuals(ResidualFigure),
    Histogram(HistogramFigure),
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
    /// ending: over two columns and over one.
    pub fn files(
        mut self,
        notice: Option<String>,
        profile: FigureProfile,
    ) -> [(String, String); 2] {
        self.caption().notice = notice;
        let [one, two] = profile.widths_mm().map(Page::of_width);
        let [small, large] = profile.text_points();
        let narrow = format!("{}-one-column", self.name);
        let files = [two.with_text(large), one.with_text(small)].map(|page| self.drawn(page));
        let [two, one] = files;
        [(self.name, two), (narrow, one)]
    }

    fn drawn(&self, page: Page) -> String {
        match &self.drawing {
            Drawing::Flow(figure) => figures::flow_diagram(figure, page),
            Drawing::Love(figure) => figures::love_plot(figure, page),
            Drawing::Overlap(figure) => figures::overlap_plot(figure, page),
            Drawing::Forest(figure) => figures::forest_plot(figure, page),
            Drawing::KaplanMeier(figure) => figures::kaplan_meier(figure, page),
            Drawing::LogLog(figure) => figures::log_log_plot(figure, page),
            Drawing::Residuals(figure) => figures::residual_plot(figure, page),
            Drawing::Histogram(figure) => figures::histogram(figure, page),
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
            Drawing::Residuals(figure) => &mut figure.caption,
            Drawing::Histogram(figure) => &mut figure.caption,
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

/// What a legend says of groups that no design has made comparable.
fn unadjusted(is_unadjusted: bool) -> &'static str {
    match is_unadjusted {
        true => " Unadjusted: no design has made these groups comparable.",
        false => "",
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
    let weighted = match source.populations().iter().any(|one| source.has_weights(&one.id)) {
        true => " Of patients with weights it is the share of the weights.",
        false => "",
    };
    let description = format!(
        "Share of each arm by propensity score, in bins of 0.05.{}{weighted}",
        common_support(&panels)
    );
    let figure = OverlapFigure {
        caption: caption("overlap", "Overlap of the propensity scores", description),
        axis: "Propensity score".into(),
        share_axis: "Share of the arm (%)".into(),
        arms: arms.map(|arm| arm.label.clone()),
        panels,
    };
    Some(Plot::new(Drawing::Overlap(figure)))
}

/// Which panels have the lines of common support.
fn common_support(panels: &[OverlapPanel]) -> String {
    let lined = panels.iter().filter(|panel| panel.support.is_some());
    let titles: Vec<String> = lined.map(|panel| format!("\"{}\"", panel.title)).collect();
    let of_panel = match titles.as_slice() {
        [] => return String::new(),
        [title] => format!("panel {title}"),
        _ => format!("panels {}", words::list(&titles)),
    };
    format!(" In the {of_panel} the common support lies between the dashed lines.")
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
    fn the_caption_says_which_panels_have_lines() {
        let panel = |title: &str, support| OverlapPanel {
            title: title.into(),
            support,
            ..OverlapPanel::default()
        };
        let panels = [panel("All patients", Some([0.1, 0.7])), panel("Matched patients", None)];
        let words = common_support(&panels);
        assert!(words.starts_with(" In the panel \"All patients\" the common support"), "{words}");
        assert_eq!(common_support(&panels[1..]), "");
    }

    #[test]
    fn file_names_are_safe_and_keep_levels_apart() {
        assert_eq!(file_name("km-os-all[size=<=20]"), "km-os-all-size-lt-20");
        assert_eq!(file_name("km-os-all[size=>20]"), "km-os-all-size-gt20");
        assert_eq!(file_name("../a b"), "---a-b");
    }
}
