//! The rows of one patient held against each other.

use crate::common::{
    count, count_from, counts, counts_from, endpoint_columns, endpoint_from, endpoint_to,
    required_column,
};
use crate::pb::regression as pb;
use crate::violation::Violations;
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Malformed, Unreadable};
use cohort::{EndpointColumns, IntervalCheck, Selection};

/// Follow-up and the column of ids.
pub type IntervalsQuery = (EndpointColumns, String);

/// Asks how the rows of each patient fit together.
#[must_use]
pub fn intervals_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    (endpoint, id): &IntervalsQuery,
) -> pb::CheckIntervalsRequest {
    let columns = endpoint_columns(endpoint).chain([id.as_str()]);
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    let endpoint = Some(endpoint_to(endpoint));
    pb::CheckIntervalsRequest { cohort, selection, endpoint, id_column: id.clone() }
}

impl CohortRequest for pb::CheckIntervalsRequest {
    type Query = IntervalsQuery;

    fn asked(self, cohorts: &dyn Cohorts) -> Result<Asked<IntervalsQuery>, Unreadable> {
        let pb::CheckIntervalsRequest { cohort, selection, endpoint, id_column } = self;
        Asked::read(cohorts, cohort, selection, |violations, cohort| {
            let endpoint = endpoint_from(violations, endpoint, cohort);
            let id = required_column(violations, "id_column", id_column, cohort);
            Some((endpoint?, id?))
        })
    }
}

/// Answers with what was found.
#[must_use]
pub fn intervals_response(check: &IntervalCheck) -> pb::CheckIntervalsResponse {
    pb::CheckIntervalsResponse {
        row_count: count(check.n_rows),
        id_count: count(check.n_ids),
        overlapping_rows: counts(&check.overlapping_rows),
        rows_after_gap: counts(&check.rows_after_gap),
        duplicate_count: count(check.n_duplicates),
        id_with_several_events_count: count(check.n_ids_with_several_events),
    }
}

impl TryFrom<pb::CheckIntervalsResponse> for IntervalCheck {
    type Error = Malformed;

    fn try_from(response: pb::CheckIntervalsResponse) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let check = interval_check_from(&mut violations, response);
        violations.finish(check)
    }
}

fn interval_check_from(
    violations: &mut Violations,
    response: pb::CheckIntervalsResponse,
) -> Option<IntervalCheck> {
    Some(IntervalCheck {
        n_rows: count_from(violations, "row_count", response.row_count)?,
        n_ids: count_from(violations, "id_count", response.id_count)?,
        overlapping_rows: counts_from(violations, "overlapping_rows", response.overlapping_rows)?,
        rows_after_gap: counts_from(violations, "rows_after_gap", response.rows_after_gap)?,
        n_duplicates: count_from(violations, "duplicate_count", response.duplicate_count)?,
        n_ids_with_several_events: count_from(
            violations,
            "id_with_several_events_count",
            response.id_with_several_events_count,
        )?,
    })
}
