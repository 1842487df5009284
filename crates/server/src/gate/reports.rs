//! `POST /v1/reports` and `GET /v1/resume`: a device's own reports, one a request.
//!
//! Not the judgement of order (that is `link`, called by `intake`). Order of checks: who is connected, room, size, form, name,
//! signature, and only then the chain; nothing is written for somebody without a valid device certificate.

use super::body;
use super::counters::Counted;
use super::peer::{DevicePeer, Peer};
use super::problem::Refusal;
use super::registry::Registry;
use super::{GateParts, answer};
use crate::clock;
use crate::intake::{
    AnomalyRecord, LINK_BAD_SIGNATURE, LINK_MALFORMED, LINK_OVERSIZE, LINK_WRONG_DEVICE, NotTaken, Verified,
};
use crate::traces::{self, Root};
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use yagura_link::{Digest, Header, Limits, OpenError, REPORT_BYTES_MAX};
use yagura_model::UnixMicros;

/// Request header with the device's own wall clock when it sent the request, µs since 1970.
pub const SENT_HEADER: HeaderName = HeaderName::from_static("yagura-time");
/// Content type of reports and receipts (RFC 9052, section 2).
const COSE_SIGN1: &str = "application/cose; cose-type=\"cose-sign1\"";

/// Takes one report and answers with its receipt.
pub(super) async fn reports<R: Registry>(
    State(parts): State<GateParts<R>>,
    Extension(peer): Extension<Peer>,
    request: Request<Body>,
) -> Response {
    let trace = traces::root();
    let receipt = take(&parts, &peer, request, trace.as_ref()).await;
    if let Some(trace) = trace {
        let (bytes, status) = receipt.as_ref().map_or((0, 0), |receipt| (receipt.len(), 200));
        trace.answered(bytes, status);
    }
    answer(&parts, receipt.map(|receipt| ([(CONTENT_TYPE, COSE_SIGN1)], receipt)))
}

async fn take<R: Registry>(
    parts: &GateParts<R>,
    peer: &Peer,
    request: Request<Body>,
    trace: Option<&Root>,
) -> Result<Vec<u8>, Refusal> {
    let device = peer.device(&*parts.registry).await?;
    let (sent, announced) = (number(request.headers(), &SENT_HEADER), number(request.headers(), &CONTENT_LENGTH));
    let announced = announced.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(REPORT_BYTES_MAX);
    let room = parts.intake.room(announced.min(REPORT_BYTES_MAX)).map_err(Refusal::Intake)?;
    let bytes = match body::read(request.into_body(), REPORT_BYTES_MAX).await {
        Ok(bytes) => bytes,
        Err(refusal) => return Err(recorded(parts, device, refusal, None).await),
    };
    let (header, digest) = match open(device, &bytes) {
        Ok(opened) => opened,
        Err(refusal) => return Err(recorded(parts, device, refusal, Some(Digest::of(&bytes).0)).await),
    };
    let report = Verified { header, digest, bytes, sent: sent.map(UnixMicros) };
    let traced = trace.map(|trace| (trace, clock::now()));
    let taken = parts.intake.report(report, room).await.map_err(|not| match not {
        NotTaken::Stale(stale) => Refusal::Stale(stale),
        NotTaken::Not(error) => Refusal::Intake(error),
    })?;
    if let Some((trace, handed_in)) = traced {
        trace.durable(taken.receipt.position, handed_in);
    }
    parts.counters.count(if taken.repeated { Counted::Duplicate } else { Counted::Accepted });
    Ok(taken.receipt.seal(parts.identity.receipt_key()))
}

/// Verifies a report of `peer`. The body is decompressed once to know that it can be; the pipeline does it again.
fn open(peer: &DevicePeer, bytes: &[u8]) -> Result<(Header, Digest), Refusal> {
    let claimed = yagura_link::peek(bytes).map_err(unreadable)?.device;
    if claimed != peer.id() {
        return Err(Refusal::WrongDevice(claimed));
    }
    let opened = yagura_link::open(bytes, &peer.certificate.key, &Limits::default()).map_err(unreadable)?;
    Ok((opened.header, opened.digest))
}

fn unreadable(error: OpenError) -> Refusal {
    match error {
        OpenError::BadSignature => Refusal::BadSignature,
        OpenError::TooLarge { bytes, max, .. } => {
            Refusal::TooLarge { bytes, max: u64::try_from(max).unwrap_or(u64::MAX) }
        }
        other => Refusal::Malformed(other),
    }
}

/// The refusal, after the vault has what is the device's own doing in it.
async fn recorded<R>(parts: &GateParts<R>, peer: &DevicePeer, refusal: Refusal, report: Option<[u8; 32]>) -> Refusal {
    if let Some(record) = anomaly(peer, &refusal) {
        parts.intake.anomaly(AnomalyRecord { report, ..record }).await;
    }
    refusal
}

/// What the vault keeps of a refusal that is the device's own doing.
fn anomaly(peer: &DevicePeer, refusal: &Refusal) -> Option<AnomalyRecord> {
    let record = |event| AnomalyRecord::one(event, peer.id(), clock::now());
    let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    match refusal {
        Refusal::Malformed(_) => Some(record(LINK_MALFORMED)),
        Refusal::BadSignature => Some(record(LINK_BAD_SIGNATURE)),
        Refusal::TooLarge { bytes, max } => Some(record(LINK_OVERSIZE).numbers(signed(*max), signed(*bytes))),
        Refusal::WrongDevice(claimed) => Some(AnomalyRecord { claimed: Some(*claimed), ..record(LINK_WRONG_DEVICE) }),
        _ => None,
    }
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Option<i64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// Where a device may go on, as `GET /v1/resume` gives it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ResumePoint {
    /// Boot of the last durable report.
    pub boot: u64,
    /// Its sequence.
    pub sequence: u64,
    /// Its SHA-256, 64 hexadecimal digits.
    pub digest: String,
}

/// The last durable report of the device.
pub(super) async fn resume<R: Registry>(
    State(parts): State<GateParts<R>>,
    Extension(peer): Extension<Peer>,
) -> Response {
    answer(&parts, last(&parts, &peer).await)
}

async fn last<R: Registry>(parts: &GateParts<R>, peer: &Peer) -> Result<Response, Refusal> {
    let device = peer.device(&*parts.registry).await?;
    let last = parts.intake.resume(device.id()).await.map_err(Refusal::Intake)?;
    Ok(match last {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(last) => {
            let (boot, sequence, digest) = (last.boot, last.sequence, last.digest.to_string());
            Json(ResumePoint { boot, sequence, digest }).into_response()
        }
    })
}
