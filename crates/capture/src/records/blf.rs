//! Vector's BLF: a file header, then containers, packed with zlib or not, whose contents are one stream of objects.
//!
//! Not a reader of Ethernet, LIN or FlexRay objects: they are passed over. Invariants: a container is unpacked only up to
//! [`CONTAINER_LEN_MAX`]; an object may span containers. Times count from the start of the measurement, as the objects write them.
//! Cost: one container and the rest of the one before in memory.
//!
//! ```text
//! LOBJ | header length 2 | version 2 | object length 4 | type 4 | (flags 4 | index 2 | version 2 | time 8) | body
//! ```

use super::{Channel, Record, Stop, fill, id_of_word, index, skip, u8_at, u16_at, u32_at, u64_at};
use crate::fault::{CLASSIC_LEN_MAX, LineFault, RecordFault};
use crate::text::{BUS_ERROR, Line};
use flate2::read::ZlibDecoder;
use std::io::{BufRead, Read};
use yagura_model::{CanId, FrameKind, Payload};

/// The longest container, unpacked. Vector's tools write 128 KiB to 2 MiB.
const CONTAINER_LEN_MAX: usize = 1 << 26;
/// The longest object: beyond it the stream is out of step.
const OBJECT_LEN_MAX: usize = 1 << 20;
const BASE_LEN: usize = 16;

const CONTAINER: u32 = 10;
const MESSAGE: u32 = 1;
const ERROR: u32 = 2;
const ERROR_EXT: u32 = 73;
const MESSAGE_2: u32 = 86;
const FD_MESSAGE: u32 = 100;
const FD_MESSAGE_64: u32 = 101;
const FD_ERROR_64: u32 = 104;

#[derive(Debug, Default)]
pub(crate) struct Blf {
    is_open: bool,
    /// Where the next container begins in the input.
    at: u64,
    /// Where the container of the current objects began.
    container_at: u64,
    packed: Vec<u8>,
    /// Unpacked objects, read up to `read`.
    objects: Vec<u8>,
    read: usize,
    channel: Channel,
}

/// What an object says, its channel still a number.
struct Message {
    channel: u32,
    id: CanId,
    kind: FrameKind,
    payload: Payload,
}

