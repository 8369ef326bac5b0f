//! From the bytes of a CSV file to a table of typed columns, or to everything that is wrong with
//! the file.
//!
//! The caller says which columns there are and what they hold ([`TableSpec`]); [`read`] gives a
//! [`Table`] whose rows stand in the order of their ids. Errors name columns and lines of the file,
//! never the content of a cell. What the columns mean for a study is known above.

mod date;
mod error;
mod file;
mod follow_up;
mod levels;
mod read;
mod spec;
mod table;

pub use date::{Day, day};
pub use error::{CellProblem, IntakeError, Lines};
pub use follow_up::FollowUp;
pub use levels::level_position;
pub use read::read;
pub use spec::{ColumnKind, ColumnSpec, TableSpec};
pub use table::{Cells, Table};
