//! Survival on the scale on which proportional hazards are parallel.

use crate::axis::{log10, round_ticks};
use crate::frame::{Caption, finish};
use crate::page::Page;
use crate::panel::{Axis, Panel, Room};
use crate::style::{CURVE, EDGE, group};
use crate::svg::{Pen, Svg, Text, number};
use numerics::elementary::ln;

/// Survival curves that are drawn as log(−log S) against time on a logarithmic axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogLogFigure {
    /// What the figure is called.
    pub caption: Caption,
    /// Name of the time axis, with its unit.
    pub time_axis: String,
    /// Name of the vertical axis.
    pub axis: String,
    /// Curves in the order of colours.
    pub curves: Vec<LogLogCurve>,
}

/// The curve of one group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogLogCurve {
    /// Name of the group.
    pub label: String,
    /// Distinct times, ascending.
    pub time: Vec<f64>,
    /// Survival just after each time, between 0 and 1.
    pub survival: Vec<f64>,
}

/// Length of a line in the legend, with its distance from the name.
const SAMPLE: f64 = 24.0;

/// Draws the curves as steps, and their names above them. Under proportional hazards their
/// distance is the same everywhere, the log hazard ratio; as `plot(survfit, fun = "cloglog")` of R.
///
/// Time 0, and survival of 0 or 1, have no place on the axes and are left out.
#[must_use]
pub fn log_log_plot(figure: &LogLogFigure, page: Page) -> String {
    let mut svg = Svg::default();
    let top = draw_legend(&mut svg, figure, page) + page.middle() + 2.0;
    let height = 80.0 + 0.15 * page.width();
    let room = Room { left: EDGE, right: page.width() - EDGE, top, height, margin: 0.0 };
    let panel = Panel::of(page, room, horizontal(figure, page), vertical(figure));
    panel.draw(&mut svg, page);
    for (index, curve) in figure.curves.iter().enumerate() {
        let style = group(index);
        let pen = Pen::solid(style.colour, CURVE).dashed(style.dash);
        svg.stroke(&path(curve, &panel), pen);
    }
    finish(svg, page, panel.end + EDGE, &figure.caption)
}

/// The points of a curve that have a place: time and log(−log S).
fn points(curve: &LogLogCurve) -> impl Iterator<Item = (f64, f64)> {
    let points = curve.time.iter().copied().zip(curve.survival.iter().copied());
    let inside =
        points.filter(|(time, survival)| 0.0 < *time && 0.0 < *survival && *survival < 1.0);
    inside.map(|(time, survival)| (time, ln(-ln(survival))))
}

fn path(curve: &LogLogCurve, panel: &Panel) -> String {
    let mut path = String::new();
    let mut level = String::new();
    let mut end = String::new();
    for (time, value) in points(curve) {
        let (x, y) = (number(panel.x.at(log10(time))), number(panel.y.at(value)));
        if path.is_empty() {
            path = format!("M{x} {y}");
        } else if y != level {
            path.push_str(&format!("H{x}V{y}"));
        }
        (level, end) = (y, x);
    }
    if path.is_empty() { path } else { format!("{path}H{end}") }
}

/// Names of the groups beside samples of their lines; where they end.
fn draw_legend(svg: &mut Svg, figure: &LogLogFigure, page: Page) -> f64 {
    let mut y = EDGE;
    for (index, curve) in figure.curves.iter().enumerate() {
        let style = group(index);
        let lines = page.wrap_bold(&curve.label, page.width() - 2.0 * EDGE - SAMPLE);
        for (row, line) in lines.iter().enumerate() {
            let base = y + page.ascent();
            if row == 0 {
                let sample = base - page.middle();
                let pen = Pen::solid(style.colour, CURVE).dashed(style.dash);
                svg.line((EDGE, sample), (EDGE + SAMPLE - 5.0, sample), pen);
            }
            let text = page.text(EDGE + SAMPLE, base, line);
            svg.text(Text { bold: true, colour: style.colour, ..text });
            y += page.line();
        }
    }
    y
}

fn horizontal(figure: &LogLogFigure, page: Page) -> Axis {
    let times = || figure.curves.iter().flat_map(points).map(|(time, _)| time);
    let low = times().fold(f64::INFINITY, f64::min);
    let high = times().fold(0.0, f64::max);
    let (low, high) = if low <= high { (low, high) } else { (1.0, 10.0) };
    let most = if page.is_wide() { 10.0 } else { 6.0 };
    Axis::logarithmic(&figure.time_axis, (low, high), most)
}

fn vertical(figure: &LogLogFigure) -> Axis {
    let values = || figure.curves.iter().flat_map(points).map(|(_, value)| value);
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    let (low, high) = if low <= high { (low, high) } else { (-1.0, 1.0) };
    Axis::of(&figure.axis, &round_ticks(low, high, 6.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure() -> LogLogFigure {
        let curve = |label: &str, power: f64| LogLogCurve {
            label: label.into(),
            time: vec![0.0, 1.0, 2.0, 10.0, 50.0, 70.0],
            survival: [1.0, 1.0, 0.9, 0.7, 0.3, 0.0]
                .map(|survival: f64| survival.powf(power))
                .into(),
        };
        LogLogFigure { curves: vec![curve("A", 1.0), curve("B", 0.5)], ..Default::default() }
    }

    /// S to the power 1/2 has half the hazard everywhere.
    #[test]
    fn proportional_hazards_are_parallel() {
        let figure = figure();
        let values = |curve: usize| points(&figure.curves[curve]).map(|(_, value)| value);
        let distances: Vec<f64> = values(0).zip(values(1)).map(|(a, b)| a - b).collect();
        assert_eq!(distances.len(), 3, "survival of 0 and 1 has no place");
        assert!(distances.iter().all(|distance| (distance - 2f64.ln()).abs() < 1e-12));
    }

    /// From 2 to 50 there is a decade and a half.
    #[test]
    fn ticks_are_round_on_a_logarithmic_axis() {
        let axis = horizontal(&figure(), Page::ONE_COLUMN);
        let names: Vec<&str> = axis.ticks.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, ["2", "5", "10", "20", "50"]);
    }

    #[test]
    fn time_zero_has_no_place() {
        let svg = log_log_plot(&figure(), Page::TWO_COLUMNS);
        assert!(!svg.contains("inf") && !svg.contains("NaN"));
        assert!(!vertical(&figure()).ticks.iter().any(|(tick, _)| *tick < -4.0), "−3 at S = 0.95");
    }
}
