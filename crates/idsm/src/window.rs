//! A quota over an interval that begins with the first use and ends when its time is over.
//!
//! Not a token bucket: the standard counts per interval. Invariant: what was used within an interval never shrinks.
//! Cost: 24 bytes, O(1).

use yagura_model::Micros;

/// How much was used in the current interval.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Window {
    began: Option<Micros>,
    used: u64,
}

impl Window {
    /// Adds `amount` and returns what is used in the interval that `now` belongs to.
    pub(crate) fn add(&mut self, now: Micros, interval_micros: u64, amount: u64) -> u64 {
        self.used = self.used_at(now, interval_micros).saturating_add(amount);
        self.used
    }

    /// Adds `amount` if the interval's sum stays within `max`; a refused amount does not count.
    pub(crate) fn admit(&mut self, now: Micros, interval_micros: u64, amount: u64, max: u64) -> bool {
        let used = self.used_at(now, interval_micros).saturating_add(amount);
        let fits = used <= max;
        if fits {
            self.used = used;
        }
        fits
    }

    /// Starts a new interval if the current one is over.
    fn used_at(&mut self, now: Micros, interval_micros: u64) -> u64 {
        let running = self.began.is_some_and(|began| now.since(began) < interval_micros);
        if !running {
            *self = Self { began: Some(now), used: 0 };
        }
        self.used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_counts_from_its_first_use_to_its_end() {
        let mut window = Window::default();
        assert!(window.admit(Micros(100), 10, 2, 3));
        assert!(!window.admit(Micros(109), 10, 2, 3));
        assert!(window.admit(Micros(109), 10, 1, 3));
        assert!(window.admit(Micros(110), 10, 3, 3), "a new interval has begun");
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_open_a_new_window() {
        let mut window = Window::default();
        assert_eq!(window.add(Micros(100), 10, 1), 1);
        assert_eq!(window.add(Micros(50), 10, 1), 2);
    }
}
