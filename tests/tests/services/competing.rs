//! Competing risks over the wire: what is answered, and what is refused by which field.

use crate::harness::{clients, cohort, failure, numbers, selection};
use tonic::Code;
use wire::pb::common::{Cause, CauseEndpoint, CaveatCode, Cohort, NotEstimable};
use wire::pb::survival::{
    CompareIncidenceRequest, EstimateIncidenceRequest, IncidenceComparisonOptions,
    IncidenceOptions, IntervalRule,
};

/// Eight patients at times 1 to 8: relapse and death take turns, the last two are censored.
fn patients() -> Cohort {
    let mut cohort = cohort();
    cohort.columns.push(numbers("cause", &[1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 0.0, 0.0]));
    cohort
}

fn endpoint() -> CauseEndpoint {
    let cause = |label: &str, code: &str| Cause { label: label.into(), codes: vec![code.into()] };
    CauseEndpoint {
        time_column: "time".into(),
        cause_column: "cause".into(),
        causes: vec![cause("relapse", "1"), cause("death", "2")],
        ..CauseEndpoint::default()
    }
}

fn estimate() -> EstimateIncidenceRequest {
    EstimateIncidenceRequest {
        cohort: Some(patients()),
        endpoint: Some(endpoint()),
        ..EstimateIncidenceRequest::default()
    }
}

fn compare() -> CompareIncidenceRequest {
    CompareIncidenceRequest {
        cohort: Some(patients()),
        endpoint: Some(endpoint()),
        group_column: "arm".into(),
        ..CompareIncidenceRequest::default()
    }
}

#[tokio::test]
async fn incidence_is_estimated() {
    let mut request = estimate();
    request.options = Some(IncidenceOptions {
        times: vec![4.0, 9.0],
        time_lost_horizons: vec![2.0],
        cause_specific: true,
        ..IncidenceOptions::default()
    });
    let answer = clients().await.survival.estimate_incidence(request).await.unwrap().into_inner();
    let options = answer.options.unwrap();
    assert_eq!((options.interval_rule(), options.confidence), (IntervalRule::Log, Some(0.95)));
    let group = &answer.groups[0];
    // Without censoring before time 7 the incidence is the share: 2 of 8 have had either by time 4.
    let at = &group.at_times[0];
    assert_eq!(at.event_free.unwrap().probability.unwrap().value, Some(0.5));
    for cause in &at.causes {
        let share = cause.incidence.unwrap();
        assert!((share.probability.unwrap().value.unwrap() - 0.25).abs() < 1e-15);
        // Its standard error is that of a share, √(p (1 - p) / n).
        let error = share.standard_error.unwrap().value.unwrap();
        assert!((error - (0.25f64 * 0.75 / 8.0).sqrt()).abs() < 1e-15);
    }
    let beyond = group.at_times[1].causes[0].incidence.unwrap().probability.unwrap();
    assert_eq!(beyond.reason(), NotEstimable::BeyondFollowUp);
    let relapse = &group.causes[0];
    assert_eq!((relapse.cause.as_str(), relapse.event_count), ("relapse", 3));
    assert_eq!(relapse.time_lost[0].mean.unwrap().value, Some(0.125));
    // 7/8 · 5/6 where deaths are censored.
    let view = relapse.cause_specific.as_ref().unwrap();
    assert!((view.survival[3] - 35.0 / 48.0).abs() < 1e-15);
    let codes: Vec<CaveatCode> = group.caveats.iter().map(|caveat| caveat.code()).collect();
    assert!(codes.contains(&CaveatCode::CompetingRisksIgnored), "{codes:?}");
}

