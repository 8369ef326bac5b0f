//! Residuals, predicted curves and hazard ratios by interval as a caller sees them.

use crate::harness::{categories, clients, cohort, failure, model, numbers};
use tonic::Code;
use wire::pb::common::{Cohort, NotEstimable};
use wire::pb::regression::{self, CoxResidualKind};
use wire::pb::survival::IntervalRule;

fn diagnose(cohort: Cohort) -> regression::DiagnoseCoxRequest {
    regression::DiagnoseCoxRequest {
        cohort: Some(cohort),
        model: model(&["arm", "age"]),
        diagnostics: Some(regression::CoxDiagnosticOptions {
            residuals: vec![CoxResidualKind::Martingale as i32, CoxResidualKind::Dfbeta as i32],
            over_time: Some(regression::CoxSmoothOptions::default()),
            influence: Some(regression::CoxInfluenceOptions::default()),
            linearity: Some(regression::CoxLinearityOptions::default()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

#[tokio::test]
async fn models_are_looked_at_with_the_defaults_of_r() {
    let answer = clients().await.regression.diagnose_cox(diagnose(cohort())).await.unwrap();
    let answer = answer.into_inner();
    let residuals = answer.residuals.unwrap();
    assert_eq!(residuals.rows, (0..8).collect::<Vec<i32>>());
    let columns: Vec<_> = residuals.by_subject.iter().map(|one| one.column.as_str()).collect();
    assert_eq!(columns, ["", "arm=treated", "age"]);
    for series in &residuals.by_subject {
        assert!(series.values.iter().sum::<f64>().abs() < 1e-10);
    }
    assert!(residuals.event_rows.is_empty() && residuals.by_event.is_empty());
    let over_time = &answer.over_time[1];
    assert_eq!(over_time.transform(), regression::TimeTransform::KaplanMeier);
    assert_eq!(over_time.smooth.as_ref().unwrap().x.len(), 40);
    assert_eq!(answer.influence.unwrap().threshold, 2.0 / 8f64.sqrt());
    let terms: Vec<_> = answer.linearity.iter().map(|line| line.term.as_str()).collect();
    assert_eq!(terms, ["age"]);
    let test = answer.linearity[0].likelihood_ratio_test.as_ref().unwrap();
    assert_eq!(test.degrees_of_freedom, 2);
    let diagnostics = answer.diagnostics.unwrap();
    assert_eq!(diagnostics.influence.unwrap().row_limit, Some(10));
    let smooth = diagnostics.linearity.unwrap().smooth.unwrap();
    assert_eq!((smooth.dimension, smooth.point_count), (Some(4), Some(40)));
}

/// Rows are counted as the caller counts them, whatever the order of the ids.
#[tokio::test]
async fn residuals_belong_to_the_rows_of_the_caller() {
    let mut reversed = cohort();
    for column in &mut reversed.columns {
        column.values.reverse();
        column.codes.reverse();
    }
    reversed.ids = (0..8).rev().map(|row| row.to_string()).collect();
    let mut client = clients().await.regression;
    let mut values = async |cohort: Cohort| {
        let request = diagnose(cohort);
        let residuals = client.diagnose_cox(request).await.unwrap().into_inner().residuals.unwrap();
        let martingale = residuals.by_subject[0].values.clone();
        residuals.rows.into_iter().zip(martingale).collect::<Vec<(i32, f64)>>()
    };
    let expected = values(cohort()).await;
    let found = values(reversed).await;
    let found: Vec<_> = found.into_iter().map(|(row, value)| (7 - row, value)).collect();
    assert_eq!(found, expected);
}

fn predict(profiles: Cohort) -> regression::PredictCoxRequest {
    regression::PredictCoxRequest {
        cohort: Some(cohort()),
        model: model(&["arm", "age"]),
        profiles: Some(profiles),
        prediction: Some(regression::CoxPredictionOptions {
            times: vec![4.0, 9.0],
            quantile_probabilities: vec![0.5],
            average_subject: true,
            average_over: "arm".into(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

#[tokio::test]
async fn subjects_are_predicted() {
    let profiles = Cohort {
        columns: vec![
            categories("arm", &["treated", "control"], &[0, 1]),
            numbers("age", &[50.0, 60.0]),
        ],
        ..Cohort::default()
    };
    let answer = clients().await.regression.predict_cox(predict(profiles)).await.unwrap();
    let answer = answer.into_inner();
    let rows: Vec<_> = answer.curves.iter().map(|curve| curve.profile_row).collect();
    assert_eq!(rows, [None, Some(0), Some(1)]);
    assert_eq!(answer.baseline[0].at_risk_counts, [8, 7, 6, 5, 4, 3, 2, 1]);
    let curve = &answer.curves[1];
    let steps = curve.steps.as_ref().unwrap();
    assert_eq!((steps.times.len(), steps.event_counts[7]), (8, 0));
    let [at, beyond] = &curve.at_times[..] else { panic!("two times") };
    assert_eq!(at.survival.unwrap().value, Some(steps.survival[3]));
    assert_eq!(beyond.survival.unwrap().reason(), NotEstimable::BeyondFollowUp);
    let levels: Vec<_> = answer.averages.iter().map(|curve| curve.level.as_str()).collect();
    assert_eq!(levels, ["control", "treated"]);
    assert_eq!(answer.prediction.unwrap().interval_rule(), IntervalRule::Log);
}

#[tokio::test]
async fn a_bad_profile_is_named_by_its_cell() {
    let refused = async |columns| {
        let profiles = Cohort { columns, ..Cohort::default() };
        let refused = failure(clients().await.regression.predict_cox(predict(profiles)).await);
        assert_eq!(refused.code, Code::InvalidArgument);
        refused.violations[0].field.clone()
    };
    let arm = || categories("arm", &["control", "other"], &[0, 1]);
    let age = || numbers("age", &[50.0, 60.0]);
    assert_eq!(refused(vec![age(), arm()]).await, "profiles.columns[1].codes[1]");
    assert_eq!(refused(vec![age()]).await, "profiles.columns");
    let not_finite = numbers("age", &[50.0, f64::NAN]);
    assert_eq!(refused(vec![arm(), not_finite]).await, "profiles.columns[1].values[1]");
}

#[tokio::test]
async fn hazard_ratios_change_at_cut_points() {
    let request = |cut_points: &[f64]| regression::FitPiecewiseCoxRequest {
        cohort: Some(cohort()),
        model: model(&["arm", "age"]),
        cut_points: cut_points.to_vec(),
        changing_terms: vec!["age".into()],
        ..Default::default()
    };
    let mut client = clients().await.regression;
    let answer = client.fit_piecewise_cox(request(&[4.0])).await.unwrap().into_inner();
    let counts: Vec<_> =
        answer.intervals.iter().map(|known| (known.subject_count, known.event_count)).collect();
    assert_eq!(counts, [(8, 4), (4, 3)]);
    assert_eq!(answer.intervals[1].coefficients[0].name, "age after 4");
    let names: Vec<_> = answer.equality_tests.iter().map(|test| test.term.as_str()).collect();
    assert_eq!(names, ["age"]);
    let refused = failure(client.fit_piecewise_cox(request(&[4.0, 2.0])).await);
    assert_eq!(refused.violations[0].field, "cut_points[1]");
    let refused = failure(client.fit_piecewise_cox(request(&[])).await);
    assert_eq!(refused.violations[0].field, "cut_points");
}
