//! What a vault's records say for themselves: each report signed by its device, each in its turn.
//!
//! Not the check of the vault's own bytes, order and tree (that is `store::verify`, whose visitor this is) and no repair. Needs nothing
//! but the records: device keys come from the enrolment records before them. Invariant: a report counts as signed only under
//! a key that was enrolled for the device it names, at a lower position. Cost: one signature check a report, on all cores; 4 KiB a device
//! and `WAITING_BYTES_MAX` bytes of reports.

pub mod bundle;
pub mod check;
pub mod inbox;
pub mod keeper;
pub mod reads;
pub mod select;
pub mod settings;
pub mod stamper;
pub mod view;
pub mod zip;

pub use settings::Evidence;

use crate::identity::DeviceCertificate;
use ed25519_dalek::VerifyingKey;
use serde::Serialize;
use std::collections::HashMap;
use std::num::NonZero;
use std::thread;
use yagura_link::{Anomaly, Chain, Digest, Header, Judgement, Limits, OpenError, Opener, peek};
use yagura_model::{DeviceId, UnixMicros};
use yagura_sources::{ForeignRecord, LogRecord};
use yagura_store::{RecordKind, RecordRef};

/// Findings that are kept one by one; the rest is only counted.
pub const FINDINGS_MAX: usize = 100;
/// Bytes of reports whose signatures are checked at a time.
const WAITING_BYTES_MAX: usize = 4 << 20;

/// A record that does not say what it should.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// Its position in the vault.
    pub position: u64,
    /// Whom it names, if that can be read.
    pub device: Option<String>,
    /// What is wrong.
    pub what: String,
}

/// What the records add up to.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Summary {
    /// Reports whose signature verifies.
    pub reports: u64,
    /// Certificates that were issued.
    pub enrolments: u64,
    /// Anomalies that the gate recorded.
    pub anomalies: u64,
    /// Records of messages of foreign sensors.
    pub foreign: u64,
    /// Records of log lines of back ends.
    pub logs: u64,
    /// Holds, deletions, exports: what was done with the evidence itself.
    pub custody: u64,
    /// Devices that reported.
    pub devices: u64,
    /// Reports that are missing for good: their sensors numbered them, the vault never received them.
    pub missing: u64,
    /// Signed reports that stand here again, or that have no place in their device's chain. Legal in a partition's vault, where gates that
    /// share no memory write the log and its worker judges the order (ADR-0020); wrong in the vault of a single node.
    pub out_of_turn: u64,
    /// Records that are wrong.
    pub wrong: u64,
    /// The first [`FINDINGS_MAX`] of them.
    pub findings: Vec<Finding>,
}

#[derive(Default)]
struct Device {
    key: Option<VerifyingKey>,
    chain: Chain,
}

/// Whom a record names, if that can be read, and what is not right with it.
enum Fault {
    /// It does not say what it should.
    Wrong(Option<Box<DeviceId>>, String),
    /// It is signed, but stands where its device's chain does not want it.
    OutOfTurn(Box<DeviceId>, String),
}

