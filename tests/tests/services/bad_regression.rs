//! Regression requests that name what is not there: each is refused at the field that names it.

use crate::harness::{Clients, clients, cohort, failure, logistic_model, model, numbers, term};
use wire::pb::common::{CaseWeights, Cause, CauseEndpoint, ModelTerm, TermKind, WeightKind};
use wire::pb::regression::{
    self as pb, CoxModel, LogisticModel, SelectionMethod, SelectionRule, ValidatePredictionsRequest,
};
use wire::pb::{matching, survival};

/// The field and the words of the first violation of a call that is refused.
fn first<T>(answer: Result<T, tonic::Status>) -> (String, String) {
    let violation = failure(answer).violations.swap_remove(0);
    (violation.field, violation.description)
}

fn cox_model(change: impl FnOnce(&mut CoxModel)) -> Option<CoxModel> {
    let mut model = model(&["age"]).unwrap();
    change(&mut model);
    Some(model)
}

fn of_logistic(change: impl FnOnce(&mut LogisticModel)) -> Option<LogisticModel> {
    let mut model = logistic_model("arm", "treated", &["age"]).unwrap();
    change(&mut model);
    Some(model)
}

async fn fit_cox(clients: &Clients, change: impl FnOnce(&mut CoxModel)) -> (String, String) {
    let request = pb::FitCoxRequest {
        cohort: Some(cohort()),
        model: cox_model(change),
        ..Default::default()
    };
    first(clients.regression.clone().fit_cox(request).await)
}

async fn logistic(clients: &Clients, change: impl Fn(&mut LogisticModel)) -> [String; 2] {
    let request = pb::FitLogisticRequest {
        cohort: Some(cohort()),
        model: of_logistic(&change),
        ..Default::default()
    };
    let fitted = first(clients.regression.clone().fit_logistic(request).await).0;
    let request = matching::EstimatePropensityRequest {
        cohort: Some(cohort()),
        model: of_logistic(&change),
        ..Default::default()
    };
    [fitted, first(clients.matching.clone().estimate_propensity(request).await).0]
}

fn weights(column: &str) -> Option<CaseWeights> {
    Some(CaseWeights { column: column.into(), kind: WeightKind::Sampling.into() })
}

#[tokio::test]
async fn an_unknown_column_is_refused_at_its_field() {
    let clients = clients().await;
    let nowhere = || "nowhere".to_string();
    let strata = |model: &mut CoxModel| model.strata_columns = vec!["arm".into(), nowhere()];
    let (field, words) = fit_cox(&clients, strata).await;
    assert_eq!(
        (field.as_str(), words.as_str()),
        ("model.strata_columns[1]", "there is no column nowhere")
    );
    let cluster = |model: &mut CoxModel| model.cluster_column = nowhere();
    assert_eq!(fit_cox(&clients, cluster).await.0, "model.cluster_column");
    let id = |model: &mut CoxModel| model.id_column = nowhere();
    assert_eq!(fit_cox(&clients, id).await.0, "model.id_column");
    for column in ["nowhere", "arm"] {
        let offset = |model: &mut CoxModel| model.offset_column = column.into();
        assert_eq!(fit_cox(&clients, offset).await.0, "model.offset_column");
        let weighted = |model: &mut CoxModel| model.case_weights = weights(column);
        assert_eq!(fit_cox(&clients, weighted).await.0, "model.case_weights.column");
        let time = |model: &mut CoxModel| {
            model.endpoint.as_mut().unwrap().time_column = column.into();
        };
        assert_eq!(fit_cox(&clients, time).await.0, "model.endpoint.time_column");
        let offset = |model: &mut LogisticModel| model.offset_column = column.into();
        assert_eq!(logistic(&clients, offset).await, ["model.offset_column"; 2]);
        let weighted = |model: &mut LogisticModel| model.case_weights = weights(column);
        assert_eq!(logistic(&clients, weighted).await, ["model.case_weights.column"; 2]);
    }
    let outcome = |model: &mut LogisticModel| model.outcome_column = nowhere();
    assert_eq!(logistic(&clients, outcome).await, ["model.outcome_column"; 2]);
    let cluster = |model: &mut LogisticModel| model.cluster_column = nowhere();
    assert_eq!(logistic(&clients, cluster).await, ["model.cluster_column"; 2]);
    let request = ValidatePredictionsRequest {
        cohort: Some(cohort()),
        outcome_column: "arm".into(),
        outcome_level: "treated".into(),
        prediction_column: nowhere(),
        ..Default::default()
    };
    let mut client = clients.regression.clone();
    assert_eq!(first(client.validate_predictions(request).await).0, "prediction_column");
    let diagnostics = pb::CoxDiagnosticOptions { collapse_column: nowhere(), ..Default::default() };
    let request = pb::DiagnoseCoxRequest {
        cohort: Some(cohort()),
        model: model(&["age"]),
        diagnostics: Some(diagnostics),
        ..Default::default()
    };
    assert_eq!(first(client.diagnose_cox(request).await).0, "diagnostics.collapse_column");
}

