//! Exponential and logarithm in portable code.
//!
//! The platform's own versions differ in the last bit between processors, which would make a
//! report depend on the machine that computed it. No estimator calls `f64::exp` or `f64::ln`.
//! [`exp8`], [`ln8`] and [`ln_1p8`] are for kernels; they may differ from [`exp`], [`ln`] and
//! [`ln_1p`] in the last bits.

use crate::lanes::{F64x8, Lanes};
use std::f64::consts::{LN_2, LOG2_E, SQRT_2};

/// `e` to the power `x`.
#[must_use]
pub fn exp(x: f64) -> f64 {
    libm::exp(x)
}

/// `exp(x) - 1` without cancellation near zero.
#[must_use]
pub fn exp_m1(x: f64) -> f64 {
    libm::expm1(x)
}

/// Natural logarithm.
#[must_use]
pub fn ln(x: f64) -> f64 {
    libm::log(x)
}

/// `ln(1 + x)` without cancellation near zero.
#[must_use]
pub fn ln_1p(x: f64) -> f64 {
    libm::log1p(x)
}

/// Angle whose sine is `x`, in radians.
#[must_use]
pub fn asin(x: f64) -> f64 {
    libm::asin(x)
}

/// Sine of an angle in radians.
#[must_use]
pub fn sin(x: f64) -> f64 {
    libm::sin(x)
}

/// Cosine of an angle in radians.
#[must_use]
pub fn cos(x: f64) -> f64 {
    libm::cos(x)
}

/// `x` to the power `y`.
#[must_use]
pub fn pow(x: f64, y: f64) -> f64 {
    libm::pow(x, y)
}

/// What `ln 2` as a double lacks.
const LN_2_REST: f64 = 2.319_046_813_846_299_6e-17;

/// Added to a number below 2^51 it rounds to a whole number, whose bits are then the last ones.
const ROUND: f64 = 1.5 * TWO_52;
const TWO_52: f64 = (1u64 << 52) as f64;

/// What is added to an exponent before it is stored.
const BIAS: f64 = 1023.0;

/// `(exp(r) - 1 - r) / r²` in powers of `r`, for `|r| <= ln 2 / 2`: the polynomial of least error, 2e-19.
const EXP: [f64; 11] = [
    0.5,
    0.166_666_666_666_666_7,
    0.041_666_666_666_666_685,
    0.008_333_333_333_326_134,
    0.001_388_888_888_887_439_6,
    0.000_198_412_698_748_219_57,
    2.480_158_734_734_678_3e-5,
    2.755_725_539_874_195e-6,
    2.755_725_290_599_757_4e-7,
    2.510_521_754_335_084_2e-8,
    2.092_159_135_555_805_7e-9,
];

/// `(ln((1 + s) / (1 - s)) / s - 2) / s²` in powers of `s²`, for `|s| <= 0.1716`: the polynomial of
/// least error, which is 5e-18 of the logarithm.
const LN: [f64; 7] = [
    0.666_666_666_666_667,
    0.399_999_999_998_984_45,
    0.285_714_286_263_993_87,
    0.222_222_110_728_223,
    0.181_828_932_197_858_45,
    0.153_315_969_324_487_04,
    0.146_178_729_525_069_13,
];

/// `e` to the power of each lane, within one unit in the last place; 0 below -708 and infinite above
/// 708.
///
/// ```text
/// exp(x) = 2^n exp(r)      r = x - n ln 2      n the nearest whole number
/// ```
#[inline(always)]
#[must_use]
pub fn exp8<L: Lanes>(x: F64x8<L>) -> F64x8<L> {
    let biased = x.mul_add(x.like(LOG2_E), x.like(ROUND + BIAS));
    let n = biased - x.like(ROUND + BIAS);
    let r = n.neg_mul_add(x.like(LN_2_REST), n.neg_mul_add(x.like(LN_2), x));
    let near_one = (r * r).mul_add(polynomial(&EXP, r), r) + x.like(1.0);
    let value = near_one * biased.to_exponent();
    let value = x.if_less(x.like(-708.0), x.like(0.0), value);
    x.like(708.0).if_less(x, x.like(f64::INFINITY), value)
}

/// Natural logarithm of each lane, within one unit in the last place. The lanes are positive; what is
/// below the smallest normal number, 2e-308, counts as that.
///
/// ```text
/// ln(2^n m) = n ln 2 + f - (f²/2 - s (f²/2 + R(s)))      f = m - 1      s = f / (2 + f)
/// ```
///
/// with `m` between the square roots of 1/2 and 2, and `R` the terms of `ln((1 + s) / (1 - s)) / s`
/// beyond the first.
#[inline(always)]
#[must_use]
pub fn ln8<L: Lanes>(x: F64x8<L>) -> F64x8<L> {
    let x = x.max(x.like(f64::MIN_POSITIVE));
    let n = x.exponent_bits().or_bits(TWO_52.to_bits()) - x.like(TWO_52 + BIAS);
    let m = x.and_bits(MANTISSA).or_bits(1f64.to_bits());
    let is_low = |low, high| m.if_less(x.like(SQRT_2), low, high);
    let n = n + is_low(x.like(0.0), x.like(1.0));
    let f = m * is_low(x.like(1.0), x.like(0.5)) - x.like(1.0);
    let s = f / (x.like(2.0) + f);
    let square = s * s;
    let half = x.like(0.5) * f * f;
    let rest = s * square.mul_add(polynomial(&LN, square), half);
    n.mul_add(x.like(LN_2), f - (half - n.mul_add(x.like(LN_2_REST), rest)))
}

