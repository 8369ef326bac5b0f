//! Who is at risk, has the event and is censored at each time: all that the estimators here need.

use crate::counts::Counts;
use cohort::{Endpoint, Groups, RiskOrder, TieGroup};
use std::borrow::Cow;
use std::iter::Sum;

/// Counts at every distinct time at which somebody's follow-up ends, by group.
///
/// A subject is at risk at `t` when `entry < t <= time`; without late entry, when `t <= time`.
/// Tables of several sites with the same groups add up to the table of all their subjects; times of
/// different sites are one time only when they are the same number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RiskTable {
    n_groups: usize,
    times: Vec<f64>,
    /// This and the other counts hold `n_groups` numbers for each time.
    at_risk: Vec<usize>,
    events: Vec<usize>,
    censored: Vec<usize>,
    /// Late entries in ascending order of time.
    entries: Vec<Entries>,
}

/// Subjects of one group who enter the risk set together.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Entries {
    time: f64,
    group: usize,
    count: usize,
}

/// The counts at one time, one number per group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RiskRow<'a> {
    /// The time.
    pub time: f64,
    /// Numbers at risk just before it.
    pub at_risk: &'a [usize],
    /// Numbers of events at it.
    pub events: &'a [usize],
    /// Numbers censored at it.
    pub censored: &'a [usize],
}

impl RiskRow<'_> {
    /// Number at risk in all groups together.
    #[must_use]
    pub fn n_at_risk(&self) -> usize {
        self.at_risk.iter().sum()
    }

    /// Number of events in all groups together.
    #[must_use]
    pub fn n_events(&self) -> usize {
        self.events.iter().sum()
    }

    /// Number censored in all groups together.
    #[must_use]
    pub fn n_censored(&self) -> usize {
        self.censored.iter().sum()
    }
}

impl RiskTable {
    /// Counts the subjects of one stratum of `order`.
    ///
    /// `groups` holds an index below `n_groups` for every subject of `endpoint`, and `order` was
    /// made from that endpoint.
    #[must_use]
    pub fn tally(
        endpoint: &Endpoint,
        order: &RiskOrder,
        stratum: &[TieGroup],
        groups: &[u32],
        n_groups: usize,
    ) -> Self {
        let size = stratum.len() * n_groups;
        let (mut events, mut censored) = (vec![0; size], vec![0; size]);
        let group_of = |position: usize| groups[order.order()[position] as usize] as usize;
        for (row, tied) in stratum.iter().enumerate() {
            for position in tied.events.clone() {
                events[row * n_groups + group_of(position)] += 1;
            }
            for position in tied.censored.clone() {
                censored[row * n_groups + group_of(position)] += 1;
            }
        }
        let subjects = stratum.iter().flat_map(TieGroup::all).map(|at| order.order()[at] as usize);
        let entries = endpoint.entry().map_or_else(Vec::new, |entry| {
            let entering = |subject| Entries {
                time: entry[subject],
                group: groups[subject] as usize,
                count: 1,
            };
            gathered(subjects.map(entering).collect())
        });
        let times = stratum.iter().map(|tied| tied.time).collect();
        Self { n_groups, times, at_risk: Vec::new(), events, censored, entries }.with_risk_sets()
    }

    /// Counts everybody.
    #[must_use]
    pub fn of(endpoint: &Endpoint, groups: &Groups) -> Self {
        Self::by_stratum(endpoint, &Groups::one(), groups).swap_remove(0)
    }

    /// Counts the subjects of each stratum, in the order of the strata; one that holds nobody has an
    /// empty table.
    ///
    /// `strata` and `groups` are divisions of the subjects of `endpoint`. Unless there are far more
    /// times, strata and groups than subjects, this takes one pass and no order.
    #[must_use]
    pub fn by_stratum(endpoint: &Endpoint, strata: &Groups, groups: &Groups) -> Vec<Self> {
        match Counts::of(endpoint, strata, groups) {
            Some(counts) => (0..strata.n_groups()).map(|at| Self::counted(&counts, at)).collect(),
            None => Self::ordered(endpoint, strata, groups),
        }
    }

