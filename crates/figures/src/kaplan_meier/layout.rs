//! Where everything in a figure of curves stands.

use super::KaplanMeierFigure;
use crate::axis::{Scale, step, tick_text, ticks};
use crate::style::{LINE, TEXT, WIDTH};
use crate::text::{BOLD, bold_width, width, wrap};

/// Height of the plot.
const PLOT: f64 = 300.0;
/// Names of groups up to this width stand beside their numbers at risk, longer ones above them.
const BESIDE: f64 = 130.0;
/// Share of the width that legend details or text may take at most.
const TEXT_SHARE: f64 = 0.45;

pub(super) struct Layout {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
    pub height: f64,
    pub x: Scale,
    pub y: Scale,
    /// Last time of the axis.
    pub end: f64,
    /// Coordinate and label of each tick of the time axis.
    pub ticks: Vec<(f64, String)>,
    /// Time of each tick.
    pub tick_times: Vec<f64>,
    pub legend: Vec<LegendLine>,
    /// Room of the caller's text.
    pub text_width: f64,
    pub risk_top: f64,
    pub risk_left: f64,
    pub risk_label_width: f64,
    pub risk_labels_above: bool,
}

/// One line of the legend: the name of a group, or what did not fit on the line before.
pub(super) struct LegendLine {
    pub group: usize,
    pub is_first: bool,
    pub name: String,
    pub detail: String,
    /// Where the detail begins, right of the name.
    pub detail_at: f64,
}

impl Layout {
    pub fn of(figure: &KaplanMeierFigure) -> Self {
        let labels = figure.groups.iter().map(|one| bold_width(&one.label, TEXT));
        let widest = labels.fold(0.0, f64::max);
        let heading = 80.0;
        let above = BESIDE < widest;
        let beside = if above { 0.0 } else { widest };
        let half_number = widest_number(figure) / 2.0;
        let left = (12.0 + f64::max(beside, heading) + 12.0 + half_number).max(64.0);
        let right = WIDTH - 12.0 - f64::max(half_number, 12.0);
        let text_width = text_width(figure, right - left);
        let legend = legend(figure, right - left - text_width);
        let top = 12.0 + LINE * legend.len().max(figure.text.len()) as f64 + 12.0;
        let bottom = top + PLOT;
        let (tick_times, end) = time_ticks(figure, right - left);
        let x = Scale { domain: (0.0, end), range: (left, right) };
        let labelled = |time: &f64| (x.at(*time), tick_text(*time));
        let risk_top = bottom + 60.0;
        let rows = figure.groups.len() as f64 * if above { 2.0 * LINE - 1.0 } else { LINE };
        Self {
            left,
            right,
            top,
            bottom,
            height: risk_top + rows + 14.0,
            x,
            y: Scale { domain: (0.0, 1.0), range: (bottom, top) },
            end,
            ticks: tick_times.iter().map(labelled).collect(),
            tick_times,
            legend,
            text_width,
            risk_top,
            risk_left: 12.0,
            risk_label_width: if above { WIDTH - 24.0 } else { BESIDE * 1.02 },
            risk_labels_above: above,
        }
    }

    /// Base line of a line of the legend.
    pub fn legend_y(&self, index: usize) -> f64 {
        22.0 + LINE * index as f64
    }
}

/// Width of the largest number at risk.
fn widest_number(figure: &KaplanMeierFigure) -> f64 {
    let numbers = figure.groups.iter().filter_map(|one| one.n_at_risk.first());
    numbers.map(|n| width(&n.to_string(), TEXT)).fold(0.0, f64::max)
}

/// Ticks of the time axis, so far apart that neither labels nor numbers at risk meet.
fn time_ticks(figure: &KaplanMeierFigure, room: f64) -> (Vec<f64>, f64) {
    let last = figure.groups.iter().filter_map(|one| one.time.last().copied());
    let last = last.fold(0.0, f64::max);
    let label = width(&tick_text(last.ceil()), TEXT);
    let apart = (f64::max(widest_number(figure), label) + 9.0).max(30.0);
    let step = step(last, (room / apart).floor(), figure.period);
    let ticks = ticks(step, last);
    let end = ticks.last().copied().unwrap_or(step);
    (ticks, end)
}

/// Room of the caller's text on the right, with its distance from the legend.
fn text_width(figure: &KaplanMeierFigure, room: f64) -> f64 {
    let widest = figure.text.iter().map(|line| width(line, TEXT)).fold(0.0, f64::max);
    if widest <= 0.0 { 0.0 } else { (widest + 16.0).min(room * TEXT_SHARE) }
}

/// The legend broken into lines that fit left of the text: the name of each group, and behind it or
/// below it the detail.
fn legend(figure: &KaplanMeierFigure, room: f64) -> Vec<LegendLine> {
    let room = room - 36.0;
    let mut lines: Vec<LegendLine> = Vec::new();
    for (group, one) in figure.groups.iter().enumerate() {
        let names = wrap(&one.label, TEXT * BOLD, room);
        for (index, name) in names.into_iter().enumerate() {
            let is_first = index == 0;
            lines.push(LegendLine { group, is_first, name, detail: String::new(), detail_at: 0.0 });
        }
        let behind = lines
            .last_mut()
            .filter(|line| line.group == group)
            .filter(|line| bold_width(&line.name, TEXT) + 8.0 + width(&one.detail, TEXT) <= room);
        if let Some(line) = behind {
            line.detail_at = bold_width(&line.name, TEXT) + 8.0;
            line.detail.clone_from(&one.detail);
            continue;
        }
        for detail in wrap(&one.detail, TEXT, room) {
            let name = String::new();
            lines.push(LegendLine { group, is_first: false, name, detail, detail_at: 0.0 });
        }
    }
    lines
}
