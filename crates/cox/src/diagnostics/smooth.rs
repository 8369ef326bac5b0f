//! Smooth curves through residuals, ready to be drawn.

use cohort::{Estimate, NotEstimable};
use nalgebra::{DMatrix, DVector};
use numerics::spline::NaturalSpline;

/// How a curve is drawn through residuals; the defaults are those of `plot.cox.zph` in R.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SmoothOptions {
    /// Dimensions of the curve, at least 2: a constant, a slope, and one per interior knot.
    pub dimension: usize,
    /// Number of points at which it is given, at least 2, of equal steps from the lowest to the
    /// highest abscissa.
    pub points: usize,
}

impl Default for SmoothOptions {
    fn default() -> Self {
        Self { dimension: 4, points: 40 }
    }
}

/// A curve with its pointwise band.
#[derive(Clone, Debug, PartialEq)]
pub struct Smooth {
    /// Abscissas, ascending.
    pub x: Vec<f64>,
    /// The curve.
    pub value: Vec<f64>,
    /// Its standard error.
    pub standard_error: Vec<f64>,
    /// Lower limit of the band: the curve less a normal quantile times its standard error.
    pub lower: Vec<f64>,
    /// Upper limit of the band.
    pub upper: Vec<f64>,
}

/// What a column keeps of its length beside those before it, when it is more than rounding error:
/// the tolerance of `qr` in R.
const INDEPENDENT: f64 = 1e-7;

/// The abscissas of a smooth; there are none unless at least two values differ.
pub(crate) fn grid(values: &[f64], options: &SmoothOptions) -> Estimate<Vec<f64>> {
    let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if lowest >= highest {
        return Err(NotEstimable::AllValuesEqual);
    }
    let steps = options.points.max(2) - 1;
    let width = (highest - lowest) / steps as f64;
    let point = |step| if step == steps { highest } else { lowest + step as f64 * width };
    Ok((0..=steps).map(point).collect())
}

/// A natural spline fitted by least squares.
///
/// The curve is that of `lm(y ~ ns(x, ...) - 1, weights = w)` in R, with the spline's intercept.
pub(crate) struct LeastSquares<'a> {
    spline: &'a NaturalSpline,
    coefficients: DVector<f64>,
    /// Triangle `R` with `R'R = X'X`.
    triangle: DMatrix<f64>,
    /// Weighted sum of squares that the curve leaves.
    rest: f64,
    n: usize,
}

impl<'a> LeastSquares<'a> {
    /// Fits the spline; there is no fit when the abscissas do not tell its columns apart.
    pub fn fit(
        spline: &'a NaturalSpline,
        x: &[f64],
        y: &[f64],
        weights: Option<&[f64]>,
    ) -> Estimate<Self> {
        let dimension = spline.dimension();
        if x.len() < dimension {
            return Err(NotEstimable::TooFewValues);
        }
        let root = |row: usize| weights.map_or(1.0, |weights| weights[row].sqrt());
        let mut basis = DMatrix::zeros(x.len(), dimension);
        for (row, &x) in x.iter().enumerate() {
            for (column, value) in spline.basis(x).into_iter().enumerate() {
                basis[(row, column)] = root(row) * value;
            }
        }
        let mut rotated = DVector::from_fn(y.len(), |row, _| root(row) * y[row]);
        let factor = basis.qr();
        factor.q_tr_mul(&mut rotated);
        let triangle = factor.r();
        let is_dependent = |column: usize| {
            triangle[(column, column)].abs() <= INDEPENDENT * triangle.column(column).norm()
        };
        if (0..dimension).any(is_dependent) {
            return Err(NotEstimable::TooFewValues);
        }
        let coefficients = triangle
            .solve_upper_triangular(&rotated.rows(0, dimension))
            .ok_or(NotEstimable::TooFewValues)?;
        let rest = rotated.rows(dimension, y.len() - dimension).norm_squared();
        Ok(Self { spline, coefficients, triangle, rest, n: y.len() })
    }

    /// Variance of one value beside the curve, `Σ w e² / (n - dimension)`; 0 when the curve goes
    /// through every value.
    pub fn residual_variance(&self) -> f64 {
        let freedom = self.n - self.coefficients.len();
        if freedom == 0 { 0.0 } else { self.rest / freedom as f64 }
    }

    /// The curve at some points, with a band for values of this variance.
    pub fn draw(&self, x: Vec<f64>, variance: f64, multiplier: f64) -> Smooth {
        let mut smooth = Smooth {
            value: Vec::with_capacity(x.len()),
            standard_error: Vec::with_capacity(x.len()),
            lower: Vec::with_capacity(x.len()),
            upper: Vec::with_capacity(x.len()),
            x,
        };
        for &x in &smooth.x {
            let basis = DVector::from_vec(self.spline.basis(x));
            let value = basis.dot(&self.coefficients);
            // Basis' (X'X)⁻¹ basis is the square of R'⁻¹ basis.
            let leverage = self
                .triangle
                .tr_solve_upper_triangular(&basis)
                .map_or(0.0, |solved| solved.norm_squared());
            let error = (variance * leverage).sqrt();
            smooth.value.push(value);
            smooth.standard_error.push(error);
            smooth.lower.push(value - multiplier * error);
            smooth.upper.push(value + multiplier * error);
        }
        smooth
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean of the values is 1 and their slope `Σ x y / Σ x² = 6/10`; the leverage of a line is
    /// `1/4 + x²/10` about the mean 0 of the abscissas.
    #[test]
    fn two_dimensions_are_a_straight_line() {
        let (x, y) = ([-2.0, -1.0, 1.0, 2.0], [-1.0, 2.0, 0.0, 3.0]);
        let spline = NaturalSpline::of_sample(&x, 2, true).unwrap();
        let fit = LeastSquares::fit(&spline, &x, &y, None).unwrap();
        let smooth =
            fit.draw(grid(&x, &SmoothOptions { dimension: 2, points: 3 }).unwrap(), 1.0, 2.0);
        let slope = 0.6;
        for (index, x) in [-2.0, 0.0, 2.0].into_iter().enumerate() {
            assert!((smooth.value[index] - (1.0 + slope * x)).abs() < 1e-14);
            let error = (0.25 + x * x / 10.0f64).sqrt();
            assert!((smooth.standard_error[index] - error).abs() < 1e-14);
            assert!((smooth.upper[index] - smooth.lower[index] - 4.0 * error).abs() < 1e-14);
        }
        let left: f64 = (0..4).map(|i| (y[i] - 1.0 - slope * x[i]).powi(2)).sum();
        assert!((fit.residual_variance() - left / 2.0).abs() < 1e-14);
    }

    #[test]
    fn two_values_do_not_make_a_curve() {
        let x = [0.0, 0.0, 1.0, 1.0, 1.0];
        let spline = NaturalSpline::of_sample(&[0.0, 0.3, 0.6, 1.0], 4, true).unwrap();
        let fit = LeastSquares::fit(&spline, &x, &[1.0; 5], None);
        assert_eq!(fit.err(), Some(NotEstimable::TooFewValues));
        assert_eq!(grid(&[2.0; 3], &SmoothOptions::default()), Err(NotEstimable::AllValuesEqual));
    }
}
