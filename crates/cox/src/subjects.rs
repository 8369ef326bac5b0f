//! The subjects of a model in risk order, as far as sums over risk sets need them.

mod recounted;

use cohort::{Endpoint, RiskOrder, TieGroup};
use numerics::compact::{CompactRows, Window};
use numerics::lanes::{F64x8, Lanes};
use numerics::rows::Rows;
use numerics::sum::total;
use std::ops::Range;

pub(crate) use recounted::Recounted;

/// Subjects and columns, prepared once per model. A *position* counts subjects in risk order.
#[derive(Clone, Debug)]
pub(crate) struct Subjects {
    /// The tie groups.
    spans: Vec<Span>,
    late_entry: Option<LateEntry>,
    /// Ranges of groups in the order of the walk, from the last to the first.
    batches: Vec<Range<usize>>,
    /// One row per position, its columns at mean 0 and standard deviation 1. They stand batch by
    /// batch, so that the walk backwards in time goes forwards in memory.
    rows: CompactRows,
    /// The row of each position.
    row_of: Vec<u32>,
    /// Standard deviation of each column in the caller's unit.
    scales: Vec<f64>,
    /// Case weight of each position; absent when everyone counts once.
    weights: Option<Vec<f64>>,
    /// How many subjects who are alike each position stands for; absent = one. Their weight is that of
    /// all of them.
    copies: Option<Vec<u32>>,
    /// Known part of the linear predictor of each position; absent = 0.
    offset: Option<Vec<f64>>,
}

/// When subjects enter who are not followed from the start.
#[derive(Clone, Debug)]
struct LateEntry {
    /// For each position the first group whose time is later than its entry.
    first_group: Vec<u32>,
    /// The group of each position.
    group: Vec<u32>,
    /// Positions by their first group.
    by_entry: Vec<u32>,
    /// Where in `by_entry` those of each group begin, and at last its length.
    starts: Vec<u32>,
}

/// A tie group in as few bytes as a walk over many of them needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    start: u32,
    first_censored: u32,
    end: u32,
    /// Whether it is the last of its stratum in time.
    pub is_last: bool,
}

impl Span {
    /// Positions of those with an event.
    #[inline(always)]
    pub fn events(self) -> Range<usize> {
        self.start as usize..self.first_censored as usize
    }

    /// Positions of those censored.
    #[inline(always)]
    pub fn censored(self) -> Range<usize> {
        self.first_censored as usize..self.end as usize
    }

    /// Positions of everyone whose follow-up ends here.
    #[inline(always)]
    pub fn all(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The only position, if there is one alone, and whether it has an event.
    #[inline(always)]
    pub fn single(self) -> Option<(usize, bool)> {
        let is_single = self.end == self.start + 1;
        is_single.then_some((self.start as usize, self.first_censored == self.end))
    }
}

impl Subjects {
    /// Standardises the columns and puts them in risk order.
    pub fn new(endpoint: &Endpoint, order: &RiskOrder, columns: &[&[f64]]) -> Self {
        let groups = order.groups();
        let (spans, mut batches, mut row_of) = (spans(groups), Vec::new(), Vec::new());
        cut_into_batches(&spans, &mut batches);
        place_rows(&spans, &batches, &mut row_of);
        let mut subjects = Vec::with_capacity(row_of.len());
        for batch in &batches {
            subjects.extend_from_slice(&order.order()[positions_of(&spans, batch)]);
        }
        let (rows, scales) = CompactRows::new(columns, &subjects);
        Self {
            spans,
            late_entry: LateEntry::new(endpoint, order),
            batches,
            rows,
            row_of,
            scales: scales.iter().map(|scale| scale.scale).collect(),
            weights: None,
            copies: None,
            offset: None,
        }
    }

    /// The same subjects with these case weights and offsets, one per position.
    pub fn with(self, weights: Option<Vec<f64>>, offset: Option<Vec<f64>>) -> Self {
        Self { weights, offset, ..self }
    }

    /// Case weight of each position; absent when everyone counts once.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// Known part of the linear predictor of each position; absent = 0.
    pub fn offsets(&self) -> Option<&[f64]> {
        self.offset.as_deref()
    }

    /// Case weight of a position.
    #[inline]
    pub fn weight(&self, position: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[position])
    }

    /// Known part of the linear predictor of a position.
    #[inline]
    pub fn offset(&self, position: usize) -> f64 {
        self.offset.as_ref().map_or(0.0, |offset| offset[position])
    }

