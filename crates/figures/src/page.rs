//! How large a figure is on paper, and what follows from it for text and lines.
//!
//! One unit of a drawing is a typographic point at the final size.

use crate::style::INK;
use crate::svg::{Anchor, Text};
use crate::text;

/// Points of a millimetre.
const POINTS: f64 = 72.0 / 25.4;
/// Narrowest figure, in millimetres: below it no table of numbers at risk can be set.
const NARROWEST: f64 = 60.0;
/// Pages from this width on, in millimetres, have the text of two columns.
const WIDE: f64 = 120.0;

/// The width of a figure at its final size in print.
///
/// Text has 7 points on a page of one column and 8 on one of two, unless a journal asks for
/// another size; height follows from what is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Page {
    width_mm: f64,
    /// Size of text, in points.
    size: f64,
}

impl Page {
    /// One column of many journals: 85 mm.
    pub const ONE_COLUMN: Self = Self { width_mm: 85.0, size: 7.0 };
    /// Both columns: 180 mm.
    pub const TWO_COLUMNS: Self = Self { width_mm: 180.0, size: 8.0 };

    /// A page of a journal's own width. Below 60 mm, and for what is no width, the page has 60 mm.
    #[must_use]
    pub fn of_width(width_mm: f64) -> Self {
        let width_mm = f64::max(width_mm, NARROWEST);
        Self { width_mm, size: if WIDE <= width_mm { 8.0 } else { 7.0 } }
    }

    /// The same page with text of another size, from 5 to 10 points.
    #[must_use]
    pub fn with_text(self, points: f64) -> Self {
        Self { size: f64::max(points, 5.0).min(10.0), ..self }
    }

    /// Width in millimetres.
    #[must_use]
    pub fn width_mm(&self) -> f64 {
        self.width_mm
    }

    /// Whether two parts can stand side by side.
    pub(crate) fn is_wide(&self) -> bool {
        WIDE <= self.width_mm
    }

    /// Width in points, to a hundredth.
    pub(crate) fn width(&self) -> f64 {
        (self.width_mm * POINTS * 100.0).round() / 100.0
    }

    /// Size of text.
    pub(crate) fn size(&self) -> f64 {
        self.size
    }

    /// Distance of base lines.
    pub(crate) fn line(&self) -> f64 {
        self.size() * 1.25
    }

    /// How far below the middle of a line of text its base line stands.
    pub(crate) fn middle(&self) -> f64 {
        self.size() * 0.35
    }

    /// Room that text needs above its base line.
    pub(crate) fn ascent(&self) -> f64 {
        self.size() * 0.78
    }

    /// Room that text needs below its base line.
    pub(crate) fn descent(&self) -> f64 {
        self.size() * 0.22
    }

    /// Width of a line of regular text.
    pub(crate) fn measure(&self, text: &str) -> f64 {
        text::width(text, self.size())
    }

    /// Width of a line of bold text.
    pub(crate) fn measure_bold(&self, text: &str) -> f64 {
        text::bold_width(text, self.size())
    }

    /// Regular text that starts at a point of its base line.
    pub(crate) fn text<'a>(&self, x: f64, y: f64, text: &'a str) -> Text<'a> {
        let (size, colour, anchor) = (self.size(), INK, Anchor::Start);
        Text { x, y, text, size, colour, anchor, bold: false }
    }

    /// Breaks regular text into lines no wider than `room`.
    pub(crate) fn wrap(&self, text: &str, room: f64) -> Vec<String> {
        text::wrap(text, self.size(), room)
    }

    /// Breaks bold text into lines no wider than `room`.
    pub(crate) fn wrap_bold(&self, text: &str, room: f64) -> Vec<String> {
        text::wrap_bold(text, self.size(), room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 85 mm are 85 / 25.4 · 72 = 240.945 points.
    #[test]
    fn widths_are_points() {
        assert_eq!(Page::ONE_COLUMN.width(), 240.94);
        assert_eq!(Page::TWO_COLUMNS.width(), 510.24);
        assert_eq!(Page::of_width(f64::NAN).width_mm(), 60.0);
        assert_eq!(Page::of_width(180.0), Page::TWO_COLUMNS);
        assert_eq!(Page::of_width(85.0).with_text(3.0).size(), 5.0);
    }
}
