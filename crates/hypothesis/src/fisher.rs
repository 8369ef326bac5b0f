//! Fisher's exact test for tables of any size that can be walked in a moment.

use crate::ContingencyTable;
use cohort::{Estimate, NotEstimable};
use numerics::elementary::{exp, ln};
use numerics::sum::Sum;
use std::f64::consts::PI;
use std::ops::ControlFlow;

/// Two-sided p-value of Fisher's exact test.
///
/// Given the margins, a table has the probability `Π (row totals)! Π (column totals)! / (n! Π
/// (cells)!)`. The p-value sums the tables that are no more probable than the one observed, with a
/// relative slack of 1e-7 as in R.
///
/// The tables are walked column by column. What is still to be filled depends only on what each
/// row has left, so the highest and the lowest probability of the rest, and the sum over all ways
/// to fill it, are found once for each such state; a branch that lies wholly on one side of the
/// observed probability ends there. The idea is the network of Mehta and Patel (1983), J. Am.
/// Stat. Assoc. 78:427-434.
///
/// A table whose walk would take longer than about a second gives
/// [`NotEstimable::TooLarge`]; two arms of some thousand subjects over five levels are within
/// reach. Fisher (1935), J. R. Stat. Soc. 98:39-82. Same as `fisher.test(table)$p.value` in R.
pub fn fisher_exact(table: &ContingencyTable) -> Estimate {
    let margins = Margins::of(table);
    let weights = Weights::new(&margins)?;
    let mut rest = margins.rows.clone();
    let mut search = Search {
        weights: &weights,
        limit: weights.ln_probability(&margins.cells) + RELATIVE_SLACK,
        states: vec![vec![None; margins.n_states()]; margins.columns.len().saturating_sub(2)],
        steps: LONGEST_WALK,
        ln_all: weights.ln_multinomial(&margins.rows),
        total: Sum::default(),
        margins: &margins,
    };
    match search.walk(0, &mut rest, 0.0) {
        ControlFlow::Continue(()) => Ok(search.total.value().min(1.0)),
        ControlFlow::Break(TooLong) => Err(NotEstimable::TooLarge),
    }
}

/// Tables within this factor of the observed probability count as equally probable, as in R.
const RELATIVE_SLACK: f64 = 1e-7;

/// Number of columns filled, in all branches together, after which the walk is given up.
const LONGEST_WALK: usize = 50_000_000;

/// Number of states, or of cell weights, beyond which the table is not attempted.
const LARGEST_STORE: usize = 4_000_000;

/// The walk was given up.
struct TooLong;

type Walk = ControlFlow<TooLong>;

/// The table turned so that it has few rows, with the largest margins last.
///
/// The cells of the last row and of the last column follow from the others, so the order makes
/// the walk short.
struct Margins {
    cells: Vec<Vec<usize>>,
    rows: Vec<usize>,
    columns: Vec<usize>,
    n: usize,
}

impl Margins {
    fn of(table: &ContingencyTable) -> Self {
        let (rows, columns) = (table.row_totals(), table.column_totals());
        let cell = |row: usize, column: usize| table.counts()[row][column];
        if rows.len() <= columns.len() {
            Self::sorted(rows, columns, cell)
        } else {
            Self::sorted(columns, rows, |row, column| cell(column, row))
        }
    }

    fn sorted(rows: Vec<usize>, columns: Vec<usize>, cell: impl Fn(usize, usize) -> usize) -> Self {
        let ascending = |totals: &[usize]| {
            let mut order: Vec<usize> = (0..totals.len()).collect();
            order.sort_by_key(|&index| totals[index]);
            order
        };
        let (row_order, column_order) = (ascending(&rows), ascending(&columns));
        let cells = |&row: &usize| column_order.iter().map(|&column| cell(row, column)).collect();
        Self {
            cells: row_order.iter().map(cells).collect(),
            n: rows.iter().sum(),
            rows: row_order.iter().map(|&row| rows[row]).collect(),
            columns: column_order.iter().map(|&column| columns[column]).collect(),
        }
    }

    /// Number of ways in which all rows but the last can have something left.
    fn n_states(&self) -> usize {
        let but_the_last = &self.rows[..self.rows.len() - 1];
        but_the_last.iter().fold(1, |states, &total| states.saturating_mul(total + 1))
    }

    /// Index of what the rows have left; the last row has what is not in the others.
    fn state(&self, rest: &[usize]) -> usize {
        let but_the_last = self.rows.len() - 1;
        rest[..but_the_last]
            .iter()
            .zip(&self.rows)
            .fold(0, |index, (rest, total)| index * (total + 1) + rest)
    }
}

/// Logarithms of the multinomial probabilities of each column, given the shares of the rows.
///
/// Their product over the columns is the probability of the table up to a factor that depends on
/// the margins alone. Written as a distance from the expected counts none of them is large, which
/// keeps the digits that differences of large factorials lose. Loader (2000), Fast and accurate
/// computation of binomial probabilities.
struct Weights {
    /// Share of each row.
    shares: Vec<f64>,
    /// One per column.
    bases: Vec<f64>,
    /// Per column, row and count: what the cell takes from the base.
    cells: Vec<Vec<Vec<f64>>>,
}

