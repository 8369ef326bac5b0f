//! Case weights, clusters and cumulative hazards over the wire: what is answered, and what is refused
//! by which field.

use crate::harness::{clients, cohort, endpoint, failure, numbers};
use tonic::Code;
use wire::pb::common::{CaseWeights, CaveatCode, WeightKind};
use wire::pb::survival::{
    ContrastCurvesRequest, ContrastOptions, CurveOptions, CurveVariance, EstimateCurvesRequest,
    HazardEstimator,
};

/// Weights 1 and 3 take turns, the last has none; pairs are of the same age.
fn curves(kind: WeightKind) -> EstimateCurvesRequest {
    let mut cohort = cohort();
    cohort.columns.push(numbers("w", &[1.0, 3.0, 1.0, 3.0, 1.0, 3.0, 1.0, 0.0]));
    cohort.columns.push(numbers("pair", &[1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]));
    EstimateCurvesRequest {
        cohort: Some(cohort),
        endpoint: Some(endpoint()),
        case_weights: Some(CaseWeights { column: "w".into(), kind: kind as i32 }),
        options: Some(CurveOptions { times: vec![2.0], ..CurveOptions::default() }),
        ..EstimateCurvesRequest::default()
    }
}

#[tokio::test]
async fn sampling_weights_weigh_sums_and_not_counts() {
    let mut client = clients().await.survival;
    let request = curves(WeightKind::Sampling);
    let answer = client.estimate_curves(request).await.unwrap().into_inner();
    assert_eq!(answer.options.unwrap().variance(), CurveVariance::InfinitesimalJackknife);
    assert_eq!(answer.caveats[0].code(), CaveatCode::ZeroWeights);
    let group = &answer.groups[0];
    assert_eq!((group.subject_count, group.event_count), (7, 7));
    let curve = group.curve.as_ref().unwrap();
    assert_eq!((curve.at_risk_counts[0], curve.weighted_at_risk[0]), (7, 13.0));
    // 12/13 · 9/12: of the weight of 13 there is 9 left.
    let at = &group.at_times[0];
    assert!((at.survival.unwrap().value.unwrap() - 9.0 / 13.0).abs() < 1e-15);
    assert_eq!((at.event_count, at.weighted.unwrap().events), (2, 4.0));
    // Of the 9 by three, one and so on: S moves by -9/169 per unit of the first two, by 4/169 else.
    let squares = 81.0 * (1.0 + 9.0) + 16.0 * (1.0 + 9.0 + 1.0 + 9.0 + 1.0);
    let error = at.standard_error.unwrap().value.unwrap();
    assert!((error - f64::sqrt(squares) / 169.0).abs() < 1e-15);
}

#[tokio::test]
async fn frequencies_are_patients() {
    let mut client = clients().await.survival;
    let request = curves(WeightKind::Frequency);
    let answer = client.estimate_curves(request).await.unwrap().into_inner();
    assert_eq!(answer.options.unwrap().variance(), CurveVariance::Greenwood);
    let group = &answer.groups[0];
    assert_eq!((group.subject_count, group.event_count), (13, 13));
    let curve = group.curve.as_ref().unwrap();
    assert_eq!((curve.event_counts[1], curve.weighted_events.len()), (3, 0));
    assert!(group.at_times[0].weighted.is_none());
}

/// Two events of eight tie at one time: 2/8, and 1/8 + 1/7.
#[tokio::test]
async fn cumulative_hazards_are_answered() {
    use HazardEstimator::{FlemingHarrington, NelsonAalen};
    let mut request = curves(WeightKind::Sampling);
    request.case_weights = None;
    request.cohort.as_mut().unwrap().columns[0].values[0] = 2.0;
    let options = request.options.as_mut().unwrap();
    options.cumulative_hazards = vec![NelsonAalen as i32, FlemingHarrington as i32];
    let mut client = clients().await.survival;
    let answer = client.estimate_curves(request).await.unwrap().into_inner();
    let [nelson_aalen, fleming_harrington] = &answer.groups[0].cumulative_hazards[..] else {
        panic!("two hazards")
    };
    assert_eq!(nelson_aalen.estimator(), NelsonAalen);
    assert_eq!(nelson_aalen.hazards[0], 0.25);
    assert!((nelson_aalen.standard_errors[0] - f64::sqrt(2.0) / 8.0).abs() < 1e-15);
    assert!((fleming_harrington.hazards[0] - (1.0 / 8.0 + 1.0 / 7.0)).abs() < 1e-15);
    assert!((nelson_aalen.survival[0] - (-0.25f64).exp()).abs() < 1e-15);
    assert!(nelson_aalen.undefined_limits.is_empty());
}

fn contrasts() -> ContrastCurvesRequest {
    let EstimateCurvesRequest { cohort, endpoint, case_weights, .. } = curves(WeightKind::Sampling);
    ContrastCurvesRequest {
        cohort,
        endpoint,
        case_weights,
        cluster_column: "pair".into(),
        group_column: "arm".into(),
        ..ContrastCurvesRequest::default()
    }
}

