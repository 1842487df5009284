//! Finds the counters of one identifier.
//!
//! Not a test of monotone signals. A counter steps by the same amount at every frame (or every n-th) and wraps at the same value;
//! both were seen, the wrap at least twice. The bits of a checksum are none, and what is a function of another counter (the
//! low bits of a weak checksum) is left out. Invariant: replayed by the detector's own code, a counter that is given tells
//! nothing of the training traffic.

use super::evidence::moving;
use super::series::Series;
use std::collections::BTreeMap;
use yagura_ids::{ChecksumRow, CounterRow, CounterState, Spacing};

/// Fewer transitions say nothing.
const TRANSITIONS_MIN: usize = 80;
/// Fewer do not say that a sender counts by more than 1: a logger that drops every other frame looks the same.
const TRANSITIONS_MIN_OF_WIDE_STEPS: usize = 400;
/// Of so many transitions one may be wrong: a frame lost, a restart.
const TRANSITIONS_PER_BREAK: usize = 500;
/// A field narrower than this is a counter only if it steps by 1 or -1: a pattern of two bits is easily something else.
const NARROW: u8 = 4;
/// The widest counter that can wrap twice in a training.
const BITS_MAX: u8 = 12;
/// A counter repeats each value at most this often before it moves on; one that rests as it likes is a signal.
const HOLD_MAX: usize = 8;
/// Identifiers of other lengths too are not judged if more than this share of frames has one, percent.
const SHARE_MIN: u8 = 99;
/// Counters of one identifier.
const COUNTERS_MAX: usize = 2;

/// The counters of a series, given the checksums that are none.
pub(crate) fn counters(series: &Series, checksums: &[ChecksumRow]) -> Vec<CounterRow> {
    if series.share < SHARE_MIN {
        return Vec::new();
    }
    let payloads: Vec<&[u8]> = series.payloads().collect();
    let spacings: Vec<Spacing> = series.spacings().collect();
    let lossy: Vec<bool> = spacings.iter().map(|s| u64::from(s.gap) * 5 > u64::from(s.period) * 8).collect();
    let mut moving = moving(&payloads);
    for row in checksums.iter().take(1) {
        let nibble = if row.field.low { 0xF0 } else { 0x0F };
        let keep = if row.field.bits == 4 { nibble } else { 0 };
        let places = moving.iter_mut().enumerate().filter(|(at, _)| row.field.mask() >> (at & 63) & 1 == 1);
        places.for_each(|(_, bits)| *bits &= keep);
    }
    let mut found: Vec<CounterRow> = Vec::new();
    // Three bits of a nibble over one that never moves: a counter of which a logger kept every other frame.
    let is_halved =
        |start: u16, bits: u8| start.is_multiple_of(4) && bits == 3 && !moves(&moving, start.saturating_add(3), 1);
    // Two or three bits right of a moving one of the same nibble are its low end.
    let is_part =
        |start: u16, bits: u8| bits < NARROW && !start.is_multiple_of(4) && moves(&moving, start.saturating_sub(1), 1);
    for start in 0..u16::from(series.len).saturating_mul(8) {
        for bits in 2..=BITS_MAX {
            if moves(&moving, start, bits) && !is_halved(start, bits) && !is_part(start, bits) {
                found.extend(counter_at(&payloads, &lossy, series.len, start, bits));
            }
        }
    }
    // One that moves at every frame before one that rests, wide fields before the narrow ones in them.
    found.sort_by_key(|row| {
        (row.hold, core::cmp::Reverse(row.bits), !is_plain(row), is_exposed(&moving, row), row.start)
    });
    let twins: Vec<u16> = found
        .iter()
        .filter(|row| found.iter().any(|other| is_twin(row, other)))
        .filter(|row| breaks(&payloads, row) > 0 || found.iter().all(|o| !is_twin(row, o) || breaks(&payloads, o) == 0))
        .map(|row| row.start)
        .collect();
    found.retain(|row| row.bits != 4 || !twins.contains(&row.start));
    let mut kept: Vec<CounterRow> = Vec::new();
    for row in found {
        let is_new = kept.iter().all(|other| !overlap(other, &row) && !is_function(&payloads, other, &row));
        let carries = carries(&payloads, &row) && !(row.bits >= 8 && is_plain(&row));
        if kept.len() < COUNTERS_MAX && is_new && !carries && stays_silent(&payloads, &spacings, &row) {
            kept.push(row);
        }
    }
    kept
}

/// Whether all bits of a field move.
fn moves(moving: &[u8; 64], start: u16, bits: u8) -> bool {
    let end = start.saturating_add(u16::from(bits));
    (start..end).all(|bit| moving.get(usize::from(bit / 8)).is_some_and(|byte| byte & (0x80 >> (bit % 8)) != 0))
}

const fn is_plain(row: &CounterRow) -> bool {
    row.step == 1 || row.step as u32 == row.values.saturating_sub(1)
}

