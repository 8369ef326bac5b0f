//! The largest of several weighted log-rank tests.

use super::design::{Contributions, covariance};
use super::strata::{Strata, StratumTable};
use super::weighted_log_rank::SampledRow;
use super::{ScoreTest, TestVariance, TestWeights};
use crate::log_rank::Pooled;
use crate::{RiskRow, SurvivalError};
use cohort::{Estimate, NotEstimable};
use numerics::multivariate_normal::{MOST_VARIABLES, Sides, Tail, beyond};
use numerics::sum::{Sum, sum};

/// Weights of Fleming and Harrington, `S(t-)^p (1 - S(t-))^q` of the pooled sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FlemingHarrington {
    /// Weight of early differences.
    pub p: f64,
    /// Weight of late differences.
    pub q: f64,
}

/// Which differences count against equal hazards.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Alternative {
    /// In either direction.
    #[default]
    TwoSided,
    /// Higher hazards in the second group.
    HigherHazard,
    /// Lower hazards in the second group.
    LowerHazard,
}

/// The largest of several weighted log-rank tests.
#[derive(Clone, Debug, PartialEq)]
pub struct MaxComboQuery {
    /// Weights of the tests, at most five.
    pub weights: Vec<FlemingHarrington>,
    /// Which differences count.
    pub alternative: Alternative,
}

impl Default for MaxComboQuery {
    /// Two-sided, with weights for proportional, late, early and middle differences.
    fn default() -> Self {
        let weights = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)];
        Self {
            weights: weights.map(|(p, q)| FlemingHarrington { p, q }).to_vec(),
            alternative: Alternative::TwoSided,
        }
    }
}

/// The largest of several weighted log-rank tests.
#[derive(Clone, Debug, PartialEq)]
pub struct MaxCombo {
    /// The tests, in the order asked for.
    pub components: Vec<MaxComboComponent>,
    /// Covariance of their scores, row by row.
    pub covariance: Vec<Vec<f64>>,
    /// The largest `|z|`, or the largest `z` or `-z` when one direction counts.
    pub statistic: Estimate,
    /// Probability of such a statistic or a larger one when the hazards are equal.
    pub p_value: Estimate,
    /// Natural logarithm of the p-value, finite where it underflows.
    pub ln_p_value: Estimate,
    /// By how much the numerical computation of the p-value may be off.
    pub p_value_error: Estimate,
}

/// One of the tests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaxComboComponent {
    /// Its weights.
    pub weights: FlemingHarrington,
    /// Observed events of the second group, weighted.
    pub observed: f64,
    /// Expected events of the second group, weighted.
    pub expected: f64,
    /// Observed minus expected; `z` is positive when the second group has the higher hazard.
    pub test: ScoreTest,
}

impl MaxComboQuery {
    /// Fails without weights, with more than five, and on exponents that give no weight.
    pub(crate) fn check(&self) -> Result<(), SurvivalError> {
        let count = self.weights.len();
        if !(1..=MOST_VARIABLES).contains(&count) {
            return Err(SurvivalError::MaxComboWeights { count, most: MOST_VARIABLES });
        }
        self.weights.iter().try_for_each(|&weights| TestWeights::from(weights).check(false))
    }
}

impl From<FlemingHarrington> for TestWeights {
    fn from(FlemingHarrington { p, q }: FlemingHarrington) -> Self {
        Self::FlemingHarrington { p, q }
    }
}