#[tokio::test]
async fn weighted_means_are_contrasted() {
    let mut client = clients().await.survival;
    let answer = client.contrast_curves(contrasts()).await.unwrap().into_inner();
    let options = answer.options.unwrap();
    assert_eq!(options.variance(), CurveVariance::InfinitesimalJackknife);
    assert_eq!(answer.caveats[0].code(), CaveatCode::ZeroWeights);
    // Treated: weights 3, 3 and 1 leave at 2, 4 and 5, which is the first of the last times.
    let treated = &answer.groups[1];
    let mean = treated.restricted_means[0].mean.as_ref().unwrap();
    assert_eq!((treated.subject_count, mean.tau), (3, 5.0));
    let expected = 2.0 + 2.0 * 4.0 / 7.0 + 1.0 / 7.0;
    assert!((mean.mean.unwrap().value.unwrap() - expected).abs() < 1e-14);
    let difference = answer.contrasts[0].restricted_means[0].difference.unwrap();
    assert!(difference.standard_error.unwrap().value.unwrap() > 0.0);
    let codes: Vec<CaveatCode> = treated.caveats.iter().map(|caveat| caveat.code()).collect();
    assert!(codes.contains(&CaveatCode::FewClusters), "{codes:?}");
}

#[tokio::test]
async fn weights_that_make_no_sense_are_refused_by_their_cells() {
    let mut client = clients().await.survival;
    let mut fields = async |kind, change: &dyn Fn(&mut EstimateCurvesRequest)| {
        let mut request = curves(kind);
        change(&mut request);
        let refused = failure(client.estimate_curves(request).await);
        assert_eq!(refused.code, Code::InvalidArgument);
        refused.violations.into_iter().map(|known| known.field).collect::<Vec<_>>()
    };
    let weigh = |request: &mut EstimateCurvesRequest, row: usize, weight: f64| {
        request.cohort.as_mut().unwrap().columns[4].values[row] = weight;
    };
    let (sampling, frequency) = (WeightKind::Sampling, WeightKind::Frequency);
    let negative = fields(sampling, &|request| weigh(request, 5, -1.0)).await;
    assert_eq!(negative, ["cohort.columns[4].values[5]"]);
    let fraction = fields(frequency, &|request| weigh(request, 2, 0.5)).await;
    assert_eq!(fraction, ["cohort.columns[4].values[2]"]);
    let none =
        |request: &mut EstimateCurvesRequest| (0..8).for_each(|row| weigh(request, row, 0.0));
    assert_eq!(fields(sampling, &none).await, ["cohort.columns[4]"]);
    assert_eq!(fields(WeightKind::Unspecified, &|_| ()).await, ["case_weights.kind"]);
    let name = |request: &mut EstimateCurvesRequest, name: &str| {
        request.case_weights.as_mut().unwrap().column = name.into();
    };
    assert_eq!(fields(sampling, &|request| name(request, "")).await, ["case_weights.column"]);
    assert_eq!(fields(sampling, &|request| name(request, "other")).await, ["case_weights.column"]);
    assert_eq!(fields(sampling, &|request| name(request, "arm")).await, ["case_weights.column"]);
    let missing = |request: &mut EstimateCurvesRequest| {
        request.cohort.as_mut().unwrap().columns[5].missing_rows = vec![3];
        request.cluster_column = "pair".into();
    };
    assert_eq!(fields(sampling, &missing).await, ["cohort.columns[5].values[3]"]);
    let unknown = |request: &mut EstimateCurvesRequest| request.cluster_column = "other".into();
    assert_eq!(fields(sampling, &unknown).await, ["cluster_column"]);
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused() {
    let mut client = clients().await.survival;
    let mut request = curves(WeightKind::Sampling);
    request.options.as_mut().unwrap().variance = CurveVariance::Greenwood as i32;
    let refused = failure(client.estimate_curves(request.clone()).await);
    assert_eq!(refused.violations[0].field, "options.variance");
    request.options = Some(CurveOptions {
        variance: 99,
        cumulative_hazards: vec![1, 0],
        hazard_interval_rule: 99,
        ..CurveOptions::default()
    });
    let refused = failure(client.estimate_curves(request).await);
    let fields: Vec<_> = refused.violations.iter().map(|known| known.field.as_str()).collect();
    let expected =
        ["options.variance", "options.cumulative_hazards[1]", "options.hazard_interval_rule"];
    assert_eq!((refused.code, fields.as_slice()), (Code::InvalidArgument, &expected[..]));
    let mut request = contrasts();
    request.case_weights.as_mut().unwrap().kind = 0;
    request.options = Some(ContrastOptions { variance: 99, ..ContrastOptions::default() });
    let refused = failure(client.contrast_curves(request).await);
    let fields: Vec<_> = refused.violations.iter().map(|known| known.field.as_str()).collect();
    assert_eq!(fields, ["options.variance", "case_weights.kind"]);
}
