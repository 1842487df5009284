//! Wall-clock instants as the JSON API writes them: RFC 3339, UTC, always six decimals.
//!
//! Not a clock: nothing here reads the time. Invariant: what is written reads back as the same microsecond; an instant that the
//! calendar of `time` cannot hold (years beyond 9999) is written as the nearest one that it can.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::borrow::Cow;
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};
use utoipa::openapi::{
    RefOr, Schema,
    schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type},
};
use yagura_model::UnixMicros;

/// An instant in the JSON API.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Time(pub UnixMicros);

impl Time {
    /// The first and the last instant that can be written, 0000-01-01 and 9999-12-31, in microseconds since 1970.
    const RANGE: (i64, i64) = (-62_167_219_200_000_000, 253_402_300_799_999_999);

    /// The instant that `text` names, in any offset.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000)).ok().map(|micros| Self(UnixMicros(micros)))
    }

    /// `2026-11-22T12:34:56.000001Z`.
    #[must_use]
    pub fn to_text(self) -> String {
        let micros = self.0.0.clamp(Self::RANGE.0, Self::RANGE.1);
        let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000);
        let m = moment.unwrap_or(OffsetDateTime::UNIX_EPOCH).to_offset(UtcOffset::UTC);
        let (year, month, day) = (m.year(), u8::from(m.month()), m.day());
        let (hour, minute, second, micro) = m.to_hms_micro();
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micro:06}Z")
    }
}

impl From<UnixMicros> for Time {
    fn from(micros: UnixMicros) -> Self {
        Self(micros)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_text())
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format_args!("{text:?} is not an RFC 3339 time")))
    }
}

impl utoipa::PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("RFC 3339, UTC, microseconds"))
            .into()
    }
}

impl utoipa::ToSchema for Time {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_instant_survives_its_text(micros in Time::RANGE.0..=Time::RANGE.1) {
            let time = Time(UnixMicros(micros));
            prop_assert_eq!(Time::parse(&time.to_text()), Some(time));
        }

        #[test]
        fn any_instant_can_be_written(micros: i64) {
            prop_assert_eq!(Time(UnixMicros(micros)).to_text().len(), 27);
        }
    }

    #[test]
    fn an_offset_is_taken_into_account() {
        assert_eq!(Time::parse("1970-01-01T09:00:00+09:00"), Some(Time(UnixMicros(0))));
        assert_eq!(Time::parse("yesterday"), None);
    }
}
