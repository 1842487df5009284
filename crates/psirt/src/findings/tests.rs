//! What findings promise: why, who took them away, the same order; context is no match.

use crate::Instant;
use crate::advisory::{Advisory, Affected, End, Package, Source, Versions};
use crate::component::{Component, Kind, Patch};
use crate::index::{Builder, Database};
use crate::vex::{Statement, Status, Subject};

use super::{Build, Document, Report, scan, to_json};

fn affected(package: Package, before: &str) -> Affected {
    Affected {
        packages: vec![package],
        ranges: vec![(
            Versions::Interval { scheme: None, introduced: None, end: End::Before(before.to_owned()) },
            Status::Affected,
        )],
        otherwise: None,
        running_on: Vec::new(),
        parts: Vec::new(),
        by: "tester".to_owned(),
    }
}

fn pypi(name: &str) -> Package {
    Package::Ecosystem { ecosystem: "PyPI".to_owned(), name: name.to_owned() }
}

fn bytes(advisories: &[Advisory]) -> Vec<u8> {
    let mut builder = Builder::new(Instant(1));
    advisories.iter().for_each(|advisory| builder.add(advisory));
    builder.finish().unwrap()
}

fn component(purl: &str) -> Component {
    Component {
        reference: purl.to_owned(),
        name: purl.to_owned(),
        purls: vec![purl.to_owned()],
        ..Component::default()
    }
}

fn report<'a>(bytes: &'a [u8], components: &[Component], statements: &[Statement], build: &Build<'_>) -> Report<'a> {
    let database = Database::open(&[bytes], Instant(9)).unwrap();
    scan(&database, &[Document { name: "d", components, dependencies: &[], statements, anomalies: &[] }], build)
        .unwrap()
}

