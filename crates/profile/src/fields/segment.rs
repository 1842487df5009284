//! Cuts the data of an identifier into fields, by how often bits flip and whether they carry into each other.
//!
//! Not what the fields mean. In a number, a lower bit flips more often than a higher one, so a bit that flips much less than the
//! one above it starts a new field (READ, Marchetti and Stabili 2019). Two neighbours are one number if the upper part moves only
//! when the lower one wraps. Invariant: fields do not overlap. Cost: one pass over the data a boundary.

use super::samples::Track;
use yagura_ids::{Bits, ByteOrder};

/// A bit that flips less than this share of the one above it starts a new field.
const DROP: f64 = 0.45;
/// Changes of the upper part that tell whether two parts carry.
const CARRIES_MIN: u32 = 3;
/// Two parts are one number if the steps of both, squared, come to less than this share of those of the upper part.
const SMOOTHER: f64 = 0.9;
/// Bits above a field that may belong to it.
const HEADROOM_MAX: u8 = 8;
/// A bit that flips no more often marks values that are not valid.
const RARE: f64 = 8.0;
/// Bits of a field at most.
const LEN_MAX: u8 = 31;

/// Consecutive bits of one byte; bit 0 is the most significant of the first byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Run {
    first: u8,
    last: u8,
}

impl Run {
    const fn len(self) -> u8 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }

    fn value(self, word: u64) -> u64 {
        let low = word.wrapping_shr(63_u32.saturating_sub(u32::from(self.last)));
        low & (1_u64 << self.len()).wrapping_sub(1)
    }

    const fn byte(self) -> u8 {
        self.first / 8
    }
}

/// How the bits of an identifier behave.
pub(crate) struct Flips {
    /// Times each bit changed within a drive; bit 0 is the most significant of the first byte.
    counts: [u32; 64],
    /// Bits that were not always the same.
    pub(crate) moving: u64,
}

impl Flips {
    pub(crate) fn of(track: &Track) -> Self {
        let (mut counts, mut moving) = ([0_u32; 64], 0_u64);
        let base = track.words.first().copied().unwrap_or(0);
        for drive in track.drives() {
            let mut last = drive.first().copied().unwrap_or(0);
            for &word in drive {
                moving |= word ^ base;
                let mut changed = word ^ core::mem::replace(&mut last, word);
                while changed != 0 {
                    let bit = changed.leading_zeros();
                    if let Some(count) = usize::try_from(bit).ok().and_then(|bit| counts.get_mut(bit)) {
                        *count = count.saturating_add(1);
                    }
                    changed &= !(1_u64 << 63_u32.saturating_sub(bit));
                }
            }
        }
        Self { counts, moving }
    }

    fn is_moving(&self, bit: u8) -> bool {
        bit < 64 && self.moving.wrapping_shr(63_u32.saturating_sub(u32::from(bit))) & 1 != 0
    }

    fn count(&self, bit: u8) -> f64 {
        f64::from(self.counts.get(usize::from(bit)).copied().unwrap_or(0))
    }
}

/// The moving fields of an identifier.
pub(crate) fn segment(track: &Track, flips: &Flips) -> Vec<Bits> {
    let mut runs: Vec<Run> = (0..8).flat_map(|byte| runs_of(byte, flips)).collect();
    runs = runs.into_iter().flat_map(|run| split(track, flips, run)).collect();
    runs = join(track, runs);
    let mut joints: Vec<(u8, ByteOrder)> = Vec::new();
    for byte in 0..7_u8 {
        if let Some(order) = joint(track, &runs, byte) {
            joints.push((byte, order));
        }
    }
    chain(&runs, &joints).into_iter().filter_map(|(parts, order)| bits(track, flips, &parts, order)).collect()
}

fn runs_of(byte: u8, flips: &Flips) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let first = byte.saturating_mul(8);
    for bit in first..first.saturating_add(8) {
        if !flips.is_moving(bit) {
            continue;
        }
        let above = bit.checked_sub(1).filter(|above| *above >= first && flips.is_moving(*above));
        let drops = above.is_none_or(|above| flips.count(above) >= 4.0 && flips.count(bit) < DROP * flips.count(above));
        match runs.last_mut() {
            Some(run) if !drops => run.last = bit,
            _ => runs.push(Run { first: bit, last: bit }),
        }
    }
    runs
}

