//! The intake of a cluster's gate: records go to the shared log, where devices stand comes from the state.
//!
//! Not the judgement of a report's place in its chain: the worker that owns the partition does that, in the order of the log. What
//! only the gate can know, the device's clock at sending, becomes an anomaly record in front of the report. Invariant: an answer leaves
//! after the broker's acknowledgement. Cost: one message a report, ~12 bytes more than its own.

use super::anomaly::AnomalyRecord;
use super::chains::skew_record;
use super::throttle::{Throttle, WINDOW_US};
use super::writer::receipt;
use super::{IntakeError, Taken, Verified};
use crate::clock;
use crate::cluster::{AppendError, LogWriter, record_custody};
use crate::gate::{Counted, Counters};
use crate::happenings::chain;
use crate::identity::DeviceCertificate;
use crate::state::State;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use yagura_link::Resume;
use yagura_model::{DeviceId, UnixMicros};
use yagura_store::{Envelope, RecordKind};

/// How often it is looked whose windows of held back anomalies are over.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const _: () = assert!(WINDOW_US >= 1_000_000, "a window is not shorter than a look");

/// Appends to the log of a cluster.
pub(super) struct ToLog {
    log: Log,
    state: State,
    closing: AtomicBool,
    /// Records what was held back, when its window is over.
    ticking: JoinHandle<()>,
}

#[derive(Clone)]
struct Log {
    writer: LogWriter,
    throttle: Arc<Mutex<Throttle>>,
    counters: Arc<Counters>,
}

impl Drop for ToLog {
    fn drop(&mut self) {
        self.ticking.abort();
    }
}

impl ToLog {
    pub(super) fn start(
        writer: LogWriter,
        state: State,
        throttle: Arc<Mutex<Throttle>>,
        counters: Arc<Counters>,
    ) -> Self {
        let log = Log { writer, throttle, counters };
        let ticking = tokio::spawn(log.clone().tick());
        Self { log, state, closing: AtomicBool::new(false), ticking }
    }

    pub(super) async fn report(&self, report: &Verified) -> Result<Taken, IntakeError> {
        self.open()?;
        let received = clock::now();
        if let Some(record) = skew_record(report, received) {
            let admitted = self.log.throttle().admit(record);
            match admitted {
                // If it is not recorded, the report is not either and comes again.
                Some(record) => self.log.anomaly(&record, received).await.map(drop)?,
                None => self.log.counters.count(Counted::AnomalyHeldBack),
            }
        }
        let envelope = Envelope { kind: RecordKind::Report, received, payload: &report.bytes };
        let place = self.log.append(&report.header.device, &envelope).await?;
        Ok(Taken { receipt: receipt(report, place, received), repeated: false })
    }

    pub(super) async fn enrolment(&self, der: &[u8]) -> Result<u64, IntakeError> {
        self.open()?;
        // Our own authority has just made it.
        let device = DeviceCertificate::parse(der).map_err(|_| IntakeError::StorageFailed)?.device;
        let envelope = Envelope { kind: RecordKind::Enrolment, received: clock::now(), payload: der };
        self.log.append(&device, &envelope).await
    }

    pub(super) async fn evidence(
        &self,
        kind: RecordKind,
        owner: &DeviceId,
        payload: &[u8],
    ) -> Result<u64, IntakeError> {
        self.open()?;
        self.log.append(owner, &Envelope { kind, received: clock::now(), payload }).await
    }

    pub(super) async fn custody(&self, payload: &[u8]) -> Result<u64, IntakeError> {
        self.open()?;
        record_custody(&self.log.writer, payload).await.map_err(|error| self.log.failed(error))
    }

    pub(super) async fn anomaly(&self, record: &AnomalyRecord) -> Result<u64, IntakeError> {
        self.open()?;
        self.log.anomaly(record, clock::now()).await
    }

    pub(super) async fn resume(&self, device: &DeviceId) -> Result<Option<Resume>, IntakeError> {
        self.state.resume(device).await.map_err(|error| {
            self.log.counters.emit(Counted::VaultFailed, &format_args!("the state fails: {}", chain(&error)));
            IntakeError::StorageFailed
        })
    }

    /// Records what is held back and waits for what is under way.
    pub(super) async fn stop(&self) {
        if self.closing.swap(true, Ordering::SeqCst) {
            return;
        }
        self.ticking.abort();
        let held = self.log.throttle().flush();
        self.log.record_held(held).await;
        let writer = self.log.writer.clone();
        // Those who still wait are answered by their own deliveries.
        let _ = tokio::task::spawn_blocking(move || writer.drain()).await;
    }

    fn open(&self) -> Result<(), IntakeError> {
        if self.closing.load(Ordering::SeqCst) { Err(IntakeError::Closing) } else { Ok(()) }
    }
}

impl Log {
    async fn append(&self, device: &DeviceId, envelope: &Envelope<'_>) -> Result<u64, IntakeError> {
        self.writer.append(device, envelope).await.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: AppendError) -> IntakeError {
        match error {
            AppendError::Busy => IntakeError::Busy,
            error => {
                self.counters.emit(Counted::VaultFailed, &format_args!("the log fails: {}", chain(&error)));
                IntakeError::StorageFailed
            }
        }
    }

    async fn anomaly(&self, record: &AnomalyRecord, received: UnixMicros) -> Result<u64, IntakeError> {
        let payload = record.encode();
        let envelope = Envelope { kind: RecordKind::Anomaly, received, payload: &payload };
        self.append(&record.device, &envelope).await
    }

    async fn tick(self) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let held = self.throttle().ended(clock::now());
            self.record_held(held).await;
        }
    }

    /// Records the numbers of what was held back; they are held again if that fails.
    async fn record_held(&self, held: Vec<AnomalyRecord>) {
        for record in held {
            if self.anomaly(&record, clock::now()).await.is_err() {
                self.throttle().hold(record);
            }
        }
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
