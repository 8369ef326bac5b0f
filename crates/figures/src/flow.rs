//! The way from the patient table to the analysed patients.

use crate::frame::{Caption, finish};
use crate::style::{INK, LINE, TEXT, WIDTH};
use crate::svg::{Anchor, Line, Svg, Text, number};
use crate::text::wrap;

/// Boxes from the top down, with those who leave to the right.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlowFigure {
    /// What the figure is called.
    pub caption: Caption,
    /// The steps that all patients pass, in order.
    pub steps: Vec<FlowBox>,
    /// The arms side by side, each the boxes of one arm from the top down.
    pub arms: Vec<Vec<FlowBox>>,
}

/// A box of the diagram.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlowBox {
    /// What the step is.
    pub label: String,
    /// Words below it, such as the number of patients.
    pub count: String,
    /// Words of the box to the right of the arrow that leads here: who was left out.
    pub excluded: Option<String>,
}

const STEP_WIDTH: f64 = 300.0;
const ARM_WIDTH: f64 = 260.0;
const PAD: f64 = 10.0;
const GAP: f64 = 28.0;
/// Gap of an arrow from which a box branches off.
const BRANCH_PAD: f64 = 12.0;

/// Draws the boxes and arrows.
#[must_use]
pub fn flow_diagram(figure: &FlowFigure) -> String {
    let mut svg = Svg::default();
    let has_exclusions = figure.steps.iter().any(|step| step.excluded.is_some());
    let x = if has_exclusions { 134.0 } else { (WIDTH - STEP_WIDTH) / 2.0 };
    let column = Column { x, width: STEP_WIDTH, branch: Some(x + STEP_WIDTH + 30.0) };
    let bottom = draw_column(&mut svg, &figure.steps, &column, 12.0);
    let bottom = draw_arms(&mut svg, figure, x + STEP_WIDTH / 2.0, bottom);
    finish(svg, (WIDTH, bottom + 14.0), &figure.caption)
}

/// Where a column of boxes stands.
struct Column {
    x: f64,
    width: f64,
    /// Left end of the boxes of those who leave; without it they stand inside the box below.
    branch: Option<f64>,
}

/// Draws boxes below each other; the lower end of the last.
fn draw_column(svg: &mut Svg, boxes: &[FlowBox], column: &Column, top: f64) -> f64 {
    let middle = column.x + column.width / 2.0;
    let mut y = top;
    for (index, one) in boxes.iter().enumerate() {
        if 0 < index {
            y = draw_passage(svg, one, column, y);
        }
        let lines = box_lines(one, column);
        let height = box_height(lines.len());
        svg.outlined_box((column.x, y), (column.width, height), "#f4f8fb");
        for (row, (line, bold)) in lines.iter().enumerate() {
            let text = Text::new(middle, y + PAD + 11.0 + LINE * row as f64, line);
            svg.text(&Text { anchor: Anchor::Middle, bold: *bold, ..text });
        }
        y += height;
    }
    y
}

/// Draws the arrow to the next box and who leaves on the way; where the next box begins.
fn draw_passage(svg: &mut Svg, next: &FlowBox, column: &Column, from: f64) -> f64 {
    let middle = column.x + column.width / 2.0;
    let (Some(excluded), Some(branch)) = (&next.excluded, column.branch) else {
        draw_arrow_down(svg, middle, from, from + GAP);
        return from + GAP;
    };
    let width = WIDTH - 12.0 - branch;
    let lines = wrap(excluded, TEXT, width - 2.0 * PAD);
    let height = box_height(lines.len());
    let to = from + height + 2.0 * BRANCH_PAD;
    draw_arrow_down(svg, middle, from, to);
    let y = from + BRANCH_PAD;
    svg.outlined_box((branch, y), (width, height), "#ffffff");
    for (row, line) in lines.iter().enumerate() {
        svg.text(&Text::new(branch + PAD, y + PAD + 11.0 + LINE * row as f64, line));
    }
    draw_arrow_right(svg, middle, branch, y + height / 2.0);
    to
}

