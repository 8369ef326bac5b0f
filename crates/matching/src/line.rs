//! Subjects in line by class, then score, then id.

use crate::subjects::{Role, Subjects};
use numerics::radix::{key_of, order_by_key};
use std::ops::Range;

/// Those who seek partners and those who offer themselves, each in line.
pub(crate) struct Line {
    /// Those who seek, in line.
    pub seekers: Vec<u32>,
    /// How many of those who offer stand before each seeker.
    pub place: Vec<u32>,
    /// Those who offer, in line.
    pub offers: Vec<u32>,
    /// Scores of those who seek, in line; empty without scores.
    pub sought: Vec<f64>,
    /// Scores of those who offer, in line; empty without scores.
    pub offered: Vec<f64>,
    /// The offers of each class that occurs among the seekers, and where its seekers end.
    pub classes: Vec<LineClass>,
}

/// One class of a line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LineClass {
    /// Places of its seekers.
    pub seekers: Range<usize>,
    /// Places of its offers.
    pub offers: Range<u32>,
}

impl Line {
    /// The line within these classes, all of them one when the list is empty; without scores everybody
    /// of a class stands in id order.
    pub(crate) fn new(subjects: &Subjects, class: &[u32]) -> Self {
        let n_seekers = subjects.roles.iter().filter(|role| role.seeks()).count();
        let n_offers = subjects.roles.iter().filter(|role| role.offers()).count();
        // The lists come after what is needed for a while, so that it leaves room for others.
        let InOrder { subjects: in_order, scores } = in_order(subjects, class);
        let mut both = Both::with_room(n_seekers, n_offers);
        let mut classes: Vec<LineClass> = Vec::new();
        let of = |&subject: &u32| class.get(subject as usize).copied().unwrap_or(0);
        let mut n_before = 0;
        for of_class in in_order.chunk_by(|a, b| of(a) == of(b)) {
            let (seekers, offers) = (both.n_seekers, both.n_offers as u32);
            let scores = scores.get(n_before..).unwrap_or_default();
            both.extend(&subjects.roles, of_class, scores);
            n_before += of_class.len();
            if both.n_seekers > seekers {
                let (seekers, offers) = (seekers..both.n_seekers, offers..both.n_offers as u32);
                classes.push(LineClass { seekers, offers });
            }
        }
        both.seekers.truncate(n_seekers);
        both.place.truncate(n_seekers);
        both.offers.truncate(n_offers);
        both.sought.truncate(if scores.is_empty() { 0 } else { n_seekers });
        both.offered.truncate(if scores.is_empty() { 0 } else { n_offers });
        let Both { seekers, place, offers, sought, offered, .. } = both;
        Self { seekers, place, offers, sought, offered, classes }
    }

    /// The offers of the class of each seeker.
    pub(crate) fn offers_of_seekers(&self) -> Vec<Range<u32>> {
        let of_class = |class: &LineClass| vec![class.offers.clone(); class.seekers.len()];
        self.classes.iter().flat_map(of_class).collect()
    }
}

/// Those who seek and those who offer, as far as they are in line.
///
/// Everybody is written to both lists and stays in one, since a branch could not be foretold; there is
/// room for one more in each.
struct Both {
    seekers: Vec<u32>,
    place: Vec<u32>,
    offers: Vec<u32>,
    sought: Vec<f64>,
    offered: Vec<f64>,
    n_seekers: usize,
    n_offers: usize,
}

impl Both {
    fn with_room(n_seekers: usize, n_offers: usize) -> Self {
        Self {
            seekers: vec![0; n_seekers + 1],
            place: vec![0; n_seekers + 1],
            offers: vec![0; n_offers + 1],
            sought: vec![0.0; n_seekers + 1],
            offered: vec![0.0; n_offers + 1],
            n_seekers: 0,
            n_offers: 0,
        }
    }

