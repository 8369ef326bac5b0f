//! Probabilities of up to five standard normal variables with any correlations, singular ones too.
//!
//! No random numbers: the probability is an integral over the correlations, which falls into
//! probabilities of two variables less.

use crate::elementary::{exp, exp_m1, ln, ln_1p};
use crate::quadrature::{Approximation, integral};
use crate::tails::{ln_normal_two_sided, normal_sf};
use std::f64::consts::{LN_2, TAU};

/// Most variables whose probability is computed: five take some tenths of a second, and each further
/// pair would take a hundred times as long.
pub const MOST_VARIABLES: usize = 5;

/// On which side of a limit a variable is beyond it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sides {
    /// Above the limit.
    Upper,
    /// Above the limit, or below minus the limit.
    Both,
}

/// A tail probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tail {
    /// The probability.
    pub value: f64,
    /// Its natural logarithm, finite where the probability underflows.
    pub ln_value: f64,
    /// How far the probability may be from the true one, as a share of it.
    pub relative_error: f64,
}

/// Probability that every variable lies between its limits, `P(lower_i <= Z_i <= upper_i for all i)`.
///
/// ```text
/// P(R) = Π P_i + ∫₀¹ Σ_{i<j} ρ_ij ∂P/∂ρ_ij (tR) dt
/// ∂P/∂ρ_ij = Σ ± φ₂(z_i, z_j; ρ_ij) P(the others between their limits | z_i, z_j)
/// ```
///
/// The outer sum goes over the four corners of the limits of `i` and `j`, with a minus where one of
/// them is a lower limit; `φ₂` is the bivariate normal density and `tR` the matrix whose
/// correlations are `t` times those of `R`. Limits may be infinite. A singular matrix needs no
/// care, since `tR` is regular for `t < 1`; variables that are equal or opposite are one variable.
/// Plackett (1954), Biometrika 41:351-360; Genz (2004), Stat. Comput. 14:251-260. Same as
/// `pmvnorm(lower, upper, corr = R)` of `mvtnorm` in R, which is random beyond three variables.
///
/// `correlation` is symmetric and positive semidefinite with a diagonal of 1; one row per limit,
/// and at most [`MOST_VARIABLES`] of them.
#[must_use]
pub fn between(lower: &[f64], upper: &[f64], correlation: &[Vec<f64>]) -> Approximation {
    match Limits::new(lower, upper, correlation).merged() {
        Some(limits) => limits.probability(TOLERANCE),
        None => Approximation::exact(0.0),
    }
}

/// Probability that some variable is beyond the limit, `P(max Z_i > limit)` or, on both sides,
/// `P(max |Z_i| > limit)`.
///
/// One minus [`between`] without the loss of digits: the integral is subtracted from
/// `1 - Π (1 - q)`, both as multiples of the tail `q` of one variable, and the difference is at
/// least 1. `limit` is finite, and not negative on both sides.
#[must_use]
pub fn beyond(limit: f64, sides: Sides, correlation: &[Vec<f64>]) -> Tail {
    let n = correlation.len();
    let lowest = match sides {
        Sides::Upper => f64::NEG_INFINITY,
        Sides::Both => -limit,
    };
    let limits = Limits::new(&vec![lowest; n], &vec![limit; n], correlation);
    let Some(limits) = limits.merged() else {
        return Tail { value: 1.0, ln_value: 0.0, relative_error: 0.0 };
    };
    let ln_tails = || (0..limits.n).map(|i| ln_outside(limits.lower[i], limits.upper[i]));
    let ln_scale = ln_tails().fold(f64::NEG_INFINITY, f64::max);
    let independent = if ln_scale < LN_TINY {
        ln_tails().map(|ln_tail| exp(ln_tail - ln_scale)).sum()
    } else {
        let ln_inside: f64 = ln_tails().map(|ln_tail| ln_1p(-exp(ln_tail).min(1.0))).sum();
        -exp_m1(ln_inside) * exp(-ln_scale)
    };
    let shared = limits.shared(ln_scale, TOLERANCE);
    let multiple = (independent - shared.value).clamp(1.0, limits.n as f64 + 1.0);
    let ln_value = (ln_scale + ln(multiple)).min(0.0);
    Tail { value: exp(ln_value), ln_value, relative_error: shared.error / multiple + ROUNDING }
}

