//! The list of alerts, and the change of an alert's status.
//!
//! Not the alert's page (that is `alert_page`). The list is sorted by when an alert was first raised; a cursor names the last
//! alert of a page, so that new alerts move nothing.

use super::input::{Asked, Body, Named, digest_of_hex};
use super::types::{Alert, AlertPage, AlertStatus, Problem, SetStatus, SeverityName, StageName};
use super::{ApiError, App, views};
use crate::auth::{Session, hex};
use crate::clock;
use crate::state::{AlertFilter, AlertRow, StatusChange};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use yagura_detect::Stage;

/// The most alerts of a page.
pub const PAGE_MAX: u32 = 500;
/// The longest note, in characters.
pub const NOTE_CHARS_MAX: usize = 2_000;

/// Which alerts are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AlertQuery {
    /// Only of this status.
    status: Option<AlertStatus>,
    /// Only of this severity.
    severity: Option<SeverityName>,
    /// Only about this vehicle, or with an event of it.
    vehicle: Option<String>,
    /// Only of this rule.
    rule: Option<String>,
    /// Of rules in this stage; live if absent.
    stage: Option<StageName>,
    /// How many, 1 to 500; 50 if absent.
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Alerts, newest first.
#[utoipa::path(
    get, path = "/api/v1/alerts", params(AlertQuery),
    responses(
        (status = 200, description = "A page of alerts", body = AlertPage),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn alerts(
    State(app): State<App>,
    session: Session,
    Asked(asked): Asked<AlertQuery>,
) -> Result<Json<AlertPage>, ApiError> {
    let limit = asked.limit.unwrap_or(50);
    if limit == 0 || limit > PAGE_MAX {
        return Err(ApiError::BadInput { what: "limit", why: format!("{limit} is not between 1 and {PAGE_MAX}") });
    }
    let bad_cursor = || ApiError::BadInput { what: "cursor", why: "not a `next` of this list".to_owned() };
    let filter = AlertFilter {
        stage: if asked.stage == Some(StageName::Shadow) { Stage::Shadow } else { Stage::Live },
        status: asked.status.map(views::status_code),
        severity: asked.severity.map(views::severity_id),
        vehicle: asked.vehicle,
        rule: asked.rule,
        after: asked.cursor.map(|text| after(&text).ok_or_else(bad_cursor)).transpose()?,
    };
    let mut rows = app.state.alerts(session.tenant(), &filter, limit.saturating_add(1)).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(cursor);
    Ok(Json(AlertPage { alerts: rows.iter().map(views::alert).collect(), next }))
}

fn cursor(row: &AlertRow) -> String {
    format!("{}-{}", row.raised_us, hex(&row.alert_id))
}

fn after(cursor: &str) -> Option<(i64, Vec<u8>)> {
    let (raised, id) = cursor.rsplit_once('-')?;
    Some((raised.parse().ok()?, digest_of_hex(id)?.to_vec()))
}

/// Set an alert's status; to close it, say what it turned out to be.
#[utoipa::path(
    post, path = "/api/v1/alerts/{id}/status", params(("id" = String, Path, description = "Alert")),
    request_body = SetStatus,
    responses(
        (status = 200, description = "The alert as it now stands", body = Alert),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn set_alert_status(
    State(app): State<App>,
    session: Session,
    Named(id): Named<String>,
    Body(wish): Body<SetStatus>,
) -> Result<Json<Alert>, ApiError> {
    let note = wish.note.as_deref().map(str::trim).filter(|note| !note.is_empty());
    if note.is_some_and(|note| note.chars().count() > NOTE_CHARS_MAX) {
        return Err(ApiError::BadInput { what: "note", why: format!("longer than {NOTE_CHARS_MAX} characters") });
    }
    let id = alert_id(&id)?;
    let why = match (wish.status, wish.disposition) {
        (AlertStatus::Closed, None) => {
            Some("an alert is closed with one of true_positive, false_positive, benign, insufficient_data")
        }
        (AlertStatus::Open | AlertStatus::Acknowledged, Some(_)) => Some("only a closed alert has one"),
        _ => None,
    };
    if let Some(why) = why {
        return Err(ApiError::BadInput { what: "disposition", why: why.to_owned() });
    }
    let disposition = wish.disposition.map(views::disposition_code);
    let change = StatusChange { status: views::status_code(wish.status), disposition, note };
    let row = app.state.set_alert_status(&session.person, &id, &change, clock::now()).await?;
    let alert = views::alert(&row.ok_or(ApiError::NotFound("alert"))?);
    if alert.stage == StageName::Live {
        app.live.alert(*session.tenant(), alert.clone());
    }
    Ok(Json(alert))
}

/// The alert that a path names; what is no id names no alert.
pub(crate) fn alert_id(text: &str) -> Result<[u8; 32], ApiError> {
    digest_of_hex(text).ok_or(ApiError::NotFound("alert"))
}
