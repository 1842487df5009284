//! Fields of each identifier, found in clean traffic: where they lie, of what class they are, and by which rules they may be judged.
//!
//! Not relations between fields. Rules that alarm alone are given only to fields that moved long enough to know them (ADR-0015).
//! Invariant: the rules hold on the training traffic itself.

mod samples;
mod segment;

pub(crate) use samples::{Drive, Samples, Track};

use segment::{Flips, segment};
use std::collections::BTreeSet;
use yagura_ids::{Bits, ConstantRow, FieldRow, Rules};

/// Of which class a field is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum FieldClass {
    /// Counts frames.
    Counter,
    /// Few values.
    Enumeration,
    /// Looks random: a checksum, or data without a scale.
    Erratic,
    /// A measured quantity.
    Physical,
    /// A quantity that wraps: an angle, an odometer's low bits.
    Modular,
    /// A quantity that only grows or only falls.
    Monotone,
}

/// A field as learned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LearnedField {
    /// Index of its identifier in the profile.
    pub owner: u16,
    /// Where it lies.
    pub bits: Bits,
    /// Its class.
    pub class: FieldClass,
    /// Times it changed.
    pub changes: u32,
    /// Different values, counted up to 64.
    pub distinct: u32,
    /// Largest step between two frames.
    pub step: u32,
    /// Smallest value.
    pub low: i32,
    /// Largest value.
    pub high: i32,
    /// Rules it may be judged by.
    pub rules: Rules,
    dead: u8,
    dead_value: u8,
}

const DISTINCT_MAX: usize = 64;
/// Fewer values are an enumeration.
const VALUES_MIN: u32 = 12;
/// Fewer changes tell nothing of steps.
const CHANGES_MIN: u32 = 15;
/// Steps seen for less than this, µs, are those of one state: a standing vehicle's current moves by ones, a driving one's by tens.
const STEPS_SEEN_MIN: u64 = 8_000_000;
/// A quantity moves by less than this share of its range between two frames.
const SMOOTH: f64 = 0.12;
/// Changes per drive, in two drives, until a direction counts as the only one.
const MONOTONE_CHANGES: u32 = 50;

#[derive(Default)]
struct Tally {
    frames: u32,
    changes: u32,
    step: u32,
    low: Option<i32>,
    high: Option<i32>,
    rises: u32,
    falls: u32,
    far: f64,
    common: u32,
    common_step: i32,
    wraps: u32,
    middles: u32,
    /// Drives in which the field moved often, all in one direction.
    risen: u32,
    fallen: u32,
}

impl Tally {
    fn of(track: &Track, bits: Bits) -> Self {
        let mut tally = Self::default();
        for drive in track.drives() {
            let (rises, falls) = (tally.rises, tally.falls);
            let mut last = drive.first().map_or(0, |word| bits.value(*word));
            for word in drive {
                let value = bits.value(*word);
                tally.take(bits, core::mem::replace(&mut last, value), value);
            }
            let (rises, falls) = (tally.rises.saturating_sub(rises), tally.falls.saturating_sub(falls));
            tally.risen = tally.risen.saturating_add(u32::from(rises >= MONOTONE_CHANGES && falls == 0));
            tally.fallen = tally.fallen.saturating_add(u32::from(falls >= MONOTONE_CHANGES && rises == 0));
        }
        tally
    }

    fn take(&mut self, bits: Bits, last: i32, value: i32) {
        self.frames = self.frames.saturating_add(1);
        self.low = Some(self.low.map_or(value, |low| low.min(value)));
        self.high = Some(self.high.map_or(value, |high| high.max(value)));
        if last == value {
            return;
        }
        let step = bits.step(last, value);
        self.changes = self.changes.saturating_add(1);
        self.step = self.step.max(step.unsigned_abs());
        self.rises = self.rises.saturating_add(u32::from(step > 0));
        self.falls = self.falls.saturating_add(u32::from(step < 0));
        self.far += f64::from(step.unsigned_abs());
        // Majority vote for the commonest step (Boyer and Moore).
        match self.common {
            0 => (self.common, self.common_step) = (1, step),
            _ if self.common_step == step => self.common = self.common.saturating_add(1),
            _ => self.common = self.common.saturating_sub(1),
        }
        let half = i64::from(bits.mask() >> 1);
        let plain = i64::from(value).saturating_sub(i64::from(last));
        self.wraps = self.wraps.saturating_add(u32::from(plain.abs() > half));
        let crosses = (i64::from(last) > half) != (i64::from(value) > half) && plain.abs() <= half;
        self.middles = self.middles.saturating_add(u32::from(crosses));
    }

    fn class(&self, bits: Bits, distinct: u32) -> FieldClass {
        let range = f64::from(self.high.unwrap_or(0)) - f64::from(self.low.unwrap_or(0)) + 1.0;
        let counting = self.changes.saturating_mul(100) >= self.frames.saturating_mul(95);
        if counting && self.common.saturating_mul(10) >= self.changes.saturating_mul(9) {
            return FieldClass::Counter;
        }
        if distinct < VALUES_MIN || bits.len <= 3 {
            return FieldClass::Enumeration;
        }
        let ring = f64::from(bits.mask()) + 1.0;
        if f64::from(self.step) > 0.45 * ring && self.far / f64::from(self.changes.max(1)) > 0.1 * range {
            return FieldClass::Erratic;
        }
        if self.rises == 0 || self.falls == 0 {
            return FieldClass::Monotone;
        }
        if self.wraps > 0 && self.middles > 0 { FieldClass::Modular } else { FieldClass::Physical }
    }
}

