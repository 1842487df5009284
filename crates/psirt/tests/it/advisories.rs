//! Readers of advisories on all of the real data: nothing is dropped, and the counts are those that another program counted.

use crate::data;
use yagura_psirt::advisory::{Advisory, Package, Sink, Versions, read};
use yagura_psirt::component::Anomaly;
use yagura_psirt::vex::Status;

/// Everything that a stream holds.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) advisories: Vec<Advisory>,
    pub(crate) anomalies: Vec<Anomaly>,
}

impl Sink for Taken {
    fn advisory(&mut self, advisory: Advisory) {
        self.advisories.push(advisory);
    }
    fn anomaly(&mut self, anomaly: Anomaly) {
        self.anomalies.push(anomaly);
    }
}

pub(crate) fn taken(mut bytes: &[u8]) -> Taken {
    let mut taken = Taken::default();
    read(&mut bytes, &mut taken).unwrap();
    taken
}

fn report(name: &str, taken: &Taken) {
    println!("{name}: {} advisories, {} anomalies", taken.advisories.len(), taken.anomalies.len());
    for anomaly in taken.anomalies.iter().take(8) {
        println!("  {}: {}", anomaly.place, anomaly.what);
    }
}

/// How many versions are enumerated.
fn enumerated(taken: &Taken) -> usize {
    let ranges = taken.advisories.iter().flat_map(|advisory| &advisory.affected).flat_map(|affected| &affected.ranges);
    ranges
        .map(|(versions, _)| match versions {
            Versions::Exactly(list) => list.len(),
            _ => 0,
        })
        .sum()
}

#[test]
fn every_cve_record_of_vulnrichment_is_read() {
    let Some(text) = data::text("cve-vulnrichment/cve-5.1-vulnrichment-2024-10-24.jsonl.zst") else { return };
    let taken = taken(text.as_bytes());
    report("cve", &taken);
    let count = |what: &dyn Fn(&Advisory) -> usize| taken.advisories.iter().map(what).sum::<usize>();
    assert_eq!(taken.advisories.len(), 27_159);
    assert_eq!(count(&|advisory| usize::from(advisory.withdrawn.is_some())), 94);
    assert_eq!(count(&|advisory| usize::from(!advisory.ssvc.is_empty())), 27_065);
    // Counted by another program over the same text.
    assert_eq!(count(&|advisory| advisory.affected.len()), 88_432);
    assert_eq!(count(&|advisory| advisory.scores.len()), 19_259);
    assert_eq!(count(&|advisory| advisory.weaknesses.len()), 19_170);
    let commits = |advisory: &Advisory| {
        let ranges = advisory.affected.iter().flat_map(|affected| &affected.ranges);
        ranges.filter(|range| matches!(range, (Versions::Commits { .. }, Status::Affected))).count()
    };
    assert_eq!(count(&commits), 3_861);
    let kernel = taken.advisories.iter().find(|advisory| advisory.id == "CVE-2019-25160").unwrap();
    let git = &kernel.affected[0];
    assert!(
        matches!(&git.ranges[..], [(Versions::Commits { introduced, fixed, .. }, Status::Affected)] if introduced.len() == 1 && fixed.len() == 8)
    );
    assert_eq!(git.otherwise, Some(Status::NotAffected));
    assert!(git.packages.contains(&Package::Product { vendor: "Linux".to_owned(), product: "Linux".to_owned() }));
    let streams = &kernel.affected[1];
    assert_eq!((streams.ranges.len(), streams.otherwise), (10, Some(Status::Affected)));
}

#[test]
fn every_osv_record_is_read() {
    for (name, advisories, versions, withdrawn, affected) in
        [("go", 4_291, 0, 17, 6_125), ("pypa", 2_526, 129_688, 8, 2_526), ("oss-fuzz", 3_797, 35_985, 24, 3_797)]
    {
        let Some(text) = data::text(&format!("osv/{name}.jsonl.zst")) else { return };
        let taken = taken(text.as_bytes());
        report(name, &taken);
        assert_eq!((taken.advisories.len(), taken.anomalies.len()), (advisories, 0), "{name}");
        assert_eq!(enumerated(&taken), versions, "{name}");
        assert_eq!(
            taken.advisories.iter().filter(|advisory| advisory.withdrawn.is_some()).count(),
            withdrawn,
            "{name}"
        );
        assert_eq!(taken.advisories.iter().map(|advisory| advisory.affected.len()).sum::<usize>(), affected, "{name}");
    }
}

