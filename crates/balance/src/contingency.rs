//! Tables of counts and Pearson's test on them.

use crate::{BalanceTest, TestOutcome};
use cohort::{Estimate, NotEstimable};
use numerics::sum::sum;
use numerics::tails::chi_squared_sf;

/// Counts of two classifications: at least two rows and two columns, none of them empty.
#[derive(Clone, Debug, PartialEq)]
pub struct ContingencyTable {
    counts: Vec<Vec<usize>>,
}

impl ContingencyTable {
    /// Keeps the rows and columns that hold somebody, as `table` does in R with existing levels.
    ///
    /// `counts` lists rows of equal length. Fewer than two rows or columns that hold somebody
    /// leave nothing to compare: [`NotEstimable::EmptyMargin`].
    pub fn new(counts: &[Vec<usize>]) -> Estimate<Self> {
        let columns = counts.iter().map(Vec::len).max().unwrap_or(0);
        let occupied: Vec<usize> = (0..columns)
            .filter(|&column| counts.iter().any(|row| row.get(column).is_some_and(|&n| n > 0)))
            .collect();
        let keep = |row: &Vec<usize>| -> Vec<usize> {
            occupied.iter().map(|&column| row.get(column).copied().unwrap_or(0)).collect()
        };
        let is_occupied = |row: &&Vec<usize>| row.iter().any(|&n| n > 0);
        let counts: Vec<Vec<usize>> = counts.iter().filter(is_occupied).map(keep).collect();
        if counts.len() < 2 || occupied.len() < 2 {
            return Err(NotEstimable::EmptyMargin);
        }
        Ok(Self { counts })
    }

    /// The counts, row by row.
    #[must_use]
    pub fn counts(&self) -> &[Vec<usize>] {
        &self.counts
    }

    /// Sums of the rows.
    #[must_use]
    pub fn row_totals(&self) -> Vec<usize> {
        self.counts.iter().map(|row| row.iter().sum()).collect()
    }

    /// Sums of the columns.
    #[must_use]
    pub fn column_totals(&self) -> Vec<usize> {
        let columns = 0..self.counts[0].len();
        columns.map(|column| self.counts.iter().map(|row| row[column]).sum()).collect()
    }

    /// Counts expected under independence, row by row: row total times column total over all.
    #[must_use]
    pub fn expected(&self) -> Vec<Vec<f64>> {
        let (rows, columns) = (self.row_totals(), self.column_totals());
        let n = rows.iter().sum::<usize>() as f64;
        let cell = |row: usize, column: usize| row as f64 * column as f64 / n;
        rows.iter().map(|&row| columns.iter().map(|&column| cell(row, column)).collect()).collect()
    }

    /// The smallest expected count; below 5 the chi-squared approximation is poor (Cochran 1954).
    #[must_use]
    pub fn smallest_expected(&self) -> f64 {
        self.expected().into_iter().flatten().fold(f64::INFINITY, f64::min)
    }

    fn is_two_by_two(&self) -> bool {
        self.counts.len() == 2 && self.counts[0].len() == 2
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
pub fn chi_squared(table: &ContingencyTable) -> TestOutcome {
    outcome(BalanceTest::ChiSquared, table, 0.0)
}

/// Pearson's test with Yates's correction; defined for tables of two by two.
///
/// Each `|O - E|` is lowered by `min(1/2, |O - E|)`: as in R the correction never exceeds the
/// difference, which is the same in all four cells.
///
/// Yates (1934), J. R. Stat. Soc. Suppl. 1:217-235. Same as `chisq.test(table)` in R.
pub fn chi_squared_yates(table: &ContingencyTable) -> Estimate<TestOutcome> {
    if !table.is_two_by_two() {
        return Err(NotEstimable::NotDefined);
    }
    Ok(outcome(BalanceTest::ChiSquaredYates, table, 0.5))
}

fn outcome(test: BalanceTest, table: &ContingencyTable, correction: f64) -> TestOutcome {
    let expected = table.expected();
    let differences = || {
        table
            .counts
            .iter()
            .flatten()
            .zip(expected.iter().flatten())
            .map(|(&observed, &expected)| ((observed as f64 - expected).abs(), expected))
    };
    let correction = differences().map(|(difference, _)| difference).fold(correction, f64::min);
    let statistic = sum(differences().map(|(difference, expected)| {
        let corrected = difference - correction;
        corrected * corrected / expected
    }));
    let degrees_of_freedom = (table.counts.len() - 1) * (table.counts[0].len() - 1);
    TestOutcome {
        test,
        statistic: Some(Ok(statistic)),
        degrees_of_freedom: Some(degrees_of_freedom as f64),
        p_value: Ok(chi_squared_sf(statistic, degrees_of_freedom)),
    }
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
        assert_eq!(chi_squared(&tea).statistic, Some(Ok(2.0)));
        assert_eq!(chi_squared_yates(&tea).unwrap().statistic, Some(Ok(0.5)));
        assert_eq!(tea.smallest_expected(), 2.0);
    }

    #[test]
    fn the_correction_does_not_exceed_the_difference() {
        let outcome = chi_squared_yates(&table(&[[10, 10], [10, 11]])).unwrap();
        assert_eq!(outcome.statistic, Some(Ok(0.0)));
        assert_eq!(outcome.p_value, Ok(1.0));
    }

    #[test]
    fn empty_levels_have_no_degrees_of_freedom() {
        let counts = [vec![3, 0, 1], vec![1, 0, 3]];
        let outcome = chi_squared(&ContingencyTable::new(&counts).unwrap());
        assert_eq!(outcome.degrees_of_freedom, Some(1.0));
        assert_eq!(outcome.statistic, Some(Ok(2.0)));
    }

    #[test]
    fn an_empty_margin_leaves_nothing_to_compare() {
        for counts in [[vec![0, 0], vec![3, 5]], [vec![3, 0], vec![5, 0]], [vec![], vec![]]] {
            assert_eq!(ContingencyTable::new(&counts), Err(NotEstimable::EmptyMargin));
        }
    }

    #[test]
    fn the_correction_is_for_two_by_two() {
        let table = table(&[[3, 1], [1, 3], [2, 2]]);
        assert_eq!(chi_squared_yates(&table), Err(NotEstimable::NotDefined));
    }
}
