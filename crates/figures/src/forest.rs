//! Hazard ratios of subgroups beside each other.

use crate::axis::{Scale, tick_text};
use crate::frame::{Caption, finish};
use crate::style::{GREY, GRID, INK, LINE, SMALL, TEXT, WIDTH, group};
use crate::svg::{Anchor, Line, Svg, Text, number};
use crate::text::{bold_width, shorten, width};

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
    /// Headings of the columns between label and plot.
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

const ROW: f64 = 20.0;
const TOP: f64 = 34.0;
const GAP: f64 = 14.0;
/// Smallest width of the plot.
const PLOT: f64 = 180.0;
/// Largest width of the labels.
const LABEL: f64 = 280.0;
/// Ticks on both sides of 1; the axis takes the first that hold most of the limits.
const REACH: [f64; 5] = [2.0, 4.0, 8.0, 16.0, 32.0];

/// Draws one row per subgroup: a square sized by its weight, its limits, and all in words.
#[must_use]
pub fn forest_plot(figure: &ForestFigure) -> String {
    let layout = Layout::of(figure);
    let mut svg = Svg::default();
    draw_headings(&mut svg, figure, &layout);
    draw_axis(&mut svg, figure, &layout);
    let weights = figure.rows.iter().filter_map(|row| row.value).map(|value| value.weight);
    let heaviest = weights.fold(1.0, f64::max);
    for (index, row) in figure.rows.iter().enumerate() {
        let y = TOP + ROW * (index as f64 + 0.5);
        draw_words(&mut svg, row, &layout, y);
        if let Some(value) = row.value {
            draw_value(&mut svg, value, row.is_overall, heaviest, &layout, y);
        }
    }
    finish(svg, (layout.width, layout.bottom + 56.0), &figure.caption)
}

/// Where the columns stand. A figure whose words need more room is wider than the others.
struct Layout {
    width: f64,
    label_width: f64,
    /// Right ends of the columns between label and plot.
    columns: Vec<f64>,
    scale: Scale,
    /// Largest ratio of the axis; the smallest is its inverse.
    reach: f64,
    ratio_x: f64,
    note_x: f64,
    bottom: f64,
}

impl Layout {
    fn of(figure: &ForestFigure) -> Self {
        let widest = |texts: &mut dyn Iterator<Item = &String>| {
            texts.map(|text| bold_width(text, TEXT)).fold(0.0, f64::max)
        };
        let rows = || figure.rows.iter();
        let column_widths: Vec<f64> = (0..figure.columns.len())
            .map(|k| {
                let cells = rows().filter_map(|row| row.cells.get(k));
                widest(&mut cells.chain(figure.columns.get(k)))
            })
            .collect();
        let ratio = widest(&mut rows().map(|row| &row.ratio).chain([&figure.ratio_heading]));
        let note = widest(&mut rows().map(|row| &row.note).chain([&figure.note_heading]));
        let note_gap = if 0.0 < note { GAP } else { 0.0 };
        let columns_total: f64 = column_widths.iter().map(|width| width + GAP).sum();
        let named = rows().filter(|row| !row.cells.is_empty());
        let label = widest(&mut named.map(|row| &row.label)) + 14.0;
        let label_width = label.clamp(60.0, LABEL);
        let words = label_width + columns_total + GAP + GAP + ratio + note_gap + note;
        let width = f64::max(WIDTH, 24.0 + words + PLOT);
        let note_x = width - 12.0;
        let ratio_x = note_x - note - note_gap;
        let mut x = 12.0 + label_width;
        let columns = column_widths.iter().map(|width| {
            x += GAP + width;
            x
        });
        let columns: Vec<f64> = columns.collect();
        let left = 12.0 + label_width + columns_total + GAP;
        let right = ratio_x - ratio - GAP;
        let reach = reach(figure);
        let scale = Scale { domain: (-reach.ln(), reach.ln()), range: (left, right) };
        let bottom = TOP + ROW * figure.rows.len() as f64 + 4.0;
        Self { width, label_width, columns, scale, reach, ratio_x, note_x, bottom }
    }

