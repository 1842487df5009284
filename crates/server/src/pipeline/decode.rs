//! Records to rows, and what their headers say.
//!
//! Not the layout of rows (that is `columns`) and not what they mean for the state (that is `meaning`). Invariant: a record that cannot
//! be read is counted as undecodable and stays in the vault; it never stops the pipeline. Cost: one signature check a report.

use crate::identity::DeviceCertificate;
use crate::intake::AnomalyRecord;
use crate::records::{Unopened, open_report};
use arrow::array::RecordBatch;
use ed25519_dalek::VerifyingKey;
use yagura_columns::{AnomalyRow, Catalogue, Decoder, DecoderError};
use yagura_link::{Header, peek};
use yagura_model::DeviceId;
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
}

impl Content {
    pub(super) fn device(&self) -> &DeviceId {
        match self {
            Self::Report { header, .. } => &header.device,
            Self::Enrolment(certificate, _) => &certificate.device,
            Self::Anomaly(anomaly) => &anomaly.device,
        }
    }
}

/// Takes the rows of one record into the decoder.
pub(super) fn push(decoder: &mut Decoder, record: &Record, keys: &[VerifyingKey]) -> Result<Content, DecodeFailed> {
    match record.kind {
        RecordKind::Report => {
            let opened = open_report(&record.payload, keys)?;
            let decoded = decoder.push(record.position.0, record.received, &opened.header, &opened.body)?;
            Ok(Content::Report {
                header: Box::new(opened.header),
                digest: opened.digest.0,
                events: decoded.events as u64,
                undecodable: decoded.undecodable as u64,
            })
        }
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
    }
}

/// The device whose keys are needed to read a record.
pub(super) fn needs_keys_of(record: &Record) -> Option<DeviceId> {
    match record.kind {
        RecordKind::Report => peek(&record.payload).ok().map(|header| header.device),
        RecordKind::Enrolment | RecordKind::Anomaly => None,
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
