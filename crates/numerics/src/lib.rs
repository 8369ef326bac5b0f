//! Numerical tools that know nothing of patients: elementary functions whose bits do not depend
//! on the processor, upper tails with their logarithms, probabilities of correlated normal
//! variables, p-values of several tests at once, ranks, orders of many keys, sums of fixed order,
//! integrals, inverse Laplace transforms, standardised columns, rows in few bytes, natural splines, a rank-revealing
//! factor, the Newton state machine that every iterative fit runs on with what builds on it (some
//! coordinates held, likelihood ratios and their limits, Firth's penalty) and its short way for a fit that begins
//! near its end, and streams of random
//! numbers.

pub mod cholesky;
pub mod compact;
pub mod cone;
pub mod elementary;
pub mod firth;
pub mod gram;
pub mod lanes;
pub mod laplace;
pub mod likelihood_ratio;
pub mod multiplicity;
pub mod multivariate_normal;
pub mod newton;
pub mod parallel;
pub mod profile;
pub mod quadrature;
pub mod radix;
pub mod rank;
pub mod refinement;
pub mod restricted;
pub mod rows;
pub mod spline;
pub mod standard;
pub mod streams;
pub mod sum;
pub mod tails;
pub mod wanted;
