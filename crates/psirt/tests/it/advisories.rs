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
    // 3,861 say `git`; the others say `custom` of what are commits.
    assert_eq!(count(&commits), 5_040);
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
    // Counted by another program: documents, vulnerabilities, scores, and products in lists of status.
    let counts =
        (documents, all.advisories.len(), all.advisories.iter().map(|advisory| advisory.scores.len()).sum::<usize>());
    assert_eq!(counts, (1_655, 4_717, 4_714));
    let models = all.advisories.iter().flat_map(|advisory| &advisory.affected).flat_map(|affected| &affected.parts);
    assert!(models.filter(|(kind, _)| kind == "model").count() > 2_733);
}

#[test]
fn fixtures_of_nvd_are_read() {
    let Some(files) = data::archive("grype-fixtures/testdata.tar.zst") else { return };
    let mut advisories = Vec::new();
    for (path, bytes) in files.iter().filter(|(path, _)| path.contains("nvd") && path.ends_with(".json")) {
        let read = taken(bytes);
        // What describes a store is no record.
        let records = if path.ends_with("metadata.json") { 0 } else { 1 };
        let expected = if path.ends_with("processors/testdata/nvd.json") { 3 } else { records };
        assert_eq!(read.advisories.len(), expected, "{path}: {:?}", read.anomalies);
        advisories.extend(read.advisories);
    }
    assert_eq!(advisories.len(), 63);
    assert_eq!(advisories.iter().filter(|advisory| advisory.withdrawn.is_some()).count(), 1);
    // An AND of what is vulnerable and what it runs on: the platform is context.
    let found = advisories.iter().find(|advisory| advisory.id == "CVE-2022-0543").unwrap();
    let affected = found.affected.iter().find(|affected| !affected.running_on.is_empty()).unwrap();
    let name = |package: &Package| matches!(package, Package::Cpe(name) if name.contains(":redis:"));
    assert!(affected.packages.iter().any(name), "{affected:?}");
    let platform = |package: &Package| matches!(package, Package::Cpe(name) if name.contains("debian_linux") || name.contains("ubuntu_linux"));
    assert!(affected.running_on.iter().all(platform), "{affected:?}");
}

/// Examples of JVN, how many advisories each holds, and the anomalies: one example of the publisher is no JSON at its end.
const JVN: [(&str, usize, usize); 19] = [
    ("hnd/getVulnOverviewList_hnd.xml", 2, 0),
    ("hnd/dataFeed_jvndb_rss_hnd.xml", 4, 0),
    ("hnd/dataFeed_jvndb_detail_hnd.xml", 7, 0),
    ("hnd/getVulnDetailInfo_hnd_JVNDB-2017-009608.xml", 1, 0),
    ("hnd/getVulnDetailInfo_hnd_JVNDB-2018-009328.xml", 1, 0),
    ("hnd/getVulnDetailInfo_hnd_JVNDB-2021-002774.xml", 1, 0),
    ("hnd/getVulnDetailInfo_hnd_JVNDB-2022-000097.xml", 1, 0),
    ("hnd/getVendorList_hnd.xml", 0, 1),
    ("oka/getVulnOverviewList_oka.json", 3, 0),
    ("oka/dataFeed_jvndb_rss_oka.json", 3, 0),
    ("oka/dataFeed_jvndb_detail_oka.json", 5, 1),
    ("oka/getVulnDetailInfo_oka_JVNDB-2017-009608.json", 1, 0),
    ("oka/getVulnDetailInfo_oka_JVNDB-2017-009608_jvnstix.json", 1, 0),
    ("oka/getVulnDetailInfo_oka_JVNDB-2018-009328.json", 1, 0),
    ("oka/getVulnDetailInfo_oka_JVNDB-2021-002774.json", 1, 0),
    ("oka/getVulnDetailInfo_oka_JVNDB-2022-000097.json", 1, 0),
    ("oka/getVulnDetailInfo_oka_jvncsaf.json", 1, 0),
    ("oka/getVulnDetailInfo_oka_jvnstix.json", 1, 0),
    ("oka/getVendorList_oka.json", 0, 1),
];

#[test]
fn examples_of_jvn_are_read() {
    for (name, advisories, anomalies) in JVN {
        let Some(bytes) = data::bytes(&format!("jvn/examples/{name}")) else { return };
        let read = taken(&bytes);
        assert_eq!(
            (read.advisories.len(), read.anomalies.len()),
            (advisories, anomalies),
            "{name}: {:?}",
            read.anomalies
        );
        assert!(read.advisories.iter().all(|advisory| advisory.id.starts_with("JVNDB-")), "{name}");
    }
}

#[test]
fn both_forms_of_a_jvn_record_say_the_same() {
    for id in ["JVNDB-2017-009608", "JVNDB-2018-009328"] {
        let (Some(xml), Some(json)) = (
            data::bytes(&format!("jvn/examples/hnd/getVulnDetailInfo_hnd_{id}.xml")),
            data::bytes(&format!("jvn/examples/oka/getVulnDetailInfo_oka_{id}.json")),
        ) else {
            return;
        };
        let (xml, json) = (taken(&xml).advisories.remove(0), taken(&json).advisories.remove(0));
        assert_eq!((xml.id, xml.aliases, xml.title), (json.id, json.aliases, json.title));
    }
}

#[test]
fn streams_of_kernel_fixes_are_read() {
    let Some(files) = data::archive("kernel-cve/kernel-2024-04.tar.zst") else { return };
    let (_, bytes) = files.iter().find(|(path, _)| path.ends_with("stream_fixes.json")).unwrap();
    let read = taken(bytes);
    let expected: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(bytes).unwrap();
    assert_eq!((read.advisories.len(), read.anomalies.len()), (expected.len(), 0));
    let found = read.advisories.iter().find(|advisory| advisory.id == "CVE-2004-0230").unwrap();
    let ranges = &found.affected[0].ranges;
    assert!(
        matches!(&ranges[0], (Versions::Interval { introduced: Some(from), .. }, Status::Affected) if from == "3.2")
    );
    assert!(
        matches!(&ranges[1], (Versions::Interval { introduced: Some(from), .. }, Status::Fixed) if from == "3.2.37")
    );
}

#[test]
fn github_advisories_that_became_osv_are_read() {
    let Some(files) = data::archive("osv-schema/osv-schema.tar.zst") else { return };
    let mut count = 0;
    for (path, bytes) in files.iter().filter(|(path, _)| path.ends_with(".osv.json")) {
        let read = taken(bytes);
        assert_eq!((read.advisories.len(), read.anomalies.len()), (1, 0), "{path}: {:?}", read.anomalies);
        count += 1;
    }
    assert!(count >= 10, "{count}");
}

#[test]
fn a_private_report_is_read_from_json_and_yaml() {
    let yaml = "yagura_advisory: 1\nid: ACME-7\ntitle: Keys in the image\naffected:\n- packages:\n  - pkg:generic/acme/gateway\n  - {vendor: acme, product: gateway}\n  affected: ['>= 1.0, < 2.3']\n  fixed: ['>= 2.3']\n  otherwise: not_affected\n";
    let read = taken(yaml.as_bytes());
    assert_eq!(read.anomalies, []);
    let affected = &read.advisories[0].affected[0];
    assert_eq!((affected.packages.len(), affected.ranges.len(), affected.otherwise), (2, 2, Some(Status::NotAffected)));
    let json = r#"{"yagura_advisory":1,"id":"ACME-8","affects":[]}"#;
    let read = taken(json.as_bytes());
    assert_eq!(read.anomalies[0].place, "line 1, /affects");
    assert_eq!(read.advisories.len(), 1);
}
