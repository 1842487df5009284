//! MDF's blocks: a kind, a length, links to other blocks and a body; and data that is spread over lists of blocks.
//!
//! Not what the blocks mean (`group`). Invariants: a block lies whole within the file; data is unpacked up to the limit.
//! Format: kind 4 | reserved 4 | length 8 | number of links 8 | links 8 each | body.

use super::{BLOCKS_MAX, Fault, MDF_BYTES_MAX};
use crate::fault::RecordFault;
use crate::records::{chunk, index, u8_at, u32_at, u64_at};
use flate2::read::ZlibDecoder;
use std::cell::Cell;
use std::io::Read;

const HEADER_LEN: usize = 24;
/// Where the file's first block is.
const HEAD_AT: u64 = 64;

/// The whole file.
pub(super) struct File<'a> {
    bytes: &'a [u8],
    looked_at: Cell<u32>,
}

pub(super) struct Block<'a> {
    pub(super) at: u64,
    pub(super) kind: [u8; 4],
    links: &'a [u8],
    pub(super) body: &'a [u8],
}

impl Block<'_> {
    /// Where link `n` points; `None` if it points nowhere.
    pub(super) fn link(&self, n: usize) -> Option<u64> {
        u64_at(self.links, n.checked_mul(8)?).filter(|at| *at != 0)
    }

    fn links(&self) -> usize {
        self.links.len() / 8
    }
}

impl<'a> File<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, looked_at: Cell::new(0) }
    }

    /// The header block, if this is MDF 4.
    pub(super) fn open(&self) -> Result<Block<'a>, Fault> {
        if self.bytes.get(8) != Some(&b'4') {
            return Err((8, RecordFault::Version));
        }
        self.block(HEAD_AT, b"##HD")
    }

    /// The block of this kind at this place.
    pub(super) fn block(&self, at: u64, kind: &[u8; 4]) -> Result<Block<'a>, Fault> {
        let block = self.any_block(at)?;
        if &block.kind == kind { Ok(block) } else { Err((at, RecordFault::OutOfStep)) }
    }

    pub(super) fn any_block(&self, at: u64) -> Result<Block<'a>, Fault> {
        self.looked_at.set(self.looked_at.get().saturating_add(1));
        if self.looked_at.get() > BLOCKS_MAX {
            return Err((at, RecordFault::TooMany));
        }
        let cut = (at, RecordFault::Cut);
        let rest = self.bytes.get(index(at)..).ok_or(cut)?;
        let kind = chunk(rest, 0).ok_or(cut)?;
        let len = index(u64_at(rest, 8).ok_or(cut)?);
        let links = index(u64_at(rest, 16).ok_or(cut)?);
        let links_len = links.checked_mul(8).ok_or(cut)?;
        // The last data block of a log that was not finished has no length yet: it goes to the end.
        let is_open = &kind == b"##DT" && len == HEADER_LEN && self.bytes.starts_with(b"UnFinMF ");
        let block = if is_open { rest } else { rest.get(..len).unwrap_or(rest) };
        let links = block.get(HEADER_LEN..).and_then(|rest| rest.get(..links_len)).ok_or(cut)?;
        let body = block.get(HEADER_LEN.saturating_add(links_len)..).ok_or(cut)?;
        Ok(Block { at, kind, links, body })
    }

    /// The text of a text block.
    pub(super) fn text(&self, at: u64) -> Result<&'a [u8], Fault> {
        let body = self.block(at, b"##TX")?.body;
        let end = body.iter().position(|byte| *byte == 0).unwrap_or(body.len());
        Ok(body.get(..end).unwrap_or(body))
    }

    /// All data behind a link: of one block, or of a list.
    pub(super) fn data(&self, at: u64) -> Result<Vec<u8>, Fault> {
        let mut out = Vec::new();
        let mut next = Some(at);
        while let Some(at) = next {
            let block = self.any_block(at)?;
            next = match &block.kind {
                b"##HL" => block.link(0),
                b"##DL" => {
                    for n in 1..block.links() {
                        if let Some(at) = block.link(n) {
                            append(&self.any_block(at)?, &mut out)?;
                        }
                    }
                    block.link(0)
                }
                _ => {
                    append(&block, &mut out)?;
                    None
                }
            };
        }
        Ok(out)
    }
}

/// Adds a data block's bytes, unpacked.
fn append(block: &Block<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let room = MDF_BYTES_MAX.saturating_sub(out.len());
    match &block.kind {
        b"##DT" | b"##SD" | b"##RD" => {
            if block.body.len() > room {
                return Err((block.at, RecordFault::TooLong));
            }
            out.extend_from_slice(block.body);
            Ok(())
        }
        b"##DZ" => unpack(block.body, room, out).map_err(|reason| (block.at, reason)),
        _ => Err((block.at, RecordFault::OutOfStep)),
    }
}

/// A packed block: kind of the packed 2, packing 1, reserved 1, columns 4, unpacked length 8, packed length 8, data.
fn unpack(body: &[u8], room: usize, out: &mut Vec<u8>) -> Result<(), RecordFault> {
    let packing = u8_at(body, 2).ok_or(RecordFault::Length)?;
    let columns = index(u32_at(body, 4).ok_or(RecordFault::Length)?);
    let len = index(u64_at(body, 8).ok_or(RecordFault::Length)?);
    if len > room {
        return Err(RecordFault::TooLong);
    }
    let packed = body.get(24..).ok_or(RecordFault::Length)?;
    let mut unpacked = Vec::new();
    let limit = u64::try_from(len).unwrap_or(u64::MAX);
    ZlibDecoder::new(packed).take(limit).read_to_end(&mut unpacked).map_err(|_| RecordFault::Packed)?;
    match packing {
        0 => out.append(&mut unpacked),
        1 => restore(&unpacked, columns, out),
        _ => return Err(RecordFault::Packed),
    }
    Ok(())
}

/// Undoes the transposition: columns of a table of records, one behind the other, and what was left over as it is.
fn restore(columns_first: &[u8], columns: usize, out: &mut Vec<u8>) {
    let rows = columns_first.len().checked_div(columns).unwrap_or(0);
    let (table, left_over) =
        columns_first.split_at_checked(rows.saturating_mul(columns)).unwrap_or((&[], columns_first));
    for row in 0..rows {
        out.extend(table.iter().skip(row).step_by(rows));
    }
    out.extend_from_slice(left_over);
}
