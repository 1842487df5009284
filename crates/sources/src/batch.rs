//! A record of log lines: the body of one request as it came, and the mapping that was in force.
//!
//! Not the rows (that is `rows`) and no HTTP. Format: docs/format/sources.md. Invariants: decoding gives back what was encoded; the
//! record alone is enough to make its rows again, so a later change of the mapping changes no row; nothing inflates beyond
//! [`LOG_INFLATED_BYTES_MAX`]. Cost: ~700 bytes a request besides its body.

use crate::head::{Head, RecordError, field, join};
use ciborium::value::Value;
use std::io::Read;
use yagura_model::Name;

/// The longest body of a request, as it comes.
pub const LOG_BODY_BYTES_MAX: usize = 4 << 20;
/// The longest body once it is inflated.
pub const LOG_INFLATED_BYTES_MAX: usize = 32 << 20;
/// The longest mapping in a record, as JSON.
pub const MAPPING_BYTES_MAX: usize = 24 * 1024;

const VERSION: u8 = 1;

/// What the body of a request is, once inflated.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Form {
    /// One JSON object a line.
    JsonLines,
    /// `ExportLogsServiceRequest` of OTLP in protobuf.
    OtlpProtobuf,
    /// The same in JSON.
    OtlpJson,
}

impl Form {
    /// Its name in the head.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::OtlpProtobuf => "otlp-protobuf",
            Self::OtlpJson => "otlp-json",
        }
    }

    fn of(name: &str) -> Option<Self> {
        [Self::JsonLines, Self::OtlpProtobuf, Self::OtlpJson].into_iter().find(|form| form.name() == name)
    }
}

/// How the body of a request is compressed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Encoding {
    /// Not at all.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Encoding {
    /// Its name in `Content-Encoding`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// The encoding that `Content-Encoding` names.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let all = [Self::Identity, Self::Gzip, Self::Zstd];
        all.into_iter().find(|encoding| encoding.name().eq_ignore_ascii_case(name))
    }
}

/// Why a body cannot be inflated.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InflateError {
    /// More than the limit.
    #[error("body inflates to more than {LOG_INFLATED_BYTES_MAX} bytes")]
    TooLarge,
    /// Not what its encoding says.
    #[error("body is not {}", .0.name())]
    Broken(Encoding),
}

/// The body without its compression.
///
/// # Errors
/// [`InflateError`]
pub fn inflate(encoding: Encoding, body: &[u8]) -> Result<Vec<u8>, InflateError> {
    match encoding {
        Encoding::Identity => bounded(encoding, body),
        Encoding::Gzip => bounded(encoding, flate2::bufread::MultiGzDecoder::new(body)),
        Encoding::Zstd => bounded(
            encoding,
            zstd::stream::read::Decoder::with_buffer(body).map_err(|_| InflateError::Broken(encoding))?,
        ),
    }
}

fn bounded(encoding: Encoding, reader: impl Read) -> Result<Vec<u8>, InflateError> {
    let mut out = Vec::new();
    let limit = u64::try_from(LOG_INFLATED_BYTES_MAX).unwrap_or(u64::MAX);
    reader.take(limit.saturating_add(1)).read_to_end(&mut out).map_err(|_| InflateError::Broken(encoding))?;
    if out.len() > LOG_INFLATED_BYTES_MAX { Err(InflateError::TooLarge) } else { Ok(out) }
}

/// A record of log lines that borrows its body.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogRecord<'a> {
    /// Whose lines, as the token says.
    pub tenant: Name,
    /// Which source sent them.
    pub source: Name,
    /// What the inflated body is.
    pub form: Form,
    /// How `body` is compressed.
    pub encoding: Encoding,
    /// The mapping that was in force, as JSON.
    pub mapping: String,
    /// How many lines or log records the body has.
    pub lines: u32,
    /// The body: as received, but compressed by the server (zstd) if it came without compression.
    pub body: &'a [u8],
}

