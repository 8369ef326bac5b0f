//! Optimal pairs: as many as there can be, with the smallest total distance.

use crate::MatchingError;
use crate::assignment::{Arcs, Cost, assign};
use crate::line::{Line, LineClass};
use crate::nearest_point::window;
use crate::on_line::{PlacePair, Stand, best_pairs, in_band};
use crate::points::Points;
use crate::sets::{Link, Links};
use crate::subjects::Subjects;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;

/// Largest number of pairs with a distance each: a gigabyte, roughly.
pub(crate) const MOST_PAIRS: usize = 80_000_000;

/// Largest number of pairs of a band, which take a byte each.
const MOST_CELLS: usize = 400_000_000;

/// Optimal pairs by score, with up to `ratio` partners each.
///
/// Along a line pairs need not cross. Single partners come from one walk, under a caliper as well
/// ([`best_pairs`]). Several come from such a walk without a caliper; where its pairs break the caliper,
/// the stretch around them is matched anew under it ([`Stretch::repaired`]).
pub(crate) fn by_score(
    subjects: &Subjects,
    line: &Line,
    ratio: usize,
) -> Result<Links, MatchingError> {
    let mut links = Links::default();
    for class in &line.classes {
        let stretch = Stretch::new(subjects, line, class, ratio);
        let is_enough = stretch.seekers.len() <= class.offers.len();
        let pairs = if ratio == 1 {
            stretch.places(stretch.walked(subjects.caliper))
        } else if is_enough {
            stretch.repaired()?
        } else {
            stretch.places(stretch.matched_anew(0..stretch.points.len())?)
        };
        links.pairs.extend(pairs.into_iter().map(|(seeker, offer)| {
            let (focal, partner) = (line.seekers[seeker], line.offers[offer]);
            let scores = [focal, partner].map(|subject| subjects.score[subject as usize]);
            Link { focal, partner, distance: (scores[0] - scores[1]).abs() }
        }));
    }
    Ok(links)
}

/// One point of a stretch: who stands there, as a place in its line.
#[derive(Clone, Copy, Debug)]
struct Point {
    stand: Stand,
    place: usize,
    /// Which of the partners of a seeker this point stands for, from 0.
    copy: usize,
}

/// Everybody of a class in ascending order; a seeker stands there once per partner.
struct Stretch<'a> {
    subjects: &'a Subjects,
    line: &'a Line,
    points: Vec<Point>,
    /// The points that seek.
    seekers: Vec<usize>,
}

impl<'a> Stretch<'a> {
    fn new(subjects: &'a Subjects, line: &'a Line, class: &LineClass, ratio: usize) -> Self {
        let ratio = ratio.min(class.offers.len());
        let mut points = Vec::with_capacity(class.offers.len() + ratio * class.seekers.len());
        let mut seekers = Vec::with_capacity(ratio * class.seekers.len());
        let mut next = class.offers.start as usize;
        let offer = |place: usize| Point { stand: Stand::Offers, place, copy: 0 };
        for seeker in class.seekers.clone() {
            let before = line.place[seeker] as usize;
            points.extend((next..before).map(offer));
            next = before;
            for copy in 0..ratio {
                seekers.push(points.len());
                points.push(Point { stand: Stand::Seeks, place: seeker, copy });
            }
        }
        points.extend((next..class.offers.end as usize).map(offer));
        Self { subjects, line, points, seekers }
    }

    fn subject(&self, point: &Point) -> usize {
        let line = match point.stand {
            Stand::Seeks => &self.line.seekers,
            Stand::Offers => &self.line.offers,
        };
        line[point.place] as usize
    }

