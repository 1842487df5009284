//! Gate, pipeline, API and state of the cloud side: the one place where the pure crates meet the world.
//!
//! Not a command line (that is `cli`) and not a store (vault and lake are `store`). Reports enter by the gate, are durable in the
//! vault before they are acknowledged, and everything else here is derived from the vault and can be rebuilt from it.
//! Invariants: no acknowledged report is lost; every query carries a tenant; replaying the vault changes nothing (ADR-0010).

pub mod clock;
pub mod config;
pub mod gate;
pub mod happenings;
pub mod identity;
pub mod intake;
pub mod tenant;
