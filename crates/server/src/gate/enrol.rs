//! `POST /v1/enrol`: a one-time token and a certificate request in, a device certificate out.
//!
//! Not the authority's template (`identity`) and not the tokens' store (the registry). Invariants: the certificate is in the
//! vault, then in the registry, then with the device; asking again after a lost answer gives the same certificate. Cost:
//! ~0.2 ms, one fdatasync of the vault, two transactions of the registry.

use super::body;
use super::counters::Counted;
use super::problem::Refusal;
use super::registry::{Claim, Enrolment, Redeemed, Registry, TokenHash};
use super::{GateParts, answer};
use crate::auth::hex;
use crate::clock;
use crate::identity::{DEVICE_VALIDITY, EnrolmentRequest, pem_of};
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The longest body of an enrolment.
pub const ENROLMENT_BYTES_MAX: usize = 16 * 1024;
/// Enrolments that use registry and vault at the same time; more wait their turn, so that strangers with guessed tokens cannot
/// crowd out reports.
pub const ENROLMENTS_MAX: usize = 4;

/// Whose turn it is to enrol.
pub(super) type Turns = Arc<Semaphore>;

/// What a device sends to enrol.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct EnrolmentBody {
    /// The one-time token.
    pub token: String,
    /// The certificate request, PKCS #10 in PEM.
    pub csr: String,
}

/// What a device gets when it enrols.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct EnrolmentAnswer {
    /// Its certificate, PEM.
    pub certificate: String,
    /// The root certificate of devices and gate, PEM.
    pub ca: String,
    /// The Ed25519 key that signs receipts, 64 hexadecimal digits.
    pub receipt_key: String,
}

/// Enrols a device.
pub(super) async fn enrol<R: Registry>(
    State(parts): State<GateParts<R>>,
    Extension(turns): Extension<Turns>,
    request: Request<Body>,
) -> Response {
    answer(&parts, certificate(&parts, &turns, request).await.map(Json))
}

async fn certificate<R: Registry>(
    parts: &GateParts<R>,
    turns: &Turns,
    request: Request<Body>,
) -> Result<EnrolmentAnswer, Refusal> {
    let body = body::read(request.into_body(), ENROLMENT_BYTES_MAX).await?;
    let body: EnrolmentBody = serde_json::from_slice(&body).map_err(|_| Refusal::NotAnEnrolment)?;
    let request = EnrolmentRequest::parse_pem(&body.csr).map_err(Refusal::Request)?;
    // The semaphore is never closed.
    let _turn = turns.acquire().await;
    let now = clock::now();
    let token = TokenHash::of(&body.token);
    let claim = Claim { token, device: request.device, key: request.key.to_bytes(), now };
    let certificate = match parts.registry.redeem(&claim).await.map_err(Refusal::Registry)? {
        Redeemed::Granted => issue(parts, &request, &claim).await?,
        Redeemed::Again(der) => pem_of(&der),
        Redeemed::Unknown => return Err(Refusal::TokenUnknown),
        Redeemed::Used => return Err(Refusal::TokenUsed),
        Redeemed::Expired => return Err(Refusal::TokenExpired),
        Redeemed::OtherDevice => return Err(Refusal::TokenOtherDevice(claim.device)),
    };
    Ok(EnrolmentAnswer {
        certificate,
        ca: parts.identity.authority().pem().to_owned(),
        receipt_key: hex(parts.identity.receipt_key().verifying_key().as_bytes()),
    })
}

async fn issue<R: Registry>(
    parts: &GateParts<R>,
    request: &EnrolmentRequest,
    claim: &Claim,
) -> Result<String, Refusal> {
    let issued = parts.identity.authority().issue(request, claim.now, DEVICE_VALIDITY).map_err(Refusal::Issue)?;
    let position = parts.intake.enrolment(issued.der.clone()).await.map_err(Refusal::Intake)?;
    let (token, now) = (claim.token, claim.now);
    let enrolment = Enrolment { token, certificate: issued.facts, der: issued.der, position, now };
    parts.registry.enrolled(&enrolment).await.map_err(Refusal::Registry)?;
    parts.counters.count(Counted::Enrolled);
    Ok(issued.pem)
}
