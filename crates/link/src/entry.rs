//! The entries of a body: messages, samples of the vehicle's state, frames around an event.
//!
//! Not their meaning (that is the event catalogue). `type u8 · length u32 · bytes`, big-endian, to the end of the body; layouts:
//! docs/format/report.md. An entry that cannot be read is an error in its place and reading goes on; an unknown type is handed
//! out as such. Invariant: the n-th item of [`entries`] is entry n, whatever it is. Cost: no allocation, no copy.

use thiserror::Error;
use yagura_idsm::{DecodeError, Message};
use yagura_model::{BusId, CanId, Frame, FrameKind, Gear, Micros, Payload, VehicleState};

use crate::limits::{ENTRIES_MAX, EXCERPT_FRAMES_MAX};

pub(crate) const KIND_MESSAGE: u8 = 1;
pub(crate) const KIND_STATE: u8 = 2;
pub(crate) const KIND_EXCERPT: u8 = 3;
/// Bytes before each entry's own.
pub(crate) const ENTRY_HEAD_LEN: usize = 5;
pub(crate) const STATE_LEN: usize = 16;
const FRAME_HEAD_LEN: usize = 15;
const ACCELERATOR_MAX: u16 = 1_000;

const HAS_SPEED: u8 = 1;
const HAS_ACCELERATOR: u8 = 1 << 1;
const HAS_BRAKE: u8 = 1 << 2;
const BRAKE_PRESSED: u8 = 1 << 3;
const HAS_GEAR: u8 = 1 << 4;

const KIND_MASK: u8 = 0b11;
const BIT_RATE_SWITCH: u8 = 1 << 2;
const ERROR_PASSIVE: u8 = 1 << 3;
const RAISED: u8 = 1 << 7;

/// One entry of a body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Entry<'a> {
    /// A qualified security event.
    Message(Message<'a>),
    /// What the vehicle was doing.
    State(VehicleState),
    /// The frames around an event.
    Excerpt(Excerpt<'a>),
    /// A type that is not known here; count it.
    Unknown {
        /// Its type.
        kind: u8,
        /// Its bytes.
        bytes: &'a [u8],
    },
}

/// Why an entry cannot be read. The sensor broke the format; the other entries stand.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum EntryError {
    /// The body ends within an entry. This is the last item.
    #[error("entry needs {needed} bytes, {have} are left in the body")]
    Truncated {
        /// Bytes that the entry takes.
        needed: usize,
        /// Bytes that are left.
        have: usize,
    },
    /// More than [`ENTRIES_MAX`] entries. This is the last item.
    #[error("body has more than {ENTRIES_MAX} entries")]
    TooMany,
    /// The message is not one.
    #[error("message")]
    Message(#[source] DecodeError),
    /// Bytes after the message.
    #[error("{0} bytes after the message")]
    AfterMessage(usize),
    /// Not the layout of a vehicle state.
    #[error("vehicle state of {0} bytes does not match its layout")]
    State(usize),
    /// Not the layout of an excerpt.
    #[error("excerpt is broken at byte {0}")]
    Excerpt(usize),
}

/// The entries of `body`, in order.
#[must_use]
pub const fn entries(body: &[u8]) -> Entries<'_> {
    Entries(Framed { rest: body, left: ENTRIES_MAX })
}

/// The samples of the vehicle's state in `body` that can be read, each with the number of its entry. Other entries are passed over
/// and not looked into, so this costs a tenth of [`entries`].
pub fn states(body: &[u8]) -> impl Iterator<Item = (usize, VehicleState)> {
    let framed = Framed { rest: body, left: ENTRIES_MAX };
    framed.enumerate().filter_map(|(index, entry)| match entry {
        Ok((KIND_STATE, bytes)) => Some((index, decode_state(bytes)?)),
        _ => None,
    })
}

/// Iterates over the entries of a body.
#[derive(Clone, Debug)]
pub struct Entries<'a>(Framed<'a>);

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, EntryError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|entry| entry.and_then(|(kind, bytes)| Entry::decode(kind, bytes)))
    }
}

