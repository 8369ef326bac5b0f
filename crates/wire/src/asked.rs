//! A question about some rows of a cohort.

use crate::common::{cohort_from, cohort_to, is_categorical, selection_from, selection_to};
use crate::pb;
use crate::violation::Violations;
use cohort::{Cohort, Selection};

/// A question `Q` of a statistics crate about some rows of a cohort.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked<Q> {
    /// The patients.
    pub cohort: Cohort,
    /// Which of them.
    pub selection: Selection,
    /// What is asked.
    pub query: Q,
}

/// A question about nobody is a mistake of the caller; a selection that leaves nobody is not.
const NO_ROWS: &str = "has no rows: send at least one, with a cell in every column";

/// The field in which a cohort without rows lacks them.
fn first_cells(cohort: &pb::common::Cohort) -> &'static str {
    match cohort.columns.first() {
        None => "cohort.columns",
        Some(column) if is_categorical(column) => "cohort.columns[0].codes",
        Some(_) => "cohort.columns[0].values",
    }
}

impl<Q> Asked<Q> {
    /// Reads cohort and selection, then the question, which may look at the cohort.
    pub(crate) fn read(
        violations: &mut Violations,
        cohort: Option<pb::common::Cohort>,
        selection: Option<pb::common::Selection>,
        query: impl FnOnce(&mut Violations, &Cohort) -> Option<Q>,
    ) -> Option<Self> {
        let cohort = violations.require("cohort", cohort)?;
        let first_cells = first_cells(&cohort);
        let cohort = cohort_from(violations, cohort)?;
        if cohort.is_empty() {
            violations.add(first_cells, NO_ROWS);
            // Without columns there is no name that would not be wrong.
            cohort.names().next()?;
        }
        let selection = selection_from(violations, "selection", selection, &cohort);
        let query = query(violations, &cohort)?;
        Some(Self { selection: selection?, query, cohort })
    }

    /// Cohort and selection as messages, with these columns of the cohort alone.
    ///
    /// Rows are counted as the cohort counts them, and ids stay at home: rows already stand in id
    /// order, so the row number breaks every tie as the id would.
    pub(crate) fn written<'a>(
        cohort: &Cohort,
        selection: &Selection,
        columns: impl IntoIterator<Item = &'a str>,
    ) -> (Option<pb::common::Cohort>, Option<pb::common::Selection>) {
        (Some(cohort_to(cohort, columns)), Some(selection_to(selection)))
    }
}
