//! The binary as its users run it: exit codes and messages, a server killed at any moment, the same events everywhere.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests stop at the first surprise and say so; those that were left out say so too"
)]

mod bench;
mod crash;
mod devices;
mod errors;
mod fleet;
mod full_disk;
mod ids;
mod lake;
mod process;
mod psirt;
mod rules;
mod services;
mod telemetry;
