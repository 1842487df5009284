//! Compiling, look-up and matching on all of the real data, beside the plain answer.

use std::collections::BTreeSet;
use std::time::Instant as Clock;

use yagura_psirt::advisory::{Advisory, Package, Versions};
use yagura_psirt::component::{Component, Inventory, Kind};
use yagura_psirt::findings::{Build, Document, Report, scan};
use yagura_psirt::index::{Asked, Builder, Database, Segment, exploited, mapping};
use yagura_psirt::score::kev::KevList;
use yagura_psirt::vex::Status;
use yagura_psirt::{Instant, sbom};

use crate::advisories::taken;
use crate::data;

pub(crate) const NOW: Instant = Instant(1_790_000_000_000_000);

/// Every advisory of the data.
pub(crate) fn every_advisory() -> Vec<Advisory> {
    let mut all = Vec::new();
    for name in [
        "cve-vulnrichment/cve-5.1-vulnrichment-2024-10-24.jsonl.zst",
        "osv/go.jsonl.zst",
        "osv/pypa.jsonl.zst",
        "osv/oss-fuzz.jsonl.zst",
    ] {
        all.extend(data::text(name).map(|text| taken(text.as_bytes()).advisories).unwrap_or_default());
    }
    for name in ["osv/rustsec-md.tar.zst", "csaf-cisa/csaf.tar.zst"] {
        for (_, bytes) in data::archive(name).unwrap_or_default() {
            all.extend(taken(&bytes).advisories);
        }
    }
    all
}

pub(crate) fn segment(advisories: &[Advisory]) -> Vec<u8> {
    let mut builder = Builder::new(Instant(1_780_000_000_000_000));
    for advisory in advisories {
        builder.add(advisory);
    }
    builder.finish().unwrap()
}

pub(crate) fn mapping_segment() -> Option<Vec<u8>> {
    let lines = data::text("purl2cpe/purl2cpe-products.jsonl.zst")?;
    let (bytes, wrong) = mapping(&lines, Instant(1)).unwrap();
    println!("mapping: {} bytes, {} refused, such as {:?}", bytes.len(), wrong.len(), wrong.first());
    Some(bytes)
}

fn scanned<'a>(database: &Database<'a>, inventory: &Inventory) -> Report<'a> {
    let document = Document {
        name: "test",
        components: &inventory.components,
        dependencies: &inventory.dependencies,
        statements: &inventory.statements,
        anomalies: &inventory.anomalies,
    };
    scan(database, &[document], &Build::default()).unwrap()
}

#[test]
fn every_enumerated_version_of_pypa_is_found() {
    let Some(text) = data::text("osv/pypa.jsonl.zst") else { return };
    let advisories = taken(text.as_bytes()).advisories;
    let bytes = segment(&advisories);
    let database = Database::open(&[&bytes], NOW).unwrap();
    let (mut count, mut missed) = (0, Vec::new());
    for advisory in advisories.iter().filter(|advisory| advisory.withdrawn.is_none()) {
        for affected in &advisory.affected {
            let Some(Package::Ecosystem { name, .. }) =
                affected.packages.iter().find(|p| matches!(p, Package::Ecosystem { .. }))
            else {
                continue;
            };
            let key = yagura_psirt::identity::from_ecosystem("PyPI", name).key;
            let versions = affected.ranges.iter().filter_map(|(versions, _)| match versions {
                Versions::Exactly(list) => Some(list),
                _ => None,
            });
            for version in versions.flatten() {
                count += 1;
                let mut asked = Asked::new(Some(version), None);
                let mut found = false;
                database
                    .entries(key.as_str(), &mut |entry| {
                        let hit = entry.entry.record()?.id == advisory.id;
                        found |= hit
                            && entry.entry.judge(&mut asked)?.is_some_and(|verdict| verdict.status == Status::Affected);
                        Ok(())
                    })
                    .unwrap();
                if !found {
                    missed.push(format!("{} {name} {version}", advisory.id));
                }
            }
        }
    }
    println!("{count} enumerated versions, {} missed", missed.len());
    assert!(missed.is_empty(), "{:?}", &missed[..missed.len().min(20)]);
}

#[test]
fn all_given_advisories_compile_and_a_yocto_image_is_identified() {
    let clock = Clock::now();
    let advisories = every_advisory();
    println!("{} advisories read in {:?}", advisories.len(), clock.elapsed());
    let mut builder = Builder::new(Instant(1));
    let clock = Clock::now();
    for advisory in &advisories {
        builder.add(advisory);
    }
    println!(
        "refused: {} such as {:?}",
        builder.refused().len(),
        builder.refused().iter().take(12).collect::<Vec<_>>()
    );
    let kept = builder.len();
    let bytes = builder.finish().unwrap();
    println!("{kept} compiled in {:?}: {} bytes", clock.elapsed(), bytes.len());
    Segment::open(&bytes).unwrap().verify().unwrap();
    let Some(mapping) = mapping_segment() else { return };
    let Some(kev) = data::text("kev/known_exploited_vulnerabilities.json") else { return };
    let kev = exploited(&KevList::read(&kev), Instant(1)).unwrap();
    let database = Database::open(&[&bytes, &mapping, &kev], NOW).unwrap();
    let Some(files) = data::archive("sbom-yocto/sbom-yocto.tar.zst") else { return };
    let mut told = Vec::new();
    for (path, bytes) in files.iter().filter(|(path, _)| !path.ends_with(".txt")) {
        let mut inventory = Inventory::default();
        sbom::read(&bytes[..], &mut inventory).unwrap();
        inventory.settle();
        let clock = Clock::now();
        let report = scanned(&database, &inventory);
        let took = clock.elapsed();
        let is_built = |component: &Component| component.kind != Kind::Source;
        let (all, built) = (&inventory.components, inventory.components.iter().filter(|c| is_built(c)).count());
        let unknown = report.unidentified.iter().filter(|unknown| is_built(&all[unknown.place.component])).count();
        let open = report.findings.iter().filter(|finding| finding.is_open()).count();
        println!(
            "{path}: {} of {} identified, {} of {built} that are installed; {open} open findings in {took:?}",
            all.len() - report.unidentified.len(),
            all.len(),
            built - unknown
        );
        assert!((built - unknown) * 10 >= built * 9, "less than nine in ten are identified: {:?}", report.unidentified);
        let set: BTreeSet<(String, String, String)> = report
            .findings
            .iter()
            .map(|finding| {
                (finding.identity.clone(), finding.version.clone().unwrap_or_default(), finding.advisory.to_owned())
            })
            .collect();
        told.push(set);
    }
    // SPDX 2.2 and CycloneDX of one image; SPDX tells of its native recipes too.
    let missing: Vec<_> = told[2].difference(&told[1]).collect();
    println!("CycloneDX says {}, SPDX 2.2 {}; only CycloneDX: {missing:?}", told[2].len(), told[1].len());
}
