//! People in charge and which components they are in charge of.
//!
//! Not sign-in: nobody listed here can do anything by that.

use super::input::{Body, digest_of_hex};
use super::types::{Language, Owner, OwnerList, Problem, Route};
use super::{ApiError, App};
use crate::auth::{Session, hex};
use crate::clock;
use crate::state::{OwnerRow, RouteRow};
use axum::Json;
use axum::extract::State;

/// The longest name, address, pattern or version.
pub(super) const TEXT_CHARS_MAX: usize = 500;

/// People in charge, and of which components.
#[utoipa::path(
    get, path = "/api/v1/people",
    responses(
        (status = 200, description = "The people and routes", body = OwnerList),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn people(State(app): State<App>, session: Session) -> Result<Json<OwnerList>, ApiError> {
    let people = app.state.owners(session.tenant()).await?.iter().map(owner).collect();
    let routes = app.state.routes(session.tenant()).await?.into_iter();
    let routes = routes.map(|row| Route { pattern: row.pattern, owner: Some(hex(&row.owner_id)) }).collect();
    Ok(Json(OwnerList { people, routes }))
}

/// Add somebody, or change who has this e-mail address.
#[utoipa::path(
    post, path = "/api/v1/people", request_body = Owner,
    responses(
        (status = 200, description = "The person as they now are", body = Owner),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn set_person(
    State(app): State<App>,
    session: Session,
    Body(wish): Body<Owner>,
) -> Result<Json<Owner>, ApiError> {
    let email = text("email", &wish.email)?;
    let has_at = email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    if !has_at || email.contains(char::is_whitespace) {
        return Err(ApiError::BadInput { what: "email", why: format!("{email:?} is no address") });
    }
    let mut row = OwnerRow {
        owner_id: Vec::new(),
        name: text("name", &wish.name)?,
        email,
        language: match wish.language {
            Language::En => "en",
            Language::Ja => "ja",
        }
        .to_owned(),
        teams: wish.teams.iter().map(|team| text("teams", team)).collect::<Result<Vec<_>, _>>()?.join("\n"),
        next_id: known(&app, &session, "next", wish.next.as_deref()).await?,
    };
    row.owner_id = app.state.set_owner(&session.person, &row, clock::now()).await?.to_vec();
    Ok(Json(owner(&row)))
}

/// Say who is in charge of components whose package URLs begin in some way.
#[utoipa::path(
    post, path = "/api/v1/people/routes", request_body = Route,
    responses(
        (status = 200, description = "The route as it now is", body = Route),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn set_route(
    State(app): State<App>,
    session: Session,
    Body(wish): Body<Route>,
) -> Result<Json<Route>, ApiError> {
    if !wish.pattern.is_empty() && !wish.pattern.starts_with("pkg:") {
        let why = format!("{:?} is not the beginning of a package URL (`pkg:…`), nor empty", wish.pattern);
        return Err(ApiError::BadInput { what: "pattern", why });
    }
    let pattern = if wish.pattern.is_empty() { String::new() } else { text("pattern", &wish.pattern)? };
    let owner = known(&app, &session, "owner", wish.owner.as_deref()).await?;
    app.state.set_route(&session.person, (&pattern, owner.as_deref()), clock::now()).await?;
    Ok(Json(Route { pattern, owner: owner.as_deref().map(hex) }))
}

/// A text that is not empty, on one line, and not too long.
pub(super) fn text(what: &'static str, text: &str) -> Result<String, ApiError> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > TEXT_CHARS_MAX || text.contains(char::is_control) {
        return Err(ApiError::BadInput { what, why: format!("not one line of 1 to {TEXT_CHARS_MAX} characters") });
    }
    Ok(text.to_owned())
}

/// The id of somebody who is known.
pub(super) async fn known(
    app: &App,
    session: &Session,
    what: &'static str,
    id: Option<&str>,
) -> Result<Option<Vec<u8>>, ApiError> {
    let Some(text) = id else { return Ok(None) };
    let owners = app.state.owners(session.tenant()).await?;
    let found = digest_of_hex(text).filter(|id| owners.iter().any(|owner| owner.owner_id == id));
    let unknown =
        || ApiError::BadInput { what, why: format!("{text:?} is nobody's id; GET /api/v1/people lists them") };
    Ok(Some(found.ok_or_else(unknown)?.to_vec()))
}

/// Who is in charge of what, for many components of a page.
pub(super) struct InCharge {
    routes: Vec<RouteRow>,
}

impl InCharge {
    pub(super) async fn of(app: &App, session: &Session) -> Result<Self, ApiError> {
        Ok(Self { routes: app.state.routes(session.tenant()).await? })
    }

    pub(super) fn responsible(&self, purl: Option<&str>, product: Option<&[u8]>) -> Option<String> {
        RouteRow::responsible(&self.routes, purl, product).map(hex)
    }
}

fn owner(row: &OwnerRow) -> Owner {
    Owner {
        id: hex(&row.owner_id),
        name: row.name.clone(),
        email: row.email.clone(),
        language: if row.language == "ja" { Language::Ja } else { Language::En },
        teams: row.teams.lines().map(str::to_owned).collect(),
        next: row.next_id.as_deref().map(hex),
    }
}
