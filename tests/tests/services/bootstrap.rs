//! The bootstrap service: ranges of replicates, intervals, refusals, and callers who go away.

use crate::harness::{
    Clients, categories, clients, clients_of, cohort, endpoint, logistic_model, model, numbers,
};
use service_kit::{Failure, Settings};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};
use tonic::{Code, Status};
use wire::pb::bootstrap::{
    BootstrapPlan, BootstrapQuantities, BootstrappedQuantity, EstimateIntervalsRequest,
    IntervalMethod, IntervalOptions, Pipeline, RunReplicatesRequest, RunReplicatesResponse,
    SmdQuantities, SurvivalMeasure, SurvivalQuantities, SurvivalQuantity,
};
use wire::pb::common::Cohort;
use wire::pb::matching::{
    BalanceVariable, EstimatePropensityRequest, EstimateWeightsRequest, MatchOptions,
    MatchPairsRequest, VariableKind, WeightEstimand, WeightOptions,
};
use wire::pb::regression::CoxModel;

fn plan(n: i32) -> BootstrapPlan {
    BootstrapPlan { seed: 11, replicate_count: n, ..BootstrapPlan::default() }
}

fn difference(measure: SurvivalMeasure, at: f64) -> SurvivalQuantity {
    SurvivalQuantity {
        measure: measure.into(),
        at: Some(at),
        group: Some("treated".into()),
        reference: Some("control".into()),
    }
}

/// Differences of medians and of survival, the log-rank statistic, and two coefficients.
fn quantities() -> Option<BootstrapQuantities> {
    let log_rank = SurvivalQuantity {
        measure: SurvivalMeasure::LogRank.into(),
        ..SurvivalQuantity::default()
    };
    Some(BootstrapQuantities {
        survival: Some(SurvivalQuantities {
            endpoint: Some(endpoint()),
            group_column: "arm".into(),
            quantities: vec![
                difference(SurvivalMeasure::Quantile, 0.5),
                difference(SurvivalMeasure::SurvivalAt, 2.0),
                log_rank,
            ],
        }),
        cox: Vec::from_iter(model(&["arm", "age"])),
        ..BootstrapQuantities::default()
    })
}

fn request(first: i32, n: i32) -> RunReplicatesRequest {
    RunReplicatesRequest {
        cohort: Some(cohort()),
        plan: Some(plan(1000)),
        quantities: quantities(),
        first_replicate: first,
        replicate_count: n,
        ..RunReplicatesRequest::default()
    }
}

async fn pieces(
    clients: &Clients,
    request: RunReplicatesRequest,
) -> Result<Vec<RunReplicatesResponse>, Status> {
    let mut stream = clients.bootstrap.clone().run_replicates(request).await?.into_inner();
    let mut pieces = Vec::new();
    while let Some(piece) = stream.message().await? {
        pieces.push(piece);
    }
    Ok(pieces)
}

/// Values of all pieces, with those that are missing as `None`.
fn values(pieces: &[RunReplicatesResponse]) -> Vec<Option<f64>> {
    let of_piece = |piece: &RunReplicatesResponse| {
        let mut values: Vec<Option<f64>> = piece.values.iter().copied().map(Some).collect();
        piece.missing.iter().for_each(|missing| values[missing.index as usize] = None);
        values
    };
    pieces.iter().flat_map(of_piece).collect()
}

#[tokio::test]
async fn ranges_are_the_whole() {
    let clients = clients().await;
    let whole = pieces(&clients, request(0, 1000)).await.unwrap();
    assert_eq!(whole.last().unwrap().finished_count, 1000);
    assert_eq!(whole[0].quantity_names.len(), 5);
    let mut parts = Vec::new();
    for (first, n) in [(0, 1), (1, 400), (401, 599)] {
        parts.extend(values(&pieces(&clients, request(first, n)).await.unwrap()));
    }
    assert_eq!(parts, values(&whole));
}

