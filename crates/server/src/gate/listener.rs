//! Accepts connections, speaks TLS and HTTP, hands each request to the router with the peer it came from.
//!
//! Not a web server for people: no static files, no upgrades. HTTP/2 or HTTP/1.1 as ALPN agreed. Invariants: never more than
//! the [`Capacity`] says, and no connection waits on a peer for longer than a named time; after
//! `shutdown`, requests under way are answered, then all connections are closed within [`DRAIN_MAX`]. Cost: one task and ~11 KB
//! an idle connection of HTTP/1.1 (benches/gate); buffers of HTTP/2 are kept small, it needs about three times as much.

use super::capacity::Capacity;
use super::counters::{Counted, Counters};
use super::door::{Arrival, Door};
use super::peer::Peer;
use super::tls::HTTP2;
use super::verifier::DeviceVerifier;
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::HandshakeKind;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::Service;

/// How long a peer whose handshake failed may go on sending before its connection is closed, and how much.
const REFUSED_MAX: Duration = Duration::from_secs(1);
const REFUSED_BYTES_MAX: u64 = 64 * 1024;
/// How long a TLS handshake may take.
pub const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// How long the connection of a device may be idle between requests, and how long the head of a request may take.
pub const IDLE_MAX: Duration = Duration::from_secs(300);
/// The same for a connection without a device certificate.
pub const STRANGER_IDLE_MAX: Duration = Duration::from_secs(20);
/// How long a connection without a device certificate may last at all: an enrolment takes a second.
pub const STRANGER_LIFE_MAX: Duration = Duration::from_secs(60);
/// The largest head of a request, and the size of the read buffer.
pub const REQUEST_HEAD_BYTES_MAX: usize = 16 * 1024;
/// Requests under way at the same time on one connection of HTTP/2.
pub const STREAMS_PER_CONNECTION_MAX: u32 = 16;
/// Bytes that a peer may send ahead on a connection of HTTP/2.
const WINDOW_BYTES_MAX: u32 = 256 * 1024;
/// Streams that a peer may cancel before the connection is closed.
const RESETS_MAX: usize = 32;
/// How long requests under way may take after the order to stop.
pub const DRAIN_MAX: Duration = Duration::from_secs(10);
/// Pause after a failed accept, so that an exhausted resource can come back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What every connection needs.
#[derive(Clone)]
pub(super) struct Front {
    /// TLS with optional client certificates.
    pub(super) tls: TlsAcceptor,
    /// Knows the certificates that were checked.
    pub(super) verifier: Arc<DeviceVerifier>,
    /// Who may connect.
    pub(super) door: Door,
    /// How many may be connected.
    pub(super) capacity: Capacity,
    /// The endpoints.
    pub(super) router: Router,
    /// What is counted.
    pub(super) counters: Arc<Counters>,
}

