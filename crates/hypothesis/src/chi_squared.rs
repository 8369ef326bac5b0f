//! Pearson's test of a table of counts.

use crate::ContingencyTable;
use cohort::{Estimate, NotEstimable};
use numerics::sum::sum;
use numerics::tails::chi_squared_sf;

/// A statistic that has a chi-squared distribution when nothing differs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChiSquared {
    /// The statistic.
    pub statistic: f64,
    /// Its degrees of freedom, at least 1.
    pub degrees_of_freedom: usize,
    /// Upper tail of its distribution.
    pub p_value: f64,
}

impl ChiSquared {
    /// The statistic with its upper tail.
    #[must_use]
    pub fn new(statistic: f64, degrees_of_freedom: usize) -> Self {
        let p_value = chi_squared_sf(statistic, degrees_of_freedom);
        Self { statistic, degrees_of_freedom, p_value }
    }
}

/// Pearson's chi-squared test of independence without correction.
///
/// ```text
/// X² = Σ (O - E)² / E    with (r - 1)(c - 1) degrees of freedom
/// ```
///
/// Pearson (1900), Philos. Mag. 50:157-175. Same as `chisq.test(table, correct = FALSE)` in R on a
/// table of the levels that occur.
#[must_use]
pub fn chi_squared(table: &ContingencyTable) -> ChiSquared {
    pearson(table, 0.0)
}

/// Pearson's test with Yates's correction; defined for tables of two by two.
///
/// Each `|O - E|` is lowered by `min(1/2, |O - E|)`: as in R the correction never exceeds the
/// difference, which is the same in all four cells.
///
/// Yates (1934), J. R. Stat. Soc. Suppl. 1:217-235. Same as `chisq.test(table)` in R.
pub fn chi_squared_yates(table: &ContingencyTable) -> Estimate<ChiSquared> {
    match table.two_by_two() {
        Some(_) => Ok(pearson(table, 0.5)),
        None => Err(NotEstimable::NotDefined),
    }
}

fn pearson(table: &ContingencyTable, correction: f64) -> ChiSquared {
    let expected = table.expected();
    let differences = || {
        let cells = table.counts().iter().flatten().zip(expected.iter().flatten());
        cells.map(|(&observed, &expected)| ((observed as f64 - expected).abs(), expected))
    };
    let correction = differences().map(|(difference, _)| difference).fold(correction, f64::min);
    let statistic = sum(differences().map(|(difference, expected)| {
        let corrected = difference - correction;
        corrected * corrected / expected
    }));
    ChiSquared::new(statistic, degrees_of_freedom(table))
}

/// `(r - 1)(c - 1)`, at least 1.
pub(crate) fn degrees_of_freedom(table: &ContingencyTable) -> usize {
    (table.counts().len() - 1) * (table.counts()[0].len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(counts: &[[usize; 2]]) -> ContingencyTable {
        ContingencyTable::new(&counts.iter().map(|row| row.to_vec()).collect::<Vec<_>>()).unwrap()
    }

    /// The lady tasting tea: all expected counts are 2, so X² = 4 · 1/2 and Yates 4 · 1/8.
    #[test]
    fn four_cups_of_tea() {
        let tea = table(&[[3, 1], [1, 3]]);
        assert_eq!(chi_squared(&tea).statistic, 2.0);
        assert_eq!(chi_squared_yates(&tea).unwrap().statistic, 0.5);
    }

    #[test]
    fn the_correction_does_not_exceed_the_difference() {
        let outcome = chi_squared_yates(&table(&[[10, 10], [10, 11]])).unwrap();
        assert_eq!((outcome.statistic, outcome.p_value), (0.0, 1.0));
    }

    #[test]
    fn empty_levels_have_no_degrees_of_freedom() {
        let counts = [vec![3, 0, 1], vec![1, 0, 3]];
        let outcome = chi_squared(&ContingencyTable::new(&counts).unwrap());
        assert_eq!((outcome.degrees_of_freedom, outcome.statistic), (1, 2.0));
    }

    #[test]
    fn the_correction_is_for_two_by_two() {
        let table = table(&[[3, 1], [1, 3], [2, 2]]);
        assert_eq!(chi_squared_yates(&table), Err(NotEstimable::NotDefined));
    }
}
