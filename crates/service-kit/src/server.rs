//! The server: accepts connections, and leaves in good order within a bounded time.
//!
//! tonic's own server cannot bound its drain, change its certificates or age its connections,
//! so the accept loop is ours.

use std::{io, net::SocketAddr, time::Duration};

use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::{Settings, Stack, StartError, connection::Protocol};

/// Wait after an accept that failed for want of file handles or memory, which others may free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A server that listens; it answers once [`Server::serve`] runs.
#[derive(Debug)]
pub struct Server {
    stack: Stack,
    listener: TcpListener,
    admin_listener: Option<TcpListener>,
    pause: Duration,
    drain: Duration,
}

impl Server {
    /// Opens the listeners. Port 0 lets the system choose a port.
    ///
    /// # Errors
    /// [`StartError::Listen`] if an address cannot be had.
    pub async fn bind(stack: Stack, settings: &Settings) -> Result<Self, StartError> {
        let admin_listener = match settings.admin_listen {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        Ok(Self {
            stack,
            listener: listen(settings.listen).await?,
            admin_listener,
            pause: settings.pause,
            drain: settings.drain,
        })
    }

    /// The address at which the server listens, or `None` if the system cannot say.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// The address of the admin listener, if there is one.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_listener.as_ref()?.local_addr().ok()
    }

    /// Serves until `shutdown` is cancelled, and returns when the last connection is closed.
    ///
    /// Then health says NOT_SERVING; connections are still accepted during the pause; after it
    /// calls in flight have until the end of the drain; what is left then is cut off.
    pub async fn serve(self, shutdown: CancellationToken) {
        let done = CancellationToken::new();
        let admin = self.admin_listener.map(|listener| {
            let health = self.stack.health_only();
            tokio::spawn(accept(listener, health, done.clone(), Duration::ZERO))
        });
        let stop = CancellationToken::new();
        let leave = async {
            shutdown.cancelled().await;
            tracing::info!("shutting down");
            self.stack.report_not_serving().await;
            tokio::time::sleep(self.pause).await;
            stop.cancel();
        };
        let serving = accept(self.listener, self.stack.clone(), stop.clone(), self.drain);
        tokio::join!(leave, serving);
        // Probes are answered until here.
        done.cancel();
        if let Some(admin) = admin {
            // An error means that the runtime itself is going away.
            let _ = admin.await;
        }
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })
}

/// Accepts and serves connections until `stop`, then drains them.
async fn accept(listener: TcpListener, stack: Stack, stop: CancellationToken, drain: Duration) {
    let protocol = Protocol::new();
    let connections = GracefulShutdown::new();
    let cut_off = CancellationToken::new();
    let _cut_off_at_end = cut_off.clone().drop_guard();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, _peer)) => {
                prepare(&stream);
                let connection = protocol.serve(stream, stack.layered.clone());
                tokio::spawn(hold(connections.watch(connection), cut_off.clone()));
            }
            Err(error) => after_failed_accept(&error).await,
        }
    }
    drop(listener);
    let n_open = connections.count();
    if tokio::time::timeout(drain, connections.shutdown()).await.is_err() {
        tracing::warn!(n_open, "calls did not finish within the drain and are cut off");
    }
}

fn prepare(stream: &TcpStream) {
    // Without it small answers wait for the peer's acknowledgement; a socket that refuses the
    // option is about to fail anyway.
    let _ = stream.set_nodelay(true);
}

/// Holds a connection until it ends or is cut off.
async fn hold<E: std::fmt::Display>(
    connection: impl Future<Output = Result<(), E>>,
    cut_off: CancellationToken,
) {
    tokio::select! {
        ended = connection => if let Err(error) = ended {
            tracing::debug!(%error, "connection failed");
        },
        () = cut_off.cancelled() => {}
    }
}

/// A peer that left before it was accepted is its own affair; anything else is worth a pause.
async fn after_failed_accept(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        return;
    }
    tracing::warn!(%error, "could not accept a connection");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}
