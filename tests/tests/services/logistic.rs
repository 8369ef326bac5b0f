//! Logistic models and the performance of predictions, over the wire.

use crate::harness::{clients, failure, numbers, term};
use wire::pb::common::{CaseWeights, CaveatCode, Cohort, NotEstimable, WeightKind};
use wire::pb::regression::{
    FitLogisticRequest, Link, LogisticModel, LogisticOptions, OnSeparation, Penalty,
    PerformanceOptions, ValidatePredictionsRequest,
};

/// Of three exposed with the outcome and one without, and one and three not exposed; `z` tells all
/// apart, `w` counts the first twice.
fn cohort() -> Option<Cohort> {
    let columns = vec![
        numbers("x", &[1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]),
        numbers("y", &[1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0]),
        numbers("z", &[5.0, 6.0, 7.0, 1.0, 8.0, 2.0, 3.0, 4.0]),
        numbers("w", &[2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]),
        numbers("p", &[0.75, 0.75, 0.75, 0.75, 0.25, 0.25, 0.25, 0.25]),
    ];
    Some(Cohort { columns, ..Cohort::default() })
}

fn request(column: &str, options: LogisticOptions) -> FitLogisticRequest {
    let model = LogisticModel {
        outcome_column: "y".into(),
        outcome_level: "1".into(),
        terms: vec![term(column)],
        options: Some(options),
        ..LogisticModel::default()
    };
    FitLogisticRequest { cohort: cohort(), model: Some(model), ..FitLogisticRequest::default() }
}

/// A model of `x` that is changed.
fn changed(change: impl FnOnce(&mut LogisticModel)) -> FitLogisticRequest {
    let mut request = request("x", LogisticOptions::default());
    request.model.as_mut().map(change);
    request
}

fn close(got: Option<f64>, want: f64) {
    let is_close = got.is_some_and(|got| (got - want).abs() < 1e-9);
    assert!(is_close, "{got:?} instead of {want}");
}

#[tokio::test]
async fn what_is_asked_for_comes_and_nothing_else() {
    let mut client = clients().await.regression;
    let asked = request("x", LogisticOptions::default());
    let answer = client.fit_logistic(asked).await.unwrap().into_inner();
    let options = answer.options.unwrap();
    assert_eq!((options.link(), options.on_separation()), (Link::Logit, OnSeparation::Firth));
    assert_eq!((options.max_iterations, options.performance_groups), (Some(25), None));
    let fit = answer.fit.unwrap();
    assert!(fit.subjects.is_none() && fit.performance.is_none() && fit.firth.is_none());
    assert!(fit.robust_covariance.is_none() && fit.coefficients[1].profile.is_none());
    assert!(fit.term_likelihood_ratio_tests.is_empty() && fit.penalised.is_none());
    // Pearson's chi-squared of the table: 8 (3 · 3 - 1)² / 4⁴.
    close(fit.score_test.unwrap().chi_squared.unwrap().value, 2.0);

    let everything = LogisticOptions {
        profile_limits: true,
        term_likelihood_ratios: true,
        robust_variance: true,
        subjects: true,
        performance: true,
        ..LogisticOptions::default()
    };
    let answer = client.fit_logistic(request("x", everything)).await.unwrap().into_inner();
    assert_eq!(answer.options.unwrap().performance_groups, Some(10));
    let fit = answer.fit.unwrap();
    let x = &fit.coefficients[1];
    close(x.robust_standard_error.unwrap().value, (8f64 / 3.0).sqrt());
    let ratio = fit.likelihood_ratio_test.unwrap().chi_squared.unwrap().value.unwrap();
    close(x.profile.unwrap().test.unwrap().chi_squared.unwrap().value, ratio);
    close(fit.term_likelihood_ratio_tests[0].test.unwrap().chi_squared.unwrap().value, ratio);
    let subjects = fit.subjects.unwrap();
    assert_eq!(subjects.rows, [0, 1, 2, 3, 4, 5, 6, 7]);
    close(subjects.leverages.first().copied(), 0.25);
    close(subjects.cooks_distances[0].value, (1.0 / 3.0) / 0.75 / 0.75 * 0.25 / 2.0);
    // Of sixteen pairs nine are right and six are tied.
    close(fit.performance.unwrap().discrimination.unwrap().c_statistic.unwrap().value, 0.75);
}

