//! The one place of this crate where the wall clock is read.
//!
//! Not a source of durations: deadlines and intervals use tokio's monotonic clock. A clock before 1970 reads as 1970.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use yagura_model::UnixMicros;

static OFF_BY: AtomicI64 = AtomicI64::new(0);

/// Sets the clock of this process off by so many microseconds. Only a process that tries what a wrong clock does calls it.
pub fn set_off_by(micros: i64) {
    OFF_BY.store(micros, Ordering::Relaxed);
}

/// The server's wall clock.
#[must_use]
pub fn now() -> UnixMicros {
    #[expect(clippy::disallowed_methods, reason = "the one place of this crate that reads the wall clock")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMicros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX)).plus(OFF_BY.load(Ordering::Relaxed))
}

/// An instant for people, in UTC to the second (RFC 3339).
#[must_use]
pub fn text(instant: UnixMicros) -> String {
    let moment = time::OffsetDateTime::from_unix_timestamp(instant.0.div_euclid(1_000_000));
    let text = moment.ok().and_then(|moment| moment.format(&time::format_description::well_known::Rfc3339).ok());
    // Only an instant that no calendar writes is told as a number.
    text.unwrap_or_else(|| format!("{} µs since 1970", instant.0))
}
