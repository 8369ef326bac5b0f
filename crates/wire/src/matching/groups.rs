//! Baseline tables of any number of groups.

use super::tables::{
    group_row_from, group_row_to, options_from, options_to, variable_to, variables_from,
};
use crate::common::{columns_from, counts, counts_from, optional_column, required_column};
use crate::pb::matching as pb;
use crate::violation::Violations;
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Malformed, Unreadable};
use balance::{GroupTable, GroupsQuery, Pairing};
use cohort::Selection;

/// Asks for a baseline table of several groups; pairs are those of a column.
#[must_use]
pub fn groups_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    query: &GroupsQuery,
) -> pb::CompareGroupsRequest {
    let pair_column = match &query.pairing {
        Some(Pairing::Column(column)) => column.clone(),
        Some(Pairing::Rows(_)) | None => String::new(),
    };
    let columns = [query.group.as_str()]
        .into_iter()
        .chain(query.variables.iter().map(|variable| variable.column()))
        .chain(query.strata.iter().map(String::as_str))
        .chain(Some(pair_column.as_str()).filter(|column| !column.is_empty()));
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    pb::CompareGroupsRequest {
        cohort,
        selection,
        group_column: query.group.clone(),
        variables: query.variables.iter().map(variable_to).collect(),
        options: Some(options_to(&query.tests, query.options)),
        pair_column,
        strata_columns: query.strata.clone(),
    }
}

impl CohortRequest for pb::CompareGroupsRequest {
    type Query = GroupsQuery;

    fn asked(self, cohorts: &dyn Cohorts) -> Result<Asked<GroupsQuery>, Unreadable> {
        let pb::CompareGroupsRequest { cohort, selection, .. } = self;
        Asked::read(cohorts, cohort, selection, |violations, cohort| {
            let group = self.group_column;
            let group = required_column(violations, "group_column", group, cohort);
            let variables = variables_from(violations, self.variables, cohort);
            let options = options_from(violations, self.options);
            let strata = columns_from(violations, "strata_columns", self.strata_columns, cohort);
            let pair = optional_column(violations, "pair_column", self.pair_column, cohort);
            let (tests, options) = options?;
            let pairing = pair.map(Pairing::Column);
            Some(GroupsQuery { group: group?, variables, tests, options, pairing, strata })
        })
    }
}

/// Answers with a baseline table and the options in force.
#[must_use]
pub fn groups_response(table: GroupTable, query: &GroupsQuery) -> pb::CompareGroupsResponse {
    pb::CompareGroupsResponse {
        groups: table.groups,
        counts: counts(&table.n),
        rows: table.rows.into_iter().map(group_row_to).collect(),
        options: Some(options_to(&query.tests, query.options)),
    }
}

impl TryFrom<pb::CompareGroupsResponse> for GroupTable {
    type Error = Malformed;

    fn try_from(response: pb::CompareGroupsResponse) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let table = table_from(&mut violations, response);
        violations.finish(table)
    }
}

fn table_from(
    violations: &mut Violations,
    response: pb::CompareGroupsResponse,
) -> Option<GroupTable> {
    let mut rows = Vec::new();
    for (index, row) in response.rows.into_iter().enumerate() {
        rows.push(group_row_from(violations, &format!("rows[{index}]"), row)?);
    }
    let n = counts_from(violations, "counts", response.counts)?;
    Some(GroupTable { groups: response.groups, n, rows })
}