#[test]
fn a_part_that_speaks_of_a_version_stands_above_parts_that_call_the_rest_affected() {
    let part = |before: &str, status: Status, by: &str| Affected {
        ranges: vec![(
            Versions::Interval { scheme: None, introduced: None, end: End::Before(before.to_owned()) },
            status,
        )],
        otherwise: Some(Status::Affected),
        by: by.to_owned(),
        ..affected(pypi("a"), "")
    };
    let parts = vec![part("2.0", Status::NotAffected, "maker"), part("1.0", Status::NotAffected, "copier")];
    let segment = bytes(&[Advisory { affected: parts, ..Advisory::new("CVE-2024-1", Source::Cve) }]);
    let components = ["0.5", "1.5", "2.5"].map(|version| component(&format!("pkg:pypi/a@{version}")));
    let report = report(&segment, &components, &[], &Build::default());
    assert_eq!(report.findings.iter().map(|finding| finding.place.component).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_finding_says_why_and_sources_stand_side_by_side() {
    let osv = Advisory {
        aliases: vec!["CVE-2024-1".to_owned()],
        affected: vec![affected(pypi("Django"), "2.0")],
        ..Advisory::new("PYSEC-1", Source::Osv)
    };
    let cve = Advisory {
        affected: vec![affected(Package::Purl("pkg:pypi/django".to_owned()), "1.9")],
        ..Advisory::new("CVE-2024-1", Source::Cve)
    };
    let segment = bytes(&[osv, cve]);
    let components = [
        component("pkg:pypi/django@1.5"),
        component("pkg:pypi/django@1.9.5"),
        component("pkg:pypi/nothing"),
        component("pkg:generic/own@1"),
    ];
    let report = report(&segment, &components, &[], &Build::default());
    let told: Vec<_> =
        report.findings.iter().map(|f| (f.place.component, f.group, f.advisory, f.range.as_str(), f.fixed)).collect();
    assert_eq!(
        told,
        [
            (0, "CVE-2024-1", "CVE-2024-1", "before 1.9", Some("1.9")),
            (0, "CVE-2024-1", "PYSEC-1", "before 2.0", Some("2.0")),
            (1, "CVE-2024-1", "PYSEC-1", "before 2.0", Some("2.0")),
        ]
    );
    assert_eq!(report.findings[0].reason, "its package URL names this package (pypi/django)");
    assert_eq!(report.unidentified.iter().map(|u| u.place.component).collect::<Vec<_>>(), [3]);
    assert_eq!(report.unversioned.iter().map(|p| p.component).collect::<Vec<_>>(), [2]);
    let document = Document { name: "d", components: &components, dependencies: &[], statements: &[], anomalies: &[] };
    let json: serde_json::Value = serde_json::from_str(&to_json(&report, &[document]).unwrap()).unwrap();
    assert_eq!(json["findings"][0]["component"]["purl"], "pkg:pypi/django@1.5");
    assert_eq!(json["findings"][0]["confidence"], 1.0);
    assert_eq!(json["unidentified"][0]["name"], "pkg:generic/own@1");
    assert_eq!(json["documents"][0]["components"], 4);
}

#[test]
fn statements_and_patches_take_findings_away_and_stay_named() {
    let segment = bytes(&[Advisory {
        aliases: vec!["CVE-1".to_owned()],
        affected: vec![affected(pypi("a"), "2")],
        ..Advisory::new("P-1", Source::Osv)
    }]);
    let mut patched = component("pkg:pypi/a@1.1");
    patched.patches.push(Patch { kind: "backport".to_owned(), resolves: vec!["cve-1".to_owned()] });
    let components = [component("pkg:pypi/a@1.0"), patched, component("pkg:pypi/a@1.2"), component("pkg:pypi/a@1.3")];
    let say = |subject, status, since| Statement {
        since,
        author: Some("maker".to_owned()),
        ..Statement::new("CVE-1", subject, status)
    };
    let statements = [
        say(Subject::Reference("pkg:pypi/a@1.0".to_owned()), Status::NotAffected, None),
        say(Subject::Purl("pkg:pypi/a@1.2".to_owned()), Status::Fixed, Some(Instant(5))),
        say(Subject::Purl("pkg:pypi/a".to_owned()), Status::Affected, Some(Instant(4))),
        say(Subject::Purl("pkg:pypi/b".to_owned()), Status::Fixed, Some(Instant(8))),
    ];
    let report = report(&segment, &components, &statements, &Build::default());
    let told: Vec<_> =
        report.findings.iter().map(|f| (f.status, f.decision.as_ref().map(|d| d.author.as_str()))).collect();
    assert_eq!(
        told,
        [
            // A dated statement stands above one without a date.
            (Status::Affected, Some("maker")),
            (Status::Fixed, Some("the SBOM")),
            (Status::Fixed, Some("maker")),
            (Status::Affected, Some("maker")),
        ]
    );
}

#[test]
fn what_it_runs_on_is_context_and_never_a_match() {
    let platform = "cpe:2.3:o:vendor:platform:-:*:*:*:*:*:*:*";
    let cpe = |name: &str| format!("cpe:2.3:a:vendor:{name}:1.0:*:*:*:*:*:*:*");
    let mut one = affected(Package::Cpe("cpe:2.3:a:vendor:app:*:*:*:*:*:*:*:*".to_owned()), "2");
    one.running_on.push(Package::Cpe(platform.to_owned()));
    let segment = bytes(&[Advisory { affected: vec![one], ..Advisory::new("CVE-1", Source::Nvd) }]);
    let with = |cpe: String| Component { name: "x".to_owned(), cpes: vec![cpe], ..Component::default() };
    let report = report(&segment, &[with(cpe("app")), with(platform.to_owned())], &[], &Build::default());
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.findings[0].place.component, 0);
    assert!(
        report.findings[0].reason.contains("holds only with cpe:2.3:o:vendor:platform"),
        "{}",
        report.findings[0].reason
    );
}

#[test]
fn kernel_findings_go_if_none_of_their_files_is_compiled() {
    let linux = Package::Product { vendor: "Linux".to_owned(), product: "Linux".to_owned() };
    let at = |id: &str, file: &str| {
        let one = Affected { parts: vec![("file".to_owned(), file.to_owned())], ..affected(linux.clone(), "6.10") };
        Advisory { affected: vec![one], ..Advisory::new(id, Source::Cve) }
    };
    let segment =
        bytes(&[at("CVE-1", "net/sctp/socket.c"), at("CVE-2", "kernel/fork.c"), at("CVE-3", "include/linux/x.h")]);
    let kernel =
        Component { cpes: vec!["cpe:2.3:o:linux:linux_kernel:6.6:*:*:*:*:*:*:*".to_owned()], ..Component::default() };
    let report = report(&segment, &[kernel], &[], &Build { compiled: &["kernel/fork.c"] });
    let open: Vec<_> =
        report.findings.iter().filter(|finding| finding.is_open()).map(|finding| finding.advisory).collect();
    assert_eq!(open, ["CVE-2", "CVE-3"]);
}

#[test]
fn an_entry_for_a_platform_of_its_own_or_another_release_is_not_meant() {
    let wordpress = affected(Package::Cpe("cpe:2.3:a:zlib:zlib:*:*:*:*:*:wordpress:*:*".to_owned()), "2");
    let plain = affected(Package::Cpe("cpe:2.3:a:zlib:zlib:*:*:*:*:*:*:*:*".to_owned()), "2");
    let debian = affected(Package::Ecosystem { ecosystem: "Debian:11".to_owned(), name: "zlib".to_owned() }, "2");
    let make = |id: &str, affected| Advisory { affected: vec![affected], ..Advisory::new(id, Source::Osv) };
    let segment = bytes(&[make("CVE-1", wordpress), make("CVE-2", plain), make("DSA-3", debian)]);
    let by_cpe = Component { cpes: vec!["cpe:2.3:a:zlib:zlib:1.0:*:*:*:*:*:*:*".to_owned()], ..Component::default() };
    let components = [
        by_cpe,
        component("pkg:deb/debian/zlib@1?distro=debian-12"),
        component("pkg:deb/debian/zlib@1?distro=debian-11"),
        component("pkg:deb/debian/zlib@1"),
    ];
    let report = report(&segment, &components, &[], &Build::default());
    let told: Vec<_> = report.findings.iter().map(|f| (f.place.component, f.advisory, f.confidence.word())).collect();
    assert_eq!(told, [(0, "CVE-2", "exact"), (2, "DSA-3", "exact"), (3, "DSA-3", "mapped")]);
}

#[test]
fn what_a_recipe_builds_is_known_by_the_recipe() {
    let plain = affected(Package::Cpe("cpe:2.3:a:zlib:zlib:*:*:*:*:*:*:*:*".to_owned()), "2");
    let segment = bytes(&[
        Advisory { affected: vec![plain.clone()], ..Advisory::new("CVE-1", Source::Cve) },
        Advisory { affected: vec![plain], ..Advisory::new("CVE-2", Source::Cve) },
    ]);
    let named = |reference: &str, name: &str| Component {
        reference: reference.to_owned(),
        name: name.to_owned(),
        version: Some("1.3".to_owned()),
        ..Component::default()
    };
    let patch = Patch { kind: "backport".to_owned(), resolves: vec!["CVE-2".to_owned()] };
    let recipe = Component {
        kind: Kind::Source,
        cpes: vec!["cpe:2.3:*:*:zlib:1.3:*:*:*:*:*:*:*".to_owned()],
        patches: vec![patch],
        ..named("r", "zlib")
    };
    let components = [recipe, named("b", "libz1"), named("c", "other")];
    let dependencies = [("b".to_owned(), "r".to_owned()), ("c".to_owned(), "b".to_owned())];
    let database = Database::open(&[&segment], Instant(9)).unwrap();
    let document =
        Document { name: "d", components: &components, dependencies: &dependencies, statements: &[], anomalies: &[] };
    let report = scan(&database, &[document], &Build::default()).unwrap();
    let told: Vec<_> = report.findings.iter().map(|f| (f.place.component, f.advisory, f.status)).collect();
    assert_eq!(
        told,
        [
            (0, "CVE-1", Status::Affected),
            (0, "CVE-2", Status::Fixed),
            (1, "CVE-1", Status::Affected),
            (1, "CVE-2", Status::Fixed)
        ]
    );
    assert_eq!(report.unidentified.iter().map(|u| u.place.component).collect::<Vec<_>>(), [2]);
}
