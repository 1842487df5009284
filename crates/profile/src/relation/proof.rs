//! Replays the training frame by frame through the signals and links of `ids`: what they saw, and how far candidates were off.
//!
//! Not a fit. Invariant: an excess measured here is the excess that `ids` will measure on the same frames. Cost: one pass over
//! the frames of related identifiers, some hundred operations a frame and candidate.

use crate::fields::{Drive, LearnedField, Track};
use yagura_ids::{Derived, GRACE, Link, RelationRow, Signal, SignalRow};

/// Longest run of frames whose least excess counts: a single one is noise to [`Link`] as well.
const RECENT: usize = 5;

/// The values seen take at most so many of the 32 bins; the rest is room above them.
const HULL_BINS: i64 = 22;
/// How long an excess must last to count, µs.
const LASTING: u64 = 50_000;
/// Parts of the training that are compared with each other.
pub(super) const PARTS: usize = 8;

/// How a candidate did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Proof {
    /// Largest excess in each part.
    pub(super) excess: [u32; PARTS],
    /// Frames judged in each part.
    pub(super) judged: [u32; PARTS],
    /// Span of the judged values while the witness was live.
    pub(super) low: i32,
    pub(super) high: i32,
    known: bool,
    /// The last excesses, newest first.
    recent: [u32; RECENT],
}

/// The signal row of a source, with the values it took in training.
pub(super) fn signal_row(track: &Track, field: &LearnedField, derived: Derived, drives: &[Drive]) -> Option<SignalRow> {
    let mut row = SignalRow { owner: field.owner, bits: field.bits, derived, low: i32::MIN, bin: 27, seen: u32::MAX };
    let (mut low, mut high) = (i32::MAX, i32::MIN);
    values(track, &row, drives, |value| (low, high) = (low.min(value), high.max(value)));
    if low > high {
        return None;
    }
    let width = i64::from(high).saturating_sub(i64::from(low));
    row.bin = u8::try_from((0..27_u32).find(|bin| width >> bin < HULL_BINS).unwrap_or(27)).unwrap_or(27);
    (row.low, row.seen) = (low, 0);
    let mut seen = 0_u32;
    values(track, &row, drives, |value| {
        let index = i64::from(value).saturating_sub(i64::from(low)) >> row.bin;
        let bit = 1_u32.wrapping_shl(u32::try_from(index).unwrap_or(0));
        seen |= bit | bit << 1 | bit >> 1;
    });
    // A line holds somewhat beyond the largest value seen.
    let top = 31_u32.saturating_sub(seen.leading_zeros());
    let beyond = (top.saturating_add(1).max(top.saturating_add(top / 2))).min(31);
    row.seen = (top..=beyond).fold(seen, |seen, bin| seen | 1_u32.wrapping_shl(bin));
    Some(row)
}

fn values(track: &Track, row: &SignalRow, drives: &[Drive], mut each: impl FnMut(i32)) {
    let all = SignalRow { low: i32::MIN, bin: 27, seen: u32::MAX, ..*row };
    let mut signal = Signal::new();
    let mut drives = drives.iter().map(|drive| drive.start).peekable();
    let mut start = 0;
    for (time, word) in track.times.iter().zip(&track.words) {
        while let Some(drive) = drives.next_if(|start| *start <= *time) {
            start = unit(drive).saturating_add(GRACE);
        }
        signal.take(&all, *word, *time, start);
        if signal.is_live(unit(*time)) {
            each(signal.value());
        }
    }
}

pub(super) fn unit(micros: u64) -> u32 {
    u32::try_from(micros >> 10).unwrap_or(u32::MAX)
}