    /// Sum of some values, each times its case weight.
    #[inline]
    pub fn weighted_total(&self, values: &[f64], positions: Range<usize>) -> f64 {
        match &self.weights {
            Some(weights) => positions.map(|position| weights[position] * values[position]).sum(),
            None => total(&values[positions]),
        }
    }

    /// Sum of the case weights of some positions.
    #[inline]
    pub fn total_weight(&self, positions: Range<usize>) -> f64 {
        match &self.weights {
            Some(weights) => total(&weights[positions]),
            None => positions.len() as f64,
        }
    }

    /// Sum of the case weights of all with an event.
    pub fn total_weight_of_events(&self) -> f64 {
        self.spans.iter().map(|span| self.total_weight(span.events())).sum()
    }

    /// How many events some positions with one stand for.
    #[inline(always)]
    pub fn n_events(&self, positions: Range<usize>) -> usize {
        match &self.copies {
            Some(copies) => copies[positions].iter().map(|&copies| copies as usize).sum(),
            None => positions.len(),
        }
    }

    /// Whether a position may stand for several subjects.
    #[inline(always)]
    pub fn has_copies(&self) -> bool {
        self.copies.is_some()
    }

    pub fn n(&self) -> usize {
        self.row_of.len()
    }

    pub fn p(&self) -> usize {
        self.scales.len()
    }

    /// Number of tie groups.
    #[inline]
    pub fn n_groups(&self) -> usize {
        self.spans.len()
    }

    /// A tie group.
    #[inline(always)]
    pub fn span(&self, index: usize) -> Span {
        self.spans[index]
    }

    /// Eight columns of a position, from column `8 block` on.
    #[inline(always)]
    pub fn block<L: Lanes>(&self, lanes: L, position: usize, block: usize) -> F64x8<L> {
        self.rows.block(lanes, self.row_of[position] as usize, block)
    }

    /// Room for the rows of a batch.
    pub fn window(&self) -> Window {
        self.rows.window(self.n().min(BATCH))
    }

    /// Brings the columns of successive positions within a batch into a window.
    pub fn widen(&self, positions: &Range<usize>, window: &mut Window) {
        let start = self.row_of[positions.start] as usize;
        self.rows.widen(start..start + positions.len(), window);
    }

    /// Fetches the columns of those whom a walk over the groups of a batch leaves behind.
    pub fn fetch_not_yet_entered(&self, batch: &Range<usize>) {
        if let Some(late) = &self.late_entry {
            let last = (batch.end + 1).min(late.starts.len() - 1);
            let entering = late.entering(batch.start + 1..last);
            let row = |&position: &u32| self.row_of[position as usize] as usize;
            self.rows.fetch(entering.iter().map(row));
        }
    }

    /// Where the rows of a window are, from [`Window::start`] on.
    #[inline(always)]
    pub fn rows<'b>(&'b self, window: &'b Window) -> &'b Rows {
        self.rows.rows(window)
    }

    /// Groups in the order of the walk, from the last to the first, several at a time so that the
    /// rows of a batch stay in the first cache where no single group is larger than that.
    pub fn batches(&self) -> &[Range<usize>] {
        &self.batches
    }

    /// Standard deviation of each column in the caller's unit.
    pub fn scales(&self) -> &[f64] {
        &self.scales
    }

    /// The first group at which a position is at risk, when that is not the first of its stratum.
    pub fn first_groups(&self) -> Option<&[u32]> {
        self.late_entry.as_ref().map(|late| late.first_group.as_slice())
    }

    /// Positions of consecutive groups.
    #[inline]
    pub fn positions(&self, groups: &Range<usize>) -> Range<usize> {
        positions_of(&self.spans, groups)
    }

    /// The positions of a stratum by the group at which they are first at risk; none when everyone is
    /// followed from the start.
    pub fn by_entry(&self, positions: &Range<usize>) -> &[u32] {
        self.late_entry.as_ref().map_or(&[], |late| &late.by_entry[positions.clone()])
    }

    /// Whether everyone is followed from the start.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.late_entry.is_none()
    }

    /// Those at risk at the group after this one who have not entered yet at this one, each with its
    /// own group.
    #[inline]
    pub fn not_yet_entered(&self, index: usize) -> impl ExactSizeIterator<Item = (usize, usize)> {
        let late = self.late_entry.as_ref().filter(|_| !self.spans[index].is_last);
        let entering = late.map_or(&[][..], |late| late.entering(index + 1..index + 2));
        entering.iter().map(move |&position| {
            let position = position as usize;
            (position, late.map_or(index, |late| late.group[position] as usize))
        })
    }
}

/// Most positions of a batch of several groups.
pub(crate) const BATCH: usize = 128;

