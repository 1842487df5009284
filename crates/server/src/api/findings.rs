//! Findings: the list, one of them with its explanation, what changed; a vulnerability with the products that have it.
//!
//! Not decisions (`decisions`). Cost of a page: some three indexed reads.

use super::alerts::PAGE_MAX;
use super::decisions;
use super::input::{Asked, Named, digest_of_hex};
use super::owners::InCharge;
use super::time::Time;
use super::types::{
    AdvisoryDetail, AdvisoryRecord, Finding, FindingChange, FindingDetail, FindingEvent, FindingEventList, FindingPage,
    FindingSource, FindingStateName, GivenScore, Problem, SeverityName, VersionName, VexStatus,
};
use super::{ApiError, App, views};
use crate::auth::{Session, hex};
use crate::clock;
use crate::psirt::{FindingState, Known, Said, status_of};
use crate::state::{FindingEventRow, FindingFilter, FindingRow};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use std::collections::BTreeMap;
use tokio::task::spawn_blocking;
use yagura_feed::FeedError;
use yagura_model::UnixMicros;
use yagura_psirt::findings::source_word;
use yagura_psirt::index::SegmentError;
use yagura_psirt::score::cvss;
use yagura_psirt::vex::Status;

/// The longest description that is shown.
const DESCRIPTION_CHARS_MAX: usize = 4_000;

/// Which findings are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FindingQuery {
    /// Only of this product.
    product: Option<String>,
    /// Only of this version of a product, by its id.
    version: Option<String>,
    /// Only of this vulnerability, by any of its ids.
    vulnerability: Option<String>,
    /// Only in this state; all but those that are gone if absent.
    state: Option<FindingStateName>,
    /// Only at least so severe.
    severity_min: Option<SeverityName>,
    /// Only those known to be exploited.
    exploited: Option<bool>,
    /// How many, 1 to 500; 50 if absent.
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Findings, what to look at first before the rest.
#[utoipa::path(
    get, path = "/api/v1/findings", params(FindingQuery),
    responses(
        (status = 200, description = "A page of findings", body = FindingPage),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn findings(
    State(app): State<App>,
    session: Session,
    Asked(asked): Asked<FindingQuery>,
) -> Result<Json<FindingPage>, ApiError> {
    let limit = asked.limit.unwrap_or(50);
    if limit == 0 || limit > PAGE_MAX {
        return Err(ApiError::BadInput { what: "limit", why: format!("{limit} is not between 1 and {PAGE_MAX}") });
    }
    let id = |what: &'static str, text: Option<String>| {
        let bad = |text: &str| ApiError::BadInput { what, why: format!("{text:?} is not 64 hexadecimal digits") };
        text.map(|text| digest_of_hex(&text).ok_or_else(|| bad(&text))).transpose()
    };
    let bad_cursor = || ApiError::BadInput { what: "cursor", why: "not a `next` of this list".to_owned() };
    let filter = FindingFilter {
        product: id("product", asked.product)?,
        release: id("version", asked.version)?,
        vulnerability: asked.vulnerability,
        state: asked.state.map(state_of),
        severity_min: asked.severity_min.map(views::severity_id),
        exploited: asked.exploited.unwrap_or(false),
        after: asked.cursor.map(|text| after(&text).ok_or_else(bad_cursor)).transpose()?,
    };
    let mut rows = app.state.findings(session.tenant(), &filter, limit.saturating_add(1)).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|row| format!("{}-{}", row.rank, hex(&row.finding_id)));
    let in_charge = InCharge::of(&app, &session).await?;
    Ok(Json(FindingPage { findings: rows.iter().map(|row| finding(row, &in_charge)).collect(), next }))
}

fn after(cursor: &str) -> Option<(i64, Vec<u8>)> {
    let (rank, id) = cursor.rsplit_once('-')?;
    Some((rank.parse().ok()?, digest_of_hex(id)?.to_vec()))
}

