//! The scores of two arms, one above and one below a line.

use crate::axis::{step, tick_text, ticks};
use crate::frame::{Caption, finish};
use crate::page::Page;
use crate::panel::{Axis, Panel, Room};
use crate::style::{DASHED, EDGE, GREY, INK, group};
use crate::svg::{Pen, Svg, Text, number};

/// Histograms of two arms that mirror each other, before and after matching or weighting.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OverlapFigure {
    /// What the figure is called.
    pub caption: Caption,
    /// Name of the axis of the scores, which runs from 0 to 1.
    pub axis: String,
    /// Name of the axis of the shares.
    pub share_axis: String,
    /// Names of the arms, the upper one first.
    pub arms: [String; 2],
    /// Populations in order, side by side on a page of two columns.
    pub panels: Vec<OverlapPanel>,
}

/// The histograms of one population.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OverlapPanel {
    /// Name of the population.
    pub title: String,
    /// The arms, the upper one first.
    pub arms: [OverlapArm; 2],
    /// Between which scores the arms overlap; absent where they do not.
    pub support: Option<[f64; 2]>,
}

/// The scores of one arm.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OverlapArm {
    /// Share of the arm in each bin, all of one width, from 0 to 1.
    pub shares: Vec<f64>,
}

/// Height of the histograms of both arms.
const HEIGHT: f64 = 110.0;
/// Side of the squares of the legend.
const SQUARE: f64 = 6.0;

/// Draws the histogram of one arm upwards and that of the other downwards, all panels on the same
/// scale.
#[must_use]
pub fn overlap_plot(figure: &OverlapFigure, page: Page) -> String {
    let mut svg = Svg::default();
    let mut top = draw_legend(&mut svg, figure, page) + 4.0;
    let shares = figure.panels.iter().flat_map(|panel| &panel.arms).flat_map(|arm| &arm.shares);
    let largest = 100.0 * shares.copied().fold(0.0, f64::max);
    let ticks = ticks(step(largest, 3.0, None), largest);
    let beside = if page.is_wide() { figure.panels.len().clamp(1, 2) } else { 1 };
    for row in figure.panels.chunks(beside) {
        let mut end = top;
        for (column, one) in row.iter().enumerate() {
            let width = (page.width() - 2.0 * EDGE) / beside as f64;
            let left = EDGE + width * column as f64;
            let gap = if column + 1 < beside { 10.0 } else { 0.0 };
            let room = (left, left + width - gap);
            end = f64::max(end, draw_panel(&mut svg, figure, one, (page, room, top), &ticks));
        }
        top = end + page.line() * 0.6;
    }
    finish(svg, page, top - page.line() * 0.6 + EDGE, &figure.caption)
}

/// Names of the arms beside squares in their colours; where they end.
fn draw_legend(svg: &mut Svg, figure: &OverlapFigure, page: Page) -> f64 {
    let mut y = EDGE;
    for (index, name) in figure.arms.iter().enumerate() {
        let lines = page.wrap_bold(name, page.width() - 2.0 * EDGE - 2.0 * SQUARE);
        let colour = group(index).colour;
        if !lines.is_empty() {
            let foot = y + page.ascent();
            let [left, right, top, foot] =
                [EDGE, EDGE + SQUARE, foot - SQUARE + 0.5, foot + 0.5].map(number);
            svg.fill(&format!("M{left} {top}H{right}V{foot}H{left}Z"), colour, OPACITY);
        }
        for line in &lines {
            let text = page.text(EDGE + 1.6 * SQUARE, y + page.ascent(), line);
            svg.text(Text { bold: true, colour, ..text });
            y += page.line();
        }
    }
    y
}

const OPACITY: f64 = 0.75;

