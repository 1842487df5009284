//! From a verified report to a durable one: a bounded queue into one thread that writes the vault, or the shared log of a cluster.
//!
//! Not the gate (it verifies signatures before) and not the pipeline (it reads the vault behind). Invariants: [`Intake::report`]
//! returns a receipt only for what is durable, on this disk or acknowledged by the log's broker (DESIGN 1); on one node a report is in
//! the vault once, however often it comes (in a cluster the worker tells, ADR-0020); every refusal that is told to a device is a record
//! or a count (DESIGN 4). Cost: one write and one fdatasync for all that waits (group commit); memory ≤ [`BYTES_MAX`] of reports plus
//! ~2 KB a device.

mod anomaly;
mod chains;
mod skew;
mod throttle;
mod to_log;
mod vouched;
mod writer;

pub use anomaly::{
    ANOMALY_BYTES_MAX, AnomalyError, AnomalyRecord, CLOCK_SKEW, DEVICE_REVOKED, LINK_BAD_SIGNATURE, LINK_CHAIN_BROKEN,
    LINK_MALFORMED, LINK_OVERSIZE, LINK_REPLAY, LINK_SEQUENCE_GAP, LINK_THROTTLED, LINK_WRONG_DEVICE, Reason,
};
pub use chains::{SNAPSHOT_BYTES_MAX, Stale};
pub use skew::REPORT_AGE_MAX_US;
pub use throttle::{ANOMALIES_MAX, THROTTLED_RECORDS_MAX, WINDOW_US};
pub use vouched::{VOUCHED_MAX, Vouched};
pub use writer::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX, CHECKPOINT_INTERVAL};

use crate::cluster::LogWriter;
use crate::gate::{Counted, Counters};
use crate::state::State;
use axum::body::Bytes;
pub(crate) use chains::{Chains, Verdict};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;
use throttle::Throttle;
use to_log::ToLog;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use writer::{Job, Writer};
use yagura_link::{Digest, Header, Receipt, Resume};
use yagura_model::{DeviceId, UnixMicros};
use yagura_store::{CUSTODY_BYTES_MAX, RecordKind, Vault, VaultError, VaultReader};

/// Requests that wait for the vault at the same time.
pub const JOBS_MAX: usize = 1024;
/// Bytes of reports that are being read or wait for the vault.
pub const BYTES_MAX: usize = 32 << 20;

/// Why the intake took nothing. The same bytes may come again.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IntakeError {
    /// Too much is waiting for the vault already.
    #[error("the server is busy")]
    Busy,
    /// The vault's disk is full.
    #[error("the server's disk is full")]
    StorageFull,
    /// The vault cannot be written; the log says why.
    #[error("the server cannot store reports now")]
    StorageFailed,
    /// The server is shutting down.
    #[error("the server is shutting down")]
    Closing,
}

impl IntakeError {
    /// Stable name, for answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::StorageFull => "storage-full",
            Self::StorageFailed => "storage-failed",
            Self::Closing => "closing",
        }
    }
}

/// Why a report was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NotTaken {
    /// It is out of its chain for good; recorded as an anomaly.
    Stale(Stale),
    /// Not now.
    Not(IntakeError),
}

impl From<IntakeError> for NotTaken {
    fn from(error: IntakeError) -> Self {
        Self::Not(error)
    }
}

/// Why the intake cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenIntakeError {
    /// The vault cannot be read to the end.
    #[error("cannot read the vault to rebuild the chains of the devices")]
    Vault(#[from] VaultError),
    /// The system gives no thread.
    #[error("cannot start the thread that writes the vault")]
    Thread(#[source] std::io::Error),
}

/// A report whose signature was verified with the key of `header.device`.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Its header.
    pub header: Header,
    /// SHA-256 of `bytes`.
    pub digest: Digest,
    /// As received.
    pub bytes: Bytes,
    /// The device's own clock when it sent the request, if it said so.
    pub sent: Option<UnixMicros>,
}

/// What became of a report that is in the vault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Taken {
    /// The promise, still to be signed.
    pub receipt: Receipt,
    /// Whether it was in the vault before.
    pub repeated: bool,
}

/// Room for a report, given back when dropped.
#[derive(Debug)]
pub struct Room(OwnedSemaphorePermit);

impl Room {
    /// Adds room of the same intake.
    pub fn merge(&mut self, more: Self) {
        self.0.merge(more.0);
    }
}

