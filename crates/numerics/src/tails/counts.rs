//! Tails and quantiles of the gamma and beta distributions, on which the exact limits of counts
//! and of shares of counts rest, with those of the F, Student and binomial distributions that follow
//! from them, and the exact test of a share.

use crate::elementary::{exp, ln, ln_1p};
use crate::tails::normal_quantile;
use std::f64::consts::PI;

/// A probability in one of the two tails of a distribution. Said of the smaller tail it keeps its
/// digits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tail {
    /// Of not exceeding the value.
    Lower(f64),
    /// Of exceeding it.
    Upper(f64),
}

/// Both tails at one value, each with all its digits.
#[derive(Clone, Copy)]
struct Tails {
    lower: f64,
    upper: f64,
}

impl Tails {
    fn from_lower(lower: f64) -> Self {
        Self { lower, upper: 1.0 - lower }
    }

    fn from_upper(upper: f64) -> Self {
        Self { lower: 1.0 - upper, upper }
    }

    fn swapped(self) -> Self {
        Self { lower: self.upper, upper: self.lower }
    }
}

/// Upper tail of the gamma distribution with scale 1, `P(X > x)`.
///
/// Same as `pgamma(x, shape, lower.tail = FALSE)` in R. `shape` is positive; a value of 0 or below
/// has the tail 1.
#[must_use]
pub fn gamma_sf(x: f64, shape: f64) -> f64 {
    if x <= 0.0 { 1.0 } else { gamma_tails(x, shape).upper }
}

/// Quantile of the gamma distribution with scale 1 and a positive `shape`: the value with this
/// tail, whose probability lies strictly between 0 and 1.
///
/// Newton steps on the logarithm of the tail from the start of Wilson and Hilferty (1931), Proc.
/// Natl. Acad. Sci. 17:684-688, kept within a bracket. Same as `qgamma(p, shape)` in R.
#[must_use]
pub fn gamma_quantile(tail: Tail, shape: f64) -> f64 {
    let z = match tail {
        Tail::Lower(probability) => normal_quantile(probability),
        Tail::Upper(probability) => -normal_quantile(probability),
    };
    let cube_root = 1.0 - 1.0 / (9.0 * shape) + z / (3.0 * shape.sqrt());
    let start = match tail {
        // Near 0 the lower tail is x^a / Γ(a + 1).
        Tail::Lower(probability) if cube_root < 0.2 => {
            exp((ln(probability) + ln_gamma_plus_1(shape)) / shape)
        }
        _ => shape * cube_root.max(0.2).powi(3),
    };
    solve(tail, start, |x| (gamma_tails(x, shape), poisson_mass(shape, x) * shape / x))
}

/// Quantile of the chi-squared distribution with a positive number of degrees of freedom, which
/// need not be whole.
///
/// Same as `qchisq(p, df)` in R.
#[must_use]
pub fn chi_squared_quantile(tail: Tail, degrees_of_freedom: f64) -> f64 {
    2.0 * gamma_quantile(tail, 0.5 * degrees_of_freedom)
}

/// Upper tail of the beta distribution, `P(X > x)`, for positive `a` and `b`.
///
/// Same as `pbeta(x, a, b, lower.tail = FALSE)` in R; below 0 the tail is 1, above 1 it is 0.
#[must_use]
pub fn beta_sf(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        1.0
    } else if x >= 1.0 {
        0.0
    } else {
        beta_tails(x / (1.0 - x), a, b).upper
    }
}

/// Odds `x / (1 - x)` of the quantile `x` of the beta distribution, for positive `a` and `b`.
///
/// The odds keep their digits where `x` is near 1. Same as `q / (1 - q)` with `q = qbeta(p, a, b)`
/// in R.
#[must_use]
pub fn beta_odds_quantile(tail: Tail, a: f64, b: f64) -> f64 {
    // The odds are a ratio of two gamma variables, so that their logarithm is nearly normal.
    let z = match tail {
        Tail::Lower(probability) => normal_quantile(probability),
        Tail::Upper(probability) => -normal_quantile(probability),
    };
    let start = exp(ln(a / b) + z * (1.0 / a + 1.0 / b).sqrt());
    solve(tail, start, |odds| {
        let density = beta_weight(odds, a, b) / odds;
        (beta_tails(odds, a, b), density)
    })
}

