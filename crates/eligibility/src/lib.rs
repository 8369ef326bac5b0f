//! Who is in a study: conditions on the columns of a patient table, applied in order, and the
//! attrition they cause.
//!
//! A [`Criterion`] is parsed without data; it says which columns it needs, so that the caller can
//! have them read. Held against a table it becomes a [`Condition`], which has a truth value for
//! every row, or none where a value is missing.
//!
//! ```text
//! condition   = conjunction { "or" conjunction }
//! conjunction = negation { "and" negation }
//! negation    = "not" negation | "(" condition ")" | comparison
//! comparison  = column ("==" | "!=" | "<" | "<=" | ">" | ">=") value
//!             | column ["not"] "in" ("window" | "[" value { "," value } "]")
//!             | column "is" ["not"] "missing"
//! value       = 18.5 | "text" | 'text' | 2006-03-01
//! ```
//!
//! A column whose name is no single word is written between backticks.

mod attrition;
mod condition;
mod criterion;
mod parse;
mod token;

pub use attrition::{Attrition, AttritionError, Step, attrition};
pub use condition::{Condition, Window};
pub use criterion::{ColumnUse, Criterion, columns_of};

use thiserror::Error;

/// What is wrong with the text of a condition, and where.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{message}")]
pub struct ParseError {
    /// Byte of the text at which it is noticed.
    pub at: usize,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl ParseError {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }
}
