//! How the replicates of a bootstrap are distributed.

use crate::axis::{log10, round_ticks, step, tick_text, ticks};
use crate::frame::{Caption, finish};
use crate::page::Page;
use crate::panel::{Axis, Panel, Room};
use crate::style::{DASH_DOT_DOT, EDGE, GREY, INK, group};
use crate::svg::{Pen, Svg, Text, number};

/// Bars, and lines at an estimate and its limits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramFigure {
    /// What the figure is called.
    pub caption: Caption,
    /// Name of the horizontal axis.
    pub axis: String,
    /// Whether the horizontal axis is one of logarithms, as of ratios; ends and lines are positive
    /// then.
    pub is_logarithmic: bool,
    /// Name of the vertical axis.
    pub count_axis: String,
    /// Ends of the bars, ascending: one more than there are counts.
    pub edges: Vec<f64>,
    /// Height of each bar.
    pub counts: Vec<usize>,
    /// Lines across the bars.
    pub marks: Vec<Mark>,
    /// Sentences above the bars, such as how many values are in none of them.
    pub notes: Vec<String>,
}

/// A line across the bars.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Where it stands.
    pub value: f64,
    /// What it is, with its number in words; empty where another line says it for both.
    pub label: String,
    /// How it is drawn.
    pub kind: MarkKind,
}

/// What a line across the bars means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MarkKind {
    /// The estimate: a solid line.
    Estimate,
    /// A limit by the method of this place, each with a colour and dashes of its own.
    Limit(usize),
    /// The value without effect: a line of dashes with two dots between them.
    Null,
}

/// Most bars of a histogram, before the ends of the bars are rounded.
const MOST_BARS: f64 = 40.0;
/// Colour of the bars.
const BARS: &str = "#a9c6d9";

/// Bars of one round width that hold all values: their ends, and how many values are in each.
///
/// A value at an end belongs to the bar above it. Values that are not finite are left out;
/// without values there are no bars.
#[must_use]
pub fn histogram_bins(values: &[f64]) -> (Vec<f64>, Vec<usize>) {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let low = finite().fold(f64::INFINITY, f64::min);
    let high = finite().fold(f64::NEG_INFINITY, f64::max);
    if high < low {
        return (Vec::new(), Vec::new());
    }
    let most = MOST_BARS.min((values.len() as f64).sqrt().ceil().max(1.0));
    let edges = round_ticks(low, high, most);
    let mut counts = vec![0; edges.len() - 1];
    let last = counts.len() - 1;
    for value in finite() {
        let bar = edges.partition_point(|edge| *edge <= value).saturating_sub(1).min(last);
        counts[bar] += 1;
    }
    (edges, counts)
}

/// Draws the bars and the lines across them; what a line is stands above the plot, and so do the
/// notes.
#[must_use]
pub fn histogram(figure: &HistogramFigure, page: Page) -> String {
    let mut svg = Svg::default();
    let top = draw_legend(&mut svg, figure, page) + page.middle() + 2.0;
    let height = 70.0 + 0.12 * page.width();
    let room = Room { left: EDGE, right: page.width() - EDGE, top, height, margin: 0.0 };
    let panel = Panel::of(page, room, horizontal(figure, page), vertical(figure));
    let at = |value: f64| panel.x.at(if figure.is_logarithmic { log10(value) } else { value });
    svg.fill(&bars(figure, &panel, at), BARS, 1.0);
    panel.draw(&mut svg, page);
    for mark in &figure.marks {
        let x = at(mark.value);
        svg.line((x, panel.top), (x, panel.bottom), pen(mark.kind));
    }
    finish(svg, page, panel.end + EDGE, &figure.caption)
}

/// Bars as one path, since neighbouring ones of several would show the paper between them. One
/// without width is drawn as a line.
fn bars(figure: &HistogramFigure, panel: &Panel, at: impl Fn(f64) -> f64) -> String {
    let mut path = String::new();
    for (ends, &count) in figure.edges.windows(2).zip(&figure.counts) {
        if 0 < count {
            let (left, right) = (at(ends[0]), at(ends[1]));
            let widened = f64::max(0.5 - (right - left) / 2.0, 0.0);
            let [left, right] = [left - widened, right + widened].map(number);
            let [foot, top] = [0.0, count as f64].map(|level| number(panel.y.at(level)));
            path.push_str(&format!("M{left} {foot}V{top}H{right}V{foot}Z"));
        }
    }
    path
}

fn pen(kind: MarkKind) -> Pen<'static> {
    match kind {
        MarkKind::Estimate => Pen::solid(INK, 1.0),
        MarkKind::Limit(method) => {
            let style = group(method + 1);
            Pen::solid(style.colour, 0.9).dashed(style.dash)
        }
        MarkKind::Null => Pen::solid(GREY, 0.9).dashed(DASH_DOT_DOT),
    }
}

