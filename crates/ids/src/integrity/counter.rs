//! One counter of an identifier: where it lies, how it counts, and whether a frame continues it.
//!
//! Not a replay check over more than the last frames. A frame continues the counter if it follows the frame seen last, or the
//! last one that counted right: so the first genuine frame after an attack is no break. Frames may be lost, also by loggers with
//! coarse clocks: values may be left out, as long as the counter does not run ahead of time. A single break is a hint (a control unit that restarts); the second within [`BREAK_SPAN`] frames is
//! told. Invariant: state depends on judged frames alone. Cost: 16 bytes of flash, 12 of RAM, about 250 instructions.

use crate::finding::Strength;
use crate::profile::Row;
use yagura_model::Place;

/// Breaks with at most this many frames between them belong together.
pub const BREAK_SPAN: u8 = 16;
/// So many frames in a row that follow each other are the counter's new course.
const COURSE_MIN: u8 = 8;
/// So many steps at once are looked for where frames may have been lost.
const SKIP_MAX: u8 = 4;

/// A row of the counter table, 16 bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CounterRow {
    /// Whose.
    pub owner: u16,
    /// Its first bit: counted from the most significant bit of the first byte, or, if `little_endian`, the number of its least
    /// significant bit as a DBC writes it (8 × byte + weight).
    pub start: u16,
    /// Its width, 2 to 16 bits. Of a wider counter the lowest 16 suffice.
    pub bits: u8,
    /// Byte order.
    pub little_endian: bool,
    /// Frames of this length are judged; 0 for every one that is long enough.
    pub len: u8,
    /// How many frames in a row may repeat a value; 255 for any number.
    pub hold: u8,
    /// What it grows by.
    pub step: u16,
    /// Its smallest value.
    pub low: u16,
    /// How many values it has; after the last comes the smallest.
    pub values: u32,
    /// What a break is worth once there was another shortly before.
    pub strength: Strength,
}

impl CounterRow {
    /// A counter of whole period `2^bits` in steps of 1, most significant bit first.
    #[must_use]
    pub const fn full(owner: u16, start: u16, bits: u8) -> Self {
        let values = match 1_u32.checked_shl(bits as u32) {
            Some(values) => values,
            None => 0,
        };
        let strength = Strength::Likely;
        Self { owner, start, bits, little_endian: false, len: 0, hold: 0, step: 1, low: 0, values, strength }
    }

    /// Its value; `None` if the payload is not judged.
    #[must_use]
    pub fn read_value(&self, payload: &[u8]) -> Option<u16> {
        let (bytes, shift) = self.window(payload)?;
        let push = |value: u32, byte: &u8| (value << 8) | u32::from(*byte);
        let word = if self.little_endian { bytes.iter().rev().fold(0, push) } else { bytes.iter().fold(0, push) };
        u16::try_from((word >> shift) & self.mask()).ok()
    }

    /// Puts the value that follows `last` into the payload and returns it, as the sender would; `None` if the payload is not of
    /// this counter. Without `last` the value stays.
    pub fn advance(&self, last: Option<u16>, payload: &mut [u8]) -> Option<u16> {
        let current = self.read_value(payload)?;
        let Some(last) = last else { return Some(current) };
        let next = self.after(last, 1);
        self.write_value(payload, next);
        Some(next)
    }

    /// The value that comes `steps` after `value`; one that is out of range counts as the smallest.
    #[must_use]
    pub fn after(&self, value: u16, steps: u8) -> u16 {
        let mut offset = u32::from(value).saturating_sub(u32::from(self.low));
        if offset >= self.values {
            offset = 0;
        }
        // A subtraction a step: targets without division, and steps are few.
        for _ in 0..steps {
            offset = offset.saturating_add(u32::from(self.step));
            if offset >= self.values {
                offset = offset.saturating_sub(self.values);
            }
        }
        u16::try_from(offset.saturating_add(u32::from(self.low))).unwrap_or(0)
    }

    /// Its bits, counted from the most significant bit of the first byte; of one that is little-endian, the bytes it lies in.
    #[must_use]
    pub const fn place(&self) -> Place {
        if !self.little_endian {
            return Place { start: self.start, bits: self.bits, witness: None };
        }
        let bytes = (self.start & 7).saturating_add(self.bits as u16).div_ceil(8);
        let bits = [0, 8, 16, 24];
        let (_, from) = bits.split_at(if bytes < 4 { bytes as usize } else { 3 });
        let bits = if let [bits, ..] = from { *bits } else { 0 };
        Place { start: self.start & !7, bits, witness: None }
    }

