//! Computes a range of replicates.

use crate::draw::Draws;
use crate::{BootstrapError, Plan, Units};
use cohort::{NotEstimable, REPLICATES_AT_ONCE, Replicated, Statistic};
use numerics::wanted;
use std::ops::Range;

/// What a range of replicates gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Replicates {
    /// The first replicate, from 0.
    pub first: u64,
    /// Number of quantities of each.
    pub n_quantities: usize,
    /// The quantities of the first replicate, then those of the second, and so on.
    pub answers: Vec<Replicated>,
}

impl Replicates {
    /// What the replicates give for one quantity.
    #[must_use]
    pub fn of(&self, quantity: usize) -> Vec<Replicated> {
        self.answers.iter().skip(quantity).step_by(self.n_quantities).copied().collect()
    }
}

/// The quantities of a statistic in each replicate of a range, on this thread.
///
/// Same as `boot(data, statistic, R)$t` in R, with other random numbers. The computation ends early where
/// its answer is no longer wanted (see [`numerics::wanted`]).
///
/// # Errors
///
/// When the range is not within the plan.
///
/// # Panics
///
/// When the units are those of another sample.
pub fn replicate<S: Statistic>(
    statistic: &S,
    units: &Units,
    plan: Plan,
    range: Range<u64>,
) -> Result<Replicates, BootstrapError> {
    assert_eq!(statistic.n_subjects(), units.n_subjects(), "units of the same sample");
    let n_replicates = plan.n_replicates();
    if range.start > range.end || range.end > n_replicates {
        let (first, end) = (range.start, range.end);
        return Err(BootstrapError::BeyondPlan { first, end, n_replicates });
    }
    let n_quantities = statistic.n_quantities();
    let nothing = Replicated::value(Err(NotEstimable::NotDefined));
    let mut answers = vec![nothing; (range.end - range.start) as usize * n_quantities];
    let mut draws = Draws::new(plan, units);
    let mut scratch = statistic.scratch();
    let mut first = range.start;
    for answers in answers.chunks_mut(REPLICATES_AT_ONCE * n_quantities) {
        wanted::check();
        let end = range.end.min(first + REPLICATES_AT_ONCE as u64);
        statistic.evaluate(draws.draw(first..end), &mut scratch, answers);
        first = end;
    }
    Ok(Replicates { first: range.start, n_quantities, answers })
}
