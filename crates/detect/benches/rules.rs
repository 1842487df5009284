//! Events per second on one core: the shipped rules, and a few hundred synthetic vehicle rules beside them.
//!
//! Input are record batches as the decoder makes them (8,192 rows, 2,000 vehicles), a storm: each event is counted by two or three
//! correlations and every third adds an alert. Not counted: reading, verifying and decoding reports.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a bench prints, and stops if its input is wrong"
)]

use arrow::record_batch::RecordBatch;
use std::fmt::Write;
use std::path::Path;
use std::time::Instant;
use yagura_columns::{AnomalyRow, Decoder};
use yagura_detect::{Engine, RuleFile, RuleSet};
use yagura_idsm::{Context, InstanceId, Message, ProtocolVersion, SensorInstanceId, Timestamp};
use yagura_link::{Clock, Digest, Header, Losses};
use yagura_model::{BusId, CanContext, CanId, EventId, Micros, Payload, Place, UnixMicros};

const START: i64 = 1_767_225_600_000_000;
const BATCHES: u32 = 32;
const REPORTS: u32 = 512;
const EVENTS: u32 = 16;
const VEHICLES: u32 = 2_000;
const RUNS: usize = 5;

/// A small generator of numbers that look random and are always the same (PCG).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).expect("31 bits") % bound
    }
}

/// Entries of one report: mostly one kind of event on few identifiers, as vehicles send them.
fn body(numbers: &mut Numbers, time: i64) -> Vec<u8> {
    let mut body = Vec::new();
    for i in 0..EVENTS {
        let event =
            [0x8001_u16, 0x8002, 0x8004, 0x8003, 0x8005][[0, 0, 1, 1, 1, 1, 1, 2, 2, 3][numbers.below(10) as usize]];
        let context = CanContext {
            bus: BusId(u8::try_from(numbers.below(3)).expect("small")),
            id: CanId::from_key(numbers.below(0x800)).expect("a standard id"),
            kind: 0,
            expected: 10_000,
            observed: numbers.below(50_000),
            payload: Payload::new(&numbers.0.to_be_bytes()).expect("8 bytes"),
            place: Place::default(),
        };
        let mut room = [0; CanContext::LEN_MAX];
        let len = context.encode(&mut room);
        let message = Message {
            version: ProtocolVersion::V2,
            instance: InstanceId::new(1).expect("fits"),
            sensor: SensorInstanceId::new(1).expect("fits"),
            event: EventId(event),
            count: 1,
            reserved: 0,
            timestamp: Timestamp::from_unix(UnixMicros(time + i64::from(i) * 250_000)),
            context: Some(Context::new(context.version(), &room[..len])),
            signature: None,
        };
        body.push(1);
        body.extend(u32::try_from(message.encoded_len()).expect("short").to_be_bytes());
        let at = body.len();
        body.resize(at + message.encoded_len(), 0);
        message.encode(&mut body[at..]).expect("there is room");
    }
    body
}

fn batches() -> Vec<RecordBatch> {
    let mut numbers = Numbers(2026);
    let mut decoder = Decoder::new();
    let batch = |n: u32| {
        for report in 0..REPORTS {
            let position = u64::from(n * REPORTS + report);
            let time = START + i64::try_from(position).expect("small") * 100_000;
            let device =
                format!("demo/vehicle-{:05}/gateway", numbers.below(VEHICLES)).parse().expect("a legal device");
            let header = Header {
                device,
                boot: 1,
                sequence: position,
                previous: Digest([0; 32]),
                first: Micros(0),
                last: Micros(1),
                clock: Clock { boot_at: UnixMicros(START), uncertainty: 0 },
                losses: Losses::NONE,
                oldest_held: position,
                body_len: 0,
            };
            let received = UnixMicros(time + 5_000_000);
            decoder.push(position, received, &header, &body(&mut numbers, time)).expect("there is room");
            if report % 50 == 0 {
                let anomaly = AnomalyRow {
                    position,
                    entry_index: 0,
                    received,
                    device: Some(&device),
                    report: (1, position),
                    event: EventId(0x9001),
                    count: 1,
                    expected: Some(1),
                    observed: Some(2),
                };
                decoder.push_anomaly(&anomaly).expect("there is room");
            }
        }
        decoder.finish().expect("rows fit").events
    };
    (0..BATCHES).map(batch).collect()
}

