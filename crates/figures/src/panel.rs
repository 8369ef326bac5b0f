//! A plot between two axes: where it stands and how its axes are drawn.

use crate::axis::{Scale, log_tick_text, log_ticks, log10, tick_text};
use crate::page::Page;
use crate::style::{INK, TICK};
use crate::svg::{Anchor, Pen, Svg, Text};

/// What an axis says.
#[derive(Clone)]
pub(crate) struct Axis {
    /// Name of the axis.
    pub title: String,
    /// Values at both ends.
    pub domain: (f64, f64),
    /// Values of the ticks with their names.
    pub ticks: Vec<(f64, String)>,
}

impl Axis {
    /// An axis from the first tick to the last.
    pub fn of(title: &str, ticks: &[f64]) -> Self {
        let first = ticks.first().copied().unwrap_or(0.0);
        let last = ticks.last().copied().unwrap_or(1.0);
        let named = ticks.iter().map(|tick| (*tick, tick_text(*tick))).collect();
        Self { title: title.to_owned(), domain: (first, last), ticks: named }
    }

    /// An axis of the decimal logarithm with some `most` ticks, from one positive value to another; a
    /// single value has the room of a decade.
    pub fn logarithmic(title: &str, (low, high): (f64, f64), most: f64) -> Self {
        let (low, high) = if low < high { (low, high) } else { (low / 3.0, high * 3.0) };
        let ticks = log_ticks(low, high, most);
        let ends = ticks.iter().copied().chain([low, high]).map(log10);
        let domain = ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), end| {
            (f64::min(low, end), f64::max(high, end))
        });
        let named = ticks.iter().map(|tick| (log10(*tick), log_tick_text(*tick))).collect();
        Self { title: title.to_owned(), domain, ticks: named }
    }

    /// Half the width of the last name, which reaches beyond the end of the axis.
    fn overhang(&self, page: Page) -> f64 {
        self.ticks.last().map_or(0.0, |(_, name)| page.measure(name) / 2.0)
    }
}

/// The room of a panel with its axes.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    pub left: f64,
    pub right: f64,
    /// Upper end of the plot.
    pub top: f64,
    /// Height of the plot without the names below it.
    pub height: f64,
    /// Least distance of the plot from the left end of the room.
    pub margin: f64,
}

/// A plot and its axes.
pub(crate) struct Panel {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
    pub x: Scale,
    pub y: Scale,
    /// Lower end of the names below the plot.
    pub end: f64,
    horizontal: Axis,
    vertical: Axis,
    titles: Titles,
}

/// Names of axes, broken into lines.
struct Titles {
    below: Vec<String>,
    beside: Vec<String>,
}

impl Panel {
    /// Finds the place of a plot within its room.
    pub fn of(page: Page, room: Room, horizontal: Axis, vertical: Axis) -> Self {
        let beside = page.wrap(&vertical.title, room.height);
        let numbers = vertical.ticks.iter().map(|(_, name)| page.measure(name));
        let named = beside.len() as f64 * page.line() + numbers.fold(0.0, f64::max) + TICK + 4.0;
        let left = room.left + f64::max(named, room.margin);
        let right = room.right - horizontal.overhang(page).max(1.0);
        let bottom = room.top + room.height;
        let below = page.wrap(&horizontal.title, right - left);
        let end = bottom + TICK + 2.0 + page.line() * (1.0 + below.len() as f64);
        Self {
            left,
            right,
            top: room.top,
            bottom,
            x: Scale { domain: horizontal.domain, range: (left, right) },
            y: Scale { domain: vertical.domain, range: (bottom, room.top) },
            end,
            horizontal,
            vertical,
            titles: Titles { below, beside },
        }
    }

    /// Draws both axes.
    pub fn draw(&self, svg: &mut Svg, page: Page) {
        self.draw_vertical(svg, page);
        self.draw_horizontal(svg, page);
    }

    fn draw_vertical(&self, svg: &mut Svg, page: Page) {
        let (pen, left) = (Pen::hairline(INK), self.left);
        svg.line((left, self.top), (left, self.bottom), pen);
        let mut widest = 0.0;
        for (value, name) in &self.vertical.ticks {
            let y = self.y.at(*value);
            svg.line((left - TICK, y), (left, y), pen);
            let text = page.text(left - TICK - 1.5, y + page.middle(), name);
            svg.text(Text { anchor: Anchor::End, ..text });
            widest = f64::max(widest, page.measure(name));
        }
        let lines = self.titles.beside.len();
        for (index, line) in self.titles.beside.iter().enumerate() {
            let away = TICK + 4.0 + widest + page.line() * (lines - index - 1) as f64;
            let (x, middle) = (left - away - page.descent(), (self.top + self.bottom) / 2.0);
            svg.upright_text(page.text(x, middle, line));
        }
    }

    fn draw_horizontal(&self, svg: &mut Svg, page: Page) {
        let (pen, bottom) = (Pen::hairline(INK), self.bottom);
        svg.line((self.left, bottom), (self.right, bottom), pen);
        let base = bottom + TICK + 2.0 + page.ascent();
        let mut free_from = f64::NEG_INFINITY;
        for (value, name) in &self.horizontal.ticks {
            let x = self.x.at(*value);
            svg.line((x, bottom), (x, bottom + TICK), pen);
            let half = page.measure(name) / 2.0;
            // Names that would touch the one before are left out, as on a logarithmic axis.
            if free_from <= x - half {
                svg.text(Text { anchor: Anchor::Middle, ..page.text(x, base, name) });
                free_from = x + half + 2.5;
            }
        }
        for (index, line) in self.titles.below.iter().enumerate() {
            let middle = (self.left + self.right) / 2.0;
            let y = base + page.line() * (index as f64 + 1.0);
            svg.text(Text { anchor: Anchor::Middle, ..page.text(middle, y, line) });
        }
    }
}
