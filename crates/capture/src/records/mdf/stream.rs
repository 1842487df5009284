//! The records of one group in the order of the file, as frames. An unsorted file has the records of many groups in one place.
//!
//! Not an order over groups (`mdf` merges by time: a logger keeps the order within a group, not between its channels). Invariant: a
//! record is at least one byte, so the records end. Cost: one look at each record a group that occurs; records of variable length
//! data are indexed once.

use super::group::{Content, Data, Field, Group};
use crate::fault::{CLASSIC_LEN_MAX, LineFault};
use crate::records::{id_of_word, index, u32_at};
use crate::text::BUS_ERROR;
use std::sync::Arc;
use yagura_model::{CanId, FrameKind, Payload};

/// The records of one group.
#[derive(Debug)]
pub(super) struct Stream {
    records: Arc<Records>,
    /// Index of the group.
    group: usize,
    at: usize,
    head: Option<Head>,
}

/// The records of one data group.
#[derive(Debug)]
struct Records {
    /// Where the data is in the file; for messages.
    file_at: u64,
    bytes: Vec<u8>,
    id_len: usize,
    groups: Vec<Group>,
    /// Record identifiers and the indices of their groups. Sorted.
    by_id: Vec<(u64, usize)>,
    /// Variable length data: its group, its offset in that group's stream, its place in `bytes`. Sorted.
    varying: Vec<(u64, u64, usize)>,
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

/// One record: the index of its group, where it is without its identifier, and where the next one begins.
struct Place {
    group: usize,
    from: usize,
    next: usize,
}

impl Stream {
    /// A stream for each group of CAN frames that occurs in this data.
    pub(super) fn all(file_at: u64, bytes: Vec<u8>, id_len: usize, groups: Vec<Group>) -> Vec<Self> {
        let mut by_id: Vec<_> = groups.iter().enumerate().map(|(at, group)| (group.record_id, at)).collect();
        by_id.sort_unstable();
        let mut records = Records { file_at, bytes, id_len, groups, by_id, varying: Vec::new() };
        let occurring = records.look_through();
        let records = Arc::new(records);
        let stream = |group| {
            let mut stream = Self { records: Arc::clone(&records), group, at: 0, head: None };
            stream.advance();
            stream
        };
        occurring.into_iter().map(stream).collect()
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
        let records = &self.records;
        let Some(group) = records.groups.get(self.group) else { return };
        while let Some(place) = records.place(self.at) {
            self.at = place.next;
            if place.group == self.group {
                let record = records.bytes.get(place.from..place.next).unwrap_or(&[]);
                let offset = records.file_at.saturating_add(u64::try_from(place.from).unwrap_or(0));
                self.head = Some((offset, records.frame(group, record)));
                return;
            }
        }
    }
}

impl Records {
    /// The record that begins here; `None` at the end, also if a record is cut off or of no group: nothing behind it can be told
    /// apart.
    fn place(&self, at: usize) -> Option<Place> {
        let rest = self.bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let id = rest.get(..self.id_len)?.iter().rev().fold(0_u64, |id, byte| (id << 8) | u64::from(*byte));
        let group = match self.id_len {
            0 => 0,
            _ => self.by_id.get(self.by_id.binary_search_by_key(&id, |(id, _)| *id).ok()?)?.1,
        };
        let found = self.groups.get(group)?;
        let body = rest.get(self.id_len..)?;
        let len = if found.is_vlsd { index(u32_at(body, 0)?).checked_add(4)? } else { found.record_len };
        body.get(..len)?;
        let from = at.checked_add(self.id_len)?;
        let next = from.checked_add(len).filter(|next| *next > at)?;
        Some(Place { group, from, next })
    }

    /// The groups of CAN frames that occur, and on the way the index of variable length data.
    fn look_through(&mut self) -> Vec<usize> {
        let mut seen = vec![(0_u64, false); self.groups.len()];
        let mut varying = Vec::new();
        let mut at = 0;
        while let Some(place) = self.place(at) {
            at = place.next;
            let (Some(group), Some((offset, occurs))) = (self.groups.get(place.group), seen.get_mut(place.group))
            else {
                break;
            };
            *occurs = true;
            if group.is_vlsd {
                varying.push((group.record_id, *offset, place.from));
                let len = place.next.saturating_sub(place.from);
                *offset = offset.saturating_add(u64::try_from(len).unwrap_or(0));
            }
        }
        varying.sort_unstable();
        self.varying = varying;
        let occurs = |(index, group): (usize, &Group)| {
            (group.is_can() && seen.get(index).is_some_and(|(_, occurs)| *occurs)).then_some(index)
        };
        self.groups.iter().enumerate().filter_map(occurs).collect()
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
