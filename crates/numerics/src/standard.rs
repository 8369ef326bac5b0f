//! Columns brought to mean 0 and standard deviation 1, so that no unit costs a model its digits.

use crate::sum::{mean, sum};

/// A column and what takes it back to the caller's unit: `x = centre + scale * value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Standardised {
    /// Mean of the column.
    pub centre: f64,
    /// Its standard deviation with denominator `n`; 1 for a constant column.
    pub scale: f64,
    /// The standardised values; exactly 0 for a constant column.
    pub values: Vec<f64>,
}

/// Standardises a column. Equal values stay equal bits.
#[must_use]
pub fn standardise(values: &[f64]) -> Standardised {
    let is_constant = values.iter().all(|value| *value == values[0]);
    let centre = if is_constant { values.first().copied() } else { mean(values) }.unwrap_or(0.0);
    let scale = if is_constant { 1.0 } else { deviation(values, centre) };
    let values = values.iter().map(|value| (value - centre) / scale).collect();
    Standardised { centre, scale, values }
}

/// Standard deviation with denominator `n`; positive, since not all values are equal.
fn deviation(values: &[f64], centre: f64) -> f64 {
    let largest =
        values.iter().fold(0.0, |largest: f64, value| largest.max((value - centre).abs()));
    // Only tiny columns have another unit, so that the others keep their bits.
    let unit = if largest < TINY { largest } else { 1.0 };
    let deviations = values.iter().map(|value| (value - centre) / unit);
    let squares = sum(deviations.map(|deviation| deviation * deviation));
    unit * (squares / values.len() as f64).sqrt()
}

/// Squares of numbers below this lose digits, and at last vanish.
const TINY: f64 = 1e-140;

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

    #[test]
    fn a_tiny_unit_keeps_its_spread() {
        let tiny = standardise(&[1e-200, 2e-200, 3e-200, 6e-200]);
        assert!((tiny.scale / 1e-200 - 3.5f64.sqrt()).abs() < 1e-14);
        assert!(tiny.values.iter().all(|value| value.is_finite()));
    }

    #[test]
    fn a_constant_column_is_exactly_zero() {
        assert_eq!(standardise(&[0.1; 7]).values, [0.0; 7]);
        assert!(standardise(&[]).values.is_empty());
    }
}
