//! Every call answers, and says by which options.

use crate::harness::{clients, cohort, endpoint, failure, model, term};
use wire::pb::{common, matching, regression, survival};

#[tokio::test]
async fn curves_have_the_defaults_of_r() {
    let request = survival::EstimateCurvesRequest {
        cohort: Some(cohort()),
        endpoint: Some(endpoint()),
        options: Some(survival::CurveOptions {
            quantile_probabilities: vec![0.5],
            times: vec![4.0, 9.0],
            ..Default::default()
        }),
        ..Default::default()
    };
    let answer = clients().await.survival.estimate_curves(request).await.unwrap().into_inner();
    let options = answer.options.unwrap();
    assert_eq!(options.confidence, Some(0.95));
    assert_eq!(options.interval_rule(), survival::IntervalRule::Log);
    assert_eq!(options.quantile_rules, [survival::QuantileRule::Log as i32]);
    let group = &answer.groups[0];
    assert_eq!((group.subject_count, group.event_count, group.group.clone()), (8, 7, None));
    // Four of eight have had the event by time 4, and the curve stays at one half until time 5.
    assert_eq!(group.quantiles[0].estimate.unwrap().value, Some(4.5));
    assert_eq!(group.at_times[0].survival.unwrap().value, Some(0.5));
    let beyond = group.at_times[1].survival.unwrap();
    assert_eq!(beyond.value, None);
    assert_eq!(beyond.reason(), wire::pb::common::NotEstimable::BeyondFollowUp);
}

#[tokio::test]
async fn curves_are_compared() {
    let request = survival::CompareCurvesRequest {
        cohort: Some(cohort()),
        endpoint: Some(endpoint()),
        group_column: "arm".into(),
        ..Default::default()
    };
    let answer = clients().await.survival.compare_curves(request).await.unwrap().into_inner();
    assert_eq!(answer.options.unwrap().weights(), survival::TestWeights::LogRank);
    let test = answer.test.unwrap();
    assert_eq!(test.degrees_of_freedom, 1);
    let observed: f64 = answer.groups.iter().map(|group| group.observed).sum();
    let expected: f64 = answer.groups.iter().map(|group| group.expected).sum();
    assert_eq!(observed, 7.0);
    assert!((observed - expected).abs() < 1e-12);
}

#[tokio::test]
async fn models_are_fitted() {
    let mut client = clients().await.regression;
    let request = regression::FitCoxRequest {
        cohort: Some(cohort()),
        model: model(&["arm", "age"]),
        ..Default::default()
    };
    let answer = client.fit_cox(request).await.unwrap().into_inner();
    let options = answer.options.unwrap();
    assert_eq!(options.ties(), regression::Ties::Efron);
    assert_eq!((options.max_iterations, options.tolerance), (Some(20), Some(1e-9)));
    let fit = answer.fit.unwrap();
    let names: Vec<_> = fit.coefficients.iter().map(|known| known.name.as_str()).collect();
    assert_eq!(names, ["arm=treated", "age"]);
    assert!(fit.concordance.is_none() && fit.proportional_hazards.is_none());

    let request = regression::ScreenCoxRequest {
        cohort: Some(cohort()),
        model: model(&[]),
        candidates: vec![term("arm"), term("age")],
        ..Default::default()
    };
    let lines = client.screen_cox(request).await.unwrap().into_inner().terms;
    let terms: Vec<_> = lines.iter().map(|line| line.term.as_str()).collect();
    assert_eq!(terms, ["arm", "age"]);

    let model = regression::LogisticModel {
        outcome_column: "arm".into(),
        outcome_level: "treated".into(),
        ..Default::default()
    };
    let request = regression::FitLogisticRequest {
        cohort: Some(cohort()),
        model: Some(model),
        ..Default::default()
    };
    let fit = client.fit_logistic(request).await.unwrap().into_inner().fit.unwrap();
    // Half are treated: the log odds are 0.
    assert!(fit.coefficients[0].estimate.unwrap().value.unwrap().abs() < 1e-12);
}

