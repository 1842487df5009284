//! Deletes archived segments whose time is over, one at a time, so that it stays provable what was there and why it went.
//!
//! Not a decision: the caller says what may go. Order: first the deletion is a durable record of the vault, then the archive says so,
//! then the payloads go. Invariants: leaves and tree stay whole; custody records survive their segment; a hold is asked for each
//! record. Cost: reading a segment whose age is reached.

use super::archive::{ArchiveError, Archiver};
use super::custody::{Custody, Deletion, custody_file};
use super::error::VaultError;
use super::publish::{sync_dirs, write_file};
use super::reader::failure;
use super::record::{RecordKind, RecordRef};
use super::remote::deleted_key;
use super::segment::{Cursor, SEGMENTS, segment_file};
use crate::objects::ensure;
use std::collections::BTreeSet;
use yagura_model::UnixMicros;

impl Archiver {
    /// The first archived segment from position `from` on all of whose records were received before `before`, and of which `keep` wants
    /// none. It is still there: make [`Custody::Deleted`] of it durable in the vault, then call [`Self::delete`].
    ///
    /// # Errors
    /// [`ArchiveError`]
    pub fn expired(
        &self,
        from: u64,
        before: UnixMicros,
        reason: &str,
        keep: &mut dyn FnMut(RecordRef<'_>) -> bool,
    ) -> Result<Option<Deletion>, ArchiveError> {
        let candidates = self.catalogue.sealed.iter().filter(|sealed| !sealed.deleted && sealed.first >= from);
        for sealed in candidates {
            // Records are in the order of their arrival: when the next one is too young, so are all behind it.
            if self.reader.received_at(sealed.end)?.is_none_or(|received| received >= before) {
                return Ok(None);
            }
            let name = segment_file(sealed.first);
            let file = self.reader.shared.disk.open(&name).map_err(|error| VaultError::io("open", &name, error))?;
            let mut cursor = Cursor::new(file, sealed.first, None).map_err(|error| failure(sealed.first, error))?;
            let (mut kept, mut span) = (false, None);
            while let Some(parsed) = cursor.next_record().map_err(|error| failure(sealed.first, error))? {
                let record = parsed.record;
                kept |= record.kind != RecordKind::Custody && keep(record);
                span = Some(span.map_or((record.received, record.received), |(first, _)| (first, record.received)));
            }
            if let Some((received_from, received_to)) = span.filter(|_| !kept) {
                let (first, end, bytes) = (sealed.first, sealed.end, sealed.bytes);
                return Ok(Some(Deletion { first, end, bytes, received_from, received_to, reason: reason.to_owned() }));
            }
        }
        Ok(None)
    }

    /// Deletes the payloads of a segment, here and in the archive. The record that says so must be durable; that is checked.
    ///
    /// # Errors
    /// [`ArchiveError::NotRecorded`] if no record of the vault says so; a store that holds its objects fast refuses until then.
    pub fn delete(&mut self, deletion: &Deletion) -> Result<(), ArchiveError> {
        let Deletion { first, end, .. } = *deletion;
        let recorded = Custody::Deleted(deletion.clone());
        if !self.reader.custody()?.iter().any(|(_, custody)| *custody == recorded) {
            return Err(ArchiveError::NotRecorded { first, end });
        }
        ensure(&*self.objects, &deleted_key(first, end), &recorded.encode())?;
        let name = segment_file(first);
        self.objects.delete(&name)?;
        let mut catalogue = self.catalogue.clone();
        for sealed in catalogue.sealed.iter_mut().filter(|sealed| sealed.first == first) {
            sealed.deleted = true;
        }
        let disk = &*self.reader.shared.disk;
        catalogue.write(disk)?;
        self.catalogue = catalogue;
        self.reader.shared.durable().deleted = self.catalogue.deleted();
        disk.remove(&name).map_err(|error| VaultError::io("remove", &name, error))?;
        disk.sync_dir(SEGMENTS).map_err(|error| VaultError::io("sync", SEGMENTS, error))?;
        Ok(())
    }

    /// Deletions that a crash left half done: recorded, but the segment still counts as kept.
    ///
    /// # Errors
    /// As [`super::VaultReader::custody`].
    pub fn unfinished_deletions(&self) -> Result<Vec<Deletion>, VaultError> {
        let kept =
            |it: &Deletion| self.catalogue.sealed.iter().any(|s| !s.deleted && (s.first, s.end) == (it.first, it.end));
        let all = self.reader.custody()?.into_iter().filter_map(|(_, custody)| match custody {
            Custody::Deleted(deletion) => Some(deletion),
            _ => None,
        });
        Ok(all.filter(kept).collect())
    }

    /// Keeps copies of custody records beside the segments that may go one day.
    pub(crate) fn copy_custody(&self, custody: &[(u64, Vec<u8>)]) -> Result<(), VaultError> {
        let disk = &*self.reader.shared.disk;
        let mut dirs = BTreeSet::new();
        for (position, payload) in custody {
            write_file(disk, &custody_file(*position), payload, &mut dirs)?;
        }
        sync_dirs(disk, &dirs)
    }
}
