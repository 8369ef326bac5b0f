//! Subjects in line by class, then score, then id.

use crate::subjects::Subjects;
use numerics::radix::order_by_key;
use std::ops::Range;

/// Those who seek partners and those who offer themselves, each in line.
pub(crate) struct Line {
    /// Those who seek, in line.
    pub seekers: Vec<u32>,
    /// How many of those who offer stand before each seeker.
    pub place: Vec<u32>,
    /// Those who offer, in line.
    pub offers: Vec<u32>,
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
    /// The line within these classes; without scores everybody of a class stands in id order.
    pub(crate) fn new(subjects: &Subjects, class: &[u32]) -> Self {
        let n = subjects.len();
        let (mut seekers, mut place, mut offers) = (vec![0; n], vec![0; n], vec![0; n]);
        let (mut n_seekers, mut n_offers) = (0, 0);
        let mut classes: Vec<LineClass> = Vec::new();
        let mut of_class = None;
        for subject in order(&subjects.score, class) {
            let index = subject as usize;
            if of_class != Some(class[index]) {
                of_class = Some(class[index]);
                close(&mut classes, n_seekers, n_offers);
                let (seekers, offers) = (n_seekers..n_seekers, n_offers as u32..n_offers as u32);
                classes.push(LineClass { seekers, offers });
            }
            // Written to both lines and kept in one, since a branch could not be foretold.
            seekers[n_seekers] = subject;
            place[n_seekers] = n_offers as u32;
            offers[n_offers] = subject;
            n_seekers += usize::from(subjects.seeks(index));
            n_offers += usize::from(subjects.offers(index));
        }
        close(&mut classes, n_seekers, n_offers);
        classes.retain(|class| !class.seekers.is_empty());
        seekers.truncate(n_seekers);
        place.truncate(n_seekers);
        offers.truncate(n_offers);
        Self { seekers, place, offers, classes }
    }

    /// The offers of the class of each seeker.
    pub(crate) fn offers_of_seekers(&self) -> Vec<Range<u32>> {
        let of_class = |class: &LineClass| vec![class.offers.clone(); class.seekers.len()];
        self.classes.iter().flat_map(of_class).collect()
    }
}

/// Ends the last class here.
fn close(classes: &mut [LineClass], n_seekers: usize, n_offers: usize) {
    if let Some(class) = classes.last_mut() {
        class.seekers.end = n_seekers;
        class.offers.end = n_offers as u32;
    }
}

/// Subjects by class, then score, then index.
fn order(score: &[f64], class: &[u32]) -> Vec<u32> {
    let by_score = match score {
        [] => (0..class.len() as u32).collect(),
        _ => order_by_key(score.len(), |subject| sortable(score[subject])),
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
    let mut order = vec![0; by_score.len()];
    for subject in by_score {
        let slot = &mut next[class[subject as usize] as usize];
        order[*slot as usize] = subject;
        *slot += 1;
    }
    order
}

/// A word that ascends with a number, which is not NaN and no minus zero.
fn sortable(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}