/// Upper tail of the F distribution, `P(F > f)`.
///
/// `F` is the ratio of two gamma variables, so that `f * df1 / df2` are the odds of a beta variable;
/// both tails keep their digits. The lower tail is `f_sf(1 / f, df2, df1)`. Same as `pf(f, df1, df2,
/// lower.tail = FALSE)` in R; the degrees of freedom are positive and need not be whole. A value of 0
/// or below has the tail 1.
#[must_use]
pub fn f_sf(f: f64, df1: f64, df2: f64) -> f64 {
    let odds = f * df1 / df2;
    if odds <= 0.0 {
        1.0
    } else if odds.is_finite() {
        beta_tails(odds, 0.5 * df1, 0.5 * df2).upper
    } else {
        0.0
    }
}

/// Quantile of the F distribution for positive degrees of freedom, which need not be whole.
///
/// Same as `qf(p, df1, df2)` in R.
#[must_use]
pub fn f_quantile(tail: Tail, df1: f64, df2: f64) -> f64 {
    beta_odds_quantile(tail, 0.5 * df1, 0.5 * df2) * df2 / df1
}

/// Multiplier of a two-sided interval by Student's distribution: 12.706 for a confidence of 0.95 and
/// one degree of freedom.
///
/// Same as `qt((1 + confidence) / 2, df)` in R. The square of the statistic has the F distribution
/// with 1 and `degrees_of_freedom`, which are positive and need not be whole.
#[must_use]
pub fn student_t_multiplier(confidence: f64, degrees_of_freedom: f64) -> f64 {
    f_quantile(Tail::Upper(1.0 - confidence), 1.0, degrees_of_freedom).sqrt()
}

/// Probability of at least `successes` among `trials` whose expected share is `odds` to 1.
///
/// Same as `pbinom(successes - 1, trials, odds / (1 + odds), lower.tail = FALSE)` in R. `odds` is
/// positive and finite.
#[must_use]
pub fn binomial_at_least(successes: usize, trials: usize, odds: f64) -> f64 {
    counts_from(successes, trials, odds)
}

/// Exact two-sided p-value of `successes` among `trials` whose expected share is `odds` to 1.
///
/// The sum of the probabilities of all counts that are no more probable than the one observed, with
/// a relative slack of 1e-7. Same as `binom.test(successes, trials, odds / (1 + odds))$p.value` in
/// R. `odds` is positive and finite.
#[must_use]
pub fn binomial_two_sided(successes: usize, trials: usize, odds: f64) -> f64 {
    const SLACK: f64 = 1.0 + 1e-7;
    let (share, complement) = (odds / (1.0 + odds), 1.0 / (1.0 + odds));
    let mass = |count: usize| binomial_mass(count, trials, share, complement);
    let limit = mass(successes) * SLACK;
    let (observed, mean) = (successes as f64, trials as f64 * share);
    // The mass rises up to the mean and falls beyond it, so that each side has one boundary.
    let (lower_end, upper_start) = if observed == mean {
        return 1.0;
    } else if observed < mean {
        let is_less_probable = |count| mass(count) <= limit;
        (successes + 1, boundary(mean.ceil() as usize, trials + 1, is_less_probable))
    } else {
        (boundary(0, mean.floor() as usize + 1, |count| mass(count) > limit), successes)
    };
    (counts_below(lower_end, trials, odds) + counts_from(upper_start, trials, odds)).min(1.0)
}

