//! Events a second from the bytes of reports to durable, decoded and detected: signature, decompression, vault with fdatasync,
//! columns, the built-in rules and correlations, rows in the lake. One thread.
//!
//! Not the network and not the state file (see `gate`). A report holds 100 events of one of 500 vehicles. Prints the median of five
//! runs as JSON lines.
#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

use ed25519_dalek::SigningKey;
use std::error::Error;
use std::path::Path;
use std::time::Instant;
use yagura_columns::Decoder;
use yagura_detect::Engine;
use yagura_idsm::{Context, InstanceId, Message, ProtocolVersion, SensorInstanceId, Timestamp};
use yagura_link::{Clock, Digest, Limits, Losses, Place, ReportWriter, open};
use yagura_model::{BusId, CanContext, CanId, DeviceId, EventId, Micros, Payload, UnixMicros};
use yagura_server::pipeline::Rules;
use yagura_store::{Lake, NewRecord, Position, RecordKind, Table, Vault, VaultOptions};

const VEHICLES: u32 = 500;
const REPORTS: u32 = 2_000;
const EVENTS_PER_REPORT: u32 = 100;
/// Reports that share one fdatasync, as under load.
const GROUP: usize = 64;
const RUNS: usize = 5;
const START: i64 = 1_790_000_000_000_000;

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn report(number: u32, key: &SigningKey) -> Fallible<Vec<u8>> {
    let vehicle = number % VEHICLES;
    let device: DeviceId = format!("acme/car-{vehicle}/cgw").parse()?;
    let clock = Clock { boot_at: UnixMicros(START + i64::from(number) * 10_000), uncertainty: 0 };
    let mut writer = ReportWriter::new();
    for i in 0..EVENTS_PER_REPORT {
        let context = CanContext {
            bus: BusId(0),
            id: CanId::from_key((number * 7 + i) % 0x800)?,
            kind: 0,
            expected: 10_000,
            observed: i,
            payload: Payload::new(&u64::from(number * 131 + i).to_be_bytes())?,
            place: yagura_model::Place::default(),
        };
        let mut room = [0; CanContext::LEN_MAX];
        let len = context.encode(&mut room);
        let message = Message {
            version: ProtocolVersion::V2,
            instance: InstanceId::new(1)?,
            sensor: SensorInstanceId::new(1)?,
            event: EventId(0x8001 + u16::try_from(i % 5)?),
            count: 1,
            reserved: 0,
            timestamp: Timestamp::from_unix(clock.unix(Micros::from_millis(u64::from(i)))),
            context: Some(Context::new(context.version(), room.get(..len).unwrap_or(&[]))),
            signature: None,
        };
        writer.push_message(Micros::from_millis(u64::from(i)), &message)?;
    }
    let (boot, sequence) = (1, u64::from(number / VEHICLES));
    let place = Place { device, boot, sequence, previous: Digest::ZERO, losses: Losses::NONE, oldest_held: sequence };
    Ok(writer.seal(&place, clock, Micros(0), key)?.bytes)
}

/// Everything between the socket and the alert, once.
fn run(dir: &Path, reports: &[Vec<u8>], key: &SigningKey) -> Fallible<(usize, usize)> {
    let origin = "yagura.bench/vault".to_owned();
    let segment_bytes = VaultOptions::SEGMENT_BYTES;
    let (mut vault, _) = Vault::open(VaultOptions { dir: dir.join("vault"), origin, key: key.clone(), segment_bytes })?;
    let lake = Lake::open(&dir.join("lake").to_string_lossy(), 0)?;
    let mut engine = Engine::new(Rules::load(None)?.set);
    let (mut events, mut hits, mut next) = (0, 0, 0_u64);
    let mut decoder = Decoder::new();
    for group in reports.chunks(GROUP) {
        let opened: Vec<_> = group
            .iter()
            .map(|bytes| open(bytes, &key.verifying_key(), &Limits::default()))
            .collect::<Result<_, _>>()?;
        let received = UnixMicros(START + 3_600_000_000);
        let records = group.iter().map(|payload| NewRecord { kind: RecordKind::Report, received, payload });
        let records: Vec<_> = records.collect();
        vault.append(&records)?;
        for opened in &opened {
            decoder.push(next, received, &opened.header, &opened.body)?;
            next += 1;
        }
        let batches = decoder.finish()?;
        hits += engine.process(&batches.events)?.len();
        events += batches.events.num_rows();
        lake.append(Table::Events, &batches.events, Position(next - 1))?;
    }
    vault.checkpoint()?;
    Ok((events, hits))
}

fn main() -> Fallible<()> {
    let key = SigningKey::from_bytes(&[7; 32]);
    let reports: Vec<_> = (0..REPORTS).map(|number| report(number, &key)).collect::<Result<_, _>>()?;
    let mut rates = Vec::new();
    let mut found = 0;
    for _ in 0..RUNS {
        let dir = tempfile::tempdir()?;
        let start = Instant::now();
        let (events, hits) = run(dir.path(), &reports, &key)?;
        rates.push(f64::from(u32::try_from(events)?) / start.elapsed().as_secs_f64());
        found = hits;
    }
    rates.sort_by(f64::total_cmp);
    let median = rates.get(RUNS / 2).copied().unwrap_or_default();
    println!("{{\"bench\":\"bytes_to_durable_and_detected\",\"value\":{median:.0},\"unit\":\"events/s\"}}");
    println!("{{\"bench\":\"bytes_to_durable_and_detected_hits\",\"value\":{found},\"unit\":\"hits\"}}");
    Ok(())
}
