//! Weights of two arms over the wire: what is answered, what other services make of it, and what is
//! refused by which field.

use crate::harness::{
    categories, clients, cohort, endpoint, failure, logistic_model, numbers, term,
};
use tonic::Code;
use wire::pb::common::{CaseWeights, CaveatCode, Cohort, WeightKind};
use wire::pb::matching::{
    AssessBalanceRequest, BalanceVariable, EstimatePropensityRequest, EstimateWeightsRequest,
    ScoreScale, WeightEstimand, WeightMethod, WeightOptions,
};
use wire::pb::regression::FitCoxRequest;
use wire::pb::survival::EstimateCurvesRequest;

/// Four of eight are treated; `x` is 1 for three of them and one of the others.
fn scored() -> Cohort {
    let mut cohort = cohort();
    cohort.columns.push(numbers("score", &[0.25, 0.75, 0.25, 0.75, 0.5, 0.5, 0.25, 0.25]));
    cohort.columns.push(numbers("x", &[0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0]));
    cohort
}

fn by_score(options: WeightOptions) -> EstimateWeightsRequest {
    EstimateWeightsRequest {
        cohort: Some(scored()),
        exposure_column: "arm".into(),
        exposed_level: "treated".into(),
        score_column: "score".into(),
        options: Some(options),
        ..EstimateWeightsRequest::default()
    }
}

fn by_balance(estimand: WeightEstimand) -> EstimateWeightsRequest {
    EstimateWeightsRequest {
        score_column: String::new(),
        terms: vec![term("x")],
        ..by_score(WeightOptions {
            method: WeightMethod::EntropyBalancing as i32,
            estimand: estimand as i32,
            ..WeightOptions::default()
        })
    }
}

fn assert_close(got: &[f64], want: &[f64]) {
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        assert!((got - want).abs() < 1e-12, "{got} instead of {want}");
    }
}

#[tokio::test]
async fn scores_become_weights_of_everybody() {
    let mut client = clients().await.matching;
    let request = by_score(WeightOptions::default());
    let answer = client.estimate_weights(request).await.unwrap().into_inner();
    let options = answer.options.unwrap();
    assert_eq!(options.method(), WeightMethod::InverseProbability);
    assert_eq!(options.estimand(), WeightEstimand::Average);
    assert_eq!(options.score_scale(), ScoreScale::Probability);
    assert_eq!((options.truncation_lower, options.max_iterations), (None, None));
    assert_eq!(answer.rows, (0..8).collect::<Vec<_>>());
    let third = 4.0 / 3.0;
    assert_close(&answer.weights, &[third, third, third, third, 2.0, 2.0, third, 4.0]);
    let exposed = answer.exposed.unwrap();
    assert_eq!((exposed.patient_count, exposed.minimum, exposed.maximum), (4, third, 4.0));
    // (26/3)² / (16/9 + 16/9 + 4 + 16) = 676/212
    assert_close(&[exposed.sum, exposed.effective_sample_size], &[26.0 / 3.0, 676.0 / 212.0]);
    let overlap = answer.overlap.unwrap();
    assert_eq!(overlap.share_in_equipoise.unwrap().value, Some(0.25));
    let support = (overlap.common_support_lower, overlap.common_support_upper);
    assert_eq!(support, (Some(0.25), Some(0.5)));
    let comparator = overlap.comparator.unwrap();
    assert_eq!((comparator.common_support_count, comparator.equipoise_count), (4, 1));
    assert!(answer.means.is_empty() && answer.lower_limit.is_none());
}

/// Stabilised weights are half of the others: 2/3 five times, 1 twice and 2, of which the largest is
/// cut to the quantile at 6/7, the second largest.
#[tokio::test]
async fn stabilised_weights_are_cut() {
    let mut client = clients().await.matching;
    let options = WeightOptions {
        stabilised: true,
        truncation_upper: Some(6.0 / 7.0),
        ..WeightOptions::default()
    };
    let answer = client.estimate_weights(by_score(options)).await.unwrap().into_inner();
    let half = 2.0 / 3.0;
    assert_close(&answer.weights, &[half, half, half, half, 1.0, 1.0, half, 1.0]);
    assert_eq!(answer.truncated_count, 1);
    assert_close(&[answer.lower_limit.unwrap(), answer.upper_limit.unwrap()], &[half, 1.0]);
    assert_eq!(answer.options.unwrap().truncation_lower, Some(0.0));
}