/// First index in `from..to` for which the monotone condition holds; `to` without one.
fn boundary(from: usize, to: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut from, mut to) = (from, to.max(from));
    while from < to {
        let middle = from + (to - from) / 2;
        if holds(middle) { to = middle } else { from = middle + 1 }
    }
    from
}

/// Probability of fewer than `end` successes.
fn counts_below(end: usize, trials: usize, odds: f64) -> f64 {
    match end {
        0 => 0.0,
        _ if end > trials => 1.0,
        _ => beta_tails(odds, end as f64, (trials - end + 1) as f64).upper,
    }
}

/// Probability of at least `start` successes.
fn counts_from(start: usize, trials: usize, odds: f64) -> f64 {
    match start {
        0 => 1.0,
        _ if start > trials => 0.0,
        _ => beta_tails(odds, start as f64, (trials - start + 1) as f64).lower,
    }
}

/// A root is found when a step moves it by less than this share, four units in the last place.
const SETTLED: f64 = 4.0 * f64::EPSILON;

/// Far more steps than halving alone needs to cross the range of a double.
const MOST_STEPS: usize = 2_200;

/// The positive value at which the tail is met; `at` gives both tails and the density.
fn solve(tail: Tail, start: f64, at: impl Fn(f64) -> (Tails, f64)) -> f64 {
    let (mut low, mut high, mut x) = (0.0, f64::INFINITY, start.max(f64::MIN_POSITIVE));
    for _ in 0..MOST_STEPS {
        let (tails, density) = at(x);
        // Both excesses rise with x.
        let (excess, share) = match tail {
            Tail::Lower(probability) => (ln(tails.lower / probability), tails.lower),
            Tail::Upper(probability) => (ln(probability / tails.upper), tails.upper),
        };
        if excess > 0.0 {
            high = x
        } else {
            low = x
        }
        let newton = x - excess * share / density;
        let next = if low < newton && newton < high {
            newton
        } else if high.is_infinite() {
            2.0 * x
        } else if low == 0.0 {
            x / 16.0
        } else {
            low + 0.5 * (high - low)
        };
        if (next - x).abs() <= SETTLED * x {
            return next;
        }
        x = next;
    }
    x
}

/// Tails of the gamma distribution at a positive `x`.
///
/// ```text
/// x < a + 1:   P = x^a e^-x / Γ(a+1) · Σ x^k / ((a+1) ... (a+k))
/// otherwise:   Q = x^a e^-x / Γ(a) · 1/(x+1-a - 1(1-a)/(x+3-a - 2(2-a)/(x+5-a - ...)))
/// ```
///
/// Abramowitz and Stegun (1964), 6.5.29 and the even part of 6.5.31. The power is a Poisson probability, which
/// Loader's form gives without cancellation.
fn gamma_tails(x: f64, a: f64) -> Tails {
    let mass = poisson_mass(a, x);
    if x < a + 1.0 {
        let (mut total, mut term, mut k) = (1.0, 1.0, 1.0);
        while term > total * f64::EPSILON * 0.25 {
            term *= x / (a + k);
            total += term;
            k += 1.0;
        }
        return Tails::from_lower((mass * total).min(1.0));
    }
    // Lentz's method, as modified by Thompson and Barnett (1986), J. Comput. Phys. 64:490-509.
    let mut b = x + 1.0 - a;
    let mut c = f64::INFINITY;
    let mut d = 1.0 / b;
    let mut fraction = d;
    let mut k = 1.0;
    loop {
        let numerator = -k * (k - a);
        b += 2.0;
        d = 1.0 / (b + numerator * d);
        c = b + numerator / c;
        let change = c * d;
        fraction *= change;
        if (change - 1.0).abs() <= f64::EPSILON || k > LONGEST_FRACTION {
            return Tails::from_upper((mass * a * fraction).min(1.0));
        }
        k += 1.0;
    }
}