#[tokio::test]
async fn an_unknown_level_is_refused_at_its_field() {
    let clients = clients().await;
    let factor = |column: &str, reference: &str| ModelTerm {
        kind: TermKind::Factor.into(),
        reference: reference.into(),
        ..term(column)
    };
    // A number is read as categories: 49 is nobody's age.
    for reference in [factor("arm", "placebo"), factor("age", "49")] {
        let second = |model: &mut CoxModel| model.terms.push(reference.clone());
        assert_eq!(fit_cox(&clients, second).await.0, "model.terms[1].reference");
        let second = |model: &mut LogisticModel| model.terms.push(reference.clone());
        assert_eq!(logistic(&clients, second).await, ["model.terms[1].reference"; 2]);
        let product =
            ModelTerm { interaction_with: Some(Box::new(reference.clone())), ..term("age") };
        let second = |model: &mut CoxModel| model.terms.push(product);
        let field = "model.terms[1].interaction_with.reference";
        assert_eq!(fit_cox(&clients, second).await.0, field);
        let request = pb::ScreenCoxRequest {
            cohort: Some(cohort()),
            model: model(&[]),
            candidates: vec![term("age"), reference],
            ..Default::default()
        };
        let refused = clients.regression.clone().screen_cox(request).await;
        assert_eq!(first(refused).0, "candidates[1].reference");
    }
    let level = |model: &mut LogisticModel| model.outcome_level = "placebo".into();
    assert_eq!(logistic(&clients, level).await, ["model.outcome_level"; 2]);
    let request = ValidatePredictionsRequest {
        cohort: Some(cohort()),
        outcome_column: "arm".into(),
        outcome_level: "placebo".into(),
        prediction_column: "event".into(),
        ..Default::default()
    };
    let refused = clients.regression.clone().validate_predictions(request).await;
    assert_eq!(first(refused).0, "outcome_level");
}

#[tokio::test]
async fn knots_beyond_the_data_are_refused_at_their_field() {
    let clients = clients().await;
    let spline = |knots: &[f64]| ModelTerm {
        kind: TermKind::Spline.into(),
        knots: knots.to_vec(),
        ..term("age")
    };
    let beyond = spline(&[50.0, 80.0]);
    let second = |model: &mut CoxModel| model.terms.push(beyond.clone());
    assert_eq!(fit_cox(&clients, second).await.0, "model.terms[1].knots");
    let second = |model: &mut LogisticModel| model.terms.push(beyond.clone());
    assert_eq!(logistic(&clients, second).await, ["model.terms[1].knots"; 2]);
    let numbers_of_categories = ModelTerm { kind: TermKind::Linear.into(), ..term("arm") };
    let second = |model: &mut CoxModel| model.terms.push(numbers_of_categories);
    assert_eq!(fit_cox(&clients, second).await.0, "model.terms[1].kind");
}

/// A product has no column of the cohort whose cell could be at fault.
#[tokio::test]
async fn a_product_out_of_range_is_refused_as_a_term() {
    let mut cohort = cohort();
    cohort.columns.push(numbers("large", &[1e60, 2e60, 3e60, 1e60, 5e60, 0.0, 0.0, 1e60]));
    cohort.columns.push(numbers("small", &[1e-60, 2e-60, 3e-60, 1e-60, 5e-60, 0.0, 0.0, 1e-60]));
    let mut client = clients().await.regression;
    for column in ["large", "small"] {
        let square = ModelTerm { interaction_with: Some(Box::new(term(column))), ..term(column) };
        let factor = ModelTerm { interaction_with: Some(Box::new(square.clone())), ..term("arm") };
        for product in [square, factor] {
            let request = pb::FitCoxRequest {
                cohort: Some(cohort.clone()),
                model: cox_model(|model| model.terms.push(product)),
                ..Default::default()
            };
            let (field, words) = first(client.fit_cox(request).await);
            assert_eq!(field, "model.terms[1]", "{words}");
        }
    }
}

