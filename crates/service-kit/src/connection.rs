//! One connection of a server, whatever it runs over.

use std::time::Duration;

use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulConnection},
    service::TowerToHyperService,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tower::BoxError;

use crate::stack::Layered;

/// Largest HTTP/2 frame, at both ends: fewer frames make large messages cheaper.
pub(crate) const MAX_FRAME_BYTES: u32 = 1 << 20;
/// How long a connection is quiet before it is asked whether it still lives.
pub(crate) const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// How long it may take to answer that.
pub(crate) const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Calls under way on one connection; more wait at the client. The library ends a connection that holds
/// more than about a hundred small pieces of data at a time, and with it every call on it.
const MAX_CONCURRENT_STREAMS: u32 = 100;

/// Calls that were cancelled before they were accepted. A burst of cancelled calls beyond the
/// usual 20 would end the connection for the innocent calls on it.
const MAX_PENDING_RESETS: usize = 1024;

/// How connections are served: the same over TCP and in process.
#[derive(Clone, Debug)]
pub(crate) struct Protocol(Builder<TokioExecutor>);

impl Protocol {
    pub(crate) fn new() -> Self {
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new());
        builder
            .http2()
            .timer(TokioTimer::new())
            .adaptive_window(true)
            .max_frame_size(MAX_FRAME_BYTES)
            .max_concurrent_streams(MAX_CONCURRENT_STREAMS)
            .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
            .keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT);
        Self(builder)
    }

    /// Serves one stream until its peer closes it. HTTP/1.1 is spoken besides HTTP/2: without
    /// it a peer that never speaks would hold up a graceful shutdown.
    pub(crate) fn serve<I>(
        &self,
        stream: I,
        stack: Layered,
    ) -> impl GracefulConnection<Error = BoxError> + use<I>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = TowerToHyperService::new(stack);
        self.0.serve_connection(TokioIo::new(stream), service).into_owned()
    }
}