impl Blf {
    pub(super) fn next(&mut self, input: &mut impl BufRead) -> Result<Option<Record<'_>>, Stop> {
        if !self.is_open {
            self.header(input)?;
        }
        loop {
            if let Some((from, len)) = self.object()? {
                self.read = from.saturating_add(len);
                let object = self.objects.get(from..self.read).unwrap_or(&[]);
                let offset = self.container_at;
                let frame = match message(object) {
                    Ok(None) => Ok(None),
                    Err(reason) => Err(reason),
                    Ok(Some((time, message))) => Ok(Some(Line {
                        time: Some(time),
                        interface: self.channel.text(message.channel),
                        id: message.id,
                        kind: message.kind,
                        payload: message.payload,
                        mark: None,
                    })),
                };
                return Ok(Some(Record { offset, frame }));
            }
            if !self.container(input)? {
                return Ok(None);
            }
        }
    }

    fn header(&mut self, input: &mut impl BufRead) -> Result<(), Stop> {
        fill(input, 8, &mut self.packed)?;
        let len = u32_at(&self.packed, 4).ok_or(Stop::At(0, RecordFault::Cut))?;
        let rest = len.checked_sub(8).filter(|rest| *rest <= 4096).ok_or(Stop::At(4, RecordFault::Length))?;
        if skip(input, u64::from(rest))? < u64::from(rest) {
            return Err(Stop::At(0, RecordFault::Cut));
        }
        self.at = u64::from(len);
        self.is_open = true;
        Ok(())
    }

    /// The next whole object of what is unpacked.
    fn object(&mut self) -> Result<Option<(usize, usize)>, Stop> {
        let rest = self.objects.get(self.read..).unwrap_or(&[]);
        // Objects are padded to four bytes, by some writers and for some objects.
        let Some(gap) = rest.windows(4).take(8).position(|mark| mark == b"LOBJ") else {
            if rest.len() >= BASE_LEN {
                return Err(Stop::At(self.container_at, RecordFault::OutOfStep));
            }
            return Ok(None);
        };
        let from = self.read.saturating_add(gap);
        let Some(len) = u32_at(rest, gap.saturating_add(8)).map(index) else { return Ok(None) };
        if !(BASE_LEN..=OBJECT_LEN_MAX).contains(&len) {
            return Err(Stop::At(self.container_at, RecordFault::Length));
        }
        Ok((rest.len() >= gap.saturating_add(len)).then_some((from, len)))
    }

    /// Unpacks the next container behind what is left of the one before. `false` at the end.
    fn container(&mut self, input: &mut impl BufRead) -> Result<bool, Stop> {
        self.objects.drain(..self.read.min(self.objects.len()));
        self.read = 0;
        let offset = self.at;
        let fault = |reason| Stop::At(offset, reason);
        fill(input, BASE_LEN, &mut self.packed)?;
        let Some(gap) = self.packed.windows(4).position(|mark| mark == b"LOBJ") else {
            let is_end = self.packed.len() < BASE_LEN && self.packed.iter().all(|byte| *byte == 0);
            let is_whole = self.objects.iter().all(|byte| *byte == 0);
            return if is_end && is_whole { Ok(false) } else { Err(fault(RecordFault::Cut)) };
        };
        let mut head = self.packed.split_off(gap);
        fill(input, gap, &mut self.packed)?;
        head.append(&mut self.packed);
        let (len, kind) = (u32_at(&head, 8), u32_at(&head, 12));
        let (Some(len), Some(kind)) = (len.map(index), kind) else { return Err(fault(RecordFault::Cut)) };
        let body = len.checked_sub(BASE_LEN).filter(|_| len <= CONTAINER_LEN_MAX).ok_or(fault(RecordFault::Length))?;
        fill(input, body, &mut self.packed)?;
        if self.packed.len() < body {
            return Err(fault(RecordFault::Cut));
        }
        let taken = gap.saturating_add(len);
        self.container_at = offset;
        self.at = offset.saturating_add(u64::try_from(taken).unwrap_or(u64::MAX));
        if kind != CONTAINER {
            // An object outside a container, as early versions wrote them.
            self.objects.extend_from_slice(&head);
            self.objects.extend_from_slice(&self.packed);
            return Ok(true);
        }
        let packing = u16_at(&self.packed, 0).ok_or(fault(RecordFault::Length))?;
        let data = self.packed.get(16..).ok_or(fault(RecordFault::Length))?;
        match packing {
            0 => self.objects.extend_from_slice(data),
            2 => {
                let limit = u64::try_from(CONTAINER_LEN_MAX).unwrap_or(u64::MAX);
                let read = ZlibDecoder::new(data).take(limit).read_to_end(&mut self.objects);
                let unpacked = read.map_err(|_| fault(RecordFault::Packed))?;
                if unpacked >= CONTAINER_LEN_MAX {
                    return Err(fault(RecordFault::TooLong));
                }
            }
            _ => return Err(fault(RecordFault::Packed)),
        }
        Ok(true)
    }
}

