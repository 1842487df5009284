//! Tests from bytes as received to rows.

use super::*;
use crate::batch::Encoding;
use crate::file::{Source, SourceKind};
use crate::foreign::{ForeignWriter, Frame, Sender, Via};
use crate::key::{Algorithm, SourceKey};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use ed25519_dalek::{Signer, SigningKey};
use expect_test::expect;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use proptest::prelude::*;
use prost::Message as _;
use yagura_idsm::{InstanceId, ProtocolVersion, SensorInstanceId, Timestamp};
use yagura_model::{EventId, Name};

const RECEIVED: UnixMicros = UnixMicros(1_800_000_000_000_000);

const OTA: &str = r#"
    kind = "logs"
    tenant = "acme"
    product = "ota"
    [columns]
    time = { field = "ts" }
    vehicle = { field = ["vin", "target.vehicle"] }
    user = { field = "actor.id" }
    action = { field = "event", map = { "pkg.get" = "package_download" } }
    severity = { field = "level", default = "info" }
    status_code = { field = "http.status" }
    resource = { field = "package" }
    message = { field = "msg" }
"#;

fn source(text: &str) -> (String, Mapping) {
    let SourceKind::Logs(source) = Source::parse("ota-backend", text).unwrap().kind else { panic!("logs") };
    (source.mapping_json, source.mapping)
}

fn record(mapping: &str, form: Form, body: &[u8]) -> Vec<u8> {
    let (tenant, source) = (Name::new("acme").unwrap(), Name::new("ota-backend").unwrap());
    let mapping = mapping.to_owned();
    LogRecord { tenant, source, form, encoding: Encoding::Identity, mapping, lines: 1, body }.encode().unwrap()
}

fn rows(payload: &[u8]) -> (Read, RecordBatch) {
    let mut decoder = Decoder::new();
    let read = read_logs(&mut decoder, &mut Mappings::default(), 7, RECEIVED, payload).unwrap();
    (read, decoder.finish().unwrap().events)
}

/// The columns that are not empty, one row a paragraph.
fn show(batch: &RecordBatch) -> String {
    let plain = ["received_time", "event_date", "vehicle_bucket", "tenant", "event_id", "count", "boot", "sequence"];
    let options = FormatOptions::default();
    let mut out = String::new();
    for row in 0..batch.num_rows() {
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            if column.is_valid(row) && !plain.contains(&field.name().as_str()) && !field.name().contains("instance") {
                let cell = ArrayFormatter::try_new(column, &options).unwrap().value(row).to_string();
                out.push_str(&format!("{}={cell} ", field.name()));
            }
        }
        out.push('\n');
    }
    out
}

#[test]
fn json_lines_become_rows_and_bad_lines_cost_only_themselves() {
    let body = br#"{"ts":"2026-11-22T10:00:00Z","vin":"kona-7","event":"pkg.get","actor":{"id":42,"x":[1]},"level":"WARN","http":{"status":403},"package":"fw-\u0031","signed":false,"more":{"a":[1,"\""]}}
{"ts":"soon"}

not json
{"vin":"a vehicle"}
{"msg":"no time","target":{"vehicle":"kona-8"},"level":"bad"}
{"msg":"at receipt","target":{"vehicle":"kona-8"}}
"#;
    let (json, mapping) = source(OTA);
    let (read, batch) = rows(&record(&json, Form::JsonLines, body));
    assert_eq!(read, Read { rows: 2, unreadable: 4, untrusted: 0 });
    expect![[r#"
        time=2026-11-22T10:00:00Z vehicle=kona-7 sensor=ota-backend event_name=OTA_LOG severity_id=2 position=7 entry_index=0 product=ota source=ota-backend trusted=false action=package_download user=42 status_code=403 resource=fw-1 attributes={"signed":false,"more":{"a":[1,"\""]}} 
        time=2027-01-15T08:00:00Z vehicle=kona-8 sensor=ota-backend event_name=OTA_LOG severity_id=1 position=7 entry_index=6 product=ota source=ota-backend trusted=false message=at receipt 
    "#]].assert_eq(&show(&batch));
    let mut bad = String::new();
    let count = each_row(&mapping, Form::JsonLines, body, |number, row| {
        if let Err(error) = row {
            bad.push_str(&format!("{number}: {error}\n"));
        }
    });
    assert_eq!(count.unwrap(), 6);
    expect![[r#"
        2: time: "soon" is not a time of the mapping's format
        4: not JSON at byte 0: expected an object
        5: vehicle: "a vehicle" is not a name of 1 to 32 characters A-Z a-z 0-9 . _ -
        6: severity: "bad" is not a severity: add it to the column's map
    "#]]
    .assert_eq(&bad);
}

const OTLP: &str = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"vehicle.id","value":{"stringValue":"kona-7"}}]},
 "scopeLogs":[{"scope":{"name":"gateway"},"logRecords":[
  {"timeUnixNano":"1795348800500000000","severityNumber":17,"body":{"stringValue":"denied"},"eventName":"api.call",
   "attributes":[{"key":"http.response.status_code","value":{"intValue":"401"}},{"key":"api.key","value":{"stringValue":"k-1"}}]},
  {"timeUnixNano":"x"},
  {"body":{"kvlistValue":{"values":[{"key":"why","value":{"boolValue":true}}]}}}]}]}]}"#;