/// Whether a log of this name is a partition of a cluster: `NAME/pNUMBER`.
fn is_partition(origin: &str) -> bool {
    let number = origin.rsplit_once("/p").map_or("", |(_, number)| number);
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// It names nobody.
fn unreadable(error: impl ToString) -> Fault {
    Fault::Wrong(None, error.to_string())
}

/// Reads records in their order and keeps account.
#[derive(Default)]
pub struct Audit {
    devices: HashMap<DeviceId, Device>,
    summary: Summary,
    /// The first [`FINDINGS_MAX`] reports that are out of turn.
    out_of_turn: Vec<Finding>,
    /// Reports whose signatures are not checked yet.
    waiting: Vec<Waiting>,
    waiting_bytes: usize,
}

/// A report with the key that must have signed it.
struct Waiting {
    position: u64,
    received: UnixMicros,
    claimed: DeviceId,
    key: VerifyingKey,
    payload: Vec<u8>,
}

impl Audit {
    /// An audit that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next record.
    pub fn visit(&mut self, record: RecordRef<'_>) {
        let outcome = match record.kind {
            RecordKind::Enrolment => self.enrol(record),
            RecordKind::Report => self.report(record),
            RecordKind::Custody => {
                self.summary.custody += 1;
                Ok(())
            }
            RecordKind::Anomaly => {
                self.summary.anomalies += 1;
                Ok(())
            }
            RecordKind::Foreign => {
                self.summary.foreign += 1;
                ForeignRecord::decode(record.payload).map(drop).map_err(unreadable)
            }
            RecordKind::Logs => {
                self.summary.logs += 1;
                LogRecord::decode(record.payload).map(drop).map_err(unreadable)
            }
        };
        if let Err(fault) = outcome {
            // Findings stand in the order of the records.
            self.catch_up();
            self.found(record.position.0, fault);
        }
    }

    /// The account of the log of this name; `None` if its name is not known.
    #[must_use]
    pub fn finish(mut self, origin: Option<&str>) -> Summary {
        self.catch_up();
        if !origin.is_some_and(is_partition) {
            self.summary.wrong += self.summary.out_of_turn;
            self.summary.findings.append(&mut self.out_of_turn);
            self.summary.findings.sort_by_key(|finding| finding.position);
            self.summary.findings.truncate(FINDINGS_MAX);
        }
        self.summary.devices = self.devices.values().filter(|device| device.chain.resume().is_some()).count() as u64;
        self.summary
    }

    fn enrol(&mut self, record: RecordRef<'_>) -> Result<(), Fault> {
        let certificate = DeviceCertificate::parse(record.payload).map_err(unreadable)?;
        self.devices.entry(certificate.device).or_default().key = Some(certificate.key);
        self.summary.enrolments += 1;
        Ok(())
    }

    /// Puts a report among those whose signatures are checked next, on all cores.
    fn report(&mut self, record: RecordRef<'_>) -> Result<(), Fault> {
        let claimed = peek(record.payload).map_err(unreadable)?.device;
        let Some(key) = self.devices.entry(claimed).or_default().key else {
            return Err(wrong(claimed, "no certificate for this device stands before it".to_owned()));
        };
        let (position, received, payload) = (record.position.0, record.received, record.payload.to_vec());
        self.waiting_bytes += payload.len();
        self.waiting.push(Waiting { position, received, claimed, key, payload });
        if self.waiting_bytes >= WAITING_BYTES_MAX {
            self.catch_up();
        }
        Ok(())
    }

    /// Checks the reports that wait, and judges their order.
    fn catch_up(&mut self) {
        self.waiting_bytes = 0;
        let waiting = std::mem::take(&mut self.waiting);
        for (report, opened) in waiting.iter().zip(opened_on_all_cores(&waiting)) {
            if let Err(fault) = self.judge(report, opened) {
                self.found(report.position, fault);
            }
        }
    }

    fn judge(&mut self, report: &Waiting, opened: Result<(Header, Digest), OpenError>) -> Result<(), Fault> {
        let claimed = report.claimed;
        let (header, digest) = opened.map_err(|error| wrong(claimed, error.to_string()))?;
        let out_of_turn = |what: String| Err(Fault::OutOfTurn(Box::new(claimed), what));
        let chain = &mut self.devices.entry(claimed).or_default().chain;
        match chain.judge(&header, &digest, report.received) {
            Judgement::Accept { anomalies } => {
                chain.record(&header, &digest, report.position);
                self.summary.missing += anomalies.iter().map(missing).sum::<u64>();
                self.summary.reports += 1;
                Ok(())
            }
            Judgement::Duplicate { position } => out_of_turn(format!("the same report as at position {position}")),
            Judgement::Refuse(reason) => out_of_turn(format!("a report that had to be refused: {reason:?}")),
        }
    }

    fn found(&mut self, position: u64, fault: Fault) {
        let (found, (device, what)) = match fault {
            Fault::Wrong(device, what) => {
                self.summary.wrong += 1;
                (&mut self.summary.findings, (device, what))
            }
            Fault::OutOfTurn(device, what) => {
                self.summary.out_of_turn += 1;
                (&mut self.out_of_turn, (Some(device), what))
            }
        };
        if found.len() < FINDINGS_MAX {
            found.push(Finding { position, device: device.map(|device| device.to_string()), what });
        }
    }
}

fn wrong(device: DeviceId, what: String) -> Fault {
    Fault::Wrong(Some(Box::new(device)), what)
}

/// Header and digest of each report, or why it cannot be opened, in their order.
fn opened_on_all_cores(reports: &[Waiting]) -> Vec<Result<(Header, Digest), OpenError>> {
    let open = |reports: &[Waiting]| -> Vec<_> {
        let mut opener = Opener::new(Limits::default());
        let opened = reports.iter().map(|it| opener.open(&it.payload, &it.key).map(|it| (it.header, it.digest)));
        opened.collect()
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let share = reports.len().div_ceil(cores).max(1);
    thread::scope(|scope| {
        let shares = reports.chunks(share).map(|share| (share, scope.spawn(move || open(share))));
        let shares: Vec<_> = shares.collect();
        // A thread that died is no verdict: its share is opened here.
        shares.into_iter().flat_map(|(share, thread)| thread.join().unwrap_or_else(|_| open(share))).collect()
    })
}

const fn missing(anomaly: &Anomaly) -> u64 {
    match anomaly {
        Anomaly::SequenceGap { missing } => *missing,
        _ => 0,
    }
}
