//! The subjects of a replicate: those of a sample, each as often as it counts.

use super::{Span, Subjects, cut_into_batches, place_rows};
use cohort::Counting;
use std::ops::Range;

/// The subjects of one replicate after the other, in memory that is used again.
///
/// Nothing is sorted and nothing standardised anew: who counts is taken over in the order of the sample,
/// with its columns as they are there.
#[derive(Clone, Debug)]
pub(crate) struct Recounted {
    subjects: Subjects,
    /// The position in the sample of each position, and after them nothing of meaning.
    kept: Vec<u32>,
    /// For each group of the sample the first group here that is not before it.
    next_group: Vec<u32>,
    /// The row in the sample of each row.
    rows: Vec<u32>,
}

impl Recounted {
    /// Room for replicates of a sample.
    pub fn new(sample: &Subjects) -> Self {
        Self {
            subjects: sample.clone(),
            kept: vec![0; sample.n() + 1],
            next_group: Vec::with_capacity(sample.n_groups()),
            rows: Vec::with_capacity(sample.n()),
        }
    }

    /// The replicate that was counted last.
    pub fn subjects(&self) -> &Subjects {
        &self.subjects
    }

    /// Goes on to the replicate in which each position of the sample counts so often. With
    /// [`Counting::Weights`] everybody stays, whatever the weight.
    pub fn count(&mut self, sample: &Subjects, counts: &[f64], counting: Counting) {
        let n = self.keep(sample, counts, counting);
        let Self { subjects, kept, rows, .. } = self;
        let Subjects { spans, batches, row_of, .. } = subjects;
        cut_into_batches(spans, batches);
        place_rows(spans, batches, row_of);
        rows.clear();
        for batch in batches.iter() {
            let kept = &kept[super::positions_of(spans, batch)];
            rows.extend(kept.iter().map(|&position| sample.row_of[position as usize]));
        }
        subjects.rows.take_rows(&sample.rows, rows.iter().map(|&row| row as usize));
        self.weigh(sample, counts, counting, n);
        self.enter(sample, n);
    }

    /// Says who stays, and groups them; answers how many they are.
    fn keep(&mut self, sample: &Subjects, counts: &[f64], counting: Counting) -> usize {
        let Self { subjects, kept, next_group, .. } = self;
        let (spans, mut n, mut first_of_stratum) = (&mut subjects.spans, 0, 0);
        let stays = |position: usize| counting == Counting::Weights || counts[position] > 0.0;
        // Who stays is hard to foretell, so that nothing branches on it.
        let mut keep = |positions: Range<usize>, mut n: usize| {
            for position in positions {
                kept[n] = position as u32;
                n += usize::from(stays(position));
            }
            n
        };
        spans.clear();
        next_group.clear();
        for span in &sample.spans {
            next_group.push(spans.len() as u32);
            let start = n as u32;
            n = keep(span.events(), n);
            let first_censored = n as u32;
            n = keep(span.censored(), n);
            if start < n as u32 {
                spans.push(Span { start, first_censored, end: n as u32, is_last: false });
            }
            if span.is_last {
                let last = spans[first_of_stratum..].last_mut();
                last.into_iter().for_each(|last| last.is_last = true);
                first_of_stratum = spans.len();
            }
        }
        n
    }

    /// Gives everybody who stays a weight.
    fn weigh(&mut self, sample: &Subjects, counts: &[f64], counting: Counting, n: usize) {
        let Self { subjects, kept, .. } = self;
        let kept = || kept[..n].iter().map(|&position| position as usize);
        let weights = subjects.weights.get_or_insert_default();
        weights.clear();
        match &sample.weights {
            Some(own) => weights.extend(kept().map(|position| own[position] * counts[position])),
            None => weights.extend(kept().map(|position| counts[position])),
        }
        match counting {
            Counting::Weights => subjects.copies = None,
            Counting::Subjects => {
                let copies = subjects.copies.get_or_insert_default();
                copies.clear();
                copies.extend(kept().map(|position| counts[position] as u32));
            }
        }
        if let (Some(offset), Some(own)) = (&mut subjects.offset, &sample.offset) {
            offset.clear();
            offset.extend(kept().map(|position| own[position]));
        }
    }

    /// Says at which group each of them enters.
    fn enter(&mut self, sample: &Subjects, n: usize) {
        let Self { subjects, kept, next_group, .. } = self;
        let (Some(late), Some(own)) = (&mut subjects.late_entry, &sample.late_entry) else {
            return;
        };
        let new = |groups: &[u32], position: u32| next_group[groups[position as usize] as usize];
        late.first_group.clear();
        late.group.clear();
        for &position in &kept[..n] {
            late.first_group.push(new(&own.first_group, position));
            late.group.push(new(&own.group, position));
        }
        late.sort(subjects.spans.len());
    }
}
