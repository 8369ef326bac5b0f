//! Greedy choice: focal subjects choose one after the other, in rounds.

use crate::line::Line;
use crate::query::{MatchOrder, NearestOptions, Ratio};
use crate::sets::{Link, Links};
use crate::subjects::Subjects;
use numerics::streams::Streams;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The nearest partner that somebody may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Choice {
    /// The partner.
    pub partner: u32,
    /// Its place in the line of the finder.
    pub place: u32,
    /// How far away it is.
    pub distance: f64,
    /// Whether another one is as near.
    pub is_tied: bool,
}

/// Finds partners among those who are left.
pub(crate) trait Finder {
    /// The nearest partner of the seeker at a place in line, none of those it already has.
    fn nearest(&mut self, seeker: usize, own: &[u32]) -> Option<Choice>;

    /// Takes the partner at a place in line out.
    fn take(&mut self, place: u32);
}

/// The state of a greedy match.
pub(crate) struct Greedy<'a, F> {
    line: &'a Line,
    finder: F,
    replacement: bool,
    /// How many partners each seeker may take; 0 once it finds none.
    quota: Vec<u32>,
    /// Partners of each seeker, kept when they can be taken twice.
    own: Vec<Vec<u32>>,
    links: Links,
}

impl<'a, F: Finder> Greedy<'a, F> {
    pub(crate) fn new(line: &'a Line, finder: F, replacement: bool, quota: Vec<u32>) -> Self {
        let n_lists = if replacement { line.seekers.len() } else { 0 };
        let own = vec![Vec::new(); n_lists];
        let mut links = Links::default();
        links.pairs.reserve(line.seekers.len().min(line.offers.len()));
        Self { line, finder, replacement, quota, own, links }
    }

    /// Lets every seeker choose once per round, until quotas are filled or nobody finds a partner.
    pub(crate) fn run(mut self, subjects: &Subjects, options: &NearestOptions) -> Links {
        let order = order_in_force(subjects, options);
        let listed = turns(self.line, order, options.seed);
        let n_rounds = self.quota.iter().copied().max().unwrap_or(0);
        for round in 0..n_rounds {
            let before = self.links.pairs.len();
            match order {
                MatchOrder::Closest => self.closest_first(&listed, round),
                MatchOrder::Farthest => self.farthest_first(&listed, round),
                _ => listed.iter().for_each(|&seeker| self.turn(seeker, round)),
            }
            if self.links.pairs.len() == before {
                break;
            }
        }
        self.links
    }

    fn turn(&mut self, seeker: u32, round: u32) {
        if self.quota[seeker as usize] <= round {
            return;
        }
        match self.look(seeker) {
            Some(choice) => self.settle(seeker, choice),
            None => self.quota[seeker as usize] = 0,
        }
    }

    fn look(&mut self, seeker: u32) -> Option<Choice> {
        let own = self.own.get(seeker as usize).map_or(&[][..], Vec::as_slice);
        self.finder.nearest(seeker as usize, own)
    }

    fn settle(&mut self, seeker: u32, choice: Choice) {
        if self.replacement {
            self.own[seeker as usize].push(choice.partner);
        } else {
            self.finder.take(choice.place);
        }
        self.links.n_ties += usize::from(choice.is_tied);
        let focal = self.line.seekers[seeker as usize];
        let Choice { partner, distance, .. } = choice;
        self.links.pairs.push(Link { focal, partner, distance });
    }

    /// What everybody who has a choice this round would choose now.
    fn wishes(&mut self, listed: &[u32], round: u32) -> Vec<(u32, Choice)> {
        let mut wishes = Vec::new();
        for &seeker in listed {
            if self.quota[seeker as usize] > round {
                match self.look(seeker) {
                    Some(choice) => wishes.push((seeker, choice)),
                    None => self.quota[seeker as usize] = 0,
                }
            }
        }
        wishes
    }

    /// The nearest pair of all goes first. Whoever loses a partner to another looks again, and then
    /// goes before those who wait for a partner at the same distance, as in MatchIt.
    fn closest_first(&mut self, listed: &[u32], round: u32) {
        let wishes = self.wishes(listed, round);
        let mut is_taken = std::collections::BTreeSet::new();
        let mut heap = BinaryHeap::new();
        for (turn, &(seeker, choice)) in wishes.iter().enumerate() {
            heap.push(Reverse(Wish { stamp: 0, turn, seeker, choice }));
        }
        let mut stamp = 0;
        while let Some(Reverse(wish)) = heap.pop() {
            if self.replacement || is_taken.insert(wish.choice.partner) {
                self.settle(wish.seeker, wish.choice);
                continue;
            }
            match self.look(wish.seeker) {
                Some(choice) => {
                    stamp += 1;
                    heap.push(Reverse(Wish { stamp, choice, ..wish }));
                }
                None => self.quota[wish.seeker as usize] = 0,
            }
        }
    }

    fn farthest_first(&mut self, listed: &[u32], round: u32) {
        let mut wishes = self.wishes(listed, round);
        wishes.sort_by(|(_, a), (_, b)| b.distance.total_cmp(&a.distance));
        for (seeker, _) in wishes {
            self.turn(seeker, round);
        }
    }
}

