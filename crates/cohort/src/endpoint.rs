//! Right-censored follow-up whose ties are settled.

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

    /// Number of events.
    #[must_use]
    pub fn n_events(&self) -> usize {
        self.event.iter().filter(|&&event| event).count()
    }
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
