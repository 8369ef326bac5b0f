//! Load tests of the services themselves.

use crate::probe::{plan, requests, run, serve};
use cohort_store::Desk;
use load::{Kind, LoadError, LoadPlan, Replicates, Requests, RequestsError, Target, TargetError};
use service_kit::{Compute, Services, Settings};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

async fn services(settings: Settings) -> String {
    let desk = Desk::new(&Compute::with_settings(&settings).unwrap(), &settings);
    let services = survival_service::add(Services::new(), &desk, &settings);
    serve(bootstrap_service::add(services, &desk, &settings), settings).await
}

#[tokio::test(flavor = "multi_thread")]
async fn replicates_are_counted_and_answers_agree() {
    let address = services(Settings::default()).await;
    let mix = [Kind::Curves, Kind::ReplicatesRatio, Kind::ReplicatesMedian, Kind::Intervals];
    let plan = LoadPlan {
        mix: mix.map(|kind| (kind, 1.0)).to_vec(),
        rates: vec![20.0],
        compare_answers: true,
        ..plan(&address)
    };
    let report = run(&plan).await;
    let step = &report.steps[0];
    assert_eq!((step.scheduled, step.answered), (20, 20), "{step:?}");
    let with_replicates: u64 =
        step.kinds.iter().filter(|kind| kind.kind != Kind::Curves).map(|kind| kind.answered).sum();
    // What is answered after the measured second does not count.
    let replicates = step.replicates_per_second as u64;
    assert!(replicates.is_multiple_of(64) && replicates <= 64 * with_replicates);
    assert!(replicates > 0, "{step:?}");
}

/// One thread and no queue: most of 200 calls a second of some milliseconds each are turned away, in
/// little time, and what is accepted is answered.
#[tokio::test(flavor = "multi_thread")]
async fn overload_is_refused() {
    let settings = Settings { threads: NonZeroUsize::new(1), queue: 0, ..Settings::default() };
    let address = services(settings).await;
    let requests = Requests::of_study(
        include_bytes!("../../../../tests/studies/her2/study.toml"),
        include_bytes!("../../../../tests/studies/her2/cohort.csv"),
        Replicates { n: 100_000, seed: 1 },
    )
    .unwrap();
    let mix = vec![(Kind::ReplicatesMedian, 1.0)];
    let plan = LoadPlan { mix, rates: vec![200.0], ..plan(&address) };
    let stop = Arc::new(AtomicBool::new(false));
    let report = load::run(&plan, &requests, stop, |_| {}).await.unwrap();
    let step = &report.steps[0];
    assert!(step.refused > 100 && step.answered > 0, "{step:?}");
    assert_eq!(step.refused + step.answered, step.scheduled, "{step:?}");
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_anything_is() {
    let stop = || Arc::new(AtomicBool::new(false));
    let plan = plan("http://127.0.0.1:1");
    let without = LoadPlan { mix: vec![(Kind::Weigh, 1.0)], ..plan.clone() };
    let error = load::run(&without, &requests(), stop(), |_| {}).await.unwrap_err();
    assert!(matches!(&error, LoadError::NoSuchCall { kind, .. } if kind == "weigh"), "{error}");
    let elsewhere = Target { service: Some(load::Service::Survival), ..plan.targets[0].clone() };
    let nowhere = LoadPlan { targets: vec![elsewhere], ..plan.clone() };
    let error = load::run(&nowhere, &requests(), stop(), |_| {}).await.unwrap_err();
    assert!(matches!(error, LoadError::Target(TargetError::Missing { .. })), "{error}");
    let wrong = Target { service: None, address: "127.0.0.1".into() };
    let wrong = LoadPlan { targets: vec![wrong], ..plan };
    let error = load::run(&wrong, &requests(), stop(), |_| {}).await.unwrap_err();
    assert!(matches!(error, LoadError::Target(TargetError::Address(_))), "{error}");
}

#[test]
fn a_study_that_is_wrong_makes_no_requests() {
    let replicates = Replicates { n: 1, seed: 1 };
    let error = Requests::of_study(b"schema = 1", b"", replicates).unwrap_err();
    assert!(matches!(error, RequestsError::Study(violations) if !violations.is_empty()));
}

/// Another seed or number of replicates changes bootstraps alone.
#[test]
fn requests_are_those_of_the_study() {
    let requests = requests();
    let n_of = |kind| requests.of(kind).len();
    assert_eq!((n_of(Kind::Propensity), n_of(Kind::Match), n_of(Kind::Study)), (1, 1, 1));
    assert_eq!((n_of(Kind::Weigh), n_of(Kind::Select)), (0, 0));
    assert!(n_of(Kind::Curves) > 5 && n_of(Kind::Cox) > 5);
    assert_eq!(requests.of(Kind::ReplicatesRatio)[0].name, "os matched curves log");
    assert_eq!(requests.of(Kind::ReplicatesModel)[0].n_replicates, 64);
    assert!(n_of(Kind::ReplicatesOutcome) > 0 && n_of(Kind::ReplicatesPipeline) > 0);
}
