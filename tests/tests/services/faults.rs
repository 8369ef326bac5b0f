//! What goes wrong comes back with the code of its kind and the path of its field.

use crate::harness::{clients, cohort, endpoint, failure, model, numbers, selection, term};
use tonic::Code;
use wire::pb::common::NotEstimable;
use wire::pb::{matching, regression, survival};

fn curves() -> survival::EstimateCurvesRequest {
    survival::EstimateCurvesRequest {
        cohort: Some(cohort()),
        endpoint: Some(endpoint()),
        ..Default::default()
    }
}

#[tokio::test]
async fn all_bad_fields_are_named() {
    let mut request = curves();
    let columns = &mut request.cohort.as_mut().unwrap().columns;
    columns[3].values[5] = f64::NAN;
    request.options = Some(survival::CurveOptions {
        confidence: Some(1.0),
        interval_rule: 99,
        ..Default::default()
    });
    let refused = failure(clients().await.survival.estimate_curves(request).await);
    assert_eq!(refused.code, Code::InvalidArgument);
    assert_eq!(refused.violations[0].field, "cohort.columns[3].values[5]");
    assert!(refused.violations[0].description.contains("not finite"));

    let mut request = curves();
    request.options = Some(survival::CurveOptions {
        confidence: Some(1.0),
        interval_rule: 99,
        ..Default::default()
    });
    request.endpoint.as_mut().unwrap().time_column.clear();
    let refused = failure(clients().await.survival.estimate_curves(request).await);
    let fields: Vec<_> = refused.violations.iter().map(|known| known.field.as_str()).collect();
    let expected = ["endpoint.time_column", "options.interval_rule", "options.confidence"];
    assert_eq!(fields, expected);
}

#[tokio::test]
async fn a_negative_time_is_named_by_its_cell() {
    let mut request = curves();
    request.cohort.as_mut().unwrap().columns[0].values[6] = -1.0;
    let refused = failure(clients().await.survival.estimate_curves(request).await);
    assert_eq!(refused.violations[0].field, "cohort.columns[0].values[6]");
}

#[tokio::test]
async fn an_undeclared_event_code_is_refused() {
    let mut request = curves();
    request.cohort.as_mut().unwrap().columns[1].values[2] = 2.0;
    let refused = failure(clients().await.survival.estimate_curves(request).await);
    assert_eq!(refused.code, Code::InvalidArgument);
    assert_eq!(refused.violations[0].field, "cohort.columns[1].values[2]");
}

#[tokio::test]
async fn missing_cells_are_refused_where_they_are_selected() {
    let mut request = curves();
    request.cohort.as_mut().unwrap().columns[0].missing_rows = vec![3];
    let mut client = clients().await.survival;
    let refused = failure(client.estimate_curves(request.clone()).await);
    assert_eq!(refused.violations[0].field, "cohort.columns[0].values[3]");
    request.selection = selection(&[0, 1, 2]);
    let answer = client.estimate_curves(request).await.unwrap().into_inner();
    assert_eq!(answer.groups[0].subject_count, 3);
}

#[tokio::test]
async fn an_empty_arm_is_a_failed_precondition() {
    let request = matching::MatchPairsRequest {
        cohort: Some(cohort()),
        selection: selection(&[0, 2, 5]),
        exposure_column: "arm".into(),
        exposed_level: "treated".into(),
        distance_column: "age".into(),
        ..Default::default()
    };
    let refused = failure(clients().await.matching.match_pairs(request).await);
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::FailedPrecondition, "TOO_FEW_GROUPS")
    );
}

/// A screen never fails because one of its models cannot be fitted.
#[tokio::test]
async fn a_screen_answers_item_by_item() {
    let mut request = regression::ScreenCoxRequest {
        cohort: Some(cohort()),
        model: model(&[]),
        candidates: vec![term("age"), term("one")],
        ..Default::default()
    };
    request.cohort.as_mut().unwrap().columns.push(numbers("one", &[1.0; 8]));
    let lines = clients().await.regression.screen_cox(request).await.unwrap().into_inner().terms;
    let hazard_ratio = |index: usize| {
        let line: &regression::ScreenedTerm = &lines[index];
        line.fit.as_ref().unwrap().coefficients[0].hazard_ratio.unwrap()
    };
    assert!(hazard_ratio(0).value.is_some());
    assert_eq!(hazard_ratio(1).value, None);
    assert_eq!(hazard_ratio(1).reason(), NotEstimable::Aliased);
}

#[tokio::test]
async fn a_model_without_events_is_a_failed_precondition() {
    let mut request = regression::FitCoxRequest {
        cohort: Some(cohort()),
        model: model(&["age"]),
        ..Default::default()
    };
    request.cohort.as_mut().unwrap().columns[1] = numbers("event", &[0.0; 8]);
    let refused = failure(clients().await.regression.fit_cox(request).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "NO_EVENTS"));
}
