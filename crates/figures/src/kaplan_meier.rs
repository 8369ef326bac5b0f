//! Survival curves with their numbers at risk.

mod curve;
mod labels;
mod layout;

use crate::frame::{Caption, finish};
use crate::page::Page;
use crate::panel::Panel;
use crate::style::{CURVE, DOTTED, EDGE, GREY, HAIRLINE, group};
use crate::svg::{Anchor, Pen, Svg, Text};
use labels::labels;
use layout::{Above, Layout, SAMPLE};

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
    /// Lines of text in the plot, such as a hazard ratio and a p-value.
    pub text: Vec<String>,
}

/// The curve of one group. The lists have one entry per distinct time; a group without subjects
/// has none and is named without a curve.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KaplanMeierGroup {
    /// Name of the group.
    pub label: String,
    /// Words below its name in a legend, such as its median. A name that stands at its curve has
    /// none.
    pub detail: String,
    /// Distinct times, ascending.
    pub time: Vec<f64>,
    /// Number at risk just before each time.
    pub n_at_risk: Vec<usize>,
    /// Number of events at each time.
    pub n_events: Vec<usize>,
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
    /// The median in words, beside its line; empty for none.
    pub median_text: String,
}

impl KaplanMeierGroup {
    /// Number at risk at `time`: those followed to this time or beyond, as `summary(survfit)` of R
    /// counts them.
    #[must_use]
    pub fn at_risk(&self, time: f64) -> usize {
        self.n_at_risk.get(self.n_before(time)).copied().unwrap_or(0)
    }

    /// Number of events before `time`. With those at risk and the censored they are all subjects.
    #[must_use]
    pub fn events_before(&self, time: f64) -> usize {
        self.n_events.iter().take(self.n_before(time)).sum()
    }

    /// Number censored before `time`.
    #[must_use]
    pub fn censored_before(&self, time: f64) -> usize {
        self.n_censored.iter().take(self.n_before(time)).sum()
    }

    /// Number of distinct times before `time`.
    fn n_before(&self, time: f64) -> usize {
        self.time.partition_point(|&at| at < time)
    }

    /// Number of subjects.
    fn n(&self) -> usize {
        self.n_at_risk.first().copied().unwrap_or(0)
    }
}

/// Names of the rows of the table, for each group.
const ROWS: [&str; 3] = ["At risk", "Censored", "Events"];

/// Draws survival curves: steps with confidence bands and censoring marks, drop lines to the
/// medians, and below them on the same scale of time how many are at risk, and how many were
/// censored or had the event before.
///
/// No curve is drawn beyond its last time, and one is grey and thin with a lighter band where
/// fewer than 10 are at risk.
/// Names stand at the ends of their curves and the text in the plot, where each touches nothing;
/// where one name finds no place, all stand in a legend above the plot, and so does the text.
#[must_use]
pub fn kaplan_meier(figure: &KaplanMeierFigure, page: Page) -> String {
    let mut layout = Layout::of(figure, page, Above::default());
    let labels = labels(figure, page, &layout.panel);
    let above = Above { legend: labels.names.is_none(), text: labels.text.is_none() };
    let top = layout.panel.top;
    if above != Above::default() {
        layout = Layout::of(figure, page, above);
    }
    let shift = layout.panel.top - top;
    let mut svg = Svg::default();
    draw_header(&mut svg, page, &layout);
    layout.panel.draw(&mut svg, page);
    draw_medians(&mut svg, figure, &layout.panel);
    for (index, one) in figure.groups.iter().enumerate() {
        curve::draw_band(&mut svg, one, group(index), &layout.panel, figure.groups.len());
    }
    for (index, one) in figure.groups.iter().enumerate() {
        curve::draw_steps(&mut svg, one, group(index), &layout.panel);
    }
    let names = labels.names.iter().flatten();
    for label in names.chain(&labels.text).chain(&labels.medians) {
        label.draw(&mut svg, page, shift);
    }
    draw_table(&mut svg, figure, page, &layout);
    finish(svg, page, layout.height, &figure.caption)
}

