//! Models over the wire: weights, offsets and the incidence under competing risks.

use crate::harness::{Clients, clients, cohort, failure, model, numbers, term};
use service_kit::Failure;
use tonic::Code;
use wire::pb::common::{CaseWeights, Cause, CauseEndpoint, Cohort, WeightKind};
use wire::pb::regression::{
    CensoringTies, CensoringVariance, CoxModel, FineGrayOptions, FitCoxRequest, FitFineGrayRequest,
    Ties,
};

/// The eight patients with a weight and with the causes of their events.
fn patients() -> Cohort {
    let mut cohort = cohort();
    cohort.columns.push(numbers("weight", &[1.0, 0.5, 2.0, 1.5, 1.0, 0.0, 1.0, 3.0]));
    cohort.columns.push(numbers("cause", &[1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 0.0]));
    cohort
}

fn weights(kind: WeightKind) -> Option<CaseWeights> {
    Some(CaseWeights { column: "weight".into(), kind: kind.into() })
}

fn weighted(kind: WeightKind) -> FitCoxRequest {
    let age = model(&["age"]).unwrap();
    FitCoxRequest {
        cohort: Some(patients()),
        model: Some(CoxModel { case_weights: weights(kind), ..age }),
        ..FitCoxRequest::default()
    }
}

fn incidence() -> FitFineGrayRequest {
    let cause = |label: &str, code: &str| Cause { label: label.into(), codes: vec![code.into()] };
    FitFineGrayRequest {
        cohort: Some(patients()),
        endpoint: Some(CauseEndpoint {
            time_column: "time".into(),
            cause_column: "cause".into(),
            causes: vec![cause("relapse", "1"), cause("death", "2")],
            ..CauseEndpoint::default()
        }),
        cause: "relapse".into(),
        terms: vec![term("age")],
        ..FitFineGrayRequest::default()
    }
}

#[tokio::test]
async fn sampling_weights_have_a_robust_variance() {
    let mut client = clients().await.regression;
    let answer = client.fit_cox(weighted(WeightKind::Sampling)).await.unwrap().into_inner();
    let fit = answer.fit.unwrap();
    assert_eq!((fit.subject_count, fit.event_count), (7, 6), "one patient has the weight 0");
    assert!(fit.robust_covariance.is_some() && fit.robust_wald_test.is_some());
    assert!(fit.caveats.iter().any(|caveat| caveat.message.contains("weight 0")));
    let mut plain = weighted(WeightKind::Sampling);
    plain.model.as_mut().unwrap().case_weights = None;
    let fit = client.fit_cox(plain).await.unwrap().into_inner().fit.unwrap();
    assert!(fit.robust_covariance.is_none() && fit.robust_wald_test.is_none());
}

#[tokio::test]
async fn an_offset_that_explains_everything_leaves_nothing() {
    let mut client = clients().await.regression;
    let mut request = weighted(WeightKind::Sampling);
    request.model.as_mut().unwrap().case_weights = None;
    let fit = client.fit_cox(request.clone()).await.unwrap().into_inner().fit.unwrap();
    let beta = fit.coefficients[0].estimate.unwrap().value.unwrap();
    let ages = &request.cohort.as_ref().unwrap().columns[3].values;
    let known: Vec<f64> = ages.iter().map(|age| age * beta).collect();
    request.cohort.as_mut().unwrap().columns.push(numbers("known", &known));
    request.model.as_mut().unwrap().offset_column = "known".into();
    let fit = client.fit_cox(request).await.unwrap().into_inner().fit.unwrap();
    assert!(fit.coefficients[0].estimate.unwrap().value.unwrap().abs() < 1e-9);
}

#[tokio::test]
async fn incidence_is_modelled() {
    let mut client = clients().await.regression;
    let answer = client.fit_fine_gray(incidence()).await.unwrap().into_inner();
    let fit = answer.fit.unwrap();
    assert_eq!((fit.subject_count, fit.event_count), (8, 4));
    assert!(fit.coefficients[0].robust_standard_error.is_some());
    let options = answer.options.unwrap();
    assert_eq!(options.ties(), Ties::Efron);
    assert_eq!(options.censoring_ties(), CensoringTies::AfterEvents);
    assert_eq!(options.censoring_variance(), CensoringVariance::Known);
}

async fn refused(mut client: Clients, change: impl FnOnce(&mut FitFineGrayRequest)) -> Failure {
    let mut request = incidence();
    change(&mut request);
    failure(client.regression.fit_fine_gray(request).await)
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_its_field() {
    let client = clients().await;
    let mut fields = Vec::new();
    for kind in [WeightKind::Unspecified, WeightKind::Frequency] {
        let refused = failure(client.regression.clone().fit_cox(weighted(kind)).await);
        fields.push(refused.violations[0].field.clone());
    }
    let mut negative = weighted(WeightKind::Sampling);
    negative.cohort.as_mut().unwrap().columns[4].values[2] = -1.0;
    let negative = failure(client.regression.clone().fit_cox(negative).await);
    fields.push(negative.violations[0].field.clone());
    let expected =
        ["model.case_weights.kind", "cohort.columns[4].values[1]", "cohort.columns[4].values[2]"];
    assert_eq!(fields, expected);

    let nameless = refused(clients().await, |request| request.cause.clear()).await;
    assert_eq!(nameless.violations[0].field, "cause");
    let unknown = refused(clients().await, |request| request.cause = "cure".into()).await;
    assert_eq!(unknown.violations[0].field, "cause");
    let late = refused(clients().await, |request| {
        request.cohort.as_mut().unwrap().columns.push(numbers("entry", &[0.0; 8]));
        request.endpoint.as_mut().unwrap().entry_column = "entry".into();
    });
    assert_eq!(late.await.violations[0].field, "endpoint.entry_column");
    let settings = refused(clients().await, |request| {
        request.options = Some(FineGrayOptions {
            ties: 99,
            max_iterations: Some(0),
            censoring_ties: 99,
            censoring_variance: 99,
            ..FineGrayOptions::default()
        });
    });
    let fields: Vec<String> =
        settings.await.violations.into_iter().map(|violation| violation.field).collect();
    let expected = [
        "options.ties",
        "options.max_iterations",
        "options.censoring_ties",
        "options.censoring_variance",
    ];
    assert_eq!(fields, expected);
    let nobody = refused(clients().await, |request| {
        request.cohort.as_mut().unwrap().columns[5].values = vec![2.0; 8];
    });
    let nobody = nobody.await;
    assert_eq!((nobody.code, nobody.reason.as_str()), (Code::FailedPrecondition, "NO_EVENTS"));
}
