//! Baseline hazards and predicted curves of Cox models.

use super::{cox_fit_to, model_columns, model_from, model_options_to, model_to};
use crate::common::{
    cohort_from, cohort_to, count, counts, estimate_to, interval_to, optional_name, reason_to,
};
use crate::pb::{common, regression as pb};
use crate::survival::{
    check_probabilities, check_times, interval_rule_from, interval_rule_to, quantile_to,
};
use crate::violation::Violations;
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Unreadable};
use cohort::{Cohort, Selection};
use cox::{
    AverageAt, AverageCurve, BaselineHazard, CoxQuery, PredictedAt, PredictedCurve, PredictedSteps,
    Prediction, PredictionQuery,
};

/// A question about a model with the subjects to predict.
#[derive(Clone, Debug, PartialEq)]
pub struct WithProfiles<Q> {
    /// What is asked.
    pub query: Q,
    /// The subjects, one per row.
    pub profiles: Cohort,
}

/// How many subjects one call predicts: each of them has a curve in every stratum.
const MOST_PROFILES: usize = 10_000;

/// Asks for predictions of a Cox model.
#[must_use]
pub fn prediction_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    profiles: &Cohort,
    query: &PredictionQuery,
) -> pb::PredictCoxRequest {
    let (cohort, selection) = Asked::<()>::written(cohort, selection, model_columns(&query.model));
    pb::PredictCoxRequest {
        cohort,
        selection,
        model: Some(model_to(&query.model)),
        profiles: Some(cohort_to(profiles, profiles.names())),
        prediction: Some(options_to(query)),
    }
}

impl CohortRequest for pb::PredictCoxRequest {
    type Query = WithProfiles<PredictionQuery>;

    fn asked(
        self,
        cohorts: &dyn Cohorts,
    ) -> Result<Asked<WithProfiles<PredictionQuery>>, Unreadable> {
        let pb::PredictCoxRequest { cohort, selection, model, profiles, prediction } = self;
        Asked::read(cohorts, cohort, selection, |violations, cohort| {
            let model = model_from(violations, model, cohort);
            let profiles = profiles_from(violations, profiles.unwrap_or_default());
            let query = options_from(violations, prediction.unwrap_or_default(), model);
            Some(WithProfiles { query: query?, profiles: profiles? })
        })
    }
}

fn profiles_from(violations: &mut Violations, profiles: common::Cohort) -> Option<Cohort> {
    if !profiles.digest.is_empty() {
        violations.add("profiles.digest", "must be empty: profiles come with their request");
    }
    let read = |violations: &mut Violations| cohort_from(violations, profiles);
    let profiles = violations.within(("cohort", "profiles"), read)?;
    if profiles.len() > MOST_PROFILES {
        violations.add("profiles", format!("must have at most {MOST_PROFILES} rows"));
    }
    Some(profiles)
}

fn options_from(
    violations: &mut Violations,
    options: pb::CoxPredictionOptions,
    model: Option<CoxQuery>,
) -> Option<PredictionQuery> {
    let rule = interval_rule_from(options.interval_rule);
    let interval = violations.require_known("prediction.interval_rule", rule);
    check_times(violations, "prediction.times", &options.times);
    let probabilities = options.quantile_probabilities;
    check_probabilities(violations, "prediction.quantile_probabilities", &probabilities);
    Some(PredictionQuery {
        model: model?,
        interval: interval?,
        whole_curves: !options.without_curves,
        times: options.times,
        quantiles: probabilities,
        of_average_subject: options.average_subject,
        average_over: optional_name(options.average_over),
    })
}

fn options_to(query: &PredictionQuery) -> pb::CoxPredictionOptions {
    pb::CoxPredictionOptions {
        interval_rule: interval_rule_to(query.interval),
        without_curves: !query.whole_curves,
        times: query.times.clone(),
        quantile_probabilities: query.quantiles.clone(),
        average_subject: query.of_average_subject,
        average_over: query.average_over.clone().unwrap_or_default(),
    }
}

