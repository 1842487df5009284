//! A record on its way through the log: what it is, when it was received, its bytes.
//!
//! Not the vault's format: that has its own header and checksum; the log's broker checks what it carries. Format and golden bytes:
//! docs/format/log.md. Invariants: decoding gives back what was encoded; whatever bytes a log holds, each message is one record of
//! the vault ([`Envelope::of_message`]). Cost: 12 bytes a record, no copy on decoding.

use crate::vault::RecordKind;
use yagura_model::UnixMicros;

/// Bytes in front of the payload.
pub const ENVELOPE_BYTES: usize = 12;
/// The format of this version.
const VERSION: u8 = 1;

/// What a message of the log says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Envelope<'a> {
    /// What the payload is.
    pub kind: RecordKind,
    /// When the gate received it.
    pub received: UnixMicros,
    /// The bytes as received.
    pub payload: &'a [u8],
}

/// Why a message is no record of ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Shorter than [`ENVELOPE_BYTES`].
    #[error("a message of {0} bytes is shorter than the {ENVELOPE_BYTES} bytes in front of a record")]
    Short(usize),
    /// Of a version that is not known here.
    #[error(
        "version {0} of a message in the log is not known, this program knows {VERSION}: install the newer program"
    )]
    Version(u8),
    /// Of a kind that is not known here.
    #[error("kind {0} of a message in the log is not known")]
    Kind(u8),
    /// A byte that must be zero is not.
    #[error("reserved bytes of a message in the log are not zero")]
    Reserved,
}

impl<'a> Envelope<'a> {
    /// The bytes for the log.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(ENVELOPE_BYTES + self.payload.len());
        out.extend_from_slice(&[VERSION, self.kind.code(), 0, 0]);
        out.extend_from_slice(&self.received.0.to_be_bytes());
        out.extend_from_slice(self.payload);
        out
    }

    /// The inverse of [`Self::encode`].
    ///
    /// # Errors
    /// [`EnvelopeError`]
    pub fn decode(bytes: &'a [u8]) -> Result<Self, EnvelopeError> {
        let short = EnvelopeError::Short(bytes.len());
        let (&[version, kind, zero, nought], rest) = bytes.split_first_chunk::<4>().ok_or(short)?;
        let (received, payload) = rest.split_first_chunk::<8>().ok_or(short)?;
        if version != VERSION {
            return Err(EnvelopeError::Version(version));
        }
        if [zero, nought] != [0, 0] {
            return Err(EnvelopeError::Reserved);
        }
        let kind = RecordKind::from_code(kind).ok_or(EnvelopeError::Kind(kind))?;
        Ok(Self { kind, received: UnixMicros(i64::from_be_bytes(*received)), payload })
    }

    /// The record of a message, whatever it holds. A message that nobody of ours wrote is kept as an anomaly that cannot be read, so
    /// that positions stay those of the log and the pipeline counts it; a newer version's is an error, for it means something.
    ///
    /// # Errors
    /// [`EnvelopeError::Version`]
    pub fn of_message(bytes: &'a [u8], broker_time: UnixMicros) -> Result<Self, EnvelopeError> {
        match Self::decode(bytes) {
            Ok(envelope) => Ok(envelope),
            Err(EnvelopeError::Version(newer)) if (VERSION + 1..=VERSIONS_TO_COME).contains(&newer) => {
                Err(EnvelopeError::Version(newer))
            }
            Err(_) => Ok(Self { kind: RecordKind::Anomaly, received: broker_time, payload: bytes }),
        }
    }
}

/// Versions that a newer program may write. Anything above is no version but foreign bytes (text starts at 0x20).
const VERSIONS_TO_COME: u8 = 0x0F;

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use proptest::prelude::*;

    #[test]
    fn the_format_does_not_change() {
        let envelope =
            Envelope { kind: RecordKind::Report, received: UnixMicros(1_790_000_000_000_001), payload: b"report" };
        let hex: String = envelope.encode().iter().map(|byte| format!("{byte:02x}")).collect();
        expect!["0101000000065bfeda25e0017265706f7274"].assert_eq(&hex);
    }

    #[test]
    fn foreign_bytes_are_a_record_and_a_newer_version_is_not() {
        let at = UnixMicros(5);
        let foreign = Envelope::of_message(b"hello", at).unwrap();
        assert_eq!((foreign.kind, foreign.received, foreign.payload), (RecordKind::Anomaly, at, b"hello".as_slice()));
        assert_eq!(Envelope::of_message(&[2; 40], at), Err(EnvelopeError::Version(2)));
        assert_eq!(Envelope::of_message(&[], at).map(|it| it.payload.len()), Ok(0));
    }

    proptest! {
        #[test]
        fn a_record_survives_its_bytes(code in 1_u8..=3, received: i64, payload in proptest::collection::vec(any::<u8>(), 0..200)) {
            let kind = RecordKind::from_code(code).unwrap();
            let envelope = Envelope { kind, received: UnixMicros(received), payload: &payload };
            let bytes = envelope.encode();
            prop_assert_eq!(Envelope::decode(&bytes), Ok(envelope));
        }

        #[test]
        fn garbage_never_panics_and_what_decodes_encodes_to_itself(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(envelope) = Envelope::decode(&bytes) {
                prop_assert_eq!(envelope.encode(), bytes);
            }
        }
    }
}
