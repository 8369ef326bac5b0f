//! Colours, dashes and widths of lines that all figures share.
//!
//! Blue and vermilion are those of Okabe and Ito (2008), which colour-blind readers tell apart;
//! the further hues are darkened so that small text in them stays legible. Dashes tell groups
//! apart in print without colour.

/// Colour of text and axes.
pub(crate) const INK: &str = "#222222";
/// Colour of secondary text.
pub(crate) const GREY: &str = "#5a5a5a";
/// Colour of curves that rest on few subjects.
pub(crate) const FADED: &str = "#a0a0a0";
/// Colour of grid lines.
pub(crate) const GRID: &str = "#e0e0e0";
/// Colour of the background.
pub(crate) const PAPER: &str = "#ffffff";
/// Dashes of lines that mark a value.
pub(crate) const DOTTED: &str = "0.8 1.6";
/// Dashes of lines that mark a threshold.
pub(crate) const DASHED: &str = "3 2";
/// Dashes of a line that marks a value beside lines of groups: those of no group.
pub(crate) const DASH_DOT_DOT: &str = "6 1.5 0.8 1.5 0.8 1.5";
/// Width of axes and ticks.
pub(crate) const HAIRLINE: f64 = 0.5;
/// Width of curves.
pub(crate) const CURVE: f64 = 1.0;
/// Width of curves that rest on few subjects: in print without colour their grey is no other than that
/// of a hue.
pub(crate) const THIN_CURVE: f64 = 0.5;
/// Length of a tick.
pub(crate) const TICK: f64 = 3.0;
/// Distance of everything from the edge of the figure.
pub(crate) const EDGE: f64 = 3.0;

/// How a group is drawn.
#[derive(Debug)]
pub(crate) struct GroupStyle {
    /// Colour of line, band and name.
    pub colour: &'static str,
    /// Dashes of the line; empty for a solid one.
    pub dash: &'static str,
}

const GROUPS: [GroupStyle; 6] = [
    GroupStyle { colour: "#0072B2", dash: "" },
    GroupStyle { colour: "#D55E00", dash: "4 1.6" },
    GroupStyle { colour: "#00795A", dash: "1.2 1.2" },
    GroupStyle { colour: "#A8457F", dash: "5 1.5 1.2 1.5" },
    GroupStyle { colour: "#3D3D3D", dash: "2.4 1.4" },
    GroupStyle { colour: "#8A6100", dash: "7 2" },
];

/// The style of the group at `index`; styles repeat after the sixth.
pub(crate) fn group(index: usize) -> &'static GroupStyle {
    &GROUPS[index % GROUPS.len()]
}
