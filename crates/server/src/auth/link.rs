//! One-time sign-in links: what the server prints at its start, and what `yagura sign-in-link` mints later.
//!
//! Not a way to become somebody else: whoever can write the data directory is the operator. Invariant: the token is in the URL's
//! fragment, which browsers send to nobody. The address comes from the state, where the running server left it.

use super::{NoRandomness, Secret};
use crate::clock;
use crate::state::{Person, State, StateError, StateUrl};
use crate::tenant::Tenant;
use yagura_model::{Name, UnixMicros};

/// How long a sign-in link works.
pub const SIGN_IN_LINK_VALIDITY_US: i64 = 24 * 3_600_000_000;

/// Why there is no sign-in link.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignInLinkError {
    /// No server ever ran on this data directory.
    #[error("no server has run on this data directory yet")]
    NeverServed,
    /// The state cannot be used.
    #[error("cannot use the server's state")]
    State(#[from] StateError),
    /// No random bytes.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// A link that signs one person in once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignInLink {
    /// `http://127.0.0.1:8080/sign-in#token=…`
    pub url: String,
    /// When it stops working.
    pub expires: UnixMicros,
}

/// A link to the console at `console_url` for `person`.
///
/// # Errors
/// [`SignInLinkError`]
pub async fn mint_sign_in_link(
    state: &State,
    console_url: &str,
    person: &Person,
) -> Result<SignInLink, SignInLinkError> {
    let (now, token) = (clock::now(), Secret::random()?);
    let expires = now.plus(SIGN_IN_LINK_VALIDITY_US);
    state.put_sign_in_token(person, &token.hash(), now, expires).await?;
    Ok(SignInLink { url: format!("{console_url}/sign-in#token={}", token.to_text()), expires })
}

/// Names of the settings in which a server leaves what a link needs.
pub(crate) const CONSOLE_URL: &str = "console_url";
pub(crate) const OPERATOR_TENANT: &str = "operator_tenant";
pub(crate) const OPERATOR: &str = "operator";

/// A link to the console of the server that runs, or last ran, on the state at `url`, for its operator.
///
/// # Errors
/// [`SignInLinkError`]
pub async fn sign_in_link(url: &StateUrl) -> Result<SignInLink, SignInLinkError> {
    if url.path().is_some_and(|path| !path.exists()) {
        return Err(SignInLinkError::NeverServed);
    }
    let state = State::connect(url).await?;
    let console = state.setting(CONSOLE_URL).await?.ok_or(SignInLinkError::NeverServed)?;
    let tenant = state.setting(OPERATOR_TENANT).await?.and_then(|text| Name::new(&text).ok());
    let tenant = Tenant::named(tenant.ok_or(SignInLinkError::NeverServed)?);
    let person = Person { tenant, user: OPERATOR.to_owned() };
    let link = mint_sign_in_link(&state, &console, &person).await;
    state.close().await;
    link
}
