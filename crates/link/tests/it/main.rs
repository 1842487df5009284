//! The link from outside: golden bytes of every persisted format, hostile bytes, and both ends over a bad road.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests may fail by panicking and say their seed; clippy's allowance does not reach helpers"
)]

mod golden;
mod hostile;
mod road;
