//! Right-censored follow-up whose ties are settled.

use crate::time_codes::TIE_TOLERANCE;
use crate::{Cells, TimeCodes};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Which columns hold the follow-up, and which event codes mean what.
///
/// Codes are declared, never guessed: a coding as 1/2 is not told from 0/1 by looking at the data.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct EndpointColumns {
    /// Numeric column of the time at which a subject enters the risk set; absent = time 0.
    pub entry: Option<String>,
    /// Numeric column of the time of event or censoring, in the caller's unit.
    pub time: String,
    /// Column of the event codes.
    pub event: String,
    /// Codes that count as the event.
    pub event_codes: Vec<String>,
    /// Codes that count as censored; any other code is an error.
    pub censored_codes: Vec<String>,
}

impl EndpointColumns {
    /// Time and event columns of the usual coding: 1 is the event, 0 is censored.
    pub fn new(time: impl Into<String>, event: impl Into<String>) -> Self {
        Self {
            entry: None,
            time: time.into(),
            event: event.into(),
            event_codes: vec!["1".into()],
            censored_codes: vec!["0".into()],
        }
    }

    /// Whether a code is the event, is censored, or is not declared.
    #[must_use]
    pub fn is_event(&self, code: &str) -> Option<bool> {
        if self.event_codes.iter().any(|known| known == code) {
            Some(true)
        } else if self.censored_codes.iter().any(|known| known == code) {
            Some(false)
        } else {
            None
        }
    }
}

/// Follow-up of `n` subjects in the caller's unit.
///
/// Times are finite and not negative, entries come before exits, and times that differ only by
/// rounding noise have become equal bits, so that an `==` on them is exact.
#[derive(Clone, Debug)]
pub struct Endpoint {
    entry: Option<Cells<f64>>,
    time: Cells<f64>,
    event: Cells<bool>,
    codes: TimeCodes,
}

/// Endpoints are equal when their times and events are, however those were settled.
impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        self.entry == other.entry && self.time == other.time && self.event == other.event
    }
}

/// Follow-up split at cut points: one row for each interval in which a subject is followed.
#[derive(Clone, Debug, PartialEq)]
pub struct SplitEndpoint {
    /// Follow-up of the rows, none longer than to the end of its interval; entries are those of the
    /// subjects.
    pub endpoint: Endpoint,
    /// The subject of each row, ascending.
    pub subjects: Vec<usize>,
    /// The interval of each row: so many cut points come before it.
    pub intervals: Vec<usize>,
}

/// What is wrong with follow-up times. Rows count from 0 and are printed from 1.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum EndpointError {
    /// Times, entries and events have different lengths.
    #[error("times, entries and events differ in length")]
    LengthMismatch,
    /// A time is negative or not finite.
    #[error("row {}: the time is negative or not finite", row + 1)]
    InvalidTime {
        /// Row of the time.
        row: usize,
    },
    /// A subject leaves no later than it enters.
    #[error("row {}: the interval ends no later than it starts", row + 1)]
    EmptyInterval {
        /// Row of the interval.
        row: usize,
    },
}

impl EndpointError {
    /// The same error with the row as somebody else counts it.
    #[must_use]
    pub fn at(self, row_of: impl Fn(usize) -> usize) -> Self {
        match self {
            Self::LengthMismatch => self,
            Self::InvalidTime { row } => Self::InvalidTime { row: row_of(row) },
            Self::EmptyInterval { row } => Self::EmptyInterval { row: row_of(row) },
        }
    }
}

impl Endpoint {
    /// Follow-up from time 0.
    pub fn new(time: Vec<f64>, event: Vec<bool>) -> Result<Self, EndpointError> {
        Self::of_cells(None, time.into(), event.into())
    }

    /// Follow-up with late entry: a subject is at risk at `t` when `entry < t <= time`.
    pub fn with_entry(
        entry: Vec<f64>,
        time: Vec<f64>,
        event: Vec<bool>,
    ) -> Result<Self, EndpointError> {
        Self::of_cells(Some(entry.into()), time.into(), event.into())
    }