#[tokio::test]
async fn intervals_come_with_what_is_in_force() {
    let asked = EstimateIntervalsRequest {
        cohort: Some(cohort()),
        plan: Some(plan(500)),
        quantities: quantities(),
        options: Some(IntervalOptions {
            methods: vec![IntervalMethod::Percentile.into(), IntervalMethod::Bca.into()],
            confidence: Some(0.9),
        }),
        ..EstimateIntervalsRequest::default()
    };
    let mut client = clients().await.bootstrap;
    let answer = client.estimate_intervals(asked).await.unwrap().into_inner();
    let names: Vec<&str> = answer.quantities.iter().map(|one| one.name.as_str()).collect();
    let expected = [
        "median of treated less that of control",
        "survival at 2 of treated less that of control",
        "log-rank chi-squared",
        "arm=treated",
        "age",
    ];
    assert_eq!(names, expected);
    let survival = &answer.quantities[1];
    let percentile = survival.intervals[0].interval.unwrap();
    assert!(percentile.lower.unwrap() <= survival.estimate.unwrap().value.unwrap());
    let age = answer.quantities[4].intervals[0].monte_carlo_error.unwrap();
    assert!(age.lower.unwrap() > 0.0 && age.upper.unwrap() > 0.0);
    // An arm without anybody at 2, or without anybody: counted, not dropped.
    let counted = survival.failures.iter().map(|failure| failure.replicate_count).sum::<i32>();
    assert!(counted > 0 && !survival.intervals[0].caveats.is_empty());
    assert_eq!(answer.options.unwrap().confidence, Some(0.9));
    assert_eq!(answer.plan.unwrap().resampling, 1);
}

