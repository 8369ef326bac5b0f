//! Load tests against servers whose behaviour each test supplies, and against the services.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail where it stands")]

mod open_loop;
mod probe;
mod services;
