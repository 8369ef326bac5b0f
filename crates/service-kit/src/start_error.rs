//! Why a service or a client could not be set up. What goes wrong later, in a call, is a
//! [`Failure`](crate::Failure).

use std::net::SocketAddr;

use thiserror::Error;

/// Why a service or a client could not be set up.
#[derive(Debug, Error)]
pub enum StartError {
    /// The address is taken, or may not be used.
    #[error("could not listen on {address}: {source}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the operating system answered.
        source: std::io::Error,
    },
    /// The threads for computations or calls could not be started.
    #[error("could not start the {what}: {message}")]
    Threads {
        /// What the threads were for.
        what: &'static str,
        /// What the operating system answered.
        message: String,
    },
    /// The descriptor set given for reflection is not one.
    #[error("could not read the descriptors of the services: {0}")]
    Descriptors(#[from] tonic_reflection::server::Error),
    /// The address of a server is not a URI such as `http://host:50051`, and no list or name of
    /// several.
    #[error("{uri} is not the address of a server such as http://host:50051 or dns:///host:50051")]
    Uri {
        /// The text that was given.
        uri: String,
    },
    /// The signals that end the process could not be watched.
    #[error("could not watch for signals: {0}")]
    Signals(std::io::Error),
}