/// Serves until `shutdown` completes and the connections are drained.
pub(super) async fn serve(listener: TcpListener, front: Front, shutdown: impl Future<Output = ()>) {
    let slots = Arc::new(Semaphore::new(front.capacity.connections));
    let (stop, stopping) = watch::channel(false);
    let front = Arc::new(front);
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            (slot, accepted) = accept(&listener, &slots) => match accepted {
                Ok((stream, peer)) => match front.door.arrive(peer.ip()) {
                    Ok(arrival) => {
                        connections.spawn(connection(stream, peer, arrival, Arc::clone(&front), stopping.clone(), slot));
                    }
                    // Closed without a word: any answer would cost more than the question.
                    Err(refused) => front.counters.emit(refused, &format_args!("connection from {peer} not accepted")),
                },
                Err(error) => {
                    front.counters.emit(Counted::AcceptFailed, &format_args!("cannot accept a connection: {error}"));
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    stop.send_replace(true);
    let drained = timeout(DRAIN_MAX, async { while connections.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        front.counters.emit(Counted::ConnectionBroken, &"connections were still busy when the gate closed");
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
    arrival: Arrival,
    front: Arc<Front>,
    mut stopping: watch::Receiver<bool>,
    slot: Slot,
) {
    let counters = &front.counters;
    // Receipts are small and awaited; a socket that refuses this option still works.
    let _ = stream.set_nodelay(true);
    let handshake = tokio::select! {
        result = timeout(HANDSHAKE_MAX, front.tls.accept(stream).into_fallible()) => result,
        _ = stopping.wait_for(|stop| *stop) => return,
    };
    match handshake {
        Ok(Ok(stream)) => {
            counters.count(match stream.get_ref().1.handshake_kind() {
                Some(HandshakeKind::Resumed) => Counted::HandshakeResumed,
                _ => Counted::HandshakeFull,
            });
            let who = Arc::new(Peer::of(&stream, peer.ip(), &front.verifier));
            match arrival.settle(who.named()) {
                Ok(seat) => {
                    counters.count(Counted::ConnectionOpened);
                    if let Err(error) = requests(stream, who, &front, stopping).await {
                        let text = format_args!("connection from {peer} broke: {error}");
                        counters.emit(Counted::ConnectionBroken, &text);
                    }
                    counters.count(Counted::ConnectionClosed);
                    drop(seat);
                }
                Err(refused) => counters.emit(refused, &format_args!("connection from {peer} closed: too many")),
            }
        }
        Ok(Err((error, stream))) => {
            front.door.strike(peer.ip());
            counters.emit(Counted::HandshakeFailed, &format_args!("TLS with {peer} failed: {error}"));
            let_go(stream).await;
        }
        Err(_) => {
            front.door.strike(peer.ip());
            counters.emit(Counted::HandshakeTooSlow, &format_args!("TLS with {peer} took too long"));
        }
    }
    drop(slot);
}

/// Closes a connection so that the peer can read why. What it has sent meanwhile is read first: else the system would answer that
/// with a reset, and the alert would be lost.
async fn let_go(mut stream: TcpStream) {
    let _ = stream.shutdown().await;
    let mut rest = stream.take(REFUSED_BYTES_MAX);
    let _ = timeout(REFUSED_MAX, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
}

/// Answers requests until the peer, the gate or [`Peer::goodbye`] ends the connection.
async fn requests(
    stream: TlsStream<TcpStream>,
    peer: Arc<Peer>,
    front: &Front,
    mut stopping: watch::Receiver<bool>,
) -> hyper::Result<()> {
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
    let (is_device, idle) = match peer.named() {
        Some(_) => (true, IDLE_MAX),
        None => (false, STRANGER_IDLE_MAX),
    };
    let (router, who) = (front.router.clone(), Arc::clone(&peer));
    let answer = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(Arc::clone(&who));
        router.clone().call(request.map(Body::new))
    });
    macro_rules! until_the_end {
        ($connection:expr) => {{
            // On the heap, so that the task of a connection is as large as its own protocol needs and no larger.
            let mut served = Box::pin($connection);
            tokio::select! {
                result = &mut served => return result,
                () = sleep(STRANGER_LIFE_MAX), if !is_device => served.as_mut().graceful_shutdown(),
                () = peer.goodbye.notified() => served.as_mut().graceful_shutdown(),
                _ = stopping.wait_for(|stop| *stop) => served.as_mut().graceful_shutdown(),
            }
            match timeout(DRAIN_MAX, served).await {
                Ok(result) => result,
                Err(_) => Ok(()),
            }
        }};
    }
    if is_http2 {
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
            .initial_connection_window_size(WINDOW_BYTES_MAX)
            .initial_stream_window_size(WINDOW_BYTES_MAX)
            .max_header_list_size(u32::try_from(REQUEST_HEAD_BYTES_MAX).unwrap_or(u32::MAX))
            .max_send_buf_size(REQUEST_HEAD_BYTES_MAX)
            .max_pending_accept_reset_streams(RESETS_MAX)
            .max_local_error_reset_streams(RESETS_MAX)
            .keep_alive_interval(idle / 2)
            .keep_alive_timeout(HANDSHAKE_MAX);
        until_the_end!(http2.serve_connection(TokioIo::new(stream), answer))
    } else {
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(idle)
            .max_header_size(REQUEST_HEAD_BYTES_MAX)
            .max_buf_size(REQUEST_HEAD_BYTES_MAX);
        until_the_end!(http1.serve_connection(TokioIo::new(stream), answer))
    }
}
