//! Times as back ends write them.
//!
//! Not a clock. Formats: RFC 3339 (also with a space, also without an offset: UTC), whole or fractional units since 1970, or a format
//! description of the `time` crate. Invariant: a time that does not fit 64 bits of microseconds is an error. Cost: ~15 ns (RFC 3339),
//! ~300 ns (a description).

use time::format_description::{OwnedFormatItem, parse_owned};
use time::{OffsetDateTime, PrimitiveDateTime};
use yagura_model::UnixMicros;

/// How a time is written.
#[derive(Clone, Debug)]
pub(crate) enum TimeFormat {
    Rfc3339,
    /// A number; so many microseconds a unit, or so many units a microsecond.
    Unix {
        micros: i64,
        per_micro: i64,
    },
    Described(OwnedFormatItem),
}

impl TimeFormat {
    /// The format of this name, or of this description.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let unix = |micros, per_micro| Ok(Self::Unix { micros, per_micro });
        match text {
            "rfc3339" => Ok(Self::Rfc3339),
            "unix-s" => unix(1_000_000, 1),
            "unix-ms" => unix(1_000, 1),
            "unix-us" => unix(1, 1),
            "unix-ns" => unix(1, 1_000),
            text if text.contains('[') => {
                parse_owned::<2>(text).map(Self::Described).map_err(|error| format!("time format {text:?}: {error}"))
            }
            text => Err(format!(
                "time format {text:?}, expected rfc3339, unix-s, unix-ms, unix-us, unix-ns or a description such as \
                 [year]-[month]-[day]T[hour]:[minute]:[second]"
            )),
        }
    }

    /// The time that a text says.
    pub(crate) fn read(&self, text: &str) -> Option<UnixMicros> {
        match self {
            Self::Rfc3339 => rfc3339(text),
            Self::Unix { micros, per_micro } => number(text, *micros, *per_micro),
            Self::Described(format) => OffsetDateTime::parse(text, format)
                .or_else(|_| PrimitiveDateTime::parse(text, format).map(PrimitiveDateTime::assume_utc))
                .ok()
                .and_then(|time| i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000)).ok())
                .map(UnixMicros),
        }
    }
}

/// A decimal number of units; digits behind the point count as far as microseconds go.
fn number(text: &str, micros: i64, per_micro: i64) -> Option<UnixMicros> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 18 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let units: i64 = whole.parse().ok()?;
    let mut out = units.checked_mul(micros)?.div_euclid(per_micro.max(1));
    let mut place = micros;
    for digit in fraction.bytes() {
        place = place.checked_div(10)?;
        let part = place.checked_mul(i64::from(digit.checked_sub(b'0')?))?;
        out = if whole.starts_with('-') { out.checked_sub(part)? } else { out.checked_add(part)? };
    }
    Some(UnixMicros(out))
}

/// `2026-11-22T10:11:12[.345678][Z|+09:00]`.
fn rfc3339(text: &str) -> Option<UnixMicros> {
    let bytes = text.as_bytes();
    let (head, rest) = bytes.split_first_chunk::<19>()?;
    let &[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T' | b't' | b' ', h0, h1, b':', n0, n1, b':', s0, s1] = head
    else {
        return None;
    };
    let year = pair(y0, y1)?.checked_mul(100)?.checked_add(pair(y2, y3)?)?;
    let (month, day) = (pair(m0, m1)?, pair(d0, d1)?);
    let (hour, minute, second) = (pair(h0, h1)?, pair(n0, n1)?, pair(s0, s1)?);
    if !(1..=12).contains(&month) || day < 1 || day > month_days(year, month) || hour > 23 || minute > 59 || second > 60
    {
        return None;
    }
    let (micros, rest) = fraction(rest)?;
    let offset = offset_minutes(rest)?;
    let minutes = days(year, month, day).checked_mul(24)?.checked_add(hour)?.checked_mul(60)?.checked_add(minute)?;
    let seconds = minutes.checked_sub(offset)?.checked_mul(60)?.checked_add(second)?;
    Some(UnixMicros(seconds.checked_mul(1_000_000)?.checked_add(micros)?))
}

fn pair(tens: u8, ones: u8) -> Option<i64> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i64::from(byte & 0xF));
    digit(tens)?.checked_mul(10)?.checked_add(digit(ones)?)
}

/// Microseconds of `.digits`, and what follows.
fn fraction(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.' | b',', digits)) = bytes.split_first() else { return Some((0, bytes)) };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (mut micros, mut place) = (0_i64, 100_000_i64);
    for digit in digits.iter().take(count) {
        micros = micros.checked_add(place.checked_mul(i64::from(digit & 0xF))?)?;
        place = place.checked_div(10)?;
    }
    if count == 0 { None } else { Some((micros, digits.get(count..)?)) }
}

fn offset_minutes(bytes: &[u8]) -> Option<i64> {
    let (sign, rest) = match bytes {
        [] | [b'Z' | b'z'] => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match *rest {
        [h0, h1, b':', m0, m1] | [h0, h1, m0, m1] => (pair(h0, h1)?, pair(m0, m1)?),
        [h0, h1] => (pair(h0, h1)?, 0),
        _ => return None,
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    hours.checked_mul(60)?.checked_add(minutes)?.checked_mul(sign)
}

const fn is_leap(year: i64) -> bool {
    year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0)
}

const fn month_days(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date of the years 0 to 9999 (Hinnant's days_from_civil).
#[expect(clippy::arithmetic_side_effects, reason = "year, month and day were checked to be small")]
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::format_description::well_known::Rfc3339;

    fn read(format: &str, text: &str) -> Option<i64> {
        TimeFormat::parse(format).unwrap().read(text).map(|time| time.0)
    }

    proptest! {
        #[test]
        fn rfc_3339_is_read_as_the_time_crate_reads_it(micros in -62_000_000_000_000_000_i64..253_402_300_799_999_999, zone in -1_400..1_400_i32) {
            let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).unwrap();
            let zone = time::UtcOffset::from_whole_seconds(zone * 60 / 2).unwrap();
            let Some(time) = time.checked_to_offset(zone) else { return Ok(()) };
            let Ok(text) = time.format(&Rfc3339) else { return Ok(()) };
            prop_assert_eq!(read("rfc3339", &text), Some(micros), "{}", text);
        }

        #[test]
        fn any_text_is_a_time_or_none(text in ".{0,40}", digits in "[0-9TZ:+. -]{0,40}") {
            for format in ["rfc3339", "unix-s", "unix-ns", "[year]-[month]-[day]"] {
                let _ = (read(format, &text), read(format, &digits));
            }
        }
    }

    #[test]
    fn what_back_ends_write_is_read() {
        let noon = Some(1_795_348_800_500_000);
        assert_eq!(read("rfc3339", "2026-11-22T12:00:00.5Z"), noon);
        assert_eq!(read("rfc3339", "2026-11-22 21:00:00.500000000+0900"), noon);
        assert_eq!(read("unix-s", "1795348800.5"), noon);
        assert_eq!(read("unix-ms", "1795348800500"), noon);
        assert_eq!(read("unix-ns", "1795348800500000000"), noon);
        assert_eq!(read("[day]/[month]/[year] [hour]:[minute]:[second].[subsecond]", "22/11/2026 12:00:00.5"), noon);
        for wrong in ["", "2026-11-31T00:00:00Z", "2026-11-22", "2026-11-22T12:00:00.Z", "2026-11-22T12:00:00+9"] {
            assert_eq!(read("rfc3339", wrong), None, "{wrong}");
        }
        assert!(TimeFormat::parse("iso").is_err() && TimeFormat::parse("[yeer]").is_err());
    }
}
