//! The life of a service's process: logs, threads, serving, signals.

use std::process::ExitCode;

use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::{Compute, Server, Services, Settings, Stack, StartError, telemetry};

/// Runs a service until the process is told to end by SIGTERM or SIGINT.
///
/// `build` makes the services; it runs within the tokio runtime, so that it can open channels.
/// A start that fails is logged and gives exit code 1.
pub fn main<F>(name: &'static str, settings: Settings, build: F) -> ExitCode
where
    F: FnOnce(&Compute, &Settings) -> Result<Services, StartError>,
{
    telemetry::init(&settings);
    telemetry::quiet_panics();
    match run(name, &settings, build) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(service = name, "{error}");
            ExitCode::FAILURE
        }
    }
}

/// A token that is cancelled when the process receives SIGTERM or SIGINT. Must be called within
/// a tokio runtime.
///
/// # Errors
/// [`StartError::Signals`] if the system refuses to report signals.
pub fn shutdown_on_signal() -> Result<CancellationToken, StartError> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::Signals)?;
    let shutdown = CancellationToken::new();
    let token = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        token.cancel();
    });
    Ok(shutdown)
}

fn run<F>(name: &'static str, settings: &Settings, build: F) -> Result<(), StartError>
where
    F: FnOnce(&Compute, &Settings) -> Result<Services, StartError>,
{
    let compute = Compute::with_settings(settings)?;
    let runtime = Runtime::new()
        .map_err(|error| StartError::Threads { what: "runtime", message: error.to_string() })?;
    runtime.block_on(async {
        let shutdown = shutdown_on_signal()?;
        let stack = Stack::new(build(&compute, settings)?).await?;
        let server = Server::bind(stack, settings).await?;
        let address = server.address().map(tracing::field::display);
        tracing::info!(service = name, address, threads = compute.n_threads(), "serving");
        server.serve(shutdown).await;
        Ok(())
    })
}
