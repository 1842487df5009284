//! How long a device that is turned away should wait: as long as those who were turned away before it will take.
//!
//! Not the queue: it counts who was sent away and will come back, and how fast reports are taken. So the pause grows with the
//! number of devices that wait outside, and shrinks as they are served. Pure: time is an argument. Cost: 40 bytes.

use std::time::Duration;

/// The longest pause that a device is asked for because of the queue.
pub const BUSY_PAUSE_MAX: Duration = Duration::from_secs(300);
/// Weight of the last second in the rate of reports taken.
const SMOOTHING: f64 = 0.3;

/// Who waits outside, and how fast the door is.
#[derive(Debug, Default)]
pub(super) struct Pressure {
    outside: f64,
    taken: u32,
    second: u64,
    rate: f64,
}

impl Pressure {
    /// A report was taken.
    pub(super) fn taken(&mut self, now: Duration) {
        self.turn(now);
        self.taken = self.taken.saturating_add(1);
        self.outside = (self.outside - 1.0).max(0.0);
    }

    /// A report was turned away; how many whole seconds its device should wait.
    pub(super) fn turned_away(&mut self, now: Duration) -> u64 {
        self.turn(now);
        self.outside += 1.0;
        let seconds = (self.outside / self.rate.max(1.0)).ceil();
        // Between 1 and the maximum, so it is a whole number that fits.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 1..=300")]
        let seconds = seconds.clamp(1.0, BUSY_PAUSE_MAX.as_secs_f64()) as u64;
        seconds
    }

    fn turn(&mut self, now: Duration) {
        let second = now.as_secs();
        if second == self.second {
            return;
        }
        // After a long silence nobody is known to wait, and the old rate says nothing.
        if second.saturating_sub(self.second) > BUSY_PAUSE_MAX.as_secs() {
            *self = Self { second, ..Self::default() };
            return;
        }
        let elapsed = f64::from(u32::try_from(second.saturating_sub(self.second)).unwrap_or(u32::MAX)).max(1.0);
        self.rate += SMOOTHING * (f64::from(self.taken) / elapsed - self.rate);
        (self.taken, self.second) = (0, second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_pause_grows_with_those_who_wait_and_shrinks_as_they_are_served() {
        let mut pressure = Pressure::default();
        assert_eq!(pressure.turned_away(at(0)), 1);
        for nth in 0..20_000 {
            pressure.taken(at(nth * 10));
        }
        let pauses: Vec<u64> = (0..1000).map(|_| pressure.turned_away(at(200_000))).collect();
        assert!(pauses.is_sorted());
        assert_eq!((pauses[0], pauses[999]), (1, 11));
        (0..900).for_each(|nth| pressure.taken(at(200_000 + nth * 10)));
        assert_eq!(pressure.turned_away(at(209_000)), 2);
    }

    #[test]
    fn the_pause_has_a_limit_and_old_trouble_is_forgotten() {
        let mut pressure = Pressure::default();
        let longest = (0..10_000).map(|_| pressure.turned_away(at(0))).max();
        assert_eq!(longest, Some(300));
        assert_eq!(pressure.turned_away(at(302_000)), 1);
    }
}
