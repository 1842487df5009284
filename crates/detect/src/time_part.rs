//! Parts of a date: Sigma's time modifiers.
//!
//! Not a clock and no time zones: a date in text is read as it is written, whatever its offset says, and a number counts from
//! 1970-01-01 UTC in seconds, milliseconds or microseconds, told apart by its size. What is neither has no parts.

use chrono::{DateTime, Datelike, NaiveDateTime, Timelike};
use yagura_model::UnixMicros;

/// The instant that a text names: RFC 3339, the same without an offset (then UTC), or a number since 1970-01-01 UTC in seconds,
/// milliseconds or microseconds, told apart by its size.
#[must_use]
pub fn instant(text: &str) -> Option<UnixMicros> {
    let text = text.trim();
    if let Ok(number) = text.parse::<i64>() {
        let factor = match number.unsigned_abs() {
            0..100_000_000_000 => 1_000_000,
            100_000_000_000..100_000_000_000_000 => 1_000,
            _ => 1,
        };
        return number.checked_mul(factor).map(UnixMicros);
    }
    if let Ok(date) = DateTime::parse_from_rfc3339(text) {
        return Some(UnixMicros(date.timestamp_micros()));
    }
    let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
    let date = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    Some(UnixMicros(date.and_utc().timestamp_micros()))
}

/// A part of a date.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum TimePart {
    Minute,
    Hour,
    Day,
    /// The week of ISO 8601: week 1 holds the year's first Thursday.
    Week,
    Month,
    Year,
}

impl TimePart {
    /// By the name of its modifier.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "minute" => Self::Minute,
            "hour" => Self::Hour,
            "day" => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "year" => Self::Year,
            _ => return None,
        })
    }

    /// This part of a date in text, or of a number in text.
    pub(crate) fn of_text(self, text: &str) -> Option<f64> {
        if let Ok(number) = text.parse() {
            return self.of_number(number);
        }
        let front = text.get(..19).filter(|_| text.is_ascii())?;
        let form = if front.contains('T') { "%Y-%m-%dT%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
        NaiveDateTime::parse_from_str(front, form).ok().map(|date| self.of_date(date))
    }

    /// This part of a time since 1970-01-01 UTC.
    pub(crate) fn of_number(self, number: i64) -> Option<f64> {
        let seconds = match number.unsigned_abs() {
            0..100_000_000_000 => number,
            100_000_000_000..100_000_000_000_000 => number.div_euclid(1_000),
            _ => number.div_euclid(1_000_000),
        };
        DateTime::from_timestamp(seconds, 0).map(|date| self.of_date(date.naive_utc()))
    }

    fn of_date(self, date: NaiveDateTime) -> f64 {
        match self {
            Self::Minute => f64::from(date.minute()),
            Self::Hour => f64::from(date.hour()),
            Self::Day => f64::from(date.day()),
            Self::Week => f64::from(date.iso_week().week()),
            Self::Month => f64::from(date.month()),
            Self::Year => f64::from(date.year()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_in_every_form() {
        let micros = Some(UnixMicros(1_776_403_493_092_000));
        for text in
            ["2026-04-17T05:24:53.092Z", "2026-04-17 05:24:53.092", "2026-04-17T07:24:53.092+02:00", "1776403493092"]
        {
            assert_eq!(instant(text), micros, "{text}");
        }
        assert_eq!(instant("1776403493"), Some(UnixMicros(1_776_403_493_000_000)));
        assert_eq!(["", "soon", "1e9"].map(instant), [None; 3]);
    }

    #[test]
    fn dates_are_read_as_written_and_numbers_by_their_size() {
        use TimePart as P;
        let parts = [P::Minute, P::Hour, P::Day, P::Week, P::Month, P::Year];
        let expected = [Some(24.0), Some(5.0), Some(17.0), Some(16.0), Some(4.0), Some(2026.0)];
        for text in ["2026-04-17T05:24:53.092051Z", "2026-04-17 05:24:53", "2026-04-17T05:24:53+09:00", "1776403493"] {
            assert_eq!(parts.map(|part| part.of_text(text)), expected, "{text}");
        }
        for number in [1_776_403_493, 1_776_403_493_092, 1_776_403_493_092_051] {
            assert_eq!(parts.map(|part| part.of_number(number)), expected, "{number}");
        }
        for text in ["", "yesterday", "2026-04-17", "2026-13-17T05:24:53Z", "２０２６-04-17T05:24:53"] {
            assert_eq!(P::Hour.of_text(text), None, "{text}");
        }
    }
}
