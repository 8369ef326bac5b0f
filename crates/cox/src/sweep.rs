//! The walk over event times, backwards, with the sums over the risk set at each: what every quantity
//! of a Cox model is made of.

use crate::risk_sets::RiskSets;
use crate::risks::Risks;
use crate::subjects::{BATCH, Subjects};
use numerics::compact::Window;
use numerics::lanes::{F64x8, Kernel, LANES, Lanes, run};
use numerics::rows::Rows;
use numerics::sum::total;
use std::ops::Range;

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

impl RiskSums {
    pub fn new(p: usize) -> Self {
        Self { s0: 0.0, s1: vec![0.0; p], d0: 0.0, d1: vec![0.0; p], death_weight: 0.0 }
    }
}

impl RiskSets<'_> {
    /// Walks the event times of every stratum backwards and shows the sums at each.
    ///
    /// A subject is at risk at `t` when `entry < t <= time`: it joins at its own time and, seen
    /// backwards, leaves again at its entry. The sums at a group are in units of that group.
    pub fn sweep(&self, risks: &Risks, sums: &mut RiskSums, mut see: impl FnMut(usize, &RiskSums)) {
        let p = self.p();
        let mut show = |times: &mut TimeSums| {
            let mut tied = 0;
            for k in 0..times.len() {
                let group = times.group(k);
                (sums.s0, sums.d0, sums.death_weight) = (times.s0[k], times.d0[k], times.weight[k]);
                sums.s1.copy_from_slice(&times.s1.row(k)[..p]);
                if times.d[k] > 1 {
                    sums.d1.copy_from_slice(&times.d1.row(tied)[..p]);
                    tied += 1;
                } else {
                    let position = self.span(group).events().start;
                    for (j, d1) in sums.d1.iter_mut().enumerate() {
                        *d1 = times.d0[k] * self.column(j)[position];
                    }
                }
                see(group, sums);
            }
        };
        let (mut sweep, mut window) = (Sweep::new(self), self.window());
        for batch in self.batches() {
            self.widen(&self.positions(batch), &mut window);
            sweep.advance(self, risks, &window, batch.clone());
            sweep.when_enough(&mut show);
        }
        sweep.hand_on(&mut show);
    }
}

/// Successive event times, latest first, with their sums.
#[derive(Clone, Debug)]
pub(crate) struct TimeSums {
    group: Vec<u32>,
    /// Number of deaths.
    pub d: Vec<u32>,
    /// Sum of `w` over the deaths.
    pub weight: Vec<f64>,
    /// Sum of `w x'beta` over the deaths.
    pub eta: Vec<f64>,
    pub s0: Vec<f64>,
    pub d0: Vec<f64>,
    /// `S1`, a row per event time. Their rows have whole blocks, so that each can be written without
    /// its neighbours.
    pub s1: Rows,
    /// `D1`, a row for each event time with several deaths.
    pub d1: Rows,
    len: usize,
}

impl TimeSums {
    /// Number of event times after which they are handed on, as many as there may be in a batch.
    const ENOUGH: usize = BATCH;

    /// Most event times that are handed on at once.
    pub const MOST: usize = Self::ENOUGH + BATCH;

    fn new(p: usize) -> Self {
        // One more may be written than counts.
        let rows = || Rows::zeros(Self::MOST + 1, p.next_multiple_of(LANES));
        let (counts, sums) = (vec![0; Self::MOST + 1], vec![0.0; Self::MOST + 1]);
        Self {
            group: counts.clone(),
            d: counts,
            weight: sums.clone(),
            eta: sums.clone(),
            s0: sums.clone(),
            d0: sums,
            s1: rows(),
            d1: rows(),
            len: 0,
        }
    }

    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The tie group of an event time.
    #[inline(always)]
    pub fn group(&self, k: usize) -> usize {
        self.group[k] as usize
    }

    /// Notes the deaths of a group if there are any; without a branch, since that is hard to foretell.
    #[inline(always)]
    fn note(&mut self, group: usize, d: usize, [weight, eta, s0, d0]: [f64; 4]) {
        let k = self.len;
        (self.group[k], self.d[k]) = (group as u32, d as u32);
        (self.weight[k], self.eta[k], self.s0[k], self.d0[k]) = (weight, eta, s0, d0);
        self.len += usize::from(d > 0);
    }
}

