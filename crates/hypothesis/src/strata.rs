//! Tests of counts within strata, such as sites.

use crate::conditional::Tilted;
use crate::two_by_two::first_count;
use crate::{ChiSquared, Continuity};
use cohort::{Estimate, Interval, NotEstimable};
use nalgebra::{DMatrix, DVector};
use numerics::cholesky::Cholesky;
use numerics::elementary::{exp, ln};
use numerics::sum::{Sum, sum};
use numerics::tails::two_sided_multiplier;
use numerics::wanted;

/// A table of two by two counts, row by row, in one stratum.
type TwoByTwo = [[usize; 2]; 2];

/// Test of independence within strata, and the odds ratio common to them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MantelHaenszel {
    /// The test.
    pub test: ChiSquared,
    /// Mantel and Haenszel's odds ratio; infinite, said as [`NotEstimable::Separation`], without
    /// anybody below the line.
    pub odds_ratio: Estimate,
    /// Its limits by the variance of Robins, Breslow and Greenland.
    pub interval: Interval,
}

/// Cochran-Mantel-Haenszel test of two by two counts over strata.
///
/// ```text
/// X² = (|Σ (a - E)| - c)² / Σ V        E = r₁c₁/n,  V = r₁r₂c₁c₂ / (n²(n - 1))
/// ψ  = Σ (ad/n) / Σ (bc/n)
/// ```
///
/// `c` is one half with the correction, left out where the sum is smaller. Strata of fewer than two
/// subjects do not count. Without variance in any stratum nothing can be tested:
/// [`NotEstimable::EmptyMargin`]. `confidence` lies strictly between 0 and 1.
///
/// Mantel and Haenszel (1959), J. Natl. Cancer Inst. 22:719-748; Robins, Breslow and Greenland
/// (1986), Biometrics 42:311-323. Same as `mantelhaen.test(tables, correct = ..)` in R.
pub fn mantel_haenszel(
    tables: &[TwoByTwo],
    continuity: Continuity,
    confidence: f64,
) -> Estimate<MantelHaenszel> {
    let tables = countable(tables);
    let mut distance = Sum::default();
    let mut variance = Sum::default();
    for [[a, b], [c, d]] in tables.iter().copied().map(as_numbers) {
        let n = a + b + c + d;
        distance += a - (a + b) * (a + c) / n;
        variance += (a + b) / n * ((c + d) / n) * (a + c) * (b + d) / (n - 1.0);
    }
    let (distance, variance) = (distance.value().abs(), variance.value());
    if variance == 0.0 {
        return Err(NotEstimable::EmptyMargin);
    }
    let step = continuity.step();
    let distance = if distance >= step { distance - step } else { distance };
    let (odds_ratio, interval) = common_odds_ratio(&tables, confidence);
    Ok(MantelHaenszel {
        test: ChiSquared::new(distance * distance / variance, 1),
        odds_ratio,
        interval,
    })
}

fn countable(tables: &[TwoByTwo]) -> Vec<TwoByTwo> {
    let n = |table: &TwoByTwo| table.iter().flatten().sum::<usize>();
    tables.iter().copied().filter(|table| n(table) >= 2).collect()
}

fn as_numbers(table: TwoByTwo) -> [[f64; 2]; 2] {
    table.map(|row| row.map(|count| count as f64))
}

fn common_odds_ratio(tables: &[TwoByTwo], confidence: f64) -> (Estimate, Interval) {
    let shares = tables.iter().copied().map(as_numbers).map(|[[a, b], [c, d]]| {
        let n = a + b + c + d;
        // P and Q, R and S of Robins, Breslow and Greenland.
        ((a + d) / n, (b + c) / n, a * d / n, b * c / n)
    });
    let shares: Vec<(f64, f64, f64, f64)> = shares.collect();
    let total = |part: fn(&(f64, f64, f64, f64)) -> f64| sum(shares.iter().map(part));
    let (r, s) = (total(|&(_, _, r, _)| r), total(|&(_, _, _, s)| s));
    if s == 0.0 {
        return (Err(NotEstimable::Separation), Interval::none(NotEstimable::Separation));
    }
    let ratio = r / s;
    if ratio == 0.0 {
        return (Ok(ratio), Interval::none(NotEstimable::VarianceUndefined));
    }
    let variance = total(|&(p, _, r, _)| p * r) / (2.0 * r * r)
        + total(|&(p, q, r, s)| p * s + q * r) / (2.0 * r * s)
        + total(|&(_, q, _, s)| q * s) / (2.0 * s * s);
    let reach = two_sided_multiplier(confidence) * variance.sqrt();
    let (lower, upper) = (exp(ln(ratio) - reach), exp(ln(ratio) + reach));
    (Ok(ratio), Interval { lower: Ok(lower), upper: Ok(upper) })
}

