//! Harrell's concordance with its infinitesimal-jackknife standard error, in time `O(n log n)`.

use crate::Concordance;
use crate::risk_sets::RiskSets;
use cohort::{Estimate, NotEstimable};
use numerics::radix;

/// How well the linear predictor `eta` (one per position) orders the events.
///
/// A pair is a subject with an event and one at risk then whose follow-up goes on, or ends there
/// without an event; pairs are formed within strata. It is concordant when the event has the higher
/// `eta`, and equal `eta` counts one half. Pairs of events at one time are counted but not used.
///
/// ```text
/// C = (concordant + tied/2) / N      SE² = Σ_clusters [ Σ_i w_i (c_i + t_i/2 - C n_i) / N ]²
/// ```
///
/// A pair counts by the product of its case weights `w`, which are 1 without any. `c_i`, `t_i` and
/// `n_i` sum the weights of those with whom `i` makes a pair, as event or as comparison.
/// `clusters` holds an index per position; without it everyone is a cluster of its own. One cluster
/// alone leaves the error undefined.
///
/// Harrell et al. (1982), J. Am. Med. Assoc. 247:2543-2546; Therneau and Watson (2015), Mayo
/// Clinic technical report 85. Same as `concordance(fit)` in R.
pub(crate) fn concordance(sets: &RiskSets, eta: &[f64], clusters: Option<&[u32]>) -> Concordance {
    let mut count = PairCount::new(sets, eta);
    for stratum in sets.strata() {
        count.events_against_later(stratum.clone());
        count.later_against_events(stratum.clone());
    }
    let [concordant, discordant, tied_risk] = count.totals;
    let n_pairs = concordant + discordant + tied_risk;
    let value = if n_pairs > 0.0 {
        Ok((concordant + 0.5 * tied_risk) / n_pairs)
    } else {
        Err(NotEstimable::NoEvents)
    };
    let error = |clusters: Option<&[u32]>| -> Estimate {
        match clusters.map(n_clusters) {
            Some(0..2) => value.and(Err(NotEstimable::VarianceUndefined)),
            _ => Ok(jackknife_error(sets, &count.by_position, value?, clusters) / n_pairs),
        }
    };
    Concordance {
        value,
        standard_error: error(None),
        robust_standard_error: clusters.map(|clusters| error(Some(clusters))),
        concordant,
        discordant,
        tied_risk,
        tied_time: count.tied_time,
        tied_both: count.tied_both,
    }
}

/// `N` times the standard error.
fn jackknife_error(
    sets: &RiskSets,
    by_position: &[[f64; 3]],
    value: f64,
    clusters: Option<&[u32]>,
) -> f64 {
    let influence = |position: usize| {
        let [concordant, discordant, tied] = by_position[position];
        let own = concordant + 0.5 * tied - value * (concordant + discordant + tied);
        sets.weight(position) * own
    };
    let Some(clusters) = clusters else {
        let squares = (0..by_position.len()).map(|position| influence(position).powi(2));
        return squares.sum::<f64>().sqrt();
    };
    let mut by_cluster = vec![0.0; n_clusters(clusters)];
    for (position, &cluster) in clusters.iter().enumerate() {
        by_cluster[cluster as usize] += influence(position);
    }
    by_cluster.iter().map(|sum| sum * sum).sum::<f64>().sqrt()
}

fn n_clusters(clusters: &[u32]) -> usize {
    clusters.iter().max().map_or(0, |&last| last as usize + 1)
}

/// Counts of concordant, discordant and risk-tied pairs.
struct PairCount<'a> {
    sets: &'a RiskSets<'a>,
    /// Rank of `eta` from 0; equal values share a rank.
    rank: Vec<usize>,
    tree: CountTree,
    totals: [f64; 3],
    by_position: Vec<[f64; 3]>,
    tied_time: f64,
    tied_both: f64,
}

impl<'a> PairCount<'a> {
    fn new(sets: &'a RiskSets<'a>, eta: &[f64]) -> Self {
        // Equal rows have equal bits, so that equal risks are equal numbers.
        let order = radix::order_by_key(eta.len(), |position| radix::key_of(eta[position]));
        let same = |a: &u32, b: &u32| eta[*a as usize] == eta[*b as usize];
        let (mut rank, mut n_ranks) = (vec![0; eta.len()], 0);
        for tied in order.chunk_by(same) {
            tied.iter().for_each(|&position| rank[position as usize] = n_ranks);
            n_ranks += 1;
        }
        Self {
            sets,
            rank,
            tree: CountTree::new(n_ranks),
            totals: [0.0; 3],
            by_position: vec![[0.0; 3]; eta.len()],
            tied_time: 0.0,
            tied_both: 0.0,
        }
    }

    /// Backwards in time, the tree holds those still at risk after each event.
    fn events_against_later(&mut self, stratum: std::ops::Range<usize>) {
        let first_group = self.sets.first_groups().unwrap_or_default();
        let mut entering = self.sets.by_entry(&self.sets.positions(&stratum));
        self.tree.clear();
        for index in stratum.rev() {
            let group = &self.sets.groups()[index];
            while let Some((&position, earlier)) = entering.split_last()
                && first_group[position as usize] as usize > index
            {
                let position = position as usize;
                self.tree.add(self.rank[position], -self.sets.weight(position));
                entering = earlier;
            }
            group.censored.clone().for_each(|position| self.put_into_tree(position));
            for position in group.events.clone() {
                let pairs = self.tree.around(self.rank[position]);
                self.add(position, pairs);
                for (total, pairs) in self.totals.iter_mut().zip(pairs) {
                    *total += self.sets.weight(position) * pairs;
                }
            }
            group.events.clone().for_each(|position| self.put_into_tree(position));
            self.count_tied_events(group.events.clone());
        }
    }

