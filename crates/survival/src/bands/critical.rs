//! How far the limits of simultaneous bands must lie from the curve.
//!
//! Both kinds of bands rest on a Brownian bridge `B` and a share `a` that runs over an interval:
//!
//! ```text
//! Hall-Wellner      P(|B(a)| <= k for all a)                  = confidence
//! equal precision   P(|B(a)| <= c √(a (1 - a)) for all a)     = confidence
//! ```
//!
//! The probabilities are computed, not approximated or looked up, to about 1e-12, and so are the
//! critical values for confidences between 0.001 and 0.999 999.

use crate::Confidence;
use numerics::elementary::{exp, ln};
use numerics::laplace::{Complex, inverse_laplace};
use numerics::quadrature::{Approximation, integral};
use numerics::tails::{normal_sf, normal_two_sided};
use std::f64::consts::PI;

/// Critical value `k` of Hall and Wellner for shares `0 <= from <= to < 1`.
///
/// Hall and Wellner (1980), Biometrika 67:133-143. Same as table C.4 of Klein and Moeschberger
/// (2003), Survival Analysis, to its four decimals.
pub(super) fn hall_wellner(confidence: Confidence, (from, to): (f64, f64)) -> f64 {
    let confidence_share = confidence.share();
    // One share alone, that of the largest variance, bounds it from below; all shares together,
    // by the first term of Kolmogorov's distribution, from above.
    let widest = 0.5f64.clamp(from, to);
    let low = confidence.multiplier() * (widest * (1.0 - widest)).sqrt();
    let high = (0.5 * ln(2.0 / (1.0 - confidence_share))).sqrt().max(low);
    rising_root(|k| stays_within(k, from, to) - confidence_share, low, high)
}

/// Critical value `c` of equal precision for shares `0 < from <= to < 1`.
///
/// Nair (1984), Technometrics 26:265-275. Table C.3 of Klein and Moeschberger, `km.ci` in R and
/// SAS have the solution of an approximation of Miller and Siegmund (1982), Biometrics
/// 38:1011-1016, which is near the exact value for wide intervals (2.8826 instead of 2.8873 between
/// 0.1 and 0.6) and off by up to 0.2 for narrow ones.
pub(super) fn equal_precision(confidence: Confidence, (from, to): (f64, f64)) -> f64 {
    let span = 0.5 * ln(to * (1.0 - from) / (from * (1.0 - to)));
    let low = confidence.multiplier();
    if span <= 0.0 {
        return low;
    }
    let excess = |c| stays_within_precision(c, span) - confidence.share();
    let mut high = low + 1.0;
    while excess(high) < 0.0 && high < FARTHEST {
        high += 1.0;
    }
    rising_root(excess, low, high)
}

/// Beyond this many standard deviations no probability is told from 1.
const FARTHEST: f64 = 40.0;

/// Probability that a Brownian bridge stays within `±k` from share `from` to share `to`.
///
/// ```text
/// P = √(2π) ∫ φ(x; from) Σ_m [g(x + 4mk) - g(2k - x + 4mk)] dx                 over |x| < k
/// g(y) = φ(y; 1 - from) P(|Y| < k)     Y normal with mean y v/w and variance (to - from) v/w
/// ```
///
/// where `φ(·; s)` is the normal density of variance `s`, `v = 1 - to` and `w = 1 - from`: the
/// density at `from`, the way to `to` reflected at both limits (Billingsley 1999, Convergence of
/// Probability Measures, section 9), and the end integrated in closed form.
fn stays_within(k: f64, from: f64, to: f64) -> f64 {
    let width = to - from;
    if width > LONGEST_WAY * k * k {
        return 0.0;
    }
    let way = Way { k, to_end: 1.0 - to, left: 1.0 - from, width };
    let scale = (2.0 * PI).sqrt();
    if from <= 0.0 {
        return (scale * way.reflected(0.0)).clamp(0.0, 1.0);
    }
    let integrand = |x: f64| Approximation::exact(density(x, from) * way.reflected(x));
    let reach = k.min(NOWHERE * (from * (1.0 - from)).sqrt());
    (2.0 * scale * integral(&integrand, 0.0, reach, TOLERANCE).value).clamp(0.0, 1.0)
}

/// A way so long, in units of the square of the limit, is survived with a probability below
/// 4/π exp(-50 π²/8) < 1e-26.
const LONGEST_WAY: f64 = 50.0;

/// Beyond so many standard deviations nothing is left of a normal density.
const NOWHERE: f64 = 9.0;

/// Error allowed to each piece of the integral.
const TOLERANCE: f64 = 1e-14;

