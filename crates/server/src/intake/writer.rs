//! The one thread that writes the vault: takes what waits, judges it in order, appends it in one write, then answers.
//!
//! Not async and not shared: chains and vault belong to it. Invariants: answers leave after `Vault::append` returned; an
//! accepted report's anomalies stand before it, so a torn write repeats an anomaly and never swallows one; a failed append changes
//! nothing here. Cost: one fdatasync a batch of ≤ [`BATCH_RECORDS_MAX`]; a checkpoint about once in [`CHECKPOINT_INTERVAL`].

use super::anomaly::AnomalyRecord;
use super::chains::{Chains, Verdict, skew_record};
use super::throttle::Throttle;
use super::vouched::Vouched;
use super::{IntakeError, NotTaken, Room, Taken, Verified};
use crate::clock;
use crate::gate::{Counted, Counters};
use crate::happenings::chain;
use crate::metrics::{Stage, Timer};
use crate::traces;
use axum::body::Bytes;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};
use yagura_link::{Digest, Receipt, Resume};
use yagura_model::{DeviceId, UnixMicros};
use yagura_store::{NewRecord, Position, RecordKind, Vault, VaultError};

/// Jobs of one batch.
pub const BATCH_RECORDS_MAX: usize = 512;
/// Bytes after which a batch takes no further report.
pub const BATCH_BYTES_MAX: usize = 4 << 20;
/// How long a durable record may be without a signed checkpoint over it.
pub const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(1);

/// What the thread is asked to do.
pub(super) enum Job {
    Report { report: Verified, room: Room, reply: oneshot::Sender<Result<Taken, NotTaken>> },
    Enrolment { der: Vec<u8>, reply: oneshot::Sender<Result<u64, IntakeError>> },
    Evidence { kind: RecordKind, payload: Bytes, room: Room, reply: oneshot::Sender<Result<u64, IntakeError>> },
    Anomaly { record: AnomalyRecord, reply: oneshot::Sender<Result<u64, IntakeError>> },
    Resume { device: DeviceId, reply: oneshot::Sender<Option<Resume>> },
    Stop,
}

/// An answer that waits for its batch to be durable.
enum Answer {
    Report(oneshot::Sender<Result<Taken, NotTaken>>, Result<Taken, NotTaken>),
    Place(oneshot::Sender<Result<u64, IntakeError>>, u64),
    Resume(oneshot::Sender<Option<Resume>>, DeviceId),
}

/// What goes to the vault in one write, and who waits for it.
struct Batch {
    base: u64,
    received: UnixMicros,
    records: Vec<(RecordKind, Bytes)>,
    anomalies: Vec<AnomalyRecord>,
    answers: Vec<Answer>,
    rooms: Vec<Room>,
    /// Reports in it: place and digest.
    verified: Vec<(u64, Digest)>,
    bytes: usize,
}

impl Batch {
    fn new(vault: &Vault) -> Self {
        let (base, received) = (vault.len(), clock::now());
        let (records, anomalies, answers, rooms) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { base, received, records, anomalies, answers, rooms, verified: Vec::new(), bytes: 0 }
    }

    /// The place that the next record will have.
    const fn next(&self) -> u64 {
        self.base + self.records.len() as u64
    }

    const fn is_full(&self) -> bool {
        self.answers.len() >= BATCH_RECORDS_MAX || self.bytes >= BATCH_BYTES_MAX
    }

    fn push(&mut self, kind: RecordKind, payload: Bytes) -> u64 {
        let position = self.next();
        self.bytes += payload.len();
        self.records.push((kind, payload));
        position
    }

    fn say(&mut self, record: AnomalyRecord) {
        self.push(RecordKind::Anomaly, record.encode().into());
        self.anomalies.push(record);
    }
}

/// The writing end.
pub(super) struct Writer {
    pub(super) vault: Vault,
    pub(super) chains: Chains,
    pub(super) jobs: Receiver<Job>,
    pub(super) durable: watch::Sender<u64>,
    pub(super) throttle: Arc<Mutex<Throttle>>,
    pub(super) counters: Arc<Counters>,
    pub(super) vouched: Vouched,
    /// Records that the newest checkpoint covers.
    pub(super) covered: u64,
    /// When it was last looked what is due.
    pub(super) ticked: Instant,
}