/// A seeker's wish; the smallest goes first.
#[derive(Clone, Copy)]
struct Wish {
    /// 0 at first, then the count of renewed wishes.
    stamp: usize,
    /// Place in the order of the ids.
    turn: usize,
    seeker: u32,
    choice: Choice,
}

impl Wish {
    fn key(&self) -> (Reverse<usize>, usize) {
        (Reverse(self.stamp), self.turn)
    }
}

impl Ord for Wish {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let by_distance = self.choice.distance.total_cmp(&other.choice.distance);
        by_distance.then_with(|| self.key().cmp(&other.key()))
    }
}

impl PartialOrd for Wish {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Wish {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Wish {}

/// The order asked for, or the default of MatchIt.
pub(crate) fn order_in_force(subjects: &Subjects, options: &NearestOptions) -> MatchOrder {
    let by_default = if options.replacement || subjects.score.is_empty() {
        MatchOrder::Data
    } else if subjects.are_exposed_focal() {
        MatchOrder::Largest
    } else {
        MatchOrder::Smallest
    };
    options.order.unwrap_or(by_default)
}

/// Places in line of the seekers in the order of their turns; equal scores by id.
pub(crate) fn turns(line: &Line, order: MatchOrder, seed: u64) -> Vec<u32> {
    let in_line = 0..line.seekers.len() as u32;
    match order {
        MatchOrder::Smallest => in_line.collect(),
        MatchOrder::Largest => largest_first(line),
        MatchOrder::Random => {
            let mut turns = by_id(line);
            shuffle(&mut turns, seed);
            turns
        }
        MatchOrder::Closest | MatchOrder::Farthest | MatchOrder::Data => by_id(line),
    }
}

/// Largest score first within each class; the classes do not compete.
fn largest_first(line: &Line) -> Vec<u32> {
    let mut turns = Vec::with_capacity(line.seekers.len());
    for class in &line.classes {
        let mut end = class.seekers.end;
        while end > class.seekers.start {
            let mut start = end - 1;
            while start > class.seekers.start && line.sought[start - 1] == line.sought[end - 1] {
                start -= 1;
            }
            turns.extend(start as u32..end as u32);
            end = start;
        }
    }
    turns
}

fn by_id(line: &Line) -> Vec<u32> {
    let mut turns: Vec<u32> = (0..line.seekers.len() as u32).collect();
    turns.sort_unstable_by_key(|&place| line.seekers[place as usize]);
    turns
}

/// Fisher and Yates's shuffle. Durstenfeld (1964), Commun. ACM 7:420.
fn shuffle(turns: &mut [u32], seed: u64) {
    let mut stream = Streams::new(seed, "matching order").stream(0);
    for last in (1..turns.len()).rev() {
        turns.swap(last, stream.below(last as u64 + 1) as usize);
    }
}

/// How many partners each seeker may take.
pub(crate) fn quotas(line: &Line, subjects: &Subjects, ratio: Ratio) -> Vec<u32> {
    match ratio {
        Ratio::Fixed(ratio) => vec![ratio.min(line.offers.len()) as u32; line.seekers.len()],
        Ratio::Variable { mean, min, max } => {
            let focal = by_score_of_own_arm(subjects);
            let mut quotas = vec![0; subjects.len()];
            for (&subject, share) in focal.iter().zip(extremal(focal.len(), mean, min, max)) {
                quotas[subject] = share;
            }
            line.seekers.iter().map(|&subject| quotas[subject as usize]).collect()
        }
    }
}

/// Nearly everybody gets the smallest or the largest number, in ascending order, so that the total is
/// the rounded mean times `n`.
fn extremal(n: usize, mean: f64, min: usize, max: usize) -> Vec<u32> {
    if n == 0 {
        return Vec::new();
    }
    let (min, max) = (min as i64, max as i64);
    let total = (mean * n as f64).round_ties_even() as i64;
    let n_large = ((total - min * (n as i64 - 1)) / (max - min)).clamp(0, n as i64 - 1);
    let n_small = n as i64 - n_large - 1;
    let rest = total - min * n_small - max * n_large;
    let mut shares = vec![min; n_small as usize];
    shares.push(rest);
    shares.extend(vec![max; n_large as usize]);
    if let Some(none) = shares.iter().position(|&share| share == 0) {
        shares[none] = 1;
        if let Some(next) = shares.get_mut(none + 1) {
            *next -= 1;
        }
    }
    shares.into_iter().map(|share| share.clamp(1, max) as u32).collect()
}

/// The focal arm, the discarded with it as in MatchIt, from those whose score is most on its own side to
/// those on the other's; equal scores by id.
fn by_score_of_own_arm(subjects: &Subjects) -> Vec<usize> {
    let arm = |focal: bool| -> Vec<usize> {
        (0..subjects.len()).filter(|&subject| subjects.roles[subject].is_focal() == focal).collect()
    };
    let mean = |of: &[usize]| {
        numerics::sum::sum(of.iter().map(|&subject| subjects.score[subject])) / of.len() as f64
    };
    let (mut focal, partners) = (arm(true), arm(false));
    let is_high = mean(&focal) > mean(&partners);
    focal.sort_by(|&a, &b| {
        let ascending = subjects.score[a].total_cmp(&subjects.score[b]);
        if is_high { ascending.reverse() } else { ascending }
    });
    focal
}
