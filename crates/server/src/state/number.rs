//! Between the unsigned numbers of the domain and SQLite's signed 64-bit integers.
//!
//! Invariant: counts and positions stay far below 2^63; a value beyond it is kept as the nearest one that fits.

/// A count or position as SQLite keeps it.
pub(super) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A count or position as it was kept.
pub(super) fn uint(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
