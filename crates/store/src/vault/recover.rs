//! Opens what is on disk: finds the end of the records, cuts off what a crash left, brings the tree up to date.
//!
//! Not a repair of damage: bytes that were acknowledged and are wrong stay as they are, and the vault does not open. What
//! tells the two apart: a damaged end is a crash's only if no checkpoint covers it and no later append stands behind it.

use super::catalogue::Catalogue;
use super::error::{Damage, VaultError};
use super::note::{self, Checkpoint, NoteError};
use super::publish::{CHECKPOINT, read_small, write_full};
use super::reader::{Durable, damage, failure};
use super::record::leaf_hash;
use super::segment::{Cursor, CursorError, SEGMENT_HEADER_LEN, SEGMENTS, segment_file, segment_first};
use super::tiles::{Edge, TILES};
use super::{Cut, Repair, VaultOptions};
use crate::disk::{Disk, DiskFile};

/// Full tiles that wait in memory at most while a tree is made anew.
const FULL_TILES_MAX: usize = 64;

/// The first positions of all segments, on disk or archived, in order.
pub(crate) fn list_segments(disk: &dyn Disk, catalogue: &Catalogue) -> Result<Vec<u64>, VaultError> {
    let names = disk.list(SEGMENTS).map_err(|error| VaultError::io("list", SEGMENTS, error))?;
    let mut segments: Vec<u64> = names.iter().filter_map(|name| segment_first(name)).collect();
    segments.extend(catalogue.sealed.iter().map(|sealed| sealed.first));
    segments.sort_unstable();
    segments.dedup();
    match segments.first() {
        Some(first) if *first > 0 => Err(damage(&segment_file(0), 0, Damage::Missing)),
        _ => Ok(segments),
    }
}

/// The newest checkpoint, its signature and origin checked.
pub(crate) fn signed_checkpoint(disk: &dyn Disk, options: &VaultOptions) -> Result<Option<Checkpoint>, VaultError> {
    let Some(bytes) = read_small(disk, CHECKPOINT)? else { return Ok(None) };
    let wrong = |error| damage(CHECKPOINT, 0, Damage::Checkpoint(error));
    let note = String::from_utf8(bytes).map_err(|_| wrong(NoteError::Malformed))?;
    let checkpoint = note::open_checkpoint(&note, &options.key.verifying_key()).map_err(wrong)?;
    if checkpoint.origin == options.origin { Ok(Some(checkpoint)) } else { Err(wrong(NoteError::UnknownKey)) }
}

/// The last segment, ready to be appended to.
#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) file: Box<dyn DiskFile>,
    pub(crate) cut: Option<Cut>,
}

/// Finds the end of the last segment and cuts off what is unfinished. Fills in `durable`, whose segments are known.
/// `None` if the last segment has not even a header: then it was about to be made, and is forgotten. Also if the last one is in the
/// archive: then all there is ends with it.
pub(crate) fn recover_tail(
    disk: &dyn Disk,
    durable: &mut Durable,
    covered: u64,
    catalogue: &Catalogue,
) -> Result<Option<Tail>, VaultError> {
    durable.len = catalogue.end();
    let Some(&first) = durable.segments.last() else { return Ok(None) };
    if first < catalogue.end() {
        return Ok(None);
    }
    let name = segment_file(first);
    let failed = |error| VaultError::io("open", &name, error);
    let size = disk.open(&name).and_then(|file| file.size()).map_err(failed)?;
    let mut cursor = match Cursor::new(disk.open(&name).map_err(failed)?, first, None) {
        Err(CursorError::Bad { .. }) if size <= SEGMENT_HEADER_LEN && covered <= first => {
            disk.remove(&name).map_err(failed)?;
            durable.segments.pop();
            return Ok(None);
        }
        cursor => cursor.map_err(|error| failure(first, error))?,
    };
    let bad = loop {
        let offset = cursor.offset();
        match cursor.next_record() {
            Ok(Some(_)) => durable.tail.push(u32::try_from(offset).unwrap_or(u32::MAX)),
            Ok(None) => break None,
            Err(CursorError::Bad { what, .. }) => break Some(what),
            Err(CursorError::Unreadable(error)) => return Err(error),
        }
    };
    durable.len = cursor.position();
    durable.tail_end = cursor.offset();
    if durable.len < covered {
        let missing = Damage::MissingRecords { covered, found: durable.len };
        return Err(damage(&name, durable.tail_end, bad.unwrap_or(missing)));
    }
    let Some(what) = bad else {
        return Ok(Some(Tail { file: disk.open_to_write(&name).map_err(failed)?, cut: None }));
    };
    if cursor.append_follows().map_err(|error| failure(first, error))? {
        return Err(damage(&name, durable.tail_end, what));
    }
    let file = disk.open_to_write(&name).map_err(failed)?;
    file.truncate(durable.tail_end).and_then(|()| file.sync()).map_err(|e| VaultError::io("truncate", &name, e))?;
    let cut = Cut { file: name, offset: durable.tail_end, bytes: size - durable.tail_end, what };
    Ok(Some(Tail { file, cut: Some(cut) }))
}

