//! Who is paired with whom.

use crate::sample::Sample;
use crate::{BalanceError, Pairing};
use cohort::{Cohort, Selection};
use numerics::sum::{Sum, sum};

/// A matched set: each of the first is paired with each of the second.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct MatchedSet {
    /// Rows of the first group.
    pub first: Vec<usize>,
    /// Rows of the second group.
    pub second: Vec<usize>,
}

/// The sets whose members are in the sample; only its first two groups are paired.
pub(crate) fn matched_sets(
    sample: &Sample,
    pairing: &Pairing,
) -> Result<Vec<MatchedSet>, BalanceError> {
    let mut sets = match pairing {
        Pairing::Column(column) => by_column(sample, column)?,
        Pairing::Rows(pairs) => by_rows(sample, pairs)?,
    };
    sets.retain(|set| !set.first.is_empty() && !set.second.is_empty());
    Ok(sets)
}

fn by_column(sample: &Sample, column: &str) -> Result<Vec<MatchedSet>, BalanceError> {
    let codes = codes(sample.cohort, column)?;
    let n_sets = codes.iter().flatten().max().map_or(0, |&last| last + 1);
    let mut sets = vec![MatchedSet::default(); n_sets];
    for (index, rows) in sample.groups.iter().take(2).enumerate() {
        for &row in rows {
            let Some(code) = codes[row] else { continue };
            let set = &mut sets[code];
            if index == 0 { set.first.push(row) } else { set.second.push(row) }
        }
    }
    Ok(sets)
}

/// Number of the set of each row of the cohort; none where it is missing.
fn codes(cohort: &Cohort, column: &str) -> Result<Vec<Option<usize>>, BalanceError> {
    let is_missing = cohort.is_missing(column)?;
    let present = Selection::all(cohort).filter(|row| !is_missing[row]);
    let sets = cohort.strata(&[column.to_string()], &present)?;
    let mut codes = vec![None; cohort.len()];
    for (&row, set) in present.rows().iter().zip(sets) {
        codes[row] = Some(set as usize);
    }
    Ok(codes)
}

fn by_rows(sample: &Sample, pairs: &[(usize, usize)]) -> Result<Vec<MatchedSet>, BalanceError> {
    let rows = sample.cohort.len();
    let beyond = pairs.iter().flat_map(|&(first, second)| [first, second]).find(|&row| row >= rows);
    if let Some(row) = beyond {
        return Err(BalanceError::PairOutOfRange { row, rows });
    }
    let is_in = |group: usize| {
        let mut is_in = vec![false; rows];
        sample.groups.get(group).into_iter().flatten().for_each(|&row| is_in[row] = true);
        is_in
    };
    let (is_first, is_second) = (is_in(0), is_in(1));
    // Rows outside of the sample have no arm to be wrong.
    for (index, &(first, second)) in pairs.iter().enumerate() {
        for (row, is_other, place) in
            [(first, &is_second, "exposed"), (second, &is_first, "comparator")]
        {
            if is_other[row] {
                let row = sample.cohort.caller_row(row);
                return Err(BalanceError::PairOfWrongArm { index, row, place });
            }
        }
    }
    let of_sample = pairs.iter().filter(|&&(first, second)| is_first[first] && is_second[second]);
    Ok(of_sample
        .map(|&(first, second)| MatchedSet { first: vec![first], second: vec![second] })
        .collect())
}

/// Mean absolute difference over all pairs in which both members have a value; `None` without one.
pub(crate) fn mean_distance(
    sets: &[MatchedSet],
    value: impl Fn(usize) -> Option<f64>,
) -> Option<f64> {
    let (mut total, mut n) = (Sum::default(), 0usize);
    let present = |rows: &[usize]| rows.iter().filter_map(|&row| value(row)).collect::<Vec<f64>>();
    for set in sets {
        let (first, mut second) = (present(&set.first), present(&set.second));
        n += first.len() * second.len();
        total += total_distance(&first, &mut second);
    }
    (n > 0).then(|| total.value() / n as f64)
}

/// Sum of `|a - b|` over all pairs; large sets are sorted instead of walked pair by pair.
fn total_distance(first: &[f64], second: &mut [f64]) -> f64 {
    if first.len() * second.len() <= 64 {
        let second = &*second;
        return sum(first.iter().flat_map(|a| second.iter().map(move |b| (a - b).abs())));
    }
    second.sort_by(f64::total_cmp);
    let mut below = vec![0.0];
    let mut running = Sum::default();
    for &value in &*second {
        running += value;
        below.push(running.value());
    }
    let all = running.value();
    sum(first.iter().map(|&a| {
        let k = second.partition_point(|&b| b <= a);
        let (n_below, n_above) = (k as f64, (second.len() - k) as f64);
        (n_below * a - below[k]) + ((all - below[k]) - n_above * a)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_sets_have_the_distance_of_their_pairs() {
        let first: Vec<f64> = (0..9).map(|k| f64::from(k * 7 % 9)).collect();
        let second: Vec<f64> = (0..11).map(|k| f64::from(k * 5 % 11) / 2.0).collect();
        let pairs = first.iter().flat_map(|a| second.iter().map(move |b| (a - b).abs()));
        let walked: f64 = pairs.sum();
        assert!((total_distance(&first, &mut second.clone()) - walked).abs() < 1e-12);
    }
}
