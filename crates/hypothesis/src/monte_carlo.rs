//! Fisher's exact test by drawing tables, where they are too many to be walked.

use crate::ContingencyTable;
use crate::fisher::scale;
use cohort::{Estimate, NotEstimable};
use numerics::elementary::exp;
use numerics::streams::{Stream, Streams};
use numerics::wanted;

/// A p-value estimated from random tables.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MonteCarlo {
    /// `(1 + m) / (1 + B)`, where `m` of `B` tables are no more probable than the one observed; the
    /// observed table counts as one of them, so that the test keeps its size.
    pub p_value: f64,
    /// Standard error of the p-value, `√(p (1 - p) / B)`.
    pub standard_error: f64,
    /// Number of tables drawn.
    pub n_replicates: usize,
}

/// Estimates the two-sided p-value of Fisher's exact test from tables with the observed margins.
///
/// Tables are drawn from their distribution under independence, cell by cell, each from its
/// hypergeometric distribution given those before it; replicate `k` draws from stream `k` of `seed`.
/// Tables within a relative 1e-7 count as equally probable.
///
/// `replicates` is at least 1; none gives [`NotEstimable::NotDefined`]. Patefield (1981), Appl. Stat.
/// 30:91-97; Davison and Hinkley (1997), Bootstrap Methods, 4.3. Agrees with `fisher.test(table,
/// simulate.p.value = TRUE)` in R within both standard errors.
pub fn fisher_monte_carlo(
    table: &ContingencyTable,
    replicates: usize,
    seed: u64,
) -> Estimate<MonteCarlo> {
    if replicates == 0 {
        return Err(NotEstimable::NotDefined);
    }
    let (rows, columns) = (table.row_totals(), table.column_totals());
    let factorials = LnFactorials::up_to(table.n());
    let observed = factorials.of_cells(table.counts().iter().flatten().copied());
    // The probability falls as the product of the factorials of the cells grows.
    let limit = observed - RELATIVE_SLACK;
    let streams = Streams::new(seed, "fisher");
    let is_extreme = |&replicate: &usize| {
        wanted::check();
        let mut stream = streams.stream(replicate as u64);
        factorials.of_cells(draw(&rows, &columns, &factorials, &mut stream).into_iter()) >= limit
    };
    let n_extreme = (0..replicates).filter(is_extreme).count();
    let p_value = (1 + n_extreme) as f64 / (1 + replicates) as f64;
    let standard_error = (p_value * (1.0 - p_value) / replicates as f64).sqrt();
    Ok(MonteCarlo { p_value, standard_error, n_replicates: replicates })
}

/// Logarithms of probabilities this near count as equal.
const RELATIVE_SLACK: f64 = 1e-7;

/// `ln k!` for each count that can occur.
struct LnFactorials(Vec<f64>);

impl LnFactorials {
    fn up_to(n: usize) -> Self {
        // ln k! is Stirling's formula with what `scale` holds of it.
        let stirling = |k: usize| {
            let x = k as f64;
            if k == 0 { 0.0 } else { x * numerics::elementary::ln(x) - x + scale(k) }
        };
        Self((0..=n).map(stirling).collect())
    }

    fn of_cells(&self, cells: impl Iterator<Item = usize>) -> f64 {
        cells.map(|count| self.0[count]).sum()
    }

    fn ln_choose(&self, n: usize, k: usize) -> f64 {
        self.0[n] - self.0[k] - self.0[n - k]
    }
}

/// The cells of a random table, row by row.
fn draw(
    rows: &[usize],
    columns: &[usize],
    factorials: &LnFactorials,
    stream: &mut Stream,
) -> Vec<usize> {
    let mut left = columns.to_vec();
    let mut cells = Vec::with_capacity(rows.len() * columns.len());
    for &total in rows {
        let (mut wanted, mut pool) = (total, left.iter().sum::<usize>());
        for left in &mut left {
            let count = hypergeometric(wanted, *left, pool, factorials, stream);
            pool -= *left;
            *left -= count;
            wanted -= count;
            cells.push(count);
        }
    }
    cells
}

/// How many of `marked` are among `drawn` out of `pool`: counts are tried from the most probable one
/// outwards until their probabilities pass a uniform number.
fn hypergeometric(
    drawn: usize,
    marked: usize,
    pool: usize,
    factorials: &LnFactorials,
    stream: &mut Stream,
) -> usize {
    let (lowest, highest) = ((drawn + marked).saturating_sub(pool), drawn.min(marked));
    if lowest == highest {
        return lowest;
    }
    let mode = ((drawn + 1) * (marked + 1) / (pool + 2)).clamp(lowest, highest);
    let at_mode = exp(factorials.ln_choose(marked, mode)
        + factorials.ln_choose(pool - marked, drawn - mode)
        - factorials.ln_choose(pool, drawn));
    let ratio = |x: usize| {
        let (up, down) = ((marked - x) * (drawn - x), (x + 1) * (pool + x + 1 - marked - drawn));
        up as f64 / down as f64
    };
    let (mut below, mut above) = ((mode, at_mode), (mode, at_mode));
    let mut left = stream.uniform() - at_mode;
    while left > 0.0 && (lowest < below.0 || above.0 < highest) {
        if above.0 < highest {
            above = (above.0 + 1, above.1 * ratio(above.0));
            left -= above.1;
            if left <= 0.0 {
                return above.0;
            }
        }
        if lowest < below.0 {
            below = (below.0 - 1, below.1 / ratio(below.0 - 1));
            left -= below.1;
            if left <= 0.0 {
                return below.0;
            }
        }
    }
    // What rounding leaves over belongs to the most probable count.
    mode
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fisher_exact;

    fn table(counts: &[&[usize]]) -> ContingencyTable {
        ContingencyTable::new(&counts.iter().map(|row| row.to_vec()).collect::<Vec<_>>()).unwrap()
    }

    /// Exact p-values 0.0305 and 0.4857: five standard errors allow for the luck of the seed.
    #[test]
    fn random_tables_find_the_exact_p_value() {
        for counts in
            [table(&[&[1, 0, 3, 2], &[2, 4, 0, 1], &[0, 1, 1, 5]]), table(&[&[3, 1], &[1, 3]])]
        {
            let drawn = fisher_monte_carlo(&counts, 20_000, 7).unwrap();
            let exact = fisher_exact(&counts).unwrap();
            assert!((drawn.p_value - exact).abs() < 5.0 * drawn.standard_error);
            assert_eq!(fisher_monte_carlo(&counts, 20_000, 7), Ok(drawn));
        }
    }

    #[test]
    fn margins_are_kept() {
        let (rows, columns) = ([6, 7, 7], [3, 5, 4, 8]);
        let factorials = LnFactorials::up_to(20);
        for replicate in 0..100 {
            let mut stream = Streams::new(1, "test").stream(replicate);
            let cells = draw(&rows, &columns, &factorials, &mut stream);
            let sums: Vec<usize> = cells.chunks(4).map(|row| row.iter().sum()).collect();
            assert_eq!(sums, rows);
            let sums = [0, 1, 2, 3].map(|c| cells.chunks(4).map(|row| row[c]).sum::<usize>());
            assert_eq!(sums, columns);
        }
    }

    #[test]
    fn without_draws_there_is_no_p_value() {
        let tea = table(&[&[3, 1], &[1, 3]]);
        assert_eq!(fisher_monte_carlo(&tea, 0, 1), Err(NotEstimable::NotDefined));
    }
}
