//! What weights leave of an arm, and the doubts that they raise.

use crate::{ArmWeights, WeightingError};
use cohort::{Caveat, CaveatCode, NotEstimable};
use numerics::sum::{sum, variance};

/// Describes the weights of one arm, of which there are some; fails when all of them are 0.
pub(crate) fn arm_weights(weights: &[f64]) -> Result<ArmWeights, WeightingError> {
    let n = weights.len();
    let maximum = weights.iter().copied().fold(0.0, f64::max);
    if maximum == 0.0 {
        return Err(WeightingError::ArmWithoutWeight { subjects: n });
    }
    // In units of the largest, so that no square vanishes.
    let relative: Vec<f64> = weights.iter().map(|weight| weight / maximum).collect();
    let total = sum(relative.iter().copied());
    let squares = sum(relative.iter().map(|weight| weight * weight));
    let mean = total / n as f64;
    Ok(ArmWeights {
        n,
        sum: sum(weights.iter().copied()),
        minimum: weights.iter().copied().fold(maximum, f64::min),
        maximum,
        effective_sample_size: total * total / squares,
        coefficient_of_variation: variance(&relative)
            .map(|variance| variance.sqrt() / mean)
            .ok_or(NotEstimable::TooFewValues),
    })
}

/// A weight of more than this share of its arm makes the arm the story of one subject.
///
/// There is no sharp limit; one in twenty is where the result without the subject would differ.
const LARGE_SHARE: f64 = 0.05;

/// Arms smaller than this have a subject of a large share whatever the weights.
const SMALL_ARM: usize = 40;

/// An arm that keeps less than this share of its subjects by their effective number.
///
/// There is no sharp limit; below one half the variance has more than doubled.
const SMALL_SHARE: f64 = 0.5;

/// What a reader must know of the weights of an arm.
pub(crate) fn caveats(arm: &'static str, weights: &ArmWeights) -> Vec<Caveat> {
    let share = weights.maximum / weights.sum;
    let extreme = (weights.n >= SMALL_ARM && share > LARGE_SHARE).then(|| {
        let message = format!(
            "one subject has {:.0} percent of the weight of {arm}, among {} subjects",
            100.0 * share,
            weights.n
        );
        Caveat::new(CaveatCode::ExtremeWeights, message)
    });
    let effective = weights.effective_sample_size;
    let small = (effective < SMALL_SHARE * weights.n as f64).then(|| {
        let message = format!(
            "the weights leave {arm} with the information of {effective:.1} of {} subjects",
            weights.n
        );
        Caveat::new(CaveatCode::SmallEffectiveSample, message)
    });
    extreme.into_iter().chain(small).collect()
}

/// What a reader must know of weights of an arm that come from elsewhere, such as from matched sets;
/// nothing when there are none.
#[must_use]
pub fn doubts_about_weights(arm: &'static str, weights: &[f64]) -> Vec<Caveat> {
    arm_weights(weights).map_or_else(|_| Vec::new(), |weights| caveats(arm, &weights))
}

/// That subjects have no weight, when some have none: whoever analyses the weights leaves them out.
pub(crate) fn without_weight(weights: &[f64]) -> Option<Caveat> {
    let n = weights.iter().filter(|&&weight| weight == 0.0).count();
    let message = format!("subjects have the weight 0 and are as if left out (subjects: {n})");
    (n > 0).then(|| Caveat::new(CaveatCode::ZeroWeights, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Weights 1, 1 and 2: `4² / 6`; their standard deviation is `sqrt(1/3)`, their mean 4/3.
    #[test]
    fn three_weights_by_hand() {
        let arm = arm_weights(&[1.0, 2.0, 1.0]).unwrap();
        assert_eq!((arm.n, arm.sum, arm.minimum, arm.maximum), (3, 4.0, 1.0, 2.0));
        assert!((arm.effective_sample_size - 16.0 / 6.0).abs() < 1e-15);
        let variation = arm.coefficient_of_variation.unwrap();
        assert!((variation - 3f64.sqrt() / 4.0).abs() < 1e-15);
        assert!(caveats("the exposed", &arm).is_empty());
    }

    #[test]
    fn one_heavy_subject_is_told() {
        let mut weights = vec![1.0; 99];
        weights.push(101.0);
        let arm = arm_weights(&weights).unwrap();
        let codes: Vec<CaveatCode> =
            caveats("the exposed", &arm).into_iter().map(|caveat| caveat.code).collect();
        assert_eq!(codes, [CaveatCode::ExtremeWeights, CaveatCode::SmallEffectiveSample]);
    }

    #[test]
    fn tiny_weights_count_as_large_ones_do() {
        let arm = arm_weights(&[1e-200, 1e-200, 0.0]).unwrap();
        assert_eq!(arm.effective_sample_size, 2.0);
        let nobody = arm_weights(&[0.0; 3]);
        assert_eq!(nobody, Err(WeightingError::ArmWithoutWeight { subjects: 3 }));
        assert!(without_weight(&[0.0, 1.0]).is_some() && without_weight(&[1.0]).is_none());
    }
}
