//! How fast bodies of reports become record batches: events per second on one core.
//!
//! Not the signature, hash and decompression (that is the link's bench). Prints one JSON line.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a bench prints, and stops if its input is wrong")]

use std::time::Instant;
use yagura_columns::Decoder;
use yagura_idsm::{Context, InstanceId, Message, ProtocolVersion, SensorInstanceId, Timestamp};
use yagura_link::{Clock, Digest, Header, Losses};
use yagura_model::{BusId, CanContext, CanId, EventId, Micros, Payload, Place, UnixMicros};

const REPORTS: usize = 1_000;
const EVENTS_PER_REPORT: u32 = 100;
const RUNS: usize = 7;

fn body(report: u32) -> Vec<u8> {
    let mut body = Vec::new();
    for i in 0..EVENTS_PER_REPORT {
        let context = CanContext {
            bus: BusId(0),
            id: CanId::from_key((report + i) % 0x800).expect("a standard id"),
            kind: 0,
            expected: 10_000,
            observed: i,
            payload: Payload::new(&[1, 2, 3, 4, 5, 6, 7, 8]).expect("8 bytes"),
            place: Place::default(),
        };
        let mut room = [0; CanContext::LEN_MAX];
        let len = context.encode(&mut room);
        let message = Message {
            version: ProtocolVersion::V2,
            instance: InstanceId::new(1).expect("fits"),
            sensor: SensorInstanceId::new(1).expect("fits"),
            event: EventId(0x8001 + u16::try_from(i % 5).expect("small")),
            count: 1,
            reserved: 0,
            timestamp: Timestamp::from_unix(UnixMicros(1_700_000_000_000_000 + i64::from(i))),
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

/// Seconds that this thread was on a core, so that other work on the machine does not count; wall time where Linux does not say.
fn cpu_seconds(since: Instant) -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos: Option<f64> = stat.split_whitespace().next().and_then(|first| first.parse().ok());
    nanos.map_or_else(|| since.elapsed().as_secs_f64(), |nanos| nanos / 1e9)
}

fn main() {
    let header = Header {
        device: "acme/vehicle-000001/cgw".parse().expect("a legal device"),
        boot: 1,
        sequence: 1,
        previous: Digest([0; 32]),
        first: Micros(0),
        last: Micros(1),
        clock: Clock { boot_at: UnixMicros(1_700_000_000_000_000), uncertainty: 0 },
        losses: Losses::NONE,
        oldest_held: 1,
        body_len: 0,
    };
    let bodies: Vec<_> = (0..REPORTS).map(|r| body(u32::try_from(r).expect("small"))).collect();
    let began = Instant::now();
    let mut rates = Vec::new();
    for _ in 0..RUNS {
        let mut decoder = Decoder::new();
        let start = cpu_seconds(began);
        for (position, body) in (0..).zip(&bodies) {
            decoder.push(position, UnixMicros(1_700_000_001_000_000), &header, body).expect("there is room");
        }
        let rows = decoder.finish().expect("rows fit").events.num_rows();
        rates.push(f64::from(u32::try_from(rows).expect("fits")) / (cpu_seconds(began) - start));
    }
    rates.sort_by(f64::total_cmp);
    println!(r#"{{"bench":"decode","value":{:.0},"unit":"events/s/core"}}"#, rates[RUNS / 2]);
}
