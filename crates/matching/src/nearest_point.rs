//! The nearest free partner by covariates.

use crate::free::FreePositions;
use crate::greedy::{Choice, Finder};
use crate::line::Line;
use crate::points::Points;
use crate::subjects::Subjects;
use std::ops::Range;

/// Finds the nearest partner by points among those within the caliper; of equally near ones the first
/// by id wins.
pub(crate) struct AmongPoints<'a> {
    subjects: &'a Subjects,
    line: &'a Line,
    points: &'a Points,
    ranges: Vec<Range<u32>>,
    free: FreePositions,
}

impl<'a> AmongPoints<'a> {
    pub(crate) fn new(subjects: &'a Subjects, line: &'a Line, points: &'a Points) -> Self {
        Self {
            subjects,
            line,
            points,
            ranges: line.offers_of_seekers(),
            free: FreePositions::new(line.offers.len()),
        }
    }
}

impl Finder for AmongPoints<'_> {
    fn nearest(&mut self, seeker: usize, own: &[u32]) -> Option<Choice> {
        let focal = self.line.seekers[seeker] as usize;
        let range = window(self.subjects, self.line, focal, &self.ranges[seeker]);
        let mut best: Option<(f64, u32, u32)> = None;
        let mut is_tied = false;
        let mut place = self.free.at_or_above(range.start);
        while place < range.end {
            let partner = self.line.offers[place as usize];
            if !own.contains(&partner) && self.subjects.meet_rules(focal, partner as usize) {
                let distance = self.points.squared_distance(focal, partner as usize);
                let is_equal = best.is_some_and(|(nearest, ..)| nearest == distance);
                let candidate = (distance, partner, place);
                if best.is_none_or(|nearest| candidate < nearest) {
                    is_tied = is_equal;
                    best = Some(candidate);
                } else {
                    is_tied |= is_equal;
                }
            }
            place = self.free.at_or_above(place + 1);
        }
        let choice = |(squared, partner, place): (f64, u32, u32)| Choice {
            partner,
            place,
            distance: squared.sqrt(),
            is_tied,
        };
        best.map(choice)
    }

    fn take(&mut self, place: u32) {
        self.free.take(place);
    }
}

/// Those of some offers of one class who are within the caliper of a focal subject: a range, since
/// the caliper's scale ascends along the line.
pub(crate) fn window(
    subjects: &Subjects,
    line: &Line,
    focal: usize,
    offers: &Range<u32>,
) -> Range<u32> {
    let Some(caliper) = subjects.caliper else { return offers.clone() };
    let scale = subjects.scale();
    let (start, end) = (offers.start as usize, offers.end as usize);
    let ascending = &line.offers[start..end];
    let of = |partner: u32| scale[partner as usize];
    let is_too_low = |&partner: &u32| scale[focal] - of(partner) > caliper;
    let is_in_reach = |&partner: &u32| of(partner) - scale[focal] <= caliper;
    let first = ascending.partition_point(is_too_low);
    let last = ascending.partition_point(is_in_reach);
    offers.start + first as u32..offers.start + last.max(first) as u32
}
