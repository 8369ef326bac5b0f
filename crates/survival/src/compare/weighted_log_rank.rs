//! The log-rank test of subjects with sampling weights.

use crate::log_rank::Pooled;
use crate::{LogRank, RiskTable, TestWeights};
use cohort::{Endpoint, RiskOrder, TieGroup};
use numerics::sum::Sum;

/// Counts and sums of weights at every distinct time at which somebody's follow-up ends, by group.
pub(crate) struct SampledTable {
    n_groups: usize,
    times: Vec<f64>,
    /// Numbers of subjects at risk and of events; this and the sums hold `n_groups` numbers for each
    /// time.
    n_at_risk: Vec<usize>,
    n_events: Vec<usize>,
    /// Sums of the weights of those at risk, of their squares, and of the weights of the events.
    at_risk: Vec<f64>,
    squares: Vec<f64>,
    events: Vec<f64>,
}

/// Counts and sums at one time, one number per group.
#[derive(Clone, Copy)]
pub(crate) struct SampledRow<'a> {
    pub n_at_risk: &'a [usize],
    pub n_events: &'a [usize],
    pub at_risk: &'a [f64],
    pub squares: &'a [f64],
    pub events: &'a [f64],
}

impl SampledTable {
    /// Sums the subjects of one stratum, as [`RiskTable::tally`] counts them; `weights` holds a
    /// positive number for every subject.
    pub fn tally(
        endpoint: &Endpoint,
        order: &RiskOrder,
        stratum: &[TieGroup],
        (groups, n_groups): (&[u32], usize),
        weights: &[f64],
    ) -> Self {
        let counts = RiskTable::tally(endpoint, order, stratum, groups, n_groups);
        let mut table = Self {
            n_groups,
            times: counts.rows().map(|row| row.time).collect(),
            n_at_risk: counts.rows().flat_map(|row| row.at_risk).copied().collect(),
            n_events: counts.rows().flat_map(|row| row.events).copied().collect(),
            at_risk: vec![0.0; stratum.len() * n_groups],
            squares: vec![0.0; stratum.len() * n_groups],
            events: vec![0.0; stratum.len() * n_groups],
        };
        table.sum_weights(endpoint, order, stratum, groups, weights);
        table
    }

    /// Goes back in time: whoever leaves at `t` or later has not entered at `t` or later.
    fn sum_weights(
        &mut self,
        endpoint: &Endpoint,
        order: &RiskOrder,
        stratum: &[TieGroup],
        groups: &[u32],
        weights: &[f64],
    ) {
        let subject_at = |position: usize| order.order()[position] as usize;
        let entries =
            late_entries(endpoint, stratum.iter().flat_map(TieGroup::all).map(subject_at));
        let mut entries = entries.into_iter().peekable();
        let mut totals = vec![(Sum::default(), Sum::default()); self.n_groups];
        for (row, tied) in stratum.iter().enumerate().rev() {
            let first = row * self.n_groups;
            for subject in tied.all().map(subject_at) {
                let (group, weight) = (groups[subject] as usize, weights[subject]);
                totals[group].0 += weight;
                totals[group].1 += weight * weight;
            }
            for subject in tied.events.clone().map(subject_at) {
                self.events[first + groups[subject] as usize] += weights[subject];
            }
            while let Some((_, subject)) = entries.next_if(|late| late.0 >= tied.time) {
                let (group, weight) = (groups[subject] as usize, weights[subject]);
                totals[group].0 += -weight;
                totals[group].1 += -(weight * weight);
            }
            for (group, total) in totals.iter().enumerate() {
                // Where nobody is left, what is left of the sums is rounding.
                if self.n_at_risk[first + group] > 0 {
                    self.at_risk[first + group] = total.0.value();
                    self.squares[first + group] = total.1.value();
                }
            }
        }
    }

    /// The table of some of the groups alone.
    pub fn of_groups(&self, groups: &[usize]) -> Self {
        Self {
            n_groups: groups.len(),
            times: self.times.clone(),
            n_at_risk: picked(&self.n_at_risk, self.n_groups, groups),
            n_events: picked(&self.n_events, self.n_groups, groups),
            at_risk: picked(&self.at_risk, self.n_groups, groups),
            squares: picked(&self.squares, self.n_groups, groups),
            events: picked(&self.events, self.n_groups, groups),
        }
    }

