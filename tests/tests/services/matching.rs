//! Matched sets over the wire: what is answered, and which field is named when a question does not
//! fit.

use crate::harness::{categories, clients, numbers};
use service_kit::Failure;
use tonic::Code;
use wire::pb::common::{CaveatCode, Cohort, ModelTerm, Selection};
use wire::pb::matching::{
    AssessBalanceRequest, BalanceVariable, BoundHiddenBiasRequest, CaliperScale, Coarsening,
    CoarseningRule, CovariateCaliper, DiscardRule, EstimatePropensityRequest,
    EstimateWeightsRequest, MatchDistance, MatchEstimand, MatchMethod, MatchOptions, MatchOrder,
    MatchPairsRequest, MatchPairsResponse, SiteRule, WeightEstimand, WeightMethod, WeightOptions,
};
use wire::pb::regression::LogisticModel;

/// Two exposed at 2 and 3, comparators at 2.5 and 9.
fn request(options: MatchOptions) -> MatchPairsRequest {
    let cohort = Cohort {
        ids: ["b", "a", "d", "c"].map(String::from).to_vec(),
        columns: vec![
            categories("arm", &["none", "drug"], &[1, 1, 0, 0]),
            numbers("score", &[2.0, 3.0, 2.5, 9.0]),
            numbers("age", &[50.0, 60.0, 61.0, 52.0]),
            categories("site", &["north", "south"], &[0, 1, 1, 0]),
        ],
        ..Cohort::default()
    };
    MatchPairsRequest {
        cohort: Some(cohort),
        exposure_column: "arm".into(),
        exposed_level: "drug".into(),
        distance_column: "score".into(),
        options: Some(options),
        ..MatchPairsRequest::default()
    }
}

async fn answer(request: MatchPairsRequest) -> MatchPairsResponse {
    clients().await.matching.match_pairs(request).await.unwrap().into_inner()
}

fn pairs(answer: &MatchPairsResponse) -> Vec<(i32, i32)> {
    answer.exposed_rows.iter().copied().zip(answer.comparator_rows.iter().copied()).collect()
}

/// Ids a and b in the rows 1 and 0: units and pairs are in id order, rows those of the caller.
#[tokio::test]
async fn pairs_units_and_certificate_are_answered() {
    let answer = answer(request(MatchOptions::default())).await;
    assert_eq!(pairs(&answer), [(1, 2), (0, 3)]);
    assert_eq!(answer.unit_rows, [1, 0, 3, 2]);
    assert_eq!(answer.subclasses, [1, 2, 2, 1]);
    assert_eq!(answer.weights, [1.0; 4]);
    let certificate = answer.certificate.unwrap();
    assert_eq!(certificate.matched_exposed_count, 2);
    assert_eq!(certificate.total_distance, 7.5);
    // printf 'a,d\nb,c\n' | sha256sum
    assert_eq!(
        certificate.digest,
        "e2f2a0c8731d784909a991281fca8c777dd5b22138e5bf3e034795ddd45b9f19"
    );
    let options = answer.options.unwrap();
    assert_eq!((options.method(), options.ratio), (MatchMethod::Nearest, Some(1)));
}

