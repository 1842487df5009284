//! Who read evidence of the session's tenant: custody records of the vault, newest first, a stretch of the vault at a time.
//!
//! Not an index: it looks through at most [`LOOKED_THROUGH_MAX`] records a request and says where to go on. Invariant: a read of another
//! tenant's evidence is not shown. Cost: the records of that stretch are read.

use super::input::Asked;
use super::types::{EvidenceRead, EvidenceReads, Problem};
use super::{ApiError, App};
use crate::auth::Session;
use crate::records::accessed;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;

/// Records that one request looks through.
pub const LOOKED_THROUGH_MAX: u64 = 20_000;

/// What may be asked.
#[derive(Deserialize)]
pub(crate) struct Stretch {
    before: Option<u64>,
}

/// Who read evidence, newest first.
#[utoipa::path(
    get, path = "/api/v1/evidence/reads",
    params(("before" = Option<u64>, Query, description = "Look before this position in the vault; at its end if not said")),
    responses(
        (status = 200, description = "The reads of a stretch of the vault", body = EvidenceReads),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn evidence_reads(
    State(app): State<App>,
    session: Session,
    Asked(asked): Asked<Stretch>,
) -> Result<Json<EvidenceReads>, ApiError> {
    let (vault, tenant) = (app.vault.clone(), session.tenant().to_string());
    let looked = tokio::task::spawn_blocking(move || {
        let end = asked.before.unwrap_or(u64::MAX).min(vault.records()?.0);
        let start = end.saturating_sub(LOOKED_THROUGH_MAX);
        let mut reads = Vec::new();
        for record in vault.custody(start..end)? {
            let access = accessed(&record).filter(|access| access.tenant.as_deref() == Some(tenant.as_str()));
            reads.extend(access.map(|access| EvidenceRead {
                position: record.position.0,
                recorded: record.received.into(),
                first: access.first.unwrap_or(record.received).into(),
                last: access.last.unwrap_or(record.received).into(),
                by: access.by,
                how: access.how,
                asked: access.asked,
                why: access.why,
                records: access.records,
                times: access.times,
            }));
        }
        reads.reverse();
        Ok::<_, super::EvidenceLogError>(EvidenceReads { reads, before: (start > 0).then_some(start) })
    });
    Ok(Json(looked.await.map_err(ApiError::internal)?.map_err(ApiError::internal)?))
}