impl Writer {
    /// Works until it is told to stop or nobody is left to ask.
    pub(super) fn run(mut self) {
        loop {
            match self.jobs.recv_timeout(CHECKPOINT_INTERVAL.saturating_sub(self.ticked.elapsed())) {
                Ok(first) => {
                    if self.batch(first).is_break() {
                        break;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.tick();
        }
        let held = self.throttle().flush();
        self.record_held(held);
        self.sign_checkpoint();
        self.chains.save_now(self.vault.len());
    }

    /// What is due about once in [`CHECKPOINT_INTERVAL`], batch or no batch.
    fn tick(&mut self) {
        if self.ticked.elapsed() < CHECKPOINT_INTERVAL {
            return;
        }
        self.ticked = Instant::now();
        let held = self.throttle().ended(clock::now());
        self.record_held(held);
        if self.covered < self.vault.len() {
            self.sign_checkpoint();
        }
    }

    /// Takes `first` and what waits behind it as one batch.
    fn batch(&mut self, first: Job) -> ControlFlow<()> {
        let mut batch = Batch::new(&self.vault);
        let mut next = Some(first);
        let mut flow = ControlFlow::Continue(());
        while let Some(job) = next {
            match job {
                Job::Report { report, room, reply } => self.report(&mut batch, &report, room, reply),
                Job::Enrolment { der, reply } => {
                    let position = batch.push(RecordKind::Enrolment, der.into());
                    batch.answers.push(Answer::Place(reply, position));
                }
                Job::Evidence { kind, payload, room, reply } => {
                    let position = batch.push(kind, payload);
                    batch.rooms.push(room);
                    batch.answers.push(Answer::Place(reply, position));
                }
                Job::Anomaly { record, reply } => {
                    let position = batch.next();
                    batch.say(record);
                    batch.answers.push(Answer::Place(reply, position));
                }
                Job::Resume { device, reply } => batch.answers.push(Answer::Resume(reply, device)),
                Job::Stop => flow = ControlFlow::Break(()),
            }
            next = if batch.is_full() || flow.is_break() { None } else { self.jobs.try_recv().ok() };
        }
        let written = self.write(&batch);
        self.answer(batch, written);
        flow
    }

    fn report(
        &mut self,
        batch: &mut Batch,
        report: &Verified,
        room: Room,
        reply: oneshot::Sender<Result<Taken, NotTaken>>,
    ) {
        let answer = match self.chains.judge(&report.header, report.digest, batch.received) {
            Verdict::Accept(anomalies) => {
                for record in anomalies.into_iter().chain(skew_record(report, batch.received)) {
                    self.admit(batch, record);
                }
                let position = batch.push(RecordKind::Report, report.bytes.clone());
                self.chains.take(&report.header, report.digest, position);
                batch.verified.push((position, report.digest));
                Ok(Taken { receipt: receipt(report, position, batch.received), repeated: false })
            }
            Verdict::Duplicate(position) if position >= batch.base => {
                Ok(Taken { receipt: receipt(report, position, batch.received), repeated: true })
            }
            Verdict::Duplicate(position) => self
                .vault
                .reader()
                .record(Position(position))
                .map(|record| Taken { receipt: receipt(report, position, record.received), repeated: true })
                .map_err(|error| NotTaken::Not(self.failure(&error))),
            Verdict::Refuse(stale, record) => {
                self.admit(batch, *record);
                Err(NotTaken::Stale(stale))
            }
        };
        batch.rooms.push(room);
        batch.answers.push(Answer::Report(reply, answer));
    }

    /// Records what the rate limit lets pass, counts the rest.
    fn admit(&self, batch: &mut Batch, record: AnomalyRecord) {
        let admitted = self.throttle().admit(record);
        match admitted {
            Some(record) => batch.say(record),
            None => self.counters.count(Counted::AnomalyHeldBack),
        }
    }

    /// Makes the batch durable, or leaves everything as it was.
    fn write(&mut self, batch: &Batch) -> Result<(), IntakeError> {
        if batch.records.is_empty() {
            return Ok(());
        }
        let received = batch.received;
        let records: Vec<NewRecord<'_>> =
            batch.records.iter().map(|(kind, payload)| NewRecord { kind: *kind, received, payload }).collect();
        let (timer, started) = (Timer::start(Stage::Append), traces::now());
        let appended = self.vault.append(&records);
        drop(timer);
        match appended {
            Ok(first) => {
                debug_assert_eq!(first, Position(batch.base), "one writer, so the vault cannot have grown meanwhile");
                traces::appended(batch.base..self.vault.len(), started);
                self.chains.commit();
                self.vouched.add(batch.verified.iter().copied());
                self.durable.send_replace(self.vault.len());
                Ok(())
            }
            Err(error) => {
                self.chains.abort();
                let mut throttle = self.throttle();
                batch.anomalies.iter().for_each(|record| throttle.hold(*record));
                drop(throttle);
                Err(self.failure(&error))
            }
        }
    }

    /// Answers all who wait. Somebody who stopped waiting asks again; the vault has the report.
    fn answer(&self, batch: Batch, written: Result<(), IntakeError>) {
        for answer in batch.answers {
            match answer {
                Answer::Report(reply, answer) => drop(reply.send(written.map_err(NotTaken::Not).and(answer))),
                Answer::Place(reply, position) => drop(reply.send(written.map(|()| position))),
                Answer::Resume(reply, device) => drop(reply.send(self.chains.resume(&device))),
            }
        }
    }

    /// Records the numbers of what was held back; they are held again if that fails.
    fn record_held(&mut self, held: Vec<AnomalyRecord>) {
        if held.is_empty() {
            return;
        }
        let mut batch = Batch::new(&self.vault);
        held.into_iter().for_each(|record| batch.say(record));
        // A failure was counted and logged, and the numbers are held again.
        let _ = self.write(&batch);
    }

    fn sign_checkpoint(&mut self) {
        let _timer = Timer::start(Stage::Checkpoint);
        match self.vault.checkpoint() {
            Ok(_) => {
                self.covered = self.vault.len();
                self.chains.save(self.covered);
            }
            Err(error) => {
                self.failure(&error);
            }
        }
    }

    /// Counts and logs a failure of the vault; what a device is told of it.
    fn failure(&self, error: &VaultError) -> IntakeError {
        self.counters.emit(Counted::VaultFailed, &format_args!("the vault fails: {}", chain(error)));
        match error {
            VaultError::DiskFull { .. } => IntakeError::StorageFull,
            _ => IntakeError::StorageFailed,
        }
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) const fn receipt(report: &Verified, position: u64, received: UnixMicros) -> Receipt {
    let header = &report.header;
    let (device, boot, sequence) = (header.device, header.boot, header.sequence);
    Receipt { device, boot, sequence, report: report.digest, position, received }
}
