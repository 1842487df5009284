//! Incidents: the list, one of them, and the change of its status.
//!
//! Not how alerts are put together (`detect::incident`). The score's parts and their words are made again from what is kept, so the page
//! always says what the number means. Cost of a page: some ten indexed reads.

use super::alerts::{NOTE_CHARS_MAX, PAGE_MAX};
use super::input::{Asked, Body, Named, digest_of_hex};
use super::types::{
    AlertStatus, FieldValue, Incident, IncidentDetail, IncidentKind, IncidentPage, IncidentSort, Problem, ScorePart,
    ScoreReason, SetStatus, SeverityName, StoryStep, Text,
};
use super::{ApiError, App, views};
use crate::auth::{Session, hex};
use crate::clock;
use crate::state::{IncidentFilter, IncidentOrder, IncidentRow, IncidentRule};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use yagura_detect::incident::{Kind, STORY_GAP, Share, Weighed, WeighedPart, assess, reason};

/// Which incidents are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct IncidentQuery {
    /// Only of this status.
    status: Option<AlertStatus>,
    /// Only of this severity.
    severity: Option<SeverityName>,
    /// Only of at least this score, 0 to 100.
    score_min: Option<u8>,
    /// Only with an alert about this vehicle.
    vehicle: Option<String>,
    /// Sorted how; by score if absent.
    sort: Option<IncidentSort>,
    /// How many, 1 to 500; 50 if absent.
    limit: Option<u32>,
    /// `next` of the page before, asked for with the same `sort`.
    cursor: Option<String>,
}

