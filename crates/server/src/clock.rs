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

/// An instant for people, in UTC to the second (RFC 3339).
#[must_use]
pub fn text(instant: UnixMicros) -> String {
    let moment = time::OffsetDateTime::from_unix_timestamp(instant.0.div_euclid(1_000_000));
    let text = moment.ok().and_then(|moment| moment.format(&time::format_description::well_known::Rfc3339).ok());
    // Only an instant that no calendar writes is told as a number.
    text.unwrap_or_else(|| format!("{} µs since 1970", instant.0))
}
