//! Tests of several groups of numbers: of their ranks, their means and their variances.

use crate::ChiSquared;
use cohort::{Estimate, NotEstimable};
use numerics::elementary::ln;
use numerics::rank::midranks;
use numerics::sum::{mean, sum};
use numerics::tails::f_sf;

/// Mean and spread of some numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Moments {
    pub n: f64,
    pub mean: f64,
    /// Sum of the squared distances from the mean.
    pub squares: f64,
}

impl Moments {
    /// `None` when there are no values. Equal values have exactly their own mean and no spread.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let first = *values.first()?;
        let n = values.len() as f64;
        if values.iter().all(|&value| value == first) {
            return Some(Self { n, mean: first, squares: 0.0 });
        }
        let mean = mean(values)?;
        let squares = sum(values.iter().map(|value| (value - mean) * (value - mean)));
        Some(Self { n, mean, squares })
    }

    /// With denominator `n - 1`.
    pub(crate) fn variance(&self) -> Estimate {
        if self.n < 2.0 {
            Err(NotEstimable::TooFewValues)
        } else {
            Ok(self.squares / (self.n - 1.0))
        }
    }
}

/// A statistic that has an F distribution when nothing differs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FTest {
    /// The statistic.
    pub f: f64,
    /// Degrees of freedom of its numerator.
    pub df1: f64,
    /// Of its denominator, which need not be whole.
    pub df2: f64,
    /// Upper tail of its distribution.
    pub p_value: f64,
}

impl FTest {
    fn new(f: f64, df1: f64, df2: f64) -> Estimate<Self> {
        if !f.is_finite() || !df2.is_finite() {
            return Err(NotEstimable::VarianceUndefined);
        }
        Ok(Self { f, df1, df2, p_value: f_sf(f, df1, df2) })
    }
}

/// The groups that hold somebody; there are at least two.
fn occupied(groups: &[Vec<f64>]) -> Estimate<Vec<&Vec<f64>>> {
    let groups: Vec<&Vec<f64>> = groups.iter().filter(|group| !group.is_empty()).collect();
    if groups.len() < 2 { Err(NotEstimable::TooFewGroups) } else { Ok(groups) }
}

fn moments(groups: &[&Vec<f64>]) -> Vec<Moments> {
    groups.iter().filter_map(|group| Moments::of(group)).collect()
}

/// Rank test of several groups, with the correction for ties.
///
/// ```text
/// H = (12 / (N (N + 1)) Σ R_j² / n_j - 3 (N + 1)) / (1 - Σ(t³ - t) / (N³ - N))
/// ```
///
/// `R_j` sums the midranks of group `j`, `t` runs over the sizes of the ties; one degree of freedom
/// less than groups. Empty groups do not count. Undefined for fewer than two groups and when all
/// values are equal. Kruskal and Wallis (1952), J. Am. Stat. Assoc. 47:583-621. Same as
/// `kruskal.test` in R.
pub fn kruskal_wallis(groups: &[Vec<f64>]) -> Estimate<ChiSquared> {
    let groups = occupied(groups)?;
    let pooled: Vec<f64> = groups.iter().flat_map(|group| group.iter().copied()).collect();
    if pooled.iter().all(|&value| value == pooled[0]) {
        return Err(NotEstimable::AllValuesEqual);
    }
    let ranked = midranks(&pooled);
    let n = pooled.len() as f64;
    let mut start = 0;
    // About the mean rank nothing cancels.
    let between = sum(groups.iter().map(|group| {
        let size = group.len() as f64;
        let ranks = &ranked.ranks[start..start + group.len()];
        start += group.len();
        let distance = sum(ranks.iter().map(|rank| rank - (n + 1.0) / 2.0));
        distance * distance / size
    }));
    let ties = 1.0 - ranked.tie_term / (n * n * n - n);
    Ok(ChiSquared::new(12.0 / (n * (n + 1.0)) * between / ties, groups.len() - 1))
}

/// Analysis of variance of one factor.
///
/// ```text
/// F = Σ n_j (m_j - m)² / (k - 1)  over  Σ (n_j - 1) s_j² / (N - k)
/// ```
///
/// Groups of one value count for their mean. Undefined for fewer than two groups, without a degree
/// of freedom within them, and when no group varies. Fisher (1925), Statistical Methods for Research
/// Workers. Same as `oneway.test(.., var.equal = TRUE)` in R.
pub fn anova(groups: &[Vec<f64>]) -> Estimate<FTest> {
    let groups = moments(&occupied(groups)?);
    let (k, n) = (groups.len() as f64, sum(groups.iter().map(|group| group.n)));
    if n <= k {
        return Err(NotEstimable::TooFewValues);
    }
    let within = sum(groups.iter().map(|group| group.squares));
    refuse_constant_groups(within, &groups)?;
    let mean = sum(groups.iter().map(|group| group.n * group.mean)) / n;
    let between = sum(groups.iter().map(|group| {
        let distance = group.mean - mean;
        group.n * distance * distance
    }));
    FTest::new(between / (k - 1.0) / (within / (n - k)), k - 1.0, n - k)
}

