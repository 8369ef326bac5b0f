//! Cohorts without rows, selections of nobody and levels in which nobody is, for every call.

use crate::every_call::{Patients, ask_matching, ask_models, ask_survival};
use crate::harness::{clients, cohort, endpoint, failure, model, selection};
use tonic::Code;
use wire::pb::common::{Caveat, CaveatCode, NotEstimable, Selection};
use wire::pb::{regression, survival};

/// Every call but those of the study.
async fn ask_all(patients: &Patients) -> crate::every_call::Answers {
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