    /// The coordinate of a ratio, kept within the axis.
    fn at(&self, ratio: f64) -> f64 {
        self.scale.at(ratio.ln().clamp(-self.reach.ln(), self.reach.ln()))
    }
}

/// How far the axis reaches: to hold every ratio, and nine tenths of the limits.
fn reach(figure: &ForestFigure) -> f64 {
    let size = |ratio: f64| f64::max(ratio, 1.0 / ratio);
    let values = || figure.rows.iter().filter_map(|row| row.value);
    let mut needed: Vec<f64> =
        values().flat_map(|value| [value.lower, value.upper]).flatten().map(size).collect();
    needed.sort_by(f64::total_cmp);
    let limit =
        needed.get((needed.len() * 9).div_ceil(10).saturating_sub(1)).copied().unwrap_or(1.0);
    let ratio = values().map(|value| size(value.ratio)).fold(limit, f64::max);
    REACH.into_iter().find(|reach| ratio <= *reach).unwrap_or(REACH[REACH.len() - 1])
}

fn draw_headings(svg: &mut Svg, figure: &ForestFigure, layout: &Layout) {
    let headings = figure.columns.iter().zip(layout.columns.iter().copied());
    let last = [(&figure.ratio_heading, layout.ratio_x), (&figure.note_heading, layout.note_x)];
    for (heading, x) in headings.chain(last) {
        let text = Text::new(x, TOP - 12.0, heading);
        svg.text(&Text { anchor: Anchor::End, bold: true, size: SMALL, ..text });
    }
    let rule =
        Line { from: (12.0, TOP - 4.0), to: (layout.width - 12.0, TOP - 4.0), ..hairline(GREY) };
    svg.line(rule);
}

fn draw_axis(svg: &mut Svg, figure: &ForestFigure, layout: &Layout) {
    let (left, right) = layout.scale.range;
    let bottom = layout.bottom;
    let steps = REACH.into_iter().filter(|step| *step <= layout.reach);
    let mut ticks: Vec<f64> = steps.flat_map(|step| [step, 1.0 / step]).chain([1.0]).collect();
    ticks.sort_by(f64::total_cmp);
    svg.line(Line { from: (left, bottom), to: (right, bottom), ..hairline(INK) });
    let mut free_from = f64::NEG_INFINITY;
    for tick in ticks {
        let x = layout.at(tick);
        let colour = if tick == 1.0 { GREY } else { GRID };
        svg.line(Line { from: (x, TOP), to: (x, bottom), ..hairline(colour) });
        svg.line(Line { from: (x, bottom), to: (x, bottom + 5.0), ..hairline(INK) });
        let label = short_tick(tick);
        if free_from <= x - width(&label, SMALL) / 2.0 {
            let text = Text::new(x, bottom + 17.0, &label);
            svg.text(&Text { anchor: Anchor::Middle, size: SMALL, ..text });
            free_from = x + width(&label, SMALL) / 2.0 + 4.0;
        }
    }
    let one = layout.at(1.0);
    let below = shorten(&format!("← {}", figure.favours_below), SMALL, one - 24.0);
    let above = shorten(&format!("{} →", figure.favours_above), SMALL, layout.width - one - 24.0);
    if !figure.favours_below.is_empty() {
        let text = Text::new(one - 8.0, bottom + 33.0, &below);
        svg.text(&Text { anchor: Anchor::End, size: SMALL, colour: GREY, ..text });
    }
    if !figure.favours_above.is_empty() {
        let text = Text::new(one + 8.0, bottom + 33.0, &above);
        svg.text(&Text { size: SMALL, colour: GREY, ..text });
    }
    let title = Text::new(one, bottom + 33.0 + LINE, &figure.axis);
    svg.text(&Text { anchor: Anchor::Middle, ..title });
    draw_overall(svg, figure, layout);
}

/// A dotted line at the ratio of all patients.
fn draw_overall(svg: &mut Svg, figure: &ForestFigure, layout: &Layout) {
    let overall = figure.rows.iter().find(|row| row.is_overall).and_then(|row| row.value);
    if let Some(value) = overall {
        let x = layout.at(value.ratio);
        let (from, to) = ((x, TOP), (x, layout.bottom));
        svg.line(Line { from, to, colour: group(0).colour, width: 1.0, dash: "1.5 2.5" });
    }
}

