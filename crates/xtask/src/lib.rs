//! Tasks for those who develop the workspace; `cargo run -p xtask --release -- --help` lists them.
//!
//! Nothing here is part of a study.

pub mod validate;