/// Changes of the upper part, and those among them that a wrap of the lower part explains.
fn carries(track: &Track, upper: Run, lower: Run) -> (u32, u32) {
    let (mut changes, mut small) = (0_u32, 0_u32);
    let (span, ring) = (1_i64 << lower.len(), 1_i64 << upper.len().saturating_add(lower.len()).min(62));
    let joined = |word: u64| i64::try_from(upper.value(word) << lower.len() | lower.value(word)).unwrap_or(0);
    for drive in track.drives() {
        for (before, after) in drive.iter().zip(drive.iter().skip(1)) {
            if upper.value(*before) == upper.value(*after) {
                continue;
            }
            let step = joined(*after).wrapping_sub(joined(*before)).rem_euclid(ring);
            let step = step.min(ring.wrapping_sub(step));
            changes = changes.saturating_add(1);
            small = small.saturating_add(u32::from(step.saturating_mul(2) < span));
        }
    }
    (changes, small)
}

/// Squares of the steps, added up: of the upper part alone, and of both parts as one number. If they are one, the lower part takes
/// away the error of rounding; if they are not, it adds its own movement. Steps count for at most four times the lower part's
/// span, so that a few values that are not valid decide nothing.
fn movement(track: &Track, upper: Run, lower: Run) -> (f64, f64, u32) {
    let (width, ring) = (lower.len(), 1_i64 << upper.len().saturating_add(lower.len()).min(62));
    let square = |from: i64, to: i64| {
        let step = to.wrapping_sub(from).rem_euclid(ring);
        let step = step.min(ring.saturating_sub(step)).min(4_i64 << width);
        #[expect(clippy::cast_precision_loss, reason = "a ratio for comparison")]
        let step = step as f64;
        step * step
    };
    let coarse = |word: u64| i64::try_from(upper.value(word) << width).unwrap_or(0);
    let fine = |word: u64| i64::try_from(upper.value(word) << width | lower.value(word)).unwrap_or(0);
    let (mut alone, mut both, mut changes) = (0.0, 0.0, 0_u32);
    for drive in track.drives() {
        for (before, after) in drive.iter().zip(drive.iter().skip(1)) {
            changes = changes.saturating_add(u32::from(coarse(*before) != coarse(*after)));
            alone += square(coarse(*before), coarse(*after));
            both += square(fine(*before), fine(*after));
        }
    }
    (alone, both, changes)
}

/// Whether two parts are one number.
fn are_one(track: &Track, upper: Run, lower: Run) -> Option<f64> {
    let (changes, small) = carries(track, upper, lower);
    let carried = lower.len() >= 4 && changes >= CARRIES_MIN && small.saturating_mul(10) >= changes.saturating_mul(9);
    let (alone, both, changes) = movement(track, upper, lower);
    let ratio = both / alone.max(1.0);
    let smoother = changes >= CARRIES_MIN && ratio < SMOOTHER;
    (carried || smoother).then_some(ratio)
}

/// Cuts a run where its upper bits do not carry: flags beside a number.
fn split(track: &Track, flips: &Flips, run: Run) -> Vec<Run> {
    for cut in run.first.saturating_add(1)..=run.last {
        let above = flips.count(cut.saturating_sub(1));
        let below = run.last.saturating_sub(cut).saturating_add(1);
        let (sudden, rare) = (flips.count(cut) > 3.0 * above, above <= RARE && below > 3);
        if below < 3 || !(sudden || rare) {
            continue;
        }
        let (upper, lower) = (Run { last: cut.saturating_sub(1), ..run }, Run { first: cut, ..run });
        let (changes, small) = carries(track, upper, lower);
        if changes >= 2 && small.saturating_mul(10) < changes.saturating_mul(7) {
            return std::iter::once(upper).chain(split(track, flips, lower)).collect();
        }
    }
    vec![run]
}

/// Joins neighbours within a byte that are one number after all.
fn join(track: &Track, runs: Vec<Run>) -> Vec<Run> {
    let mut joined: Vec<Run> = Vec::new();
    for run in runs {
        match joined.last_mut() {
            Some(last)
                if last.byte() == run.byte()
                    && last.last.saturating_add(1) == run.first
                    && last.len() >= 3
                    && are_one(track, *last, run).is_some() =>
            {
                last.last = run.last;
            }
            _ => joined.push(run),
        }
    }
    joined
}

