//! ASAM MDF 4 as CAN loggers write it: bus logging groups, sorted or not, finished or not, packed or not, also CANedge's `.MFC`.
//!
//! Not a measurement reader: only the groups `CAN_DataFrame`, `CAN_RemoteFrame` and `CAN_ErrorFrame` are read. Invariants: links
//! are followed at most [`BLOCKS_MAX`] times, so a circle ends; at most [`MDF_BYTES_MAX`] bytes are read or unpacked. Times count
//! from the file's start, as the records write them. Cost: the file and its unpacked data in memory (links point anywhere).

mod blocks;
mod group;
mod stream;

use super::{Channel, Record, Stop, heatshrink};
use crate::fault::RecordFault;
use crate::text::Line;
use blocks::File;
use std::io::{BufRead, Read};
use stream::Stream;

/// The longest file, and the most unpacked data of one.
pub(crate) const MDF_BYTES_MAX: usize = 1 << 30;
/// The most blocks that are looked at.
const BLOCKS_MAX: u32 = 1 << 20;

/// A fault and where it is.
type Fault = (u64, RecordFault);

#[derive(Debug, Default)]
pub(crate) struct Mdf {
    streams: Option<Vec<Stream>>,
    channel: Channel,
}

impl Mdf {
    /// The next frame: of all groups the one that is earliest.
    pub(super) fn next(&mut self, input: &mut impl BufRead) -> Result<Option<Record<'_>>, Stop> {
        let streams = match &mut self.streams {
            Some(streams) => streams,
            None => {
                let streams = load(input)?;
                self.streams.insert(streams)
            }
        };
        let earliest = streams.iter_mut().filter(|stream| stream.head().is_some()).min_by_key(|stream| stream.time());
        let Some((offset, frame)) = earliest.and_then(Stream::take) else { return Ok(None) };
        let frame = frame.map(|frame| {
            Some(Line {
                time: frame.time,
                interface: self.channel.text(frame.channel),
                id: frame.id,
                kind: frame.kind,
                payload: frame.payload,
                mark: None,
            })
        });
        Ok(Some(Record { offset, frame }))
    }
}

fn load(input: &mut impl BufRead) -> Result<Vec<Stream>, Stop> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MDF_BYTES_MAX).unwrap_or(u64::MAX);
    input.take(limit).read_to_end(&mut bytes)?;
    if bytes.len() >= MDF_BYTES_MAX {
        return Err(Stop::At(limit, RecordFault::TooLong));
    }
    if heatshrink::is_packed(&bytes) {
        bytes = heatshrink::unpack(&bytes, MDF_BYTES_MAX).map_err(|reason| Stop::At(0, reason))?;
    }
    streams(&File::new(&bytes)).map_err(|(at, reason)| Stop::At(at, reason))
}

/// One stream for each group of CAN frames.
fn streams(file: &File<'_>) -> Result<Vec<Stream>, Fault> {
    let head = file.open()?;
    let mut found = Vec::new();
    let mut has_group = false;
    let mut next = head.link(0);
    while let Some(at) = next {
        let data_group = file.block(at, b"##DG")?;
        next = data_group.link(0);
        let mut groups = Vec::new();
        let mut group = data_group.link(1);
        while let Some(at) = group {
            let block = file.block(at, b"##CG")?;
            group = block.link(0);
            groups.push(group::read(file, &block)?);
        }
        if !groups.iter().any(group::Group::is_can) {
            continue;
        }
        has_group = true;
        let id_len = data_group.body.first().copied().map_or(0, usize::from);
        if let Some(data) = data_group.link(2) {
            let bytes = file.data(data)?;
            found.extend(Stream::all(data, bytes, id_len, groups));
        }
    }
    if has_group { Ok(found) } else { Err((64, RecordFault::NoFrames)) }
}