/// Whether a counter lies where checksums lie, or beside moving bits in its own byte. Of two that are functions of each other, one
/// is the low end of a checksum; the other one is the counter.
fn is_exposed(moving: &[u8; 64], row: &CounterRow) -> (bool, bool) {
    let byte = usize::from(row.start / 8);
    let within = moving.get(byte).map_or(0, |bits| bits.count_ones());
    let last = moving.iter().rposition(|bits| *bits != 0);
    (within > u32::from(row.bits), byte == 0 || Some(byte) == last)
}

const fn overlap(a: &CounterRow, b: &CounterRow) -> bool {
    a.start < b.start.saturating_add(b.bits as u16) && b.start < a.start.saturating_add(a.bits as u16)
}

/// Whether the value of `row` follows from that of `other` in nine of ten frames: a checksum of few bits counts along as long as
/// the other data rest.
fn is_function(payloads: &[&[u8]], other: &CounterRow, row: &CounterRow) -> bool {
    let mut seen: BTreeMap<u16, BTreeMap<u16, usize>> = BTreeMap::new();
    for payload in payloads {
        let (Some(key), Some(value)) = (other.read_value(payload), row.read_value(payload)) else { continue };
        let count = seen.entry(key).or_default().entry(value).or_default();
        *count = count.saturating_add(1);
    }
    let usual = |values: &BTreeMap<u16, usize>| values.values().max().copied().unwrap_or(0);
    let follows: usize = seen.values().map(usual).sum();
    follows.saturating_mul(10) >= payloads.len().saturating_mul(9)
}

/// Whether the bits to the left go on where the field wraps, or the next byte does: then it is the low end of a quantity that
/// grew steadily, and the next drive will show it at rest. Only a wide one that counts by one is a counter all the same.
fn carries(payloads: &[&[u8]], row: &CounterRow) -> bool {
    let left = row.start.min(8);
    let next = (row.start / 8).saturating_add(1).saturating_mul(8);
    let fits = next.saturating_add(8) <= u16::from(row.len).saturating_mul(8) && row.start.is_multiple_of(8);
    carries_to(payloads, row, row.start.saturating_sub(left), left) || fits && carries_to(payloads, row, next, 8)
}

fn carries_to(payloads: &[&[u8]], row: &CounterRow, start: u16, bits: u16) -> bool {
    if row.little_endian || bits == 0 {
        return false;
    }
    let upper = CounterRow { len: row.len, ..CounterRow::full(0, start, bits.to_le_bytes()[0]) };
    let mask = (1_u16 << bits).wrapping_sub(1);
    // A counter may also count down.
    let usual = u32::from(row.step).min(row.values.saturating_sub(u32::from(row.step)));
    // How often the upper bits moved by one, and at all, where the field went on and where it wrapped.
    let mut tally = [(0_usize, 0_usize, 0_usize); 2];
    for (before, after) in payloads.iter().zip(payloads.iter().skip(1)) {
        let values = (row.read_value(before), row.read_value(after), upper.read_value(before), upper.read_value(after));
        let (Some(low), Some(next), Some(high), Some(higher)) = values else { continue };
        let by_one = higher.wrapping_sub(high) & mask == 1 || high.wrapping_sub(higher) & mask == 1;
        let wrapped = u32::from(next.abs_diff(low)) > usual;
        let [on, over] = &mut tally;
        let (frames, carried, moved) = if wrapped { over } else { on };
        *frames = frames.saturating_add(1);
        *carried = carried.saturating_add(usize::from(by_one));
        *moved = moved.saturating_add(usize::from(high != higher));
    }
    let [on, over] = tally;
    // A quantity that grows by more than half of the field carries everywhere but at what looks like a wrap.
    let only = |here: (usize, usize, usize), there: (usize, usize, usize)| {
        here.1.saturating_mul(5) >= here.0.saturating_mul(4).max(1) && there.2.saturating_mul(10) <= there.0
    };
    only(over, on) || only(on, over)
}

/// Whether two nibbles of one byte both count at every frame. One of them may be a checksum that counts along as long as the other
/// data rest; which one cannot be told for sure.
const fn is_twin(a: &CounterRow, b: &CounterRow) -> bool {
    a.start / 8 == b.start / 8 && a.start != b.start && a.bits == 4 && b.bits == 4 && a.hold == 0 && b.hold == 0
}

/// How often a field does not go on counting.
fn breaks(payloads: &[&[u8]], row: &CounterRow) -> usize {
    let pairs = payloads.iter().zip(payloads.iter().skip(1));
    let values = pairs.filter_map(|(before, after)| row.read_value(before).zip(row.read_value(after)));
    values.filter(|(before, after)| row.after(*before, 1) != *after).count()
}

