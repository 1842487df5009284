//! `POST /v1/enrol`: a one-time token and a certificate request in, a device certificate out; and the steps that EST shares with it.
//!
//! Not the authority's template (`identity`), not the tokens' store (the registry), not EST's forms (`est`). Invariants: the certificate is in the
//! vault, then in the registry, then with the device; asking again after a lost answer gives the same certificate. Cost:
//! ~0.2 ms, one fdatasync of the vault, two transactions of the registry.

use super::body;
use super::counters::Counted;
use super::peer::Peer;
use super::problem::Refusal;
use super::registry::{Claim, Enrolment, Redeemed, Registry, Renewable, Renewal, TokenHash};
use super::{Works, answer};
use crate::auth::hex;
use crate::clock;
use crate::identity::{DEVICE_VALIDITY, DeviceCertificate, EnrolmentRequest, pem_of};
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
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
    State(works): State<Works<R>>,
    Extension(turns): Extension<Turns>,
    Extension(peer): Extension<Arc<Peer>>,
    request: Request<Body>,
) -> Response {
    answer(&works, certificate(&works, &turns, &peer, request).await.map(Json))
}

async fn certificate<R: Registry>(
    works: &Works<R>,
    turns: &Turns,
    peer: &Peer,
    request: Request<Body>,
) -> Result<EnrolmentAnswer, Refusal> {
    let body = body::read(request.into_body(), ENROLMENT_BYTES_MAX, |_| Ok(())).await?;
    let body: EnrolmentBody = serde_json::from_slice(&body).map_err(|_| Refusal::NotAnEnrolment)?;
    let request = EnrolmentRequest::parse_pem(&body.csr).map_err(Refusal::Request)?;
    let certificate = redeem(works, turns, peer.address, &body.token, &request).await?;
    let identity = &works.parts.identity;
    Ok(EnrolmentAnswer {
        certificate: pem_of(&certificate),
        ca: identity.authority().pem().to_owned(),
        receipt_key: hex(identity.receipt_key().verifying_key().as_bytes()),
    })
}

/// The certificate (DER) that a token gives to the device and key of a request.
pub(super) async fn redeem<R: Registry>(
    works: &Works<R>,
    turns: &Turns,
    address: IpAddr,
    token: &str,
    request: &EnrolmentRequest,
) -> Result<Vec<u8>, Refusal> {
    // The semaphore is never closed.
    let _turn = turns.acquire().await;
    let claim =
        Claim { token: TokenHash::of(token), device: request.device, key: request.key.to_bytes(), now: clock::now() };
    match works.parts.registry.redeem(&claim).await.map_err(Refusal::Registry)? {
        Redeemed::Granted => issue(works, request, &claim).await,
        Redeemed::Again(der) => Ok(der),
        Redeemed::Unknown => {
            works.door.strike(address);
            Err(Refusal::TokenUnknown)
        }
        Redeemed::Used => Err(Refusal::TokenUsed),
        Redeemed::Expired => Err(Refusal::TokenExpired),
        Redeemed::OtherDevice => Err(Refusal::TokenOtherDevice(claim.device)),
    }
}

async fn issue<R: Registry>(works: &Works<R>, request: &EnrolmentRequest, claim: &Claim) -> Result<Vec<u8>, Refusal> {
    let parts = &works.parts;
    let issued = parts.identity.authority().issue(request, claim.now, DEVICE_VALIDITY).map_err(Refusal::Issue)?;
    let position = parts.intake.enrolment(issued.der.clone()).await.map_err(Refusal::Intake)?;
    let (token, now, der) = (claim.token, claim.now, issued.der);
    let enrolment = Enrolment { token, certificate: issued.facts, der: der.clone(), position, now };
    parts.registry.enrolled(&enrolment).await.map_err(Refusal::Registry)?;
    parts.counters.count(Counted::Enrolled);
    Ok(der)
}

/// A new certificate (DER) for the device of `before`, which its connection showed.
pub(super) async fn renewal<R: Registry>(
    works: &Works<R>,
    turns: &Turns,
    before: &DeviceCertificate,
    request: &EnrolmentRequest,
) -> Result<Vec<u8>, Refusal> {
    let (parts, device) = (&works.parts, before.device);
    if request.device != device {
        return Err(Refusal::RenewalOfOther(request.device));
    }
    let _turn = turns.acquire().await;
    let key = request.key.to_bytes();
    match parts.registry.renewable(&device, before.fingerprint, key).await.map_err(Refusal::Registry)? {
        Renewable::Yes => {}
        Renewable::Again(der) => return Ok(der),
        Renewable::Revoked => return Err(Refusal::Revoked),
        Renewable::Superseded => return Err(Refusal::Superseded),
        Renewable::Unknown => return Err(Refusal::NotEnrolled),
    }
    let now = clock::now();
    let issued = parts.identity.authority().issue(request, now, DEVICE_VALIDITY).map_err(Refusal::Issue)?;
    let position = parts.intake.enrolment(issued.der.clone()).await.map_err(Refusal::Intake)?;
    let der = issued.der;
    let renewal = Renewal { before: before.fingerprint, certificate: issued.facts, der: der.clone(), position, now };
    if !parts.registry.renewed(&renewal).await.map_err(Refusal::Registry)? {
        return Err(Refusal::Superseded);
    }
    parts.counters.count(Counted::Renewed);
    Ok(der)
}