    /// Forwards in time, the tree holds the events so far; a subject is compared with those between
    /// its entry and its exit.
    fn later_against_events(&mut self, stratum: std::ops::Range<usize>) {
        let mut waiting = self.sets.by_entry(&self.sets.positions(&stratum));
        let first_group = self.sets.first_groups().unwrap_or_default();
        self.tree.clear();
        for index in stratum {
            let group = &self.sets.groups()[index];
            while let Some((&position, later)) = waiting.split_first()
                && first_group[position as usize] as usize <= index
            {
                self.compare(position as usize, -1.0);
                waiting = later;
            }
            group.events.clone().for_each(|position| self.compare(position, 1.0));
            group.events.clone().for_each(|position| self.put_into_tree(position));
            group.censored.clone().for_each(|position| self.compare(position, 1.0));
        }
    }

    /// Compares a later subject with the events in the tree.
    fn compare(&mut self, position: usize, sign: f64) {
        let [below, above, equal] = self.tree.around(self.rank[position]);
        // An event above the later subject is concordant.
        self.add(position, [sign * above, sign * below, sign * equal]);
    }

    fn add(&mut self, position: usize, pairs: [f64; 3]) {
        for (total, pairs) in self.by_position[position].iter_mut().zip(pairs) {
            *total += pairs;
        }
    }

    fn put_into_tree(&mut self, position: usize) {
        self.tree.add(self.rank[position], self.sets.weight(position));
    }

    fn count_tied_events(&mut self, events: std::ops::Range<usize>) {
        let mut tied: Vec<(usize, f64)> =
            events.map(|position| (self.rank[position], self.sets.weight(position))).collect();
        tied.sort_by_key(|&(rank, _)| rank);
        let both: f64 = tied.chunk_by(|a, b| a.0 == b.0).map(products).sum();
        self.tied_both += both;
        self.tied_time += products(&tied) - both;
    }
}

/// Sum of the products of the weights of all pairs.
fn products(tied: &[(usize, f64)]) -> f64 {
    let mut before = 0.0;
    let mut sum = 0.0;
    for (_, weight) in tied {
        sum += before * weight;
        before += weight;
    }
    sum
}

/// Weights by rank with prefix sums in logarithmic time; whole numbers stay exact.
///
/// Fenwick (1994), Softw. Pract. Exp. 24:327-336.
struct CountTree {
    nodes: Vec<f64>,
    total: f64,
}

impl CountTree {
    fn new(ranks: usize) -> Self {
        Self { nodes: vec![0.0; ranks + 1], total: 0.0 }
    }

    fn clear(&mut self) {
        self.nodes.fill(0.0);
        self.total = 0.0;
    }

    fn add(&mut self, rank: usize, weight: f64) {
        self.total += weight;
        let mut node = rank + 1;
        while node < self.nodes.len() {
            self.nodes[node] += weight;
            node += node & node.wrapping_neg();
        }
    }

    /// Weight with a rank below `rank`.
    fn below(&self, rank: usize) -> f64 {
        let (mut node, mut weight) = (rank, 0.0);
        while node > 0 {
            weight += self.nodes[node];
            node &= node - 1;
        }
        weight
    }

    /// Weights below, above and at a rank.
    fn around(&self, rank: usize) -> [f64; 3] {
        let below = self.below(rank);
        let up_to = self.below(rank + 1);
        [below, self.total - up_to, up_to - below]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Sample, sample};
    use proptest::prelude::*;

    /// Every pair by itself, by position: concordant, discordant and tied in risk.
    fn by_definition(data: &Sample, order: &[u32], eta: &[f64]) -> Vec<[f64; 3]> {
        let (time, event) = (data.endpoint.time(), data.endpoint.event());
        let mut pairs = vec![[0.0; 3]; eta.len()];
        for (a, &early) in order.iter().enumerate().filter(|(_, early)| event[**early as usize]) {
            for (b, &late) in order.iter().enumerate() {
                let (early, late) = (early as usize, late as usize);
                let both_die = event[late] && time[late] == time[early];
                if !both_die && data.is_at_risk(late, early) {
                    let kind = usize::from(eta[a] <= eta[b]) + usize::from(eta[a] == eta[b]);
                    pairs[a][kind] += 1.0;
                    pairs[b][kind] += 1.0;
                }
            }
        }
        pairs
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_tree_counts_every_pair(data in sample(true)) {
            let order = data.order();
            let sets = RiskSets::new(&data.endpoint, &order, &data.design);
            let mut eta = vec![0.0; sets.n()];
            sets.linear_predictor(&[0.0, 1.0], &mut eta);
            let want = by_definition(&data, order.order(), &eta);
            let got = concordance(&sets, &eta, None);
            let total = |kind: usize| want.iter().map(|pairs| pairs[kind]).sum::<f64>() / 2.0;
            prop_assert_eq!([got.concordant, got.discordant, got.tied_risk], [total(0), total(1), total(2)]);
            if let (Ok(value), Ok(error)) = (got.value, got.standard_error) {
                let n_pairs = total(0) + total(1) + total(2);
                prop_assert!((error - jackknife_error(&sets, &want, value, None) / n_pairs).abs() < 1e-12);
            }
        }
    }
}
