//! Accepts connections, speaks TLS, hands each request to the router with the peer it came from.
//!
//! Not a web server for people: HTTP/1.1 only, no static files. Invariants: never more than [`CONNECTIONS_MAX`] connections,
//! and none waits on a peer for longer than a named time; after `shutdown`, requests under way are answered, then all
//! connections are closed within [`DRAIN_MAX`]. Cost: one task and ~40 KB a connection.

use super::counters::{Counted, Counters};
use super::peer::Peer;
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::Service;

/// Connections at the same time; further ones wait in the kernel's queue.
pub const CONNECTIONS_MAX: usize = 4096;
/// How long a TLS handshake may take.
pub const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// How long a connection may be idle between requests, and how long the head of a request may take.
pub const IDLE_MAX: Duration = Duration::from_secs(75);
/// The largest head of a request, and the size of the read buffer.
pub const REQUEST_HEAD_BYTES_MAX: usize = 16 * 1024;
/// How long requests under way may take after the order to stop.
pub const DRAIN_MAX: Duration = Duration::from_secs(10);
/// Pause after a failed accept, so that an exhausted resource can come back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What every connection needs.
#[derive(Clone)]
pub(super) struct Front {
    /// TLS with optional client certificates.
    pub(super) tls: TlsAcceptor,
    /// The endpoints.
    pub(super) router: Router,
    /// What is counted.
    pub(super) counters: Arc<Counters>,
}

/// Serves until `shutdown` completes and the connections are drained.
pub(super) async fn serve(listener: TcpListener, service: Front, shutdown: impl Future<Output = ()>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            (slot, accepted) = accept(&listener, &slots) => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection(stream, peer, service.clone(), stopping.clone(), slot));
                }
                Err(error) => {
                    service.counters.emit(Counted::AcceptFailed, &format_args!("cannot accept a connection: {error}"));
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    stop.send_replace(true);
    let drained = timeout(DRAIN_MAX, async { while connections.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        service.counters.emit(Counted::ConnectionBroken, &"connections were still busy when the gate closed");
        connections.shutdown().await;
    }
}

type Slot = Option<OwnedSemaphorePermit>;

async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> (Slot, std::io::Result<(TcpStream, SocketAddr)>) {
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    (slot, listener.accept().await)
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    service: Front,
    mut stopping: watch::Receiver<bool>,
    slot: Slot,
) {
    let counters = Arc::clone(&service.counters);
    // Receipts are small and awaited; a socket that refuses this option still works.
    let _ = stream.set_nodelay(true);
    let handshake = tokio::select! {
        result = timeout(HANDSHAKE_MAX, service.tls.accept(stream)) => result,
        _ = stopping.wait_for(|stop| *stop) => return,
    };
    match handshake {
        Ok(Ok(stream)) => {
            if let Err(error) = requests(stream, service.router, stopping).await {
                counters.emit(Counted::ConnectionBroken, &format_args!("connection from {peer} broke: {error}"));
            }
        }
        Ok(Err(error)) => counters.emit(Counted::HandshakeFailed, &format_args!("TLS with {peer} failed: {error}")),
        Err(_) => counters.emit(Counted::HandshakeFailed, &format_args!("TLS with {peer} took too long")),
    }
    drop(slot);
}

async fn requests(
    stream: TlsStream<TcpStream>,
    router: Router,
    mut stopping: watch::Receiver<bool>,
) -> hyper::Result<()> {
    let peer = Peer::of(&stream);
    let answer = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        router.clone().call(request.map(Body::new))
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_MAX)
        .max_header_size(REQUEST_HEAD_BYTES_MAX)
        .max_buf_size(REQUEST_HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), answer);
    let mut served = std::pin::pin!(served);
    tokio::select! {
        result = &mut served => return result,
        _ = stopping.wait_for(|stop| *stop) => served.as_mut().graceful_shutdown(),
    }
    served.await
}
