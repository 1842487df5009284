//! Vault and lake as their users see them, on real and on simulated disks.
//!
//! Not unit tests: those are beside the code.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly; clippy sees tests/ as ordinary code")]

mod archive;
mod archive_crash;
#[cfg(feature = "lake")]
mod away;
#[cfg(feature = "lake")]
mod lake;
#[cfg(feature = "lake")]
mod lake_upkeep;
#[cfg(feature = "lake")]
mod lake_writers;
mod objects;
mod services;
mod sim_disk;
mod sim_objects;
mod vault;
mod vault_crash;