#[tokio::test]
async fn every_method_is_reached() {
    let of = |method: MatchMethod| MatchOptions { method: method.into(), ..Default::default() };
    let optimal = answer(request(of(MatchMethod::Optimal))).await;
    assert_eq!(optimal.certificate.unwrap().total_distance, 6.5);
    let ate = MatchOptions { estimand: MatchEstimand::Ate.into(), ..of(MatchMethod::Full) };
    assert_eq!(answer(request(ate)).await.subclasses.len(), 4);
    // Both exposed share the comparator at 2.5 when the other may be left out.
    let share = MatchOptions { omitted_share: Some(0.5), ..of(MatchMethod::Full) };
    let shared = answer(request(share)).await;
    assert_eq!(shared.certificate.unwrap().total_distance, 1.0);
    let in_force = shared.options.unwrap();
    assert_eq!((in_force.minimum_set_ratio, in_force.maximum_set_ratio), (Some(0.0), None));
    let subclass = MatchOptions { subclass_count: Some(1), ..of(MatchMethod::Subclass) };
    assert_eq!(answer(request(subclass)).await.subclasses, [1; 4]);
    let spss = MatchOptions {
        caliper: Some(0.5),
        caliper_scale: CaliperScale::Raw.into(),
        seed: Some(5),
        ..of(MatchMethod::Spss)
    };
    assert_eq!(answer(request(spss)).await.exposed_rows.len(), 1);
    let exact = MatchPairsRequest {
        exact_columns: vec!["site".into()],
        distance_column: String::new(),
        ..request(of(MatchMethod::Exact))
    };
    assert_eq!(answer(exact).await.subclasses, [1, 2, 2, 1]);
    let cuts =
        Coarsening { rule: CoarseningRule::Cuts.into(), cuts: vec![55.0], ..Coarsening::default() };
    let coarsened = MatchPairsRequest {
        covariate_columns: vec!["age".into()],
        distance_column: String::new(),
        ..request(MatchOptions { coarsenings: vec![cuts], ..of(MatchMethod::Coarsened) })
    };
    assert_eq!(answer(coarsened).await.subclasses, [1, 2, 2, 1]);
}

#[tokio::test]
async fn restrictions_reach_the_matching() {
    let site = |rule: SiteRule| MatchPairsRequest {
        site_column: "site".into(),
        ..request(MatchOptions { site_rule: rule.into(), ..Default::default() })
    };
    assert_eq!(pairs(&answer(site(SiteRule::Exact)).await), [(1, 2), (0, 3)]);
    let anti = MatchPairsRequest {
        anti_exact_columns: vec!["site".into()],
        ..request(MatchOptions::default())
    };
    assert_eq!(pairs(&answer(anti).await), [(1, 3), (0, 2)]);
    let age =
        CovariateCaliper { column: "age".into(), width: 5.0, scale: CaliperScale::Raw.into() };
    let near = MatchOptions { covariate_calipers: vec![age], ..Default::default() };
    assert_eq!(pairs(&answer(request(near)).await), [(1, 2), (0, 3)]);
    let discard = MatchOptions { discard: DiscardRule::Both.into(), ..Default::default() };
    assert_eq!(answer(request(discard)).await.discarded_rows, [0, 3]);
    let by_age = MatchPairsRequest {
        covariate_columns: vec!["age".into()],
        distance_column: String::new(),
        ..request(MatchOptions {
            distance: MatchDistance::Mahalanobis.into(),
            order: MatchOrder::Closest.into(),
            ..Default::default()
        })
    };
    assert_eq!(pairs(&answer(by_age).await), [(1, 2), (0, 3)]);
    let again = MatchOptions { replacement: true, ratio: Some(2), ..Default::default() };
    let answer = answer(request(again)).await;
    assert_eq!((answer.exposed_rows.len(), answer.subclasses.len()), (4, 0));
}