fn shipped() -> Vec<RuleFile> {
    let mut files = Vec::new();
    for folder in ["can", "diag", "fleet", "link", "sensor"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules").join(folder);
        for entry in std::fs::read_dir(path).expect("the repository's rules") {
            let path = entry.expect("a file").path();
            let text = std::fs::read_to_string(&path).expect("a readable rule");
            // What looks values up in a set is measured by `indicators`.
            if !text.contains("|expand") {
                files.push(RuleFile { path: path.display().to_string(), text });
            }
        }
    }
    files
}

/// Rules such as a fleet's owner writes by the hundred: lists of identifiers and events, vehicle names, data, limits.
fn synthetic(count: u32) -> Vec<RuleFile> {
    let mut numbers = Numbers(7);
    let rule = |n: u32| {
        let mut ids = String::new();
        (0..8).for_each(|_| write!(ids, "{}, ", numbers.below(0x800)).expect("a text"));
        let event =
            ["CAN_UNKNOWN_ID", "CAN_WRONG_LENGTH", "CAN_EARLY_FRAME", "CAN_SILENT_ID"][numbers.below(4) as usize];
        let vehicle = numbers.below(VEHICLES / 20);
        let more = match n % 4 {
            0 => format!("payload|contains: '{:04X}'", numbers.below(0x1_0000)),
            1 => format!("observed|gt: {}", 49_000 + numbers.below(1_000)),
            2 => format!("vehicle|contains|all: ['vehicle-', '{vehicle:03}']"),
            _ => format!("payload|startswith: ['{:02X}', '{:02X}']", numbers.below(0x100), numbers.below(0x100)),
        };
        let filter = if n.is_multiple_of(5) { " and not filter" } else { "" };
        let text = format!(
            "title: synthetic {n}\nid: synthetic-{n}\nlogsource: {{product: vehicle}}\ndetection:\n  selection:\n    event_name: {event}\n    \
             can_id: [{ids}]\n    {more}\n  filter: {{vehicle|startswith: 'vehicle-{vehicle:04}'}}\n  condition: selection{filter}\n"
        );
        RuleFile { path: format!("synthetic-{n}.yml"), text }
    };
    (0..count).map(rule).collect()
}

fn measure(name: &str, files: &[RuleFile], batches: &[RecordBatch]) {
    let set = RuleSet::parse(files).expect("rules without mistakes");
    let (rules, predicates) = (set.rules().len(), set.predicates());
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let began = Instant::now();
    let (mut rates, mut hits) = (Vec::new(), 0);
    for _ in 0..RUNS {
        let mut engine = Engine::new(set.clone());
        let start = cpu_seconds(began);
        hits = batches.iter().map(|batch| engine.process(batch).expect("a batch of events").len()).sum();
        rates.push(rows as f64 / (cpu_seconds(began) - start));
    }
    rates.sort_by(f64::total_cmp);
    println!(
        r#"{{"bench":"{name}","value":{:.0},"unit":"events/s/core","rules":{rules},"predicates":{predicates},"hits":{hits}}}"#,
        rates[RUNS / 2]
    );
}

/// Seconds that this thread was on a core, so that other work on the machine does not count; wall time where Linux does not say.
fn cpu_seconds(since: Instant) -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos: Option<f64> = stat.split_whitespace().next().and_then(|first| first.parse().ok());
    nanos.map_or_else(|| since.elapsed().as_secs_f64(), |nanos| nanos / 1e9)
}

fn main() {
    let batches = batches();
    measure("rules_shipped", &shipped(), &batches);
    for count in [100, 300, 1_000] {
        measure(&format!("rules_synthetic_{count}"), &synthetic(count), &batches);
    }
    let singles: Vec<_> = shipped().into_iter().filter(|f| !f.text.contains("correlation:")).collect();
    measure("rules_shipped_singles", &singles, &batches);
}
