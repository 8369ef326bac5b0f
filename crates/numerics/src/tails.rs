//! Tails of the normal, chi-squared and Student distributions, the first two with their
//! logarithms, and the normal quantile; in `counts` those of the gamma, beta, F
//! and binomial distributions.
//!
//! A p-value is computed as an upper tail, never as one minus a distribution function, so that
//! 1e-200 keeps its digits; where even that is too small, its logarithm is the answer.

use crate::elementary::{exp, ln, ln_1p};
use std::f64::consts::{FRAC_1_SQRT_2, LN_2, PI};

mod counts;

pub use counts::{
    Tail, beta_odds_quantile, beta_sf, binomial_at_least, binomial_two_sided, chi_squared_quantile,
    f_quantile, f_sf, gamma_quantile, gamma_sf, student_t_multiplier,
};

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
/// Rational functions in the probability near 1/2 and in the root of its logarithm elsewhere, good
/// to fifteen digits. Wichura (1988), Appl. Stat. 37:477-484, algorithm AS 241. Same as `qnorm` in
/// R. `probability` lies strictly between 0 and 1.
#[must_use]
pub fn normal_quantile(probability: f64) -> f64 {
    let from_centre = probability - 0.5;
    if from_centre.abs() <= 0.425 {
        return from_centre * ratio(&CENTRE, 0.180625 - from_centre * from_centre);
    }
    let tail = if from_centre < 0.0 { probability } else { 1.0 - probability };
    let r = (-ln(tail)).sqrt();
    let distance = if r <= 5.0 { ratio(&TAIL, r - 1.6) } else { ratio(&FAR_TAIL, r - 5.0) };
    distance.copysign(from_centre)
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

/// Two-sided p-value of a Student statistic, `P(|T| > |t|)`.
///
/// ```text
/// P = I_x(ν/2, 1/2)    with x = ν / (ν + t²)
/// ```
///
/// `I` is the regularised incomplete beta function: in the tail a continued fraction, near the
/// centre one minus a series of positive terms that is at most 0.92. Abramowitz and Stegun (1964),
/// 26.5.4 and 26.7.1. Same as `2 * pt(-abs(t), df)` in R; `degrees_of_freedom` is positive and need
/// not be whole.
#[must_use]
pub fn student_t_two_sided(t: f64, degrees_of_freedom: f64) -> f64 {
    let a = 0.5 * degrees_of_freedom;
    let odds = t * t / degrees_of_freedom;
    let x = 1.0 / (1.0 + odds);
    let y = if odds.is_finite() { odds / (1.0 + odds) } else { 1.0 };
    // x^a y^(1/2) / B(a, 1/2)
    let front = exp(-a * ln_1p(odds)) * y.sqrt() * half_step_gamma_ratio(a) / PI.sqrt();
    if t * t < CENTRE_BELOW {
        1.0 - 2.0 * front * half_beta_series(a, y)
    } else {
        front * half_beta_fraction(a, x, y)
    }
}

/// Below this square of t the p-value exceeds 0.08, so that nothing is lost by subtraction.
const CENTRE_BELOW: f64 = 3.0;

/// `Σ (a + 1/2)_k / (3/2)_k y^k`, whose terms fall once `k` exceeds `a y`.
fn half_beta_series(a: f64, y: f64) -> f64 {
    let (mut total, mut term, mut k) = (1.0, 1.0, 0.0);
    while term > f64::EPSILON * total * 0.25 {
        term *= (a + 0.5 + k) / (1.5 + k) * y;
        total += term;
        k += 1.0;
    }
    total
}

/// `I_x(a, 1/2)` over `x^a y^(1/2) / B(a, 1/2)`, with `y = 1 - x`, by Lentz's method.
///
/// The continued fraction of Didonato and Morris (1992), ACM Trans. Math. Softw. 18:360-373,
/// whose terms hold `a y - x/2`: with a `y` of full accuracy nothing cancels when x is near 1.
fn half_beta_fraction(a: f64, x: f64, y: f64) -> f64 {
    let shift = a * y - 0.5 * x + 1.0;
    let mut c = a * shift / (a + 1.0);
    let mut d = 0.0;
    let mut value = c;
    let mut m = 1.0;
    loop {
        let odd = a + 2.0 * m - 1.0;
        let numerator = (a + m - 1.0) / odd * ((a + m - 0.5) / odd) * m * (0.5 - m) * x * x;
        let denominator =
            m + m * (0.5 - m) * x / odd + (a + m) * (shift + m * (1.0 + y)) / (odd + 2.0);
        d = 1.0 / (denominator + numerator * d);
        c = denominator + numerator / c;
        let change = c * d;
        value *= change;
        if (change - 1.0).abs() <= f64::EPSILON || m > LONGEST_FRACTION {
            return 1.0 / value;
        }
        m += 1.0;
    }
}

/// The fraction needs about the square root of the degrees of freedom; this allows for 1e10.
const LONGEST_FRACTION: f64 = 1e5;

/// `Γ(a + 1/2) / Γ(a)` for positive `a`.
///
/// The asymptotic series in `1/a` is exact to rounding from 32 on; smaller arguments step up to it
/// by `r(a) = r(a + 1) a / (a + 1/2)`. Tricomi and Erdélyi (1951), Pac. J. Math. 1:133-142.
fn half_step_gamma_ratio(a: f64) -> f64 {
    const SERIES: [f64; 9] = [
        1.0,
        -1.0 / 8.0,
        1.0 / 128.0,
        5.0 / 1024.0,
        -21.0 / 32_768.0,
        -399.0 / 262_144.0,
        869.0 / 4_194_304.0,
        39_325.0 / 33_554_432.0,
        -334_477.0 / 2_147_483_648.0,
    ];
    let (mut a, mut steps) = (a, 1.0);
    while a < 32.0 {
        steps *= a / (a + 0.5);
        a += 1.0;
    }
    let series = SERIES.iter().rev().fold(0.0, |total, coefficient| total / a + coefficient);
    steps * a.sqrt() * series
}

/// A polynomial over another, both by rising powers.
fn ratio(coefficients: &[[f64; 8]; 2], x: f64) -> f64 {
    let [above, below] =
        coefficients.map(|powers| powers.iter().rev().fold(0.0, |value, power| value * x + power));
    above / below
}

/// Within 0.425 of probability 1/2.
const CENTRE: [[f64; 8]; 2] = [
    [
        3.387_132_872_796_366_5,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ],
    [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_854,
    ],
];

/// Tails above `e^-25`.
const TAIL: [[f64; 8]; 2] = [
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        7.745_450_142_783_414e-4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ],
];

