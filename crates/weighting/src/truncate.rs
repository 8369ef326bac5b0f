//! Cutting what is extreme.

use crate::{Truncation, WeightingError};
use numerics::sum::quantile_type_7;

impl Truncation {
    /// Refuses probabilities that are out of order.
    pub(crate) fn check(self) -> Result<(), WeightingError> {
        let Self { lower, upper } = self;
        let is_valid = 0.0 <= lower && lower < upper && upper <= 1.0;
        if is_valid { Ok(()) } else { Err(WeightingError::InvalidTruncation) }
    }
}

/// Cuts weights at two of their quantiles; returns these and the number of weights that were cut.
///
/// Cole and Hernán (2008), Am. J. Epidemiol. 168:656-664. `pmin(pmax(w, q[1]), q[2])` with
/// `q = quantile(w, c(lower, upper))` in R.
pub(crate) fn truncate(weights: &mut [f64], truncation: Truncation) -> ([f64; 2], usize) {
    let mut sorted = weights.to_vec();
    sorted.sort_by(f64::total_cmp);
    let limit = |probability| {
        quantile_type_7(&sorted, probability).expect("both arms hold somebody, who has a weight")
    };
    let [lower, upper] = [limit(truncation.lower), limit(truncation.upper)];
    let mut n_truncated = 0;
    for weight in weights {
        if *weight < lower || *weight > upper {
            *weight = weight.clamp(lower, upper);
            n_truncated += 1;
        }
    }
    ([lower, upper], n_truncated)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of 1, 2, 3, 4, 100 the quantiles at 1/8 and 7/8 lie halfway between the two outer weights.
    #[test]
    fn five_weights_are_cut_at_both_ends() {
        let mut weights = [3.0, 100.0, 1.0, 4.0, 2.0];
        let cut = truncate(&mut weights, Truncation { lower: 0.125, upper: 0.875 });
        assert_eq!(cut, ([1.5, 52.0], 2));
        assert_eq!(weights, [3.0, 52.0, 1.5, 4.0, 2.0]);
    }

    #[test]
    fn from_0_to_1_nothing_is_cut() {
        let mut weights = [3.0, 1.0];
        assert_eq!(truncate(&mut weights, Truncation { lower: 0.0, upper: 1.0 }), ([1.0, 3.0], 0));
        for (lower, upper) in [(0.5, 0.5), (-0.1, 1.0), (0.0, 1.1), (f64::NAN, 1.0)] {
            assert!(Truncation { lower, upper }.check().is_err());
        }
    }
}
