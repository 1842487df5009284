//! Desk tools on small captures: what scripts rely on, and that clean traffic stays silent.
//!
//! Not the detectors' own tests (`ids`, `profile`). Captures are the repository's own; nothing here needs other data.
#![expect(clippy::unwrap_used, reason = "helpers of tests; clippy knows only test functions")]

mod attacks;
mod contract;

use std::path::PathBuf;

/// A capture that ships with the repository.
pub(crate) fn capture(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/captures")).join(name)
}
