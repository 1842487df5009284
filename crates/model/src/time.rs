//! Instants: monotonic time of one sensor boot, and wall-clock time.
//!
//! Not a clock: nothing here reads the time; it is always an argument. The two kinds never mix without an explicit offset
//! (DESIGN invariant "three clocks"). Unit: microseconds.

use core::fmt;

/// Microseconds since the sensor (or the capture) started. Monotonic per boot; not wall time.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Micros(pub u64);

impl Micros {
    /// The largest instant; used as "never".
    pub const MAX: Self = Self(u64::MAX);

    /// Whole milliseconds as an instant, saturating.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// Whole seconds as an instant, saturating.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Microseconds from `earlier` to `self`; 0 if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This instant moved `micros` later, saturating.
    #[must_use]
    pub const fn plus(self, micros: u64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}

impl fmt::Display for Micros {
    /// Seconds with six decimals, as candump writes them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// Microseconds since 1970-01-01T00:00:00Z, leap seconds not counted. Negative is before 1970.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UnixMicros(pub i64);

impl UnixMicros {
    /// Microseconds from `earlier` to `self`, saturating; negative if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This instant moved `micros` later, saturating.
    #[must_use]
    pub const fn plus(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}
