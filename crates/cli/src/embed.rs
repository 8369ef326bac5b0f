//! The services within this process: the same servers and clients as in a deployment, joined by
//! pipes in memory instead of a network.

use crate::problem::Problem;
use cohort_store::Desk;
use coordinator::Statistics;
use service_kit::{Compute, Pool, Services, Settings, Stack, StartError};
use tonic::transport::Channel;
use wire::pb::study::study_service_client::StudyServiceClient;

/// A client of a coordinator.
pub(crate) type Coordinator = StudyServiceClient<Channel>;

/// A client of the deployment at this address, or of services in this process.
pub(crate) async fn coordinator(
    address: Option<&str>,
    settings: &Settings,
) -> Result<Coordinator, Problem> {
    let channel = match address {
        Some(address) => service_kit::connect(address)
            .map_err(|error| Problem::Input(format!("--coordinator: {error}")))?,
        None => {
            let compute = Compute::with_settings(settings).map_err(failed)?;
            let services = all_services(&compute, settings).await.map_err(failed)?;
            Stack::new(services).await.map_err(failed)?.in_process()
        }
    };
    Ok(StudyServiceClient::new(channel)
        .max_decoding_message_size(settings.message_limit_bytes)
        .max_encoding_message_size(settings.message_limit_bytes))
}

/// Every service; the coordinator among them asks the others over pipes.
pub(crate) async fn all_services(
    compute: &Compute,
    settings: &Settings,
) -> Result<Services, StartError> {
    let desk = Desk::new(compute, settings);
    let pool = Pool::new([Stack::new(statistics(&desk, settings)).await?.in_process()]);
    let [matching, survival, regression] = [pool.clone(), pool.clone(), pool.clone()];
    let clients = Statistics::new(matching, survival, regression, pool, settings).within(&desk);
    let services = statistics(&desk, settings).with_descriptors(wire::DESCRIPTORS);
    Ok(coordinator::add(services, compute, settings, clients))
}

/// The services that the coordinator asks; they share their cohorts.
fn statistics(desk: &Desk, settings: &Settings) -> Services {
    let services = cohort_store::add(Services::new(), desk, settings);
    let services = matching_service::add(services, desk, settings);
    let services = survival_service::add(services, desk, settings);
    let services = regression_service::add(services, desk, settings);
    bootstrap_service::add(services, desk, settings)
}

fn failed(error: StartError) -> Problem {
    Problem::Failed(error.to_string())
}
