//! Which records an auditor asks for: by place, time, device, event or digest.
//!
//! Not an index: it reads the range of positions once, in order. Invariant: a record is given out only if every part of the question
//! holds for it. Cost: a header a report; with `event` also a signature check and a decompression.

use super::view;
use crate::identity::DeviceCertificate;
use crate::intake::AnomalyRecord;
use ed25519_dalek::VerifyingKey;
use std::collections::HashMap;
use std::fmt;
use yagura_columns::Catalogue;
use yagura_link::{Entry, Limits, entries, open, peek};
use yagura_model::{DeviceId, EventId, UnixMicros};
use yagura_sources::{ForeignRecord, LogRecord};
use yagura_store::{Position, Record, RecordKind, VaultError, VaultReader};

/// What is asked for. What is `None` is not asked.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Question {
    /// `TENANT/VEHICLE`.
    pub vehicle: Option<String>,
    /// `TENANT/VEHICLE/DEVICE`.
    pub device: Option<String>,
    /// Received from this time on.
    pub from: Option<UnixMicros>,
    /// Received before this time.
    pub to: Option<UnixMicros>,
    /// A report with this event in it.
    pub event: Option<EventId>,
    /// The report with this SHA-256, or one whose hexadecimal digest begins so.
    pub report: Option<String>,
    /// Positions from the first on, up to the one before the second.
    pub positions: Option<(u64, u64)>,
}

impl fmt::Display for Question {
    /// As the command line has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.vehicle.as_ref().map(|it| format!("--vehicle {it}")));
        parts.extend(self.device.as_ref().map(|it| format!("--device {it}")));
        parts.extend(self.from.map(|it| format!("--from {}", view::time(it))));
        parts.extend(self.to.map(|it| format!("--to {}", view::time(it))));
        parts.extend(self.event.map(|it| format!("--event 0x{:04X}", it.0)));
        parts.extend(self.report.as_ref().map(|it| format!("--report {it}")));
        parts.extend(self.positions.map(|(from, to)| format!("--position {from}..{to}")));
        f.write_str(if parts.is_empty() { "everything" } else { "" })?;
        f.write_str(&parts.join(" "))
    }
}

/// A record that was asked for.
#[derive(Clone, Debug)]
pub struct Found {
    /// The record.
    pub record: Record,
    /// Whom it names.
    pub device: Option<DeviceId>,
    /// The key that verifies it, for a report: that of a certificate before it.
    pub key: Option<VerifyingKey>,
}

/// Certificates by device: positions and keys, oldest first.
#[derive(Debug, Default)]
pub struct Certificates(HashMap<DeviceId, Vec<(u64, VerifyingKey)>>);

impl Certificates {
    /// Takes note of an enrolment record.
    pub fn see(&mut self, record: &Record) {
        if let Some(certificate) =
            (record.kind == RecordKind::Enrolment).then(|| DeviceCertificate::parse(&record.payload).ok()).flatten()
        {
            self.0.entry(certificate.device).or_default().push((record.position.0, certificate.key));
        }
    }

    /// Where the certificates of a device are.
    #[must_use]
    pub fn positions(&self, device: &DeviceId) -> Vec<u64> {
        self.0.get(device).into_iter().flatten().map(|(position, _)| *position).collect()
    }

    /// The key that verifies a report of the device, the newest first.
    #[must_use]
    pub fn opening(&self, record: &Record, device: &DeviceId) -> Option<VerifyingKey> {
        let report = record.kind == RecordKind::Report;
        let opens = |key: &VerifyingKey| report && open(&record.payload, key, &Limits::default()).is_ok();
        self.0.get(device)?.iter().rev().map(|(_, key)| *key).find(opens)
    }
}

