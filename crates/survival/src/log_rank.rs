//! Weighted log-rank tests: observed against expected events, summed over strata and sites.

use crate::{RiskTable, TestWeights};
use cohort::{Estimate, NotEstimable};
use numerics::elementary::pow;
use numerics::sum::Sum;

/// Observed and expected events of each group with the covariance of their difference.
///
/// Contributions of several strata add up with [`Iterator::sum`] when they have the same groups.
#[derive(Clone, Debug, Default)]
pub struct LogRank {
    observed: Vec<Sum>,
    expected: Vec<Sum>,
    /// Upper triangle of the covariance, row by row within a full square.
    variance: Vec<Sum>,
    /// Whether somebody of the group was at risk at the time of an event.
    is_compared: Vec<bool>,
}

/// Sums one stratum.
///
/// ```text
/// O_i  = Σ w_j d_ij
/// E_i  = Σ w_j d_j n_ij / n_j
/// V_ik = Σ w_j² d_j (n_j - d_j) / (n_j - 1) (δ_ik n_ij / n_j - n_ij n_kj / n_j²)
/// ```
///
/// over the event times `t_j`, where `d` counts events and `n` the risk set, of group `i` or of
/// all; the term of `V` is 0 for a risk set of one. The weights `w_j` start anew in each stratum:
///
/// ```text
/// log-rank 1      Gehan-Breslow n_j      Tarone-Ware √n_j
/// Peto-Peto            Π (1 - d / (n + 1))     up to and including t_j
/// modified Peto-Peto   that times n_j / (n_j + 1)
/// Fleming-Harrington   S^p (1 - S)^q           S the Kaplan-Meier estimate just before t_j
/// ```
///
/// Mantel (1966), Cancer Chemother. Rep. 50:163-170; Gehan (1965), Biometrika 52:203-223; Tarone
/// and Ware (1977), Biometrika 64:156-160; Peto and Peto (1972), J. R. Stat. Soc. A 135:185-207;
/// Andersen et al. (1982), Int. Stat. Rev. 50:219-258; Harrington and Fleming (1982), Biometrika
/// 69:553-566. Same as `survdiff(..., rho = p)` in R, which has the Fleming-Harrington weights with
/// `q = 0`.
#[must_use]
pub fn log_rank(table: &RiskTable, weights: TestWeights) -> LogRank {
    let mut sums = LogRank::of_groups(table.n_groups());
    let mut pooled = Pooled::default();
    for row in table.rows() {
        sums.add(row.at_risk, row.events, weights, &mut pooled);
    }
    sums
}

/// A number of subjects.
pub(crate) trait Count: Copy {
    fn number(self) -> f64;
}

impl Count for usize {
    fn number(self) -> f64 {
        self as f64
    }
}

impl Count for f64 {
    fn number(self) -> f64 {
        self
    }
}

/// Sums one stratum as if it held two of its groups alone.
pub(crate) fn log_rank_of_pair(
    table: &RiskTable,
    [first, second]: [usize; 2],
    weights: TestWeights,
) -> LogRank {
    let mut sums = LogRank::of_groups(2);
    let mut pooled = Pooled::default();
    let of_pair = |counts: &[usize]| [counts[first], counts[second]];
    for row in table.rows() {
        sums.add(&of_pair(row.at_risk), &of_pair(row.events), weights, &mut pooled);
    }
    sums
}

impl LogRank {
    /// Sums without events.
    pub(crate) fn of_groups(n_groups: usize) -> Self {
        Self {
            observed: vec![Sum::default(); n_groups],
            expected: vec![Sum::default(); n_groups],
            variance: vec![Sum::default(); n_groups * n_groups],
            is_compared: vec![false; n_groups],
        }
    }

    /// Sums of another test of the same form; `variance` is a full square of which the upper
    /// triangle is read.
    pub(crate) fn of_parts(
        observed: Vec<Sum>,
        expected: Vec<Sum>,
        variance: Vec<Sum>,
        is_compared: Vec<bool>,
    ) -> Self {
        Self { observed, expected, variance, is_compared }
    }

