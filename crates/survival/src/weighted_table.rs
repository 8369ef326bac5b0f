//! Sums of sampling weights at each time: all that a weighted curve needs besides its variance.

use crate::{RiskTable, SurvivalCurve, Variance, WeightedSums};
use cohort::{Endpoint, Interval, NotEstimable};
use numerics::sum::Sum as Total;
use std::iter::Sum;

/// Counts of subjects and sums of their weights at every distinct time at which somebody's follow-up
/// ends, for one group.
///
/// A subject is at risk at `t` when `entry < t <= time`; without late entry, when `t <= time`. Tables
/// of several sites add up to the table of all their subjects, but for the rounding of the sums.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WeightedTable {
    counts: RiskTable,
    times: Vec<f64>,
    sums: WeightedSums,
    /// Times of late entries, ascending, with the weights of those who enter.
    entries: Vec<(f64, f64)>,
}

impl WeightedTable {
    /// Sums the weights of the subjects whom `counts` counts, in the order given.
    ///
    /// `subjects` are indexes into `endpoint` and `weights`, which are positive and as many. Those
    /// of `counts` are the same subjects, all in one group.
    #[must_use]
    pub fn tally(
        counts: RiskTable,
        endpoint: &Endpoint,
        subjects: &[usize],
        weights: &[f64],
    ) -> Self {
        let times: Vec<f64> = counts.rows().map(|row| row.time).collect();
        let mut events = vec![Total::default(); times.len()];
        let mut censored = events.clone();
        for &subject in subjects {
            let row = times.partition_point(|&time| time < endpoint.time()[subject]);
            let sums = if endpoint.event()[subject] { &mut events } else { &mut censored };
            sums[row] += weights[subject];
        }
        let entering = |entry: &[f64]| subjects.iter().map(|&i| (entry[i], weights[i])).collect();
        let mut entries: Vec<(f64, f64)> = endpoint.entry().map_or_else(Vec::new, entering);
        entries.sort_by(|a, b| a.0.total_cmp(&b.0));
        let values = |sums: Vec<Total>| sums.into_iter().map(Total::value).collect();
        let sums = WeightedSums {
            at_risk: Vec::new(),
            events: values(events),
            censored: values(censored),
        };
        Self { counts, times, sums, entries }.with_risk_sets()
    }

    /// Numbers of subjects.
    #[must_use]
    pub fn counts(&self) -> &RiskTable {
        &self.counts
    }

    /// Sums of weights, one per row of the counts.
    #[must_use]
    pub fn sums(&self) -> &WeightedSums {
        &self.sums
    }

    /// Fills in the risk sets: whoever leaves at `t` or later has not entered at `t` or later.
    fn with_risk_sets(mut self) -> Self {
        let mut at_risk = Total::default();
        let mut entries = self.entries.iter().rev().peekable();
        let mut falling = Vec::with_capacity(self.times.len());
        let counts: Vec<_> = self.counts.rows().collect();
        for (row, counts) in counts.iter().enumerate().rev() {
            let leaving = [self.sums.events[row], self.sums.censored[row]];
            at_risk += leaving[0];
            at_risk += leaving[1];
            while let Some((_, late)) = entries.next_if(|(entry, _)| *entry >= counts.time) {
                at_risk += -late;
            }
            // Where nobody stays, the sum is known without the rounding of those who come and go.
            let stays = counts.n_at_risk() > counts.n_events() + counts.n_censored();
            falling.push(if stays { at_risk.value() } else { leaving[0] + leaving[1] });
        }
        falling.reverse();
        self.sums.at_risk = falling;
        self
    }
}

/// Adds the tables of several sites.
impl Sum for WeightedTable {
    fn sum<I: Iterator<Item = Self>>(tables: I) -> Self {
        let tables: Vec<Self> = tables.collect();
        let counts: RiskTable = tables.iter().map(|table| table.counts.clone()).sum();
        let times: Vec<f64> = counts.rows().map(|row| row.time).collect();
        let mut sums = WeightedSums {
            at_risk: Vec::new(),
            events: vec![0.0; times.len()],
            censored: vec![0.0; times.len()],
        };
        for table in &tables {
            for (row, &time) in table.times.iter().enumerate() {
                let total = times.partition_point(|&other| other < time);
                sums.events[total] += table.sums.events[row];
                sums.censored[total] += table.sums.censored[row];
            }
        }
        let mut entries: Vec<(f64, f64)> =
            tables.into_iter().flat_map(|table| table.entries).collect();
        entries.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self { counts, times, sums, entries }.with_risk_sets()
    }
}