    fn counted(counts: &Counts, stratum: usize) -> Self {
        let n_groups = counts.n_groups();
        let rows = counts.exits(stratum);
        let (times, censored, events) = (rows.times(), rows.counts(0), rows.counts(1));
        let mut table = Self { n_groups, times, events, censored, ..Self::default() };
        for (time, cells) in counts.entries(stratum).iter() {
            for (group, [censored, events]) in cells.iter().enumerate() {
                let count = (censored + events) as usize;
                if count > 0 {
                    table.entries.push(Entries { time, group, count });
                }
            }
        }
        table.with_risk_sets()
    }

    /// The same from an order of the subjects.
    fn ordered(endpoint: &Endpoint, strata: &Groups, groups: &Groups) -> Vec<Self> {
        let (strata_of, group_of) = (codes(endpoint, strata), codes(endpoint, groups));
        let order = RiskOrder::new(endpoint, &strata_of);
        let n_groups = groups.n_groups();
        let empty = Self { n_groups, ..Self::default() };
        let mut tables = vec![empty; strata.n_groups()];
        for stratum in order.strata() {
            let table = Self::tally(endpoint, &order, stratum, &group_of, n_groups);
            tables[stratum[0].stratum as usize] = table;
        }
        tables
    }

    /// Number of groups.
    #[must_use]
    pub fn n_groups(&self) -> usize {
        self.n_groups
    }

    /// Number of distinct times.
    #[must_use]
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether nobody was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The counts in ascending order of time.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = RiskRow<'_>> {
        self.times.iter().enumerate().map(|(row, &time)| {
            let cells = row * self.n_groups..(row + 1) * self.n_groups;
            RiskRow {
                time,
                at_risk: &self.at_risk[cells.clone()],
                events: &self.events[cells.clone()],
                censored: &self.censored[cells],
            }
        })
    }

    /// Spans after the first follow-up has ended in which nobody of any group is at risk, though
    /// somebody enters at their end. There are none without late entry.
    #[must_use]
    pub fn empty_spans(&self) -> Vec<(f64, f64)> {
        let (mut spans, mut next, mut n_entered_at_time) = (Vec::new(), 0, 0);
        for row in self.rows() {
            while let Some(entries) = self.entries.get(next).filter(|one| one.time <= row.time) {
                if entries.time == row.time {
                    n_entered_at_time += entries.count;
                }
                next += 1;
            }
            let n_left = row.n_at_risk() - row.n_events() - row.n_censored();
            if let (0, Some(entries)) = (n_left + n_entered_at_time, self.entries.get(next)) {
                spans.push((row.time, entries.time));
            }
            n_entered_at_time = 0;
        }
        spans
    }

    /// Fills in the risk sets: whoever leaves at `t` or later has not entered at `t` or later.
    fn with_risk_sets(mut self) -> Self {
        self.at_risk = vec![0; self.events.len()];
        let mut at_risk = vec![0; self.n_groups];
        let mut entries = self.entries.iter().rev().peekable();
        for row in (0..self.times.len()).rev() {
            let cells = row * self.n_groups..(row + 1) * self.n_groups;
            for (group, cell) in cells.clone().enumerate() {
                at_risk[group] += self.events[cell] + self.censored[cell];
            }
            while let Some(late) = entries.next_if(|late| late.time >= self.times[row]) {
                at_risk[late.group] -= late.count;
            }
            self.at_risk[cells].copy_from_slice(&at_risk);
        }
        self
    }
}

