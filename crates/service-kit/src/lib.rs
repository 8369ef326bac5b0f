//! Server and client scaffolding shared by every service: transport, deadlines, errors and the
//! pool on which computations run. It knows no statistics and none of the generated messages.
//!
//! A service is a set of tonic services, its [`Services`]; [`main`] serves them over TCP and
//! [`Stack::in_process`] inside the caller's own process, through the same layers.
//!
//! ```no_run
//! use service_kit::{Services, Settings};
//!
//! fn main() -> std::process::ExitCode {
//!     let settings = Settings::parse("health-service", env!("CARGO_PKG_VERSION"), "127.0.0.1:50051");
//!     service_kit::main("health-service", settings, |_compute, _settings| Ok(Services::new()))
//! }
//! ```

mod budget;
mod call;
mod channel;
mod compute;
mod connection;
mod deadline;
mod failure;
mod message_limit;
mod pool;
mod program;
mod resolve;
mod server;
mod settings;
mod stack;
mod start_error;
mod telemetry;

pub use call::{CallPolicy, call, call_at, is_lost};
pub use channel::connect;
pub use compute::{Cancel, Compute, Pieces};
pub use deadline::{Deadline, DeadlineLayer, DeadlineService};
pub use failure::{DOMAIN, Failure, Violation};
pub use pool::{Endpoint, Lease, PENALTY, Pool};
pub use program::{main, shutdown_on_signal};
pub use server::Server;
pub use settings::{COHORT_BYTES, INLINE_BYTES, LogFormat, MESSAGE_LIMIT, Settings};
pub use stack::{Services, Stack};
pub use start_error::StartError;
pub use telemetry::{init as init_telemetry, quiet_panics};