/// Error of a piece of an integral that is good enough; the rule is far better than it says.
const TOLERANCE: f64 = 1e-9;

/// Probabilities under an integral are a hundred times as good as the integral.
const INNER: f64 = 1e-2;

/// What rounding may do besides the error of the integrals.
const ROUNDING: f64 = 1e-13;

/// Below this logarithm squares of tails vanish beside the tails.
const LN_TINY: f64 = -100.0;

/// Correlations nearer to 1 are those of one variable: a few units of the last place.
const EQUAL: f64 = 4.0 * f64::EPSILON;

/// Standard normal variables and their limits; entries from `n` on mean nothing.
#[derive(Clone, Copy)]
struct Limits {
    n: usize,
    lower: [f64; MOST_VARIABLES],
    upper: [f64; MOST_VARIABLES],
    correlation: [[f64; MOST_VARIABLES]; MOST_VARIABLES],
}

impl Limits {
    const NONE: Self = Self {
        n: 0,
        lower: [0.0; MOST_VARIABLES],
        upper: [0.0; MOST_VARIABLES],
        correlation: [[0.0; MOST_VARIABLES]; MOST_VARIABLES],
    };

    fn new(lower: &[f64], upper: &[f64], correlation: &[Vec<f64>]) -> Self {
        let mut limits = Self { n: correlation.len(), ..Self::NONE };
        limits.lower[..limits.n].copy_from_slice(lower);
        limits.upper[..limits.n].copy_from_slice(upper);
        for (row, given) in limits.correlation.iter_mut().zip(correlation) {
            row.iter_mut().zip(given).for_each(|(cell, given)| *cell = given.clamp(-1.0, 1.0));
        }
        limits
    }

    /// Equal and opposite variables as one with the limits of both; none when no value is between
    /// the limits.
    fn merged(&self) -> Option<Self> {
        let mut kept: Vec<usize> = Vec::new();
        let mut limits = *self;
        for j in 0..self.n {
            let correlation = |i: usize| self.correlation[i][j];
            match kept.iter().copied().find(|&i| correlation(i).abs() >= 1.0 - EQUAL) {
                None => kept.push(j),
                Some(i) => {
                    let same = correlation(i) > 0.0;
                    let (lower, upper) = (self.lower[j], self.upper[j]);
                    let (lower, upper) = if same { (lower, upper) } else { (-upper, -lower) };
                    limits.lower[i] = limits.lower[i].max(lower);
                    limits.upper[i] = limits.upper[i].min(upper);
                }
            }
        }
        let is_empty = kept.iter().any(|&i| limits.lower[i] >= limits.upper[i]);
        (!is_empty).then(|| limits.of(&kept))
    }

    /// These variables alone.
    fn of(&self, kept: &[usize]) -> Self {
        let mut part = Self { n: kept.len(), ..Self::NONE };
        for (a, &i) in kept.iter().enumerate() {
            part.lower[a] = self.lower[i];
            part.upper[a] = self.upper[i];
            for (b, &j) in kept.iter().enumerate() {
                part.correlation[a][b] = self.correlation[i][j];
            }
        }
        part
    }

    /// Probability that all lie between their limits; the variables are distinct.
    fn probability(&self, tolerance: f64) -> Approximation {
        let independent = (0..self.n).map(|i| inside(self.lower[i], self.upper[i])).product();
        let probability = Approximation::exact(independent) + self.shared(0.0, tolerance);
        Approximation { value: probability.value.clamp(0.0, 1.0), ..probability }
    }

