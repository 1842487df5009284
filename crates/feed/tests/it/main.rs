//! What an import promises, on the real data where it is there, and on what is broken.

#![expect(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod sync;

use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use yagura_feed::{Database, FeedError, ImportLine, import, report_path};
use yagura_psirt::Instant;
use yagura_psirt::index::Asked;
use yagura_psirt::vex::Status;

fn at(micros: i64) -> Instant {
    Instant(1_790_000_000_000_000 + micros)
}

fn take(dir: &Path, path: &Path, now: Instant) -> ImportLine {
    import(dir, &[path.to_owned()], now, &mut |_, _| {}).unwrap()
}

fn osv(id: &str, name: &str, fixed: &str, modified: u8) -> String {
    format!(
        r#"{{"id": "{id}", "modified": "2026-01-0{modified}T00:00:00Z", "affected": [{{"package": {{"ecosystem": "PyPI", "name": "{name}"}}, "ranges": [{{"type": "ECOSYSTEM", "events": [{{"introduced": "0"}}, {{"fixed": "{fixed}"}}]}}]}}]}}"#
    )
}

/// Ids of the advisories that concern a version.
fn concerned(database: &Database, name: &str, version: &str) -> BTreeSet<String> {
    let index = database.index(at(0)).unwrap();
    let (mut asked, mut found) = (Asked::new(Some(version), None), BTreeSet::new());
    index
        .entries(&format!("pypi/{name}"), &mut |entry| {
            let verdict = entry.entry.judge(&mut asked)?;
            if verdict.is_some_and(|verdict| verdict.status == Status::Affected) && index.is_current(&entry)? {
                found.insert(entry.entry.record()?.id.to_owned());
            }
            Ok(())
        })
        .unwrap();
    found
}

#[test]
fn what_is_known_is_not_taken_again_and_what_changed_stands_in_front() {
    let (dir, from) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = from.path().join("a.jsonl");
    std::fs::write(&file, [osv("X-1", "a", "2", 1), osv("X-2", "a", "3", 1)].join("\n")).unwrap();
    let first = take(dir.path(), from.path(), at(0));
    assert_eq!((first.taken, first.known, first.anomalies), (2, 0, 0));
    let again = take(dir.path(), from.path(), at(1));
    assert_eq!((again.taken, again.known), (0, 2));
    let database = Database::open(dir.path()).unwrap();
    assert_eq!(database.manifest().segments.len(), 1);
    assert_eq!(concerned(&database, "a", "1.5").len(), 2);

    std::fs::write(&file, osv("X-1", "a", "1", 2)).unwrap();
    assert_eq!(take(dir.path(), from.path(), at(2)).taken, 1);
    // An older copy of the same record changes nothing.
    std::fs::write(&file, osv("X-1", "a", "9", 1)).unwrap();
    assert_eq!(take(dir.path(), from.path(), at(3)).taken, 0);
    let later = Database::open(dir.path()).unwrap();
    assert_eq!(concerned(&later, "a", "1.5"), BTreeSet::from(["X-2".to_owned()]));
    assert_eq!(concerned(&database, "a", "1.5").len(), 2, "who reads is not disturbed");
    later.verify().unwrap();
}

#[test]
fn many_imports_become_few_segments_that_say_the_same() {
    let (dir, from) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = from.path().join("a.json");
    for number in 0..20_u8 {
        std::fs::write(&file, osv(&format!("X-{number}"), "a", &format!("{number}"), 1)).unwrap();
        take(dir.path(), &file, at(i64::from(number)));
    }
    let database = Database::open(dir.path()).unwrap();
    assert!(database.manifest().segments.len() < 8, "{:?}", database.manifest().segments.len());
    assert_eq!(concerned(&database, "a", "15").len(), 4);
    let segments = std::fs::read_dir(dir.path()).unwrap().filter_map(Result::ok);
    let segments = segments.filter(|entry| entry.file_name().to_string_lossy().ends_with(".segment")).count();
    assert_eq!(segments, database.manifest().segments.len(), "what was merged is gone");
    database.verify().unwrap();
}