/// Incidents that stand by themselves, gravest or newest first.
#[utoipa::path(
    get, path = "/api/v1/incidents", params(IncidentQuery),
    responses(
        (status = 200, description = "A page of incidents", body = IncidentPage),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn incidents(
    State(app): State<App>,
    session: Session,
    Asked(asked): Asked<IncidentQuery>,
) -> Result<Json<IncidentPage>, ApiError> {
    let limit = asked.limit.unwrap_or(50);
    if limit == 0 || limit > PAGE_MAX {
        return Err(ApiError::BadInput { what: "limit", why: format!("{limit} is not between 1 and {PAGE_MAX}") });
    }
    let bad_cursor = || ApiError::BadInput { what: "cursor", why: "not a `next` of this list".to_owned() };
    let filter = IncidentFilter {
        status: asked.status.map(views::status_code),
        severity: asked.severity.map(views::severity_id),
        score_min: asked.score_min.map(i64::from),
        vehicle: asked.vehicle,
        order: match asked.sort {
            Some(IncidentSort::Newest) => IncidentOrder::Newest,
            Some(IncidentSort::Score) | None => IncidentOrder::Score,
        },
        after: asked.cursor.map(|text| after(&text).ok_or_else(bad_cursor)).transpose()?,
    };
    let mut rows = app.state.incidents(session.tenant(), &filter, limit.saturating_add(1)).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(cursor);
    Ok(Json(IncidentPage { incidents: rows.iter().map(incident).collect(), next }))
}

fn cursor(row: &IncidentRow) -> String {
    format!("{}-{}-{}", row.score, row.opened_us, hex(&row.incident_id))
}

fn after(cursor: &str) -> Option<(i64, i64, Vec<u8>)> {
    let (rest, id) = cursor.rsplit_once('-')?;
    let (score, opened) = rest.split_once('-')?;
    Some((score.parse().ok()?, opened.parse().ok()?, digest_of_hex(id)?.to_vec()))
}

/// One incident with everything that explains it.
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}", params(("id" = String, Path, description = "Incident")),
    responses(
        (status = 200, description = "The incident, or the elder one that it is part of now", body = IncidentDetail),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn one(
    State(app): State<App>,
    session: Session,
    Named(id): Named<String>,
) -> Result<Json<IncidentDetail>, ApiError> {
    let (state, tenant) = (&app.state, session.tenant());
    let row = state.incident(tenant, &incident_id(&id)?).await?.ok_or(ApiError::NotFound("incident"))?;
    let id = row.incident_id.as_slice();
    let mut rules = state.incident_rules(tenant, id).await?;
    let shares: Vec<Share> = rules.iter().map(IncidentRule::share).collect();
    let assessment = assess(&row.summary(&shares));
    rules.sort_by(|a, b| (a.first_us, &a.rule_id).cmp(&(b.first_us, &b.rule_id)));
    let parts = state.incident_parts(tenant, id).await?;
    let (vehicles, others): (Vec<_>, Vec<_>) = parts.into_iter().partition(|part| part.field == "vehicle");
    let entities = others.into_iter().filter(|part| part.field != "model");
    let entities = entities.map(|part| FieldValue { field: part.field, value: part.name });
    Ok(Json(IncidentDetail {
        parts: assessment.parts.iter().map(part).collect(),
        story: rules.iter().map(step).collect(),
        vehicles: vehicles.into_iter().map(|part| part.name).collect(),
        entities: entities.collect(),
        alerts: state.incident_alerts(tenant, id).await?.iter().map(views::alert).collect(),
        related: state.related_incidents(tenant, &row, STORY_GAP).await?.iter().map(incident).collect(),
        history: state.incident_changes(tenant, id).await?.into_iter().map(views::change).collect(),
        incident: incident(&row),
    }))
}

/// Set an incident's status.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/status", params(("id" = String, Path, description = "Incident")),
    request_body = SetStatus,
    responses(
        (status = 200, description = "The incident as it now stands", body = Incident),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn set_incident_status(
    State(app): State<App>,
    session: Session,
    Named(id): Named<String>,
    Body(wish): Body<SetStatus>,
) -> Result<Json<Incident>, ApiError> {
    let note = wish.note.as_deref().map(str::trim).filter(|note| !note.is_empty());
    if note.is_some_and(|note| note.chars().count() > NOTE_CHARS_MAX) {
        return Err(ApiError::BadInput { what: "note", why: format!("longer than {NOTE_CHARS_MAX} characters") });
    }
    let change = (views::status_code(wish.status), note);
    let row = app.state.set_incident_status(&session.person, &incident_id(&id)?, change, clock::now()).await?;
    let incident = incident(&row.ok_or(ApiError::NotFound("incident"))?);
    app.live.incident(*session.tenant(), incident.clone());
    Ok(Json(incident))
}

/// The incident that a path names; what is no id names none.
fn incident_id(text: &str) -> Result<[u8; 32], ApiError> {
    digest_of_hex(text).ok_or(ApiError::NotFound("incident"))
}

/// A row in the API's words.
pub(crate) fn incident(row: &IncidentRow) -> Incident {
    Incident {
        id: hex(&row.incident_id),
        kind: match row.kind() {
            Kind::Story => IncidentKind::Story,
            Kind::Wave => IncidentKind::Wave,
        },
        title: Text { en: row.title_en.clone(), ja: row.title_ja.clone() },
        score: u8::try_from(row.score).unwrap_or(100),
        severity: views::severity(row.severity),
        status: views::status(row.status),
        first_time: views::time(row.first_us),
        last_time: views::time(row.last_us),
        opened_time: views::time(row.opened_us),
        alert_count: views::count(row.alerts),
        vehicle_count: views::count(row.vehicles_counted),
        rule_count: views::count(row.rules),
    }
}

fn part(part: &Weighed) -> ScorePart {
    let name = match part.part {
        WeighedPart::Impact => "impact",
        WeighedPart::Confidence => "confidence",
        WeighedPart::Spread => "spread",
        WeighedPart::State => "state",
    };
    let reasons = part.reasons.iter().map(|(why, points)| {
        let text = reason(why);
        ScoreReason { points: *points, text: views::text(&text) }
    });
    ScorePart { part: name.to_owned(), points: part.points, most: part.most, reasons: reasons.collect() }
}

fn step(rule: &IncidentRule) -> StoryStep {
    StoryStep {
        tactic: rule.share().tactic().map(|tactic| tactic.name().to_owned()),
        technique: rule.technique.clone(),
        rule_id: rule.rule_id.clone(),
        title: Text { en: rule.title_en.clone(), ja: rule.title_ja.clone() },
        severity: views::severity(rule.severity),
        first_time: views::time(rule.first_us),
        last_time: views::time(rule.last_us),
        alert_count: views::count(rule.alerts),
    }
}
