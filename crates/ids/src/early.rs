//! Flags frames that come sooner than their identifier's habits allow: injection.
//!
//! Not a flood detector (that is `load`). Three measures: the pace, which tolerates jitter and the odd additional frame but no
//! doubled rate; the shortest distance, which catches a frame that rides on the back of a legitimate one; and, for identifiers
//! that keep a fast cycle strictly, the slot in which the next frame is due. One short distance or one frame beside its slot
//! may be chance (a frame sent on change) and is a hint; the second within [`SUSPICION`] is told. From then on each frame
//! beside its slot is told until [`ALARM`] passes without one, and the frames in their slots are not: the legitimate sender
//! goes on filling them. A sender that merely shifts its phase leaves a slot empty, and the slots follow. State: 31 bytes an
//! identifier.

use crate::finding::Strength;
use crate::profile::{Class, IdRow};

/// How long a short distance is remembered, µs.
const SUSPICION: u64 = 1_000_000;
/// How long an injection is taken to go on, µs.
const ALARM: u64 = 2_000_000;
/// Cycles up to this, µs, are kept by timers; slower ones are often sent on change as well.
const STRICT_PERIOD_MAX: u32 = 50_000;
/// Nobody sends the same identifier twice within this, µs, who never did in a long training; the closest pair in clean traffic
/// was 2 ms apart.
const AT_ONCE: u64 = 1_000;
/// Fewer frames do not show that a sender never sends in between.
const STRICT_FRAMES_MIN: u32 = 300;

/// So many cycles in a row show that an identifier keeps its learned period in this session: some have more than one.
const REGULAR_MIN: u8 = 4;
/// So many more empty slots than filled ones show that the cycle changed.
const EMPTY_MAX: u8 = 4;
/// After a pause this long an identifier has to show so anew, µs and periods.
const PAUSE_MIN: (u64, u64) = (2_000_000, 8);

/// What is thought of an identifier lately.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Mood {
    #[default]
    Calm,
    /// There was a short distance.
    Suspicion,
    /// An injection goes on, each frame right behind a legitimate one.
    Behind,
    /// An injection goes on.
    Alarm,
}

/// How much of timing can be judged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Crowd {
    /// Frames come when they are sent.
    Free,
    /// The bus is overloaded: frames wait for others and come in heaps, only their number counts.
    Full,
}

/// When an identifier was last admitted, when its pace allows the next and when its next slot is; steady clock of its bus, µs.
/// Packed: there is one for each identifier.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, packed)]
pub(crate) struct Timing {
    due: u64,
    last: u64,
    slot: u64,
    /// Until when the mood lasts, units of 1,024 µs.
    until: u32,
    mood: Mood,
    /// Cycles in a row, up to [`REGULAR_MIN`].
    regular: u8,
    /// Slots that stayed empty of late.
    empty: u8,
}

impl Timing {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self { due: 0, last: 0, slot: 0, until: 0, mood: Mood::Calm, regular: 0, empty: 0 };
}

fn unit(micros: u64) -> u32 {
    u32::try_from(micros >> 10).unwrap_or(u32::MAX)
}

impl Timing {
    /// Takes up a frame at `now`. For one that is too early: its distance to the last admitted one, µs, and what that is worth.
    pub(crate) fn take(&mut self, row: &IdRow, now: u64, crowd: Crowd) -> Option<(u32, Strength)> {
        let gap = self.gap(now);
        let cyclic = row.class == Class::Periodic;
        if cyclic {
            self.watch(row.period, gap);
            self.watch_slot(row, now);
        }
        let found = self.judge(row, gap, now, crowd);
        if found.is_none() {
            self.follow(row, now);
            self.last = now;
            return None;
        }
        let strength = found.filter(|_| !cyclic || self.regular >= REGULAR_MIN);
        Some((u32::try_from(gap).unwrap_or(u32::MAX), strength.unwrap_or(Strength::Hint)))
    }

    /// Counts cycles as long as it is not sure that the identifier keeps to them.
    fn watch(&mut self, period: u32, gap: u64) {
        let period = u64::from(period);
        if gap > PAUSE_MIN.0.max(period.saturating_mul(PAUSE_MIN.1)) {
            self.regular = 0;
        } else if self.regular < REGULAR_MIN {
            let near = gap > period.saturating_mul(4) / 5 && gap < period.saturating_mul(5) / 4;
            self.regular = if near { self.regular.saturating_add(1) } else { 0 };
        }
    }

    /// Injected frames leave the legitimate sender's slots filled. Where slots stay empty the sender has changed its cycle.
    fn watch_slot(&mut self, row: &IdRow, now: u64) {
        let late = now.saturating_sub(self.slot);
        if late > off_margin(row) {
            self.empty = self.empty.saturating_add(1);
        } else if now.abs_diff(self.slot) <= slot_margin(row) {
            self.empty = self.empty.saturating_sub(1);
        }
        if self.empty >= EMPTY_MAX {
            (self.empty, self.regular, self.mood) = (0, 0, Mood::Calm);
        }
    }