#[test]
fn every_document_is_told_apart_and_what_is_none_is_in_the_report() {
    let (dir, from) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let put = |name: &str, text: &str| std::fs::write(from.path().join(name), text).unwrap();
    put("a.json", &osv("X-1", "a", "2", 1));
    put(
        "b.json",
        r#"{"catalogVersion": "1", "vulnerabilities": [{"cveID": "CVE-2024-0001", "dateAdded": "2024-01-01"}]}"#,
    );
    put("c.csv", "#model_version:v1,score_date:2026-01-01\ncve,epss,percentile\nCVE-2024-0001,0.5,0.9\nCVE-x,1,1\n");
    put("d.jsonl", r#"{"purls": ["pkg:pypi/a"], "cpe_products": ["cpe:2.3:a:acme:a"]}"#);
    put(
        "e.json",
        r#"{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://a.example/1", "author": "A", "timestamp": "2026-01-01T00:00:00Z", "version": 1, "statements": [{"vulnerability": {"name": "X-1"}, "products": [{"@id": "pkg:pypi/a@1"}], "status": "not_affected", "justification": "component_not_present"}]}"#,
    );
    put("f.json", r#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": []}"#);
    put("g.txt", "hello");
    put("h.json", r#"{"id": "X-2", "modified": "#);
    put("i.json", r#"{"something": 1}"#);
    let line = take(dir.path(), from.path(), at(0));
    assert_eq!((line.documents, line.taken, line.anomalies, line.passed_over), (9, 5, 2, 3), "{line:?}");
    let report = std::fs::read_to_string(report_path(dir.path())).unwrap();
    for part in ["f.json", "an SBOM", "g.txt", "h.json line 1", "EPSS, line 4", "no known form of advisory"] {
        assert!(report.contains(part), "{part}: {report}");
    }
    let database = Database::open(dir.path()).unwrap();
    let index = database.index(at(0)).unwrap();
    assert!(index.exploited("CVE-2024-0001").unwrap().is_some() && index.epss("CVE-2024-0001").unwrap().is_some());
    assert_eq!(index.same_as("pypi/a").unwrap(), ["cpe/a/acme/a"]);
    assert_eq!(database.statements().unwrap().len(), 1);
    assert_eq!(take(dir.path(), from.path(), at(9)).taken, 0);
}

#[test]
fn an_absent_a_newer_and_a_busy_database_are_named() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Database::open(dir.path()), Err(FeedError::Absent(_))));
    let lock = File::create(dir.path().join("lock")).unwrap();
    lock.lock().unwrap();
    assert!(matches!(import(dir.path(), &[], at(0), &mut |_, _| {}), Err(FeedError::Busy(_))));
    drop(lock);
    std::fs::write(dir.path().join("database.json"), r#"{"format": 9, "segments": [], "imports": []}"#).unwrap();
    assert!(matches!(Database::open(dir.path()), Err(FeedError::Newer { found: 9, .. })));
    std::fs::write(dir.path().join("database.json"), "{").unwrap();
    assert!(matches!(Database::open(dir.path()), Err(FeedError::Manifest(..))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn a_damaged_file_is_named_and_nothing_else_happens(which in 0_usize..2, cut in any::<prop::sample::Index>(), flip in any::<u8>()) {
        let (dir, from) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = from.path().join("a.json");
        std::fs::write(&file, osv("X-1", "a", "2", 1)).unwrap();
        take(dir.path(), &file, at(0));
        let ends = [".segment", "database.json"][which];
        let mut names = std::fs::read_dir(dir.path()).unwrap().filter_map(Result::ok).map(|entry| entry.path());
        let path = names.find(|path| path.to_string_lossy().ends_with(ends)).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let place = cut.index(bytes.len());
        if flip == 0 {
            bytes.truncate(place);
        } else {
            bytes[place] ^= flip;
        }
        std::fs::write(&path, bytes).unwrap();
        if let Ok(database) = Database::open(dir.path()) {
            let verified = database.verify();
            prop_assert!(verified.is_err() || which == 1);
            if let Ok(index) = database.index(at(0)) {
                let _ = index.by_id("X-1");
            }
        }
    }
}

#[test]
fn all_given_advisories_are_imported_and_again_changes_nothing() {
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/psirt");
    if !data.exists() {
        return println!("skipped: there is no {}", data.display());
    }
    let dir = tempfile::tempdir().unwrap();
    let paths = ["osv", "kev", "csaf-cisa", "purl2cpe", "kernel-cve"].map(|name| data.join(name));
    let first = import(dir.path(), &paths, at(0), &mut |_, _| {}).unwrap();
    println!("{first:?}");
    assert!(first.taken > 8_000, "{first:?}");
    let again = import(dir.path(), &paths, at(1), &mut |_, _| {}).unwrap();
    assert_eq!((again.taken, again.documents), (0, first.documents), "{again:?}");
    let database = Database::open(dir.path()).unwrap();
    database.verify().unwrap();
    assert!(!database.index(at(2)).unwrap().by_id("RUSTSEC-2021-0003").unwrap().is_empty());
}