#[tokio::test]
async fn incidence_is_compared() {
    let mut request = compare();
    let cause_specific = true;
    request.options = Some(IncidenceComparisonOptions { cause_specific, rho: 1.0 });
    let mut client = clients().await.survival;
    let answer = client.compare_incidence(request.clone()).await.unwrap().into_inner();
    assert_eq!(answer.options.unwrap().rho, 1.0);
    assert_eq!(answer.causes.len(), 2);
    for test in &answer.causes {
        assert_eq!(test.test.unwrap().degrees_of_freedom, 1);
        assert_eq!(test.groups.iter().map(|group| group.event_count).sum::<i32>(), 3);
        let log_rank = test.cause_specific.as_ref().unwrap();
        assert_eq!(log_rank.groups.iter().map(|group| group.observed).sum::<f64>(), 3.0);
    }
    request.options = None;
    let plain = client.compare_incidence(request).await.unwrap().into_inner();
    assert_eq!(plain.options.unwrap().rho, 0.0);
    let relapse = &plain.causes[0];
    assert_eq!(relapse.groups.iter().map(|group| group.observed).sum::<f64>(), 3.0);
    assert!(relapse.cause_specific.is_none());
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_its_field() {
    let mut client = clients().await.survival;
    let mut fields = async |change: &dyn Fn(&mut EstimateIncidenceRequest)| {
        let mut request = estimate();
        change(&mut request);
        let refused = failure(client.estimate_incidence(request).await);
        assert_eq!(refused.code, Code::InvalidArgument);
        refused.violations.into_iter().map(|known| known.field).collect::<Vec<_>>()
    };
    let endpoint = |request: &mut EstimateIncidenceRequest, change: &dyn Fn(&mut CauseEndpoint)| {
        change(request.endpoint.as_mut().unwrap());
    };
    let column = |request: &mut EstimateIncidenceRequest, index: usize, value: f64| {
        request.cohort.as_mut().unwrap().columns[index].values[2] = value;
    };
    let undeclared = fields(&|request| endpoint(request, &|it| it.causes.truncate(1))).await;
    assert_eq!(undeclared, ["cohort.columns[4].values[1]"]);
    let none = fields(&|request| endpoint(request, &|it| it.causes.clear())).await;
    assert_eq!(none, ["endpoint.causes"]);
    let twice =
        fields(&|request| endpoint(request, &|it| it.causes[1].codes = vec!["0".into()])).await;
    assert_eq!(twice, ["endpoint.causes"]);
    let nameless = fields(&|request| endpoint(request, &|it| it.causes[1].label.clear())).await;
    assert_eq!(nameless, ["endpoint.causes[1].label"]);
    let late = fields(&|request| endpoint(request, &|it| it.entry_column = "age".into())).await;
    assert_eq!(late, ["cohort.columns[0].values[0]"]);
    assert_eq!(fields(&|request| column(request, 0, -1.0)).await, ["cohort.columns[0].values[2]"]);
    let nan = fields(&|request| column(request, 4, f64::NAN)).await;
    assert_eq!(nan, ["cohort.columns[4].values[2]"]);
    let options = fields(&|request| {
        request.options = Some(IncidenceOptions {
            interval_rule: 99,
            confidence: Some(0.0),
            times: vec![1.0, f64::NAN],
            time_lost_horizons: vec![-1.0],
            ..IncidenceOptions::default()
        });
    });
    let expected = [
        "options.interval_rule",
        "options.confidence",
        "options.times[1]",
        "options.time_lost_horizons[0]",
    ];
    assert_eq!(options.await, expected);
}

#[tokio::test]
async fn comparisons_that_make_no_sense_are_refused() {
    let mut client = clients().await.survival;
    let mut request = compare();
    request.endpoint.as_mut().unwrap().entry_column = "entry".into();
    request.cohort.as_mut().unwrap().columns.push(numbers("entry", &[0.0; 8]));
    let refused = failure(client.compare_incidence(request).await);
    assert_eq!(refused.violations[0].field, "endpoint.entry_column");

    let mut request = compare();
    request.options = Some(IncidenceComparisonOptions { rho: -1.0, cause_specific: false });
    let refused = failure(client.compare_incidence(request).await);
    assert_eq!(refused.violations[0].field, "options.rho");

    let mut request = compare();
    request.selection = selection(&[0, 2]);
    let refused = failure(client.compare_incidence(request.clone()).await);
    let known = (refused.code, refused.reason.as_str());
    assert_eq!(known, (Code::FailedPrecondition, "TOO_FEW_GROUPS"));
    request.selection = selection(&[]);
    let refused = failure(client.compare_incidence(request).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "NO_SUBJECTS"));
}