    /// The best pairs without a caliper, and under it around every pair that breaks it.
    ///
    /// A stretch may be matched on its own when an offer is left free at each of its ends, inside and
    /// outside: somebody beyond could only be paired across an offer that is nearer and free, so
    /// no exchange across the border can gain. When the new match takes the offer at an end, the
    /// stretch is widened.
    fn repaired(&self) -> Result<Vec<PlacePair>, MatchingError> {
        let free = self.walked(None);
        let broken = self.broken(&free);
        if broken.is_empty() {
            return Ok(self.places(free));
        }
        let borders = self.borders(&free);
        let mut stretches = merged(broken.into_iter().map(|range| snapped(&borders, range)));
        let mut solved: BTreeMap<(usize, usize), Vec<PlacePair>> = BTreeMap::new();
        loop {
            let mut wider = Vec::with_capacity(stretches.len());
            for range in &stretches {
                let anew = match solved.entry((range.start, range.end)) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(unknown) => unknown.insert(self.matched_anew(range.clone())?),
                };
                wider.push(self.widened(&borders, range, anew));
            }
            if wider == stretches {
                break;
            }
            stretches = merged(wider);
        }
        let is_within = |point: usize| {
            let next = stretches.partition_point(|range| range.end <= point);
            stretches.get(next).is_some_and(|range| range.contains(&point))
        };
        let mut pairs: Vec<PlacePair> =
            free.into_iter().filter(|&(seeker, _)| !is_within(seeker)).collect();
        for range in &stretches {
            pairs.extend(solved.remove(&(range.start, range.end)).unwrap_or_default());
        }
        Ok(self.places(pairs))
    }

    /// The best pairs of points who all count the same.
    fn walked(&self, caliper: Option<f64>) -> Vec<PlacePair> {
        let along = |scale: &[f64]| -> Vec<f64> {
            self.points.iter().map(|point| scale[self.subject(point)]).collect()
        };
        let score = along(&self.subjects.score);
        let stands: Vec<Stand> = self.points.iter().map(|point| point.stand).collect();
        let logit = caliper.filter(|_| self.subjects.is_on_logit());
        let logit = logit.map(|_| along(self.subjects.scale()));
        let scale = logit.as_ref().unwrap_or(&score);
        match caliper {
            None => best_pairs(&score, &stands, |_, _| true),
            Some(caliper) => {
                best_pairs(&score, &stands, |a, b| (scale[a] - scale[b]).abs() <= caliper)
            }
        }
    }

    /// The stretches of the pairs that are wider than the caliper.
    fn broken(&self, pairs: &[PlacePair]) -> Vec<Range<usize>> {
        let subject = |point: usize| self.subject(&self.points[point]);
        pairs
            .iter()
            .filter(|&&(a, b)| !self.subjects.is_within_caliper(subject(a), subject(b)))
            .map(|&(a, b)| a.min(b)..a.max(b) + 1)
            .collect()
    }

    /// Whether a stretch may begin at each point, or end before it.
    fn borders(&self, pairs: &[PlacePair]) -> Vec<bool> {
        let n = self.points.len();
        let mut is_taken = vec![false; n];
        let mut opened = vec![0i64; n + 1];
        for &(a, b) in pairs {
            is_taken[a] = true;
            is_taken[b] = true;
            opened[a.min(b)] += 1;
            opened[a.max(b)] -= 1;
        }
        let is_free = |point: usize| !is_taken[point] && stands_at(self, point, Stand::Offers);
        let mut n_open = 0;
        (0..=n)
            .map(|point| {
                let is_crossed = n_open != 0;
                n_open += opened[point];
                let is_edge = point == 0 || point == n;
                is_edge || !is_crossed && is_free(point - 1) && is_free(point)
            })
            .collect()
    }

    /// A stretch until borders further out, where its own match takes an offer at an end.
    fn widened(&self, borders: &[bool], range: &Range<usize>, pairs: &[PlacePair]) -> Range<usize> {
        let is_taken = |point: usize| pairs.iter().any(|&(a, b)| a == point || b == point);
        let more = range.len() / 2 + 1;
        let mut wider = range.clone();
        if range.start > 0 && is_taken(range.start) {
            wider.start = range.start.saturating_sub(more);
        }
        if range.end < self.points.len() && is_taken(range.end - 1) {
            wider.end = (range.end + more).min(self.points.len());
        }
        snapped(borders, wider)
    }

    /// The best pairs of points within a stretch under the caliper.
    fn matched_anew(&self, range: Range<usize>) -> Result<Vec<PlacePair>, MatchingError> {
        let of = |stand: Stand| -> Vec<usize> {
            range.clone().filter(|&point| stands_at(self, point, stand)).collect()
        };
        let (seekers, offers) = (of(Stand::Seeks), of(Stand::Offers));
        let first = offers.first().map_or(0, |&point| self.points[point].place as u32);
        let all = first..first + offers.len() as u32;
        let mut n_cells = 0;
        let mut windows = Vec::with_capacity(seekers.len());
        for &point in &seekers {
            let reach = window(self.subjects, self.line, self.subject(&self.points[point]), &all);
            let reach = (reach.start - first) as usize..(reach.end - first) as usize;
            n_cells += reach.len();
            windows.push(reach);
        }
        if n_cells > MOST_CELLS {
            return Err(MatchingError::TooManyPairs { limit: MOST_CELLS });
        }
        let first_is_worth = self.points.len() as i64 + 1;
        let worth = |&point: &usize| if self.points[point].copy == 0 { first_is_worth } else { 1 };
        let worth: Vec<i64> = seekers.iter().map(worth).collect();
        let score = |point: usize| self.subjects.score[self.subject(&self.points[point])];
        let distance = |i: usize, j: usize| (score(seekers[i]) - score(offers[j])).abs();
        let pairs = in_band(&windows, &worth, distance);
        Ok(pairs.into_iter().map(|(i, j)| (seekers[i], offers[j])).collect())
    }

    /// Pairs of points as places of seekers and offers.
    fn places(&self, pairs: Vec<PlacePair>) -> Vec<PlacePair> {
        let place = |point: usize| self.points[point].place;
        pairs.into_iter().map(|(seeker, offer)| (place(seeker), place(offer))).collect()
    }
}

