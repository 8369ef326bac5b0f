//! Penalties, likelihood-ratio limits, selection and the rows of one patient as a caller sees them.

use crate::harness::{clients, endpoint, failure, model, numbers, selection, term};
use tonic::Code;
use wire::pb::common::{
    CaseWeights, CaveatCode, Cohort, Endpoint, Estimate, NotEstimable, WeightKind,
};
use wire::pb::regression::{
    CheckIntervalsRequest, CoxFit, CoxModel, CoxOptions, FitCoxRequest, OnMonotone, Penalty,
    SelectCoxRequest, SelectCoxResponse, SelectionMethod, SelectionRule, SelectionTest,
};

/// The square of the normal quantile behind 95 % limits.
const CHI_SQUARED: f64 = 3.841_458_820_694_124;

/// Of two patients the first to die is exposed: with the hazard ratio `θ` the likelihood is `θ / (θ + 1)`,
/// which rises for ever, and the information `θ / (θ + 1)²`.
fn two() -> Cohort {
    let columns = [("time", [1.0, 2.0]), ("event", [1.0, 1.0]), ("x", [1.0, 0.0])]
        .map(|(name, cells)| numbers(name, &cells));
    Cohort { columns: columns.to_vec(), ..Cohort::default() }
}

/// Four patients of two arms who die in turns, 1 being the first to: the likelihood of the hazard ratio `θ` is
/// `θ² / (2 (θ + 1)² (θ + 2))`, largest at `θ² - θ = 4`.
fn turns() -> Cohort {
    let columns =
        [("time", [1.0, 2.0, 3.0, 4.0]), ("event", [1.0; 4]), ("arm", [1.0, 0.0, 1.0, 0.0])]
            .map(|(name, cells)| numbers(name, &cells));
    Cohort { columns: columns.to_vec(), ..Cohort::default() }
}

fn log_likelihood_of_turns(theta: f64) -> f64 {
    2.0 * theta.ln() - 2f64.ln() - 2.0 * (theta + 1.0).ln() - (theta + 2.0).ln()
}

fn best_of_turns() -> f64 {
    0.5 * (1.0 + 17f64.sqrt())
}

fn with_options(columns: &[&str], options: CoxOptions) -> Option<CoxModel> {
    Some(CoxModel { options: Some(options), ..model(columns).unwrap() })
}

async fn fit(cohort: Cohort, columns: &[&str], options: CoxOptions) -> CoxFit {
    let request = FitCoxRequest {
        cohort: Some(cohort),
        model: with_options(columns, options),
        ..FitCoxRequest::default()
    };
    clients().await.regression.fit_cox(request).await.unwrap().into_inner().fit.unwrap()
}

fn assert_close(found: Option<Estimate>, expected: f64) {
    let value = found.and_then(|estimate| estimate.value);
    assert!(
        value.is_some_and(|value| (value - expected).abs() < 1e-8 * (1.0 + expected.abs())),
        "{found:?} instead of {expected}"
    );
}

fn limit(value: Option<f64>) -> Option<Estimate> {
    Some(Estimate { value, reason: 0 })
}

/// Firth adds `ln(information) / 2`: `3/2 ln θ - 2 ln(θ + 1)` is largest at 3.
#[tokio::test]
async fn firth_is_finite_where_the_likelihood_is_monotone() {
    let at = |theta: f64| 1.5 * theta.ln() - 2.0 * (theta + 1.0).ln();
    let plain = fit(two(), &["x"], CoxOptions::default()).await;
    assert_eq!(plain.coefficients[0].estimate.unwrap().reason(), NotEstimable::Monotone);
    assert!(plain.caveats.iter().any(|caveat| caveat.code() == CaveatCode::Monotone));
    let beside = plain.firth.as_ref().unwrap();
    let options = CoxOptions { penalty: Penalty::Firth as i32, ..CoxOptions::default() };
    let asked_for = fit(two(), &["x"], options).await;
    for firth in [beside, &asked_for] {
        let x = &firth.coefficients[0];
        assert_close(x.hazard_ratio, 3.0);
        assert_close(x.standard_error, 4.0 / 3f64.sqrt());
        let penalised = firth.penalised.as_ref().unwrap();
        assert_eq!(penalised.penalty(), Penalty::Firth);
        assert_close(penalised.chi_squared, 2.0 * (at(3.0) - at(1.0)));
    }
    let interval = beside.coefficients[0].profile.as_ref().unwrap().interval.unwrap();
    for end in [interval.lower, interval.upper] {
        let end = end.unwrap();
        assert_close(limit(Some(2.0 * (at(3.0) - at(end)))), CHI_SQUARED);
    }
    let options = CoxOptions { on_monotone: OnMonotone::Report as i32, ..CoxOptions::default() };
    assert!(fit(two(), &["x"], options).await.firth.is_none());
}

