//! The coordinator as a process of its own.

use clap::Parser;
use coordinator::Addresses;
use service_kit::{Services, Settings};
use std::process::ExitCode;

/// Keeps memory between calls where the system's would give it back and fetch it anew.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs whole studies by asking the statistical services.
#[derive(Parser)]
#[command(name = "coordinator", version)]
struct Arguments {
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    services: Addresses,
}

fn main() -> ExitCode {
    let Arguments { settings, services: addresses } = Arguments::parse();
    service_kit::main("coordinator", settings, move |compute, settings| {
        let statistics = addresses.connect(settings)?;
        let services = Services::new().with_descriptors(wire::DESCRIPTORS);
        Ok(coordinator::add(services, compute, settings, statistics))
    })
}
