//! One alert with everything that explains it, and the frames around its events.
//!
//! Not the list (that is `alerts`). The events and frames come from the vault itself, decoded anew: what is shown is the evidence,
//! not a copy. Cost: one record read and one signature check for each kept event's report, at most [`RECORDS_MAX`].

use super::alerts::alert_id;
use super::evidence::own_record;
use super::input::Named;
use super::types::{AlertDetail, AlertFrames, Event, EvidenceRef, Excerpt, FrameView, Problem, RuleView, Text};
use super::why::{counted, why};
use super::{ApiError, App, incident_view, views};
use crate::auth::{Session, hex};
use crate::pipeline::{RuleFacts, decode_records};
use crate::records::{device_of, keys_of, open_report};
use crate::state::{AlertRow, EventRow};
use arrow::record_batch::RecordBatch;
use axum::Json;
use axum::extract::State;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use yagura_link::{Entry, Header};
use yagura_model::FrameKind;
use yagura_store::{Record, RecordKind};

/// The most records that one page reads.
pub const RECORDS_MAX: usize = 16;

/// One alert with everything that explains it.
#[utoipa::path(
    get, path = "/api/v1/alerts/{id}", params(("id" = String, Path, description = "Alert")),
    responses(
        (status = 200, description = "The alert", body = AlertDetail),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn alert(
    State(app): State<App>,
    session: Session,
    Named(id): Named<String>,
) -> Result<Json<AlertDetail>, ApiError> {
    let id = alert_id(&id)?;
    let row = app.state.alert(session.tenant(), &id).await?.ok_or(ApiError::NotFound("alert"))?;
    let kept = app.state.alert_events(session.tenant(), &id).await?;
    let changes = app.state.alert_changes(session.tenant(), &id).await?;
    let incidents = app.state.incidents_of_alert(session.tenant(), &id).await?;
    let records = records_of(&app, &session, &kept).await?;
    let read: Vec<&Record> = records.values().collect();
    app.note_read(&session, "alert page", &read, Some(&format!("alert {}", hex(&id))));
    let (batch, places) = (decoded(&app, &records).await?, places(&kept));
    let events = events_of(&app, &batch, &places);
    let rules = app.rules.now();
    let rule = rules.book.get(&row.rule_id);
    Ok(Json(AlertDetail {
        why: why(&app, &row),
        counted: counted(&app, &row.rule_id, &batch, &places),
        what_to_do: what_to_do(&app, rule, &events),
        rule: rule_view(&row, rule),
        group: views::pairs(&row.group_json),
        matched: views::pairs(&row.match_json),
        evidence: records.values().map(evidence_ref).collect(),
        incidents: incidents.iter().map(incident_view).collect(),
        history: changes.into_iter().map(views::change).collect(),
        alert: views::alert(&row),
        events,
    }))
}

/// The frames around an alert's events.
#[utoipa::path(
    get, path = "/api/v1/alerts/{id}/frames", params(("id" = String, Path, description = "Alert")),
    responses(
        (status = 200, description = "The frames", body = AlertFrames),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn alert_frames(
    State(app): State<App>,
    session: Session,
    Named(id): Named<String>,
) -> Result<Json<AlertFrames>, ApiError> {
    let id = alert_id(&id)?;
    app.state.alert(session.tenant(), &id).await?.ok_or(ApiError::NotFound("alert"))?;
    let kept = app.state.alert_events(session.tenant(), &id).await?;
    let records = records_of(&app, &session, &kept).await?;
    let read: Vec<&Record> = records.values().collect();
    app.note_read(&session, "frames", &read, Some(&format!("alert {}", hex(&id))));
    let events = events_of(&app, &decoded(&app, &records).await?, &places(&kept));
    let mut excerpts = Vec::new();
    for record in records.values().filter(|record| record.kind == RecordKind::Report) {
        let Ok(header) = yagura_link::peek(&record.payload) else { continue };
        let keys = keys_of(&app.state, &header.device).await?;
        let Ok(opened) = open_report(&record.payload, &keys) else { continue };
        let mine = events.iter().filter(|event| event.position == record.position.0);
        excerpts.extend(mine.filter_map(|event| excerpt(event, &opened.header, &opened.body)));
    }
    Ok(Json(AlertFrames { excerpts }))
}

/// The records behind kept events, by position.
async fn records_of(app: &App, session: &Session, kept: &[EventRow]) -> Result<BTreeMap<u64, Record>, ApiError> {
    let positions: BTreeSet<u64> = kept.iter().map(|row| views::count(row.position)).collect();
    let mut records = BTreeMap::new();
    for position in positions.into_iter().take(RECORDS_MAX) {
        // The tenant is checked again on the record itself: the row could be wrong, the evidence decides.
        match own_record(app, session, position).await {
            Ok((record, _)) => drop(records.insert(position, record)),
            // Its time to be kept is over; the alert is shown without it.
            Err(ApiError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(records)
}

/// All events of these records.
async fn decoded(app: &App, records: &BTreeMap<u64, Record>) -> Result<RecordBatch, ApiError> {
    let mut with_keys = Vec::with_capacity(records.len());
    for record in records.values() {
        let keys = match device_of(record) {
            Some(device) => keys_of(&app.state, &device).await?,
            None => Vec::new(),
        };
        with_keys.push((record, keys));
    }
    decode_records(with_keys, &app.catalogue).map_err(ApiError::internal)
}

/// Where the kept events are.
fn places(kept: &[EventRow]) -> BTreeSet<(u64, u32)> {
    kept.iter().map(|row| (views::count(row.position), u32::try_from(row.entry_index).unwrap_or(0))).collect()
}

/// The events at these places, oldest first.
fn events_of(app: &App, batch: &RecordBatch, places: &BTreeSet<(u64, u32)>) -> Vec<Event> {
    let rows = views::Row::all(batch).filter(|row| places.contains(&row.place()));
    let mut events: Vec<Event> = rows.map(|row| views::event(&row, &app.catalogue)).collect();
    events.sort_by_key(|event| (event.time, event.position, event.entry_index));
    events
}

fn evidence_ref(record: &Record) -> EvidenceRef {
    EvidenceRef {
        position: record.position.0,
        received_time: record.received.into(),
        sha256: hex(&Sha256::digest(&record.payload)),
    }
}

fn rule_view(row: &AlertRow, rule: Option<&RuleFacts>) -> RuleView {
    let title = Text { en: row.title_en.clone(), ja: row.title_ja.clone() };
    let level = views::severity(row.severity);
    let Some(rule) = rule else {
        let description = "This rule is no longer among the rules of this server.".to_owned();
        let (source, path) = (String::new(), String::new());
        let (tags, falsepositives) = (Vec::new(), Vec::new());
        return RuleView { id: row.rule_id.clone(), title, description, level, tags, falsepositives, source, path };
    };
    RuleView {
        id: rule.id.clone(),
        title,
        description: rule.description.clone(),
        level,
        tags: rule.tags.clone(),
        falsepositives: rule.falsepositives.clone(),
        source: rule.source.clone(),
        path: rule.path.clone(),
    }
}

/// What the rule says, else what the catalogue says about the first event.
fn what_to_do(app: &App, rule: Option<&RuleFacts>, events: &[Event]) -> Text {
    let of_event = events.first().and_then(|event| app.catalogue.by_symbol(&event.event_name));
    let of_event = of_event.map(|entry| views::text(&entry.what_to_do)).unwrap_or_default();
    let of_rule = rule.map(|rule| rule.what_to_do.clone()).unwrap_or_default();
    let pick = |rule: String, event: String| if rule.is_empty() { event } else { rule };
    Text { en: pick(of_rule.en, of_event.en), ja: pick(of_rule.ja, of_event.ja) }
}

/// The frames that a report carries about one of its events.
fn excerpt(event: &Event, header: &Header, body: &[u8]) -> Option<Excerpt> {
    let found = yagura_link::entries(body).find_map(|entry| match entry {
        Ok(Entry::Excerpt(excerpt)) if u32::from(excerpt.message) == event.entry_index => Some(excerpt),
        _ => None,
    })?;
    let any_raised = found.frames().any(|frame| frame.raised);
    let frames = found.frames().map(|excerpted| {
        let frame = excerpted.frame;
        let id = views::can_id_of(frame.id);
        let same = event.can_id.as_deref() == Some(&id) && event.bus == Some(frame.bus.0);
        FrameView {
            time: header.clock.unix(frame.time).into(),
            bus: frame.bus.0,
            kind: kind(frame.kind).to_owned(),
            data: frame.payload.to_string(),
            marked: if any_raised { excerpted.raised } else { same },
            id,
        }
    });
    let frames = frames.collect();
    Some(Excerpt { position: event.position, entry_index: event.entry_index, event_time: event.time, frames })
}

const fn kind(kind: FrameKind) -> &'static str {
    match kind {
        FrameKind::Data => "data",
        FrameKind::Fd { .. } => "fd",
        FrameKind::Remote { .. } => "remote",
        FrameKind::Error => "error",
    }
}
