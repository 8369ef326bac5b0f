//! Hazard ratios of subgroups beside each other.

mod layout;

use crate::axis::tick_text;
use crate::frame::{Caption, finish};
use crate::page::Page;
use crate::style::{DOTTED, EDGE, GREY, GRID, INK, TICK, group};
use crate::svg::{Anchor, Direction, Pen, Svg, Text, number};
use layout::{INDENT, Layout, REACH, Row};

/// Ratios with their limits on a logarithmic axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForestFigure {
    /// What the figure is called.
    pub caption: Caption,
    /// Name of the axis, such as "Hazard ratio".
    pub axis: String,
    /// Whom a ratio below 1 favours.
    pub favours_below: String,
    /// Whom a ratio above 1 favours.
    pub favours_above: String,
    /// What the columns between label and plot hold, such as "Events / patients": a heading over all
    /// of them; may be empty.
    pub columns_heading: String,
    /// Headings of the columns between label and plot, such as the arms.
    pub columns: Vec<String>,
    /// Heading of the ratios in words.
    pub ratio_heading: String,
    /// Heading of the last column; empty without one.
    pub note_heading: String,
    /// Rows from the top down.
    pub rows: Vec<ForestRow>,
}

/// One row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForestRow {
    /// Name of a subgroup, or of a variable when the row is a heading.
    pub label: String,
    /// Whether the row names a variable or all patients: bold, and not indented.
    pub is_heading: bool,
    /// Cells of the columns between label and plot.
    pub cells: Vec<String>,
    /// The ratio, when there is one to draw.
    pub value: Option<ForestValue>,
    /// The ratio in words, or why there is none.
    pub ratio: String,
    /// Cell of the last column, such as the p-value of an interaction.
    pub note: String,
    /// Whether the ratio is that of all patients: a diamond with a dotted line.
    pub is_overall: bool,
}

/// A ratio; ratio and limits are positive. An absent limit is drawn as an arrow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForestValue {
    /// The ratio.
    pub ratio: f64,
    /// Lower limit.
    pub lower: Option<f64>,
    /// Upper limit.
    pub upper: Option<f64>,
    /// Weight in the drawing, such as the number of events: the area of the square.
    pub weight: f64,
}

/// Draws one row per subgroup: a square sized by its weight, its limits, and all in words.
///
/// On a page of two columns the words stand beside the plot in columns; on a narrower one those of a
/// row stand below each other at its left: label, cells, ratio and note.
#[must_use]
pub fn forest_plot(figure: &ForestFigure, page: Page) -> String {
    let layout = Layout::of(figure, page);
    let mut svg = Svg::default();
    draw_headings(&mut svg, page, &layout);
    draw_axis(&mut svg, figure, page, &layout);
    let weights = figure.rows.iter().filter_map(|row| row.value).map(|value| value.weight);
    let heaviest = weights.fold(1.0, f64::max);
    for row in &layout.rows {
        draw_words(&mut svg, page, row, &layout);
        if let Some(value) = row.row.value {
            draw_value(&mut svg, value, row, heaviest, &layout);
        }
    }
    let end = draw_favours(&mut svg, figure, page, &layout);
    finish(svg, page, end + EDGE, &figure.caption)
}

fn draw_headings(svg: &mut Svg, page: Page, layout: &Layout) {
    for column in &layout.columns {
        let n = column.heading.len();
        for (index, line) in column.heading.iter().enumerate() {
            let y = layout.headings - page.line() * (n - index - 1) as f64;
            let text = page.text(column.right, y, line);
            svg.text(Text { anchor: Anchor::End, bold: true, ..text });
        }
    }
    draw_shared(svg, page, layout);
    for (index, line) in layout.below.iter().enumerate() {
        let y = layout.headings + page.line() * (index + 1) as f64;
        svg.text(Text { bold: true, ..page.text(EDGE + INDENT, y, line) });
    }
    let y = layout.top - 1.0;
    svg.line((EDGE, y), (page.width() - EDGE, y), Pen::hairline(GREY));
}

fn draw_shared(svg: &mut Svg, page: Page, layout: &Layout) {
    let shared = &layout.shared;
    let last = layout.headings - page.line() * shared.n_below as f64;
    for (index, line) in shared.lines.iter().rev().enumerate() {
        let y = last - page.line() * index as f64;
        let text = page.text((shared.left + shared.right) / 2.0, y, line);
        svg.text(Text { anchor: Anchor::Middle, bold: true, ..text });
    }
    if !shared.lines.is_empty() {
        let y = last + page.descent() + 0.9;
        svg.line((shared.left, y), (shared.right, y), Pen::hairline(GREY));
    }
}

