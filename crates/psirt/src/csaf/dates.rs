//! Instants as CSAF compares them: with fractions, offsets and leap seconds, to any precision.
//!
//! Not the instants of advisories, which stop at microseconds.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Reads RFC 3339. A leap second is the second after.
pub(crate) fn instant(text: &str) -> Option<OffsetDateTime> {
    let plain = OffsetDateTime::parse(text, &Rfc3339).ok();
    plain.or_else(|| {
        let (front, back) = text.split_once(":60")?;
        let read = OffsetDateTime::parse(&format!("{front}:59{back}"), &Rfc3339).ok()?;
        read.checked_add(time::Duration::seconds(1))
    })
}

/// Whether it is written as section 2.3 of CSAF 2.1 wants it: capital `T` and `Z`, a zone, no leap second.
pub(crate) fn is_strict(text: &str) -> bool {
    let bytes = text.as_bytes();
    let zone = text.ends_with('Z')
        || text.len().checked_sub(6).and_then(|at| bytes.get(at)).is_some_and(|sign| matches!(sign, b'+' | b'-'));
    bytes.get(10) == Some(&b'T')
        && zone
        && bytes.get(17..19) != Some(b"60")
        && OffsetDateTime::parse(text, &Rfc3339).is_ok()
}
