//! The test for trend: do hazards rise or fall with the order of the groups?

use super::ScoreTest;
use crate::{LogRank, SurvivalError};
use cohort::LARGEST_NUMBER;

/// A test for trend over the levels in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrendQuery {
    /// One score per level, those without subjects included; empty = 1, 2, 3, ...
    pub scores: Vec<f64>,
}

/// A test for trend.
#[derive(Clone, Debug, PartialEq)]
pub struct Trend {
    /// The score of each level.
    pub scores: Vec<f64>,
    /// The test; `z` is positive when hazards rise with the scores.
    pub test: ScoreTest,
}

impl TrendQuery {
    /// The score of each of so many levels.
    ///
    /// Fails unless there is one score per level, on scores that are not finite or too large, and
    /// when all are equal.
    pub(crate) fn scores(&self, levels: usize) -> Result<Vec<f64>, SurvivalError> {
        if self.scores.is_empty() {
            return Ok((1..=levels).map(|score| score as f64).collect());
        }
        if self.scores.len() != levels {
            return Err(SurvivalError::ScoreCount { scores: self.scores.len(), levels });
        }
        let is_number = |score: &f64| score.abs() <= LARGEST_NUMBER;
        let is_equal = |score: &f64| *score == self.scores[0];
        if !self.scores.iter().all(is_number) || self.scores.iter().all(is_equal) {
            return Err(SurvivalError::Scores);
        }
        Ok(self.scores.clone())
    }
}

/// Tests whether the hazards of ordered groups rise or fall with their scores.
///
/// ```text
/// z = Σ s_i (O_i - E_i) / √(sᵀ V s)
/// ```
///
/// with the full covariance of observed minus expected, by whatever weights and summed over whatever
/// strata. With two groups it is their log-rank test. Scores that differ by a constant or a factor
/// give the same test but for the sign of the factor.
///
/// Tarone (1975), Biometrika 62:679-682. Same as the score test of `coxph(Surv(time, event) ~ score)`
/// in R when events are not tied.
pub(crate) fn trend(sums: &LogRank, scores: &[f64]) -> Trend {
    Trend { scores: scores.to_vec(), test: sums.score_test(scores) }
}