    /// The distinct times, ascending.
    /// Number of groups.
    pub fn n_groups(&self) -> usize {
        self.n_groups
    }

    /// The distinct times, ascending.
    pub fn times(&self) -> &[f64] {
        &self.times
    }

    /// Counts and sums in ascending order of time.
    pub fn rows(&self) -> impl Iterator<Item = SampledRow<'_>> {
        (0..self.times.len()).map(|row| {
            let cells = row * self.n_groups..(row + 1) * self.n_groups;
            SampledRow {
                n_at_risk: &self.n_at_risk[cells.clone()],
                n_events: &self.n_events[cells.clone()],
                at_risk: &self.at_risk[cells.clone()],
                squares: &self.squares[cells.clone()],
                events: &self.events[cells],
            }
        })
    }
}

impl SampledRow<'_> {
    /// Sums of the weights at risk and of the events in all groups, the second at most the first.
    pub fn totals(&self) -> (f64, f64) {
        let n: f64 = self.at_risk.iter().sum();
        (n, self.events.iter().sum::<f64>().min(n))
    }

    /// Whether there is an event.
    pub fn has_events(&self) -> bool {
        self.n_events.iter().any(|&count| count > 0)
    }

    /// Covariance of the weighted events of two groups, given the number of events of all.
    pub fn covariance(&self, i: usize, k: usize) -> f64 {
        let n = self.n_at_risk.iter().sum::<usize>() as f64;
        let d = self.n_events.iter().sum::<usize>() as f64;
        let spread = if n > 1.0 { d * (n - d) / (n * (n - 1.0)) } else { 0.0 };
        let total = self.totals().0;
        let (share_i, share_k) = (self.at_risk[i] / total, self.at_risk[k] / total);
        let (own_i, own_k) = (self.squares[i], self.squares[k]);
        let all: f64 = self.squares.iter().sum();
        let squares = if i == k {
            own_i * (1.0 - share_i) * (1.0 - share_i) + (all - own_i) * share_i * share_i
        } else {
            (all - own_i - own_k) * share_i * share_k
                - own_i * (1.0 - share_i) * share_k
                - own_k * (1.0 - share_k) * share_i
        };
        spread * squares
    }
}

/// Time of entry and subject, latest first; none without late entry.
fn late_entries(endpoint: &Endpoint, subjects: impl Iterator<Item = usize>) -> Vec<(f64, usize)> {
    let Some(entry) = endpoint.entry() else { return Vec::new() };
    let mut entries: Vec<(f64, usize)> =
        subjects.map(|subject| (entry[subject], subject)).collect();
    entries.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    entries
}

/// Some columns of a table with so many in each row.
fn picked<T: Copy>(cells: &[T], n_columns: usize, columns: &[usize]) -> Vec<T> {
    cells.chunks(n_columns).flat_map(|row| columns.iter().map(|&column| row[column])).collect()
}