/// One finding with everything that explains it.
#[utoipa::path(
    get, path = "/api/v1/findings/{id}", operation_id = "finding", params(("id" = String, Path, description = "Finding")),
    responses(
        (status = 200, description = "The finding", body = FindingDetail),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn one(
    State(app): State<App>,
    session: Session,
    Named(id): Named<String>,
) -> Result<Json<FindingDetail>, ApiError> {
    let id = digest_of_hex(&id).ok_or(ApiError::NotFound("finding"))?;
    Ok(Json(detail(&app, &session, &id).await?))
}

pub(super) async fn detail(app: &App, session: &Session, id: &[u8; 32]) -> Result<FindingDetail, ApiError> {
    let row = app.state.finding(session.tenant(), id).await?.ok_or(ApiError::NotFound("finding"))?;
    let in_charge = InCharge::of(app, session).await?;
    let said: Vec<Said> = serde_json::from_str(&row.sources).map_err(ApiError::internal)?;
    let history = app.state.finding_events(session.tenant(), Some(id), UnixMicros(0)).await?;
    Ok(FindingDetail {
        sources: said.into_iter().map(source).collect(),
        decisions: decisions::on(app, session, &row).await?,
        history: history.into_iter().map(event).collect(),
        finding: finding(&row, &in_charge),
    })
}

/// Since when.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SinceQuery {
    /// RFC 3339; yesterday at this time if absent.
    since: Option<String>,
}

