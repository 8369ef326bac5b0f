//! The log-rank test with a variance from what each subject contributes.

use super::strata::{Strata, StratumTable};
use super::weighted_log_rank::{SampledRow, SampledTable};
use crate::log_rank::Pooled;
use crate::{LogRank, TestWeights};
use numerics::sum::{Sum, sum};

/// What the subjects of some groups contribute to observed minus expected events.
pub(crate) struct Contributions {
    /// Observed events of each group, weighted.
    pub observed: Vec<Sum>,
    /// For each group what each subject contributes to observed minus expected.
    pub columns: Vec<Vec<f64>>,
    /// Whether somebody of the group was at risk at the time of an event.
    pub is_compared: Vec<bool>,
}

impl Contributions {
    /// Contributions of the subjects of these groups, as if there were no others.
    ///
    /// ```text
    /// u_li = c_l (∫ w(t) ([l in i] - p_i(t)) dN_l(t) - ∫ w(t) Y_l(t) ([l in i] - p_i(t)) dΛ(t))
    /// ```
    ///
    /// for subject `l` with case weight `c_l` and group `i`, where `p_i` is the weighted share of the
    /// group in the risk set, `dΛ` the weighted hazard and `w` the weight of the events. Where
    /// events are tied, `p` and `dΛ` are those of Efron: the tied events leave the risk set one by
    /// one, each with the mean weight of all, and `p` is the mean over these steps.
    ///
    /// `tables` are those of the strata.
    pub fn new(
        strata: &Strata,
        tables: &[StratumTable],
        among: &[usize],
        weights: TestWeights,
    ) -> Self {
        let mut contributions = Self {
            observed: vec![Sum::default(); among.len()],
            columns: vec![Vec::new(); among.len()],
            is_compared: vec![false; among.len()],
        };
        for (stratum, table) in tables {
            let table = table.of_groups(among);
            for row in table.rows().filter(SampledRow::has_events) {
                for (is_compared, &n) in contributions.is_compared.iter_mut().zip(row.n_at_risk) {
                    *is_compared |= n > 0;
                }
            }
            let path = Path::new(&table, weights);
            for (row, tied) in stratum.iter().enumerate() {
                let subjects = tied
                    .all()
                    .map(|position| (strata.subject_at(position), tied.events.contains(&position)));
                for (subject, has_event) in subjects {
                    let own = among.iter().position(|&group| group == strata.group(subject));
                    if let Some(own) = own {
                        contributions.add(strata, &path, (row, has_event), (subject, own));
                    }
                }
            }
        }
        contributions
    }

    /// Adds a subject of the group `own`, which leaves at the time of a row.
    fn add(
        &mut self,
        strata: &Strata,
        path: &Path,
        (row, has_event): (usize, bool),
        (subject, own): (usize, usize),
    ) {
        let (weight, entry) = (strata.weight(subject), strata.entry(subject));
        for (group, column) in self.columns.iter_mut().enumerate() {
            column.push(weight * path.contribution(row, has_event, entry, (group, own)));
        }
        if has_event {
            self.observed[own] += weight * path.weights[row];
        }
    }

    /// Observed and expected events with the covariance of the total of the contributions.
    pub fn log_rank(self) -> LogRank {
        let mut expected = self.observed.clone();
        for (sum, column) in expected.iter_mut().zip(&self.columns) {
            column.iter().for_each(|contribution| *sum += -contribution);
        }
        let variance = covariance(&self.columns).concat();
        let variance = variance.into_iter().map(|cell| Sum::from_iter([cell])).collect();
        LogRank::of_parts(self.observed, expected, variance, self.is_compared)
    }
}

