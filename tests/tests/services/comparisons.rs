//! Comparisons of curves beyond the test of all groups.

use crate::harness::{categories, clients, cohort, endpoint, failure, numbers};
use tonic::Code;
use wire::pb::common::{CaseWeights, CaveatCode, Cohort, Correction, Estimate, WeightKind};
use wire::pb::survival::{
    Alternative, CompareCurvesRequest, ComparisonOptions, FlemingHarrington, MaxComboOptions,
    PairsWithin, PairwiseOptions, TestVariance, TestWeights, TrendOptions,
};

fn compare(cohort: Cohort, options: ComparisonOptions) -> CompareCurvesRequest {
    CompareCurvesRequest {
        cohort: Some(cohort),
        endpoint: Some(endpoint()),
        group_column: "arm".into(),
        options: Some(options),
        ..CompareCurvesRequest::default()
    }
}

/// Three patients who die at 1, 2 and 3, one in each of three arms.
fn three_arms() -> Cohort {
    Cohort {
        columns: vec![
            numbers("time", &[1.0, 2.0, 3.0]),
            numbers("event", &[1.0; 3]),
            categories("arm", &["a", "b", "c"], &[0, 1, 2]),
        ],
        ..Cohort::default()
    }
}

/// Patients of two arms who die in turns, with weights.
fn turns() -> Cohort {
    Cohort {
        columns: vec![
            numbers("time", &[1.0, 2.0, 3.0, 4.0]),
            numbers("event", &[1.0; 4]),
            categories("arm", &["new", "old"], &[0, 1, 0, 1]),
            numbers("weight", &[1.0, 3.0, 1.0, 1.0]),
        ],
        ..Cohort::default()
    }
}

fn value(estimate: Option<Estimate>) -> f64 {
    estimate.unwrap().value.unwrap()
}

fn assert_close(got: f64, want: f64) {
    assert!((got - want).abs() < 1e-12, "{got} instead of {want}");
}

/// O - E is 2/3, 1/6 and -5/6: with the scores 1, 2, 3 that is -3/2, and its variance is 11/12. Each
/// pair alone has z = -1, so that Holm's three p-values are 3 times the raw one.
#[tokio::test]
async fn trend_and_pairs_are_answered() {
    let options = ComparisonOptions {
        trend: Some(TrendOptions::default()),
        pairwise: Some(PairwiseOptions {
            corrections: vec![Correction::Holm as i32],
            ..PairwiseOptions::default()
        }),
        ..ComparisonOptions::default()
    };
    let mut client = clients().await.survival;
    let answer = client.compare_curves(compare(three_arms(), options)).await.unwrap().into_inner();
    let trend = answer.trend.unwrap();
    assert_eq!(trend.scores, [1.0, 2.0, 3.0]);
    let test = trend.test.unwrap();
    assert_close(test.score, -1.5);
    assert_close(test.variance, 11.0 / 12.0);
    assert_eq!(answer.pairwise.len(), 3);
    for pair in answer.pairwise {
        assert_eq!(pair.first.unwrap().event_count, 1);
        let test = pair.test.unwrap();
        assert_close(value(test.z), -1.0);
        assert_close(value(pair.adjusted[0].p_value), 3.0 * value(test.p_value));
    }
    let few = |caveat: &&wire::pb::common::Caveat| caveat.code() == CaveatCode::FewEvents;
    assert_eq!(answer.caveats.iter().filter(few).count(), 3);
    let options = answer.options.unwrap();
    assert_eq!(options.pairwise.as_ref().unwrap().within(), PairsWithin::Pair);
    assert_eq!(options.variance(), TestVariance::Hypergeometric);
}

