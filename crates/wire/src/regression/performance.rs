//! Discrimination and calibration of predictions.

use super::logistic::groups_from;
use super::{test_from, test_to};
use crate::common::{
    confidence_from, count, count_from, estimate_from, estimate_to, interval_from, interval_to,
    required_column, required_name, required_number,
};
use crate::pb::regression as pb;
use crate::violation::Violations;
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Malformed, Unreadable};
use cohort::Selection;
use propensity::{
    Calibration, CalibrationCoefficient, Discrimination, Level, Performance, PerformanceOptions,
    Predictions, RiskGroup, ValidationQuery,
};

/// Asks how well predictions agree with outcomes.
#[must_use]
pub fn validation_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    query: &ValidationQuery,
) -> pb::ValidatePredictionsRequest {
    let columns = [query.outcome.column.as_str(), &query.prediction];
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    pb::ValidatePredictionsRequest {
        cohort,
        selection,
        outcome_column: query.outcome.column.clone(),
        outcome_level: query.outcome.level.clone(),
        prediction_column: query.prediction.clone(),
        options: Some(options_to(&query.options)),
    }
}

fn options_to(options: &PerformanceOptions) -> pb::PerformanceOptions {
    pb::PerformanceOptions {
        groups: Some(count(options.groups)),
        confidence: Some(options.confidence),
        fitted_predictions: options.predictions == Predictions::Fitted,
    }
}

impl CohortRequest for pb::ValidatePredictionsRequest {
    type Query = ValidationQuery;

    fn asked(self, cohorts: &dyn Cohorts) -> Result<Asked<ValidationQuery>, Unreadable> {
        let pb::ValidatePredictionsRequest { cohort, selection, options, .. } = self;
        let options = options.unwrap_or_default();
        Asked::read(cohorts, cohort, selection, |violations, cohort| {
            let column = self.outcome_column;
            let column = required_column(violations, "outcome_column", column, cohort);
            let level = required_name(violations, "outcome_level", self.outcome_level);
            let prediction = self.prediction_column;
            let prediction = required_number(violations, "prediction_column", prediction, cohort);
            let groups = groups_from(violations, "options.groups", options.groups);
            let confidence = confidence_from(violations, "options.confidence", options.confidence);
            let predictions = match options.fitted_predictions {
                true => Predictions::Fitted,
                false => Predictions::Foreign,
            };
            Some(ValidationQuery {
                outcome: Level { column: column?, level: level? },
                prediction: prediction?,
                options: PerformanceOptions {
                    groups: groups?,
                    confidence: confidence?,
                    predictions,
                },
            })
        })
    }
}

/// Answers with the performance of predictions and the options in force.
#[must_use]
pub fn validation_response(
    performance: Performance,
    query: &ValidationQuery,
) -> pb::ValidatePredictionsResponse {
    pb::ValidatePredictionsResponse {
        performance: Some(performance_to(performance)),
        options: Some(options_to(&query.options)),
    }
}

impl TryFrom<pb::ValidatePredictionsResponse> for Performance {
    type Error = Malformed;

    fn try_from(response: pb::ValidatePredictionsResponse) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let found = violations.require("performance", response.performance);
        let found = found.and_then(|found| performance_from(&mut violations, "performance", found));
        violations.finish(found)
    }
}

pub(super) fn performance_to(performance: Performance) -> pb::Performance {
    let Performance { discrimination, calibration, .. } = performance;
    let group = |group: RiskGroup| pb::RiskGroup {
        lower: group.lower,
        upper: group.upper,
        subject_count: count(group.n),
        outcome_count: count(group.observed),
        expected_outcomes: group.expected,
        interval: Some(interval_to(group.interval)),
    };
    pb::Performance {
        subject_count: count(performance.n),
        outcome_count: count(performance.n_outcomes),
        expected_outcomes: performance.expected_outcomes,
        discrimination: Some(pb::Discrimination {
            c_statistic: Some(estimate_to(discrimination.c_statistic)),
            standard_error: Some(estimate_to(discrimination.standard_error)),
            interval: Some(interval_to(discrimination.interval)),
        }),
        brier_score: performance.brier_score,
        scaled_brier_score: Some(estimate_to(performance.scaled_brier_score)),
        calibration: Some(pb::Calibration {
            in_the_large: Some(part_to(calibration.in_the_large)),
            intercept: Some(part_to(calibration.intercept)),
            slope: Some(part_to(calibration.slope)),
            test: Some(test_to(calibration.test)),
        }),
        hosmer_lemeshow: Some(test_to(performance.hosmer_lemeshow)),
        groups: performance.groups.into_iter().map(group).collect(),
    }
}

fn part_to(part: CalibrationCoefficient) -> pb::CalibrationCoefficient {
    pb::CalibrationCoefficient {
        estimate: Some(estimate_to(part.estimate)),
        standard_error: Some(estimate_to(part.standard_error)),
        interval: Some(interval_to(part.interval)),
    }
}

pub(super) fn performance_from(
    violations: &mut Violations,
    path: &str,
    performance: pb::Performance,
) -> Option<Performance> {
    let discrimination = performance.discrimination.unwrap_or_default();
    let calibration = performance.calibration.unwrap_or_default();
    let groups = performance.groups.into_iter().map(|group| {
        Some(RiskGroup {
            lower: group.lower,
            upper: group.upper,
            n: count_from(violations, path, group.subject_count)?,
            observed: count_from(violations, path, group.outcome_count)?,
            expected: group.expected_outcomes,
            interval: interval_from(group.interval),
        })
    });
    let groups = groups.collect::<Option<Vec<_>>>()?;
    Some(Performance {
        n: count_from(violations, path, performance.subject_count)?,
        n_outcomes: count_from(violations, path, performance.outcome_count)?,
        expected_outcomes: performance.expected_outcomes,
        discrimination: Discrimination {
            c_statistic: estimate_from(discrimination.c_statistic),
            standard_error: estimate_from(discrimination.standard_error),
            interval: interval_from(discrimination.interval),
        },
        brier_score: performance.brier_score,
        scaled_brier_score: estimate_from(performance.scaled_brier_score),
        calibration: Calibration {
            in_the_large: part_from(calibration.in_the_large),
            intercept: part_from(calibration.intercept),
            slope: part_from(calibration.slope),
            test: test_from(violations, &format!("{path}.calibration"), calibration.test)?,
        },
        hosmer_lemeshow: test_from(violations, path, performance.hosmer_lemeshow)?,
        groups,
    })
}

fn part_from(part: Option<pb::CalibrationCoefficient>) -> CalibrationCoefficient {
    let part = part.unwrap_or_default();
    CalibrationCoefficient {
        estimate: estimate_from(part.estimate),
        standard_error: estimate_from(part.standard_error),
        interval: interval_from(part.interval),
    }
}