/// The way of a bridge between the shares.
struct Way {
    k: f64,
    width: f64,
    /// Share from there to the end, and from the beginning to the end.
    to_end: f64,
    left: f64,
}

impl Way {
    /// Density of going from `x` to the end of the bridge without leaving `±k` on the way.
    fn reflected(&self, x: f64) -> f64 {
        let Self { k, width, .. } = *self;
        let farthest = ((NOWHERE * width.sqrt() + 2.0 * k) / (4.0 * k)).ceil();
        let mut total = self.direct(x) - self.direct(2.0 * k - x);
        let mut m = 1.0;
        while m <= farthest {
            for turn in [-4.0 * m * k, 4.0 * m * k] {
                total += self.direct(x + turn) - self.direct(2.0 * k - x + turn);
            }
            m += 1.0;
        }
        total
    }

    /// The same for `y` without limits on the way, within them where it ends.
    fn direct(&self, y: f64) -> f64 {
        let mean = y * self.to_end / self.left;
        let deviation = (self.width * self.to_end / self.left).sqrt();
        let within = if deviation > 0.0 {
            normal_sf((-self.k - mean) / deviation) - normal_sf((self.k - mean) / deviation)
        } else if mean.abs() < self.k {
            1.0
        } else {
            0.0
        };
        density(y, self.left) * within
    }
}

fn density(x: f64, variance: f64) -> f64 {
    exp(-0.5 * x * x / variance) / (2.0 * PI * variance).sqrt()
}

/// Probability that a stationary Ornstein-Uhlenbeck process with covariance `e^(-|t|)` stays within
/// `±c` for the time `span`: `B(a) / √(a (1 - a))` is that process at the time `ln(a / (1 - a)) / 2`.
///
/// Its Laplace transform over the span is
///
/// ```text
/// (P(|Z| < c) - 2 φ(c) f'(c) / (s f(c))) / s     f(x) = M(s/2, 1/2, x²/2)
/// ```
///
/// with Kummer's function `M`, whose logarithmic derivative is a continued fraction (NIST Digital
/// Library of Mathematical Functions, 13.5.1). DeLong (1981), Commun. Stat. Theory Methods
/// 10:2197-2213, has the equivalent series.
fn stays_within_precision(c: f64, span: f64) -> f64 {
    let at_once = 1.0 - normal_two_sided(c);
    let rim = 2.0 * c * density(c, 1.0);
    if span <= SHORT && span * 100.0 <= c * c {
        return at_once - soon(c, span);
    }
    let transform = |s: Complex| {
        let leaves = Complex::real(rim) / kummer_ratio(s * 0.5, 0.5 * c * c);
        (Complex::real(at_once) + leaves * -1.0) / s
    };
    inverse_laplace(transform, span).clamp(0.0, 1.0)
}

/// Up to this span four terms in its square root are exact to 1e-11.
const SHORT: f64 = 1e-4;

/// Probability to begin within `±c` and to leave within a short span: the expansion of the
/// transform for large `s`, where only the nearer limit matters.
fn soon(c: f64, span: f64) -> f64 {
    let root = span.sqrt();
    let series = 2.0 / PI.sqrt()
        + root * (0.5 * c + root * ((c * c / 8.0 - 0.25) / (0.75 * PI.sqrt()) - root * c / 16.0));
    2.0 * density(c, 1.0) * root * series
}

/// `M(a, 1/2, z) / M(a + 1, 3/2, z)` by its continued fraction, from behind.
fn kummer_ratio(a: Complex, z: f64) -> Complex {
    let mut ratio = Complex::real(1.0);
    let mut pair = 30.0 + (1.5 * (a.modulus() * z).sqrt()).ceil();
    while pair >= 1.0 {
        let n = 2.0 * pair;
        let even = (a + pair) * (z / ((n - 0.5) * (n + 0.5)));
        ratio = even / ratio + 1.0;
        let odd = (a + (0.5 - pair)) * (z / ((n - 1.5) * (n - 0.5)));
        ratio = odd / ratio + 1.0;
        pair -= 1.0;
    }
    ratio
}

/// Root of a rising function between two points by the method of false position with the step of
/// Illinois (Dowell and Jarratt 1971, BIT 11:168-174); the lower point where there is none.
fn rising_root(function: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let (mut below, mut above) = (function(low), function(high));
    if below >= 0.0 {
        return low;
    }
    let mut was_low = None;
    for _ in 0..MOST_STEPS {
        if high - low <= 4.0 * f64::EPSILON * high || above <= below {
            break;
        }
        let middle = (low - below * (high - low) / (above - below)).clamp(low, high);
        let value = function(middle);
        if value == 0.0 {
            return middle;
        }
        let is_low = value < 0.0;
        if is_low {
            (low, below) = (middle, value);
        } else {
            (high, above) = (middle, value);
        }
        if was_low == Some(is_low) {
            // The other end has stayed for two steps: it counts half from now on.
            if is_low { above *= 0.5 } else { below *= 0.5 }
        }
        was_low = Some(is_low);
    }
    if -below < above { low } else { high }
}

