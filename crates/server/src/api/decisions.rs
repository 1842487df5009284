//! Decisions on findings, and what a product version says of itself to others (VEX).
//!
//! Not the rule among decisions (`crate::psirt`). Invariant: who decides that a product is not affected says why.

use super::alerts::{NOTE_CHARS_MAX, PAGE_MAX};
use super::findings::{detail, vex_status};
use super::input::{Asked, Body, Named, digest_of_hex};
use super::time::Time;
use super::types::{Decide, Decision, DecisionList, DecisionScope, FindingDetail, Problem, VexStatus};
use super::{ApiError, App, views};
use crate::auth::{Session, hex};
use crate::clock;
use crate::psirt::{Subjected, hold, status_of, versions};
use crate::state::{DecisionRow, FindingFilter, FindingRow, NewDecision};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use yagura_psirt::Instant;
use yagura_psirt::vex::words::CISA;
use yagura_psirt::vex::{Format, Head, Statement, Status, Subject, write};

/// Decide on a finding.
#[utoipa::path(
    post, path = "/api/v1/decisions", request_body = Decide,
    responses(
        (status = 200, description = "The finding as it now stands", body = FindingDetail),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn decide(
    State(app): State<App>,
    session: Session,
    Body(wish): Body<Decide>,
) -> Result<Json<FindingDetail>, ApiError> {
    let id = digest_of_hex(&wish.finding).ok_or(ApiError::NotFound("finding"))?;
    let row = app.state.finding(session.tenant(), &id).await?.ok_or(ApiError::NotFound("finding"))?;
    let new = new_decision(wish, &row)?;
    let made = app.state.decide(&session.person, (&id, &new), clock::now()).await?;
    made.ok_or(ApiError::NotFound("finding"))?;
    Ok(Json(detail(&app, &session, &id).await?))
}

fn new_decision(wish: Decide, row: &FindingRow) -> Result<NewDecision, ApiError> {
    let bad = |what: &'static str, why: String| ApiError::BadInput { what, why };
    let status = match wish.status {
        VexStatus::Affected => Status::Affected,
        VexStatus::NotAffected => Status::NotAffected,
        VexStatus::Fixed => Status::Fixed,
        VexStatus::UnderInvestigation => Status::UnderInvestigation,
    };
    let reason = wish.reason.trim();
    if reason.is_empty() || reason.chars().count() > NOTE_CHARS_MAX {
        return Err(bad("reason", format!("not 1 to {NOTE_CHARS_MAX} characters")));
    }
    if let Some(word) = &wish.justification {
        if status != Status::NotAffected {
            return Err(bad("justification", "only what is not affected has one".to_owned()));
        }
        if CISA.justification(word).is_none() {
            return Err(bad("justification", format!("{word:?} is not one of OpenVEX's five")));
        }
    }
    if let Some(text) = &wish.versions {
        versions(text, row.purl.as_deref()).map_err(|error| bad("versions", error.to_string()))?;
        if wish.any_component {
            return Err(bad("versions", "versions of any component mean nothing; name one".to_owned()));
        }
    }
    let until = wish.until.as_deref().map(|text| {
        let time = Time::parse(text).ok_or_else(|| bad("until", "not an RFC 3339 time".to_owned()))?;
        if time.0 > clock::now() { Ok(time.0) } else { Err(bad("until", format!("{text} is past"))) }
    });
    let scope = match wish.scope {
        DecisionScope::Version => 0,
        DecisionScope::Product => 1,
        DecisionScope::Line if row.product_line.is_empty() => {
            return Err(bad("scope", format!("{} belongs to no line", row.product_name)));
        }
        DecisionScope::Line => 2,
        DecisionScope::Portfolio => 3,
    };
    Ok(NewDecision {
        scope,
        component: (!wish.any_component).then(|| without_version(row)),
        versions: wish.versions,
        status,
        justification: wish.justification,
        reason: reason.to_owned(),
        until: until.transpose()?,
    })
}

/// A name of the component that all its versions have.
fn without_version(row: &FindingRow) -> String {
    let Some(purl) = &row.purl else { return row.name.clone() };
    let front = purl.split(['?', '#']).next().unwrap_or(purl);
    match front.rsplit_once('@') {
        Some((name, version)) if !version.contains('/') => name.to_owned(),
        _ => front.to_owned(),
    }
}

/// Which decisions are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DecisionQuery {
    /// Only on this vulnerability, by the id that findings have.
    vulnerability: Option<String>,
}

