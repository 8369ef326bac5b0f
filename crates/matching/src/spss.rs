//! Case-control matching as SPSS does it.

use crate::free::FreePositions;
use crate::greedy::turns;
use crate::line::Line;
use crate::nearest_point::window;
use crate::query::{MatchOrder, SpssOptions};
use crate::sets::{Link, Links};
use crate::subjects::Subjects;
use numerics::streams::{Stream, Streams};
use std::ops::Range;

/// Lets each focal subject, in a random order or by id, take one of the partners within the caliper
/// at random, each with the same chance; those of the very same score go first when asked for.
///
/// This is the rule of `FUZZY` behind the menu of SPSS, with the match tolerance as the caliper
/// on the raw score. The draws are those of this program: SPSS's own generator is not public, so
/// one seed gives other pairs there.
pub(crate) fn spss(subjects: &Subjects, line: &Line, options: &SpssOptions) -> Links {
    let order = if options.random_order { MatchOrder::Random } else { MatchOrder::Data };
    let mut draw = Draw {
        subjects,
        line,
        free: FreePositions::new(line.offers.len()),
        counts: Counts::new(line.offers.len()),
        stream: Streams::new(options.seed, "SPSS matching").stream(0),
        has_rules: subjects.has_rules(),
    };
    let ranges = line.offers_of_seekers();
    let mut links = Links::default();
    for seeker in turns(line, order, options.seed) {
        let focal = line.seekers[seeker as usize];
        let reach = window(subjects, line, focal as usize, &ranges[seeker as usize]);
        let same = draw.of_same_score(focal, &reach).filter(|_| options.exact_first);
        let place = same.and_then(|same| draw.one_of(focal, same));
        if let Some(place) = place.or_else(|| draw.one_of(focal, reach)) {
            if !options.replacement {
                draw.take(place);
            }
            let partner = line.offers[place as usize];
            let [a, b] = [focal, partner].map(|subject| subjects.score[subject as usize]);
            links.pairs.push(Link { focal, partner, distance: (a - b).abs() });
        }
    }
    links
}

struct Draw<'a> {
    subjects: &'a Subjects,
    line: &'a Line,
    free: FreePositions,
    counts: Counts,
    stream: Stream,
    has_rules: bool,
}

impl Draw<'_> {
    /// The places within a range whose score is that of the focal subject.
    fn of_same_score(&self, focal: u32, range: &Range<u32>) -> Option<Range<u32>> {
        let offers = &self.line.offers[range.start as usize..range.end as usize];
        let score = |subject: u32| self.subjects.score[subject as usize];
        let first = offers.partition_point(|&offer| score(offer) < score(focal)) as u32;
        let end = offers.partition_point(|&offer| score(offer) <= score(focal)) as u32;
        (first < end).then(|| range.start + first..range.start + end)
    }

    /// One of the free and allowed places of a range, each with the same chance.
    fn one_of(&mut self, focal: u32, range: Range<u32>) -> Option<u32> {
        if self.has_rules {
            let allowed = self.allowed(focal, range);
            let n = allowed.len() as u64;
            return (n > 0).then(|| allowed[self.stream.below(n) as usize]);
        }
        let before = self.counts.before(range.start);
        let n = u64::from(self.counts.before(range.end) - before);
        (n > 0).then(|| self.counts.place_of(before + self.stream.below(n) as u32))
    }

    fn allowed(&mut self, focal: u32, range: Range<u32>) -> Vec<u32> {
        let mut allowed = Vec::new();
        let mut place = self.free.at_or_above(range.start);
        while place < range.end {
            let partner = self.line.offers[place as usize];
            if self.subjects.meet_rules(focal as usize, partner as usize) {
                allowed.push(place);
            }
            place = self.free.at_or_above(place + 1);
        }
        allowed
    }

    fn take(&mut self, place: u32) {
        self.free.take(place);
        self.counts.take(place);
    }
}

/// How many places before any other are free. Fenwick (1994), Softw. Pract. Exper. 24:327-336.
struct Counts {
    tree: Vec<u32>,
}

impl Counts {
    /// `n` free places.
    fn new(n: usize) -> Self {
        let lowest_bit = |node: usize| (node & node.wrapping_neg()) as u32;
        Self { tree: (0..=n).map(lowest_bit).collect() }
    }

    /// Number of free places before one.
    fn before(&self, place: u32) -> u32 {
        let (mut node, mut n) = (place as usize, 0);
        while node > 0 {
            n += self.tree[node];
            node &= node - 1;
        }
        n
    }

    /// The free place that has this many free ones before it.
    fn place_of(&self, mut rank: u32) -> u32 {
        let mut node = 0;
        let mut step = self.tree.len().next_power_of_two();
        while step > 0 {
            let next = node + step;
            if next < self.tree.len() && self.tree[next] <= rank {
                rank -= self.tree[next];
                node = next;
            }
            step /= 2;
        }
        node as u32
    }

    fn take(&mut self, place: u32) {
        let mut node = place as usize + 1;
        while node < self.tree.len() {
            self.tree[node] -= 1;
            node += node & node.wrapping_neg();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_places_are_counted() {
        let mut counts = Counts::new(6);
        counts.take(1);
        counts.take(4);
        assert_eq!(
            (0..=6).map(|place| counts.before(place)).collect::<Vec<_>>(),
            [0, 1, 1, 2, 3, 3, 4]
        );
        assert_eq!((0..4).map(|rank| counts.place_of(rank)).collect::<Vec<_>>(), [0, 2, 3, 5]);
    }
}
