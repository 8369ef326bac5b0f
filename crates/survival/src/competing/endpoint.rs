//! Reads the columns of an endpoint with several causes.

use crate::SurvivalError;
use cohort::{CauseColumns, Cohort, Endpoint, Selection};

/// Follow-up of the selected subjects to the first event of any cause.
pub(super) struct CauseEndpoint {
    /// Times, with an event for every cause.
    pub(super) endpoint: Endpoint,
    /// Index of the cause of each subject; 0, and never read, for the censored.
    pub(super) causes: Vec<u32>,
}

/// Reads and checks; codes that are declared nowhere are refused, as are missing cells.
pub(super) fn read(
    cohort: &Cohort,
    selection: &Selection,
    columns: &CauseColumns,
) -> Result<CauseEndpoint, SurvivalError> {
    columns.check()?;
    if selection.is_empty() {
        return Err(SurvivalError::NoRows);
    }
    let endpoint = cohort.endpoint(&columns.any_cause(), selection)?;
    let codes = cohort.categories(&columns.cause, selection)?;
    let causes: Vec<u32> =
        codes.levels.iter().map(|code| columns.position(code).unwrap_or(0) as u32).collect();
    let causes = codes.codes.iter().map(|&code| causes[code as usize]).collect();
    Ok(CauseEndpoint { endpoint, causes })
}
