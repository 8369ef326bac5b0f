//! The subjects of a model in risk order: their standardised columns, who is at risk when, and how
//! large the risk of each is.

use cohort::{Design, Endpoint, RiskOrder, TieGroup};
use numerics::compact::{CompactRows, Window};
use numerics::elementary::{exp, exp8};
use numerics::lanes::{F64x8, Kernel, LANES, Lanes, run};
use numerics::rows::{Padded, Rows};
use numerics::sum::total;
use std::ops::Range;
use std::sync::OnceLock;

/// Subjects and columns, prepared once per model. A *position* counts subjects in risk order.
#[derive(Clone, Debug)]
pub(crate) struct RiskSets<'a> {
    order: &'a RiskOrder,
    /// `order.groups()` in short.
    spans: Vec<Span>,
    /// Ranges of `order.groups()`, one per stratum.
    strata: Vec<Range<usize>>,
    late_entry: Option<LateEntry>,
    /// Ranges of `order.groups()` in the order of the walk, from the last to the first.
    batches: Vec<Range<usize>>,
    /// One row per position, its columns at mean 0 and standard deviation 1. They stand batch by
    /// batch, so that the walk backwards in time goes forwards in memory.
    rows: CompactRows,
    /// The row of each position.
    row_of: Vec<u32>,
    /// Column after column, each in risk order; made when first asked for.
    columns: OnceLock<Vec<f64>>,
    /// Standard deviation of each column in the caller's unit.
    scales: Vec<f64>,
    /// Case weight of each position; absent when everyone counts once.
    weights: Option<Vec<f64>>,
    /// Known part of the linear predictor of each position; absent = 0.
    offset: Option<Vec<f64>>,
    /// Positions that are at risk for ever; absent = none.
    stays: Option<Vec<bool>>,
}

/// When subjects enter who are not followed from the start.
#[derive(Clone, Debug)]
struct LateEntry {
    /// Entry of each position.
    entry: Vec<f64>,
    /// For each position the first group whose time is later than its entry.
    first_group: Vec<usize>,
    /// The group of each position.
    group: Vec<u32>,
    /// Positions by their first group.
    by_entry: Vec<usize>,
    /// Where in `by_entry` those of each group begin, and at last its length.
    starts: Vec<usize>,
}

/// `w exp(x'beta)` of everyone, in units that never leave the range of a number; `w` is the case
/// weight.
///
/// The unit of a group cancels from every quotient. Seen backwards it changes only where the largest
/// `exp(x'beta)` of those at risk comes too far from it, so that one unit serves nearly every model,
/// while a coefficient on its way to infinity underflows where it must: in the subjects that no
/// longer count.
#[derive(Clone, Debug)]
pub(crate) struct Risks {
    /// `x'beta` of each position, less the logarithm of the unit of its group.
    pub eta: Vec<f64>,
    /// `w exp` of that.
    pub risk: Vec<f64>,
    /// Logarithm of the unit of each group, within a stratum never rising with time; unless all are 0.
    unit: Vec<f64>,
    is_uniform: bool,
    beta: Padded,
    window: Window,
}

/// A unit serves as long as the logarithms of the largest risks are no further from it; then the
/// squares of all sums of risks are well within the range of a number.
pub(crate) const NEAR: f64 = 64.0;

impl Risks {
    pub fn new(sets: &RiskSets) -> Self {
        Self {
            eta: vec![0.0; sets.n()],
            risk: vec![0.0; sets.n()],
            unit: vec![0.0; sets.groups().len()],
            is_uniform: true,
            beta: Padded::zeros(sets.p()),
            window: sets.window(),
        }
    }

    /// The window with the batch that was evaluated last.
    #[inline]
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Begins an evaluation by [`RiskSets::evaluate_batch`] with these coefficients.
    pub fn begin(&mut self, beta: &[f64]) {
        self.beta.set(beta);
        self.is_uniform = true;
    }

    /// Whether one unit serves all groups.
    #[inline]
    pub fn is_uniform(&self) -> bool {
        self.is_uniform
    }

