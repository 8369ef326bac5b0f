//! Standardised differences before and after matching or weighting.

use crate::axis::{Scale, step, tick_text, ticks};
use crate::frame::{Caption, finish};
use crate::page::Page;
use crate::style::{DASHED, EDGE, GREY, GRID, HAIRLINE, INK, PAPER, TICK, group};
use crate::svg::{Anchor, Pen, Svg, Text};

/// Absolute standardised differences of the variables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoveFigure {
    /// What the figure is called.
    pub caption: Caption,
    /// Name of the axis.
    pub axis: String,
    /// Name of the hollow circles.
    pub before: String,
    /// Name of the filled circles; empty when nothing is shown after.
    pub after: String,
    /// Words behind the name of the hollow circles, such as "max 0.52"; may be empty.
    pub before_note: String,
    /// Words behind the name of the filled circles.
    pub after_note: String,
    /// Heading of the column of variance ratios; empty without such a column.
    pub variance_ratio: String,
    /// Where the dashed line stands.
    pub threshold: f64,
    /// One per variable; drawn by falling difference before.
    pub rows: Vec<LoveRow>,
}

/// One variable. Signs are ignored; an absent difference has no circle.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoveRow {
    /// Name of the variable.
    pub label: String,
    /// Difference before matching.
    pub before: Option<f64>,
    /// Difference after matching.
    pub after: Option<f64>,
    /// The first in words, for the column at the right; a page of one column has none.
    pub before_text: String,
    /// The second in words.
    pub after_text: String,
    /// Ratio of the variances in words; empty where it has no meaning.
    pub variance_ratio: String,
    /// The levels of a category in order, indented below it; they have no levels of their own.
    pub levels: Vec<LoveRow>,
}

/// Distance of columns.
const GAP: f64 = 7.0;
/// How far levels are indented below their variable.
const INDENT: f64 = 7.0;
const RADIUS: f64 = 2.2;
/// Radius of the circles of levels.
const SMALL_RADIUS: f64 = 1.6;
/// Share of the page that labels may take.
const LABELS: f64 = 0.42;

/// Draws one row per variable: hollow circles before, filled ones after. Levels have smaller circles.
#[must_use]
pub fn love_plot(figure: &LoveFigure, page: Page) -> String {
    let layout = Layout::of(figure, page);
    let mut svg = Svg::default();
    draw_legend(&mut svg, page, &layout);
    draw_headings(&mut svg, page, &layout);
    draw_axis(&mut svg, figure, page, &layout);
    for row in &layout.rows {
        draw_row(&mut svg, page, row, &layout);
    }
    let end = layout.bottom + TICK + 2.0 + page.line() * (1.0 + layout.axis.len() as f64);
    finish(svg, page, end + EDGE, &figure.caption)
}

struct Layout<'a> {
    /// Whether the circles need one line each for their names, and how many lines above the plot.
    legend: Vec<Vec<LegendPart>>,
    columns: Vec<Column>,
    /// Base line of the last line of the headings.
    headings: f64,
    top: f64,
    bottom: f64,
    scale: Scale,
    ticks: Vec<f64>,
    axis: Vec<String>,
    rows: Vec<Row<'a>>,
}

/// A circle and its name.
struct LegendPart {
    text: String,
    is_filled: bool,
}

/// What stands in the cells of a column.
type Words = fn(&LoveRow) -> &String;

/// A column of words at the right.
struct Column {
    heading: Vec<String>,
    right: f64,
    width: f64,
    text: Words,
}

/// A variable with the lines of its label.
struct Row<'a> {
    row: &'a LoveRow,
    is_level: bool,
    label: Vec<String>,
    middle: f64,
}

impl<'a> Layout<'a> {
    fn of(figure: &'a LoveFigure, page: Page) -> Self {
        let legend = legend(figure, page);
        let columns = columns(figure, page);
        let n_heading = columns.iter().map(|column| column.heading.len()).max().unwrap_or(0);
        let legend_end = EDGE + page.line() * legend.len() as f64;
        let headings = legend_end + page.line() * n_heading as f64 - page.descent();
        let top = headings + page.descent() + 2.0;
        let levels = figure.rows.iter().flat_map(|row| &row.levels);
        let levels = levels.map(|level| INDENT + page.measure(&level.label));
        let variables = figure.rows.iter().map(|row| page.measure(&row.label));
        let widest = variables.chain(levels).fold(0.0, f64::max);
        let label_room = widest.clamp(40.0, LABELS * page.width());
        let left = EDGE + label_room + GAP;
        let columns_left = columns.iter().map(|column| column.right - column.width);
        let right = columns_left.fold(page.width() - EDGE, f64::min) - GAP;
        let (rows, bottom) = rows(figure, page, label_room, top);
        let ticks = axis_ticks(figure, right - left, page);
        let domain = (0.0, ticks.last().copied().unwrap_or(1.0));
        let scale = Scale { domain, range: (left, right) };
        let axis = page.wrap(&figure.axis, right - left);
        Self { legend, columns, headings, top, bottom, scale, ticks, axis, rows }
    }
}

