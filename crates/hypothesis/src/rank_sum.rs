//! The rank sum test.

use cohort::{Estimate, NotEstimable};
use numerics::rank::midranks;
use numerics::sum::sum;
use numerics::tails::normal_two_sided;

/// Whether an approximation allows for the steps of a statistic.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Continuity {
    /// The distance from the mean is lowered by one half, the default of R.
    #[default]
    Corrected,
    /// It is taken as it is, as SPSS does.
    Uncorrected,
}

impl Continuity {
    /// What the distance from the mean is lowered by.
    pub(crate) fn step(self) -> f64 {
        match self {
            Self::Corrected => 0.5,
            Self::Uncorrected => 0.0,
        }
    }
}

/// A rank sum and its normal approximation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RankSum {
    /// Number of pairs in which the first group has the larger value, ties counting one half.
    pub w: f64,
    /// The smaller of `w` and `n₁n₂ - w`, as SPSS prints it.
    pub u: f64,
    /// Sum of the midranks of the first group.
    pub rank_sum: f64,
    /// Mean of `w` when nothing differs, `n₁n₂ / 2`.
    pub mean: f64,
    /// Its standard deviation, with the variance for ties.
    pub sd: f64,
    /// `(w - mean) / sd`, with the continuity correction if asked for.
    pub z: f64,
    /// Two-sided p-value of `z`.
    pub p_value: f64,
}

/// Mann-Whitney U test by the normal approximation with the variance for ties.
///
/// ```text
/// W = R₁ - n₁(n₁ + 1)/2
/// z = (W - n₁n₂/2 ∓ c) / √(n₁n₂/12 · (N + 1 - Σ(t³ - t) / (N(N - 1))))
/// ```
///
/// `R₁` sums the midranks of the first group, `t` runs over the sizes of the ties, `c` is 1/2 with
/// the continuity correction, towards the mean and never beyond it.
///
/// Undefined for an empty group and when all values are equal. Mann and Whitney (1947), Ann. Math.
/// Stat. 18:50-60. Same as `wilcox.test(first, second, exact = FALSE, correct = ..)` in R.
pub fn mann_whitney(first: &[f64], second: &[f64], continuity: Continuity) -> Estimate<RankSum> {
    let pooled = pooled(first, second)?;
    let ranked = midranks(&pooled);
    let (n1, n2) = (first.len() as f64, second.len() as f64);
    let n = n1 + n2;
    let rank_sum = sum(ranked.ranks[..first.len()].iter().copied());
    let w = rank_sum - n1 * (n1 + 1.0) / 2.0;
    let mean = n1 * n2 / 2.0;
    let sd = (n1 * n2 / 12.0 * (n + 1.0 - ranked.tie_term / (n * (n - 1.0)))).sqrt();
    let z = corrected(w - mean, continuity) / sd;
    let u = w.min(n1 * n2 - w);
    Ok(RankSum { w, u, rank_sum, mean, sd, z, p_value: normal_two_sided(z) })
}

/// A distance from the mean, brought nearer by the correction.
///
/// Rank sums are multiples of one half, so that a correction never leads past the mean.
pub(crate) fn corrected(distance: f64, continuity: Continuity) -> f64 {
    (distance.abs() - continuity.step()).max(0.0).copysign(distance)
}

fn pooled(first: &[f64], second: &[f64]) -> Estimate<Vec<f64>> {
    if first.is_empty() || second.is_empty() {
        return Err(NotEstimable::NoSubjects);
    }
    let pooled: Vec<f64> = first.iter().chain(second).copied().collect();
    if pooled.iter().all(|&value| value == pooled[0]) {
        return Err(NotEstimable::AllValuesEqual);
    }
    Ok(pooled)
}

/// Exact two-sided p-value of the Mann-Whitney U test, with and without ties.
///
/// The share of all ways to choose the first group among the midranks in which `W` is as far from
/// its mean as observed, or further. Without ties that is twice the smaller tail.
///
/// Undefined for an empty group and when all values are equal; groups whose count would take longer
/// than about a second give [`NotEstimable::TooLarge`]: two groups of 70 are within reach. Streitberg
/// and Röhmel (1986), Stat. Softw. Newsl. 12:10-17. Same as `wilcox.test(first, second, exact =
/// TRUE)` in R without ties and as `coin::wilcox_test(.., distribution = "exact")` with them.
pub fn mann_whitney_exact(first: &[f64], second: &[f64]) -> Estimate {
    let ranked = midranks(&pooled(first, second)?);
    // Twice a midrank is whole.
    let doubled: Vec<usize> = ranked.ranks.iter().map(|rank| (2.0 * rank) as usize).collect();
    let observed: usize = doubled[..first.len()].iter().sum();
    let all: usize = doubled.iter().sum();
    // The smaller group is counted; its distance from the mean mirrors that of the other.
    let (chosen, sum_of_chosen) = if first.len() <= second.len() {
        (first.len(), observed)
    } else {
        (second.len(), all - observed)
    };
    let ways = ways_to_choose(&doubled, chosen)?;
    let n = doubled.len();
    // The mean of twice the rank sum is chosen · all / n.
    let distance = |sum: usize| (sum * n).abs_diff(chosen * all);
    let far = distance(sum_of_chosen);
    let extreme = ways.iter().enumerate().filter(|&(sum, _)| distance(sum) >= far);
    Ok((sum(extreme.map(|(_, &ways)| ways)) / sum(ways.iter().copied())).min(1.0))
}

