//! Flags a bus that carries more frames than it ever did in training: a flood.
//!
//! Not a judge of identifiers: a flood with legitimate ones counts just as well. The pace of the whole bus is judged as that
//! of one stream, so bursts are tolerated as far as training showed them and only surplus frames are counted.
//! State: 32 bytes a bus.

use crate::pace::Pace;

/// Length of the windows from which the observed rate is told, µs.
const RATE_WINDOW: u64 = 100_000;

/// How long frames may wait for the surplus ones before them, µs.
const CROWD_SPAN: u64 = 50_000;

/// The load of one bus.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    due: u64,
    start: u64,
    frames: u32,
    before: u32,
    crowded: u64,
}

impl Load {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self { due: 0, start: 0, frames: 0, before: 0, crowded: 0 };
}

impl Load {
    /// Takes up a frame at `now`. For a surplus frame: the observed frames per second.
    pub(crate) fn take(&mut self, pace: Pace, now: u64) -> Option<u32> {
        if now.saturating_sub(self.start) >= RATE_WINDOW {
            let adjacent = now.saturating_sub(self.start) < RATE_WINDOW.saturating_mul(2);
            self.before = if adjacent { self.frames } else { 0 };
            self.start = now;
            self.frames = 0;
        }
        self.frames = self.frames.saturating_add(1);
        let surplus = !pace.judge(&mut self.due, now).admitted;
        if surplus {
            self.crowded = now.saturating_add(CROWD_SPAN);
        }
        surplus.then(|| self.rate(now))
    }

    /// Whether there was a surplus frame of late.
    pub(crate) const fn is_crowded(&self, now: u64) -> bool {
        now < self.crowded
    }

    fn rate(&self, now: u64) -> u32 {
        let span = now.saturating_sub(self.start).saturating_add(RATE_WINDOW);
        let frames = u64::from(self.frames).saturating_add(u64::from(self.before));
        let rate = frames.saturating_mul(1_000_000).checked_div(span).unwrap_or(0);
        u32::try_from(rate).unwrap_or(u32::MAX)
    }
}