/// Decisions, the newest first.
#[utoipa::path(
    get, path = "/api/v1/decisions", params(DecisionQuery),
    responses(
        (status = 200, description = "The decisions", body = DecisionList),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn decisions(
    State(app): State<App>,
    session: Session,
    Asked(asked): Asked<DecisionQuery>,
) -> Result<Json<DecisionList>, ApiError> {
    let rows = app.state.decisions(session.tenant(), asked.vulnerability.as_deref()).await?;
    Ok(Json(DecisionList { decisions: rows.iter().map(|row| decision(row, None)).collect() }))
}

/// Undo a decision: findings stand as they would without it.
#[utoipa::path(
    post, path = "/api/v1/decisions/{id}/undo", params(("id" = String, Path, description = "Decision")),
    responses(
        (status = 204, description = "Undone"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn undo(
    State(app): State<App>,
    session: Session,
    Named(id): Named<String>,
) -> Result<axum::http::StatusCode, ApiError> {
    let id = digest_of_hex(&id).ok_or(ApiError::NotFound("decision"))?;
    match app.state.undo_decision(&session.person, &id, clock::now()).await? {
        true => Ok(axum::http::StatusCode::NO_CONTENT),
        false => Err(ApiError::NotFound("decision that holds")),
    }
}

/// Decisions on a finding's vulnerability, each with why it does not hold for it.
pub(super) async fn on(app: &App, session: &Session, row: &FindingRow) -> Result<Vec<Decision>, ApiError> {
    let rows = app.state.decisions(session.tenant(), Some(&row.vulnerability)).await?;
    let holding: Vec<&DecisionRow> = rows.iter().filter(|row| row.undone_us.is_none()).collect();
    let all: Vec<_> = holding.iter().map(|row| row.decision()).collect();
    let names: Vec<String> = row.names.lines().map(str::to_owned).collect();
    let about = Subjected {
        names: &names,
        product: &hex(&row.product_id),
        release: &row.release_version,
        line: &row.product_line,
        name: &row.name,
        purl: row.purl.as_deref(),
        version: row.version.as_deref(),
        settled: None,
    };
    let held = hold(&all, &about, clock::now());
    let why_not = |wanted: &DecisionRow| {
        let at = holding.iter().position(|row| row.decision_id == wanted.decision_id)?;
        held.others.iter().find(|(other, _)| *other == at).map(|(_, why)| why.clone())
    };
    Ok(rows.iter().map(|row| decision(row, why_not(row))).collect())
}

fn decision(row: &DecisionRow, not_held: Option<String>) -> Decision {
    let product = row.product_id.as_deref().map(hex);
    let (scope, of) = match row.scope {
        0 => (DecisionScope::Version, row.release.clone()),
        1 => (DecisionScope::Product, product),
        2 => (DecisionScope::Line, row.line.clone()),
        _ => (DecisionScope::Portfolio, None),
    };
    Decision {
        id: hex(&row.decision_id),
        vulnerability: row.vulnerability.clone(),
        scope,
        of,
        component: row.component.clone(),
        versions: row.versions.clone(),
        status: vex_status(status_of(row.status)),
        justification: row.justification.clone(),
        reason: row.reason.clone(),
        user: row.user_name.clone(),
        time: views::time(row.made_us),
        until: row.until_us.map(views::time),
        undone_time: row.undone_us.map(views::time),
        undone_by: row.undone_by.clone(),
        not_held,
    }
}

/// A format of VEX.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum VexFormat {
    /// OpenVEX 0.2.0.
    Openvex,
    /// CSAF 2.0, profile VEX.
    Csaf,
    /// CycloneDX 1.6.
    Cyclonedx,
    /// SPDX 3.0.
    Spdx,
}

/// In which format.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct VexQuery {
    /// The format.
    format: VexFormat,
}

/// What a version of a product says of its vulnerabilities, for those who use it.
#[utoipa::path(
    get, path = "/api/v1/versions/{id}/vex",
    params(("id" = String, Path, description = "Version of a product"), VexQuery),
    responses(
        (status = 200, description = "The document", body = serde_json::Value),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn vex(
    State(app): State<App>,
    session: Session,
    Named(id): Named<String>,
    Asked(asked): Asked<VexQuery>,
) -> Result<Json<serde_json::Value>, ApiError> {
    let id = digest_of_hex(&id).ok_or(ApiError::NotFound("version"))?;
    let (state, tenant) = (&app.state, session.tenant());
    let release = state.release(tenant, &id).await?.ok_or(ApiError::NotFound("version"))?;
    let product = state.product(tenant, &release.product_id).await?.ok_or(ApiError::NotFound("version"))?;
    let decisions = state.decisions(tenant, None).await?;
    let mut filter = FindingFilter { release: Some(id), ..FindingFilter::default() };
    let subject = Subject::Name(format!("urn:yagura:{tenant}:{}@{}", slug(&product.name), slug(&release.version)));
    let mut statements = Vec::new();
    loop {
        let rows = state.findings(tenant, &filter, PAGE_MAX).await?;
        statements.extend(rows.iter().map(|row| statement(row, &subject, &decisions)));
        match rows.last() {
            Some(last) if rows.len() >= PAGE_MAX as usize => filter.after = Some((last.rank, last.finding_id.clone())),
            _ => break,
        }
    }
    let head = Head {
        id: format!("urn:yagura:vex:{}", hex(&release.release_id)),
        author: tenant.to_string(),
        namespace: format!("urn:yagura:{tenant}"),
        issued: Instant(clock::now().0),
        version: 1,
        title: format!("{} {}", product.name, release.version),
    };
    let format = match asked.format {
        VexFormat::Openvex => Format::OpenVex,
        VexFormat::Csaf => Format::Csaf,
        VexFormat::Cyclonedx => Format::CycloneDx,
        VexFormat::Spdx => Format::Spdx3,
    };
    Ok(Json(write(format, &statements, &head).document))
}

/// A name within a URN.
fn slug(text: &str) -> String {
    let keep = |char: char| if char.is_ascii_alphanumeric() || ".-_".contains(char) { char } else { '-' };
    text.chars().map(keep).collect()
}

fn statement(row: &FindingRow, product: &Subject, decisions: &[DecisionRow]) -> Statement {
    let decision = decisions.iter().find(|it| row.decision_id.as_deref() == Some(it.decision_id.as_slice()));
    // What nobody has looked at is not said to be affected.
    let status = if row.state == 0 { Status::UnderInvestigation } else { status_of(row.status) };
    let mut said = Statement::new(row.vulnerability.clone(), product.clone(), status);
    said.vulnerability.extend(row.names.lines().filter(|name| *name != row.vulnerability).map(str::to_owned));
    said.within =
        vec![row.purl.as_ref().map_or_else(|| Subject::Name(row.name.clone()), |purl| Subject::Purl(purl.clone()))];
    said.justification = decision.and_then(|it| it.justification.as_deref()).and_then(|word| CISA.justification(word));
    let why = decision.map_or(row.because.as_str(), |it| it.reason.as_str());
    match status {
        Status::NotAffected => said.impact = Some(why.to_owned()).filter(|why| !why.is_empty()),
        Status::Affected => said.action = Some(why.to_owned()).filter(|why| !why.is_empty()),
        Status::Fixed | Status::UnderInvestigation => {}
    }
    said.since = Some(Instant(row.touched_us));
    said
}
