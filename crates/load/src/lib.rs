//! An open-loop load generator for the services: what a study asks, at a chosen rate.
//!
//! [`Requests`] makes the calls from a study, [`run`] sends them as a [`LoadPlan`] says, and a
//! [`LoadReport`] tells what came of them: latencies from the intended start of each call, throughput
//! in calls and in replicates, and every error by its class. `equipoise load` is its command line;
//! [`Arguments`] are its flags.

mod arguments;
mod call;
mod kind;
mod report;
mod requests;
mod run;
mod schedule;
mod tally;
mod text;
mod written;

pub use arguments::Arguments;
pub use call::{Target, TargetError};
pub use kind::{Kind, Service};
pub use report::{
    ErrorCount, KindReport, Knee, Latency, LoadReport, SCHEMA, SettingsReport, StepReport, Weight,
    json_schema,
};
pub use requests::{Payload, Replicates, Requests, RequestsError};
pub use run::{Limits, LoadError, LoadPlan, run};
pub use schedule::Arrivals;
pub use text::{line, text};
pub use written::write_requests;
