//! The place of each report in the chain of its device, judged where a partition's log is read.
//!
//! Not for a single node: there the intake judges before the vault is written, and this is absent. Invariants: the outcome depends on
//! the records and their order alone, so every owner of the partition comes to the same; of a report that is there twice the first gives
//! rows; what is wrong with a report's place is an anomaly row at the report's own place. Cost: one SHA-256 a report, 4 KiB a device.

use crate::happenings::{ReportRepeated, emit};
use crate::intake::{AnomalyRecord, Chains, Verdict};
use crate::place::{place, position_of};
use crate::state::{ChainRow, LastReport};
use yagura_columns::AnomalyRow;
use yagura_link::{Digest, Header, peek};
use yagura_store::{Record, RecordKind, VaultError, VaultReader};

/// The entry of the first anomaly of a report; a report's own entries stay far below (`ENTRIES_MAX` of `link`).
pub const ANOMALY_ENTRY_FIRST: u16 = 0xFF00;

/// Judges the order of reports.
#[derive(Debug)]
pub(super) struct Order {
    partition: u16,
    chains: Chains,
}

/// What a record gives.
#[derive(Debug)]
pub(super) enum Turn {
    /// Its rows, and these anomalies.
    Take(Option<(Box<Header>, Digest)>, Vec<AnomalyRecord>),
    /// No rows of its own, but these anomalies.
    Leave(Vec<AnomalyRecord>),
}

impl Order {
    /// The order as the first `end` records of a partition's vault give it. Blocks while it reads.
    pub(super) fn rebuild(partition: u16, vault: &VaultReader, end: u64) -> Result<Self, VaultError> {
        Ok(Self { partition, chains: Chains::open(vault, end)? })
    }

    /// What this record gives, which is the next one.
    pub(super) fn turn(&self, record: &Record) -> Turn {
        if record.kind != RecordKind::Report {
            return Turn::Take(None, Vec::new());
        }
        // It cannot be read: decoding it says so.
        let Ok(header) = peek(&record.payload) else { return Turn::Take(None, Vec::new()) };
        let digest = Digest::of(&record.payload);
        match self.chains.judge(&header, digest, record.received) {
            Verdict::Accept(anomalies) => Turn::Take(Some((Box::new(header), digest)), anomalies),
            Verdict::Duplicate(first) => {
                emit(&ReportRepeated { place: record.position.0, first: place(self.partition, first) });
                Turn::Leave(Vec::new())
            }
            Verdict::Refuse(_, anomaly) => Turn::Leave(vec![*anomaly]),
        }
    }

    /// The report at `place` gave its rows.
    pub(super) fn took(&mut self, header: &Header, digest: Digest, place: u64) {
        self.chains.take(header, digest, position_of(place));
    }

    /// Ends a batch: the chains say where each device may go on. `next` is the position of the record behind it.
    pub(super) fn end_batch(&mut self, rows: &mut [ChainRow], next: u64) {
        for row in rows {
            row.highest = self.chains.standing(&row.device).map(|(resume, position)| LastReport {
                boot: resume.boot,
                sequence: resume.sequence,
                digest: resume.digest.0,
                position: place(self.partition, position),
            });
        }
        self.chains.commit();
        self.chains.save(next);
    }

    /// The batch was not judged to its end and is judged again.
    pub(super) fn abort_batch(&mut self) {
        self.chains.abort();
    }
}

/// The rows of anomalies that stand at the place of a report.
pub(super) fn rows<'a>(record: &Record, anomalies: &'a [AnomalyRecord]) -> impl Iterator<Item = AnomalyRow<'a>> {
    let (position, received) = (record.position.0, record.received);
    (ANOMALY_ENTRY_FIRST..).zip(anomalies).map(move |(entry_index, anomaly)| AnomalyRow {
        position,
        entry_index,
        received,
        device: Some(&anomaly.device),
        report: (0, 0),
        event: anomaly.event,
        count: u32::try_from(anomaly.count).unwrap_or(u32::MAX),
        expected: Some(anomaly.expected),
        observed: Some(anomaly.observed),
    })
}
