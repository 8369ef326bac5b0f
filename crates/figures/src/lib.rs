//! Figures of a study: values in, SVG out.
//!
//! Each figure is a plain struct and a function that draws it. This crate knows no study and
//! rounds no result: numbers that are read as text come from the caller as text. All values are
//! finite. The same struct gives the same bytes, and a figure stands alone: it has a title and a
//! description for those who do not see it, and carries its notice wherever it is copied to.

mod axis;
mod flow;
mod forest;
mod frame;
mod kaplan_meier;
mod love;
mod overlap;
mod style;
mod svg;
mod text;

pub use flow::{FlowBox, FlowFigure, flow_diagram};
pub use forest::{ForestFigure, ForestRow, ForestValue, forest_plot};
pub use frame::Caption;
pub use kaplan_meier::{KaplanMeierFigure, KaplanMeierGroup, kaplan_meier};
pub use love::{LoveFigure, LoveRow, love_plot};
pub use overlap::{OverlapArm, OverlapFigure, overlap_plot};
