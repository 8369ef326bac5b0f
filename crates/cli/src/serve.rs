//! `equipoise serve`: one service, or all of them on one address.

use crate::embed;
use cohort_store::Desk;
use coordinator::Addresses;
use service_kit::{Services, Settings};
use std::process::ExitCode;
use tokio::runtime::Handle;

/// Arguments of `serve`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Which service.
    #[arg(value_enum)]
    service: Service,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    services: Addresses,
}

/// What can be served.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Service {
    /// Whole studies; asks the other services at the addresses given.
    Coordinator,
    /// Propensity scores, matching and baseline tables.
    Matching,
    /// Survival curves and their comparison.
    Survival,
    /// Cox and logistic models.
    Regression,
    /// Bootstrap replicates and their intervals.
    Bootstrap,
    /// All of them on one address; the coordinator asks the others within the process.
    All,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Self::Coordinator => "coordinator",
            Self::Matching => "matching-service",
            Self::Survival => "survival-service",
            Self::Regression => "regression-service",
            Self::Bootstrap => "bootstrap-service",
            Self::All => "equipoise",
        }
    }
}

pub(crate) fn serve(arguments: Arguments) -> ExitCode {
    let Arguments { service, settings, services: addresses } = arguments;
    service_kit::main(service.name(), settings, move |compute, settings| {
        let services = Services::new().with_descriptors(wire::DESCRIPTORS);
        // Every statistical service has the one that takes cohorts beside it.
        let desk = Desk::new(compute, settings);
        let with_cohorts = |services| cohort_store::add(services, &desk, settings);
        Ok(match service {
            Service::Coordinator => {
                coordinator::add(services, compute, settings, addresses.connect(settings)?)
            }
            Service::Matching => matching_service::add(with_cohorts(services), &desk, settings),
            Service::Survival => survival_service::add(with_cohorts(services), &desk, settings),
            Service::Regression => regression_service::add(with_cohorts(services), &desk, settings),
            Service::Bootstrap => bootstrap_service::add(with_cohorts(services), &desk, settings),
            Service::All => {
                // The closure runs within the runtime, on a thread that may wait.
                let all = embed::all_services(compute, settings);
                tokio::task::block_in_place(|| Handle::current().block_on(all))?
            }
        })
    })
}
