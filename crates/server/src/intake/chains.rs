//! The chain of every device, as far as the vault has it, and as a batch under way would have it.
//!
//! Not the judgement itself (that is `link`). Invariant: what a batch changed is kept only after the batch is durable, so a failed
//! write leaves the chains as the disk has them; chains from a snapshot are those that its records give. Cost: one copy of a chain
//! (≤ 4 KiB) per device and batch; a start reads what is behind the newest snapshot, one SHA-256 a report.

mod snapshot;

use super::Verified;
use super::anomaly::{AnomalyRecord, CLOCK_SKEW, LINK_REPLAY};
use super::skew::skew;
use crate::happenings::{ChainsNotRestored, emit};
pub use snapshot::SNAPSHOT_BYTES_MAX;
use snapshot::Saver;
use std::collections::HashMap;
use yagura_link::{Anomaly, Chain, Digest, Header, Judgement, Losses, RefuseReason, Resume, SKEW_MICROS_MAX, peek};
use yagura_model::{DeviceId, UnixMicros};
use yagura_store::{Position, RecordKind, VaultError, VaultReader};

/// Why a report is out of its chain for good.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Stale {
    /// Other content has this number.
    #[error("sequence {sequence} of this boot is taken by another report")]
    Conflict {
        /// The number.
        sequence: u64,
    },
    /// The number is so old that the content it had is no longer known here.
    #[error("sequence {sequence} is too old, {oldest} is the oldest that can still come")]
    TooOld {
        /// The number.
        sequence: u64,
        /// The oldest that is remembered.
        oldest: u64,
    },
    /// The device started anew since.
    #[error("boot {boot} is over, the device is at boot {current}")]
    Boot {
        /// The boot of the report.
        boot: u64,
        /// The device's newest boot.
        current: u64,
    },
}

/// What becomes of a report.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It is the next, after what is to be said about it.
    Accept(Vec<AnomalyRecord>),
    /// It is there already.
    Duplicate(u64),
    /// It has no place in the chain; this is to be said.
    Refuse(Stale, Box<AnomalyRecord>),
}

/// The chains of all devices.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    durable: HashMap<DeviceId, Chain>,
    batch: HashMap<DeviceId, Chain>,
    saver: Option<Saver>,
}

impl Chains {
    /// The chains as the first `end` records of the vault give them: from the newest snapshot and the records behind it.
    pub(crate) fn open(reader: &VaultReader, end: u64) -> Result<Self, VaultError> {
        let (found, unusable) = snapshot::read(reader, end)?;
        unusable.iter().for_each(|cause| emit(&ChainsNotRestored { cause }));
        let found = found.unwrap_or_default();
        let saver = Some(Saver::new(reader.clone(), found.position));
        let chains = Self { durable: found.chains, saver, ..Self::default() };
        chains.caught_up(reader, found.position, end)
    }

    /// With the records from `position` up to `end`.
    fn caught_up(self, reader: &VaultReader, position: u64, end: u64) -> Result<Self, VaultError> {
        let mut chains = self;
        for record in reader.read_from(Position(position)) {
            let record = record?;
            if record.position.0 >= end {
                break;
            }
            // A report that cannot be read any more was accepted by a version that could; it is not part of a chain here.
            if record.kind == RecordKind::Report
                && let Ok(header) = peek(&record.payload)
            {
                let chain = chains.durable.entry(header.device).or_default();
                chain.record(&header, &Digest::of(&record.payload), record.position.0);
            }
        }
        Ok(chains)
    }

    /// Judges a report as the next of the batch. If accepted, it comes after its anomalies.
    pub(crate) fn judge(&self, header: &Header, digest: Digest, received: UnixMicros) -> Verdict {
        let fresh = Chain::new();
        let chain = self.batch.get(&header.device).or_else(|| self.durable.get(&header.device)).unwrap_or(&fresh);
        match chain.judge(header, &digest, received) {
            Judgement::Accept { anomalies } => Verdict::Accept(of_anomalies(&anomalies, header, digest, received)),
            Judgement::Duplicate { position } => Verdict::Duplicate(position),
            Judgement::Refuse(reason) => {
                let (stale, expected, observed) = stale(reason, header);
                let record = AnomalyRecord::one(LINK_REPLAY, header.device, received);
                let record = record.numbers(number(expected), number(observed));
                Verdict::Refuse(stale, Box::new(AnomalyRecord { report: Some(digest.0), ..record }))
            }
        }
    }

