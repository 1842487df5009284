//! The chain of every device, as far as the vault has it, and as a batch under way would have it.
//!
//! Not the judgement itself (that is `link`). Invariant: what a batch changed is kept only after the batch is durable, so a failed
//! write leaves the chains as the disk has them. Cost: one copy of a chain (≤ 4 KiB) per device and batch; a start reads the
//! whole vault, one SHA-256 a report.

use super::anomaly::{AnomalyRecord, LINK_REPLAY};
use super::skew::skew;
use super::{OpenIntakeError, Verified};
use std::collections::HashMap;
use yagura_link::{Anomaly, Chain, Digest, Header, Judgement, Losses, RefuseReason, Resume, SKEW_MICROS_MAX, peek};
use yagura_model::{DeviceId, UnixMicros};
use yagura_store::{Position, RecordKind, VaultReader};

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
pub(super) enum Verdict {
    /// It goes to the vault, after what is to be said about it.
    Accept(Vec<AnomalyRecord>),
    /// It is there already.
    Duplicate(u64),
    /// It does not go to the vault; this does.
    Refuse(Stale, Box<AnomalyRecord>),
}

/// The chains of all devices.
#[derive(Debug, Default)]
pub(super) struct Chains {
    durable: HashMap<DeviceId, Chain>,
    batch: HashMap<DeviceId, Chain>,
}

impl Chains {
    /// The chains as the records of the vault give them.
    pub(super) fn rebuild(reader: &VaultReader) -> Result<Self, OpenIntakeError> {
        let mut chains = Self::default();
        for record in reader.read_from(Position(0)) {
            let record = record?;
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

    /// Judges a report as the next of the batch. If accepted, it will be at `position`, after its anomalies.
    pub(super) fn judge(&self, report: &Verified, received: UnixMicros) -> Verdict {
        let header = &report.header;
        let fresh = Chain::new();
        let chain = self.batch.get(&header.device).or_else(|| self.durable.get(&header.device)).unwrap_or(&fresh);
        match chain.judge(header, &report.digest, received) {
            Judgement::Accept { anomalies } => Verdict::Accept(records(&anomalies, report, received)),
            Judgement::Duplicate { position } => Verdict::Duplicate(position),
            Judgement::Refuse(reason) => {
                let (stale, expected, observed) = stale(reason, header);
                let record = AnomalyRecord::one(LINK_REPLAY, header.device, received);
                let record = record.numbers(number(expected), number(observed));
                Verdict::Refuse(stale, Box::new(AnomalyRecord { report: Some(report.digest.0), ..record }))
            }
        }
    }

    /// Takes a report into the batch, at this place of the vault.
    pub(super) fn take(&mut self, report: &Verified, position: u64) {
        let device = report.header.device;
        let chain = self.batch.entry(device).or_insert_with(|| self.durable.get(&device).cloned().unwrap_or_default());
        chain.record(&report.header, &report.digest, position);
    }

    /// The batch is durable.
    pub(super) fn commit(&mut self) {
        self.durable.extend(self.batch.drain());
    }

    /// The batch is not in the vault.
    pub(super) fn abort(&mut self) {
        self.batch.clear();
    }

    /// Where a device may go on, by its durable reports.
    pub(super) fn resume(&self, device: &DeviceId) -> Option<Resume> {
        self.durable.get(device).and_then(Chain::resume)
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

fn records(anomalies: &[Anomaly], report: &Verified, received: UnixMicros) -> Vec<AnomalyRecord> {
    let header = &report.header;
    let about = |anomaly: &Anomaly, expected, observed| {
        let record = AnomalyRecord::one(anomaly.event(), header.device, received).numbers(expected, observed);
        AnomalyRecord { report: Some(report.digest.0), ..record }
    };
    let mut records: Vec<AnomalyRecord> = anomalies
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
        .collect();
    let said = anomalies.iter().any(|anomaly| matches!(anomaly, Anomaly::ClockSkew { .. }));
    if let Some(skew) = skew(header, report.sent, received).filter(|_| !said) {
        records.push(about(&Anomaly::ClockSkew { ahead_micros: skew.ahead }, skew.bound, skew.ahead));
    }
    records
}

/// A count as the signed number of an anomaly record.
fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