fn stands_at(stretch: &Stretch, point: usize, stand: Stand) -> bool {
    stretch.points[point].stand == stand
}

/// A range out to the nearest borders.
fn snapped(borders: &[bool], range: Range<usize>) -> Range<usize> {
    let start = (0..=range.start).rev().find(|&point| borders[point]).unwrap_or(0);
    let end = (range.end..borders.len()).find(|&point| borders[point]);
    start..end.unwrap_or(borders.len() - 1)
}

/// Ranges joined where they overlap or touch, ascending.
fn merged(ranges: impl IntoIterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = ranges.into_iter().collect();
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// Optimal pairs by any distance and under any rules, with up to `ratio` partners each.
///
/// Of those with the most focal subjects in a pair, and then the most pairs, the one with the smallest
/// total distance.
pub(crate) fn by_rules(
    subjects: &Subjects,
    line: &Line,
    points: Option<&Points>,
    ratio: usize,
) -> Result<Links, MatchingError> {
    let arcs = arcs(subjects, line, points)?;
    let ratio = ratio.min(line.offers.len());
    let n_seekers = line.seekers.len() as u32;
    let without_any = Cost { lost: i64::from(n_seekers) * ratio as i64 + 1, distance: 0.0 };
    let without_more = Cost { lost: 1, distance: 0.0 };
    let price = |copy: usize| if copy == 0 { without_any } else { without_more };
    let bidders: Vec<(u32, Cost)> = (0..ratio)
        .flat_map(|copy| (0..n_seekers).map(move |seeker| (seeker, price(copy))))
        .collect();
    let assigned = assign(&arcs, line.offers.len(), &bidders);
    let pairs = assigned.into_iter().zip(&bidders).filter_map(|(offer, &(seeker, _))| {
        let (focal, partner) = (line.seekers[seeker as usize], line.offers[offer? as usize]);
        Some(Link { focal, partner, distance: between(subjects, points, focal, partner) })
    });
    Ok(Links { pairs: pairs.collect(), n_ties: 0 })
}

/// Distance of two subjects by points or by score.
pub(crate) fn between(subjects: &Subjects, points: Option<&Points>, a: u32, b: u32) -> f64 {
    let (a, b) = (a as usize, b as usize);
    match points {
        Some(points) => points.distance(a, b),
        None => (subjects.score[a] - subjects.score[b]).abs(),
    }
}

/// Every pair that is allowed, by place of the seeker and of the offer.
pub(crate) fn arcs(
    subjects: &Subjects,
    line: &Line,
    points: Option<&Points>,
) -> Result<Arcs, MatchingError> {
    let mut arcs = Arcs::new();
    for (&focal, offers) in line.seekers.iter().zip(line.offers_of_seekers()) {
        for place in window(subjects, line, focal as usize, &offers) {
            let partner = line.offers[place as usize];
            if subjects.meet_rules(focal as usize, partner as usize) {
                arcs.push(place, between(subjects, points, focal, partner));
            }
        }
        if arcs.len() > MOST_PAIRS {
            return Err(MatchingError::TooManyPairs { limit: MOST_PAIRS });
        }
        arcs.close_row();
    }
    Ok(arcs)
}
