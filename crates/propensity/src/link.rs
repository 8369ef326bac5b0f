//! How the probability of the outcome follows from the linear predictor.

use crate::Link;
use numerics::elementary::{exp, exp8, ln_1p, ln_1p8};
use numerics::gram::CHUNK;
use numerics::lanes::{F64x8, Kernel, LANES, Lanes, run};
use numerics::tails::{ln_normal_two_sided, normal_sf};
use std::f64::consts::LN_2;

/// Both links are symmetric: `F(-η) = 1 - F(η)`. What a subject adds is therefore a function of `z`,
/// which is `η` for one with the outcome and `-η` for the others, and of whose sign the score has one.
impl Link {
    /// `F(η)`, the probability of the outcome; that of its absence is `F(-η)`.
    #[must_use]
    pub fn probability(self, eta: f64) -> f64 {
        match self {
            Self::Logit => expit(eta),
            Self::Probit => normal_sf(-eta),
        }
    }

    /// `ln F(z)`, without underflow.
    pub(crate) fn log_likelihood(self, z: f64) -> f64 {
        match self {
            Self::Logit => -softplus(-z),
            Self::Probit if z > 0.0 => ln_1p(-normal_sf(z)),
            Self::Probit => ln_normal_two_sided(z) - LN_2,
        }
    }

    /// `F'(z) / F(z)`.
    ///
    /// For the logit that is `1 / (1 + exp(z))`, which keeps its digits when the probability is
    /// nearly 1.
    pub(crate) fn score(self, z: f64) -> f64 {
        match self {
            Self::Logit => expit(-z),
            Self::Probit => exp(-0.5 * (z * z + LN_2 + LN_PI) - self.log_likelihood(z)),
        }
    }

    /// `-(ln F)''(z)`: what a subject tells of the coefficients.
    pub(crate) fn observed_information(self, z: f64) -> f64 {
        match self {
            Self::Logit => expit(z) * expit(-z),
            Self::Probit => {
                let score = self.score(z);
                score * (score + z)
            }
        }
    }

    /// `F'² / (F (1 - F))`, the mean of the observed information: the weights of `glm` in R. For the
    /// logit the two are one.
    pub(crate) fn expected_information(self, eta: f64) -> f64 {
        match self {
            Self::Logit => self.observed_information(eta),
            Self::Probit => self.score(eta) * self.score(-eta),
        }
    }
}

/// Which information is asked for; the logit has but one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Information {
    /// `-(ln F)''(z)`, the curvature of the log-likelihood.
    Observed,
    /// `F'² / (F (1 - F))`, its mean.
    Expected,
}

/// What up to [`CHUNK`] subjects add to the log-likelihood and to its derivatives in the linear
/// predictor. A subject of the weight `w` is of the side `w` with the outcome and `-w` without.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// `Σ w ln F(z)`.
    pub log_likelihood: f64,
    /// `± w F'(z) / F(z)`, with the sign of the side.
    pub scores: [f64; CHUNK],
    /// `w` times the information.
    pub weights: [f64; CHUNK],
}

impl Terms {
    /// Those of no subjects.
    pub fn none() -> Self {
        Self { log_likelihood: 0.0, scores: [0.0; CHUNK], weights: [0.0; CHUNK] }
    }

    /// Overwrites them with those of subjects with these linear predictors and sides.
    pub fn set(&mut self, link: Link, information: Information, eta: &[f64], sides: &[f64]) {
        match link {
            Link::Logit => run(LogitTerms { eta, sides, terms: self }),
            Link::Probit => self.set_each(link, information, eta, sides),
        }
    }

    /// One subject at a time, by the definitions.
    fn set_each(&mut self, link: Link, information: Information, eta: &[f64], sides: &[f64]) {
        self.log_likelihood = 0.0;
        for (i, (&eta, &side)) in eta.iter().zip(sides).enumerate() {
            let (weight, z) = (side.abs(), if side > 0.0 { eta } else { -eta });
            self.log_likelihood += weight * link.log_likelihood(z);
            self.scores[i] = side * link.score(z);
            self.weights[i] = weight
                * match information {
                    Information::Observed => link.observed_information(z),
                    Information::Expected => link.expected_information(z),
                };
        }
    }
}

struct LogitTerms<'a> {
    eta: &'a [f64],
    sides: &'a [f64],
    terms: &'a mut Terms,
}

impl Kernel for LogitTerms<'_> {
    type Output = ();

    /// ```text
    /// e = exp(-|η|)    ln F(z) = min(z, 0) - ln(1 + e)    F' = e / (1 + e)²
    /// ```
    ///
    /// and the smaller of `F(η)` and `F(-η)` is `e / (1 + e)`, so that neither loses its digits.
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { eta, sides, terms } = self;
        let (zero, one) = (F64x8::splat(lanes, 0.0), F64x8::splat(lanes, 1.0));
        let mut log_likelihood = zero;
        for (block, (eta, sides)) in eta.chunks(LANES).zip(sides.chunks(LANES)).enumerate() {
            // Beyond the last subject the side is 0, and so is what it adds.
            let (eta, side) = (F64x8::load_part(lanes, eta), F64x8::load_part(lanes, sides));
            let z = side.if_less(zero, -eta, eta);
            let e = exp8(-z.abs());
            let larger = one / (one + e);
            let smaller = e * larger;
            let score = side * z.if_less(zero, larger, smaller);
            let weight = side.abs();
            log_likelihood = weight.mul_add(z.min(zero) - ln_1p8(e), log_likelihood);
            score.store(&mut terms.scores[block * LANES..]);
            (weight * smaller * larger).store(&mut terms.weights[block * LANES..]);
        }
        terms.log_likelihood = log_likelihood.sum();
    }
}

