//! Where the words of a forest plot, its axis and its rows stand.

use super::{ForestFigure, ForestRow};
use crate::axis::Scale;
use crate::page::Page;
use crate::style::EDGE;
use numerics::elementary::ln;

/// Distance of columns.
const GAP: f64 = 8.0;
/// How far levels are indented below their variable.
pub(super) const INDENT: f64 = 7.0;
/// Pages below this width, in millimetres, have the words of a row below each other.
const BESIDE: f64 = 150.0;
/// Distance of rows whose words stand below each other.
const APART: f64 = 4.0;
/// Share of the page for words that stand below each other.
const BLOCK: f64 = 0.5;
/// Width of the plot that is kept free as long as labels can be broken.
const PLOT: f64 = 110.0;
/// Least share of the page for labels.
const LABELS: f64 = 0.18;
/// Most of the page for a heading of a column beside the plot.
const HEADING: f64 = 0.14;
/// Ticks on both sides of 1; the axis takes the first that hold most of the limits.
pub(super) const REACH: [f64; 5] = [2.0, 4.0, 8.0, 16.0, 32.0];

/// Where the columns stand.
pub(super) struct Layout<'a> {
    /// Columns of words with the right ends of their cells.
    pub columns: Vec<Column<'a>>,
    /// Heading over the columns left of the plot.
    pub shared: Shared,
    /// Heading of the ratios where they stand below the cells.
    pub below: Vec<String>,
    pub scale: Scale,
    /// Largest ratio of the axis; the smallest is its inverse.
    pub reach: f64,
    pub rows: Vec<Row<'a>>,
    /// Base line of the last line of the headings of columns.
    pub headings: f64,
    pub top: f64,
    pub bottom: f64,
}

/// A column of words; cells stand at its right end.
pub(super) struct Column<'a> {
    pub heading: Vec<String>,
    pub width: f64,
    pub right: f64,
    pub cells: Vec<&'a str>,
}

/// A heading over several columns, which has a line below it from end to end of these.
pub(super) struct Shared {
    pub lines: Vec<String>,
    pub left: f64,
    pub right: f64,
    /// Lines of the headings below it.
    pub n_below: usize,
}

/// A row with the words at its left.
pub(super) struct Row<'a> {
    pub row: &'a ForestRow,
    pub index: usize,
    /// From the top down; one without text leaves room for the cells.
    pub lines: Vec<Line>,
    /// Base line of the first of them.
    pub first: f64,
    /// Base line of the cells.
    pub cells: f64,
    pub middle: f64,
}

/// A line of words at the left.
#[derive(Default)]
pub(super) struct Line {
    pub text: String,
    pub indent: f64,
    pub is_bold: bool,
}

impl<'a> Layout<'a> {
    pub fn of(figure: &'a ForestFigure, page: Page) -> Self {
        match page.width_mm() < BESIDE {
            true => Self::stacked(figure, page),
            false => Self::beside(figure, page),
        }
    }

    /// All words in columns beside the plot.
    fn beside(figure: &'a ForestFigure, page: Page) -> Self {
        let most = HEADING * page.width();
        let mut columns = cell_columns(figure, page, most);
        columns.extend(right_columns(figure, page, most));
        let words: f64 = columns.iter().map(|column| column.width + GAP).sum();
        let named = figure.rows.iter().filter(|row| !row.cells.is_empty());
        let widest = named.map(|row| indent(row) + measure(page, row)).fold(30.0, f64::max);
        let room = page.width() - 2.0 * EDGE - words - PLOT - GAP;
        let label_room = widest.min(room.max(LABELS * page.width()));
        let left = place(&mut columns, figure.columns.len(), label_room, page);
        let right = columns
            .get(figure.columns.len())
            .map_or(left + PLOT, |ratio| ratio.right - ratio.width - GAP);
        let range = (left + 4.0, f64::max(right - 4.0, left + 14.0));
        let rows = |top| rows(figure, page, label_room, left, top);
        Self::with(figure, page, (columns, Vec::new()), range, rows)
    }

