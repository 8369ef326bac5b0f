//! Colours, dashes and sizes that all figures share.
//!
//! A figure is 720 units wide; printed 180 mm wide, its text of 12 units has 8.5 points. Blue and
//! vermilion are those of Okabe and Ito (2008), which colour-blind readers tell apart; the further
//! hues are darkened so that small text in them stays legible. Dashes tell groups apart in print.

/// Width of every figure.
pub(crate) const WIDTH: f64 = 720.0;
/// Size of text.
pub(crate) const TEXT: f64 = 12.0;
/// Size of secondary text.
pub(crate) const SMALL: f64 = 10.5;
/// Distance of lines of text.
pub(crate) const LINE: f64 = 16.0;
/// Colour of text and axes.
pub(crate) const INK: &str = "#222222";
/// Colour of secondary text.
pub(crate) const GREY: &str = "#5a5a5a";
/// Colour of grid lines.
pub(crate) const GRID: &str = "#e4e4e4";
/// Colour of the background.
pub(crate) const PAPER: &str = "#ffffff";

/// How a group is drawn.
pub(crate) struct GroupStyle {
    /// Colour of line, band and name.
    pub colour: &'static str,
    /// Dashes of the line; empty for a solid one.
    pub dash: &'static str,
}

const GROUPS: [GroupStyle; 6] = [
    GroupStyle { colour: "#0072B2", dash: "" },
    GroupStyle { colour: "#D55E00", dash: "7 3" },
    GroupStyle { colour: "#00795A", dash: "2 2" },
    GroupStyle { colour: "#A8457F", dash: "9 3 2 3" },
    GroupStyle { colour: "#3D3D3D", dash: "4 2" },
    GroupStyle { colour: "#8A6100", dash: "12 4" },
];

/// The style of the group at `index`; styles repeat after the sixth.
pub(crate) fn group(index: usize) -> &'static GroupStyle {
    &GROUPS[index % GROUPS.len()]
}