/// Each line with what it is, then the notes; where they end.
fn draw_legend(svg: &mut Svg, figure: &HistogramFigure, page: Page) -> f64 {
    let sample = 20.0;
    let mut y = EDGE;
    for mark in &figure.marks {
        for (row, line) in
            page.wrap(&mark.label, page.width() - 2.0 * EDGE - sample).iter().enumerate()
        {
            let base = y + page.ascent();
            if row == 0 {
                let middle = base - page.middle();
                svg.line((EDGE, middle), (EDGE + sample - 5.0, middle), pen(mark.kind));
            }
            svg.text(page.text(EDGE + sample, base, line));
            y += page.line();
        }
    }
    let notes = figure.notes.iter();
    for line in notes.flat_map(|note| page.wrap(note, page.width() - 2.0 * EDGE)) {
        svg.text(Text { colour: GREY, ..page.text(EDGE, y + page.ascent(), &line) });
        y += page.line();
    }
    y
}

fn horizontal(figure: &HistogramFigure, page: Page) -> Axis {
    let values = || figure.edges.iter().copied().chain(figure.marks.iter().map(|mark| mark.value));
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    let (low, high) = if low <= high { (low, high) } else { (1.0, 2.0) };
    let most = if page.is_wide() { 10.0 } else { 5.0 };
    if figure.is_logarithmic {
        return Axis::logarithmic(&figure.axis, (low, high), most);
    }
    let inside = round_ticks(low, high, most);
    let tolerance = (high - low) * 1e-9;
    let inside: Vec<f64> = inside
        .into_iter()
        .filter(|tick| (low - tolerance..=high + tolerance).contains(tick))
        .collect();
    let domain = if low < high { (low, high) } else { (low - 0.5, high + 0.5) };
    let ticks = inside.iter().map(|tick| (*tick, tick_text(*tick))).collect();
    Axis { title: figure.axis.clone(), domain, ticks }
}

fn vertical(figure: &HistogramFigure) -> Axis {
    let largest = figure.counts.iter().copied().max().unwrap_or(0) as f64;
    let step = step(largest, 4.0, None).max(1.0);
    Axis::of(&figure.count_axis, &ticks(step, largest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nine values have three bars at most: of width 1, since those of 0.5 would be four.
    #[test]
    fn bars_are_round_and_hold_all_values() {
        let values = [0.2, 0.4, 0.5, 1.0, 1.1, 1.9, 2.0, 2.1, f64::NAN];
        let (edges, counts) = histogram_bins(&values);
        assert_eq!(edges, [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(counts, [3, 3, 2]);
        assert_eq!(histogram_bins(&[]), (Vec::new(), Vec::new()));
        assert_eq!(histogram_bins(&[2.0]).1, [1]);
    }

    #[test]
    fn lines_stand_beside_their_words() {
        let (edges, counts) = histogram_bins(&[0.5, 0.6, 0.7]);
        let mark = |value, kind| Mark { value, label: format!("at {value}"), kind };
        let marks = vec![mark(0.6, MarkKind::Estimate), mark(1.0, MarkKind::Null)];
        let figure = HistogramFigure { edges, counts, marks, ..HistogramFigure::default() };
        let svg = histogram(&figure, Page::ONE_COLUMN);
        assert!(svg.contains(">at 0.6</text>") && svg.contains(">at 1</text>"));
        assert!(!svg.contains("NaN"));
    }

    /// In print without colour each line is told apart by its dashes, for all methods there are.
    #[test]
    fn no_two_lines_have_the_same_dashes() {
        let limits = (0..5).map(MarkKind::Limit);
        let kinds = [MarkKind::Estimate, MarkKind::Null].into_iter().chain(limits);
        let dashes: std::collections::BTreeSet<&str> = kinds.map(|kind| pen(kind).dash).collect();
        assert_eq!(dashes.len(), 7);
    }

    /// Ends at 1/4, 1/2, 1 and 2 are equally far apart on a logarithmic axis.
    #[test]
    fn ratios_have_a_logarithmic_axis() {
        let figure = HistogramFigure {
            is_logarithmic: true,
            edges: vec![0.25, 0.5, 1.0, 2.0],
            counts: vec![1, 4, 2],
            notes: vec!["one has no answer".into()],
            ..HistogramFigure::default()
        };
        let axis = horizontal(&figure, Page::TWO_COLUMNS);
        let room = Room { left: 0.0, right: 300.0, top: 0.0, height: 50.0, margin: 0.0 };
        let panel = Panel::of(Page::TWO_COLUMNS, room, axis, vertical(&figure));
        let ends = [0.25f64, 0.5, 1.0, 2.0].map(|end| panel.x.at(end.log10()));
        let widths: Vec<f64> = ends.windows(2).map(|ends| ends[1] - ends[0]).collect();
        assert!(widths.iter().all(|width| (width - widths[0]).abs() < 1e-9), "{widths:?}");
        let svg = histogram(&figure, Page::TWO_COLUMNS);
        assert!(svg.contains(">one has no answer</text>") && svg.contains(">0.5</text>"));
    }

    /// Equal values fill one class without width, which is seen all the same.
    #[test]
    fn a_class_without_width_is_drawn() {
        let figure = HistogramFigure {
            is_logarithmic: true,
            edges: vec![0.5, 0.5],
            counts: vec![7],
            ..HistogramFigure::default()
        };
        let svg = histogram(&figure, Page::ONE_COLUMN);
        assert!(!svg.contains("NaN") && svg.contains(BARS) && svg.contains(">0.5</text>"));
    }
}