/// Tails of the beta distribution at the value with these odds.
///
/// The continued fraction of Abramowitz and Stegun (1964), 26.5.8, on the side of the mean on which
/// it converges fast.
fn beta_tails(odds: f64, a: f64, b: f64) -> Tails {
    if odds * (b + 1.0) > a + 1.0 {
        return beta_tails_below(1.0 / odds, b, a).swapped();
    }
    beta_tails_below(odds, a, b)
}

fn beta_tails_below(odds: f64, a: f64, b: f64) -> Tails {
    let x = odds / (1.0 + odds);
    let (mut c, mut d) = (1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    let mut m = 1.0;
    loop {
        let even = a + 2.0 * m;
        let first = m * (b - m) * x / ((even - 1.0) * even);
        d = 1.0 / (1.0 + first * d);
        c = 1.0 + first / c;
        fraction *= c * d;
        let second = -(a + m) * (a + b + m) * x / (even * (even + 1.0));
        d = 1.0 / (1.0 + second * d);
        c = 1.0 + second / c;
        let change = c * d;
        fraction *= change;
        if (change - 1.0).abs() <= f64::EPSILON || m > LONGEST_FRACTION {
            return Tails::from_lower((beta_weight(odds, a, b) / a * fraction).min(1.0));
        }
        m += 1.0;
    }
}

/// The fractions need about the square root of the shape; this allows for shapes of 1e10.
const LONGEST_FRACTION: f64 = 1e6;

/// `x^a (1-x)^b / B(a, b)` at the value `x` with these odds.
fn beta_weight(odds: f64, a: f64, b: f64) -> f64 {
    let (n, x, y) = (a + b, odds / (1.0 + odds), 1.0 / (1.0 + odds));
    let logarithm = stirling_error(n)
        - stirling_error(a)
        - stirling_error(b)
        - deviance(a, n * x)
        - deviance(b, n * y);
    exp(logarithm) * (a / n * b / (2.0 * PI)).sqrt()
}

/// `x^a e^-x / Γ(a + 1)`, the Poisson probability of `a` when `x` are expected, for real `a > 0`.
///
/// Loader (2000), Fast and Accurate Computation of Binomial Probabilities, Bell Laboratories.
fn poisson_mass(a: f64, x: f64) -> f64 {
    exp(-stirling_error(a) - deviance(a, x)) / (2.0 * PI * a).sqrt()
}

/// Probability of `count` successes, by the method of [`poisson_mass`].
fn binomial_mass(count: usize, trials: usize, share: f64, complement: f64) -> f64 {
    let (k, n) = (count as f64, trials as f64);
    if count == 0 {
        return exp(n * if share < 0.5 { ln_1p(-share) } else { ln(complement) });
    }
    if count == trials {
        return exp(n * if complement < 0.5 { ln_1p(-complement) } else { ln(share) });
    }
    let logarithm = stirling_error(n)
        - stirling_error(k)
        - stirling_error(n - k)
        - deviance(k, n * share)
        - deviance(n - k, n * complement);
    exp(logarithm) * (n / (2.0 * PI * k * (n - k))).sqrt()
}

/// `a ln(a / x) + x - a`, by a series where `a` and `x` are close and the terms would cancel.
fn deviance(a: f64, x: f64) -> f64 {
    let (difference, total) = (a - x, a + x);
    if difference.abs() >= 0.1 * total {
        return a * ln(a / x) - difference;
    }
    let v = difference / total;
    let (mut sum, mut term) = (difference * v, 2.0 * a * v);
    // Each term is a hundredth of the one before, or less: nine are exact to rounding.
    for odd in [3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0, 17.0, 19.0] {
        term *= v * v;
        sum += term / odd;
    }
    sum
}

/// `ln Γ(a + 1)` less Stirling's formula `(a + 1/2) ln a - a + ln(2π)/2`, for positive `a`.
///
/// The asymptotic series is exact to rounding from 16 on; smaller arguments step up to it.
/// Abramowitz and Stegun (1964), 6.1.42.
fn stirling_error(a: f64) -> f64 {
    const SERIES: [f64; 7] = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1_260.0,
        -1.0 / 1_680.0,
        1.0 / 1_188.0,
        -691.0 / 360_360.0,
        1.0 / 156.0,
    ];
    let (mut a, mut steps) = (a, 0.0);
    while a < 16.0 {
        steps += (a + 0.5) * ln_1p(1.0 / a) - 1.0;
        a += 1.0;
    }
    let square = a * a;
    steps + SERIES.iter().rev().fold(0.0, |total, coefficient| total / square + coefficient) / a
}

