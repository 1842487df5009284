//! What the server promises of newer advisories: whoever is passed over would have been matched as before.

use super::knowledge::Knowledge;
use super::{match_sbom, words};
use crate::auth::hex;
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::Path;
use yagura_model::UnixMicros;
use yagura_psirt::Instant;
use yagura_psirt::advisory::{Advisory, Affected, End, Package, Source, Versions};
use yagura_psirt::index::Builder;
use yagura_psirt::vex::Status;

const NAMES: [&str; 6] = ["zlib", "openssl", "expat-xml", "linux_kernel", "busybox", "gateway"];

/// A name said in one of the ways that documents have.
fn component(at: usize, way: usize, version: u8) -> Value {
    let (name, version) = (NAMES[at % NAMES.len()], format!("1.{version}"));
    let mut said = json!({ "type": "library", "bom-ref": format!("c{at}-{way}"), "name": name, "version": version });
    match way {
        0 => said["purl"] = json!(format!("pkg:pypi/{name}@{version}")),
        1 => said["purl"] = json!(format!("pkg:deb/debian/lib{name}1@{version}?upstream={name}&distro=debian-12")),
        2 => said["purl"] = json!(format!("pkg:generic/{name}@{version}")),
        3 => said["cpe"] = json!(format!("cpe:2.3:*:*:{name}:{version}:*:*:*:*:*:*:*")),
        4 => said["cpe"] = json!(format!("cpe:2.3:a:acme:{name}:{version}:*:*:*:*:*:*:*")),
        5 => said["name"] = json!(format!("{name}-native")),
        6 => said["properties"] = json!([{ "name": "recipe", "value": name }]),
        7 => said["purl"] = json!(format!("pkg:github/acme/{name}@{version}")),
        _ => {}
    }
    said
}

fn package(at: usize, way: usize) -> Package {
    let name = NAMES[at % NAMES.len()].to_owned();
    let ecosystem = |ecosystem: &str| Package::Ecosystem { ecosystem: ecosystem.to_owned(), name: name.clone() };
    match way {
        0 => ecosystem("PyPI"),
        1 => ecosystem("Debian:12"),
        2 => Package::Cpe(format!("cpe:2.3:a:acme:{name}:*:*:*:*:*:*:*:*")),
        3 => Package::Cpe(format!("cpe:2.3:o:other:{name}:*:*:*:*:*:*:*:*")),
        4 => Package::Product { vendor: "Acme".to_owned(), product: name },
        5 => Package::Product { vendor: "Third".to_owned(), product: name },
        6 => Package::Repository(format!("https://github.com/acme/{name}")),
        _ => Package::Purl(format!("pkg:generic/{name}")),
    }
}

type Told = (usize, usize, u8, u8, bool);

fn segment(known_from: i64, told: &[Told]) -> Vec<u8> {
    let mut builder = Builder::new(Instant(known_from));
    for (at, way, before, id, is_affected) in told {
        let end = End::Before(format!("1.{before}"));
        let status = if *is_affected { Status::Affected } else { Status::NotAffected };
        let affected = Affected {
            packages: vec![package(*at, *way)],
            ranges: vec![(Versions::Interval { scheme: None, introduced: None, end }, status)],
            otherwise: None,
            running_on: Vec::new(),
            parts: Vec::new(),
            by: "tester".to_owned(),
        };
        builder.add(&Advisory { affected: vec![affected], ..Advisory::new(format!("CVE-2024-{id}"), Source::Cve) });
    }
    builder.finish().unwrap()
}

/// A database of these segments.
fn write(dir: &Path, segments: &[&[u8]]) {
    let line = |bytes: &&[u8]| {
        let digest = hex(&Sha256::digest(bytes));
        std::fs::write(dir.join(format!("{digest}.segment")), bytes).unwrap();
        json!({ "digest": digest, "bytes": bytes.len(), "kind": "advisories", "records": 1, "known_from": "2026-01-01T00:00:00Z" })
    };
    let lines: Vec<Value> = segments.iter().map(line).collect();
    let list = json!({ "format": 1, "segments": lines, "imports": [] });
    std::fs::write(dir.join("database.json"), list.to_string()).unwrap();
}

fn told() -> impl Strategy<Value = Vec<Told>> {
    // Few ids, so that advisories are said anew, also of other packages than before.
    prop::collection::vec((0..6_usize, 0..8_usize, 0..9_u8, 0..6_u8, any::<bool>()), 0..5)
}

proptest! {
    #[test]
    fn whoever_is_passed_over_stands_as_a_whole_match_would_have_it(
        components in prop::collection::vec((0..6_usize, 0..9_usize, 0..9_u8), 1..5),
        (old, new) in (told(), told()),
    ) {
        let all: Vec<Value> = components.iter().map(|(at, way, version)| component(*at, *way, *version)).collect();
        let sbom = json!({ "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": all }).to_string();
        let (old, new) = (segment(1, &old), segment(2, &new));
        let now = UnixMicros(9);
        let dir = tempfile::tempdir().unwrap();
        let knowledge = Knowledge::of(dir.path());
        let matched = || match_sbom(&knowledge.look().unwrap(), sbom.as_bytes(), now).unwrap();
        write(dir.path(), &[&old]);
        let before = matched();
        write(dir.path(), &[&old, &new]);
        let after = matched();
        let wanted = words::of_news(&[&old], &[&new]).unwrap();
        if wanted.is_disjoint(&before.words) {
            prop_assert_eq!(before, after);
        }
    }
}