/// The method takes about ten steps; more are wasted on the rounding of the function.
const MOST_STEPS: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn confidence(share: f64) -> Confidence {
        Confidence::new(share).unwrap()
    }

    fn assert_close(got: f64, want: f64, tolerance: f64) {
        assert!((got - want).abs() <= tolerance, "{got} instead of {want}");
    }

    /// Entries of table C.4 of Klein and Moeschberger (2003), of which k(0.1, 0.6) = 1.3211 serves
    /// their example of patients with acute lymphoblastic leukaemia; further digits by the same
    /// integral in R on another rule.
    #[test]
    fn hall_wellner_agrees_with_the_table() {
        for (share, from, to, table, want) in [
            (0.95, 0.1, 0.6, 1.3211, 1.321_066_938_862_6),
            (0.90, 0.0, 0.1, 0.5985, 0.598_522_005_188_7),
            (0.95, 0.02, 0.1, 0.6825, 0.682_479_802_329_0),
            (0.99, 0.04, 0.1, 0.8512, 0.851_174_981_907_9),
            (0.95, 0.6, 0.94, 1.1976, 1.197_548_643_114_1),
            (0.99, 0.28, 0.46, 1.5123, 1.512_872_925_894_6),
        ] {
            let got = hall_wellner(confidence(share), (from, to));
            assert_close(got, table, 6e-4);
            assert_close(got, want, 1e-11);
        }
    }

    /// The limit for all shares is that of Kolmogorov's test, 1.3581.
    #[test]
    fn hall_wellner_for_all_shares_is_kolmogorovs_quantile() {
        let got = hall_wellner(confidence(0.95), (0.0, 1.0 - 1e-12));
        assert_close(got, 1.358_098_639_322_6, 1e-9);
    }

    /// P(2.8826) between 0.1 and 0.6 is 0.94939 by finite differences too; more digits by the same
    /// transform in R on more points.
    #[test]
    fn equal_precision_is_exact() {
        assert_close(stays_within_precision(2.8826, 0.5 * 13.5f64.ln()), 0.949_386_9, 1e-7);
        for (share, from, to, want) in [
            (0.95, 0.1, 0.6, 2.887_283_936_900_1),
            (0.95, 0.02, 0.1, 2.759_109_875_661_4),
            (0.99, 0.04, 0.1, 3.195_862_306_313_2),
            (0.95, 0.001, 0.999, 3.416_944_548_199_8),
            (0.95, 0.9, 0.99, 2.862_207_295_525),
            (0.5, 0.3, 0.300_001, 0.676_230_656_457_9),
        ] {
            assert_close(equal_precision(confidence(share), (from, to)), want, 1e-10);
        }
    }

    /// The expansion for short spans and the transform meet, also for narrow limits.
    #[test]
    fn short_spans_join_long_ones() {
        for c in [0.15, 1.0, 2.8, 5.0] {
            let below = stays_within_precision(c, SHORT * (1.0 - 1e-12));
            let above = stays_within_precision(c, SHORT * (1.0 + 1e-12));
            assert_close(below, above, 1e-10);
        }
    }

    /// At one share the bridge is normal.
    #[test]
    fn one_share_has_the_normal_multiplier() {
        for share in [0.01, 0.5, 0.95, 0.999_999] {
            let z = confidence(share).multiplier();
            assert_close(equal_precision(confidence(share), (0.3, 0.3)), z, 0.0);
            let k = hall_wellner(confidence(share), (0.3, 0.3));
            assert_close(k, z * 0.21f64.sqrt(), 1e-10);
        }
    }

    /// Whatever the confidence and the shares, there is a finite value at once.
    #[test]
    fn extremes_end() {
        for share in [1e-12, 1e-6, 0.5, 1.0 - 1e-12, 1.0 - f64::EPSILON] {
            for (from, to) in [(1e-9, 1e-8), (1e-7, 1.0 - 1e-7), (0.5, 0.5 + 1e-9), (0.1, 0.6)] {
                let confidence = confidence(share);
                let (k, c) =
                    (hall_wellner(confidence, (from, to)), equal_precision(confidence, (from, to)));
                assert!(k.is_finite() && c.is_finite() && c >= confidence.multiplier());
                assert!(c <= FARTHEST + 2.0, "{c}");
            }
        }
    }
}
