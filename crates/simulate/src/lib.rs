//! Cohorts whose truth is known, from a seed: for checks of coverage and size, for benches and for
//! examples.
//!
//! A [`Scenario`] says how patients are made: covariates, sites, an exposure that may depend on
//! both, hazards of one or several causes with a hazard ratio that may change with time, and
//! censoring. A [`Simulation`] draws a [`Sample`] of it, and its [`Truth`] holds what an estimator
//! should find. Estimating is left to others.

mod draw;
mod error;
mod hazard;
mod integral;
mod sample;
mod scenario;
mod steps;
mod truth;

pub use draw::Simulation;
pub use error::ScenarioError;
pub use sample::Sample;
pub use scenario::{Arm, Baseline, Cause, Censoring, Covariate, Distribution, Scenario, Site};
pub use steps::Steps;
pub use truth::Truth;