/// Exact conditional test over strata.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExactMantelHaenszel {
    /// Probability of all sums of first counts that are no more probable than the one observed.
    pub p_value: f64,
    /// Conditional maximum likelihood estimate of the common odds ratio; infinite, said as
    /// [`NotEstimable::Separation`], where the sum is as large as the margins allow.
    pub odds_ratio: Estimate,
    /// Its exact limits.
    pub interval: Interval,
}

/// Exact test of independence over strata of two by two counts, given all margins.
///
/// The sum of the first counts has the distribution of a sum of independent hypergeometric counts.
/// Large strata whose sum would take too long give [`NotEstimable::TooLarge`]; strata whose margins
/// allow one table alone do not count, and if all do, nothing can be tested:
/// [`NotEstimable::EmptyMargin`]. `confidence` lies strictly between 0 and 1.
///
/// Mehta, Patel and Gray (1985), J. Am. Stat. Assoc. 80:969-973. Same as `mantelhaen.test(tables,
/// exact = TRUE)` in R, which solves for the odds ratios to about 1e-4.
pub fn mantel_haenszel_exact(
    tables: &[TwoByTwo],
    confidence: f64,
) -> Estimate<ExactMantelHaenszel> {
    let tables = countable(tables);
    let mut distribution = Tilted::new(0, vec![0.0]);
    for &table in &tables {
        distribution = distribution.plus(&first_count(table)?)?;
    }
    let observed = tables.iter().map(|table| table[0][0]).sum();
    let odds_ratio = distribution.odds_ratio(observed);
    if odds_ratio == Err(NotEstimable::EmptyMargin) {
        return Err(NotEstimable::EmptyMargin);
    }
    Ok(ExactMantelHaenszel {
        p_value: distribution.two_sided(observed),
        odds_ratio,
        interval: distribution.limits(observed, confidence),
    })
}

/// Generalised Cochran-Mantel-Haenszel test of general association for tables of any size.
///
/// ```text
/// X² = D' V⁻¹ D    D = Σ (O - E) over all cells but the last row and column
/// V = Σ (diag(r) n - rr') ⊗ (diag(c) n - cc') / (n²(n - 1))
/// ```
///
/// `tables` lists the strata, each with the same rows and columns; rows and columns that are empty in
/// every stratum do not count, nor do strata of fewer than two subjects. Where the strata tie cells
/// together, as when a level never meets two groups, `V` is singular: `V⁻¹` is then a generalised
/// inverse and the degrees of freedom are the rank of `V`, as in SAS, where R has no answer. Without
/// any, nothing can be tested: [`NotEstimable::EmptyMargin`]. Tables of more than some thousand cells
/// give [`NotEstimable::TooLarge`].
///
/// Landis, Heyman and Koch (1978), Int. Stat. Rev. 46:237-254. Same as `mantelhaen.test` in R for
/// tables larger than two by two; for those of two by two the same as [`mantel_haenszel`] without
/// correction.
pub fn cochran_mantel_haenszel(tables: &[Vec<Vec<usize>>]) -> Estimate<ChiSquared> {
    let (rows, columns) = occupied_lines(tables);
    if rows.len() < 2 || columns.len() < 2 {
        return Err(NotEstimable::EmptyMargin);
    }
    let (r, c) = (rows.len() - 1, columns.len() - 1);
    if r * c > MOST_CELLS {
        return Err(NotEstimable::TooLarge);
    }
    let mut distance = DVector::<f64>::zeros(r * c);
    let mut variance = DMatrix::<f64>::zeros(r * c, r * c);
    for table in tables {
        wanted::check();
        let cell = |row: &usize, column: &usize| table[*row][*column] as f64;
        let of_row = |row| columns.iter().map(|column| cell(row, column)).sum::<f64>();
        let of_column = |column| rows.iter().map(|row| cell(row, column)).sum::<f64>();
        let row_totals: Vec<f64> = rows.iter().map(of_row).collect();
        let column_totals: Vec<f64> = columns.iter().map(of_column).collect();
        let n: f64 = row_totals.iter().sum();
        if n < 2.0 {
            continue;
        }
        let spread = |totals: &[f64], a: usize, b: usize| {
            let own = if a == b { totals[a] } else { 0.0 };
            own - totals[a] * totals[b] / n
        };
        // Cells without a total in the stratum add nothing.
        let has_totals = |&one: &usize| row_totals[one / c] > 0.0 && column_totals[one % c] > 0.0;
        let occupied: Vec<usize> = (0..r * c).filter(has_totals).collect();
        for &one in &occupied {
            let (i, j) = (one / c, one % c);
            distance[one] += cell(&rows[i], &columns[j]) - row_totals[i] * column_totals[j] / n;
            for &other in &occupied {
                let (k, l) = (other / c, other % c);
                variance[(one, other)] +=
                    spread(&row_totals, i, k) * spread(&column_totals, j, l) / (n - 1.0);
            }
        }
    }
    let factor = Cholesky::rank_revealing(&variance);
    if factor.rank() == 0 {
        return Err(NotEstimable::EmptyMargin);
    }
    Ok(ChiSquared::new(factor.quadratic_form(&distance), factor.rank()))
}

