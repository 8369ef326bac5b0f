//! Cohorts without rows, selections of nobody and levels in which nobody is, for every call.

use crate::harness::{
    Clients, clients, cohort, endpoint, failure, logistic_model, model, selection, term,
};
use tonic::{Code, Status};
use wire::pb::common::{Cause, CauseEndpoint, Caveat, CaveatCode, Cohort, NotEstimable, Selection};
use wire::pb::{matching, regression, survival};

/// What every request has.
type Patients = (Option<Cohort>, Option<Selection>);

/// Calls by name, and whether they were answered.
type Answers = Vec<(&'static str, Result<(), Status>)>;

/// Sends a request to each of these calls.
macro_rules! ask_each {
    ($client:expr, $patients:expr, $($method:ident: $package:ident::$request:ident { $($fields:tt)* },)+) => {{
        let mut answers = Answers::new();
        $({
            let (cohort, selection) = $patients.clone();
            #[allow(clippy::needless_update, reason = "some requests have no more fields")]
            let request =
                $package::$request { cohort, selection, $($fields)* ..Default::default() };
            answers.push((stringify!($method), $client.$method(request).await.map(|_| ())));
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

async fn ask_survival(clients: &mut Clients, patients: &Patients) -> Answers {
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

async fn ask_models(clients: &mut Clients, patients: &Patients) -> Answers {
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

async fn ask_matching(clients: &mut Clients, patients: &Patients) -> Answers {
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

/// Every call but those of the study.
async fn ask_all(patients: &Patients) -> Answers {
    let mut clients = clients().await;
    let mut answers = ask_survival(&mut clients, patients).await;
    answers.extend(ask_models(&mut clients, patients).await);
    answers.extend(ask_matching(&mut clients, patients).await);
    answers
}

#[tokio::test]
async fn a_cohort_without_rows_is_a_mistake() {
    let mut empty = cohort();
    for column in &mut empty.columns {
        column.values.clear();
        column.codes.clear();
    }
    let mut by_category = empty.clone();
    by_category.columns.rotate_left(2);
    for (cohort, field) in
        [(empty, "cohort.columns[0].values"), (by_category, "cohort.columns[0].codes")]
    {
        for (call, answer) in ask_all(&(Some(cohort), None)).await {
            let refused = failure(answer);
            assert_eq!(refused.code, Code::InvalidArgument, "{call}");
            let fields: Vec<_> = refused.violations.iter().map(|one| one.field.as_str()).collect();
            assert_eq!(fields, [field], "{call}");
            assert!(refused.message.contains("has no rows: send at least one"), "{call}");
        }
    }
}

#[tokio::test]
async fn a_selection_of_nobody_is_a_precondition_that_fails() {
    let mut clients = clients().await;
    let never = Some(Selection { rows: vec![0, 1], multiplicities: vec![0, 0] });
    for selection in [selection(&[]), never] {
        for (call, answer) in ask_all(&(Some(cohort()), selection)).await {
            let refused = failure(answer);
            let known = (refused.code, refused.reason.as_str());
            assert_eq!(known, (Code::FailedPrecondition, "NO_SUBJECTS"), "{call}");
        }
    }
    // Among the controls nobody is treated.
    let mut answers = ask_matching(&mut clients, &(Some(cohort()), selection(&[0, 2, 5]))).await;
    answers.extend(ask_survival(&mut clients, &(Some(cohort()), selection(&[0, 2, 5]))).await);
    let comparing: Vec<_> = answers.into_iter().filter(|(_, answer)| answer.is_err()).collect();
    assert_eq!(comparing.len(), 8);
    for (call, answer) in comparing {
        let refused = failure(answer);
        let known = (refused.code, refused.reason.as_str());
        assert_eq!(known, (Code::FailedPrecondition, "TOO_FEW_GROUPS"), "{call}");
    }
}

/// A level that is declared and in which nobody is harms nothing: what is by level says so.
#[tokio::test]
async fn a_level_in_which_nobody_is_is_told() {
    let mut wide = cohort();
    wide.columns[2].levels.push("other".into());
    for (call, answer) in ask_all(&(Some(wide.clone()), None)).await {
        assert!(answer.is_ok(), "{call}: {answer:?}");
    }
    let mut clients = clients().await;
    let is_told =
        |caveats: &[Caveat]| caveats.iter().any(|caveat| caveat.code() == CaveatCode::EmptyLevel);
    let request = survival::EstimateCurvesRequest {
        cohort: Some(wide.clone()),
        endpoint: Some(endpoint()),
        group_column: "arm".into(),
        ..Default::default()
    };
    let groups = clients.survival.estimate_curves(request).await.unwrap().into_inner().groups;
    assert_eq!((groups[2].subject_count, is_told(&groups[2].caveats)), (0, true));
    let request = survival::CompareCurvesRequest {
        cohort: Some(wide.clone()),
        endpoint: Some(endpoint()),
        group_column: "arm".into(),
        ..Default::default()
    };
    let compared = clients.survival.compare_curves(request).await.unwrap().into_inner();
    assert!(is_told(&compared.caveats));
    assert_eq!(compared.test.unwrap().degrees_of_freedom, 1);
    let request = regression::FitCoxRequest {
        cohort: Some(wide),
        model: model(&["arm"]),
        ..Default::default()
    };
    let fit = clients.regression.fit_cox(request).await.unwrap().into_inner().fit.unwrap();
    let other = fit.coefficients[1].hazard_ratio.unwrap();
    assert_eq!((other.value, other.reason()), (None, NotEstimable::EmptyLevel));
    assert!(is_told(&fit.caveats));
}