/// With more times than this to a subject of a stratum, a table of them is not worth its making.
const MOST_TIMES_PER_SUBJECT: usize = 4;

impl LateEntry {
    /// Absent when everyone is followed from the start.
    fn new(endpoint: &Endpoint, order: &RiskOrder) -> Option<Self> {
        let (entry, entries) = (endpoint.entry()?, endpoint.time_codes().entries()?);
        let times = endpoint.time_codes().times();
        let mut late = Self {
            first_group: vec![0; entry.len()],
            group: vec![0; entry.len()],
            by_entry: Vec::new(),
            starts: Vec::new(),
        };
        let (mut start, mut first_after) = (0, Vec::new());
        for stratum in order.strata() {
            let positions = stratum[0].events.start..stratum[stratum.len() - 1].censored.end;
            let subjects = &order.order()[positions.clone()];
            let first_groups = subjects.iter().zip(&mut late.first_group[positions]);
            if times.len() <= MOST_TIMES_PER_SUBJECT * subjects.len() {
                groups_after(times, stratum, &mut first_after);
                for (&subject, first) in first_groups {
                    *first = start + first_after[entries.at(subject as usize) as usize];
                }
            } else {
                for (&subject, first) in first_groups {
                    let is_before = |group: &TieGroup| group.time <= entry[subject as usize];
                    *first = start + stratum.partition_point(is_before) as u32;
                }
            }
            for (index, group) in (start..).zip(stratum) {
                late.group[group.all()].fill(index);
            }
            start += stratum.len() as u32;
        }
        late.sort(order.groups().len());
        Some(late)
    }

    /// The positions that are first at risk at some of the groups.
    #[inline]
    fn entering(&self, groups: Range<usize>) -> &[u32] {
        &self.by_entry[self.starts[groups.start] as usize..self.starts[groups.end] as usize]
    }

    /// Puts positions in the order of their first groups.
    fn sort(&mut self, n_groups: usize) {
        let Self { first_group, by_entry, starts, .. } = self;
        starts.clear();
        starts.resize(n_groups + 2, 0);
        first_group.iter().for_each(|&group| starts[group as usize + 2] += 1);
        for group in 0..n_groups {
            starts[group + 2] += starts[group + 1];
        }
        by_entry.resize(first_group.len(), 0);
        // What is moved on is where the next of a group goes; in the end, where the next group begins.
        for (position, &group) in (0..).zip(first_group.iter()) {
            let next = &mut starts[group as usize + 1];
            by_entry[*next as usize] = position;
            *next += 1;
        }
        starts.pop();
    }
}

/// For each of the ascending times how many groups of a stratum are not after it.
fn groups_after(times: &[f64], stratum: &[TieGroup], first_after: &mut Vec<u32>) {
    let mut groups = stratum.iter().peekable();
    let mut n_groups = 0;
    first_after.clear();
    first_after.extend(times.iter().map(|time| {
        while groups.next_if(|group| group.time <= *time).is_some() {
            n_groups += 1;
        }
        n_groups
    }));
}

fn spans(groups: &[TieGroup]) -> Vec<Span> {
    let span = |(index, group): (usize, &TieGroup)| Span {
        start: group.events.start as u32,
        first_censored: group.events.end as u32,
        end: group.censored.end as u32,
        is_last: groups.get(index + 1).is_none_or(|later| later.stratum != group.stratum),
    };
    groups.iter().enumerate().map(span).collect()
}

/// Positions of consecutive groups.
#[inline]
fn positions_of(spans: &[Span], groups: &Range<usize>) -> Range<usize> {
    spans[groups.start].start as usize..spans[groups.end - 1].end as usize
}

/// Groups from the last to the first, so many at a time as fit.
fn cut_into_batches(spans: &[Span], batches: &mut Vec<Range<usize>>) {
    batches.clear();
    let mut end = spans.len();
    while let Some(last) = spans[..end].last() {
        let fits = |span: &Span| (last.end - span.start) as usize <= BATCH;
        let start = spans[..end].iter().rposition(|span| !fits(span)).map_or(0, |large| large + 1);
        batches.push(start.min(end - 1)..end);
        end = start.min(end - 1);
    }
}

/// The row of each position when one batch comes after the other.
fn place_rows(spans: &[Span], batches: &[Range<usize>], row_of: &mut Vec<u32>) {
    row_of.clear();
    row_of.resize(spans.last().map_or(0, |last| last.end as usize), 0);
    let mut row = 0;
    for batch in batches {
        for row_of in &mut row_of[positions_of(spans, batch)] {
            *row_of = row;
            row += 1;
        }
    }
}
