//! Where enough subjects are at risk to estimate a hazard.

use cohort::Endpoint;

/// Times between which a hazard is estimated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Range {
    /// From the first to the last time at which at least `fewest` of these subjects, and at least
    /// one, are at risk; nothing if that is never so.
    ///
    /// Without late entry it begins at 0. In between the risk set can be smaller for a while.
    pub(super) fn of(endpoint: &Endpoint, members: &[usize], fewest: usize) -> Option<Self> {
        let mut exits: Vec<f64> = members.iter().map(|&member| endpoint.time()[member]).collect();
        let entry = |&member: &usize| endpoint.entry().map_or(0.0, |entry| entry[member]);
        let mut entries: Vec<f64> = members.iter().map(entry).collect();
        exits.sort_by(f64::total_cmp);
        entries.sort_by(f64::total_cmp);
        let is_enough = |n_at_risk: usize| n_at_risk >= fewest.max(1);
        // Whoever leaves at `t` is at risk at `t`, whoever enters there is not yet; at 0 all are.
        let n_before = |times: &[f64], time: f64| times.partition_point(|&other| other < time);
        let entered = |time: f64| if time > 0.0 { n_before(&entries, time) } else { entries.len() };
        let to =
            exits.iter().rev().find(|&&exit| is_enough(entered(exit) - n_before(&exits, exit)));
        let n_by = |times: &[f64], time: f64| times.partition_point(|&other| other <= time);
        let is_begun = |entry: f64| {
            let n_left = if entry > 0.0 { n_by(&exits, entry) } else { 0 };
            is_enough(n_by(&entries, entry) - n_left)
        };
        let from = entries.iter().find(|&&entry| is_begun(entry));
        Some(Self { from: *from?, to: *to? })
    }

    /// Whether an event at this time counts: who enters where the range begins is not yet at risk.
    pub(super) fn counts(self, time: f64) -> bool {
        (self.from < time || time == 0.0) && time <= self.to
    }

    pub(super) fn length(self) -> f64 {
        self.to - self.from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(entry: &[f64], time: &[f64], fewest: usize) -> Option<(f64, f64)> {
        let event = vec![true; time.len()];
        let endpoint = if entry.is_empty() {
            Endpoint::new(time.to_vec(), event)
        } else {
            Endpoint::with_entry(entry.to_vec(), time.to_vec(), event)
        };
        let members: Vec<usize> = (0..time.len()).collect();
        Range::of(&endpoint.unwrap(), &members, fewest).map(|range| (range.from, range.to))
    }

    #[test]
    fn without_late_entry_it_ends_where_few_are_left() {
        let time = [0.0, 2.0, 2.0, 5.0, 7.0];
        assert_eq!(range(&[], &time, 5), Some((0.0, 0.0)));
        assert_eq!(range(&[], &time, 4), Some((0.0, 2.0)));
        assert_eq!(range(&[], &time, 2), Some((0.0, 5.0)));
        assert_eq!(range(&[], &time, 0), Some((0.0, 7.0)));
        assert_eq!(range(&[], &time, 6), None);
        assert_eq!(range(&[], &[], 1), None);
    }

    /// At risk: 1 up to 1, 2 up to 3, then 3, from 4 on 2, from 6 on 1.
    #[test]
    fn late_entry_delays_its_beginning() {
        let (entry, time) = ([0.0, 1.0, 3.0], [4.0, 6.0, 9.0]);
        assert_eq!(range(&entry, &time, 1), Some((0.0, 9.0)));
        assert_eq!(range(&entry, &time, 2), Some((1.0, 6.0)));
        assert_eq!(range(&entry, &time, 3), Some((3.0, 4.0)));
        // Who enters at 4 does not meet who leaves there.
        assert_eq!(range(&[0.0, 4.0], &[4.0, 6.0], 2), None);
    }
}
