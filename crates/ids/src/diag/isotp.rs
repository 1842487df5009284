//! ISO-TP (ISO 15765-2): what a frame says of its message, and whether both sides keep to the rules.
//!
//! Not a reassembly: the diagnostic layer needs only the first bytes of a message, which its first frame carries, so nothing
//! is buffered whatever length a first frame claims. Tools are sloppy and loggers lose frames: one fault is never told, only
//! [`FAULTS_MAX`] points of them without enough good messages in between. Normal addressing alone; with extended addressing
//! (an address before the first byte) an identifier is not judged. State: 16 bytes a direction.

/// Points of fault at which a conversation is abused: four faults of the usual weight.
pub(crate) const FAULTS_MAX: u8 = 8;
/// A side that waits longer gave up: the longest time-out of ISO 15765-2 (1 s) and half as much again, µs.
const PATIENCE: u64 = 1_500_000;
/// A new first frame within this time of the last one, in an open transfer, is no time-out, µs.
const OVERLAP: u64 = 200_000;
/// Waits in a row that a receiver may ask for; receivers that need more fail anyway (N_WFTmax is at most this in practice).
const WAITS_MAX: u8 = 16;
/// No control unit has room for a longer message: blocks of a download have at most 64 KiB.
const MESSAGE_BYTES_MAX: u32 = 1 << 20;

/// What a frame is in the protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IsoTp<'a> {
    /// A whole message.
    Single(&'a [u8]),
    /// The start of a message of `len` bytes.
    First {
        /// Bytes of the whole message.
        len: u32,
        /// The first of them.
        data: &'a [u8],
    },
    /// A further piece: its number modulo 16, and how many bytes it may carry.
    Consecutive {
        /// Modulo 16.
        number: u8,
        /// Bytes it has room for.
        carried: u8,
    },
    /// What the receiver asks for: 0 go on, 1 wait, 2 too much.
    Flow {
        /// 0 go on, 1 wait, 2 too much.
        status: u8,
    },
}

impl<'a> IsoTp<'a> {
    /// What the data of a frame say; `None` if no frame of the protocol looks like that.
    #[must_use]
    pub fn read(data: &'a [u8]) -> Option<Self> {
        let (&first, rest) = data.split_first()?;
        let low = first & 0xF;
        match first >> 4 {
            0 if low > 0 => rest.get(..usize::from(low)).filter(|_| low < 8).map(Self::Single),
            0 => {
                let (&len, rest) = rest.split_first().filter(|_| data.len() > 8)?;
                rest.get(..usize::from(len)).filter(|data| data.len() > 6).map(Self::Single)
            }
            1 => Self::first(low, rest),
            2 => u8::try_from(rest.len())
                .ok()
                .filter(|len| *len > 0)
                .map(|carried| Self::Consecutive { number: low, carried }),
            3 if rest.len() >= 2 && low <= 2 => Some(Self::Flow { status: low }),
            _ => None,
        }
    }

    fn first(low: u8, rest: &'a [u8]) -> Option<Self> {
        let (&second, data) = rest.split_first().filter(|(_, data)| data.len() >= 6)?;
        let len = u32::from(low) << 8 | u32::from(second);
        if len != 0 {
            return (len > 7).then_some(Self::First { len, data });
        }
        let (len, data) = data.split_first_chunk()?;
        let len = u32::from_be_bytes(*len);
        (len > 0xFFF).then_some(Self::First { len, data })
    }
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Phase {
    /// Nothing seen yet: a capture may begin in the middle of a message.
    #[default]
    Unseen,
    /// No message open.
    Done,
    /// A first frame was sent.
    Open,
    /// Pieces without a first frame, in their order.
    Orphan,
}

/// Messages in one direction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Transfer {
    at: u64,
    left: u32,
    next: u8,
    waits: u8,
    phase: Phase,
}

impl Transfer {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self { at: 0, left: 0, next: 0, waits: 0, phase: Phase::Unseen };
}

impl Transfer {
    fn is_open(&self, now: u64) -> bool {
        self.phase == Phase::Open && now.saturating_sub(self.at) <= PATIENCE
    }

    /// A whole message in one frame.
    pub(crate) const fn single(&mut self) {
        self.phase = Phase::Done;
    }