    /// The unit of one group in units of another.
    #[inline]
    pub fn carry(&self, from: usize, to: usize) -> f64 {
        if self.is_uniform {
            return 1.0;
        }
        let difference = self.unit[from] - self.unit[to];
        if difference == 0.0 { 1.0 } else { exp(difference) }
    }
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

/// Sums over a risk set that grows backwards in time, and over the deaths in it.
pub(crate) trait RunningSums {
    /// Nobody is at risk.
    fn clear(&mut self);
    /// Everything in another unit.
    fn scale(&mut self, factor: f64);
    /// Nobody dies.
    fn clear_deaths(&mut self);
    /// A subject with the risk `r` is at risk from here on.
    fn join(&mut self, sets: &RiskSets, position: usize, r: f64);
    /// It is not any more.
    fn leave(&mut self, sets: &RiskSets, position: usize, r: f64) {
        self.join(sets, position, -r);
    }
    /// It dies here.
    fn die(&mut self, sets: &RiskSets, position: usize, r: f64);
    /// Those who die are at risk from here on.
    fn add_deaths(&mut self);
}

impl<'a> RiskSets<'a> {
    /// Standardises the columns and puts them in risk order.
    pub fn new(endpoint: &Endpoint, order: &'a RiskOrder, design: &Design) -> Self {
        let columns = design.columns.iter().map(|column| column.values.as_slice());
        Self::of_columns(endpoint, order, &columns.collect::<Vec<_>>())
    }

    /// The same for columns that make no design.
    pub fn of_columns(endpoint: &Endpoint, order: &'a RiskOrder, columns: &[&[f64]]) -> Self {
        let batches = batches(order.groups());
        let row_of = rows_by_batch(order.groups(), &batches);
        let mut subjects = Vec::with_capacity(row_of.len());
        for batch in &batches {
            let (first, last) = (&order.groups()[batch.start], &order.groups()[batch.end - 1]);
            subjects.extend_from_slice(&order.order()[first.all().start..last.all().end]);
        }
        let (rows, scales) = CompactRows::new(columns, &subjects);
        let scales = scales.iter().map(|scale| scale.scale).collect();
        let strata = strata(order);
        let late_entry = endpoint.entry().map(|entry| LateEntry::new(entry, order, &strata));
        Self {
            order,
            spans: spans(order.groups()),
            strata,
            late_entry,
            batches,
            rows,
            row_of,
            columns: OnceLock::new(),
            scales,
            weights: None,
            offset: None,
            stays: None,
        }
    }

    /// The same subjects with these case weights and offsets, one per subject in the caller's order.
    pub fn with(self, weights: Option<&[f64]>, offset: Option<&[f64]>) -> Self {
        let weights = weights.map(|weights| self.in_risk_order(weights));
        let offset = offset.map(|offset| self.in_risk_order(offset));
        Self { weights, offset, ..self }
    }

    /// The same, where these positions are at risk for ever, as after an event of a competing cause.
    pub fn staying(self, stays: Vec<bool>) -> Self {
        Self { stays: Some(stays), ..self }
    }

    /// Whether a position is at risk for ever, as far as order matters.
    #[inline]
    pub fn stays(&self, position: usize) -> bool {
        self.stays.as_ref().is_some_and(|stays| stays[position])
    }

