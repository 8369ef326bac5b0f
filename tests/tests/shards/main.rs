//! Replicates that are spread over workers: the same bytes whoever computes them, whatever happens to
//! the workers and the network meanwhile.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail where it stands")]

mod harness;
mod network;
mod overload;
mod processes;
mod spread;
mod uploads;
mod worker;
