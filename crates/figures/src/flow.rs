//! The way from the patient table to the analysed patients.

use crate::frame::{Caption, finish};
use crate::page::Page;
use crate::style::{EDGE, GREY, INK, PAPER};
use crate::svg::{Anchor, Direction, Pen, Svg, Text};
use crate::text::{width as width_of, wrap};

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
    /// Further lines in small type, such as the numbers of each arm or site.
    pub details: Vec<String>,
    /// Words of the box to the right of the arrow that leads here: who was left out.
    pub excluded: Option<String>,
    /// Further lines of that box in small type.
    pub excluded_details: Vec<String>,
}

/// Distance of text from the line around its box.
const PAD: f64 = 4.0;
/// Length of an arrow from box to box.
const GAP: f64 = 15.0;
/// Gap of an arrow above and below a box that branches off.
const BRANCH_PAD: f64 = 6.0;
/// Distance of boxes side by side.
const BETWEEN: f64 = 12.0;
/// Share of the page for the steps beside those who leave.
const STEPS: f64 = 0.5;
/// Widest box of an arm or of a step that nothing stands beside.
const WIDEST: f64 = 190.0;
const FILL: &str = "#f2f6f9";

/// Draws the boxes and arrows.
#[must_use]
pub fn flow_diagram(figure: &FlowFigure, page: Page) -> String {
    let mut svg = Svg::default();
    let column = step_column(figure, page);
    let bottom = draw_column(&mut svg, &figure.steps, &column, EDGE);
    let bottom = draw_arms(&mut svg, figure, page, column.middle(), bottom);
    finish(svg, page, bottom + EDGE, &figure.caption)
}

/// Where a column of boxes stands.
struct Column {
    page: Page,
    x: f64,
    width: f64,
    /// Left end and width of the boxes of those who leave; without it they stand inside the box
    /// below.
    branch: Option<(f64, f64)>,
}

/// The column of the steps: in the middle of the page, as far as those who leave have room.
fn step_column(figure: &FlowFigure, page: Page) -> Column {
    let room = page.width() - 2.0 * EDGE;
    let excluded = || figure.steps.iter().filter_map(|step| step.excluded.as_ref());
    if excluded().next().is_none() {
        let width = room.min(WIDEST);
        return Column { page, x: (page.width() - width) / 2.0, width, branch: None };
    }
    let width = (STEPS * room).min(WIDEST);
    let most = room - width - 2.0 * BETWEEN;
    let small = figure.steps.iter().flat_map(|step| &step.excluded_details);
    let small = small.map(|words| width_of(words, page.size() - SMALLER));
    let widest = excluded().map(|words| page.measure(words)).chain(small).fold(0.0, f64::max);
    let beside = (widest + 2.0 * PAD + 0.1).min(most);
    let centred = (page.width() - width) / 2.0;
    let x = centred.min(page.width() - EDGE - beside - 2.0 * BETWEEN - width).max(EDGE);
    Column { page, x, width, branch: Some((x + width + 2.0 * BETWEEN, beside)) }
}

/// Width of the box of an arm, and of all arms together.
fn arm_widths(figure: &FlowFigure, page: Page) -> (f64, f64) {
    let n = figure.arms.len().max(1) as f64;
    let room = page.width() - 2.0 * EDGE;
    let width = ((room - BETWEEN * (n - 1.0)) / n).clamp(8.0 * PAD, WIDEST);
    (width, n * width + BETWEEN * (n - 1.0))
}

impl Column {
    fn middle(&self) -> f64 {
        self.x + self.width / 2.0
    }
}

/// A line of a box.
#[derive(Clone)]
struct BoxLine {
    text: String,
    size: f64,
    is_bold: bool,
}

/// How much smaller than other text the details are, in points.
const SMALLER: f64 = 1.0;

/// Regular text of a size, broken into lines no wider than `room`.
fn regular(text: &str, size: f64, room: f64) -> Vec<BoxLine> {
    let lines = wrap(text, size, room).into_iter();
    lines.map(|text| BoxLine { text, size, is_bold: false }).collect()
}

/// Details in small type.
fn details(texts: &[String], page: Page, room: f64) -> Vec<BoxLine> {
    texts.iter().flat_map(|text| regular(text, page.size() - SMALLER, room)).collect()
}

/// Draws boxes below each other; the lower end of the last.
fn draw_column(svg: &mut Svg, boxes: &[FlowBox], column: &Column, top: f64) -> f64 {
    let mut y = top;
    for (index, one) in boxes.iter().enumerate() {
        if 0 < index {
            y = draw_passage(svg, one, column, y);
        }
        let lines = box_lines(one, column);
        let height = box_height(column.page, lines.len());
        let place = ((column.x, y), (column.width, height));
        svg.outlined_box(place.0, place.1, FILL, Pen::hairline(GREY));
        for (row, line) in lines.iter().enumerate() {
            let base = box_base(column.page, y, row);
            let text = column.page.text(column.middle(), base, &line.text);
            let (size, bold) = (line.size, line.is_bold);
            svg.text(Text { anchor: Anchor::Middle, size, bold, ..text });
        }
        y += height;
    }
    y
}