/// The intake. Cheap to clone; all clones feed the same vault or log.
#[derive(Clone)]
pub struct Intake(Arc<Shared>);

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake").finish_non_exhaustive()
    }
}

struct Shared {
    room: Arc<Semaphore>,
    throttle: Arc<Mutex<Throttle>>,
    counters: Arc<Counters>,
    end: End,
}

/// Where records go.
enum End {
    /// The vault of this process.
    Vault(ToVault),
    /// The log of a cluster.
    Log(Box<ToLog>),
}

struct ToVault {
    jobs: SyncSender<Job>,
    durable: watch::Receiver<u64>,
    reader: VaultReader,
    vouched: Vouched,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Intake {
    /// Rebuilds the chains from their snapshot and the vault behind it, and starts the thread that writes it. Blocks while it reads.
    ///
    /// # Errors
    /// [`OpenIntakeError`]
    pub fn open(vault: Vault, counters: Arc<Counters>) -> Result<Self, OpenIntakeError> {
        let reader = vault.reader();
        let chains = Chains::open(&reader, reader.len())?;
        let (jobs, queue) = sync_channel(JOBS_MAX);
        let (durable, watching) = watch::channel(vault.len());
        let throttle = Arc::new(Mutex::new(Throttle::default()));
        let vouched = Vouched::default();
        let writer = Writer {
            vouched: vouched.clone(),
            covered: 0,
            ticked: Instant::now(),
            vault,
            chains,
            jobs: queue,
            durable,
            throttle: Arc::clone(&throttle),
            counters: Arc::clone(&counters),
        };
        let thread = std::thread::Builder::new().name("vault-writer".to_owned()).spawn(move || writer.run());
        let thread = Mutex::new(Some(thread.map_err(OpenIntakeError::Thread)?));
        let end = End::Vault(ToVault { jobs, durable: watching, reader, vouched, thread });
        Ok(Self(Arc::new(Shared { room: Arc::new(Semaphore::new(BYTES_MAX)), throttle, counters, end })))
    }

    /// An intake that appends to the log of a cluster; where devices stand is asked of the state. Call it within a runtime.
    #[must_use]
    pub fn to_log(log: LogWriter, state: State, counters: Arc<Counters>) -> Self {
        let throttle = Arc::new(Mutex::new(Throttle::default()));
        let end = End::Log(Box::new(ToLog::start(log, state, Arc::clone(&throttle), Arc::clone(&counters))));
        Self(Arc::new(Shared { room: Arc::new(Semaphore::new(BYTES_MAX)), throttle, counters, end }))
    }

    /// Room for a report of at most `bytes`, to be asked for before its body is read.
    ///
    /// # Errors
    /// [`IntakeError::Busy`]
    pub fn room(&self, bytes: usize) -> Result<Room, IntakeError> {
        let bytes = u32::try_from(bytes).map_err(|_| IntakeError::Busy)?;
        Arc::clone(&self.0.room).try_acquire_many_owned(bytes).map(Room).map_err(|_| IntakeError::Busy)
    }

    /// Makes a report durable, or finds it durable, and returns the promise to be signed.
    ///
    /// # Errors
    /// [`NotTaken`]; the vault does not hold the report then, unless it ends with [`IntakeError::Closing`] or
    /// [`IntakeError::StorageFailed`], after which it may.
    pub async fn report(&self, report: Verified, room: Room) -> Result<Taken, NotTaken> {
        match &self.0.end {
            End::Vault(vault) => vault.ask(|reply| Job::Report { report, room, reply }).await?,
            End::Log(log) => Ok(log.report(&report).await?),
        }
    }

    /// Makes a device certificate (DER) durable as evidence and returns its place.
    ///
    /// # Errors
    /// [`IntakeError`]
    pub async fn enrolment(&self, der: Vec<u8>) -> Result<u64, IntakeError> {
        match &self.0.end {
            End::Vault(vault) => vault.ask(|reply| Job::Enrolment { der, reply }).await?,
            End::Log(log) => log.enrolment(&der).await,
        }
    }

    /// Makes bytes that others sent durable as evidence and returns their place. `owner` says with whose records they stand in one
    /// order; for a source that is no device, tenant and source.
    ///
    /// # Errors
    /// [`IntakeError`]
    pub async fn evidence(
        &self,
        kind: RecordKind,
        owner: &DeviceId,
        payload: Bytes,
        room: Room,
    ) -> Result<u64, IntakeError> {
        match &self.0.end {
            End::Vault(vault) => vault.ask(|reply| Job::Evidence { kind, payload, room, reply }).await?,
            End::Log(log) => log.evidence(kind, owner, &payload).await,
        }
    }

    /// Makes a record of what was done with the evidence durable and returns its position.
    ///
    /// # Errors
    /// [`IntakeError`]; always if it writes the log of a cluster: such a record belongs to one partition, and its worker writes it.
    pub async fn custody(&self, payload: Vec<u8>) -> Result<u64, IntakeError> {
        let (kind, payload, room) = (RecordKind::Custody, Bytes::from(payload), self.room(CUSTODY_BYTES_MAX)?);
        match &self.0.end {
            End::Vault(vault) => vault.ask(|reply| Job::Evidence { kind, payload, room, reply }).await?,
            End::Log(_) => Err(IntakeError::StorageFailed),
        }
    }

    /// Records an anomaly, or counts it if the device has had its share. Returns when it is durable, or counted.
    pub async fn anomaly(&self, record: AnomalyRecord) {
        let Some(record) = self.throttle().admit(record) else {
            self.0.counters.count(Counted::AnomalyHeldBack);
            return;
        };
        // What the thread of the vault could not write is held by itself; what did not get that far is held here.
        let recorded = match &self.0.end {
            End::Vault(vault) => vault.ask(|reply| Job::Anomaly { record, reply }).await.map(drop),
            End::Log(log) => log.anomaly(&record).await.map(drop),
        };
        if recorded.is_err() {
            self.throttle().hold(record);
        }
    }

    /// Records something about a device whatever its share; its place, when it is durable.
    ///
    /// # Errors
    /// [`IntakeError`]; it may be recorded all the same, later.
    pub async fn record(&self, record: AnomalyRecord) -> Result<u64, IntakeError> {
        match &self.0.end {
            End::Vault(vault) => vault.ask(|reply| Job::Anomaly { record, reply }).await?,
            End::Log(log) => log.anomaly(&record).await,
        }
    }

    /// The last report of a device up to which nothing is awaited; `None` if there is none. In a cluster it may lag behind what was
    /// acknowledged a moment ago; the device then sends again what is there already.
    ///
    /// # Errors
    /// [`IntakeError`]
    pub async fn resume(&self, device: DeviceId) -> Result<Option<Resume>, IntakeError> {
        match &self.0.end {
            End::Vault(vault) => vault.ask(|reply| Job::Resume { device, reply }).await,
            End::Log(log) => log.resume(&device).await,
        }
    }

    /// How many records are durable, as it grows; `None` if they go to the log of a cluster.
    #[must_use]
    pub fn durable(&self) -> Option<watch::Receiver<u64>> {
        self.vault().map(|vault| vault.durable.clone())
    }

    /// Reads the vault that the intake writes; `None` if it writes the log of a cluster.
    #[must_use]
    pub fn reader(&self) -> Option<VaultReader> {
        self.vault().map(|vault| vault.reader.clone())
    }

    /// Which of the newest records are reports that were verified before they came here; nothing if records go to the log of a cluster.
    #[must_use]
    pub fn vouched(&self) -> Vouched {
        self.vault().map(|vault| vault.vouched.clone()).unwrap_or_default()
    }

    /// Finishes what is waiting, signs a last checkpoint and closes the vault. What comes
    /// later is answered with [`IntakeError::Closing`]. May be called again; then it does nothing.
    pub async fn stop(&self) {
        if let End::Log(log) = &self.0.end {
            return log.stop().await;
        }
        let shared = Arc::clone(&self.0);
        // A full queue must not keep the order to stop out: this send may wait, so it waits where waiting is allowed.
        let stopped = tokio::task::spawn_blocking(move || {
            let End::Vault(vault) = &shared.end else { return true };
            let _ = vault.jobs.send(Job::Stop);
            let thread = vault.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
            thread.is_none_or(|thread| thread.join().is_ok())
        });
        if !matches!(stopped.await, Ok(true)) {
            self.0.counters.emit(Counted::StorageFailed, &"the thread that writes the vault ended by a panic");
        }
    }

    fn vault(&self) -> Option<&ToVault> {
        match &self.0.end {
            End::Vault(vault) => Some(vault),
            End::Log(_) => None,
        }
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.0.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ToVault {
    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Result<T, IntakeError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.try_send(job(reply)).map_err(|error| match error {
            TrySendError::Full(_) => IntakeError::Busy,
            TrySendError::Disconnected(_) => IntakeError::Closing,
        })?;
        answer.await.map_err(|_| IntakeError::Closing)
    }
}
