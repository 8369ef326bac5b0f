//! The edge between messages and types.
//!
//! Generated protobuf types live here and stop here: a service turns a request into an [`Asked`]
//! question of a statistics crate, and the crate's answer back into a response; the coordinator
//! goes the other way round. Every conversion collects all [`FieldViolation`]s of a message, with
//! the path of the field.

mod asked;
pub mod bootstrap;
pub mod cohort;
mod common;
pub mod failure;
pub mod incidence;
pub mod matching;
pub mod regression;
pub mod study;
pub mod survival;
mod violation;

pub use asked::{Asked, CohortRef, CohortRequest, Cohorts, Unreadable};
pub use violation::{FieldViolation, Malformed};

/// The generated messages, clients and servers.
#[allow(missing_docs, clippy::all, clippy::pedantic)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/packages.rs"));
}

/// Generated messages, a module per package.
pub mod pb {
    pub use crate::generated::equipoise::{
        bootstrap::v1 as bootstrap, cohort::v1 as cohort, common::v1 as common,
        matching::v1 as matching, regression::v1 as regression, study::v1 as study,
        survival::v1 as survival,
    };
}

/// The compiled `.proto` files, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