impl Weights {
    fn new(margins: &Margins) -> Estimate<Self> {
        let most = |row: usize, column: usize| row.min(column);
        let n_weights: usize = margins
            .columns
            .iter()
            .flat_map(|&column| margins.rows.iter().map(move |&row| most(row, column) + 1))
            .sum();
        let n_states = margins.n_states().saturating_mul(margins.columns.len() - 2);
        if n_weights > LARGEST_STORE || n_states > LARGEST_STORE {
            return Err(NotEstimable::TooLarge);
        }
        let shares: Vec<f64> =
            margins.rows.iter().map(|&row| row as f64 / margins.n as f64).collect();
        let cell = |column: usize, row: usize| -> Vec<f64> {
            let expected = column as f64 * shares[row];
            (0..=most(margins.rows[row], column)).map(|count| deviance(count, expected)).collect()
        };
        let rows = 0..margins.rows.len();
        let column = |&column: &usize| rows.clone().map(|row| cell(column, row)).collect();
        Ok(Self {
            bases: margins.columns.iter().map(|&column| scale(column)).collect(),
            cells: margins.columns.iter().map(column).collect(),
            shares,
        })
    }

    /// Of a column filled with these counts.
    fn ln_column(&self, column: usize, counts: &[usize]) -> f64 {
        let cells = self.cells[column].iter().zip(counts);
        cells.fold(self.bases[column], |weight, (cell, &count)| weight - cell[count])
    }

    /// Of a whole table, row by row.
    fn ln_probability(&self, cells: &[Vec<usize>]) -> f64 {
        (0..self.bases.len())
            .map(|column| {
                let counts: Vec<usize> = cells.iter().map(|row| row[column]).collect();
                self.ln_column(column, &counts)
            })
            .sum()
    }

    /// Of these counts over the rows in one draw: the sum over all ways to fill columns with them.
    fn ln_multinomial(&self, counts: &[usize]) -> f64 {
        let n: usize = counts.iter().sum();
        let cell = |(&count, share): (&usize, &f64)| deviance(count, n as f64 * share);
        scale(n) - counts.iter().zip(&self.shares).map(cell).sum::<f64>()
    }

    /// Calls `visit` with what the rows have left and the weight, for each way to fill a column.
    fn for_each_way(
        &self,
        column: usize,
        total: usize,
        rest: &mut [usize],
        visit: &mut dyn FnMut(&mut [usize], f64) -> Walk,
    ) -> Walk {
        self.fill(column, 0, total, self.bases[column], rest, visit)
    }

    fn fill(
        &self,
        column: usize,
        row: usize,
        left: usize,
        weight: f64,
        rest: &mut [usize],
        visit: &mut dyn FnMut(&mut [usize], f64) -> Walk,
    ) -> Walk {
        let cells = &self.cells[column][row];
        let room: usize = rest[row + 1..].iter().sum();
        let (fewest, most) = (left.saturating_sub(room), left.min(rest[row]));
        for (count, taken) in cells.iter().enumerate().take(most + 1).skip(fewest) {
            rest[row] -= count;
            let weight = weight - taken;
            let walk = if row + 1 == rest.len() {
                visit(rest, weight)
            } else {
                self.fill(column, row + 1, left - count, weight, rest, visit)
            };
            rest[row] += count;
            walk?;
        }
        ControlFlow::Continue(())
    }
}

/// What can still become of a table of which some columns are filled.
#[derive(Clone, Copy)]
struct State {
    /// Logarithm of the highest probability of the rest.
    highest: f64,
    /// Of the lowest.
    lowest: f64,
    /// Of the sum over all ways to fill the rest.
    all: f64,
}

struct Search<'a> {
    margins: &'a Margins,
    weights: &'a Weights,
    /// Tables up to this logarithm of their probability are summed.
    limit: f64,
    /// Per number of filled columns from 1, and per state.
    states: Vec<Vec<Option<State>>>,
    /// Ways that may still be visited.
    steps: usize,
    /// Logarithm of the sum over all tables.
    ln_all: f64,
    total: Sum,
}

impl Search<'_> {
    /// Adds the tables up to the limit whose first columns are filled, with the logarithm `past`.
    fn walk(&mut self, column: usize, rest: &mut [usize], past: f64) -> Walk {
        let weights = self.weights;
        let total = self.margins.columns[column];
        weights.for_each_way(column, total, rest, &mut |rest, weight| {
            let past = past + weight;
            let State { highest, lowest, all } = self.state(column + 1, rest)?;
            if past + highest <= self.limit {
                self.total += exp(past + all - self.ln_all);
            } else if past + lowest <= self.limit {
                self.walk(column + 1, rest, past)?;
            }
            ControlFlow::Continue(())
        })
    }

    /// What can become of a table once `column` columns are filled.
    fn state(&mut self, column: usize, rest: &mut [usize]) -> ControlFlow<TooLong, State> {
        if self.steps == 0 {
            return ControlFlow::Break(TooLong);
        }
        self.steps -= 1;
        if column + 1 == self.margins.columns.len() {
            let only = self.weights.ln_column(column, rest);
            return ControlFlow::Continue(State { highest: only, lowest: only, all: only });
        }
        let index = self.margins.state(rest);
        if let Some(state) = self.states[column - 1][index] {
            return ControlFlow::Continue(state);
        }
        let all = self.weights.ln_multinomial(rest);
        let mut state = State { highest: f64::NEG_INFINITY, lowest: f64::INFINITY, all };
        let weights = self.weights;
        let total = self.margins.columns[column];
        weights.for_each_way(column, total, rest, &mut |rest, weight| {
            let next = self.state(column + 1, rest)?;
            state.highest = state.highest.max(weight + next.highest);
            state.lowest = state.lowest.min(weight + next.lowest);
            ControlFlow::Continue(())
        })?;
        self.states[column - 1][index] = Some(state);
        ControlFlow::Continue(state)
    }
}