/// Answers with predictions, profiles counted as the caller counts them, and the options in force.
#[must_use]
pub fn prediction_response(
    found: Prediction,
    asked: &Asked<WithProfiles<PredictionQuery>>,
) -> pb::PredictCoxResponse {
    let WithProfiles { query, profiles } = &asked.query;
    let (baseline, baseline_reason) = match found.baseline {
        Ok(strata) => (strata, 0),
        Err(reason) => (Vec::new(), reason_to(reason)),
    };
    let (averages, averages_reason) = match found.averages {
        None => (Vec::new(), 0),
        Some(Ok(averages)) => (averages, 0),
        Some(Err(reason)) => (Vec::new(), reason_to(reason)),
    };
    pb::PredictCoxResponse {
        fit: Some(cox_fit_to(found.fit)),
        mean_offset: found.mean_offset,
        baseline: baseline.into_iter().map(baseline_to).collect(),
        baseline_reason,
        curves: found.curves.into_iter().map(|curve| curve_to(curve, profiles)).collect(),
        averages: averages.into_iter().map(average_to).collect(),
        averages_reason,
        options: Some(model_options_to(&query.model)),
        prediction: Some(options_to(query)),
    }
}

fn baseline_to(baseline: BaselineHazard) -> pb::CoxBaselineHazard {
    pb::CoxBaselineHazard {
        stratum: baseline.stratum,
        times: baseline.time,
        at_risk_counts: counts(&baseline.n_at_risk),
        event_counts: counts(&baseline.n_events),
        cumulative_hazards: baseline.cumulative_hazard,
    }
}

fn curve_to(curve: PredictedCurve, profiles: &Cohort) -> pb::CoxPredictedCurve {
    let mut message = pb::CoxPredictedCurve {
        profile_row: curve.profile.map(|row| count(profiles.caller_row(row))),
        stratum: curve.stratum,
        ..pb::CoxPredictedCurve::default()
    };
    match curve.prediction {
        Err(reason) => message.reason = reason_to(reason),
        Ok(predicted) => {
            message.linear_predictor = predicted.linear_predictor;
            message.steps = predicted.curve.map(steps_to);
            message.at_times = predicted.at_times.into_iter().map(at_to).collect();
            message.quantiles = predicted.quantiles.into_iter().map(quantile_to).collect();
        }
    }
    message
}

fn steps_to(steps: PredictedSteps) -> pb::CoxPredictedSteps {
    let limits = &steps.interval;
    pb::CoxPredictedSteps {
        event_counts: counts(&steps.n_events),
        lower_limits: limits.iter().map(|limit| limit.lower.unwrap_or(0.0)).collect(),
        upper_limits: limits.iter().map(|limit| limit.upper.unwrap_or(0.0)).collect(),
        undefined_limits: (0..limits.len())
            .filter(|&index| limits[index].lower.is_err())
            .map(count)
            .collect(),
        times: steps.time,
        survival: steps.survival,
        cumulative_hazards: steps.cumulative_hazard,
        standard_errors: steps.standard_error,
    }
}

fn at_to(at: PredictedAt) -> pb::CoxPredictedAt {
    pb::CoxPredictedAt {
        time: at.time,
        survival: Some(estimate_to(at.survival)),
        cumulative_hazard: Some(estimate_to(at.cumulative_hazard)),
        standard_error: Some(estimate_to(at.standard_error)),
        interval: Some(interval_to(at.interval)),
    }
}

fn average_to(average: AverageCurve) -> pb::CoxAverageCurve {
    let at = |at: AverageAt| pb::CoxAverageAt {
        time: at.time,
        survival: Some(estimate_to(at.survival)),
        standard_error: Some(estimate_to(at.standard_error)),
        interval: Some(interval_to(at.interval)),
        difference: Some(estimate_to(at.difference)),
        difference_standard_error: Some(estimate_to(at.difference_standard_error)),
        difference_interval: Some(interval_to(at.difference_interval)),
    };
    pb::CoxAverageCurve {
        level: average.level,
        at_times: average.at_times.into_iter().map(at).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::diagnostics::tests::{cohort, model};
    use super::*;
    use ::survival::IntervalRule;

    /// The question that arrives is the one that was asked.
    #[test]
    fn the_question_comes_back() {
        let cohort = cohort();
        let query = PredictionQuery {
            model: model(),
            interval: IntervalRule::LogLog,
            whole_curves: false,
            times: vec![1.0, 2.0],
            quantiles: vec![0.25],
            of_average_subject: true,
            average_over: Some("g".into()),
        };
        let request = prediction_request(&cohort, &Selection::all(&cohort), &cohort, &query);
        let asked = request.asked(&()).unwrap();
        assert_eq!(asked.query.query, query);
        assert_eq!(asked.query.profiles, cohort);
    }
}
