//! A table from texts to runs of records, sorted by hash, with a directory by the hash's first bits.
//!
//! Not a perfect hash: rows of a bucket are searched by hash and text, so that chosen collisions cost a binary search and no more. A row has
//! 24 bytes: hash, text, start, count, 4 spare.

use super::heap::Heap;
use super::layout::{Frame, Section, SegmentError, field, read, to_u32, to_usize};

/// Bytes of a row.
pub(super) const ROW_BYTES: usize = 24;

/// FNV-1a of 64 bits, its bits mixed once more so that the first ones differ. Part of the format.
pub(super) fn hash(text: &[u8]) -> u64 {
    let sum = text
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mixed = (sum ^ (sum >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

/// What a text leads to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Run {
    pub(super) start: u32,
    pub(super) count: u32,
}

impl Run {
    pub(super) fn numbers(self) -> std::ops::Range<u32> {
        self.start..self.start.saturating_add(self.count)
    }
}

/// Writes rows and directory of a table.
pub(super) fn write<'t>(rows: impl Iterator<Item = (&'t str, Run)>, heap: &mut Heap) -> (Vec<u8>, Vec<u8>) {
    let mut sorted: Vec<(u64, &str, Run)> = rows.map(|(text, run)| (hash(text.as_bytes()), text, run)).collect();
    sorted.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
    let bits = bits_for(sorted.len());
    let mut bytes = Vec::with_capacity(sorted.len().saturating_mul(ROW_BYTES));
    let mut starts: Vec<u8> = Vec::new();
    let mut next_bucket = 0_u64;
    for (index, (hash, text, run)) in sorted.iter().enumerate() {
        while next_bucket <= bucket(*hash, bits) {
            starts.extend(to_u32(index).to_le_bytes());
            next_bucket = next_bucket.saturating_add(1);
        }
        bytes.extend(hash.to_le_bytes());
        for number in [heap.text(text), run.start, run.count, 0] {
            bytes.extend(number.to_le_bytes());
        }
    }
    while next_bucket <= 1_u64 << bits {
        starts.extend(to_u32(sorted.len()).to_le_bytes());
        next_bucket = next_bucket.saturating_add(1);
    }
    (bytes, starts)
}

fn bits_for(rows: usize) -> u32 {
    rows.max(1).ilog2()
}

fn bucket(hash: u64, bits: u32) -> u64 {
    hash.checked_shr(64_u32.saturating_sub(bits)).unwrap_or(0)
}

impl<'a> Frame<'a> {
    /// What a text leads to.
    pub(super) fn find(&self, rows: Section, starts: Section, text: &str) -> Result<Option<Run>, SegmentError> {
        let total = self.rows::<ROW_BYTES>(rows);
        if total == 0 {
            return Ok(None);
        }
        let hash = hash(text.as_bytes());
        let bucket = u32::try_from(bucket(hash, bits_for(to_usize(total)))).unwrap_or(u32::MAX);
        let (mut low, mut high) = (self.number(starts, bucket)?, self.number(starts, bucket.saturating_add(1))?);
        while low < high {
            let middle = low.midpoint(high);
            let row = self.row::<ROW_BYTES>(rows, middle)?;
            let found = read::<8>(row, 0).map(u64::from_le_bytes).unwrap_or_default();
            let order = match found.cmp(&hash) {
                std::cmp::Ordering::Equal => self.item(field(row, 8))?.cmp(text.as_bytes()),
                order => order,
            };
            match order {
                std::cmp::Ordering::Less => low = middle.saturating_add(1),
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(Some(Run { start: field(row, 12), count: field(row, 16) })),
            }
        }
        Ok(None)
    }

    /// Every row of a table.
    pub(super) fn table(&self, rows: Section) -> impl Iterator<Item = Result<(&'a str, Run), SegmentError>> + use<'a> {
        let frame = *self;
        (0..self.rows::<ROW_BYTES>(rows)).map(move |index| {
            let row = frame.row::<ROW_BYTES>(rows, index)?;
            Ok((frame.text(field(row, 8))?, Run { start: field(row, 12), count: field(row, 16) }))
        })
    }
}
