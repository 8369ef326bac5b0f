//! Upper tails of the normal and chi-squared distributions, with their logarithms, and the normal
//! quantile.
//!
//! A p-value is computed as an upper tail, never as one minus a distribution function, so that
//! 1e-200 keeps its digits; where even that is too small, its logarithm is the answer.

use crate::elementary::{exp, ln, ln_1p};
use std::f64::consts::{FRAC_1_SQRT_2, LN_2, PI};

/// Upper tail of the standard normal distribution, `P(Z > z)`.
///
/// Same as `pnorm(z, lower.tail = FALSE)` in R.
#[must_use]
pub fn normal_sf(z: f64) -> f64 {
    0.5 * libm::erfc(z * FRAC_1_SQRT_2)
}

/// Two-sided p-value of a standard normal statistic, `P(|Z| > |z|)`.
#[must_use]
pub fn normal_two_sided(z: f64) -> f64 {
    libm::erfc(z.abs() * FRAC_1_SQRT_2)
}

/// Natural logarithm of [`normal_two_sided`], finite where the p-value itself underflows.
#[must_use]
pub fn ln_normal_two_sided(z: f64) -> f64 {
    let z = z.abs();
    if z < ASYMPTOTIC_FROM {
        return ln(normal_two_sided(z));
    }
    // Abramowitz and Stegun (1964), 26.2.12: φ(z)/z times an asymptotic series in 1/z².
    let inverse = 1.0 / (z * z);
    let series =
        1.0 - inverse * (1.0 - 3.0 * inverse * (1.0 - 5.0 * inverse * (1.0 - 7.0 * inverse)));
    LN_2 - 0.5 * z * z - 0.5 * ln(2.0 * PI) - ln(z) + ln(series)
}

/// Beyond this many standard deviations four terms of the asymptotic series are exact to 1e-12.
const ASYMPTOTIC_FROM: f64 = 30.0;

/// Quantile of the standard normal distribution: the `z` with `P(Z <= z) = probability`.
///
/// Same as `qnorm` in R. `probability` lies strictly between 0 and 1.
#[must_use]
pub fn normal_quantile(probability: f64) -> f64 {
    use statrs::distribution::{ContinuousCDF, Normal};
    let start = Normal::standard().inverse_cdf(probability);
    // One Newton step on the tail that is small, where the tail is accurate to the last bit.
    let density = exp(-0.5 * start * start) / (2.0 * PI).sqrt();
    if start > 0.0 {
        start + (normal_sf(start) - (1.0 - probability)) / density
    } else {
        start - (normal_sf(-start) - probability) / density
    }
}

/// Standard normal multiplier of a two-sided interval: 1.959964 for a confidence of 0.95.
#[must_use]
pub fn two_sided_multiplier(confidence: f64) -> f64 {
    -normal_quantile((1.0 - confidence) / 2.0)
}

/// Upper tail of the chi-squared distribution, `P(X > x)`.
///
/// Same as `pchisq(x, df, lower.tail = FALSE)` in R. `degrees_of_freedom` is at least 1; a
/// statistic of 0 or below has the tail 1.
#[must_use]
pub fn chi_squared_sf(x: f64, degrees_of_freedom: usize) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    exp(ln_chi_squared_sf(x, degrees_of_freedom)).min(1.0)
}

/// Natural logarithm of [`chi_squared_sf`], finite where the p-value itself underflows.
///
/// ```text
/// even df:  Q = e^(-x/2) Σ_{k=0}^{df/2-1} (x/2)^k / k!
/// odd df:   Q = erfc(√(x/2)) + e^(-x/2) Σ_{k=1}^{(df-1)/2} (x/2)^(k-1/2) / Γ(k+1/2)
/// ```
///
/// Abramowitz and Stegun (1964), 26.4.4 and 26.4.5. Every term is positive, so nothing cancels.
#[must_use]
pub fn ln_chi_squared_sf(x: f64, degrees_of_freedom: usize) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let half = 0.5 * x;
    let (first, mut ln_term, mut k) = if degrees_of_freedom.is_multiple_of(2) {
        (f64::NEG_INFINITY, -half, 1.0)
    } else {
        (ln_normal_two_sided(x.sqrt()), 0.5 * ln(half) - half - ln(PI.sqrt() / 2.0), 1.5)
    };
    let mut total = first;
    for _ in 0..degrees_of_freedom / 2 {
        total = ln_add(total, ln_term);
        ln_term += ln(half / k);
        k += 1.0;
    }
    total
}

/// `ln(e^a + e^b)` without overflow.
fn ln_add(a: f64, b: f64) -> f64 {
    let (high, low) = if a > b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY { high } else { high + ln_1p(exp(low - high)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `|got - want| <= 1e-12 |want|`: closed forms keep twelve digits.
    fn assert_close(got: f64, want: f64) {
        assert!((got - want).abs() <= 1e-12 * want.abs(), "{got} instead of {want}");
    }

    #[test]
    fn normal_quantile_is_that_of_tables() {
        assert_close(normal_quantile(0.975), 1.959_963_984_540_054);
        assert_close(normal_quantile(0.025), -1.959_963_984_540_054);
        assert_close(two_sided_multiplier(0.9), 1.644_853_626_951_472_7);
        assert_eq!(normal_quantile(0.5), 0.0);
    }

    /// Values of `pchisq(x, df, lower.tail = FALSE)`.
    #[test]
    fn chi_squared_tails_keep_their_digits() {
        assert_close(chi_squared_sf(3.841_458_820_694_124, 1), 0.05);
        assert_close(chi_squared_sf(5.991_464_547_107_979, 2), 0.05);
        assert_close(chi_squared_sf(7.814_727_903_251_179, 3), 0.05);
        assert_close(chi_squared_sf(18.307_038_053_275_146, 10), 0.05);
        assert_eq!(chi_squared_sf(0.0, 3), 1.0);
    }

    #[test]
    fn chi_squared_with_one_degree_is_the_normal_tail() {
        for z in [0.1, 1.0, 5.0, 20.0, 37.0] {
            assert_close(chi_squared_sf(z * z, 1), normal_two_sided(z));
        }
    }

    #[test]
    fn logarithms_go_on_where_the_tail_underflows() {
        assert_close(ln_normal_two_sided(29.999_999_999), ln(normal_two_sided(29.999_999_999)));
        assert_close(ln_normal_two_sided(35.0), ln(normal_two_sided(35.0)));
        assert_eq!(normal_two_sided(100.0), 0.0);
        assert!((ln_normal_two_sided(100.0) + 5004.831).abs() < 1e-3);
        assert!(ln_chi_squared_sf(1e5, 4).is_finite());
    }
}
