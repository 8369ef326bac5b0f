//! What is wrong with a message, field by field.

use std::fmt::Display;
use thiserror::Error;

/// One thing that is wrong with one field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldViolation {
    /// Path of the field, such as `cohort.columns[3].values[17]`.
    pub path: String,
    /// What is wrong and what to do; never a value of the field.
    pub message: String,
}

/// A message that cannot be understood, with everything that is wrong with it.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("{} of the message cannot be understood, first {}: {}", fields(.0.len()), first(.0).path, first(.0).message)]
pub struct Malformed(pub Vec<FieldViolation>);

fn fields(count: usize) -> String {
    if count == 1 { "a field".into() } else { format!("{count} fields") }
}

fn first(violations: &[FieldViolation]) -> FieldViolation {
    let unknown = FieldViolation { path: "message".into(), message: "empty".into() };
    violations.first().cloned().unwrap_or(unknown)
}

/// Entries of lists are noted as long as there are fewer violations; a status carries about a hundred.
const MOST_VIOLATIONS: usize = 1000;

/// Collects what is wrong while a message is read to its end.
#[derive(Default)]
pub(crate) struct Violations(Vec<FieldViolation>);

impl Violations {
    pub(crate) fn add(&mut self, path: impl Into<String>, message: impl Display) {
        self.0.push(FieldViolation { path: path.into(), message: message.to_string() });
    }

    /// How many things are wrong so far.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The value, or a violation of the field at `path`.
    pub(crate) fn check<T, E: Display>(
        &mut self,
        path: impl Into<String>,
        value: Result<T, E>,
    ) -> Option<T> {
        value.map_err(|error| self.add(path, error)).ok()
    }

    /// The value, or a violation that it is missing.
    pub(crate) fn require<T>(&mut self, path: impl Into<String>, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.add(path, "is required");
        }
        value
    }

    /// The value of an enum, or a violation that its number is unknown.
    pub(crate) fn require_known<T>(
        &mut self,
        path: impl Into<String>,
        value: Option<T>,
    ) -> Option<T> {
        if value.is_none() {
            self.add(path, "is no value of this enum");
        }
        value
    }

    /// Reads a part whose paths begin with `inner` where in the whole they begin with `outer`.
    pub(crate) fn within<T>(
        &mut self,
        (inner, outer): (&str, &str),
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let mut part = Self::default();
        let value = read(&mut part);
        self.0.extend(part.0.into_iter().map(|violation| {
            let path = match violation.path.strip_prefix(inner) {
                Some(rest) => format!("{outer}{rest}"),
                None => violation.path,
            };
            FieldViolation { path, ..violation }
        }));
        value
    }

    /// Notes every number that does not lie where it should.
    pub(crate) fn check_each(
        &mut self,
        path: &str,
        numbers: &[f64],
        is_valid: impl Fn(f64) -> bool,
        message: &str,
    ) {
        let bad = numbers.iter().enumerate().filter(|(_, number)| !is_valid(**number));
        self.add_each(path, bad.map(|(index, _)| index), message);
    }

    /// Notes these entries of a list, as long as there is room: a small message could otherwise
    /// ask for any amount of memory.
    pub(crate) fn add_each(
        &mut self,
        path: &str,
        entries: impl Iterator<Item = usize>,
        message: impl Display,
    ) {
        let room = MOST_VIOLATIONS.saturating_sub(self.0.len());
        for index in entries.take(room) {
            self.add(format!("{path}[{index}]"), &message);
        }
    }

    /// The value that was read, or everything that is wrong.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, Malformed> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Malformed(self.0)),
        }
    }
}