/// Tries all `relations` on all training frames. `signals` and `relations` name each other as in the profile; relations stand in
/// the order of their owners.
pub(super) fn prove(
    tracks: &[Track],
    order: &[u16],
    drives: &[Drive],
    signals: &[SignalRow],
    relations: &[RelationRow],
) -> Vec<Proof> {
    let mut states = vec![Signal::new(); signals.len()];
    let mut links = vec![Link::new(); relations.len()];
    let mut proofs = vec![Proof::default(); relations.len()];
    let of = |track: &Track| {
        let owner = track.owner;
        let mine = |at: u16| at == owner;
        let signals: Vec<usize> =
            (0..signals.len()).filter(|i| signals.get(*i).is_some_and(|s| mine(s.owner))).collect();
        let relations: Vec<usize> =
            (0..relations.len()).filter(|i| relations.get(*i).is_some_and(|r| mine(r.owner))).collect();
        let lasting = usize::try_from(LASTING.checked_div(track.period()).unwrap_or(0)).unwrap_or(1).clamp(1, RECENT);
        (signals, relations, lasting)
    };
    let plans: Vec<_> = tracks.iter().map(of).collect();
    let mut cursors = vec![0_usize; tracks.len()];
    let parts = Parts::of(drives);
    let (mut start, mut drives) = (0, drives.iter().map(|drive| drive.start).peekable());
    for slot in order.iter().map(|slot| usize::from(*slot)) {
        let (Some(track), Some(cursor), Some((mine, judged, lasting))) =
            (tracks.get(slot), cursors.get_mut(slot), plans.get(slot))
        else {
            continue;
        };
        let at = *cursor;
        *cursor = at.saturating_add(1);
        if mine.is_empty() {
            continue;
        }
        let (Some(&now), Some(&word)) = (track.times.get(at), track.words.get(at)) else { continue };
        while let Some(drive) = drives.next_if(|start| *start <= now) {
            start = unit(drive).saturating_add(GRACE);
        }
        let time = unit(now);
        for index in mine {
            if let (Some(row), Some(state)) = (signals.get(*index), states.get_mut(*index)) {
                state.take(row, word, now, start);
            }
        }
        for index in judged {
            let (Some(row), Some(link), Some(proof)) =
                (relations.get(*index), links.get_mut(*index), proofs.get_mut(*index))
            else {
                continue;
            };
            let pair = (usize::from(row.judged), usize::from(row.witness));
            let (Some(judged), Some(witness), Some(of)) = (states.get(pair.0), states.get(pair.1), signals.get(pair.0))
            else {
                continue;
            };
            let excess = link.excess(row, of.bits, (judged, witness), time);
            let compared = Link::is_comparable(row, of.bits, witness) || row.limit == u32::MAX;
            if compared && time >= start && judged.is_judged(of.derived) && witness.is_live(time) {
                proof.note(parts.index(now), excess, judged.value(), *lasting);
            }
        }
    }
    proofs
}

impl Proof {
    fn note(&mut self, part: usize, excess: u32, value: i32, lasting: usize) {
        self.recent.rotate_right(1);
        if let Some(newest) = self.recent.first_mut() {
            *newest = excess;
        }
        let excess = self.recent.iter().take(lasting).copied().min().unwrap_or(0);
        if let (Some(most), Some(count)) = (self.excess.get_mut(part), self.judged.get_mut(part)) {
            (*most, *count) = ((*most).max(excess), count.saturating_add(1));
        }
        (self.low, self.high) = if self.known { (self.low.min(value), self.high.max(value)) } else { (value, value) };
        self.known = true;
    }

    /// Largest excess of all.
    pub(super) fn worst(&self) -> u32 {
        self.excess.iter().copied().max().unwrap_or(0)
    }

    /// By how much the largest excess of any part but the one with the largest falls short of it.
    pub(super) fn spread(&self) -> f64 {
        let mut most: Vec<u32> =
            self.excess.iter().zip(&self.judged).filter(|(_, judged)| **judged > 20).map(|(e, _)| *e).collect();
        most.sort_unstable();
        let (worst, second) = (most.pop().unwrap_or(0), most.pop().unwrap_or(0));
        f64::from(worst.saturating_add(1)) / f64::from(second.saturating_add(1))
    }

    /// How many frames were judged.
    pub(super) fn frames(&self) -> u32 {
        self.judged.iter().fold(0, |sum, judged| sum.saturating_add(*judged))
    }
}

/// The training cut into equal parts.
struct Parts {
    start: u64,
    length: u64,
}

impl Parts {
    fn of(drives: &[Drive]) -> Self {
        let start = drives.first().map_or(0, |drive| drive.start);
        let end = drives.last().map_or(start, |drive| drive.end);
        let parts = u64::try_from(PARTS).unwrap_or(1);
        Self { start, length: end.saturating_sub(start).checked_div(parts).unwrap_or(0).max(1) }
    }

    fn index(&self, now: u64) -> usize {
        let index = now.saturating_sub(self.start).checked_div(self.length).unwrap_or(0);
        usize::try_from(index).unwrap_or(0).min(PARTS.saturating_sub(1))
    }
}
