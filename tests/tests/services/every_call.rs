//! One sound request to each call, about any patients.

use crate::harness::{Clients, endpoint, logistic_model, model, term};
use tonic::Status;
use wire::pb::common::{Cause, CauseEndpoint, Cohort, Selection};
use wire::pb::{bootstrap, matching, regression, survival};

/// What every request has.
pub type Patients = (Option<Cohort>, Option<Selection>);

/// Calls by name, and what they answered.
pub type Answers = Vec<(&'static str, Result<String, Status>)>;

/// Sends a request to each of these calls.
macro_rules! ask_each {
    ($client:expr, $patients:expr, $($method:ident: $package:ident::$request:ident { $($fields:tt)* },)+) => {{
        let mut answers = Answers::new();
        $({
            let (cohort, selection) = $patients.clone();
            #[allow(clippy::needless_update, reason = "some requests have no more fields")]
            let request =
                $package::$request { cohort, selection, $($fields)* ..Default::default() };
            answers.push((stringify!($method), $client.$method(request).await.map(|answer| format!("{:?}", answer.into_inner()))));
        })+
        answers
    }};
}

fn arm() -> String {
    "arm".into()
}

fn causes() -> Option<CauseEndpoint> {
    Some(CauseEndpoint {
        time_column: "time".into(),
        cause_column: "event".into(),
        causes: vec![Cause { label: "event".into(), codes: vec!["1".into()] }],
        ..CauseEndpoint::default()
    })
}

pub async fn ask_survival(clients: &mut Clients, patients: &Patients) -> Answers {
    let follow_up = Some(endpoint());
    ask_each!(clients.survival, patients,
        estimate_curves: survival::EstimateCurvesRequest {
            endpoint: follow_up.clone(),
            group_column: arm(),
        },
        estimate_hazard: survival::EstimateHazardRequest {
            endpoint: follow_up.clone(),
            group_column: arm(),
        },
        summarise_follow_up: survival::SummariseFollowUpRequest {
            endpoint: follow_up.clone(),
            group_column: arm(),
        },
        estimate_conditional_survival: survival::EstimateConditionalSurvivalRequest {
            endpoint: follow_up.clone(),
            group_column: arm(),
        },
        estimate_incidence: survival::EstimateIncidenceRequest {
            endpoint: causes(),
            group_column: arm(),
        },
        compare_curves: survival::CompareCurvesRequest {
            endpoint: follow_up.clone(),
            group_column: arm(),
        },
        contrast_curves: survival::ContrastCurvesRequest {
            endpoint: follow_up.clone(),
            group_column: arm(),
        },
        analyse_landmark: survival::AnalyseLandmarkRequest {
            endpoint: follow_up.clone(),
            group_column: arm(),
            options: Some(survival::LandmarkOptions::default()),
        },
        compare_incidence: survival::CompareIncidenceRequest {
            endpoint: causes(),
            group_column: arm(),
        },
    )
}

pub async fn ask_models(clients: &mut Clients, patients: &Patients) -> Answers {
    let rule = Some(regression::SelectionRule {
        method: regression::SelectionMethod::Backward as i32,
        ..Default::default()
    });
    ask_each!(clients.regression, patients,
        fit_cox: regression::FitCoxRequest {
            model: model(&["arm", "age"]),
        },
        screen_cox: regression::ScreenCoxRequest {
            model: model(&[]),
            candidates: vec![term("arm")],
        },
        select_cox: regression::SelectCoxRequest {
            model: model(&[]),
            candidates: vec![term("arm"), term("age")],
            rule,
        },
        diagnose_cox: regression::DiagnoseCoxRequest {
            model: model(&["arm", "age"]),
        },
        predict_cox: regression::PredictCoxRequest {
            model: model(&["arm", "age"]),
        },
        fit_piecewise_cox: regression::FitPiecewiseCoxRequest {
            model: model(&["arm", "age"]),
            cut_points: vec![4.0],
        },
        check_intervals: regression::CheckIntervalsRequest {
            endpoint: Some(endpoint()),
            id_column: "age".into(),
        },
        fit_fine_gray: regression::FitFineGrayRequest {
            endpoint: causes(),
            cause: "event".into(),
            terms: vec![term("arm")],
        },
        fit_logistic: regression::FitLogisticRequest {
            model: logistic_model("event", "1", &["arm"]),
        },
    )
}

pub async fn ask_matching(clients: &mut Clients, patients: &Patients) -> Answers {
    let age = matching::BalanceVariable { column: "age".into(), ..Default::default() };
    let score_scale = matching::ScoreScale::Logit as i32;
    let logits = matching::WeightOptions { score_scale, ..Default::default() };
    ask_each!(clients.matching, patients,
        estimate_propensity: matching::EstimatePropensityRequest {
            model: logistic_model("arm", "treated", &["age"]),
        },
        estimate_weights: matching::EstimateWeightsRequest {
            exposure_column: "arm".into(),
            exposed_level: "treated".into(),
            score_column: "age".into(),
            options: Some(logits),
        },
        match_pairs: matching::MatchPairsRequest {
            exposure_column: "arm".into(),
            exposed_level: "treated".into(),
            distance_column: "age".into(),
        },
        assess_balance: matching::AssessBalanceRequest {
            exposure_column: "arm".into(),
            exposed_level: "treated".into(),
            variables: vec![age],
        },
    )
}

/// Calls that need more columns: `pair`, `score` and `outcome`.
pub async fn ask_others(clients: &mut Clients, patients: &Patients) -> Answers {
    let age = matching::BalanceVariable { column: "age".into(), ..Default::default() };
    let mut answers = ask_each!(clients.matching, patients,
        compare_groups: matching::CompareGroupsRequest {
            group_column: arm(),
            variables: vec![age],
        },
        bound_hidden_bias: matching::BoundHiddenBiasRequest {
            exposure_column: arm(),
            exposed_level: "treated".into(),
            pair_column: "pair".into(),
            outcome_column: "age".into(),
        },
    );
    answers.extend(ask_each!(clients.regression, patients,
        validate_predictions: regression::ValidatePredictionsRequest {
            outcome_column: "outcome".into(),
            outcome_level: "1".into(),
            prediction_column: "score".into(),
        },
    ));
    let median = bootstrap::SurvivalQuantity {
        measure: bootstrap::SurvivalMeasure::Quantile as i32,
        at: Some(0.5),
        ..Default::default()
    };
    let quantities = Some(bootstrap::BootstrapQuantities {
        survival: Some(bootstrap::SurvivalQuantities {
            endpoint: Some(endpoint()),
            quantities: vec![median],
            ..Default::default()
        }),
        cox: Vec::from_iter(model(&["arm"])),
        ..Default::default()
    });
    let plan =
        Some(bootstrap::BootstrapPlan { seed: 7, replicate_count: 40, ..Default::default() });
    answers.extend(ask_each!(clients.bootstrap, patients,
        estimate_intervals: bootstrap::EstimateIntervalsRequest {
            plan: plan.clone(),
            quantities: quantities.clone(),
        },
    ));
    let (cohort, selection) = patients.clone();
    let request = bootstrap::RunReplicatesRequest {
        cohort,
        selection,
        plan,
        quantities,
        first_replicate: 3,
        replicate_count: 20,
    };
    answers.push(("run_replicates", replicates(clients, request).await));
    answers
}

/// The replicates, however they were cut into pieces.
async fn replicates(
    clients: &mut Clients,
    request: bootstrap::RunReplicatesRequest,
) -> Result<String, Status> {
    let mut pieces = clients.bootstrap.run_replicates(request).await?.into_inner();
    let mut all = Vec::new();
    while let Some(piece) = pieces.message().await? {
        all.extend(piece.values);
    }
    Ok(format!("{all:?}"))
}