/// Covariance of the totals of some columns over a sample of independent subjects.
///
/// ```text
/// n / (n - 1) Σ (u - ū) (u - ū)ᵀ
/// ```
///
/// Same as `vcov(svytotal(u, svydesign(ids = ~1, weights = ~c)))` of `survey` in R, with weights
/// that are in the columns already; 0 for a single subject.
pub(crate) fn covariance(columns: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let n = columns.first().map_or(0, Vec::len) as f64;
    let deviations: Vec<Vec<f64>> = columns.iter().map(|column| deviations(column)).collect();
    let cell = |i: usize, k: usize| {
        let products = sum(deviations[i].iter().zip(&deviations[k]).map(|(a, b)| a * b));
        if n > 1.0 { n / (n - 1.0) * products } else { 0.0 }
    };
    (0..columns.len()).map(|i| (0..columns.len()).map(|k| cell(i, k)).collect()).collect()
}

/// What each number of a column differs from their mean, without rounding noise: where all subjects
/// contribute alike there is no variance.
fn deviations(column: &[f64]) -> Vec<f64> {
    let mean = sum(column.iter().copied()) / column.len() as f64;
    let largest = column.iter().fold(0.0, |largest: f64, number| largest.max(number.abs()));
    column.iter().map(|number| settled(number - mean, largest)).collect()
}

/// A difference of numbers of this size; 0 when it is but what rounding leaves of them.
fn settled(difference: f64, size: f64) -> f64 {
    if difference.abs() > NOISE * size { difference } else { 0.0 }
}

/// Sums of many terms keep so many digits of the largest.
const NOISE: f64 = 1e-12;

/// The integrals up to each time of a stratum.
struct Path<'a> {
    times: &'a [f64],
    /// Weight of the events at each time, and the shares of the groups there.
    weights: Vec<f64>,
    shares: Vec<Vec<f64>>,
    /// Before the first time and after each.
    integrals: Vec<Integrals>,
}

/// `∫ w dΛ` and, for each group, `∫ w p dΛ` up to a time.
#[derive(Clone)]
struct Integrals {
    hazard: f64,
    shares: Vec<f64>,
}

impl<'a> Path<'a> {
    fn new(table: &'a SampledTable, test: TestWeights) -> Self {
        let k = table.n_groups();
        let mut pooled = Pooled::default();
        let mut sums = vec![Sum::default(); k + 1];
        let none = Integrals { hazard: 0.0, shares: vec![0.0; k] };
        let (mut weights, mut shares, mut integrals) = (Vec::new(), Vec::new(), vec![none.clone()]);
        for row in table.rows() {
            let (mut weight, mut share, mut hazard) = (0.0, vec![0.0; k], 0.0);
            if row.has_events() {
                let (n, d) = row.totals();
                weight = pooled.weight(test, n, d);
                (share, hazard) = efron(&row);
            }
            sums[k] += weight * hazard;
            for (sum, share) in sums.iter_mut().zip(&share) {
                *sum += weight * share * hazard;
            }
            let values: Vec<f64> = sums.iter().map(|sum| sum.value()).collect();
            integrals.push(Integrals { hazard: values[k], shares: values[..k].to_vec() });
            weights.push(weight);
            shares.push(share);
        }
        Self { times: table.times(), weights, shares, integrals }
    }

    /// What a subject of the group `own` contributes to `group` when it leaves at the time of a row.
    fn contribution(
        &self,
        row: usize,
        has_event: bool,
        entry: Option<f64>,
        (group, own): (usize, usize),
    ) -> f64 {
        let is_own = if group == own { 1.0 } else { 0.0 };
        let passed = entry.map_or(0, |entry| self.times.partition_point(|&time| time <= entry));
        let (from, to) = (&self.integrals[passed], &self.integrals[row + 1]);
        let hazard = is_own * (to.hazard - from.hazard) - (to.shares[group] - from.shares[group]);
        let jump = self.weights[row] * (is_own - self.shares[row][group]);
        let contribution = if has_event { jump - hazard } else { -hazard };
        settled(contribution, self.weights[row] + to.hazard)
    }
}

