//! A question about some rows of a cohort.

use crate::common::{cohort_from, cohort_to, is_categorical, selection_from, selection_to};
use crate::pb;
use crate::violation::{Malformed, Violations};
use cohort::{Cohort, CohortDigest, Selection};
use std::sync::Arc;
use thiserror::Error;

/// A question `Q` of a statistics crate about some rows of a cohort.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked<Q> {
    /// The patients.
    pub cohort: Arc<Cohort>,
    /// Which of them.
    pub selection: Selection,
    /// What is asked.
    pub query: Q,
}

/// Where the cohorts are that requests name by digest.
pub trait Cohorts {
    /// The cohort of this digest, if it is held; its columns stand in the order of their names.
    fn held(&self, digest: CohortDigest) -> Option<Arc<Cohort>>;
}

/// Nothing is held.
impl Cohorts for () {
    fn held(&self, _: CohortDigest) -> Option<Arc<Cohort>> {
        None
    }
}

/// How a request speaks of its cohort.
#[derive(Clone, Copy, Debug)]
pub enum CohortRef<'a> {
    /// With the columns that it names.
    Inline(&'a Cohort),
    /// By a digest, under which its server holds the cohort.
    Digest(CohortDigest),
}

impl<'a> From<&'a Cohort> for CohortRef<'a> {
    fn from(cohort: &'a Cohort) -> Self {
        Self::Inline(cohort)
    }
}

impl<'a> From<&'a Arc<Cohort>> for CohortRef<'a> {
    fn from(cohort: &'a Arc<Cohort>) -> Self {
        Self::Inline(cohort)
    }
}

/// A request that asks a question about some rows of a cohort.
pub trait CohortRequest: Sized {
    /// The question.
    type Query;

    /// Reads the question. The cohort comes with the request, or is one of those that are held.
    ///
    /// # Errors
    /// Everything that is wrong with the request, or that its cohort is not held.
    fn asked(self, cohorts: &dyn Cohorts) -> Result<Asked<Self::Query>, Unreadable>;
}

/// Why a request cannot be read.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum Unreadable {
    /// Fields are at fault.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The request names a cohort that is not held.
    #[error("the cohort {0} is not held here: upload it to this server and repeat the request")]
    NotHeld(CohortDigest),
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

/// The cohort of a request: the one that is held, or the one that came.
fn found(
    violations: &mut Violations,
    cohorts: &dyn Cohorts,
    message: pb::common::Cohort,
) -> Result<Option<Arc<Cohort>>, Unreadable> {
    if message.digest.is_empty() {
        return Ok(sent(violations, message).map(Arc::new));
    }
    if !(message.ids.is_empty() && message.columns.is_empty()) {
        violations.add("cohort.digest", "stands in place of ids and columns: give one of them");
    }
    match violations.check("cohort.digest", message.digest.parse()) {
        Some(digest) => cohorts.held(digest).ok_or(Unreadable::NotHeld(digest)).map(Some),
        None => Ok(None),
    }
}

/// A cohort that came with its request.
fn sent(violations: &mut Violations, message: pb::common::Cohort) -> Option<Cohort> {
    let first_cells = first_cells(&message);
    let cohort = cohort_from(violations, message)?;
    if cohort.is_empty() {
        violations.add(first_cells, NO_ROWS);
        // Without columns there is no name that would not be wrong.
        cohort.names().next()?;
    }
    Some(cohort)
}

impl<Q> Asked<Q> {
    /// Reads cohort and selection, then the question, which may look at the cohort.
    pub(crate) fn read(
        cohorts: &dyn Cohorts,
        cohort: Option<pb::common::Cohort>,
        selection: Option<pb::common::Selection>,
        query: impl FnOnce(&mut Violations, &Cohort) -> Option<Q>,
    ) -> Result<Self, Unreadable> {
        let mut violations = Violations::default();
        let cohort = match violations.require("cohort", cohort) {
            Some(cohort) => found(&mut violations, cohorts, cohort)?,
            None => None,
        };
        let asked = cohort.and_then(|cohort| {
            let selection = selection_from(&mut violations, "selection", selection, &cohort);
            let query = query(&mut violations, &cohort)?;
            Some(Self { selection: selection?, query, cohort })
        });
        Ok(violations.finish(asked)?)
    }

    /// Cohort and selection as messages; a cohort that comes along has these columns alone.
    ///
    /// Rows are counted as the cohort counts them, and ids stay at home: rows already stand in id
    /// order, so the row number breaks every tie as the id would. Everybody once is no selection.
    pub(crate) fn written<'a, 'b>(
        cohort: impl Into<CohortRef<'b>>,
        selection: &Selection,
        columns: impl IntoIterator<Item = &'a str>,
    ) -> (Option<pb::common::Cohort>, Option<pb::common::Selection>) {
        let cohort = match cohort.into() {
            CohortRef::Inline(cohort) => cohort_to(cohort, columns),
            CohortRef::Digest(digest) => {
                pb::common::Cohort { digest: digest.to_string(), ..Default::default() }
            }
        };
        let selection = (!selection.is_everybody()).then(|| selection_to(selection));
        (Some(cohort), selection)
    }
}
