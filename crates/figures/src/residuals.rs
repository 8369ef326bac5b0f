//! Scaled Schoenfeld residuals against time: whether a hazard ratio changes.

use crate::axis::{round_ticks, step, tick_text, ticks};
use crate::frame::{Caption, finish};
use crate::page::Page;
use crate::panel::{Axis, Panel, Room};
use crate::style::{CURVE, DASHED, DOTTED, EDGE, GREY, HAIRLINE, group};
use crate::svg::{Pen, Svg, number};

/// Residuals of the terms of a model, a panel each, as `plot.cox.zph` of R's survival draws them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResidualFigure {
    /// What the figure is called.
    pub caption: Caption,
    /// Name of the horizontal axis, with its unit and transformation.
    pub time_axis: String,
    /// Length of a natural period on the time axis, such as 12 for months, for the ticks of panels
    /// that have none of their own. Absent = round numbers.
    pub period: Option<f64>,
    /// Panels in order: two in a row on a page of two columns, one on a narrower page.
    pub panels: Vec<ResidualPanel>,
}

/// The residuals of one term.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResidualPanel {
    /// Name of the term, and what is said of it, such as the p-value of the test.
    pub title: String,
    /// Name of the vertical axis, such as "Log hazard ratio".
    pub axis: String,
    /// Transformed time and scaled residual, with the coefficient added, of each event.
    pub points: Vec<(f64, f64)>,
    /// The smooth from left to right; may be empty.
    pub smooth: Vec<SmoothPoint>,
    /// The coefficient of the model, which gets a dashed line.
    pub coefficient: Option<f64>,
    /// Places of the ticks on the transformed time with the times in words. Empty = round numbers
    /// of the time, from 0 where none is below it.
    pub ticks: Vec<(f64, String)>,
}

/// The smooth at one transformed time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SmoothPoint {
    /// Transformed time.
    pub at: f64,
    /// The smooth.
    pub fit: f64,
    /// Lower and upper limit; absent where they are undefined.
    pub limits: Option<(f64, f64)>,
}

/// Plots of the usual height that a page holds below each other.
const MANY: usize = 4;

/// Draws the residuals of each term with their smooth and its limits. A dashed line stands at the
/// coefficient of the model, a dotted one at 0.
///
/// The axis holds all residuals and the smooth; limits beyond it end at its border.
#[must_use]
pub fn residual_plot(figure: &ResidualFigure, page: Page) -> String {
    let mut svg = Svg::default();
    let beside = if page.is_wide() { figure.panels.len().clamp(1, 2) } else { 1 };
    let mut top = EDGE;
    for row in figure.panels.chunks(beside) {
        let titles = row.iter().map(|one| page.wrap(&one.title, width(page, beside) - 4.0).len());
        let header = page.line() * titles.max().unwrap_or(0) as f64;
        let mut end = top;
        for (column, one) in row.iter().enumerate() {
            let left = EDGE + width(page, beside) * column as f64;
            let place = (left, top, header);
            end = f64::max(end, draw_panel(&mut svg, figure, one, page, place, beside));
        }
        top = end + page.line() * 0.6;
    }
    finish(svg, page, top - page.line() * 0.6 + EDGE, &figure.caption)
}

/// Width of a panel with its distance from the next.
fn width(page: Page, beside: usize) -> f64 {
    (page.width() - 2.0 * EDGE) / beside as f64
}

/// Height of a plot: lower where many stand below each other, so that a page holds six.
fn height(figure: &ResidualFigure, page: Page, beside: usize) -> f64 {
    let is_high = MANY < figure.panels.len().div_ceil(beside);
    if is_high { 58.0 } else { 60.0 + 0.1 * page.width() }
}

/// Draws one term; where it ends.
fn draw_panel(
    svg: &mut Svg,
    figure: &ResidualFigure,
    one: &ResidualPanel,
    page: Page,
    (left, top, header): (f64, f64, f64),
    beside: usize,
) -> f64 {
    let gap = if beside == 1 { 0.0 } else { 8.0 };
    let right = left + width(page, beside) - gap;
    for (index, line) in page.wrap(&one.title, width(page, beside) - 4.0).iter().enumerate() {
        svg.text(page.text(left, top + page.ascent() + page.line() * index as f64, line));
    }
    let top = top + header + page.middle();
    let height = height(figure, page, beside);
    let room = Room { left, right, top, height, margin: 0.0 };
    let panel = Panel::of(page, room, horizontal(figure, one), vertical(one));
    draw_smooth_band(svg, &one.smooth, &panel);
    for (x, y) in &one.points {
        let middle = (panel.x.at(*x), panel.y.at(*y));
        svg.circle(middle, 0.9, "none", Pen::hairline(GREY));
    }
    draw_levels(svg, one, &panel);
    let points = one
        .smooth
        .iter()
        .map(|point| format!("{} {}", number(panel.x.at(point.at)), number(panel.y.at(point.fit))));
    let path = points.collect::<Vec<_>>().join("L");
    if !path.is_empty() {
        svg.stroke(&format!("M{path}"), Pen::solid(group(0).colour, CURVE));
    }
    panel.draw(svg, page);
    panel.end
}