/// Estimates the survival function from sums of sampling weights.
///
/// ```text
/// S(t) = Π (1 - e_j / n_j)          over the event times t_j <= t
/// ```
///
/// `e_j` is the weight of those with an event at `t_j`, `n_j` that of the risk set just before it;
/// edge cases are those of [`crate::kaplan_meier`]. The sums do not hold how much each subject moves
/// the curve: standard errors and limits are undefined here, and those of [`crate::curves`] are
/// robust.
///
/// Xie and Liu (2005), Stat. Med. 24:3089-3110. Same estimate as `survfit(Surv(time, event) ~ 1,
/// weights = w)` in R.
#[must_use]
pub fn weighted_kaplan_meier(table: &WeightedTable) -> SurvivalCurve {
    let undefined = NotEstimable::VarianceUndefined;
    let mut curve = SurvivalCurve {
        weighted: Some(table.sums().clone()),
        variance: Variance::InfinitesimalJackknife,
        standard_error: vec![Err(undefined); table.times.len()],
        interval: vec![Interval::none(undefined); table.times.len()],
        ..SurvivalCurve::default()
    };
    for counts in table.counts().rows() {
        curve.time.push(counts.time);
        curve.n_at_risk.push(counts.n_at_risk());
        curve.n_events.push(counts.n_events());
        curve.n_censored.push(counts.n_censored());
    }
    let mut survival = 1.0;
    for row in 0..curve.time.len() {
        let risk_set = curve.risk_set(row);
        if risk_set.n_events > 0 {
            survival *= risk_set.staying / risk_set.at_risk;
        }
        curve.survival.push(survival);
    }
    curve
}

/// Those at risk at one time of a curve, weighted when the curve is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RiskSet {
    /// Number, or weight, at risk.
    pub(crate) at_risk: f64,
    /// Number, or weight, of the events.
    pub(crate) events: f64,
    /// Number of events.
    pub(crate) n_events: usize,
    /// Number, or weight, of those at risk without the event; 0 when there is nobody.
    pub(crate) staying: f64,
}

impl SurvivalCurve {
    /// Those at risk at a time of the curve.
    pub(crate) fn risk_set(&self, row: usize) -> RiskSet {
        let n_events = self.n_events[row];
        let (at_risk, events) = match &self.weighted {
            Some(sums) => (sums.at_risk[row], sums.events[row]),
            None => (self.n_at_risk[row] as f64, n_events as f64),
        };
        let nobody_stays = n_events == self.n_at_risk[row];
        let staying = if nobody_stays { 0.0 } else { (at_risk - events).max(0.0) };
        RiskSet { at_risk, events, n_events, staying }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use cohort::RiskOrder;

    /// Everybody in one group.
    pub(crate) fn table(endpoint: &Endpoint, weights: &[f64]) -> WeightedTable {
        let everyone = vec![0; endpoint.len()];
        let order = RiskOrder::new(endpoint, &everyone);
        let counts = RiskTable::tally(endpoint, &order, order.groups(), &everyone, 1);
        let subjects: Vec<usize> = (0..endpoint.len()).collect();
        WeightedTable::tally(counts, endpoint, &subjects, weights)
    }

    /// Weights 1, 2 and 3 with an event, a censoring and an event: S = 5/6, then 0.
    #[test]
    fn three_subjects_by_hand() {
        let endpoint = Endpoint::new(vec![1.0, 2.0, 3.0], vec![true, false, true]).unwrap();
        let table = table(&endpoint, &[1.0, 2.0, 3.0]);
        let sums = table.sums();
        assert_eq!(sums.at_risk, [6.0, 5.0, 3.0]);
        assert_eq!((sums.events.as_slice(), sums.censored[1]), (&[1.0, 0.0, 3.0][..], 2.0));
        let curve = weighted_kaplan_meier(&table);
        assert_eq!((curve.n_at_risk[0], curve.n_events[2]), (3, 1));
        assert_eq!(curve.survival, [5.0 / 6.0, 5.0 / 6.0, 0.0]);
        assert_eq!(curve.standard_error, [Err(NotEstimable::VarianceUndefined); 3]);
    }

    /// Who enters at 2 is not at risk at 2; weights that leave rounding noise leave nobody behind.
    #[test]
    fn late_entries_come_and_go() {
        let (entry, time) = (vec![0.0, 0.0, 2.0, 5.0], vec![2.0, 4.0, 4.0, 6.0]);
        let endpoint = Endpoint::with_entry(entry, time, vec![true; 4]).unwrap();
        let table = table(&endpoint, &[0.1, 0.2, 0.3, 0.7]);
        let at_risk = &table.sums().at_risk;
        assert!((at_risk[0] - 0.3).abs() < 1e-15);
        assert_eq!(at_risk[1..], [0.2 + 0.3, 0.7]);
        assert_eq!(weighted_kaplan_meier(&table).survival[1..], [0.0, 0.0]);
    }

    #[test]
    fn tables_of_sites_add_up_to_the_table_of_all() {
        let entry = vec![0.0, 1.0, 2.0, 0.0, 2.0, 3.0];
        let time = vec![2.0, 3.0, 5.0, 3.0, 4.0, 5.0];
        let event = [true, false, true, true, true, false];
        let weights = [0.5, 1.0, 1.5, 2.0, 2.5, 0.25];
        let of = |range: std::ops::Range<usize>| {
            let part = |values: &[f64]| values[range.clone()].to_vec();
            let event = event[range.clone()].to_vec();
            let endpoint = Endpoint::with_entry(part(&entry), part(&time), event).unwrap();
            table(&endpoint, &weights[range.clone()])
        };
        assert_eq!([of(0..2), of(2..6)].into_iter().sum::<WeightedTable>(), of(0..6));
    }
}
