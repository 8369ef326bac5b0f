//! Lays answers out as the golden files do.

use crate::compare::INFINITE;
use cohort::{Estimate, Interval, NotEstimable};
use serde_json::{Value, json};

/// A value, `null` when it is undefined, or [`INFINITE`].
pub fn estimate(estimate: &Estimate) -> Value {
    match estimate {
        Ok(value) => json!(value),
        Err(NotEstimable::Monotone | NotEstimable::Separation | NotEstimable::NoVariation) => {
            json!(INFINITE)
        }
        Err(_) => Value::Null,
    }
}

/// One entry per item.
pub fn list<T>(items: &[T], entry: impl Fn(&T) -> Value) -> Value {
    Value::Array(items.iter().map(entry).collect())
}

/// Lower limits of some intervals.
pub fn lower(intervals: &[Interval]) -> Value {
    list(intervals, |interval| estimate(&interval.lower))
}

/// Upper limits of some intervals.
pub fn upper(intervals: &[Interval]) -> Value {
    list(intervals, |interval| estimate(&interval.upper))
}

/// A value with its limits.
pub fn with_limits(value: &Estimate, interval: &Interval) -> Value {
    json!([estimate(value), estimate(&interval.lower), estimate(&interval.upper)])
}

/// The texts of a list; a single text is a list of one, and absence is the empty list.
pub fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(text).collect(),
        Value::Null => Vec::new(),
        other => vec![text(other)],
    }
}

/// A text; a number reads as its digits.
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), String::from)
}

/// The numbers of a list; absence is the empty list.
pub fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .map(|items| items.iter().filter_map(Value::as_f64).collect())
        .unwrap_or_default()
}