/// Additions after which the count is given up.
const MOST_ADDITIONS: usize = 1_000_000_000;

/// Number of ways to choose `chosen` of the scores, by their sum.
fn ways_to_choose(scores: &[usize], chosen: usize) -> Estimate<Vec<f64>> {
    let mut largest = scores.to_vec();
    largest.sort_unstable_by(|a, b| b.cmp(a));
    let width = largest[..chosen].iter().sum::<usize>() + 1;
    let additions = scores.len().saturating_mul(chosen).saturating_mul(width);
    // The number of ways must stay a number: 2 to the power of the size of the sample.
    if additions > MOST_ADDITIONS || scores.len() > 1000 {
        return Err(NotEstimable::TooLarge);
    }
    let mut ways = vec![vec![0.0; width]; chosen + 1];
    ways[0][0] = 1.0;
    for (seen, &score) in scores.iter().enumerate() {
        for taken in (0..chosen.min(seen + 1)).rev() {
            let (before, after) = ways.split_at_mut(taken + 1);
            let (from, to) = (&before[taken], &mut after[0]);
            to[score.min(width)..].iter_mut().zip(from).for_each(|(to, from)| *to += from);
        }
    }
    Ok(ways.swap_remove(chosen))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ranks 1, 2.5, 2.5, 4: W = 3.5 - 3 = 0.5, mean 2, variance 4/12 · (5 - 6/12) = 1.5.
    #[test]
    fn a_tie_shrinks_the_variance() {
        let test = |continuity| mann_whitney(&[1.0, 2.0], &[2.0, 3.0], continuity).unwrap();
        let plain = test(Continuity::Uncorrected);
        assert_eq!((plain.w, plain.u, plain.rank_sum, plain.mean), (0.5, 0.5, 3.5, 2.0));
        assert_eq!(plain.z, -1.5 / 1.5f64.sqrt());
        assert_eq!(plain.p_value, normal_two_sided(1.5 / 1.5f64.sqrt()));
        assert_eq!(test(Continuity::Corrected).z, -1.0 / 1.5f64.sqrt());
    }

    #[test]
    fn what_cannot_be_ranked_has_no_p_value() {
        let none = |first: &[f64], second: &[f64]| {
            let reason = mann_whitney(first, second, Continuity::Corrected).unwrap_err();
            assert_eq!(mann_whitney_exact(first, second), Err(reason));
            reason
        };
        assert_eq!(none(&[2.0, 2.0, 2.0], &[2.0, 2.0]), NotEstimable::AllValuesEqual);
        assert_eq!(none(&[], &[2.0]), NotEstimable::NoSubjects);
    }

    #[test]
    fn a_rank_sum_at_its_mean_has_p_one() {
        let outcome = mann_whitney(&[1.0, 4.0], &[2.0, 3.0], Continuity::Corrected).unwrap();
        assert_eq!(outcome.p_value, 1.0);
        assert_eq!(mann_whitney_exact(&[1.0, 4.0], &[2.0, 3.0]), Ok(1.0));
    }

    /// Two of five: rank sums 3 and 9 are the extremes of ten ways. With the tie 2.5, 2.5 the sums of
    /// two are 3.5 twice, 5 twice, 6 twice, 6.5 twice, 7.5 twice... counted: of {1, 2.5, 2.5, 4, 5} the
    /// ten sums are 3.5, 3.5, 5, 6, 5, 6.5, 7.5, 6.5, 7.5, 9 about the mean 6.
    #[test]
    fn small_groups_are_counted() {
        let p = |first: &[f64], second: &[f64]| mann_whitney_exact(first, second).unwrap();
        assert_eq!(p(&[1.0, 2.0], &[3.0, 4.0, 5.0]), 0.2);
        assert_eq!(p(&[3.0, 4.0, 5.0], &[1.0, 2.0]), 0.2);
        // 3.5 lies 2.5 from the mean, as far as 3.5 again and less than 9.
        assert_eq!(p(&[1.0, 2.0], &[2.0, 4.0, 5.0]), 0.3);
    }

    #[test]
    fn what_takes_too_long_is_said_so() {
        let values: Vec<f64> = (0..400).map(f64::from).collect();
        assert_eq!(mann_whitney_exact(&values[..200], &values[200..]), Err(NotEstimable::TooLarge));
    }
}
