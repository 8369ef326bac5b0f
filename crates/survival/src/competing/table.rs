//! Who is at risk, has an event of which cause and is censored at each time.

use cohort::{Endpoint, RiskOrder, TieGroup};

/// Counts at every distinct time at which somebody's follow-up ends, by group and cause.
///
/// A subject is at risk at `t` when `entry < t <= time`; without late entry, when `t <= time`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CauseTable {
    n_groups: usize,
    n_causes: usize,
    times: Vec<f64>,
    /// This and `censored` hold `n_groups` numbers for each time.
    at_risk: Vec<usize>,
    censored: Vec<usize>,
    /// `n_causes` numbers for each group of each time.
    events: Vec<usize>,
    /// Everybody in ascending order of exit when entry may be late; else empty.
    stays: Vec<Stay>,
}

/// The counts at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CauseRow<'a> {
    n_causes: usize,
    /// The time.
    pub time: f64,
    /// Numbers at risk just before it, one per group.
    pub at_risk: &'a [usize],
    /// Numbers censored at it, one per group.
    pub censored: &'a [usize],
    events: &'a [usize],
}

/// Subjects who come, leave and fare alike.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Stay {
    exit_row: usize,
    /// Number of times of the table at or before the entry.
    entry_row: usize,
    outcome: Option<usize>,
    count: usize,
}

/// Subjects who leave at one time in the same way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Departure {
    /// The cause, or nothing for the censored.
    pub(super) outcome: Option<usize>,
    /// Number of times of the table at or before their entry.
    pub(super) entry_row: usize,
    /// How many they are.
    pub(super) count: usize,
}

impl CauseRow<'_> {
    /// Number of events of one cause in one group.
    #[must_use]
    pub fn events(&self, group: usize, cause: usize) -> usize {
        self.events[group * self.n_causes + cause]
    }

    /// Number of events of all causes in one group.
    #[must_use]
    pub fn events_of_group(&self, group: usize) -> usize {
        self.events[group * self.n_causes..(group + 1) * self.n_causes].iter().sum()
    }

    /// Number of events of one cause in all groups together.
    #[must_use]
    pub fn events_of_cause(&self, cause: usize) -> usize {
        self.events.iter().skip(cause).step_by(self.n_causes).sum()
    }

    /// Number of events of all causes in all groups together.
    #[must_use]
    pub fn n_events(&self) -> usize {
        self.events.iter().sum()
    }

    /// Number at risk in all groups together.
    #[must_use]
    pub fn n_at_risk(&self) -> usize {
        self.at_risk.iter().sum()
    }

    /// Number censored in all groups together.
    #[must_use]
    pub fn n_censored(&self) -> usize {
        self.censored.iter().sum()
    }

    /// Number of those at risk who stay.
    #[must_use]
    pub fn n_staying(&self) -> usize {
        self.n_at_risk() - self.n_events() - self.n_censored()
    }
}

impl CauseTable {
    /// Counts the subjects of one stratum of `order`, which was made from `endpoint`.
    ///
    /// For every subject of `endpoint`, `causes` holds an index below `n_causes`, which is read for
    /// events alone, and `groups` one below `n_groups`.
    #[must_use]
    pub fn tally(
        endpoint: &Endpoint,
        order: &RiskOrder,
        stratum: &[TieGroup],
        (causes, n_causes): (&[u32], usize),
        (groups, n_groups): (&[u32], usize),
    ) -> Self {
        let size = stratum.len() * n_groups;
        let mut table = Self {
            n_groups,
            n_causes,
            times: stratum.iter().map(|tied| tied.time).collect(),
            at_risk: vec![0; size],
            censored: vec![0; size],
            events: vec![0; size * n_causes],
            stays: Vec::new(),
        };
        let mut entering = vec![0; (stratum.len() + 1) * n_groups];
        for (row, tied) in stratum.iter().enumerate() {
            for position in tied.all() {
                let subject = order.order()[position] as usize;
                let group = groups[subject] as usize;
                let outcome = tied.events.contains(&position).then(|| causes[subject] as usize);
                match outcome {
                    Some(cause) => table.events[(row * n_groups + group) * n_causes + cause] += 1,
                    None => table.censored[row * n_groups + group] += 1,
                }
                let entry = endpoint.entry().map(|entry| entry[subject]);
                let entry_row =
                    entry.map_or(0, |entry| table.times.partition_point(|&time| time <= entry));
                entering[entry_row * n_groups + group] += 1;
                if entry.is_some() {
                    table.stays.push(Stay { exit_row: row, entry_row, outcome, count: 1 });
                }
            }
        }
        table.stays = gathered(table.stays);
        table.with_risk_sets(&entering)
    }

    /// Number of groups.
    #[must_use]
    pub fn n_groups(&self) -> usize {
        self.n_groups
    }

    /// Number of causes.
    #[must_use]
    pub fn n_causes(&self) -> usize {
        self.n_causes
    }

    /// Distinct times, ascending.
    #[must_use]
    pub fn times(&self) -> &[f64] {
        &self.times
    }

