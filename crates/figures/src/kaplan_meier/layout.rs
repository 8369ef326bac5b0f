//! Where the plot, the table below it and the legend above it stand.

use super::{KaplanMeierFigure, KaplanMeierGroup, ROWS};
use crate::axis::{step, tick_text, ticks};
use crate::page::Page;
use crate::panel::{Axis, Panel, Room};
use crate::style::EDGE;

/// What stands above the plot because there is no room in it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Above {
    pub legend: bool,
    pub text: bool,
}

pub(super) struct Layout {
    pub panel: Panel,
    /// Times of the ticks, at which the rows of the table count.
    pub times: Vec<f64>,
    pub legend: Vec<LegendPart>,
    /// Lines of the caller's text above the plot.
    pub text: Vec<String>,
    /// Base lines of the first lines of legend and text.
    pub legend_top: f64,
    pub text_top: f64,
    /// Name of each group, broken into lines, and the base line of the first.
    pub names: Vec<(Vec<String>, f64)>,
    pub height: f64,
}

/// A piece of the legend: the name of a group, or what is said of it.
pub(super) struct LegendPart {
    pub group: usize,
    pub is_first: bool,
    pub text: String,
    pub is_bold: bool,
    pub x: f64,
    /// Line of the legend.
    pub row: usize,
}

/// Length of the sample of a curve in the legend, with its distance from the name.
pub(super) const SAMPLE: f64 = 24.0;
/// Distance of a name in the legend from what is said of it; groups have twice as much.
const BESIDE: f64 = 6.0;
/// Distance of the rows of the table from the first column of numbers.
const GAP: f64 = 5.0;

impl Layout {
    pub fn of(figure: &KaplanMeierFigure, page: Page, above: Above) -> Self {
        let room = page.width() - 2.0 * EDGE;
        let (legend, n_rows) =
            if above.legend { legend(figure, page, room) } else { (Vec::new(), 0) };
        let lines = figure.text.iter().flat_map(|line| page.wrap(line, room));
        let text: Vec<String> = if above.text { lines.collect() } else { Vec::new() };
        let legend_top = EDGE + page.ascent();
        let text_top = legend_top + page.line() * n_rows as f64;
        let header = page.line() * (n_rows + text.len()) as f64;
        let top = EDGE + f64::max(header + 4.0, page.ascent() - page.middle());
        let (times, panel) = panel(figure, page, top);
        let mut base = panel.end + page.line() * 1.1;
        let mut names = Vec::new();
        for one in &figure.groups {
            let lines = page.wrap_bold(&one.label, room);
            let n_lines = lines.len() + ROWS.len();
            names.push((lines, base));
            base += page.line() * n_lines as f64 + page.line() * 0.15;
        }
        let height = base - page.line() + page.descent() + EDGE;
        Self { panel, times, legend, text, legend_top, text_top, names, height }
    }
}

/// The plot, whose ticks are so far apart that the numbers below them do not meet.
fn panel(figure: &KaplanMeierFigure, page: Page, top: f64) -> (Vec<f64>, Panel) {
    let last = figure.groups.iter().filter_map(|one| one.time.last().copied());
    let last = last.fold(0.0, f64::max);
    let number = widest_number(figure, page);
    let rows = ROWS.iter().map(|row| page.measure(row)).fold(0.0, f64::max);
    let margin = rows + GAP + number / 2.0;
    let room = Room {
        left: EDGE,
        right: page.width() - EDGE,
        top,
        height: 85.0 + 0.2 * page.width(),
        margin,
    };
    let width = room.right - room.left - margin;
    let label = page.measure(&tick_text(last.ceil()));
    let apart = f64::max(number, label) + 5.0;
    let step = step(last, (width / apart - 1.0).floor().clamp(1.0, 16.0), figure.period);
    let times = ticks(step, last);
    let horizontal = Axis::of(&figure.time_axis, &times);
    // Numbers of patients may be wider than the last tick, which the room at the right must hold.
    let overhang = (number - page.measure(&tick_text(horizontal.domain.1))).max(0.0) / 2.0;
    let vertical = Axis {
        title: figure.survival_axis.clone(),
        domain: (0.0, 1.0),
        ticks: [0.0, 0.25, 0.5, 0.75, 1.0].map(|level| (level, tick_text(100.0 * level))).into(),
    };
    let room = Room { right: room.right - overhang, ..room };
    (times, Panel::of(page, room, horizontal, vertical))
}

/// Width of the largest number of patients, each of which is counted at time 0.
fn widest_number(figure: &KaplanMeierFigure, page: Page) -> f64 {
    let numbers = figure.groups.iter().map(KaplanMeierGroup::n);
    numbers.map(|n| page.measure(&n.to_string())).fold(0.0, f64::max)
}

/// The legend: groups beside each other as far as a line holds them whole, else broken into lines
/// of their own. The number of lines is behind it.
fn legend(figure: &KaplanMeierFigure, page: Page, room: f64) -> (Vec<LegendPart>, usize) {
    let mut parts: Vec<LegendPart> = Vec::new();
    let (mut row, mut x) = (0, EDGE);
    for (group, one) in figure.groups.iter().enumerate() {
        let name = page.measure_bold(&one.label);
        let width = SAMPLE + name + BESIDE + page.measure(&one.detail);
        if EDGE < x && EDGE + room < x + width {
            (row, x) = (row + 1, EDGE);
        }
        let mut add = |text: String, is_first: bool, is_bold: bool, x: f64, row: usize| {
            parts.push(LegendPart { group, is_first, text, is_bold, x, row });
        };
        if width <= room {
            add(one.label.clone(), true, true, x + SAMPLE, row);
            add(one.detail.clone(), false, false, x + SAMPLE + name + BESIDE, row);
            x += width + 2.0 * BESIDE;
            continue;
        }
        let names = page.wrap_bold(&one.label, room - SAMPLE).into_iter().map(|name| (name, true));
        let details = page.wrap(&one.detail, room - SAMPLE).into_iter().map(|text| (text, false));
        for (index, (text, is_bold)) in names.chain(details).enumerate() {
            add(text, index == 0, is_bold, EDGE + SAMPLE, row);
            row += 1;
        }
        x = EDGE;
    }
    let n_rows = if EDGE < x { row + 1 } else { row };
    (parts, n_rows)
}
