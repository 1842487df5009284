//! Verifies what is not here: archived segments by their leaves, deleted ones also by the record that announced it.
//!
//! Not a way around damage: without catalogue a missing segment is damage. Invariant: every leaf is under the signed tree, whether its
//! payload can be read or not. Cost: one entry bundle for each 256 records.

use super::Audit;
use super::Progress;
use super::Unverifiable;
use crate::vault::Cut;
use crate::vault::catalogue::{Catalogue, Sealed};
use crate::vault::custody::custody_file;
use crate::vault::error::{Damage, VaultError};
use crate::vault::publish::{CHECKPOINT, read_small};
use crate::vault::reader::{damage, read_bundle};
use crate::vault::record::{self, Entry, HEADER_LEN, RecordKind, RecordRef, leaf_hash};
use crate::vault::segment::segment_file;
use crate::vault::tiles::{TILE_WIDTH, bundle_at};
use sha2::{Digest as _, Sha256};
use std::io;

impl Audit<'_> {
    /// Checks a segment that was archived: as it is if it can be read, else by its entries.
    pub(super) fn archived(&mut self, sealed: Sealed, next: Option<u64>) -> Result<Option<Cut>, Unverifiable> {
        let name = segment_file(sealed.first);
        let here = match self.disk.open(&name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(VaultError::io("open", &name, error).into()),
            Ok(_) => sealed.is_kept(),
        };
        if here {
            return self.segment(sealed.first, next.or(Some(sealed.end)));
        }
        self.entries(sealed)?;
        Ok(None)
    }

    /// Takes the leaves of a segment from its entry bundles. Custody records come from their copies.
    fn entries(&mut self, sealed: Sealed) -> Result<(), Unverifiable> {
        let covered = self.checkpoint.size;
        if sealed.end > covered {
            return Err(damage(CHECKPOINT, 0, Damage::MissingRecords { covered, found: sealed.end }).into());
        }
        while self.edge.size() < sealed.end {
            let from = self.edge.size();
            let skip = (from % TILE_WIDTH as u64) as usize;
            let entries = read_bundle(self.disk, from, covered)?;
            for entry in entries.iter().skip(skip).take(usize::try_from(sealed.end - from).unwrap_or(usize::MAX)) {
                self.entry(entry)?;
            }
        }
        *(if sealed.is_kept() { &mut self.elsewhere } else { &mut self.deleted }) += sealed.end - sealed.first;
        (self.progress)(Progress { records: self.edge.size(), ..self.progressed });
        Ok(())
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), Unverifiable> {
        let (position, bundle) = (self.edge.size(), bundle_at(self.edge.size(), self.checkpoint.size).0);
        let claimed = record::of_entry(entry);
        let claimed = claimed.ok_or_else(|| damage(&bundle, 0, Damage::RecordField("header")))?;
        if claimed.position.0 != position {
            let what = Damage::Order { expected: position, found: claimed.position.0 };
            return Err(damage(&bundle, 0, what).into());
        }
        self.edge.push(entry, leaf_hash(entry));
        self.grown()?;
        if claimed.kind == RecordKind::Custody {
            let name = custody_file(position);
            let payload = read_small(self.disk, &name)?.ok_or_else(|| damage(&name, 0, Damage::Missing))?;
            if Sha256::digest(&payload)[..] != entry[HEADER_LEN..] {
                return Err(damage(&name, 0, Damage::Checksum).into());
            }
            self.show(RecordRef { payload: &payload, ..claimed });
        }
        Ok(())
    }

    /// Every deleted segment was announced by a record.
    pub(super) fn announced(&self, catalogue: &Catalogue) -> Result<(), VaultError> {
        match catalogue.deleted().into_iter().find(|deleted| !self.announced.contains(deleted)) {
            Some((first, _)) => Err(damage(&segment_file(first), 0, Damage::Undocumented)),
            None => Ok(()),
        }
    }
}
