//! The first half of a batch: records read from the vault and their signatures checked, while the batch before is judged.
//!
//! Not the judgement (that is `judge`): nothing here has a memory that matters, so a batch can be prepared again. Invariant: a report
//! counts as verified only if a key of its device verifies it, or if this process has verified the same bytes before (ADR-0026). Memory:
//! two batches. Cost: ~40 µs a report whose signature must be checked, else ~1 µs.

use crate::identity::DeviceCertificate;
use crate::intake::Vouched;
use crate::place::place;
use crate::records::{Unopened, device_of, keys_of_all, verify_report};
use crate::state::State;
use ed25519_dalek::VerifyingKey;
use std::collections::HashMap;
use std::error::Error;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread::available_parallelism;
use tokio::task::{JoinHandle, spawn_blocking};
use yagura_link::Digest;
use yagura_model::DeviceId;
use yagura_sources::LogRecord;
use yagura_store::{Position, Record, RecordKind, VaultError, VaultReader};

/// The most records of a batch.
pub const BATCH_RECORDS_MAX: usize = 1_024;
/// Bytes of records after which a batch is full.
pub const BATCH_BYTES_MAX: usize = 4 << 20;
/// Devices whose keys are kept at hand.
const KEYS_MAX: usize = 100_000;
/// The most threads that verify the reports of one batch.
const VERIFY_THREADS_MAX: usize = 4;
/// Fewer reports are not worth a thread.
const VERIFY_SHARE_MIN: usize = 32;

/// The reports of a batch by their places: the digest that was verified, or why it was not.
pub(super) type Verified = HashMap<u64, Result<Digest, Unopened>>;

/// A batch that is ready to be judged.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    /// Consecutive records at their places; none if there is nothing there.
    pub(super) records: Vec<Record>,
    pub(super) verified: Verified,
}

/// Why a batch could not be prepared. It can be tried again.
pub(super) type PrepareError = Box<dyn Error + Send + Sync>;
/// How preparing ended: the preparer, unless it was lost, and the batch.
type Preparation = Result<(Preparer, Result<Prepared, PrepareError>), PrepareError>;

/// A batch under preparation.
pub(super) struct Ahead {
    /// Its first record.
    pub(super) from: u64,
    pub(super) task: JoinHandle<Preparation>,
}

/// Reads and verifies.
pub(super) struct Preparer {
    vault: VaultReader,
    partition: u16,
    vouched: Vouched,
    keys: Keys,
}

impl Preparer {
    pub(super) fn new(vault: VaultReader, partition: u16, vouched: Vouched) -> Self {
        Self { vault, partition, vouched, keys: Keys::default() }
    }

    /// Prepares the records from `next` on, `end` and later left out.
    pub(super) async fn prepare(self, state: State, next: u64, end: u64) -> Preparation {
        let (mut this, read) = spawn_blocking(move || {
            let read = self.read(next, end);
            (self, read)
        })
        .await?;
        let mut prepared = match read {
            Ok(prepared) => prepared,
            Err(error) => return Ok((this, Err(error.into()))),
        };
        match keys_of_all(&state, this.keys.missing(&prepared)).await {
            Ok(known) => known.into_iter().for_each(|(device, keys)| this.keys.put(device, keys)),
            Err(error) => return Ok((this, Err(error.into()))),
        }
        let done = spawn_blocking(move || {
            this.keys.learn_all(&prepared);
            let verified = this.verify(&prepared);
            prepared.verified.extend(verified);
            (this, Ok(prepared))
        });
        Ok(done.await?)
    }

    /// The records that make one batch, and what is known of them.
    fn read(&self, next: u64, end: u64) -> Result<Prepared, VaultError> {
        let (mut records, mut bytes) = (Vec::new(), 0);
        let wanted = usize::try_from(end.saturating_sub(next)).unwrap_or(usize::MAX).min(BATCH_RECORDS_MAX);
        for record in self.vault.read_from(Position(next)).take(wanted) {
            let mut record = record?;
            record.position = Position(place(self.partition, record.position.0));
            bytes += weight(&record);
            records.push(record);
            if bytes >= BATCH_BYTES_MAX {
                break;
            }
        }
        let vouched = self.vouched.take(next, next + records.len() as u64);
        let verified = vouched.into_iter().map(|(position, digest)| (place(self.partition, position), Ok(digest)));
        Ok(Prepared { records, verified: verified.collect() })
    }

