//! Tests of pairs: the members of a pair are compared with each other alone.

use crate::groups::Moments;
use crate::rank_sum::corrected;
use crate::two_means::refuse_without_spread;
use crate::{ChiSquared, Continuity, MeanDifference};
use cohort::{Estimate, NotEstimable};
use numerics::rank::midranks;
use numerics::sum::sum;
use numerics::tails::{binomial_two_sided, normal_two_sided};

/// Student's t test of the differences within pairs.
///
/// ```text
/// t = m / (s / √n)    of the differences, first minus second, with n - 1 degrees of freedom
/// ```
///
/// Undefined for fewer than two pairs and when all differences are equal. `confidence` lies strictly
/// between 0 and 1. Student (1908), Biometrika 6:1-25. Same as `t.test(first, second, paired =
/// TRUE)` in R.
pub fn paired_t(pairs: &[(f64, f64)], confidence: f64) -> Estimate<MeanDifference> {
    let differences = differences(pairs);
    let moments = Moments::of(&differences).ok_or(NotEstimable::TooFewValues)?;
    let variance = moments.variance()?;
    refuse_without_spread(variance, moments.mean == 0.0)?;
    let standard_error = (variance / moments.n).sqrt();
    MeanDifference::new(moments.mean, standard_error, moments.n - 1.0, confidence)
}

fn differences(pairs: &[(f64, f64)]) -> Vec<f64> {
    pairs.iter().map(|(first, second)| first - second).collect()
}

/// A signed rank sum and its normal approximation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignedRank {
    /// Sum of the midranks of the pairs whose first member has the larger value.
    pub v: f64,
    /// Number of pairs that differ.
    pub n: usize,
    /// Number of pairs that do not; they are left out.
    pub n_zero: usize,
    /// Mean of `v` when nothing differs, `n (n + 1) / 4`.
    pub mean: f64,
    /// Its standard deviation, with the variance for ties.
    pub sd: f64,
    /// `(v - mean) / sd`, with the continuity correction if asked for.
    pub z: f64,
    /// Two-sided p-value of `z`.
    pub p_value: f64,
}

/// Wilcoxon signed rank test by the normal approximation with the variance for ties.
///
/// ```text
/// z = (V - n(n + 1)/4 ∓ c) / √(n(n + 1)(2n + 1)/24 - Σ(t³ - t)/48)
/// ```
///
/// Pairs without a difference are left out before the absolute differences are ranked. Undefined
/// when no pair differs. Wilcoxon (1945), Biometrics Bull. 1:80-83. Same as `wilcox.test(first,
/// second, paired = TRUE, exact = FALSE, correct = ..)` in R.
pub fn signed_rank(pairs: &[(f64, f64)], continuity: Continuity) -> Estimate<SignedRank> {
    let ranked = SignedRanks::of(pairs)?;
    let n = ranked.ranks.len() as f64;
    let v = sum(ranked.positive());
    let mean = n * (n + 1.0) / 4.0;
    let sd = (n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - ranked.tie_term / 48.0).sqrt();
    let z = corrected(v - mean, continuity) / sd;
    let (n, p_value) = (ranked.ranks.len(), normal_two_sided(z));
    Ok(SignedRank { v, n, n_zero: pairs.len() - n, mean, sd, z, p_value })
}

/// Ranks of the absolute differences that are not 0.
pub(crate) struct SignedRanks {
    pub ranks: Vec<f64>,
    pub is_positive: Vec<bool>,
    tie_term: f64,
}

impl SignedRanks {
    pub(crate) fn of(pairs: &[(f64, f64)]) -> Estimate<Self> {
        let mut differences = differences(pairs);
        differences.retain(|&difference| difference != 0.0);
        if differences.is_empty() {
            return Err(if pairs.is_empty() {
                NotEstimable::NoSubjects
            } else {
                NotEstimable::AllValuesEqual
            });
        }
        let absolute: Vec<f64> = differences.iter().map(|difference| difference.abs()).collect();
        let ranked = midranks(&absolute);
        let is_positive = differences.iter().map(|&difference| difference > 0.0).collect();
        Ok(Self { ranks: ranked.ranks, is_positive, tie_term: ranked.tie_term })
    }

    /// Ranks of the positive differences.
    pub(crate) fn positive(&self) -> impl Iterator<Item = f64> {
        let signed = self.ranks.iter().zip(&self.is_positive);
        signed.filter(|&(_, &is_positive)| is_positive).map(|(&rank, _)| rank)
    }
}