/// Draws the arms below the steps; the lower end of the longest.
fn draw_arms(svg: &mut Svg, figure: &FlowFigure, centre: f64, from: f64) -> f64 {
    let n = figure.arms.len() as f64;
    if figure.arms.is_empty() {
        return from;
    }
    let width = ((WIDTH - 24.0 - 24.0 * (n - 1.0)) / n).min(ARM_WIDTH);
    let total = n * width + 24.0 * (n - 1.0);
    let left = (centre - total / 2.0).clamp(12.0, WIDTH - 12.0 - total);
    let fork = from + GAP / 2.0;
    let middles: Vec<f64> =
        (0..figure.arms.len()).map(|k| left + width / 2.0 + k as f64 * (width + 24.0)).collect();
    svg.line(arrow((centre, from), (centre, fork)));
    let first = middles.first().copied().unwrap_or(centre).min(centre);
    let last = middles.last().copied().unwrap_or(centre).max(centre);
    svg.line(arrow((first, fork), (last, fork)));
    let mut bottom = from;
    for (middle, boxes) in middles.iter().zip(&figure.arms) {
        draw_arrow_down(svg, *middle, fork, fork + GAP * 0.75);
        let column = Column { x: middle - width / 2.0, width, branch: None };
        bottom = f64::max(bottom, draw_column(svg, boxes, &column, fork + GAP * 0.75));
    }
    bottom
}

/// Lines of a box and whether each is bold.
fn box_lines(one: &FlowBox, column: &Column) -> Vec<(String, bool)> {
    let room = column.width - 2.0 * PAD;
    let plain = |text: &str| wrap(text, TEXT, room).into_iter().map(|line| (line, false));
    let mut lines: Vec<(String, bool)> = plain(&one.label).collect();
    lines.extend(wrap(&one.count, TEXT * 1.09, room).into_iter().map(|line| (line, true)));
    if let (Some(excluded), None) = (&one.excluded, column.branch) {
        lines.extend(plain(excluded));
    }
    lines
}

fn box_height(n_lines: usize) -> f64 {
    LINE * n_lines as f64 + 2.0 * PAD - 3.0
}

fn arrow(from: (f64, f64), to: (f64, f64)) -> Line<'static> {
    Line { from, to, colour: INK, width: 1.0, dash: "" }
}

fn draw_arrow_down(svg: &mut Svg, x: f64, from: f64, to: f64) {
    svg.line(arrow((x, from), (x, to - 6.0)));
    let (left, right, base) = (number(x - 4.0), number(x + 4.0), number(to - 8.0));
    svg.fill(&format!("M{} {}L{left} {base}H{right}Z", number(x), number(to)), INK, 1.0);
}

fn draw_arrow_right(svg: &mut Svg, from: f64, to: f64, y: f64) {
    svg.line(arrow((from, y), (to - 6.0, y)));
    let (top, bottom, base) = (number(y - 4.0), number(y + 4.0), number(to - 8.0));
    svg.fill(&format!("M{} {}L{base} {top}V{bottom}Z", number(to), number(y)), INK, 1.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exclusions_stand_beside_the_steps_and_arms_below() {
        let step = |label: &str, excluded: Option<&str>| FlowBox {
            label: label.into(),
            count: "n = 10".into(),
            excluded: excluded.map(Into::into),
        };
        let figure = FlowFigure {
            steps: vec![step("Table", None), step("Age > 18", Some("Excluded: n = 2"))],
            arms: vec![vec![step("A", None)], vec![step("B", None)]],
            ..FlowFigure::default()
        };
        let svg = flow_diagram(&figure);
        assert_eq!(svg.matches("rx=\"3\"").count(), 5, "five boxes");
        assert!(svg.contains("Age &gt; 18"));
    }

    #[test]
    fn an_empty_diagram_is_drawn() {
        assert!(!flow_diagram(&FlowFigure::default()).contains("NaN"));
    }
}
