//! Sets of replicates that are kept as ranges.

use std::collections::BTreeMap;
use std::ops::Range;

/// Numbers in disjoint ranges; neighbours are joined.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ranges {
    /// The end of each range by its start.
    ends: BTreeMap<u64, u64>,
}

impl Ranges {
    /// All numbers of a range.
    pub(super) fn of(range: Range<u64>) -> Self {
        let mut ranges = Self::default();
        ranges.insert(range);
        ranges
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many numbers there are.
    pub(super) fn len(&self) -> u64 {
        self.ends.iter().map(|(start, end)| end - start).sum()
    }

    /// The part of a range that is in the set.
    pub(super) fn within(&self, range: &Range<u64>) -> Self {
        let parts = self.ends.range(..range.end).map(|(&start, &end)| {
            let (start, end) = (start.max(range.start), end.min(range.end));
            (start, end)
        });
        Self { ends: parts.filter(|(start, end)| start < end).collect() }
    }

    /// The ranges, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.ends.iter().map(|(&start, &end)| start..end)
    }

    pub(super) fn insert(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let Range { mut start, mut end } = range;
        while let Some((&other_start, &other_end)) = self.ends.range(..=end).next_back()
            && other_end >= start
        {
            self.ends.remove(&other_start);
            (start, end) = (start.min(other_start), end.max(other_end));
        }
        self.ends.insert(start, end);
    }

    pub(super) fn remove(&mut self, range: &Range<u64>) {
        if range.is_empty() {
            return;
        }
        while let Some((&start, &end)) = self.ends.range(..range.end).next_back()
            && end > range.start
        {
            self.ends.remove(&start);
            if range.end < end {
                self.ends.insert(range.end, end);
            }
            if start < range.start {
                self.ends.insert(start, range.start);
            }
        }
    }

    /// Takes the first numbers out, at most `most` of one range.
    pub(super) fn take_first(&mut self, most: u64) -> Option<Range<u64>> {
        let (&start, &end) = self.ends.first_key_value()?;
        let taken = start..end.min(start.saturating_add(most));
        self.remove(&taken);
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn listed(ranges: &Ranges) -> Vec<(u64, u64)> {
        ranges.iter().map(|range| (range.start, range.end)).collect()
    }

    #[test]
    fn neighbours_are_joined_and_parts_are_cut_out() {
        let mut ranges = Ranges::of(0..10);
        ranges.remove(&(3..5));
        assert_eq!(listed(&ranges), [(0, 3), (5, 10)]);
        ranges.remove(&(9..20));
        ranges.insert(9..12);
        assert_eq!(listed(&ranges), [(0, 3), (5, 12)]);
        ranges.insert(3..5);
        assert_eq!((listed(&ranges), ranges.len()), (vec![(0, 12)], 12));
        assert_eq!(ranges.take_first(4), Some(0..4));
        assert_eq!(listed(&ranges.within(&(2..6))), [(4, 6)]);
        assert_eq!(ranges.take_first(100), Some(4..12));
        assert_eq!((ranges.take_first(1), ranges.is_empty()), (None, true));
    }

    /// Against a set of single numbers, for every pair of small ranges after every other.
    #[test]
    fn ranges_are_sets() {
        let small = || (0..7u64).flat_map(|start| (start..7).map(move |end| start..end));
        for (first, second) in small().flat_map(|one| small().map(move |two| (one.clone(), two))) {
            let mut ranges = Ranges::of(first.clone());
            let mut set: BTreeSet<u64> = first.clone().collect();
            ranges.insert(second.clone());
            set.extend(second.clone());
            ranges.remove(&(2..4));
            set.retain(|number| !(2..4).contains(number));
            ranges.remove(&first);
            set.retain(|number| !first.contains(number));
            assert_eq!(
                ranges.iter().flatten().collect::<BTreeSet<_>>(),
                set,
                "{first:?} {second:?}"
            );
            assert_eq!(ranges.len() as usize, set.len());
        }
    }
}
