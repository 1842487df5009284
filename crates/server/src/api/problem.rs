//! What the API says when it cannot do what was asked: one enum, one function that makes the answer.
//!
//! Not the log's words: a fault of ours is logged under the `error_id` that the answer carries, and its cause stays in the log.
//! Invariant: every answer of status 400 and above is `application/problem+json` (RFC 9457) with a next step.

use super::types::Problem;
use crate::auth::{NoRandomness, hex};
use crate::happenings::{RequestFailed, emit};
use crate::state::StateError;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::error::Error;

/// Why a request is not answered as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// No session, or one that has ended.
    #[error("there is no session, or it has ended")]
    NotSignedIn,
    /// The sign-in token is unknown, used or expired.
    #[error("the sign-in link was used before, has expired, or was never made by this server")]
    TokenRefused,
    /// The request names a host that this server does not answer for.
    #[error("host {0:?} is not a name of this server")]
    ForeignHost(String),
    /// The request comes from a page of another site.
    #[error("origin {0:?} is not a page of this server")]
    ForeignOrigin(String),
    /// There is no such thing, or it belongs to somebody else.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The path knows other methods only.
    #[error("this path does not take that method")]
    MethodNotAllowed,
    /// The request is not as documented.
    #[error("{what}: {why}")]
    BadInput {
        /// Which part of the request.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The request's body is too long.
    #[error("the body exceeds {max} bytes")]
    TooLarge {
        /// The limit.
        max: usize,
    },
    /// Too many streams are open.
    #[error("{max} live streams are open")]
    TooManyStreams {
        /// The limit.
        max: usize,
    },
    /// A query costs more than one may.
    #[error("{0}")]
    TooCostly(String),
    /// Too many ask at once.
    #[error("{0}")]
    Busy(String),
    /// This build leaves it out.
    #[error("this build of the server has no {0}")]
    NotBuilt(&'static str),
    /// The record is durable but no checkpoint covers it yet.
    #[error("record {0} is not covered by a signed checkpoint yet")]
    NotCoveredYet(u64),
    /// No room on the disk.
    #[error("the server's disk is full")]
    DiskFull,
    /// The database server does not answer.
    #[error("the server's database does not answer")]
    DatabaseAway,
    /// Something of ours failed; the cause goes to the log.
    #[error("the server failed to answer")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

impl ApiError {
    /// A fault of ours.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    /// Status, stable name, title.
    const fn kind(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::NotSignedIn => (StatusCode::UNAUTHORIZED, "not-signed-in", "Not signed in"),
            Self::TokenRefused => (StatusCode::UNAUTHORIZED, "sign-in-refused", "The sign-in link does not work"),
            Self::ForeignHost(_) => (StatusCode::MISDIRECTED_REQUEST, "foreign-host", "Unknown host name"),
            Self::ForeignOrigin(_) => (StatusCode::FORBIDDEN, "foreign-origin", "Request from another site"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not-found", "Not found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed"),
            Self::BadInput { .. } => (StatusCode::BAD_REQUEST, "bad-input", "The request is not as documented"),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The request is too large"),
            Self::TooManyStreams { .. } => (StatusCode::SERVICE_UNAVAILABLE, "too-many-streams", "Too many live views"),
            Self::TooCostly(_) => (StatusCode::UNPROCESSABLE_ENTITY, "too-costly", "The query costs too much"),
            Self::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, "busy", "Too many queries"),
            Self::NotBuilt(_) => (StatusCode::NOT_IMPLEMENTED, "not-built", "Left out of this build"),
            Self::NotCoveredYet(_) => (StatusCode::SERVICE_UNAVAILABLE, "not-covered-yet", "No proof yet"),
            Self::DiskFull => (StatusCode::SERVICE_UNAVAILABLE, "disk-full", "The server's disk is full"),
            Self::DatabaseAway => {
                (StatusCode::SERVICE_UNAVAILABLE, "database-away", "The server's database does not answer")
            }
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "The server failed"),
        }
    }

    /// What the person does next.
    const fn next_step(&self) -> &'static str {
        match self {
            Self::NotSignedIn => "Open a sign-in link; `yagura sign-in-link --data DIR` prints a new one.",
            Self::TokenRefused => "A link works once, for 24 hours. `yagura sign-in-link --data DIR` prints a new one.",
            Self::ForeignHost(_) => "Use the address that the server printed at its start.",
            Self::ForeignOrigin(_) => "Use the console at the address that the server printed at its start.",
            Self::NotFound(_) => "Check the identifier; the list it came from may be older than the data.",
            Self::MethodNotAllowed => "See /api/v1/openapi.json for what this path takes.",
            Self::BadInput { .. } => "Correct the named part; /api/v1/openapi.json describes it.",
            Self::TooLarge { .. } => "Shorten the body.",
            Self::TooManyStreams { .. } => "Close consoles that nobody looks at.",
            Self::TooCostly(_) => "Ask for a shorter time, a single vehicle, or fewer columns.",
            Self::Busy(_) => "Ask again in a few seconds.",
            Self::NotBuilt(_) => "Use the full build, or ask the tables with another tool that reads Delta Lake.",
            Self::NotCoveredYet(_) => "Ask again in a few seconds, when the next checkpoint is signed.",
            Self::DiskFull => "Make room on the disk of the data directory; the server goes on by itself.",
            Self::DatabaseAway => "Ask again in a few seconds; if it stays so, start the database server.",
            Self::Internal(_) => "Try again; if it fails again, look up the error id in the server's log.",
        }
    }
}

