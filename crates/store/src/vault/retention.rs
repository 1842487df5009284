//! Deletes archived segments whose time is over, one at a time, so that it stays provable what was there and why it went.
//!
//! Not a decision: the caller says what may go. Order: first the deletion is a durable record of the vault, then the payloads go
//! here; when the archive has that record, it says so too, and the payloads go there. Invariants: leaves and tree stay whole; neither
//! vault nor archive calls a segment deleted without a record in it that announces this; custody records survive their segment; a hold is
//! asked for each record. Cost: reading a segment whose age is reached.

use super::archive::{ArchiveError, Archiver};
use super::catalogue::Payloads;
use super::custody::{Custody, Deletion, custody_file};
use super::error::VaultError;
use super::publish::{sync_dirs, write_file};
use super::reader::failure;
use super::record::{Position, RecordKind, RecordRef};
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
        let candidates = self.catalogue.sealed.iter().filter(|sealed| sealed.is_kept() && sealed.first >= from);
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

    /// Deletes the payloads of a segment, here and in the archive. The record that says so must be durable; that is checked. As long as it
    /// is not archived, the payloads stay in the archive: [`Self::unfinished_deletions`] names the segment again when they can go.
    ///
    /// # Errors
    /// [`ArchiveError::NotRecorded`] if no record of the vault says so; a store that holds its objects fast refuses until then.
    pub fn delete(&mut self, deletion: &Deletion) -> Result<(), ArchiveError> {
        let Deletion { first, end, .. } = *deletion;
        let recorded = Custody::Deleted(deletion.clone());
        let said = self.reader.custody()?.into_iter().find(|(_, custody)| *custody == recorded);
        let Some((said_at, _)) = said else { return Err(ArchiveError::NotRecorded { first, end }) };
        self.set_payloads(first, Payloads::Leaving)?;
        let (disk, name) = (&*self.reader.shared.disk, segment_file(first));
        disk.remove(&name).map_err(|error| VaultError::io("remove", &name, error))?;
        disk.sync_dir(SEGMENTS).map_err(|error| VaultError::io("sync", SEGMENTS, error))?;
        if said_at.0 < self.catalogue.end() {
            ensure(&*self.objects, &deleted_key(first, end), &recorded.encode())?;
            self.objects.delete(&name)?;
            self.set_payloads(first, Payloads::Deleted)?;
        }
        Ok(())
    }

    /// Deletions that are recorded and can go on: a crash left them half done, or the archive has their record by now.
    ///
    /// # Errors
    /// As [`super::VaultReader::custody`].
    pub fn unfinished_deletions(&self) -> Result<Vec<Deletion>, VaultError> {
        let waits = |it: &Deletion, said_at: Position| {
            let sealed = self.catalogue.at(it.first).filter(|sealed| (sealed.first, sealed.end) == (it.first, it.end));
            sealed.is_some_and(|sealed| match sealed.payloads {
                Payloads::Kept => true,
                Payloads::Leaving => said_at.0 < self.catalogue.end(),
                Payloads::Deleted => false,
            })
        };
        let all = self.reader.custody()?.into_iter().filter_map(|(said_at, custody)| match custody {
            Custody::Deleted(deletion) => waits(&deletion, said_at).then_some(deletion),
            _ => None,
        });
        Ok(all.collect())
    }

    /// Says in the catalogue what became of the segment's payloads. What is deleted does not come back.
    fn set_payloads(&mut self, first: u64, payloads: Payloads) -> Result<(), VaultError> {
        let mut catalogue = self.catalogue.clone();
        for sealed in catalogue.sealed.iter_mut().filter(|sealed| sealed.first == first) {
            if sealed.payloads != Payloads::Deleted {
                sealed.payloads = payloads;
            }
        }
        if catalogue != self.catalogue {
            catalogue.write(&*self.reader.shared.disk)?;
            self.catalogue = catalogue;
            self.reader.shared.durable().deleted = self.catalogue.deleted();
        }
        Ok(())
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
