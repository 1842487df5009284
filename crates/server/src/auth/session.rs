//! The session: a cookie on one side, a row on the other, and the extractor that turns a request into a person.
//!
//! Not a token for scripts (those have their own issue). The cookie is `HttpOnly` and `SameSite=Strict`; it is not `Secure`, because
//! the API speaks plain HTTP on loopback alone. Invariant: a handler gets a tenant from here or not at all. Cost: one indexed read.

use super::SecretHash;
use crate::api::{ApiError, App};
use crate::clock;
use crate::state::Person;
use crate::tenant::Tenant;
use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, HeaderValue, header, request::Parts};

/// Name of the cookie.
pub const COOKIE: &str = "yagura_session";
/// How long a session lasts.
pub const SESSION_VALIDITY_US: i64 = 12 * 3_600_000_000;

/// Somebody who is signed in, as a handler's argument.
#[derive(Clone, Debug)]
pub struct Session {
    /// Who.
    pub person: Person,
    /// Under which hash the session is kept.
    pub hash: SecretHash,
}

impl Session {
    /// Whose data they see.
    #[must_use]
    pub const fn tenant(&self) -> &Tenant {
        &self.person.tenant
    }
}

impl FromRequestParts<App> for Session {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let hash = cookie_of(&parts.headers).ok_or(ApiError::NotSignedIn)?;
        let person = app.state.session(&hash, clock::now()).await?.ok_or(ApiError::NotSignedIn)?;
        Ok(Self { person, hash })
    }
}

/// The session that a request presents.
#[must_use]
pub fn cookie_of(headers: &HeaderMap) -> Option<SecretHash> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| SecretHash::of(value))
}

/// The header that begins a session.
#[must_use]
pub fn start_cookie(secret: &super::Secret) -> HeaderValue {
    let seconds = SESSION_VALIDITY_US / 1_000_000;
    cookie(&format!("{COOKIE}={}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}", secret.to_text()))
}

/// The header that ends it.
#[must_use]
pub fn end_cookie() -> HeaderValue {
    cookie(&format!("{COOKIE}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0"))
}

fn cookie(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=b; yagura_session=x; c=d"));
        assert_eq!(cookie_of(&headers), Some(SecretHash::of("x")));
        headers.clear();
        assert_eq!(cookie_of(&headers), None);
        headers.append(header::COOKIE, HeaderValue::from_static("not_yagura_session=x; yagura_session"));
        assert_eq!(cookie_of(&headers), None);
    }
}
