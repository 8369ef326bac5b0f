//! Writes SVG elements.
//!
//! Coordinates are written to a hundredth of a unit, so that a difference in the last bit of a
//! number does not change the file.

use crate::style::{HAIRLINE, INK};
use crate::text::escape;
use std::fmt::Write;

/// The body of a figure, element by element.
#[derive(Default)]
pub(crate) struct Svg {
    body: String,
}

/// A line of text and how it is set.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    pub x: f64,
    pub y: f64,
    pub text: &'a str,
    pub size: f64,
    pub colour: &'a str,
    pub anchor: Anchor,
    pub bold: bool,
}

/// Which point of a line of text stands at its x.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// Where an arrow points to.
#[derive(Clone, Copy)]
pub(crate) enum Direction {
    Left,
    Right,
    Down,
}

/// How a line is drawn.
#[derive(Clone, Copy)]
pub(crate) struct Pen<'a> {
    pub colour: &'a str,
    pub width: f64,
    /// Dashes; empty for a solid line.
    pub dash: &'a str,
}

impl<'a> Pen<'a> {
    /// A solid line.
    pub fn solid(colour: &'a str, width: f64) -> Self {
        Self { colour, width, dash: "" }
    }

    /// A thin solid line.
    pub fn hairline(colour: &'a str) -> Self {
        Self::solid(colour, HAIRLINE)
    }

    /// The same with dashes.
    pub fn dashed(self, dash: &'a str) -> Self {
        Self { dash, ..self }
    }
}

impl Svg {
    /// A line of text; text without characters is left out.
    pub fn text(&mut self, text: Text) {
        if text.text.is_empty() {
            return;
        }
        let anchor = match text.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let bold = if text.bold { " font-weight=\"bold\"" } else { "" };
        self.push(&format!(
            "<text x=\"{}\" y=\"{}\" font-size=\"{}\" fill=\"{}\"{anchor}{bold}>{}</text>",
            number(text.x),
            number(text.y),
            number(text.size),
            text.colour,
            escape(text.text),
        ));
    }

    /// Text read from bottom to top, its middle at a point.
    pub fn upright_text(&mut self, text: Text) {
        if text.text.is_empty() {
            return;
        }
        self.push(&format!(
            "<text transform=\"translate({} {}) rotate(-90)\" font-size=\"{}\" fill=\"{INK}\" \
             text-anchor=\"middle\">{}</text>",
            number(text.x),
            number(text.y),
            number(text.size),
            escape(text.text),
        ));
    }

    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), pen: Pen) {
        self.push(&format!(
            "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"{}/>",
            number(from.0),
            number(from.1),
            number(to.0),
            number(to.1),
            stroke(pen),
        ));
    }

    /// An open path.
    pub fn stroke(&mut self, path: &str, pen: Pen) {
        if !path.is_empty() {
            self.push(&format!("<path d=\"{path}\" fill=\"none\"{}/>", stroke(pen)));
        }
    }

    /// A filled path without outline.
    pub fn fill(&mut self, path: &str, colour: &str, opacity: f64) {
        if path.is_empty() {
            return;
        }
        let opacity = match opacity {
            1.0.. => String::new(),
            _ => format!(" fill-opacity=\"{}\"", number(opacity)),
        };
        self.push(&format!("<path d=\"{path}\" fill=\"{colour}\"{opacity}/>"));
    }

    /// A filled triangle with its tip at a point, which points towards a direction.
    pub fn arrow_head(&mut self, tip: (f64, f64), direction: Direction, colour: &str) {
        let (length, half) = (3.6, 1.8);
        let (x, y) = tip;
        let corners = match direction {
            Direction::Left => [(x + length, y - half), (x + length, y + half)],
            Direction::Right => [(x - length, y - half), (x - length, y + half)],
            Direction::Down => [(x - half, y - length), (x + half, y - length)],
        };
        let [a, b] = corners.map(|(x, y)| format!("L{} {}", number(x), number(y)));
        self.fill(&format!("M{} {}{a}{b}Z", number(x), number(y)), colour, 1.0);
    }

    pub fn circle(&mut self, (x, y): (f64, f64), radius: f64, fill: &str, pen: Pen) {
        self.push(&format!(
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{fill}\"{}/>",
            number(x),
            number(y),
            number(radius),
            stroke(pen),
        ));
    }

    /// A box with a line around it.
    pub fn outlined_box(&mut self, (x, y): (f64, f64), (w, h): (f64, f64), fill: &str, pen: Pen) {
        self.push(&format!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"1.5\" fill=\"{fill}\"{}/>",
            number(x),
            number(y),
            number(w),
            number(h),
            stroke(pen),
        ));
    }

    fn push(&mut self, element: &str) {
        self.body.push_str(element);
        self.body.push('\n');
    }

    /// The finished body.
    pub fn into_body(self) -> String {
        self.body
    }
}

/// The attributes of a pen.
fn stroke(pen: Pen) -> String {
    let mut attributes =
        format!(" stroke=\"{}\" stroke-width=\"{}\"", pen.colour, number(pen.width));
    if !pen.dash.is_empty() {
        attributes.push_str(&format!(" stroke-dasharray=\"{}\"", pen.dash));
    }
    attributes
}

/// A coordinate: at most two decimals, no trailing zeros, no negative zero.
pub(crate) fn number(value: f64) -> String {
    let mut text = String::new();
    write!(text, "{value:.2}").expect("writing into a string does not fail");
    let trimmed = text.trim_end_matches('0').trim_end_matches('.');
    if trimmed == "-0" { "0".to_owned() } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Page;

    #[test]
    fn coordinates_are_short() {
        let texts = [0.0, -0.001, 100.0, 1.5, 2.0 / 3.0].map(number);
        assert_eq!(texts, ["0", "0", "100", "1.5", "0.67"]);
    }

    #[test]
    fn labels_are_escaped() {
        let mut svg = Svg::default();
        svg.text(Page::ONE_COLUMN.text(1.0, 2.0, "T < 2 & N"));
        assert!(svg.into_body().contains(">T &lt; 2 &amp; N</text>"));
    }
}
