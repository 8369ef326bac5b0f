//! The rank sum test.

use crate::{BalanceTest, TestOutcome};
use cohort::{Estimate, NotEstimable};
use numerics::rank::midranks;
use numerics::sum::sum;
use numerics::tails::normal_two_sided;

/// Whether the normal approximation allows for the steps of a rank sum.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Continuity {
    /// The distance from the mean is lowered by one half, the default of R.
    #[default]
    Corrected,
    /// It is taken as it is, as SPSS does.
    Uncorrected,
}

/// Mann-Whitney U test by the normal approximation with the variance for ties.
///
/// ```text
/// W = R₁ - n₁(n₁ + 1)/2
/// z = (W - n₁n₂/2 ∓ c) / √(n₁n₂/12 · (N + 1 - Σ(t³ - t) / (N(N - 1))))
/// ```
///
/// `R₁` sums the midranks of the first group, `t` runs over the sizes of the ties, `c` is 1/2 with
/// the continuity correction, towards the mean. The statistic is `W`: the number of pairs in which
/// the first group has the larger value, ties counting one half; SPSS prints the smaller of `W`
/// and `n₁n₂ - W` as U.
///
/// Undefined for an empty group and when all values are equal. Mann and Whitney (1947), Ann. Math.
/// Stat. 18:50-60. Same as `wilcox.test(first, second, exact = FALSE, correct = ..)` in R.
pub fn mann_whitney(
    first: &[f64],
    second: &[f64],
    continuity: Continuity,
) -> Estimate<TestOutcome> {
    if first.is_empty() || second.is_empty() {
        return Err(NotEstimable::NoSubjects);
    }
    let pooled: Vec<f64> = first.iter().chain(second).copied().collect();
    if pooled.iter().all(|&value| value == pooled[0]) {
        return Err(NotEstimable::AllValuesEqual);
    }
    let ranked = midranks(&pooled);
    let (n1, n2) = (first.len() as f64, second.len() as f64);
    let n = n1 + n2;
    let w = sum(ranked.ranks[..first.len()].iter().copied()) - n1 * (n1 + 1.0) / 2.0;
    let variance = n1 * n2 / 12.0 * (n + 1.0 - ranked.tie_term / (n * (n - 1.0)));
    let (test, correction) = match continuity {
        Continuity::Corrected => (BalanceTest::MannWhitneyContinuity, 0.5),
        Continuity::Uncorrected => (BalanceTest::MannWhitney, 0.0),
    };
    // W is a multiple of one half, so the corrected distance is never negative unless it is 0.
    let distance = ((w - n1 * n2 / 2.0).abs() - correction).max(0.0);
    Ok(TestOutcome {
        test,
        statistic: Some(Ok(w)),
        degrees_of_freedom: None,
        p_value: Ok(normal_two_sided(distance / variance.sqrt())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ranks 1, 2.5, 2.5, 4: W = 3.5 - 3 = 0.5, mean 2, variance 4/12 · (5 - 6/12) = 1.5.
    #[test]
    fn a_tie_shrinks_the_variance() {
        let test = |continuity| mann_whitney(&[1.0, 2.0], &[2.0, 3.0], continuity).unwrap();
        let plain = test(Continuity::Uncorrected);
        assert_eq!(plain.statistic, Some(Ok(0.5)));
        assert_eq!(plain.p_value, Ok(normal_two_sided(1.5 / 1.5f64.sqrt())));
        let corrected = test(Continuity::Corrected);
        assert_eq!(corrected.p_value, Ok(normal_two_sided(1.0 / 1.5f64.sqrt())));
    }

    #[test]
    fn what_cannot_be_ranked_has_no_p_value() {
        let none = |first: &[f64], second: &[f64]| {
            mann_whitney(first, second, Continuity::Corrected).unwrap_err()
        };
        assert_eq!(none(&[2.0, 2.0, 2.0], &[2.0, 2.0]), NotEstimable::AllValuesEqual);
        assert_eq!(none(&[], &[2.0]), NotEstimable::NoSubjects);
    }

    #[test]
    fn a_rank_sum_at_its_mean_has_p_one() {
        let outcome = mann_whitney(&[1.0, 4.0], &[2.0, 3.0], Continuity::Corrected).unwrap();
        assert_eq!(outcome.p_value, Ok(1.0));
    }
}