/// The walk: sums at the first of the groups so far, and the event times not handed on yet.
#[derive(Clone, Debug)]
pub(crate) struct Sweep {
    s0: f64,
    s1: Vec<[f64; LANES]>,
    at_risk: usize,
    /// Of each group of a batch the factor of the sums so far: 0 where nobody of them is left, else
    /// the unit of the group before in that of this one. Nothing where one unit serves all groups and
    /// everyone is followed from the start.
    carries: Vec<f64>,
    times: TimeSums,
    /// Number of event times with several deaths.
    n_tied: usize,
}

impl Sweep {
    pub fn new(sets: &Subjects) -> Self {
        Self {
            s0: 0.0,
            s1: vec![[0.0; LANES]; sets.p().div_ceil(LANES)],
            at_risk: 0,
            carries: Vec::new(),
            times: TimeSums::new(sets.p()),
            n_tied: 0,
        }
    }

    /// Goes on over the groups of a batch, whose risks are evaluated and whose rows are in the window.
    pub fn advance(
        &mut self,
        sets: &Subjects,
        risks: &Risks,
        window: &Window,
        batch: Range<usize>,
    ) {
        let first_time = self.times.len;
        sets.fetch_not_yet_entered(&batch);
        self.carries.clear();
        let is_plain = sets.is_closed() && risks.is_uniform();
        for index in batch.clone().rev() {
            let span = sets.span(index);
            if is_plain {
                self.s0 = if span.is_last { 0.0 } else { self.s0 };
            } else {
                self.carry(sets, risks, index);
            }
            self.add_risks(sets, risks, index);
        }
        run(AddRows { sets, risks, window, batch, first_time, sweep: self });
    }

    /// Hands event times on if there are enough of them, and forgets them.
    pub fn when_enough(&mut self, see: impl FnOnce(&mut TimeSums)) {
        if self.times.len >= TimeSums::ENOUGH {
            self.hand_on(see);
        }
    }

    /// Hands on the event times there are, and forgets them.
    pub fn hand_on(&mut self, see: impl FnOnce(&mut TimeSums)) {
        see(&mut self.times);
        (self.times.len, self.n_tied) = (0, 0);
    }

    /// Brings `S0` from the group after this one to this one: without those who have not entered yet,
    /// and in its unit.
    fn carry(&mut self, sets: &Subjects, risks: &Risks, index: usize) {
        let span = sets.span(index);
        let leaving = sets.not_yet_entered(index);
        self.at_risk = if span.is_last { 0 } else { self.at_risk - leaving.len() };
        // Where nobody is left, what subtraction leaves behind is rounding error.
        let carry = if self.at_risk == 0 { 0.0 } else { risks.carry(index + 1, index) };
        self.carries.push(carry);
        if carry == 0.0 {
            self.s0 = 0.0;
        } else {
            let gone =
                leaving.map(|(position, own)| risks.risk[position] * risks.carry(own, index));
            self.s0 = carry * self.s0 - gone.sum::<f64>();
        }
        self.at_risk += span.events().len() + span.censored().len();
    }

    /// Adds those whose follow-up ends at a group to `S0`, and notes its deaths.
    #[inline(always)]
    fn add_risks(&mut self, sets: &Subjects, risks: &Risks, index: usize) {
        let span = sets.span(index);
        if let Some((position, is_event)) = span.single() {
            let (risk, weight) = (risks.risk[position], sets.weight(position));
            self.s0 += risk;
            let sums = [weight, weight * risks.eta[position], self.s0, risk];
            let d = if is_event { sets.n_events(position..position + 1) } else { 0 };
            return self.times.note(index, d, sums);
        }
        let events = span.events();
        let d0 = total(&risks.risk[events.clone()]);
        self.s0 += total(&risks.risk[span.censored()]);
        self.s0 += d0;
        let weight = sets.total_weight(events.clone());
        let eta = sets.weighted_total(&risks.eta, events.clone());
        self.times.note(index, sets.n_events(events), [weight, eta, self.s0, d0]);
    }
}

/// The sums of rows over the groups of a batch.
struct AddRows<'a> {
    sets: &'a Subjects,
    risks: &'a Risks,
    window: &'a Window,
    batch: Range<usize>,
    /// Index of the first event time of the batch.
    first_time: usize,
    sweep: &'a mut Sweep,
}

impl Kernel for AddRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let blocks = self.sweep.s1.len();
        let mut n_tied = self.sweep.n_tied;
        for first in (0..blocks).step_by(4) {
            n_tied = match blocks - first {
                1 => self.add_blocks::<L, 1>(lanes, first),
                2 => self.add_blocks::<L, 2>(lanes, first),
                3 => self.add_blocks::<L, 3>(lanes, first),
                _ => self.add_blocks::<L, 4>(lanes, first),
            };
        }
        self.sweep.n_tied = n_tied;
    }
}