fn draw_words(svg: &mut Svg, row: &ForestRow, layout: &Layout, y: f64) {
    let indent = if row.is_heading { 0.0 } else { 12.0 };
    let size = if row.is_heading { TEXT * 1.09 } else { TEXT };
    // A heading without cells may run on below the headings of the columns.
    let room = match row.cells.is_empty() {
        true => layout.scale.range.0 - 24.0,
        false => layout.label_width - indent,
    };
    let label = shorten(&row.label, size, room);
    svg.text(&Text { bold: row.is_heading, ..Text::new(12.0 + indent, y + 4.0, &label) });
    let cells = row.cells.iter().zip(layout.columns.iter().copied());
    for (cell, x) in cells.chain([(&row.ratio, layout.ratio_x), (&row.note, layout.note_x)]) {
        svg.text(&Text { anchor: Anchor::End, ..Text::new(x, y + 4.0, cell) });
    }
}

fn draw_value(
    svg: &mut Svg,
    value: ForestValue,
    is_overall: bool,
    heaviest: f64,
    layout: &Layout,
    y: f64,
) {
    let colour = group(0).colour;
    let x = layout.at(value.ratio);
    let lower = layout.at(value.lower.unwrap_or(0.0));
    let upper = layout.at(value.upper.unwrap_or(f64::INFINITY));
    let half = 2.5 + 4.0 * (value.weight.max(0.0) / heaviest).sqrt();
    if is_overall {
        let (top, bottom) = (number(y - 6.0), number(y + 6.0));
        let [lower, x, upper, y] = [lower, x, upper, y].map(number);
        svg.fill(&format!("M{lower} {y}L{x} {top}L{upper} {y}L{x} {bottom}Z"), colour, 1.0);
        return;
    }
    svg.line(Line { from: (lower, y), to: (upper, y), colour, width: 1.4, dash: "" });
    if value.lower.is_none_or(|limit| limit < 1.0 / layout.reach) {
        draw_arrow_head(svg, lower, y, -1.0);
    }
    if value.upper.is_none_or(|limit| layout.reach < limit) {
        draw_arrow_head(svg, upper, y, 1.0);
    }
    let [west, east, north, south] = [x - half, x + half, y - half, y + half].map(number);
    svg.fill(&format!("M{west} {north}H{east}V{south}H{west}Z"), colour, 1.0);
}

/// The end of a whisker that goes on beyond the axis.
fn draw_arrow_head(svg: &mut Svg, x: f64, y: f64, direction: f64) {
    let (tip, base) = (number(x + 3.0 * direction), number(x - 4.0 * direction));
    let (top, bottom) = (number(y - 4.0), number(y + 4.0));
    svg.fill(&format!("M{tip} {}L{base} {top}V{bottom}Z", number(y)), group(0).colour, 1.0);
}

fn hairline(colour: &str) -> Line<'_> {
    Line { from: (0.0, 0.0), to: (0.0, 0.0), colour, width: 1.0, dash: "" }
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
        assert_eq!(reach(&ForestFigure { rows, ..ForestFigure::default() }), 8.0);
        assert_eq!(reach(&ForestFigure::default()), 2.0);
    }

    #[test]
    fn whiskers_beyond_the_axis_end_in_arrows() {
        let n_shapes = |value: ForestRow| {
            let svg = forest_plot(&ForestFigure { rows: vec![value], ..ForestFigure::default() });
            svg.matches("<path").count()
        };
        let heads = |value| n_shapes(value) - 1; // the square is a shape too
        assert_eq!(heads(row(0.5, Some(0.3), Some(0.9))), 0);
        assert_eq!(heads(row(0.5, None, Some(0.9))), 1);
        assert_eq!(heads(row(0.5, Some(1e-9), None)), 2);
    }

    #[test]
    fn absent_limits_give_finite_coordinates() {
        let svg =
            forest_plot(&ForestFigure { rows: vec![row(1.0, None, None)], ..Default::default() });
        assert!(!svg.contains("inf") && !svg.contains("NaN"));
    }
}
