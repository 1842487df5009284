//! Rows of the state and of record batches, turned into the API's words.
//!
//! Not a query. Invariant: a row that lacks a column or holds an unknown code is shown with what it has, never hidden.

use super::time::Time;
use super::types::{
    Alert, AlertCounts, AlertStatus, Disposition, Event, FieldValue, SeverityName, StageName, StateSample,
    StatusChange, Text,
};
use crate::auth::hex;
use crate::state::{AlertRow, ChangeRow, DispositionCode, StatusCode};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{ArrowPrimitiveType, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use yagura_columns::Catalogue;
use yagura_model::{CanId, EventId, UnixMicros};

/// An alert that is raised so long after its last event came of data that was late.
const LATE_AFTER_US: i64 = 3_600_000_000;

/// A severity, from 1 informational .. 5 critical; what is unknown counts as medium.
pub(crate) fn severity(id: i64) -> SeverityName {
    match id {
        1 => SeverityName::Informational,
        2 => SeverityName::Low,
        4 => SeverityName::High,
        5 => SeverityName::Critical,
        _ => SeverityName::Medium,
    }
}

/// The inverse of [`severity`].
pub(crate) const fn severity_id(name: SeverityName) -> i64 {
    match name {
        SeverityName::Informational => 1,
        SeverityName::Low => 2,
        SeverityName::Medium => 3,
        SeverityName::High => 4,
        SeverityName::Critical => 5,
    }
}

/// A severity of the model.
pub(crate) fn severity_of(severity: yagura_model::Severity) -> SeverityName {
    self::severity(i64::from(yagura_columns::severity_id(severity)))
}

pub(crate) const fn status_code(status: AlertStatus) -> StatusCode {
    match status {
        AlertStatus::Open => StatusCode::Open,
        AlertStatus::Acknowledged => StatusCode::Acknowledged,
        AlertStatus::Closed => StatusCode::Closed,
    }
}

pub(crate) const fn disposition_code(disposition: Disposition) -> DispositionCode {
    match disposition {
        Disposition::TruePositive => DispositionCode::TruePositive,
        Disposition::FalsePositive => DispositionCode::FalsePositive,
        Disposition::Benign => DispositionCode::Benign,
        Disposition::InsufficientData => DispositionCode::InsufficientData,
    }
}

fn disposition(code: i64) -> Option<Disposition> {
    Some(match DispositionCode::of(code)? {
        DispositionCode::TruePositive => Disposition::TruePositive,
        DispositionCode::FalsePositive => Disposition::FalsePositive,
        DispositionCode::Benign => Disposition::Benign,
        DispositionCode::InsufficientData => Disposition::InsufficientData,
    })
}

pub(crate) fn status(code: i64) -> AlertStatus {
    match StatusCode::of(code) {
        StatusCode::Open => AlertStatus::Open,
        StatusCode::Acknowledged => AlertStatus::Acknowledged,
        StatusCode::Closed => AlertStatus::Closed,
    }
}

/// A kept count.
pub(crate) fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// A kept instant.
pub(crate) const fn time(micros: i64) -> Time {
    Time(UnixMicros(micros))
}

/// A text of the catalogue.
pub(crate) fn text(text: &yagura_columns::Text) -> Text {
    Text { en: text.en.clone(), ja: text.ja.clone() }
}

/// An event id as it is written: `0x8001`.
pub(crate) fn event_id(id: u16) -> String {
    format!("0x{id:04X}")
}

/// An identifier as it is written: 3 digits (11 bits) or 8 (29 bits).
pub(crate) fn can_id(raw: i64, extended: bool) -> String {
    if extended { format!("{raw:08X}") } else { format!("{raw:03X}") }
}

/// An identifier of a frame, as it is written.
pub(crate) fn can_id_of(id: CanId) -> String {
    let (raw, extended) = match id {
        CanId::Standard(id) => (u32::from(id.raw()), false),
        CanId::Extended(id) => (id.raw(), true),
    };
    can_id(i64::from(raw), extended)
}

pub(crate) fn alert(row: &AlertRow) -> Alert {
    Alert {
        id: hex(&row.alert_id),
        rule_id: row.rule_id.clone(),
        title: Text { en: row.title_en.clone(), ja: row.title_ja.clone() },
        severity: severity(row.severity),
        status: status(row.status),
        vehicle: row.vehicle.clone(),
        vehicle_count: count(row.vehicles),
        technique: row.technique.clone(),
        first_time: time(row.first_us),
        last_time: time(row.last_us),
        count: count(row.count),
        late: late(row),
        stage: if row.shadow == 0 { StageName::Live } else { StageName::Shadow },
        disposition: row.disposition.and_then(disposition),
    }
}

/// When data that came late raised or changed the alert, if it did. What is raised at once is late if its events were long past.
fn late(row: &AlertRow) -> Option<Time> {
    let at_once = row.raised_us.saturating_sub(row.last_us) <= LATE_AFTER_US;
    row.late_us.or_else(|| (!at_once).then_some(row.raised_us)).map(time)
}

pub(crate) fn change(row: ChangeRow) -> StatusChange {
    let disposition = row.disposition.and_then(disposition);
    StatusChange {
        time: time(row.time_us),
        user: row.user_name,
        status: status(row.status),
        note: row.note,
        disposition,
    }
}

/// Counts by severity 1..=5.
pub(crate) const fn alert_counts([informational, low, medium, high, critical]: [u64; 5]) -> AlertCounts {
    AlertCounts { critical, high, medium, low, informational }
}

/// A JSON array of field and value, as the state keeps it.
pub(crate) fn pairs(json: &str) -> Vec<FieldValue> {
    raw_pairs(json).into_iter().map(|(field, value)| FieldValue { field, value }).collect()
}

/// The same as the engine has them.
pub(crate) fn raw_pairs(json: &str) -> Vec<(String, String)> {
    serde_json::from_str(json).unwrap_or_default()
}

/// One row of a record batch.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    batch: &'a RecordBatch,
    row: usize,
}