/// Whether a number goes over from this byte to the next, and in which order.
fn joint(track: &Track, runs: &[Run], byte: u8) -> Option<ByteOrder> {
    let here = || runs.iter().copied().filter(|run| run.byte() == byte);
    let next = || runs.iter().copied().filter(|run| run.byte() == byte.saturating_add(1));
    let big = here().find(|run| run.last % 8 == 7).zip(next().find(|run| run.first % 8 == 0));
    let little = next().find(|run| run.last % 8 == 7).zip(here().find(|run| run.first % 8 == 0));
    let share = |pair: Option<(Run, Run)>| {
        let (upper, lower) = pair?;
        are_one(track, upper, lower)
    };
    match (share(big), share(little)) {
        (Some(big), Some(little)) if little < big => Some(ByteOrder::Little),
        (Some(_), _) => Some(ByteOrder::Big),
        (None, Some(_)) => Some(ByteOrder::Little),
        (None, None) => None,
    }
}

/// Runs of each field, most significant first.
fn chain(runs: &[Run], joints: &[(u8, ByteOrder)]) -> Vec<(Vec<Run>, ByteOrder)> {
    let order_at = |byte: u8| joints.iter().find(|(at, _)| *at == byte).map(|(_, order)| *order);
    let mut taken = vec![false; runs.len()];
    let mut fields = Vec::new();
    for index in 0..runs.len() {
        if taken.get(index).copied().unwrap_or(true) {
            continue;
        }
        let Some(&run) = runs.get(index) else { continue };
        let (mut parts, mut order, mut edge) = (vec![run], None, run);
        if let Some(flag) = taken.get_mut(index) {
            *flag = true;
        }
        while let Some(next) = order_at(edge.byte()).filter(|next| order.is_none_or(|order| order == *next)) {
            let leaves = if next == ByteOrder::Big { edge.last % 8 == 7 } else { edge.first % 8 == 0 };
            let enters = |run: &Run| {
                let fits = if next == ByteOrder::Big { run.first.is_multiple_of(8) } else { run.last % 8 == 7 };
                fits && run.byte() == edge.byte().saturating_add(1)
            };
            let other = runs.iter().position(enters).filter(|other| !taken.get(*other).copied().unwrap_or(true));
            let (Some(other), true) = (other, leaves) else { break };
            let Some(&part) = runs.get(other) else { break };
            if let Some(flag) = taken.get_mut(other) {
                *flag = true;
            }
            (order, edge) = (Some(next), part);
            parts.push(part);
            let whole = part.len() == 8;
            if !whole {
                break;
            }
        }
        if order == Some(ByteOrder::Little) {
            parts.reverse();
        }
        fields.push((parts, order.unwrap_or(ByteOrder::Big)));
    }
    fields
}

fn bits(track: &Track, flips: &Flips, parts: &[Run], order: ByteOrder) -> Option<Bits> {
    let bottom = parts.last()?;
    let len = parts.iter().fold(0_u8, |sum, part| sum.saturating_add(part.len())).min(LEN_MAX);
    let in_byte = 7_u8.saturating_sub(bottom.last % 8);
    let shift = match order {
        ByteOrder::Big => 63_u8.saturating_sub(bottom.last),
        ByteOrder::Little => bottom.byte().saturating_mul(8).saturating_add(in_byte),
    };
    let quiet = Bits { order, shift, len, signed: false, headroom: 0, head: 0 };
    let moving = match order {
        ByteOrder::Big => flips.moving,
        ByteOrder::Little => flips.moving.swap_bytes(),
    };
    let above = shift.saturating_add(len);
    let (mut headroom, mut head) = (0_u8, 0_u8);
    for bit in (above..64).take(usize::from(HEADROOM_MAX)) {
        let Some(value) = resting(track, flips, order, bit, moving) else { break };
        head |= value << headroom;
        headroom = headroom.saturating_add(1);
    }
    let bits = Bits { headroom, head, ..quiet };
    bits.is_legal().then_some(bits)
}

/// The value that a bit above a field rests at: always, or nearly always because it marks values that are not valid.
fn resting(track: &Track, flips: &Flips, order: ByteOrder, bit: u8, moving: u64) -> Option<u8> {
    let one = Bits { order, shift: bit, len: 1, signed: false, headroom: 0, head: 0 };
    let value = |word: &u64| one.raw(*word) & 1;
    let first = track.words.first().map_or(0, value);
    if moving.wrapping_shr(u32::from(bit)) & 1 == 0 {
        return u8::try_from(first).ok();
    }
    if flips.count(one.start().try_into().ok()?) > RARE {
        return None;
    }
    let set = track.words.iter().filter(|word| value(word) == 1).count();
    let (all, rare) = (track.words.len(), set.min(track.words.len().saturating_sub(set)));
    (rare.saturating_mul(20) < all).then_some(u8::from(set.saturating_mul(2) > all))
}