fn refuse_constant_groups(spread: f64, groups: &[Moments]) -> Estimate<()> {
    let means_are_equal = groups.iter().all(|group| group.mean == groups[0].mean);
    crate::two_means::refuse_without_spread(spread, means_are_equal)
}

/// Analysis of variance whose groups may vary differently.
///
/// ```text
/// F = Σ w_j (m_j - m)² / (k - 1) / (1 + 2 (k - 2) c)    w_j = n_j / s_j²,  m their weighted mean
/// c = Σ (1 - w_j / Σw)² / (n_j - 1) / (k² - 1)          k - 1 and 1 / (3c) degrees of freedom
/// ```
///
/// Undefined where a group has fewer than two values or does not vary. Welch (1951), Biometrika
/// 38:330-336. Same as `oneway.test(..)` in R.
pub fn welch_anova(groups: &[Vec<f64>]) -> Estimate<FTest> {
    let groups = moments(&occupied(groups)?);
    let variances = groups.iter().map(Moments::variance).collect::<Estimate<Vec<f64>>>()?;
    refuse_constant_groups(sum(variances.iter().copied()), &groups)?;
    if variances.contains(&0.0) {
        return Err(NotEstimable::NoVariation);
    }
    let k = groups.len() as f64;
    let weights: Vec<f64> = groups.iter().zip(&variances).map(|(group, v)| group.n / v).collect();
    let total = sum(weights.iter().copied());
    let weighted = || groups.iter().zip(&weights);
    let mean = sum(weighted().map(|(group, weight)| weight * group.mean)) / total;
    let c = sum(weighted().map(|(group, weight)| {
        let rest = 1.0 - weight / total;
        rest * rest / (group.n - 1.0)
    })) / (k * k - 1.0);
    let between = sum(weighted().map(|(group, weight)| {
        let distance = group.mean - mean;
        weight * distance * distance
    }));
    FTest::new(between / (k - 1.0) / (1.0 + 2.0 * (k - 2.0) * c), k - 1.0, 1.0 / (3.0 * c))
}

/// Test of equal variances; sensitive to departures from normality.
///
/// ```text
/// K = ((N - k) ln s² - Σ (n_j - 1) ln s_j²) / (1 + (Σ 1/(n_j - 1) - 1/(N - k)) / (3 (k - 1)))
/// ```
///
/// `s²` is the pooled variance; `k - 1` degrees of freedom. Undefined where a group has fewer than
/// two values or does not vary. Bartlett (1937), Proc. R. Soc. A 160:268-282. Same as
/// `bartlett.test` in R.
pub fn bartlett(groups: &[Vec<f64>]) -> Estimate<ChiSquared> {
    let groups = moments(&occupied(groups)?);
    let variances = groups.iter().map(Moments::variance).collect::<Estimate<Vec<f64>>>()?;
    if variances.contains(&0.0) {
        return Err(NotEstimable::NoVariation);
    }
    let k = groups.len() as f64;
    let df = sum(groups.iter().map(|group| group.n - 1.0));
    let pooled = sum(groups.iter().map(|group| group.squares)) / df;
    let distance = sum(groups
        .iter()
        .zip(&variances)
        .map(|(group, variance)| (group.n - 1.0) * ln(pooled / variance)));
    let reciprocals = sum(groups.iter().map(|group| 1.0 / (group.n - 1.0)));
    let correction = 1.0 + (reciprocals - 1.0 / df) / (3.0 * (k - 1.0));
    if !distance.is_finite() {
        return Err(NotEstimable::VarianceUndefined);
    }
    Ok(ChiSquared::new((distance / correction).max(0.0), groups.len() - 1))
}

/// Test of equal spread: analysis of variance of the distances from the median of the group.
///
/// Brown and Forsythe (1974), J. Am. Stat. Assoc. 69:364-367. Same as `car::leveneTest(.., center =
/// median)` in R. Undefined as [`anova`] of the distances is: two values are equally far from their
/// median, so that pairs of values alone have no spread of spreads.
pub fn brown_forsythe(groups: &[Vec<f64>]) -> Estimate<FTest> {
    anova(&groups.iter().map(|group| distances_from_median(group)).collect::<Vec<_>>())
}

