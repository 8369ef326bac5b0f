//! Natural splines as terms, over the wire.

use crate::harness::{clients, cohort, failure, model, numbers};
use wire::pb::common::{Cohort, ModelTerm, TermKind};
use wire::pb::regression::{CoxModel, CoxPredictionOptions, FitCoxRequest, PredictCoxRequest};

fn spline(degrees_of_freedom: i32) -> ModelTerm {
    ModelTerm {
        column: "age".into(),
        kind: TermKind::Spline.into(),
        degrees_of_freedom: Some(degrees_of_freedom),
        ..ModelTerm::default()
    }
}

fn model_of(term: ModelTerm) -> Option<CoxModel> {
    model(&[]).map(|model| CoxModel { terms: vec![term], ..model })
}

fn request(term: ModelTerm) -> FitCoxRequest {
    FitCoxRequest { cohort: Some(cohort()), model: model_of(term), ..FitCoxRequest::default() }
}

#[tokio::test]
async fn a_spline_is_one_term_of_several_columns() {
    let mut client = clients().await.regression;
    let fit = client.fit_cox(request(spline(2))).await.unwrap().into_inner().fit.unwrap();
    let names: Vec<&str> = fit.coefficients.iter().map(|own| own.name.as_str()).collect();
    assert_eq!(names, ["ns(age)1", "ns(age)2"]);
    assert_eq!((fit.term_tests.len(), fit.term_tests[0].term.as_str()), (1, "ns(age)"));
    // The median of the ages is 51.
    let named = ModelTerm { degrees_of_freedom: None, knots: vec![51.0], ..spline(2) };
    let by_knots = client.fit_cox(request(named)).await.unwrap().into_inner().fit.unwrap();
    assert_eq!(by_knots, fit);
}

/// Beyond the oldest patient, who is 65, the log hazard rises by equal steps.
#[tokio::test]
async fn profiles_are_seen_with_the_knots_of_the_model() {
    let request = PredictCoxRequest {
        cohort: Some(cohort()),
        model: model_of(spline(3)),
        profiles: Some(Cohort {
            columns: vec![numbers("age", &[65.0, 75.0, 85.0])],
            ..Cohort::default()
        }),
        prediction: Some(CoxPredictionOptions { times: vec![3.0], ..Default::default() }),
        ..PredictCoxRequest::default()
    };
    let answer = clients().await.regression.predict_cox(request).await.unwrap().into_inner();
    let predictors: Vec<f64> = answer.curves.iter().map(|curve| curve.linear_predictor).collect();
    let [a, b, c] = predictors[..] else { panic!("three profiles") };
    assert!((c - 2.0 * b + a).abs() < 1e-9 * c.abs(), "{predictors:?}");
}

#[tokio::test]
async fn what_is_no_spline_is_refused_by_its_field() {
    let client = clients().await.regression;
    let field = async |term: ModelTerm| {
        let refused = failure(client.clone().fit_cox(request(term)).await);
        refused.violations[0].field.clone()
    };
    assert_eq!(field(spline(0)).await, "model.terms[0].degrees_of_freedom");
    let by_knots = |knots: &[f64], boundary: &[f64]| ModelTerm {
        degrees_of_freedom: None,
        knots: knots.to_vec(),
        boundary_knots: boundary.to_vec(),
        ..spline(1)
    };
    assert_eq!(field(by_knots(&[], &[])).await, "model.terms[0].knots");
    assert_eq!(field(by_knots(&[50.0, 45.0], &[])).await, "model.terms[0].knots");
    assert_eq!(field(by_knots(&[70.0], &[40.0, 65.0])).await, "model.terms[0].knots");
    assert_eq!(field(by_knots(&[50.0], &[65.0, 40.0])).await, "model.terms[0].boundary_knots");
    let reference = ModelTerm { reference: "50".into(), ..spline(2) };
    assert_eq!(field(reference).await, "model.terms[0].reference");
    let mut tied = request(spline(2));
    tied.cohort.as_mut().unwrap().columns[3].values = vec![40.0; 8];
    tied.cohort.as_mut().unwrap().columns[3].values[7] = 50.0;
    let tied = failure(client.clone().fit_cox(tied).await);
    assert_eq!(tied.violations[0].field, "model.terms[0].degrees_of_freedom");
    assert!(tied.violations[0].description.contains("too few distinct values"));
}