    /// Checks the signatures that this process has not checked, on several threads if there are many.
    fn verify(&self, prepared: &Prepared) -> Vec<(u64, Result<Digest, Unopened>)> {
        let waiting: Vec<&Record> = prepared.unverified().collect();
        let verify = |record: &&Record| {
            let device = device_of(record);
            let keys = device.as_ref().map_or(&[][..], |device| self.keys.of(device));
            (record.position.0, verify_report(&record.payload, keys))
        };
        let threads = available_parallelism().map_or(1, NonZero::get).min(VERIFY_THREADS_MAX);
        let share = waiting.len().div_ceil(threads).max(VERIFY_SHARE_MIN);
        if waiting.len() <= share {
            return waiting.iter().map(verify).collect();
        }
        std::thread::scope(|scope| {
            let verify = &verify;
            let shares: Vec<_> = waiting
                .chunks(share)
                .map(|share| scope.spawn(move || share.iter().map(verify).collect::<Vec<_>>()))
                .collect();
            // A panic is told to whoever prepares: the batch is tried again, nothing is taken for unreadable.
            shares.into_iter().flat_map(|share| share.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
        })
    }
}

impl Prepared {
    fn of_kind(&self, kind: RecordKind) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |record| record.kind == kind)
    }

    /// Reports whose signature must be checked.
    fn unverified(&self) -> impl Iterator<Item = &Record> {
        self.of_kind(RecordKind::Report).filter(|record| !self.verified.contains_key(&record.position.0))
    }
}

/// How much a record counts as: its bytes, or for those that unpack to many rows, the bytes of so many rows.
fn weight(record: &Record) -> usize {
    const ROW_BYTES: usize = 256;
    match record.kind {
        RecordKind::Logs => {
            let lines = LogRecord::decode(&record.payload).map_or(0, |logs| logs.lines);
            record.payload.len().max(ROW_BYTES.saturating_mul(usize::try_from(lines).unwrap_or(usize::MAX)))
        }
        // The shortest message has 8 bytes.
        RecordKind::Foreign => record.payload.len().saturating_mul(ROW_BYTES / 8),
        _ => record.payload.len(),
    }
}

/// The keys of devices, as far as they were needed.
#[derive(Debug, Default)]
struct Keys(HashMap<DeviceId, Vec<VerifyingKey>>);

impl Keys {
    /// Devices of these records whose keys are needed and not at hand. A device that enrolled in this batch has a new key.
    fn missing(&mut self, prepared: &Prepared) -> Vec<DeviceId> {
        for device in prepared.of_kind(RecordKind::Enrolment).filter_map(device_of) {
            self.0.remove(&device);
        }
        let mut missing: Vec<DeviceId> = prepared.unverified().filter_map(device_of).collect();
        missing.sort_unstable();
        missing.dedup();
        missing.retain(|device| !self.0.contains_key(device));
        missing
    }

    fn put(&mut self, device: DeviceId, keys: Vec<VerifyingKey>) {
        if self.0.len() >= KEYS_MAX {
            self.0.clear();
        }
        // A device without any key is asked for again: its certificate may be on its way into the state.
        if !keys.is_empty() {
            self.0.insert(device, keys);
        }
    }

    /// Keys that the vault itself says were enrolled; the state may have been lost and be on its way to being rebuilt.
    fn learn_all(&mut self, prepared: &Prepared) {
        for record in prepared.of_kind(RecordKind::Enrolment) {
            let Ok(certificate) = DeviceCertificate::parse(&record.payload) else { continue };
            let keys = self.0.entry(certificate.device).or_default();
            if !keys.contains(&certificate.key) {
                keys.insert(0, certificate.key);
            }
        }
    }

    fn of(&self, device: &DeviceId) -> &[VerifyingKey] {
        self.0.get(device).map_or(&[], Vec::as_slice)
    }
}
