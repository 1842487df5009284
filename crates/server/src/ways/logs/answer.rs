//! What a back end is answered: how many lines became rows, which did not and why; or why nothing was taken.
//!
//! Not a decision. JSON lines are answered with JSON, OTLP as OTLP says (`ExportLogsServiceResponse`), refusals with
//! `application/problem+json` (RFC 9457). Invariants: only 429 and 503 mean "send the same again", and they say when (`Retry-After`);
//! at most [`BAD_LINES_NAMED_MAX`] bad lines are named, all are counted.

use super::Counted;
use crate::api::types::Problem;
use crate::auth::hex;
use crate::happenings::chain;
use crate::intake::IntakeError;
use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
use prost::Message;
use serde::Serialize;
use yagura_sources::{Form, InflateError, LOG_BODY_BYTES_MAX, LineError, LineRow, ReadError};

/// Bad lines that an answer names.
pub const BAD_LINES_NAMED_MAX: usize = 100;

/// What became of the lines of a request. Those that could not be read are kept all the same.
#[derive(Serialize)]
pub(super) struct Accepted {
    #[serde(skip)]
    form: FormOf,
    /// Lines that became rows.
    pub(super) accepted: u64,
    /// Lines that did not.
    pub(super) unreadable: u64,
    /// The first of them.
    bad_lines: Vec<BadLine>,
}

#[derive(Serialize)]
struct BadLine {
    line: u32,
    error: String,
}

struct FormOf(Form);

impl Accepted {
    pub(super) const fn new(form: Form) -> Self {
        Self { form: FormOf(form), accepted: 0, unreadable: 0, bad_lines: Vec::new() }
    }

    pub(super) fn take(&mut self, line: u32, row: &Result<LineRow<'_>, LineError>) {
        let Err(error) = row else {
            self.accepted += 1;
            return;
        };
        self.unreadable += 1;
        if self.bad_lines.len() < BAD_LINES_NAMED_MAX {
            self.bad_lines.push(BadLine { line, error: error.to_string() });
        }
    }

    fn otlp(&self) -> ExportLogsServiceResponse {
        let named: Vec<String> = self.bad_lines.iter().map(|bad| format!("{}: {}", bad.line, bad.error)).collect();
        let partial = ExportLogsPartialSuccess {
            rejected_log_records: i64::try_from(self.unreadable).unwrap_or(i64::MAX),
            error_message: named.join("; "),
        };
        ExportLogsServiceResponse { partial_success: Some(partial).filter(|_| self.unreadable > 0) }
    }
}

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        match self.form.0 {
            Form::JsonLines => Json(self).into_response(),
            Form::OtlpJson => Json(self.otlp()).into_response(),
            Form::OtlpProtobuf => {
                ([(CONTENT_TYPE, "application/x-protobuf")], self.otlp().encode_to_vec()).into_response()
            }
        }
    }
}

/// Why nothing of a request was taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("the request has no bearer token")]
    NoToken,
    #[error("this token is no source's")]
    UnknownToken,
    #[error("this token is not that of source {0:?}")]
    OtherSource(String),
    #[error("content type {0:?}, expected application/x-protobuf or application/json")]
    Media(String),
    #[error("content encoding {0:?}, expected gzip, zstd or identity")]
    Encoding(String),
    #[error("{0} bytes, or more, exceed the limit of {LOG_BODY_BYTES_MAX}")]
    TooLarge(usize),
    #[error("the body did not arrive within {} s", super::LOG_BODY_READ_MAX.as_secs())]
    TooSlow,
    #[error(transparent)]
    Inflate(InflateError),
    #[error(transparent)]
    Lines(ReadError),
    #[error("the server is busy with other logs")]
    Busy,
    #[error(transparent)]
    Intake(IntakeError),
    #[error("the lines could not be walked")]
    Broken,
}

const CORRECT: &str = "correct the request; the same would be refused again";
const SMALLER: &str = "send fewer lines a request";
const LATER: &str = "send the same again after the seconds that Retry-After names";

impl Refused {
    /// Status, stable name, next step: the one place that knows.
    const fn words(&self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::NoToken => (S::UNAUTHORIZED, "no-token", "send `Authorization: Bearer TOKEN`"),
            Self::UnknownToken => (S::FORBIDDEN, "unknown-token", "ask the operator for a token of this source"),
            Self::OtherSource(_) => (S::FORBIDDEN, "other-source", "send to the path of the token's own source"),
            Self::Media(_) => (S::UNSUPPORTED_MEDIA_TYPE, "media-type", CORRECT),
            Self::Encoding(_) => (S::UNSUPPORTED_MEDIA_TYPE, "content-encoding", CORRECT),
            Self::TooLarge(_) => (S::PAYLOAD_TOO_LARGE, "too-large", SMALLER),
            Self::Inflate(InflateError::TooLarge) => (S::PAYLOAD_TOO_LARGE, "inflates-too-large", SMALLER),
            Self::Lines(ReadError::TooManyLines) => (S::PAYLOAD_TOO_LARGE, "too-many-lines", SMALLER),
            Self::TooSlow => (S::REQUEST_TIMEOUT, "too-slow", "send the same again"),
            Self::Inflate(_) | Self::Lines(_) => (S::BAD_REQUEST, "malformed", CORRECT),
            Self::Busy => (S::TOO_MANY_REQUESTS, "busy", LATER),
            Self::Intake(error) => (S::SERVICE_UNAVAILABLE, error.name(), LATER),
            Self::Broken => (S::SERVICE_UNAVAILABLE, "broken", LATER),
        }
    }

    /// Under which kind this is counted.
    pub(super) const fn counted(&self) -> Counted {
        match self.words().0 {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Counted::LogUnauthorised,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Counted::LogBusy,
            _ => Counted::LogRefused,
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, name, next_step) = self.words();
        let mut id = [0; 8];
        // Without randomness the id is zeros; the answer matters more.
        let _ = getrandom::fill(&mut id);
        let problem = Problem {
            r#type: format!("/problems/{name}"),
            title: status.canonical_reason().unwrap_or_default().to_owned(),
            status: status.as_u16(),
            detail: chain(&self),
            next_step: next_step.to_owned(),
            error_id: hex(&id),
        };
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        let seconds = match &self {
            Self::Busy => Some("1"),
            Self::Intake(IntakeError::StorageFull) => Some("60"),
            Self::Intake(_) | Self::Broken => Some("5"),
            _ => None,
        };
        if let Some(seconds) = seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        response
    }
}
