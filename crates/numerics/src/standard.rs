//! Columns brought to mean 0 and standard deviation 1, so that no unit costs a model its digits.

use crate::lanes::{F64x8, Kernel, LANES, Lanes, run};
use crate::rows::Rows;
use std::ops::Range;

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
    let mut chunk = vec![[0.0; CHUNK]; columns.len()];
    for first in (0..n).step_by(CHUNK) {
        let subjects = first..n.min(first + CHUNK);
        run(Standardise { columns, scales: &scales, subjects: subjects.clone(), to: &mut chunk });
        for subject in subjects {
            let row = rows.row_mut(row_of(subject));
            for (cell, column) in row.iter_mut().zip(&chunk) {
                *cell = column[subject - first];
            }
        }
    }
    (rows, scales)
}

/// Number of subjects whose rows are made at a time.
const CHUNK: usize = 32;

impl Scale {
    /// Mean and standard deviation of a column.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let Extent { sum, smallest, largest } = run(Survey(values));
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

struct Extent {
    sum: f64,
    smallest: f64,
    largest: f64,
}

struct Survey<'a>(&'a [f64]);

impl Kernel for Survey<'_> {
    type Output = Extent;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Extent {
        let (blocks, rest) = self.0.as_chunks::<LANES>();
        let mut sums = F64x8::splat(lanes, 0.0);
        let (mut least, mut most) = (sums.like(f64::INFINITY), sums.like(f64::NEG_INFINITY));
        for block in blocks {
            let x = F64x8::from_array(lanes, block);
            (sums, least, most) = (sums + x, least.min(x), most.max(x));
        }
        let all = |folded: F64x8<L>| folded.to_array().into_iter().chain(rest.iter().copied());
        Extent {
            sum: sums.sum() + rest.iter().sum::<f64>(),
            smallest: all(least).fold(f64::INFINITY, f64::min),
            largest: all(most).fold(f64::NEG_INFINITY, f64::max),
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

struct Standardise<'a> {
    columns: &'a [&'a [f64]],
    scales: &'a [Scale],
    subjects: Range<usize>,
    to: &'a mut [[f64; CHUNK]],
}

impl Kernel for Standardise<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        for ((column, scale), to) in self.columns.iter().zip(self.scales).zip(self.to) {
            let centre = F64x8::splat(lanes, scale.centre);
            let per_scale = centre.like(1.0 / scale.scale);
            let values = column[self.subjects.clone()].chunks(LANES);
            for (values, to) in values.zip(to.as_chunks_mut().0) {
                *to = ((F64x8::load_part(lanes, values) - centre) * per_scale).to_array();
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
