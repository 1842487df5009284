//! Whether a device's clock can be right, beyond what a chain sees (events of the future, `link`).
//!
//! Not a correction of times: all three clocks are kept (DESIGN 7). With the device's clock at sending, the comparison is exact
//! but for the network; without it only what spooling cannot explain counts, because a report may be days late and still right.

use yagura_link::{Header, SKEW_MICROS_MAX};
use yagura_model::UnixMicros;

/// How old the last event of a report may be, in microseconds.
pub const REPORT_AGE_MAX_US: i64 = 30 * 24 * 3_600_000_000;

/// A clock that is off: by how much it may be, by how much it is (negative: behind), in microseconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Skew {
    pub(super) bound: i64,
    pub(super) ahead: i64,
}

/// The skew of the device's clock, if it is beyond its bound.
pub(super) fn skew(header: &Header, sent: Option<UnixMicros>, received: UnixMicros) -> Option<Skew> {
    if let Some(sent) = sent {
        let bound = SKEW_MICROS_MAX.saturating_add(i64::from(header.clock.uncertainty));
        let ahead = sent.since(received);
        return (ahead.saturating_abs() > bound).then_some(Skew { bound, ahead });
    }
    let ahead = header.clock.unix(header.last).since(received);
    (ahead < -REPORT_AGE_MAX_US).then_some(Skew { bound: REPORT_AGE_MAX_US, ahead })
}

#[cfg(test)]
mod tests {
    use super::*;
    use yagura_link::{Clock, Digest, Losses};
    use yagura_model::Micros;

    const SECOND: i64 = 1_000_000;
    const NOW: UnixMicros = UnixMicros(1_790_000_000 * SECOND);

    fn header(boot_at: UnixMicros, last: Micros) -> Header {
        Header {
            device: "acme/kona-1/cgw".parse().unwrap(),
            boot: 1,
            sequence: 0,
            previous: Digest::ZERO,
            first: Micros(0),
            last,
            clock: Clock { boot_at, uncertainty: 1_000_000 },
            losses: Losses::NONE,
            oldest_held: 0,
            body_len: 0,
        }
    }

    #[test]
    fn a_late_report_of_a_right_clock_is_no_skew() {
        let old = header(NOW.plus(-29 * 24 * 3600 * SECOND), Micros::from_secs(60));
        assert_eq!(skew(&old, None, NOW), None);
        assert_eq!(skew(&old, Some(NOW.plus(61 * SECOND)), NOW), None);
    }

    #[test]
    fn a_clock_that_was_never_set_is_skew() {
        let ahead = Micros::from_secs(60).0 as i64 - NOW.0;
        let found = skew(&header(UnixMicros(0), Micros::from_secs(60)), None, NOW);
        assert_eq!(found, Some(Skew { bound: REPORT_AGE_MAX_US, ahead }));
    }

    #[test]
    fn the_clock_at_sending_shows_small_skew_either_way() {
        let right = header(NOW, Micros(0));
        for ahead in [-62 * SECOND, 62 * SECOND] {
            assert_eq!(skew(&right, Some(NOW.plus(ahead)), NOW), Some(Skew { bound: 61 * SECOND, ahead }));
        }
    }

    #[test]
    fn absurd_times_do_not_overflow() {
        let absurd = header(UnixMicros(i64::MIN), Micros::MAX);
        assert!(skew(&absurd, None, NOW).is_none_or(|skew| skew.bound > 0));
        assert!(skew(&absurd, Some(UnixMicros(i64::MIN)), UnixMicros(i64::MAX)).is_some());
    }
}