/// One setting at a time.
#[tokio::test]
async fn a_question_that_does_not_fit_names_its_field() {
    let by_default = MatchOptions::default;
    let optimal = || MatchOptions { method: MatchMethod::Optimal.into(), ..by_default() };
    let full = || MatchOptions { method: MatchMethod::Full.into(), ..by_default() };
    let options = [
        (MatchOptions { caliper: Some(-0.1), ..by_default() }, "options.caliper"),
        (MatchOptions { caliper_scale: 9, ..by_default() }, "options.caliper_scale"),
        (MatchOptions { order: 9, ..by_default() }, "options.order"),
        (MatchOptions { method: 9, ..by_default() }, "options.method"),
        (MatchOptions { distance: 9, ..by_default() }, "options.distance"),
        (MatchOptions { discard: 9, ..by_default() }, "options.discard"),
        (MatchOptions { ratio: Some(0), ..by_default() }, "options.ratio"),
        (MatchOptions { ratio: Some(-2), ..optimal() }, "options.ratio"),
        (MatchOptions { replacement: true, ..optimal() }, "options.replacement"),
        (MatchOptions { seed: Some(1), ..optimal() }, "options.seed"),
        (
            MatchOptions { seed: Some(-1), order: MatchOrder::Random.into(), ..by_default() },
            "options.seed",
        ),
        (MatchOptions { seed: Some(1), ..by_default() }, "options.seed"),
        (
            MatchOptions { seed: Some(1), order: MatchOrder::Data.into(), ..by_default() },
            "options.seed",
        ),
        (MatchOptions { minimum_ratio: Some(2), ..by_default() }, "options.minimum_ratio"),
        (MatchOptions { omitted_share: Some(0.5), ..by_default() }, "options.omitted_share"),
        (MatchOptions { omitted_share: Some(1.0), ..full() }, "options.omitted_share"),
        (MatchOptions { minimum_set_ratio: Some(0.3), ..full() }, "options.minimum_set_ratio"),
        (MatchOptions { maximum_set_ratio: Some(0.0), ..full() }, "options.maximum_set_ratio"),
        (MatchOptions { maximum_set_ratio: Some(0.5), ..full() }, "options.maximum_set_ratio"),
        (MatchOptions { mean_ratio: Some(2.0), ..by_default() }, "options.maximum_ratio"),
        (
            MatchOptions { mean_ratio: Some(5.0), maximum_ratio: Some(3), ..by_default() },
            "options.mean_ratio",
        ),
        (MatchOptions { estimand: MatchEstimand::Ate.into(), ..by_default() }, "options.estimand"),
        (MatchOptions { subclass_count: Some(3), ..by_default() }, "options.subclass_count"),
        (MatchOptions { method: MatchMethod::Spss.into(), ..by_default() }, "options.caliper"),
        (
            MatchOptions { distance: MatchDistance::Mahalanobis.into(), ..by_default() },
            "covariate_columns",
        ),
        (MatchOptions { site_rule: SiteRule::Prefer.into(), ..by_default() }, "site_column"),
        (
            MatchOptions {
                covariate_calipers: vec![CovariateCaliper {
                    column: "height".into(),
                    width: 1.0,
                    scale: 0,
                }],
                ..by_default()
            },
            "options.covariate_calipers[0].column",
        ),
    ];
    for (options, field) in options {
        refused(request(options), field).await;
    }
    let unknown = |change: &dyn Fn(&mut MatchPairsRequest)| {
        let mut request = request(by_default());
        change(&mut request);
        request
    };
    refused(unknown(&|request| request.distance_column = "logit".into()), "distance_column").await;
    refused(unknown(&|request| request.distance_column.clear()), "distance_column").await;
    refused(unknown(&|request| request.exact_columns = vec!["ward".into()]), "exact_columns[0]")
        .await;
    refused(unknown(&|request| request.site_column = "ward".into()), "site_column").await;
    refused(unknown(&|request| request.exposed_level = "drugs".into()), "exposed_level").await;
}

