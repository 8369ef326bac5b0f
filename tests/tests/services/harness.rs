//! Services in this process, and small tables to send them.

use cohort_store::Desk;
use service_kit::{Compute, Failure, Services, Settings, Stack};
use tonic::transport::Channel;
use wire::pb::bootstrap::bootstrap_service_client::BootstrapServiceClient;
use wire::pb::cohort::cohort_service_client::CohortServiceClient;
use wire::pb::common::{Cohort, Column, Endpoint, ModelTerm, Selection};
use wire::pb::matching::matching_service_client::MatchingServiceClient;
use wire::pb::regression::regression_service_client::RegressionServiceClient;
use wire::pb::regression::{CoxModel, LogisticModel};
use wire::pb::survival::survival_service_client::SurvivalServiceClient;

/// Clients of the services.
pub struct Clients {
    pub cohorts: CohortServiceClient<Channel>,
    pub bootstrap: BootstrapServiceClient<Channel>,
    pub matching: MatchingServiceClient<Channel>,
    pub survival: SurvivalServiceClient<Channel>,
    pub regression: RegressionServiceClient<Channel>,
}

pub async fn clients() -> Clients {
    clients_of(Settings::default()).await
}

/// Clients of services with other settings.
pub async fn clients_of(settings: Settings) -> Clients {
    let compute = Compute::with_settings(&settings).unwrap();
    let desk = Desk::new(&compute, &settings);
    let services = cohort_store::add(Services::new(), &desk, &settings);
    let services = matching_service::add(services, &desk, &settings);
    let services = survival_service::add(services, &desk, &settings);
    let services = regression_service::add(services, &desk, &settings);
    let services = bootstrap_service::add(services, &desk, &settings);
    let channel = Stack::new(services).await.unwrap().in_process();
    Clients {
        cohorts: CohortServiceClient::new(channel.clone()),
        bootstrap: BootstrapServiceClient::new(channel.clone()),
        matching: MatchingServiceClient::new(channel.clone()),
        survival: SurvivalServiceClient::new(channel.clone()),
        regression: RegressionServiceClient::new(channel),
    }
}

pub fn numbers(name: &str, values: &[f64]) -> Column {
    Column { name: name.into(), values: values.to_vec(), ..Column::default() }
}

pub fn categories(name: &str, levels: &[&str], codes: &[i32]) -> Column {
    Column {
        name: name.into(),
        levels: levels.iter().map(ToString::to_string).collect(),
        codes: codes.to_vec(),
        ..Column::default()
    }
}

/// Eight patients: times 1 to 8, everyone has the event but the last; arms alternate.
pub fn cohort() -> Cohort {
    Cohort {
        columns: vec![
            numbers("time", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]),
            numbers("event", &[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]),
            categories("arm", &["control", "treated"], &[0, 1, 0, 1, 1, 0, 0, 1]),
            numbers("age", &[50.0, 60.0, 40.0, 55.0, 45.0, 65.0, 52.0, 48.0]),
        ],
        ..Cohort::default()
    }
}

pub fn endpoint() -> Endpoint {
    Endpoint { time_column: "time".into(), event_column: "event".into(), ..Endpoint::default() }
}

pub fn term(column: &str) -> ModelTerm {
    ModelTerm { column: column.into(), ..ModelTerm::default() }
}

/// A Cox model of these columns with nothing but defaults.
pub fn model(columns: &[&str]) -> Option<CoxModel> {
    let terms = columns.iter().map(|column| term(column)).collect();
    Some(CoxModel { endpoint: Some(endpoint()), terms, ..CoxModel::default() })
}

/// A logistic model of these columns with nothing but defaults.
pub fn logistic_model(column: &str, level: &str, terms: &[&str]) -> Option<LogisticModel> {
    Some(LogisticModel {
        outcome_column: column.into(),
        outcome_level: level.into(),
        terms: terms.iter().map(|column| term(column)).collect(),
        ..LogisticModel::default()
    })
}

pub fn selection(rows: &[i32]) -> Option<Selection> {
    Some(Selection { rows: rows.to_vec(), multiplicities: Vec::new() })
}

/// What a call that fails says.
pub fn failure<T>(answer: Result<T, tonic::Status>) -> Failure {
    Failure::from(&answer.err().expect("the call fails"))
}
