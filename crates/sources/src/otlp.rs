//! OTLP logs, protobuf and JSON: one log record at a time.
//!
//! Not gRPC. Fields by their path: `body`, `body.KEY`, `event_name`, `severity_text`, `trace_id`, `span_id`, `attributes.KEY`,
//! `resource.KEY`, `scope.name`, with dots in KEY as they are. Invariants: the outer levels are walked, only one log record (at most
//! [`LINE_BYTES_MAX`] bytes) is ever decoded at a time, so that bytes of a hostile sender stay bytes; a bad log record is said by its
//! number and costs only itself. Cost: ~2 µs a log record.

use crate::captured::{Captured, LineError, LineRow};
use crate::json::{Cursor, JsonError};
use crate::lines::{LINE_BYTES_MAX, LOG_LINES_MAX};
use crate::mapping::Mapping;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::fmt::Write;
use yagura_model::{Severity, UnixMicros};

/// Why a request is not OTLP logs.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OtlpError {
    /// The protobuf framing is broken.
    #[error("not an ExportLogsServiceRequest in protobuf")]
    Protobuf,
    /// Not the JSON of one.
    #[error("not an ExportLogsServiceRequest in JSON: {0}")]
    Json(#[from] JsonError),
}

/// Hands out the rows of a request in protobuf: number of each log record (from 1), and its row or why it is none. Returns how many there
/// were; after [`LOG_LINES_MAX`] of them it stops and returns one more.
pub(crate) fn each_of_protobuf(
    mapping: &Mapping,
    body: &[u8],
    each: &mut impl FnMut(u32, Result<LineRow<'_>, LineError>),
) -> Result<usize, OtlpError> {
    let mut count = 0_usize;
    for resource_logs in fields(body) {
        let (1, resource_logs) = resource_logs? else { continue };
        let resource = fields(resource_logs).find_map(|field| field.ok().filter(|(tag, _)| *tag == 1));
        let resource = resource.and_then(|(_, bytes)| small::<Resource>(bytes)).unwrap_or_default();
        for scope_logs in fields(resource_logs) {
            let (2, scope_logs) = scope_logs? else { continue };
            let scope = fields(scope_logs).find_map(|field| field.ok().filter(|(tag, _)| *tag == 1));
            let scope = scope.and_then(|(_, bytes)| small::<InstrumentationScope>(bytes)).unwrap_or_default();
            for record in fields(scope_logs) {
                let (2, bytes) = record? else { continue };
                count = count.saturating_add(1);
                if count > LOG_LINES_MAX {
                    return Ok(count);
                }
                let record = decoded(bytes.len(), || LogRecord::decode(bytes).ok());
                hand_out(mapping, count, (&resource, &scope), record, each);
            }
        }
    }
    Ok(count)
}

/// As [`each_of_protobuf`], of a request in JSON.
pub(crate) fn each_of_json(
    mapping: &Mapping,
    body: &str,
    each: &mut impl FnMut(u32, Result<LineRow<'_>, LineError>),
) -> Result<usize, OtlpError> {
    let mut count = 0_usize;
    let mut cursor = Cursor::new(body);
    members(&mut cursor, "resourceLogs", &mut |resource_logs| {
        let resource: Resource = member(resource_logs, "resource");
        members(&mut Cursor::new(resource_logs), "scopeLogs", &mut |scope_logs| {
            let scope: InstrumentationScope = member(scope_logs, "scope");
            members(&mut Cursor::new(scope_logs), "logRecords", &mut |record| {
                count = count.saturating_add(1);
                if count <= LOG_LINES_MAX {
                    let record = decoded(record.len(), || serde_json::from_str(record).ok());
                    hand_out(mapping, count, (&resource, &scope), record, each);
                }
                Ok(())
            })
        })
    })?;
    cursor.end()?;
    Ok(count)
}

fn decoded(len: usize, decode: impl FnOnce() -> Option<LogRecord>) -> Result<LogRecord, LineError> {
    if len > LINE_BYTES_MAX {
        return Err(LineError::TooLong(len));
    }
    decode().ok_or(LineError::LogRecord)
}

fn hand_out(
    mapping: &Mapping,
    count: usize,
    around: (&Resource, &InstrumentationScope),
    record: Result<LogRecord, LineError>,
    each: &mut impl FnMut(u32, Result<LineRow<'_>, LineError>),
) {
    let number = u32::try_from(count).unwrap_or(u32::MAX);
    match record {
        Ok(record) => {
            let mut captured = Captured::new(mapping);
            capture(mapping, around, &record, &mut captured);
            each(number, LineRow::of(mapping, &captured));
        }
        Err(error) => each(number, Err(error)),
    }
}

fn capture<'a>(
    mapping: &Mapping,
    (resource, scope): (&'a Resource, &'a InstrumentationScope),
    record: &'a LogRecord,
    captured: &mut Captured<'a>,
) {
    let nanos = if record.time_unix_nano == 0 { record.observed_time_unix_nano } else { record.time_unix_nano };
    captured.time = i64::try_from(nanos / 1_000).ok().filter(|micros| *micros > 0).map(UnixMicros);
    captured.severity = match record.severity_number {
        1..=12 => Some(Severity::Informational),
        13..=16 => Some(Severity::Low),
        17..=20 => Some(Severity::Medium),
        21..=24 => Some(Severity::High),
        _ => None,
    };
    let mut take = |path: &str, value: Cow<'a, str>| {
        let place = mapping.paths.get(path).filter(|_| !value.is_empty());
        place.map(|place| captured.put(*place, Some(value)))
    };
    let _ = take("event_name", Cow::Borrowed(&record.event_name));
    let _ = take("severity_text", Cow::Borrowed(&record.severity_text));
    let _ = take("trace_id", Cow::Owned(hex(&record.trace_id)));
    let _ = take("span_id", Cow::Owned(hex(&record.span_id)));
    let _ = take("scope.name", Cow::Borrowed(&scope.name));
    match record.body.as_ref().and_then(|body| body.value.as_ref()) {
        Some(Value::KvlistValue(list)) => pairs(mapping, "body.", &list.values, captured),
        Some(value) => drop(mapping.paths.get("body").map(|place| captured.put(*place, text(value)))),
        None => {}
    }
    pairs(mapping, "attributes.", &record.attributes, captured);
    pairs(mapping, "resource.", &resource.attributes, captured);
    captured.close();
}

fn pairs<'a>(mapping: &Mapping, prefix: &str, pairs: &'a [KeyValue], captured: &mut Captured<'a>) {
    let mut path = String::new();
    for pair in pairs {
        let Some(value) = pair.value.as_ref().and_then(|value| value.value.as_ref()) else { continue };
        path.clear();
        path.push_str(prefix);
        path.push_str(&pair.key);
        match mapping.paths.get(&path) {
            Some(place) => captured.put(*place, text(value)),
            None if mapping.keeps_other_fields => {
                let name = serde_json::to_string(&path).unwrap_or_default();
                captured.keep(name.trim_matches('"'), &json(value));
            }
            None => {}
        }
    }
}