/// The rows by falling difference before, from the top down, and where they end.
fn rows<'a>(figure: &'a LoveFigure, page: Page, room: f64, top: f64) -> (Vec<Row<'a>>, f64) {
    let mut sorted: Vec<&LoveRow> = figure.rows.iter().collect();
    let size = |row: &LoveRow| row.before.map_or(-1.0, f64::abs);
    sorted.sort_by(|a, b| size(b).total_cmp(&size(a)));
    let mut y = top + 1.0;
    let mut rows = Vec::new();
    let with_levels = |row: &'a LoveRow| {
        std::iter::once((row, false)).chain(row.levels.iter().map(|level| (level, true)))
    };
    for (row, is_level) in sorted.into_iter().flat_map(with_levels) {
        let label = page.wrap(&row.label, if is_level { room - INDENT } else { room } + 0.01);
        let height = page.line() * label.len().max(1) as f64 + 2.0;
        rows.push(Row { row, is_level, label, middle: y + height / 2.0 });
        y += height;
    }
    (rows, y + 1.0)
}

fn axis_ticks(figure: &LoveFigure, room: f64, page: Page) -> Vec<f64> {
    let rows = figure.rows.iter().flat_map(|row| std::iter::once(row).chain(&row.levels));
    let values = rows.flat_map(|row| [row.before, row.after]).flatten();
    let largest = values.map(f64::abs).fold(figure.threshold.abs() * 1.5, f64::max);
    let most = (room / (page.measure("0.05") + 6.0)).floor().clamp(1.0, 6.0);
    ticks(step(largest, most, None), largest)
}

/// The circles with their names, in one line where it holds both.
fn legend(figure: &LoveFigure, page: Page) -> Vec<Vec<LegendPart>> {
    let mut parts = Vec::new();
    for (name, note, is_filled) in
        [(&figure.before, &figure.before_note, false), (&figure.after, &figure.after_note, true)]
    {
        let text = if note.is_empty() { name.clone() } else { format!("{name} ({note})") };
        if !name.is_empty() {
            parts.push(LegendPart { text, is_filled });
        }
    }
    let width: f64 = parts.iter().map(|part| legend_width(page, part)).sum();
    if width <= page.width() - 2.0 * EDGE {
        return if parts.is_empty() { Vec::new() } else { vec![parts] };
    }
    parts.into_iter().map(|part| vec![part]).collect()
}

fn legend_width(page: Page, part: &LegendPart) -> f64 {
    4.0 * RADIUS + page.measure(&part.text) + 2.0 * GAP
}

/// The columns at the right, the last of them at the edge.
fn columns(figure: &LoveFigure, page: Page) -> Vec<Column> {
    let mut wanted: Vec<(&str, Words)> = Vec::new();
    if page.is_wide() {
        wanted.push((&figure.before, |row| &row.before_text));
        if !figure.after.is_empty() {
            wanted.push((&figure.after, |row| &row.after_text));
        }
    }
    if !figure.variance_ratio.is_empty() {
        wanted.push((&figure.variance_ratio, |row| &row.variance_ratio));
    }
    let mut right = page.width() - EDGE;
    let mut columns = Vec::new();
    for (heading, text) in wanted.into_iter().rev() {
        let rows = figure.rows.iter().flat_map(|row| std::iter::once(row).chain(&row.levels));
        let cells = rows.map(|row| page.measure(text(row)));
        let words = heading.split_whitespace().map(|word| page.measure(word));
        let width = cells.chain(words).fold(0.0, f64::max).min(0.2 * page.width());
        let heading = page.wrap(heading, width + 0.01);
        columns.push(Column { heading, right, width, text });
        right -= width + GAP;
    }
    columns.reverse();
    columns
}

fn draw_legend(svg: &mut Svg, page: Page, layout: &Layout) {
    let colour = group(0).colour;
    for (index, parts) in layout.legend.iter().enumerate() {
        let y = EDGE + page.ascent() + page.line() * index as f64;
        let mut x = EDGE;
        for part in parts {
            let fill = if part.is_filled { colour } else { PAPER };
            let middle = (x + RADIUS + 0.5, y - page.middle());
            svg.circle(middle, RADIUS, fill, Pen::solid(colour, 0.9));
            svg.text(page.text(x + 4.0 * RADIUS, y, &part.text));
            x += legend_width(page, part);
        }
    }
}