    /// The counts in ascending order of time.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = CauseRow<'_>> {
        (0..self.times.len()).map(|row| self.row(row))
    }

    /// Who leaves at each time, time by time.
    pub(super) fn departures(&self) -> impl Iterator<Item = Vec<Departure>> {
        let mut stays = self.stays.iter().peekable();
        self.rows().enumerate().map(move |(row, counts)| {
            if self.stays.is_empty() {
                return of_counts(&counts);
            }
            let mut departures = Vec::new();
            while let Some(stay) = stays.next_if(|stay| stay.exit_row == row) {
                let Stay { outcome, entry_row, count, .. } = *stay;
                departures.push(Departure { outcome, entry_row, count });
            }
            departures
        })
    }

    /// Number of subjects whose entry lies at or after the time of a row and before the next one.
    pub(super) fn entering_after_rows(&self) -> Vec<usize> {
        let mut entering = vec![0; self.times.len()];
        for stay in self.stays.iter().filter(|stay| stay.entry_row > 0) {
            entering[stay.entry_row - 1] += stay.count;
        }
        entering
    }

    /// Number of subjects.
    #[must_use]
    pub fn n_subjects(&self) -> usize {
        self.events.iter().chain(&self.censored).sum()
    }

    fn row(&self, row: usize) -> CauseRow<'_> {
        let cells = row * self.n_groups..(row + 1) * self.n_groups;
        CauseRow {
            n_causes: self.n_causes,
            time: self.times[row],
            at_risk: &self.at_risk[cells.clone()],
            censored: &self.censored[cells.clone()],
            events: &self.events[cells.start * self.n_causes..cells.end * self.n_causes],
        }
    }

    /// Fills in the risk sets from those who enter before each row.
    fn with_risk_sets(mut self, entering: &[usize]) -> Self {
        let mut at_risk = vec![0; self.n_groups];
        for row in 0..self.times.len() {
            let cells = row * self.n_groups..(row + 1) * self.n_groups;
            for (group, &entering) in entering[cells.clone()].iter().enumerate() {
                at_risk[group] += entering;
            }
            self.at_risk[cells.clone()].copy_from_slice(&at_risk);
            for (group, cell) in cells.enumerate() {
                at_risk[group] -= self.censored[cell] + self.row(row).events_of_group(group);
            }
        }
        self
    }
}

/// Departures of those who are all there from the beginning.
fn of_counts(row: &CauseRow) -> Vec<Departure> {
    let by_cause = (0..row.n_causes).map(|cause| (Some(cause), row.events_of_cause(cause)));
    let all = by_cause.chain([(None, row.n_censored())]);
    all.filter(|&(_, count)| count > 0)
        .map(|(outcome, count)| Departure { outcome, entry_row: 0, count })
        .collect()
}

/// Sorts stays and counts those that are alike together.
fn gathered(mut stays: Vec<Stay>) -> Vec<Stay> {
    stays.sort_unstable();
    stays.dedup_by(|next, kept| {
        let is_same = Stay { count: kept.count, ..*next } == *kept;
        if is_same {
            kept.count += next.count;
        }
        is_same
    });
    stays
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Everybody in one group; code 0 is censored, the others are causes from 1.
    pub(crate) fn table(time: &[f64], codes: &[u32], n_causes: usize) -> CauseTable {
        let event = codes.iter().map(|&code| code > 0).collect();
        tallied(&Endpoint::new(time.to_vec(), event).unwrap(), codes, n_causes)
    }

    pub(crate) fn tallied(endpoint: &Endpoint, codes: &[u32], n_causes: usize) -> CauseTable {
        let everyone = vec![0; codes.len()];
        let order = RiskOrder::new(endpoint, &everyone);
        let causes: Vec<u32> = codes.iter().map(|code| code.saturating_sub(1)).collect();
        let causes = (causes.as_slice(), n_causes);
        CauseTable::tally(endpoint, &order, order.groups(), causes, (&everyone, 1))
    }

    #[test]
    fn causes_are_counted_apart() {
        let table = table(&[2.0, 2.0, 1.0, 2.0], &[1, 2, 0, 2], 2);
        let rows: Vec<CauseRow> = table.rows().collect();
        assert_eq!((rows[0].n_at_risk(), rows[0].n_censored(), rows[0].n_events()), (4, 1, 0));
        assert_eq!((rows[1].events(0, 0), rows[1].events(0, 1)), (1, 2));
        assert_eq!((rows[1].n_at_risk(), rows[1].n_staying()), (3, 0));
    }

    /// Entry is open and exit closed: who enters at 2 is not at risk at 2.
    #[test]
    fn late_entries_are_at_risk_after_their_entry() {
        let (entry, time) = (vec![0.0, 2.0, 0.0], vec![2.0, 4.0, 4.0]);
        let endpoint = Endpoint::with_entry(entry, time, vec![true; 3]).unwrap();
        let table = tallied(&endpoint, &[1, 1, 1], 1);
        assert_eq!(table.rows().map(|row| row.n_at_risk()).collect::<Vec<_>>(), [2, 2]);
        assert_eq!(table.entering_after_rows(), [1, 0]);
        let departures: Vec<Vec<Departure>> = table.departures().collect();
        let entry_rows: Vec<usize> = departures[1].iter().map(|one| one.entry_row).collect();
        assert_eq!(entry_rows, [0, 1]);
    }
}