/// Sums one stratum of subjects with sampling weights.
///
/// ```text
/// O_i  = Σ w_j d_ij                  d_ij  weights of the events of group i at t_j
/// E_i  = Σ w_j d_j n_ij / n_j        n_ij  weights of those at risk, d_j and n_j of all groups
/// V_ik = Σ w_j² D_j (N_j - D_j) / (N_j (N_j - 1))
///          Σ_l c_l² ([l in i] - n_ij / n_j) ([l in k] - n_kj / n_j)
/// ```
///
/// over the event times `t_j`, where `D` and `N` count events and subjects at risk, and the inner
/// sum goes over the subjects `l` at risk with their weights `c_l`: the variance of the weighted
/// events when `D_j` of the `N_j` have one, each set of `D_j` being equally likely. With weights of 1
/// it is that of [`crate::log_rank`]. A factor common to all weights leaves every test alone. The
/// weights `w_j` of the events are 1 or those of Fleming and Harrington with the weighted
/// Kaplan-Meier estimate of the stratum; those by the size of the risk set have no meaning here,
/// since a sum of weights is no size.
///
/// Xie and Liu (2005), Stat. Med. 24:3089-3110, for two groups and weights of 1.
pub(crate) fn weighted_log_rank(table: &SampledTable, weights: TestWeights) -> LogRank {
    let n_groups = table.n_groups;
    let mut observed = vec![Sum::default(); n_groups];
    let mut expected = observed.clone();
    let mut variance = vec![Sum::default(); n_groups * n_groups];
    let mut is_compared = vec![false; n_groups];
    let mut pooled = Pooled::default();
    for row in table.rows().filter(SampledRow::has_events) {
        let (n, d) = row.totals();
        let weight = pooled.weight(weights, n, d);
        for i in 0..n_groups {
            is_compared[i] |= row.n_at_risk[i] > 0;
            observed[i] += weight * row.events[i];
            expected[i] += weight * d * (row.at_risk[i] / n);
            for k in i..n_groups {
                variance[i * n_groups + k] += weight * weight * row.covariance(i, k);
            }
        }
    }
    LogRank::of_parts(observed, expected, variance, is_compared)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_rank;

    fn endpoint() -> Endpoint {
        Endpoint::with_entry(
            vec![0.0, 0.0, 0.0, 0.0, 1.0],
            vec![1.0, 2.0, 2.0, 3.0, 3.0],
            vec![true, true, false, true, false],
        )
        .unwrap()
    }

    fn sums(weights: &[f64], test: TestWeights) -> LogRank {
        let endpoint = endpoint();
        let order = RiskOrder::new(&endpoint, &[0; 5]);
        let groups = (&[0, 1, 0, 0, 1][..], 2);
        weighted_log_rank(
            &SampledTable::tally(&endpoint, &order, order.groups(), groups, weights),
            test,
        )
    }

    /// At 1 the weights at risk are 1 + 3 + 4 and 2, at 2 they are 3 + 4 and 2 + 5, at 3 they are 4
    /// and 5: the last subject enters at 1 and is not at risk then. The events weigh 1, 2 and 4, so
    /// the second group expects 1 · 2/10 + 2 · 7/14 + 4 · 5/9. Each time has one event, so that the
    /// variance is the sum of the squares over the number at risk: (26 · 0.2² + 4 · 0.8²) / 4 +
    /// (25 · 0.5² + 29 · 0.5²) / 4 + (16 · (5/9)² + 25 · (4/9)²) / 2.
    #[test]
    fn three_events_by_hand() {
        let sums = sums(&[1.0, 2.0, 3.0, 4.0, 5.0], TestWeights::LogRank);
        assert_eq!(sums.observed(), [5.0, 2.0]);
        assert!((sums.expected()[1] - (0.2 + 1.0 + 20.0 / 9.0)).abs() < 1e-14);
        let variance = 3.6 / 4.0 + 13.5 / 4.0 + 800.0 / 162.0;
        assert!((sums.variance()[1][1] - variance).abs() < 1e-13);
        assert!((sums.variance()[0][1] + variance).abs() < 1e-13);
    }

    #[test]
    fn weights_of_1_give_the_plain_test() {
        let test = TestWeights::FlemingHarrington { p: 1.0, q: 1.0 };
        let endpoint = endpoint();
        let order = RiskOrder::new(&endpoint, &[0; 5]);
        let table = RiskTable::tally(&endpoint, &order, order.groups(), &[0, 1, 0, 0, 1], 2);
        let (weighted, plain) = (sums(&[1.0; 5], test), log_rank(&table, test));
        assert_eq!(weighted.observed(), plain.observed());
        assert_eq!(weighted.expected(), plain.expected());
        assert!((weighted.variance()[0][0] - plain.variance()[0][0]).abs() < 1e-15);
    }

    #[test]
    fn some_groups_are_the_table_of_their_subjects() {
        let endpoint = endpoint();
        let order = RiskOrder::new(&endpoint, &[0; 5]);
        let groups = (&[2, 1, 2, 2, 0][..], 3);
        let table = SampledTable::tally(
            &endpoint,
            &order,
            order.groups(),
            groups,
            &[1.0, 2.0, 3.0, 4.0, 5.0],
        );
        let pair = table.of_groups(&[1, 2]);
        let at_risk: Vec<Vec<f64>> = pair.rows().map(|row| row.at_risk.to_vec()).collect();
        assert_eq!(at_risk, [[2.0, 8.0], [2.0, 7.0], [0.0, 4.0]]);
    }
}
