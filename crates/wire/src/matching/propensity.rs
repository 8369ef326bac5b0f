//! Propensity scores.

use super::match_options::{discard_from, discard_to};
use super::overlap::{overlap_from, overlap_to};
use crate::common::{caveats_from, caveats_to, count, counts_from, estimate_from, estimate_to};
use crate::pb::matching as pb;
use crate::pb::regression::LogisticModel;
use crate::regression::{
    logistic_columns, logistic_fit_from, logistic_fit_to, logistic_model_from, logistic_model_to,
    logistic_options_to,
};
use crate::violation::Violations;
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Malformed, Unreadable};
use cohort::{Cohort, Selection};
use propensity::{Discard, LogisticQuery, PropensityScores};

/// Asks for propensity scores.
#[must_use]
pub fn propensity_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    question: &PropensityQuestion,
) -> pb::EstimatePropensityRequest {
    let columns = logistic_columns(&question.model);
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    pb::EstimatePropensityRequest {
        cohort,
        selection,
        ..question_to(&question.model, question.discard)
    }
}

/// A model of scores: a request without patients.
pub(crate) fn question_to(
    model: &LogisticQuery,
    discard: Discard,
) -> pb::EstimatePropensityRequest {
    pb::EstimatePropensityRequest {
        cohort: None,
        selection: None,
        model: Some(logistic_model_to(model)),
        discard: discard_to(discard),
    }
}

/// Reads a model of scores.
pub(crate) fn question_from(
    violations: &mut Violations,
    model: Option<LogisticModel>,
    discard: i32,
    cohort: &Cohort,
) -> Option<PropensityQuestion> {
    let discard = violations.require_known("discard", discard_from(discard));
    let model = logistic_model_from(violations, model, cohort);
    Some(PropensityQuestion { model: model?, discard: discard? })
}

/// A model of propensity scores, and who is set aside before it is estimated again.
#[derive(Clone, Debug, PartialEq)]
pub struct PropensityQuestion {
    /// The model.
    pub model: LogisticQuery,
    /// Who is set aside.
    pub discard: Discard,
}

impl CohortRequest for pb::EstimatePropensityRequest {
    type Query = PropensityQuestion;

    fn asked(self, cohorts: &dyn Cohorts) -> Result<Asked<PropensityQuestion>, Unreadable> {
        let pb::EstimatePropensityRequest { cohort, selection, model, discard } = self;
        Asked::read(cohorts, cohort, selection, |violations, cohort| {
            question_from(violations, model, discard, cohort)
        })
    }
}

/// Answers with propensity scores by the rows of the caller, and the options in force.
#[must_use]
pub fn propensity_response(
    scores: PropensityScores,
    asked: &Asked<PropensityQuestion>,
) -> pb::EstimatePropensityResponse {
    let rows = |rows: &[usize]| -> Vec<i32> {
        rows.iter().map(|&row| count(asked.cohort.caller_row(row))).collect()
    };
    pb::EstimatePropensityResponse {
        fit: Some(logistic_fit_to(scores.fit, &asked.cohort)),
        rows: rows(&scores.rows),
        linear_predictors: scores.linear_predictor,
        probabilities: scores.probability,
        linear_predictor_sd: Some(estimate_to(scores.linear_predictor_sd)),
        c_statistic: Some(estimate_to(scores.c_statistic)),
        caveats: caveats_to(scores.caveats),
        options: Some(logistic_options_to(&asked.query.model)),
        overlap: Some(overlap_to(&scores.overlap)),
        discarded_rows: rows(&scores.discarded),
    }
}

impl TryFrom<pb::EstimatePropensityResponse> for PropensityScores {
    type Error = Malformed;

    /// Reads scores in the order of the rows that were asked for, as a sender of rows in id order
    /// gets them back.
    fn try_from(response: pb::EstimatePropensityResponse) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let scores = propensity_from(&mut violations, response);
        violations.finish(scores)
    }
}

fn propensity_from(
    violations: &mut Violations,
    response: pb::EstimatePropensityResponse,
) -> Option<PropensityScores> {
    let fit = violations.require("fit", response.fit)?;
    let overlap = violations.require("overlap", response.overlap)?;
    Some(PropensityScores {
        fit: logistic_fit_from(violations, "fit", fit)?,
        rows: counts_from(violations, "rows", response.rows)?,
        linear_predictor: response.linear_predictors,
        probability: response.probabilities,
        linear_predictor_sd: estimate_from(response.linear_predictor_sd),
        c_statistic: estimate_from(response.c_statistic),
        overlap: overlap_from(violations, "overlap", overlap)?,
        discarded: counts_from(violations, "discarded_rows", response.discarded_rows)?,
        caveats: caveats_from(violations, "caveats", response.caveats),
    })
}