    /// Weighted number of observed events of each group.
    #[must_use]
    pub fn observed(&self) -> Vec<f64> {
        self.observed.iter().map(|sum| sum.value()).collect()
    }

    /// Weighted number of events of each group that equal hazards would give.
    #[must_use]
    pub fn expected(&self) -> Vec<f64> {
        self.expected.iter().map(|sum| sum.value()).collect()
    }

    /// Covariance of observed minus expected, row by row.
    #[must_use]
    pub fn variance(&self) -> Vec<Vec<f64>> {
        let n_groups = self.observed.len();
        let cell = |i: usize, k: usize| self.variance[i.min(k) * n_groups + i.max(k)].value();
        (0..n_groups).map(|i| (0..n_groups).map(|k| cell(i, k)).collect()).collect()
    }

    /// The statistic and its degrees of freedom.
    ///
    /// ```text
    /// χ² = (O - E)ᵀ V⁻ (O - E)
    /// ```
    ///
    /// Groups never at risk at an event are left out, and so is one of the others. What is left of
    /// `V` is singular where groups share no risk set; then the inverse is a generalised one and
    /// the rank of `V` gives the degrees of freedom. There is no statistic without events, with
    /// fewer than two groups at risk at events, and when `V` is 0.
    pub fn chi_squared(&self) -> (Estimate, usize) {
        let compared = match self.compared() {
            Ok(compared) => compared,
            Err(reason) => return (Err(reason), 0),
        };
        let rest = &compared[1..];
        let (observed, expected, variance) = (self.observed(), self.expected(), self.variance());
        let difference = rest.iter().map(|&i| observed[i] - expected[i]).collect();
        let covariance =
            rest.iter().map(|&i| rest.iter().map(|&k| variance[i][k]).collect()).collect();
        match quadratic_form(covariance, difference) {
            (_, 0) => (Err(NotEstimable::VarianceUndefined), rest.len()),
            (chi_squared, rank) => (Ok(chi_squared), rank),
        }
    }

    /// The groups at risk at an event, at least two of them, or why there is nothing to compare.
    pub(crate) fn compared(&self) -> Estimate<Vec<usize>> {
        let is_compared = |&group: &usize| self.is_compared[group];
        let compared: Vec<usize> = (0..self.is_compared.len()).filter(is_compared).collect();
        match compared.len() {
            0 => Err(NotEstimable::NoEvents),
            1 => Err(NotEstimable::TooFewGroups),
            _ => Ok(compared),
        }
    }

    /// Adds another stratum or site with the same groups.
    pub(crate) fn add_part(&mut self, part: Self) {
        let both = |into: &mut Vec<Sum>, from: Vec<Sum>| {
            into.iter_mut().zip(from).for_each(|(sum, term)| *sum += term.value());
        };
        both(&mut self.observed, part.observed);
        both(&mut self.expected, part.expected);
        both(&mut self.variance, part.variance);
        for (any, one) in self.is_compared.iter_mut().zip(part.is_compared) {
            *any |= one;
        }
    }

    /// Adds an event time.
    pub(crate) fn add<C: Count>(
        &mut self,
        at_risk: &[C],
        events: &[C],
        weights: TestWeights,
        pooled: &mut Pooled,
    ) {
        let total = |counts: &[C]| counts.iter().map(|count| count.number()).sum::<f64>();
        let (n, d) = (total(at_risk), total(events));
        if d == 0.0 {
            return;
        }
        let n_groups = self.observed.len();
        let weight = pooled.weight(weights, n, d);
        let spread = if n > 1.0 { weight * weight * d * (n - d) / (n - 1.0) } else { 0.0 };
        for (i, n_own) in at_risk.iter().map(|count| count.number()).enumerate() {
            if n_own == 0.0 {
                continue;
            }
            let share = n_own / n;
            self.is_compared[i] = true;
            self.observed[i] += weight * events[i].number();
            self.expected[i] += weight * d * share;
            self.variance[i * n_groups + i] += spread * share * ((n - n_own) / n);
            for (k, &n_other) in at_risk.iter().enumerate().skip(i + 1) {
                self.variance[i * n_groups + k] += -spread * share * (n_other.number() / n);
            }
        }
    }
}