/// What found no place in the plot: names of the groups, and the caller's text.
fn draw_header(svg: &mut Svg, page: Page, layout: &Layout) {
    for part in &layout.legend {
        let style = group(part.group);
        let y = layout.legend_top + page.line() * part.row as f64;
        if part.is_first {
            let (sample, x) = (y - page.middle(), part.x - SAMPLE);
            let pen = Pen::solid(style.colour, CURVE).dashed(style.dash);
            svg.line((x, sample), (x + SAMPLE - 5.0, sample), pen);
        }
        let colour = if part.is_bold { style.colour } else { GREY };
        svg.text(Text { colour, bold: part.is_bold, ..page.text(part.x, y, &part.text) });
    }
    for (index, line) in layout.text.iter().enumerate() {
        svg.text(page.text(EDGE, layout.text_top + page.line() * index as f64, line));
    }
}

/// Medians within the axis, with the places of their groups.
fn drawn_medians(figure: &KaplanMeierFigure, panel: &Panel) -> Vec<(usize, f64)> {
    let medians = figure.groups.iter().enumerate();
    let medians = medians.filter_map(|(index, one)| one.median.map(|median| (index, median)));
    let (start, end) = panel.x.domain;
    medians.filter(|(_, median)| (start..=end).contains(median)).collect()
}

/// A dotted line at one half to the largest median, and one down from each median.
fn draw_medians(svg: &mut Svg, figure: &KaplanMeierFigure, panel: &Panel) {
    let medians = drawn_medians(figure, panel);
    let Some(largest) = medians.iter().map(|(_, median)| *median).max_by(f64::total_cmp) else {
        return;
    };
    let half = panel.y.at(0.5);
    let pen = Pen::solid(GREY, HAIRLINE).dashed(DOTTED);
    svg.line((panel.left, half), (panel.x.at(largest), half), pen);
    for (index, median) in medians {
        let x = panel.x.at(median);
        let pen = Pen { colour: group(index).colour, width: 0.8, ..pen };
        svg.line((x, half), (x, panel.bottom), pen);
    }
}

