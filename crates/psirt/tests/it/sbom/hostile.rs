//! Documents that mean harm, or were cut off: a clear anomaly with its place, the rest read, nothing panics.

use proptest::prelude::*;
use yagura_psirt::component::Inventory;
use yagura_psirt::sbom::{self, Format, SbomError};

use super::read;

const CYCLONEDX: &str = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":["#;

fn cyclonedx(components: &str) -> Inventory {
    read(format!("{CYCLONEDX}{components}]}}").as_bytes()).unwrap().1
}

fn names(inventory: &Inventory) -> Vec<&str> {
    inventory.components.iter().map(|component| component.name.as_str()).collect()
}

#[test]
fn a_truncated_document_gives_what_came_before_and_says_where_it_ends() {
    let text = format!("{CYCLONEDX}{{\"type\":\"library\",\"name\":\"a\"}},\n {{\"type\":\"library\",\"na");
    let (document, inventory) = read(text.as_bytes()).unwrap();
    assert!(!document.complete);
    assert_eq!(names(&inventory), ["a"]);
    assert_eq!(inventory.anomalies[0].place, "line 2, column 2");
    assert!(inventory.anomalies[0].what.contains("truncated"));
}

#[test]
fn depth_and_wrong_shapes_cost_one_component_and_no_more() {
    let deep = format!(r#"{{"name":"deep","x":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let nested = format!("{}{}", r#"{"name":"n","components":["#.repeat(10_000), "]}".repeat(10_000));
    let inventory = cyclonedx(&format!(
        r#"{{"name":"a"}},{deep},{nested},5,{{"name":"b","version":1.5,"purl":["x"]}},{{"name":"c"}}"#
    ));
    let found = names(&inventory);
    // What nobody wants is stepped over at any depth; what is wanted is refused below the parser's limit.
    assert_eq!(found, ["a", "deep", "b", "c"]);
    assert_eq!(
        inventory.components.iter().find(|component| component.name == "b").unwrap().version.as_deref(),
        Some("1.5")
    );
    assert!(inventory.anomalies.iter().any(|anomaly| anomaly.place == "/components/2"), "{:?}", inventory.anomalies);
}

#[test]
fn a_component_larger_than_the_limit_is_entered() {
    let filler = "x".repeat(1000);
    let children: Vec<String> =
        (0..40_000).map(|n| format!(r#"{{"name":"c{n}","bom-ref":"c{n}","description":"{filler}"}}"#)).collect();
    let inventory = cyclonedx(&format!(
        r#"{{"name":"large","components":[{}],"bom-ref":"l"}},{{"name":"after"}}"#,
        children.join(",")
    ));
    assert_eq!(inventory.anomalies, []);
    assert_eq!(inventory.components.len(), 40_002);
    assert_eq!(inventory.dependencies.len(), 40_000);
    assert_eq!(inventory.dependencies[7], ("l".to_owned(), "c7".to_owned()));
}

#[test]
fn a_reference_that_occurs_twice_is_an_anomaly() {
    let inventory = cyclonedx(r#"{"bom-ref":"x","name":"a"},{"bom-ref":"x","name":"b"}"#);
    assert_eq!(names(&inventory), ["a", "b"]);
    assert!(inventory.anomalies[0].what.contains("'x' occurs more than once"));
}

#[test]
fn an_unknown_version_is_read_and_said() {
    let (_, inventory) = read(br#"{"bomFormat":"CycloneDX","specVersion":"9.9","components":[{"name":"a"}]}"#).unwrap();
    assert_eq!(names(&inventory), ["a"]);
    assert!(inventory.anomalies[0].what.contains("'9.9'"));
}

#[test]
fn what_is_no_sbom_is_refused_by_name() {
    for text in ["", "hello", "{}", "[]", "null", "<html/>", "{\"a\":1", "PK\x03\x04"] {
        assert!(matches!(read(text.as_bytes()), Err(SbomError::Unknown { .. })), "{text}");
    }
}

#[test]
fn entities_of_a_document_type_are_not_expanded() {
    let text = r#"<?xml version="1.0"?><!DOCTYPE bom [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">]>
<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components>
<component type="library"><name>x&b;&lt;&#65;</name></component>
</components></bom>"#;
    let (document, inventory) = read(text.as_bytes()).unwrap();
    assert_eq!((document.format, names(&inventory)), (Format::CycloneDxXml, vec!["x<A"]));
    assert_eq!(inventory.anomalies.len(), 2);
}

#[test]
fn deep_xml_costs_one_component() {
    let deep = format!("<component>{}{}</component>", "<a>".repeat(10_000), "</a>".repeat(10_000));
    let text = format!(
        "<bom xmlns='http://cyclonedx.org/schema/bom/1.4'><components>{deep}<component><name>b</name></component></components></bom>"
    );
    let (_, inventory) = read(text.as_bytes()).unwrap();
    assert_eq!(names(&inventory), ["b"]);
    assert!(inventory.anomalies[0].what.contains("deeply"));
}

#[test]
fn compressed_input_is_read_and_a_bomb_is_not() {
    let text = format!(r#"{CYCLONEDX}{{"name":"a"}}]}}"#);
    let zstd = zstd::encode_all(text.as_bytes(), 3).unwrap();
    assert_eq!(names(&read(&zstd).unwrap().1), ["a"]);
    let mut layers = text.into_bytes();
    for _ in 0..5 {
        layers = zstd::encode_all(layers.as_slice(), 3).unwrap();
    }
    assert!(read(&layers).is_err());
}

#[test]
fn tag_value_with_any_line_end_and_texts_over_lines_is_read() {
    for end in ["\n", "\r", "\r\n"] {
        let text = [
            "SPDXVersion: SPDX-2.3",
            "PackageName: a",
            "SPDXID: SPDXRef-a",
            "PackageLicenseComments: <text>one",
            "PackageName: no",
            "</text>",
            "PackageVersion: 1",
            "ExternalRef: PACKAGE-MANAGER purl pkg:npm/a@1",
            "Relationship: SPDXRef-a DEPENDENCY_OF SPDXRef-b",
            "",
        ]
        .join(end);
        let (document, inventory) = read(text.as_bytes()).unwrap();
        assert_eq!((document.format, document.version.as_deref()), (Format::SpdxTagValue, Some("2.3")));
        assert_eq!(names(&inventory), ["a"]);
        assert_eq!(inventory.components[0].purls, ["pkg:npm/a@1"]);
        assert_eq!(inventory.components[0].version.as_deref(), Some("1"));
        assert_eq!(inventory.dependencies, [("SPDXRef-b".to_owned(), "SPDXRef-a".to_owned())]);
    }
}

#[test]
fn yaml_and_rdf_say_the_same() {
    let yaml = "spdxVersion: SPDX-2.3\npackages:\n- SPDXID: SPDXRef-a\n  name: a\n  versionInfo: 1.10\n  externalRefs:\n  - referenceCategory: PACKAGE-MANAGER\n    referenceType: purl\n    referenceLocator: pkg:npm/a@1.10\nrelationships:\n- spdxElementId: SPDXRef-a\n  relationshipType: DEPENDS_ON\n  relatedSpdxElement: SPDXRef-b\n";
    let rdf = r#"<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:spdx="http://spdx.org/rdf/terms#">
<spdx:Package rdf:about="http://example.org/d#SPDXRef-a">
 <spdx:name>a</spdx:name><spdx:versionInfo>1.10</spdx:versionInfo>
 <spdx:externalRef><spdx:ExternalRef>
  <spdx:referenceType rdf:resource="http://spdx.org/rdf/references/purl"/>
  <spdx:referenceLocator>pkg:npm/a@1.10</spdx:referenceLocator>
 </spdx:ExternalRef></spdx:externalRef>
 <spdx:relationship><spdx:Relationship>
  <spdx:relationshipType rdf:resource="http://spdx.org/rdf/terms#relationshipType_dependsOn"/>
  <spdx:relatedSpdxElement rdf:resource="http://example.org/d#SPDXRef-b"/>
 </spdx:Relationship></spdx:relationship>
</spdx:Package></rdf:RDF>"#;
    let (yaml, rdf) = (read(yaml.as_bytes()).unwrap(), read(rdf.as_bytes()).unwrap());
    assert_eq!((yaml.0.format, rdf.0.format), (Format::SpdxYaml, Format::SpdxRdf));
    assert_eq!(yaml.1, rdf.1);
    assert_eq!(yaml.1.components[0].version.as_deref(), Some("1.10"));
    assert_eq!(yaml.1.dependencies, [("SPDXRef-a".to_owned(), "SPDXRef-b".to_owned())]);
}

#[test]
fn cve_check_syft_and_github_are_read() {
    let cve_check = br#"{"version":"1","package":[{"name":"busybox","layer":"meta","version":"1.36.1",
        "products":[{"product":"busybox","cvesInRecord":"Yes"}],
        "issue":[{"id":"CVE-2022-28391","status":"Patched","detail":"fix-file-included"},{"id":"CVE-1","status":"Ignored"}]}]}"#;
    let (document, inventory) = read(cve_check).unwrap();
    assert_eq!((document.format, inventory.statements.len()), (Format::CveCheck, 2));
    let syft = br#"{"artifacts":[{"id":"1","name":"a","version":"1","type":"deb","cpes":[{"cpe":"cpe:2.3:a:a:a:1:*:*:*:*:*:*:*"}],
        "purl":"pkg:deb/debian/a@1","metadata":{"source":"src"}}],"artifactRelationships":[],"schema":{"version":"16.0.0"}}"#;
    let (document, inventory) = read(syft).unwrap();
    assert_eq!((document.format, inventory.components[0].cpes.len()), (Format::Syft, 1));
    assert!(inventory.components[0].properties.contains(&("syft:metadata:source".to_owned(), "src".to_owned())));
    let github = br#"{"version":0,"sha":"0","manifests":{"m":{"name":"m","resolved":{"a":{"package_url":"pkg:npm/%40x/a@1.0","dependencies":["b"]}}}}}"#;
    let (document, inventory) = read(github).unwrap();
    assert_eq!((document.format, names(&inventory)), (Format::GitHubSnapshot, vec!["a"]));
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), head in 0..8_usize) {
        let heads: [&[u8]; 8] = [b"", CYCLONEDX.as_bytes(), b"<bom xmlns='http://cyclonedx.org/schema/bom/1.6'><components>", b"SPDXVersion: SPDX-2.3\n",
            b"spdxVersion: SPDX-2.3\n", b"\n\x031.6", b"spec_version: \"1.6\"\n", b"{\"@context\":\"https://spdx.org/rdf/3.0.1/spdx-context.jsonld\",\"@graph\":["];
        let bytes = [heads[head], &bytes].concat();
        let _ = read(&bytes);
        let _ = sbom::validate(&bytes);
    }

    #[test]
    fn a_document_cut_anywhere_gives_a_prefix_of_its_components(cut in 0..400_usize) {
        let text = format!(r#"{CYCLONEDX}{{"name":"a","hashes":[{{"alg":"MD5","content":"00"}}]}},{{"name":"b","components":[{{"name":"c"}}]}},{{"name":"d"}}]}}"#);
        let cut = cut.min(text.len());
        match read(&text.as_bytes()[..cut]) {
            Ok((document, inventory)) => {
                prop_assert!(["a", "b", "c", "d"].starts_with(&names(&inventory)));
                prop_assert_eq!(document.complete, cut == text.len());
                prop_assert_eq!(inventory.anomalies.is_empty(), document.complete);
            }
            Err(_) => prop_assert!(cut < text.len()),
        }
    }
}
