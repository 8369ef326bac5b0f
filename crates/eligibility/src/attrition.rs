//! Criteria applied in order, and whom each of them leaves out.

use crate::{Condition, Criterion, ParseError, Window};
use intake::Table;
use thiserror::Error;

/// How a study came to its patients.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attrition {
    /// Patients before the first criterion.
    pub n_rows: usize,
    /// One step per criterion, in order.
    pub steps: Vec<Step>,
    /// The rows that stay, ascending.
    pub rows: Vec<usize>,
}

/// What one criterion does to those whom the criteria before it have left.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// What the flow diagram calls it.
    pub label: String,
    /// Rows of the patients whom it leaves out, ascending.
    pub excluded: Vec<usize>,
    /// Those of the excluded for whom it is unknown, because a value is missing.
    pub n_missing: usize,
    /// Patients who stay.
    pub n_left: usize,
}

/// A criterion that cannot be held against the table.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("criterion {}: {source}", index + 1)]
pub struct AttritionError {
    /// Index of the criterion.
    pub index: usize,
    /// What is wrong with it.
    pub source: ParseError,
}

/// Applies criteria, each with its label, in order.
///
/// A patient stays while every condition holds. One for whom a condition is unknown does not stay.
/// That nobody is left is no error here.
pub fn attrition(
    table: &Table,
    criteria: &[(String, Criterion)],
    window: Option<Window>,
) -> Result<Attrition, AttritionError> {
    let mut attrition =
        Attrition { n_rows: table.len(), steps: Vec::new(), rows: (0..table.len()).collect() };
    for (index, (label, criterion)) in criteria.iter().enumerate() {
        let condition =
            criterion.bind(table, window).map_err(|source| AttritionError { index, source })?;
        attrition.apply(label, &condition);
    }
    Ok(attrition)
}

impl Attrition {
    fn apply(&mut self, label: &str, condition: &Condition) {
        let (mut n_missing, mut excluded) = (0, Vec::new());
        self.rows.retain(|&row| {
            let holds = condition.evaluate(row);
            n_missing += usize::from(holds.is_none());
            if holds != Some(true) {
                excluded.push(row);
            }
            holds == Some(true)
        });
        let n_left = self.rows.len();
        self.steps.push(Step { label: label.into(), excluded, n_missing, n_left });
    }
}
