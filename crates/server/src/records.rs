//! Reading records of the vault for people and for the pipeline: whose they are, whether their signature holds.
//!
//! Not the vault (that is `store`) and not the audit of all of it (that is `evidence`). Invariant: a record's tenant is that of the
//! device or source it names; a record that names nobody belongs to nobody and is shown to nobody. Cost:
//! opening a report is one signature check.

use crate::identity::DeviceCertificate;
use crate::intake::AnomalyRecord;
use crate::state::{State, StateError};
use ed25519_dalek::VerifyingKey;
use yagura_link::{Digest, Limits, OpenError, Opened};
use yagura_model::{DeviceId, Name};
use yagura_sources::{ForeignRecord, LineError, LineRow, LogRecord, Mappings, each_row, inflate};
use yagura_store::{Access, Custody, Record, RecordKind};

/// Whose record it is.
#[must_use]
pub fn device_of(record: &Record) -> Option<DeviceId> {
    match record.kind {
        RecordKind::Report => yagura_link::peek(&record.payload).ok().map(|header| header.device),
        RecordKind::Enrolment => DeviceCertificate::parse(&record.payload).ok().map(|certificate| certificate.device),
        RecordKind::Custody => None,
        RecordKind::Anomaly => AnomalyRecord::decode(&record.payload).ok().map(|anomaly| anomaly.device),
        RecordKind::Foreign => ForeignRecord::decode(&record.payload).ok().map(|foreign| foreign.sender.device),
        RecordKind::Logs => None,
    }
}

/// Whose record it is, also if it is no device's.
#[must_use]
pub fn tenant_of(record: &Record) -> Option<Name> {
    match record.kind {
        RecordKind::Logs => LogRecord::decode(&record.payload).ok().map(|logs| logs.tenant),
        _ => device_of(record).map(|device| device.tenant),
    }
}

/// Who read what, if this is a record of that.
#[must_use]
pub fn accessed(record: &Record) -> Option<Access> {
    match Custody::decode(&record.payload).filter(|_| record.kind == RecordKind::Custody)? {
        Custody::Accessed(access) => Some(access),
        _ => None,
    }
}

/// The vehicle that an entry of this record is about; empty if it is about none.
#[must_use]
pub fn vehicle_of(record: &Record, entry: u32) -> Option<String> {
    if record.kind != RecordKind::Logs {
        return device_of(record).map(|device| device.vehicle.to_string());
    }
    let logs = LogRecord::decode(&record.payload).ok()?;
    let (body, mut mappings) = (inflate(logs.encoding, logs.body).ok()?, Mappings::default());
    let mut found = None;
    let each = |number: u32, row: Result<LineRow<'_>, LineError>| {
        if let Ok(row) = row
            && number.saturating_sub(1) == entry
        {
            found = Some(row.vehicle.to_owned());
        }
    };
    each_row(mappings.get(&logs.mapping).ok()?, logs.form, &body, each).ok()?;
    found
}

/// The keys of all certificates that were issued to a device, newest first.
///
/// # Errors
/// [`StateError`]
pub async fn keys_of(state: &State, device: &DeviceId) -> Result<Vec<VerifyingKey>, StateError> {
    let certificates = state.certificates(device).await?;
    Ok(certificates.iter().filter_map(|der| DeviceCertificate::parse(der).ok()).map(|known| known.key).collect())
}

/// As [`keys_of`] for many devices at once.
///
/// # Errors
/// [`StateError`]
pub async fn keys_of_all(
    state: &State,
    devices: Vec<DeviceId>,
) -> Result<Vec<(DeviceId, Vec<VerifyingKey>)>, StateError> {
    let certificates = state.certificates_of(&devices).await?;
    let keys =
        |ders: Vec<Vec<u8>>| ders.iter().filter_map(|der| DeviceCertificate::parse(der).ok()).map(|c| c.key).collect();
    Ok(devices.into_iter().zip(certificates.into_iter().map(keys)).collect())
}

/// Opens a report with the first key that verifies it.
///
/// # Errors
/// What the newest key says, or that no key is known.
pub fn open_report(bytes: &[u8], keys: &[VerifyingKey]) -> Result<Opened, Unopened> {
    let limits = Limits::default();
    let mut first = None;
    for key in keys {
        match yagura_link::open(bytes, key, &limits) {
            Ok(opened) => return Ok(opened),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.map_or(Unopened::NoKey, Unopened::Open))
}

/// Verifies a report with the first key that fits and looks no further: the digest with which it is opened later.
///
/// # Errors
/// What the newest key says, or that no key is known.
pub fn verify_report(bytes: &[u8], keys: &[VerifyingKey]) -> Result<Digest, Unopened> {
    let mut first = None;
    for key in keys {
        match yagura_link::verify(bytes, key, &Limits::default()) {
            Ok(digest) => return Ok(digest),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.map_or(Unopened::NoKey, Unopened::Open))
}

/// Why a stored report cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unopened {
    /// No certificate was ever issued to the device it names.
    #[error("no certificate is known for the device")]
    NoKey,
    /// It does not open.
    #[error("the report does not open")]
    Open(#[source] OpenError),
}