    /// Whether some count more than others.
    pub fn has_weights(&self) -> bool {
        self.weights.is_some()
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

    pub fn n(&self) -> usize {
        self.order.order().len()
    }

    pub fn p(&self) -> usize {
        self.scales.len()
    }

    #[inline]
    pub fn groups(&self) -> &[TieGroup] {
        self.order.groups()
    }

    /// A group in short.
    #[inline(always)]
    pub fn span(&self, index: usize) -> Span {
        self.spans[index]
    }

    /// Ranges of [`RiskSets::groups`], one per stratum.
    pub fn strata(&self) -> &[Range<usize>] {
        &self.strata
    }

    /// Column `j` in risk order.
    pub fn column(&self, j: usize) -> &[f64] {
        let n = self.n();
        let columns = self.columns.get_or_init(|| {
            let (mut columns, mut window) = (vec![0.0; n * self.p()], self.window());
            for batch in &self.batches {
                let positions = self.positions(batch);
                self.widen(&positions, &mut window);
                for (row, position) in (window.start()..).zip(positions) {
                    for (j, x) in self.rows(&window).row(row).iter().enumerate() {
                        columns[j * n + position] = *x;
                    }
                }
            }
            columns
        });
        &columns[j * n..(j + 1) * n]
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
            let entering = &late.by_entry[late.starts[batch.start + 1]..late.starts[last]];
            self.rows.fetch(entering.iter().map(|&position| self.row_of[position] as usize));
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
    pub fn first_groups(&self) -> Option<&[usize]> {
        self.late_entry.as_ref().map(|late| late.first_group.as_slice())
    }

    /// One value per position of those in the caller's order of subjects.
    pub fn in_risk_order<T: Copy>(&self, by_subject: &[T]) -> Vec<T> {
        self.order.order().iter().map(|&subject| by_subject[subject as usize]).collect()
    }

    /// Positions of consecutive groups.
    #[inline]
    pub fn positions(&self, groups: &Range<usize>) -> Range<usize> {
        self.spans[groups.start].start as usize..self.spans[groups.end - 1].end as usize
    }

    /// `x'beta` and the offset of each position. Equal rows have equal bits.
    pub fn linear_predictor(&self, beta: &[f64], eta: &mut [f64]) {
        let mut padded = Padded::zeros(self.p());
        padded.set(beta);
        let mut window = self.window();
        for batch in &self.batches {
            let positions = self.positions(batch);
            self.predict(positions.clone(), &padded, &mut window, &mut eta[positions]);
        }
    }

    /// The same for positions within a batch, whose rows are then in the window.
    fn predict(
        &self,
        positions: Range<usize>,
        beta: &Padded,
        window: &mut Window,
        eta: &mut [f64],
    ) {
        self.widen(&positions, window);
        match &self.offset {
            Some(offset) => eta.copy_from_slice(&offset[positions.clone()]),
            None => eta.fill(0.0),
        }
        let rows = window.start()..window.start() + positions.len();
        self.rows(window).add_products(rows, beta, eta);
    }

    /// Evaluates `w exp(x'beta)` of everyone.
    pub fn evaluate(&self, beta: &[f64], risks: &mut Risks) {
        risks.begin(beta);
        let mut unit = 0.0;
        for batch in &self.batches {
            unit = self.evaluate_batch(batch, unit, risks);
        }
    }

    /// Evaluates the groups of a batch and says which unit the first of them has; `unit` is that of
    /// the group after the last of them.
    pub fn evaluate_batch(&self, batch: &Range<usize>, mut unit: f64, risks: &mut Risks) -> f64 {
        let positions = self.positions(batch);
        let eta = &mut risks.eta[positions.clone()];
        self.predict(positions.clone(), &risks.beta, &mut risks.window, eta);
        let is_near = run(AllNear { values: &risks.eta[positions.clone()], unit });
        if !(is_near && risks.is_uniform) {
            unit = self.change_unit(batch, unit, risks);
        }
        run(Exponentials {
            eta: &risks.eta[positions.clone()],
            weights: self.weights.as_ref().map(|weights| &weights[positions.clone()]),
            risk: &mut risks.risk[positions],
        });
        unit
    }

    /// Gives each group of a batch the unit that it needs.
    fn change_unit(&self, batch: &Range<usize>, mut unit: f64, risks: &mut Risks) -> f64 {
        if risks.is_uniform {
            risks.unit[batch.end..].fill(0.0);
            risks.is_uniform = false;
        }
        for index in batch.clone().rev() {
            let eta = &mut risks.eta[self.groups()[index].all()];
            let highest = eta.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let is_too_far = self.spans[index].is_last && highest < unit - NEAR;
            if highest > unit + NEAR || is_too_far {
                unit = highest;
            }
            risks.unit[index] = unit;
            eta.iter_mut().for_each(|eta| *eta -= unit);
        }
        unit
    }

    /// Walks the event times of every stratum backwards with sums of any kind; see
    /// [`RiskSets::sweep`].
    pub fn walk<S: RunningSums>(
        &self,
        risks: &Risks,
        sums: &mut S,
        mut see: impl FnMut(usize, &S),
    ) {
        let mut at_risk = 0;
        for index in (0..self.groups().len()).rev() {
            let span = self.span(index);
            let leaving = self.not_yet_entered(index);
            at_risk = if span.is_last { 0 } else { at_risk - leaving.len() };
            if at_risk == 0 {
                // What subtraction would leave behind is rounding error.
                sums.clear();
            } else {
                sums.scale(risks.carry(index + 1, index));
                for (position, own) in leaving {
                    sums.leave(self, position, risks.risk[position] * risks.carry(own, index));
                }
            }
            sums.clear_deaths();
            for position in span.censored() {
                sums.join(self, position, risks.risk[position]);
            }
            for position in span.events() {
                sums.die(self, position, risks.risk[position]);
            }
            sums.add_deaths();
            at_risk += span.all().len();
            if !span.events().is_empty() {
                see(index, sums);
            }
        }
    }

    /// The late entries of a stratum, latest first; none when everyone is followed from the start.
    pub fn entering(&self, positions: &Range<usize>) -> Entering<'_> {
        let (entry, rest) = match &self.late_entry {
            Some(late) => (late.entry.as_slice(), &late.by_entry[positions.clone()]),
            None => Default::default(),
        };
        Entering { entry, rest }
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
        let entering = late
            .map_or(&[][..], |late| &late.by_entry[late.starts[index + 1]..late.starts[index + 2]]);
        entering.iter().map(move |&position| {
            (position, late.map_or(index, |late| late.group[position] as usize))
        })
    }
}

/// Most positions of a batch of several groups.
pub(crate) const BATCH: usize = 128;

/// Positions that enter, from the latest to the earliest.
pub(crate) struct Entering<'a> {
    entry: &'a [f64],
    rest: &'a [usize],
}

impl Entering<'_> {
    /// The next position whose entry is at `time`, the time of a group, or later.
    pub fn next_not_before(&mut self, time: f64) -> Option<usize> {
        let (&position, rest) = self.rest.split_last()?;
        (self.entry[position] >= time).then(|| {
            self.rest = rest;
            position
        })
    }
}

