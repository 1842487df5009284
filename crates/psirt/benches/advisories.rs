//! Records and bytes a second through the readers of advisories, and the time of a CSAF validation, over the real data beside the repository.
//!
//! Not a disk benchmark: everything is in memory first. One JSON line for each kind of data; the best of a few runs, in time of this thread.

#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]
#![expect(clippy::unwrap_used, reason = "a benchmark stops where its data is not what it was")]

use std::io::Read;
use std::path::PathBuf;
use std::time::{Duration, Instant as Clock};
use yagura_psirt::advisory::{Advisory, Sink, read};
use yagura_psirt::component::Anomaly;
use yagura_psirt::csaf::{Group, Surroundings, validate};

const RUNS: usize = 5;

#[derive(Default)]
struct Count(usize);

impl Sink for Count {
    fn advisory(&mut self, _: Advisory) {
        self.0 += 1;
    }
    fn anomaly(&mut self, _: Anomaly) {}
}

/// Time of this thread on the processor, so that what runs beside does not count; the clock's where Linux does not say.
fn processor(start: Clock) -> Duration {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = said.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

/// The best of a few runs.
fn best(mut run: impl FnMut()) -> f64 {
    let start = Clock::now();
    let mut best = f64::MAX;
    for _ in 0..RUNS {
        let before = processor(start);
        run();
        best = best.min((processor(start) - before).as_secs_f64());
    }
    best
}

fn unpacked(name: &str) -> Option<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/psirt").join(name);
    let mut bytes = Vec::new();
    zstd::Decoder::new(std::fs::File::open(path).ok()?).unwrap().read_to_end(&mut bytes).unwrap();
    Some(bytes)
}

fn main() {
    for name in [
        "cve-vulnrichment/cve-5.1-vulnrichment-2024-10-24.jsonl.zst",
        "osv/go.jsonl.zst",
        "osv/pypa.jsonl.zst",
        "osv/oss-fuzz.jsonl.zst",
    ] {
        let Some(bytes) = unpacked(name) else {
            println!("{{\"skipped\":\"{name}\"}}");
            continue;
        };
        let mut records = 0;
        let seconds = best(|| {
            let mut count = Count::default();
            read(&mut &*bytes, &mut count).unwrap();
            records = count.0;
        });
        report(name, records, bytes.len(), seconds);
    }
    let Some(packed) = unpacked("csaf-cisa/csaf.tar.zst") else { return };
    let mut documents = Vec::new();
    for entry in tar::Archive::new(&*packed).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_string_lossy().into_owned();
        if path.ends_with(".json") && !path.contains("feed") {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            documents.push(bytes);
        }
    }
    let bytes = documents.iter().map(Vec::len).sum();
    let seconds = best(|| {
        for document in &documents {
            read(&mut &**document, &mut Count::default()).unwrap();
        }
    });
    report("csaf-cisa, read", documents.len(), bytes, seconds);
    for (name, most) in
        [("csaf-cisa, schema and mandatory tests", Group::Mandatory), ("csaf-cisa, all tests", Group::Informative)]
    {
        let mut invalid = 0;
        let seconds = best(|| {
            let around = Surroundings::default();
            invalid =
                documents.iter().filter(|document| !validate(document, most, &around).unwrap().is_valid()).count();
        });
        report(name, documents.len(), bytes, seconds);
        println!("{{\"name\":\"{name}\",\"invalid\":{invalid}}}");
    }
}

fn report(name: &str, records: usize, bytes: usize, seconds: f64) {
    let (count, size) = (records as f64, bytes as f64 / 1e6);
    println!(
        "{{\"name\":\"{name}\",\"records\":{records},\"records_per_second\":{:.0},\"megabytes_per_second\":{:.0},\"microseconds_each\":{:.1}}}",
        count / seconds,
        size / seconds,
        seconds * 1e6 / count,
    );
}
