//! `POST /v1/reports` and `GET /v1/resume`: a device's own reports, one a request.
//!
//! Not the judgement of order (that is `link`, called by `intake`). Cheap checks come first: who is connected, its conduct and quota
//! (nothing of the body is kept until then), room, size, form, name; then the signature, in turn with other devices; then
//! the chain. Nothing is written for somebody without a valid device certificate.

use super::body;
use super::checks::{Checked, NotChecked};
use super::counters::Counted;
use super::fair::WAITING_PER_DEVICE_MAX;
use super::peer::{DevicePeer, Peer};
use super::problem::Refusal;
use super::registry::Registry;
use super::{Works, answer};
use crate::clock;
use crate::intake::{
    AnomalyRecord, IntakeError, LINK_BAD_SIGNATURE, LINK_MALFORMED, LINK_OVERSIZE, LINK_THROTTLED, LINK_WRONG_DEVICE,
    NotTaken, Verified,
};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use yagura_link::{Digest, OpenError, REPORT_BYTES_MAX};
use yagura_model::UnixMicros;

/// Request header with the device's own wall clock when it sent the request, µs since 1970.
pub const SENT_HEADER: HeaderName = HeaderName::from_static("yagura-time");
/// Content type of reports and receipts (RFC 9052, section 2).
const COSE_SIGN1: &str = "application/cose; cose-type=\"cose-sign1\"";

/// Takes one report and answers with its receipt.
pub(super) async fn reports<R: Registry>(
    State(works): State<Works<R>>,
    Extension(peer): Extension<Arc<Peer>>,
    request: Request<Body>,
) -> Response {
    let receipt = take(&works, &peer, request).await;
    answer(&works, receipt.map(|receipt| ([(CONTENT_TYPE, COSE_SIGN1)], receipt)))
}

async fn take<R: Registry>(works: &Works<R>, peer: &Peer, request: Request<Body>) -> Result<Vec<u8>, Refusal> {
    let device = peer.device(&*works.parts.registry, &works.standings).await?;
    let headers = request.headers();
    let (sent, announced) = (number(headers, &SENT_HEADER), number(headers, &CONTENT_LENGTH));
    let announced = announced.and_then(|bytes| u32::try_from(bytes).ok()).unwrap_or(0);
    let under_way = match works.conduct.admit(device.id(), announced) {
        Ok(under_way) => under_way,
        Err(refusal) => {
            body::discard(request.into_body(), REPORT_BYTES_MAX).await;
            return Err(recorded(works, device, refusal, None).await);
        }
    };
    let busy = |error| match error {
        IntakeError::Busy => Refusal::Busy(works.conduct.turned_away()),
        other => Refusal::Intake(other),
    };
    let mut room = works.parts.intake.room(0).map_err(busy)?;
    let hold = |bytes| works.parts.intake.room(bytes).map(|more| room.merge(more)).map_err(busy);
    let bytes = match body::read(request.into_body(), REPORT_BYTES_MAX, hold).await {
        Ok(bytes) => bytes,
        Err(refusal) => return Err(recorded(works, device, refusal, None).await),
    };
    let checked = match open(works, device, bytes.clone()).await {
        Ok(checked) => checked,
        Err(refusal) => return Err(recorded(works, device, refusal, Some(Digest::of(&bytes).0)).await),
    };
    let more_bytes = u32::try_from(bytes.len()).unwrap_or(u32::MAX).saturating_sub(announced);
    works.conduct.opened(&device.id(), checked.entries, more_bytes);
    let report = Verified { header: checked.header, digest: checked.digest, bytes, sent: sent.map(UnixMicros) };
    let taken = match works.parts.intake.report(report, room).await {
        Ok(taken) => taken,
        Err(NotTaken::Not(error)) => return Err(busy(error)),
        Err(NotTaken::Stale(stale)) => {
            works.conduct.strike(device.id());
            return Err(Refusal::Stale(stale));
        }
    };
    drop(under_way);
    works.conduct.taken();
    works.parts.counters.count(if taken.repeated { Counted::Duplicate } else { Counted::Accepted });
    Ok(taken.receipt.seal(works.parts.identity.receipt_key()))
}

/// Verifies a report of `peer`. What is cheap to see is seen before it waits for its signature to be checked. The body is decompressed
/// once to know that it can be; the pipeline does it again.
async fn open<R>(works: &Works<R>, peer: &DevicePeer, bytes: Bytes) -> Result<Checked, Refusal> {
    let claimed = yagura_link::peek(&bytes).map_err(unreadable)?.device;
    if claimed != peer.id() {
        return Err(Refusal::WrongDevice(claimed));
    }
    works.checks.open(Arc::clone(&peer.certificate), bytes).await.map_err(|not| match not {
        NotChecked::Bad(error) => unreadable(error),
        NotChecked::DeviceBusy => Refusal::DeviceBusy(WAITING_PER_DEVICE_MAX),
        NotChecked::Busy => Refusal::Busy(works.conduct.turned_away()),
    })
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
async fn recorded<R>(works: &Works<R>, peer: &DevicePeer, refusal: Refusal, report: Option<[u8; 32]>) -> Refusal {
    if let Some(record) = anomaly(peer, &refusal) {
        if record.event != LINK_THROTTLED {
            works.conduct.strike(peer.id());
        }
        works.parts.intake.anomaly(AnomalyRecord { report, ..record }).await;
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
        Refusal::OverQuota(over) => {
            let seconds = i64::try_from(over.wait.as_secs()).unwrap_or(i64::MAX).saturating_add(1);
            Some(record(LINK_THROTTLED).numbers(i64::from(over.per_second), seconds))
        }
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
    State(works): State<Works<R>>,
    Extension(peer): Extension<Arc<Peer>>,
) -> Response {
    answer(&works, last(&works, &peer).await)
}

async fn last<R: Registry>(works: &Works<R>, peer: &Peer) -> Result<Response, Refusal> {
    let device = peer.device(&*works.parts.registry, &works.standings).await?;
    let last = works.parts.intake.resume(device.id()).await.map_err(Refusal::Intake)?;
    Ok(match last {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(last) => {
            let (boot, sequence, digest) = (last.boot, last.sequence, last.digest.to_string());
            Json(ResumePoint { boot, sequence, digest }).into_response()
        }
    })
}