/// Draws one population; where it ends.
fn draw_panel(
    svg: &mut Svg,
    figure: &OverlapFigure,
    one: &OverlapPanel,
    (page, (left, right), top): (Page, (f64, f64), f64),
    ticks: &[f64],
) -> f64 {
    let titles = page.wrap(&one.title, right - left);
    for (index, line) in titles.iter().enumerate() {
        let y = top + page.ascent() + page.line() * index as f64;
        svg.text(page.text(left, y, line));
    }
    let top = top + page.line() * titles.len() as f64 + page.middle();
    let end = ticks.last().copied().unwrap_or(1.0);
    let below = ticks.iter().skip(1).map(|tick| (-tick, tick_text(*tick)));
    let above = ticks.iter().map(|tick| (*tick, tick_text(*tick)));
    let vertical = Axis {
        title: figure.share_axis.clone(),
        domain: (-end, end),
        ticks: below.chain(above).collect(),
    };
    let horizontal = Axis::of(&figure.axis, &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
    let room = Room { left, right, top, height: HEIGHT, margin: 0.0 };
    let panel = Panel::of(page, room, horizontal, vertical);
    for (index, arm) in one.arms.iter().enumerate() {
        draw_arm(svg, arm, &panel, index);
    }
    panel.draw(svg, page);
    let middle = panel.y.at(0.0);
    svg.line((panel.left, middle), (panel.right, middle), Pen::hairline(INK));
    for bound in one.support.into_iter().flatten() {
        let x = panel.x.at(bound);
        let pen = Pen::solid(GREY, 0.7).dashed(DASHED);
        svg.line((x, panel.top), (x, panel.bottom), pen);
    }
    panel.end
}

fn draw_arm(svg: &mut Svg, arm: &OverlapArm, panel: &Panel, index: usize) {
    let n = arm.shares.len() as f64;
    let sign = if index == 0 { 100.0 } else { -100.0 };
    // One path, since neighbouring bars of several would show the paper between them.
    let mut path = String::new();
    for (bin, &share) in arm.shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
        let [left, right] = [bin, bin + 1].map(|edge| number(panel.x.at(edge as f64 / n)));
        let [foot, top] = [0.0, sign * share].map(|share| number(panel.y.at(share)));
        path.push_str(&format!("M{left} {foot}V{top}H{right}V{foot}Z"));
    }
    svg.fill(&path, group(index).colour, OPACITY);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The higher bin of the upper arm reaches to its last tick, 60 %; an empty bin is not drawn.
    #[test]
    fn arms_mirror_each_other() {
        let arm = |shares: [f64; 2]| OverlapArm { shares: shares.to_vec() };
        let arms = [arm([0.6, 0.4]), arm([0.3, 0.0])];
        let panels = vec![OverlapPanel { arms, ..OverlapPanel::default() }];
        let svg =
            overlap_plot(&OverlapFigure { panels, ..OverlapFigure::default() }, Page::ONE_COLUMN);
        let bars = svg.lines().filter(|line| line.contains("fill-opacity"));
        assert_eq!(bars.map(|bars| bars.matches('Z').count()).collect::<Vec<_>>(), [2, 1]);
        // No legend and no title: the plot begins where the upper half of its first number ends.
        let top = EDGE + 4.0 + Page::ONE_COLUMN.middle();
        let at = |share: f64| number(top + HEIGHT / 2.0 * (1.0 - share / 0.6));
        assert!(svg.contains(&format!("V{}H", at(0.6))), "{svg}");
        assert!(svg.contains(&format!("V{}H", at(-0.3))), "{svg}");
    }

    #[test]
    fn panels_stand_side_by_side_on_a_wide_page() {
        let panels = vec![OverlapPanel::default(), OverlapPanel::default()];
        let figure = OverlapFigure { panels, ..OverlapFigure::default() };
        let height = |page| {
            let svg = overlap_plot(&figure, page);
            let text = svg.split("height=\"").nth(1).unwrap().split("pt").next().unwrap();
            text.parse::<f64>().unwrap()
        };
        assert!(height(Page::TWO_COLUMNS) < height(Page::ONE_COLUMN));
    }
}