/// The area between the limits of the smooth, kept within the plot.
fn draw_smooth_band(svg: &mut Svg, smooth: &[SmoothPoint], panel: &Panel) {
    let (low, high) = panel.y.domain;
    let at = |x: f64, y: f64| {
        format!("{} {}", number(panel.x.at(x)), number(panel.y.at(y.clamp(low, high))))
    };
    let limits = || smooth.iter().filter_map(|point| Some((point.at, point.limits?)));
    let upper = limits().map(|(x, (_, upper))| at(x, upper));
    let lower: Vec<String> = limits().map(|(x, (lower, _))| at(x, lower)).collect();
    let path = upper.chain(lower.into_iter().rev()).collect::<Vec<_>>().join("L");
    if !path.is_empty() {
        svg.fill(&format!("M{path}Z"), group(0).colour, 0.16);
    }
}

/// Lines at 0 and at the coefficient.
fn draw_levels(svg: &mut Svg, one: &ResidualPanel, panel: &Panel) {
    let (low, high) = panel.y.domain;
    let levels = [(Some(0.0), DOTTED), (one.coefficient, DASHED)];
    for (level, dash) in levels {
        if let Some(level) = level.filter(|level| (low..=high).contains(level)) {
            let y = panel.y.at(level);
            let pen = Pen::solid(group(1).colour, HAIRLINE).dashed(dash);
            svg.line((panel.left, y), (panel.right, y), pen);
        }
    }
}

fn horizontal(figure: &ResidualFigure, one: &ResidualPanel) -> Axis {
    let values = one.points.iter().map(|point| point.0);
    let values = values.chain(one.smooth.iter().map(|point| point.at));
    let (low, high) = span(values);
    if one.ticks.is_empty() {
        let ticks = match low {
            0.0.. => ticks(step(high, 6.0, figure.period), high),
            _ => round_ticks(low, high, 6.0),
        };
        return Axis::of(&figure.time_axis, &ticks);
    }
    let (low, high) = one
        .ticks
        .iter()
        .fold((low, high), |(low, high), (at, _)| (f64::min(low, *at), f64::max(high, *at)));
    Axis { title: figure.time_axis.clone(), domain: (low, high), ticks: one.ticks.clone() }
}

fn vertical(one: &ResidualPanel) -> Axis {
    let values = one.points.iter().map(|point| point.1);
    let values = values.chain(one.smooth.iter().map(|point| point.fit));
    let (low, high) = span(values.chain(one.coefficient));
    let ticks = round_ticks(low, high, 5.0);
    let domain = Axis::of("", &ticks).domain;
    let ticks = ticks.iter().map(|tick| (*tick, tick_text(*tick))).collect();
    Axis { title: one.axis.clone(), domain, ticks }
}

/// The smallest and the largest value; 0 and 1 without values.
fn span(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let fold = |span: Option<(f64, f64)>, value: f64| match span {
        None => Some((value, value)),
        Some((low, high)) => Some((low.min(value), high.max(value))),
    };
    values.fold(None, fold).unwrap_or((0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel() -> ResidualPanel {
        let point =
            |at: f64, fit: f64| SmoothPoint { at, fit, limits: Some((fit - 9.0, fit + 0.2)) };
        ResidualPanel {
            title: "age".into(),
            points: vec![(0.1, -0.5), (0.5, 0.2), (0.9, 0.7)],
            smooth: vec![point(0.1, -0.2), point(0.9, 0.4)],
            coefficient: Some(0.1),
            ticks: vec![(0.1, "12".into()), (0.9, "60".into())],
            ..ResidualPanel::default()
        }
    }

    #[test]
    fn limits_end_at_the_border_of_the_plot() {
        let figure = ResidualFigure { panels: vec![panel()], ..ResidualFigure::default() };
        let svg = residual_plot(&figure, Page::ONE_COLUMN);
        let page = Page::ONE_COLUMN;
        let bottom = EDGE + page.line() + page.middle() + 60.0 + 0.1 * page.width();
        let band = svg.lines().find(|line| line.contains("fill-opacity")).unwrap();
        assert!(band.contains(&format!(" {}Z", number(bottom))), "{band}");
        assert_eq!(svg.matches("<circle").count(), 3);
        assert!(svg.contains(">12</text>") && svg.contains(">60</text>"));
    }

    #[test]
    fn a_term_without_events_has_axes() {
        let panels = vec![ResidualPanel::default()];
        let svg = residual_plot(&ResidualFigure { panels, ..Default::default() }, Page::ONE_COLUMN);
        assert!(!svg.contains("NaN") && svg.contains(">0</text>"));
    }
}
