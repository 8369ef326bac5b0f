//! Whole studies, run as a user runs them: the program, its files, its messages.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail where it stands")]

mod bad_input;
mod certificate;
mod curves;
mod deployed;
mod figures;
mod harness;
mod her2;
mod load;
mod manifest;
mod printed;
mod rotterdam;
mod same_bytes;
mod schema;
mod weighting;
