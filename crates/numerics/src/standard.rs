//! Columns brought to mean 0 and standard deviation 1, so that no unit costs a model its digits.

use crate::lanes::{F64x8, Kernel, LANES, Lanes, run};
use crate::rows::Rows;

/// What takes a standardised column back to the caller's unit: `x = centre + scale * value`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Mean of the column; its value when it is constant.
    pub centre: f64,
    /// Its standard deviation with denominator `n`, but no less than the smallest normal number; 1
    /// for a constant column.
    pub scale: f64,
}

/// A column and what takes it back to the caller's unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Standardised {
    /// Mean of the column.
    pub centre: f64,
    /// Its standard deviation, as in [`Scale`].
    pub scale: f64,
    /// The standardised values; exactly 0 for a constant column.
    pub values: Vec<f64>,
}

/// Standardises a column. Equal values stay equal bits.
#[must_use]
pub fn standardise(values: &[f64]) -> Standardised {
    let Scale { centre, scale } = Scale::of(values);
    let per_scale = 1.0 / scale;
    let values = values.iter().map(|value| (value - centre) * per_scale).collect();
    Standardised { centre, scale, values }
}

/// Standardised columns as the rows of a matrix; subject `i` becomes row `row_of(i)`.
///
/// Every subject needs a row of its own, and all columns are as long.
pub fn standardised_rows(
    columns: &[&[f64]],
    n: usize,
    row_of: impl Fn(usize) -> usize,
) -> (Rows, Vec<Scale>) {
    let scales: Vec<Scale> = columns.iter().map(|column| Scale::of(column)).collect();
    let mut rows = Rows::zeros(n, columns.len());
    standardise_into(columns, &scales, row_of, &mut rows);
    (rows, scales)
}

/// The same into rows that are there, with scales that are known.
pub(crate) fn standardise_into(
    columns: &[&[f64]],
    scales: &[Scale],
    row_of: impl Fn(usize) -> usize,
    rows: &mut Rows,
) {
    run(Standardise { columns, scales, n: rows.n(), row_of, rows });
}

impl Scale {
    /// Mean and standard deviation of a column.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        Self::within((&values, &Extent::of(values)))
    }

    /// The same for a column whose extent is known.
    pub(crate) fn within((values, extent): (&&[f64], &Extent)) -> Self {
        let Extent { sum, smallest, largest, .. } = *extent;
        if values.is_empty() || smallest == largest {
            return Self { centre: values.first().copied().unwrap_or(0.0), scale: 1.0 };
        }
        let centre = sum / values.len() as f64;
        let longest = (largest - centre).max(centre - smallest);
        // Only tiny columns have another unit, so that the others keep their bits.
        let unit = if longest < TINY { longest.max(f64::MIN_POSITIVE) } else { 1.0 };
        let squares = run(Squares { values, centre, unit });
        let deviation = unit * (squares / values.len() as f64).sqrt();
        Self { centre, scale: deviation.max(f64::MIN_POSITIVE) }
    }
}

/// Squares of numbers below this lose digits, and at last vanish.
const TINY: f64 = 1e-140;

/// What one look at a column tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub sum: f64,
    pub smallest: f64,
    pub largest: f64,
    /// Whether all numbers below 2^51 are whole.
    pub is_whole: bool,
}

impl Extent {
    pub fn of(values: &[f64]) -> Self {
        run(Survey(values))
    }
}

/// Added to a number below 2^51 it rounds to a whole number.
const ROUND: f64 = 1.5 * (1u64 << 52) as f64;

struct Survey<'a>(&'a [f64]);

impl Kernel for Survey<'_> {
    type Output = Extent;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Extent {
        let (blocks, rest) = self.0.as_chunks::<LANES>();
        let mut sums = F64x8::splat(lanes, 0.0);
        let (mut least, mut most) = (sums.like(f64::INFINITY), sums.like(f64::NEG_INFINITY));
        let mut off = sums;
        for block in blocks {
            let x = F64x8::from_array(lanes, block);
            (sums, least, most) = (sums + x, least.min(x), most.max(x));
            off = off.max((x - (x + x.like(ROUND) - x.like(ROUND))).abs());
        }
        let is_whole = |x: f64| x + ROUND - ROUND == x;
        let all = |folded: F64x8<L>| folded.to_array().into_iter().chain(rest.iter().copied());
        Extent {
            sum: sums.sum() + rest.iter().sum::<f64>(),
            smallest: all(least).fold(f64::INFINITY, f64::min),
            largest: all(most).fold(f64::NEG_INFINITY, f64::max),
            is_whole: off.to_array() == [0.0; LANES] && rest.iter().copied().all(is_whole),
        }
    }
}

