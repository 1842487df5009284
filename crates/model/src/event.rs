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
    /// A known identifier on a bus where it does not belong.
    pub const CAN_WRONG_BUS: Self = Self(0x8006);
    /// A sender whose clock is not the one that was learned: somebody else speaks in its name.
    pub const CAN_CLOCK_SKEW: Self = Self(0x8007);
    /// Error frames in a row, error-passive or bus-off.
    pub const CAN_BUS_ERROR: Self = Self(0x8008);
    /// A checksum that does not fit the data.
    pub const CAN_WRONG_CHECKSUM: Self = Self(0x8009);
    /// A counter that does not count.
    pub const CAN_WRONG_COUNTER: Self = Self(0x800A);
    /// A signal that changes as its sender cannot make it change.
    pub const CAN_IMPOSSIBLE_CHANGE: Self = Self(0x800B);
    /// Signals that measure the same thing and no longer agree: masquerade.
    pub const CAN_SIGNAL_CONTRADICTION: Self = Self(0x800C);
    /// A value that the vehicle's specification does not allow.
    pub const CAN_OUT_OF_SPECIFICATION: Self = Self(0x800D);
    /// ISO-TP (ISO 15765-2) used against its rules.
    pub const DIAG_TRANSPORT_ABUSE: Self = Self(0x8101);
    /// Security access (ISO 14229-1 service 0x27) attempted without the key.
    pub const DIAG_SECURITY_ACCESS: Self = Self(0x8102);
    /// Diagnostic services or identifiers tried one after the other.
    pub const DIAG_SCAN: Self = Self(0x8103);
    /// A diagnostic action that the vehicle's state or the session forbids.
    pub const DIAG_UNSAFE_REQUEST: Self = Self(0x8104);
    /// The transport protocol of SAE J1939-21 used against its rules.
    pub const J1939_TRANSPORT_ABUSE: Self = Self(0x8201);
    /// More requests (PGN 59904) than a network needs.
    pub const J1939_REQUEST_FLOOD: Self = Self(0x8202);
    /// A J1939 address taken from its owner (SAE J1939-81).
    pub const J1939_ADDRESS_THEFT: Self = Self(0x8203);
    /// A J1939 message from a source that does not send it.
    pub const J1939_WRONG_SOURCE: Self = Self(0x8204);
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

/// Which part of the data an event is about, and which other identifier speaks against it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Place {
    /// First bit, counted from the most significant bit of the first byte.
    pub start: u16,
    /// Number of bits; 0 for the whole frame.
    pub bits: u8,
    /// The identifier whose signals disagree.
    pub witness: Option<CanId>,
}

impl Place {
    const LEN: usize = 8;
    const NO_WITNESS: u32 = u32::MAX;

    fn bytes(self) -> [u8; Self::LEN] {
        let ([s0, s1], key) = (self.start.to_be_bytes(), self.witness.map_or(Self::NO_WITNESS, CanId::key));
        let [k0, k1, k2, k3] = key.to_be_bytes();
        [s0, s1, self.bits, 0, k0, k1, k2, k3]
    }

    fn read(bytes: &[u8]) -> Result<Self, CanContextError> {
        let &[s0, s1, bits, 0, k0, k1, k2, k3] = bytes else { return Err(CanContextError::Place) };
        let key = u32::from_be_bytes([k0, k1, k2, k3]);
        let witness = match key {
            Self::NO_WITNESS => None,
            key => Some(CanId::from_key(key).map_err(|_| CanContextError::Identifier(key))?),
        };
        let place = Self { start: u16::from_be_bytes([s0, s1]), bits, witness };
        if place == Self::default() { Err(CanContextError::Place) } else { Ok(place) }
    }
}

/// Context data of all CAN events, context data versions 1 and 2.
///
/// Layout, big-endian: bus (1) · identifier key (4, see [`CanId::key`]) · kind (1: 0 classic data, 1 FD, 2 remote, 3 error) ·
/// expected (4) · observed (4) · payload length (1) · payload (0..=64); in version 2, used if there is a [`Place`], also first
/// bit (2) · bits (1) · 0 (1) · key of the witness (4, all ones for none). Units of `expected` and `observed` are stated per
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
    /// Which part of the data.
    pub place: Place,
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
    /// What follows the data is not a [`Place`], or one that says nothing.
    Place,
}

impl fmt::Display for CanContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(len) => write!(f, "CAN context of {len} bytes does not match its layout"),
            Self::Identifier(key) => write!(f, "CAN context with impossible identifier {key:#010x}"),
            Self::Kind(kind) => write!(f, "CAN context with frame kind {kind}, expected 0 to 3"),
            Self::Place => write!(f, "CAN context with an illegal place"),
        }
    }
}

impl core::error::Error for CanContextError {}

impl CanContext {
    const NO_PLACE: Place = Place { start: 0, bits: 0, witness: None };
    /// Bytes before the payload.
    pub const HEADER_LEN: usize = 15;
    /// The longest encoding.
    pub const LEN_MAX: usize = Self::HEADER_LEN + Payload::LEN_MAX + Place::LEN;

    /// The context of an event that `frame` raised.
    #[must_use]
    pub const fn of(frame: &Frame, expected: u32, observed: u32) -> Self {
        let kind = match frame.kind {
            FrameKind::Data => 0,
            FrameKind::Fd { .. } => 1,
            FrameKind::Remote { .. } => 2,
            FrameKind::Error => 3,
        };
        Self { bus: frame.bus, id: frame.id, kind, expected, observed, payload: frame.payload, place: Self::NO_PLACE }
    }

    /// The context of an absence: there is no frame to show.
    #[must_use]
    pub const fn of_absence(bus: BusId, id: CanId, expected: u32, observed: u32) -> Self {
        Self { bus, id, kind: 0, expected, observed, payload: Payload::EMPTY, place: Self::NO_PLACE }
    }

    /// Version of its layout, as it stands in the message.
    #[must_use]
    pub fn version(&self) -> u16 {
        if self.place == Place::default() { 1 } else { 2 }
    }

    /// The same, about a part of the data.
    #[must_use]
    pub const fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
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
        let place = self.place.bytes();
        let place = if self.version() == 1 { [].as_slice() } else { place.as_slice() };
        let all = fixed.chain(self.payload.as_slice().iter().copied()).chain(place.iter().copied());
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
        let (data, place) = data.split_at_checked(usize::from(len)).ok_or(length)?;
        let place = match place.len() {
            0 => Place::default(),
            Place::LEN => Place::read(place)?,
            _ => return Err(length),
        };
        let key = u32::from_be_bytes([i0, i1, i2, i3]);
        Ok(Self {
            bus: BusId(bus),
            id: CanId::from_key(key).map_err(|_| CanContextError::Identifier(key))?,
            kind,
            expected: u32::from_be_bytes([e0, e1, e2, e3]),
            observed: u32::from_be_bytes([o0, o1, o2, o3]),
            payload: Payload::new(data).map_err(|_| length)?,
            place,
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
            data in proptest::collection::vec(any::<u8>(), 0..=64), start: u16, bits: u8, witness in 0..0x900_u32,
        ) {
            let (Ok(id), Ok(payload)) = (CanId::from_key(raw), Payload::new(&data)) else { return Ok(()) };
            let place = Place { start, bits, witness: CanId::from_key(witness).ok() };
            let context = CanContext { bus: BusId(bus), id, kind, expected, observed, payload, place };
            let mut out = [0; CanContext::LEN_MAX];
            let len = context.encode(&mut out);
            prop_assert_eq!(CanContext::decode(out.get(..len).unwrap_or(&[])), Ok(context));
        }
    }
}
