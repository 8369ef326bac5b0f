//! How the probability of the outcome follows from the linear predictor.

use crate::Link;
use numerics::elementary::{exp, ln_1p};
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
