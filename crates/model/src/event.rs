//! Security events (AUTOSAR SEv): what a detector raises, before any filter.
//!
//! Not the wire message (that is `idsm`) and not the meaning of an id (that is the event catalogue, data).
//! Context layouts are written here once, byte by byte, so that sensor and cloud cannot disagree; see docs/format/context.md.

use crate::{BusId, CanId, Frame, FrameKind, Micros, Payload};
use core::fmt;

/// A security event definition id. 0x0000-0x7FFF belong to AUTOSAR, 0x8000-0xFFFE to makers, 0xFFFF is invalid.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EventId(pub u16);

impl EventId {
    /// A CAN identifier that the profile does not know on this bus.
    pub const CAN_UNKNOWN_ID: Self = Self(0x8001);
    /// A frame whose data length or format (classic, FD, remote) the profile does not know for this identifier.
    pub const CAN_WRONG_LENGTH: Self = Self(0x8002);
    /// Frames of one identifier that come sooner than its period allows: injection.
    pub const CAN_EARLY_FRAME: Self = Self(0x8003);
    /// A periodic identifier that stays away: suspension.
    pub const CAN_SILENT_ID: Self = Self(0x8004);
    /// More frames on a bus than it ever carried in training: flood.
    pub const CAN_BUS_FLOOD: Self = Self(0x8005);
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#06X}", self.0)
    }
}

/// How bad it may be. The order is the rank.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Worth keeping.
    Informational,
    /// Look when there is time.
    Low,
    /// Look today.
    Medium,
    /// Look now.
    High,
    /// Wake someone.
    Critical,
}

/// One observation of a detector.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SecurityEvent {
    /// What was observed.
    pub id: EventId,
    /// When, sensor time.
    pub time: Micros,
    /// How many happenings this one event stands for, at least 1.
    pub count: u16,
    /// What proves it.
    pub context: CanContext,
}

/// Context data of all CAN events, context data version 1.
///
/// Layout, big-endian: bus (1) · identifier key (4, see [`CanId::key`]) · kind (1: 0 classic data, 1 FD, 2 remote, 3 error) ·
/// expected (4) · observed (4) · payload length (1) · payload (0..=64). Units of `expected` and `observed` are stated per
/// event in the event catalogue (µs for timing, bytes for length, frames for load).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CanContext {
    /// Where.
    pub bus: BusId,
    /// The identifier concerned.
    pub id: CanId,
    /// Kind of the frame, as written on the wire, 0..=3.
    pub kind: u8,
    /// What the profile allows.
    pub expected: u32,
    /// What was seen.
    pub observed: u32,
    /// Data of the frame that raised the event; empty for absence.
    pub payload: Payload,
}

/// Why bytes are not a [`CanContext`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CanContextError {
    /// Fewer or more bytes than the layout says.
    Length(usize),
    /// The identifier does not fit its width.
    Identifier(u32),
    /// The frame kind is above 3.
    Kind(u8),
}

impl fmt::Display for CanContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(len) => write!(f, "CAN context of {len} bytes does not match its layout"),
            Self::Identifier(key) => write!(f, "CAN context with impossible identifier {key:#010x}"),
            Self::Kind(kind) => write!(f, "CAN context with frame kind {kind}, expected 0 to 3"),
        }
    }
}

impl core::error::Error for CanContextError {}

impl CanContext {
    /// Version of this layout, as it stands in the message.
    pub const VERSION: u16 = 1;
    /// Bytes before the payload.
    pub const HEADER_LEN: usize = 15;
    /// The longest encoding.
    pub const LEN_MAX: usize = Self::HEADER_LEN + Payload::LEN_MAX;

    /// The context of an event that `frame` raised.
    #[must_use]
    pub const fn of(frame: &Frame, expected: u32, observed: u32) -> Self {
        let kind = match frame.kind {
            FrameKind::Data => 0,
            FrameKind::Fd { .. } => 1,
            FrameKind::Remote { .. } => 2,
            FrameKind::Error => 3,
        };
        Self { bus: frame.bus, id: frame.id, kind, expected, observed, payload: frame.payload }
    }

    /// The context of an absence: there is no frame to show.
    #[must_use]
    pub const fn of_absence(bus: BusId, id: CanId, expected: u32, observed: u32) -> Self {
        Self { bus, id, kind: 0, expected, observed, payload: Payload::EMPTY }
    }

    /// Writes the layout to the front of `out` and returns how many bytes it took.
    #[must_use]
    pub fn encode(&self, out: &mut [u8; Self::LEN_MAX]) -> usize {
        let head = self.id.key().to_be_bytes();
        let expected = self.expected.to_be_bytes();
        let observed = self.observed.to_be_bytes();
        let fixed = [self.bus.0]
            .into_iter()
            .chain(head)
            .chain([self.kind])
            .chain(expected)
            .chain(observed)
            .chain([self.payload.len()]);
        let all = fixed.chain(self.payload.as_slice().iter().copied());
        out.iter_mut().zip(all).map(|(room, byte)| *room = byte).count()
    }

    /// The inverse of [`Self::encode`].
    ///
    /// # Errors
    /// [`CanContextError`] naming the field that is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, CanContextError> {
        let length = CanContextError::Length(bytes.len());
        let (head, data) = bytes.split_at_checked(Self::HEADER_LEN).ok_or(length)?;
        let &[bus, i0, i1, i2, i3, kind, e0, e1, e2, e3, o0, o1, o2, o3, len] = head else { return Err(length) };
        if kind > 3 {
            return Err(CanContextError::Kind(kind));
        }
        if usize::from(len) != data.len() {
            return Err(length);
        }
        let key = u32::from_be_bytes([i0, i1, i2, i3]);
        Ok(Self {
            bus: BusId(bus),
            id: CanId::from_key(key).map_err(|_| CanContextError::Identifier(key))?,
            kind,
            expected: u32::from_be_bytes([e0, e1, e2, e3]),
            observed: u32::from_be_bytes([o0, o1, o2, o3]),
            payload: Payload::new(data).map_err(|_| length)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decoded_bytes_encode_to_themselves(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(context) = CanContext::decode(&bytes) {
                let mut out = [0; CanContext::LEN_MAX];
                let len = context.encode(&mut out);
                prop_assert_eq!(out.get(..len), Some(bytes.as_slice()));
            }
        }

        #[test]
        fn a_context_survives_the_wire(
            bus: u8, raw in 0..0x800_u32, kind in 0..4_u8, expected: u32, observed: u32,
            data in proptest::collection::vec(any::<u8>(), 0..=64),
        ) {
            let (Ok(id), Ok(payload)) = (CanId::from_key(raw), Payload::new(&data)) else { return Ok(()) };
            let context = CanContext { bus: BusId(bus), id, kind, expected, observed, payload };
            let mut out = [0; CanContext::LEN_MAX];
            let len = context.encode(&mut out);
            prop_assert_eq!(CanContext::decode(out.get(..len).unwrap_or(&[])), Ok(context));
        }
    }
}