/// Tails below that.
const FAR_TAIL: [[f64; 8]; 2] = [
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        1.242_660_947_388_078_4e-3,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        0.599_832_206_555_888,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ],
];

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

    /// Values of arbitrary-precision arithmetic (mpmath, 60 digits) in each of the three ranges.
    #[test]
    fn normal_quantiles_keep_their_digits() {
        for (probability, want) in [
            (1e-300, -37.047_096_299_361_2),
            (1e-20, -9.262_340_089_798_407),
            (2e-11, -6.604_077_590_405_634),
            (1e-9, -5.997_807_015_007_686_5),
            (0.001, -3.090_232_306_167_813_6),
            (0.07, -1.475_791_028_179_170_6),
            (0.08, -1.405_071_560_309_632_7),
            (0.3, -0.524_400_512_708_040_8),
            (0.499, -0.002_506_630_899_571_766),
            (0.6, 0.253_347_103_135_799_7),
            (0.95, 1.644_853_626_951_472_2),
            (0.999, 3.090_232_306_167_813),
        ] {
            let got = normal_quantile(probability);
            assert!((got - want).abs() <= 2e-15 * want.abs(), "{got} instead of {want}");
        }
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

    /// Values to 20 digits by arbitrary-precision arithmetic (mpmath, 40 digits).
    #[test]
    fn student_tails_keep_their_digits() {
        for (t, degrees_of_freedom, want) in [
            (1.0, 1.0, 0.5),
            (0.001, 7.3, 0.999_228_896_981_024_4),
            (0.5, 3.0, 0.651_447_964_848_151),
            (1.7, 1e6, 0.089_131_236_490_348_77),
            (1.732_050_8, 40.0, 0.090_970_652_418_519_48),
            (1.9, 1.25, 0.267_951_145_582_604_1),
            (2.0, 2.5, 0.157_391_495_757_966),
            (8.0, 1e6, 1.245_506_343_320_252e-15),
            (1e6, 1.5, 7.541_704_864_026_432e-10),
            (25.0, 64.5, 6.787_396_055_008_711e-35),
            (14.201_681_745_974_948, 499.758_981_644_117_3, 1.071_765_881_858_986_2e-38),
            (100.0, 128.3, 1.371_752_993_634_791_3e-123),
            (36.0, 5e4, 3.261_739_253_185_112e-280),
        ] {
            assert_close(student_t_two_sided(t, degrees_of_freedom), want);
            assert_close(student_t_two_sided(-t, degrees_of_freedom), want);
        }
        assert_eq!(student_t_two_sided(0.0, 5.0), 1.0);
        assert_eq!(student_t_two_sided(1e200, 5.0), 0.0);
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
