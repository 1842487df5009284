//! Two clocks per bus that loggers and sleeping buses cannot upset, made from frame times alone.
//!
//! Not wall time. `steady` follows the frames' times but never goes back; `busy` in addition counts a quiet bus for at most its
//! idle cap, so a logger's jump, a pause or a sleeping vehicle is not the silence of every identifier on it. Invariant: both
//! depend only on differences of frame times. State: 32 bytes.

use yagura_model::Micros;

/// A step back of at most this, µs, is disorder between interfaces: the frame counts as of now.
pub const BACKWARD_MAX: u64 = 1_000_000;
/// A larger step back is a new start of the logger's clock; it counts as a pause of this length, µs.
pub const REWIND_GAP: u64 = 10_000_000;

/// The clocks of one bus.
#[derive(Clone, Copy, Debug, Default)]
pub struct BusClock {
    last: Option<Micros>,
    steady: u64,
    busy: u64,
}

impl BusClock {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self { last: None, steady: 0, busy: 0 };
}

impl BusClock {
    /// Moves on to a frame received at `time`. Returns how long the bus was quiet before it, µs.
    pub fn advance(&mut self, time: Micros, idle_cap: u32) -> u64 {
        let gap = self.gap_to(time);
        self.steady = self.steady.saturating_add(gap);
        self.busy = self.busy.saturating_add(gap.min(u64::from(idle_cap)));
        let disordered = self.last.is_some_and(|last| time < last && last.since(time) <= BACKWARD_MAX);
        if !disordered {
            self.last = Some(time);
        }
        gap
    }

    fn gap_to(&self, time: Micros) -> u64 {
        let Some(last) = self.last else { return REWIND_GAP };
        if last.since(time) > BACKWARD_MAX { REWIND_GAP } else { time.since(last) }
    }

    /// Where the steady clock will stand at `time`, if no frame comes before.
    #[must_use]
    pub fn steady_at(&self, time: Micros) -> u64 {
        self.last.map_or(self.steady, |last| self.steady.saturating_add(time.since(last)))
    }

    /// The frame time at which the steady clock will show `steady`; never before the last frame.
    #[must_use]
    pub fn time_of(&self, steady: u64) -> Micros {
        self.last.map_or(Micros::MAX, |last| last.plus(steady.saturating_sub(self.steady)))
    }

    /// Monotonic time, µs.
    #[must_use]
    pub const fn steady(&self) -> u64 {
        self.steady
    }

    /// Monotonic time in which the bus was not idle, µs.
    #[must_use]
    pub const fn busy(&self) -> u64 {
        self.busy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(times: &[u64]) -> (u64, u64) {
        let mut clock = BusClock::default();
        for &time in times {
            clock.advance(Micros(time), 5_000);
        }
        (clock.steady() - REWIND_GAP, clock.busy() - 5_000)
    }

    #[test]
    fn a_pause_moves_the_steady_clock_in_full_and_the_busy_clock_by_the_cap() {
        assert_eq!(after(&[1_000, 3_000, 903_000, 904_000]), (903_000, 8_000));
    }

    #[test]
    fn disorder_stands_still_and_a_rewound_logger_counts_as_a_pause() {
        assert_eq!(after(&[1_000, 3_000, 2_500, 3_500]), (2_500, 2_500));
        assert_eq!(after(&[9_000_000, 0, 100]), (REWIND_GAP + 100, 5_100));
    }

    #[test]
    fn absolute_time_does_not_matter() {
        assert_eq!(after(&[1_000, 3_000, 903_000]), after(&[1_600_000_001_000, 1_600_000_003_000, 1_600_000_903_000]));
    }
}
