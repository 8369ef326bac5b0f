//! Classes of similar score or equal covariates.

use crate::query::{Coarsening, Estimand, SubclassOptions};
use crate::subjects::{Role, Subjects};
use crate::{MatchOption, MatchingError};
use cohort::{Cohort, Selection, Values};
use numerics::elementary::ln;

/// Classes of the score between its quantiles of type 7 in the focal arm, or in both for the effect in
/// both; from 1, and 0 for the discarded and for classes that lack an arm.
///
/// The discarded have a part in the quantiles, as in `matchit`. A class holds its lower end, the last
/// both. The second answer is the number of classes before any is left out. Where a class lacks members of an arm, the nearest
/// member of the classes on the side where more are to spare moves over, one after the other, as in
/// `matchit(method = "subclass")` with `min.n` in R, which refuses a number that an arm does not have.
pub(crate) fn subclasses(
    subjects: &Subjects,
    options: SubclassOptions,
    estimand: Estimand,
) -> (Vec<u32>, usize) {
    let is_cut_by =
        |&subject: &usize| estimand == Estimand::Ate || subjects.roles[subject].is_focal();
    let mut cut: Vec<f64> =
        (0..subjects.len()).filter(is_cut_by).map(|subject| subjects.score[subject]).collect();
    cut.sort_by(f64::total_cmp);
    let step = 1.0 / options.n_subclasses as f64;
    let quantile = |k: usize| quantile_as_in_r(&cut, k as f64 * step);
    let cuts: Vec<f64> = (1..options.n_subclasses).filter_map(quantile).collect();
    let stay = subjects.staying();
    let mut class = vec![0u32; subjects.len()];
    for &subject in &stay {
        class[subject] = cuts.partition_point(|&cut| cut <= subjects.score[subject]) as u32;
    }
    let mut numbers: Vec<u32> = stay.iter().map(|&subject| class[subject]).collect();
    numbers.sort_unstable();
    numbers.dedup();
    for &subject in &stay {
        let place = numbers.partition_point(|&number| number < class[subject]);
        class[subject] = place as u32;
    }
    for is_exposed in [true, false] {
        let arm: Vec<usize> = stay
            .iter()
            .copied()
            .filter(|&subject| subjects.roles[subject].is_exposed() == is_exposed)
            .collect();
        fill_up(&mut class, &subjects.score, &arm, numbers.len(), options.min_n);
    }
    (with_both_arms(&class, subjects), numbers.len())
}

/// Moves members of an arm until each class has `min_n` of them, as far as there are enough.
fn fill_up(class: &mut [u32], score: &[f64], arm: &[usize], n_classes: usize, min_n: usize) {
    let mut spare = vec![0i64; n_classes];
    for &subject in arm {
        spare[class[subject] as usize] += 1;
    }
    for _ in 0..min_n.min(arm.len() / n_classes.max(1)) {
        while let Some(lacks) = spare.iter().position(|&n| n <= 0) {
            let from_below = takes_from_below(&spare, lacks);
            let giver = if from_below {
                (0..lacks).rev().find(|&k| spare[k] > 0)
            } else {
                (lacks + 1..n_classes).find(|&k| spare[k] > 0)
            };
            let Some(giver) = giver else { return };
            let members = arm.iter().copied().filter(|&subject| class[subject] as usize == giver);
            let nearest = members.reduce(|best, other| {
                let is_nearer = if from_below {
                    score[other] >= score[best]
                } else {
                    score[other] <= score[best]
                };
                if is_nearer { other } else { best }
            });
            let Some(nearest) = nearest else { return };
            class[nearest] = lacks as u32;
            spare[lacks] += 1;
            spare[giver] -= 1;
        }
        spare.iter_mut().for_each(|n| *n -= 1);
    }
}

/// Whether more can be spared below, each class counted by its nearness.
fn takes_from_below(spare: &[i64], lacks: usize) -> bool {
    if lacks + 1 == spare.len() {
        return true;
    }
    if lacks == 0 {
        return false;
    }
    let pull = |(k, &n): (usize, &i64)| (n - 1) as f64 / (k as f64 - lacks as f64);
    let gives = |&(k, &n): &(usize, &i64)| k != lacks && n > 1;
    spare.iter().enumerate().filter(gives).map(pull).sum::<f64>() <= 0.0
}