impl LateEntry {
    fn new(entry: &[f64], order: &RiskOrder, strata: &[Range<usize>]) -> Self {
        let entry: Vec<f64> =
            order.order().iter().map(|&subject| entry[subject as usize]).collect();
        let groups = order.groups();
        let mut first_group = vec![0; entry.len()];
        let mut group = vec![0; entry.len()];
        for stratum in strata {
            for index in stratum.clone() {
                for position in groups[index].all() {
                    let is_before = |other: &TieGroup| other.time <= entry[position];
                    let earlier = groups[stratum.clone()].partition_point(is_before);
                    first_group[position] = stratum.start + earlier;
                    group[position] = index as u32;
                }
            }
        }
        let (by_entry, starts) = by_group(&first_group, groups.len());
        Self { entry, first_group, group, by_entry, starts }
    }
}

/// Positions in the order of their groups, and where each group begins.
fn by_group(group_of: &[usize], n_groups: usize) -> (Vec<usize>, Vec<usize>) {
    let mut starts = vec![0; n_groups + 1];
    group_of.iter().for_each(|&group| starts[group + 1] += 1);
    for group in 0..n_groups {
        starts[group + 1] += starts[group];
    }
    let mut next = starts.clone();
    let mut positions = vec![0; group_of.len()];
    for (position, &group) in group_of.iter().enumerate() {
        positions[next[group]] = position;
        next[group] += 1;
    }
    (positions, starts)
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

fn batches(groups: &[TieGroup]) -> Vec<Range<usize>> {
    let mut batches = Vec::new();
    let mut end = groups.len();
    while let Some(last) = groups[..end].last() {
        let fits = |group: &TieGroup| last.all().end - group.all().start <= BATCH;
        let start =
            groups[..end].iter().rposition(|group| !fits(group)).map_or(0, |large| large + 1);
        batches.push(start.min(end - 1)..end);
        end = start.min(end - 1);
    }
    batches
}

/// The row of each position when one batch comes after the other.
fn rows_by_batch(groups: &[TieGroup], batches: &[Range<usize>]) -> Vec<u32> {
    let n = groups.last().map_or(0, |last| last.all().end);
    let mut row_of = vec![0; n];
    let mut row = 0;
    for batch in batches {
        for row_of in &mut row_of[groups[batch.start].all().start..groups[batch.end - 1].all().end]
        {
            *row_of = row;
            row += 1;
        }
    }
    row_of
}

fn strata(order: &RiskOrder) -> Vec<Range<usize>> {
    let mut start = 0;
    let range = |groups: &[TieGroup]| {
        start += groups.len();
        start - groups.len()..start
    };
    order.strata().map(range).collect()
}

/// Whether all values are [`NEAR`] a unit.
struct AllNear<'a> {
    values: &'a [f64],
    unit: f64,
}

impl Kernel for AllNear<'_> {
    type Output = bool;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> bool {
        let (blocks, rest) = self.values.as_chunks::<LANES>();
        let mut furthest = F64x8::splat(lanes, 0.0);
        for block in blocks {
            let distance = F64x8::from_array(lanes, block) - furthest.like(self.unit);
            furthest = furthest.max(distance.abs());
        }
        let is_near = |distance: f64| distance <= NEAR;
        furthest.to_array().into_iter().all(is_near)
            && rest.iter().all(|value| is_near((value - self.unit).abs()))
    }
}

/// `w exp(eta)`.
struct Exponentials<'a> {
    eta: &'a [f64],
    weights: Option<&'a [f64]>,
    risk: &'a mut [f64],
}

impl Kernel for Exponentials<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        for (eta, risk) in self.eta.chunks(LANES).zip(self.risk.chunks_mut(LANES)) {
            exp8(F64x8::load_part(lanes, eta)).store(risk);
        }
        for (risk, weight) in self.risk.iter_mut().zip(self.weights.into_iter().flatten()) {
            *risk *= weight;
        }
    }
}