    /// The words of a row below each other, left of the plot.
    fn stacked(figure: &'a ForestFigure, page: Page) -> Self {
        let block = BLOCK * page.width();
        let n_columns = figure.columns.len();
        let most = (block - INDENT) / n_columns.max(1) as f64 - GAP;
        let mut columns = cell_columns(figure, page, most);
        let cells = place(&mut columns, n_columns, INDENT - GAP, page) - GAP - EDGE;
        let lines = figure.rows.iter().flat_map(|row| stacked_lines(figure, page, row, block));
        let lines = lines.map(|line| line.indent + line.measure(page));
        let heading = INDENT + page.measure_bold(&figure.ratio_heading);
        let block = lines.fold(heading, f64::max).min(block).max(cells);
        let below = page.wrap_bold(&figure.ratio_heading, block - INDENT + 0.01);
        let range = (EDGE + block + GAP + 4.0, page.width() - EDGE - page.size());
        let rows = |top| stacked_rows(figure, page, block + 0.01, top);
        Self::with(figure, page, (columns, below), range, rows)
    }

    /// The axis over a range of coordinates, and below the headings the rows that begin at a height.
    fn with(
        figure: &'a ForestFigure,
        page: Page,
        (columns, below): (Vec<Column<'a>>, Vec<String>),
        range: (f64, f64),
        rows: impl FnOnce(f64) -> (Vec<Row<'a>>, f64),
    ) -> Self {
        let shared = shared(figure, page, &columns);
        let n_heading = columns.iter().map(|column| column.heading.len()).max().unwrap_or(0);
        let n_heading = n_heading.max(shared.n_below + shared.lines.len());
        let headings = EDGE + page.line() * n_heading as f64 - page.descent();
        let top = headings + page.line() * below.len() as f64 + page.descent() + 2.0;
        let (rows, bottom) = rows(top);
        let reach = reach(figure);
        let scale = Scale { domain: (-ln(reach), ln(reach)), range };
        Self { columns, shared, below, scale, reach, rows, headings, top, bottom }
    }

    /// The coordinate of a ratio, kept within the axis.
    pub fn at(&self, ratio: f64) -> f64 {
        self.scale.at(ln(ratio).clamp(-ln(self.reach), ln(self.reach)))
    }
}

impl Line {
    fn measure(&self, page: Page) -> f64 {
        if self.is_bold { page.measure_bold(&self.text) } else { page.measure(&self.text) }
    }
}

fn indent(row: &ForestRow) -> f64 {
    if row.is_heading { 0.0 } else { INDENT }
}

fn measure(page: Page, row: &ForestRow) -> f64 {
    if row.is_heading { page.measure_bold(&row.label) } else { page.measure(&row.label) }
}

/// The columns left of the plot.
fn cell_columns(figure: &ForestFigure, page: Page, most: f64) -> Vec<Column<'_>> {
    let mut columns = Vec::new();
    for (index, heading) in figure.columns.iter().enumerate() {
        let rows = figure.rows.iter();
        let cells = rows.map(|row| row.cells.get(index).map_or("", String::as_str)).collect();
        columns.push(column(page, heading, cells, most));
    }
    columns
}

/// The columns right of the plot: ratios and notes.
fn right_columns(figure: &ForestFigure, page: Page, most: f64) -> Vec<Column<'_>> {
    let ratios = figure.rows.iter().map(|row| row.ratio.as_str()).collect();
    let mut columns = vec![column(page, &figure.ratio_heading, ratios, most)];
    let notes: Vec<&str> = figure.rows.iter().map(|row| row.note.as_str()).collect();
    if !figure.note_heading.is_empty() || notes.iter().any(|note| !note.is_empty()) {
        columns.push(column(page, &figure.note_heading, notes, most));
    }
    columns
}

/// A column as wide as its cells, and up to `most` as the longest word of its heading and a third of
/// the whole heading, which is broken into lines.
fn column<'a>(page: Page, heading: &str, cells: Vec<&'a str>, most: f64) -> Column<'a> {
    let cell = cells.iter().map(|cell| page.measure(cell)).fold(0.0, f64::max);
    let words = heading.split_whitespace().map(|word| page.measure_bold(word));
    let third = page.measure_bold(heading) / 3.0;
    let width = f64::max(cell, words.fold(third, f64::max).min(most));
    Column { heading: page.wrap_bold(heading, width + 0.01), width, right: 0.0, cells }
}