fn draw_axis(svg: &mut Svg, figure: &ForestFigure, page: Page, layout: &Layout) {
    let (left, right) = layout.scale.range;
    let (top, bottom) = (layout.top, layout.bottom);
    let ticks = ticks(layout.reach);
    svg.line((left, bottom), (right, bottom), Pen::hairline(INK));
    for tick in &ticks {
        let x = layout.at(*tick);
        let colour = if *tick == 1.0 { GREY } else { GRID };
        svg.line((x, top), (x, bottom), Pen::hairline(colour));
        svg.line((x, bottom), (x, bottom + TICK), Pen::hairline(INK));
    }
    for (tick, label) in named_ticks(&ticks, page, layout) {
        let text = page.text(layout.at(tick), bottom + TICK + 2.0 + page.ascent(), &label);
        svg.text(Text { anchor: Anchor::Middle, ..text });
    }
    let overall = figure.rows.iter().find(|row| row.is_overall).and_then(|row| row.value);
    if let Some(value) = overall {
        let x = layout.at(value.ratio);
        let pen = Pen::solid(group(0).colour, 0.7).dashed(DOTTED);
        svg.line((x, top), (x, bottom), pen);
    }
}

/// Powers of two from the inverse of `reach` to `reach`.
fn ticks(reach: f64) -> Vec<f64> {
    let steps = REACH.into_iter().filter(|step| *step <= reach);
    let mut ticks: Vec<f64> = steps.flat_map(|step| [step, 1.0 / step]).chain([1.0]).collect();
    ticks.sort_by(f64::total_cmp);
    ticks
}

/// The ticks that are named: 1, and on both sides of it each, each second, each third and so on, as
/// far as names do not meet.
fn named_ticks(ticks: &[f64], page: Page, layout: &Layout) -> Vec<(f64, String)> {
    let middle = ticks.len() / 2;
    let named = |stride: usize| -> Vec<(f64, String)> {
        let chosen = ticks.iter().enumerate();
        let chosen = chosen.filter(|(index, _)| index.abs_diff(middle).is_multiple_of(stride));
        chosen.map(|(_, tick)| (*tick, short_tick(*tick))).collect()
    };
    let half = |label: &str| page.measure(label) / 2.0;
    let fits = |names: &Vec<(f64, String)>| {
        names.windows(2).all(|pair| {
            let [(one, left), (other, right)] = pair else { return true };
            layout.at(*one) + half(left) + 2.0 <= layout.at(*other) - half(right)
        })
    };
    (1..=middle).map(named).find(fits).unwrap_or_else(|| vec![(1.0, short_tick(1.0))])
}

/// Whom ratios below and above 1 favour, with arrows, and the name of the axis; where they end.
fn draw_favours(svg: &mut Svg, figure: &ForestFigure, page: Page, layout: &Layout) -> f64 {
    let one = layout.at(1.0);
    let mut y = layout.bottom + TICK + 2.0 + page.line() + page.ascent();
    let names = [&figure.favours_below, &figure.favours_above];
    let rooms = [one - EDGE - 16.0, page.width() - EDGE - one - 16.0];
    let mut n_lines = 0;
    for (index, (name, room)) in names.into_iter().zip(rooms).enumerate() {
        let sign = if index == 0 { -1.0 } else { 1.0 };
        let lines = page.wrap(name, room.max(20.0));
        if !lines.is_empty() {
            let (from, to) = (one + 4.0 * sign, one + 12.0 * sign);
            let middle = y - page.middle();
            svg.line((from, middle), (to - 2.0 * sign, middle), Pen::hairline(GREY));
            let direction = if index == 0 { Direction::Left } else { Direction::Right };
            svg.arrow_head((to, middle), direction, GREY);
        }
        for (line, words) in lines.iter().enumerate() {
            let text = page.text(one + 15.0 * sign, y + page.line() * line as f64, words);
            let anchor = if index == 0 { Anchor::End } else { Anchor::Start };
            svg.text(Text { anchor, colour: GREY, ..text });
        }
        n_lines = n_lines.max(lines.len());
    }
    y += page.line() * n_lines as f64;
    let room = 2.0 * f64::min(one - EDGE, page.width() - EDGE - one);
    for line in page.wrap(&figure.axis, room) {
        svg.text(Text { anchor: Anchor::Middle, ..page.text(one, y, &line) });
        y += page.line();
    }
    y - page.ascent()
}

fn draw_words(svg: &mut Svg, page: Page, row: &Row, layout: &Layout) {
    for (index, line) in row.lines.iter().enumerate() {
        let y = row.first + page.line() * index as f64;
        svg.text(Text { bold: line.is_bold, ..page.text(EDGE + line.indent, y, &line.text) });
    }
    for column in &layout.columns {
        let cell = column.cells.get(row.index).copied().unwrap_or_default();
        let text = page.text(column.right, row.cells, cell);
        svg.text(Text { anchor: Anchor::End, ..text });
    }
}

