//! Signing in by a one-time token, signing out, and who one is.
//!
//! Not the session's mechanics (those are `auth`).

use super::input::Body;
use super::types::{Me, Problem, SignIn};
use super::{ApiError, App};
use crate::auth::{SESSION_VALIDITY_US, Secret, SecretHash, Session, end_cookie, start_cookie};
use crate::clock;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

/// Trade a one-time token for a session.
#[utoipa::path(
    post, path = "/api/v1/sign-in", request_body = SignIn,
    responses(
        (status = 204, description = "Signed in: the session is in the cookie `yagura_session`"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn sign_in(State(app): State<App>, Body(body): Body<SignIn>) -> Result<impl IntoResponse, ApiError> {
    let (now, session) = (clock::now(), Secret::random()?);
    let expires = now.plus(SESSION_VALIDITY_US);
    let person = app.state.sign_in(&SecretHash::of(&body.token), &session.hash(), now, expires).await?;
    match person {
        Some(_) => Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, start_cookie(&session))])),
        None => Err(ApiError::TokenRefused),
    }
}

/// End the session.
#[utoipa::path(
    post, path = "/api/v1/sign-out",
    responses(
        (status = 204, description = "Signed out"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn sign_out(State(app): State<App>, session: Session) -> Result<impl IntoResponse, ApiError> {
    app.state.sign_out(&session.person, &session.hash, clock::now()).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, end_cookie())]))
}

/// Who is signed in.
#[utoipa::path(
    get, path = "/api/v1/me",
    responses(
        (status = 200, description = "You", body = Me),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn me(session: Session) -> Json<Me> {
    Json(Me { user: session.person.user.clone(), tenant: session.tenant().to_string() })
}
