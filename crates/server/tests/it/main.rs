//! The server from outside: real sockets, real files, nothing mocked but time and failing disks.
//!
//! One binary for all integration tests of the crate; a file a subject.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on should stop where it stands, and say so if it was left out; clippy's allowance does not reach helpers"
)]

mod api;
mod clock_jumps;
mod devices;
mod evidence;
mod facts;
mod fleetwide;
mod gate;
mod hunts;
mod incidents;
mod isolation;
mod late;
mod openapi;
mod partition;
mod products;
#[cfg(feature = "query")]
mod query;
mod replay;
mod rig;
mod rule_changes;
mod rule_life;
mod services;
mod serving;
mod stamps;
mod storm;
mod ways;
