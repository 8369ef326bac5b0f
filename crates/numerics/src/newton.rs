//! Newton state machine.
