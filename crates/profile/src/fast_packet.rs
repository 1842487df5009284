//! Recognises identifiers that carry pieces of longer messages in the way of NMEA 2000 (fast packet).
//!
//! Not a reassembly. Byte 0 of a piece holds a sequence number and the number of the piece, byte 1 of the first piece the
//! length: it looks like a counter beside fields, and is neither. Invariant: an identifier is one only if nearly all its
//! frames fit, and every message has several pieces. Cost: 24 bytes an identifier.

use std::collections::{BTreeMap, BTreeSet};
use yagura_ids::IdRow;
use yagura_model::{BusId, CanId, Frame, FrameKind};

/// Fewer messages may look so by chance.
const MESSAGES_MIN: u32 = 3;
/// One frame in so many may not fit: loggers lose some.
const WRONG_SHARE: u32 = 20;
/// Shortest and longest message of several pieces, bytes.
const LENGTHS: std::ops::RangeInclusive<u8> = 7..=223;

#[derive(Clone, Copy, Default)]
struct Track {
    sequence: u8,
    next: u8,
    left: u8,
    messages: u32,
    fitting: u32,
    wrong: u32,
}

impl Track {
    fn take(&mut self, data: &[u8]) {
        let &[head, second, ..] = data else {
            self.wrong = self.wrong.saturating_add(1);
            return;
        };
        let (sequence, piece) = (head >> 5, head & 0x1F);
        let fits = if piece == 0 {
            let complete = self.left == 0;
            let whole = LENGTHS.contains(&second);
            *self = Self { sequence, next: 1, left: second.saturating_sub(6).div_ceil(7), ..*self };
            self.messages = self.messages.saturating_add(1);
            complete && whole
        } else {
            let fits = self.left > 0 && sequence == self.sequence && piece == self.next;
            self.left = self.left.saturating_sub(1);
            self.next = piece.saturating_add(1);
            fits
        };
        let count = if fits { &mut self.fitting } else { &mut self.wrong };
        *count = count.saturating_add(1);
    }

    const fn is_fast_packet(&self) -> bool {
        let frames = self.fitting.saturating_add(self.wrong);
        self.messages >= MESSAGES_MIN && self.wrong.saturating_mul(WRONG_SHARE) <= frames
    }
}

/// Identifiers of 29 bits, and how their frames fit.
#[derive(Default)]
pub(crate) struct FastPackets {
    tracks: BTreeMap<(BusId, CanId), Track>,
}

impl FastPackets {
    /// Takes up a frame of the training traffic.
    pub(crate) fn take(&mut self, frame: &Frame) {
        if matches!((frame.kind, frame.id), (FrameKind::Data, CanId::Extended(_))) {
            self.tracks.entry((frame.bus, frame.id)).or_default().take(frame.payload.as_slice());
        }
    }

    /// Those of the identifiers, as indexes, that carry pieces.
    pub(crate) fn owners(&self, ids: &[IdRow]) -> BTreeSet<u16> {
        let is_one = |id: &IdRow| self.tracks.get(&(id.bus, id.id)).is_some_and(Track::is_fast_packet);
        (0_u16..).zip(ids).filter(|(_, id)| is_one(id)).map(|(owner, _)| owner).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(frames: impl IntoIterator<Item = [u8; 8]>) -> Track {
        let mut track = Track::default();
        frames.into_iter().for_each(|data| track.take(&data));
        track
    }

    fn message(sequence: u8) -> [[u8; 8]; 3] {
        let head = (sequence % 8) << 5;
        [[head, 15, 1, 2, 3, 4, 5, 6], [head | 1, 1, 2, 3, 4, 5, 6, 7], [head | 2, 8, 9, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]]
    }

    #[test]
    fn messages_in_pieces_are_recognised_even_if_a_piece_is_lost() {
        assert!(track((0..50).flat_map(message)).is_fast_packet());
        let lossy = (0..50).flat_map(message).enumerate().filter(|(at, _)| *at != 70).map(|(_, data)| data);
        assert!(track(lossy).is_fast_packet());
    }

    #[test]
    fn counters_constants_and_signals_are_not() {
        assert!(!track((0..100).map(|n| [n % 16, 20, 0, 0, 0, 0, 0, 0])).is_fast_packet());
        assert!(!track((0..100).map(|n| [0, 20, n, 0, 0, 0, 0, 0])).is_fast_packet());
        assert!(!track((0..100_u8).map(|n| [n.wrapping_mul(37), n, n, 0, 0, 0, 0, 0])).is_fast_packet());
    }
}
