//! The binary as its users run it: exit codes and messages, a server killed at any moment, the same events everywhere.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests stop at the first surprise and say so")]

mod crash;
mod devices;
mod errors;
mod fleet;
mod ids;
mod lake;
mod process;