/// Tests two groups by the largest of several statistics, whatever the shape of their difference.
///
/// ```text
/// Z_a  = Σ w_a (d_2 - d n_2 / n) / √V_aa
/// V_ab = Σ w_a w_b d (n - d) / (n - 1) n_1 n_2 / n²
/// p    = P(max |Z_a| > observed)    for normal Z with the correlations of V
/// ```
///
/// over the event times and strata, with the Fleming-Harrington weights `w_a`; sampling weights and
/// the variance of a design enter as in the test of one weight. The default weights satisfy
/// `w_00 = w_10 + w_01`, so that their covariance is singular; the probability allows for that. A
/// test whose variance is 0 is left out. One-sided tests take the largest `Z` or `-Z`.
///
/// Lee (1996), Biometrics 52:721-725; Karrison (2016), Stata J. 16:678-690; Lin et al. (2020), Stat.
/// Biopharm. Res. 12:187-198. The p-value is `1 - pmvnorm(-M, M, corr)` of `mvtnorm` in R, without
/// its random error.
pub(crate) fn max_combo(strata: &Strata, pair: [usize; 2], query: &MaxComboQuery) -> MaxCombo {
    let sums = Sums::new(strata, pair, &query.weights);
    let tests: Vec<ScoreTest> = (0..query.weights.len()).map(|a| sums.test(a)).collect();
    let tail = tail(&tests, &sums.covariance, query.alternative);
    let components = query.weights.iter().zip(&tests).enumerate();
    let components = components.map(|(a, (&weights, &test))| MaxComboComponent {
        weights,
        observed: sums.observed[a],
        expected: sums.expected[a],
        test,
    });
    MaxCombo {
        components: components.collect(),
        covariance: sums.covariance,
        statistic: tail.map(|(statistic, _)| statistic),
        p_value: tail.map(|(_, tail)| tail.value),
        ln_p_value: tail.map(|(_, tail)| tail.ln_value),
        p_value_error: tail.map(|(_, tail)| tail.value * tail.relative_error),
    }
}

/// The statistic and its tail, by the tests that have a variance.
fn tail(
    tests: &[ScoreTest],
    covariance: &[Vec<f64>],
    alternative: Alternative,
) -> Estimate<(f64, Tail)> {
    let kept: Vec<usize> = (0..tests.len()).filter(|&a| tests[a].z.is_ok()).collect();
    let directed = |z: f64| match alternative {
        Alternative::TwoSided => z.abs(),
        Alternative::HigherHazard => z,
        Alternative::LowerHazard => -z,
    };
    let statistic = kept.iter().filter_map(|&a| tests[a].z.ok()).map(directed).reduce(f64::max);
    let Some(statistic) = statistic else {
        let reasons = tests.iter().filter_map(|test| test.z.err());
        return Err(reasons.reduce(|first, _| first).unwrap_or(NotEstimable::VarianceUndefined));
    };
    let sides = match alternative {
        Alternative::TwoSided => Sides::Both,
        Alternative::HigherHazard | Alternative::LowerHazard => Sides::Upper,
    };
    let deviation = |a: usize| covariance[a][a].sqrt();
    let cell = |a: usize, b: usize| {
        if a == b { 1.0 } else { covariance[a][b] / (deviation(a) * deviation(b)) }
    };
    let row = |&a: &usize| kept.iter().map(|&b| cell(a, b)).collect();
    let correlation: Vec<Vec<f64>> = kept.iter().map(row).collect();
    Ok((statistic, beyond(statistic, sides, &correlation)))
}

/// Observed and expected events of the second group of a pair by each of some weights, with the
/// covariance of their differences.
struct Sums {
    observed: Vec<f64>,
    expected: Vec<f64>,
    covariance: Vec<Vec<f64>>,
    /// Why there is nothing to compare.
    obstacle: Option<NotEstimable>,
}

impl Sums {
    fn new(strata: &Strata, pair: [usize; 2], weights: &[FlemingHarrington]) -> Self {
        if strata.variance() == TestVariance::Design {
            return Self::of_contributions(strata, pair, weights);
        }
        let mut sums = Running::new(weights);
        if strata.is_weighted() {
            for (_, table) in strata.sampled_tables() {
                sums.add_stratum(table.of_groups(&pair).rows().map(|row| Event::weighted(&row)));
            }
        } else {
            for table in strata.tables() {
                sums.add_stratum(table.rows().map(|row| Event::counted(&row, pair)));
            }
        }
        sums.finish()
    }

