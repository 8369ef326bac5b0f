//! Writes SVG elements.
//!
//! Coordinates are written to a hundredth of a unit, so that a difference in the last bit of a
//! number does not change the file.

use crate::style::{INK, TEXT};
use crate::text::escape;
use std::fmt::Write;

/// The body of a figure, element by element.
#[derive(Default)]
pub(crate) struct Svg {
    body: String,
}

/// A line of text and how it is set.
pub(crate) struct Text<'a> {
    pub x: f64,
    pub y: f64,
    pub text: &'a str,
    pub size: f64,
    pub colour: &'a str,
    pub anchor: Anchor,
    pub bold: bool,
    pub italic: bool,
}

/// Which point of a line of text stands at its x.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl<'a> Text<'a> {
    /// Regular text that starts at a point of its base line.
    pub fn new(x: f64, y: f64, text: &'a str) -> Self {
        let (size, colour, anchor) = (TEXT, INK, Anchor::Start);
        Self { x, y, text, size, colour, anchor, bold: false, italic: false }
    }
}

/// A straight line and how it is drawn.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    pub from: (f64, f64),
    pub to: (f64, f64),
    pub colour: &'a str,
    pub width: f64,
    pub dash: &'a str,
}

impl Svg {
    pub fn text(&mut self, text: &Text) {
        let anchor = match text.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let bold = if text.bold { " font-weight=\"bold\"" } else { "" };
        let italic = if text.italic { " font-style=\"italic\"" } else { "" };
        self.push(&format!(
            "<text x=\"{}\" y=\"{}\" font-size=\"{}\" fill=\"{}\"{anchor}{bold}{italic}>{}</text>",
            number(text.x),
            number(text.y),
            number(text.size),
            text.colour,
            escape(text.text),
        ));
    }

    /// Text read from bottom to top, its middle at a point.
    pub fn upright_text(&mut self, x: f64, y: f64, text: &str) {
        self.push(&format!(
            "<text transform=\"translate({} {}) rotate(-90)\" font-size=\"{}\" fill=\"{INK}\" \
             text-anchor=\"middle\">{}</text>",
            number(x),
            number(y),
            number(TEXT),
            escape(text),
        ));
    }

    pub fn line(&mut self, line: Line) {
        self.push(&format!(
            "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"{}\" stroke-width=\"{}\"{}/>",
            number(line.from.0),
            number(line.from.1),
            number(line.to.0),
            number(line.to.1),
            line.colour,
            number(line.width),
            dash(line.dash),
        ));
    }

    /// An open path.
    pub fn stroke(&mut self, path: &str, colour: &str, width: f64, dashes: &str) {
        self.push(&format!(
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{}\"{}/>",
            number(width),
            dash(dashes),
        ));
    }

    /// A filled path without outline.
    pub fn fill(&mut self, path: &str, colour: &str, opacity: f64) {
        self.push(&format!(
            "<path d=\"{path}\" fill=\"{colour}\" fill-opacity=\"{}\" stroke=\"none\"/>",
            number(opacity),
        ));
    }

    pub fn circle(&mut self, (x, y): (f64, f64), radius: f64, fill: &str, stroke: &str) {
        self.push(&format!(
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{fill}\" stroke=\"{stroke}\" \
             stroke-width=\"1.5\"/>",
            number(x),
            number(y),
            number(radius),
        ));
    }

    /// A box with a hairline around it.
    pub fn outlined_box(&mut self, (x, y): (f64, f64), (w, h): (f64, f64), fill: &str) {
        self.push(&format!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"3\" fill=\"{fill}\" \
             stroke=\"#7a7a7a\"/>",
            number(x),
            number(y),
            number(w),
            number(h),
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

fn dash(dashes: &str) -> String {
    if dashes.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dashes}\"") }
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

    #[test]
    fn coordinates_are_short() {
        let texts = [0.0, -0.001, 100.0, 1.5, 2.0 / 3.0].map(number);
        assert_eq!(texts, ["0", "0", "100", "1.5", "0.67"]);
    }

    #[test]
    fn labels_are_escaped() {
        let mut svg = Svg::default();
        svg.text(&Text::new(1.0, 2.0, "T < 2 & N"));
        assert!(svg.into_body().contains(">T &lt; 2 &amp; N</text>"));
    }
}
