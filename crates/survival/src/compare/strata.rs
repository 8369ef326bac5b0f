//! The subjects of a comparison by stratum, summed for any test.

use super::design::Contributions;
use super::weighted_log_rank::{SampledTable, weighted_log_rank};
use super::{TestVariance, TestWeights};
use crate::log_rank::log_rank_of_pair;
use crate::{LogRank, RiskTable, log_rank};
use cohort::{Categories, Endpoint, Groups, RiskOrder, TieGroup};
use std::cell::OnceCell;

/// Subjects with their strata, groups and weights.
pub(crate) struct Strata<'a> {
    endpoint: &'a Endpoint,
    strata: &'a Groups,
    levels: &'a Categories,
    /// Made when a test needs it; counts need no order.
    order: OnceCell<RiskOrder>,
    /// Sampling weights; absent when every subject counts once.
    weights: Option<&'a [f64]>,
    variance: TestVariance,
}

/// The subjects of a stratum by the time at which they leave, with their counts and sums of weights.
pub(crate) type StratumTable<'a> = (&'a [TieGroup], SampledTable);

impl<'a> Strata<'a> {
    /// `strata`, `levels` and `weights` hold one entry per subject.
    pub fn new(
        endpoint: &'a Endpoint,
        strata: &'a Groups,
        levels: &'a Categories,
        weights: Option<&'a [f64]>,
        variance: TestVariance,
    ) -> Self {
        Self { endpoint, strata, levels, order: OnceCell::new(), weights, variance }
    }

    /// Sums the test of all groups over the strata.
    pub fn log_rank(&self, test: TestWeights) -> LogRank {
        match (self.variance, self.weights) {
            (TestVariance::Design, _) => {
                let tables: Vec<StratumTable> = self.sampled_tables().collect();
                let all: Vec<usize> = (0..self.levels.levels.len()).collect();
                Contributions::new(self, &tables, &all, test).log_rank()
            }
            (TestVariance::Hypergeometric, Some(_)) => {
                self.sampled_tables().map(|(_, table)| weighted_log_rank(&table, test)).sum()
            }
            (TestVariance::Hypergeometric, None) => {
                self.tables().map(|table| log_rank(&table, test)).sum()
            }
        }
    }

    /// Sums the test of each pair as if there were no other groups.
    pub fn log_ranks_of_pairs(&self, pairs: &[[usize; 2]], test: TestWeights) -> Vec<LogRank> {
        let mut totals = vec![LogRank::of_groups(2); pairs.len()];
        let mut each = |sums: &dyn Fn([usize; 2]) -> LogRank| {
            totals.iter_mut().zip(pairs).for_each(|(total, &pair)| total.add_part(sums(pair)));
        };
        match (self.variance, self.weights) {
            (TestVariance::Design, _) => {
                let tables: Vec<StratumTable> = self.sampled_tables().collect();
                each(&|pair| Contributions::new(self, &tables, &pair, test).log_rank());
            }
            (TestVariance::Hypergeometric, Some(_)) => {
                self.sampled_tables().for_each(|(_, table)| {
                    each(&|pair| weighted_log_rank(&table.of_groups(&pair), test));
                })
            }
            (TestVariance::Hypergeometric, None) => self.tables().for_each(|table| {
                each(&|pair| log_rank_of_pair(&table, pair, test));
            }),
        }
        totals
    }

    /// How variances are estimated.
    pub fn variance(&self) -> TestVariance {
        self.variance
    }

    /// Whether subjects have sampling weights.
    pub fn is_weighted(&self) -> bool {
        self.weights.is_some()
    }

    /// The counts of each stratum.
    pub fn tables(&self) -> impl Iterator<Item = RiskTable> {
        let groups = Groups::from(self.levels);
        RiskTable::by_stratum(self.endpoint, self.strata, &groups).into_iter()
    }

    /// Each stratum with its counts and sums of weights, which are 1 without sampling weights.
    pub fn sampled_tables(&self) -> impl Iterator<Item = StratumTable<'_>> {
        let ones = self.weights.is_none().then(|| vec![1.0; self.endpoint.len()]);
        self.order().strata().map(move |stratum| {
            let weights = self.weights.or(ones.as_deref()).unwrap_or_default();
            let groups = (&self.levels.codes[..], self.levels.levels.len());
            (stratum, SampledTable::tally(self.endpoint, self.order(), stratum, groups, weights))
        })
    }

    fn order(&self) -> &RiskOrder {
        self.order.get_or_init(|| match self.strata.codes() {
            Some(strata) => RiskOrder::new(self.endpoint, strata),
            None => RiskOrder::new(self.endpoint, &vec![0; self.endpoint.len()]),
        })
    }

    /// The subject at a position of the risk order.
    pub fn subject_at(&self, position: usize) -> usize {
        self.order().order()[position] as usize
    }

    /// Group of a subject.
    pub fn group(&self, subject: usize) -> usize {
        self.levels.codes[subject] as usize
    }

    /// Weight of a subject.
    pub fn weight(&self, subject: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[subject])
    }

    /// Time at which a subject enters; none without late entry.
    pub fn entry(&self, subject: usize) -> Option<f64> {
        self.endpoint.entry().map(|entry| entry[subject])
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Levels named by their number.
    pub(crate) fn levels(codes: &[u32], n_levels: u32) -> Categories {
        let levels = (0..n_levels).map(|level| level.to_string()).collect();
        Categories { levels, codes: codes.to_vec().into() }
    }
}