    fn of_contributions(strata: &Strata, pair: [usize; 2], weights: &[FlemingHarrington]) -> Self {
        let tables: Vec<StratumTable> = strata.sampled_tables().collect();
        let of = |&weights: &FlemingHarrington| {
            Contributions::new(strata, &tables, &pair, weights.into())
        };
        let by_weights: Vec<Contributions> = weights.iter().map(of).collect();
        let observed: Vec<f64> = by_weights.iter().map(|one| one.observed[1].value()).collect();
        let columns: Vec<Vec<f64>> = by_weights.iter().map(|one| one.columns[1].clone()).collect();
        let differences = columns.iter().map(|column| sum(column.iter().copied()));
        let is_compared = &by_weights[0].is_compared;
        Self {
            expected: observed.iter().zip(differences).map(|(all, more)| all - more).collect(),
            observed,
            covariance: covariance(&columns),
            obstacle: obstacle([is_compared[0], is_compared[1]]),
        }
    }

    fn test(&self, a: usize) -> ScoreTest {
        let variance = self.covariance[a][a];
        let test = ScoreTest::new(self.observed[a] - self.expected[a], variance, variance);
        match self.obstacle {
            None => test,
            Some(reason) => test.without_test(reason),
        }
    }
}

/// Why there is nothing to compare, by which of two groups are at risk at events.
fn obstacle(is_compared: [bool; 2]) -> Option<NotEstimable> {
    match is_compared {
        [true, true] => None,
        [false, false] => Some(NotEstimable::NoEvents),
        _ => Some(NotEstimable::TooFewGroups),
    }
}

/// What a time adds to the sums before it is weighted.
struct Event {
    /// At risk and with events, in both groups.
    n: f64,
    d: f64,
    /// Observed and expected events of the second group, with the variance of the difference.
    observed: f64,
    expected: f64,
    variance: f64,
    is_at_risk: [bool; 2],
}

impl Event {
    fn counted(row: &RiskRow, pair: [usize; 2]) -> Self {
        let [n_first, n_second] = pair.map(|group| row.at_risk[group] as f64);
        let [d_first, d_second] = pair.map(|group| row.events[group] as f64);
        let (n, d) = (n_first + n_second, d_first + d_second);
        let spread = if n > 1.0 { d * (n - d) / (n - 1.0) } else { 0.0 };
        Self {
            n,
            d,
            observed: d_second,
            expected: d * (n_second / n),
            variance: spread * (n_first / n) * (n_second / n),
            is_at_risk: [n_first > 0.0, n_second > 0.0],
        }
    }

    fn weighted(row: &SampledRow) -> Self {
        let (n, d) = row.totals();
        Self {
            n,
            d,
            observed: row.events[1],
            expected: d * (row.at_risk[1] / n),
            variance: row.covariance(1, 1),
            is_at_risk: [row.n_at_risk[0] > 0, row.n_at_risk[1] > 0],
        }
    }
}

/// The sums while events are added.
struct Running<'a> {
    weights: &'a [FlemingHarrington],
    observed: Vec<Sum>,
    expected: Vec<Sum>,
    covariance: Vec<Vec<Sum>>,
    is_compared: [bool; 2],
}

impl<'a> Running<'a> {
    fn new(weights: &'a [FlemingHarrington]) -> Self {
        let zeros = vec![Sum::default(); weights.len()];
        Self {
            weights,
            observed: zeros.clone(),
            expected: zeros.clone(),
            covariance: vec![zeros; weights.len()],
            is_compared: [false; 2],
        }
    }

    fn add_stratum(&mut self, events: impl Iterator<Item = Event>) {
        let mut pooled = vec![Pooled::default(); self.weights.len()];
        for event in events.filter(|event| event.d > 0.0) {
            let pairs = self.weights.iter().zip(&mut pooled);
            let weights: Vec<f64> = pairs
                .map(|(&weights, pooled)| pooled.weight(weights.into(), event.n, event.d))
                .collect();
            for (a, weight) in weights.iter().enumerate() {
                self.observed[a] += weight * event.observed;
                self.expected[a] += weight * event.expected;
                for (b, other) in weights.iter().enumerate() {
                    self.covariance[a][b] += weight * other * event.variance;
                }
            }
            for (any, one) in self.is_compared.iter_mut().zip(event.is_at_risk) {
                *any |= one;
            }
        }
    }

