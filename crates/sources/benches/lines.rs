//! How fast JSON lines become rows of the events table, beside arrow-json's reader on the same lines: lines per second of one core.
//!
//! Not the HTTP and not the vault. Prints one JSON line with both rates and their ratio.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a bench prints, and stops if its input is wrong")]

use arrow::datatypes::{DataType, Field, Schema};
use std::io::Cursor;
use std::sync::Arc;
use std::time::Instant;
use yagura_columns::{Decoder, ObservedRow};
use yagura_model::UnixMicros;
use yagura_sources::{Form, Source, SourceKind, each_row};

const LINES: usize = 50_000;
const RUNS: usize = 7;

const SOURCE: &str = r#"
kind = "logs"
tenant = "acme"
product = "telematics"
[columns]
time = { field = "ts" }
vehicle = { field = "vin" }
sensor = { field = "service" }
event_name = { field = "event" }
severity = { field = "level" }
action = { field = "action" }
user = { field = "user" }
src_ip = { field = "src_ip" }
status = { field = "status" }
status_code = { field = "code" }
resource = { field = "resource" }
session = { field = "session" }
message = { field = "msg" }
"#;

/// The fields of a line, all of them also columns of arrow-json's batch.
const FIELDS: [&str; 15] = [
    "ts", "vin", "service", "event", "level", "action", "user", "src_ip", "status", "code", "resource", "session",
    "msg", "region", "build",
];

fn lines() -> Vec<u8> {
    let mut out = String::new();
    for i in 0..LINES {
        let (vehicle, user, code) = (i % 10_000, i % 500, [200, 200, 200, 401, 404][i % 5]);
        let line = format!(
            r#"{{"ts":"2026-11-22T10:{:02}:{:02}.{:06}Z","vin":"vehicle-{vehicle:06}","service":"gateway-{}","event":"REMOTE_COMMAND","level":"info","action":"door_unlock","user":"user-{user}","src_ip":"10.{}.{}.{}","status":"success","code":{code},"resource":"/v2/vehicles/{vehicle}/doors","session":"{:016x}","msg":"command accepted by the vehicle after {} ms","region":"eu-central-1","build":"2026.47.{}"}}"#,
            i / 60 % 60,
            i % 60,
            i % 1_000_000,
            i % 8,
            i % 256,
            i / 7 % 256,
            i % 200,
            i * 2_654_435_761,
            i % 900,
            i % 10,
        );
        out.push_str(&line);
        out.push('\n');
    }
    out.into_bytes()
}

/// Seconds that this thread was on a core, so that other work on the machine does not count; wall time where Linux does not say.
fn cpu_seconds(since: Instant) -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos: Option<f64> = stat.split_whitespace().next().and_then(|first| first.parse().ok());
    nanos.map_or_else(|| since.elapsed().as_secs_f64(), |nanos| nanos / 1e9)
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(RUNS / 2).copied().unwrap_or(0.0)
}

fn main() {
    let body = lines();
    let SourceKind::Logs(source) = Source::parse("telematics", SOURCE).expect("a source").kind else { return };
    let schema = Arc::new(Schema::new(
        FIELDS
            .map(|name| Field::new(name, if name == "code" { DataType::Int64 } else { DataType::Utf8 }, true))
            .to_vec(),
    ));
    let began = Instant::now();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let start = cpu_seconds(began);
        let mut decoder = Decoder::new();
        let count = each_row(&source.mapping, Form::JsonLines, &body, |number, row| {
            let row = row.expect("a good line");
            let row = ObservedRow {
                position: 1,
                entry_index: number - 1,
                received: UnixMicros(1_800_000_000_000_000),
                time: row.time.expect("a time"),
                tenant: "acme",
                vehicle: row.vehicle,
                sensor: row.sensor.expect("a sensor"),
                event_name: row.event_name,
                severity: row.severity,
                observed: row.observed("telematics", "telematics"),
            };
            decoder.push_observed(&row).expect("there is room");
        });
        assert_eq!(decoder.finish().expect("rows fit").events.num_rows(), count.expect("lines"));
        ours.push(rate(cpu_seconds(began) - start));

        let start = cpu_seconds(began);
        let reader = arrow_json::ReaderBuilder::new(schema.clone()).with_batch_size(8_192).build(Cursor::new(&body));
        let rows: usize = reader.expect("a reader").map(|batch| batch.expect("a batch").num_rows()).sum();
        assert_eq!(rows, LINES);
        theirs.push(rate(cpu_seconds(began) - start));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let line_bytes = body.len() / LINES;
    println!(
        r#"{{"bench":"lines","value":{ours:.0},"unit":"lines/s/core","arrow_json":{theirs:.0},"ratio":{:.2},"bytes_per_line":{line_bytes}}}"#,
        ours / theirs
    );
}

fn rate(seconds: f64) -> f64 {
    f64::from(u32::try_from(LINES).expect("fits")) / seconds
}
