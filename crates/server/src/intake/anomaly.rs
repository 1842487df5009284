//! An anomaly record of the vault: what the gate found wrong, in a few dozen bytes of CBOR.
//!
//! Not an alert and not an event row; the pipeline makes those of it (event ids 0x9001 and up of the catalogue). Format:
//! docs/format/gate.md. Invariants: the encoding is deterministic (RFC 8949, 4.2.1) and at most [`ANOMALY_BYTES_MAX`] long;
//! unknown keys are ignored, so that later versions may add some. Cost: ~60 bytes, ~1 µs.

use ciborium::value::Value;
use yagura_model::{DeviceId, EventId, UnixMicros};

/// The longest anomaly record, in bytes.
pub const ANOMALY_BYTES_MAX: usize = 512;

/// What the gate found wrong, once or many times.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AnomalyRecord {
    /// What it is: an id of the event catalogue, 0x9001 and up.
    pub event: EventId,
    /// Whose certificate the connection had.
    pub device: DeviceId,
    /// What would have been right, in the unit that the catalogue states.
    pub expected: i64,
    /// What was found, in the unit that the catalogue states.
    pub observed: i64,
    /// How many happenings this record stands for. Above 1 only for those that the rate limit held back.
    pub count: u64,
    /// When the first of them was received.
    pub first: UnixMicros,
    /// SHA-256 of the report concerned, when it was read.
    pub report: Option<[u8; 32]>,
    /// The other device that the report names ([`LINK_WRONG_DEVICE`] only).
    pub claimed: Option<DeviceId>,
    /// What the operator said about it ([`DEVICE_REVOKED`] only).
    pub reason: Option<Reason>,
}

/// A short text in an operator's words, without control characters.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Reason {
    len: u8,
    bytes: [u8; Self::LEN_MAX],
}

impl Reason {
    /// The longest reason, in bytes.
    pub const LEN_MAX: usize = 120;

    /// The reason with this text, cut at [`Self::LEN_MAX`]; `None` if it is empty or has control characters.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.get(..text.floor_char_boundary(Self::LEN_MAX))?;
        if text.is_empty() || text.chars().any(char::is_control) {
            return None;
        }
        let mut bytes = [0; Self::LEN_MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self { len: u8::try_from(text.len()).ok()?, bytes })
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.bytes.get(..usize::from(self.len)).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl std::fmt::Debug for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_str().fmt(f)
    }
}

/// Reports are missing before this one.
pub const LINK_SEQUENCE_GAP: EventId = EventId(0x9001);
/// A report names another predecessor than the one that is held.
pub const LINK_CHAIN_BROKEN: EventId = EventId(0x9002);
/// A number that other content has taken, or a boot that is over.
pub const LINK_REPLAY: EventId = EventId(0x9003);
/// The signature does not verify with the key of the device's certificate.
pub const LINK_BAD_SIGNATURE: EventId = EventId(0x9004);
/// The report names another device than the certificate.
pub const LINK_WRONG_DEVICE: EventId = EventId(0x9005);
/// The report, or what it unpacks to, exceeds the limit.
pub const LINK_OVERSIZE: EventId = EventId(0x9006);
/// The bytes are not a report.
pub const LINK_MALFORMED: EventId = EventId(0x9007);
/// A report was turned away because a quota was used up.
pub const LINK_THROTTLED: EventId = EventId(0x900A);
/// The operator revoked the device.
pub const DEVICE_REVOKED: EventId = EventId(0x900B);
/// The report's times do not fit its receive time.
pub const CLOCK_SKEW: EventId = EventId(0x9009);

/// Why bytes are not an [`AnomalyRecord`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AnomalyError {
    /// Longer than [`ANOMALY_BYTES_MAX`].
    #[error("anomaly record of {0} bytes exceeds the maximum {ANOMALY_BYTES_MAX}")]
    TooLong(usize),
    /// Not one CBOR map with integer keys.
    #[error("anomaly record is not a CBOR map")]
    NotCbor,
    /// A field is missing or has a wrong type or range.
    #[error("field {0} of the anomaly record is missing or wrong")]
    Field(u8),
}

impl AnomalyRecord {
    /// One happening.
    #[must_use]
    pub const fn one(event: EventId, device: DeviceId, received: UnixMicros) -> Self {
        Self {
            event,
            device,
            expected: 0,
            observed: 0,
            count: 1,
            first: received,
            report: None,
            claimed: None,
            reason: None,
        }
    }

    /// The same with the two numbers.
    #[must_use]
    pub const fn numbers(self, expected: i64, observed: i64) -> Self {
        Self { expected, observed, ..self }
    }

