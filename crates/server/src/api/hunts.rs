//! Hunts: rules tried on the past, begun by a person of the console.
//!
//! Not detection: no alert comes of it. The work itself is [`crate::hunt`].

use super::input::{Body, Named};
use super::time::Time;
use super::types::{Hunt, HuntRequest, HuntState, Hunts, Problem};
use super::{ApiError, App};
use crate::auth::Session;
use crate::hunt::{Ended, HuntPlan, RUNNING_MAX, Standing};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use yagura_detect::{RuleError, RuleFile, RuleSet};

/// Begin a hunt: rules over the events in the lake, compared with the alerts that there were.
#[utoipa::path(
    post, path = "/api/v1/hunts",
    request_body = HuntRequest,
    responses(
        (status = 202, description = "Begun", body = Hunt),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn begin(
    State(app): State<App>,
    session: Session,
    Body(request): Body<HuntRequest>,
) -> Result<(StatusCode, Json<Hunt>), ApiError> {
    let set = match request.rules {
        Some(text) => {
            let file = RuleFile { path: "rules".to_owned(), text };
            let (set, errors) = RuleSet::parse_with(&[file], app.rules.now().set.surroundings());
            if !errors.is_empty() {
                return Err(ApiError::BadInput { what: "rules", why: told(&errors) });
            }
            set
        }
        None => app.rules.now().set.clone(),
    };
    let time = |what, text: Option<String>| match text {
        Some(text) => Time::parse(&text)
            .map(|time| Some(time.0))
            .ok_or_else(|| ApiError::BadInput { what, why: format!("{text:?} is no RFC 3339 time") }),
        None => Ok(None),
    };
    let (from, to) = (time("from", request.from)?, time("to", request.to)?);
    let tenant = *session.tenant();
    let plan = HuntPlan::new(set, tenant.to_string(), from, to);
    let id = app.hunts.begin(&app.lake, tenant, plan, app.stop.clone());
    let id = id.ok_or_else(|| ApiError::Busy(format!("{RUNNING_MAX} hunts are under way; stop one, or wait")))?;
    let standing = app.hunts.standing(&tenant, id).ok_or(ApiError::NotFound("hunt"))?;
    Ok((StatusCode::ACCEPTED, Json(view(standing))))
}

/// The hunts of this server that are remembered, the newest first, without what they found.
#[utoipa::path(
    get, path = "/api/v1/hunts",
    responses(
        (status = 200, description = "The hunts", body = Hunts),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn hunts(State(app): State<App>, session: Session) -> Json<Hunts> {
    let hunts = app.hunts.all(session.tenant()).into_iter().map(|standing| Hunt { outcome: None, ..view(standing) });
    Json(Hunts { hunts: hunts.collect() })
}

/// One hunt: how far it is, or what it found.
#[utoipa::path(
    get, path = "/api/v1/hunts/{id}",
    params(("id" = u64, Path, description = "Its number")),
    responses(
        (status = 200, description = "The hunt", body = Hunt),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn hunt(
    State(app): State<App>,
    session: Session,
    Named(id): Named<u64>,
) -> Result<Json<Hunt>, ApiError> {
    let standing = app.hunts.standing(session.tenant(), id).ok_or(ApiError::NotFound("hunt"))?;
    Ok(Json(view(standing)))
}

/// Stop a hunt. It ends within a batch of rows; what it found is not told.
#[utoipa::path(
    post, path = "/api/v1/hunts/{id}/stop",
    params(("id" = u64, Path, description = "Its number")),
    responses(
        (status = 200, description = "The hunt", body = Hunt),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn stop(
    State(app): State<App>,
    session: Session,
    Named(id): Named<u64>,
) -> Result<Json<Hunt>, ApiError> {
    let standing = app.hunts.stop(session.tenant(), id).ok_or(ApiError::NotFound("hunt"))?;
    Ok(Json(view(standing)))
}

fn told(errors: &[RuleError]) -> String {
    let shown: Vec<String> = errors.iter().take(10).map(ToString::to_string).collect();
    shown.join("; ")
}

fn view(standing: Standing) -> Hunt {
    let Standing { id, rows, permille, ended } = standing;
    let (state, outcome, problem) = match ended {
        None => (HuntState::Running, None, None),
        Some(Ended::Done(outcome)) => (HuntState::Done, Some((*outcome).clone()), None),
        Some(Ended::Stopped) => (HuntState::Stopped, None, None),
        Some(Ended::Failed(why)) => (HuntState::Failed, None, Some(why)),
    };
    Hunt { id, state, events: rows, permille, outcome, problem }
}
