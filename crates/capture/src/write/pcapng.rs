//! Frames as pcapng: one section, one interface for each bus, `LINKTYPE_CAN_SOCKETCAN`; see `records::pcapng`.
//!
//! Not SLL: the interface says the bus. Invariant: an interface is described before its first packet. Cost: one block a frame.

use crate::text::candump::ERROR_BIT;
use yagura_model::{Frame, FrameKind};

const LINKTYPE: u16 = 227;
const REMOTE_BIT: u32 = 0x4000_0000;

/// A section header block: little endian, version 1.0, length unknown.
pub(super) const SECTION: [u8; 28] = [
    0x0A, 0x0D, 0x0D, 0x0A, 28, 0, 0, 0, 0x4D, 0x3C, 0x2B, 0x1A, 1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    0xFF, 28, 0, 0, 0,
];

/// The buses that were described, in the order of their numbers in the file.
#[derive(Debug, Default)]
pub(super) struct Interfaces {
    buses: Vec<u8>,
}

impl Interfaces {
    pub(super) fn frame(&mut self, out: &mut Vec<u8>, frame: &Frame) {
        let known = self.buses.iter().position(|bus| *bus == frame.bus.0);
        let number = known.unwrap_or_else(|| {
            self.buses.push(frame.bus.0);
            block(out, 1, &interface(frame.bus.0));
            self.buses.len().saturating_sub(1)
        });
        let packet = packet(frame);
        let len = u32::try_from(packet.len()).unwrap_or(0).to_le_bytes();
        let (high, low) = (frame.time.0 >> 32, frame.time.0 & 0xFFFF_FFFF);
        let mut body = Vec::with_capacity(96);
        for word in [u64::try_from(number).unwrap_or(0), high, low] {
            body.extend_from_slice(word.to_le_bytes().first_chunk::<4>().unwrap_or(&[0; 4]));
        }
        body.extend_from_slice(&len);
        body.extend_from_slice(&len);
        body.extend_from_slice(&packet);
        block(out, 6, &body);
    }
}

/// Link type, no limit on lengths, the name; microseconds are the default.
fn interface(bus: u8) -> Vec<u8> {
    let name = format!("can{bus}");
    let len = u16::try_from(name.len()).unwrap_or(0);
    let mut body = LINKTYPE.to_le_bytes().to_vec();
    body.extend_from_slice(&[0; 6]);
    body.extend_from_slice(&2_u16.to_le_bytes());
    body.extend_from_slice(&len.to_le_bytes());
    body.extend_from_slice(name.as_bytes());
    body.resize(body.len().next_multiple_of(4), 0);
    body.extend_from_slice(&[0; 4]);
    body
}

/// The frame as Linux hands it to a capture.
fn packet(frame: &Frame) -> Vec<u8> {
    let flags = match frame.kind {
        FrameKind::Remote { .. } => REMOTE_BIT,
        FrameKind::Error => ERROR_BIT,
        _ => 0,
    };
    // Linux writes an error's class without the flag of an extended identifier.
    let key = if frame.kind == FrameKind::Error { frame.id.raw() } else { frame.id.key() };
    let fd_flags = match frame.kind {
        FrameKind::Fd { bit_rate_switch, error_passive } => {
            4 | u8::from(bit_rate_switch) | (u8::from(error_passive) << 1)
        }
        _ => 0,
    };
    let len = match frame.kind {
        FrameKind::Remote { requested_len } => requested_len,
        _ => frame.payload.len(),
    };
    let mut packet = (key | flags).to_be_bytes().to_vec();
    packet.extend_from_slice(&[len, fd_flags, 0, 0]);
    packet.extend_from_slice(frame.payload.as_slice());
    packet
}

/// A block with its length before and behind its body.
fn block(out: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let padded = body.len().next_multiple_of(4);
    let len = u32::try_from(padded.saturating_add(12)).unwrap_or(0).to_le_bytes();
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&len);
    out.extend_from_slice(body);
    out.resize(out.len().saturating_add(padded.saturating_sub(body.len())), 0);
    out.extend_from_slice(&len);
}
