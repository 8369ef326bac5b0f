//! The cohort on which the benches run, here and in R.

use simulate::{Baseline, Censoring, Sample, Scenario, Simulation, Steps};
use std::f64::consts::LN_2;

/// Numbers of patients.
pub const SIZES: [usize; 3] = [10_000, 1_000_000, 10_000_000];

/// Patients followed for up to twelve years, in days: a quarter exposed, with a hazard ratio of 0.8;
/// median survival of the others six years, a third censored.
///
/// # Panics
///
/// Never: the scenario is a valid one.
#[must_use]
pub fn patients(n: usize) -> Sample {
    let mut scenario =
        Scenario::of(Baseline::Exponential { rate: LN_2 / 2190.0 }).expect("1 is a hazard ratio");
    scenario.causes[0].hazard_ratio = Steps::constant(0.8).expect("0.8 is a hazard ratio");
    scenario.exposed_share = 0.25;
    scenario.censoring =
        Censoring { study_end: Some(4380.0), accrual: 1825.0, dropout_rate: 0.000_02 };
    scenario.time_grid = Some(1.0);
    Simulation::new(scenario, 20_261_123).expect("the scenario is a valid one").draw(n, 0)
}
