//! Times as a capture writes them (signed) → instants of the model (never below zero).
//!
//! Not a repair of clocks: a jump between two times that are both representable stays a jump. Rule: times are taken as they are.
//! A capture that begins below zero (some tools negate or wrap their counter) is shifted so that its first frame is at
//! [`HEADROOM`]; a clock that falls below zero later is a new clock, and its first frame follows the frame before at once. Invariant: written
//! time = instant + [`Clock::shift`]. Cost: one addition a frame.

use yagura_model::Micros;

/// Where a capture begins whose first time is below zero: one hour, so that frames out of order still have an instant.
const HEADROOM: i64 = 3_600_000_000;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    previous: i64,
    shift: i64,
    shifts: u64,
    is_running: bool,
}

impl Clock {
    /// The instant of a frame that was written with this time, or with none.
    pub(crate) fn instant(&mut self, written: Option<i64>) -> Micros {
        if let Some(written) = written {
            let mut at = written.saturating_sub(self.shift);
            if at < 0 {
                at = if self.is_running { self.previous } else { HEADROOM };
                self.shift = written.saturating_sub(at);
                self.shifts = self.shifts.saturating_add(1);
            }
            self.previous = at;
            self.is_running = true;
        }
        Micros(u64::try_from(self.previous).unwrap_or(0))
    }

    /// The instant of the frame before, 0 at the start.
    pub(crate) fn previous(&self) -> Micros {
        Micros(u64::try_from(self.previous).unwrap_or(0))
    }

    /// What to add to an instant for the time as written.
    pub(crate) const fn shift(&self) -> i64 {
        self.shift
    }

    /// How often the shift was chosen anew.
    pub(crate) const fn shifts(&self) -> u64 {
        self.shifts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_from_zero_on_are_taken_as_they_are() {
        let mut clock = Clock::default();
        assert_eq!(clock.instant(None), Micros(0));
        assert_eq!(clock.instant(Some(5)), Micros(5));
        assert_eq!(clock.instant(None), Micros(5));
        assert_eq!(clock.instant(Some(2)), Micros(2));
        assert_eq!((clock.shift(), clock.shifts()), (0, 0));
    }

    #[test]
    fn a_clock_that_begins_below_zero_is_shifted_once() {
        let mut clock = Clock::default();
        assert_eq!(clock.instant(Some(-1_725_172_529_967_471)), Micros(3_600_000_000));
        assert_eq!(clock.instant(Some(-1_725_172_529_967_955)), Micros(3_599_999_516));
        assert_eq!(clock.shifts(), 1);
    }

    #[test]
    fn a_clock_that_falls_below_zero_goes_on_where_it_was() {
        let mut clock = Clock::default();
        assert_eq!(clock.instant(Some(22_000_000)), Micros(22_000_000));
        assert_eq!(clock.instant(Some(-364_210)), Micros(22_000_000));
        assert_eq!(clock.instant(Some(-364_000)), Micros(22_000_210));
        assert_eq!(clock.instant(Some(10)), Micros(22_364_220));
        assert_eq!(clock.shift(), -22_364_210);
    }

    proptest! {
        #[test]
        fn the_written_time_is_the_instant_plus_the_shift(times in proptest::collection::vec(-1_i64 << 60..1_i64 << 60, 1..50)) {
            let mut clock = Clock::default();
            for time in times {
                let instant = clock.instant(Some(time));
                prop_assert_eq!(i128::from(instant.0) + i128::from(clock.shift()), i128::from(time));
            }
        }
    }
}
