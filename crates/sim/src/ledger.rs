//! What the gate has acknowledged: the vehicles' side of the invariant that no acknowledged report is lost.
//!
//! Not a log of reports: only their names. A test compares it with the vault. Invariant: at most [`LEDGER_ENTRIES_MAX`] entries;
//! what is beyond is counted, so a test can refuse to conclude anything from it.

use std::sync::{Mutex, PoisonError};
use yagura_link::{Digest, Receipt};
use yagura_model::{DeviceId, UnixMicros};

/// The most entries of one ledger: about 200 MB.
pub const LEDGER_ENTRIES_MAX: usize = 1_000_000;

/// One acknowledged report.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Acknowledged {
    /// Whose.
    pub device: DeviceId,
    /// Of which boot.
    pub boot: u64,
    /// Which of that boot.
    pub sequence: u64,
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// Where the receipt says it is in the vault.
    pub position: u64,
    /// When the receipt says it was received.
    pub received: UnixMicros,
}

/// All acknowledged reports of a fleet, in the order of their receipts.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: Mutex<(Vec<Acknowledged>, u64)>,
}

impl Ledger {
    /// Notes a verified receipt.
    pub(crate) fn note(&self, receipt: &Receipt) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.0.len() >= LEDGER_ENTRIES_MAX {
            entries.1 = entries.1.saturating_add(1);
            return;
        }
        let Receipt { device, boot, sequence, report, position, received } = *receipt;
        entries.0.push(Acknowledged { device, boot, sequence, digest: report, position, received });
    }

    /// All entries so far.
    #[must_use]
    pub fn entries(&self) -> Vec<Acknowledged> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Entries that found no room.
    #[must_use]
    pub fn overflow(&self) -> u64 {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}
