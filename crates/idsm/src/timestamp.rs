//! The optional time in a message, in AUTOSAR's 64-bit form.
//!
//! Not a clock. Layout, big-endian: bit 63 source (0 = AUTOSAR synchronised time base, 1 = the maker's own) · bit 62 reserved ·
//! 30 bits nanoseconds · 32 bits seconds. Invariant: all 64 bits are kept, so any message comes back byte for byte.

use yagura_model::UnixMicros;

const NANOS_PER_SEC: u32 = 1_000_000_000;
const MICROS_PER_SEC: i64 = 1_000_000;
const MAKER_BIT: u64 = 1 << 63;
const NANOS_MASK: u64 = 0x3FFF_FFFF;

/// A timestamp as it stands in the message; any 64 bits are legal.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Bytes on the wire.
    pub const LEN: usize = 8;

    /// The AUTOSAR form of `time`, to the microsecond; `None` before 1970 or after 2106, which 32 bits of seconds cannot say.
    #[must_use]
    pub fn from_unix(time: UnixMicros) -> Option<Self> {
        let micros = u64::try_from(time.0).ok()?;
        let seconds = u32::try_from(micros / 1_000_000).ok()?;
        let nanos = (micros % 1_000_000).checked_mul(1_000)?;
        Some(Self((nanos << 32) | u64::from(seconds)))
    }

    /// The wall-clock time, rounded down to the microsecond; `None` if the source is the maker's own time (its epoch is unknown)
    /// or the nanoseconds exceed one second.
    #[must_use]
    pub fn to_unix(self) -> Option<UnixMicros> {
        let nanos = self.nanoseconds();
        if self.is_makers_own() || nanos >= NANOS_PER_SEC {
            return None;
        }
        let whole = i64::from(self.seconds()).checked_mul(MICROS_PER_SEC)?;
        whole.checked_add(i64::from(nanos / 1_000)).map(UnixMicros)
    }

    /// Whether the time comes from the maker's own source instead of AUTOSAR's synchronised time base.
    #[must_use]
    pub const fn is_makers_own(self) -> bool {
        self.0 & MAKER_BIT != 0
    }

    /// Whole seconds.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the low 32 bits are the seconds")]
    pub const fn seconds(self) -> u32 {
        self.0 as u32
    }

    /// Nanoseconds within the second, as written; a legal sender stays below 1,000,000,000.
    #[must_use]
    pub const fn nanoseconds(self) -> u32 {
        ((self.0 >> 32) & NANOS_MASK) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_time_survives_to_the_microsecond(micros in 0..4_294_967_296_000_000_i64) {
            let stamp = Timestamp::from_unix(UnixMicros(micros));
            prop_assert_eq!(stamp.and_then(Timestamp::to_unix), Some(UnixMicros(micros)));
        }

        #[test]
        fn any_bits_are_read_without_panic(bits: u64) {
            let stamp = Timestamp(bits);
            prop_assert!(stamp.to_unix().is_none_or(|time| !stamp.is_makers_own() && time.0 >= 0));
        }
    }

    #[test]
    fn times_that_the_format_cannot_say_are_none() {
        assert_eq!(Timestamp::from_unix(UnixMicros(-1)), None);
        assert_eq!(Timestamp::from_unix(UnixMicros(4_294_967_296_000_000)), None);
        assert_eq!(Timestamp(1_000_000_000 << 32).to_unix(), None);
    }
}