/// Most cells but the last row and column. The work grows with their cube; a variable with more is no
/// category.
const MOST_CELLS: usize = 1500;

/// Rows and columns that hold somebody in some stratum.
fn occupied_lines(tables: &[Vec<Vec<usize>>]) -> (Vec<usize>, Vec<usize>) {
    let n_rows = tables.iter().map(Vec::len).max().unwrap_or(0);
    let n_columns = tables.iter().flatten().map(Vec::len).max().unwrap_or(0);
    let has_row = |&row: &usize| tables.iter().any(|table| table[row].iter().any(|&n| n > 0));
    let has_column = |&column: &usize| tables.iter().flatten().any(|row| row[column] > 0);
    ((0..n_rows).filter(has_row).collect(), (0..n_columns).filter(has_column).collect())
}

/// Test of one odds ratio common to all strata, with the correction of Tarone.
///
/// ```text
/// X² = Σ (a - A)² / V - (Σ (a - A))² / Σ V    1/V = 1/A + 1/B + 1/C + 1/D
/// ```
///
/// `A` to `D` are the counts with the observed margins and the odds ratio of Mantel and Haenszel. One
/// degree of freedom less than strata; strata with an empty row or column do not count. Undefined for
/// fewer than two strata and where the common odds ratio is 0 or infinite.
///
/// Breslow and Day (1980), Statistical Methods in Cancer Research I, 4.4; Tarone (1985), Biometrika
/// 72:91-95. Same as `DescTools::BreslowDayTest(tables, correct = TRUE)` in R.
pub fn breslow_day(tables: &[TwoByTwo]) -> Estimate<ChiSquared> {
    let has_margins = |&&[[a, b], [c, d]]: &&TwoByTwo| {
        [a + b, c + d, a + c, b + d].iter().all(|&total| total > 0)
    };
    let tables: Vec<TwoByTwo> = tables.iter().filter(has_margins).copied().collect();
    if tables.len() < 2 {
        return Err(NotEstimable::TooFewGroups);
    }
    let (ratio, _) = common_odds_ratio(&tables, 0.95);
    let ratio = match ratio? {
        0.0 => return Err(NotEstimable::NotDefined),
        ratio => ratio,
    };
    let (mut squares, mut distance, mut total) = (Sum::default(), Sum::default(), Sum::default());
    for table in tables.iter().copied().map(as_numbers) {
        let (fitted, variance) = fitted_first_count(table, ratio);
        let apart = table[0][0] - fitted;
        squares += apart * apart / variance;
        distance += apart;
        total += variance;
    }
    let correction = distance.value() * distance.value() / total.value();
    Ok(ChiSquared::new((squares.value() - correction).max(0.0), tables.len() - 1))
}

