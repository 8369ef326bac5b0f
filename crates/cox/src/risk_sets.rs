//! The subjects of a model in risk order, with their columns standardised, and the one backward
//! walk over risk sets that every quantity of a Cox model is summed on.

use cohort::{Design, Endpoint, RiskOrder, TieGroup};
use numerics::elementary::exp;
use numerics::standard::{Standardised, standardise};
use std::ops::Range;

/// Subjects and columns, prepared once per model. A *position* counts subjects in risk order.
#[derive(Clone, Debug)]
pub(crate) struct RiskSets<'a> {
    order: &'a RiskOrder,
    /// Ranges of `order.groups()`, one per stratum.
    strata: Vec<Range<usize>>,
    late_entry: Option<LateEntry>,
    /// Column after column, each in risk order, at mean 0 and standard deviation 1.
    columns: Vec<f64>,
    /// Standard deviation of each column in the caller's unit.
    scales: Vec<f64>,
    /// Case weight of each position; absent when everyone counts once.
    weights: Option<Vec<f64>>,
    /// Known part of the linear predictor of each position; absent = 0.
    offset: Option<Vec<f64>>,
}

/// When subjects enter who are not followed from the start.
#[derive(Clone, Debug)]
struct LateEntry {
    /// Entry of each position.
    entry: Vec<f64>,
    /// Positions by stratum, within it by entry ascending.
    by_entry: Vec<usize>,
    /// For each position the first group whose time is later than its entry.
    first_group: Vec<usize>,
}

/// `w exp(x'beta)` of everyone, in units that never leave the range of a number; `w` is the case
/// weight.
///
/// The unit of a group is the largest `exp(x'beta)` among those whose follow-up ends there or later
/// in its stratum. It cancels from every quotient, and a coefficient on its way to infinity
/// underflows where it must, in the subjects that no longer count.
#[derive(Clone, Debug)]
pub(crate) struct Risks {
    /// `x'beta` of each position, less the logarithm of the unit of its group.
    pub eta: Vec<f64>,
    /// `w exp` of that.
    pub risk: Vec<f64>,
    /// Logarithm of the unit of each group; within a stratum it falls with time.
    highest: Vec<f64>,
}

impl Risks {
    pub fn new(sets: &RiskSets) -> Self {
        let (n, groups) = (sets.n(), sets.groups().len());
        Self { eta: vec![0.0; n], risk: vec![0.0; n], highest: vec![0.0; groups] }
    }

    /// The unit of one group in units of another.
    pub fn carry(&self, from: usize, to: usize) -> f64 {
        let difference = self.highest[from] - self.highest[to];
        // The largest risk seldom changes from one time to the next.
        if difference == 0.0 { 1.0 } else { exp(difference) }
    }
}