    fn judge(&mut self, row: &IdRow, gap: u64, now: u64, crowd: Crowd) -> Option<Strength> {
        if unit(now) >= self.until {
            self.mood = Mood::Calm;
        }
        let lead = self.slot.saturating_sub(now);
        let cyclic = row.class == Class::Periodic;
        let beside = cyclic && lead > slot_margin(row);
        let behind = gap < u64::from(row.distance);
        if crowd == Crowd::Free && beside && (self.mood == Mood::Alarm || (self.mood == Mood::Behind && !behind)) {
            return self.tell_unless_better(row, now);
        }
        let off = crowd == Crowd::Free && is_strict(row) && lead > off_margin(row);
        if off || behind {
            // It uses up its share of the pace, told or not.
            let admitted = self.keeps_pace(row, now);
            if self.mood == Mood::Calm && admitted {
                self.mood = Mood::Suspicion;
                self.until = unit(now.saturating_add(SUSPICION));
                let at_once = behind && gap < AT_ONCE && row.frames >= STRICT_FRAMES_MIN;
                return Some(if at_once { Strength::Likely } else { Strength::Hint });
            }
            let mood = if behind && self.mood != Mood::Alarm { Mood::Behind } else { Mood::Alarm };
            let told = self.tell(now);
            self.mood = mood;
            return Some(told);
        }
        if self.keeps_pace(row, now) {
            return None;
        }
        let told = self.tell(now);
        // The frame in its slot is the legitimate one; those beside it are told from now on.
        if cyclic && !beside && crowd == Crowd::Free { None } else { Some(told) }
    }

    fn keeps_pace(&mut self, row: &IdRow, now: u64) -> bool {
        let mut due = self.due;
        let admitted = row.pace.judge(&mut due, now).admitted;
        self.due = due;
        admitted
    }

    /// The first of a series may be a sender that strays; a person hears of the second.
    fn tell(&mut self, now: u64) -> Strength {
        let first = self.mood == Mood::Calm;
        self.mood = Mood::Alarm;
        self.until = unit(now.saturating_add(ALARM));
        if first { Strength::Likely } else { Strength::Certain }
    }

    /// Of two frames in one slot the one nearer to it is the legitimate one; if that is the second, it is too late to tell.
    fn tell_unless_better(&mut self, row: &IdRow, now: u64) -> Option<Strength> {
        let filled = self.slot.saturating_sub(u64::from(row.period));
        let better = now.abs_diff(filled) < self.last.abs_diff(filled) && now.abs_diff(filled) <= slot_margin(row);
        let told = self.tell(now);
        Some(if better { Strength::Hint } else { told })
    }

    /// Moves the slot on. A frame before its slot is one in between and moves nothing; one long after it starts a new series;
    /// any other pulls the slot a quarter of the way, so that jitter averages out.
    fn follow(&mut self, row: &IdRow, now: u64) {
        let period = u64::from(row.period);
        if now > self.slot.saturating_add(period / 2) {
            self.slot = now.saturating_add(period);
        } else if now >= self.slot {
            self.slot = self.slot.saturating_add(now.saturating_sub(self.slot) / 4).saturating_add(period);
        } else if self.slot.saturating_sub(now) <= slot_margin(row) {
            self.slot = self.slot.saturating_sub(self.slot.saturating_sub(now) / 4).saturating_add(period);
        }
    }

    /// How long ago the last admitted frame was, µs.
    pub(crate) const fn gap(&self, now: u64) -> u64 {
        now.saturating_sub(self.last)
    }
}

/// How far a legitimate frame strays from its slot: a distance strays as far as both of its frames, so half of what the
/// shortest one did, and a thirty-second of the period for the slot itself.
fn slot_margin(row: &IdRow) -> u64 {
    let jitter = row.period.saturating_sub(row.gap_min);
    u64::from((jitter / 2).saturating_add(row.period / 32).min(row.period / 2))
}

/// How far before its slot a frame is no jitter: twice what training showed, at least a quarter of the period.
fn off_margin(row: &IdRow) -> u64 {
    let jitter = row.period.saturating_sub(row.gap_min);
    u64::from(jitter.saturating_mul(2).max(row.period / 4))
}

/// Whether training showed a fast cycle, long enough, without a frame in between.
const fn is_strict(row: &IdRow) -> bool {
    matches!(row.class, Class::Periodic)
        && row.period <= STRICT_PERIOD_MAX
        && row.frames >= STRICT_FRAMES_MIN
        && row.gap_min >= row.period.saturating_sub(row.period / 4)
}