impl<'a> LogRecord<'a> {
    /// The payload for the vault. A body that came without compression is compressed here.
    ///
    /// # Errors
    /// [`RecordError::Field`] 6 if the mapping is longer than [`MAPPING_BYTES_MAX`].
    pub fn encode(&self) -> Result<Vec<u8>, RecordError> {
        let mapping = squeeze(self.mapping.as_bytes()).filter(|bytes| bytes.len() <= MAPPING_BYTES_MAX);
        let mapping = mapping.filter(|_| self.mapping.len() <= MAPPING_BYTES_MAX).ok_or(RecordError::Field(6))?;
        let squeezed = if self.encoding == Encoding::Identity { squeeze(self.body) } else { None };
        let (encoding, body) = squeezed.as_deref().map_or((self.encoding, self.body), |body| (Encoding::Zstd, body));
        let fields = vec![
            field(1, VERSION),
            field(2, self.tenant.to_string()),
            field(3, self.source.to_string()),
            field(4, self.form.name()),
            field(5, encoding.name()),
            (Value::from(6), Value::Bytes(mapping)),
            field(7, self.lines),
        ];
        Ok(join(fields, body))
    }

    /// The record in a payload of the vault.
    ///
    /// # Errors
    /// [`RecordError`] naming the field.
    pub fn decode(payload: &'a [u8]) -> Result<Self, RecordError> {
        let (head, body) = Head::split(payload)?;
        if head.integer::<u8>(1)? != VERSION {
            return Err(RecordError::Field(1));
        }
        let mapping = head.bytes(6)?.and_then(|bytes| zstd::bulk::decompress(bytes, MAPPING_BYTES_MAX).ok());
        Ok(Self {
            tenant: head.parsed(2)?,
            source: head.parsed(3)?,
            form: Form::of(head.text(4)?).ok_or(RecordError::Field(4))?,
            encoding: Encoding::of(head.text(5)?).ok_or(RecordError::Field(5))?,
            mapping: mapping.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(RecordError::Field(6))?,
            lines: head.integer(7)?,
            body,
        })
    }
}

/// Level 1: what research measured as fastest with the same ratio as higher ones on JSON lines.
fn squeeze(bytes: &[u8]) -> Option<Vec<u8>> {
    zstd::bulk::compress(bytes, 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use proptest::prelude::*;
    use std::io::Write;

    fn record(encoding: Encoding, body: &[u8]) -> LogRecord<'_> {
        LogRecord {
            tenant: Name::new("acme").unwrap(),
            source: Name::new("ota-backend").unwrap(),
            form: Form::JsonLines,
            encoding,
            mapping: "{}".to_owned(),
            lines: 3,
            body,
        }
    }

    #[test]
    fn a_record_of_version_1_is_these_bytes() {
        let payload = record(Encoding::Gzip, b"\x1f\x8b").encode().unwrap();
        let hex: String = payload.iter().map(|byte| format!("{byte:02x}")).collect();
        expect!["0032a70101026461636d65036b6f74612d6261636b656e6404656a736f6e6c0564677a6970064b28b52ffd20021100007b7d07031f8b"].assert_eq(&hex);
    }

    #[test]
    fn a_bomb_is_not_inflated() {
        let zeros = vec![0_u8; LOG_INFLATED_BYTES_MAX + 1];
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&zeros).unwrap();
        for (encoding, bomb) in
            [(Encoding::Gzip, gzip.finish().unwrap()), (Encoding::Zstd, zstd::bulk::compress(&zeros, 1).unwrap())]
        {
            assert!(bomb.len() < LOG_BODY_BYTES_MAX);
            assert_eq!(inflate(encoding, &bomb), Err(InflateError::TooLarge));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(body in proptest::collection::vec(any::<u8>(), 0..300), squeezed: bool) {
            let given = if squeezed { zstd::bulk::compress(&body, 1).unwrap() } else { body.clone() };
            let encoding = if squeezed { Encoding::Zstd } else { Encoding::Identity };
            let payload = record(encoding, &given).encode().unwrap();
            let read = LogRecord::decode(&payload).unwrap();
            prop_assert_eq!(read.encoding, Encoding::Zstd);
            prop_assert_eq!(inflate(read.encoding, read.body).unwrap(), body);
            prop_assert_eq!(read.mapping.as_str(), "{}");
        }

        #[test]
        fn garbage_is_an_error_and_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = LogRecord::decode(&bytes);
            for encoding in [Encoding::Identity, Encoding::Gzip, Encoding::Zstd] {
                let _ = inflate(encoding, &bytes);
            }
        }
    }
}