const API: &str = r#"
    kind = "logs"
    tenant = "acme"
    product = "api"
    [columns]
    vehicle = { field = "resource.vehicle.id" }
    user = { field = "attributes.api.key" }
    action = { field = "event_name" }
    status_code = { field = "attributes.http.response.status_code" }
    message = { field = ["body", "scope.name"] }
"#;

#[test]
fn otlp_gives_the_same_rows_in_both_forms() {
    let (json, _) = source(API);
    let (read, batch) = rows(&record(&json, Form::OtlpJson, OTLP.as_bytes()));
    assert_eq!(read, Read { rows: 2, unreadable: 1, untrusted: 0 });
    expect![[r#"
        time=2026-11-22T12:00:00.500Z vehicle=kona-7 sensor=ota-backend event_name=API_LOG severity_id=3 position=7 entry_index=0 product=api source=ota-backend trusted=false action=api.call user=k-1 status_code=401 message=denied 
        time=2027-01-15T08:00:00Z vehicle=kona-7 sensor=ota-backend event_name=API_LOG severity_id=1 position=7 entry_index=2 product=api source=ota-backend trusted=false message=gateway attributes={"body.why":true} 
    "#]].assert_eq(&show(&batch));

    let whole = OTLP.replace(r#"{"timeUnixNano":"x"},"#, "");
    let request: ExportLogsServiceRequest = serde_json::from_str(&whole).unwrap();
    let (read, protobuf) = rows(&record(&json, Form::OtlpProtobuf, &request.encode_to_vec()));
    assert_eq!((read.rows, read.unreadable), (2, 0));
    let message = |batch: &RecordBatch| batch.column_by_name("message").unwrap().as_string::<i32>().value(0).to_owned();
    assert_eq!(message(&protobuf), message(&batch));
    let codes = protobuf.column_by_name("status_code").unwrap().as_primitive::<Int64Type>();
    assert_eq!((codes.value(0), codes.is_null(1)), (401, true));
}

fn message(sign: Option<&SigningKey>, event: u16) -> Vec<u8> {
    let unsigned = Message {
        version: ProtocolVersion::V2,
        instance: InstanceId::new(3).unwrap(),
        sensor: SensorInstanceId::new(1).unwrap(),
        event: EventId(event),
        count: 2,
        reserved: 0,
        timestamp: Timestamp::from_unix(UnixMicros(1_700_000_000_000_000)),
        context: None,
        signature: None,
    };
    let encode = |message: &Message<'_>| {
        let mut bytes = vec![0; message.encoded_len()];
        message.encode(&mut bytes).unwrap();
        bytes
    };
    let Some(key) = sign else { return encode(&unsigned) };
    // What is signed is what stands before the signature frame, with the flag that one follows.
    let whole = encode(&Message { signature: Some(&[0; 64]), ..unsigned });
    let signature = key.sign(&whole[..whole.len() - 66]).to_bytes();
    encode(&Message { signature: Some(&signature), ..unsigned })
}

fn foreign(key: Option<&SigningKey>, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = ForeignWriter::new();
    for bytes in frames {
        assert!(writer.push(&Frame { received: RECEIVED, bytes }));
    }
    writer.finish(&Sender {
        device: "acme/kona-7/adas".parse().unwrap(),
        source: Name::new("vendor").unwrap(),
        via: Via::Udp,
        peer: "10.0.0.1:9".to_owned(),
        key: key.map(|key| SourceKey::new(Algorithm::Ed25519, key.verifying_key().as_bytes()).unwrap()),
    })
}

#[test]
fn foreign_messages_say_whether_anybody_vouches_for_them() {
    let (good, other) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
    let signed = [message(Some(&good), 0x8001), message(Some(&other), 0x8002)].concat();
    let payload = foreign(Some(&good), &[signed, message(None, 0x1234), vec![0xFF]]);
    let mut decoder = Decoder::new();
    let read = read_foreign(&mut decoder, 3, &payload).unwrap();
    assert_eq!(read, Read { rows: 3, unreadable: 1, untrusted: 2 });
    let batch = decoder.finish().unwrap().events;
    let trusted = batch.column_by_name("trusted").unwrap().as_boolean();
    assert_eq!(trusted.iter().map(|t| t.unwrap()).collect::<Vec<_>>(), [true, false, false]);
    let names = batch.column_by_name("event_name").unwrap().as_string::<i32>();
    assert_eq!(names.value(2), "EVENT_1234", "an id that the catalogue does not know stays a number");
    let counts = batch.column_by_name("count").unwrap().as_primitive::<Int32Type>();
    let times = batch.column_by_name("time").unwrap().as_primitive::<TimestampMicrosecondType>();
    assert_eq!((counts.value(0), times.value(0)), (2, 1_700_000_000_000_000));
}

#[test]
fn without_a_key_every_message_is_marked_and_none_is_missed() {
    let payload = foreign(None, &[message(None, 0x8001), message(Some(&SigningKey::from_bytes(&[1; 32])), 0x8001)]);
    let read = read_foreign(&mut Decoder::new(), 3, &payload).unwrap();
    assert_eq!(read, Read { rows: 2, unreadable: 0, untrusted: 0 });
}

proptest! {
    #[test]
    fn any_body_is_read_to_its_end(body in proptest::collection::vec(any::<u8>(), 0..300), text in "[{}\\[\\]\",:a-z0-9\n\\\\]{0,200}") {
        let (_, mapping) = source(OTA);
        let (_, api) = source(API);
        for form in [Form::JsonLines, Form::OtlpJson, Form::OtlpProtobuf] {
            for body in [body.as_slice(), text.as_bytes()] {
                let _ = each_row(&mapping, form, body, |_, _| {});
                let _ = each_row(&api, form, body, |_, _| {});
            }
        }
    }

    #[test]
    fn damaged_otlp_is_read_to_its_end(at in 0..400_usize, byte: u8) {
        let (_, api) = source(API);
        let request: ExportLogsServiceRequest =
            serde_json::from_str(&OTLP.replace(r#"{"timeUnixNano":"x"},"#, "")).unwrap();
        let mut bytes = request.encode_to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = each_row(&api, Form::OtlpProtobuf, &bytes, |_, _| {});
    }

    #[test]
    fn every_line_is_a_row_or_named(lines in proptest::collection::vec("(\\{\"msg\":\"[a-z]{0,5}\"\\}|x[a-z]{0,3})", 0..20)) {
        let (_, mapping) = source(OTA);
        let body = lines.join("\n");
        let mut seen = Vec::new();
        let count = each_row(&mapping, Form::JsonLines, body.as_bytes(), |number, row| seen.push((number, row.is_ok()))).unwrap();
        prop_assert_eq!(count, lines.len());
        let expected: Vec<_> = (1..).zip(lines.iter().map(|line| line.starts_with('{'))).collect();
        prop_assert_eq!(seen, expected);
    }
}