/// The first count with the margins of the table and this odds ratio, and its variance.
fn fitted_first_count([[a, b], [c, d]]: [[f64; 2]; 2], ratio: f64) -> (f64, f64) {
    let (row, column, rest) = (a + b, a + c, d - a);
    // x (rest + x) = ψ (row - x)(column - x); of the two roots the one within the margins.
    let (square, linear) = (1.0 - ratio, rest + ratio * (row + column));
    let constant = -ratio * row * column;
    let root = (linear * linear - 4.0 * square * constant).max(0.0).sqrt();
    let fitted = -2.0 * constant / (linear + root);
    let cells = [fitted, row - fitted, column - fitted, rest + fitted];
    (fitted, 1.0 / cells.iter().map(|cell| 1.0 / cell).sum::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(got: f64, want: f64) {
        assert!((got - want).abs() <= 1e-12 * want.abs(), "{got} instead of {want}");
    }

    const TABLES: [TwoByTwo; 2] = [[[3, 1], [1, 3]], [[2, 2], [1, 3]]];

    /// Expected 2 and 1.5, variances 4·4·4·4/(64·7) = 4/7 and 4·4·3·5/(64·7) = 15/28: a distance of
    /// 1.5, corrected 1, over 31/28. ψ = (9/8 + 6/8) / (1/8 + 2/8).
    #[test]
    fn two_strata_by_hand() {
        let plain = mantel_haenszel(&TABLES, Continuity::Uncorrected, 0.95).unwrap();
        assert_close(plain.test.statistic, 2.25 * 28.0 / 31.0);
        assert_close(plain.odds_ratio.unwrap(), 5.0);
        let corrected = mantel_haenszel(&TABLES, Continuity::Corrected, 0.95).unwrap();
        assert_close(corrected.test.statistic, 28.0 / 31.0);
        let general = TABLES.map(|table| table.map(|row| row.to_vec()).to_vec());
        let general = cochran_mantel_haenszel(&general).unwrap();
        assert_close(general.statistic, plain.test.statistic);
    }

    /// Ways 1, 16, 36, 16, 1 and (first count 0 to 3 of three) 4, 24, 24, 4: of 70 · 56 the sum of 5 or
    /// more has 16·24 + ... counted below, as probable as its mirror image, 2 or less.
    #[test]
    fn sums_of_first_counts_are_counted() {
        let exact = mantel_haenszel_exact(&TABLES, 0.95).unwrap();
        let ways = |sum: usize| -> f64 {
            let (one, other) = ([1.0, 16.0, 36.0, 16.0, 1.0], [4.0, 24.0, 24.0, 4.0]);
            (0..5).filter(|i| (i..=&(i + 3)).contains(&&sum)).map(|i| one[i] * other[sum - i]).sum()
        };
        let all: f64 = (0..8).map(ways).sum();
        assert_eq!(all, 70.0 * 56.0);
        assert_close(exact.p_value, 2.0 * (ways(5) + ways(6) + ways(7)) / all);
    }

    #[test]
    fn one_stratum_is_fishers_test() {
        let exact = mantel_haenszel_exact(&TABLES[..1], 0.95).unwrap();
        assert_close(exact.p_value, 34.0 / 70.0);
    }

    /// With ψ = 1 the fitted counts are those under independence: (3 - 2)² and (1 - 2)² over
    /// 1/(4/2) = 1/2 each.
    #[test]
    fn opposite_strata_have_no_common_odds_ratio() {
        let opposite = [[[3, 1], [1, 3]], [[1, 3], [3, 1]]];
        let outcome = breslow_day(&opposite).unwrap();
        assert_close(outcome.statistic, 4.0);
        assert_eq!(outcome.degrees_of_freedom, 1);
        assert_eq!(breslow_day(&opposite[..1]), Err(NotEstimable::TooFewGroups));
    }

    /// Automatic gearboxes of `mtcars` by cylinders within gears: cars of 8 cylinders never meet both
    /// kinds, which leaves one degree of freedom of two, 0.6875 in R as `d %*% MASS::ginv(V) %*% d`.
    /// The first stratum alone, and a level of its second alone, have nothing to compare.
    #[test]
    fn levels_that_never_meet_two_groups_leave_no_degree_of_freedom() {
        let gears = [
            vec![vec![1, 2, 12], vec![0, 0, 0]],
            vec![vec![2, 2, 0], vec![6, 2, 0]],
            vec![vec![0, 0, 0], vec![2, 1, 2]],
        ];
        let outcome = cochran_mantel_haenszel(&gears).unwrap();
        assert_close(outcome.statistic, 0.6875);
        assert_eq!(outcome.degrees_of_freedom, 1);
        assert_eq!(cochran_mantel_haenszel(&gears[..1]), Err(NotEstimable::EmptyMargin));
        let many = vec![vec![vec![1; 2000]; 2]];
        assert_eq!(cochran_mantel_haenszel(&many), Err(NotEstimable::TooLarge));
        let apart = [gears[0].clone(), gears[2].clone()];
        assert_eq!(cochran_mantel_haenszel(&apart), Err(NotEstimable::EmptyMargin));
    }

    #[test]
    fn strata_without_margins_leave_nothing_to_test() {
        let empty = [[[0, 0], [3, 5]], [[1, 0], [0, 0]]];
        let none = mantel_haenszel(&empty, Continuity::Corrected, 0.95);
        assert_eq!(none, Err(NotEstimable::EmptyMargin));
        assert_eq!(mantel_haenszel_exact(&empty, 0.95), Err(NotEstimable::EmptyMargin));
        let separate = [[[3, 0], [0, 3]]];
        let outcome = mantel_haenszel(&separate, Continuity::Corrected, 0.95).unwrap();
        assert_eq!(outcome.odds_ratio, Err(NotEstimable::Separation));
    }
}
