//! The data of training frames, by identifier, with drives told apart.
//!
//! Not timing (that is `observe`). Invariants: times are of the clock that `ids` judges relations with; a pause or a step
//! of the logger's clock starts a new drive, as it restarts the judgement there. Cost: 18 bytes a frame.

use std::collections::BTreeMap;
use yagura_ids::{BusClock, PAUSE_MAX, SESSION_GAP, word};
use yagura_model::{BusId, CanId, Frame, FrameKind};

/// Traffic without a pause, µs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Drive {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// Data frames of one identifier.
#[derive(Clone, Debug, Default)]
pub(crate) struct Track {
    /// Index in the profile's identifier table.
    pub(crate) owner: u16,
    /// Times, µs.
    pub(crate) times: Vec<u64>,
    /// First eight bytes of data.
    pub(crate) words: Vec<u64>,
    /// Where each drive starts; drives without a frame are left out.
    pub(crate) starts: Vec<usize>,
    drive: usize,
    slot: u16,
}

impl Track {
    /// The frames of each drive.
    pub(crate) fn drives(&self) -> impl Iterator<Item = &[u64]> {
        let ends = self.starts.iter().skip(1).copied().chain([self.words.len()]);
        self.starts.iter().zip(ends).filter_map(|(start, end)| self.words.get(*start..end))
    }

    /// Median distance of frames, µs.
    pub(crate) fn period(&self) -> u64 {
        let pairs = self.times.iter().zip(self.times.iter().skip(1));
        let mut gaps: Vec<u64> = pairs.map(|(before, after)| after.saturating_sub(*before)).take(10_001).collect();
        let middle = gaps.len() / 2;
        if gaps.is_empty() { u64::MAX } else { *gaps.select_nth_unstable(middle).1 }
    }
}

/// All training data.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples {
    clock: BusClock,
    drives: Vec<Drive>,
    tracks: BTreeMap<(BusId, CanId), Track>,
    /// Which track each frame went to.
    order: Vec<u16>,
}

impl Samples {
    /// Takes up a frame.
    pub(crate) fn take(&mut self, frame: &Frame) {
        let gap = self.clock.advance(frame.time, PAUSE_MAX);
        let now = self.clock.busy();
        if gap >= SESSION_GAP || self.drives.is_empty() {
            self.drives.push(Drive { start: now, end: now });
        }
        if let Some(drive) = self.drives.last_mut() {
            drive.end = now;
        }
        if matches!(frame.kind, FrameKind::Remote { .. } | FrameKind::Error) {
            return;
        }
        let slot = u16::try_from(self.tracks.len()).unwrap_or(u16::MAX);
        let track = self.tracks.entry((frame.bus, frame.id)).or_insert_with(|| Track { slot, ..Track::default() });
        if track.drive != self.drives.len() {
            track.drive = self.drives.len();
            track.starts.push(track.words.len());
        }
        track.times.push(now);
        track.words.push(word(&frame.payload));
        self.order.push(track.slot);
    }

    /// Tracks in the order of the slots that [`Self::order`] names; owners are set by `owner`.
    pub(crate) fn into_tracks(
        self,
        owner: &impl Fn(BusId, CanId) -> Option<u16>,
    ) -> (Vec<Track>, Vec<u16>, Vec<Drive>) {
        let named = self
            .tracks
            .into_iter()
            .map(|((bus, id), track)| Track { owner: owner(bus, id).unwrap_or(u16::MAX), ..track });
        let mut tracks: Vec<Track> = named.collect();
        tracks.sort_by_key(|track| track.slot);
        (tracks, self.order, self.drives)
    }
}
