//! What a vault's records say for themselves: each report signed by its device, each in its turn.
//!
//! Not the check of the vault's own bytes, order and tree (that is `store::verify`, whose visitor this is) and no repair. Needs nothing
//! but the records: device keys come from the enrolment records before them. Invariant: a report counts as signed only under
//! a key that was enrolled for the device it names, at a lower position. Cost: one signature check a report, 4 KiB a device.

pub mod bundle;
pub mod check;
pub mod inbox;
pub mod keeper;
pub mod select;
pub mod settings;
pub mod view;
pub mod zip;

pub use settings::Evidence;

use crate::identity::DeviceCertificate;
use ed25519_dalek::VerifyingKey;
use serde::Serialize;
use std::collections::HashMap;
use yagura_link::{Anomaly, Chain, Judgement, Limits, open, peek};
use yagura_model::DeviceId;
use yagura_sources::{ForeignRecord, LogRecord};
use yagura_store::{RecordKind, RecordRef};

/// Findings that are kept one by one; the rest is only counted.
pub const FINDINGS_MAX: usize = 100;

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

/// Whom a wrong record names, if that can be read, and what is wrong.
type Wrong = (Option<Box<DeviceId>>, String);

/// Reads records in their order and keeps account.
#[derive(Default)]
pub struct Audit {
    devices: HashMap<DeviceId, Device>,
    summary: Summary,
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
                ForeignRecord::decode(record.payload).map(drop).map_err(|error| (None, error.to_string()))
            }
            RecordKind::Logs => {
                self.summary.logs += 1;
                LogRecord::decode(record.payload).map(drop).map_err(|error| (None, error.to_string()))
            }
        };
        if let Err((device, what)) = outcome {
            self.summary.wrong += 1;
            if self.summary.findings.len() < FINDINGS_MAX {
                let device = device.map(|device| device.to_string());
                self.summary.findings.push(Finding { position: record.position.0, device, what });
            }
        }
    }

    /// The account.
    #[must_use]
    pub fn finish(mut self) -> Summary {
        self.summary.devices = self.devices.values().filter(|device| device.chain.resume().is_some()).count() as u64;
        self.summary
    }

    fn enrol(&mut self, record: RecordRef<'_>) -> Result<(), Wrong> {
        let certificate = DeviceCertificate::parse(record.payload).map_err(|error| (None, error.to_string()))?;
        self.devices.entry(certificate.device).or_default().key = Some(certificate.key);
        self.summary.enrolments += 1;
        Ok(())
    }

    fn report(&mut self, record: RecordRef<'_>) -> Result<(), Wrong> {
        let claimed = peek(record.payload).map_err(|error| (None, error.to_string()))?.device;
        let wrong = |what: String| (Some(Box::new(claimed)), what);
        let device = self.devices.entry(claimed).or_default();
        let key = device.key.ok_or_else(|| wrong("no certificate for this device stands before it".to_owned()))?;
        let opened = open(record.payload, &key, &Limits::default()).map_err(|error| wrong(error.to_string()))?;
        match device.chain.judge(&opened.header, &opened.digest, record.received) {
            Judgement::Accept { anomalies } => {
                device.chain.record(&opened.header, &opened.digest, record.position.0);
                self.summary.missing += anomalies.iter().map(missing).sum::<u64>();
                self.summary.reports += 1;
                Ok(())
            }
            Judgement::Duplicate { position } => Err(wrong(format!("the same report as at position {position}"))),
            Judgement::Refuse(reason) => Err(wrong(format!("a report that had to be refused: {reason:?}"))),
        }
    }
}

const fn missing(anomaly: &Anomaly) -> u64 {
    match anomaly {
        Anomaly::SequenceGap { missing } => *missing,
        _ => 0,
    }
}
