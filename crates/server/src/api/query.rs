//! A question in SQL over the lake and what is not in it yet.
//!
//! Not a way to change anything. Invariant: the answer holds rows of the session's tenant only; the tables see to that below the
//! SQL. Cost: bounded in time, memory, rows and bytes; a question whose asker has gone is dropped.

use super::input::Body;
use super::time::Time;
use super::types::{Problem, Query, QueryAnswer};
use super::{ApiError, App};
use crate::auth::Session;
use crate::query::{Asked, Form, QUERY_ROWS, QUERY_ROWS_MAX, QueryFailure, ask};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use yagura_store::At;

/// A question in SQL: one SELECT over events, alerts, vehicle_state.
#[utoipa::path(
    post, path = "/api/v1/query",
    request_body = Query,
    responses(
        (status = 200, description = "The rows; as JSON, or by Accept as text/csv or application/vnd.apache.arrow.stream",
            body = QueryAnswer),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn query(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    Body(query): Body<Query>,
) -> Result<Response, ApiError> {
    let rows = query.limit.unwrap_or(QUERY_ROWS);
    if rows == 0 || rows > QUERY_ROWS_MAX {
        return Err(ApiError::BadInput { what: "limit", why: format!("{rows} is not between 1 and {QUERY_ROWS_MAX}") });
    }
    let at = query.at.as_deref().map_or(Some(At::Latest), at).ok_or_else(|| {
        let why = "neither a version of the table nor an RFC 3339 time".to_owned();
        ApiError::BadInput { what: "at", why }
    })?;
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let (form, content) = if accepted.contains("text/csv") {
        (Form::Csv, "text/csv; charset=utf-8")
    } else if accepted.contains(ARROW) {
        (Form::Arrow, ARROW)
    } else {
        (Form::Json, "application/json")
    };
    let asked = Asked { tenant: session.tenant().to_string(), sql: query.sql, rows, at };
    let bytes = ask(&app.lake, &app.tail, asked, form).await?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(content))], bytes).into_response())
}

const ARROW: &str = "application/vnd.apache.arrow.stream";

/// A version or a time.
fn at(text: &str) -> Option<At> {
    match text.parse() {
        Ok(version) => Some(At::Version(version)),
        Err(_) => Time::parse(text).map(|time| At::Time(time.0)),
    }
}

impl From<QueryFailure> for ApiError {
    fn from(failure: QueryFailure) -> Self {
        match failure {
            QueryFailure::NotBuilt => Self::NotBuilt("query engine"),
            QueryFailure::Wrong(why) => Self::BadInput { what: "sql", why },
            QueryFailure::TooCostly(why) => Self::TooCostly(why),
            QueryFailure::Busy(why) => Self::Busy(why),
            QueryFailure::Failed(cause) => Self::Internal(cause),
        }
    }
}