fn draw_headings(svg: &mut Svg, page: Page, layout: &Layout) {
    for column in &layout.columns {
        let n = column.heading.len();
        for (index, line) in column.heading.iter().enumerate() {
            let y = layout.headings - page.line() * (n - index - 1) as f64;
            let text = page.text(column.right, y, line);
            svg.text(Text { anchor: Anchor::End, colour: GREY, ..text });
        }
    }
}

fn draw_axis(svg: &mut Svg, figure: &LoveFigure, page: Page, layout: &Layout) {
    let (left, right) = layout.scale.range;
    let (top, bottom) = (layout.top, layout.bottom);
    let base = bottom + TICK + 2.0 + page.ascent();
    for tick in &layout.ticks {
        let x = layout.scale.at(*tick);
        let colour = if *tick == 0.0 { INK } else { GRID };
        svg.line((x, top), (x, bottom), Pen::hairline(colour));
        svg.line((x, bottom), (x, bottom + TICK), Pen::hairline(INK));
        let label = tick_text(*tick);
        svg.text(Text { anchor: Anchor::Middle, ..page.text(x, base, &label) });
    }
    svg.line((left, bottom), (right, bottom), Pen::hairline(INK));
    let x = layout.scale.at(figure.threshold.abs());
    svg.line((x, top), (x, bottom), Pen::solid(GREY, 0.7).dashed(DASHED));
    for (index, line) in layout.axis.iter().enumerate() {
        let y = base + page.line() * (index as f64 + 1.0);
        let text = page.text((left + right) / 2.0, y, line);
        svg.text(Text { anchor: Anchor::Middle, ..text });
    }
}

fn draw_row(svg: &mut Svg, page: Page, row: &Row, layout: &Layout) {
    let colour = group(0).colour;
    let (indent, radius) = if row.is_level { (INDENT, SMALL_RADIUS) } else { (0.0, RADIUS) };
    let first = row.middle + page.middle() - page.line() * (row.label.len() as f64 - 1.0) / 2.0;
    for (index, line) in row.label.iter().enumerate() {
        svg.text(page.text(EDGE + indent, first + page.line() * index as f64, line));
    }
    let y = row.middle;
    let places = [row.row.before, row.row.after];
    let places = places.map(|value| value.map(|value| layout.scale.at(value.abs())));
    if let [Some(before), Some(after)] = places {
        svg.line((before, y), (after, y), Pen::solid("#9dbfd6", HAIRLINE));
    }
    for (place, fill) in places.into_iter().zip([PAPER, colour]) {
        if let Some(x) = place {
            svg.circle((x, y), radius, fill, Pen::solid(colour, 0.9));
        }
    }
    for column in &layout.columns {
        let text = page.text(column.right, y + page.middle(), (column.text)(row.row));
        svg.text(Text { anchor: Anchor::End, ..text });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(label: &str, before: Option<f64>) -> LoveRow {
        LoveRow { label: label.into(), before, after: Some(0.05), ..LoveRow::default() }
    }

    #[test]
    fn rows_fall_by_the_difference_before() {
        let rows = vec![row("small", Some(0.1)), row("large", Some(-0.8)), row("none", None)];
        let figure = LoveFigure { rows, threshold: 0.1, ..LoveFigure::default() };
        let svg = love_plot(&figure, Page::ONE_COLUMN);
        let place = |label: &str| svg.find(&format!(">{label}<")).unwrap();
        assert!(place("large") < place("small") && place("small") < place("none"));
        assert_eq!(svg.matches("<circle").count(), 5, "two per row but one where none is before");
    }

    /// Levels stay below their variable in their own order, however large their differences are.
    #[test]
    fn levels_stand_below_their_variable() {
        let levels = vec![row("I", Some(0.1)), row("II", Some(0.9))];
        let stage = LoveRow { levels, ..row("stage", Some(0.3)) };
        let figure =
            LoveFigure { rows: vec![row("age", Some(0.2)), stage], ..LoveFigure::default() };
        let svg = love_plot(&figure, Page::ONE_COLUMN);
        let place = |label: &str| svg.find(&format!(">{label}<")).unwrap();
        assert!(place("stage") < place("I") && place("I") < place("II"));
        assert!(place("II") < place("age"));
        assert!(svg.contains(&format!("<text x=\"{}\"", EDGE + INDENT)));
        assert_eq!(axis_ticks(&figure, 200.0, Page::ONE_COLUMN).last(), Some(&1.0));
    }

    #[test]
    fn a_long_label_is_broken_and_kept_whole() {
        let rows = vec![row("a label that is too long for a line of the page", Some(0.1))];
        let svg = love_plot(&LoveFigure { rows, ..LoveFigure::default() }, Page::ONE_COLUMN);
        assert!(svg.contains(">a label that is too") && svg.contains("page</text>"), "{svg}");
    }
}