/// `ln π`.
const LN_PI: f64 = 1.144_729_885_849_400_2;

/// `1 / (1 + exp(-x))`.
pub(crate) fn expit(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// `ln(1 + exp(x))` without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + ln_1p(exp(-x.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use numerics::lanes::{Instructions, restricted_to};
    use std::f64::consts::PI;

    fn assert_close(got: f64, want: f64) {
        assert!((got - want).abs() <= 1e-13 * want.abs(), "{got} instead of {want}");
    }

    /// `F(1) = e / (1 + e)` and `Φ(1)`.
    #[test]
    fn probabilities_are_those_of_the_distribution() {
        let e = std::f64::consts::E;
        assert_close(Link::Logit.probability(1.0), e / (1.0 + e));
        assert_close(Link::Probit.probability(1.0), 0.841_344_746_068_542_9);
    }

    /// `φ(0) / Φ(0) = sqrt(2 / π)`, whose square is information, observed or expected.
    #[test]
    fn at_zero_a_probit_has_its_closed_form() {
        let score = (2.0 / PI).sqrt();
        assert_close(Link::Probit.score(0.0), score);
        assert_close(Link::Probit.observed_information(0.0), score * score);
        assert_close(Link::Probit.expected_information(0.0), score * score);
        assert_close(Link::Probit.log_likelihood(0.0), -LN_2);
    }

    /// `pnorm(-40, log.p = TRUE)` in R.
    #[test]
    fn the_far_tail_of_a_probit_is_finite() {
        assert_close(Link::Probit.log_likelihood(-40.0), -804.608_442_013_753_9);
        // The hazard of the normal tail is z + 1/z - 2/z³ ...
        let hazard = 40.0 + 1.0 / 40.0 - 2.0 / 40f64.powi(3) + 10.0 / 40f64.powi(5);
        assert!((Link::Probit.score(-40.0) - hazard).abs() < 1e-8);
    }

    /// Subjects of either side, of all weights, far from the centre and near it.
    #[test]
    fn lanes_compute_what_the_definitions_say() {
        let eta: Vec<f64> = (0..61).map(|i| 1.7f64.powi(i % 15) * f64::from(i % 4 - 2)).collect();
        let sides: Vec<f64> = (0..61).map(|i| f64::from(i % 5) * 0.3 - 0.7).collect();
        let (mut want, mut got) = (Terms::none(), Terms::none());
        want.set_each(Link::Logit, Information::Observed, &eta, &sides);
        got.set(Link::Logit, Information::Observed, &eta, &sides);
        assert_close(got.log_likelihood, want.log_likelihood);
        let terms =
            |terms: &Terms| terms.scores.into_iter().chain(terms.weights).collect::<Vec<_>>();
        for (got, want) in terms(&got).iter().zip(terms(&want)) {
            // Beyond 708 the smaller probability is 0.
            assert!((got - want).abs() <= 1e-14 * want.abs() + 1e-300, "{got} instead of {want}");
        }
    }

    #[test]
    fn all_instructions_give_the_same_terms() {
        let eta: Vec<f64> = (0..64).map(|i| 0.37 * f64::from(i) - 11.0).collect();
        let sides: Vec<f64> = (0..64).map(|i| if i % 3 == 0 { 1.0 } else { -2.5 }).collect();
        let bits = |set| {
            let mut terms = Terms::none();
            restricted_to(set, || terms.set(Link::Logit, Information::Observed, &eta, &sides));
            let each = terms.scores.iter().chain(&terms.weights).chain([&terms.log_likelihood]);
            each.map(|term| term.to_bits()).collect::<Vec<_>>()
        };
        for set in [Instructions::Avx512, Instructions::Avx2, Instructions::Portable] {
            assert_eq!(bits(set), bits(Instructions::Widest), "{set:?}");
        }
    }

    #[test]
    fn derivatives_are_differences() {
        for link in [Link::Logit, Link::Probit] {
            for z in [-6.0, -1.0, 0.3, 4.0] {
                let h = 1e-5;
                let slope = (link.log_likelihood(z + h) - link.log_likelihood(z - h)) / (2.0 * h);
                assert!((link.score(z) - slope).abs() < 1e-9);
                let bend = (link.score(z - h) - link.score(z + h)) / (2.0 * h);
                assert!((link.observed_information(z) - bend).abs() < 1e-9);
            }
        }
    }
}