    /// Takes a report into the batch, at this position of the vault.
    pub(crate) fn take(&mut self, header: &Header, digest: Digest, position: u64) {
        let device = header.device;
        let chain = self.batch.entry(device).or_insert_with(|| self.durable.get(&device).cloned().unwrap_or_default());
        chain.record(header, &digest, position);
    }

    /// The batch is durable.
    pub(crate) fn commit(&mut self) {
        self.durable.extend(self.batch.drain());
    }

    /// Writes a snapshot in the background if it is time for one. The first `position` records gave these chains, and no batch is under way.
    pub(crate) fn save(&mut self, position: u64) {
        if let Some(saver) = self.saver.as_mut().filter(|saver| saver.is_due(position, self.durable.len())) {
            saver.save_behind(position, &self.durable);
        }
    }

    /// As [`Self::save`], before this process ends.
    pub(crate) fn save_now(&mut self, position: u64) {
        if let Some(saver) = &mut self.saver {
            saver.save_now(position, &self.durable);
        }
    }

    /// The batch is not in the vault.
    pub(crate) fn abort(&mut self) {
        self.batch.clear();
    }

    /// Where a device may go on, by its durable reports.
    pub(crate) fn resume(&self, device: &DeviceId) -> Option<Resume> {
        self.durable.get(device).and_then(Chain::resume)
    }

    /// Where a device may go on, with the batch, and the position of that report if it is of the device's newest boot.
    pub(crate) fn standing(&self, device: &DeviceId) -> Option<(Resume, u64)> {
        self.batch.get(device).or_else(|| self.durable.get(device)).and_then(Chain::standing)
    }
}

fn stale(reason: RefuseReason, header: &Header) -> (Stale, u64, u64) {
    let (sequence, boot) = (header.sequence, header.boot);
    match reason {
        RefuseReason::StaleBoot { current } => (Stale::Boot { boot, current }, current, boot),
        RefuseReason::TooOld { oldest } => (Stale::TooOld { sequence, oldest }, oldest, sequence),
        _ => (Stale::Conflict { sequence }, sequence, sequence),
    }
}

/// Excerpts are an extra: events without one are whole. Lost ones are counted from the header, not told as an anomaly.
fn only_excerpts(anomaly: &Anomaly) -> bool {
    matches!(anomaly, Anomaly::Losses(losses) if Losses { excerpts: 0, ..*losses }.is_none())
}

fn skewed(report: &Verified, received: UnixMicros, bound: i64, ahead: i64) -> AnomalyRecord {
    let record = AnomalyRecord::one(CLOCK_SKEW, report.header.device, received).numbers(bound, ahead);
    AnomalyRecord { report: Some(report.digest.0), ..record }
}

/// What the device's clock at sending shows, or its age without one: only the gate knows it. Nothing if the chain will say so.
pub(super) fn skew_record(report: &Verified, received: UnixMicros) -> Option<AnomalyRecord> {
    let header = &report.header;
    let bound = SKEW_MICROS_MAX.saturating_add(i64::from(header.clock.uncertainty));
    let said = header.clock.unix(header.last).since(received) > bound;
    let skew = skew(header, report.sent, received).filter(|_| !said)?;
    Some(skewed(report, received, skew.bound, skew.ahead))
}

/// What a chain has to say about a report.
fn of_anomalies(anomalies: &[Anomaly], header: &Header, digest: Digest, received: UnixMicros) -> Vec<AnomalyRecord> {
    let about = |anomaly: &Anomaly, expected, observed| {
        let record = AnomalyRecord::one(anomaly.event(), header.device, received).numbers(expected, observed);
        AnomalyRecord { report: Some(digest.0), ..record }
    };
    anomalies
        .iter()
        .filter(|anomaly| !only_excerpts(anomaly))
        .map(|anomaly| {
            let (expected, observed) = match anomaly {
                Anomaly::SequenceGap { missing } => {
                    (number(header.sequence).saturating_sub(number(*missing)), number(header.sequence))
                }
                Anomaly::Losses(losses) => (0, number(losses.events)),
                Anomaly::ClockSkew { ahead_micros } => {
                    (SKEW_MICROS_MAX.saturating_add(i64::from(header.clock.uncertainty)), *ahead_micros)
                }
                _ => (0, 0),
            };
            about(anomaly, expected, observed)
        })
        .collect()
}

/// A count as the signed number of an anomaly record.
fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
