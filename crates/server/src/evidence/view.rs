//! A record in words: JSON for people and their tools.
//!
//! Not evidence: it follows from the record, and `evidence verify` makes it again to compare. Invariants: the same record and key give
//! the same bytes; what cannot be read is said to be so in its place. Cost: opening the report once.

use crate::intake::AnomalyRecord;
use ed25519_dalek::VerifyingKey;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use yagura_columns::Catalogue;
use yagura_link::{Entry, Header, Limits, entries, open, peek};
use yagura_model::{EventId, UnixMicros};
use yagura_store::{Custody, Record, RecordKind};

/// SHA-256 in lower-case hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    crate::auth::hex(&Sha256::digest(bytes))
}

/// RFC 3339 with microseconds, UTC; the number itself for years that have none.
#[must_use]
pub fn time(at: UnixMicros) -> String {
    let whole = OffsetDateTime::from_unix_timestamp(at.0.div_euclid(1_000_000)).ok();
    let text = whole.and_then(|whole| whole.format(&Rfc3339).ok());
    match text.as_deref().and_then(|text| text.strip_suffix('Z')) {
        Some(text) => format!("{text}.{:06}Z", at.0.rem_euclid(1_000_000)),
        None => at.0.to_string(),
    }
}

/// The instant of an RFC 3339 text.
#[must_use]
pub fn parse_time(text: &str) -> Option<UnixMicros> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000)).ok().map(UnixMicros)
}

/// A view on one line, for people.
#[must_use]
pub fn line(view: &Value) -> String {
    let text = |field: &str| view.get(field).and_then(Value::as_str).unwrap_or("-");
    let position = view.get("position").and_then(Value::as_u64).unwrap_or(0);
    let events = view.get("events").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let named = events.iter().map(|it| it.get("symbol").and_then(Value::as_str).or_else(|| it.get("event")?.as_str()));
    let mut symbols: Vec<&str> = named.flatten().collect();
    symbols.extend(["symbol", "what", "unreadable"].iter().filter_map(|field| view.get(*field)?.as_str()));
    symbols.dedup();
    let sha = text("sha256").get(..16).unwrap_or_default();
    format!("{position} {} {} {} {sha} {}", text("received"), text("kind"), text("device"), symbols.join(" "))
}

/// Name of a kind of record.
#[must_use]
pub const fn kind(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Report => "report",
        RecordKind::Enrolment => "enrolment",
        RecordKind::Anomaly => "anomaly",
        RecordKind::Foreign => "foreign",
        RecordKind::Logs => "logs",
        RecordKind::Custody => "custody",
    }
}

/// The record in words. `key` is that of the device, for a report.
#[must_use]
pub fn view(record: &Record, key: Option<&VerifyingKey>, catalogue: &Catalogue) -> Value {
    let mut value = json!({
        "position": record.position.0,
        "kind": kind(record.kind),
        "received": time(record.received),
        "device": super::select::device_of(record).map(|device| device.to_string()),
        "sha256": sha256(&record.payload),
    });
    let content = match record.kind {
        RecordKind::Report => report(&record.payload, key, catalogue),
        RecordKind::Enrolment => json!({"certificate": "X.509, DER: openssl x509 -inform der -text"}),
        RecordKind::Anomaly => anomaly(&record.payload, catalogue),
        RecordKind::Foreign => json!({"messages": "IDS protocol messages of a foreign sensor, as received"}),
        RecordKind::Logs => json!({"lines": "log lines of a back end, as received"}),
        RecordKind::Custody => match Custody::decode(&record.payload) {
            Some(_) => serde_json::from_slice(&record.payload).unwrap_or(Value::Null),
            None => json!({"unreadable": "not a custody record that is known here"}),
        },
    };
    if let (Value::Object(value), Value::Object(content)) = (&mut value, content) {
        value.extend(content);
    }
    value
}

fn report(payload: &[u8], key: Option<&VerifyingKey>, catalogue: &Catalogue) -> Value {
    let header = match peek(payload) {
        Ok(header) => header,
        Err(error) => return json!({"unreadable": error.to_string()}),
    };
    let opened = match key.map(|key| open(payload, key, &Limits::default())) {
        Some(Ok(opened)) => opened,
        Some(Err(error)) => return json!({"report": header_view(&header), "unreadable": error.to_string()}),
        None => return json!({"report": header_view(&header), "unreadable": "no certificate of the device is known"}),
    };
    let (mut events, mut others, mut unreadable) = (Vec::new(), 0_u64, 0_u64);
    for (index, entry) in entries(&opened.body).enumerate() {
        match entry {
            Ok(Entry::Message(message)) => {
                let mut event = event_view(message.event, catalogue);
                if let Value::Object(event) = &mut event {
                    event.insert("entry".to_owned(), json!(index));
                    event.insert("instance".to_owned(), json!(message.instance.raw()));
                    event.insert("sensor".to_owned(), json!(message.sensor.raw()));
                    event.insert("count".to_owned(), json!(message.count));
                    event.insert("context".to_owned(), json!(message.context.map(|it| crate::auth::hex(it.data))));
                }
                events.push(event);
            }
            Ok(_) => others += 1,
            Err(_) => unreadable += 1,
        }
    }
    json!({
        "report": header_view(&header), "signature": "holds", "events": events,
        "other_entries": others, "unreadable_entries": unreadable,
    })
}

fn header_view(header: &Header) -> Value {
    json!({
        "boot": header.boot, "sequence": header.sequence, "previous": header.previous.to_string(),
        "first": time(header.clock.unix(header.first)), "last": time(header.clock.unix(header.last)),
        "lost": {
            "events": header.losses.events, "frames": header.losses.frames,
            "excerpts": header.losses.excerpts, "reports": header.losses.reports,
        },
    })
}

fn event_view(event: EventId, catalogue: &Catalogue) -> Value {
    let known = catalogue.get(event);
    json!({
        "event": format!("0x{:04X}", event.0),
        "symbol": known.map(|it| it.symbol.as_str()),
        "title": known.map(|it| it.title.en.as_str()),
    })
}

fn anomaly(payload: &[u8], catalogue: &Catalogue) -> Value {
    match AnomalyRecord::decode(payload) {
        Ok(it) => {
            let mut value = event_view(it.event, catalogue);
            if let Value::Object(value) = &mut value {
                value.insert("count".to_owned(), json!(it.count));
                value.insert("expected".to_owned(), json!(it.expected));
                value.insert("observed".to_owned(), json!(it.observed));
                value.insert("first".to_owned(), json!(time(it.first)));
            }
            value
        }
        Err(error) => json!({"unreadable": error.to_string()}),
    }
}