#[tokio::test]
async fn a_question_that_does_not_fit_names_its_field() {
    let clients = clients().await;
    let changed = |change: &dyn Fn(&mut RunReplicatesRequest)| {
        let mut request = request(0, 10);
        change(&mut request);
        request
    };
    let plan_of = |change: fn(&mut BootstrapPlan)| {
        changed(&move |request: &mut RunReplicatesRequest| {
            change(request.plan.as_mut().unwrap());
        })
    };
    let survival_of = |change: fn(&mut SurvivalQuantities)| {
        changed(&move |request: &mut RunReplicatesRequest| {
            change(request.quantities.as_mut().unwrap().survival.as_mut().unwrap());
        })
    };
    let cox_of = |change: fn(&mut CoxModel)| {
        changed(&move |request: &mut RunReplicatesRequest| {
            change(&mut request.quantities.as_mut().unwrap().cox[0]);
        })
    };
    let cases = [
        (changed(&|request| request.plan = None), "plan"),
        (plan_of(|plan| plan.seed = -1), "plan.seed"),
        (plan_of(|plan| plan.replicate_count = 0), "plan.replicate_count"),
        (plan_of(|plan| plan.resampling = 9), "plan.resampling"),
        (plan_of(|plan| plan.unit_column = "pair".into()), "plan.unit_column"),
        (plan_of(|plan| plan.strata_columns = vec!["ward".into()]), "plan.strata_columns[0]"),
        (changed(&|request| request.first_replicate = 1000), "first_replicate"),
        (changed(&|request| request.first_replicate = 991), "replicate_count"),
        (changed(&|request| request.quantities = None), "quantities"),
        (
            changed(&|request| request.quantities = Some(BootstrapQuantities::default())),
            "quantities",
        ),
        (
            survival_of(|asked| asked.group_column.clear()),
            "quantities.survival.quantities[0].group",
        ),
        (survival_of(|asked| asked.quantities.clear()), "quantities.survival.quantities"),
        (
            survival_of(|asked| asked.quantities[1].at = None),
            "quantities.survival.quantities[1].at",
        ),
        (
            survival_of(|asked| asked.quantities[0].measure = 0),
            "quantities.survival.quantities[0].measure",
        ),
        (
            survival_of(|asked| asked.quantities[0].at = Some(1.0)),
            "quantities.survival.quantities[0].at",
        ),
        (
            survival_of(|asked| asked.quantities[1].at = Some(-1.0)),
            "quantities.survival.quantities[1].at",
        ),
        (
            survival_of(|asked| asked.quantities[1].reference = Some("none".into())),
            "quantities.survival.quantities[1].reference",
        ),
        (
            survival_of(|asked| asked.quantities[0].group = Some("none".into())),
            "quantities.survival.quantities[0].group",
        ),
        (
            cox_of(|model| model.options.get_or_insert_default().confidence = Some(2.0)),
            "quantities.cox[0].options.confidence",
        ),
        (
            cox_of(|model| model.terms[0].reference = "none".into()),
            "quantities.cox[0].terms[0].reference",
        ),
        (
            changed(&|request| {
                let quantities = request.quantities.as_mut().unwrap();
                quantities.cox[0].terms[1].column = "weight".into();
            }),
            "quantities.cox[0].terms[1].column",
        ),
        // Five quantities: five values more than are kept.
        (changed(&|request| request.plan = Some(plan(1_000_001))), "plan.replicate_count"),
    ];
    for (request, field) in cases {
        let status = pieces(&clients, request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{field}");
        let fields = Failure::from(&status).violations;
        assert!(fields.iter().any(|at| at.field == field), "{field}: {fields:?}");
    }
}

/// Twelve patients; of those without the trait two of six are exposed, of those with it four of six.
fn confounded() -> Cohort {
    let arms = [1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0];
    let times: Vec<f64> = (1..=12).map(|month| f64::from(month * 5 % 13)).collect();
    let traits: Vec<f64> = (0..12).map(|patient| f64::from(patient / 6)).collect();
    Cohort {
        columns: vec![
            numbers("time", &times),
            numbers("event", &[1.0; 12]),
            categories("arm", &["control", "treated"], &arms),
            numbers("trait", &traits),
        ],
        ..Cohort::default()
    }
}

/// Whoever is matched has the trait of the partner: scores are equal or far apart.
fn matched_by_trait() -> Pipeline {
    Pipeline {
        propensity: Some(EstimatePropensityRequest {
            model: logistic_model("arm", "treated", &["trait"]),
            ..EstimatePropensityRequest::default()
        }),
        matching: Some(MatchPairsRequest {
            exposure_column: "arm".into(),
            exposed_level: "treated".into(),
            options: Some(MatchOptions { caliper: Some(0.1), ..MatchOptions::default() }),
            ..MatchPairsRequest::default()
        }),
        ..Pipeline::default()
    }
}

/// Everybody weighs what the trait makes the other arm lack.
fn weighed_by_trait() -> Pipeline {
    Pipeline {
        matching: None,
        weighting: Some(EstimateWeightsRequest {
            exposure_column: "arm".into(),
            exposed_level: "treated".into(),
            ..EstimateWeightsRequest::default()
        }),
        ..matched_by_trait()
    }
}

/// Hazard ratio and balance of the trait from 300 replicates whose design is made again.
fn designed_again(pipeline: Pipeline) -> EstimateIntervalsRequest {
    let trait_variable =
        BalanceVariable { column: "trait".into(), kind: VariableKind::Categorical.into() };
    EstimateIntervalsRequest {
        cohort: Some(confounded()),
        plan: Some(BootstrapPlan { strata_columns: vec!["arm".into()], ..plan(300) }),
        quantities: Some(BootstrapQuantities {
            cox: Vec::from_iter(model(&["arm"])),
            smd: Some(SmdQuantities {
                exposure_column: "arm".into(),
                exposed_level: "treated".into(),
                variables: vec![trait_variable],
                reference_selection: None,
            }),
            pipeline: Some(pipeline),
            ..BootstrapQuantities::default()
        }),
        ..EstimateIntervalsRequest::default()
    }
}

/// What a sample has of each quantity, with the names of the quantities.
fn named(quantities: &[BootstrappedQuantity]) -> (Vec<&str>, Vec<f64>) {
    let value = |one: &BootstrappedQuantity| one.estimate.unwrap().value.unwrap();
    quantities.iter().map(|one| (one.name.as_str(), value(one))).unzip()
}

/// Two pairs of each trait. Shares of the trait are 4/6 and 2/6 before, so that the difference is
/// (1/3) / √(2/9), and equal after matching.
#[tokio::test]
async fn patients_are_matched_again() {
    let mut client = clients().await.bootstrap;
    let asked = designed_again(matched_by_trait());
    let answer = client.estimate_intervals(asked).await.unwrap().into_inner();
    let (names, estimates) = named(&answer.quantities);
    let of_trait = ["SMD of trait before matching", "SMD of trait after matching"];
    assert_eq!(names, ["arm=treated", of_trait[0], of_trait[1], "number of pairs"]);
    assert!((estimates[1] - 0.5f64.sqrt()).abs() < 1e-12);
    assert_eq!(estimates[2..], [0.0, 4.0]);
    let pairs = &answer.quantities[3];
    // Both arms have six patients in every replicate, and never more pairs.
    assert!(pairs.five_numbers[0] >= 0.0 && pairs.five_numbers[4] <= 6.0);
    // Where a trait is that of one arm alone, its score is nearly 0 or 1, and matched all the same.
    assert_eq!((pairs.replicate_count, pairs.failures.len()), (300, 0));
}

/// Two exposed weigh 3 and four 3/2, and so do the comparators: 12² / 27 patients of equal weight are left of
/// each arm, whose shares of the trait are equal.
#[tokio::test]
async fn patients_are_weighed_again() {
    let mut client = clients().await.bootstrap;
    let asked = designed_again(weighed_by_trait());
    let answer = client.estimate_intervals(asked).await.unwrap().into_inner();
    let (names, estimates) = named(&answer.quantities);
    let of_trait = ["SMD of trait before weighting", "SMD of trait after weighting"];
    let left = ["effective sample size of the exposed", "effective sample size of the comparators"];
    assert_eq!(names, [&["arm=treated"], &of_trait[..], &left].concat());
    let wanted = [0.5f64.sqrt(), 0.0, 16.0 / 3.0, 16.0 / 3.0];
    for (found, wanted) in estimates[1..].iter().zip(wanted) {
        assert!((found - wanted).abs() < 1e-7, "{found} instead of {wanted}");
    }
    // Both arms have six patients in every replicate, who all weigh the same at best.
    for left in &answer.quantities[3..] {
        assert!(0.0 < left.five_numbers[0] && left.five_numbers[4] <= 6.0 + 1e-12);
        assert_eq!((left.replicate_count, left.failures.len()), (300, 0));
    }
}

/// What no weights of any replicate could have names its field.
#[tokio::test]
async fn weights_that_do_not_exist_name_their_field() {
    let mut client = clients().await.bootstrap;
    let mut pipeline = weighed_by_trait();
    let options = WeightOptions {
        estimand: WeightEstimand::Exposed.into(),
        stabilised: true,
        ..WeightOptions::default()
    };
    pipeline.weighting.as_mut().unwrap().options = Some(options);
    let refused = client.estimate_intervals(designed_again(pipeline)).await.unwrap_err();
    let fields: Vec<String> =
        Failure::from(&refused).violations.into_iter().map(|one| one.field).collect();
    assert_eq!(fields, ["quantities.pipeline.weighting.options.stabilised"]);
}

/// A patient more than are left out one by one: with 5,000 the answer would take as many designs.
#[tokio::test]
async fn corrected_limits_of_very_many_designs_are_refused() {
    let mut client = clients().await.bootstrap;
    let n = 5001;
    let of_patients = |value: fn(i32) -> f64| Vec::from_iter((0..n).map(value));
    let arms = Vec::from_iter((0..n).map(|patient| patient % 2));
    let cohort = Cohort {
        columns: vec![
            numbers("time", &of_patients(|patient| f64::from(patient % 60 + 1))),
            numbers("event", &of_patients(|patient| f64::from(patient % 3 % 2))),
            categories("arm", &["control", "treated"], &arms),
            numbers("trait", &of_patients(|patient| f64::from(patient % 5 % 2))),
        ],
        ..Cohort::default()
    };
    for pipeline in [matched_by_trait(), weighed_by_trait()] {
        let methods = vec![IntervalMethod::Percentile.into(), IntervalMethod::Bca.into()];
        let asked = EstimateIntervalsRequest {
            cohort: Some(cohort.clone()),
            plan: Some(plan(1_000_000)),
            options: Some(IntervalOptions { methods, ..IntervalOptions::default() }),
            ..designed_again(pipeline)
        };
        // A million replicates would be noticed: the refusal comes before the first.
        let refused = client.estimate_intervals(asked).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        let violations = Failure::from(&refused).violations;
        assert_eq!(violations[0].field, "options.methods");
        assert!(violations[0].description.contains("5001"), "{}", violations[0].description);
    }
}

/// One thread and no queue: whoever comes second is turned away at once, and let in soon after the first
/// has gone away.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_goes_away_leaves_the_thread() {
    let settings = Settings { threads: NonZeroUsize::new(1), queue: 0, ..Settings::default() };
    let clients = clients_of(settings).await;
    let long = RunReplicatesRequest {
        plan: Some(plan(1_000_000)),
        replicate_count: 1_000_000,
        ..request(0, 1)
    };
    let mut client = clients.bootstrap.clone();
    let mut stream = client.run_replicates(long).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    let status = pieces(&clients, request(0, 1)).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(Failure::from(&status).retry_after.is_some());
    drop(stream);
    is_let_in(&clients).await;
    // Intervals of as many replicates, given up by a deadline.
    let mut long = tonic::Request::new(EstimateIntervalsRequest {
        cohort: Some(cohort()),
        plan: Some(plan(1_000_000)),
        quantities: quantities(),
        ..EstimateIntervalsRequest::default()
    });
    long.set_timeout(Duration::from_millis(100));
    let status = clients.bootstrap.clone().estimate_intervals(long).await.unwrap_err();
    assert!(matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled), "{status:?}");
    is_let_in(&clients).await;
}

/// Somebody else is let in soon.
async fn is_let_in(clients: &Clients) {
    let begin = Instant::now();
    while pieces(clients, request(0, 1)).await.is_err() {
        assert!(begin.elapsed() < Duration::from_secs(10), "the thread is still taken");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