/// What changed since a time.
#[utoipa::path(
    get, path = "/api/v1/findings/changes", params(SinceQuery),
    responses(
        (status = 200, description = "What changed", body = FindingEventList),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn changes(
    State(app): State<App>,
    session: Session,
    Asked(asked): Asked<SinceQuery>,
) -> Result<Json<FindingEventList>, ApiError> {
    const DAY_US: i64 = 86_400_000_000;
    let bad = || ApiError::BadInput { what: "since", why: "not an RFC 3339 time".to_owned() };
    let since = asked.since.map(|text| Time::parse(&text).ok_or_else(bad)).transpose()?;
    let since = since.map_or_else(|| clock::now().plus(-DAY_US), |time| time.0);
    let rows = app.state.finding_events(session.tenant(), None, since).await?;
    Ok(Json(FindingEventList { events: rows.into_iter().map(event).collect() }))
}

/// A vulnerability by any of its ids: what sources say, and which products and vehicles have it.
#[utoipa::path(
    get, path = "/api/v1/advisories/{id}", params(("id" = String, Path, description = "CVE or other id")),
    responses(
        (status = 200, description = "The vulnerability", body = AdvisoryDetail),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn advisory(
    State(app): State<App>,
    session: Session,
    Named(id): Named<String>,
) -> Result<Json<AdvisoryDetail>, ApiError> {
    let (known, now, name) = (app.knowledge.now(), clock::now(), id.clone());
    let records = spawn_blocking(move || records(&known, &name, now)).await.map_err(ApiError::internal)?;
    let records = records.map_err(ApiError::internal)?;
    let filter = FindingFilter { vulnerability: Some(id.clone()), ..FindingFilter::default() };
    let mut rows = app.state.findings(session.tenant(), &filter, PAGE_MAX).await?;
    if rows.is_empty() && records.is_empty() {
        return Err(ApiError::NotFound("advisory"));
    }
    rows.sort_by_key(|row| row.state);
    let is_concerned =
        |row: &&FindingRow| matches!(status_of(row.status), Status::Affected | Status::UnderInvestigation);
    let concerned: BTreeMap<&[u8], i64> =
        rows.iter().filter(is_concerned).map(|row| (row.release_id.as_slice(), row.vehicles)).collect();
    let in_charge = InCharge::of(&app, &session).await?;
    Ok(Json(AdvisoryDetail {
        records,
        versions: concerned.len() as u64,
        vehicles: concerned.values().map(|vehicles| views::count(*vehicles)).sum(),
        findings: rows.iter().map(|row| finding(row, &in_charge)).collect(),
        id,
    }))
}

#[derive(Debug, thiserror::Error)]
enum RecordsError {
    #[error(transparent)]
    Knowledge(#[from] FeedError),
    #[error("the advisories cannot be used: remove the directory and import again")]
    Segment(#[from] SegmentError),
}

fn records(known: &Known, id: &str, now: UnixMicros) -> Result<Vec<AdvisoryRecord>, RecordsError> {
    let database = known.database(now)?;
    let mut records = Vec::new();
    for record in database.by_id(id)? {
        records.push(AdvisoryRecord {
            source: source_word(record.source).to_owned(),
            id: record.id.to_owned(),
            document: record.document.map(str::to_owned),
            title: record.title.to_owned(),
            description: record.description.chars().take(DESCRIPTION_CHARS_MAX).collect(),
            scores: record.scores()?.into_iter().map(|score| given(score.vector, score.by)).collect(),
            weaknesses: record.weaknesses()?,
            references: record.references()?.into_iter().map(str::to_owned).collect(),
            remedies: record.remedies()?.into_iter().map(str::to_owned).collect(),
            withdrawn: record.withdrawn.map(|time| views::time(time.0)),
        });
    }
    Ok(records)
}

fn given(vector: String, by: String) -> GivenScore {
    let value = cvss::score(&vector).ok().map(|scored| scored.score().value);
    GivenScore { vector, by, value }
}

fn source(said: Said) -> FindingSource {
    FindingSource {
        source: said.source,
        by: said.by,
        advisory: said.advisory,
        document: said.document,
        range: said.range,
        fixed_in: said.fixed,
        identity: said.identity,
        method: said.method,
        confidence: percent(said.confidence),
        reason: said.reason,
        scores: said.scores.into_iter().map(|(vector, by)| given(vector, by)).collect(),
        running_on: said.running_on,
    }
}

fn percent(value: i64) -> u8 {
    u8::try_from(value).unwrap_or(100)
}

fn state_of(name: FindingStateName) -> FindingState {
    match name {
        FindingStateName::Open => FindingState::Open,
        FindingStateName::Triaged => FindingState::Triaged,
        FindingStateName::Decided => FindingState::Decided,
        FindingStateName::Fixed => FindingState::Fixed,
        FindingStateName::Gone => FindingState::Gone,
    }
}

pub(super) const fn vex_status(status: Status) -> VexStatus {
    match status {
        Status::Affected => VexStatus::Affected,
        Status::NotAffected => VexStatus::NotAffected,
        Status::Fixed => VexStatus::Fixed,
        Status::UnderInvestigation => VexStatus::UnderInvestigation,
    }
}

/// A row in the API's words.
pub(super) fn finding(row: &FindingRow, in_charge: &InCharge) -> Finding {
    let steps = |value: i64, one: f64| Some(value).filter(|value| *value > 0).map(|value| value as f64 / one);
    Finding {
        id: hex(&row.finding_id),
        version: VersionName {
            id: hex(&row.release_id),
            product: hex(&row.product_id),
            product_name: row.product_name.clone(),
            version: row.release_version.clone(),
            vehicles: views::count(row.vehicles),
        },
        component: row.name.clone(),
        component_version: row.version.clone(),
        purl: row.purl.clone(),
        vulnerability: row.vulnerability.clone(),
        aliases: row.names.lines().filter(|name| *name != row.vulnerability).map(str::to_owned).collect(),
        title: row.title.clone(),
        severity: views::severity(row.severity),
        score: steps(row.score, 10.0),
        exploited: row.exploited == 1,
        epss: steps(row.epss, 1_000_000.0),
        range: row.affected.clone(),
        fixed_in: row.fixed.clone(),
        identity: row.identity.clone(),
        method: row.method.clone(),
        confidence: percent(row.confidence),
        reason: row.reason.clone(),
        status: vex_status(status_of(row.status)),
        state: match FindingState::of(row.state) {
            FindingState::Open => FindingStateName::Open,
            FindingState::Triaged => FindingStateName::Triaged,
            FindingState::Decided => FindingStateName::Decided,
            FindingState::Fixed => FindingStateName::Fixed,
            FindingState::Gone => FindingStateName::Gone,
        },
        because: row.because.clone(),
        owner: in_charge.responsible(row.purl.as_deref(), row.product_owner.as_deref()),
        first_time: views::time(row.first_us),
        changed_time: views::time(row.touched_us),
    }
}

fn event(row: FindingEventRow) -> FindingEvent {
    FindingEvent {
        time: views::time(row.time_us),
        change: match row.kind {
            0 => FindingChange::Appeared,
            1 => FindingChange::Gone,
            2 => FindingChange::Changed,
            3 => FindingChange::Decided,
            _ => FindingChange::DecisionEnded,
        },
        finding: hex(&row.finding_id),
        user: row.user_name,
        detail: row.detail,
    }
}