fn distances_from_median(group: &[f64]) -> Vec<f64> {
    let mut sorted = group.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (lower, upper) = sorted.split_at(sorted.len() / 2);
    let are_equal = |half: &[f64]| half.iter().all(|&value| value == half[0]);
    match (lower, numerics::sum::quantile_type_7(&sorted, 0.5)) {
        (_, None) => Vec::new(),
        // The distances are equal; rounding of the median must not make them differ.
        ([low, ..], _) if lower.len() == upper.len() && are_equal(lower) && are_equal(upper) => {
            vec![(upper[0] - low) / 2.0; group.len()]
        }
        (_, Some(median)) => group.iter().map(|value| (value - median).abs()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups() -> Vec<Vec<f64>> {
        vec![vec![1.0, 2.0, 3.0], vec![2.0, 3.0, 4.0], vec![6.0, 7.0, 8.0]]
    }

    /// Means 2, 3 and 7 about 4, variances 1: F = 3 (4 + 1 + 9) / 2 = 21 on 2 and 6. With equal
    /// weights of 3 Welch's c is 3 · (4/9)/2 / 8 = 1/12, so F = 21 / (1 + 1/6) on 2 and 4.
    #[test]
    fn three_means() {
        let plain = anova(&groups()).unwrap();
        assert!((plain.f - 21.0).abs() < 1e-13 && (plain.df1, plain.df2) == (2.0, 6.0));
        assert!((plain.p_value - (1.0f64 + 7.0).powi(-3)).abs() < 1e-15);
        let welch = welch_anova(&groups()).unwrap();
        assert!((welch.f - 18.0).abs() < 1e-13 && (welch.df2 - 4.0).abs() < 1e-13);
        assert_eq!(bartlett(&groups()).unwrap().statistic, 0.0);
        assert_eq!(brown_forsythe(&groups()).unwrap().f, 0.0);
    }

    /// Ranks 1, 2.5, 4.5 | 2.5, 4.5, 6 | 7, 8, 9 sum to 8, 13 and 24 about 15 each: H before the
    /// ties is 12/90 · (49 + 4 + 81)/3, and two pairs of ties leave 1 - 12/720.
    #[test]
    fn three_rank_sums() {
        let outcome = kruskal_wallis(&groups()).unwrap();
        let expected = 12.0 / 90.0 * 134.0 / 3.0 / (1.0 - 12.0 / 720.0);
        assert!((outcome.statistic - expected).abs() < 1e-13);
        assert_eq!(outcome.degrees_of_freedom, 2);
    }

    #[test]
    fn degenerate_groups_say_why() {
        let one = vec![vec![1.0, 2.0], vec![]];
        assert_eq!(kruskal_wallis(&one), Err(NotEstimable::TooFewGroups));
        assert_eq!(anova(&one), Err(NotEstimable::TooFewGroups));
        let equal = vec![vec![0.1; 3], vec![0.1; 2]];
        assert_eq!(kruskal_wallis(&equal), Err(NotEstimable::AllValuesEqual));
        assert_eq!(anova(&equal), Err(NotEstimable::AllValuesEqual));
        let constant = vec![vec![0.1; 3], vec![0.2; 2]];
        assert_eq!(anova(&constant), Err(NotEstimable::NoVariation));
        assert_eq!(bartlett(&constant), Err(NotEstimable::NoVariation));
        let single = vec![vec![1.0, 2.0], vec![3.0]];
        assert_eq!(welch_anova(&single), Err(NotEstimable::TooFewValues));
        assert_eq!(bartlett(&single), Err(NotEstimable::TooFewValues));
        assert!(anova(&single).is_ok());
        assert_eq!(anova(&[vec![1.0], vec![3.0]]), Err(NotEstimable::TooFewValues));
    }

    /// 0.1 and 0.4 lie equally far from 0.25, though rounded differences do not say so.
    #[test]
    fn two_values_are_equally_far_from_their_median() {
        let pairs = vec![vec![0.1, 0.4], vec![1.3, 2.7]];
        assert_eq!(brown_forsythe(&pairs), Err(NotEstimable::NoVariation));
        let halves = vec![vec![1.0, 4.0, 4.0, 1.0], vec![7.0, 4.0]];
        assert_eq!(brown_forsythe(&halves), Err(NotEstimable::AllValuesEqual));
    }
}