/// Adds strata, or sites whose patients are strata of their own.
impl std::iter::Sum for LogRank {
    fn sum<I: Iterator<Item = Self>>(mut parts: I) -> Self {
        let mut total = parts.next().unwrap_or_default();
        parts.for_each(|part| total.add_part(part));
        total
    }
}

/// What the weights know of the pooled sample.
#[derive(Clone, Copy)]
pub(crate) struct Pooled {
    survival: f64,
    peto: f64,
}

impl Default for Pooled {
    /// Before the first event.
    fn default() -> Self {
        Self { survival: 1.0, peto: 1.0 }
    }
}

impl Pooled {
    /// Weight of `d` events among `n` at risk, `d` at most `n`; event times come in ascending order.
    pub(crate) fn weight(&mut self, weights: TestWeights, n: f64, d: f64) -> f64 {
        let survival_before = self.survival;
        self.survival *= (n - d) / n;
        self.peto *= (n + 1.0 - d) / (n + 1.0);
        match weights {
            TestWeights::LogRank => 1.0,
            TestWeights::GehanBreslow => n,
            TestWeights::TaroneWare => n.sqrt(),
            TestWeights::PetoPeto => self.peto,
            TestWeights::ModifiedPetoPeto => self.peto * n / (n + 1.0),
            TestWeights::FlemingHarrington { p, q } => {
                pow(survival_before, p) * pow(1.0 - survival_before, q)
            }
        }
    }
}

/// A pivot below this share of its diagonal element is rounding noise: the power 3/4 of the machine
/// epsilon, as in the Cholesky decomposition of `coxph` in R.
pub(crate) const SINGULAR_BELOW: f64 = 1.818_989_403_545_856_5e-12;