/// For each group its name, and its numbers below the ticks of the time axis.
fn draw_table(svg: &mut Svg, figure: &KaplanMeierFigure, page: Page, layout: &Layout) {
    for ((index, one), (lines, base)) in figure.groups.iter().enumerate().zip(&layout.names) {
        let mut y = *base;
        for line in lines {
            let colour = group(index).colour;
            svg.text(Text { colour, bold: true, ..page.text(EDGE, y, line) });
            y += page.line();
        }
        let counts: [fn(&KaplanMeierGroup, f64) -> usize; 3] = [
            KaplanMeierGroup::at_risk,
            KaplanMeierGroup::censored_before,
            KaplanMeierGroup::events_before,
        ];
        for (name, count) in ROWS.into_iter().zip(counts) {
            svg.text(page.text(EDGE, y, name));
            for time in &layout.times {
                let number = count(one, *time).to_string();
                let text = page.text(layout.panel.x.at(*time), y, &number);
                svg.text(Text { anchor: Anchor::Middle, ..text });
            }
            y += page.line();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four subjects leave at 3, 12, 12 and 20, the second of those at 12 and the last without
    /// event.
    fn small() -> KaplanMeierFigure {
        let group = KaplanMeierGroup {
            label: "A & B".into(),
            time: vec![3.0, 12.0, 20.0],
            n_at_risk: vec![4, 3, 1],
            n_events: vec![1, 1, 0],
            n_censored: vec![0, 1, 1],
            survival: vec![0.75, 0.5, 0.5],
            lower: vec![Some(0.4), Some(0.1), Some(0.1)],
            upper: vec![Some(1.0), Some(0.9), None],
            median: Some(12.0),
            median_text: "12.0".into(),
            ..KaplanMeierGroup::default()
        };
        let caption = Caption { id: "km".into(), ..Caption::default() };
        let groups = vec![group, KaplanMeierGroup { label: "none".into(), ..Default::default() }];
        KaplanMeierFigure { caption, groups, period: Some(12.0), ..Default::default() }
    }

    /// Whoever leaves at a time is at risk at it, and has not left before it.
    #[test]
    fn everyone_is_at_risk_or_has_left() {
        let group = &small().groups[0];
        let times = [0.0, 3.0, 3.5, 12.0, 12.5, 20.0, 20.5];
        assert_eq!(times.map(|time| group.at_risk(time)), [4, 4, 3, 3, 1, 1, 0]);
        assert_eq!(times.map(|time| group.events_before(time)), [0, 0, 1, 1, 2, 2, 2]);
        assert_eq!(times.map(|time| group.censored_before(time)), [0, 0, 0, 0, 1, 1, 2]);
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
    fn numbers_stand_below_their_ticks() {
        let figure = small();
        let layout = Layout::of(&figure, Page::TWO_COLUMNS, Above::default());
        let svg = kaplan_meier(&figure, Page::TWO_COLUMNS);
        let texts = centred(&svg);
        let n = layout.times.len();
        let (ticks, rows) = texts.split_at(n);
        assert_eq!(rows.len(), 6 * n, "three rows for two groups");
        // At 0, 2, 4 to 20 months.
        let at_risk = [4, 4, 3, 3, 3, 3, 3, 1, 1, 1, 1];
        let censored = [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1];
        let events = [0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2];
        for (row, counts) in rows.chunks(n).zip([at_risk, censored, events]) {
            for ((tick, number), count) in ticks.iter().zip(row).zip(counts) {
                assert_eq!(tick.0, number.0);
                assert_eq!(number.1, count.to_string());
            }
        }
        for (x, _) in ticks {
            assert!(svg.contains(&format!("<line x1=\"{x}\" y1=")), "no tick at {x}");
        }
    }

    #[test]
    fn a_curve_ends_at_its_last_time() {
        let figure = small();
        let svg = kaplan_meier(&figure, Page::ONE_COLUMN);
        let layout = Layout::of(&figure, Page::ONE_COLUMN, Above::default());
        let last = format!("H{}\"", crate::svg::number(layout.panel.x.at(20.0)));
        let faded = svg.lines().find(|line| line.contains(crate::style::FADED));
        assert!(faded.is_some_and(|curve| curve.contains(&last)), "{svg}");
    }

    /// Eleven subjects, of whom ten are left after 1 and nine after 2: the band has a piece up to 2 and
    /// a lighter one from there.
    #[test]
    fn curve_and_band_are_lighter_where_few_are_at_risk() {
        let one = KaplanMeierGroup {
            time: vec![1.0, 2.0, 4.0],
            n_at_risk: vec![11, 10, 9],
            n_events: vec![1, 1, 0],
            n_censored: vec![0, 0, 9],
            survival: vec![10.0 / 11.0, 9.0 / 11.0, 9.0 / 11.0],
            lower: vec![Some(0.7), Some(0.6), Some(0.6)],
            upper: vec![Some(1.0); 3],
            ..KaplanMeierGroup::default()
        };
        let figure = KaplanMeierFigure { groups: vec![one], ..KaplanMeierFigure::default() };
        let page = Page::ONE_COLUMN;
        let svg = kaplan_meier(&figure, page);
        let x = crate::svg::number(Layout::of(&figure, page, Above::default()).panel.x.at(2.0));
        let has = |line: &str, parts: &[&str]| parts.iter().all(|part| line.contains(part));
        let n_lines = |parts: &[&str]| svg.lines().filter(|line| has(line, parts)).count();
        assert_eq!(n_lines(&["fill-opacity=\"0.16\"", &format!("H{x}V")]), 1, "{svg}");
        assert_eq!(n_lines(&["fill-opacity=\"0.08\"", &format!("M{x} ")]), 1, "{svg}");
        let thin = format!("stroke-width=\"{}\"", crate::style::THIN_CURVE);
        assert!(0 < n_lines(&[crate::style::FADED, &thin]), "{svg}");
    }

    #[test]
    fn names_that_find_no_place_stand_in_a_legend() {
        let mut figure = small();
        let has_legend = |figure: &KaplanMeierFigure| {
            let page = Page::TWO_COLUMNS;
            let panel = Layout::of(figure, page, Above::default()).panel;
            labels(figure, page, &panel).names.is_none()
        };
        assert!(has_legend(&figure), "a group without curve has no end at which to stand");
        figure.groups.truncate(1);
        assert!(!has_legend(&figure));
        figure.groups[0].label = "a very long name of a group ".repeat(9);
        assert!(has_legend(&figure));
    }

    #[test]
    fn labels_are_escaped_and_drawing_is_deterministic() {
        let svg = kaplan_meier(&small(), Page::ONE_COLUMN);
        assert!(svg.contains("A &amp; B") && !svg.contains("A & B"));
        assert_eq!(svg, kaplan_meier(&small(), Page::ONE_COLUMN));
    }

    #[test]
    fn without_groups_only_the_axes_are_drawn() {
        let svg = kaplan_meier(&KaplanMeierFigure::default(), Page::ONE_COLUMN);
        assert!(svg.contains(">100</text>") && !svg.contains("NaN"));
    }
}
