//! Payloads of training traffic, by bus, identifier and length, in their order.
//!
//! Not samples of signals. Invariant: gaps are measured on the steady clock of the bus, as the detector measures them. Cost: 12
//! bytes a frame of 8 bytes; at most [`FRAMES_MAX`] frames of a series are kept, which is 40 minutes at 10 ms.

use std::collections::BTreeMap;
use yagura_ids::{BusClock, Spacing};
use yagura_model::{BusId, CanId, Frame, FrameKind};

/// The most frames of a series; later ones are not looked at.
const FRAMES_MAX: usize = 1 << 18;

/// All payloads.
#[derive(Default)]
pub(crate) struct Payloads {
    clocks: BTreeMap<BusId, BusClock>,
    ids: BTreeMap<(BusId, u32), OfId>,
}

#[derive(Default)]
struct OfId {
    /// Steady time of its last data frame, µs.
    last: Option<u64>,
    by_len: BTreeMap<u8, Series>,
}

/// Payloads of one identifier and length.
pub(crate) struct Series {
    pub(crate) bus: BusId,
    pub(crate) id: CanId,
    pub(crate) len: u8,
    /// Share of this length among the frames of its identifier, percent.
    pub(crate) share: u8,
    /// Gap to the identifier's frame before, whatever its length, µs; the highest value for the first.
    gaps: Vec<u32>,
    bytes: Vec<u8>,
    period: u32,
}

impl Payloads {
    /// Takes up a frame.
    pub(crate) fn take(&mut self, frame: &Frame) {
        if matches!(frame.kind, FrameKind::Error) {
            return;
        }
        let clock = self.clocks.entry(frame.bus).or_default();
        clock.advance(frame.time, 0);
        if matches!(frame.kind, FrameKind::Remote { .. }) || frame.payload.is_empty() {
            return;
        }
        let of_id = self.ids.entry((frame.bus, frame.id.key())).or_default();
        let now = clock.steady();
        let gap = of_id.last.replace(now).map(|last| now.saturating_sub(last));
        let series = of_id.by_len.entry(frame.payload.len()).or_insert_with(|| Series::new(frame));
        if series.gaps.len() < FRAMES_MAX {
            series.gaps.push(gap.and_then(|gap| u32::try_from(gap).ok()).unwrap_or(u32::MAX));
            series.bytes.extend_from_slice(frame.payload.as_slice());
        }
    }

    /// Ends the taking: makes up what needs all frames.
    pub(crate) fn complete(&mut self) {
        for of_id in self.ids.values_mut() {
            let frames: usize = of_id.by_len.values().map(Series::frames).fold(0, usize::saturating_add);
            for series in of_id.by_len.values_mut() {
                let share = series.frames().saturating_mul(100).checked_div(frames).unwrap_or(0);
                series.share = u8::try_from(share).unwrap_or(0);
                series.period = series.median_gap();
            }
        }
    }

    /// All series, by bus, key and length.
    pub(crate) fn series(&self) -> impl Iterator<Item = &Series> {
        self.ids.values().flat_map(|of_id| of_id.by_len.values())
    }
}

impl Series {
    fn new(frame: &Frame) -> Self {
        let (bus, id, len) = (frame.bus, frame.id, frame.payload.len());
        Self { bus, id, len, share: 0, gaps: Vec::new(), bytes: Vec::new(), period: 0 }
    }

    /// How many frames.
    pub(crate) fn frames(&self) -> usize {
        self.gaps.len()
    }

    /// Their data, in order.
    pub(crate) fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks_exact(usize::from(self.len.max(1)))
    }

    /// How each frame came after the one before.
    pub(crate) fn spacings(&self) -> impl Iterator<Item = Spacing> {
        self.gaps.iter().map(|gap| Spacing { gap: *gap, period: self.period, may_repeat: false })
    }

    /// Its different payloads, sorted, without blank ones: those a control unit sends before it has anything to say.
    pub(crate) fn distinct(&self) -> Vec<&[u8]> {
        let blank = |payload: &&[u8]| payload.iter().all(|b| *b == 0) || payload.iter().all(|b| *b == u8::MAX);
        let mut distinct: Vec<&[u8]> = self.payloads().filter(|payload| !blank(payload)).collect();
        distinct.sort_unstable();
        distinct.dedup();
        distinct
    }

    fn median_gap(&self) -> u32 {
        let mut sorted = self.gaps.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().unwrap_or(0)
    }
}
