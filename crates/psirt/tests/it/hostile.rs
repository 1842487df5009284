//! Hostile and broken input: a clear anomaly with its place, the rest processed, never a panic.

use crate::advisories::taken;
use proptest::prelude::*;

const CVE: &str = r#"{"dataType":"CVE_RECORD","cveMetadata":{"cveId":"CVE-2024-1","state":"PUBLISHED","datePublished":"2024-05-01T12:00:00Z"},"containers":{"cna":{"affected":[{"vendor":"v","product":"p","versions":[{"version":"1.0","lessThan":"2.0","status":"affected","versionType":"semver"}]}]}}}"#;
const CSAF: &str = r#"{"document":{"csaf_version":"2.0","category":"csaf_vex","title":"t","tracking":{"id":"X-1"}},"product_tree":{"branches":[{"category":"vendor","name":"v","branches":[{"category":"product_name","name":"p","branches":[{"category":"product_version_range","name":"<2","product":{"product_id":"P1","name":"p"}}]}]}],"relationships":[{"category":"installed_on","product_reference":"P1","relates_to_product_reference":"P1","full_product_name":{"product_id":"P2","name":"r"}}]},"vulnerabilities":[{"cve":"CVE-2024-1","product_status":{"known_affected":["P1","P2","P3"]}}]}"#;
const OSV: &str = r#"{"id":"X-1","modified":"2024-05-01T12:00:00Z","affected":[{"package":{"ecosystem":"PyPI","name":"a"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.0"}]}]}]}"#;
const XML: &str = "<VULDEF-Document><Vulinfo><VulinfoID>JVNDB-1</VulinfoID><VulinfoData><Title>t</Title><Affected><AffectedItem><Name>n</Name><ProductName>p</ProductName><VersionNumber>1.0</VersionNumber></AffectedItem></Affected></VulinfoData></Vulinfo></VULDEF-Document>";

#[test]
fn a_document_ten_thousand_deep_costs_itself_alone() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        let text = format!("{{\"id\":{deep}}}\n{OSV}\n");
        let read = taken(text.as_bytes());
        assert_eq!((read.advisories.len(), read.anomalies.len()), (1, 1), "{:?}", read.anomalies);
        assert!(read.anomalies[0].place.starts_with("line 1, column "), "{:?}", read.anomalies);
    }
}

#[test]
fn a_relationship_to_itself_an_undefined_product_and_a_second_definition_are_named() {
    let read = taken(
        CSAF.replace(r#""relates_to_product_reference":"P1""#, r#""relates_to_product_reference":"P2""#).as_bytes(),
    );
    assert_eq!(read.advisories.len(), 1);
    let places: Vec<_> = read.anomalies.iter().map(|anomaly| anomaly.place.as_str()).collect();
    assert_eq!(
        places,
        [
            "line 1, /product_tree/relationships/0",
            "line 1, /vulnerabilities/0/product_status/known_affected/1",
            "line 1, /vulnerabilities/0/product_status/known_affected/2"
        ]
    );
    assert_eq!(read.advisories[0].affected.len(), 3);
}

#[test]
fn a_value_of_the_wrong_type_costs_no_other() {
    let text = CVE.replace(r#""vendor":"v""#, r#""vendor":7"#).replace(r#""lessThan":"2.0""#, r#""lessThan":["2.0"]"#);
    let read = taken(text.as_bytes());
    let places: Vec<_> = read.anomalies.iter().map(|anomaly| anomaly.place.as_str()).collect();
    assert_eq!(
        places,
        ["line 1, /containers/cna/affected/0/vendor", "line 1, /containers/cna/affected/0/versions/0/lessThan"]
    );
    assert_eq!(read.advisories[0].affected.len(), 1);
}

#[test]
fn what_is_no_advisory_is_called_by_its_name() {
    for (text, what) in [
        ("", "nothing in it"),
        ("PK\u{3}\u{4}rest", "an archive or compressed file: unpack it first"),
        (r#"{"bomFormat":"CycloneDX"}"#, "a CycloneDX document, not an advisory"),
        (r#"{"catalogVersion":"1"}"#, "the KEV catalogue, not an advisory"),
        ("<html/>", "XML without a record of JVN (`Vulinfo` or `item`)"),
        ("just prose", "neither JSON, XML, Markdown nor YAML with fields"),
        ("```toml\n[advisory]\n", "the block of TOML does not end"),
    ] {
        let read = taken(text.as_bytes());
        assert_eq!(read.anomalies.iter().map(|anomaly| anomaly.what.as_str()).collect::<Vec<_>>(), [what], "{text}");
    }
}

#[test]
fn xml_entities_do_not_expand() {
    let bomb = format!(
        "<!DOCTYPE a [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]>{}",
        XML.replace("<Title>t", "<Title>t&b;")
    );
    let read = taken(bomb.as_bytes());
    assert_eq!((read.advisories.len(), read.anomalies.len()), (1, 1));
    assert_eq!(read.advisories[0].title, "t");
}

#[test]
fn yaml_aliases_do_not_multiply() {
    let mut text = "id: X-1\nmodified: 2024-05-01\na: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (name, of) in [("b", "a"), ("c", "b"), ("d", "c"), ("e", "d"), ("f", "e"), ("g", "f"), ("h", "g"), ("i", "h")] {
        text.push_str(&format!("{name}: &{name} [*{of},*{of},*{of},*{of},*{of},*{of},*{of},*{of},*{of}]\n"));
    }
    assert_eq!(taken(text.as_bytes()).anomalies.len(), 1);
    let fine = "id: PYSEC-1\nmodified: 2024-05-01T12:00:00Z\naffected:\n- package: {ecosystem: PyPI, name: a}\n  versions: ['1.0', '1.1']\n";
    assert_eq!(taken(fine.as_bytes()).advisories.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        taken(&bytes);
    }

    #[test]
    fn a_cut_document_never_panics_and_costs_no_other(which in 0..4_usize, cut in 1..300_usize) {
        let text = [CVE, CSAF, OSV, XML][which];
        let cut = (0..=cut.min(text.len() - 1)).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        let read = taken(&text.as_bytes()[..cut]);
        prop_assert!(!read.anomalies.is_empty());
        if which < 3 {
            let both = taken(format!("{}\n{OSV}\n", &text[..cut]).as_bytes());
            prop_assert_eq!(both.advisories.len(), 1);
        }
    }

    #[test]
    fn a_changed_byte_never_panics(which in 0..4_usize, at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = [CVE, CSAF, OSV, XML][which].as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        taken(&bytes);
        let _report = yagura_psirt::csaf::validate(&bytes, yagura_psirt::csaf::Group::Informative, &Default::default());
        let _read = yagura_psirt::vex::read(&bytes);
    }
}
