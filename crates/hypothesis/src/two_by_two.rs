//! Fisher's exact test of a table of two by two, with its odds ratio.

use crate::ContingencyTable;
use crate::conditional::Tilted;
use crate::fisher::deviance;
use cohort::{Estimate, Interval, NotEstimable};

/// Fisher's exact test of two by two counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FisherTwoByTwo {
    /// Probability of all tables that are no more probable than the one observed.
    pub p_value: f64,
    /// One-sided: of an odds ratio as small as observed, or smaller.
    pub p_less: f64,
    /// One-sided: of an odds ratio as large as observed, or larger.
    pub p_greater: f64,
    /// Conditional maximum likelihood estimate of the odds ratio `ad / bc`; infinite, said as
    /// [`NotEstimable::Separation`], where the first count is as large as the margins allow.
    pub odds_ratio: Estimate,
    /// Its exact limits, found by inverting the two one-sided tests.
    pub interval: Interval,
}

/// Fisher's exact test of a table of two by two.
///
/// ```text
/// P(a; ψ) ∝ C(a + b, a) C(c + d, c) ψ^a    given all margins
/// ```
///
/// The estimate is the `ψ` under which the first count is expected; the limits leave
/// `(1 - confidence) / 2` beyond the observed count. Not the sample's odds ratio, which is further
/// from 1. `confidence` lies strictly between 0 and 1. Larger tables have no odds ratio:
/// [`NotEstimable::NotDefined`].
///
/// Fisher (1935), J. R. Stat. Soc. 98:39-82; Cornfield (1956), Proc. 3rd Berkeley Symp. 4:135-148.
/// Same as `fisher.test(table)` in R, which solves for the odds ratios to about 1e-4.
pub fn fisher_two_by_two(table: &ContingencyTable, confidence: f64) -> Estimate<FisherTwoByTwo> {
    let counts = table.two_by_two().ok_or(NotEstimable::NotDefined)?;
    let distribution = first_count(counts)?;
    let observed = counts[0][0];
    Ok(FisherTwoByTwo {
        p_value: distribution.two_sided(observed),
        p_less: distribution.at_most(observed),
        p_greater: distribution.at_least(observed),
        odds_ratio: distribution.odds_ratio(observed),
        interval: distribution.limits(observed, confidence),
    })
}

/// Most counts that the first cell may have.
const MOST_COUNTS: usize = 10_000_000;

/// Distribution of the first count, given all margins.
pub(crate) fn first_count([[a, b], [c, d]]: [[usize; 2]; 2]) -> Estimate<Tilted> {
    let (rows, columns) = ([a + b, c + d], [a + c, b + d]);
    let n = (rows[0] + rows[1]) as f64;
    let expected = |row: usize, column: usize| rows[row] as f64 * columns[column] as f64 / n;
    let lowest = rows[0].saturating_sub(columns[1]);
    let highest = rows[0].min(columns[0]);
    if highest - lowest >= MOST_COUNTS {
        return Err(NotEstimable::TooLarge);
    }
    // Poisson probabilities of the four cells: what depends on the margins alone falls out.
    let ln_weight = |x: usize| {
        let cells = [
            (x, expected(0, 0)),
            (rows[0] - x, expected(0, 1)),
            (columns[0] - x, expected(1, 0)),
            (columns[1] + x - rows[0], expected(1, 1)),
        ];
        let taken = |&(count, expected): &(usize, f64)| {
            if expected > 0.0 { deviance(count, expected) } else { 0.0 }
        };
        -cells.iter().map(taken).sum::<f64>()
    };
    Ok(Tilted::new(lowest, (lowest..=highest).map(ln_weight).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fisher(counts: [[usize; 2]; 2]) -> FisherTwoByTwo {
        let counts = counts.map(|row| row.to_vec());
        fisher_two_by_two(&ContingencyTable::new(&counts).unwrap(), 0.95).unwrap()
    }

    fn assert_close(got: f64, want: f64) {
        assert!((got - want).abs() <= 1e-12 * want.abs(), "{got} instead of {want}");
    }

    /// Of 70 tables of four cups 1, 16, 36, 16 and 1 have 0 to 4 in the first cell. The estimate
    /// solves (16ψ + 72ψ² + 48ψ³ + 4ψ⁴) / (1 + 16ψ + 36ψ² + 16ψ³ + ψ⁴) = 3.
    #[test]
    fn four_cups_of_tea() {
        let tea = fisher([[3, 1], [1, 3]]);
        assert_close(tea.p_value, 34.0 / 70.0);
        assert_close(tea.p_less, 69.0 / 70.0);
        assert_close(tea.p_greater, 17.0 / 70.0);
        let psi = tea.odds_ratio.unwrap();
        let above = 16.0 * psi + 72.0 * psi.powi(2) + 48.0 * psi.powi(3) + 4.0 * psi.powi(4);
        let all = 1.0 + 16.0 * psi + 36.0 * psi.powi(2) + 16.0 * psi.powi(3) + psi.powi(4);
        assert_close(above / all, 3.0);
        let lower = tea.interval.lower.unwrap();
        let all = 1.0 + 16.0 * lower + 36.0 * lower.powi(2) + 16.0 * lower.powi(3) + lower.powi(4);
        assert_close((16.0 * lower.powi(3) + lower.powi(4)) / all, 0.025);
    }

    /// With a first count of 0 among C(13, 5) = 1287 tables, 21 of them alike.
    #[test]
    fn an_empty_cell_has_one_limit() {
        let outcome = fisher([[0, 5], [6, 2]]);
        assert_close(outcome.p_less, 21.0 / 1287.0);
        assert_eq!((outcome.odds_ratio, outcome.interval.lower), (Ok(0.0), Ok(0.0)));
        assert!(outcome.interval.upper.is_ok());
        let mirrored = fisher([[6, 2], [0, 5]]);
        assert_eq!(mirrored.odds_ratio, Err(NotEstimable::Separation));
        assert_eq!(mirrored.interval.upper, Err(NotEstimable::Separation));
    }
}
