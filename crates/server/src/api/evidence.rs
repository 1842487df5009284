//! One record of the vault: what it is, whether its signature holds, the proof that it is in the log, its bytes.
//!
//! Not a search. Invariant: a record of another tenant's device does not exist here. Cost: one read, one signature check, one
//! inclusion proof.

use super::evidence_log::Proven;
use super::input::Named;
use super::types::{Evidence, EvidenceKind, Problem, Proof, ReportHeader, ReportLosses, SignatureState};
use super::{ApiError, App};
use crate::auth::{Session, hex};
use crate::records::{device_of, keys_of, open_report, tenant_of};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use sha2::{Digest, Sha256};
use yagura_link::Header;
use yagura_model::DeviceId;
use yagura_store::{InclusionProof, Record, RecordKind};

/// Header in which a reader says why; it stands in the record of the read.
const REASON: &str = "yagura-reason";

/// One record and its proof.
#[utoipa::path(
    get, path = "/api/v1/evidence/{position}",
    params(
        ("position" = u64, Path, description = "Position in the vault"),
        ("yagura-reason" = Option<String>, Header, description = "Why it is read; stands in the record of the read")
    ),
    responses(
        (status = 200, description = "The record", body = Evidence),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn evidence(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    Named(position): Named<u64>,
) -> Result<Json<Evidence>, ApiError> {
    let (record, device) = own_record(&app, &session, position).await?;
    app.note_read(&session, "record", &[&record], why(&headers));
    let vault = app.vault.clone();
    let proof = tokio::task::spawn_blocking(move || vault.proof(position)).await;
    let (proof, archived) = match proof.map_err(ApiError::internal)?.map_err(ApiError::internal)? {
        Proven::Yes(proof) => (Some(proof_view(proof)), None),
        Proven::Soon => return Err(ApiError::NotCoveredYet(position)),
        Proven::WhenArchived(records) => (None, Some(records)),
    };
    let header = match record.kind {
        RecordKind::Report => yagura_link::peek(&record.payload).ok(),
        _ => None,
    };
    Ok(Json(Evidence {
        position,
        kind: kind(record.kind),
        received_time: record.received.into(),
        device: device.map(|device| device.to_string()),
        size: record.payload.len() as u64,
        sha256: hex(&Sha256::digest(&record.payload)),
        report: header.as_ref().map(report_header),
        signature: signature(&app, &record, device.as_ref()).await?,
        proof,
        archived,
    }))
}

/// The bytes of one record, as received.
#[utoipa::path(
    get, path = "/api/v1/evidence/{position}/raw",
    params(
        ("position" = u64, Path, description = "Position in the vault"),
        ("yagura-reason" = Option<String>, Header, description = "Why it is read; stands in the record of the read")
    ),
    responses(
        (status = 200, description = "The bytes", content_type = "application/octet-stream", body = String),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn evidence_raw(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    Named(position): Named<u64>,
) -> Result<impl IntoResponse, ApiError> {
    let (record, _) = own_record(&app, &session, position).await?;
    app.note_read(&session, "record's bytes", &[&record], why(&headers));
    let extension = match record.kind {
        RecordKind::Report => "cose",
        RecordKind::Enrolment => "der",
        RecordKind::Anomaly => "cbor",
        RecordKind::Foreign => "idsr",
        RecordKind::Logs => "logs",
        RecordKind::Custody => "json",
    };
    let name = format!("attachment; filename=\"record-{position}.{extension}\"");
    let headers = [(header::CONTENT_TYPE, "application/octet-stream".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, record.payload))
}

/// Why the reader reads, if they say so.
fn why(headers: &HeaderMap) -> Option<&str> {
    headers.get(REASON)?.to_str().ok()
}

/// The record, if it is one of the session's tenant, and its device, if it is one's.
pub(crate) async fn own_record(
    app: &App,
    session: &Session,
    position: u64,
) -> Result<(Record, Option<DeviceId>), ApiError> {
    let record = app.record(position).await?.ok_or(ApiError::NotFound("record"))?;
    tenant_of(&record).filter(|tenant| *tenant == session.tenant().name()).ok_or(ApiError::NotFound("record"))?;
    let device = device_of(&record);
    Ok((record, device))
}

async fn signature(app: &App, record: &Record, device: Option<&DeviceId>) -> Result<SignatureState, ApiError> {
    let Some(device) = device.filter(|_| record.kind == RecordKind::Report) else {
        return Ok(SignatureState::NotApplicable);
    };
    let keys = keys_of(&app.state, device).await?;
    let valid = open_report(&record.payload, &keys).is_ok();
    Ok(if valid { SignatureState::Valid } else { SignatureState::Invalid })
}

const fn kind(kind: RecordKind) -> EvidenceKind {
    match kind {
        RecordKind::Report => EvidenceKind::Report,
        RecordKind::Enrolment => EvidenceKind::Enrolment,
        // A custody record names no device, so it is no tenant's and is not shown.
        RecordKind::Anomaly | RecordKind::Custody => EvidenceKind::Anomaly,
        RecordKind::Foreign => EvidenceKind::Foreign,
        RecordKind::Logs => EvidenceKind::Logs,
    }
}

fn report_header(header: &Header) -> ReportHeader {
    ReportHeader {
        boot: header.boot,
        sequence: header.sequence,
        previous: hex(&header.previous.0),
        first: header.clock.unix(header.first).into(),
        last: header.clock.unix(header.last).into(),
        clock_uncertainty_us: header.clock.uncertainty,
        losses: ReportLosses {
            events: header.losses.events,
            frames: header.losses.frames,
            excerpts: header.losses.excerpts,
            reports: header.losses.reports,
        },
    }
}

fn proof_view(proof: InclusionProof) -> Proof {
    Proof {
        tree_size: proof.tree_size,
        root: proof.root.to_string(),
        leaf: proof.leaf.to_string(),
        hashes: proof.hashes.iter().map(ToString::to_string).collect(),
        checkpoint: proof.checkpoint,
    }
}