/// Adds the tables of several sites; one with fewer groups than others has nobody in the rest.
impl Sum for RiskTable {
    fn sum<I: Iterator<Item = Self>>(tables: I) -> Self {
        let tables: Vec<Self> = tables.collect();
        let n_groups = tables.iter().map(Self::n_groups).max().unwrap_or(0);
        let mut rows: Vec<RiskRow> = tables.iter().flat_map(Self::rows).collect();
        rows.sort_by(|a, b| a.time.total_cmp(&b.time));
        let entries = tables.iter().flat_map(|table| table.entries.iter().copied()).collect();
        let mut total = Self { n_groups, entries: gathered(entries), ..Self::default() };
        for tied in rows.chunk_by(|a, b| a.time == b.time) {
            total.times.push(tied[0].time);
            let at = |counts: &[usize], group: usize| counts.get(group).copied().unwrap_or(0);
            for group in 0..n_groups {
                total.events.push(tied.iter().map(|row| at(row.events, group)).sum());
                total.censored.push(tied.iter().map(|row| at(row.censored, group)).sum());
            }
        }
        total.with_risk_sets()
    }
}

/// The group of each subject.
fn codes<'a>(endpoint: &Endpoint, groups: &'a Groups) -> Cow<'a, [u32]> {
    groups.codes().map_or_else(|| vec![0; endpoint.len()].into(), Cow::Borrowed)
}

/// Sorts entries and counts those of one time and group together.
fn gathered(mut entries: Vec<Entries>) -> Vec<Entries> {
    entries.sort_by(|a, b| a.time.total_cmp(&b.time).then(a.group.cmp(&b.group)));
    entries.dedup_by(|next, kept| {
        let is_same = next.time == kept.time && next.group == kept.group;
        if is_same {
            kept.count += next.count;
        }
        is_same
    });
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(endpoint: &Endpoint, groups: &[u32], n_groups: usize) -> RiskTable {
        let order = RiskOrder::new(endpoint, &vec![0; groups.len()]);
        RiskTable::tally(endpoint, &order, order.groups(), groups, n_groups)
    }

    #[test]
    fn the_censored_are_at_risk_at_their_time() {
        let endpoint = Endpoint::new(vec![2.0, 2.0, 1.0], vec![true, false, false]).unwrap();
        let table = table(&endpoint, &[0, 1, 1], 2);
        let rows: Vec<RiskRow> = table.rows().collect();
        assert_eq!(
            (rows[0].time, rows[0].at_risk, rows[0].censored),
            (1.0, &[1, 2][..], &[0, 1][..])
        );
        assert_eq!(
            (rows[1].time, rows[1].at_risk, rows[1].events),
            (2.0, &[1, 1][..], &[1, 0][..])
        );
        assert_eq!(rows[0].n_at_risk(), 3);
        assert!(table.empty_spans().is_empty());
    }

    /// Entry is open and exit closed: who enters at 2 is not at risk at 2.
    #[test]
    fn late_entries_are_at_risk_after_their_entry() {
        let (entry, time) = (vec![0.0, 2.0, 5.0], vec![2.0, 4.0, 6.0]);
        let endpoint = Endpoint::with_entry(entry, time, vec![true; 3]).unwrap();
        let table = table(&endpoint, &[0; 3], 1);
        assert_eq!(table.rows().map(|row| row.n_at_risk()).collect::<Vec<_>>(), [1, 1, 1]);
        assert_eq!(table.empty_spans(), [(4.0, 5.0)]);
    }

    #[test]
    fn tables_of_sites_add_up_to_the_table_of_all() {
        let entry = vec![0.0, 1.0, 2.0, 0.0, 2.0, 3.0];
        let time = vec![2.0, 3.0, 5.0, 3.0, 4.0, 5.0];
        let event = [true, false, true, true, true, false];
        let groups = [0, 1, 0, 0, 0, 1];
        let of = |range: std::ops::Range<usize>| {
            let part = |values: &[f64]| values[range.clone()].to_vec();
            let event = event[range.clone()].to_vec();
            let endpoint = Endpoint::with_entry(part(&entry), part(&time), event).unwrap();
            table(&endpoint, &groups[range.clone()], 2)
        };
        assert_eq!([of(0..2), of(2..6)].into_iter().sum::<RiskTable>(), of(0..6));
    }
}