    /// The same of cells that others may hold too; they are copied only if times have to be settled.
    pub fn of_cells(
        mut entry: Option<Cells<f64>>,
        mut time: Cells<f64>,
        event: Cells<bool>,
    ) -> Result<Self, EndpointError> {
        let n_entries = entry.as_ref().map_or(time.len(), |entry| entry.len());
        if event.len() != time.len() || n_entries != time.len() {
            return Err(EndpointError::LengthMismatch);
        }
        let codes = match TimeCodes::on_lattice(entry.as_deref(), &time) {
            Some(codes) => codes,
            None => {
                check(entry.as_deref(), &time)?;
                entry.iter_mut().chain([&mut time]).for_each(without_minus_zero);
                TimeCodes::settled(&mut entry, &mut time)
            }
        };
        match codes.empty_interval() {
            Some(row) => Err(EndpointError::EmptyInterval { row }),
            None => Ok(Self { entry, time, event, codes }),
        }
    }

    /// The reverse endpoint: censoring is what is waited for, an event ends the wait.
    ///
    /// Schemper and Smith (1996), Control. Clin. Trials 17:343-346. Same as `Surv(time, 1 - event)`
    /// in R: a subject who dies at `t` is still at risk of being censored at `t`.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self { event: self.event.iter().map(|event| !event).collect(), ..self.clone() }
    }

    /// All times as positions in one ascending list.
    #[must_use]
    pub fn time_codes(&self) -> &TimeCodes {
        &self.codes
    }

    /// Number of subjects.
    #[must_use]
    pub fn len(&self) -> usize {
        self.time.len()
    }

    /// Whether there are no subjects.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.time.is_empty()
    }

    /// Times of entry; absent when everyone is followed from time 0.
    #[must_use]
    pub fn entry(&self) -> Option<&[f64]> {
        self.entry.as_deref()
    }

    /// Times of event or censoring.
    #[must_use]
    pub fn time(&self) -> &[f64] {
        &self.time
    }

    /// Whether follow-up ended with the event.
    #[must_use]
    pub fn event(&self) -> &[bool] {
        &self.event
    }

    /// Number of subjects who are followed for no time at all.
    #[must_use]
    pub fn n_zero_times(&self) -> usize {
        self.codes.n_zero_exits()
    }

    /// Splits the follow-up at ascending cut points on its own scale, see [`Endpoint::settled`]; an
    /// interval holds its end, not its beginning.
    ///
    /// Who is followed in an interval is at risk of every event in it, so that with the intervals
    /// as strata the rows have the risk sets of the subjects. Same events as `survSplit` in R,
    /// which has the beginning of the interval for an entry instead.
    #[must_use]
    pub fn split(&self, cuts: &[f64]) -> SplitEndpoint {
        let (mut entries, mut times, mut events) = (Vec::new(), Vec::new(), Vec::new());
        let (mut subjects, mut intervals) = (Vec::new(), Vec::new());
        for (subject, &time) in self.time.iter().enumerate() {
            let entry = self.entry.as_ref().map(|entry| entry[subject]);
            let first = entry.map_or(0, |entry| cuts.partition_point(|&cut| cut <= entry));
            let last = cuts.partition_point(|&cut| cut < time);
            for interval in first..=last {
                times.push(cuts.get(interval).map_or(time, |cut| cut.min(time)));
                events.push(interval == last && self.event[subject]);
                entries.extend(entry);
                subjects.push(subject);
                intervals.push(interval);
            }
        }
        let entries = self.entry.as_ref().map(|_| entries.into());
        let endpoint = Self::of_cells(entries, times.into(), events.into())
            .expect("settled cut points lie after the entry of whoever is followed to them");
        SplitEndpoint { endpoint, subjects, intervals }
    }

    /// Number of events.
    #[must_use]
    pub fn n_events(&self) -> usize {
        self.event.iter().filter(|&&event| event).count()
    }

    /// Other times on the scale of this follow-up: each is the entry or time that it differs from
    /// by rounding noise alone, or itself where there is none.
    #[must_use]
    pub fn settled(&self, times: &[f64]) -> Vec<f64> {
        let mut distinct: Vec<f64> =
            self.entry.iter().flatten().chain(&self.time).copied().collect();
        distinct.sort_by(f64::total_cmp);
        distinct.dedup();
        let mean = numerics::sum::mean(&distinct).unwrap_or(0.0);
        let settle = |&time: &f64| {
            let above = distinct.partition_point(|other| *other < time);
            let neighbours = &distinct[above.saturating_sub(1)..distinct.len().min(above + 1)];
            let near = neighbours.iter().filter(|other| are_tied((time - **other).abs(), mean));
            near.min_by(|a, b| (time - **a).abs().total_cmp(&(time - **b).abs())).copied()
        };
        times.iter().map(|time| settle(time).unwrap_or(*time)).collect()
    }
}