    fn finish(self) -> Sums {
        let values = |sums: Vec<Sum>| sums.into_iter().map(Sum::value).collect();
        Sums {
            observed: values(self.observed),
            expected: values(self.expected),
            covariance: self.covariance.into_iter().map(values).collect(),
            obstacle: obstacle(self.is_compared),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::strata::tests::levels;
    use cohort::{Endpoint, Groups};

    fn tested(event: Vec<bool>, groups: &[u32], query: &MaxComboQuery) -> MaxCombo {
        let endpoint = Endpoint::new(vec![1.0, 3.0, 2.0, 4.0], event).unwrap();
        let (one, levels) = (Groups::one(), levels(groups, 2));
        let strata = Strata::new(&endpoint, &one, &levels, None, TestVariance::default());
        max_combo(&strata, [0, 1], query)
    }

    fn proportional_and_late(alternative: Alternative) -> MaxComboQuery {
        let weights = [(0.0, 0.0), (0.0, 1.0)].map(|(p, q)| FlemingHarrington { p, q });
        MaxComboQuery { weights: weights.to_vec(), alternative }
    }

    /// Deaths at 1 and 3 in the first group, at 2 and 4 in the second: observed minus expected of the
    /// second is -1/2, 1/3, -1/2 and 0, with variances 1/4, 2/9, 1/4 and 0. The late weights are
    /// 0, 1/4, 1/2 and 3/4.
    #[test]
    fn four_deaths_by_hand() {
        let query = proportional_and_late(Alternative::TwoSided);
        let combo = tested(vec![true; 4], &[0, 0, 1, 1], &query);
        let scores: Vec<f64> = combo.components.iter().map(|one| one.test.score).collect();
        let want = [[13.0 / 18.0, 13.0 / 72.0], [13.0 / 72.0, 11.0 / 144.0]];
        assert!((scores[0] + 2.0 / 3.0).abs() < 1e-15 && (scores[1] + 1.0 / 6.0).abs() < 1e-15);
        for (got, want) in combo.covariance.concat().iter().zip(want.concat()) {
            assert!((got - want).abs() < 1e-15);
        }
        let z = -2.0 / 3.0 / want[0][0].sqrt();
        assert!((combo.statistic.unwrap() + z).abs() < 1e-14);
        let correlation = want[0][1] / (want[0][0] * want[1][1]).sqrt();
        let correlations = [vec![1.0, correlation], vec![correlation, 1.0]];
        let tail = beyond(-z, Sides::Both, &correlations);
        assert!((combo.p_value.unwrap() - tail.value).abs() < 1e-12);
        assert!(combo.p_value_error.unwrap() < 1e-9);
    }

    #[test]
    fn one_direction_counts_one_sign() {
        let of = |alternative| {
            let query = proportional_and_late(alternative);
            tested(vec![true; 4], &[0, 0, 1, 1], &query)
        };
        let (higher, lower) = (of(Alternative::HigherHazard), of(Alternative::LowerHazard));
        let z: Vec<f64> = higher.components.iter().filter_map(|one| one.test.z.ok()).collect();
        assert_eq!(higher.statistic, Ok(z[0].max(z[1])));
        assert_eq!(lower.statistic, Ok(-z[0].min(z[1])));
        assert!(lower.p_value.unwrap() < 0.5 && 0.5 < higher.p_value.unwrap());
    }

    /// The only event comes first, where late weights are 0.
    #[test]
    fn a_test_without_variance_is_left_out() {
        let query = proportional_and_late(Alternative::TwoSided);
        let combo = tested(vec![true, false, false, false], &[0, 0, 1, 1], &query);
        assert_eq!(combo.components[1].test.z, Err(NotEstimable::VarianceUndefined));
        assert_eq!(combo.statistic, Ok(1.0));
        let plain = combo.components[0].test.p_value.unwrap();
        assert!((combo.p_value.unwrap() - plain).abs() < 1e-12);
        let none = tested(vec![false; 4], &[0, 0, 1, 1], &query);
        assert_eq!(none.p_value, Err(NotEstimable::NoEvents));
    }
}