/// `ln(1 + x)` of each lane without cancellation near zero, within two units in the last place. The
/// lanes are neither negative nor infinite.
///
/// ```text
/// ln(1 + x) = ln u + (x - (u - 1)) / u      u = 1 + x, rounded
/// ```
#[inline(always)]
#[must_use]
pub fn ln_1p8<L: Lanes>(x: F64x8<L>) -> F64x8<L> {
    let u = x + x.like(1.0);
    ln8(u) + (x - (u - x.like(1.0))) / u
}

/// The bits of the mantissa.
const MANTISSA: u64 = (1 << 52) - 1;

/// `c₀ + c₁ x + c₂ x² + ...`
#[inline(always)]
fn polynomial<L: Lanes, const N: usize>(coefficients: &[f64; N], x: F64x8<L>) -> F64x8<L> {
    let mut value = x.like(coefficients[N - 1]);
    for coefficient in coefficients[..N - 1].iter().rev() {
        value = value.mul_add(x, x.like(*coefficient));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::{Instructions, Kernel, restricted_to, run};

    const ALL: [Instructions; 3] =
        [Instructions::Avx512, Instructions::Avx2, Instructions::Portable];

    /// All functions at eight numbers.
    struct All([f64; 8]);

    impl Kernel for All {
        type Output = [[f64; 8]; 3];

        #[inline(always)]
        fn run<L: Lanes>(self, lanes: L) -> [[f64; 8]; 3] {
            let x = F64x8::from_array(lanes, &self.0);
            [exp8(x), ln8(x.abs()), ln_1p8(x.abs())].map(F64x8::to_array)
        }
    }

    /// Numbers of either sign and of every size up to 700, from the golden ratio.
    fn numbers() -> impl Iterator<Item = [f64; 8]> {
        let number = |i: usize| {
            let share = (i as f64 * 0.618_033_988_749_894_9).fract() * 2.0 - 1.0;
            share * libm::exp2(f64::from((i % 60) as u32) / 4.0 - 5.55)
        };
        (0..20_000).map(move |block| std::array::from_fn(|lane| number(8 * block + lane)))
    }

    fn units_apart(a: f64, b: f64) -> u64 {
        a.to_bits().abs_diff(b.to_bits())
    }

    #[test]
    fn lanes_differ_from_scalars_in_the_last_bit_at_most() {
        for x in numbers() {
            let [exponentials, logarithms, of_one_more] = run(All(x));
            for lane in 0..8 {
                assert!(units_apart(exponentials[lane], exp(x[lane])) <= 1, "exp {}", x[lane]);
                assert!(units_apart(logarithms[lane], ln(x[lane].abs())) <= 1, "ln {}", x[lane]);
                assert!(units_apart(of_one_more[lane], ln_1p(x[lane].abs())) <= 2, "{}", x[lane]);
            }
        }
    }

    #[test]
    fn all_instructions_give_the_same_bits() {
        for x in numbers() {
            let [first, rest @ ..] = ALL.map(|set| restricted_to(set, || run(All(x))));
            for other in rest {
                assert_eq!(first.map(|a| a.map(f64::to_bits)), other.map(|a| a.map(f64::to_bits)));
            }
        }
    }

    #[test]
    fn exponentials_leave_the_range_of_numbers_at_its_ends() {
        let x = [-1e9, -708.1, -708.0, 0.0, -0.0, 708.0, 708.1, f64::INFINITY];
        for set in ALL {
            let [exponentials, ..] = restricted_to(set, || run(All(x)));
            assert_eq!(exponentials[..2], [0.0, 0.0]);
            assert_eq!(exponentials[3..5], [1.0, 1.0]);
            assert!(exponentials[2] > 0.0 && exponentials[5].is_finite());
            assert_eq!(exponentials[6..], [f64::INFINITY; 2]);
        }
    }

    #[test]
    fn logarithms_near_one_keep_their_digits() {
        let x = [0.0, 1e-300, 1e-20, 3e-16, 1e-15, 1e-10, 1e-3, 1.0];
        let [.., logarithms] = run(All(x));
        for lane in 0..8 {
            assert!(units_apart(logarithms[lane], ln_1p(x[lane])) <= 2, "{}", x[lane]);
        }
    }

    #[test]
    fn logarithms_of_powers_of_two_are_exact() {
        let x = [1.0, 2.0, 0.5, 4.0, 1024.0, 0.25, f64::MIN_POSITIVE, 0.0];
        let [_, logarithms, _] = run(All(x));
        let least = -1022.0 * LN_2;
        let want = [0.0, LN_2, -LN_2, 2.0 * LN_2, 10.0 * LN_2, -2.0 * LN_2, least, least];
        assert_eq!(logarithms, want);
    }
}