    fn write_value(&self, payload: &mut [u8], value: u16) {
        let Some((bytes, shift)) = self.window(payload) else { return };
        let (from, len) = (usize::from(self.start >> 3), bytes.len());
        let (keep, set) = (!(self.mask() << shift), u32::from(value) << shift);
        let (keep, set) = (keep.to_le_bytes(), set.to_le_bytes());
        let pairs = keep.into_iter().zip(set);
        let places = payload.iter_mut().skip(from).take(len);
        let put = |(place, (keep, set)): (&mut u8, (u8, u8))| *place = (*place & keep) | set;
        if self.little_endian { places.zip(pairs).for_each(put) } else { places.rev().zip(pairs).for_each(put) }
    }

    /// The bytes that it lies in, at most 3, and how many bits of them are right of it.
    fn window<'p>(&self, payload: &'p [u8]) -> Option<(&'p [u8], u32)> {
        if self.len != 0 && payload.len() != usize::from(self.len) {
            return None;
        }
        let within = (self.start & 7).saturating_add(u16::from(self.bits));
        let (from, len) = (usize::from(self.start >> 3), usize::from(within.div_ceil(8)));
        let bytes = payload.get(from..from.checked_add(len)?)?;
        let spare = within.div_ceil(8).saturating_mul(8).saturating_sub(within);
        Some((bytes, u32::from(if self.little_endian { self.start & 7 } else { spare })))
    }

    const fn mask(&self) -> u32 {
        (1_u32 << (self.bits & 31)).wrapping_sub(1)
    }

    const fn is_legal(&self) -> bool {
        let end = (self.low as u32).saturating_add(self.values);
        let wide = 1_u32 << (self.bits & 31);
        let fits = self.start.saturating_add(self.bits as u16) <= 512 && self.len <= 64;
        let counts = self.step != 0 && (self.step as u32) < self.values && self.values >= 2 && end <= wide;
        matches!(self.bits, 2..=16) && fits && counts
    }
}

impl Row for CounterRow {
    const KIND: u8 = 2;
    const LEN: usize = 16;

    fn read(bytes: &[u8]) -> Option<Self> {
        let flags = *bytes.get(5)?;
        Self::reread(bytes).filter(|row| row.is_legal() && flags <= 1)
    }

    fn reread(bytes: &[u8]) -> Option<Self> {
        let &[o0, o1, s0, s1, bits, flags, len, hold, t0, t1, l0, l1, v0, v1, v2, strength] = bytes else {
            return None;
        };
        Some(Self {
            owner: u16::from_be_bytes([o0, o1]),
            start: u16::from_be_bytes([s0, s1]),
            bits,
            little_endian: flags == 1,
            len,
            hold,
            step: u16::from_be_bytes([t0, t1]),
            low: u16::from_be_bytes([l0, l1]),
            values: u32::from_be_bytes([0, v0, v1, v2]),
            strength: Strength::from_code(strength)?,
        })
    }

    fn write(&self, out: &mut [u8]) {
        let ([o0, o1], [s0, s1]) = (self.owner.to_be_bytes(), self.start.to_be_bytes());
        let ([t0, t1], [l0, l1]) = (self.step.to_be_bytes(), self.low.to_be_bytes());
        let [_, v0, v1, v2] = self.values.to_be_bytes();
        let (flags, strength) = (u8::from(self.little_endian), self.strength.code());
        let all = [o0, o1, s0, s1, self.bits, flags, self.len, self.hold, t0, t1, l0, l1, v0, v1, v2, strength];
        out.iter_mut().zip(all).for_each(|(room, byte)| *room = byte);
    }

    fn owner(&self) -> u16 {
        self.owner
    }
}

/// How long after the frame before a frame came, and how long that usually is, µs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Spacing {
    /// Since the identifier's frame before.
    pub gap: u32,
    /// As learned; 0 for unknown.
    pub period: u32,
    /// Whether a frame out of turn, sent because something changed, may repeat the counter of the one before.
    pub may_repeat: bool,
}

impl Spacing {
    /// Whether another frame may be missing in between: the counter starts anew.
    const fn is_pause(self) -> bool {
        (self.gap as u64).saturating_mul(5) > (self.period as u64).saturating_mul(8)
    }
}

/// What a counter did lately.
#[derive(Clone, Copy, Debug, Default)]
pub struct CounterState {
    /// How far the counter ran ahead of the time in which it counted, µs.
    ahead: u32,
    /// Value of the last frame that counted right.
    good: u16,
    /// Value that the frame before would have had, had its sender counted on since then.
    due: u16,
    /// Value of the last frame.
    seen: u16,
    /// Frames that repeated `seen`.
    held: u8,
    /// Frames since the last break, and since then in a row that followed each other: (calm + 1) × 8 + course - 1; 0 before
    /// the first frame.
    pace: u8,
}