/// Draws the arrow to the next box and who leaves on the way; where the next box begins.
fn draw_passage(svg: &mut Svg, next: &FlowBox, column: &Column, from: f64) -> f64 {
    let (page, middle) = (column.page, column.middle());
    let (Some(excluded), Some((branch, width))) = (&next.excluded, column.branch) else {
        draw_arrow_down(svg, middle, from, from + GAP);
        return from + GAP;
    };
    let room = width - 2.0 * PAD;
    let lines = [regular(excluded, page.size(), room), details(&next.excluded_details, page, room)];
    let lines = lines.concat();
    let height = box_height(page, lines.len());
    let to = from + height + 2.0 * BRANCH_PAD;
    draw_arrow_down(svg, middle, from, to);
    let y = from + BRANCH_PAD;
    svg.outlined_box((branch, y), (width, height), PAPER, Pen::hairline(GREY));
    for (row, line) in lines.iter().enumerate() {
        let text = page.text(branch + PAD, box_base(page, y, row), &line.text);
        svg.text(Text { size: line.size, ..text });
    }
    let centre = y + height / 2.0;
    svg.line((middle, centre), (branch - 3.0, centre), Pen::hairline(INK));
    svg.arrow_head((branch, centre), Direction::Right, INK);
    to
}

/// Draws the arms below the steps; the lower end of the longest.
fn draw_arms(svg: &mut Svg, figure: &FlowFigure, page: Page, centre: f64, from: f64) -> f64 {
    if figure.arms.is_empty() {
        return from;
    }
    let (width, total) = arm_widths(figure, page);
    let left = (centre - total / 2.0).min(page.width() - EDGE - total).max(EDGE);
    let middle = |arm: usize| left + width / 2.0 + arm as f64 * (width + BETWEEN);
    let fork = from + GAP / 2.0;
    svg.line((centre, from), (centre, fork), Pen::hairline(INK));
    let (first, last) = (middle(0).min(centre), middle(figure.arms.len() - 1).max(centre));
    svg.line((first, fork), (last, fork), Pen::hairline(INK));
    let mut bottom = from;
    for (arm, boxes) in figure.arms.iter().enumerate() {
        let top = fork + GAP * 0.75;
        draw_arrow_down(svg, middle(arm), fork, top);
        let column = Column { page, x: middle(arm) - width / 2.0, width, branch: None };
        bottom = f64::max(bottom, draw_column(svg, boxes, &column, top));
    }
    bottom
}

/// The lines of a box: what the step is, how many passed it, and the details.
fn box_lines(one: &FlowBox, column: &Column) -> Vec<BoxLine> {
    let (page, room) = (column.page, column.width - 2.0 * PAD);
    let mut lines = regular(&one.label, page.size(), room);
    let counts = page.wrap_bold(&one.count, room).into_iter();
    lines.extend(counts.map(|text| BoxLine { text, size: page.size(), is_bold: true }));
    if let (Some(excluded), None) = (&one.excluded, column.branch) {
        lines.extend(regular(excluded, page.size(), room));
        lines.extend(details(&one.excluded_details, page, room));
    }
    lines.extend(details(&one.details, page, room));
    lines
}

fn box_height(page: Page, n_lines: usize) -> f64 {
    page.line() * (n_lines.max(1) - 1) as f64 + page.ascent() + page.descent() + 2.0 * PAD
}

/// Base line of a line of a box.
fn box_base(page: Page, top: f64, row: usize) -> f64 {
    top + PAD + page.ascent() + page.line() * row as f64
}

fn draw_arrow_down(svg: &mut Svg, x: f64, from: f64, to: f64) {
    svg.line((x, from), (x, to - 3.0), Pen::hairline(INK));
    svg.arrow_head((x, to), Direction::Down, INK);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::svg::number;

    #[test]
    fn exclusions_stand_beside_the_steps_and_arms_below() {
        let step = |label: &str, excluded: Option<&str>| FlowBox {
            label: label.into(),
            count: "n = 10".into(),
            excluded: excluded.map(Into::into),
            details: vec!["Site A: 10".into()],
            excluded_details: excluded.iter().map(|_| "A 1, B 1".to_owned()).collect(),
        };
        let figure = FlowFigure {
            steps: vec![step("Table", None), step("Age > 18", Some("Excluded: n = 2"))],
            arms: vec![vec![step("A", None)], vec![step("B", None)]],
            ..FlowFigure::default()
        };
        let svg = flow_diagram(&figure, Page::TWO_COLUMNS);
        assert_eq!(svg.matches("rx=\"1.5\"").count(), 5, "five boxes");
        assert!(svg.contains("Age &gt; 18"));
        let small = Page::TWO_COLUMNS.size() - SMALLER;
        let details = format!("font-size=\"{}\" fill=\"{INK}\">A 1, B 1</text>", number(small));
        assert!(svg.contains(&details), "{svg}");
    }

    #[test]
    fn an_empty_diagram_is_drawn() {
        assert!(!flow_diagram(&FlowFigure::default(), Page::ONE_COLUMN).contains("NaN"));
    }
}
