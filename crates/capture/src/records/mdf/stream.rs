//! The records of one data group, in the order of the file, as frames.
//!
//! Not an order over groups (`mdf` merges). Invariant: a record is at least one byte, so the records end. Cost: one look at each
//! record; records of variable length data are indexed once.

use super::group::{Content, Data, Field, Group};
use crate::fault::{CLASSIC_LEN_MAX, LineFault};
use crate::records::{id_of_word, index, u32_at};
use crate::text::BUS_ERROR;
use yagura_model::{CanId, FrameKind, Payload};

#[derive(Debug)]
pub(super) struct Stream {
    /// Where the data is in the file; for messages.
    file_at: u64,
    bytes: Vec<u8>,
    at: usize,
    id_len: usize,
    groups: Vec<Group>,
    /// Variable length data: its group, its offset in that group's stream, its place in `bytes`. Sorted.
    varying: Vec<(u64, u64, usize)>,
    head: Option<Head>,
}

type Head = (u64, Result<Frame, LineFault>);

/// A frame whose channel is still a number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) time: Option<i64>,
    pub(super) channel: u32,
    pub(super) id: CanId,
    pub(super) kind: FrameKind,
    pub(super) payload: Payload,
}

/// One record: its group's place, and where it is without its identifier.
struct Place {
    group: usize,
    from: usize,
    len: usize,
}

impl Stream {
    pub(super) fn new(file_at: u64, bytes: Vec<u8>, id_len: usize, groups: Vec<Group>) -> Self {
        let mut stream = Self { file_at, bytes, at: 0, id_len, groups, varying: Vec::new(), head: None };
        if stream.groups.iter().any(|group| group.is_vlsd) {
            stream.index_varying();
        }
        stream.advance();
        stream
    }

    pub(super) fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// The time of the next record; the least for one that is broken, so that it is told at once.
    pub(super) fn time(&self) -> i64 {
        self.head.as_ref().and_then(|(_, frame)| frame.as_ref().ok()).and_then(|frame| frame.time).unwrap_or(i64::MIN)
    }

    /// The next record, and on to the one behind it.
    pub(super) fn take(&mut self) -> Option<Head> {
        let head = self.head.take();
        self.advance();
        head
    }

    fn advance(&mut self) {
        while let Some(place) = self.place() {
            let Some(group) = self.groups.get(place.group).filter(|group| group.is_can()) else { continue };
            let record = self.bytes.get(place.from..).and_then(|rest| rest.get(..place.len)).unwrap_or(&[]);
            let offset = self.file_at.saturating_add(u64::try_from(place.from).unwrap_or(0));
            self.head = Some((offset, self.frame(group, record)));
            return;
        }
    }

    /// The next record; `None` at the end, also if a record is cut off or of no group: nothing behind it can be told apart.
    fn place(&mut self) -> Option<Place> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let id = rest.get(..self.id_len)?.iter().rev().fold(0_u64, |id, byte| (id << 8) | u64::from(*byte));
        let is_its = |group: &Group| self.id_len == 0 || group.record_id == id;
        let group = self.groups.iter().position(is_its)?;
        let found = self.groups.get(group)?;
        let body = rest.get(self.id_len..)?;
        let len = if found.is_vlsd { index(u32_at(body, 0)?).checked_add(4)? } else { found.record_len };
        body.get(..len)?;
        let from = self.at.checked_add(self.id_len)?;
        self.at = from.checked_add(len).filter(|at| *at > self.at)?;
        Some(Place { group, from, len })
    }

    fn index_varying(&mut self) {
        let mut offsets = vec![0_u64; self.groups.len()];
        while let Some(place) = self.place() {
            let (Some(group), Some(offset)) = (self.groups.get(place.group), offsets.get_mut(place.group)) else {
                break;
            };
            if group.is_vlsd {
                self.varying.push((group.record_id, *offset, place.from));
                *offset = offset.saturating_add(u64::try_from(place.len).unwrap_or(0));
            }
        }
        self.varying.sort_unstable();
        self.at = 0;
    }

    fn frame(&self, group: &Group, record: &[u8]) -> Result<Frame, LineFault> {
        let number = |field: &Option<Field>| field.as_ref().and_then(|field| field.raw(record));
        let is_set = |field: &Option<Field>| number(field).is_some_and(|value| value != 0);
        let time = group.time.as_ref().and_then(|time| time.value(record)).ok_or(LineFault::Time)?;
        let time = Some(micros(time));
        let channel = number(&group.bus).and_then(|bus| u32::try_from(bus).ok()).unwrap_or(0);
        if group.content == Content::Error {
            let id = id_of_word(BUS_ERROR | CanId::EXTENDED_BIT)?;
            let payload = Payload::new(&[0; CLASSIC_LEN_MAX]).map_err(|_| LineFault::Data)?;
            return Ok(Frame { time, channel, id, kind: FrameKind::Error, payload });
        }
        let word = number(&group.id).and_then(|id| u32::try_from(id).ok()).ok_or(LineFault::Identifier)?;
        let extended = if is_set(&group.extended) { CanId::EXTENDED_BIT } else { 0 };
        let id = id_of_word(word | extended)?;
        let is_fd = is_set(&group.fd);
        let code = number(&group.code).map(|code| of_code(index(code), is_fd || group.fd.is_none()));
        let len = number(&group.len).map(index).or(code);
        if group.content == Content::Remote {
            let requested_len = u8::try_from(code.or(len).unwrap_or(0).min(CLASSIC_LEN_MAX)).unwrap_or(0);
            return Ok(Frame { time, channel, id, kind: FrameKind::Remote { requested_len }, payload: Payload::EMPTY });
        }
        let data = self.data(group, record).ok_or(LineFault::Length)?;
        let data = data.get(..len.unwrap_or(data.len())).ok_or(LineFault::Length)?;
        let payload = Payload::new(data).map_err(|_| LineFault::Length)?;
        let kind = if is_fd || data.len() > CLASSIC_LEN_MAX {
            let bit_rate_switch = is_set(&group.bit_rate_switch);
            FrameKind::Fd { bit_rate_switch, error_passive: is_set(&group.error_passive) }
        } else {
            FrameKind::Data
        };
        Ok(Frame { time, channel, id, kind, payload })
    }

    fn data<'a>(&'a self, group: &'a Group, record: &'a [u8]) -> Option<&'a [u8]> {
        match group.data.as_ref()? {
            Data::Fixed { byte, len } => record.get(*byte..)?.get(..*len),
            Data::Group { offset, record_id } => {
                let offset = offset.raw(record)?;
                let found = self.varying.binary_search_by_key(&(*record_id, offset), |(id, at, _)| (*id, *at)).ok()?;
                counted(&self.bytes, self.varying.get(found)?.2)
            }
            Data::Stream { offset, bytes } => counted(bytes, index(offset.raw(record)?)),
        }
    }
}

/// A length of four bytes and as many bytes.
fn counted(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let len = index(u32_at(bytes, at)?);
    bytes.get(at.checked_add(4)?..)?.get(..len)
}

/// The length that a length code means (ISO 11898-1).
fn of_code(code: usize, is_fd: bool) -> usize {
    const FD: [usize; 7] = [12, 16, 20, 24, 32, 48, 64];
    let above = code.checked_sub(9).filter(|_| is_fd);
    above.and_then(|above| FD.get(above)).copied().unwrap_or(code.min(CLASSIC_LEN_MAX))
}

/// Seconds as microseconds, rounded.
#[expect(clippy::cast_possible_truncation, reason = "saturates, as a bad time should")]
fn micros(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}