/// The default weights, two-sided, when nothing else is said.
#[tokio::test]
async fn the_largest_of_several_tests_is_answered() {
    let max_combo = Some(MaxComboOptions::default());
    let options = ComparisonOptions { max_combo, ..ComparisonOptions::default() };
    let mut client = clients().await.survival;
    let answer = client.compare_curves(compare(turns(), options)).await.unwrap().into_inner();
    let asked = answer.options.unwrap().max_combo.unwrap();
    let powers: Vec<_> =
        asked.weights.iter().map(|powers| (powers.early_power, powers.late_power)).collect();
    assert_eq!(powers, [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)]);
    assert_eq!(asked.alternative(), Alternative::TwoSided);
    let tested = answer.max_combo.unwrap();
    assert_close(tested.components[0].test.unwrap().score, -2.0 / 3.0);
    assert_close(tested.components[1].test.unwrap().score, -1.0 / 6.0);
    let smallest = tested.components.iter().map(|one| value(one.test.unwrap().p_value));
    let smallest = smallest.fold(1.0, f64::min);
    let p_value = value(tested.p_value);
    assert!(smallest < p_value && p_value < 4.0 * smallest);
    assert!(value(tested.p_value_error) < 1e-8);
}

/// Expected of the old arm are 1 · 4/6, 3 · 4/5, 1 · 1/2 and 1.
#[tokio::test]
async fn weights_are_declared() {
    let weights =
        |kind: WeightKind| Some(CaseWeights { column: "weight".into(), kind: kind as i32 });
    let request = CompareCurvesRequest {
        case_weights: weights(WeightKind::Sampling),
        ..compare(turns(), ComparisonOptions::default())
    };
    let mut client = clients().await.survival;
    let answer = client.compare_curves(request.clone()).await.unwrap().into_inner();
    let old = &answer.groups[1];
    assert_eq!((old.subject_count, old.event_count, old.observed), (2, 2, 4.0));
    assert_close(old.expected, 2.0 / 3.0 + 2.4 + 0.5 + 1.0);
    assert_eq!(answer.case_weights, weights(WeightKind::Sampling));
    let frequencies =
        CompareCurvesRequest { case_weights: weights(WeightKind::Frequency), ..request.clone() };
    let answer = client.compare_curves(frequencies).await.unwrap().into_inner();
    assert_eq!((answer.groups[1].subject_count, answer.groups[1].event_count), (4, 4));
    let unsaid = CompareCurvesRequest { case_weights: weights(WeightKind::Unspecified), ..request };
    let refused = failure(client.compare_curves(unsaid).await);
    assert_eq!(refused.violations[0].field, "case_weights.kind");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_its_field() {
    let mut client = clients().await.survival;
    let powers = FlemingHarrington::default();
    let max_combo = |weights: Vec<FlemingHarrington>| ComparisonOptions {
        max_combo: Some(MaxComboOptions { weights, ..MaxComboOptions::default() }),
        ..ComparisonOptions::default()
    };
    let trend = |scores: &[f64]| ComparisonOptions {
        trend: Some(TrendOptions { scores: scores.to_vec() }),
        ..ComparisonOptions::default()
    };
    let bad = FlemingHarrington { early_power: -1.0, ..powers };
    for (request, field) in [
        (compare(three_arms(), max_combo(Vec::new())), "options.max_combo"),
        (compare(cohort(), max_combo(vec![powers; 6])), "options.max_combo.weights"),
        (
            compare(cohort(), max_combo(vec![powers, bad])),
            "options.max_combo.weights[1].early_power",
        ),
        (compare(cohort(), trend(&[1.0])), "options.trend.scores"),
        (compare(cohort(), trend(&[1.0, f64::NAN])), "options.trend.scores"),
        (compare(cohort(), trend(&[2.0, 2.0])), "options.trend.scores"),
    ] {
        let refused = failure(client.compare_curves(request).await);
        assert_eq!(refused.code, Code::InvalidArgument);
        assert_eq!(refused.violations[0].field, field);
    }
    let weights = TestWeights::GehanBreslow as i32;
    let kind = WeightKind::Sampling as i32;
    let sized = CompareCurvesRequest {
        case_weights: Some(CaseWeights { column: "weight".into(), kind }),
        ..compare(turns(), ComparisonOptions { weights, ..ComparisonOptions::default() })
    };
    let refused = failure(client.compare_curves(sized).await);
    assert_eq!(refused.violations[0].field, "options.weights");
}
