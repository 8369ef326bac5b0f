//! The statistical services, called as a program in any language calls them.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail where it stands")]

mod bad_regression;
mod bad_survival;
mod bootstrap;
mod calls;
mod comparisons;
mod competing;
mod diagnostics;
mod digest;
mod every_call;
mod faults;
mod harness;
mod likelihood;
mod local;
mod logistic;
mod matching;
mod nobody;
mod regression;
mod reports;
mod rows;
mod splines;
mod summaries;
mod weighting;
mod weights;
