//! Functions of time from their Laplace transforms, with the complex numbers that this needs.

use crate::elementary::{cos, exp, sin};
use std::f64::consts::PI;
use std::ops::{Add, Div, Mul};

/// A complex number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Complex {
    /// Real part.
    pub re: f64,
    /// Imaginary part.
    pub im: f64,
}

impl Complex {
    /// A number without imaginary part.
    #[must_use]
    pub fn real(re: f64) -> Self {
        Self { re, im: 0.0 }
    }

    /// Distance from 0; neither part may be so large that its square overflows.
    #[must_use]
    pub fn modulus(self) -> f64 {
        (self.re * self.re + self.im * self.im).sqrt()
    }

    /// `e` to the power of the number.
    #[must_use]
    pub fn exp(self) -> Self {
        Self { re: cos(self.im), im: sin(self.im) } * exp(self.re)
    }
}

impl Add for Complex {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { re: self.re + other.re, im: self.im + other.im }
    }
}

impl Add<f64> for Complex {
    type Output = Self;

    fn add(self, other: f64) -> Self {
        Self { re: self.re + other, ..self }
    }
}

impl Mul for Complex {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let re = self.re * other.re - self.im * other.im;
        Self { re, im: self.re * other.im + self.im * other.re }
    }
}

impl Mul<f64> for Complex {
    type Output = Self;

    fn mul(self, factor: f64) -> Self {
        Self { re: self.re * factor, im: self.im * factor }
    }
}

impl Div for Complex {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        let square = other.re * other.re + other.im * other.im;
        self * Self { re: other.re, im: -other.im } * (1.0 / square)
    }
}

/// Points of the rule above the real axis; those below it are their mirror images.
const POINTS: usize = 16;

/// The function `f` of time whose Laplace transform is `transform`, at the positive time `t`.
///
/// ```text
/// f(t) = 1/(2πi) ∫ e^(st) F(s) ds     along s = μ (1 + iu)², u from -3 to 3, μ = 4π / (3t)
/// ```
///
/// by the midpoint rule. The transform is real on the real axis, and its singularities lie on that
/// axis from 0 downwards, as for sums of decaying exponentials. Then the error is about 1e-14 of the
/// largest value of a bounded `f`, and 1e-12 of one that grows with `t`; errors of the transform come
/// multiplied by up to 70. It is asked for at 16 points, whose moduli times `t` lie between 4 and 42.
///
/// Weideman and Trefethen (2007), Math. Comput. 76:1341-1356.
pub fn inverse_laplace(transform: impl Fn(Complex) -> Complex, t: f64) -> f64 {
    let step = 3.0 / POINTS as f64;
    let scale = PI * POINTS as f64 / (12.0 * t);
    let terms = (0..POINTS).map(|point| {
        let root = Complex { re: 1.0, im: (point as f64 + 0.5) * step };
        let s = root * root * scale;
        // ds = 2iμ (1 + iu) du, whose i cancels that before the integral.
        ((s * t).exp() * transform(s) * root).re
    });
    2.0 * step * scale / PI * crate::sum::sum(terms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_transforms() {
        for t in [1e-6, 0.3, 1.0, 40.0] {
            let one = |s: Complex| Complex::real(1.0) / s;
            assert!((inverse_laplace(one, t) - 1.0).abs() < 1e-14);
            let decay = |s: Complex| Complex::real(1.0) / (s + 2.5);
            assert!((inverse_laplace(decay, t) - exp(-2.5 * t)).abs() < 1e-14);
            let square = |s: Complex| Complex::real(1.0) / (s * s);
            assert!((inverse_laplace(square, t) - t).abs() < 1e-12 * t);
        }
    }

    #[test]
    fn complex_numbers() {
        let i = Complex { re: 0.0, im: 1.0 };
        assert_eq!(i * i, Complex::real(-1.0));
        assert_eq!(Complex::real(2.0) / i, Complex { re: 0.0, im: -2.0 });
        let turn = Complex { re: 0.0, im: PI }.exp();
        assert!((turn + 1.0).modulus() < 1e-15);
    }
}