/// Kinds and bytes of the entries of a body.
#[derive(Clone, Debug)]
struct Framed<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Iterator for Framed<'a> {
    type Item = Result<(u8, &'a [u8]), EntryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Some(left) = self.left.checked_sub(1) else {
            self.rest = &[];
            return Some(Err(EntryError::TooMany));
        };
        self.left = left;
        let rest = core::mem::take(&mut self.rest);
        let truncated = |needed| Some(Err(EntryError::Truncated { needed, have: rest.len() }));
        let Some((&[kind, l0, l1, l2, l3], after)) = rest.split_first_chunk::<ENTRY_HEAD_LEN>() else {
            return truncated(ENTRY_HEAD_LEN);
        };
        let len = usize::try_from(u32::from_be_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
        let Some((bytes, after)) = after.split_at_checked(len) else {
            return truncated(len.saturating_add(ENTRY_HEAD_LEN));
        };
        self.rest = after;
        Some(Ok((kind, bytes)))
    }
}

impl<'a> Entry<'a> {
    fn decode(kind: u8, bytes: &'a [u8]) -> Result<Self, EntryError> {
        match kind {
            KIND_MESSAGE => match Message::decode(bytes) {
                Ok((message, len)) if len == bytes.len() => Ok(Self::Message(message)),
                Ok((_, len)) => Err(EntryError::AfterMessage(bytes.len().saturating_sub(len))),
                Err(error) => Err(EntryError::Message(error)),
            },
            KIND_STATE => decode_state(bytes).map(Self::State).ok_or(EntryError::State(bytes.len())),
            KIND_EXCERPT => Excerpt::decode(bytes).map(Self::Excerpt),
            kind => Ok(Self::Unknown { kind, bytes }),
        }
    }
}

/// Time (8) · flags (1) · speed (4) · accelerator (2) · gear (1); what is absent is 0.
pub(crate) fn encode_state(state: &VehicleState) -> [u8; STATE_LEN] {
    let [t0, t1, t2, t3, t4, t5, t6, t7] = state.time.0.to_be_bytes();
    let [s0, s1, s2, s3] = state.speed_centi_kmh.unwrap_or(0).to_be_bytes();
    let [a0, a1] = state.accelerator_permille.unwrap_or(0).min(ACCELERATOR_MAX).to_be_bytes();
    let gear = match state.gear {
        None | Some(Gear::Park) => 0,
        Some(Gear::Reverse) => 1,
        Some(Gear::Neutral) => 2,
        Some(Gear::Drive) => 3,
    };
    let speed = if state.speed_centi_kmh.is_some() { HAS_SPEED } else { 0 };
    let accelerator = if state.accelerator_permille.is_some() { HAS_ACCELERATOR } else { 0 };
    let brake = match state.brake_pressed {
        None => 0,
        Some(false) => HAS_BRAKE,
        Some(true) => HAS_BRAKE | BRAKE_PRESSED,
    };
    let flags = speed | accelerator | brake | if state.gear.is_some() { HAS_GEAR } else { 0 };
    [t0, t1, t2, t3, t4, t5, t6, t7, flags, s0, s1, s2, s3, a0, a1, gear]
}

/// The inverse of [`encode_state`]; `None` for anything that it does not write.
fn decode_state(bytes: &[u8]) -> Option<VehicleState> {
    let &[t0, t1, t2, t3, t4, t5, t6, t7, flags, s0, s1, s2, s3, a0, a1, gear_raw] = bytes else { return None };
    let gear = match gear_raw {
        0 => Gear::Park,
        1 => Gear::Reverse,
        2 => Gear::Neutral,
        3 => Gear::Drive,
        _ => return None,
    };
    let has = |flag: u8| flags & flag != 0;
    let state = VehicleState {
        time: Micros(u64::from_be_bytes([t0, t1, t2, t3, t4, t5, t6, t7])),
        speed_centi_kmh: has(HAS_SPEED).then(|| i32::from_be_bytes([s0, s1, s2, s3])),
        accelerator_permille: has(HAS_ACCELERATOR).then(|| u16::from_be_bytes([a0, a1])),
        brake_pressed: has(HAS_BRAKE).then(|| has(BRAKE_PRESSED)),
        gear: has(HAS_GEAR).then_some(gear),
    };
    (encode_state(&state) == bytes).then_some(state)
}

/// One frame of an excerpt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ExcerptFrame {
    /// The frame, its time in sensor time.
    pub frame: Frame,
    /// Whether this frame raised the event.
    pub raised: bool,
}

