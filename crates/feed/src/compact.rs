//! Few segments rather than many: those of about one size are merged into one.
//!
//! Not a purge: a merged segment says the same at every instant (`index::merge`). Size-tiered: [`TOGETHER`] segments whose sizes are within a
//! factor of four become one, as long as it stays below [`MERGED_BYTES_MAX`], which bounds the memory. Runs after an import, under its lock;
//! readers go on with what they have mapped.

use crate::database::Database;
use crate::error::FeedError;
use crate::import::{SEGMENT_BYTES, write_segment};
use crate::manifest::{Manifest, SegmentLine};
use std::path::Path;
use yagura_psirt::index::{Segment, merge};

/// How many segments of about one size are too many.
const TOGETHER: usize = 4;
/// The most that one merge reads.
const MERGED_BYTES_MAX: u64 = SEGMENT_BYTES as u64;

/// Merges what is to be merged, and writes the list.
pub(crate) fn compact(dir: &Path, manifest: &mut Manifest) -> Result<(), FeedError> {
    while let Some(together) = choose(&manifest.segments) {
        let database = Database::open(dir)?;
        let bytes: Vec<&[u8]> = together.iter().map(|number| database.segment(*number)).collect();
        let failed = |source| database.damaged(together.first().copied().unwrap_or_default(), source);
        let merged = merge(&bytes).map_err(failed)?;
        let segment = Segment::open(&merged).map_err(failed)?;
        let (records, known_from) = (u64::from(segment.records()), segment.known_from());
        let line = write_segment(dir, "advisories", &merged, records, known_from)?;
        let at = together.first().copied().unwrap_or_default();
        let mut number = 0;
        manifest.segments.retain(|_| {
            number += 1;
            !together.contains(&(number - 1))
        });
        manifest.segments.insert(at, line);
        manifest.write(dir)?;
    }
    Ok(())
}

/// The places of segments that are to become one.
fn choose(segments: &[SegmentLine]) -> Option<Vec<usize>> {
    let tier = |line: &SegmentLine| line.bytes.max(1).ilog2() / 2;
    let advisories = || segments.iter().enumerate().filter(|(_, line)| line.kind == "advisories");
    let mut tiers: Vec<u32> = advisories().map(|(_, line)| tier(line)).collect();
    tiers.sort_unstable();
    tiers.dedup();
    tiers.into_iter().find_map(|wanted| {
        let mut bytes = 0;
        let chosen: Vec<usize> = advisories()
            .filter(|(_, line)| tier(line) == wanted)
            .take_while(|(_, line)| {
                bytes += line.bytes;
                bytes <= MERGED_BYTES_MAX
            })
            .map(|(number, _)| number)
            .collect();
        (chosen.len() >= TOGETHER).then_some(chosen)
    })
}
