//! The confidence of an interval.

use crate::SurvivalError;
use numerics::tails::two_sided_multiplier;

/// Confidence of a two-sided interval: strictly between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Confidence(f64);

impl Confidence {
    /// Checks once, so that no later code has to.
    pub fn new(confidence: f64) -> Result<Self, SurvivalError> {
        if 0.0 < confidence && confidence < 1.0 {
            Ok(Self(confidence))
        } else {
            Err(SurvivalError::Confidence { confidence })
        }
    }

    /// Standard normal multiplier of the interval: 1.959964 for 0.95.
    #[must_use]
    pub fn multiplier(self) -> f64 {
        two_sided_multiplier(self.0)
    }

    /// The confidence itself: 0.95.
    #[must_use]
    pub fn share(self) -> f64 {
        self.0
    }

    /// Probability of each tail that the interval leaves out: 0.025 for 0.95.
    #[must_use]
    pub fn tail(self) -> f64 {
        (1.0 - self.0) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_shares_are_confidences() {
        for confidence in [0.0, 1.0, -0.5, 95.0, f64::NAN] {
            assert!(Confidence::new(confidence).is_err());
        }
        assert!(
            (Confidence::new(0.95).unwrap().multiplier() - 1.959_963_984_540_054).abs() < 1e-14
        );
    }
}
