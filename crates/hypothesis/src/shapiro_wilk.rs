//! The test of normality of Shapiro and Wilk.

use cohort::{Estimate, NotEstimable};
use numerics::elementary::{asin, exp, ln};
use numerics::sum::sum;
use numerics::tails::{normal_quantile, normal_sf};
use std::f64::consts::PI;

/// Test of normality.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShapiroWilk {
    /// Squared correlation of the values with what a normal sample is expected to be, at most 1.
    pub w: f64,
    /// Its p-value; small where the values are not normal.
    pub p_value: f64,
}

/// Shapiro-Wilk test of normality.
///
/// ```text
/// W = (Σ a_i x_(i))² / Σ (x_i - m)²
/// ```
///
/// The weights `a` are those of normal order statistics, approximated from `m_i = Φ⁻¹((i - 3/8) / (n +
/// 1/4))` with Royston's polynomials for the outermost; a transformation of `1 - W` is about normal,
/// for three values the distribution is exact.
///
/// For 3 to 5000 values: fewer give [`NotEstimable::TooFewValues`], more [`NotEstimable::TooLarge`],
/// and equal ones [`NotEstimable::AllValuesEqual`]. Shapiro and Wilk (1965), Biometrika 52:591-611;
/// Royston (1995), Appl. Stat. 44:547-551, algorithm AS R94. Same as `shapiro.test` in R.
pub fn shapiro_wilk(values: &[f64]) -> Estimate<ShapiroWilk> {
    let n = values.len();
    match n {
        0..=2 => return Err(NotEstimable::TooFewValues),
        3..=MOST_VALUES => {}
        _ => return Err(NotEstimable::TooLarge),
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let range = sorted[n - 1] - sorted[0];
    if range == 0.0 {
        return Err(NotEstimable::AllValuesEqual);
    }
    // About the median and in units of the range, so that squares neither overflow nor cancel.
    let median = sorted[n / 2];
    let scaled: Vec<f64> = sorted.iter().map(|value| (value - median) / range).collect();
    let mean = sum(scaled.iter().copied()) / n as f64;
    let squares = sum(scaled.iter().map(|value| (value - mean) * (value - mean)));
    let weights = weights(n);
    // The weights are odd about the middle and their squares sum to 1.
    let contrast = sum((0..weights.len()).map(|i| weights[i] * (scaled[n - 1 - i] - scaled[i])));
    let norm = sum(weights.iter().map(|weight| 2.0 * weight * weight));
    // 1 - W as a product keeps the digits that W near 1 loses.
    let root = (norm * squares).sqrt();
    let rest = (root - contrast) * (root + contrast) / (norm * squares);
    let rest = rest.max(0.0);
    Ok(ShapiroWilk { w: 1.0 - rest, p_value: p_value(rest, n) })
}

/// R refuses larger samples too: the approximation was made for at most so many.
const MOST_VALUES: usize = 5000;

/// Weights of the upper half, from the largest value inwards.
fn weights(n: usize) -> Vec<f64> {
    if n == 3 {
        return vec![0.5f64.sqrt()];
    }
    let size = n as f64;
    let expected = |i: usize| -normal_quantile((i as f64 + 1.0 - 0.375) / (size + 0.25));
    let expected: Vec<f64> = (0..n / 2).map(expected).collect();
    let squares = 2.0 * sum(expected.iter().map(|m| m * m));
    let u = 1.0 / size.sqrt();
    let outermost = [
        polynomial(&[0.0, 0.221157, -0.147981, -2.07119, 4.434685, -2.706056], u),
        polynomial(&[0.0, 0.042981, -0.293762, -1.752461, 5.682633, -3.582633], u),
    ];
    let n_outermost = if n > 5 { 2 } else { 1 };
    let outer = (0..n_outermost).map(|i| expected[i] / squares.sqrt() + outermost[i]);
    let mut weights: Vec<f64> = outer.collect();
    let left = squares - 2.0 * sum(expected[..n_outermost].iter().map(|m| m * m));
    let scale = (left / (1.0 - 2.0 * sum(weights.iter().map(|weight| weight * weight)))).sqrt();
    weights.extend(expected[n_outermost..].iter().map(|m| m / scale));
    weights
}

fn p_value(rest: f64, n: usize) -> f64 {
    let size = n as f64;
    if n == 3 {
        // W lies between 3/4 and 1.
        let angle = asin((1.0 - rest).max(0.75).sqrt()) - asin(0.75f64.sqrt());
        return (6.0 / PI * angle).clamp(0.0, 1.0);
    }
    if rest == 0.0 {
        return 1.0;
    }
    let y = ln(rest);
    if n <= 11 {
        let gamma = polynomial(&[-2.273, 0.459], size);
        if y >= gamma {
            return SMALLEST_P;
        }
        let mean = polynomial(&[0.544, -0.39978, 0.025054, -6.714e-4], size);
        let sd = exp(polynomial(&[1.3822, -0.77857, 0.062767, -0.0020322], size));
        return normal_sf((-ln(gamma - y) - mean) / sd);
    }
    let x = ln(size);
    let mean = polynomial(&[-1.5861, -0.31082, -0.083751, 0.0038915], x);
    let sd = exp(polynomial(&[-0.4803, -0.082676, 0.0030302], x));
    normal_sf((y - mean) / sd)
}

/// What the algorithm says of a small sample beyond the end of its transformation.
const SMALLEST_P: f64 = 1e-99;

/// By rising powers.
fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |value, coefficient| value * x + coefficient)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of three values the weights are -1/√2, 0, 1/√2: 0, 1, 3 have W = (9/2) / (14/3) and
    /// p = 6/π (asin √W - asin √(3/4)).
    #[test]
    fn three_values_have_a_closed_form() {
        let outcome = shapiro_wilk(&[3.0, 0.0, 1.0]).unwrap();
        let w: f64 = 27.0 / 28.0;
        assert!((outcome.w - w).abs() < 1e-15);
        let p = 6.0 / PI * (w.sqrt().asin() - 0.75f64.sqrt().asin());
        assert!((outcome.p_value - p).abs() < 1e-14);
    }

    #[test]
    fn the_sample_must_vary_and_have_a_size() {
        assert_eq!(shapiro_wilk(&[1.0, 2.0]), Err(NotEstimable::TooFewValues));
        assert_eq!(shapiro_wilk(&[2.0; 9]), Err(NotEstimable::AllValuesEqual));
        let many: Vec<f64> = (0..5001).map(f64::from).collect();
        assert_eq!(shapiro_wilk(&many), Err(NotEstimable::TooLarge));
    }
}