/// Exact two-sided p-value of the signed rank test, with and without ties.
///
/// The share of all ways to give the midranks signs in which `V` is as far from its mean as observed,
/// or further. Pairs without a difference are left out. Undefined when no pair differs; more than 500
/// pairs that do give [`NotEstimable::TooLarge`]. Same as `wilcox.test(first, second, paired = TRUE,
/// exact = TRUE)` in R without ties and as `exactRankTests::wilcox.exact` with them.
pub fn signed_rank_exact(pairs: &[(f64, f64)]) -> Estimate {
    let ranked = SignedRanks::of(pairs)?;
    if ranked.ranks.len() > MOST_EXACT_PAIRS {
        return Err(NotEstimable::TooLarge);
    }
    // Twice a midrank is whole.
    let doubled: Vec<usize> = ranked.ranks.iter().map(|rank| (2.0 * rank) as usize).collect();
    let all: usize = doubled.iter().sum();
    let observed: usize = ranked.positive().map(|rank| (2.0 * rank) as usize).sum();
    // Probabilities: each sign has one half.
    let mut probabilities = vec![0.0; all + 1];
    probabilities[0] = 1.0;
    for &rank in &doubled {
        for total in (0..=all).rev() {
            let with = if total >= rank { probabilities[total - rank] } else { 0.0 };
            probabilities[total] = 0.5 * (probabilities[total] + with);
        }
    }
    let distance = |total: usize| (2 * total).abs_diff(all);
    let extreme = probabilities
        .iter()
        .enumerate()
        .filter(|&(total, _)| distance(total) >= distance(observed));
    Ok(sum(extreme.map(|(_, &probability)| probability)).min(1.0))
}

/// The work grows with the cube of the pairs; this many take about a tenth of a second.
const MOST_EXACT_PAIRS: usize = 500;

/// Which member of a pair has the larger value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignTest {
    /// Number of pairs in which the first member has the larger value.
    pub n_positive: usize,
    /// In which the second has it.
    pub n_negative: usize,
    /// Exact two-sided p-value of equal chances.
    pub p_value: f64,
}

/// Sign test: pairs without a difference are left out, the others are tested as throws of a coin.
///
/// Undefined when no pair differs. Arbuthnott (1710), Phil. Trans. 27:186-190. Same as
/// `binom.test(n_positive, n_positive + n_negative)` in R.
pub fn sign_test(pairs: &[(f64, f64)]) -> Estimate<SignTest> {
    let count =
        |is_counted: fn(&(f64, f64)) -> bool| pairs.iter().filter(|p| is_counted(p)).count();
    let n_positive = count(|(first, second)| first > second);
    let n_negative = count(|(first, second)| first < second);
    if n_positive + n_negative == 0 {
        return Err(NotEstimable::AllValuesEqual);
    }
    let p_value = binomial_two_sided(n_positive, n_positive + n_negative, 1.0);
    Ok(SignTest { n_positive, n_negative, p_value })
}

/// Tests whether a square table of pairs is symmetric: McNemar's test, and Bowker's for more levels.
///
/// ```text
/// X² = Σ_{i<j} (|n_ij - n_ji| - c)² / (n_ij + n_ji)
/// ```
///
/// Rows are the levels of the first member of a pair, columns those of the second. `c` is 1 with the
/// correction, which is defined for two levels alone and left out where both counts are equal, as in
/// R. The degrees of freedom are the pairs of levels; those that differ in nobody add neither a term
/// nor a degree of freedom, where R has no answer. Undefined when no pair differs. McNemar (1947),
/// Psychometrika 12:153-157; Bowker (1948), J. Am. Stat. Assoc. 43:572-574. Same as
/// `mcnemar.test(table, correct = ..)` in R.
pub fn mcnemar(table: &[Vec<usize>], continuity: Continuity) -> Estimate<ChiSquared> {
    let k = table.len();
    if k < 2 || table.iter().any(|row| row.len() != k) {
        return Err(NotEstimable::NotDefined);
    }
    let step = if k == 2 { 2.0 * continuity.step() } else { 0.0 };
    let above = (0..k).flat_map(|row| (row + 1..k).map(move |column| (row, column)));
    let counts: Vec<(usize, usize)> = above
        .map(|(row, column)| (table[row][column], table[column][row]))
        .filter(|(one, other)| one + other > 0)
        .collect();
    if counts.is_empty() {
        return Err(NotEstimable::AllValuesEqual);
    }
    let statistic = sum(counts.iter().map(|&(one, other)| {
        let distance = (one.abs_diff(other) as f64 - step).max(0.0);
        distance * distance / (one + other) as f64
    }));
    Ok(ChiSquared::new(statistic, counts.len()))
}

