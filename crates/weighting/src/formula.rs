//! What a propensity score weighs.

use crate::{Estimand, ScoreScale};
use numerics::elementary::exp;

/// Probability of exposure and of its absence, each with all its digits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Score {
    pub exposed: f64,
    pub comparator: f64,
}

impl Score {
    /// Reads a cell of a column of scores.
    pub fn new(value: f64, scale: ScoreScale) -> Self {
        match scale {
            ScoreScale::Probability => Self { exposed: value, comparator: 1.0 - value },
            ScoreScale::Logit => {
                Self { exposed: 1.0 / (1.0 + exp(-value)), comparator: 1.0 / (1.0 + exp(value)) }
            }
        }
    }
}

impl Estimand {
    /// The weight of a subject with the score `e`.
    ///
    /// ```text
    ///              exposed            comparators
    /// ATE          1 / e              1 / (1 - e)
    /// ATT          1                  e / (1 - e)
    /// ATC          (1 - e) / e        1
    /// overlap      1 - e              e
    /// matching     min(e, 1-e) / e    min(e, 1-e) / (1 - e)
    /// ```
    ///
    /// Not finite where a subject could not be in its arm. Hirano and Imbens (2001), Health Serv.
    /// Outcomes Res. Methodol. 2:259-278; Li, Morgan and Zaslavsky (2018), J. Am. Stat. Assoc.
    /// 113:390-400; Li and Greene (2013), Int. J. Biostat. 9:215-234. `get_w_from_ps` of WeightIt in R.
    pub(crate) fn weight(self, score: Score, is_exposed: bool) -> f64 {
        let Score { exposed, comparator } = score;
        let (own, other) = if is_exposed { (exposed, comparator) } else { (comparator, exposed) };
        match self {
            Self::Ate => 1.0 / own,
            Self::Att if is_exposed => 1.0,
            Self::Atc if !is_exposed => 1.0,
            Self::Att | Self::Atc => other / own,
            Self::Overlap => other,
            Self::Matching => own.min(other) / own,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_a_score_of_one_quarter() {
        let score = Score::new(0.25, ScoreScale::Probability);
        let weights = |estimand: Estimand| [true, false].map(|arm| estimand.weight(score, arm));
        assert_eq!(weights(Estimand::Ate), [4.0, 4.0 / 3.0]);
        assert_eq!(weights(Estimand::Att), [1.0, 0.25 / 0.75]);
        assert_eq!(weights(Estimand::Atc), [3.0, 1.0]);
        assert_eq!(weights(Estimand::Overlap), [0.75, 0.25]);
        assert_eq!(weights(Estimand::Matching), [1.0, 0.25 / 0.75]);
    }

    #[test]
    fn logits_keep_what_probabilities_lose() {
        let score = Score::new(50.0, ScoreScale::Logit);
        assert_eq!(score.exposed, 1.0);
        assert!((score.comparator / (-50f64).exp() - 1.0).abs() < 1e-12);
        assert_eq!(Score::new(0.0, ScoreScale::Logit), Score { exposed: 0.5, comparator: 0.5 });
    }

    #[test]
    fn who_could_not_be_in_its_arm_has_no_finite_weight() {
        let score = Score::new(0.0, ScoreScale::Probability);
        assert!(!Estimand::Ate.weight(score, true).is_finite());
        assert!(!Estimand::Matching.weight(score, true).is_finite());
        assert_eq!(Estimand::Overlap.weight(score, true), 1.0);
        assert_eq!(Estimand::Att.weight(score, false), 0.0);
    }
}