/// The time and message of an object; `None` if it is none of CAN's.
fn message(object: &[u8]) -> Result<Option<(i64, Message)>, LineFault> {
    let kind = u32_at(object, 12).ok_or(LineFault::Length)?;
    let header = u16_at(object, 4).map(index).ok_or(LineFault::Length)?;
    let body = object.get(header..).unwrap_or(&[]);
    let read = match kind {
        MESSAGE | MESSAGE_2 => classic(body),
        FD_MESSAGE => fd(body),
        FD_MESSAGE_64 => fd_64(body),
        ERROR | ERROR_EXT => u16_at(body, 0).map(u32::from).map(error),
        FD_ERROR_64 => u8_at(body, 0).map(u32::from).map(error),
        _ => return Ok(None),
    };
    let units = u64_at(object, 24).ok_or(LineFault::Length)?;
    let micros = match u32_at(object, 16).ok_or(LineFault::Length)? {
        1 => units.saturating_mul(10),
        _ => units / 1_000,
    };
    let time = i64::try_from(micros).map_err(|_| LineFault::Time)?;
    read.ok_or(LineFault::Length)?.map(|message| Some((time, message)))
}

/// Types 1 and 86: channel 2, flags 1, length 1, identifier 4, data 8.
fn classic(body: &[u8]) -> Option<Result<Message, LineFault>> {
    let (channel, flags, len) = (u32::from(u16_at(body, 0)?), u8_at(body, 2)?, u8_at(body, 3)?);
    let (word, len) = (u32_at(body, 4)?, len.min(8));
    let is_remote = flags & 0x80 != 0;
    let data = if is_remote { &[] } else { body.get(8..)?.get(..usize::from(len))? };
    let kind = if is_remote { FrameKind::Remote { requested_len: len } } else { FrameKind::Data };
    Some(build(channel, word, kind, data))
}

/// Type 100: channel 2, flags 1, length code 1, identifier 4, duration 4, bits 1, FD flags 1, length 1, reserved 5, data 64.
fn fd(body: &[u8]) -> Option<Result<Message, LineFault>> {
    let (channel, flags, code) = (u32::from(u16_at(body, 0)?), u8_at(body, 2)?, u8_at(body, 3)?);
    let (word, fd_flags, len) = (u32_at(body, 4)?, u8_at(body, 13)?, usize::from(u8_at(body, 14)?));
    if flags & 0x80 != 0 {
        return Some(build(channel, word, FrameKind::Remote { requested_len: code.min(8) }, &[]));
    }
    let data = body.get(20..)?.get(..len)?;
    let kind = FrameKind::Fd { bit_rate_switch: fd_flags & 2 != 0, error_passive: fd_flags & 4 != 0 };
    let kind = if fd_flags & 1 == 0 && len <= CLASSIC_LEN_MAX { FrameKind::Data } else { kind };
    Some(build(channel, word, kind, data))
}

/// Type 101: channel 1, length code 1, length 1, count 1, identifier 4, duration 4, flags 4, rates and offsets 16, bits 2,
/// direction 1, offset of extra data 1, checksum 4, data.
fn fd_64(body: &[u8]) -> Option<Result<Message, LineFault>> {
    let (channel, code, len) = (u32::from(u8_at(body, 0)?), u8_at(body, 1)?, usize::from(u8_at(body, 2)?));
    let (word, flags) = (u32_at(body, 4)?, u32_at(body, 12)?);
    if flags & 0x10 != 0 {
        return Some(build(channel, word, FrameKind::Remote { requested_len: code.min(8) }, &[]));
    }
    let data = body.get(40..)?.get(..len)?;
    let kind = FrameKind::Fd { bit_rate_switch: flags & 0x2000 != 0, error_passive: flags & 0x4000 != 0 };
    let kind = if flags & 0x1000 == 0 && len <= CLASSIC_LEN_MAX { FrameKind::Data } else { kind };
    Some(build(channel, word, kind, data))
}

fn error(channel: u32) -> Result<Message, LineFault> {
    build(channel, BUS_ERROR | CanId::EXTENDED_BIT, FrameKind::Error, &[0; CLASSIC_LEN_MAX])
}

fn build(channel: u32, word: u32, kind: FrameKind, data: &[u8]) -> Result<Message, LineFault> {
    let payload = Payload::new(data).map_err(|_| LineFault::Length)?;
    Ok(Message { channel, id: id_of_word(word)?, kind, payload })
}
