//! Bytes a second through the SBOM readers, one JSON line for each format, from documents in memory that look like what tools write.
//!
//! Not a disk benchmark. `cargo bench -p yagura-psirt --bench sbom -- MEGABYTES` makes one CycloneDX document of that size as it is read, so that
//! what the process takes (`/usr/bin/time -v`) is what reading takes.

#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::io::Read;
use std::time::{Duration, Instant as Clock};

use yagura_psirt::Instant;
use yagura_psirt::component::{Anomaly, Component, Inventory, Sink};
use yagura_psirt::sbom::{self, Header};
use yagura_psirt::vex::Statement;

const COMPONENTS: usize = 100_000;
const RUNS: usize = 5;

/// Time of this thread on the processor, so that what runs beside does not count; the clock's where Linux does not say.
fn processor(start: Clock) -> Duration {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = said.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

/// Counts and lets go.
#[derive(Default)]
struct Count {
    components: usize,
    dependencies: usize,
    anomalies: usize,
}

impl Sink for Count {
    fn component(&mut self, component: Component) {
        self.components += usize::from(!component.name.is_empty());
    }
    fn licence(&mut self, _: &str, _: &str) {}
    fn dependency(&mut self, _: &str, _: &str) {
        self.dependencies += 1;
    }
    fn statement(&mut self, _: Statement) {}
    fn anomaly(&mut self, _: Anomaly) {
        self.anomalies += 1;
    }
}

/// A component as syft writes them.
fn component(n: usize) -> String {
    format!(
        r#"    {{
      "bom-ref": "pkg:deb/debian/package-{n}@1.{n}-1?arch=amd64&distro=debian-12&package-id={n:016x}",
      "type": "library",
      "publisher": "Debian Maintainers <maintainers@lists.debian.org>",
      "name": "package-{n}",
      "version": "1.{n}-1",
      "description": "a package of which the description says in one line what is in it and what it is good for",
      "licenses": [ {{ "license": {{ "id": "GPL-2.0-only" }} }}, {{ "license": {{ "name": "public-domain" }} }} ],
      "hashes": [ {{ "alg": "SHA-256", "content": "{n:064x}" }} ],
      "cpe": "cpe:2.3:a:package-{n}:package-{n}:1.{n}-1:*:*:*:*:*:*:*",
      "purl": "pkg:deb/debian/package-{n}@1.{n}-1?arch=amd64&distro=debian-12",
      "externalReferences": [ {{ "type": "vcs", "url": "https://example.org/package-{n}.git" }} ],
      "properties": [
        {{ "name": "syft:package:foundBy", "value": "dpkg-db-cataloger" }},
        {{ "name": "syft:package:type", "value": "deb" }},
        {{ "name": "syft:location:0:path", "value": "/var/lib/dpkg/status" }},
        {{ "name": "syft:metadata:installedSize", "value": "{n}" }}
      ]
    }}"#
    )
}

/// A document that is made while it is read.
struct Endless {
    ready: Vec<u8>,
    at: usize,
    next: usize,
    left: usize,
}

impl Endless {
    fn new(bytes: usize) -> Self {
        let ready = br#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":["#.to_vec();
        Self { ready, at: 0, next: 0, left: bytes }
    }
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.ready.len() {
            if self.left == 0 {
                return Ok(0);
            }
            let comma = if self.next > 0 { ",\n" } else { "" };
            self.ready = format!("{comma}{}", component(self.next)).into_bytes();
            (self.at, self.next) = (0, self.next + 1);
            self.left = self.left.saturating_sub(self.ready.len());
            if self.left == 0 {
                self.ready.extend_from_slice(b"]}");
            }
        }
        let taken = buffer.len().min(self.ready.len() - self.at);
        buffer[..taken].copy_from_slice(&self.ready[self.at..self.at + taken]);
        self.at += taken;
        Ok(taken)
    }
}

fn measure(name: &str, bytes: &[u8]) {
    let clock = Clock::now();
    let mut count = Count::default();
    let mut rates: Vec<f64> = (0..RUNS)
        .map(|_| {
            count = Count::default();
            let start = processor(clock);
            let read = sbom::read(bytes, &mut count).is_ok();
            let took = processor(clock).saturating_sub(start);
            assert!(read && count.anomalies == 0 && count.components == COMPONENTS, "{name}: {}", count.components);
            bytes.len() as f64 / took.as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    let median = rates[RUNS / 2];
    let each = bytes.len() as f64 / median / COMPONENTS as f64 * 1e6;
    println!(
        "{name}: {COMPONENTS} components, {} bytes: {:.0} MB/s, {each:.2} µs a component",
        bytes.len(),
        median / 1e6
    );
    println!("{{\"bench\":\"sbom_{name}\",\"value\":{median:.0},\"unit\":\"bytes/s\"}}");
}

fn main() {
    if let Some(megabytes) = std::env::args().skip(1).find_map(|word| word.parse::<usize>().ok()) {
        let (mut count, start) = (Count::default(), Clock::now());
        let read = sbom::read(Endless::new(megabytes << 20), &mut count);
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "{megabytes} MiB made and read: {read:?}, {} components, {} anomalies, {seconds:.2} s",
            count.components, count.anomalies
        );
        return;
    }
    let mut text = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":["#.to_owned();
    text.push_str(&(0..COMPONENTS).map(component).collect::<Vec<_>>().join(",\n"));
    text.push_str("]}");
    measure("cyclonedx_json", text.as_bytes());
    let mut inventory = Inventory::default();
    let read = sbom::read(text.as_bytes(), &mut inventory).is_ok();
    assert!(read);
    let header = Header {
        name: "bench".to_owned(),
        namespace: "https://example.org/bench".to_owned(),
        created: Instant(0),
        tool: "bench".to_owned(),
    };
    measure("spdx2_json", sbom::write_spdx2(&inventory, &header).text.as_bytes());
    measure("spdx3_json", sbom::write_spdx3(&inventory, &header).text.as_bytes());
    let tags: String = inventory.components.iter().map(|each| format!(
        "PackageName: {}\nSPDXID: SPDXRef-{}\nPackageVersion: {}\nPackageDownloadLocation: NOASSERTION\nExternalRef: PACKAGE-MANAGER purl {}\nExternalRef: SECURITY cpe23Type {}\n\n",
        each.name, each.name, each.version.as_deref().unwrap_or_default(), each.purls[0], each.cpes[0]
    )).collect();
    measure("spdx2_tag_value", format!("SPDXVersion: SPDX-2.3\n{tags}").as_bytes());
    let xml: String = inventory.components.iter().map(|each| format!(
        "<component type=\"library\" bom-ref=\"{0}\"><name>{0}</name><version>{1}</version><hashes><hash alg=\"SHA-256\">{2}</hash></hashes><purl>{3}</purl></component>\n",
        each.name, each.version.as_deref().unwrap_or_default(), each.digests[0].hex, each.purls[0].replace('&', "&amp;")
    )).collect();
    measure(
        "cyclonedx_xml",
        format!("<bom xmlns=\"http://cyclonedx.org/schema/bom/1.6\"><components>{xml}</components></bom>").as_bytes(),
    );
}
