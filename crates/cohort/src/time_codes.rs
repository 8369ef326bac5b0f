//! Times as positions in an ascending list, once near ties among them are settled.

use crate::Cells;
use numerics::{parallel, radix, sum};

/// The times of some subjects as positions in an ascending list of times.
///
/// Codes are compared, counted and sorted in place of the times: they take a quarter of the memory,
/// and counting needs no order.
#[derive(Clone, Debug)]
pub struct TimeCodes {
    times: Cells<f64>,
    exits: Codes,
    entries: Option<Codes>,
}

/// Positions in a list: short ones wherever they fit.
#[derive(Clone, Debug)]
pub enum Codes {
    /// Positions in a list of at most 65,536 times.
    Short(Cells<u16>),
    /// Positions in a longer list.
    Long(Cells<u32>),
}

/// Times closer than the square root of the machine epsilon are one time, as `timefix` in R has it.
pub(crate) const TIE_TOLERANCE: f64 = 1.490_116_119_384_765_6e-8;

/// Steps in a unit of the times on which follow-up is commonly recorded: whole units, decimals, days
/// given as months or years, and days, months and hours given as weeks, years and days.
const STEPS_PER_UNIT: [f64; 11] =
    [1.0, 10.0, 100.0, 1000.0, 30.4375, 365.25, 7.0, 12.0, 24.0, 30.0, 365.0];

/// Most steps of a lattice: their numbers are short codes. Even a step of 1/1000 is then farther
/// than the tolerance from the next, also relative to the mean of the times.
const MOST_STEPS: f64 = 65_535.0;

/// With fewer subjects to its points a lattice is mostly empty, and sorting the subjects is faster.
const MOST_STEPS_PER_SUBJECT: usize = 4;

/// How many times are looked at before all of them are.
const SAMPLE: usize = 64;

impl TimeCodes {
    /// Codes of times on a lattice; absent when they lie on none, or on one with far more points than
    /// there are times. Nothing on a lattice is a near tie. No time is negative, minus zero, infinite
    /// or NaN when there are codes.
    pub(crate) fn on_lattice(entry: Option<&[f64]>, time: &[f64]) -> Option<Self> {
        STEPS_PER_UNIT.into_iter().find_map(|per_unit| Self::in_steps(entry, time, per_unit))
    }

    fn in_steps(entry: Option<&[f64]>, time: &[f64], per_unit: f64) -> Option<Self> {
        let entries = entry.unwrap_or_default();
        let is_mostly_empty = |last: u16| last as usize > MOST_STEPS_PER_SUBJECT * time.len();
        let may_be = |times| {
            encoded(&sample(times), per_unit).is_some_and(|(_, last)| !is_mostly_empty(last))
        };
        if ![entries, time].into_iter().all(may_be) {
            return None;
        }
        let (exits, last_exit) = encoded(time, per_unit)?;
        let (entries, last_entry) = encoded(entries, per_unit)?;
        let last = last_exit.max(last_entry);
        if is_mostly_empty(last) {
            return None;
        }
        Some(Self {
            times: (0..=last).map(|step| f64::from(step) / per_unit).collect(),
            exits: Codes::Short(exits.into()),
            entries: entry.map(|_| Codes::Short(entries.into())),
        })
    }

    /// Codes of any times that are finite, not negative and not minus zero. Near ties among them, of
    /// entries and exits alike, are settled: a chain of them becomes its smallest member.
    pub(crate) fn settled(entry: &mut Option<Cells<f64>>, time: &mut Cells<f64>) -> Self {
        let n_entries = entry.as_ref().map_or(0, |entry| entry.len());
        let at = |index: usize| match (index.checked_sub(n_entries), &entry) {
            (None, Some(entry)) => entry[index],
            (exit, _) => time[exit.unwrap_or(index)],
        };
        let order = radix::order_by_key(n_entries + time.len(), |index| at(index).to_bits());
        let (sorted, _) = parallel::filled(&order, |order, sorted| {
            let pairs = order.iter().zip(sorted);
            pairs.for_each(|(&index, time)| *time = at(index as usize));
        });
        let (mut codes, times, has_near_ties) = ranked(&order, sorted);
        drop(order);
        if has_near_ties {
            let mut codes = codes.iter().map(|&code| times[code as usize]);
            for time in entry.iter_mut().chain([time]) {
                time.make_mut()
                    .iter_mut()
                    .zip(&mut codes)
                    .for_each(|(time, settled)| *time = settled);
            }
        }
        let codes_of = |codes: Vec<u32>| {
            if times.len() <= 1 << u16::BITS {
                Codes::Short(codes.into_iter().map(|code| code as u16).collect())
            } else {
                Codes::Long(codes.into())
            }
        };
        let exits = codes.split_off(n_entries);
        Self {
            exits: codes_of(exits),
            entries: entry.as_ref().map(|_| codes_of(codes)),
            times: times.into(),
        }
    }

    /// Times in ascending order, all farther apart than near ties are. Some may be nobody's.
    #[must_use]
    pub fn times(&self) -> &[f64] {
        &self.times
    }

    /// Positions of the times of event or censoring, one per subject.
    #[must_use]
    pub fn exits(&self) -> &Codes {
        &self.exits
    }

    /// Positions of the times of entry; absent when everyone is followed from time 0.
    #[must_use]
    pub fn entries(&self) -> Option<&Codes> {
        self.entries.as_ref()
    }