/// A value as text; lists and maps as JSON.
fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::StringValue(text) => Some(Cow::Borrowed(text)),
        Value::BoolValue(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
        Value::IntValue(value) => Some(Cow::Owned(value.to_string())),
        Value::DoubleValue(value) => Some(Cow::Owned(value.to_string())),
        Value::BytesValue(bytes) => Some(Cow::Owned(hex(bytes))),
        other => Some(Cow::Owned(json(other))),
    }
}

fn json(value: &Value) -> String {
    tree(value).to_string()
}

/// The depth is bounded by the decoders of prost and `serde_json`.
fn tree(value: &Value) -> serde_json::Value {
    let of = |value: &AnyValue| value.value.as_ref().map_or(serde_json::Value::Null, tree);
    match value {
        Value::StringValue(text) => text.as_str().into(),
        Value::BoolValue(value) => (*value).into(),
        Value::IntValue(value) => (*value).into(),
        Value::DoubleValue(value) => (*value).into(),
        Value::BytesValue(bytes) => hex(bytes).into(),
        Value::ArrayValue(list) => list.values.iter().map(of).collect(),
        Value::KvlistValue(list) => {
            let pair = |pair: &KeyValue| (pair.key.clone(), pair.value.as_ref().map_or(serde_json::Value::Null, of));
            serde_json::Value::Object(list.values.iter().map(pair).collect())
        }
        // References into a profile's dictionary mean nothing in logs.
        _ => serde_json::Value::Null,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn small<T: Message + Default>(bytes: &[u8]) -> Option<T> {
    if bytes.len() > LINE_BYTES_MAX { None } else { T::decode(bytes).ok() }
}

/// The length-delimited fields of a protobuf message: tag and bytes; others are skipped.
fn fields(message: &[u8]) -> impl Iterator<Item = Result<(u64, &[u8]), OtlpError>> {
    let mut rest = message;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            match field(&mut rest) {
                Some(Some(found)) => return Some(Ok(found)),
                Some(None) => {}
                None => {
                    rest = &[];
                    return Some(Err(OtlpError::Protobuf));
                }
            }
        }
        None
    })
}

/// One field; `Some(None)` if it is not length-delimited.
fn field<'a>(rest: &mut &'a [u8]) -> Option<Option<(u64, &'a [u8])>> {
    let key = varint(rest)?;
    let len = match key & 7 {
        0 => {
            varint(rest)?;
            return Some(None);
        }
        1 => 8,
        2 => usize::try_from(varint(rest)?).ok()?,
        5 => 4,
        _ => return None,
    };
    let (bytes, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some((key & 7 == 2).then_some((key >> 3, bytes)))
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7F).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Calls `each` with every element of the array `name` of the object that stands here.
fn members<'a>(
    cursor: &mut Cursor<'a>,
    name: &str,
    each: &mut impl FnMut(&'a str) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    cursor.object(|cursor, key, _| {
        if key == name && cursor.is_array() {
            cursor.array(|cursor| each(cursor.raw_value()?))
        } else {
            cursor.value().map(drop)
        }
    })
}

/// The member `name` of an object; its default if it is not there, too long, or another thing.
fn member<T: DeserializeOwned + Default>(object: &str, name: &str) -> T {
    let mut found = None;
    // The text was walked before: it is an object, or the walk that follows says so.
    let _ = Cursor::new(object).object(|cursor, key, _| {
        let raw = cursor.raw_value()?;
        if key == name && raw.len() <= LINE_BYTES_MAX {
            found = serde_json::from_str(raw).ok();
        }
        Ok(())
    });
    found.unwrap_or_default()
}
