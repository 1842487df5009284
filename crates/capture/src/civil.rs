//! `2019-02-03 12:34:56.123456`, the date of `candump -ta`'s capital sibling `-tA`, as microseconds since 1970; and times of day.
//!
//! Not a calendar library: candump prints local time without a zone, so the text is taken as UTC and only differences mean something.
//! Invariant: a date that does not exist is refused.

use crate::cursor::{decimal, fraction};

const DAYS_BEFORE_MONTH: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
const MONTH_DAYS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// A date and time of day as microseconds, and the rest.
pub(crate) fn micros(text: &[u8]) -> Option<(i64, &[u8])> {
    let (seconds, rest) = seconds(text)?;
    let (fraction, rest) = fraction(rest, 6)?;
    Some((i64::try_from(seconds).ok()?.checked_mul(1_000_000)?.checked_add(fraction)?, rest))
}

/// A time of day, `22:20:14:992` or `22:20:14.992`, as microseconds since midnight, and the rest. The digits behind the last
/// mark are decimals of a second, however many (BUSMASTER writes four, CANalyst three).
pub(crate) fn time_of_day(text: &[u8]) -> Option<(i64, &[u8])> {
    let (hour, rest) = short(text, b':')?;
    let (minute, rest) = short(rest, b':')?;
    let (second, digits, rest) = decimal(rest)?;
    if digits == 0 || digits > 2 || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction, rest) = match rest {
        [b':', digits @ ..] => decimals(digits)?,
        _ => fraction(rest, 6)?,
    };
    let minutes = hour.checked_mul(60)?.checked_add(minute)?;
    let seconds = i64::try_from(minutes.checked_mul(60)?.checked_add(second)?).ok()?;
    Some((seconds.checked_mul(1_000_000)?.checked_add(fraction)?, rest))
}

/// The digits as decimals of a second, in microseconds.
fn decimals(text: &[u8]) -> Option<(i64, &[u8])> {
    let (value, digits, rest) = decimal(text)?;
    let micros = value.checked_mul(10_u64.checked_pow(6_u32.checked_sub(digits)?)?)?;
    Some((i64::try_from(micros).ok()?, rest))
}

fn short(text: &[u8], end: u8) -> Option<(u64, &[u8])> {
    let (value, digits, rest) = decimal(text)?;
    let (first, rest) = rest.split_first()?;
    ((1..=2).contains(&digits) && *first == end).then_some((value, rest))
}

/// The seconds of a date and time of day in the years 1970 to 9999, and the rest behind the seconds.
pub(crate) fn seconds(text: &[u8]) -> Option<(u64, &[u8])> {
    let (year, rest) = field(text, 4, b'-')?;
    let (month, rest) = field(rest, 2, b'-')?;
    let (day, rest) = field(rest, 2, b' ')?;
    let (hour, rest) = field(rest, 2, b':')?;
    let (minute, rest) = field(rest, 2, b':')?;
    let (second, digits, rest) = decimal(rest)?;
    if digits != 2 || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_since_1970(year, month, day)?;
    let minutes = days.checked_mul(24)?.checked_add(hour)?.checked_mul(60)?.checked_add(minute)?;
    Some((minutes.checked_mul(60)?.checked_add(second)?, rest))
}

fn field(text: &[u8], width: u32, end: u8) -> Option<(u64, &[u8])> {
    let (value, digits, rest) = decimal(text)?;
    let (first, rest) = rest.split_first()?;
    (digits == width && *first == end).then_some((value, rest))
}

fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    let month_index = usize::try_from(month.checked_sub(1)?).ok()?;
    let leap_day = u64::from(is_leap(year));
    let in_month = MONTH_DAYS.get(month_index)?.checked_add(if month == 2 { leap_day } else { 0 })?;
    if day == 0 || day > in_month {
        return None;
    }
    let years = year.checked_sub(1970)?;
    // Leap days before 1 January of `year`: the Gregorian count, less the 477 of the years before 1970.
    let last = year.checked_sub(1)?;
    let leap_days = (last / 4).checked_add(last / 400)?.checked_sub(last / 100)?.checked_sub(477)?;
    let after_february = if month > 2 { leap_day } else { 0 };
    [leap_days, *DAYS_BEFORE_MONTH.get(month_index)?, after_february, day.checked_sub(1)?]
        .into_iter()
        .try_fold(years.checked_mul(365)?, u64::checked_add)
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<u64> {
        seconds(text.as_bytes()).map(|(seconds, _)| seconds)
    }

    #[test]
    fn dates_are_counted_from_1970_through_leap_years() {
        assert_eq!(at("1970-01-01 00:00:00"), Some(0));
        assert_eq!(at("1972-02-29 00:00:00"), Some(789 * 86_400));
        assert_eq!(at("2000-03-01 00:00:00"), Some(951_868_800));
        assert_eq!(at("2020-08-07 15:37:16"), Some(1_596_814_636));
        assert_eq!(at("2100-03-01 00:00:00"), Some(4_107_542_400));
    }

    #[test]
    fn dates_that_do_not_exist_are_refused() {
        for text in [
            "1969-12-31 23:59:59",
            "2021-02-29 00:00:00",
            "2021-13-01 00:00:00",
            "2021-01-01 24:00:00",
            "21-01-01 00:00:00",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