/// One control of `x = 1` stands for three, and three others for one.
#[tokio::test]
async fn entropy_balancing_gives_the_means_of_the_exposed() {
    let mut client = clients().await.matching;
    let request = by_balance(WeightEstimand::Exposed);
    let answer = client.estimate_weights(request).await.unwrap().into_inner();
    let third = 1.0 / 3.0;
    assert_close(&answer.weights, &[third, 1.0, third, 1.0, 1.0, 3.0, third, 1.0]);
    let mean = &answer.means[0];
    assert_eq!((mean.column.as_str(), mean.target, mean.exposed_mean), ("x", 0.75, 0.75));
    assert_close(&[mean.comparator_mean], &[0.75]);
    assert!(answer.overlap.is_none());
    assert_eq!(answer.options.unwrap().max_iterations, Some(200));
    // 4² / (9 + 1/3) of four.
    let codes: Vec<CaveatCode> = answer.caveats.iter().map(|caveat| caveat.code()).collect();
    assert_eq!(codes, [CaveatCode::SmallEffectiveSample]);
}

/// The column of weights is all that curves and models need.
#[tokio::test]
async fn other_services_take_the_weights() {
    let mut clients = clients().await;
    let request = by_score(WeightOptions::default());
    let answer = clients.matching.estimate_weights(request).await.unwrap().into_inner();
    let mut cohort = scored();
    cohort.columns.push(numbers("w", &answer.weights));
    let kind = WeightKind::Sampling as i32;
    let case_weights = Some(CaseWeights { column: "w".into(), kind });
    let curves = EstimateCurvesRequest {
        cohort: Some(cohort.clone()),
        endpoint: Some(endpoint()),
        group_column: "arm".into(),
        case_weights: case_weights.clone(),
        ..EstimateCurvesRequest::default()
    };
    let curves = clients.survival.estimate_curves(curves).await.unwrap().into_inner();
    let treated = curves.groups[1].curve.as_ref().unwrap();
    // The first of the treated leaves with 4/3 of 26/3.
    assert_close(&[treated.weighted_at_risk[0], treated.survival[0]], &[26.0 / 3.0, 22.0 / 26.0]);
    let mut model = crate::harness::model(&["arm"]).unwrap();
    model.case_weights = case_weights;
    let fit =
        FitCoxRequest { cohort: Some(cohort), model: Some(model), ..FitCoxRequest::default() };
    let fit = clients.regression.fit_cox(fit).await.unwrap().into_inner().fit.unwrap();
    assert!(fit.coefficients[0].robust_standard_error.unwrap().value.is_some());
}

/// From a logistic model to weights to the table that proves them: overlap weights leave no
/// difference in what the model holds. Li, Morgan and Zaslavsky (2018), theorem 3.
#[tokio::test]
async fn overlap_weights_leave_no_difference() {
    let mut client = clients().await.matching;
    let request = EstimatePropensityRequest {
        cohort: Some(scored()),
        model: logistic_model("arm", "treated", &["age", "x"]),
        ..EstimatePropensityRequest::default()
    };
    let scores = client.estimate_propensity(request).await.unwrap().into_inner();
    let mut cohort = scored();
    cohort.columns.push(numbers("logit", &scores.linear_predictors));
    let request = EstimateWeightsRequest {
        cohort: Some(cohort.clone()),
        score_column: "logit".into(),
        ..by_score(WeightOptions {
            estimand: WeightEstimand::Overlap as i32,
            score_scale: ScoreScale::Logit as i32,
            ..WeightOptions::default()
        })
    };
    let answer = client.estimate_weights(request).await.unwrap().into_inner();
    assert_eq!(answer.overlap, scores.overlap);
    cohort.columns.push(numbers("w", &answer.weights));
    let variable =
        |column: &str| BalanceVariable { column: column.into(), ..BalanceVariable::default() };
    let request = AssessBalanceRequest {
        cohort: Some(cohort),
        exposure_column: "arm".into(),
        exposed_level: "treated".into(),
        variables: vec![variable("age"), variable("x")],
        weights_column: "w".into(),
        ..AssessBalanceRequest::default()
    };
    let table = client.assess_balance(request).await.unwrap().into_inner();
    for row in table.rows {
        assert!(row.smd.unwrap().value.unwrap().abs() < 1e-9, "{row:?}");
    }
}