    /// The bytes for the vault.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut fields = vec![
            field(1, self.event.0),
            field(2, self.device.to_string()),
            field(3, self.expected),
            field(4, self.observed),
            field(5, self.count),
            field(6, self.first.0),
        ];
        fields.extend(self.report.map(|digest| (Value::from(7), Value::Bytes(digest.to_vec()))));
        fields.extend(self.claimed.map(|device| field(8, device.to_string())));
        fields.extend(self.reason.map(|reason| field(9, reason.as_str())));
        let mut out = Vec::with_capacity(128);
        // Writing to a Vec cannot fail; were it to, the empty bytes would be refused on decoding, not taken for something else.
        if ciborium::into_writer(&Value::Map(fields), &mut out).is_err() {
            out.clear();
        }
        out
    }

    /// The inverse of [`Self::encode`].
    ///
    /// # Errors
    /// [`AnomalyError`] naming the field.
    pub fn decode(bytes: &[u8]) -> Result<Self, AnomalyError> {
        if bytes.len() > ANOMALY_BYTES_MAX {
            return Err(AnomalyError::TooLong(bytes.len()));
        }
        let mut rest = bytes;
        let map: Value =
            ciborium::de::from_reader_with_recursion_limit(&mut rest, 4).map_err(|_| AnomalyError::NotCbor)?;
        let map = map.into_map().map_err(|_| AnomalyError::NotCbor)?;
        if !rest.is_empty() {
            return Err(AnomalyError::NotCbor);
        }
        let fields = Fields(&map);
        Ok(Self {
            event: EventId(fields.integer(1)?),
            device: fields.device(2)?.ok_or(AnomalyError::Field(2))?,
            expected: fields.integer(3)?,
            observed: fields.integer(4)?,
            count: fields.integer(5)?,
            first: UnixMicros(fields.integer(6)?),
            report: fields.digest(7)?,
            claimed: fields.device(8)?,
            reason: fields.reason(9)?,
        })
    }
}

fn field(key: u8, value: impl Into<Value>) -> (Value, Value) {
    (Value::from(key), value.into())
}

/// The fields of a map with small integer keys.
struct Fields<'a>(&'a [(Value, Value)]);

impl Fields<'_> {
    fn get(&self, key: u8) -> Option<&Value> {
        self.0.iter().find(|(k, _)| *k == Value::from(key)).map(|(_, value)| value)
    }

    fn integer<T: TryFrom<i128>>(&self, key: u8) -> Result<T, AnomalyError> {
        let value = self.get(key).and_then(Value::as_integer).map(i128::from);
        value.and_then(|value| T::try_from(value).ok()).ok_or(AnomalyError::Field(key))
    }

    fn device(&self, key: u8) -> Result<Option<DeviceId>, AnomalyError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_text().and_then(|text| text.parse().ok()).map(Some).ok_or(AnomalyError::Field(key))
    }

    fn reason(&self, key: u8) -> Result<Option<Reason>, AnomalyError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_text().and_then(Reason::new).map(Some).ok_or(AnomalyError::Field(key))
    }

    fn digest(&self, key: u8) -> Result<Option<[u8; 32]>, AnomalyError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_bytes().and_then(|bytes| bytes.as_slice().try_into().ok()).map(Some).ok_or(AnomalyError::Field(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use proptest::prelude::*;

    fn record() -> AnomalyRecord {
        let device = "acme/kona-1/cgw".parse().unwrap();
        AnomalyRecord::one(LINK_SEQUENCE_GAP, device, UnixMicros(1_790_000_000_000_000)).numbers(7, 9)
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_bytes_of_version_one_stay() {
        expect!["a601199001026f61636d652f6b6f6e612d312f636777030704090501061b00065bfeda25e000"]
            .assert_eq(&hex(&record().encode()));
    }

    #[test]
    fn the_bytes_of_a_revocation_stay() {
        let record = AnomalyRecord {
            reason: Reason::new("key leaked"),
            ..AnomalyRecord::one(DEVICE_REVOKED, record().device, UnixMicros(1))
        };
        expect!["a70119900b026f61636d652f6b6f6e612d312f6367770300040005010601096a6b6579206c65616b6564"]
            .assert_eq(&hex(&record.encode()));
    }

    #[test]
    fn the_longest_record_fits() {
        let device: DeviceId = format!("{0}/{0}/{0}", "x".repeat(32)).parse().unwrap();
        let numbers = AnomalyRecord::one(EventId(u16::MAX), device, UnixMicros(i64::MIN)).numbers(i64::MIN, i64::MAX);
        let reason = Reason::new(&"\u{1F697}".repeat(99));
        let record =
            AnomalyRecord { count: u64::MAX, report: Some([0xFF; 32]), claimed: Some(device), reason, ..numbers };
        assert!(record.encode().len() <= ANOMALY_BYTES_MAX);
        assert_eq!(AnomalyRecord::decode(&record.encode()), Ok(record));
    }

    #[test]
    fn a_missing_field_is_named() {
        let mut out = Vec::new();
        ciborium::into_writer(&Value::Map(vec![field(1, 0x9001)]), &mut out).unwrap();
        assert_eq!(AnomalyRecord::decode(&out), Err(AnomalyError::Field(2)));
    }

    proptest! {
        #[test]
        fn a_record_survives_the_vault(
            event: u16, expected: i64, observed: i64, count: u64, first: i64, report: Option<[u8; 32]>, other: bool,
            reason: Option<String>,
        ) {
            let device: DeviceId = "acme/kona-1/cgw".parse().unwrap();
            let record = AnomalyRecord {
                event: EventId(event), device, expected, observed, count, first: UnixMicros(first), report,
                claimed: other.then_some(device), reason: reason.as_deref().and_then(Reason::new),
            };
            prop_assert_eq!(AnomalyRecord::decode(&record.encode()), Ok(record));
        }

        #[test]
        fn garbage_is_an_error_and_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = AnomalyRecord::decode(&bytes);
        }

        #[test]
        fn a_changed_record_is_an_error_or_another_record(at in 0..38_usize, bit in 0..8_u8) {
            let mut bytes = record().encode();
            bytes[at] ^= 1 << bit;
            prop_assert_ne!(AnomalyRecord::decode(&bytes), Ok(record()));
        }
    }
}