impl From<StateError> for ApiError {
    fn from(error: StateError) -> Self {
        match error {
            StateError::DiskFull => Self::DiskFull,
            StateError::Unreachable(_) | StateError::NoAnswer => Self::DatabaseAway,
            other => Self::internal(other),
        }
    }
}

impl From<NoRandomness> for ApiError {
    fn from(error: NoRandomness) -> Self {
        Self::internal(error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, name, title) = self.kind();
        let mut id = [0; 8];
        // Without randomness the id is zeros; the answer matters more.
        let _ = getrandom::fill(&mut id);
        let error_id = hex(&id);
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            emit(&RequestFailed { error_id: &error_id, cause: self.source() });
        }
        let problem = Problem {
            r#type: format!("/problems/{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.to_string(),
            next_step: self.next_step().to_owned(),
            error_id,
        };
        let mut response = (status, Json(problem)).into_response();
        let content = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, content);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn every_problem_says_what_is_wrong_and_what_to_do() {
        let all = [
            ApiError::NotSignedIn,
            ApiError::TokenRefused,
            ApiError::ForeignHost("evil.example".to_owned()),
            ApiError::ForeignOrigin("http://evil.example".to_owned()),
            ApiError::NotFound("alert"),
            ApiError::MethodNotAllowed,
            ApiError::BadInput { what: "limit", why: "0 is not between 1 and 500".to_owned() },
            ApiError::TooLarge { max: 65_536 },
            ApiError::TooManyStreams { max: 128 },
            ApiError::TooCostly("no answer within 30 s".to_owned()),
            ApiError::Busy("4 queries are under way".to_owned()),
            ApiError::NotBuilt("query engine"),
            ApiError::NotCoveredYet(7),
            ApiError::DiskFull,
            ApiError::DatabaseAway,
            ApiError::internal("the cause stays in the log"),
        ];
        let lines: Vec<String> = all
            .iter()
            .map(|error| format!("{} {}: {error} | {}", error.kind().0.as_u16(), error.kind().1, error.next_step()))
            .collect();
        expect![[r#"
            401 not-signed-in: there is no session, or it has ended | Open a sign-in link; `yagura sign-in-link --data DIR` prints a new one.
            401 sign-in-refused: the sign-in link was used before, has expired, or was never made by this server | A link works once, for 24 hours. `yagura sign-in-link --data DIR` prints a new one.
            421 foreign-host: host "evil.example" is not a name of this server | Use the address that the server printed at its start.
            403 foreign-origin: origin "http://evil.example" is not a page of this server | Use the console at the address that the server printed at its start.
            404 not-found: there is no such alert | Check the identifier; the list it came from may be older than the data.
            405 method-not-allowed: this path does not take that method | See /api/v1/openapi.json for what this path takes.
            400 bad-input: limit: 0 is not between 1 and 500 | Correct the named part; /api/v1/openapi.json describes it.
            413 too-large: the body exceeds 65536 bytes | Shorten the body.
            503 too-many-streams: 128 live streams are open | Close consoles that nobody looks at.
            422 too-costly: no answer within 30 s | Ask for a shorter time, a single vehicle, or fewer columns.
            503 busy: 4 queries are under way | Ask again in a few seconds.
            501 not-built: this build of the server has no query engine | Use the full build, or ask the tables with another tool that reads Delta Lake.
            503 not-covered-yet: record 7 is not covered by a signed checkpoint yet | Ask again in a few seconds, when the next checkpoint is signed.
            503 disk-full: the server's disk is full | Make room on the disk of the data directory; the server goes on by itself.
            503 database-away: the server's database does not answer | Ask again in a few seconds; if it stays so, start the database server.
            500 internal: the server failed to answer | Try again; if it fails again, look up the error id in the server's log."#]].assert_eq(&lines.join("\n"));
    }
}
