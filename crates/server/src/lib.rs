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
mod counted;
pub mod evidence;
pub mod facts;
pub mod fleetwide;
pub mod gate;
pub mod happenings;
pub mod hunt;
pub mod identity;
mod incidents;
pub mod intake;
pub mod lake;
pub mod late;
pub mod metrics;
pub mod pipeline;
pub mod place;
pub mod psirt;
pub mod query;
pub mod records;
pub mod serve;
pub mod state;
mod stop;
pub mod tenant;
pub mod traces;
pub mod ways;

pub use auth::{SignInLink, SignInLinkError, sign_in_link};
pub use config::{Config, ConfigError, RawConfig, state_url};
pub use serve::{Ready, ServeError, serve};
pub use state::{StateUrl, enrolment_token};