/// Sums over the risk set at one event time and over the deaths in it, `r = w exp(x'beta)`.
#[derive(Clone, Debug)]
pub(crate) struct RiskSums {
    /// Sum of `r` over the risk set.
    pub s0: f64,
    /// Sum of `r x` over the risk set.
    pub s1: Vec<f64>,
    /// Sum of `r` over the deaths.
    pub d0: f64,
    /// Sum of `r x` over the deaths.
    pub d1: Vec<f64>,
    /// Sum of `w` over the deaths.
    pub death_weight: f64,
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
        let mut columns = Vec::with_capacity(order.order().len() * design.p());
        let mut scales = Vec::with_capacity(design.p());
        for column in &design.columns {
            let Standardised { scale, values, .. } = standardise(&column.values);
            columns.extend(order.order().iter().map(|&subject| values[subject as usize]));
            scales.push(scale);
        }
        let strata = strata(order);
        let late_entry = endpoint.entry().map(|entry| LateEntry::new(entry, order, &strata));
        Self { order, strata, late_entry, columns, scales, weights: None, offset: None }
    }

    /// The same subjects with these case weights and offsets, one per subject in the caller's order.
    pub fn with(self, weights: Option<&[f64]>, offset: Option<&[f64]>) -> Self {
        let weights = weights.map(|weights| self.in_risk_order(weights));
        let offset = offset.map(|offset| self.in_risk_order(offset));
        Self { weights, offset, ..self }
    }

    /// Case weight of a position.
    pub fn weight(&self, position: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[position])
    }

    pub fn n(&self) -> usize {
        self.order.order().len()
    }

    pub fn p(&self) -> usize {
        self.scales.len()
    }

    pub fn groups(&self) -> &[TieGroup] {
        self.order.groups()
    }

    /// Ranges of [`RiskSets::groups`], one per stratum.
    pub fn strata(&self) -> &[Range<usize>] {
        &self.strata
    }

    /// Column `j` in risk order.
    pub fn column(&self, j: usize) -> &[f64] {
        &self.columns[j * self.n()..(j + 1) * self.n()]
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

    /// Positions of a stratum.
    pub fn positions(&self, stratum: &Range<usize>) -> Range<usize> {
        self.groups()[stratum.start].all().start..self.groups()[stratum.end - 1].all().end
    }

    /// `x'beta` and the offset of each position. Equal rows have equal bits, since each is summed
    /// column by column.
    pub fn linear_predictor(&self, beta: &[f64], eta: &mut [f64]) {
        match &self.offset {
            Some(offset) => eta.copy_from_slice(offset),
            None => eta.fill(0.0),
        }
        for (j, &beta) in beta.iter().enumerate() {
            for (eta, x) in eta.iter_mut().zip(self.column(j)) {
                *eta += beta * x;
            }
        }
    }

    /// Evaluates `w exp(x'beta)` of everyone.
    pub fn evaluate(&self, beta: &[f64], risks: &mut Risks) {
        self.linear_predictor(beta, &mut risks.eta);
        for stratum in &self.strata {
            let mut highest = f64::NEG_INFINITY;
            for index in stratum.clone().rev() {
                let positions = self.groups()[index].all();
                highest = risks.eta[positions.clone()].iter().copied().fold(highest, f64::max);
                risks.highest[index] = highest;
                for position in positions {
                    risks.eta[position] -= highest;
                    risks.risk[position] = self.weight(position) * exp(risks.eta[position]);
                }
            }
        }
    }

    /// Walks the event times of every stratum backwards and shows the sums at each.
    ///
    /// The sums at a group are in units of its [`Risks::highest`].
    pub fn sweep(&self, risks: &Risks, sums: &mut RiskSums, see: impl FnMut(usize, &RiskSums)) {
        self.walk(risks, sums, see);
    }

    /// The walk of [`RiskSets::sweep`] for sums of any kind.
    ///
    /// A subject is at risk at `t` when `entry < t <= time`: it joins at its own time and, seen
    /// backwards, leaves again at its entry.
    pub fn walk<S: RunningSums>(
        &self,
        risks: &Risks,
        sums: &mut S,
        mut see: impl FnMut(usize, &S),
    ) {
        for stratum in &self.strata {
            sums.clear();
            let mut entering = self.entering(&self.positions(stratum));
            let mut at_risk = 0;
            let mut later = stratum.end - 1;
            for index in stratum.clone().rev() {
                let group = &self.groups()[index];
                while let Some(position) = entering.next_not_before(group.time) {
                    let own = self.group_of(position);
                    sums.leave(self, position, risks.risk[position] * risks.carry(own, later));
                    at_risk -= 1;
                }
                if at_risk == 0 {
                    // What subtraction left behind is rounding error.
                    sums.clear();
                }
                sums.scale(risks.carry(later, index));
                sums.clear_deaths();
                for position in group.censored.clone() {
                    sums.join(self, position, risks.risk[position]);
                }
                for position in group.events.clone() {
                    sums.die(self, position, risks.risk[position]);
                }
                sums.add_deaths();
                at_risk += group.all().len();
                later = index;
                if !group.events.is_empty() {
                    see(index, sums);
                }
            }
        }
    }

    fn group_of(&self, position: usize) -> usize {
        self.groups().partition_point(|group| group.all().end <= position)
    }

    /// The late entries of a stratum, latest first; none when everyone is followed from the start.
    pub fn entering(&self, positions: &Range<usize>) -> Entering<'_> {
        let (entry, rest) = match &self.late_entry {
            Some(late) => (late.entry.as_slice(), &late.by_entry[positions.clone()]),
            None => Default::default(),
        };
        Entering { entry, rest }
    }
}

/// Positions that enter, from the latest to the earliest.
pub(crate) struct Entering<'a> {
    entry: &'a [f64],
    rest: &'a [usize],
}

impl Entering<'_> {
    /// The next position whose entry is at `time` or later.
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
        let mut by_entry: Vec<usize> = (0..entry.len()).collect();
        let mut first_group = vec![0; entry.len()];
        for stratum in strata {
            let positions = groups[stratum.start].all().start..groups[stratum.end - 1].all().end;
            by_entry[positions.clone()].sort_by(|&a, &b| entry[a].total_cmp(&entry[b]));
            for position in positions {
                let earlier =
                    groups[stratum.clone()].partition_point(|group| group.time <= entry[position]);
                first_group[position] = stratum.start + earlier;
            }
        }
        Self { entry, by_entry, first_group }
    }
}

fn strata(order: &RiskOrder) -> Vec<Range<usize>> {
    let mut start = 0;
    let range = |groups: &[TieGroup]| {
        start += groups.len();
        start - groups.len()..start
    };
    order.strata().map(range).collect()
}

impl RiskSums {
    pub fn new(p: usize) -> Self {
        Self { s0: 0.0, s1: vec![0.0; p], d0: 0.0, d1: vec![0.0; p], death_weight: 0.0 }
    }
}

impl RunningSums for RiskSums {
    fn clear(&mut self) {
        self.s0 = 0.0;
        self.s1.fill(0.0);
    }

    fn scale(&mut self, factor: f64) {
        if factor != 1.0 {
            self.s0 *= factor;
            self.s1.iter_mut().for_each(|s1| *s1 *= factor);
        }
    }

    fn clear_deaths(&mut self) {
        self.d0 = 0.0;
        self.d1.fill(0.0);
        self.death_weight = 0.0;
    }

    fn join(&mut self, sets: &RiskSets, position: usize, r: f64) {
        self.s0 += r;
        accumulate(&mut self.s1, sets, position, r);
    }

    fn die(&mut self, sets: &RiskSets, position: usize, r: f64) {
        self.d0 += r;
        self.death_weight += sets.weight(position);
        accumulate(&mut self.d1, sets, position, r);
    }

    fn add_deaths(&mut self) {
        self.s0 += self.d0;
        for (s1, d1) in self.s1.iter_mut().zip(&self.d1) {
            *s1 += d1;
        }
    }
}

fn accumulate(total: &mut [f64], sets: &RiskSets, position: usize, r: f64) {
    let n = sets.n();
    for (j, total) in total.iter_mut().enumerate() {
        *total += r * sets.columns[j * n + position];
    }
}