    /// What the correlations add to the product of the probabilities, divided by `e^ln_scale`.
    fn shared(&self, ln_scale: f64, tolerance: f64) -> Approximation {
        if self.n < 2 {
            return Approximation::default();
        }
        // t = 1 - v²: where the matrix is singular in the end, the root takes the edge off.
        let slope = |v: f64| self.slope(v * v, ln_scale, tolerance * INNER).times(2.0 * v);
        integral(&slope, 0.0, 1.0, tolerance)
    }

    /// The integrand at `t = 1 - rest`.
    fn slope(&self, rest: f64, ln_scale: f64, tolerance: f64) -> Approximation {
        // Opposite corners have equal terms where the limits are symmetric.
        let is_symmetric = (0..self.n).all(|i| self.lower[i] == -self.upper[i]);
        let sides = if is_symmetric { &[2.0][..] } else { &[1.0, -1.0] };
        let limit = |i: usize, sign: f64| if sign > 0.0 { self.upper[i] } else { self.lower[i] };
        let pairs = (0..self.n).flat_map(|i| (i + 1..self.n).map(move |j| (i, j)));
        let mut total = Approximation::default();
        for (i, j) in pairs.filter(|&(i, j)| self.correlation[i][j] != 0.0) {
            let pair = Pair::new(self, (i, j), rest);
            for (&side, other) in sides.iter().flat_map(|side| [(side, 1.0), (side, -1.0)]) {
                let at = (limit(i, side), limit(j, other));
                let density = pair.density(at, ln_scale);
                if density > 0.0 {
                    let factor = side * other * self.correlation[i][j] * density;
                    total = total + pair.others(self, at, tolerance).times(factor);
                }
            }
        }
        total
    }
}

/// Two of the variables, with correlations `t = 1 - rest` times those of the matrix.
struct Pair {
    i: usize,
    j: usize,
    t: f64,
    /// One minus and one plus the correlation of the two.
    minus: f64,
    plus: f64,
}

impl Pair {
    fn new(limits: &Limits, (i, j): (usize, usize), rest: f64) -> Self {
        let correlation = limits.correlation[i][j];
        // Without cancellation where t times the correlation comes near to 1.
        let minus = (1.0 - correlation) + rest * correlation;
        let plus = (1.0 + correlation) - rest * correlation;
        Self { i, j, t: 1.0 - rest, minus, plus }
    }

    /// Bivariate normal density, divided by `e^ln_scale`; 0 at infinity.
    fn density(&self, (a, b): (f64, f64), ln_scale: f64) -> f64 {
        if !a.is_finite() || !b.is_finite() {
            return 0.0;
        }
        let (difference, sum) = (a - b, a + b);
        let distance = difference * difference / self.minus + sum * sum / self.plus;
        exp(-0.25 * distance - ln_scale) / (TAU * (self.minus * self.plus).sqrt())
    }

    /// Probability of the other variables when these two have the values `a` and `b`.
    fn others(&self, limits: &Limits, (a, b): (f64, f64), tolerance: f64) -> Approximation {
        let mut rest = Limits::NONE;
        let mut others = [Other::default(); MOST_VARIABLES];
        for k in (0..limits.n).filter(|&k| k != self.i && k != self.j) {
            let other = Other::new(self, limits, k);
            let mean =
                0.5 * (other.sum * (a + b) / self.plus + other.difference * (a - b) / self.minus);
            rest.lower[rest.n] = (limits.lower[k] - mean) / other.deviation;
            rest.upper[rest.n] = (limits.upper[k] - mean) / other.deviation;
            for (l, before) in others[..rest.n].iter().enumerate() {
                let covariance =
                    self.t * limits.correlation[k][before.index] - self.explained(&other, before);
                let correlation = covariance / (other.deviation * before.deviation);
                rest.correlation[rest.n][l] = correlation.clamp(-1.0, 1.0);
                rest.correlation[l][rest.n] = rest.correlation[rest.n][l];
            }
            others[rest.n] = other;
            rest.n += 1;
        }
        rest.probability(tolerance)
    }

