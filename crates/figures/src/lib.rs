//! Figures of a study: values in, SVG out.
//!
//! Each figure is a plain struct and a function that draws it at the size of a [`Page`]: text has 7
//! or 8 points in print, and the SVG says how wide it is on paper. This crate knows no study and
//! rounds no result: numbers that are read as text come from the caller as text. All values are
//! finite. The same struct gives the same bytes, and a figure stands alone: it has a title and a
//! description for those who do not see it, and carries its notice wherever it is copied to.
//!
//! Text is laid out by the widths of Liberation Sans. Long labels are broken into lines, never
//! cut. Files other than SVG are the matter of `figure-files`.

mod axis;
mod flow;
mod forest;
mod frame;
mod histogram;
mod kaplan_meier;
mod log_log;
mod love;
mod overlap;
mod page;
mod panel;
mod place;
mod residuals;
mod style;
mod svg;
mod text;
mod widths;

pub use flow::{FlowBox, FlowFigure, flow_diagram};
pub use forest::{ForestFigure, ForestRow, ForestValue, forest_plot};
pub use frame::Caption;
pub use histogram::{HistogramFigure, Mark, MarkKind, histogram, histogram_bins};
pub use kaplan_meier::{KaplanMeierFigure, KaplanMeierGroup, kaplan_meier};
pub use log_log::{LogLogCurve, LogLogFigure, log_log_plot};
pub use love::{LoveFigure, LoveRow, love_plot};
pub use overlap::{OverlapArm, OverlapFigure, OverlapPanel, overlap_plot};
pub use page::Page;
pub use residuals::{ResidualFigure, ResidualPanel, SmoothPoint, residual_plot};
pub use text::laid_out_widths;
