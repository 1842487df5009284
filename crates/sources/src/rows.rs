//! Records of this crate to rows of the events table.
//!
//! Not the vault. Invariants: the same record gives the same rows; a line or message that cannot be read is counted and stays in its
//! record. A line's `entry_index` is its number less one; a foreign message's is its number in the record.

use crate::batch::{Form, InflateError, LogRecord, inflate};
use crate::captured::{LineError, LineRow};
use crate::foreign::ForeignRecord;
use crate::head::RecordError;
use crate::lines::{LOG_LINES_MAX, each_line};
use crate::mapping::{Mapping, MappingError, RawMapping};
use crate::otlp::{OtlpError, each_of_json, each_of_protobuf};
use std::convert::Infallible;
use yagura_columns::{Decoder, DecoderError, ForeignRow, ObservedRow};
use yagura_idsm::Message;
use yagura_model::UnixMicros;

/// The most messages of one record of foreign messages.
pub const FOREIGN_MESSAGES_MAX: u32 = 100_000;

/// What came of a record.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Read {
    /// Rows.
    pub rows: u64,
    /// Lines or messages that could not be read, or whose context could not.
    pub unreadable: u64,
    /// Messages that had to be signed and were not, or not by the source's key.
    pub untrusted: u64,
}

/// Why a record gives no rows at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The bytes are no record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The body does not inflate.
    #[error(transparent)]
    Inflate(#[from] InflateError),
    /// The mapping in the record cannot be used.
    #[error("the record's mapping is not JSON of a mapping")]
    MappingJson(#[source] serde_json::Error),
    /// The mapping in the record cannot be used.
    #[error("the record's mapping cannot be used")]
    Mapping(#[from] MappingError),
    /// The body is not what its form says.
    #[error(transparent)]
    Otlp(#[from] OtlpError),
    /// The body is not text.
    #[error("the body is not UTF-8")]
    Utf8,
    /// More than [`LOG_LINES_MAX`].
    #[error("more than {LOG_LINES_MAX} lines")]
    TooManyLines,
    /// The decoder takes no more.
    #[error(transparent)]
    Decoder(#[from] DecoderError),
}

/// Mappings as records carry them, by their text: a source's records all carry the same.
#[derive(Debug, Default)]
pub struct Mappings(Vec<(String, Mapping)>);

/// Mappings that are kept.
const MAPPINGS_MAX: usize = 64;

impl Mappings {
    /// The mapping of this text.
    ///
    /// # Errors
    /// [`ReadError::MappingJson`], [`ReadError::Mapping`]
    pub fn get(&mut self, text: &str) -> Result<&Mapping, ReadError> {
        let place = match self.0.iter().position(|(known, _)| known == text) {
            Some(place) => place,
            None => {
                let raw: RawMapping = serde_json::from_str(text).map_err(ReadError::MappingJson)?;
                let mapping = Mapping::try_from(&raw)?;
                if self.0.len() >= MAPPINGS_MAX {
                    self.0.clear();
                }
                self.0.push((text.to_owned(), mapping));
                self.0.len().saturating_sub(1)
            }
        };
        self.0.get(place).map(|(_, mapping)| mapping).ok_or(ReadError::TooManyLines)
    }
}

/// Hands out the rows of an inflated body; returns how many lines or log records it has.
///
/// # Errors
/// [`ReadError`] if the whole of it cannot be read. A bad line is handed out as such.
pub fn each_row(
    mapping: &Mapping,
    form: Form,
    body: &[u8],
    mut each: impl FnMut(u32, Result<LineRow<'_>, LineError>),
) -> Result<usize, ReadError> {
    let count = match form {
        Form::JsonLines => {
            let each = |number, row: Result<LineRow<'_>, LineError>| {
                each(number, row);
                Ok::<(), Infallible>(())
            };
            each_line(mapping, body, each).unwrap_or(0)
        }
        Form::OtlpProtobuf => each_of_protobuf(mapping, body, &mut each)?,
        Form::OtlpJson => each_of_json(mapping, std::str::from_utf8(body).map_err(|_| ReadError::Utf8)?, &mut each)?,
    };
    if count > LOG_LINES_MAX { Err(ReadError::TooManyLines) } else { Ok(count) }
}

/// Takes the rows of a record of log lines.
///
/// # Errors
/// [`ReadError`]; some rows may have been taken before [`ReadError::Decoder`] and [`ReadError::Otlp`].
pub fn read_logs(
    decoder: &mut Decoder,
    mappings: &mut Mappings,
    position: u64,
    received: UnixMicros,
    payload: &[u8],
) -> Result<Read, ReadError> {
    let record = LogRecord::decode(payload)?;
    let body = inflate(record.encoding, record.body)?;
    let mapping = mappings.get(&record.mapping)?;
    let product = mapping.product();
    let (tenant, source) = (record.tenant.as_str(), record.source.as_str());
    let mut read = Read::default();
    let mut full = None;
    each_row(mapping, record.form, &body, |number, row| {
        let Ok(row) = row else {
            read.unreadable = read.unreadable.saturating_add(1);
            return;
        };
        let row = ObservedRow {
            position,
            entry_index: number.saturating_sub(1),
            received,
            time: row.time.unwrap_or(received),
            tenant,
            vehicle: row.vehicle,
            sensor: row.sensor.unwrap_or(source),
            event_name: row.event_name,
            severity: row.severity,
            observed: row.observed(product.as_str(), source),
        };
        match decoder.push_observed(&row) {
            Ok(()) => read.rows = read.rows.saturating_add(1),
            Err(error) => full = Some(error),
        }
    })?;
    full.map_or(Ok(read), |error| Err(error.into()))
}

/// Takes the rows of a record of foreign messages.
///
/// # Errors
/// [`ReadError::Record`], [`ReadError::Decoder`]
pub fn read_foreign(decoder: &mut Decoder, position: u64, payload: &[u8]) -> Result<Read, ReadError> {
    let record = ForeignRecord::decode(payload)?;
    let sender = &record.sender;
    let mut read = Read::default();
    let mut index = 0_u32;
    for frame in record.frames() {
        let frame = frame?;
        for message in messages(frame.bytes) {
            let Ok((message, trusted)) =
                message.map(|(message, bytes)| (message, trusts(sender.key.as_ref(), &message, bytes)))
            else {
                read.unreadable = read.unreadable.saturating_add(1);
                continue;
            };
            if sender.key.is_some() && !trusted {
                read.untrusted = read.untrusted.saturating_add(1);
            }
            let row = ForeignRow {
                position,
                entry_index: index,
                received: frame.received,
                device: &sender.device,
                message: &message,
                source: sender.source.as_str(),
                trusted,
            };
            if !decoder.push_foreign(&row)? {
                read.unreadable = read.unreadable.saturating_add(1);
            }
            read.rows = read.rows.saturating_add(1);
            index = index.saturating_add(1);
            if index >= FOREIGN_MESSAGES_MAX {
                return Ok(read);
            }
        }
    }
    Ok(read)
}

/// Whether a message is signed by this key.
fn trusts(key: Option<&crate::key::SourceKey>, message: &Message<'_>, bytes: &[u8]) -> bool {
    let signed = message.signature.and_then(|signature| {
        let end = bytes.len().checked_sub(signature.len())?.checked_sub(2)?;
        Some((bytes.get(..end)?, signature))
    });
    key.zip(signed).is_some_and(|(key, (signed, signature))| key.verifies(signed, signature))
}

/// The messages of a frame, each with its own bytes. After one that cannot be read, nothing more can be told from the frame.
pub fn messages(frame: &[u8]) -> impl Iterator<Item = Result<(Message<'_>, &[u8]), yagura_idsm::DecodeError>> {
    let mut rest = frame;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        match Message::decode(rest) {
            Ok((message, len)) => {
                let (bytes, after) = rest.split_at_checked(len)?;
                rest = after;
                Some(Ok((message, bytes)))
            }
            Err(error) => {
                rest = &[];
                Some(Err(error))
            }
        }
    })
}

#[cfg(test)]
mod tests;