/// Whether times are one although they differ by this much.
fn are_tied(difference: f64, mean: f64) -> bool {
    difference <= TIE_TOLERANCE || difference / mean <= TIE_TOLERANCE
}

fn check(entry: Option<&[f64]>, time: &[f64]) -> Result<(), EndpointError> {
    let is_valid = |time: &f64| time.is_finite() && *time >= 0.0;
    for times in [entry.unwrap_or_default(), time] {
        if let Some(row) = times.iter().position(|time| !is_valid(time)) {
            return Err(EndpointError::InvalidTime { row });
        }
    }
    Ok(())
}

/// Minus zero becomes zero: the two would sort apart though they are one time.
fn without_minus_zero(times: &mut Cells<f64>) {
    if times.iter().any(|time| time.is_sign_negative()) {
        times.make_mut().iter_mut().for_each(|time| *time += 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_of_near_ties_is_its_smallest_member() {
        let event = vec![true; 4];
        let endpoint = Endpoint::new(vec![1.0 + 2e-8, 1.0 + 1e-8, 1.0, 2.0], event).unwrap();
        assert_eq!(endpoint.time(), [1.0, 1.0, 1.0, 2.0]);
    }

    #[test]
    fn other_times_are_those_they_come_near() {
        let endpoint = Endpoint::new(vec![1.0, 2.0], vec![true; 2]).unwrap();
        assert_eq!(endpoint.settled(&[0.0, 1.0 - 1e-9, 1.5, 2.0 + 1e-9]), [0.0, 1.0, 1.5, 2.0]);
    }

    /// An event at a cut point belongs to the interval that ends there.
    #[test]
    fn follow_up_is_split_at_cut_points() {
        let (entry, time) = (vec![0.0, 3.0, 1.0], vec![2.0, 9.0, 4.0]);
        let endpoint = Endpoint::with_entry(entry, time, vec![true, true, false]).unwrap();
        let split = endpoint.split(&[2.0, 3.0, 20.0]);
        assert_eq!(split.subjects, [0, 1, 2, 2, 2]);
        assert_eq!(split.intervals, [0, 2, 0, 1, 2]);
        assert_eq!(split.endpoint.time(), [2.0, 9.0, 2.0, 3.0, 4.0]);
        assert_eq!(split.endpoint.event(), [true, true, false, false, false]);
        assert_eq!(split.endpoint.entry(), Some(&[0.0, 3.0, 1.0, 1.0, 1.0][..]));
    }

    #[test]
    fn an_interval_that_settling_empties_is_an_error() {
        let error = Endpoint::with_entry(vec![0.0, 1.0], vec![1.0, 1.0 + 1e-9], vec![true; 2]);
        assert_eq!(error, Err(EndpointError::EmptyInterval { row: 1 }));
    }

    #[test]
    fn times_are_finite_and_not_negative() {
        for time in [-1.0, f64::NAN, f64::INFINITY] {
            let error = Endpoint::new(vec![0.0, time], vec![true; 2]);
            assert_eq!(error, Err(EndpointError::InvalidTime { row: 1 }));
        }
    }
}