/// The fields of an identifier.
pub(crate) fn fields_of(track: &Track) -> (Vec<LearnedField>, Option<ConstantRow>) {
    let flips = Flips::of(track);
    let fields = segment(track, &flips).into_iter().map(|bits| field(track, &flips, bits)).collect();
    let first = track.words.first().copied().unwrap_or(0);
    let enough = track.words.len() >= 100 && flips.moving != u64::MAX;
    let constant = ConstantRow { owner: track.owner, mask: !flips.moving, value: first & !flips.moving };
    (fields, enough.then_some(constant))
}

fn field(track: &Track, flips: &Flips, bits: Bits) -> LearnedField {
    let unsigned = Tally::of(track, bits);
    let signed = bits.len >= 6 && unsigned.wraps > 0 && unsigned.middles == 0;
    let bits = Bits { signed, ..bits };
    let tally = if signed { Tally::of(track, bits) } else { unsigned };
    let mut values = BTreeSet::new();
    for word in &track.words {
        if values.len() < DISTINCT_MAX {
            values.insert(bits.value(*word));
        }
    }
    let distinct = u32::try_from(values.len()).unwrap_or(0);
    let class = tally.class(bits, distinct);
    let lowered = if bits.order == yagura_ids::ByteOrder::Big { flips.moving } else { flips.moving.swap_bytes() };
    let dead = (0..bits.shift % 8).rev().take_while(|bit| {
        let at = u32::from(bits.shift / 8).saturating_mul(8).saturating_add(u32::from(*bit));
        lowered.wrapping_shr(at) & 1 == 0
    });
    let dead = u8::try_from(dead.count()).unwrap_or(0);
    let first = track.words.first().copied().unwrap_or(0);
    let dead_value = u8::try_from(bits.below(first, dead)).unwrap_or(0);
    let mut field = LearnedField {
        owner: track.owner,
        bits,
        class,
        changes: tally.changes,
        distinct,
        step: tally.step,
        low: tally.low.unwrap_or(0),
        high: tally.high.unwrap_or(0),
        rules: Rules::default(),
        dead,
        dead_value,
    };
    let heard = u64::from(tally.frames).saturating_mul(track.period());
    field.rules = rules(&field, &tally, heard >= STEPS_SEEN_MIN);
    field
}

/// A narrower field that only grows is a counter or the low end of something: where it wraps is not known.
const TOTAL_BITS_MIN: u8 = 8;

fn rules(field: &LearnedField, tally: &Tally, long_heard: bool) -> Rules {
    let measured = matches!(field.class, FieldClass::Physical | FieldClass::Modular | FieldClass::Monotone);
    let mut rules = Rules::default();
    if !measured || field.changes < CHANGES_MIN {
        return rules;
    }
    let smooth = f64::from(field.step) < SMOOTH * field.range();
    if smooth && long_heard && f64::from(field.jump()) < f64::from(field.bits.mask()) / 2.0 {
        rules = rules.and(Rules::JUMP);
    }
    if smooth && field.dead >= 4 {
        rules = rules.and(Rules::GRID);
    }
    let wide = field.bits.len >= TOTAL_BITS_MIN;
    if wide && tally.risen >= 2 && tally.falls == 0 {
        rules = rules.and(Rules::RISES);
    }
    if wide && tally.fallen >= 2 && tally.rises == 0 {
        rules = rules.and(Rules::FALLS);
    }
    rules.and(Rules::RANGE)
}

impl LearnedField {
    /// How many values its range holds.
    pub(crate) fn range(&self) -> f64 {
        f64::from(self.high) - f64::from(self.low) + 1.0
    }

    /// A larger step than this is a jump: eight times the largest seen, and more than a fiftieth of the range.
    fn jump(&self) -> u32 {
        let share = u32::try_from(i64::from(self.high).saturating_sub(i64::from(self.low)) / 50).unwrap_or(u32::MAX);
        self.step.saturating_mul(8).saturating_add(2).max(share)
    }

    /// Whether it measures something.
    #[must_use]
    pub fn is_measured(&self) -> bool {
        let class = matches!(self.class, FieldClass::Physical | FieldClass::Modular | FieldClass::Monotone);
        class && self.changes >= CHANGES_MIN && self.distinct >= VALUES_MIN
    }

    /// Its row, if there is a rule to judge it by.
    pub(crate) fn row(&self) -> Option<FieldRow> {
        (self.rules != Rules::default()).then_some(FieldRow {
            owner: self.owner,
            bits: self.bits,
            rules: self.rules,
            dead: self.dead,
            dead_value: self.dead_value,
            jump: self.jump(),
            step: self.step,
            low: self.low,
            high: self.high,
        })
    }
}