/// The level is misspelt, or known and nobody has it: only the second is a matter of the patients.
#[tokio::test]
async fn a_misspelt_level_is_told_with_those_that_there_are() {
    let mut client = clients().await.matching;
    let request = request(MatchOptions::default());
    let misspelt = MatchPairsRequest { exposed_level: "Drug".into(), ..request.clone() };
    let failure = Failure::from(&client.match_pairs(misspelt).await.unwrap_err());
    assert_eq!(failure.message, "exposed_level: arm has no level Drug; its levels are none, drug");
    let comparators = Selection { rows: vec![2, 3], multiplicities: Vec::new() };
    let empty = MatchPairsRequest { selection: Some(comparators), ..request.clone() };
    let failure = Failure::from(&client.match_pairs(empty).await.unwrap_err());
    assert_eq!(
        (failure.code, failure.reason.as_str()),
        (Code::FailedPrecondition, "TOO_FEW_GROUPS")
    );
    let (cohort, exposed_level) = (request.cohort, String::from("Drug"));
    let table = AssessBalanceRequest {
        cohort: cohort.clone(),
        exposure_column: "arm".into(),
        exposed_level: exposed_level.clone(),
        variables: vec![BalanceVariable { column: "age".into(), kind: 0 }],
        ..AssessBalanceRequest::default()
    };
    let balance = client.assess_balance(table).await.err();
    let weights = EstimateWeightsRequest {
        cohort: cohort.clone(),
        exposure_column: "arm".into(),
        exposed_level: exposed_level.clone(),
        terms: vec![ModelTerm { column: "age".into(), ..ModelTerm::default() }],
        options: Some(WeightOptions {
            method: WeightMethod::EntropyBalancing.into(),
            estimand: WeightEstimand::Exposed.into(),
            ..WeightOptions::default()
        }),
        ..EstimateWeightsRequest::default()
    };
    let weights = client.estimate_weights(weights).await.err();
    let bounds = BoundHiddenBiasRequest {
        cohort,
        exposure_column: "arm".into(),
        exposed_level,
        pair_column: "site".into(),
        outcome_column: "age".into(),
        ..BoundHiddenBiasRequest::default()
    };
    let bounds = client.bound_hidden_bias(bounds).await.err();
    for status in [balance, weights, bounds] {
        let failure = Failure::from(&status.unwrap());
        assert_eq!(failure.code, Code::InvalidArgument, "{failure:?}");
        assert_eq!(failure.violations[0].field, "exposed_level", "{failure:?}");
    }
}

/// Two exposed and two comparators cannot have two partners each, nor two of an arm in each of two
/// classes; nobody differs in the height.
#[tokio::test]
async fn what_the_patients_cannot_give_is_said() {
    let said = async |request| -> Vec<String> {
        let caveats = answer(request).await.caveats;
        assert!(caveats.iter().all(|caveat| caveat.code() == CaveatCode::UnmetSetting));
        caveats.into_iter().map(|caveat| caveat.message).collect()
    };
    let ratio = MatchOptions { ratio: Some(2), ..MatchOptions::default() };
    let expected = "2 partners were asked for each of 2 patients, and there are 2: some have fewer";
    let optimal = MatchOptions { method: MatchMethod::Optimal.into(), ..ratio.clone() };
    assert_eq!(said(request(ratio)).await, [expected]);
    assert_eq!(said(request(optimal)).await, [expected]);
    let classes = MatchOptions {
        method: MatchMethod::Subclass.into(),
        subclass_count: Some(2),
        minimum_arm_count: Some(2),
        ..MatchOptions::default()
    };
    let expected = ["exposed patients", "comparators"].map(|arm| {
        format!(
            "2 {arm} are too few for 2 in each of 2 subclasses: subclasses have fewer, and those \
             without any are left out"
        )
    });
    assert_eq!(said(request(classes)).await, expected);
    let by_height = MatchOptions {
        distance: MatchDistance::Mahalanobis.into(),
        order: MatchOrder::Data.into(),
        ..MatchOptions::default()
    };
    let mut by_height = MatchPairsRequest {
        covariate_columns: vec!["age".into(), "height".into()],
        distance_column: String::new(),
        ..request(by_height)
    };
    by_height.cohort.as_mut().unwrap().columns.push(numbers("height", &[170.0; 4]));
    let expected = "height is the same in all patients and has no part in the distance";
    assert_eq!(said(by_height).await, [expected]);
}

