//! How strongly two classifications go together, and where a table departs from independence.

use crate::chi_squared::degrees_of_freedom;
use crate::{ChiSquared, ContingencyTable, chi_squared};
use cohort::{Estimate, NotEstimable};
use numerics::elementary::ln;
use numerics::sum::sum;

/// Where a table departs from independence, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Residuals {
    /// `(O - E) / √E`; their squares add up to Pearson's statistic.
    pub pearson: Vec<Vec<f64>>,
    /// `(O - E) / √(E (1 - r/n)(1 - c/n))` with the totals `r` of the row and `c` of the column:
    /// about standard normal under independence.
    pub standardised: Vec<Vec<f64>>,
}

/// Residuals of every cell.
///
/// Haberman (1973), Biometrics 29:205-220. Same as `residuals` and `stdres` of `chisq.test` in R.
#[must_use]
pub fn residuals(table: &ContingencyTable) -> Residuals {
    let (expected, n) = (table.expected(), table.n() as f64);
    let left_out = |totals: Vec<usize>| -> Vec<f64> {
        totals.into_iter().map(|total| 1.0 - total as f64 / n).collect()
    };
    let (rows, columns) = (left_out(table.row_totals()), left_out(table.column_totals()));
    let of_cells = |scale: &dyn Fn(usize, usize) -> f64| -> Vec<Vec<f64>> {
        let cell = |row: usize, column: usize| {
            let observed = table.counts()[row][column] as f64;
            (observed - expected[row][column]) / scale(row, column).sqrt()
        };
        let of_row = |row| (0..columns.len()).map(|column| cell(row, column)).collect();
        (0..rows.len()).map(of_row).collect()
    };
    Residuals {
        pearson: of_cells(&|row, column| expected[row][column]),
        standardised: of_cells(&|row, column| expected[row][column] * rows[row] * columns[column]),
    }
}

/// The likelihood-ratio test of independence.
///
/// ```text
/// G = 2 Σ O ln(O / E)    with (r - 1)(c - 1) degrees of freedom; an empty cell adds 0
/// ```
///
/// Wilks (1935), Ann. Math. Stat. 6:190-196. Same as `vcd::assocstats` in R.
#[must_use]
pub fn g_test(table: &ContingencyTable) -> ChiSquared {
    let expected = table.expected();
    let cells = table.counts().iter().flatten().zip(expected.iter().flatten());
    let terms = cells.filter(|&(&observed, _)| observed > 0).map(|(&observed, &expected)| {
        let observed = observed as f64;
        // The differences add up to 0; with them no term is negative and none cancels another.
        observed * ln(observed / expected) - (observed - expected)
    });
    let empty = table.counts().iter().flatten().zip(expected.iter().flatten());
    let of_empty = empty.filter(|&(&observed, _)| observed == 0).map(|(_, &expected)| expected);
    let statistic = 2.0 * sum(terms.chain(of_empty));
    ChiSquared::new(statistic.max(0.0), degrees_of_freedom(table))
}

/// Phi of a table of two by two: the root of Pearson's statistic over the number of subjects.
///
/// It has no sign; other tables have Cramér's V instead. Same as `vcd::assocstats` in R.
pub fn phi(table: &ContingencyTable) -> Estimate {
    match table.two_by_two() {
        Some(_) => Ok(cramers_v(table)),
        None => Err(NotEstimable::NotDefined),
    }
}

/// Cramér's V: `√(X² / (n (min(r, c) - 1)))`, from 0 for independence to 1.
///
/// Cramér (1946), Mathematical Methods of Statistics, 21.9. Same as `vcd::assocstats` in R.
#[must_use]
pub fn cramers_v(table: &ContingencyTable) -> f64 {
    let fewer = table.counts().len().min(table.counts()[0].len());
    (chi_squared(table).statistic / (table.n() as f64 * (fewer - 1) as f64)).sqrt()
}

/// The odds ratio `ad / bc` of a table of two by two.
///
/// Without the counts below the line it is infinite, said as [`NotEstimable::Separation`].
pub fn sample_odds_ratio(table: &ContingencyTable) -> Estimate {
    let [[a, b], [c, d]] = table.two_by_two().ok_or(NotEstimable::NotDefined)?;
    let (above, below) = (a as f64 * d as f64, b as f64 * c as f64);
    if below == 0.0 { Err(NotEstimable::Separation) } else { Ok(above / below) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(counts: &[&[usize]]) -> ContingencyTable {
        ContingencyTable::new(&counts.iter().map(|row| row.to_vec()).collect::<Vec<_>>()).unwrap()
    }

    /// All expected counts are 2: residuals ±1/√2 and ±√2, G = 2 (6 ln(3/2) + 2 ln(1/2)), φ = √(2/8).
    #[test]
    fn four_cups_of_tea() {
        let tea = table(&[&[3, 1], &[1, 3]]);
        let residuals = residuals(&tea);
        assert!((residuals.pearson[0][1] + 0.5f64.sqrt()).abs() < 1e-15);
        assert!((residuals.standardised[1][1] - 2f64.sqrt()).abs() < 1e-15);
        let g = 2.0 * (6.0 * 1.5f64.ln() + 2.0 * 0.5f64.ln());
        assert!((g_test(&tea).statistic - g).abs() < 1e-14);
        assert_eq!((phi(&tea), sample_odds_ratio(&tea)), (Ok(0.5), Ok(9.0)));
    }

    #[test]
    fn measures_of_two_by_two_are_for_two_by_two() {
        let larger = table(&[&[2, 0, 0], &[0, 2, 0], &[0, 0, 2]]);
        assert_eq!(phi(&larger), Err(NotEstimable::NotDefined));
        assert_eq!(sample_odds_ratio(&larger), Err(NotEstimable::NotDefined));
        assert!((cramers_v(&larger) - 1.0).abs() < 1e-15);
        assert_eq!(sample_odds_ratio(&table(&[&[3, 0], &[1, 2]])), Err(NotEstimable::Separation));
    }
}