/// `uᵀ V⁻ u` and the rank of `V` by elimination; columns that depend on those before are skipped,
/// which leaves the value unchanged because `u` lies in the range of `V`.
fn quadratic_form(mut v: Vec<Vec<f64>>, mut u: Vec<f64>) -> (f64, usize) {
    let diagonal: Vec<f64> = (0..u.len()).map(|i| v[i][i]).collect();
    let (mut value, mut rank) = (Sum::default(), 0);
    for j in 0..u.len() {
        let pivot = v[j][j];
        if pivot <= SINGULAR_BELOW * diagonal[j] {
            continue;
        }
        rank += 1;
        value += u[j] * u[j] / pivot;
        for i in j + 1..u.len() {
            let factor = v[j][i] / pivot;
            u[i] -= factor * u[j];
            let (above, below) = v.split_at_mut(i);
            let cells = below[0].iter_mut().zip(&above[j]);
            cells.skip(i).for_each(|(cell, above)| *cell -= factor * above);
        }
    }
    (value.value(), rank)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::{Endpoint, RiskOrder};

    fn sums(time: &[f64], groups: &[u32], n_groups: usize, weights: TestWeights) -> LogRank {
        let endpoint = Endpoint::new(time.to_vec(), vec![true; time.len()]).unwrap();
        let order = RiskOrder::new(&endpoint, &vec![0; time.len()]);
        log_rank(&RiskTable::tally(&endpoint, &order, order.groups(), groups, n_groups), weights)
    }

    /// Deaths at 1 and 3 in one group, at 2 and 4 in the other: E = 1/2 + 1/3 + 1/2 and
    /// V = 1/4 + 2/9 + 1/4 for the first.
    #[test]
    fn four_deaths_by_hand() {
        let sums = sums(&[1.0, 3.0, 2.0, 4.0], &[0, 0, 1, 1], 2, TestWeights::LogRank);
        let (expected, variance) = (4.0 / 3.0, 13.0 / 18.0);
        assert_eq!(sums.observed(), [2.0, 2.0]);
        assert!((sums.expected()[0] - expected).abs() < 1e-15);
        assert!((sums.variance()[0][0] - variance).abs() < 1e-15);
        let (chi_squared, degrees_of_freedom) = sums.chi_squared();
        let want = (2.0 - expected) * (2.0 - expected) / variance;
        assert!((chi_squared.unwrap() - want).abs() < 1e-14);
        assert_eq!(degrees_of_freedom, 1);
    }

    /// At the four times: n = 4, 3, 2, 1; S before = 1, 3/4, 1/2, 1/4; Peto-Peto = 4/5, 3/5, 2/5, 1/5,
    /// modified times 4/5, 3/4, 2/3, 1/2.
    #[test]
    fn weights_by_hand() {
        let observed = |weights| sums(&[1.0, 2.0, 3.0, 4.0], &[0, 1, 2, 3], 4, weights).observed();
        assert_eq!(observed(TestWeights::GehanBreslow), [4.0, 3.0, 2.0, 1.0]);
        assert_eq!(observed(TestWeights::TaroneWare), [2.0, 3f64.sqrt(), 2f64.sqrt(), 1.0]);
        let early_and_late = observed(TestWeights::FlemingHarrington { p: 1.0, q: 1.0 });
        assert_eq!(early_and_late, [0.0, 0.1875, 0.25, 0.1875]);
        for (weights, want) in [
            (TestWeights::PetoPeto, [0.8, 0.6, 0.4, 0.2]),
            (TestWeights::ModifiedPetoPeto, [0.64, 0.45, 0.8 / 3.0, 0.1]),
        ] {
            for (got, want) in observed(weights).into_iter().zip(want) {
                assert!((got - want).abs() < 1e-15);
            }
        }
    }

    /// Three groups of which the last shares no risk set with the others: it carries no information.
    #[test]
    fn a_group_apart_costs_no_degree_of_freedom() {
        let (entry, time) =
            (vec![0.0, 0.0, 0.0, 0.0, 5.0, 5.0], vec![1.0, 2.0, 3.0, 4.0, 6.0, 7.0]);
        let endpoint = Endpoint::with_entry(entry, time, vec![true; 6]).unwrap();
        let order = RiskOrder::new(&endpoint, &[0; 6]);
        let table = RiskTable::tally(&endpoint, &order, order.groups(), &[0, 1, 0, 1, 2, 2], 3);
        let (chi_squared, degrees_of_freedom) =
            log_rank(&table, TestWeights::LogRank).chi_squared();
        let alone = sums(&[1.0, 2.0, 3.0, 4.0], &[0, 1, 0, 1], 2, TestWeights::LogRank);
        assert!((chi_squared.unwrap() - alone.chi_squared().0.unwrap()).abs() < 1e-14);
        assert_eq!(degrees_of_freedom, 1);
    }

    /// Pairs as strata give a sign test: (3 - 1)² / (3 + 1).
    #[test]
    fn matched_pairs_reduce_to_a_sign_test() {
        let pairs = [[0, 1], [0, 1], [0, 1], [1, 0]];
        let total: LogRank = pairs
            .into_iter()
            .map(|groups| sums(&[1.0, 2.0], &groups, 2, TestWeights::LogRank))
            .sum();
        assert_eq!(total.chi_squared(), (Ok(1.0), 1));
    }

    #[test]
    fn one_group_is_no_comparison() {
        let sums = sums(&[1.0, 2.0], &[0, 0], 2, TestWeights::LogRank);
        assert_eq!(sums.chi_squared(), (Err(NotEstimable::TooFewGroups), 0));
        assert_eq!(LogRank::of_groups(2).chi_squared(), (Err(NotEstimable::NoEvents), 0));
    }
}
