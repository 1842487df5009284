//! How soon is too soon: one instant per stream says when its next frame is due (the generic cell rate algorithm).
//!
//! Not a gap check: a late frame followed by one on time is no violation, and a burst uses up the tolerance instead of
//! raising one alarm a frame. A frame that is refused does not move the due time, so of a stream that doubled its rate the
//! surplus is refused and the schedule recovers at once. State: one instant. Cost: a dozen instructions.

/// What a stream may do, µs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Pace {
    /// Shortest sustained distance of two frames; 0 = not judged.
    pub interval: u32,
    /// How far frames may run ahead of it.
    pub tolerance: u32,
}

/// What [`Pace::judge`] says of a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// How far the frame is ahead of its schedule, µs.
    pub ahead: u64,
    /// Whether that is within the tolerance.
    pub admitted: bool,
}

impl Pace {
    /// Judges a frame at `now`; `due` is the stream's state, 0 before its first frame. Both on the same monotonic clock.
    pub fn judge(self, due: &mut u64, now: u64) -> Verdict {
        let ahead = due.saturating_sub(now);
        let admitted = self.interval == 0 || ahead <= u64::from(self.tolerance);
        if admitted {
            *due = (*due).max(now).saturating_add(u64::from(self.interval));
        }
        Verdict { ahead, admitted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(pace: Pace, times: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let mut due = 0;
        times.into_iter().filter(|&now| !pace.judge(&mut due, now).admitted).collect()
    }
    extern crate std;
    use std::vec::Vec;

    const TEN_MS: Pace = Pace { interval: 9_500, tolerance: 5_000 };

    #[test]
    fn a_late_frame_and_the_next_on_time_are_admitted() {
        assert_eq!(refused(TEN_MS, [0, 10_000, 24_000, 30_000, 40_000]), []);
    }

    #[test]
    fn the_surplus_frame_of_a_doubled_rate_is_refused_and_the_schedule_recovers() {
        assert_eq!(refused(TEN_MS, [0, 10_000, 10_200, 20_000, 20_200, 30_000, 40_000]), [10_200, 20_200]);
    }

    #[test]
    fn an_interval_of_zero_judges_nothing() {
        assert_eq!(refused(Pace::default(), [5, 5, 5, 4]), []);
    }
}