/// Part of a logarithm of a multinomial probability that depends on the number of draws.
pub(crate) fn scale(n: usize) -> f64 {
    if n == 0 { 0.0 } else { stirling_error(n) + 0.5 * ln(2.0 * PI * n as f64) }
}

/// What a cell takes from it: its Poisson deviance from the expected count, and its own scale.
pub(crate) fn deviance(count: usize, expected: f64) -> f64 {
    let x = count as f64;
    let v = (x - expected) / (x + expected);
    if count == 0 {
        expected
    } else if v.abs() > 0.1 {
        x * ln(x / expected) + expected - x + scale(count)
    } else {
        // x ln(x/m) + m - x = (x - m) v + 2x (v³/3 + v⁵/5 + ...): nothing cancels near m.
        let square = v * v;
        let (mut series, mut power, mut k) = (0.0, v * square, 3.0);
        while series + power / k != series {
            series += power / k;
            power *= square;
            k += 2.0;
        }
        (x - expected) * v + 2.0 * x * series + scale(count)
    }
}

/// `ln n! - (n + 1/2) ln n + n - ln(2π)/2` for `n` of at least 1.
///
/// From 16 on by Stirling's series, exact to rounding (Abramowitz and Stegun 1964, 6.1.41).
fn stirling_error(n: usize) -> f64 {
    let x = n as f64;
    if n < 16 {
        let factorial: f64 = (2..=n).map(|k| k as f64).product();
        return ln(factorial) - (x + 0.5) * ln(x) + x - 0.5 * ln(2.0 * PI);
    }
    let square = x * x;
    let tail = 1.0 / 1260.0 - (1.0 / 1680.0 - 1.0 / (1188.0 * square)) / square;
    (1.0 / 12.0 - (1.0 / 360.0 - tail / square) / square) / x
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(counts: &[&[usize]]) -> Estimate {
        let counts: Vec<Vec<usize>> = counts.iter().map(|row| row.to_vec()).collect();
        fisher_exact(&ContingencyTable::new(&counts).unwrap())
    }

    fn assert_close(got: Estimate, want: f64) {
        let got = got.unwrap();
        assert!((got - want).abs() <= 1e-12 * want, "{got} instead of {want}");
    }

    /// The lady tasting tea: (1 + 16 + 16 + 1) of 70 tables of four cups.
    #[test]
    fn four_cups_of_tea() {
        assert_close(p(&[&[3, 1], &[1, 3]]), 34.0 / 70.0);
        assert_close(p(&[&[4, 0], &[0, 4]]), 2.0 / 70.0);
    }

    /// Rows of 2 and 2, columns of 2, 1 and 1: 6 ways to choose the first row from four subjects.
    /// (2, 0, 0) and (0, 1, 1) have one way each, (1, 1, 0) and (1, 0, 1) two.
    #[test]
    fn three_columns_by_counting() {
        assert_close(p(&[&[2, 0, 0], &[0, 1, 1]]), 2.0 / 6.0);
        assert_close(p(&[&[1, 1, 0], &[1, 0, 1]]), 1.0);
    }

    /// Summed in whole numbers; R gives 1.33464909945e-11 and 0.0305078048886, since its network
    /// keeps fewer digits.
    #[test]
    fn larger_tables_agree_with_whole_numbers() {
        let size = p(&[&[1283, 1119, 241], &[104, 172, 63]]);
        assert_close(size, 1.334_649_099_154_115_2e-11);
        let sparse = p(&[&[1, 0, 3, 2], &[2, 4, 0, 1], &[0, 1, 1, 5]]);
        assert_close(sparse, 0.030_507_804_888_609_84);
    }

    #[test]
    fn all_tables_together_have_probability_one() {
        assert_close(p(&[&[50, 50, 50, 50], &[70, 70, 70, 70]]), 1.0);
    }

    #[test]
    fn what_takes_too_long_is_said_so() {
        let many = [900; 12];
        assert_eq!(p(&[&many, &many]), Err(NotEstimable::TooLarge));
        let rows: Vec<Vec<usize>> = vec![vec![1000; 4]; 4];
        let table = ContingencyTable::new(&rows).unwrap();
        assert_eq!(fisher_exact(&table), Err(NotEstimable::TooLarge));
    }
}