    /// Covariance of two others that the pair accounts for.
    fn explained(&self, k: &Other, l: &Other) -> f64 {
        0.5 * (k.sum * l.sum / self.plus + k.difference * l.difference / self.minus)
    }
}

/// A variable beside a pair.
#[derive(Clone, Copy, Default)]
struct Other {
    index: usize,
    /// Sum and difference of its correlations with the two.
    sum: f64,
    difference: f64,
    /// Standard deviation when the two are given.
    deviation: f64,
}

impl Other {
    fn new(pair: &Pair, limits: &Limits, index: usize) -> Self {
        let [i, j] = [pair.i, pair.j].map(|of| pair.t * limits.correlation[index][of]);
        let other = Self { index, sum: i + j, difference: i - j, deviation: 0.0 };
        // Rounding may leave nothing of the variance, or less, where the pair determines the other.
        let variance = (1.0 - pair.explained(&other, &other)).max(f64::MIN_POSITIVE);
        Self { deviation: variance.sqrt(), ..other }
    }
}

/// Probability that one variable lies between two limits.
fn inside(lower: f64, upper: f64) -> f64 {
    if lower > 0.0 {
        normal_sf(lower) - normal_sf(upper)
    } else if upper < 0.0 {
        normal_sf(-upper) - normal_sf(-lower)
    } else {
        1.0 - normal_sf(upper) - normal_sf(-lower)
    }
}

