//! Rank tests of two groups within strata, such as sites.

use cohort::{Estimate, NotEstimable};
use numerics::rank::midranks;
use numerics::sum::{Sum, sum};
use numerics::tails::normal_two_sided;

/// The two groups within one stratum.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StratumOfNumbers {
    /// Values of the first group.
    pub first: Vec<f64>,
    /// Values of the second group.
    pub second: Vec<f64>,
}

/// A statistic that is standard normal when nothing differs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StandardNormal {
    /// The statistic; positive where the first group has the larger values.
    pub z: f64,
    /// Its two-sided p-value.
    pub p_value: f64,
}

/// Van Elteren's test: ranks within strata, each stratum weighted by `1 / (n + 1)`.
///
/// ```text
/// z = Σ w (R₁ - n₁(n + 1)/2) / √(Σ w² V)    w = 1/(n + 1)
/// V = n₁n₂/12 · (n + 1 - Σ(t³ - t) / (n(n - 1)))
/// ```
///
/// Strata that lack a group, or whose values are all equal, add nothing. If every stratum lacks one,
/// nothing can be tested, [`NotEstimable::EmptyMargin`]; if values differ in no other stratum, nothing
/// can be ranked, [`NotEstimable::AllValuesEqual`]. Van Elteren (1960), Bull. Inst. Int. Stat. 37:351-361. Same as `coin::independence_test`
/// in R on the scores `rank / (n + 1)` within strata.
pub fn van_elteren(strata: &[StratumOfNumbers]) -> Estimate<StandardNormal> {
    blocked(strata, |stratum| {
        let pooled: Vec<f64> = stratum.first.iter().chain(&stratum.second).copied().collect();
        let divisor = pooled.len() as f64 + 1.0;
        midranks(&pooled).ranks.into_iter().map(|rank| rank / divisor).collect()
    })
}

/// Stratified rank sum test on ranks of the pooled sample.
///
/// The scores are midranks over all strata together, their distribution is that of permutations
/// within strata; every subject counts alike, and large differences between strata cost power. Strata
/// as in [`van_elteren`]. Same as `coin::wilcox_test(value ~ group | stratum)` in R.
pub fn stratified_rank_sum(strata: &[StratumOfNumbers]) -> Estimate<StandardNormal> {
    let kept: Vec<StratumOfNumbers> =
        strata.iter().filter(|s| s.first.len() + s.second.len() > 1).cloned().collect();
    let values = kept.iter().flat_map(|stratum| stratum.first.iter().chain(&stratum.second));
    let ranks = midranks(&values.copied().collect::<Vec<_>>()).ranks;
    let mut start = 0;
    blocked(&kept, |stratum| {
        let n = stratum.first.len() + stratum.second.len();
        start += n;
        ranks[start - n..start].to_vec()
    })
}

/// Sum of the scores of the first group against permutations within strata; `scores` lists those of
/// the first group before those of the second.
fn blocked(
    strata: &[StratumOfNumbers],
    mut scores: impl FnMut(&StratumOfNumbers) -> Vec<f64>,
) -> Estimate<StandardNormal> {
    if strata.iter().all(|stratum| stratum.first.is_empty() && stratum.second.is_empty()) {
        return Err(NotEstimable::NoSubjects);
    }
    let (mut distance, mut variance) = (Sum::default(), Sum::default());
    let mut reason = NotEstimable::EmptyMargin;
    for stratum in strata {
        let scores = scores(stratum);
        let (n1, n2) = (stratum.first.len() as f64, stratum.second.len() as f64);
        let n = n1 + n2;
        if n1 == 0.0 || n2 == 0.0 {
            continue;
        }
        if scores.iter().all(|&score| score == scores[0]) {
            reason = NotEstimable::AllValuesEqual;
            continue;
        }
        let mean = sum(scores.iter().copied()) / n;
        distance += sum(scores[..stratum.first.len()].iter().map(|score| score - mean));
        let squares = sum(scores.iter().map(|score| (score - mean) * (score - mean)));
        variance += n1 * n2 / (n * (n - 1.0)) * squares;
    }
    if variance.value() == 0.0 {
        return Err(reason);
    }
    let z = distance.value() / variance.value().sqrt();
    Ok(StandardNormal { z, p_value: normal_two_sided(z) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stratum(first: &[f64], second: &[f64]) -> StratumOfNumbers {
        StratumOfNumbers { first: first.to_vec(), second: second.to_vec() }
    }

    /// Ranks 3, 4 of four (mean 5, variance 5/3) over 5, and 2 of two (mean 3/2, variance 1/4) over 3.
    #[test]
    fn strata_have_their_own_ranks_and_weights() {
        let strata = [stratum(&[8.0, 9.0], &[1.0, 2.0]), stratum(&[1.0], &[0.0])];
        let z = van_elteren(&strata).unwrap().z;
        let expected = (2.0 / 5.0 + 0.5 / 3.0) / (5.0 / 3.0 / 25.0 + 0.25 / 9.0f64).sqrt();
        assert!((z - expected).abs() < 1e-14, "{z} instead of {expected}");
    }

    #[test]
    fn one_stratum_is_the_rank_sum_test() {
        let (first, second) = ([1.0, 2.0, 2.0, 7.0], [2.0, 3.0, 9.0]);
        let plain = crate::mann_whitney(&first, &second, crate::Continuity::Uncorrected).unwrap();
        for test in [van_elteren, stratified_rank_sum] {
            let outcome = test(&[stratum(&first, &second), stratum(&[5.0], &[])]).unwrap();
            assert!((outcome.z - plain.z).abs() < 1e-14);
        }
    }

    #[test]
    fn strata_without_both_groups_add_nothing() {
        let alone = [stratum(&[1.0, 2.0], &[]), stratum(&[], &[3.0, 4.0])];
        assert_eq!(van_elteren(&alone), Err(NotEstimable::EmptyMargin));
        let equal = [stratum(&[1.0, 1.0], &[1.0]), stratum(&[], &[3.0, 4.0])];
        assert_eq!(van_elteren(&equal), Err(NotEstimable::AllValuesEqual));
        assert_eq!(van_elteren(&[]), Err(NotEstimable::NoSubjects));
    }
}