/// Shares of the groups in the risk set and the hazard, by Efron's steps through tied events.
fn efron(row: &SampledRow) -> (Vec<f64>, f64) {
    let m = row.n_events.iter().sum::<usize>();
    let (n, d) = row.totals();
    let (mut shares, mut hazard) = (vec![Sum::default(); row.at_risk.len()], Sum::default());
    for step in 0..m {
        let gone = step as f64 / m as f64;
        let left = n - gone * d;
        hazard += d / m as f64 / left;
        for (group, share) in shares.iter_mut().enumerate() {
            *share += (row.at_risk[group] - gone * row.events[group]) / left / m as f64;
        }
    }
    (shares.iter().map(|share| share.value()).collect(), hazard.value())
}

#[cfg(test)]
mod tests {
    use super::super::TestVariance;
    use super::*;
    use crate::compare::strata::tests::levels;
    use cohort::{Endpoint, Groups};

    fn contributions(
        endpoint: &Endpoint,
        groups: &[u32],
        weights: Option<&[f64]>,
    ) -> Contributions {
        let (one, levels) = (Groups::one(), levels(groups, 2));
        let strata = Strata::new(endpoint, &one, &levels, weights, TestVariance::Design);
        let tables: Vec<StratumTable> = strata.sampled_tables().collect();
        Contributions::new(&strata, &tables, &[0, 1], TestWeights::LogRank)
    }

    /// Deaths at 1 and 3 in the first group, at 2 and 4 in the second, whose share of the risk set is
    /// 1/2, 2/3, 1/2 and 1; the hazard is 1/4, 1/3, 1/2 and 1. In units of 1/72 the contributions to
    /// the second are -36 + 9, 24 - (42 - 25), -36 + 43 and 0 - (150 - 115): their total is that of
    /// the log-rank test, -2/3, and their squared deviations add up to 1476.
    #[test]
    fn four_deaths_by_hand() {
        let time = vec![1.0, 3.0, 2.0, 4.0];
        let endpoint = Endpoint::new(time, vec![true; 4]).unwrap();
        let contributions = contributions(&endpoint, &[0, 0, 1, 1], None);
        for (got, want) in contributions.columns[1].iter().zip([-27.0, 7.0, 7.0, -35.0]) {
            assert!((got - want / 72.0).abs() < 1e-15);
        }
        let sums = contributions.log_rank();
        assert_eq!(sums.observed(), [2.0, 2.0]);
        assert!((sums.expected()[1] - 8.0 / 3.0).abs() < 1e-15);
        let variance = 4.0 / 3.0 * 1476.0 / (72.0 * 72.0);
        assert!((sums.variance()[1][1] - variance).abs() < 1e-15);
    }

    /// `svylogrank(Surv(time, event) ~ group, svydesign(ids = ~1, weights = ~w))` of `survey`: the
    /// score and its standard error.
    #[test]
    fn ties_agree_with_r() {
        let time = vec![1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 4.0, 5.0];
        let event = [1, 1, 1, 0, 1, 1, 0, 1].map(|code| code == 1).to_vec();
        let endpoint = Endpoint::new(time, event).unwrap();
        let weights = [0.5, 2.0, 1.5, 1.0, 3.0, 0.7, 1.2, 0.9];
        let sums = contributions(&endpoint, &[0, 1, 0, 1, 1, 0, 1, 0], Some(&weights)).log_rank();
        let score = sums.observed()[1] - sums.expected()[1];
        assert!((score + 0.472_154_509_981_898).abs() < 1e-14);
        let standard_error = sums.variance()[1][1].sqrt();
        assert!((standard_error - 1.263_732_256_140_320_8).abs() < 1e-14);
    }

    /// A death in each group: both subjects contribute -1/4 to the first to die, times the weight.
    #[test]
    fn equal_contributions_have_no_spread() {
        let endpoint = Endpoint::new(vec![1.0, 2.0], vec![true; 2]).unwrap();
        let weights = [0.3, 0.3];
        let sums = contributions(&endpoint, &[0, 1], Some(&weights)).log_rank();
        assert_eq!(sums.chi_squared().0, Err(cohort::NotEstimable::VarianceUndefined));
        assert_eq!(covariance(&[vec![3.0]]), [[0.0]]);
    }
}
