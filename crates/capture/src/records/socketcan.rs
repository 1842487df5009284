//! A frame as Linux hands it to a packet capture: `LINKTYPE_CAN_SOCKETCAN`, or behind a cooked header (SLL, SLL2).
//!
//! Not a reader of other protocols: what is no CAN frame is passed over. Invariant: the identifier is big endian in all three.
//! Format: identifier with flags (4), length (1), FD flags (1), reserved (2), data.

use super::{chunk, u8_at};
use crate::fault::{CLASSIC_LEN_MAX, LineFault};
use yagura_model::{CanId, ExtendedId, FrameKind, Payload};

pub(super) const LINKTYPE_SLL: u32 = 113;
pub(super) const LINKTYPE_SOCKETCAN: u32 = 227;
pub(super) const LINKTYPE_SLL2: u32 = 276;

const PROTOCOL_CAN: u16 = 0x000C;
const PROTOCOL_CAN_FD: u16 = 0x000D;
const PROTOCOL_CAN_XL: u16 = 0x000E;

const EXTENDED: u32 = 0x8000_0000;
const REMOTE: u32 = 0x4000_0000;
const ERROR: u32 = 0x2000_0000;
const FLAG_BRS: u8 = 0x01;
const FLAG_ESI: u8 = 0x02;
const FLAG_FD: u8 = 0x04;
/// CAN XL's marker in the byte where the others have their length.
const FLAG_XL: u8 = 0x80;
/// A packet of this length holds Linux's `struct canfd_frame`, whatever its flags say.
const FD_LEN: usize = 72;

type Parts = (CanId, FrameKind, Payload);

/// The frame of a packet; `None` if the packet is no CAN frame.
pub(super) fn of_packet(link: u32, packet: &[u8]) -> Result<Option<Parts>, LineFault> {
    let (protocol, body) = match link {
        LINKTYPE_SOCKETCAN => (None, packet),
        LINKTYPE_SLL => (chunk(packet, 14).map(u16::from_be_bytes), packet.get(16..).unwrap_or(&[])),
        LINKTYPE_SLL2 => (chunk(packet, 0).map(u16::from_be_bytes), packet.get(20..).unwrap_or(&[])),
        _ => return Ok(None),
    };
    match protocol {
        None if link != LINKTYPE_SOCKETCAN => Err(LineFault::Length),
        None => of_body(body, false).map(Some),
        Some(PROTOCOL_CAN) => of_body(body, false).map(Some),
        Some(PROTOCOL_CAN_FD) => of_body(body, true).map(Some),
        Some(PROTOCOL_CAN_XL) => Err(LineFault::CanXl),
        Some(_) => Ok(None),
    }
}

fn of_body(body: &[u8], is_fd: bool) -> Result<Parts, LineFault> {
    let word = chunk(body, 0).map(u32::from_be_bytes).ok_or(LineFault::Length)?;
    let (len, flags) = (u8_at(body, 4).ok_or(LineFault::Length)?, u8_at(body, 5).ok_or(LineFault::Length)?);
    if len & FLAG_XL != 0 {
        return Err(LineFault::CanXl);
    }
    let is_fd = is_fd || flags & FLAG_FD != 0 || body.len() == FD_LEN || usize::from(len) > CLASSIC_LEN_MAX;
    let key =
        if word & (EXTENDED | ERROR) == 0 { word & !REMOTE } else { (word & ExtendedId::MAX) | CanId::EXTENDED_BIT };
    let id = CanId::from_key(key).map_err(|_| LineFault::Identifier)?;
    if word & REMOTE != 0 && word & ERROR == 0 {
        return Ok((id, FrameKind::Remote { requested_len: len.min(8) }, Payload::EMPTY));
    }
    let data = body.get(8..).and_then(|data| data.get(..usize::from(len))).ok_or(LineFault::Length)?;
    let payload = Payload::new(data).map_err(|_| LineFault::Length)?;
    let kind = match (word & ERROR != 0, is_fd) {
        (true, _) => FrameKind::Error,
        (false, true) => FrameKind::Fd { bit_rate_switch: flags & FLAG_BRS != 0, error_passive: flags & FLAG_ESI != 0 },
        (false, false) => FrameKind::Data,
    };
    Ok((id, kind, payload))
}
