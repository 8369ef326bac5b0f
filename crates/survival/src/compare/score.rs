//! One number from observed minus expected events, and its test.

use crate::LogRank;
use crate::log_rank::SINGULAR_BELOW;
use cohort::{Estimate, NotEstimable};
use numerics::sum::{Sum, sum};
use numerics::tails::{ln_normal_two_sided, normal_two_sided};

/// A linear combination of observed minus expected events against its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreTest {
    /// The combination.
    pub score: f64,
    /// Its variance when the hazards are equal.
    pub variance: f64,
    /// Score over standard error; its square is chi-squared with one degree of freedom.
    pub z: Estimate,
    /// Two-sided p-value of `z`.
    pub p_value: Estimate,
    /// Natural logarithm of the p-value, finite where it underflows.
    pub ln_p_value: Estimate,
}

impl ScoreTest {
    /// Tests a score whose variance is a sum of terms of this total size: one that is nothing beside
    /// them is rounding noise of 0.
    pub(crate) fn new(score: f64, variance: f64, size: f64) -> Self {
        let is_defined = variance > SINGULAR_BELOW * size;
        let z = if is_defined {
            Ok(score / variance.sqrt())
        } else {
            Err(NotEstimable::VarianceUndefined)
        };
        Self {
            score,
            variance,
            z,
            p_value: z.map(normal_two_sided),
            ln_p_value: z.map(ln_normal_two_sided),
        }
    }

    /// The same without a test.
    pub(crate) fn without_test(self, reason: NotEstimable) -> Self {
        Self { z: Err(reason), p_value: Err(reason), ln_p_value: Err(reason), ..self }
    }
}

impl LogRank {
    /// Tests a linear combination of observed minus expected events.
    ///
    /// ```text
    /// Σ_i s_i (O_i - E_i)    with variance sᵀ V s = -Σ_{i<k} V_ik (s_i - s_k)²
    /// ```
    ///
    /// Observed minus expected and each row of `V` sum to 0 over the groups, so that a constant added
    /// to all scores changes nothing, and no digits are lost to it either. There is no test without
    /// events, with fewer than two groups at risk at events, and when the variance is 0.
    /// `scores` holds one number per group.
    #[must_use]
    pub fn score_test(&self, scores: &[f64]) -> ScoreTest {
        let compared = self.compared();
        let origin = compared.as_ref().map_or(0.0, |compared| scores[compared[0]]);
        let (observed, expected, variance) = (self.observed(), self.expected(), self.variance());
        let term = |i: usize| (scores[i] - origin) * (observed[i] - expected[i]);
        let score = sum((0..scores.len()).map(term));
        let (mut total, mut size) = (Sum::default(), 0.0);
        for i in 0..scores.len() {
            for k in i + 1..scores.len() {
                let distance = scores[i] - scores[k];
                let term = -variance[i][k] * distance * distance;
                total += term;
                size += term.abs();
            }
        }
        let test = ScoreTest::new(score, total.value(), size);
        match compared {
            Ok(_) => test,
            Err(reason) => test.without_test(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RiskTable, TestWeights, log_rank};
    use cohort::{Endpoint, RiskOrder};

    fn sums(time: &[f64], groups: &[u32]) -> LogRank {
        let endpoint = Endpoint::new(time.to_vec(), vec![true; time.len()]).unwrap();
        let order = RiskOrder::new(&endpoint, &vec![0; time.len()]);
        let table = RiskTable::tally(&endpoint, &order, order.groups(), groups, 3);
        log_rank(&table, TestWeights::LogRank)
    }

    /// Deaths at 1, 2 and 3, one in each of three groups, in the order of the groups. Expected are
    /// 1/3, 1/3 + 1/2 and 1/3 + 1/2 + 1, so O - E = 2/3, 1/6, -5/6. Off the diagonal V is -1/9 for
    /// each pair at the first death, and -1/4 for the last two at the second. The scores 1, 2, 3
    /// give 2/3 + 1/3 - 5/2 = -3/2 with variance 1/9 (1 + 1 + 4) + 1/4 = 11/12.
    #[test]
    fn three_deaths_by_hand() {
        let sums = sums(&[1.0, 2.0, 3.0], &[0, 1, 2]);
        let test = sums.score_test(&[1.0, 2.0, 3.0]);
        assert!((test.score + 1.5).abs() < 1e-15);
        assert!((test.variance - 11.0 / 12.0).abs() < 1e-15);
        let z = -1.5 / f64::sqrt(11.0 / 12.0);
        assert!((test.z.unwrap() - z).abs() < 1e-14);
        assert_eq!(test.p_value.unwrap(), normal_two_sided(test.z.unwrap()));
        let shifted = sums.score_test(&[1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0]);
        assert!((shifted.z.unwrap() - z).abs() < 1e-14);
    }

    #[test]
    fn equal_scores_and_single_groups_are_not_tested() {
        let equal = sums(&[1.0, 2.0, 3.0], &[0, 1, 2]).score_test(&[2.0; 3]);
        assert_eq!((equal.score, equal.variance), (0.0, 0.0));
        assert_eq!(equal.z, Err(NotEstimable::VarianceUndefined));
        let single = sums(&[1.0, 2.0], &[1, 1]).score_test(&[1.0, 2.0, 3.0]);
        assert_eq!(single.p_value, Err(NotEstimable::TooFewGroups));
    }
}
