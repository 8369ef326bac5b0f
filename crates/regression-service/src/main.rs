//! The regression-service as a process of its own.

use cohort_store::Desk;
use service_kit::{Services, Settings};
use std::process::ExitCode;

/// Keeps memory between calls where the system's would give it back and fetch it anew.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NAME: &str = "regression-service";

fn main() -> ExitCode {
    let settings = Settings::parse(NAME, env!("CARGO_PKG_VERSION"), "127.0.0.1:50054");
    service_kit::main(NAME, settings, |compute, settings| {
        let services = Services::new().with_descriptors(wire::DESCRIPTORS);
        let desk = Desk::new(compute, settings);
        let services = cohort_store::add(services, &desk, settings);
        Ok(regression_service::add(services, &desk, settings))
    })
}