    pub(crate) fn n_zero_exits(&self) -> usize {
        match (self.times.first(), &self.exits) {
            (Some(0.0), Codes::Short(exits)) => exits.iter().filter(|&&exit| exit == 0).count(),
            (Some(0.0), Codes::Long(exits)) => exits.iter().filter(|&&exit| exit == 0).count(),
            _ => 0,
        }
    }

    /// The first subject who leaves no later than it enters.
    pub(crate) fn empty_interval(&self) -> Option<usize> {
        match (self.entries.as_ref()?, &self.exits) {
            (Codes::Short(entries), Codes::Short(exits)) => first_empty(entries, exits),
            (Codes::Long(entries), Codes::Long(exits)) => first_empty(entries, exits),
            _ => unreachable!("entries and exits are positions in one list"),
        }
    }
}

fn first_empty<C: PartialOrd>(entries: &[C], exits: &[C]) -> Option<usize> {
    entries.iter().zip(exits).position(|(entry, exit)| entry >= exit)
}

impl Codes {
    /// Position of the time of a subject.
    #[must_use]
    pub fn at(&self, subject: usize) -> u32 {
        match self {
            Self::Short(codes) => codes[subject].into(),
            Self::Long(codes) => codes[subject],
        }
    }
}

/// Some times from all over the list.
fn sample(times: &[f64]) -> Vec<f64> {
    times.iter().step_by(times.len().div_ceil(SAMPLE).max(1)).copied().collect()
}

/// Which step of the lattice each time is, and the last one; absent unless every time is the number
/// next to a whole number of steps.
fn encoded(times: &[f64], per_unit: f64) -> Option<(Vec<u16>, u16)> {
    let (codes, largest) = parallel::filled(times, |times, codes| encode(times, codes, per_unit));
    let largest = largest.into_iter().fold(0.0, f64::max);
    (largest <= MOST_STEPS).then_some((codes, largest as u16))
}

/// Times that are encoded together, so that the compiler may do it in parallel.
const LANES: usize = 8;

/// Writes the codes of times and gives the largest, or infinity when a time is off the lattice.
fn encode(times: &[f64], codes: &mut [u16], per_unit: f64) -> f64 {
    let (blocks, rest) = times.as_chunks::<LANES>();
    let (code_blocks, code_rest) = codes.as_chunks_mut::<LANES>();
    let mut encoder = Encoder { per_unit, largest: [0.0; LANES], faults: [0; LANES] };
    for (times, codes) in blocks.iter().zip(code_blocks) {
        encoder.encode(times, codes);
    }
    let (mut last, mut last_codes) = ([0.0; LANES], [0; LANES]);
    last[..rest.len()].copy_from_slice(rest);
    encoder.encode(&last, &mut last_codes);
    code_rest.copy_from_slice(&last_codes[..rest.len()]);
    encoder.result()
}

/// What the times so far have in common, lane by lane.
struct Encoder {
    per_unit: f64,
    largest: [f64; LANES],
    /// Not 0 when a time is off the lattice.
    faults: [u64; LANES],
}

impl Encoder {
    #[inline]
    fn encode(&mut self, times: &[f64; LANES], codes: &mut [u16; LANES]) {
        /// Numbers this large have no fraction: adding it rounds, and leaves the whole number in the
        /// trailing bits.
        const ROUNDING: f64 = (1u64 << 52) as f64;
        for lane in 0..LANES {
            let time = times[lane];
            let rounded = time * self.per_unit + ROUNDING;
            let steps = rounded - ROUNDING;
            codes[lane] = rounded.to_bits() as u16;
            let is_off = u64::from(steps / self.per_unit != time);
            self.faults[lane] |= is_off | time.to_bits() >> 63;
            self.largest[lane] =
                if steps > self.largest[lane] { steps } else { self.largest[lane] };
        }
    }

    fn result(&self) -> f64 {
        if self.faults.iter().any(|&fault| fault != 0) {
            return f64::INFINITY;
        }
        self.largest.into_iter().fold(0.0, f64::max)
    }
}

/// Ranks of the times in ascending order of which `sorted` holds the value and `order` the index, the
/// smallest time of each rank, and whether different times share one.
///
/// Times are near ties when they are closer than the tolerance, absolutely or relative to the mean
/// of the distinct times.
fn ranked(order: &[u32], sorted: Vec<f64>) -> (Vec<u32>, Vec<f64>, bool) {
    let mut distinct = 0;
    let total: sum::Sum = sorted
        .chunk_by(|a, b| a == b)
        .map(|tied| {
            distinct += 1;
            tied[0]
        })
        .collect();
    let mean = total.value() / distinct as f64;
    let is_near = |gap: f64| gap <= TIE_TOLERANCE || gap / mean <= TIE_TOLERANCE;
    let mut codes = vec![0; order.len()];
    let mut times: Vec<f64> = Vec::with_capacity(distinct);
    let mut before = f64::NEG_INFINITY;
    for (&index, &time) in order.iter().zip(&sorted) {
        if time != before && !is_near(time - before) {
            times.push(time);
        }
        codes[index as usize] = times.len() as u32 - 1;
        before = time;
    }
    let has_near_ties = times.len() < distinct;
    (codes, times, has_near_ties)
}
