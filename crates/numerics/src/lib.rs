//! Numerical tools that know nothing of patients: elementary functions whose bits do not depend
//! on the processor, upper tails with their logarithms, ranks, sums of fixed order, standardised
//! columns, natural splines, a rank-revealing factor, the Newton state machine that every iterative
//! fit runs on, and streams of random numbers.

pub mod cholesky;
pub mod elementary;
pub mod newton;
pub mod rank;
pub mod spline;
pub mod standard;
pub mod streams;
pub mod sum;
pub mod tails;