fn draw_value(svg: &mut Svg, value: ForestValue, row: &Row, heaviest: f64, layout: &Layout) {
    let colour = group(0).colour;
    let y = row.middle;
    let x = layout.at(value.ratio);
    let lower = layout.at(value.lower.unwrap_or(0.0));
    let upper = layout.at(value.upper.unwrap_or(f64::INFINITY));
    if row.row.is_overall {
        let (top, bottom) = (number(y - 3.2), number(y + 3.2));
        let [lower, x, upper, y] = [lower, x, upper, y].map(number);
        svg.fill(&format!("M{lower} {y}L{x} {top}L{upper} {y}L{x} {bottom}Z"), colour, 1.0);
        return;
    }
    svg.line((lower, y), (upper, y), Pen::solid(colour, 0.8));
    if value.lower.is_none_or(|limit| limit < 1.0 / layout.reach) {
        svg.arrow_head((lower - 2.0, y), Direction::Left, colour);
    }
    if value.upper.is_none_or(|limit| layout.reach < limit) {
        svg.arrow_head((upper + 2.0, y), Direction::Right, colour);
    }
    let half = 1.2 + 2.2 * (value.weight.max(0.0) / heaviest).sqrt();
    let [west, east, north, south] = [x - half, x + half, y - half, y + half].map(number);
    svg.fill(&format!("M{west} {north}H{east}V{south}H{west}Z"), colour, 1.0);
}

/// A tick with at most three significant decimals, 0.0625 as 0.06.
fn short_tick(value: f64) -> String {
    if value < 0.125 { tick_text((value * 100.0).round() / 100.0) } else { tick_text(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ratio: f64, lower: Option<f64>, upper: Option<f64>) -> ForestRow {
        let value = Some(ForestValue { ratio, lower, upper, weight: 10.0 });
        ForestRow { label: "level".into(), value, ..ForestRow::default() }
    }

    #[test]
    fn the_axis_is_symmetric_and_holds_the_ratios() {
        let rows = vec![row(0.5, Some(0.3), Some(0.9)), row(2.0, Some(1.0), Some(5.0))];
        assert_eq!(layout::reach(&ForestFigure { rows, ..ForestFigure::default() }), 8.0);
        assert_eq!(layout::reach(&ForestFigure::default()), 2.0);
    }

    #[test]
    fn whiskers_beyond_the_axis_end_in_arrows() {
        let n_shapes = |value: ForestRow| {
            let svg = forest_plot(
                &ForestFigure { rows: vec![value], ..ForestFigure::default() },
                Page::TWO_COLUMNS,
            );
            svg.matches("<path").count()
        };
        let heads = |value| n_shapes(value) - 1; // the square is a shape too
        assert_eq!(heads(row(0.5, Some(0.3), Some(0.9))), 0);
        assert_eq!(heads(row(0.5, None, Some(0.9))), 1);
        assert_eq!(heads(row(0.5, Some(1e-9), None)), 2);
    }

    /// One heading stands over both columns, between the left end of the first and the right end of
    /// the second.
    #[test]
    fn columns_share_a_heading() {
        let cells = vec!["112 / 1159".into(), "1160 / 2320".into()];
        let figure = ForestFigure {
            columns_heading: "Events / patients".into(),
            columns: vec!["A".into(), "B".into()],
            rows: vec![ForestRow { cells, ..row(0.5, Some(0.3), Some(0.9)) }],
            ..ForestFigure::default()
        };
        let layout = Layout::of(&figure, Page::TWO_COLUMNS);
        let shared = &layout.shared;
        assert_eq!(shared.lines, ["Events / patients"]);
        assert_eq!(shared.right, layout.columns[1].right);
        assert!(shared.left < layout.columns[0].right);
        let svg = forest_plot(&figure, Page::TWO_COLUMNS);
        let place = |text: &str| svg.find(&format!(">{text}</text>")).unwrap();
        assert!(place("A") < place("Events / patients"));
    }

    #[test]
    fn absent_limits_give_finite_coordinates() {
        let svg = forest_plot(
            &ForestFigure { rows: vec![row(1.0, None, None)], ..Default::default() },
            Page::TWO_COLUMNS,
        );
        assert!(!svg.contains("inf") && !svg.contains("NaN"));
    }

    /// On one column the words of a row stand below each other, left of a plot that takes half of the
    /// page at least: the label, the cells, the ratio and the note, none beside another.
    #[test]
    fn words_stand_below_each_other_on_one_column() {
        let one = ForestRow {
            cells: vec!["112 / 1159".into(), "1160 / 2320".into()],
            ratio: "0.500 (0.300-0.900)".into(),
            note: "0.021".into(),
            ..row(0.5, Some(0.3), Some(0.9))
        };
        let figure = ForestFigure {
            columns: vec!["A".into(), "B".into()],
            note_heading: "Interaction P".into(),
            rows: vec![one],
            ..ForestFigure::default()
        };
        let page = Page::ONE_COLUMN;
        let layout = Layout::of(&figure, page);
        let row = &layout.rows[0];
        let words: Vec<&str> = row.lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(words, ["level", "", "0.500 (0.300-0.900)", "Interaction P: 0.021"]);
        assert!((row.cells - row.first - page.line()).abs() < 1e-9);
        let (left, right) = layout.scale.range;
        assert!(layout.columns[1].right < left && right < page.width());
        assert!(0.4 * page.width() < right - left);
    }
}
