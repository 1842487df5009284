//! Gate, pipeline, API and state of the cloud side: the one place where the pure crates meet the world.
//!
//! Not a command line (that is `cli`) and not a store (vault and lake are `store`). Reports enter by the gate, are durable in the
//! vault before they are acknowledged, and everything else here is derived from the vault and can be rebuilt from it.
//! Invariants: no acknowledged report is lost; every query carries a tenant; replaying the vault changes nothing (ADR-0010).

pub mod api;
mod assets;
pub mod auth;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod evidence;
pub mod gate;
pub mod happenings;
pub mod identity;
pub mod intake;
pub mod lake;
pub mod pipeline;
pub mod place;
pub mod query;
pub mod records;
pub mod serve;
pub mod state;
mod stop;
pub mod tenant;
pub mod ways;

pub use auth::{SignInLink, SignInLinkError};
pub use config::{Config, ConfigError, RawConfig};
pub use serve::{Ready, ServeError, serve};

use std::path::Path;
use yagura_model::DeviceId;

/// A new one-time link that signs the operator in to the server on this data directory.
///
/// # Errors
/// [`SignInLinkError`]
pub async fn sign_in_link(data_dir: &Path) -> Result<SignInLink, SignInLinkError> {
    auth::sign_in_link(&data_dir.join(serve::STATE_FILE)).await
}

/// A new one-time enrolment token for a device, for the server on this data directory, whether it runs now or not.
///
/// # Errors
/// [`state::EnrolmentTokenError`]
pub async fn enrolment_token(
    data_dir: &Path,
    device: &DeviceId,
    model: &str,
) -> Result<String, state::EnrolmentTokenError> {
    state::enrolment_token(&data_dir.join(serve::STATE_FILE), device, model).await
}