#[tokio::test]
async fn balance_is_weighted_and_looked_at_within_levels() {
    let request = matching::AssessBalanceRequest {
        cohort: Some(cohort()),
        exposure_column: "arm".into(),
        exposed_level: "treated".into(),
        variables: vec![matching::BalanceVariable { column: "age".into(), kind: 0 }],
        within_columns: vec!["arm".into()],
        pair_exposed_rows: vec![0],
        pair_comparator_rows: vec![1, 2],
        weights_column: "nobody".into(),
        options: Some(matching::BalanceOptions {
            tests: vec![matching::BalanceTest::WelchT as i32],
            choice: matching::TestChoice::Auto as i32,
            confidence: Some(1.5),
            replicates: Some(-1),
            seed: Some(-1),
        }),
        ..Default::default()
    };
    let mut client = clients().await.matching;
    let refused = failure(client.assess_balance(request.clone()).await);
    let fields: Vec<&str> = refused.violations.iter().map(|known| known.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "options.confidence",
            "options.replicates",
            "options.seed",
            "options.tests",
            "weights_column",
            "pair_comparator_rows",
        ]
    );
    let sound = matching::AssessBalanceRequest {
        pair_comparator_rows: Vec::new(),
        pair_exposed_rows: Vec::new(),
        weights_column: String::new(),
        options: None,
        ..request
    };
    let answer = client.assess_balance(sound).await.unwrap().into_inner();
    // Within an arm there is no other.
    let reasons: Vec<i32> =
        answer.within.iter().map(|within| within.outcome.as_ref().unwrap().reason).collect();
    assert_eq!(reasons, [common::NotEstimable::TooFewGroups as i32; 2]);
}

#[tokio::test]
async fn groups_and_pairs_are_compared() {
    let mut client = clients().await.matching;
    let request = matching::CompareGroupsRequest {
        cohort: Some(cohort()),
        group_column: "age".into(),
        variables: vec![matching::BalanceVariable { column: "arm".into(), kind: 0 }],
        ..Default::default()
    };
    let answer = client.compare_groups(request.clone()).await.unwrap().into_inner();
    assert_eq!(answer.rows[0].level_counts.len(), answer.groups.len());
    let nobody = matching::CompareGroupsRequest { group_column: "nobody".into(), ..request };
    let refused = client.compare_groups(nobody).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    let request = matching::BoundHiddenBiasRequest {
        cohort: Some(cohort()),
        exposure_column: "arm".into(),
        exposed_level: "treated".into(),
        pair_column: "arm".into(),
        outcome_column: "age".into(),
        ..Default::default()
    };
    // Everybody of an arm in one set: that is no pair.
    let refused = client.bound_hidden_bias(request).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::FailedPrecondition);
}

#[tokio::test]
async fn baselines_are_compared() {
    let request = matching::AssessBalanceRequest {
        cohort: Some(cohort()),
        exposure_column: "arm".into(),
        exposed_level: "treated".into(),
        variables: vec![matching::BalanceVariable { column: "age".into(), kind: 0 }],
        ..Default::default()
    };
    let answer = clients().await.matching.assess_balance(request).await.unwrap().into_inner();
    let tests = answer.options.unwrap().tests;
    use matching::BalanceTest::{ChiSquared, MannWhitney};
    assert_eq!(tests, [ChiSquared as i32, MannWhitney as i32]);
    let row = &answer.rows[0];
    let mean = row.exposed_summary.as_ref().unwrap().mean.unwrap().value;
    assert_eq!(mean, Some((60.0 + 55.0 + 45.0 + 48.0) / 4.0));
    let names: Vec<_> = row.tests.iter().map(|test| test.test()).collect();
    assert_eq!(names, [MannWhitney]);
}