fn ln_gamma_plus_1(a: f64) -> f64 {
    stirling_error(a) + (a + 0.5) * ln(a) - a + 0.5 * ln(2.0 * PI)
}

#[cfg(test)]
mod tests {
    use super::Tail::{Lower, Upper};
    use super::*;

    /// Closed forms keep twelve digits.
    fn assert_close(got: f64, want: f64) {
        assert!((got - want).abs() <= 1e-12 * want.abs(), "{got} instead of {want}");
    }

    /// This and the values below: 20 digits by arbitrary-precision arithmetic (mpmath, 40 digits).
    #[test]
    fn gamma_tails_keep_their_digits() {
        for (x, shape, want) in [
            (1e-8, 0.3, 0.995_564_120_686_354_7),
            (0.5, 0.5, 0.317_310_507_862_914_1),
            (1.0, 1.0, 0.367_879_441_171_442_3),
            (3.0, 2.5, 0.306_218_918_413_278_4),
            (10.0, 10.0, 0.457_929_714_471_852_2),
            (12.0, 10.0, 0.242_392_161_670_512_35),
            (50.0, 10.0, 1.259_608_459_166_090_8e-12),
            (300.0, 10.0, 2.878_499_265_537_018e-114),
            (90.0, 100.0, 0.841_779_010_813_569_8),
            (1050.0, 1000.0, 0.058_671_111_377_318_08),
            (2.0, 30.0, 1.0),
            (1_001_000.0, 1e6, 0.158_655_213_631_659_7),
        ] {
            assert_close(gamma_sf(x, shape), want);
        }
        assert_eq!(gamma_sf(0.0, 2.0), 1.0);
    }

    #[test]
    fn gamma_quantiles_keep_their_digits() {
        for (tail, shape, want) in [
            (Lower(0.025), 1.0, 0.025_317_807_984_289_877),
            (Upper(0.025), 2.0, 5.571_643_390_938_899),
            (Lower(0.025), 0.5, 0.000_491_034_558_587_628),
            (Lower(0.001), 0.05, 5.844_632_057_286_547e-61),
            (Lower(0.025), 7.0, 2.814_363_051_519_866),
            (Upper(0.025), 8.0, 14.422_675_361_702_38),
            (Lower(1e-10), 3.0, 0.000_843_610_562_484_727_4),
            (Upper(1e-12), 3.0, 34.052_374_190_075_69),
            (Lower(0.005), 250.0, 211.151_682_431_163_86),
            (Upper(0.005), 251.0, 293.684_688_327_429_9),
            (Lower(0.3), 12.5, 10.433_517_006_888_271),
        ] {
            assert_close(gamma_quantile(tail, shape), want);
        }
        assert_close(chi_squared_quantile(Upper(0.05), 3.0), 7.814_727_903_251_179);
    }

    #[test]
    fn beta_tails_keep_their_digits() {
        for (x, a, b, want) in [
            (0.5, 0.5, 0.5, 0.5),
            (0.3, 2.0, 5.0, 0.420_175),
            (0.01, 3.0, 40.0, 0.991_416_146_200_266_5),
            (0.6, 30.0, 12.0, 0.943_341_312_695_823_4),
            (0.9, 3.0, 1.0, 0.271),
            (0.999, 1.5, 2.0, 1.874_374_882_765_604e-6),
            (0.52, 500.0, 480.0, 0.269_911_530_506_719_4),
            (0.001, 1.0, 700.0, 0.496_411_413_431_099_3),
        ] {
            assert_close(beta_sf(x, a, b), want);
        }
        assert_eq!((beta_sf(0.0, 2.0, 3.0), beta_sf(1.0, 2.0, 3.0)), (1.0, 0.0));
    }

