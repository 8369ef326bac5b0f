//! Standardised differences before and after matching.

use crate::axis::{Scale, step, tick_text, ticks};
use crate::frame::{Caption, finish};
use crate::style::{GREY, GRID, INK, PAPER, SMALL, TEXT, WIDTH, group};
use crate::svg::{Anchor, Line, Svg, Text};
use crate::text::{shorten, width};

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
    /// The first in words, for the column at the right.
    pub before_text: String,
    /// The second in words.
    pub after_text: String,
}

const ROW: f64 = 20.0;
const TOP: f64 = 58.0;
/// Widest column of numbers in words.
const COLUMN: f64 = 150.0;

/// Draws one row per variable: hollow circles before, filled ones after.
#[must_use]
pub fn love_plot(figure: &LoveFigure) -> String {
    let mut rows: Vec<&LoveRow> = figure.rows.iter().collect();
    let size = |row: &LoveRow| row.before.map_or(-1.0, f64::abs);
    rows.sort_by(|a, b| size(b).total_cmp(&size(a)));
    let widest = rows.iter().map(|row| width(&row.label, TEXT)).fold(0.0, f64::max);
    let left = 12.0 + widest.clamp(80.0, 280.0) + 14.0;
    let columns = columns(figure);
    let right = WIDTH - 24.0 - columns.iter().map(|column| column + 10.0).sum::<f64>();
    let bottom = TOP + ROW * rows.len() as f64 + 6.0;
    let mut svg = Svg::default();
    draw_heading(&mut svg, figure, left, columns);
    let scale = draw_axis(&mut svg, figure, (left, right), bottom);
    for (index, row) in rows.iter().enumerate() {
        let y = TOP + ROW * (index as f64 + 0.5);
        draw_row(&mut svg, row, scale, y, columns);
    }
    finish(svg, (WIDTH, bottom + 48.0), &figure.caption)
}

/// Widths of the columns of numbers, before and after; none where nothing is shown after.
fn columns(figure: &LoveFigure) -> [f64; 2] {
    let widest = |heading: &str, text: fn(&LoveRow) -> &String| {
        let texts = figure.rows.iter().map(|row| width(text(row), SMALL));
        texts.fold(width(heading, SMALL), f64::max).min(COLUMN)
    };
    let before = widest(&figure.before, |row| &row.before_text);
    [
        before,
        if figure.after.is_empty() { 0.0 } else { widest(&figure.after, |row| &row.after_text) },
    ]
}

/// What the circles mean, and the headings of the columns of numbers.
fn draw_heading(svg: &mut Svg, figure: &LoveFigure, left: f64, columns: [f64; 2]) {
    let colour = group(0).colour;
    let mut x = left + 6.0;
    let mut column_x = WIDTH - 12.0;
    for (name, column) in [&figure.before, &figure.after].into_iter().zip(columns).rev() {
        let name = shorten(name, SMALL, column);
        let text = Text::new(column_x, TOP - 8.0, &name);
        svg.text(&Text { anchor: Anchor::End, size: SMALL, colour: GREY, ..text });
        column_x -= column + 10.0;
    }
    for (name, fill) in [(&figure.before, PAPER), (&figure.after, colour)] {
        if !name.is_empty() {
            svg.circle((x, 18.0), 4.5, fill, colour);
            svg.text(&Text::new(x + 10.0, 22.0, name));
            x += 10.0 + width(name, TEXT) + 24.0;
        }
    }
}

fn draw_axis(svg: &mut Svg, figure: &LoveFigure, range: (f64, f64), bottom: f64) -> Scale {
    let (left, right) = range;
    let values = figure.rows.iter().flat_map(|row| [row.before, row.after]).flatten();
    let largest = values.map(f64::abs).fold(figure.threshold.abs() * 1.5, f64::max);
    let step = step(largest, 6.0, None);
    let ticks = ticks(step, largest);
    let scale = Scale { domain: (0.0, ticks.last().copied().unwrap_or(step)), range };
    let line =
        Line { from: (left, bottom), to: (right, bottom), colour: INK, width: 1.0, dash: "" };
    for tick in &ticks {
        let x = scale.at(*tick);
        svg.line(Line { from: (x, TOP - 4.0), to: (x, bottom), colour: GRID, ..line });
        svg.line(Line { from: (x, bottom), to: (x, bottom + 5.0), ..line });
        let label = tick_text(*tick);
        svg.text(&Text { anchor: Anchor::Middle, ..Text::new(x, bottom + 18.0, &label) });
    }
    svg.line(line);
    let x = scale.at(figure.threshold.abs());
    svg.line(Line { from: (x, TOP - 4.0), to: (x, bottom), colour: GREY, width: 1.2, dash: "4 3" });
    let title = Text::new((left + right) / 2.0, bottom + 36.0, &figure.axis);
    svg.text(&Text { anchor: Anchor::Middle, ..title });
    scale
}

fn draw_row(svg: &mut Svg, row: &LoveRow, scale: Scale, y: f64, columns: [f64; 2]) {
    let left = scale.range.0;
    let colour = group(0).colour;
    let label = shorten(&row.label, TEXT, left - 26.0);
    svg.text(&Text { anchor: Anchor::End, ..Text::new(left - 14.0, y + 4.0, &label) });
    let places = [row.before, row.after].map(|value| value.map(|value| scale.at(value.abs())));
    if let [Some(before), Some(after)] = places {
        let (from, to) = ((before, y), (after, y));
        svg.line(Line { from, to, colour: "#b5cfe0", width: 1.2, dash: "" });
    }
    for (place, fill) in places.into_iter().zip([PAPER, colour]) {
        if let Some(x) = place {
            svg.circle((x, y), 4.5, fill, colour);
        }
    }
    let mut x = WIDTH - 12.0;
    for (text, column) in [&row.before_text, &row.after_text].into_iter().zip(columns).rev() {
        let text = shorten(text, SMALL, column);
        svg.text(&Text { anchor: Anchor::End, size: SMALL, ..Text::new(x, y + 4.0, &text) });
        x -= column + 10.0;
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
        let svg = love_plot(&LoveFigure { rows, threshold: 0.1, ..LoveFigure::default() });
        let place = |label: &str| svg.find(&format!(">{label}<")).unwrap();
        assert!(place("large") < place("small") && place("small") < place("none"));
        assert_eq!(svg.matches("<circle").count(), 5, "two per row but one where none is before");
    }
}