/// Classes of subjects who agree on all columns, once numbers are coarsened; from 1, and 0 for the
/// discarded and for classes that lack an arm.
///
/// Iacus, King and Porro (2012), Polit. Anal. 20:1-24. `matchit(method = "cem")` in R.
pub(crate) fn coarsened(
    cohort: &Cohort,
    selection: &Selection,
    columns: &[String],
    rules: &[Coarsening],
    subjects: &Subjects,
) -> Result<Vec<u32>, MatchingError> {
    let mut class = subjects.classes();
    for (index, (column, rule)) in columns.iter().zip(rules).enumerate() {
        let is_number = matches!(cohort.values(column)?, Values::Numeric(_));
        if !is_number && !matches!(rule, Coarsening::Sturges | Coarsening::Values) {
            let why = format!("{column} has categories, which keep their levels");
            return Err(MatchOption::Coarsening(index).refused(why));
        }
        let codes = if is_number && *rule != Coarsening::Values {
            bins(&cohort.numeric(column, selection)?, rule, &subjects.roles)
        } else {
            cohort.strata(std::slice::from_ref(column), selection)?
        };
        class = crossed(&class, &codes);
    }
    Ok(with_both_arms(&class, subjects))
}

/// Classes of subjects who agree on the exact keys.
pub(crate) fn exact(subjects: &Subjects) -> Vec<u32> {
    with_both_arms(&subjects.classes(), subjects)
}

/// Classes from 1; 0 for those who are discarded or whose class lacks an arm.
fn with_both_arms(class: &[u32], subjects: &Subjects) -> Vec<u32> {
    let n_classes = class.iter().max().map_or(0, |&last| last as usize + 1);
    let mut has_arm = vec![[false; 2]; n_classes];
    for subject in 0..subjects.len() {
        let role = subjects.roles[subject];
        if !role.is_discarded() {
            let arm = usize::from(role.is_exposed());
            has_arm[class[subject] as usize][arm] = true;
        }
    }
    let number = |subject: usize| {
        let has_both = has_arm[class[subject] as usize] == [true, true];
        if has_both && !subjects.roles[subject].is_discarded() { class[subject] + 1 } else { 0 }
    };
    (0..subjects.len()).map(number).collect()
}

/// Numbers for the pairs of two codes that occur, in their order.
fn crossed(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut pairs: Vec<(u32, u32)> = a.iter().copied().zip(b.iter().copied()).collect();
    pairs.sort_unstable();
    pairs.dedup();
    let place = |pair: (u32, u32)| pairs.partition_point(|known| *known < pair) as u32;
    a.iter().copied().zip(b.iter().copied()).map(place).collect()
}

/// The bin of each value; cuts are made over those who are not discarded.
fn bins(values: &[f64], rule: &Coarsening, roles: &[Role]) -> Vec<u32> {
    let stay = values.iter().zip(roles).filter(|(_, role)| !role.is_discarded());
    let mut sorted: Vec<f64> = stay.map(|(&value, _)| value + 0.0).collect();
    sorted.sort_by(f64::total_cmp);
    let mut cuts = match rule {
        Coarsening::Sturges => {
            let n_bins = (ln(sorted.len() as f64) / std::f64::consts::LN_2 + 1.0).ceil();
            equal_widths(&sorted, n_bins as usize)
        }
        Coarsening::Bins(n_bins) => equal_widths(&sorted, *n_bins),
        Coarsening::Quantiles(n_bins) => {
            let step = 1.0 / *n_bins as f64;
            let probability = |k: usize| (step + (k - 1) as f64 * step).min(1.0 - step);
            (1..*n_bins).filter_map(|k| quantile_as_in_r(&sorted, probability(k))).collect()
        }
        Coarsening::Cuts(cuts) => cuts.clone(),
        Coarsening::Values => sorted,
    };
    cuts.sort_by(f64::total_cmp);
    values.iter().map(|&value| cuts.partition_point(|&cut| cut <= value) as u32).collect()
}

/// The quantile of type 7 of ascending values with the rounding of `quantile` in R.
///
/// A quantile that falls on a value may be off by its last bit, and that bit decides to which class the
/// value belongs.
fn quantile_as_in_r(sorted: &[f64], probability: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let index = 1.0 + last as f64 * probability;
    let share = index - index.floor();
    let below = (index.floor() as usize - 1).min(last);
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    Some(if share > 0.0 && low != high { (1.0 - share) * low + share * high } else { low })
}

/// The inner borders of bins of equal width.
fn equal_widths(sorted: &[f64], n_bins: usize) -> Vec<f64> {
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return Vec::new() };
    let width = (last - first) / n_bins as f64;
    (1..n_bins).map(|k| first + k as f64 * width).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three fifths of the way from 0 to 45 lie at 27, or one bit beyond where the steps are added up:
    /// `quantile(0:45, seq(0, 1, length.out = 6)[4]) - 27` is 3.6e-15 in R, for 0.6 it is 0.
    #[test]
    fn a_quantile_is_rounded_as_in_r() {
        let values: Vec<f64> = (0..=45).map(f64::from).collect();
        assert_eq!(quantile_as_in_r(&values, 3.0 * (1.0 / 5.0)), Some(27.0 + 2f64.powi(-48)));
        assert_eq!(quantile_as_in_r(&values, 0.6), Some(27.0));
        assert_eq!(quantile_as_in_r(&[7.0], 0.5), Some(7.0));
        assert_eq!(quantile_as_in_r(&[], 0.5), None);
    }
}
