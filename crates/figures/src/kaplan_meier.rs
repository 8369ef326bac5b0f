//! Survival curves with their numbers at risk.

mod curve;
mod layout;

use crate::frame::{Caption, finish};
use crate::style::{GREY, GRID, INK, LINE, SMALL, TEXT, WIDTH, group};
use crate::svg::{Anchor, Line, Svg, Text};
use crate::text::shorten;
use layout::Layout;

/// Survival curves of one or more groups.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KaplanMeierFigure {
    /// What the figure is called.
    pub caption: Caption,
    /// Name of the horizontal axis, with its unit.
    pub time_axis: String,
    /// Name of the vertical axis; its ticks run from 0 to 100 per cent.
    pub survival_axis: String,
    /// Length of a natural period on the time axis, such as 12 for months: ticks stand at shares
    /// and multiples of it. Absent = round numbers.
    pub period: Option<f64>,
    /// Curves, in the order of colours: the exposed first.
    pub groups: Vec<KaplanMeierGroup>,
    /// Lines of text above the curves, such as a hazard ratio and a p-value.
    pub text: Vec<String>,
}

/// The curve of one group. The lists have one entry per distinct time; a group without subjects
/// has none and is named without a curve.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KaplanMeierGroup {
    /// Name of the group.
    pub label: String,
    /// Words behind its name in the legend, such as its median.
    pub detail: String,
    /// Distinct times, ascending.
    pub time: Vec<f64>,
    /// Number at risk just before each time.
    pub n_at_risk: Vec<usize>,
    /// Number censored at each time.
    pub n_censored: Vec<usize>,
    /// Survival just after each time, between 0 and 1.
    pub survival: Vec<f64>,
    /// Lower limit; absent where it is undefined.
    pub lower: Vec<Option<f64>>,
    /// Upper limit; absent where it is undefined.
    pub upper: Vec<Option<f64>>,
    /// Median, which gets a drop line.
    pub median: Option<f64>,
}

impl KaplanMeierGroup {
    /// Number at risk at `time`: those followed to this time or beyond, as `summary(survfit)` of R
    /// counts them.
    #[must_use]
    pub fn at_risk(&self, time: f64) -> usize {
        let next = self.time.partition_point(|&at| at < time);
        self.n_at_risk.get(next).copied().unwrap_or(0)
    }
}

/// Draws survival curves: steps with confidence bands and censoring marks, drop lines to the
/// medians, and below them the numbers at risk on the same scale of time.
///
/// No curve is drawn beyond its last time. Legend and text stand above the curves, where they
/// cannot hide one.
#[must_use]
pub fn kaplan_meier(figure: &KaplanMeierFigure) -> String {
    let layout = Layout::of(figure);
    let mut svg = Svg::default();
    draw_legend(&mut svg, figure, &layout);
    draw_axes(&mut svg, figure, &layout);
    draw_medians(&mut svg, figure, &layout);
    for (index, one) in figure.groups.iter().enumerate() {
        curve::draw_band(&mut svg, one, group(index), &layout);
    }
    for (index, one) in figure.groups.iter().enumerate() {
        curve::draw_steps(&mut svg, one, group(index), &layout);
    }
    draw_at_risk(&mut svg, figure, &layout);
    finish(svg, (WIDTH, layout.height), &figure.caption)
}

/// Names of the groups on the left, the caller's text on the right.
fn draw_legend(svg: &mut Svg, figure: &KaplanMeierFigure, layout: &Layout) {
    for (index, line) in layout.legend.iter().enumerate() {
        let style = group(line.group);
        let y = layout.legend_y(index);
        if line.is_first {
            let (from, to) = ((layout.left, y - 4.0), (layout.left + 28.0, y - 4.0));
            svg.line(Line { from, to, colour: style.colour, width: 1.8, dash: style.dash });
        }
        let name = Text::new(layout.left + 36.0, y, &line.name);
        svg.text(&Text { colour: style.colour, bold: true, ..name });
        let detail = Text::new(layout.left + 36.0 + line.detail_at, y, &line.detail);
        svg.text(&Text { colour: GREY, ..detail });
    }
    for (index, line) in figure.text.iter().enumerate() {
        let line = shorten(line, TEXT, layout.text_width);
        let text = Text::new(layout.right, layout.legend_y(index), &line);
        svg.text(&Text { anchor: Anchor::End, ..text });
    }
}

