//! The scaffolding as a service and its caller see it, over real connections.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail where it stands")]

mod calls;
mod computations;
mod pools;
mod probe;
mod serving;