/// A frame that does not continue its counter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Break {
    /// The value that should stand there.
    pub expected: u16,
    /// The one that does.
    pub observed: u16,
    /// Whether there was another shortly before.
    pub repeated: bool,
}

impl CounterState {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self { ahead: 0, good: 0, due: 0, seen: 0, held: 0, pace: 0 };

    /// Frames since the last break, at most [`BREAK_SPAN`], and as many if there was none.
    const fn calm(&self) -> u8 {
        (self.pace >> 3).saturating_sub(1)
    }

    /// Frames in a row that followed each other since the break, at most [`COURSE_MIN`]; 0 before the first frame.
    const fn course(&self) -> u8 {
        if self.pace == 0 { 0 } else { (self.pace & 7).saturating_add(1) }
    }

    const fn pace(calm: u8, course: u8) -> u8 {
        calm.saturating_add(1) << 3 | (course.saturating_sub(1) & 7)
    }

    const fn set_course(&mut self, course: u8) {
        self.pace = Self::pace(self.calm(), course);
    }

    const fn calm_down(&mut self) {
        self.pace = Self::pace(self.calmer(), self.course());
    }

    /// Takes up a frame.
    pub fn take(&mut self, row: &CounterRow, payload: &[u8], spacing: Spacing) -> Option<Break> {
        let value = row.read_value(payload)?;
        if spacing.is_pause() || self.course() == 0 {
            let calm = if self.course() == 0 { BREAK_SPAN } else { self.calmer() };
            let pace = Self::pace(calm, COURSE_MIN);
            *self = Self { ahead: 0, good: value, due: value, seen: value, held: 0, pace };
            return None;
        }
        let (before, expected, due) = (self.seen, row.after(self.seen, 1), row.after(self.due, 1));
        let in_range = u32::from(value.saturating_sub(row.low)) < row.values && value >= row.low;
        let rests = value == before && (self.held < row.hold || row.hold == u8::MAX || spacing.may_repeat);
        self.seen = value;
        if rests {
            self.held = self.held.saturating_add(u8::from(self.held < row.hold && row.hold != u8::MAX));
            self.calm_down();
            return None;
        }
        (self.held, self.due) = (if value == before { self.held } else { 0 }, due);
        if in_range && (self.returns(row, before, value) || self.follows(row, before, value, spacing)) {
            self.calm_down();
            return None;
        }
        let repeated = self.calm() < BREAK_SPAN;
        self.pace = Self::pace(0, 1);
        Some(Break { expected, observed: value, repeated })
    }

    /// Passes over a frame that is known to be forged: it says nothing of the counter.
    pub fn pass_over(&mut self, row: &CounterRow, payload: &[u8]) {
        let Some(value) = row.read_value(payload).filter(|_| self.course() > 0) else { return };
        (self.seen, self.due) = (value, row.after(self.due, 1));
        self.set_course(1);
    }

    /// Whether, after a break, the genuine sender is back: others spoke instead of it, or in between.
    fn returns(&mut self, row: &CounterRow, before: u16, value: u16) -> bool {
        if self.course() >= COURSE_MIN {
            return false;
        }
        let (instead, between) = (value == self.due, value != before && value == row.after(self.good, 1));
        if instead {
            self.set_course(COURSE_MIN);
        }
        if instead || between {
            self.good = value;
        }
        instead || between
    }

    /// Whether `value` comes after `before`: at once, or after some that were lost, if there was time to send them.
    fn follows(&mut self, row: &CounterRow, before: u16, value: u16, spacing: Spacing) -> bool {
        let mut next = before;
        let steps = (1..=SKIP_MAX).find(|_| {
            next = row.after(next, 1);
            next == value
        });
        let Some(steps) = steps else { return false };
        let ahead = self.ahead.saturating_add(spacing.period.saturating_mul(u32::from(steps)));
        let ahead = ahead.saturating_sub(spacing.gap);
        let slack = spacing.period.saturating_mul(u32::from(SKIP_MAX));
        let is_far = u32::from(steps).saturating_mul(2) >= row.values;
        if steps > 1 && (ahead > slack || is_far || spacing.period == 0) {
            return false;
        }
        self.ahead = ahead.min(slack);
        let course = self.course().saturating_add(u8::from(steps == 1)).min(COURSE_MIN);
        self.set_course(course);
        if course == COURSE_MIN {
            (self.good, self.due) = (value, value);
        }
        true
    }

    const fn calmer(&self) -> u8 {
        let calm = self.calm().saturating_add(1);
        if calm > BREAK_SPAN { BREAK_SPAN } else { calm }
    }
}
