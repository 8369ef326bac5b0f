//! The statistical services, called as a program in any language calls them.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail where it stands")]

mod calls;
mod competing;
mod diagnostics;
mod faults;
mod harness;
mod local;
mod rows;
mod summaries;