#[tokio::test]
async fn scores_come_with_their_overlap() {
    let mut cohort = scored();
    cohort.columns.push(categories("site", &["a", "b"], &[0, 0, 0, 0, 0, 0, 0, 1]));
    let request = EstimatePropensityRequest {
        cohort: Some(cohort),
        model: logistic_model("arm", "treated", &["site"]),
        ..EstimatePropensityRequest::default()
    };
    let answer = clients().await.matching.estimate_propensity(request).await.unwrap().into_inner();
    let overlap = answer.overlap.unwrap();
    let (exposed, comparator) = (overlap.exposed.unwrap(), overlap.comparator.unwrap());
    assert_eq!((exposed.patient_count, comparator.patient_count), (4, 4));
    // Three of seven are treated at site a, and the one patient of site b is.
    assert_eq!((exposed.histogram_counts[8], comparator.histogram_counts[8]), (3, 4));
    assert_eq!(overlap.share_in_equipoise.unwrap().value, Some(7.0 / 8.0));
    let doubts = answer.caveats.iter().filter(|caveat| caveat.code() == CaveatCode::Positivity);
    let messages: Vec<&str> = doubts.map(|caveat| caveat.message.as_str()).collect();
    assert!(
        messages.contains(&"site=b occurs among the exposed alone (subjects: 1)"),
        "{messages:?}"
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_its_field() {
    let mut client = clients().await.matching;
    let mut fields = async |request: EstimateWeightsRequest| {
        let refused = failure(client.estimate_weights(request).await);
        assert_eq!(refused.code, Code::InvalidArgument);
        refused.violations.into_iter().map(|known| known.field).collect::<Vec<_>>()
    };
    let nothing = WeightOptions::default;
    let truncated = |lower, upper| {
        by_score(WeightOptions { truncation_lower: lower, truncation_upper: upper, ..nothing() })
    };
    assert_eq!(fields(truncated(Some(-0.1), None)).await, ["options.truncation_lower"]);
    assert_eq!(fields(truncated(None, Some(f64::NAN))).await, ["options.truncation_upper"]);
    assert_eq!(fields(truncated(Some(0.9), Some(0.1))).await, ["options.truncation_lower"]);
    let unknown = WeightOptions { method: 9, ..nothing() };
    assert_eq!(fields(by_score(unknown)).await, ["options.method"]);
    let unknown =
        WeightOptions { estimand: 9, score_scale: 9, max_iterations: Some(1), ..nothing() };
    let expected = ["options.score_scale", "options.estimand", "options.max_iterations"];
    assert_eq!(fields(by_score(unknown)).await, expected);
    let estimand = WeightEstimand::Exposed as i32;
    let stabilised = WeightOptions { stabilised: true, estimand, ..nothing() };
    assert_eq!(fields(by_score(stabilised)).await, ["options.stabilised"]);
    let without = EstimateWeightsRequest {
        exposure_column: String::new(),
        exposed_level: String::new(),
        score_column: String::new(),
        terms: vec![term("x")],
        ..by_score(nothing())
    };
    let expected = ["exposure_column", "exposed_level", "terms", "score_column"];
    assert_eq!(fields(without).await, expected);
    let age = EstimateWeightsRequest { score_column: "age".into(), ..by_score(nothing()) };
    assert_eq!(fields(age).await, ["cohort.columns[3].values[0]"]);

    let mut wrong = by_balance(WeightEstimand::Overlap);
    wrong.score_column = "score".into();
    wrong.terms.clear();
    let options = wrong.options.as_mut().unwrap();
    options.score_scale = ScoreScale::Logit as i32;
    options.max_iterations = Some(0);
    let expected = [
        "score_column",
        "terms",
        "options.score_scale",
        "options.estimand",
        "options.max_iterations",
    ];
    assert_eq!(fields(wrong).await, expected);
}

#[tokio::test]
async fn arms_that_no_weights_make_alike_are_a_failed_precondition() {
    let mut client = clients().await.matching;
    let mut reason = async |request| {
        let refused = failure(client.estimate_weights(request).await);
        assert_eq!(refused.code, Code::FailedPrecondition);
        refused.reason
    };
    let mut request = by_score(WeightOptions::default());
    request.cohort.as_mut().unwrap().columns[4].values[1] = 0.0;
    assert_eq!(reason(request).await, "NO_WEIGHTS");
    let mut request = by_balance(WeightEstimand::Exposed);
    request.cohort.as_mut().unwrap().columns[5].values[5] = 0.0;
    assert_eq!(reason(request).await, "NO_WEIGHTS");
}