    #[test]
    fn beta_odds_keep_their_digits() {
        for (tail, a, b, want) in [
            (Lower(0.025), 3.0, 8.0, 0.071_512_200_481_086_32),
            (Upper(0.025), 4.0, 7.0, 1.877_307_439_214_019_3),
            (Lower(0.025), 1.0, 10.0, 0.002_534_988_461_896_995_6),
            (Upper(0.025), 11.0, 1.0, 433.976_984_058_838),
            (Lower(0.005), 400.0, 301.0, 1.092_820_330_456_744_4),
            (Upper(1e-9), 2.5, 0.7, 19_466_338_213_075.406),
            (Upper(0.025), 1000.0, 1.0, 39_497.390_207_317_026),
            (Lower(0.025), 0.5, 0.5, 0.001_543_712_508_674_131),
        ] {
            assert_close(beta_odds_quantile(tail, a, b), want);
        }
    }

    /// `pf`, `qf` and `qt` of R agree: tails by the closed form for two degrees of freedom above,
    /// `(1 + 2f/ν)^(-ν/2)`, and below, `1 - (1 + 2/(f ν))^(-ν/2)`.
    #[test]
    fn ratios_of_variances_keep_their_digits() {
        for (f, nu) in [(0.01, 7.0), (1.0, 4.0), (3.5, 11.0), (250.0, 30.0)] {
            assert_close(f_sf(f, 2.0, nu), (1.0f64 + 2.0 * f / nu).powf(-nu / 2.0));
            assert_close(f_sf(f, nu, 2.0), 1.0 - (1.0f64 + 2.0 / (f * nu)).powf(-nu / 2.0));
        }
        assert_eq!((f_sf(0.0, 3.0, 4.0), f_sf(f64::INFINITY, 3.0, 4.0)), (1.0, 0.0));
        assert_close(f_quantile(Upper(0.05), 2.0, 4.0), 2.0 * (0.05f64.powf(-0.5) - 1.0));
        assert_close(student_t_multiplier(0.95, 1.0), 12.706_204_736_174_7);
        assert_close(student_t_multiplier(0.95, 57.847_121_832_568_89), 2.001_830_124_036_556_6);
    }

    #[test]
    fn counts_have_upper_tails() {
        assert_close(binomial_at_least(9, 11, 1.0), 67.0 / 2048.0);
        assert_close(binomial_at_least(1, 3, 0.5), 19.0 / 27.0);
        assert_eq!((binomial_at_least(0, 3, 2.0), binomial_at_least(4, 3, 2.0)), (1.0, 0.0));
    }

    /// The last three agree with `binom.test` in R too.
    #[test]
    fn shares_are_tested_exactly() {
        for (successes, trials, odds, want) in [
            (3, 10, 1.0, 0.343_75),
            (0, 5, 0.25, 0.5904),
            (5, 5, 0.25, 0.000_32),
            (2, 9, 0.5, 0.726_870_903_825_636_3),
            (7, 200, 0.1, 0.004_228_384_094_366_597),
            (300, 700, 0.5, 1.702_324_494_037_262e-7),
            (60, 100, 1.0, 0.056_887_933_640_980_79),
            (682, 925, 3.0, 0.382_491_559_574_851_7),
        ] {
            assert_close(binomial_two_sided(successes, trials, odds), want);
        }
        assert_eq!(binomial_two_sided(3, 9, 0.5), 1.0);
        assert_eq!(binomial_two_sided(0, 0, 2.0), 1.0);
    }
}