fn draw_axes(svg: &mut Svg, figure: &KaplanMeierFigure, layout: &Layout) {
    let (left, right) = (layout.left, layout.right);
    for percent in [0.0, 25.0, 50.0, 75.0, 100.0] {
        let y = layout.y.at(percent / 100.0);
        let grid = Line { from: (left, y), to: (right, y), colour: GRID, width: 1.0, dash: "" };
        if 0.0 < percent {
            svg.line(grid);
        }
        svg.line(Line { from: (left - 5.0, y), to: (left, y), colour: INK, ..grid });
        let label = format!("{percent}");
        svg.text(&Text { anchor: Anchor::End, ..Text::new(left - 9.0, y + 4.0, &label) });
    }
    let axis = Line {
        from: (left, layout.top),
        to: (left, layout.bottom),
        colour: INK,
        width: 1.0,
        dash: "",
    };
    svg.line(axis);
    svg.line(Line { from: (left, layout.bottom), to: (right, layout.bottom), ..axis });
    for (x, label) in &layout.ticks {
        svg.line(Line { from: (*x, layout.bottom), to: (*x, layout.bottom + 5.0), ..axis });
        let text = Text::new(*x, layout.bottom + 18.0, label);
        svg.text(&Text { anchor: Anchor::Middle, ..text });
    }
    let middle = (left + right) / 2.0;
    let name = shorten(&figure.time_axis, TEXT, right - left);
    let title = Text::new(middle, layout.bottom + 36.0, &name);
    svg.text(&Text { anchor: Anchor::Middle, ..title });
    let name = shorten(&figure.survival_axis, TEXT, layout.bottom - layout.top);
    svg.upright_text(left - 40.0, (layout.top + layout.bottom) / 2.0, &name);
}

/// A dotted line at one half to the largest median, and one down from each median.
fn draw_medians(svg: &mut Svg, figure: &KaplanMeierFigure, layout: &Layout) {
    let medians: Vec<(usize, f64)> = figure
        .groups
        .iter()
        .enumerate()
        .filter_map(|(index, one)| one.median.map(|median| (index, median)))
        .filter(|(_, median)| (0.0..=layout.end).contains(median))
        .collect();
    let Some(largest) = medians.iter().map(|(_, median)| *median).max_by(f64::total_cmp) else {
        return;
    };
    let half = layout.y.at(0.5);
    let (from, to) = ((layout.left, half), (layout.x.at(largest), half));
    svg.line(Line { from, to, colour: GREY, width: 1.0, dash: "1.5 2.5" });
    for (index, median) in medians {
        let x = layout.x.at(median);
        let (from, to) = ((x, half), (x, layout.bottom));
        svg.line(Line { from, to, colour: group(index).colour, width: 1.2, dash: "1.5 2.5" });
    }
}

