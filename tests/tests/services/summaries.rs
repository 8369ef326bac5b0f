//! Contrasts, follow-up, conditional survival and landmarks, as callers ask for them.

use crate::harness::{clients, cohort, endpoint, failure, numbers, selection};
use tonic::Code;
use wire::pb::common::NotEstimable;
use wire::pb::survival;

fn contrasts(options: survival::ContrastOptions) -> survival::ContrastCurvesRequest {
    survival::ContrastCurvesRequest {
        cohort: Some(cohort()),
        endpoint: Some(endpoint()),
        group_column: "arm".into(),
        options: Some(options),
        ..Default::default()
    }
}

fn landmark(landmark: f64) -> survival::AnalyseLandmarkRequest {
    let mut request = survival::AnalyseLandmarkRequest {
        cohort: Some(cohort()),
        endpoint: Some(endpoint()),
        options: Some(survival::LandmarkOptions {
            landmark,
            exposure_column: "exposure".into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let columns = &mut request.cohort.as_mut().unwrap().columns;
    columns.push(numbers("exposure", &[0.5, 1.0, 2.5, 2.0, 4.0, 0.0, 0.0, 1.0]));
    columns[4].missing_rows = vec![5, 6];
    request
}

/// Areas up to 7, the last time of the controls at 1, 3, 6 and 7: mean 17/4; the treated at 2, 4, 5
/// and 8: 2 + 3/4 · 2 + 1/2 · 1 + 1/4 · 2.
#[tokio::test]
async fn restricted_means_are_contrasted() {
    let request = contrasts(survival::ContrastOptions {
        times: vec![4.0],
        quantile_probabilities: vec![0.5],
        ..Default::default()
    });
    let answer = clients().await.survival.contrast_curves(request).await.unwrap().into_inner();
    assert_eq!(answer.horizon(), survival::Horizon::SmallestLastTime);
    let options = answer.options.unwrap();
    assert_eq!((options.reference_level.as_str(), options.confidence), ("control", Some(0.95)));
    assert_eq!(options.quantile_rules, [survival::QuantileRule::Log as i32]);
    let contrast = &answer.contrasts[0];
    let mean = &contrast.restricted_means[0];
    assert_eq!((contrast.group.as_str(), mean.tau), ("treated", 7.0));
    let difference = mean.difference.unwrap();
    assert!((difference.estimate.unwrap().value.unwrap() - (4.5 - 4.25)).abs() < 1e-12);
    assert!(difference.p_value.unwrap().value.is_some());
    assert!(contrast.quantiles[0].difference.unwrap().p_value.is_none());
    assert_eq!(contrast.at_times[0].ratio.unwrap().estimate.unwrap().value, Some(1.0));
    assert_eq!(answer.groups.len(), 2);
}

/// The curve of the controls has reached 0 at 7, that of the treated has not at 8.
#[tokio::test]
async fn a_horizon_beyond_the_last_time_is_refused() {
    let mut options =
        survival::ContrastOptions { restricted_mean_times: vec![9.0], ..Default::default() };
    let mut client = clients().await.survival;
    let answer = client.contrast_curves(contrasts(options.clone())).await.unwrap().into_inner();
    let difference = answer.contrasts[0].restricted_means[0].difference.unwrap().estimate.unwrap();
    assert_eq!(difference.reason(), NotEstimable::BeyondFollowUp);
    options.carry_forward = true;
    let answer = client.contrast_curves(contrasts(options)).await.unwrap().into_inner();
    assert!(answer.groups[1].restricted_means[0].carried_forward);
    let difference = answer.contrasts[0].restricted_means[0].difference.unwrap().estimate.unwrap();
    assert!((difference.value.unwrap() - (5.0 - 4.25)).abs() < 1e-12);
}

#[tokio::test]
async fn follow_up_is_summarised() {
    let mut request = survival::SummariseFollowUpRequest {
        cohort: Some(cohort()),
        endpoint: Some(endpoint()),
        group_column: "arm".into(),
        options: Some(survival::FollowUpOptions {
            rate_unit: Some(100.0),
            potential: Some(survival::PotentialFollowUp {
                start_column: "start".into(),
                data_lock: 10.0,
                ..Default::default()
            }),
            ..Default::default()
        }),
        ..Default::default()
    };
    request.cohort.as_mut().unwrap().columns.push(numbers("start", &[0.0; 8]));
    let answer = clients().await.survival.summarise_follow_up(request).await.unwrap().into_inner();
    let total = answer.total.unwrap();
    assert_eq!((total.event_count, total.person_time), (7, 36.0));
    assert!((total.rate.unwrap().value.unwrap() - 700.0 / 36.0).abs() < 1e-12);
    // Only the last could have been followed longer, to 10.
    assert_eq!(total.completeness.unwrap().index.unwrap().value, Some(36.0 / 38.0));
    assert_eq!(answer.options.unwrap().reference_level, "control");
    let contrast = &answer.rate_contrasts[0];
    // 3 events in 19 units against 4 in 17.
    let ratio = contrast.ratio.unwrap();
    assert!((ratio.estimate.unwrap().value.unwrap() - 51.0 / 76.0).abs() < 1e-12);
    assert!(ratio.standard_error.is_none());
}

#[tokio::test]
async fn survival_is_conditional() {
    let request = survival::EstimateConditionalSurvivalRequest {
        cohort: Some(cohort()),
        endpoint: Some(endpoint()),
        options: Some(survival::ConditionalSurvivalOptions {
            survived_times: vec![0.0, 4.0],
            further_times: vec![2.0],
            ..Default::default()
        }),
        ..Default::default()
    };
    let mut client = clients().await.survival;
    let answer = client.estimate_conditional_survival(request).await.unwrap().into_inner();
    let survival = |index: usize| {
        let given: &survival::ConditionalSurvival = &answer.groups[0].survival[index];
        (given.at_risk_count, given.survival.unwrap().value.unwrap())
    };
    assert_eq!(survival(0), (8, 0.75));
    assert_eq!(survival(1), (4, 0.5));
}

/// At 2 the first two are gone; of the others the fourth and the last are exposed by then.
#[tokio::test]
async fn a_landmark_is_analysed() {
    let mut client = clients().await.survival;
    let answer = client.analyse_landmark(landmark(2.0)).await.unwrap().into_inner();
    assert_eq!((answer.ended_count, answer.not_entered_count), (2, 0));
    assert_eq!(answer.selection.unwrap().rows, [2, 3, 4, 5, 6, 7]);
    let sizes: Vec<_> =
        answer.groups.iter().map(|group| (group.group(), group.subject_count)).collect();
    assert_eq!(sizes, [("no", 4), ("yes", 2)]);
    assert_eq!(answer.groups[1].curve.as_ref().unwrap().times, [2.0, 6.0]);
    let test = answer.comparison.unwrap().test.unwrap();
    assert_eq!(test.degrees_of_freedom, 1);
}

/// Of the eight the curve falls by 1/8 at each time: σ² = 1/56 at 1, and a = 1/8.
#[tokio::test]
async fn bands_and_starts_are_options_of_curves() {
    let band = |kind, to_time| survival::Band { kind, from_time: None, to_time };
    let options = survival::CurveOptions {
        bands: vec![
            band(survival::BandKind::EqualPrecision as i32, Some(1.0)),
            band(survival::BandKind::HallWellner as i32, Some(0.5)),
        ],
        ..Default::default()
    };
    let request = survival::EstimateCurvesRequest {
        cohort: Some(cohort()),
        endpoint: Some(endpoint()),
        options: Some(options),
        ..Default::default()
    };
    let mut client = clients().await.survival;
    let answer = client.estimate_curves(request.clone()).await.unwrap().into_inner();
    assert_eq!(answer.options.unwrap().bands, request.options.as_ref().unwrap().bands);
    let [band, none] = &answer.groups[0].bands[..] else { panic!("two bands") };
    let limits = band.limits.as_ref().unwrap();
    assert_eq!(limits.times, [1.0]);
    assert!((limits.from_share - 0.125).abs() < 1e-15);
    assert!((limits.critical_value - 1.959_963_984_540_054).abs() < 1e-12);
    assert_eq!((none.limits.as_ref(), none.reason()), (None, NotEstimable::NoEvents));

    let options = survival::CurveOptions { start_time: Some(5.0), ..Default::default() };
    let request = survival::EstimateCurvesRequest { options: Some(options), ..request };
    let answer = client.estimate_curves(request).await.unwrap().into_inner();
    assert_eq!(answer.options.unwrap().start_time, Some(5.0));
    let group = &answer.groups[0];
    let curve = group.curve.as_ref().unwrap();
    assert_eq!((group.subject_count, curve.times.as_slice()), (4, &[5.0, 6.0, 7.0, 8.0][..]));
    assert_eq!(curve.survival, [0.75, 0.5, 0.25, 0.25]);
}

/// Steps of 1/5 at 4, 1/4 at 5 and 1/3 at 6 under kernels of 9/16, 3/4 and 9/16 and a bandwidth of 2.
#[tokio::test]
async fn hazards_are_smoothed() {
    let options = survival::HazardOptions {
        bandwidth: Some(2.0),
        times: vec![5.0, 9.0],
        fewest_at_risk: Some(1),
        ..Default::default()
    };
    let request = survival::EstimateHazardRequest {
        cohort: Some(cohort()),
        endpoint: Some(endpoint()),
        options: Some(options),
        ..Default::default()
    };
    let mut client = clients().await.survival;
    let answer = client.estimate_hazard(request.clone()).await.unwrap().into_inner();
    assert_eq!(answer.options.unwrap().confidence, Some(0.95));
    let group = &answer.groups[0];
    let smoothing = group.smoothing.unwrap();
    assert_eq!((smoothing.from_time, smoothing.to_time, smoothing.event_count), (0.0, 8.0, 7));
    assert_eq!(smoothing.bandwidth_source(), survival::BandwidthSource::Chosen);
    let [at, beyond] = group.at_times[..] else { panic!("two times") };
    let hazard = 0.5 * (9.0 / 16.0 * (1.0 / 5.0 + 1.0 / 3.0) + 3.0 / 4.0 / 4.0);
    assert!((at.hazard.unwrap().value.unwrap() - hazard).abs() < 1e-15);
    assert_eq!(beyond.hazard.unwrap().reason(), NotEstimable::BeyondFollowUp);

    let defaults = survival::EstimateHazardRequest { options: None, ..request };
    let answer = client.estimate_hazard(defaults).await.unwrap().into_inner();
    assert_eq!(answer.options.unwrap().fewest_at_risk, Some(10));
    assert_eq!(answer.groups[0].at_times.len(), 101);
    let source = answer.groups[0].smoothing.unwrap().bandwidth_source();
    assert_eq!(source, survival::BandwidthSource::CrossValidation);
}

#[tokio::test]
async fn senseless_questions_name_their_fields() {
    let mut client = clients().await.survival;
    let options = survival::ContrastOptions {
        restricted_mean_times: vec![1.0, -1.0],
        times: vec![f64::NAN],
        quantile_rules: vec![0, 99],
        ..Default::default()
    };
    let refused = failure(client.contrast_curves(contrasts(options)).await);
    let fields: Vec<_> = refused.violations.iter().map(|known| known.field.as_str()).collect();
    let expected =
        ["options.restricted_mean_times[1]", "options.times[0]", "options.quantile_rules[1]"];
    assert_eq!((refused.code, fields.as_slice()), (Code::InvalidArgument, &expected[..]));

    let unknown =
        survival::ContrastOptions { reference_level: "other".into(), ..Default::default() };
    let refused = failure(client.contrast_curves(contrasts(unknown)).await);
    assert_eq!(refused.violations[0].field, "options.reference_level");

    let mut request = landmark(-1.0);
    request.group_column = "arm".into();
    let options = request.options.as_mut().unwrap();
    options.curves = Some(survival::CurveOptions { interval_rule: 99, ..Default::default() });
    let refused = failure(client.analyse_landmark(request).await);
    let fields: Vec<_> = refused.violations.iter().map(|known| known.field.as_str()).collect();
    let expected = ["options.exposure_column", "options.landmark", "options.curves.interval_rule"];
    assert_eq!(fields, expected);
}

#[tokio::test]
async fn what_the_data_cannot_answer_is_a_failed_precondition() {
    let mut client = clients().await.survival;
    let mut one_arm = contrasts(survival::ContrastOptions::default());
    one_arm.selection = selection(&[0, 2]);
    let refused = failure(client.contrast_curves(one_arm).await);
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::FailedPrecondition, "TOO_FEW_GROUPS")
    );
    let refused = failure(client.analyse_landmark(landmark(8.0)).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "NO_SUBJECTS"));
}