/// Every call that takes names of coefficients refuses one that its models do not have.
#[tokio::test]
async fn limits_of_an_unknown_coefficient_are_refused() {
    let mut client = clients().await.regression;
    let unknown = || {
        let profile_columns = vec!["age".to_string(), "nobody".into()];
        let options = pb::CoxOptions { profile_columns, ..Default::default() };
        cox_model(|model| model.options = Some(options))
    };
    let cohort = || Some(cohort());
    let alone = || unknown().map(|model| CoxModel { terms: Vec::new(), ..model });
    let request = pb::FitCoxRequest { cohort: cohort(), model: unknown(), ..Default::default() };
    let mut refused = vec![first(client.fit_cox(request).await)];
    let candidates = vec![term("age"), term("arm")];
    let request = pb::ScreenCoxRequest {
        cohort: cohort(),
        model: alone(),
        candidates: candidates.clone(),
        ..Default::default()
    };
    refused.push(first(client.screen_cox(request).await));
    let method = SelectionMethod::Backward.into();
    let request = pb::SelectCoxRequest {
        cohort: cohort(),
        model: alone(),
        candidates,
        rule: Some(SelectionRule { method, ..Default::default() }),
        ..Default::default()
    };
    refused.push(first(client.select_cox(request).await));
    let request =
        pb::DiagnoseCoxRequest { cohort: cohort(), model: unknown(), ..Default::default() };
    refused.push(first(client.diagnose_cox(request).await));
    let request = pb::PredictCoxRequest {
        cohort: cohort(),
        model: unknown(),
        profiles: cohort(),
        ..Default::default()
    };
    refused.push(first(client.predict_cox(request).await));
    let request = pb::FitPiecewiseCoxRequest {
        cohort: cohort(),
        model: unknown(),
        cut_points: vec![4.5],
        ..Default::default()
    };
    refused.push(first(client.fit_piecewise_cox(request).await));
    let words = "the model has no coefficient nobody".to_string();
    for refused in refused {
        assert_eq!(refused, ("model.options.profile_columns[1]".to_string(), words.clone()));
    }
}

#[tokio::test]
async fn incidence_and_follow_up_name_the_field_as_well() {
    let clients = clients().await;
    let mut cohort = cohort();
    cohort.columns.push(numbers("cause", &[1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 0.0, 0.0]));
    let cause = |code: &str| Cause { label: code.into(), codes: Vec::new() };
    let endpoint = CauseEndpoint {
        time_column: "time".into(),
        cause_column: "cause".into(),
        causes: vec![cause("1"), cause("2")],
        ..Default::default()
    };
    let request = pb::FitFineGrayRequest {
        cohort: Some(cohort.clone()),
        endpoint: Some(endpoint.clone()),
        cause: "1".into(),
        terms: vec![term("age")],
        strata_columns: vec!["nowhere".into()],
        ..Default::default()
    };
    let refused = clients.regression.clone().fit_fine_gray(request.clone()).await;
    assert_eq!(first(refused).0, "strata_columns[0]");
    let knots = vec![99.0];
    let beyond = ModelTerm { kind: TermKind::Spline.into(), knots, ..term("age") };
    let request =
        pb::FitFineGrayRequest { strata_columns: Vec::new(), terms: vec![beyond], ..request };
    let refused = clients.regression.clone().fit_fine_gray(request).await;
    assert_eq!(first(refused).0, "terms[0].knots");
    let request = survival::CompareIncidenceRequest {
        cohort: Some(cohort),
        endpoint: Some(endpoint),
        group_column: "arm".into(),
        strata_columns: vec!["age".into(), "nowhere".into()],
        ..Default::default()
    };
    let refused = clients.survival.clone().compare_incidence(request).await;
    assert_eq!(first(refused).0, "strata_columns[1]");
}
