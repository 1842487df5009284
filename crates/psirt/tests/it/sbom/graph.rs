//! SPDX 3 in the orders and spellings that JSON-LD allows: what is referred to may come later, earlier, inline or not at all.

use yagura_psirt::component::{Digest, Kind};
use yagura_psirt::sbom::Format;
use yagura_psirt::vex::{Justification, Status, Subject};

use super::read;

const CONTEXT: &str = r#"{"@context":"https://spdx.org/rdf/3.0.0/spdx-context.jsonld","#;

#[test]
fn elements_that_come_later_or_under_blank_names_are_found() {
    let graph = r#"[
        {"type":"security_VexNotAffectedVulnAssessmentRelationship","spdxId":"urn:x:1","from":"urn:v","to":["urn:p"],
         "relationshipType":"doesNotAffect","security_justificationType":"vulnerableCodeNotPresent","security_impactStatement":"not built",
         "security_publishedTime":"2026-01-01T00:00:00Z"},
        {"type":"Relationship","spdxId":"urn:x:2","from":"urn:p","relationshipType":"hasConcludedLicense","to":["urn:l"]},
        {"type":"Relationship","spdxId":"urn:x:3","from":"urn:p","relationshipType":"dependsOn","to":"urn:q"},
        {"type":"Relationship","spdxId":"urn:x:4","from":"urn:p","relationshipType":"hasAssociatedVulnerability","to":["urn:v","urn:w"]},
        {"type":"software_Package","spdxId":"urn:p","name":"p","software_packageVersion":"1","suppliedBy":"urn:a",
         "externalIdentifier":["_:i"],"verifiedUsing":["_:h",{"type":"Hash","algorithm":"sha1","hashValue":"AB"}],
         "software_primaryPurpose":"firmware","software_contentIdentifier":[{"type":"software_ContentIdentifier",
         "software_contentIdentifierType":"swhid","software_contentIdentifierValue":"swh:1:cnt:0"}]},
        {"@type":["software:Package"],"@id":"urn:q","name":"q","software:packageVersion":"2","suppliedBy":"urn:elsewhere"},
        {"type":"software_File","spdxId":"urn:f","name":"no component"},
        {"type":"ExternalIdentifier","@id":"_:i","externalIdentifierType":"packageUrl","identifier":"pkg:generic/p@1"},
        {"type":"Hash","@id":"_:h","algorithm":"sha256","hashValue":"00"},
        {"type":"Organization","spdxId":"urn:a","name":"Acme"},
        {"type":"simplelicensing_LicenseExpression","spdxId":"urn:l","simplelicensing_licenseExpression":"MIT OR ISC"},
        {"type":"security_Vulnerability","spdxId":"urn:v","externalIdentifier":[
         {"type":"ExternalIdentifier","externalIdentifierType":"cve","identifier":"CVE-2026-1"}]},
        {"type":"security_Vulnerability","spdxId":"urn:w","name":"CVE-2026-2"}
    ]"#;
    let (document, inventory) = read(format!("{CONTEXT}\"@graph\":{graph}}}").as_bytes()).unwrap();
    assert_eq!((document.format, document.version.as_deref()), (Format::Spdx3Json, Some("3.0.0")));
    assert_eq!(inventory.anomalies, []);
    let p = inventory.components.iter().find(|component| component.reference == "urn:p").unwrap();
    assert_eq!(
        (p.kind, p.supplier.as_deref(), p.purls.as_slice()),
        (Kind::Firmware, Some("Acme"), ["pkg:generic/p@1".to_owned()].as_slice())
    );
    let digest = |algorithm: &str, hex: &str| Digest { algorithm: algorithm.to_owned(), hex: hex.to_owned() };
    assert_eq!(p.digests, [digest("sha256", "00"), digest("sha1", "ab")]);
    assert_eq!(p.properties, [("swhid".to_owned(), "swh:1:cnt:0".to_owned())]);
    assert_eq!(p.licences, ["MIT OR ISC"]);
    let q = inventory.components.iter().find(|component| component.reference == "urn:q").unwrap();
    assert_eq!((q.name.as_str(), q.version.as_deref()), ("q", Some("2")));
    assert_eq!(inventory.components.len(), 2);
    assert_eq!(inventory.dependencies, [("urn:p".to_owned(), "urn:q".to_owned())]);
    let [first, second] = inventory.statements.as_slice() else { panic!("{:?}", inventory.statements) };
    assert_eq!(
        (first.vulnerability.as_slice(), first.status),
        (["CVE-2026-1".to_owned()].as_slice(), Status::NotAffected)
    );
    assert_eq!(first.justification, Some(Justification::CodeNotPresent));
    assert_eq!(first.subjects, [Subject::Reference("urn:p".to_owned())]);
    // The one on which nobody says more.
    assert_eq!((second.vulnerability[0].as_str(), second.status), ("CVE-2026-2", Status::UnderInvestigation));
}

#[test]
fn a_document_of_one_element_is_read() {
    let text =
        format!(r#"{CONTEXT}"type":"software_Package","spdxId":"urn:p","name":"p","software_packageVersion":"1"}}"#);
    let (_, inventory) = read(text.as_bytes()).unwrap();
    assert_eq!(inventory.components[0].name, "p");
}