    /// Adds subjects in line; their scores, if there are any, come first in `scores`.
    fn extend(&mut self, roles: &[Role], subjects: &[u32], scores: &[f64]) {
        let (mut n_seekers, mut n_offers) = (self.n_seekers, self.n_offers);
        let mut scores = scores.iter().copied();
        for &subject in subjects {
            let role = roles[subject as usize];
            let score = scores.next().unwrap_or(0.0);
            self.seekers[n_seekers] = subject;
            self.place[n_seekers] = n_offers as u32;
            self.sought[n_seekers] = score;
            self.offers[n_offers] = subject;
            self.offered[n_offers] = score;
            n_seekers += usize::from(role.seeks());
            n_offers += usize::from(role.offers());
        }
        (self.n_seekers, self.n_offers) = (n_seekers, n_offers);
    }
}

/// Subjects by class, then score, then index, and their scores, if they have any.
struct InOrder {
    subjects: Vec<u32>,
    scores: Vec<f64>,
}

fn in_order(subjects: &Subjects, class: &[u32]) -> InOrder {
    let by_score = match &*subjects.score {
        [] => InOrder { subjects: (0..subjects.len() as u32).collect(), scores: Vec::new() },
        score => by_score(score),
    };
    let n_classes = class.iter().max().map_or(0, |&last| last as usize + 1);
    if n_classes <= 1 {
        return by_score;
    }
    let mut next = vec![0u32; n_classes + 1];
    for &class in class {
        next[class as usize + 1] += 1;
    }
    for class in 0..n_classes {
        next[class + 1] += next[class];
    }
    let mut by_class = InOrder {
        subjects: vec![0; by_score.subjects.len()],
        scores: vec![0.0; by_score.scores.len()],
    };
    let mut scores = by_score.scores.into_iter();
    for subject in by_score.subjects {
        let slot = &mut next[class[subject as usize] as usize];
        by_class.subjects[*slot as usize] = subject;
        if let Some(score) = scores.next() {
            by_class.scores[*slot as usize] = score;
        }
        *slot += 1;
    }
    by_class
}

/// Bits of cells beyond those that number the subjects: few subjects then share a cell with another.
const SPARE_BITS: u32 = 5;

/// Subjects by score, then index: by cells of equal width between the extremes, most of which hold one
/// score at most, and within cells by comparison.
fn by_score(score: &[f64]) -> InOrder {
    let (min, max) = extremes(score);
    let n_cells = 1u64 << (usize::BITS - score.len().leading_zeros() + SPARE_BITS);
    let per_unit = (n_cells - 1) as f64 / (max - min);
    let per_unit = if per_unit.is_finite() { per_unit } else { 0.0 };
    let cell = |score: f64| ((score - min) * per_unit) as u64;
    let mut subjects = order_by_key(score.len(), |subject| cell(score[subject]));
    // Minus zero becomes zero.
    let score_of = |&subject: &u32| score[subject as usize] + 0.0;
    let mut scores: Vec<f64> = subjects.iter().map(score_of).collect();
    let mut next = 1;
    while let Some(steps) = scores[next - 1..].windows(2).position(|two| two[0] > two[1]) {
        // Subjects of a cell stand in the order of their indexes.
        let descent = next + steps;
        let of_cell = cell(scores[descent]);
        let is_other = |&score: &f64| cell(score) != of_cell;
        let first = scores[..descent].iter().rposition(is_other).map_or(0, |last| last + 1);
        let n_after = scores[descent..].iter().position(is_other);
        let end = n_after.map_or(scores.len(), |n_after| descent + n_after);
        subjects[first..end].sort_by_key(|&subject| key_of(score[subject as usize]));
        for (score, subject) in scores[first..end].iter_mut().zip(&subjects[first..end]) {
            *score = score_of(subject);
        }
        next = end;
    }
    InOrder { subjects, scores }
}

/// The smallest and the largest score.
fn extremes(score: &[f64]) -> (f64, f64) {
    // Several columns, which do not wait for each other.
    const COLUMNS: usize = 8;
    let mut min = [f64::INFINITY; COLUMNS];
    let mut max = [f64::NEG_INFINITY; COLUMNS];
    for scores in score.chunks(COLUMNS) {
        for (column, &score) in scores.iter().enumerate() {
            min[column] = if score < min[column] { score } else { min[column] };
            max[column] = if score > max[column] { score } else { max[column] };
        }
    }
    (
        min.into_iter().fold(f64::INFINITY, f64::min),
        max.into_iter().fold(f64::NEG_INFINITY, f64::max),
    )
}
