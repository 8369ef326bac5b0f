//! What each unit does to a statistic.

use crate::Units;
use crate::summary::finite_estimate;
use cohort::{
    Counting, Counts, Drawn, Estimate, NotEstimable, REPLICATES_AT_ONCE, Replicated, Statistic,
};
use numerics::wanted;
use std::ops::Range;

/// The quantities of a statistic without each unit of a range, those without the first one first; on this
/// thread.
///
/// Costs an evaluation per unit.
///
/// # Panics
///
/// When the units are those of another sample.
#[must_use]
pub fn without_each<S: Statistic>(
    statistic: &S,
    units: &Units,
    range: Range<usize>,
) -> Vec<Replicated> {
    assert_eq!(statistic.n_subjects(), units.n_subjects(), "units of the same sample");
    let n_quantities = statistic.n_quantities();
    let mut scratch = statistic.scratch();
    let nothing = Replicated::value(Err(NotEstimable::NotDefined));
    let mut without = vec![nothing; range.len() * n_quantities];
    let firsts = range.step_by(REPLICATES_AT_ONCE);
    for (first, answers) in firsts.zip(without.chunks_mut(REPLICATES_AT_ONCE * n_quantities)) {
        wanted::check();
        let drawn = leaving_out(units, first, answers.len() / n_quantities);
        statistic.evaluate(&drawn, &mut scratch, answers);
    }
    without
}

/// The influence of each unit on each quantity, from those of the whole sample and those
/// [`without_each`] of all units.
///
/// ```text
/// L_i = (n − 1) (θ − θ_(i))
/// ```
///
/// `n` counts the units of the stratum of `i`, and `θ_(i)` is computed without them. There is none for
/// a quantity that a sample lacks or has infinite, be it the whole or one without a unit. One list per
/// quantity, in the order of the units.
///
/// Davison and Hinkley (1997), Bootstrap Methods and their Application, section 2.7. Same as
/// `empinf(data, statistic, stype = "i", type = "jack", strata)` of `boot` in R.
#[must_use]
pub fn influence(
    whole: &[Replicated],
    without: &[Replicated],
    units: &Units,
) -> Vec<Estimate<Vec<f64>>> {
    let (n_quantities, sizes) = (whole.len(), stratum_sizes(units));
    let of_quantity = |quantity: usize| {
        let whole = finite_estimate(whole[quantity].value)?;
        let without = without.iter().skip(quantity).step_by(n_quantities);
        let influence = without.zip(&sizes).map(|(without, n)| {
            let without = finite_estimate(without.value)?;
            Ok((n - 1.0) * (whole - without))
        });
        influence.collect()
    };
    (0..n_quantities).map(of_quantity).collect()
}

/// Everybody but the subjects of one unit, for each of `n` units from the `first` on.
fn leaving_out(units: &Units, first: usize, n: usize) -> Drawn {
    let mut once: Counts = [0.0; REPLICATES_AT_ONCE];
    once[..n].fill(1.0);
    let counts = units.of_subject().iter().map(|&unit| {
        let mut counts = once;
        if let Some(lane) = (unit as usize).checked_sub(first).filter(|&lane| lane < n) {
            counts[lane] = 0.0;
        }
        counts
    });
    Drawn { counts: counts.collect(), n_replicates: n, counting: Counting::Subjects }
}

/// Number of units in the stratum of each unit.
fn stratum_sizes(units: &Units) -> Vec<f64> {
    let mut sizes = vec![0.0; units.n_units()];
    for stratum in units.strata() {
        stratum.iter().for_each(|&unit| sizes[unit as usize] = stratum.len() as f64);
    }
    sizes
}