/// The counter in a field, if there is one.
fn counter_at(payloads: &[&[u8]], lossy: &[bool], len: u8, start: u16, bits: u8) -> Option<CounterRow> {
    let field = CounterRow { len, ..CounterRow::full(0, start, bits) };
    let values = payloads.iter().map(|payload| field.read_value(payload).map(i32::from));
    let values: Vec<i32> = values.collect::<Option<_>>()?;
    let steps = || {
        let pairs = values.iter().zip(values.iter().skip(1)).zip(lossy.iter().skip(1));
        pairs.filter(|(_, lossy)| !**lossy).map(|((before, after), _)| after.saturating_sub(*before))
    };
    let start_of = usual(steps().take(200).filter(|step| *step != 0))?;
    // Most fields are no counters: a look at the first steps is enough for them.
    let odd = steps().take(200).filter(|step| *step != 0 && *step != start_of && (*step > 0) == (start_of > 0)).count();
    if odd > 1 {
        return None;
    }
    let wrap = usual(steps().filter(|step| *step != 0 && (*step > 0) != (start_of > 0)))?;
    let (mut right, mut wraps, mut rests, mut wrong) = (0_usize, 0_usize, 0_usize, 0_usize);
    for step in steps() {
        let which = match step {
            0 => &mut rests,
            step if step == start_of => &mut right,
            step if step == wrap => &mut wraps,
            _ => &mut wrong,
        };
        *which = which.saturating_add(1);
    }
    let low = values.iter().min().copied()?;
    let span = values.iter().max()?.saturating_sub(low);
    let count = start_of.saturating_sub(wrap).unsigned_abs();
    let step = if start_of > 0 { start_of.unsigned_abs() } else { count.saturating_sub(start_of.unsigned_abs()) };
    let hold = if rests.saturating_mul(TRANSITIONS_PER_BREAK) > right { longest_rest(&values, lossy) } else { 0 };
    let counted = right.saturating_add(wraps);
    let plausible = wraps >= 2
        && u32::try_from(span).ok()? < count
        && counted >= TRANSITIONS_MIN
        && (counted >= TRANSITIONS_MIN_OF_WIDE_STEPS || start_of.abs() == 1)
        && hold <= HOLD_MAX
        && wrong.saturating_mul(TRANSITIONS_PER_BREAK) <= counted
        && (hold == 0 || counted.saturating_mul(hold).saturating_mul(9) <= rests.saturating_mul(10));
    let row = CounterRow {
        step: u16::try_from(step).ok()?,
        low: u16::try_from(low).ok()?,
        values: count,
        hold: u8::try_from(hold).ok()?,
        ..field
    };
    // A width that the values do not need takes in a bit of something else.
    let needed =
        u32::from(bits).checked_sub(1).and_then(|bits| 1_u32.checked_shl(bits)).is_some_and(|half| count > half);
    let whole = row.low == 0 && 1_u32.checked_shl(u32::from(bits)) == Some(count);
    let tidy = needed && row.low <= 1 && (bits > 8 || start % 8 <= 8_u16.saturating_sub(u16::from(bits)));
    let certain = bits >= NARROW || whole && (is_plain(&row) && wrong == 0 && hold == 0 && counted >= 100);
    // A counter that skips values sees all of them all the same, since it has no common divisor with their number.
    let complete = u32::try_from(span).ok()?.saturating_add(1) == count;
    (plausible && tidy && certain && complete).then_some(row)
}

/// The commonest.
fn usual(values: impl Iterator<Item = i32>) -> Option<i32> {
    let mut counts: BTreeMap<i32, usize> = BTreeMap::new();
    for value in values {
        let count = counts.entry(value).or_default();
        *count = count.saturating_add(1);
    }
    counts
        .into_iter()
        .max_by_key(|(value, count)| (*count, core::cmp::Reverse(value.unsigned_abs())))
        .map(|(value, _)| value)
}

/// The longest row of frames with the value before.
fn longest_rest(values: &[i32], lossy: &[bool]) -> usize {
    let pairs = values.iter().zip(values.iter().skip(1)).zip(lossy.iter().skip(1));
    let (mut longest, mut rest) = (0_usize, 0_usize);
    for ((before, after), lossy) in pairs {
        rest = if before == after && !lossy { rest.saturating_add(1) } else { 0 };
        longest = longest.max(rest);
    }
    longest
}

/// Whether the detector would tell nothing of the training traffic, and hold back next to nothing.
fn stays_silent(payloads: &[&[u8]], spacings: &[Spacing], row: &CounterRow) -> bool {
    let mut state = CounterState::default();
    let (mut breaks, mut told) = (0_usize, 0_usize);
    for (payload, spacing) in payloads.iter().zip(spacings) {
        if let Some(fault) = state.take(row, payload, *spacing) {
            breaks = breaks.saturating_add(1);
            told = told.saturating_add(usize::from(fault.repeated));
        }
    }
    told == 0 && breaks.saturating_mul(TRANSITIONS_PER_BREAK) <= payloads.len().max(TRANSITIONS_PER_BREAK)
}
