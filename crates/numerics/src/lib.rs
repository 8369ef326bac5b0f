//! Numerical tools that know nothing of patients: elementary functions whose bits do not depend
//! on the processor, upper tails with their logarithms, ranks, sums of fixed order, standardised
//! columns, a rank-revealing factor, the Newton state machine that every iterative fit runs on with
//! what builds on it (some coordinates held, likelihood-ratio limits, Firth's penalty), and streams of
//! random numbers.

pub mod cholesky;
pub mod elementary;
pub mod firth;
pub mod newton;
pub mod profile;
pub mod rank;
pub mod restricted;
pub mod standard;
pub mod streams;
pub mod sum;
pub mod tails;