/// The heading over the columns left of the plot, which have their places; without columns it has no
/// lines.
fn shared(figure: &ForestFigure, page: Page, columns: &[Column]) -> Shared {
    let own = columns.get(..figure.columns.len()).unwrap_or_default();
    let left = own.first().map_or(0.0, |column| column.right - column.width);
    let right = own.last().map_or(left, |column| column.right);
    let lines = match own.is_empty() {
        true => Vec::new(),
        false => page.wrap_bold(&figure.columns_heading, right - left + 0.01),
    };
    let n_below = own.iter().map(|column| column.heading.len()).max().unwrap_or(0);
    Shared { lines, left, right, n_below }
}

/// Puts columns into their places; the left end of the plot.
fn place(columns: &mut [Column], n_left: usize, label_room: f64, page: Page) -> f64 {
    let mut x = EDGE + label_room;
    for column in columns.iter_mut().take(n_left) {
        x += GAP + column.width;
        column.right = x;
    }
    let left = x + GAP;
    let mut x = page.width() - EDGE;
    for column in columns.iter_mut().skip(n_left).rev() {
        column.right = x;
        x -= column.width + GAP;
    }
    left
}

/// The rows from the top down, and where they end.
fn rows<'a>(
    figure: &'a ForestFigure,
    page: Page,
    label_room: f64,
    left: f64,
    top: f64,
) -> (Vec<Row<'a>>, f64) {
    let mut y = top + 1.0;
    let mut rows = Vec::new();
    for (index, row) in figure.rows.iter().enumerate() {
        // A heading without cells may run on below the headings of the columns.
        let room = match row.cells.is_empty() {
            true => left - GAP - EDGE,
            false => label_room - indent(row) + 0.01,
        };
        let lines = label_lines(page, row, room);
        let height = page.line() * lines.len().max(1) as f64 + 2.0;
        let middle = y + height / 2.0;
        let cells = middle + page.middle();
        let first = cells - page.line() * (lines.len() as f64 - 1.0) / 2.0;
        rows.push(Row { row, index, lines, first, cells, middle });
        y += height;
    }
    (rows, y + 1.0)
}

/// The label of a row within a room.
fn label_lines(page: Page, row: &ForestRow, room: f64) -> Vec<Line> {
    let label = match row.is_heading {
        true => page.wrap_bold(&row.label, room),
        false => page.wrap(&row.label, room),
    };
    let line = |text| Line { text, indent: indent(row), is_bold: row.is_heading };
    label.into_iter().map(line).collect()
}

/// The words of a row below each other, no wider than a block: its label, a line for the cells where
/// it has any, its ratio, and its note after the heading of notes.
fn stacked_lines(figure: &ForestFigure, page: Page, row: &ForestRow, block: f64) -> Vec<Line> {
    let mut lines = label_lines(page, row, block - indent(row));
    lines.extend((!row.cells.is_empty()).then(Line::default));
    let note = match row.note.is_empty() || figure.note_heading.is_empty() {
        true => row.note.clone(),
        false => format!("{}: {}", figure.note_heading, row.note),
    };
    for text in [&row.ratio, &note] {
        let broken = page.wrap(text, block - INDENT).into_iter();
        lines.extend(broken.map(|text| Line { text, indent: INDENT, is_bold: false }));
    }
    lines
}

/// The rows from the top down with their words below each other, and where they end.
fn stacked_rows<'a>(
    figure: &'a ForestFigure,
    page: Page,
    block: f64,
    top: f64,
) -> (Vec<Row<'a>>, f64) {
    let mut y = top + APART / 2.0;
    let mut rows = Vec::new();
    for (index, row) in figure.rows.iter().enumerate() {
        let lines = stacked_lines(figure, page, row, block);
        let before = lines.iter().take_while(|line| !line.text.is_empty()).count();
        let height = page.line() * lines.len().max(1) as f64;
        let first = y + page.line() / 2.0 + page.middle();
        let cells = first + page.line() * before as f64;
        rows.push(Row { row, index, lines, first, cells, middle: y + height / 2.0 });
        y += height + APART;
    }
    (rows, y - APART / 2.0)
}

/// How far the axis reaches: to hold every ratio, and nine tenths of the limits.
pub(super) fn reach(figure: &ForestFigure) -> f64 {
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
