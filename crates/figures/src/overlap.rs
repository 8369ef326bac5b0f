//! The scores of two arms, one above and one below a line.

use crate::axis::{Scale, step, tick_text, ticks};
use crate::frame::{Caption, finish};
use crate::style::{GREY, GRID, INK, WIDTH, group};
use crate::svg::{Anchor, Line, Svg, Text, number};

/// Histograms of two arms that mirror each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OverlapFigure {
    /// What the figure is called.
    pub caption: Caption,
    /// Name of the axis of the scores, which runs from 0 to 1.
    pub axis: String,
    /// Name of the axis of the shares.
    pub share_axis: String,
    /// The arms, the upper one first.
    pub arms: [OverlapArm; 2],
    /// Between which scores the arms overlap; absent where they do not.
    pub support: Option<[f64; 2]>,
}

/// The scores of one arm.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OverlapArm {
    /// Name of the arm.
    pub label: String,
    /// Share of the arm in each bin, all of one width, from 0 to 1.
    pub shares: Vec<f64>,
}

const LEFT: f64 = 70.0;
const RIGHT: f64 = WIDTH - 24.0;
const TOP: f64 = 24.0;
/// Height of the histogram of one arm.
const HEIGHT: f64 = 130.0;
const MIDDLE: f64 = TOP + HEIGHT;
const BOTTOM: f64 = MIDDLE + HEIGHT;

/// Draws the histogram of one arm upwards and that of the other downwards.
#[must_use]
pub fn overlap_plot(figure: &OverlapFigure) -> String {
    let mut svg = Svg::default();
    let shares = figure.arms.iter().flat_map(|arm| &arm.shares);
    let largest = shares.copied().fold(0.0, f64::max);
    let ticks = ticks(step(100.0 * largest, 4.0, None), 100.0 * largest);
    let end = ticks.last().copied().unwrap_or(1.0) / 100.0;
    let scores = Scale { domain: (0.0, 1.0), range: (LEFT, RIGHT) };
    let heights = [TOP, BOTTOM].map(|far| Scale { domain: (0.0, end), range: (MIDDLE, far) });
    draw_shares(&mut svg, &ticks, heights);
    for (index, (arm, height)) in figure.arms.iter().zip(heights).enumerate() {
        draw_arm(&mut svg, arm, (scores, height), index);
    }
    draw_scores(&mut svg, figure, scores);
    finish(svg, (WIDTH, BOTTOM + 48.0), &figure.caption)
}

/// Grid lines and ticks of the shares, in percent.
fn draw_shares(svg: &mut Svg, ticks: &[f64], heights: [Scale; 2]) {
    for (index, height) in heights.into_iter().enumerate() {
        // The line in the middle has one tick.
        for tick in ticks.iter().skip(index) {
            let y = height.at(tick / 100.0);
            let (from, to) = ((LEFT, y), (RIGHT, y));
            svg.line(Line { from, to, colour: GRID, width: 1.0, dash: "" });
            let label = tick_text(*tick);
            svg.text(&Text { anchor: Anchor::End, ..Text::new(LEFT - 8.0, y + 4.0, &label) });
        }
    }
}

fn draw_arm(svg: &mut Svg, arm: &OverlapArm, (scores, height): (Scale, Scale), index: usize) {
    let n = arm.shares.len() as f64;
    let colour = group(index).colour;
    for (bin, &share) in arm.shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
        let [left, right] = [bin, bin + 1].map(|edge| number(scores.at(edge as f64 / n)));
        let [foot, top] = [0.0, share].map(|share| number(height.at(share)));
        svg.fill(&format!("M{left} {foot}V{top}H{right}V{foot}Z"), colour, 0.75);
    }
    let y = if index == 0 { TOP + 12.0 } else { BOTTOM - 6.0 };
    let text = Text::new(RIGHT - 6.0, y, &arm.label);
    svg.text(&Text { anchor: Anchor::End, bold: true, colour, ..text });
}

fn draw_scores(svg: &mut Svg, figure: &OverlapFigure, scores: Scale) {
    let line =
        Line { from: (LEFT, BOTTOM), to: (RIGHT, BOTTOM), colour: INK, width: 1.0, dash: "" };
    svg.line(Line { from: (LEFT, MIDDLE), to: (RIGHT, MIDDLE), ..line });
    svg.line(line);
    for tick in ticks(0.1, 1.0) {
        let x = scores.at(tick);
        svg.line(Line { from: (x, BOTTOM), to: (x, BOTTOM + 5.0), ..line });
        let label = tick_text(tick);
        svg.text(&Text { anchor: Anchor::Middle, ..Text::new(x, BOTTOM + 18.0, &label) });
    }
    for bound in figure.support.into_iter().flatten() {
        let x = scores.at(bound);
        let (from, to) = ((x, TOP), (x, BOTTOM));
        svg.line(Line { from, to, colour: GREY, width: 1.2, dash: "4 3" });
    }
    let title = Text::new((LEFT + RIGHT) / 2.0, BOTTOM + 36.0, &figure.axis);
    svg.text(&Text { anchor: Anchor::Middle, ..title });
    svg.upright_text(22.0, MIDDLE, &figure.share_axis);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The higher bin of the upper arm reaches to its last tick, 60 %; an empty bin is not drawn.
    #[test]
    fn arms_mirror_each_other() {
        let arm = |shares: [f64; 2]| OverlapArm { label: "arm".into(), shares: shares.to_vec() };
        let arms = [arm([0.6, 0.4]), arm([0.3, 0.0])];
        let svg = overlap_plot(&OverlapFigure { arms, ..OverlapFigure::default() });
        assert_eq!(svg.matches("fill-opacity=\"0.75\"").count(), 3);
        assert!(svg.contains(&format!("V{TOP}H")), "{svg}");
        assert!(svg.contains(&format!("V{}H", MIDDLE + HEIGHT / 2.0)), "{svg}");
    }
}
