//! Records to rows, and what their headers say.
//!
//! Not the layout of rows (that is `columns`) and not what they mean for the state (that is `meaning`). Invariant: a record that cannot
//! be read is counted as undecodable and stays in the vault; it never stops the pipeline. Cost: one signature check a report.

use crate::identity::DeviceCertificate;
use crate::intake::AnomalyRecord;
use crate::records::{Unopened, open_report};
use crate::tenant::Tenant;
use arrow::array::RecordBatch;
use ed25519_dalek::VerifyingKey;
use yagura_columns::{AnomalyRow, Catalogue, Decoder, DecoderError};
use yagura_link::{Digest, Header, Limits, Opened, Opener};
use yagura_model::{DeviceId, Name};
use yagura_sources::{ForeignRecord, LogRecord, Mappings, Read, ReadError, read_foreign, read_logs};
use yagura_store::{Record, RecordKind};

/// Why a record gives no rows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeFailed {
    /// The decoder is full or broken.
    #[error(transparent)]
    Decoder(#[from] DecoderError),
    /// The report cannot be opened.
    #[error(transparent)]
    Report(#[from] Unopened),
    /// The record of another observer cannot be read.
    #[error(transparent)]
    Source(#[from] ReadError),
    /// The record is about the evidence itself, not about a vehicle.
    #[error("the record is about the evidence itself")]
    NoRows,
    /// The record is not what its kind says.
    #[error("the record is not what its kind says")]
    Record,
}

/// What one record holds besides its rows.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// A report: its header, its digest, how many rows of events it gave, how many entries could not be read.
    Report { header: Box<Header>, digest: [u8; 32], events: u64, undecodable: u64 },
    /// A device enrolled: what its certificate says, and the certificate.
    Enrolment(Box<DeviceCertificate>, Vec<u8>),
    /// The gate noticed something.
    Anomaly(Box<AnomalyRecord>),
    /// A foreign sensor sent messages.
    Foreign(DeviceId, Read),
    /// A back end sent log lines.
    Logs(Name, Read),
}

impl Content {
    /// Whose it is, if it is a device's.
    pub(super) fn device(&self) -> Option<&DeviceId> {
        match self {
            Self::Report { header, .. } => Some(&header.device),
            Self::Enrolment(certificate, _) => Some(&certificate.device),
            Self::Anomaly(anomaly) => Some(&anomaly.device),
            Self::Foreign(device, _) => Some(device),
            Self::Logs(..) => None,
        }
    }

    /// Whose it is.
    pub(super) fn tenant(&self) -> Tenant {
        match self {
            Self::Report { header, .. } => Tenant::of(&header.device),
            Self::Enrolment(certificate, _) => Tenant::of(&certificate.device),
            Self::Anomaly(anomaly) => Tenant::of(&anomaly.device),
            Self::Foreign(device, _) => Tenant::of(device),
            Self::Logs(tenant, _) => Tenant::named(*tenant),
        }
    }
}

/// Takes the rows of one record into the decoder.
pub(super) fn push(decoder: &mut Decoder, record: &Record, keys: &[VerifyingKey]) -> Result<Content, DecodeFailed> {
    match record.kind {
        RecordKind::Report => push_report(decoder, record, open_report(&record.payload, keys)?),
        RecordKind::Enrolment => {
            let certificate = DeviceCertificate::parse(&record.payload).map_err(|_| DecodeFailed::Record)?;
            Ok(Content::Enrolment(Box::new(certificate), record.payload.clone()))
        }
        RecordKind::Anomaly => {
            let anomaly = AnomalyRecord::decode(&record.payload).map_err(|_| DecodeFailed::Record)?;
            decoder.push_anomaly(&AnomalyRow {
                position: record.position.0,
                entry_index: 0,
                received: record.received,
                device: Some(&anomaly.device),
                report: (0, 0),
                event: anomaly.event,
                count: u32::try_from(anomaly.count).unwrap_or(u32::MAX),
                expected: Some(anomaly.expected),
                observed: Some(anomaly.observed),
            })?;
            Ok(Content::Anomaly(Box::new(anomaly)))
        }
        RecordKind::Foreign => {
            let device = ForeignRecord::decode(&record.payload).map_err(ReadError::from)?.sender.device;
            Ok(Content::Foreign(device, read_foreign(decoder, record.position.0, &record.payload)?))
        }
        RecordKind::Logs => {
            let tenant = LogRecord::decode(&record.payload).map_err(ReadError::from)?.tenant;
            // A record brings its mapping: reading that costs little beside its lines.
            let (mut mappings, position) = (Mappings::default(), record.position.0);
            Ok(Content::Logs(tenant, read_logs(decoder, &mut mappings, position, record.received, &record.payload)?))
        }
        RecordKind::Custody => Err(DecodeFailed::NoRows),
    }
}

fn push_report(decoder: &mut Decoder, record: &Record, opened: Opened) -> Result<Content, DecodeFailed> {
    let decoded = decoder.push(record.position.0, record.received, &opened.header, &opened.body)?;
    Ok(Content::Report {
        header: Box::new(opened.header),
        digest: opened.digest.0,
        events: decoded.events as u64,
        undecodable: decoded.undecodable as u64,
    })
}

/// Opens reports that are verified.
pub(super) struct Reports(Opener);

impl Reports {
    pub(super) fn new() -> Self {
        Self(Opener::new(Limits::default()))
    }

    /// Takes the rows of a report whose verified bytes had this digest.
    pub(super) fn push(
        &mut self,
        decoder: &mut Decoder,
        record: &Record,
        verified: &Digest,
    ) -> Result<Content, DecodeFailed> {
        let opened = self.0.reopen(&record.payload, verified).map_err(Unopened::Open)?;
        push_report(decoder, record, opened)
    }
}

/// The rows of the events table that these records give, each with the keys of its device.
///
/// # Errors
/// [`DecodeFailed`] for the first record that cannot be read.
pub fn decode_records<'a>(
    records: impl IntoIterator<Item = (&'a Record, Vec<VerifyingKey>)>,
    catalogue: &Catalogue,
) -> Result<RecordBatch, DecodeFailed> {
    let mut decoder = Decoder::with_catalogue(catalogue.clone());
    for (record, keys) in records {
        push(&mut decoder, record, &keys)?;
    }
    Ok(decoder.finish()?.events)
}
