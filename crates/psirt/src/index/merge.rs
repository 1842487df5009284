//! Several segments of advisories → one that says the same at every instant.
//!
//! Not a purge: a record that a later one superseded stays, with the instant at which that happened. Entries and rules are written anew from
//! what the segments hold; texts that were shared between segments are written once.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::Instant;
use crate::advisory::Source;

use super::build::Builder;
use super::layout::{SegmentError, to_usize};
use super::segment::Segment;

/// Source, document and id of an advisory.
type Identity<'a> = (Source, Option<&'a str>, &'a str);
/// The instants of the versions of each advisory.
type Versions<'a> = HashMap<Identity<'a>, BTreeSet<i64>, foldhash::fast::RandomState>;

/// One segment of several. Of two records of the same instant the one in the earlier segment stays.
///
/// # Errors
/// A segment is damaged, or the result is larger than a segment can be.
pub fn merge(segments: &[&[u8]]) -> Result<Vec<u8>, SegmentError> {
    let segments: Vec<Segment<'_>> = segments.iter().map(|bytes| Segment::open(bytes)).collect::<Result<_, _>>()?;
    let mut versions = Versions::default();
    for segment in &segments {
        for index in 0..segment.records() {
            let record = segment.record(index)?;
            if record.known_from < record.known_to {
                versions.entry((record.source, record.document, record.id)).or_default().insert(record.known_from);
            }
        }
    }
    let oldest = segments.iter().map(Segment::known_from).min().unwrap_or(Instant(0));
    let mut builder = Builder::new(oldest);
    let mut taken = HashSet::new();
    for segment in &segments {
        let moved = records(segment, &versions, &mut taken, &mut builder)?;
        entries(segment, &moved, &mut builder)?;
    }
    builder.finish()
}

/// Takes over the records of a segment; the new number of each that is kept.
fn records<'a>(
    segment: &Segment<'a>,
    versions: &Versions<'a>,
    taken: &mut HashSet<(Identity<'a>, i64)>,
    builder: &mut Builder,
) -> Result<Vec<Option<u32>>, SegmentError> {
    let mut moved = Vec::with_capacity(to_usize(segment.records()));
    for index in 0..segment.records() {
        let record = segment.record(index)?;
        let identity = (record.source, record.document, record.id);
        let is_live = record.known_from < record.known_to && taken.insert((identity, record.known_from));
        moved.push(if is_live {
            let later =
                versions.get(&identity).and_then(|known| known.range(record.known_from.saturating_add(1)..).next());
            let until = later.map_or(record.known_to, |later| record.known_to.min(*later));
            Some(builder.push(&record.to_advisory()?, (record.known_from, until)))
        } else {
            None
        });
    }
    Ok(moved)
}

/// Takes over what a segment's entries say, in the order of their advisories.
fn entries(segment: &Segment<'_>, moved: &[Option<u32>], builder: &mut Builder) -> Result<(), SegmentError> {
    let mut keys: Vec<&str> = segment.keys().collect::<Result<_, _>>()?;
    keys.sort_unstable();
    let mut rules = HashMap::new();
    for key in keys {
        for entry in segment.entries(key)? {
            let entry = entry?;
            if let Some(index) = moved.get(to_usize(entry.advisory)).copied().flatten() {
                builder.copy(key, index, &entry, &mut rules)?;
            }
        }
    }
    Ok(())
}