#[test]
fn every_rustsec_advisory_is_read_from_markdown() {
    let Some(files) = data::archive("osv/rustsec-md.tar.zst") else { return };
    let mut all = Taken::default();
    for (path, bytes) in files.iter().filter(|(path, _)| path.ends_with(".md")) {
        let read = taken(bytes);
        assert_eq!(read.advisories.len(), 1, "{path}: {:?}", read.anomalies);
        all.advisories.extend(read.advisories);
        all.anomalies.extend(read.anomalies);
    }
    report("rustsec", &all);
    assert_eq!(all.advisories.len(), 1_225);
}

#[test]
fn every_cisa_document_is_read() {
    let Some(files) = data::archive("csaf-cisa/csaf.tar.zst") else { return };
    let (mut documents, mut all) = (0, Taken::default());
    for (path, bytes) in files.iter().filter(|(path, _)| path.ends_with(".json") && !path.contains("feed")) {
        let read = taken(bytes);
        assert!(!read.advisories.is_empty(), "{path}: {:?}", read.anomalies);
        documents += 1;
        all.advisories.extend(read.advisories);
        all.anomalies.extend(read.anomalies);
    }
    report("cisa", &all);
    println!(
        "documents {documents} scores {} affected {}",
        all.advisories.iter().map(|a| a.scores.len()).sum::<usize>(),
        all.advisories.iter().map(|a| a.affected.len()).sum::<usize>()
    );
}

#[test]
fn fixtures_of_nvd_are_read() {
    let Some(files) = data::archive("grype-fixtures/testdata.tar.zst") else { return };
    let mut all = Taken::default();
    for (path, bytes) in files.iter().filter(|(path, _)| path.contains("nvd") && path.ends_with(".json")) {
        let read = taken(bytes);
        println!("{path}: {} {:?}", read.advisories.len(), read.anomalies.first());
        all.advisories.extend(read.advisories);
        all.anomalies.extend(read.anomalies);
    }
    report("nvd", &all);
}

#[test]
fn examples_of_jvn_are_read() {
    for name in [
        "hnd/getVulnOverviewList_hnd.xml",
        "hnd/getVulnDetailInfo_hnd_JVNDB-2018-009328.xml",
        "hnd/getVulnDetailInfo_hnd_JVNDB-2022-000097.xml",
        "hnd/getVulnDetailInfo_hnd_JVNDB-2017-009608.xml",
        "hnd/dataFeed_jvndb_detail_hnd.xml",
        "hnd/getVulnDetailInfo_hnd_JVNDB-2021-002774.xml",
        "hnd/dataFeed_jvndb_rss_hnd.xml",
        "oka/getVulnDetailInfo_oka_JVNDB-2017-009608.json",
        "oka/getVulnDetailInfo_oka_JVNDB-2021-002774.json",
        "oka/getVulnDetailInfo_oka_JVNDB-2018-009328.json",
        "oka/getVulnDetailInfo_oka_jvnstix.json",
        "oka/getVulnDetailInfo_oka_JVNDB-2017-009608_jvnstix.json",
        "oka/dataFeed_jvndb_detail_oka.json",
        "oka/getVulnDetailInfo_oka_JVNDB-2022-000097.json",
        "oka/getVulnOverviewList_oka.json",
        "oka/getVulnDetailInfo_oka_jvncsaf.json",
        "oka/dataFeed_jvndb_rss_oka.json",
        "oka/getVendorList_oka.json",
        "hnd/getVendorList_hnd.xml",
    ] {
        let Some(bytes) = data::bytes(&format!("jvn/examples/{name}")) else { return };
        let read = taken(&bytes);
        report(name, &read);
        for advisory in &read.advisories {
            println!("    {} {:?} {}", advisory.id, advisory.aliases, advisory.affected.len());
        }
    }
}
