//! The client's end: a channel to a server elsewhere or within the same process.
//! Both have the same settings, so that a study runs alike over either.

use std::{convert::Infallible, time::Duration};

use hyper_util::rt::TokioIo;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

use crate::{
    Stack, StartError,
    connection::{KEEPALIVE_INTERVAL, KEEPALIVE_TIMEOUT, MAX_FRAME_BYTES, Protocol},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes that an in-process connection holds in each direction.
const PIPE_BYTES: usize = 1 << 20;

/// Largest headers that a client accepts: error details travel in them.
const MAX_HEADER_BYTES: u32 = 64 << 10;

/// A channel to the server at a URI such as `http://host:50051`. It connects at its first call,
/// and again whenever the connection was lost. Must be called within a tokio runtime.
///
/// # Errors
/// [`StartError::Uri`] if the text is not such a URI.
pub fn connect(uri: &str) -> Result<Channel, StartError> {
    let invalid = || StartError::Uri { uri: uri.to_owned() };
    let parsed: Uri = uri.parse().map_err(|_| invalid())?;
    if parsed.scheme_str() != Some("http") || parsed.host().is_none() {
        return Err(invalid());
    }
    Ok(configure(Endpoint::from(parsed)).connect_lazy())
}

impl Stack {
    /// A channel to these services within the same process, without a port. Calls pass through
    /// the layers and the HTTP/2 of a TCP connection. Must be called within a tokio runtime.
    pub fn in_process(&self) -> Channel {
        let stack = self.layered.clone();
        let protocol = Protocol::new();
        let connector = service_fn(move |_: Uri| {
            let (near, far) = tokio::io::duplex(PIPE_BYTES);
            let connection = protocol.serve(far, stack.clone());
            tokio::spawn(async move {
                // The other end closes it by going away; that is not worth a word.
                let _ = connection.await;
            });
            async move { Ok::<_, Infallible>(TokioIo::new(near)) }
        });
        configure(Endpoint::from_static("http://in-process")).connect_with_connector_lazy(connector)
    }
}

fn configure(endpoint: Endpoint) -> Endpoint {
    endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_adaptive_window(true)
        .max_frame_size(MAX_FRAME_BYTES)
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
}