/// The frames around an event; checked as a whole, read one by one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Excerpt<'a> {
    /// Index of the entry whose event this belongs to.
    pub message: u16,
    frames: &'a [u8],
}

impl<'a> Excerpt<'a> {
    /// The frames, in the order of the bus.
    #[must_use]
    pub const fn frames(&self) -> ExcerptFrames<'a> {
        ExcerptFrames { rest: self.frames }
    }

    fn decode(bytes: &'a [u8]) -> Result<Self, EntryError> {
        let (message, frames) = bytes.split_first_chunk::<2>().ok_or(EntryError::Excerpt(0))?;
        let excerpt = Self { message: u16::from_be_bytes(*message), frames };
        let mut reader = excerpt.frames();
        let readable = reader.by_ref().take(EXCERPT_FRAMES_MAX).count();
        if reader.rest.is_empty() {
            debug_assert!(readable <= EXCERPT_FRAMES_MAX);
            return Ok(excerpt);
        }
        Err(EntryError::Excerpt(bytes.len().saturating_sub(reader.rest.len())))
    }
}

/// Iterates over the frames of an excerpt.
#[derive(Clone, Debug)]
pub struct ExcerptFrames<'a> {
    rest: &'a [u8],
}

impl Iterator for ExcerptFrames<'_> {
    type Item = ExcerptFrame;

    /// The next frame; `None` at the end and, while checking, at bytes that are no frame, which stay unread.
    fn next(&mut self) -> Option<ExcerptFrame> {
        let (frame, rest) = decode_frame(self.rest)?;
        self.rest = rest;
        Some(frame)
    }
}

/// Time (8) · bus (1) · identifier key (4) · kind (1) · length (1) · data.
///
/// Kind: bits 0-1 as in the context layout; FD: bit 2 bit rate switch, bit 3 error passive; remote: bits 2-5 requested length;
/// bit 7: this frame raised the event.
pub(crate) fn encode_frame(frame: &ExcerptFrame, out: &mut Vec<u8>) {
    let ExcerptFrame { frame, raised } = frame;
    let kind = match frame.kind {
        FrameKind::Data => 0,
        FrameKind::Fd { bit_rate_switch, error_passive } => {
            1 | if bit_rate_switch { BIT_RATE_SWITCH } else { 0 } | if error_passive { ERROR_PASSIVE } else { 0 }
        }
        FrameKind::Remote { requested_len } => 2 | (requested_len.min(8) << 2),
        FrameKind::Error => 3,
    };
    out.extend_from_slice(&frame.time.0.to_be_bytes());
    out.push(frame.bus.0);
    out.extend_from_slice(&frame.id.key().to_be_bytes());
    out.push(kind | if *raised { RAISED } else { 0 });
    out.push(frame.payload.len());
    out.extend_from_slice(frame.payload.as_slice());
}

fn decode_frame(bytes: &[u8]) -> Option<(ExcerptFrame, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<FRAME_HEAD_LEN>()?;
    let &[t0, t1, t2, t3, t4, t5, t6, t7, bus, i0, i1, i2, i3, kind_raw, len] = head;
    let (data, rest) = rest.split_at_checked(usize::from(len))?;
    let detail = (kind_raw & !RAISED) >> 2;
    let kind = match (kind_raw & KIND_MASK, detail) {
        (0, 0) => FrameKind::Data,
        (1, 0..=3) => FrameKind::Fd {
            bit_rate_switch: kind_raw & BIT_RATE_SWITCH != 0,
            error_passive: kind_raw & ERROR_PASSIVE != 0,
        },
        (2, 0..=8) => FrameKind::Remote { requested_len: detail },
        (3, 0) => FrameKind::Error,
        _ => return None,
    };
    let frame = Frame {
        time: Micros(u64::from_be_bytes([t0, t1, t2, t3, t4, t5, t6, t7])),
        bus: BusId(bus),
        id: CanId::from_key(u32::from_be_bytes([i0, i1, i2, i3])).ok()?,
        kind,
        payload: Payload::new(data).ok()?,
    };
    Some((ExcerptFrame { frame, raised: kind_raw & RAISED != 0 }, rest))
}

#[cfg(test)]
mod tests;