    /// The points of fault of a first frame with `carried` bytes.
    pub(crate) fn first(&mut self, len: u32, carried: usize, now: u64) -> u8 {
        let overlaps = self.is_open(now) && now.saturating_sub(self.at) <= OVERLAP;
        let carried = u32::try_from(carried).unwrap_or(u32::MAX);
        *self = Self { at: now, left: len.saturating_sub(carried), next: 1, waits: 0, phase: Phase::Open };
        if len > MESSAGE_BYTES_MAX {
            return 4;
        }
        if overlaps { 2 } else { 0 }
    }

    /// The points of fault of a further piece; `true` if it completes its message.
    pub(crate) fn consecutive(&mut self, number: u8, carried: u8, now: u64) -> (u8, bool) {
        if !self.is_open(now) {
            return (self.orphan(number, now), false);
        }
        self.at = now;
        let ahead = number.wrapping_sub(self.next) & 0xF;
        if ahead >= 8 {
            return (2, false);
        }
        // The logger lost some in between, or the bus did.
        let pieces = u32::from(ahead).saturating_add(1);
        self.left = self.left.saturating_sub(pieces.saturating_mul(u32::from(carried)));
        self.next = number.wrapping_add(1) & 0xF;
        let done = self.left == 0;
        if done {
            self.phase = Phase::Done;
        }
        (0, done)
    }

    fn orphan(&mut self, number: u8, now: u64) -> u8 {
        let expected = self.next;
        self.next = number.wrapping_add(1) & 0xF;
        self.at = now;
        match self.phase {
            Phase::Unseen => 0,
            Phase::Orphan if number == expected => 0,
            Phase::Orphan => 2,
            Phase::Done | Phase::Open => {
                self.phase = Phase::Orphan;
                1
            }
        }
    }

    /// The points of fault of the receiver's flow control.
    pub(crate) fn flow(&mut self, status: u8, now: u64) -> u8 {
        if !self.is_open(now) {
            return if self.phase == Phase::Unseen { 1 } else { 2 };
        }
        match status {
            0 => {
                self.waits = 0;
                0
            }
            1 => {
                self.at = now;
                self.waits = self.waits.saturating_add(1);
                if self.waits > WAITS_MAX { 2 } else { 0 }
            }
            _ => {
                self.phase = Phase::Done;
                2
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_frame_is_read_and_nothing_else() {
        let read = IsoTp::read;
        assert_eq!(read(&[0x02, 0x10, 0x03, 0, 0]), Some(IsoTp::Single(&[0x10, 0x03])));
        assert_eq!(read(&[0x10, 0x14, 1, 2, 3, 4, 5, 6]), Some(IsoTp::First { len: 20, data: &[1, 2, 3, 4, 5, 6] }));
        assert_eq!(read(&[0x10, 0, 0, 1, 0, 0, 7, 8]), Some(IsoTp::First { len: 65_536, data: &[7, 8] }));
        assert_eq!(read(&[0x2F, 1, 2]), Some(IsoTp::Consecutive { number: 15, carried: 2 }));
        assert_eq!(read(&[0x30, 0, 10]), Some(IsoTp::Flow { status: 0 }));
        let mut long = [0x22; 12];
        long[..2].copy_from_slice(&[0, 9]);
        assert_eq!(read(&long), Some(IsoTp::Single(&[0x22; 9])));
        let none: [&[u8]; 9] = [
            &[],
            &[0x00, 0, 0, 0, 0, 0, 0, 0],
            &[0x03, 1, 2],
            &[0x08; 9],
            &[0x10, 5, 0, 0, 0, 0, 0, 0],
            &[0x10, 20, 1],
            &[0x33, 0, 0],
            &[0x40, 1, 2],
            &[0x20],
        ];
        assert!(none.iter().all(|data| read(data).is_none()));
    }

    #[test]
    fn a_lost_piece_is_no_fault_and_a_repeated_one_is() {
        let mut transfer = Transfer::default();
        assert_eq!(transfer.first(50, 6, 0), 0);
        assert_eq!(transfer.consecutive(1, 7, 10), (0, false));
        assert_eq!(transfer.consecutive(3, 7, 20), (0, false));
        assert_eq!(transfer.consecutive(3, 7, 30), (2, false));
        assert_eq!(transfer.consecutive(4, 7, 40), (0, false));
        assert_eq!(transfer.consecutive(7, 7, 50), (0, true));
    }
}
