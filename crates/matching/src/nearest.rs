//! The nearest free partner along a line of scores.

use crate::free::FreePositions;
use crate::greedy::{Choice, Finder};
use crate::line::Line;
use crate::subjects::Subjects;
use std::ops::Range;

/// Finds the nearest partner by score.
///
/// Of two partners equally near, one below and one above, the one below wins; on the same side the
/// one nearer in line.
pub(crate) struct OnLine<'a> {
    subjects: &'a Subjects,
    line: &'a Line,
    /// Where the seekers look; empty when all of them look everywhere.
    ranges: Vec<Range<u32>>,
    free: FreePositions,
    has_rules: bool,
}

impl<'a> OnLine<'a> {
    pub(crate) fn new(subjects: &'a Subjects, line: &'a Line) -> Self {
        let is_one =
            line.classes.len() == 1 && line.classes[0].offers == (0..line.offers.len() as u32);
        Self {
            subjects,
            line,
            ranges: if is_one { Vec::new() } else { line.offers_of_seekers() },
            free: FreePositions::new(line.offers.len()),
            has_rules: subjects.has_rules(),
        }
    }

    /// Whether the partner at a place is within the caliper; the caliper may be on another scale.
    fn reaches(&self, focal: u32, place: u32, distance: f64) -> bool {
        match self.subjects.caliper {
            None => true,
            Some(_) if self.subjects.is_on_logit() => {
                let partner = self.line.offers[place as usize];
                self.subjects.is_within_caliper(focal as usize, partner as usize)
            }
            Some(caliper) => distance <= caliper,
        }
    }

    fn allows(&self, focal: u32, place: u32, own: &[u32]) -> bool {
        if !self.has_rules && own.is_empty() {
            return true;
        }
        let partner = self.line.offers[place as usize];
        !own.contains(&partner) && self.subjects.meet_rules(focal as usize, partner as usize)
    }

    /// The first partner allowed below `end` and its distance.
    fn below(&self, look: &Look, mut end: u32) -> Option<(u32, f64)> {
        loop {
            end = self.free.end_below(end);
            if end <= look.range.start {
                return None;
            }
            let distance = look.score - self.line.offered[end as usize - 1];
            if !self.reaches(look.focal, end - 1, distance) {
                return None;
            }
            if self.allows(look.focal, end - 1, look.own) {
                return Some((end - 1, distance));
            }
            end -= 1;
        }
    }

    /// The first partner allowed at or above `place` and its distance.
    fn above(&self, look: &Look, mut place: u32) -> Option<(u32, f64)> {
        loop {
            place = self.free.at_or_above(place);
            if place >= look.range.end {
                return None;
            }
            let distance = self.line.offered[place as usize] - look.score;
            if !self.reaches(look.focal, place, distance) {
                return None;
            }
            if self.allows(look.focal, place, look.own) {
                return Some((place, distance));
            }
            place += 1;
        }
    }

    /// Whether another partner below one is allowed and as near. Nobody is when the next in line, free
    /// or not, is further away.
    fn is_tied_below(&self, look: &Look, place: u32, near: f64) -> bool {
        place > look.range.start
            && look.score - self.line.offered[place as usize - 1] == near
            && self.below(look, place).is_some_and(|(_, distance)| distance == near)
    }

    /// The same above.
    fn is_tied_above(&self, look: &Look, place: u32, near: f64) -> bool {
        place + 1 < look.range.end
            && self.line.offered[place as usize + 1] - look.score == near
            && self.above(look, place + 1).is_some_and(|(_, distance)| distance == near)
    }
}

/// Who looks, and where.
struct Look<'a> {
    focal: u32,
    score: f64,
    range: Range<u32>,
    own: &'a [u32],
}

impl Finder for OnLine<'_> {
    fn nearest(&mut self, seeker: usize, own: &[u32]) -> Option<Choice> {
        let focal = self.line.seekers[seeker];
        let all = 0..self.line.offered.len() as u32;
        let range = self.ranges.get(seeker).cloned().unwrap_or(all);
        let look = Look { focal, score: self.line.sought[seeker], range, own };
        let start = self.line.place[seeker];
        let (below, above) = (self.below(&look, start), self.above(&look, start));
        let (place, distance, is_tied) = match (below, above) {
            (Some((place, near)), Some((_, far))) if near <= far => {
                (place, near, near == far || self.is_tied_below(&look, place, near))
            }
            (_, Some((place, near))) => (place, near, self.is_tied_above(&look, place, near)),
            (Some((place, near)), None) => (place, near, self.is_tied_below(&look, place, near)),
            (None, None) => return None,
        };
        let partner = self.line.offers[place as usize];
        Some(Choice { partner, place, distance, is_tied })
    }

    fn take(&mut self, place: u32) {
        self.free.take(place);
    }
}

/// Looks within the preferred site first, and then anywhere. Places are those of the line of all.
pub(crate) struct SiteFirst<F> {
    within: F,
    anywhere: F,
    /// Place in the line of the sites of each seeker of the line of all.
    seeker_within: Vec<u32>,
    /// Place in the line of the sites of each offer of the line of all.
    offer_within: Vec<u32>,
    /// The inverse.
    offer_of_all: Vec<u32>,
}

impl<F> SiteFirst<F> {
    /// From finders on the line of the sites and on that of all.
    pub(crate) fn new(n: usize, (sites, within): (&Line, F), (all, anywhere): (&Line, F)) -> Self {
        let places = |of: &[u32], among: &[u32]| {
            let mut place = vec![0; n];
            for (k, &subject) in among.iter().enumerate() {
                place[subject as usize] = k as u32;
            }
            of.iter().map(|&subject| place[subject as usize]).collect()
        };
        Self {
            within,
            anywhere,
            seeker_within: places(&all.seekers, &sites.seekers),
            offer_within: places(&all.offers, &sites.offers),
            offer_of_all: places(&sites.offers, &all.offers),
        }
    }
}

impl<F: Finder> Finder for SiteFirst<F> {
    fn nearest(&mut self, seeker: usize, own: &[u32]) -> Option<Choice> {
        let within = self.within.nearest(self.seeker_within[seeker] as usize, own);
        let of_all =
            |choice: Choice| Choice { place: self.offer_of_all[choice.place as usize], ..choice };
        within.map(of_all).or_else(|| self.anywhere.nearest(seeker, own))
    }

    fn take(&mut self, place: u32) {
        self.within.take(self.offer_within[place as usize]);
        self.anywhere.take(place);
    }
}
