//! Numerical tools that know nothing of patients: elementary functions whose bits do not depend
//! on the processor, upper tails with their logarithms, ranks, sums of fixed order, and the Newton
//! state machine that every iterative fit runs on.

pub mod elementary;
pub mod newton;
pub mod rank;
pub mod sum;
pub mod tails;