/// The tree over all records, made from the tiles up to the checkpoint and from the records beyond it.
pub(crate) fn recover_tree(
    disk: &dyn Disk,
    durable: &Durable,
    checkpoint: Option<&Checkpoint>,
) -> Result<(Edge, Repair), VaultError> {
    let Some(checkpoint) = checkpoint else {
        let mut edge = Edge::default();
        forget_tiles(disk, durable)?;
        catch_up(disk, durable, &mut edge, durable.len)?;
        return Ok((edge, if durable.len == 0 { Repair::Nothing } else { Repair::CheckpointRemade }));
    };
    let mut failed = None;
    let loaded = Edge::load(checkpoint.size, &mut |name| {
        read_small(disk, name).unwrap_or_else(|error| {
            failed = Some(error);
            None
        })
    });
    if let Some(error) = failed {
        return Err(error);
    }
    if let Some(mut edge) = loaded.ok().filter(|edge| edge.root() == checkpoint.root) {
        catch_up(disk, durable, &mut edge, durable.len)?;
        let behind = durable.len - checkpoint.size;
        return Ok((edge, if behind == 0 { Repair::Nothing } else { Repair::CaughtUp(behind) }));
    }
    let mut edge = Edge::default();
    forget_tiles(disk, durable)?;
    catch_up(disk, durable, &mut edge, checkpoint.size)?;
    if edge.root() != checkpoint.root {
        return Err(damage(CHECKPOINT, 0, Damage::Root));
    }
    catch_up(disk, durable, &mut edge, durable.len)?;
    Ok((edge, Repair::TilesRemade))
}

/// Finds the end of the last segment for a reader, and changes nothing: what is unfinished is not looked at.
pub(crate) fn scan_tail(disk: &dyn Disk, durable: &mut Durable, catalogue: &Catalogue) -> Result<(), VaultError> {
    durable.len = catalogue.end();
    while let Some(&first) = durable.segments.last() {
        if first < catalogue.end() {
            // Everything is archived; what is read as the last segment must not be one of the closed.
            durable.segments.push(catalogue.end());
            return Ok(());
        }
        let name = segment_file(first);
        let file = disk.open(&name).map_err(|error| VaultError::io("open", &name, error))?;
        let mut cursor = match Cursor::new(file, first, None) {
            Err(CursorError::Bad { .. }) if durable.segments.len() > 1 => {
                durable.segments.pop();
                continue;
            }
            cursor => cursor.map_err(|error| failure(first, error))?,
        };
        loop {
            let offset = cursor.offset();
            match cursor.next_record() {
                Ok(Some(_)) => durable.tail.push(u32::try_from(offset).unwrap_or(u32::MAX)),
                Ok(None) | Err(CursorError::Bad { .. }) => break,
                Err(CursorError::Unreadable(error)) => return Err(error),
            }
        }
        (durable.len, durable.tail_end) = (cursor.position(), cursor.offset());
        return Ok(());
    }
    Ok(())
}

/// Removes all tiles: whatever is wrong with them, they are made of records and will be made again.
fn forget_tiles(disk: &dyn Disk, durable: &Durable) -> Result<(), VaultError> {
    if let Some((first, _)) = durable.deleted.first() {
        // Deleted records live on in their entries alone: those must come back from the archive.
        return Err(damage(&segment_file(*first), 0, Damage::Missing));
    }
    disk.remove(TILES).map_err(|error| VaultError::io("remove", TILES, error))
}

/// Adds the records from the edge's size to `len`, segment by segment.
fn catch_up(disk: &dyn Disk, durable: &Durable, edge: &mut Edge, len: u64) -> Result<(), VaultError> {
    let from = durable.segments.partition_point(|first| *first <= edge.size()).saturating_sub(1);
    for (index, &first) in durable.segments.iter().enumerate().skip(from) {
        if edge.size() >= len {
            break;
        }
        let name = segment_file(first);
        let file = disk.open(&name).map_err(|error| VaultError::io("open", &name, error))?;
        let next = durable.segments.get(index + 1);
        let end = next.is_none().then_some(durable.tail_end);
        let mut cursor = Cursor::new(file, first, end).map_err(|error| failure(first, error))?;
        while edge.size() < len {
            let Some(parsed) = cursor.next_record().map_err(|error| failure(first, error))? else { break };
            if parsed.record.position.0 == edge.size() {
                let entry = parsed.entry();
                edge.push(&entry, leaf_hash(&entry));
            }
            if edge.full_len() >= FULL_TILES_MAX {
                write_full(disk, edge)?;
            }
        }
        if edge.size() < len && next != Some(&cursor.position()) {
            return Err(damage(&name, cursor.offset(), Damage::Truncated));
        }
    }
    Ok(())
}