/// A ridge of `1 / (4 ln 3)` pulls with the force of the score at 3, which is 1/4.
#[tokio::test]
async fn a_ridge_holds_a_coefficient_back() {
    let lambda = 0.25 / 3f64.ln();
    let options = CoxOptions {
        penalty: Penalty::Ridge as i32,
        ridge_lambda: lambda,
        ..CoxOptions::default()
    };
    let ridge = fit(two(), &["x"], options.clone()).await;
    assert_close(ridge.coefficients[0].hazard_ratio, 3.0);
    let information = 3.0 / 16.0;
    let df = ridge.penalised.as_ref().unwrap().degrees_of_freedom;
    assert!((df - information / (information + lambda)).abs() < 1e-8);
    assert!(ridge.firth.is_none());
    for ridge_lambda in [0.0, -1.0, f64::NAN] {
        let request = FitCoxRequest {
            cohort: Some(two()),
            model: with_options(&["x"], CoxOptions { ridge_lambda, ..options.clone() }),
            ..FitCoxRequest::default()
        };
        let refused = failure(clients().await.regression.fit_cox(request).await);
        assert_eq!(refused.violations[0].field, "model.options.ridge_lambda");
    }
}

/// At the limits twice the log-likelihood is lower than at its maximum by the square of 1.96.
#[tokio::test]
async fn profile_limits_are_where_the_likelihood_says() {
    let options = CoxOptions { profile_limits: true, ..CoxOptions::default() };
    let arm = fit(turns(), &["arm"], options.clone()).await.coefficients.remove(0);
    let profile = arm.profile.unwrap();
    let best = log_likelihood_of_turns(best_of_turns());
    let interval = profile.interval.unwrap();
    for end in [interval.lower, interval.upper] {
        let lost = 2.0 * (best - log_likelihood_of_turns(end.unwrap()));
        assert_close(limit(Some(lost)), CHI_SQUARED);
    }
    let test = profile.test.unwrap();
    assert_close(test.chi_squared, 2.0 * (best - log_likelihood_of_turns(1.0)));

    // Of the two patients: -2 ln(θ / (θ + 1)) at the lower limit.
    let x = fit(two(), &["x"], options).await.coefficients.remove(0);
    let interval = x.profile.unwrap().interval.unwrap();
    assert_close(limit(interval.lower), 1.0 / (0.5 * CHI_SQUARED).exp_m1());
    assert_eq!(interval.upper_reason(), NotEstimable::Monotone);

    let options = CoxOptions { profile_columns: vec!["nobody".into()], ..CoxOptions::default() };
    let request = FitCoxRequest {
        cohort: Some(two()),
        model: with_options(&["x"], options),
        ..FitCoxRequest::default()
    };
    let refused = failure(clients().await.regression.fit_cox(request).await);
    assert_eq!(refused.violations[0].field, "model.options.profile_columns[0]");
}

fn rule(method: SelectionMethod, enter_below: f64, remove_above: f64) -> SelectionRule {
    let limits = (Some(enter_below), Some(remove_above));
    SelectionRule {
        method: method as i32,
        enter_below: limits.0,
        remove_above: limits.1,
        test: SelectionTest::Unspecified as i32,
    }
}

fn select(rule: SelectionRule) -> SelectCoxRequest {
    SelectCoxRequest {
        cohort: Some(turns()),
        model: model(&[]),
        candidates: vec![term("arm")],
        rule: Some(rule),
        ..SelectCoxRequest::default()
    }
}

async fn selected(rule: SelectionRule) -> SelectCoxResponse {
    clients().await.regression.select_cox(select(rule)).await.unwrap().into_inner()
}

/// The arm has the likelihood-ratio p-value of 0.43 in [`turns`].
#[tokio::test]
async fn terms_are_chosen_and_the_way_is_told() {
    let statistic = 2.0 * (log_likelihood_of_turns(best_of_turns()) - log_likelihood_of_turns(1.0));
    let out = selected(rule(SelectionMethod::Backward, 0.05, 0.4)).await;
    let terms: Vec<_> = out.steps.iter().map(|step| step.terms.clone()).collect();
    assert_eq!(terms, [vec!["arm".to_string()], vec![]]);
    assert_eq!(out.steps[0].removed, "arm");
    let test = out.steps[0].removal_tests[0].test.as_ref().unwrap();
    assert_close(test.chi_squared, statistic);
    let p_value = test.p_value.unwrap().value.unwrap();
    assert!((0.432..0.434).contains(&p_value), "{p_value}");
    let null = limit(Some(out.steps[1].log_likelihood));
    assert_close(null, log_likelihood_of_turns(1.0));
    assert!(out.fit.unwrap().coefficients.is_empty());

    let stays = selected(rule(SelectionMethod::Backward, 0.05, 0.5)).await;
    assert_eq!(stays.steps.len(), 1);
    assert_close(stays.fit.unwrap().coefficients[0].hazard_ratio, best_of_turns());

    for method in [SelectionMethod::Forward, SelectionMethod::PThreshold] {
        let enters = selected(rule(method, 0.5, 0.6)).await;
        assert_eq!(enters.steps[0].entered, ["arm"]);
        assert_close(enters.steps[0].entry_tests[0].test.unwrap().chi_squared, statistic);
        let fit = enters.fit.unwrap();
        assert_close(fit.coefficients[0].hazard_ratio, best_of_turns());
        assert!(fit.caveats.iter().any(|one| one.code() == CaveatCode::DataDrivenSelection));
        let stays_out = selected(rule(method, 0.4, 0.6)).await;
        assert!(stays_out.fit.unwrap().coefficients.is_empty());
    }
    let listed = selected(rule(SelectionMethod::Listed, 0.4, 0.6)).await;
    assert_eq!((listed.steps.len(), listed.fit.unwrap().coefficients.len()), (1, 1));
    assert_eq!(listed.rule.unwrap().method(), SelectionMethod::Listed);
}

