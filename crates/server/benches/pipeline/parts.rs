//! Each part of the way alone, on one thread: what an event costs there.
//!
//! Not the whole: no queues, no state. The sum is the least that the whole can take.

use crate::Fallible;
use crate::load::Load;
use crate::usage::thread_time;
use std::collections::BTreeMap;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;
use yagura_columns::{Batches, Decoder};
use yagura_detect::Engine;
use yagura_link::{Limits, Opener};
use yagura_model::UnixMicros;
use yagura_server::clock;
use yagura_server::pipeline::Rules;
use yagura_store::{Lake, NewRecord, Position, RecordKind, Table, Vault, VaultOptions};

/// Reports that are judged at once, as under load.
const BATCH: usize = 1_024;
/// Batches that go to the lake at once.
const FLUSH: usize = 8;
/// Reports that are measured.
const REPORTS_MAX: usize = 40 * BATCH;

/// Processor time by part, an event.
pub(crate) fn run(dir: &Path, load: &Load) -> Fallible<Vec<(&'static str, Duration)>> {
    let mut parts: BTreeMap<&'static str, Duration> = BTreeMap::new();
    let mut vault = open_vault(dir)?;
    let lake = Lake::open(&dir.join("lake").to_string_lossy(), 0)?;
    let mut engine = Engine::new(Rules::of(crate::load::rules()?)?.set);
    let (mut decoder, mut opener) = (Decoder::new(), Opener::new(Limits::default()));
    let (mut next, mut waiting) = (0_u64, Vec::new());
    let count = load.reports.len().min(REPORTS_MAX);
    for group in load.reports.get(..count).unwrap_or_default().chunks(BATCH) {
        let bytes = read(load, group)?;
        let received = clock::now();
        let keys: Vec<_> =
            group.iter().filter_map(|sent| load.keys.get(sent.vehicle)).map(|key| key.verifying_key()).collect();
        let mut measure = Measure(&mut parts);
        let opened = measure.part("open", || {
            let pairs = bytes.iter().zip(&keys);
            pairs.map(|(bytes, key)| opener.open(bytes, key)).collect::<Result<Vec<_>, _>>()
        })?;
        measure.part("vault", || append(&mut vault, &bytes, received))?;
        let batches = measure.part("decode", || {
            for opened in &opened {
                decoder.push(next, received, &opened.header, &opened.body)?;
                next += 1;
            }
            decoder.finish()
        })?;
        measure.part("judge", || engine.process(&batches.events))?;
        waiting.push(batches);
        if waiting.len() >= FLUSH {
            measure.part("lake", || flush(&lake, &std::mem::take(&mut waiting), next - 1))?;
        }
    }
    Measure(&mut parts).part("lake", || flush(&lake, &waiting, next - 1))?;
    let events = u32::try_from(count)? * load.events_per_report;
    Ok(parts.into_iter().map(|(name, time)| (name, time * 1_000 / events)).collect())
}

struct Measure<'a>(&'a mut BTreeMap<&'static str, Duration>);

impl Measure<'_> {
    fn part<T>(&mut self, name: &'static str, work: impl FnOnce() -> T) -> T {
        let start = thread_time();
        let result = work();
        *self.0.entry(name).or_default() += thread_time().saturating_sub(start);
        result
    }
}

fn read(load: &Load, group: &[crate::load::Sent]) -> Fallible<Vec<Vec<u8>>> {
    let read = |sent: &crate::load::Sent| {
        let mut bytes = vec![0; usize::try_from(sent.bytes.end - sent.bytes.start)?];
        load.file.read_exact_at(&mut bytes, sent.bytes.start)?;
        Ok(bytes)
    };
    group.iter().map(read).collect()
}

fn open_vault(dir: &Path) -> Fallible<Vault> {
    let key = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    let (origin, segment_bytes) = ("yagura.bench/vault".to_owned(), VaultOptions::SEGMENT_BYTES);
    Ok(Vault::open(VaultOptions { dir: dir.join("vault"), origin, key, segment_bytes })?.0)
}

fn append(vault: &mut Vault, bytes: &[Vec<u8>], received: UnixMicros) -> Fallible<()> {
    let records = bytes.iter().map(|payload| NewRecord { kind: RecordKind::Report, received, payload });
    vault.append(&records.collect::<Vec<_>>())?;
    Ok(())
}

fn flush(lake: &Lake, waiting: &[Batches], through: u64) -> Fallible<()> {
    let Some(first) = waiting.first() else { return Ok(()) };
    let (events, states): (Vec<_>, Vec<_>) = waiting.iter().map(|batches| (&batches.events, &batches.states)).unzip();
    let events = arrow::compute::concat_batches(&first.events.schema(), events)?;
    let states = arrow::compute::concat_batches(&first.states.schema(), states)?;
    lake.append(Table::Events, &events, Position(through))?;
    lake.append(Table::VehicleState, &states, Position(through))?;
    Ok(())
}
