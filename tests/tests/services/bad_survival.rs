//! Bad input to each call of the survival service: which status, which fields, and that no message
//! repeats what a cell holds.

use crate::harness::{
    categories, clients, clients_of, cohort, endpoint, failure, numbers, selection,
};
use service_kit::{Failure, Settings};
use tonic::Code;
use wire::pb::common::{Cause, CauseEndpoint, Cohort, Column, Endpoint, Selection};
use wire::pb::survival as pb;
use wire::pb::survival::survival_service_client::SurvivalServiceClient;

type Client = SurvivalServiceClient<tonic::transport::Channel>;

/// What all calls have in common.
#[derive(Clone)]
struct Question {
    cohort: Option<Cohort>,
    selection: Option<Selection>,
    endpoint: Option<Endpoint>,
    group: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Call {
    Curves,
    Comparison,
    Incidence,
    IncidenceComparison,
    Contrasts,
    FollowUp,
    Conditional,
    Landmark,
    Hazard,
}

const CALLS: [Call; 9] = [
    Call::Curves,
    Call::Comparison,
    Call::Incidence,
    Call::IncidenceComparison,
    Call::Contrasts,
    Call::FollowUp,
    Call::Conditional,
    Call::Landmark,
    Call::Hazard,
];

/// Those that compare the levels of a group.
const COMPARING: [Call; 3] = [Call::Comparison, Call::IncidenceComparison, Call::Contrasts];

fn question() -> Question {
    let mut cohort = cohort();
    cohort.columns.push(numbers("entry", &[0.5; 8]));
    Question {
        cohort: Some(cohort),
        selection: None,
        endpoint: Some(endpoint()),
        group: "arm".into(),
    }
}

impl Question {
    fn column(&mut self, index: usize) -> &mut Column {
        &mut self.cohort.as_mut().unwrap().columns[index]
    }

    fn with_entry(&mut self) {
        self.endpoint.as_mut().unwrap().entry_column = "entry".into();
    }