/// Numbers at risk below the ticks of the time axis.
fn draw_at_risk(svg: &mut Svg, figure: &KaplanMeierFigure, layout: &Layout) {
    let heading = Text::new(layout.risk_left, layout.risk_top, "Number at risk");
    svg.text(&Text { bold: true, size: SMALL, ..heading });
    let mut y = layout.risk_top;
    for (index, one) in figure.groups.iter().enumerate() {
        let colour = group(index).colour;
        y += LINE;
        let name = shorten(&one.label, TEXT / 0.9, layout.risk_label_width);
        svg.text(&Text { colour, bold: true, ..Text::new(layout.risk_left, y, &name) });
        if layout.risk_labels_above {
            y += LINE - 1.0;
        }
        for (tick, (x, _)) in layout.ticks.iter().enumerate() {
            let count = one.at_risk(layout.tick_times[tick]).to_string();
            let text = Text::new(*x, y, &count);
            svg.text(&Text { colour, anchor: Anchor::Middle, ..text });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> KaplanMeierFigure {
        let group = KaplanMeierGroup {
            label: "A & B".into(),
            time: vec![3.0, 12.0, 20.0],
            n_at_risk: vec![4, 3, 1],
            n_censored: vec![0, 1, 1],
            survival: vec![0.75, 0.5, 0.5],
            lower: vec![Some(0.4), Some(0.1), Some(0.1)],
            upper: vec![Some(1.0), Some(0.9), None],
            median: Some(12.0),
            ..KaplanMeierGroup::default()
        };
        let caption = Caption { id: "km".into(), ..Caption::default() };
        let groups = vec![group, KaplanMeierGroup { label: "none".into(), ..Default::default() }];
        KaplanMeierFigure { caption, groups, period: Some(12.0), ..Default::default() }
    }

    /// Four subjects leave at 3, 12, 12 and 20: whoever leaves at a time is at risk at it.
    #[test]
    fn at_risk_counts_those_who_leave_at_the_time() {
        let group = &small().groups[0];
        let counts = [0.0, 3.0, 3.5, 12.0, 12.5, 20.0, 20.5].map(|time| group.at_risk(time));
        assert_eq!(counts, [4, 4, 3, 3, 1, 1, 0]);
    }

    /// Every x of a centred text, with the text.
    fn centred(svg: &str) -> Vec<(String, String)> {
        svg.lines()
            .filter(|line| line.starts_with("<text x=") && line.contains("\"middle\""))
            .map(|line| {
                let x = line.split('"').nth(1).unwrap().to_owned();
                let text = line.split('>').nth(1).unwrap().split('<').next().unwrap().to_owned();
                (x, text)
            })
            .collect()
    }

    #[test]
    fn numbers_at_risk_stand_below_their_ticks() {
        let figure = small();
        let layout = Layout::of(&figure);
        let svg = kaplan_meier(&figure);
        let texts = centred(&svg);
        let n = layout.ticks.len();
        let (ticks, rest) = texts.split_at(n);
        for (row, group) in rest[1..].chunks(n).zip(&figure.groups) {
            for ((tick, number), time) in ticks.iter().zip(row).zip(&layout.tick_times) {
                assert_eq!(tick.0, number.0, "at {time}");
                assert_eq!(number.1, group.at_risk(*time).to_string());
            }
        }
        assert_eq!(rest.len(), 1 + 2 * n, "an axis title and two rows");
        for (x, _) in ticks {
            assert!(svg.contains(&format!("<line x1=\"{x}\" y1=")), "no tick at {x}");
        }
    }

    #[test]
    fn a_curve_ends_at_its_last_time() {
        let figure = small();
        let layout = Layout::of(&figure);
        let last = format!("H{}", crate::svg::number(layout.x.at(20.0)));
        let svg = kaplan_meier(&figure);
        let steps = svg
            .lines()
            .find(|line| line.contains("stroke-width=\"1.8\"") && line.starts_with("<path"))
            .unwrap();
        assert!(steps.contains(&format!("{last}\"")), "{steps}");
    }

    #[test]
    fn labels_are_escaped_and_drawing_is_deterministic() {
        let svg = kaplan_meier(&small());
        assert!(svg.contains("A &amp; B") && !svg.contains("A & B"));
        assert_eq!(svg, kaplan_meier(&small()));
    }

    #[test]
    fn without_groups_only_the_axes_are_drawn() {
        let svg = kaplan_meier(&KaplanMeierFigure::default());
        assert!(svg.contains("Number at risk") && !svg.contains("NaN"));
    }
}