/// Reads the vault and shows what the question asks for, in order. Certificates are collected on the way, also before the range.
///
/// # Errors
/// [`VaultError`] of the first record that cannot be read.
pub fn search(
    vault: &VaultReader,
    question: &Question,
    show: &mut dyn FnMut(Found),
) -> Result<Certificates, VaultError> {
    let mut certificates = Certificates::default();
    let end = question.positions.map_or(u64::MAX, |(_, end)| end);
    for record in vault.read_from(Position(0)) {
        let record = record?;
        if record.position.0 >= end {
            break;
        }
        certificates.see(&record);
        let mut found = Found { device: device_of(&record), key: None, record };
        if question.asks_for(&found) {
            found.key = found.device.as_ref().and_then(|device| certificates.opening(&found.record, device));
            if question.has_event(&found) {
                show(found);
            }
        }
    }
    Ok(certificates)
}

/// Whom a record names.
pub(super) fn device_of(record: &Record) -> Option<DeviceId> {
    device_of_payload(record.kind, &record.payload)
}

pub(super) fn device_of_payload(kind: RecordKind, payload: &[u8]) -> Option<DeviceId> {
    match kind {
        RecordKind::Report => peek(payload).ok().map(|header| header.device),
        RecordKind::Enrolment => DeviceCertificate::parse(payload).ok().map(|it| it.device),
        RecordKind::Anomaly => AnomalyRecord::decode(payload).ok().map(|it| it.device),
        RecordKind::Foreign => ForeignRecord::decode(payload).ok().map(|it| it.sender.device),
        RecordKind::Logs | RecordKind::Custody => None,
    }
}

/// Whose record it is.
pub(super) fn tenant_of_payload(kind: RecordKind, payload: &[u8]) -> Option<String> {
    match kind {
        RecordKind::Logs => LogRecord::decode(payload).ok().map(|it| it.tenant.to_string()),
        _ => device_of_payload(kind, payload).map(|device| device.tenant.to_string()),
    }
}

impl Question {
    fn asks_for(&self, found: &Found) -> bool {
        let record = &found.record;
        let placed = self.positions.is_none_or(|(from, to)| (from..to).contains(&record.position.0));
        let timely =
            self.from.is_none_or(|from| record.received >= from) && self.to.is_none_or(|to| record.received < to);
        placed && timely && self.names(found) && self.is_report(found)
    }

    fn names(&self, found: &Found) -> bool {
        if self.vehicle.is_none() && self.device.is_none() {
            return true;
        }
        let Some(name) = found.device.as_ref().map(ToString::to_string) else { return false };
        let vehicle = name.rsplit_once('/').map_or("", |(vehicle, _)| vehicle);
        self.vehicle.as_ref().is_none_or(|it| it == vehicle) && self.device.as_ref().is_none_or(|it| *it == name)
    }

    fn is_report(&self, found: &Found) -> bool {
        let Some(prefix) = &self.report else { return true };
        let record = &found.record;
        record.kind == RecordKind::Report && view::sha256(&record.payload).starts_with(&prefix.to_ascii_lowercase())
    }

    fn has_event(&self, found: &Found) -> bool {
        let Some(event) = self.event else { return true };
        match found.record.kind {
            RecordKind::Anomaly => AnomalyRecord::decode(&found.record.payload).is_ok_and(|it| it.event == event),
            RecordKind::Report => {
                let opened = found.key.and_then(|key| open(&found.record.payload, &key, &Limits::default()).ok());
                opened.is_some_and(|opened| {
                    entries(&opened.body).any(|entry| matches!(entry, Ok(Entry::Message(m)) if m.event == event))
                })
            }
            RecordKind::Enrolment | RecordKind::Custody | RecordKind::Foreign | RecordKind::Logs => false,
        }
    }
}

/// The event of this symbol or number (`0x9001`, `36865`).
#[must_use]
pub fn event_named(text: &str, catalogue: &Catalogue) -> Option<EventId> {
    let number = match text.strip_prefix("0x") {
        Some(hex) => u16::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    };
    number.map(EventId).or_else(|| catalogue.by_symbol(text).map(|entry| entry.id))
}