impl AddRows<'_> {
    /// Adds some blocks of the rows of all groups, whose sums stay in registers; answers the number of
    /// event times with several deaths.
    #[inline(always)]
    fn add_blocks<L: Lanes, const N: usize>(&mut self, lanes: L, first: usize) -> usize {
        let Self { sets, risks, window, batch, first_time, sweep } = self;
        let (first_position, start) = (sets.positions(batch).start, window.start());
        let rows = sets.rows(window);
        let rows = Blocks::<L, N> { lanes, sets, risks, rows, start, first_position, first };
        let zero = F64x8::splat(lanes, 0.0);
        let mut s1 = [zero; N];
        // Loops of a fixed length alone leave the sums in registers, here and below.
        let so_far = &sweep.s1[first..][..N];
        for (j, sum) in s1.iter_mut().enumerate() {
            *sum = F64x8::from_array(lanes, &so_far[j]);
        }
        let (mut time, mut tied) = (*first_time, sweep.n_tied);
        for (index, k) in batch.clone().rev().zip(0..) {
            let span = sets.span(index);
            let plain = if span.is_last { 0.0 } else { 1.0 };
            rows.carry(&mut s1, index, sweep.carries.get(k).copied().unwrap_or(plain));
            if let (Some((position, is_event)), false) = (span.single(), sets.has_copies()) {
                rows.add(&mut s1, position..position + 1);
                rows.record(&s1, &mut sweep.times.s1, time);
                time += usize::from(is_event);
                continue;
            }
            rows.add(&mut s1, span.censored());
            if sets.n_events(span.events()) > 1 {
                let mut d1 = [zero; N];
                rows.add(&mut d1, span.events());
                rows.record(&d1, &mut sweep.times.d1, tied);
                tied += 1;
                for (j, s1) in s1.iter_mut().enumerate() {
                    *s1 += d1[j];
                }
            } else {
                rows.add(&mut s1, span.events());
            }
            rows.record(&s1, &mut sweep.times.s1, time);
            time += usize::from(!span.events().is_empty());
        }
        let so_far = &mut sweep.s1[first..][..N];
        for (j, sum) in s1.iter().enumerate() {
            so_far[j] = sum.to_array();
        }
        tied
    }
}

/// `N` blocks of the rows of a batch, each row times its risk.
struct Blocks<'a, L, const N: usize> {
    lanes: L,
    sets: &'a Subjects,
    risks: &'a Risks,
    /// The rows of the batch are here, the first position in the row `start`.
    rows: &'a Rows,
    start: usize,
    first_position: usize,
    /// Which of the blocks of a row is the first.
    first: usize,
}

impl<L: Lanes, const N: usize> Blocks<'_, L, N> {
    #[inline(always)]
    fn add(&self, sums: &mut [F64x8<L>; N], positions: Range<usize>) {
        for position in positions {
            let row = self.start + (position - self.first_position);
            let risk = F64x8::splat(self.lanes, self.risks.risk[position]);
            for (k, sum) in sums.iter_mut().enumerate() {
                let x = self.rows.block(self.lanes, row, (self.first + k) * LANES);
                *sum = x.mul_add(risk, *sum);
            }
        }
    }

    /// Brings sums from the group after this one to this one, as `Sweep::carry` does.
    #[inline(always)]
    fn carry(&self, sums: &mut [F64x8<L>; N], index: usize, carry: f64) {
        if carry != 1.0 {
            for sum in sums.iter_mut() {
                *sum = if carry == 0.0 { sum.like(0.0) } else { *sum * sum.like(carry) };
            }
        }
        if carry == 0.0 || self.sets.is_closed() {
            return;
        }
        for (position, own) in self.sets.not_yet_entered(index) {
            let risk = self.risks.risk[position] * self.risks.carry(own, index);
            let risk = F64x8::splat(self.lanes, -risk);
            for (k, sum) in sums.iter_mut().enumerate() {
                let x = self.sets.block(self.lanes, position, self.first + k);
                *sum = x.mul_add(risk, *sum);
            }
        }
    }

    #[inline(always)]
    fn record(&self, sums: &[F64x8<L>; N], to: &mut Rows, k: usize) {
        let row = &mut to.row_mut(k)[self.first * LANES..][..N * LANES];
        for (j, sum) in sums.iter().enumerate() {
            sum.store(&mut row[j * LANES..][..LANES]);
        }
    }
}
