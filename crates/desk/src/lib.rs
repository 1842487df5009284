//! Desk tools of the sensor: learn a profile from captures, replay, score, explain and compare, and forge attacks to test with.
//!
//! Not a detector and not a command line: the same `ids` crate that runs in a vehicle judges here, and `cli` reads arguments and
//! prints. Files are opened only in [`source`](Capture) and by the callers of what this crate returns; no clock is read.
//! Invariants: labels never reach a detector or the learner; what is written for scripts (JSON lines of [`Alert`]) is stable and
//! described in docs/cli.md. Cost: replay is bound by reading; figures in docs/performance.md.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation
    )
)]

mod alert;
mod case;
mod coverage;
mod diff;
mod error;
pub mod eval;
mod held_back;
pub mod inject;
mod learn;
mod reason;
mod replay;
mod report;
mod source;
pub mod suite;

pub use alert::Alert;
pub use case::{AROUND, Wanted, explain_alert};
pub use coverage::FieldCover;
pub use diff::{Difference, diff};
pub use error::DeskError;
pub use held_back::{FOLDS_MAX, HeldBack, rate_bound};
pub use learn::{Lesson, learn, read_specification};
pub use replay::{Replay, Tally, read_profile, replay};
pub use report::Report;
pub use source::{Capture, FAULTS_TOLD_MAX, Quiet, Watch};
