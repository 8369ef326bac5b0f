//! The subjects of a comparison by stratum, summed for any test.

use super::design::Contributions;
use super::weighted_log_rank::{SampledTable, weighted_log_rank};
use super::{TestVariance, TestWeights};
use crate::log_rank::log_rank_of_pair;
use crate::{LogRank, RiskTable, log_rank};
use cohort::{Endpoint, RiskOrder, TieGroup};

/// Subjects in risk order with their groups and weights.
pub(crate) struct Strata<'a> {
    endpoint: &'a Endpoint,
    order: RiskOrder,
    groups: &'a [u32],
    n_groups: usize,
    /// Sampling weights; absent when every subject counts once.
    weights: Option<&'a [f64]>,
    variance: TestVariance,
}

/// The subjects of a stratum by the time at which they leave, with their counts and sums of weights.
pub(crate) type StratumTable<'a> = (&'a [TieGroup], SampledTable);

impl<'a> Strata<'a> {
    /// `groups`, `strata` and `weights` hold one entry per subject, groups below `n_groups`.
    pub fn new(
        endpoint: &'a Endpoint,
        strata: &[u32],
        (groups, n_groups): (&'a [u32], usize),
        weights: Option<&'a [f64]>,
        variance: TestVariance,
    ) -> Self {
        let order = RiskOrder::new(endpoint, strata);
        Self { endpoint, order, groups, n_groups, weights, variance }
    }

    /// Sums the test of all groups over the strata.
    pub fn log_rank(&self, test: TestWeights) -> LogRank {
        match (self.variance, self.weights) {
            (TestVariance::Design, _) => {
                let tables: Vec<StratumTable> = self.sampled_tables().collect();
                let all: Vec<usize> = (0..self.n_groups).collect();
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
        let tally = |stratum| {
            RiskTable::tally(self.endpoint, &self.order, stratum, self.groups, self.n_groups)
        };
        self.order.strata().map(tally)
    }

    /// Each stratum with its counts and sums of weights, which are 1 without sampling weights.
    pub fn sampled_tables(&self) -> impl Iterator<Item = StratumTable<'_>> {
        let ones = self.weights.is_none().then(|| vec![1.0; self.groups.len()]);
        self.order.strata().map(move |stratum| {
            let weights = self.weights.or(ones.as_deref()).unwrap_or_default();
            let groups = (self.groups, self.n_groups);
            (stratum, SampledTable::tally(self.endpoint, &self.order, stratum, groups, weights))
        })
    }

    /// The subject at a position of the risk order.
    pub fn subject_at(&self, position: usize) -> usize {
        self.order.order()[position] as usize
    }

    /// Group of a subject.
    pub fn group(&self, subject: usize) -> usize {
        self.groups[subject] as usize
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
