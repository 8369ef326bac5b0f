//! Whole studies, run as a user runs them: the program, its files, its messages.

mod bad_input;
mod harness;
mod her2;
mod rotterdam;
mod same_bytes;
mod schema;
