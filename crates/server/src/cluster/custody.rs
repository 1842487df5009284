//! Custody records in a cluster: which partitions they belong to, and how they get there.
//!
//! Not what they mean (that is `store`). A custody record is a message of the log like any other, so every owner of the partition has it
//! at the same place. Invariants: a hold reaches every partition that may have what it holds before it counts as recorded; a deletion is
//! announced in the partition whose segment goes, by its owner alone. Cost: one message for each partition concerned.

use super::writer::{AppendError, LogWriter};
use crate::clock;
use crate::evidence::inbox;
use crate::happenings::{CustodyWaits, emit};
use crate::place::position_of;
use crate::state::Partition;
use crate::stop::stopped;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use yagura_model::UnixMicros;
use yagura_store::{Custody, Envelope, RecordKind, Vault, VaultReader};

/// How often it is looked whether the command line left something.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long, in µs, the next record may be awaited after a segment is due to be closed: the clocks of gates and workers differ.
const IDLE_GRACE_US: i64 = 60_000_000;
/// How long a record may take from the log to the vault.
const ARRIVAL_MAX: Duration = Duration::from_secs(30);

/// Appends a custody record to every partition that it concerns; the place of the last.
///
/// # Errors
/// [`AppendError`]; some partitions may have it then. It may be recorded again.
pub async fn record_custody(log: &LogWriter, payload: &[u8]) -> Result<u64, AppendError> {
    let mut place = 0;
    for partition in concerned(log, payload) {
        let envelope = Envelope { kind: RecordKind::Custody, received: clock::now(), payload };
        place = log.append_to(partition, &envelope).await?;
    }
    Ok(place)
}

/// The partitions that a custody record concerns.
fn concerned(log: &LogWriter, payload: &[u8]) -> Vec<u16> {
    match Custody::decode(payload) {
        Some(Custody::HoldAdded(hold)) => {
            let of = hold.of.as_deref().unwrap_or("");
            let mut names = of.split('/');
            match (names.next(), names.next()) {
                (Some(tenant), Some(vehicle)) => vec![log.partition_of(tenant, vehicle)],
                _ => (0..log.partitions()).collect(),
            }
        }
        // Which partitions have the hold is not known here; the others leave it out.
        Some(Custody::HoldRemoved { .. } | Custody::Deleted(_)) => (0..log.partitions()).collect(),
        Some(Custody::Accessed(_) | Custody::Idle { .. }) | None => vec![0],
    }
}

/// Records what the command line leaves in this directory, until told to stop.
pub async fn attend_inbox(dir: PathBuf, log: LogWriter, stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = stopped(stop.clone()) => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let directory = dir.clone();
        let Ok(Ok(waiting)) = spawn_blocking(move || inbox::waiting(&directory)).await else { continue };
        for (file, payload) in waiting {
            match record_custody(&log, &payload).await {
                Ok(_) => remove(&file),
                Err(error) => emit(&CustodyWaits { cause: &error }),
            }
        }
    }
}

/// A request that stays is recorded again, which changes nothing.
fn remove(file: &Path) {
    let _ = std::fs::remove_file(file);
}

/// Makes records of what the owner of a partition does with its evidence.
#[derive(Clone)]
pub struct PartitionCustody {
    pub(super) log: LogWriter,
    pub(super) owner: Partition,
    pub(super) vault: VaultReader,
}

impl PartitionCustody {
    /// Closes the last segment by a record if nothing has come that closed it when it was due: the log keeps its records for a time only,
    /// and what is not archived by then would be on this worker's disk alone.
    pub(crate) async fn close_if_idle(&self, now: UnixMicros) {
        let vault = self.vault.clone();
        let Ok(Ok(Some((segment, received)))) = spawn_blocking(move || vault.last_segment()).await else { return };
        if now.0.saturating_sub(received.0) >= Vault::REPLICA_SEGMENT_US + IDLE_GRACE_US {
            // If that fails it is tried again at the next look.
            self.record(&Custody::Idle { segment: segment.0 }.encode()).await;
        }
    }

    /// Makes a custody record durable and waits until it is in the vault; whether it is.
    pub(crate) async fn record(&self, payload: &[u8]) -> bool {
        // Who was replaced may not know of the newest holds.
        if self.owner.progress().await.is_err() {
            return false;
        }
        let envelope = Envelope { kind: RecordKind::Custody, received: clock::now(), payload };
        let Ok(place) = self.log.append_to(self.owner.number().of_kind(), &envelope).await else { return false };
        let (vault, position) = (self.vault.clone(), position_of(place));
        let len = spawn_blocking(move || vault.wait_beyond(position, ARRIVAL_MAX)).await;
        len.is_ok_and(|len| len > position)
    }
}