    /// The same follow-up with its event as the one cause.
    fn causes(&self) -> Option<CauseEndpoint> {
        let endpoint = self.endpoint.clone()?;
        Some(CauseEndpoint {
            entry_column: endpoint.entry_column,
            time_column: endpoint.time_column,
            cause_column: endpoint.event_column,
            causes: vec![Cause { label: "event".into(), codes: vec!["1".into()] }],
            censored_codes: endpoint.censored_codes,
        })
    }
}

macro_rules! ask {
    ($client:expr, $method:ident, $request:ident, $question:expr, $endpoint:expr, $options:expr) => {{
        let question = $question;
        #[allow(clippy::needless_update, reason = "some requests have more fields")]
        let request = pb::$request {
            endpoint: $endpoint,
            cohort: question.cohort,
            selection: question.selection,
            group_column: question.group,
            options: $options,
            ..Default::default()
        };
        $client.$method(request).await.map(|_| ())
    }};
}

impl Call {
    async fn ask(self, client: &mut Client, asked: Question) -> Result<(), tonic::Status> {
        let (follow_up, causes) = (asked.endpoint.clone(), asked.causes());
        match self {
            Self::Curves => {
                ask!(client, estimate_curves, EstimateCurvesRequest, asked, follow_up, None)
            }
            Self::Comparison => {
                ask!(client, compare_curves, CompareCurvesRequest, asked, follow_up, None)
            }
            Self::Incidence => {
                ask!(client, estimate_incidence, EstimateIncidenceRequest, asked, causes, None)
            }
            Self::IncidenceComparison => {
                ask!(client, compare_incidence, CompareIncidenceRequest, asked, causes, None)
            }
            Self::Contrasts => {
                ask!(client, contrast_curves, ContrastCurvesRequest, asked, follow_up, None)
            }
            Self::FollowUp => {
                ask!(client, summarise_follow_up, SummariseFollowUpRequest, asked, follow_up, None)
            }
            Self::Conditional => {
                ask!(
                    client,
                    estimate_conditional_survival,
                    EstimateConditionalSurvivalRequest,
                    asked,
                    follow_up,
                    None
                )
            }
            Self::Landmark => {
                let options = Some(pb::LandmarkOptions::default());
                ask!(client, analyse_landmark, AnalyseLandmarkRequest, asked, follow_up, options)
            }
            Self::Hazard => {
                ask!(client, estimate_hazard, EstimateHazardRequest, asked, follow_up, None)
            }
        }
    }
}

/// A digit string that no message has reason to contain.
const SECRET: f64 = 1_234_567.875;

fn assert_discreet(refused: &Failure, call: &dyn std::fmt::Debug) {
    let words = refused.violations.iter().map(|known| known.description.as_str());
    for text in words.chain([refused.message.as_str()]) {
        assert!(!text.contains("1234567"), "{call:?}: {text}");
    }
}

/// The fields at fault of an invalid question.
fn fields(refused: &Failure) -> Vec<&str> {
    assert_eq!(refused.code, Code::InvalidArgument, "{refused:?}");
    refused.violations.iter().map(|known| known.field.as_str()).collect()
}

type Change = fn(&mut Question);

/// A change to a question and the fields that are at fault after it.
type Case = (&'static str, Change, &'static [&'static str]);

const CASES: &[Case] = &[
    (
        "times that are no numbers",
        |asked| {
            asked.column(0).values[2] = f64::NAN;
            asked.column(0).values[5] = f64::INFINITY;
            asked.column(3).values[1] = f64::NEG_INFINITY;
        },
        &[
            "cohort.columns[0].values[2]",
            "cohort.columns[0].values[5]",
            "cohort.columns[3].values[1]",
        ],
    ),
    (
        "a number too large",
        |asked| asked.column(3).values[1] = SECRET * 1e80,
        &["cohort.columns[3].values[1]"],
    ),
    (
        "a negative time",
        |asked| asked.column(0).values[6] = -SECRET,
        &["cohort.columns[0].values[6]"],
    ),
    (
        "an undeclared event code",
        |asked| asked.column(1).values[2] = SECRET,
        &["cohort.columns[1].values[2]"],
    ),
    (
        "a missing time and a missing code",
        |asked| asked.column(0).missing_rows = vec![3],
        &["cohort.columns[0].values[3]"],
    ),
    (
        "a missing level",
        |asked| asked.column(2).missing_rows = vec![4],
        &["cohort.columns[2].codes[4]"],
    ),
    (
        "rows that do not exist",
        |asked| asked.column(1).missing_rows = vec![0, 8, -1],
        &["cohort.columns[1].missing_rows[2]"],
    ),
    (
        "rows beyond the column",
        |asked| asked.column(1).missing_rows = vec![0, 8, 9],
        &["cohort.columns[1].missing_rows[1]", "cohort.columns[1].missing_rows[2]"],
    ),
    (
        "codes without level",
        |asked| {
            asked.column(2).codes[1] = 2;
            asked.column(2).codes[3] = -1;
        },
        &["cohort.columns[2].codes[1]", "cohort.columns[2].codes[3]"],
    ),
    ("a level twice", |asked| asked.column(2).levels[1] = "control".into(), &["cohort.columns[2]"]),
    ("a column too short", |asked| asked.column(1).values.truncate(7), &["cohort.columns[1]"]),
    ("a column twice", |asked| asked.column(3).name = "time".into(), &["cohort.columns[3]"]),
    ("a column without name", |asked| asked.column(3).name.clear(), &["cohort.columns[3].name"]),
    ("values and codes", |asked| asked.column(2).values = vec![SECRET; 8], &["cohort.columns[2]"]),
    ("no cohort", |asked| asked.cohort = None, &["cohort"]),
    ("no endpoint", |asked| asked.endpoint = None, &["endpoint"]),
    (
        "no time column",
        |asked| asked.endpoint.as_mut().unwrap().time_column.clear(),
        &["endpoint.time_column"],
    ),
    (
        "an unknown time column",
        |asked| asked.endpoint.as_mut().unwrap().time_column = "nowhere".into(),
        &["endpoint.time_column"],
    ),
    ("an unknown group column", |asked| asked.group = "nowhere".into(), &["group_column"]),
    (
        "categories instead of times",
        |asked| asked.endpoint.as_mut().unwrap().time_column = "arm".into(),
        &["endpoint.time_column"],
    ),
    (
        "selected rows that do not exist",
        |asked| asked.selection = selection(&[0, 8, 3, 1_234_567]),
        &["selection.rows[1]", "selection.rows[3]"],
    ),
    (
        "negative rows",
        |asked| asked.selection = selection(&[-1, 0, -2]),
        &["selection.rows[0]", "selection.rows[2]"],
    ),
    (
        "multiplicities of another length",
        |asked| asked.selection = Some(Selection { rows: vec![0, 1], multiplicities: vec![1] }),
        &["selection.multiplicities"],
    ),
    (
        "negative multiplicities",
        |asked| asked.selection = Some(Selection { rows: vec![0, 1], multiplicities: vec![1, -1] }),
        &["selection.multiplicities[1]"],
    ),
    ("no rows at all", |asked| asked.cohort = Some(without_rows()), &["cohort.columns[0].values"]),
    ("no columns at all", |asked| asked.cohort = Some(Cohort::default()), &["cohort.columns"]),
    (
        "endless multiplicities",
        |asked| {
            asked.selection =
                Some(Selection { rows: vec![0, 1], multiplicities: vec![i32::MAX; 2] });
        },
        &["selection.multiplicities"],
    ),
];

#[tokio::test]
async fn each_call_names_what_is_wrong_with_its_table() {
    let mut client = clients().await.survival;
    for call in CALLS {
        for (what, change, expected) in CASES {
            let mut asked = question();
            change(&mut asked);
            let refused = failure(call.ask(&mut client, asked).await);
            assert_eq!(fields(&refused), *expected, "{call:?}: {what}");
            assert_discreet(&refused, &(call, what));
        }
    }
}

/// An interval that ends no later than it begins is named by its end, a negative entry by itself; Gray's
/// test refuses them all.
#[tokio::test]
async fn late_entries_are_held_against_their_times() {
    let mut client = clients().await.survival;
    let wrong: [(Change, &str); 3] = [
        (|asked| asked.column(4).values[2] = SECRET, "cohort.columns[0].values[2]"),
        (|asked| asked.column(4).values[0] = 1.0, "cohort.columns[0].values[0]"),
        (|asked| asked.column(4).values[7] = -SECRET, "cohort.columns[4].values[7]"),
    ];
    for call in CALLS {
        for (change, field) in wrong {
            let mut asked = question();
            asked.with_entry();
            change(&mut asked);
            let refused = failure(call.ask(&mut client, asked).await);
            let field = match call {
                Call::IncidenceComparison => "endpoint.entry_column",
                _ => field,
            };
            assert_eq!(fields(&refused), [field], "{call:?}");
            assert_discreet(&refused, &call);
        }
    }
}

#[tokio::test]
async fn what_the_selected_rows_cannot_answer_is_a_failed_precondition() {
    let mut client = clients().await.survival;
    for call in CALLS {
        let refused = failure(
            call.ask(&mut client, Question { selection: selection(&[]), ..question() }).await,
        );
        let known = (refused.code, refused.reason.as_str());
        assert_eq!(known, (Code::FailedPrecondition, "NO_SUBJECTS"), "{call:?}: no rows selected");
    }
    for call in COMPARING.into_iter().chain([Call::Landmark]) {
        let one_arm = Question { selection: selection(&[0, 2, 5]), ..question() };
        let refused = failure(call.ask(&mut client, one_arm).await);
        let known = (refused.code, refused.reason.as_str());
        assert_eq!(known, (Code::FailedPrecondition, "TOO_FEW_GROUPS"), "{call:?}");
    }
}

#[tokio::test]
async fn a_comparison_needs_its_group() {
    let mut client = clients().await.survival;
    for call in COMPARING {
        let nobody = Question { group: String::new(), ..question() };
        let refused = failure(call.ask(&mut client, nobody).await);
        assert_eq!(fields(&refused), ["group_column"], "{call:?}");
    }
    let mut many = question();
    let levels: Vec<String> = (0..101).map(|level| level.to_string()).collect();
    let names: Vec<&str> = levels.iter().map(String::as_str).collect();
    *many.column(2) = categories("arm", &names, &[0, 1, 2, 3, 4, 5, 6, 7]);
    for call in [Call::Comparison, Call::IncidenceComparison] {
        let refused = failure(call.ask(&mut client, many.clone()).await);
        assert_eq!(fields(&refused), ["group_column"], "{call:?}");
    }
}

#[tokio::test]
async fn options_of_curves() {
    let options = pb::CurveOptions {
        interval_rule: 99,
        confidence: Some(1.0),
        quantile_probabilities: vec![0.5, 0.0, f64::NAN],
        quantile_rules: vec![0, 99],
        times: vec![1.0, -1.0, f64::INFINITY],
        restricted_mean_times: vec![2.5, f64::NAN],
        bands: vec![
            pb::Band { kind: 0, from_time: Some(-1.0), to_time: None },
            pb::Band { kind: 99, from_time: Some(4.0), to_time: Some(3.0) },
            pb::Band { kind: 1, from_time: Some(1.0), to_time: Some(f64::NAN) },
        ],
        start_time: Some(2.0),
        ..Default::default()
    };
    let expected = [
        "interval_rule",
        "confidence",
        "quantile_rules[1]",
        "bands[0].kind",
        "bands[0].from_time",
        "bands[1].kind",
        "bands[1].to_time",
        "bands[2].to_time",
        "quantile_probabilities[1]",
        "quantile_probabilities[2]",
        "times[1]",
        "times[2]",
        "times[0]",
        "restricted_mean_times[1]",
        "bands[2].from_time",
    ];
    let mut client = clients().await.survival;
    let asked = question();
    let request = pb::EstimateCurvesRequest {
        cohort: asked.cohort,
        endpoint: asked.endpoint,
        options: Some(options.clone()),
        ..Default::default()
    };
    let refused = failure(client.estimate_curves(request.clone()).await);
    assert_eq!(fields(&refused), expected.map(|field| format!("options.{field}")));
    let landmark = pb::AnalyseLandmarkRequest {
        cohort: request.cohort.clone(),
        endpoint: request.endpoint.clone(),
        options: Some(pb::LandmarkOptions {
            landmark: f64::NAN,
            curves: Some(options),
            comparison: Some(pb::ComparisonOptions { weights: 99, ..Default::default() }),
            ..Default::default()
        }),
        ..Default::default()
    };
    let refused = failure(client.analyse_landmark(landmark).await);
    let curves = expected.map(|field| format!("options.curves.{field}"));
    let expected =
        [&["options.landmark".into()], &curves[..], &["options.comparison.weights".into()]]
            .concat();
    assert_eq!(fields(&refused), expected);

    let late = pb::CurveOptions { start_time: Some(8.5), ..Default::default() };
    let request = pb::EstimateCurvesRequest { options: Some(late), ..request };
    let refused = failure(client.estimate_curves(request.clone()).await);
    let known = (refused.code, refused.reason.as_str());
    assert_eq!(known, (Code::FailedPrecondition, "NO_SUBJECTS"));
    let never = pb::CurveOptions { start_time: Some(f64::NAN), ..Default::default() };
    let request = pb::EstimateCurvesRequest { options: Some(never), ..request };
    assert_eq!(fields(&failure(client.estimate_curves(request).await)), ["options.start_time"]);
}

/// Requests of the other calls with nothing but options.
macro_rules! with_options {
    ($request:ident, $endpoint:expr, $options:expr) => {{
        let asked = question();
        #[allow(clippy::needless_update, reason = "some requests have more fields")]
        let request = pb::$request {
            endpoint: $endpoint(&asked),
            cohort: asked.cohort,
            group_column: asked.group,
            options: Some($options),
            ..Default::default()
        };
        request
    }};
}

fn follow_up(asked: &Question) -> Option<Endpoint> {
    asked.endpoint.clone()
}

#[tokio::test]
async fn options_of_comparisons() {
    let mut client = clients().await.survival;
    let mut fault = async |weights, early_power, late_power| {
        let mut options = pb::ComparisonOptions { weights, ..Default::default() };
        (options.early_power, options.late_power) = (early_power, late_power);
        let request = with_options!(CompareCurvesRequest, follow_up, options);
        let refused = failure(client.compare_curves(request).await);
        fields(&refused).join(" ")
    };
    let powers = pb::TestWeights::FlemingHarrington as i32;
    assert_eq!(fault(99, 0.0, 0.0).await, "options.weights");
    assert_eq!(fault(powers, -1.0, 0.0).await, "options.early_power");
    assert_eq!(
        fault(powers, f64::NAN, f64::INFINITY).await,
        "options.early_power options.late_power"
    );

    let mut client = clients().await.survival;
    for rho in [-1.0, f64::NAN, f64::INFINITY] {
        let options = pb::IncidenceComparisonOptions { rho, ..Default::default() };
        let request = with_options!(CompareIncidenceRequest, Question::causes, options);
        let refused = failure(client.compare_incidence(request).await);
        assert_eq!(fields(&refused), ["options.rho"]);
    }
}

#[tokio::test]
async fn options_of_incidence() {
    let options = pb::IncidenceOptions {
        interval_rule: -1,
        confidence: Some(f64::NAN),
        times: vec![-1.0],
        time_lost_horizons: vec![0.0, f64::INFINITY],
        ..Default::default()
    };
    let request = with_options!(EstimateIncidenceRequest, Question::causes, options);
    let refused = failure(clients().await.survival.estimate_incidence(request).await);
    let expected = ["interval_rule", "confidence", "times[0]", "time_lost_horizons[1]"];
    assert_eq!(fields(&refused), expected.map(|field| format!("options.{field}")));
}

#[tokio::test]
async fn options_of_contrasts() {
    let options = pb::ContrastOptions {
        interval_rule: 99,
        confidence: Some(0.0),
        restricted_mean_times: vec![1.0, -1.0],
        times: vec![f64::NAN],
        quantile_probabilities: vec![1.0],
        quantile_rules: vec![-1],
        ..Default::default()
    };
    let mut client = clients().await.survival;
    let request = with_options!(ContrastCurvesRequest, follow_up, options);
    let refused = failure(client.contrast_curves(request).await);
    let expected = [
        "interval_rule",
        "confidence",
        "quantile_rules[0]",
        "restricted_mean_times[1]",
        "times[0]",
        "quantile_probabilities[0]",
    ];
    let mut found = fields(&refused);
    found.sort_unstable();
    let mut expected = expected.map(|field| format!("options.{field}"));
    expected.sort_unstable();
    assert_eq!(found, expected);

    let unknown = pb::ContrastOptions { reference_level: "nobody".into(), ..Default::default() };
    let request = with_options!(ContrastCurvesRequest, follow_up, unknown);
    let refused = failure(client.contrast_curves(request).await);
    assert_eq!(fields(&refused), ["options.reference_level"]);
}

#[tokio::test]
async fn options_of_follow_up() {
    let mut client = clients().await.survival;
    let options = pb::FollowUpOptions {
        confidence: Some(2.0),
        rate_unit: Some(0.0),
        quantile_rules: vec![1, 99],
        potential: Some(pb::PotentialFollowUp::default()),
        ..Default::default()
    };
    let request = with_options!(SummariseFollowUpRequest, follow_up, options);
    let refused = failure(client.summarise_follow_up(request).await);
    let mut found = fields(&refused);
    found.sort_unstable();
    let expected = ["confidence", "potential", "quantile_rules[1]", "rate_unit"];
    assert_eq!(found, expected.map(|field| format!("options.{field}")));

    let potential = pb::PotentialFollowUp { column: "age".into(), ..Default::default() };
    let options = pb::FollowUpOptions { potential: Some(potential), ..Default::default() };
    let mut request = with_options!(SummariseFollowUpRequest, follow_up, options);
    request.cohort.as_mut().unwrap().columns[3].values[5] = -SECRET;
    let refused = failure(client.summarise_follow_up(request.clone()).await);
    assert_eq!(fields(&refused), ["cohort.columns[3].values[5]"]);
    assert_discreet(&refused, &"potential follow-up");
    let options = request.options.as_mut().unwrap();
    (options.potential, options.reference_level) = (None, "nobody".into());
    let refused = failure(client.summarise_follow_up(request).await);
    assert_eq!(fields(&refused), ["options.reference_level"]);
}

#[tokio::test]
async fn options_of_conditional_survival() {
    let options = pb::ConditionalSurvivalOptions {
        interval_rule: 99,
        confidence: Some(1.5),
        survived_times: vec![1.0, -0.5],
        further_times: vec![f64::INFINITY, 1.0],
    };
    let request = with_options!(EstimateConditionalSurvivalRequest, follow_up, options);
    let refused = failure(clients().await.survival.estimate_conditional_survival(request).await);
    let expected = ["interval_rule", "confidence", "survived_times[1]", "further_times[0]"];
    assert_eq!(fields(&refused), expected.map(|field| format!("options.{field}")));
}

#[tokio::test]
async fn options_of_landmarks() {
    let mut client = clients().await.survival;
    let mut request =
        with_options!(AnalyseLandmarkRequest, follow_up, pb::LandmarkOptions::default());
    request.options = None;
    assert_eq!(fields(&failure(client.analyse_landmark(request.clone()).await)), ["options"]);
    let options =
        pb::LandmarkOptions { landmark: -1.0, exposure_column: "age".into(), ..Default::default() };
    request.options = Some(options);
    let refused = failure(client.analyse_landmark(request.clone()).await);
    assert_eq!(fields(&refused), ["options.exposure_column", "options.landmark"]);
    request.group_column.clear();
    request.options.as_mut().unwrap().landmark = 1.0;
    request.options.as_mut().unwrap().exposure_column = "arm".into();
    let refused = failure(client.analyse_landmark(request.clone()).await);
    assert_eq!(fields(&refused), ["options.exposure_column"]);
    request.options.as_mut().unwrap().exposure_column = "age".into();
    request.options.as_mut().unwrap().landmark = 9.0;
    let refused = failure(client.analyse_landmark(request).await);
    let known = (refused.code, refused.reason.as_str());
    assert_eq!(known, (Code::FailedPrecondition, "NO_SUBJECTS"));
}

#[tokio::test]
async fn options_of_hazards() {
    let options = pb::HazardOptions {
        bandwidth: Some(0.0),
        times: vec![1.0, f64::NAN],
        fewest_at_risk: Some(0),
        confidence: Some(1.0),
    };
    let mut client = clients().await.survival;
    let request = with_options!(EstimateHazardRequest, follow_up, options);
    let refused = failure(client.estimate_hazard(request).await);
    let expected = ["bandwidth", "times[1]", "fewest_at_risk", "confidence"];
    assert_eq!(fields(&refused), expected.map(|field| format!("options.{field}")));
    for bandwidth in [f64::NAN, f64::INFINITY, -1.0, 1e-300] {
        let options = pb::HazardOptions { bandwidth: Some(bandwidth), ..Default::default() };
        let request = with_options!(EstimateHazardRequest, follow_up, options);
        let refused = failure(client.estimate_hazard(request).await);
        assert_eq!(fields(&refused), ["options.bandwidth"]);
    }
}

#[tokio::test]
async fn causes_that_contradict_each_other() {
    let mut client = clients().await.survival;
    let mut ask = async |change: &dyn Fn(&mut CauseEndpoint)| {
        let mut endpoint = question().causes().unwrap();
        change(&mut endpoint);
        let asked = question();
        let request = pb::EstimateIncidenceRequest {
            cohort: asked.cohort,
            endpoint: Some(endpoint),
            ..Default::default()
        };
        let refused = failure(client.estimate_incidence(request).await);
        fields(&refused).join(" ")
    };
    let other = |label: &str, code: &str| Cause { label: label.into(), codes: vec![code.into()] };
    assert_eq!(ask(&|it| it.causes.clear()).await, "endpoint.causes");
    assert_eq!(ask(&|it| it.causes.push(other("", "2"))).await, "endpoint.causes[1].label");
    assert_eq!(ask(&|it| it.causes.push(other("event", "2"))).await, "endpoint.causes");
    assert_eq!(ask(&|it| it.causes.push(other("other", "1"))).await, "endpoint.causes");
    assert_eq!(ask(&|it| it.censored_codes = vec!["1".into()]).await, "endpoint.causes");
    assert_eq!(ask(&|it| it.cause_column.clear()).await, "endpoint.cause_column");
}

/// The limit is one of the service; each call hears it alike.
#[tokio::test]
async fn a_request_over_the_message_limit_says_so() {
    let settings = Settings { message_limit_bytes: 300, ..Settings::default() };
    let mut client = clients_of(settings).await.survival;
    for call in CALLS {
        let refused = failure(call.ask(&mut client, question()).await);
        assert_eq!(fields(&refused), ["request"], "{call:?}");
        assert_eq!(refused.reason, "MESSAGE_TOO_LARGE");
        assert_eq!(refused.metadata.get("limit").map(String::as_str), Some("300"));
        assert!(
            refused.message.contains("300 are allowed: send fewer rows"),
            "{}",
            refused.message
        );
    }
}

/// The question fits, what it asks for does not; less of it does.
#[tokio::test]
async fn an_answer_over_the_message_limit_says_what_to_do() {
    let settings = Settings { message_limit_bytes: 500, ..Settings::default() };
    let mut client = clients_of(settings).await.survival;
    let refused = failure(Call::Curves.ask(&mut client, question()).await);
    let known = (refused.code, refused.reason.as_str());
    assert_eq!(known, (Code::ResourceExhausted, "ANSWER_TOO_LARGE"));
    assert_eq!(refused.metadata.get("limit").map(String::as_str), Some("500"));
    assert!(refused.message.contains("500 are allowed: ask for less"), "{}", refused.message);
    assert_eq!(refused.retry_after, None);
    let few = Question { selection: selection(&[0, 1]), ..question() };
    Call::Curves.ask(&mut client, few).await.unwrap();
}

/// However much is wrong, the status stays small and counts what it leaves out.
#[tokio::test]
async fn a_table_that_is_wrong_throughout_is_refused_at_once() {
    let mut asked = question();
    let n = 100_000;
    asked.cohort = Some(Cohort {
        columns: vec![numbers("time", &vec![f64::NAN; n]), numbers("event", &vec![f64::NAN; n])],
        ..Cohort::default()
    });
    let refused = failure(Call::Curves.ask(&mut clients().await.survival, asked).await);
    assert_eq!(refused.violations[0].field, "cohort.columns[0].values[0]");
    assert!(refused.violations.len() > 20 && refused.n_omitted() > 500);
}

/// Columns of all names without a cell.
fn without_rows() -> Cohort {
    let columns = ["time", "event", "arm", "age", "entry"].map(|name| numbers(name, &[]));
    Cohort { columns: columns.to_vec(), ..Cohort::default() }
}