impl<'a> Row<'a> {
    pub(crate) fn all(batch: &'a RecordBatch) -> impl Iterator<Item = Self> {
        (0..batch.num_rows()).map(move |row| Self { batch, row })
    }

    fn column(&self, name: &str) -> Option<&'a ArrayRef> {
        self.batch.column_by_name(name).filter(|column| column.is_valid(self.row))
    }

    fn primitive<T: ArrowPrimitiveType>(&self, name: &str) -> Option<T::Native> {
        self.column(name)?.as_primitive_opt::<T>().map(|array| array.value(self.row))
    }

    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.column(name)?.as_string_opt::<i32>().map(|array| array.value(self.row))
    }

    fn owned(&self, name: &str) -> String {
        self.text(name).unwrap_or_default().to_owned()
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.column(name)?.as_boolean_opt().map(|array| array.value(self.row))
    }

    fn bytes(&self, name: &str) -> Option<&'a [u8]> {
        self.column(name)?.as_binary_opt::<i32>().map(|array| array.value(self.row))
    }

    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        self.primitive::<Int64Type>(name).or_else(|| self.primitive::<Int32Type>(name).map(i64::from))
    }

    pub(crate) fn time(&self, name: &str) -> UnixMicros {
        UnixMicros(self.primitive::<TimestampMicrosecondType>(name).unwrap_or(0))
    }

    /// Where the row's evidence is: position and entry.
    pub(crate) fn place(&self) -> (u64, u32) {
        let entry = self.integer("entry_index").and_then(|entry| u32::try_from(entry).ok());
        (count(self.integer("position").unwrap_or(0)), entry.unwrap_or(0))
    }
}

/// A row of the events table.
pub(crate) fn event(row: &Row<'_>, catalogue: &Catalogue) -> Event {
    let id = row.integer("event_id").and_then(|id| u16::try_from(id).ok()).unwrap_or(u16::MAX);
    let name = row.owned("event_name");
    let known = catalogue.get(EventId(id));
    let (position, entry_index) = row.place();
    let extended = row.flag("can_extended").unwrap_or(false);
    Event {
        time: row.time("time").into(),
        received_time: row.time("received_time").into(),
        vehicle: row.owned("vehicle"),
        sensor: row.owned("sensor"),
        event_id: event_id(id),
        title: known.map_or_else(|| Text { en: name.clone(), ja: name.clone() }, |entry| text(&entry.title)),
        event_name: name,
        severity: severity(row.integer("severity_id").unwrap_or(0)),
        count: row.integer("count").and_then(|count| u32::try_from(count).ok()).unwrap_or(1),
        bus: row.integer("bus").and_then(|bus| u8::try_from(bus).ok()),
        can_id: row.integer("can_id").map(|raw| can_id(raw, extended)),
        expected: row.integer("expected"),
        observed: row.integer("observed"),
        payload: row.bytes("payload").filter(|bytes| !bytes.is_empty()).map(|bytes| hex(bytes).to_uppercase()),
        speed_kmh: row.primitive::<Float64Type>("speed_kmh"),
        gear: row.text("gear").map(str::to_owned),
        position,
        entry_index,
    }
}

/// A row of the vehicle state table.
pub(crate) fn state_sample(row: &Row<'_>) -> StateSample {
    StateSample {
        time: row.time("time").into(),
        speed_kmh: row.primitive::<Float64Type>("speed_kmh"),
        accelerator_percent: row.primitive::<Float64Type>("accelerator_percent"),
        brake_pressed: row.flag("brake_pressed"),
        gear: row.text("gear").map(str::to_owned),
    }
}
