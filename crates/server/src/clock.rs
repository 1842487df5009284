//! The one place of this crate where the wall clock is read.
//!
//! Not a source of durations: deadlines and intervals use tokio's monotonic clock. A clock before 1970 reads as 1970.

use std::time::{SystemTime, UNIX_EPOCH};
use yagura_model::UnixMicros;

/// The server's wall clock.
#[must_use]
pub fn now() -> UnixMicros {
    #[expect(clippy::disallowed_methods, reason = "the one place of this crate that reads the wall clock")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMicros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
