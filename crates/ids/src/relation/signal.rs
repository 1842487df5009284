//! One signal at run time: its value now, and what it was within the last half second.
//!
//! Not compared with others here. A signal that is stale, not valid or at values never seen in training speaks for nobody
//! ([`Signal::is_live`]) until half a second after. Invariant: the band holds every value taken within [`WINDOW`]. State: 164
//! bytes.

use super::row::{Derived, SignalRow};

/// Units of the band: 2^16 µs each.
const BUCKETS: usize = 8;
/// How long values are remembered, units of 1,024 µs.
pub const WINDOW: u32 = 512;
/// A rate is measured over at least this, units of 1,024 µs.
const RATE_SPAN_MIN: u32 = 320;
/// A sender that was away longer starts anew, units of 1,024 µs.
const AWAY: u32 = 1_000;
/// After a start nothing is judged for so long: control units send values that are not yet valid. Units of 1,024 µs.
pub const GRACE: u32 = 2_000;

/// State of one signal.
#[derive(Clone, Copy, Debug)]
pub struct Signal {
    low: [i32; BUCKETS],
    high: [i32; BUCKETS],
    counts: [i32; BUCKETS],
    times: [u32; BUCKETS],
    bucket: u32,
    band: (i32, i32),
    raw: i32,
    value: i32,
    count: i32,
    time: u32,
    live_from: u32,
    /// Whether the last frame's value was valid.
    valid: bool,
    seen: bool,
}

impl Default for Signal {
    fn default() -> Self {
        Self::new()
    }
}

impl Signal {
    const EMPTY: (i32, i32) = (i32::MAX, i32::MIN);
    /// As [`Self::new`], but with all bytes zero: the first frame starts it anew.
    pub(crate) const REST: Self = Self { low: [0; BUCKETS], high: [0; BUCKETS], band: (0, 0), ..Self::new() };

    /// A signal not seen yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            low: [i32::MAX; BUCKETS],
            high: [i32::MIN; BUCKETS],
            counts: [0; BUCKETS],
            times: [0; BUCKETS],
            bucket: 0,
            band: Self::EMPTY,
            raw: 0,
            value: 0,
            count: 0,
            time: 0,
            live_from: 0,
            valid: false,
            seen: false,
        }
    }

    /// Takes up a frame with the data `word` at `now`, steady time in µs; nothing is judged before `start`, units of 1,024 µs.
    pub fn take(&mut self, row: &SignalRow, word: u64, now: u64, start: u32) {
        let time = u32::try_from(now >> 10).unwrap_or(u32::MAX);
        let away = time.saturating_sub(self.time);
        if !self.seen || away > AWAY {
            let count = self.count;
            *self = Self {
                count,
                raw: row.bits.value(word),
                live_from: time.saturating_add(GRACE.min(away)),
                seen: true,
                ..Self::new()
            };
            self.live_from = self.live_from.max(start);
        }
        let elapsed = if away > AWAY { 0 } else { away };
        self.time = time;
        self.valid = row.bits.is_plain(word);
        if !self.valid {
            self.live_from = self.live_from.max(time.saturating_add(WINDOW));
            return;
        }
        self.turn(u32::try_from(now >> 16).unwrap_or(u32::MAX));
        let level = row.bits.value(word);
        let step = row.bits.step(self.raw, level);
        let held = core::mem::replace(&mut self.raw, level);
        match row.derived {
            Derived::Level => self.value = level,
            Derived::Count => {
                self.count = self.count.wrapping_add(step);
                self.value = level;
                return;
            }
            Derived::Integral => {
                self.count = self.count.wrapping_add(held.wrapping_mul(elapsed.cast_signed()));
                self.value = level;
            }
            Derived::Rate => {
                self.count = self.count.wrapping_add(step);
                match self.rate(time) {
                    Some(rate) => self.value = rate,
                    None => {
                        self.live_from = self.live_from.max(time.saturating_add(1));
                        return;
                    }
                }
            }
        }
        if !row.is_seen(self.value) {
            self.live_from = self.live_from.max(time.saturating_add(WINDOW));
        }
        self.enter();
    }

    fn rate(&mut self, time: u32) -> Option<i32> {
        let slot = usize::try_from(self.bucket).unwrap_or(0) & (BUCKETS.wrapping_sub(1));
        if let (Some(at @ 0), Some(count)) = (self.times.get_mut(slot), self.counts.get_mut(slot)) {
            (*at, *count) = (time, self.count);
        }
        let oldest = self.times.iter().zip(&self.counts).filter(|(at, _)| **at != 0).min_by_key(|(at, _)| **at);
        let (at, count) = oldest?;
        let span = time.saturating_sub(*at);
        if span < RATE_SPAN_MIN {
            return None;
        }
        let change = i64::from(self.count.wrapping_sub(*count)).wrapping_shl(16);
        let rate = change.checked_div(i64::from(span))?;
        i32::try_from(rate).ok()
    }

    /// Moves on to a bucket; forgets the oldest.
    fn turn(&mut self, bucket: u32) {
        if bucket == self.bucket {
            return;
        }
        let passed = usize::try_from(bucket.saturating_sub(self.bucket)).unwrap_or(BUCKETS).min(BUCKETS);
        for back in 0..passed {
            let slot = usize::try_from(bucket).unwrap_or(0).wrapping_sub(back) & (BUCKETS.wrapping_sub(1));
            let rings = (self.low.get_mut(slot), self.high.get_mut(slot), self.times.get_mut(slot));
            if let (Some(low), Some(high), Some(at)) = rings {
                ((*low, *high), *at) = (Self::EMPTY, 0);
            }
        }
        self.bucket = bucket;
        let low = self.low.iter().copied().min().unwrap_or(i32::MAX);
        let high = self.high.iter().copied().max().unwrap_or(i32::MIN);
        self.band = (low, high);
    }

    fn enter(&mut self) {
        let slot = usize::try_from(self.bucket).unwrap_or(0) & (BUCKETS.wrapping_sub(1));
        if let (Some(low), Some(high)) = (self.low.get_mut(slot), self.high.get_mut(slot)) {
            (*low, *high) = ((*low).min(self.value), (*high).max(self.value));
        }
        self.band = (self.band.0.min(self.value), self.band.1.max(self.value));
    }

    /// Whether it can be judged at `time`, units of 1,024 µs.
    #[must_use]
    pub const fn is_judged(&self, derived: Derived) -> bool {
        self.valid && (self.time >= self.live_from || matches!(derived, Derived::Level))
    }

    /// Whether it speaks for or against others at `time`, units of 1,024 µs.
    #[must_use]
    pub const fn is_live(&self, time: u32) -> bool {
        self.valid && time >= self.live_from && time.saturating_sub(self.time) < WINDOW
    }

    /// Its value.
    #[must_use]
    pub const fn value(&self) -> i32 {
        self.value
    }

    /// Smallest and largest value within [`WINDOW`].
    #[must_use]
    pub const fn band(&self) -> (i32, i32) {
        self.band
    }

    /// The sum of its steps, or of its value over time; wraps.
    #[must_use]
    pub const fn count(&self) -> i32 {
        self.count
    }
}