#[tokio::test]
async fn penalties_links_and_weights_are_read() {
    let mut client = clients().await.regression;
    let mut fit = async |request| client.fit_logistic(request).await.unwrap().into_inner();
    let firth = LogisticOptions { penalty: Penalty::Firth.into(), ..LogisticOptions::default() };
    let answer = fit(request("x", firth)).await;
    assert_eq!(answer.options.unwrap().penalty(), Penalty::Firth);
    let penalised = answer.fit.unwrap();
    // Half a count more in every cell.
    close(penalised.coefficients[1].estimate.unwrap().value, (3.5 * 3.5 / 1.5 / 1.5f64).ln());
    assert_eq!(penalised.penalised.unwrap().degrees_of_freedom, 1.0);

    let probit = LogisticOptions { link: Link::Probit.into(), ..LogisticOptions::default() };
    let estimate = fit(request("x", probit)).await.fit.unwrap().coefficients[1].estimate;
    close(estimate.unwrap().value, 2.0 * 0.674_489_750_196_081_7);

    let kind = WeightKind::Frequency.into();
    let case_weights = Some(CaseWeights { column: "w".into(), kind });
    let weighted = fit(changed(|model| model.case_weights = case_weights)).await.fit.unwrap();
    assert_eq!((weighted.subject_count, weighted.outcome_count), (8, 5));
    close(weighted.coefficients[1].estimate.unwrap().value, (4.0 / 1.0 * 2.0 / 1.0f64).ln());
    assert!(weighted.caveats.iter().any(|caveat| caveat.code() == CaveatCode::ZeroWeights));

    let moved = fit(changed(|model| model.offset_column = "x".into())).await.fit.unwrap();
    close(moved.coefficients[1].estimate.unwrap().value, 9f64.ln() - 1.0);
}

#[tokio::test]
async fn a_separated_outcome_has_finite_estimates_beside_it() {
    let mut client = clients().await.regression;
    let asked = request("z", LogisticOptions::default());
    let fit = client.fit_logistic(asked).await.unwrap().into_inner().fit.unwrap();
    let z = fit.coefficients[1].estimate.unwrap();
    assert_eq!((z.value, z.reason()), (None, NotEstimable::Separation));
    let firth = fit.firth.unwrap();
    assert!(firth.coefficients[1].estimate.unwrap().value.unwrap() > 0.0);
    assert!(firth.coefficients[1].profile.unwrap().interval.unwrap().lower.unwrap() > 0.0);
    let caveat = fit.caveats.iter().find(|caveat| caveat.code() == CaveatCode::PenalisedLikelihood);
    assert!(caveat.unwrap().message.contains("separated by intercept, z"));
    let on_separation = OnSeparation::Report.into();
    let asked = request("z", LogisticOptions { on_separation, ..LogisticOptions::default() });
    let fit = client.fit_logistic(asked).await.unwrap().into_inner().fit.unwrap();
    assert!(fit.firth.is_none());
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused_by_their_field() {
    let client = clients().await.regression;
    let field = async |options: LogisticOptions| {
        let refused = failure(client.clone().fit_logistic(request("x", options)).await);
        refused.violations[0].field.clone()
    };
    let ridge = LogisticOptions { penalty: Penalty::Ridge.into(), ..LogisticOptions::default() };
    assert_eq!(field(ridge).await, "model.options.ridge_lambda");
    let firth = LogisticOptions { penalty: Penalty::Firth.into(), ..LogisticOptions::default() };
    let probit = LogisticOptions { link: Link::Probit.into(), ..firth };
    assert_eq!(field(probit).await, "model.options.penalty");
    let names = vec!["age".to_string()];
    let unknown = LogisticOptions { profile_columns: names, ..LogisticOptions::default() };
    assert_eq!(field(unknown).await, "model.options.profile_columns[0]");
    let groups = Some(2);
    let few =
        LogisticOptions { performance: true, performance_groups: groups, ..Default::default() };
    assert_eq!(field(few).await, "model.options.performance_groups");
    assert_eq!(
        field(LogisticOptions { link: 9, ..Default::default() }).await,
        "model.options.link"
    );
}

#[tokio::test]
async fn predictions_are_held_against_outcomes() {
    let mut client = clients().await.regression;
    let asked = ValidatePredictionsRequest {
        cohort: cohort(),
        outcome_column: "y".into(),
        outcome_level: "1".into(),
        prediction_column: "p".into(),
        ..ValidatePredictionsRequest::default()
    };
    let answer = client.validate_predictions(asked.clone()).await.unwrap().into_inner();
    let options = answer.options.unwrap();
    assert_eq!((options.groups, options.fitted_predictions), (Some(10), false));
    let found = answer.performance.unwrap();
    let calibration = found.calibration.unwrap();
    close(calibration.slope.unwrap().estimate.unwrap().value, 1.0);
    close(calibration.in_the_large.unwrap().estimate.unwrap().value, 0.0);
    close(Some(found.brier_score), 0.1875);
    let test = found.hosmer_lemeshow.unwrap();
    close(test.chi_squared.unwrap().value, 0.0);
    // Two values make two groups, of predictions that were made elsewhere.
    assert_eq!((found.groups.len(), test.degrees_of_freedom), (2, 2));

    let fitted = PerformanceOptions { fitted_predictions: true, ..PerformanceOptions::default() };
    let fitted = ValidatePredictionsRequest { options: Some(fitted), ..asked.clone() };
    let found = client.validate_predictions(fitted).await.unwrap().into_inner();
    let test = found.performance.unwrap().hosmer_lemeshow.unwrap();
    assert_eq!(test.p_value.unwrap().reason(), NotEstimable::TooFewGroups);

    let wrong = ValidatePredictionsRequest { prediction_column: "z".into(), ..asked };
    let refused = failure(client.validate_predictions(wrong).await);
    assert_eq!(refused.violations[0].field, "cohort.columns[2].values[0]");
}
