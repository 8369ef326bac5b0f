//! Analysis from a landmark.

use super::comparison;
use super::{curve_options, curve_options_in_force, curves_query, group_to};
use crate::common::{
    count, endpoint_columns, endpoint_from, endpoint_to, optional_column, optional_number,
};
use crate::pb::{common, survival as pb};
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Unreadable};
use cohort::{LARGEST_NUMBER, Selection};
use survival::{ComparisonQuery, CurvesQuery, LandmarkAnalysis, LandmarkQuery};

/// Asks for an analysis from a landmark.
#[must_use]
pub fn landmark_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    query: &LandmarkQuery,
) -> pb::AnalyseLandmarkRequest {
    let columns = endpoint_columns(&query.curves.endpoint)
        .chain(query.curves.group.as_deref())
        .chain(query.exposure.as_deref());
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    pb::AnalyseLandmarkRequest {
        cohort,
        selection,
        endpoint: Some(endpoint_to(&query.curves.endpoint)),
        group_column: query.curves.group.clone().unwrap_or_default(),
        options: Some(options_to(query)),
    }
}

fn options_to(query: &LandmarkQuery) -> pb::LandmarkOptions {
    pb::LandmarkOptions {
        landmark: query.landmark,
        exposure_column: query.exposure.clone().unwrap_or_default(),
        curves: Some(curve_options(&query.curves)),
        comparison: Some(comparison::options_to(&query.comparison)),
    }
}

/// The test of the groups as a comparison of its own.
fn comparison_query(query: &LandmarkQuery) -> ComparisonQuery {
    ComparisonQuery {
        endpoint: query.curves.endpoint.clone(),
        group: query.curves.group.clone().unwrap_or_default(),
        strata: Vec::new(),
        weights: None,
        options: query.comparison.clone(),
    }
}

impl CohortRequest for pb::AnalyseLandmarkRequest {
    type Query = LandmarkQuery;

    fn asked(self, cohorts: &dyn Cohorts) -> Result<Asked<LandmarkQuery>, Unreadable> {
        let pb::AnalyseLandmarkRequest { cohort, selection, endpoint, group_column, options } =
            self;
        Asked::read(cohorts, cohort, selection, |violations, cohort| {
            let endpoint = endpoint_from(violations, endpoint, cohort);
            let options = violations.require("options", options)?;
            let group = optional_column(violations, "group_column", group_column, cohort);
            let exposure = options.exposure_column;
            let exposure = optional_number(violations, "options.exposure_column", exposure, cohort);
            if group.is_some() && exposure.is_some() {
                violations.add("options.exposure_column", "and group_column exclude each other");
            }
            if !(0.0..=LARGEST_NUMBER).contains(&options.landmark) {
                violations.add("options.landmark", "must be neither negative nor too large");
            }
            let curves = violations.within(("options", "options.curves"), |violations| {
                curves_query(violations, options.curves.unwrap_or_default())
            });
            let comparison = violations.within(("options", "options.comparison"), |violations| {
                comparison::options_from(violations, options.comparison.unwrap_or_default())
            });
            Some(LandmarkQuery {
                landmark: options.landmark,
                exposure,
                curves: CurvesQuery { endpoint: endpoint?, group, ..curves? },
                comparison: comparison?,
            })
        })
    }
}

/// Answers with an analysis and the options in force; rows are those of the caller.
#[must_use]
pub fn landmark_response(
    answer: LandmarkAnalysis,
    asked: &Asked<LandmarkQuery>,
) -> pb::AnalyseLandmarkResponse {
    let query = &asked.query;
    let mut selection = common::Selection::default();
    for repeated in answer.selection.rows().chunk_by(|a, b| a == b) {
        selection.rows.push(count(asked.cohort.caller_row(repeated[0])));
        selection.multiplicities.push(count(repeated.len()));
    }
    let comparison = answer
        .comparison
        .map(|answer| comparison::comparison_response(answer, &comparison_query(query)));
    pb::AnalyseLandmarkResponse {
        selection: Some(selection),
        ended_count: count(answer.n_ended),
        not_entered_count: count(answer.n_not_entered),
        groups: answer.curves.groups.into_iter().map(group_to).collect(),
        comparison,
        options: Some(pb::LandmarkOptions {
            curves: Some(curve_options_in_force(&query.curves)),
            ..options_to(query)
        }),
    }
}
