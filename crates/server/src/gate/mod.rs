//! The door for devices: TLS with device certificates, enrolment, reports in, receipts out.
//!
//! Not the API for people (that is `api`) and not the writer of the vault (that is `intake`). Interface, status codes and the
//! table of anomalies: docs/format/gate.md; identity: ADR-0011. Invariants: a report is opened with the key of the certificate
//! of its connection and no other; a receipt leaves only for what is durable; every refusal is counted, and what a known device
//! did wrong is a record of the vault. Cost of a report: ~60 µs of one core besides TLS, and its share of one fdatasync.

mod body;
mod counters;
mod enrol;
mod listener;
mod peer;
mod problem;
mod registry;
mod reports;
mod tls;

pub use body::BODY_READ_MAX;
pub use counters::{Counted, Counters};
pub use enrol::{ENROLMENT_BYTES_MAX, ENROLMENTS_MAX, EnrolmentAnswer, EnrolmentBody};
pub use listener::{CONNECTIONS_MAX, DRAIN_MAX, HANDSHAKE_MAX, IDLE_MAX, REQUEST_HEAD_BYTES_MAX};
pub use peer::REVOCATION_LAG_MAX;
pub use registry::{Claim, Enrolled, Enrolment, Redeemed, Registry, RegistryError, TokenHash};
pub use reports::{ResumePoint, SENT_HEADER};
pub use tls::TlsError;

use crate::clock;
use crate::identity::Identity;
use crate::intake::Intake;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use listener::Front;
use problem::Refusal;
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

/// What the gate works with.
pub struct GateParts<R> {
    /// Its certificates, and the key that signs receipts.
    pub identity: Arc<Identity>,
    /// The registered devices.
    pub registry: Arc<R>,
    /// Where reports go.
    pub intake: Intake,
    /// What is counted; the same that the intake counts into.
    pub counters: Arc<Counters>,
}

impl<R> Clone for GateParts<R> {
    fn clone(&self) -> Self {
        Self {
            identity: Arc::clone(&self.identity),
            registry: Arc::clone(&self.registry),
            intake: self.intake.clone(),
            counters: Arc::clone(&self.counters),
        }
    }
}

/// The gate, ready to serve.
pub struct Gate {
    front: Front,
}

impl Gate {
    /// Prepares TLS and the endpoints.
    ///
    /// # Errors
    /// [`TlsError`]
    pub fn new<R: Registry>(parts: GateParts<R>) -> Result<Self, TlsError> {
        let tls = TlsAcceptor::from(tls::server_config(&parts.identity)?);
        let counters = Arc::clone(&parts.counters);
        Ok(Self { front: Front { tls, counters, router: router(parts) } })
    }

    /// The same gate with more endpoints.
    #[must_use]
    pub fn merge(mut self, endpoints: Router) -> Self {
        self.front.router = self.front.router.merge(endpoints);
        self
    }

    /// Serves until `shutdown` completes; then answers the requests under way and closes the connections, within
    /// [`DRAIN_MAX`]. Stop the intake after this has returned.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()> + Send) {
        listener::serve(listener, self.front, shutdown).await;
    }
}

fn router<R: Registry>(parts: GateParts<R>) -> Router {
    let turns: enrol::Turns = Arc::new(Semaphore::new(ENROLMENTS_MAX));
    Router::new()
        .route("/v1/enrol", post(enrol::enrol::<R>).layer(Extension(turns)))
        .route("/v1/reports", post(reports::reports::<R>))
        .route("/v1/resume", get(reports::resume::<R>))
        .route("/v1/time", get(time))
        .fallback(not_found::<R>)
        .method_not_allowed_fallback(method_not_allowed::<R>)
        .with_state(parts)
}

/// The server's wall clock, as `GET /v1/time` gives it.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct ServerTime {
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub unix_micros: i64,
}

async fn time() -> Json<ServerTime> {
    Json(ServerTime { unix_micros: clock::now().0 })
}

async fn not_found<R: Registry>(State(parts): State<GateParts<R>>) -> Response {
    Refusal::NotFound.answer(&parts.counters)
}

async fn method_not_allowed<R: Registry>(State(parts): State<GateParts<R>>) -> Response {
    Refusal::MethodNotAllowed.answer(&parts.counters)
}

/// A success or a refusal as an answer.
fn answer<R>(parts: &GateParts<R>, result: Result<impl IntoResponse, Refusal>) -> Response {
    match result {
        Ok(response) => response.into_response(),
        Err(refusal) => refusal.answer(&parts.counters),
    }
}
