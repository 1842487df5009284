//! The door for devices: TLS with device certificates, enrolment, reports in, receipts out.
//!
//! Not the API for people (that is `api`) and not the writer of the vault (that is `intake`). Interface, status codes and the
//! table of anomalies: docs/format/gate.md; identity: ADR-0011; edge and EST: ADR-0024. Invariants: a report is opened with the key of
//! the certificate of its connection and no other; a receipt leaves only for what is durable; every refusal is counted, and
//! what a known device did wrong is a record of the vault. Cost of a report: ~60 µs of one core besides TLS, and its share of one fdatasync.

mod body;
mod bucket;
mod capacity;
mod checks;
mod conduct;
mod counters;
mod door;
mod enrol;
mod est;
mod fair;
mod listener;
mod peer;
mod penalty;
mod pressure;
mod problem;
mod quota;
mod registry;
mod reports;
mod standing;
mod tls;
mod verifier;

pub use body::BODY_READ_MAX;
pub use bucket::{BURST_SECONDS, Rate};
pub use capacity::{CONNECTIONS_MAX, Capacity, DESCRIPTORS_RESERVED};
pub use conduct::{DEVICE_PENALTY_MAX, DEVICE_STRIKES_MAX, UNDER_WAY_PER_DEVICE_MAX};
pub use counters::{Counted, Counters};
pub use door::{
    ADDRESS_PENALTY_MAX, ADDRESS_STRIKES_MAX, CONNECTIONS_PER_DEVICE_MAX, HALF_OPEN_PER_ADDRESS_MAX, STRANGERS_MAX,
};
pub use enrol::{ENROLMENT_BYTES_MAX, ENROLMENTS_MAX, EnrolmentAnswer, EnrolmentBody};
pub use est::RECEIPT_KEY_HEADER;
pub use fair::{WAITING_MAX, WAITING_PER_DEVICE_MAX};
pub use listener::{
    DRAIN_MAX, HANDSHAKE_MAX, IDLE_MAX, REQUEST_HEAD_BYTES_MAX, STRANGER_IDLE_MAX, STRANGER_LIFE_MAX,
    STREAMS_PER_CONNECTION_MAX,
};
pub use penalty::WATCHED_MAX;
pub use pressure::BUSY_PAUSE_MAX;
pub use quota::{Metered, OverQuota, Quota, QuotaError, Quotas, RawQuota, RawQuotas};
pub use registry::{
    Change, Claim, Enrolled, Enrolment, Redeemed, Registry, RegistryError, Renewable, Renewal, Revocation, TokenHash,
};
pub use reports::{ResumePoint, SENT_HEADER};
pub use standing::REVOCATION_LAG_MAX;
pub use tls::TlsError;
pub use verifier::{KNOWN_MAX, RENEWAL_GRACE};

use crate::clock;
use crate::happenings::{GateLimited, emit};
use crate::identity::Identity;
use crate::intake::Intake;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use checks::Checks;
use conduct::Conduct;
use door::Door;
use listener::Front;
use problem::Refusal;
use serde::{Deserialize, Serialize};
use standing::Standings;
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
    /// How much devices and tenants may send.
    pub quotas: Quotas,
}

impl<R> Clone for GateParts<R> {
    fn clone(&self) -> Self {
        Self {
            identity: Arc::clone(&self.identity),
            registry: Arc::clone(&self.registry),
            intake: self.intake.clone(),
            counters: Arc::clone(&self.counters),
            quotas: self.quotas.clone(),
        }
    }
}

/// What every handler needs. Cheap to clone.
struct Works<R> {
    parts: Arc<GateParts<R>>,
    standings: Arc<Standings>,
    conduct: Arc<Conduct>,
    checks: Arc<Checks>,
    door: Door,
}

impl<R> Clone for Works<R> {
    fn clone(&self) -> Self {
        Self {
            parts: Arc::clone(&self.parts),
            standings: Arc::clone(&self.standings),
            conduct: Arc::clone(&self.conduct),
            checks: Arc::clone(&self.checks),
            door: self.door.clone(),
        }
    }
}

/// The gate, ready to serve.
pub struct Gate<R> {
    front: Front,
    works: Works<R>,
}

impl<R: Registry> Gate<R> {
    /// Prepares TLS, the endpoints and the threads that check reports; raises the process's limit of file descriptors.
    ///
    /// # Errors
    /// [`TlsError`]
    pub fn new(parts: GateParts<R>) -> Result<Self, TlsError> {
        let (config, verifier) = tls::server_config(&parts.identity)?;
        let (counters, door) = (Arc::clone(&parts.counters), Door::new());
        let works = Works {
            standings: Arc::default(),
            conduct: Arc::new(Conduct::new(parts.quotas.clone())),
            checks: Arc::new(Checks::start().map_err(TlsError::Threads)?),
            door: door.clone(),
            parts: Arc::new(parts),
        };
        let (router, capacity) = (router(works.clone()), Capacity::of_process());
        let front = Front { tls: TlsAcceptor::from(config), verifier, door, capacity, router, counters };
        Ok(Self { front, works })
    }

    /// The same gate with more endpoints.
    #[must_use]
    pub fn merge(mut self, endpoints: Router) -> Self {
        self.front.router = self.front.router.merge(endpoints);
        self
    }

    /// Serves until `shutdown` completes; then answers the requests under way and closes the connections, within
    /// [`DRAIN_MAX`]. Stop the intake after this has returned. Says so if the system allows fewer connections than it could take.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()> + Send) {
        let capacity = self.front.capacity;
        if capacity.is_limited() {
            emit(&GateLimited { capacity });
        }
        let watching = standing::watch(self.works.parts, self.works.standings);
        tokio::select! {
            () = listener::serve(listener, self.front, shutdown) => {}
            () = watching => {}
        }
    }
}

fn router<R: Registry>(works: Works<R>) -> Router {
    let turns: enrol::Turns = Arc::new(Semaphore::new(ENROLMENTS_MAX));
    let enrolling = Router::new()
        .route("/v1/enrol", post(enrol::enrol::<R>))
        .route("/.well-known/est/cacerts", get(est::authority::<R>))
        .route("/.well-known/est/csrattrs", get(est::attributes))
        .route("/.well-known/est/simpleenroll", post(est::enrol::<R>))
        .route("/.well-known/est/simplereenroll", post(est::renew::<R>))
        .layer(Extension(turns));
    Router::new()
        .route("/v1/reports", post(reports::reports::<R>))
        .route("/v1/resume", get(reports::resume::<R>))
        .route("/v1/time", get(time))
        .merge(enrolling)
        .fallback(not_found::<R>)
        .method_not_allowed_fallback(method_not_allowed::<R>)
        .with_state(works)
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

async fn not_found<R: Registry>(State(works): State<Works<R>>) -> Response {
    Refusal::NotFound.answer(&works.parts.counters)
}

async fn method_not_allowed<R: Registry>(State(works): State<Works<R>>) -> Response {
    Refusal::MethodNotAllowed.answer(&works.parts.counters)
}

/// A success or a refusal as an answer.
fn answer<R>(works: &Works<R>, result: Result<impl IntoResponse, Refusal>) -> Response {
    match result {
        Ok(response) => response.into_response(),
        Err(refusal) => refusal.answer(&works.parts.counters),
    }
}
