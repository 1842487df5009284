//! Log lines of back ends over HTTP, on the gate's TLS port: JSON lines and OTLP logs, let in by a token of their source.
//!
//! Not the lines' meaning (that is `sources`, in the pipeline). Interface: docs/format/sources.md. Order of checks: token, room, size, form,
//! and only then the lines. Invariants: 200 only for what is durable, as it came; a bad line costs only itself and is named; nothing is
//! written for somebody without a token. Cost: lines are walked once here (to name the bad ones) and once in the pipeline.

mod answer;

pub use answer::BAD_LINES_NAMED_MAX;

use super::counters::{Counted, Counters};
use super::sources::Sources;
use crate::intake::{Intake, Room};
use answer::{Accepted, Refused};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use yagura_model::DeviceId;
use yagura_sources::{Encoding, Form, LOG_BODY_BYTES_MAX, LogRecord, LogSource, ReadError, Source, each_row, inflate};
use yagura_store::RecordKind;

/// How long the body of a request may take.
pub const LOG_BODY_READ_MAX: Duration = Duration::from_secs(30);
/// How much of a body that is too large is thrown away before the answer.
const DISCARD_BYTES_MAX: usize = 8 << 20;
/// Requests whose lines are walked at the same time; more are turned away, so that logs cannot crowd out reports.
pub const LOG_REQUESTS_MAX: usize = 16;

/// What the way for logs works with.
#[derive(Clone)]
pub struct LogParts {
    /// Who may send.
    pub sources: Arc<Sources>,
    /// Where records go.
    pub intake: Intake,
    /// What is counted.
    pub counters: Arc<Counters>,
}

#[derive(Clone)]
struct Works {
    parts: LogParts,
    turns: Arc<Semaphore>,
}

/// The endpoints, to be added to the gate's.
pub fn router(parts: LogParts) -> Router {
    Router::new()
        .route("/v1/logs", post(otlp))
        .route("/v1/logs/{source}", post(lines))
        .with_state(Works { parts, turns: Arc::new(Semaphore::new(LOG_REQUESTS_MAX)) })
}

/// JSON lines.
async fn lines(State(works): State<Works>, Path(source): Path<String>, request: Request<Body>) -> Response {
    respond(&works, take(&works, Some(&source), Form::JsonLines, request).await)
}

/// OTLP; the token says which source.
async fn otlp(State(works): State<Works>, request: Request<Body>) -> Response {
    let media = header(request.headers(), &CONTENT_TYPE).unwrap_or_default();
    let form = match media.split(';').next().unwrap_or_default().trim() {
        "application/x-protobuf" => Form::OtlpProtobuf,
        "application/json" => Form::OtlpJson,
        other => return respond(&works, Err(Refused::Media(other.to_owned()))),
    };
    respond(&works, take(&works, None, form, request).await)
}

fn respond(works: &Works, taken: Result<Accepted, Refused>) -> Response {
    match taken {
        Ok(accepted) => {
            let counters = &works.parts.counters;
            counters.count(Counted::LogBatch);
            counters.add(Counted::LogLine, accepted.accepted);
            counters.add(Counted::LogLineUnreadable, accepted.unreadable);
            accepted.into_response()
        }
        Err(refused) => {
            works.parts.counters.count(refused.counted());
            refused.into_response()
        }
    }
}

async fn take(works: &Works, named: Option<&str>, form: Form, request: Request<Body>) -> Result<Accepted, Refused> {
    let headers = request.headers();
    let (source, logs) = source(&works.parts.sources, headers, named)?;
    let encoding = header(headers, &CONTENT_ENCODING).unwrap_or("identity");
    let encoding = Encoding::of(encoding).ok_or_else(|| Refused::Encoding(encoding.to_owned()))?;
    let announced = header(headers, &CONTENT_LENGTH).and_then(|text| text.parse().ok()).unwrap_or(LOG_BODY_BYTES_MAX);
    let turn = Arc::clone(&works.turns).try_acquire_owned().map_err(|_| Refused::Busy)?;
    let room = works.parts.intake.room(announced.clamp(1, LOG_BODY_BYTES_MAX)).map_err(Refused::Intake)?;
    let body = read(request.into_body()).await?;
    let (source, mapping) = (Arc::clone(source), logs.clone());
    let walked = spawn_blocking(move || {
        let walked = walk(&source, &mapping, form, encoding, &body);
        drop(turn);
        walked
    });
    let (payload, accepted, owner) = walked.await.map_err(|_| Refused::Broken)??;
    keep(&works.parts.intake, payload, &owner, room).await?;
    Ok(accepted)
}

async fn keep(intake: &Intake, payload: Bytes, owner: &DeviceId, room: Room) -> Result<(), Refused> {
    intake.evidence(RecordKind::Logs, owner, payload, room).await.map(drop).map_err(Refused::Intake)
}

/// The source that the token of a request lets in; it must be the one that the path names, if it names one.
fn source<'s>(
    sources: &'s Sources,
    headers: &HeaderMap,
    named: Option<&str>,
) -> Result<(&'s Arc<Source>, &'s LogSource), Refused> {
    let token =
        header(headers, &AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer ")).ok_or(Refused::NoToken)?;
    let (source, logs) = sources.of_token(token.trim()).ok_or(Refused::UnknownToken)?;
    match named {
        Some(named) if named != source.name.as_str() => Err(Refused::OtherSource(named.to_owned())),
        _ => Ok((source, logs)),
    }
}

/// Inflates and walks a body: the record for the vault, and what is answered.
fn walk(
    source: &Source,
    logs: &LogSource,
    form: Form,
    encoding: Encoding,
    body: &[u8],
) -> Result<(Bytes, Accepted, DeviceId), Refused> {
    let inflated = inflate(encoding, body).map_err(Refused::Inflate)?;
    let mut accepted = Accepted::new(form);
    let count =
        each_row(&logs.mapping, form, &inflated, |number, row| accepted.take(number, &row)).map_err(Refused::Lines)?;
    let record = LogRecord {
        tenant: source.tenant,
        source: source.name,
        form,
        encoding,
        mapping: logs.mapping_json.clone(),
        lines: u32::try_from(count).unwrap_or(u32::MAX),
        body,
    };
    let payload = record.encode().map_err(|error| Refused::Lines(ReadError::Record(error)))?;
    // No device: tenant and source, with whose records these stand in one order.
    let owner = DeviceId { tenant: source.tenant, vehicle: source.name, sensor: logs.mapping.product() };
    Ok((payload.into(), accepted, owner))
}

/// The body. One that is too large is read on and thrown away for a moment, because a peer that is still sending when the connection
/// closes would see a reset instead of the answer.
async fn read(body: Body) -> Result<Bytes, Refused> {
    let read = timeout(LOG_BODY_READ_MAX, async {
        let (mut chunks, mut kept, mut bytes) = (body.into_data_stream(), Vec::new(), 0_usize);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| Refused::TooSlow)?;
            bytes = bytes.saturating_add(chunk.len());
            if bytes <= LOG_BODY_BYTES_MAX {
                kept.extend_from_slice(&chunk);
            } else if bytes > LOG_BODY_BYTES_MAX + DISCARD_BYTES_MAX {
                break;
            }
        }
        if bytes > LOG_BODY_BYTES_MAX { Err(Refused::TooLarge(bytes)) } else { Ok(Bytes::from(kept)) }
    });
    read.await.map_err(|_| Refused::TooSlow)?
}

fn header<'h>(headers: &'h HeaderMap, name: &axum::http::HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}