/// Two comparators at 0 lie below all exposed; without them the scores are the shares 1/3 and 2/3.
#[tokio::test]
async fn scores_are_estimated_again_in_the_common_support() {
    let cohort = Cohort {
        columns: vec![
            categories("arm", &["none", "drug"], &[0, 0, 1, 0, 0, 1, 1, 0]),
            numbers("x", &[0.0, 0.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0]),
        ],
        ..Cohort::default()
    };
    let ask = |discard| EstimatePropensityRequest {
        cohort: Some(cohort.clone()),
        model: Some(LogisticModel {
            outcome_column: "arm".into(),
            outcome_level: "drug".into(),
            terms: vec![ModelTerm { column: "x".into(), ..ModelTerm::default() }],
            ..LogisticModel::default()
        }),
        discard,
        ..EstimatePropensityRequest::default()
    };
    let mut client = clients().await.matching;
    let comparators = DiscardRule::Comparators.into();
    let answer = client.estimate_propensity(ask(comparators)).await.unwrap().into_inner();
    assert_eq!((answer.discarded_rows, answer.rows), (vec![0, 1], vec![2, 3, 4, 5, 6, 7]));
    for (got, want) in answer.probabilities.iter().zip([1.0, 1.0, 1.0, 2.0, 2.0, 2.0]) {
        assert!((got - want / 3.0).abs() < 1e-10);
    }
    let status = client.estimate_propensity(ask(9)).await.unwrap_err();
    let fields = Failure::from(&status).violations;
    assert_eq!(fields.iter().map(|at| at.field.as_str()).collect::<Vec<_>>(), ["discard"]);
}

/// Ids decide ties, so two patients of one id have no pairs; one patient twice has.
#[tokio::test]
async fn an_id_of_two_patients_is_refused() {
    let mut twice = request(MatchOptions::default());
    let cohort = twice.cohort.as_mut().unwrap();
    cohort.ids = ["b", "a", "b", "c"].map(String::from).to_vec();
    refused(twice.clone(), "cohort.ids[2]").await;
    twice.selection = Some(Selection { rows: vec![1, 2, 3], multiplicities: vec![2, 1, 1] });
    assert_eq!(answer(twice).await.exposed_rows, [1, 1]);
}

/// What nothing reads, or nobody can have meant, is refused rather than passed over.
#[tokio::test]
async fn a_setting_that_nothing_reads_is_refused() {
    let logit = CaliperScale::LogitStandardDeviations.into();
    let options = MatchOptions { caliper_scale: logit, ..Default::default() };
    refused(request(options), "options.caliper_scale").await;
    let subclass = MatchMethod::Subclass.into();
    let options =
        MatchOptions { method: subclass, subclass_count: Some(i32::MAX), ..Default::default() };
    refused(request(options), "options.subclass_count").await;
    let of = |rule: CoarseningRule, bin_count: Option<i32>, cuts: &[f64]| Coarsening {
        rule: rule.into(),
        bin_count,
        cuts: cuts.to_vec(),
    };
    let rules = [
        (of(CoarseningRule::Sturges, Some(3), &[]), "age", ".bin_count"),
        (of(CoarseningRule::Bins, Some(3), &[55.0]), "age", ".cuts"),
        (of(CoarseningRule::Cuts, None, &[]), "age", ".cuts"),
        (of(CoarseningRule::Bins, Some(i32::MAX), &[]), "age", ""),
        (of(CoarseningRule::Bins, Some(2), &[]), "site", ""),
    ];
    for (rule, column, field) in rules {
        let coarsened = MatchMethod::Coarsened.into();
        let options =
            MatchOptions { method: coarsened, coarsenings: vec![rule], ..Default::default() };
        let question = MatchPairsRequest {
            covariate_columns: vec![column.into()],
            distance_column: String::new(),
            ..request(options)
        };
        refused(question, &format!("options.coarsenings[0]{field}")).await;
    }
}

async fn refused(request: MatchPairsRequest, field: &str) {
    let status = clients().await.matching.match_pairs(request).await.unwrap_err();
    let failure = Failure::from(&status);
    assert_eq!(failure.code, Code::InvalidArgument, "{field}");
    let fields: Vec<&str> =
        failure.violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, [field]);
}