#[tokio::test]
async fn a_choice_that_makes_no_sense_is_refused() {
    let mut client = clients().await.regression;
    let mut refused = async |change: &dyn Fn(&mut SelectCoxRequest)| {
        let mut request = select(rule(SelectionMethod::Forward, 0.05, 0.1));
        change(&mut request);
        let refused = failure(client.select_cox(request).await);
        assert_eq!(refused.code, Code::InvalidArgument);
        refused.violations[0].field.clone()
    };
    let forward = |enter, remove| Some(rule(SelectionMethod::Forward, enter, remove));
    assert_eq!(refused(&|it| it.rule = None).await, "rule");
    assert_eq!(refused(&|it| it.rule = Some(SelectionRule::default())).await, "rule.method");
    assert_eq!(refused(&|it| it.rule = forward(1.5, 0.1)).await, "rule.enter_below");
    assert_eq!(refused(&|it| it.rule = forward(0.05, f64::NAN)).await, "rule.remove_above");
    assert_eq!(refused(&|it| it.rule = forward(0.2, 0.1)).await, "rule.enter_below");
    assert_eq!(refused(&|it| it.candidates.push(term("arm"))).await, "candidates[1]");
    assert_eq!(refused(&|it| it.model = None).await, "model");
    let firth = || CoxOptions { penalty: Penalty::Firth as i32, ..CoxOptions::default() };
    assert_eq!(refused(&|it| it.model = with_options(&[], firth())).await, "model.options.penalty");
    let weighted = |it: &mut SelectCoxRequest| {
        let weights = CaseWeights { column: "time".into(), kind: WeightKind::Sampling as i32 };
        it.model.as_mut().unwrap().case_weights = Some(weights);
    };
    assert_eq!(refused(&weighted).await, "rule.test");
}

/// Patient 1 is seen without a break, patient 2 twice at once, and patient 3 after a pause.
#[tokio::test]
async fn rows_of_a_patient_are_held_against_each_other() {
    let columns = [
        ("id", [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]),
        ("entry", [0.0, 2.0, 0.0, 2.0, 0.0, 3.0]),
        ("time", [2.0, 5.0, 3.0, 4.0, 1.0, 4.0]),
        ("event", [1.0, 1.0, 0.0, 1.0, 0.0, 1.0]),
    ];
    let columns = columns.map(|(name, cells)| numbers(name, &cells)).to_vec();
    let request = CheckIntervalsRequest {
        cohort: Some(Cohort { columns, ..Cohort::default() }),
        endpoint: Some(Endpoint { entry_column: "entry".into(), ..endpoint() }),
        id_column: "id".into(),
        ..CheckIntervalsRequest::default()
    };
    let mut client = clients().await.regression;
    let found = client.check_intervals(request.clone()).await.unwrap().into_inner();
    assert_eq!((found.row_count, found.id_count), (6, 3));
    assert_eq!((found.overlapping_rows, found.rows_after_gap), (vec![3], vec![5]));
    assert_eq!((found.duplicate_count, found.id_with_several_events_count), (0, 1));

    let apart = CheckIntervalsRequest { selection: selection(&[0, 1, 4]), ..request.clone() };
    let found = client.check_intervals(apart).await.unwrap().into_inner();
    assert_eq!((found.row_count, found.overlapping_rows.len()), (3, 0));

    let nameless = CheckIntervalsRequest { id_column: String::new(), ..request.clone() };
    let refused = failure(client.check_intervals(nameless).await);
    assert_eq!(refused.violations[0].field, "id_column");

    // A model refuses such rows and names the second of them.
    let model = CoxModel {
        endpoint: request.endpoint,
        terms: vec![term("id")],
        id_column: "id".into(),
        ..CoxModel::default()
    };
    let fitted = FitCoxRequest { cohort: request.cohort, model: Some(model), selection: None };
    let refused = failure(client.fit_cox(fitted).await);
    assert_eq!(refused.violations[0].field, "cohort.columns[0].values[3]");
}