/// Exact McNemar test: the pairs that differ, tested as throws of a coin.
///
/// `one` and `other` count the pairs that differ in one direction and in the other; without any the
/// p-value is 1. Same as `binom.test(one, one + other)` in R.
#[must_use]
pub fn mcnemar_exact(one: usize, other: usize) -> f64 {
    binomial_two_sided(one, one + other, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Differences 1, 2, -3, 4 and 0: V = 1 + 2 + 4 = 7 about 5, variance 30 · ... = 4·5·9/24 = 7.5.
    const PAIRS: [(f64, f64); 5] = [(2.0, 1.0), (3.0, 1.0), (0.0, 3.0), (4.0, 0.0), (1.0, 1.0)];

    #[test]
    fn pairs_without_a_difference_are_left_out() {
        let outcome = signed_rank(&PAIRS, Continuity::Uncorrected).unwrap();
        assert_eq!((outcome.v, outcome.n, outcome.n_zero, outcome.mean), (7.0, 4, 1, 5.0));
        assert_eq!(outcome.z, 2.0 / 7.5f64.sqrt());
        let corrected = signed_rank(&PAIRS, Continuity::Corrected).unwrap();
        assert_eq!(corrected.z, 1.5 / 7.5f64.sqrt());
        let signs = sign_test(&PAIRS).unwrap();
        assert_eq!((signs.n_positive, signs.n_negative), (3, 1));
        assert!((signs.p_value - 10.0 / 16.0).abs() < 1e-15);
    }

    /// Of 16 ways to give 1 to 4 signs 3 or less and 7 or more: sums 0, 1, 2, 3 (twice) and 7 (twice),
    /// 8, 9, 10.
    #[test]
    fn signs_are_counted() {
        assert_eq!(signed_rank_exact(&PAIRS), Ok(10.0 / 16.0));
    }

    /// Differences 1, 2, -3, 4, 0: mean 0.8, sum of squares 30 - 5 · 0.64 = 26.8.
    #[test]
    fn a_mean_of_differences() {
        let outcome = paired_t(&PAIRS, 0.95).unwrap();
        assert!((outcome.t - 0.8 / (26.8f64 / 4.0 / 5.0).sqrt()).abs() < 1e-14);
        assert_eq!(outcome.degrees_of_freedom, 4.0);
        assert_eq!(paired_t(&[(1.0, 0.0), (2.0, 1.0)], 0.95), Err(NotEstimable::NoVariation));
        assert_eq!(paired_t(&[(1.0, 0.0)], 0.95), Err(NotEstimable::TooFewValues));
    }

    /// 9 and 3 pairs differ: (6 - 1)²/12 with, 36/12 without correction.
    #[test]
    fn discordant_pairs() {
        let table = [vec![50, 9], vec![3, 20]];
        assert_eq!(mcnemar(&table, Continuity::Uncorrected).unwrap().statistic, 3.0);
        assert_eq!(mcnemar(&table, Continuity::Corrected).unwrap().statistic, 25.0 / 12.0);
        let equal = [vec![50, 4], vec![4, 20]];
        assert_eq!(mcnemar(&equal, Continuity::Corrected).unwrap().p_value, 1.0);
        assert!((mcnemar_exact(9, 3) - 2.0 * 299.0 / 4096.0).abs() < 1e-15);
        let same = [vec![50, 0], vec![0, 20]];
        assert_eq!(mcnemar(&same, Continuity::Corrected), Err(NotEstimable::AllValuesEqual));
    }

    /// Three levels: (4 - 1)²/5 + (2 - 6)²/8, and one pair of levels in nobody.
    #[test]
    fn three_levels_are_symmetric_or_not() {
        let table = [vec![5, 4, 0], vec![1, 7, 2], vec![0, 6, 9]];
        let outcome = mcnemar(&table, Continuity::Corrected).unwrap();
        assert!((outcome.statistic - (9.0 / 5.0 + 2.0)).abs() < 1e-15);
        assert_eq!(outcome.degrees_of_freedom, 2);
    }

    #[test]
    fn nothing_that_differs_is_nothing_to_test() {
        let equal = [(1.0, 1.0), (2.0, 2.0)];
        assert_eq!(signed_rank(&equal, Continuity::Corrected), Err(NotEstimable::AllValuesEqual));
        assert_eq!(signed_rank_exact(&equal), Err(NotEstimable::AllValuesEqual));
        assert_eq!(sign_test(&equal), Err(NotEstimable::AllValuesEqual));
        assert_eq!(signed_rank_exact(&[]), Err(NotEstimable::NoSubjects));
    }
}