/// Logarithm of the probability that one variable lies outside limits of which the lower one is
/// infinite or the opposite of the upper one.
fn ln_outside(lower: f64, upper: f64) -> f64 {
    match (lower.is_finite(), upper >= 0.0) {
        (true, _) => ln_normal_two_sided(upper),
        (false, true) => ln_normal_two_sided(upper) - LN_2,
        (false, false) => ln(normal_sf(upper)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tails::{normal_quantile, normal_two_sided};
    use std::f64::consts::PI;

    fn matrix(n: usize, cell: impl Fn(usize, usize) -> f64) -> Vec<Vec<f64>> {
        let cell = |i: usize, j: usize| if i == j { 1.0 } else { cell(i.min(j), i.max(j)) };
        (0..n).map(|i| (0..n).map(|j| cell(i, j)).collect()).collect()
    }

    fn equicorrelated(n: usize, correlation: f64) -> Vec<Vec<f64>> {
        matrix(n, |_, _| correlation)
    }

    fn orthant(correlation: &[Vec<f64>]) -> f64 {
        let n = correlation.len();
        between(&vec![0.0; n], &vec![f64::INFINITY; n], correlation).value
    }

    fn assert_close(got: f64, want: f64) {
        assert!((got - want).abs() <= 1e-11 * want.abs(), "{got} instead of {want}");
    }

    /// Sheppard (1899): 1/4 + asin ρ / 2π, and for three variables half of what their sum
    /// exceeds 1/2 by.
    #[test]
    fn orthants_of_two_and_three() {
        let pair = |correlation: f64| 0.25 + libm::asin(correlation) / TAU;
        for correlation in [-0.99, -0.5, 0.0, 0.3, 0.95, 0.9999] {
            assert_close(orthant(&equicorrelated(2, correlation)), pair(correlation));
        }
        let (a, b, c) = (0.6, -0.3, 0.5);
        let matrix = matrix(3, |i, j| [a, b, c][i + j - 1]);
        assert_close(orthant(&matrix), 0.5 * (pair(a) + pair(b) + pair(c) - 0.5));
    }

    /// With all correlations 1/2 each of the `n` variables and a common one are equally likely to
    /// be the least.
    #[test]
    fn orthants_of_equal_correlations_of_a_half() {
        for n in 1..=4 {
            assert_close(orthant(&equicorrelated(n, 0.5)), 1.0 / (n as f64 + 1.0));
        }
    }

    #[test]
    fn independent_variables_multiply() {
        let (lower, upper) = ([-1.0, 0.5, f64::NEG_INFINITY, -3.0], [1.5, 2.0, 0.3, -1.0]);
        let want: f64 = (0..4).map(|i| inside(lower[i], upper[i])).product();
        assert_close(between(&lower, &upper, &equicorrelated(4, 0.0)).value, want);
        let tail = beyond(2.0, Sides::Both, &equicorrelated(3, 0.0));
        assert_close(tail.value, 1.0 - (1.0 - normal_two_sided(2.0)).powi(3));
    }

    /// Variables that share a part `W`: given `W` they are independent, which leaves one integral.
    #[test]
    fn equal_correlations_leave_one_integral() {
        for (n, correlation, limit) in [(3, 0.7, 1.0), (4, 0.9, 2.5), (5, 0.3, 2.0)] {
            let part = f64::sqrt(correlation);
            let given = |w: f64| {
                let tail = normal_sf((limit - part * w) / (1.0 - correlation).sqrt());
                let outside = -exp_m1(f64::from(n) * ln_1p(-tail));
                Approximation::exact(outside * exp(-0.5 * w * w) / TAU.sqrt())
            };
            let want = integral(&given, -12.0, 12.0, 1e-13).value;
            let tail = beyond(limit, Sides::Upper, &equicorrelated(n as usize, correlation));
            assert_close(tail.value, want);
            assert!(tail.relative_error < 1e-7);
        }
    }

    /// Two independent variables turned by 0, 45, 90 and 135 degrees: the limits are a regular
    /// octagon, beyond whose edge at angle θ the tail is `exp(-(limit / cos θ)² / 2)`.
    #[test]
    fn a_singular_matrix_is_an_octagon() {
        let half = 0.5f64.sqrt();
        let rows = [[1.0, 0.0], [half, half], [0.0, 1.0], [-half, half]];
        let matrix = matrix(4, |i, j| rows[i][0] * rows[j][0] + rows[i][1] * rows[j][1]);
        for limit in [0.5, 2.0, 6.0] {
            let edge = |angle: f64| {
                let cosine = libm::cos(angle);
                Approximation::exact(exp(-0.5 * limit * limit / (cosine * cosine)))
            };
            let want = 16.0 / TAU * integral(&edge, 0.0, PI / 8.0, 1e-15).value;
            assert_close(beyond(limit, Sides::Both, &matrix).value, want);
        }
    }

    #[test]
    fn equal_and_opposite_variables_are_one() {
        let same = beyond(1.5, Sides::Both, &equicorrelated(3, 1.0));
        assert_close(same.value, normal_two_sided(1.5));
        let opposite = beyond(1.5, Sides::Upper, &equicorrelated(2, -1.0));
        assert_close(opposite.value, normal_two_sided(1.5));
        assert_eq!(beyond(-1.0, Sides::Upper, &equicorrelated(2, -1.0)).value, 1.0);
    }

    #[test]
    fn tails_keep_their_digits() {
        let matrix = equicorrelated(3, 0.5);
        // Far out the three tails hardly overlap.
        let tail = beyond(12.0, Sides::Upper, &matrix);
        assert_close(tail.value, 3.0 * normal_sf(12.0));
        let beyond_numbers = beyond(60.0, Sides::Both, &matrix);
        assert_eq!(beyond_numbers.value, 0.0);
        assert_close(beyond_numbers.ln_value, ln_normal_two_sided(60.0) + ln(3.0));
        let median = normal_quantile(0.5f64.powf(0.25));
        assert_close(beyond(median, Sides::Upper, &equicorrelated(4, 0.0)).value, 0.5);
    }

    /// `pmvnorm(rep(-2, 4), rep(2, 4), corr = R, algorithm = Miwa(4097))` of `mvtnorm`.
    #[test]
    fn four_variables_agree_with_r() {
        let above = [[0.5, 0.2, 0.1], [0.0, 0.6, -0.3], [0.0, 0.0, 0.4]];
        let matrix = matrix(4, |i, j| above[i][j - 1]);
        let inside = between(&[-2.0; 4], &[2.0; 4], &matrix).value;
        assert!((inside - 0.849_932_046_172).abs() < 1e-8, "{inside}");
    }
}
