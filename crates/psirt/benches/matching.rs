//! Matching on the real data: `cargo bench -p yagura-psirt --bench matching`. Prints figures; judges nothing. See docs/performance.md.
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "a bench prints and may stop")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant as Clock};

use yagura_psirt::Instant;
use yagura_psirt::advisory::{Advisory, Sink, read};
use yagura_psirt::component::{Anomaly, Component};
use yagura_psirt::findings::{Build, Document, scan, to_json};
use yagura_psirt::identity::{PackageKey, Purl};
use yagura_psirt::index::{Builder, Database, Segment, mapping};
use yagura_psirt::portfolio::{Collector, Named, OwnerId, ProductId};

struct Into(Builder, usize);

impl Sink for Into {
    fn advisory(&mut self, advisory: Advisory) {
        self.0.add(&advisory);
        self.1 += 1;
    }
    fn anomaly(&mut self, _: Anomaly) {}
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/psirt").join(name)
}

fn feed(into: &mut Into, name: &str) {
    let Ok(file) = std::fs::File::open(path(name)) else { return eprintln!("skipped: there is no {name}") };
    let mut stream = zstd::Decoder::new(file).unwrap();
    if name.ends_with(".tar.zst") {
        for entry in tar::Archive::new(stream).entries().unwrap() {
            read(&mut entry.unwrap(), into).unwrap();
        }
    } else {
        read(&mut stream, into).unwrap();
    }
}

/// The memory that the process has taken at most, in MB.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    let kilobytes: u64 = line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or_default();
    format!("{} MB", kilobytes / 1024)
}

fn best(runs: usize, mut run: impl FnMut()) -> Duration {
    (0..runs)
        .map(|_| {
            let clock = Clock::now();
            run();
            clock.elapsed()
        })
        .min()
        .unwrap_or_default()
}

fn universe() -> Vec<Component> {
    let Ok(file) = std::fs::File::open(path("sbom-bom-shelter/purl-universe.csv.zst")) else { return Vec::new() };
    let text = std::io::read_to_string(zstd::Decoder::new(file).unwrap()).unwrap();
    let purls = text.lines().skip(1).filter_map(|line| line.split_once(',')).map(|(_, purl)| purl.trim_matches('"'));
    purls
        .map(|purl| Component {
            reference: purl.to_owned(),
            name: purl.to_owned(),
            purls: vec![purl.to_owned()],
            ..Component::default()
        })
        .collect()
}

fn compiled() -> (PathBuf, PathBuf) {
    let folder = std::env::temp_dir();
    let (all, same) = (folder.join("yagura-bench-all.seg"), folder.join("yagura-bench-mapping.seg"));
    let clock = Clock::now();
    let mut into = Into(Builder::new(Instant(1)), 0);
    for name in [
        "cve-vulnrichment/cve-5.1-vulnrichment-2024-10-24.jsonl.zst",
        "osv/go.jsonl.zst",
        "osv/pypa.jsonl.zst",
        "osv/oss-fuzz.jsonl.zst",
        "osv/rustsec-md.tar.zst",
        "csaf-cisa/csaf.tar.zst",
    ] {
        feed(&mut into, name);
    }
    let bytes = into.0.finish().unwrap();
    println!("import: {} advisories in {:?}, {} MB, peak {}", into.1, clock.elapsed(), bytes.len() / 1_000_000, peak());
    std::fs::write(&all, bytes).unwrap();
    let lines = std::fs::File::open(path("purl2cpe/purl2cpe-products.jsonl.zst")).unwrap();
    let lines = std::io::read_to_string(zstd::Decoder::new(lines).unwrap()).unwrap();
    std::fs::write(&same, mapping(&lines, Instant(1)).unwrap().0).unwrap();
    (all, same)
}

fn portfolio(database: &Database<'_>, components: &[Component], bytes: &[u8]) {
    let mut collector = Collector::default();
    let names: Vec<_> = components
        .iter()
        .filter_map(|component| Purl::read(&component.name).ok())
        .map(|purl| PackageKey::of_purl(&purl))
        .collect();
    let mut held = 0_u32;
    let products = 10_000_000_usize.div_ceil(2_000);
    for product in 0..products {
        let id = ProductId(u32::try_from(product).unwrap());
        collector.owner(id, OwnerId(id.0 % 50));
        for at in 0..2_000_usize {
            let keyed = &names[(product * 7919 + at * 31) % names.len()];
            let named =
                Named { key: keyed.key.as_str(), version: keyed.version.as_deref(), release: keyed.release.as_deref() };
            collector.holds(id, named);
            held += 1;
        }
    }
    let portfolio = collector.finish();
    println!(
        "portfolio: {held} instances, {:?} distinct and held, {} MB",
        portfolio.size(),
        portfolio.bytes() / 1_000_000
    );
    // One new advisory: the first that concerns anybody, by itself.
    let all = Segment::open(bytes).unwrap();
    let everything = portfolio.concerned_by(&all, database).unwrap();
    let Some(first) = everything.first().map(|concerned| concerned.advisory.to_owned()) else { return };
    let mut into = Into(Builder::new(Instant(2)), 0);
    let text = ["osv/go.jsonl.zst", "osv/pypa.jsonl.zst"].map(|name| {
        std::io::read_to_string(zstd::Decoder::new(std::fs::File::open(path(name)).unwrap()).unwrap()).unwrap()
    });
    let line = text.iter().flat_map(|text| text.lines()).find(|line| line.contains(&format!("\"{first}\"")));
    let Some(line) = line else { return println!("{first} is not an OSV record") };
    read(&mut line.as_bytes(), &mut into).unwrap();
    let one = into.0.finish().unwrap();
    let segment = Segment::open(&one).unwrap();
    let mut count = 0;
    let took = best(100, || count = portfolio.concerned_by(&segment, database).unwrap().len());
    println!("new advisory {first}: {count} product versions concerned, found in {took:?}");
}

fn main() {
    let (all, same) = compiled();
    let components = universe();
    let some: Vec<Component> =
        components.iter().step_by((components.len() / 4_000).max(1)).take(4_000).cloned().collect();
    let document =
        |components| Document { name: "bench", components, dependencies: &[], statements: &[], anomalies: &[] };
    let now = Instant(1_790_000_000_000_000);
    let clock = Clock::now();
    let (bytes, mapping) = (std::fs::read(&all).unwrap(), std::fs::read(&same).unwrap());
    let took_read = clock.elapsed();
    let database = Database::open(&[&bytes, &mapping], now).unwrap();
    let report = scan(&database, &[document(&some)], &Build::default()).unwrap();
    println!("cold: read {took_read:?}, with open and scan {:?}", clock.elapsed());
    let took = best(20, || drop(scan(&database, &[document(&some)], &Build::default()).unwrap()));
    println!(
        "warm: {} components, {} findings, {} unidentified in {took:?}",
        some.len(),
        report.findings.len(),
        report.unidentified.len()
    );
    let took = best(5, || drop(to_json(&report, &[document(&some)]).unwrap()));
    println!("as JSON in {took:?}");
    let mut found = 0;
    let took = best(3, || found = scan(&database, &[document(&components)], &Build::default()).unwrap().findings.len());
    println!("universe: {} package URLs, {found} findings in {took:?}; peak {}", components.len(), peak());
    portfolio(&database, &components, &bytes);
}
