//! An instant of the wall clock as documents write it.
//!
//! Not a clock: whoever needs "now" is given it.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Microseconds since 1970, UTC.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Instant(pub i64);

impl Instant {
    /// Reads RFC 3339, or a date alone (its first instant); `None` if it is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let whole = if text.len() == 10 { &format!("{text}T00:00:00Z") } else { text };
        // NVD and older CVE records write no zone: they mean UTC.
        let read = OffsetDateTime::parse(whole, &Rfc3339)
            .or_else(|_| OffsetDateTime::parse(&format!("{whole}Z"), &Rfc3339))
            .ok()?;
        i64::try_from(read.unix_timestamp_nanos().checked_div(1000)?).ok().map(Self)
    }

    /// As RFC 3339 in UTC.
    #[must_use]
    pub fn text(self) -> String {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0).saturating_mul(1000))
            .ok()
            .and_then(|time| time.format(&Rfc3339).ok())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Instant;

    #[test]
    fn what_documents_write_is_read() {
        for (text, expected) in [
            ("2024-05-01T12:00:00Z", "2024-05-01T12:00:00Z"),
            ("2024-05-01T12:00:00.5+02:00", "2024-05-01T10:00:00.5Z"),
            ("2024-05-01T12:00:00", "2024-05-01T12:00:00Z"),
            ("2024-05-01", "2024-05-01T00:00:00Z"),
        ] {
            assert_eq!(Instant::parse(text).map(Instant::text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "yesterday", "2024-13-01", "2024-05-01T25:00:00Z"] {
            assert_eq!(Instant::parse(text), None, "{text}");
        }
    }
}