/// `Σ ((x - centre) / unit)²`
struct Squares<'a> {
    values: &'a [f64],
    centre: f64,
    unit: f64,
}

impl Kernel for Squares<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> f64 {
        let (blocks, rest) = self.values.as_chunks::<LANES>();
        let (centre, unit) = (F64x8::splat(lanes, self.centre), F64x8::splat(lanes, self.unit));
        let per_unit = unit.like(1.0) / unit;
        let mut sums = unit.like(0.0);
        for block in blocks {
            let deviation = (F64x8::from_array(lanes, block) - centre) * per_unit;
            sums = deviation.mul_add(deviation, sums);
        }
        let rest = rest.iter().map(|value| ((value - self.centre) / self.unit).powi(2));
        sums.sum() + rest.sum::<f64>()
    }
}

struct Standardise<'a, F> {
    columns: &'a [&'a [f64]],
    scales: &'a [Scale],
    n: usize,
    row_of: F,
    rows: &'a mut Rows,
}

impl<F: Fn(usize) -> usize> Kernel for Standardise<'_, F> {
    type Output = ();

    /// Eight columns of eight subjects at a time.
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { columns, scales, n, row_of, rows } = self;
        for first in (0..n).step_by(LANES) {
            let subjects = first..n.min(first + LANES);
            let of_subjects: [usize; LANES] =
                std::array::from_fn(|i| row_of((first + i).min(n - 1)));
            for j in (0..columns.len()).step_by(LANES) {
                let mut block = [F64x8::splat(lanes, 0.0); LANES];
                let eight = columns[j..].iter().zip(&scales[j..]);
                for (cells, (column, scale)) in block.iter_mut().zip(eight) {
                    let values = F64x8::load_part(lanes, &column[subjects.clone()]);
                    let per_scale = values.like(1.0 / scale.scale);
                    *cells = (values - values.like(scale.centre)) * per_scale;
                }
                let block = F64x8::transpose(block);
                for (row, cells) in of_subjects.iter().zip(block).take(subjects.len()) {
                    rows.set_block(*row, j, cells);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_and_a_unit_leave_the_values_alone() {
        let plain = standardise(&[1.0, 2.0, 3.0, 6.0]);
        assert_eq!((plain.centre, plain.scale), (3.0, 3.5f64.sqrt()));
        let moved = standardise(&[1024.0 + 8.0, 1024.0 + 16.0, 1024.0 + 24.0, 1024.0 + 48.0]);
        assert_eq!(plain.values, moved.values);
    }

    /// `0, 1, ..., 19` have the mean 9.5 and the variance `(20² - 1) / 12`.
    #[test]
    fn blocks_and_the_rest_are_all_counted() {
        let values: Vec<f64> = (0..20).map(f64::from).collect();
        let Scale { centre, scale } = Scale::of(&values);
        assert_eq!(centre, 9.5);
        assert!((scale - (399f64 / 12.0).sqrt()).abs() < 1e-14);
    }

    #[test]
    fn a_tiny_unit_keeps_its_spread() {
        let tiny = standardise(&[1e-200, 2e-200, 3e-200, 6e-200]);
        assert!((tiny.scale / 1e-200 - 3.5f64.sqrt()).abs() < 1e-14);
        assert!(tiny.values.iter().all(|value| value.is_finite()));
        let tiniest = standardise(&[[0.0; 8], [1e-320; 8]].concat());
        assert!(tiniest.values.iter().all(|value| value.is_finite() && *value != 0.0));
    }

    #[test]
    fn a_constant_column_is_exactly_zero() {
        assert_eq!(standardise(&[0.1; 7]).values, [0.0; 7]);
        assert!(standardise(&[]).values.is_empty());
    }

    #[test]
    fn rows_are_the_columns_where_they_belong() {
        let columns: Vec<Vec<f64>> =
            (0..3).map(|j| (0..99).map(|i| f64::from((i * i + j * i) % 7)).collect()).collect();
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let (rows, scales) = standardised_rows(&columns, 99, |subject| 98 - subject);
        for (j, column) in columns.iter().enumerate() {
            let one = standardise(column);
            assert_eq!(scales[j], Scale { centre: one.centre, scale: one.scale });
            assert!(rows.column(j).eq(one.values.into_iter().rev()));
        }
    }
}
