//! The official CycloneDX documents: 657 valid ones, 311 invalid ones, and the same content in three syntaxes.

use std::collections::BTreeMap;

use yagura_psirt::sbom;

use super::{identities, read};
use crate::data;

/// Documents of which the suite has another content in each syntax.
const DIFFERENT: [&str; 11] = [
    "valid-bom-1",
    "valid-component-external-with-version",
    "valid-component-ref-1",
    "valid-compositions-1",
    "valid-cryptography-implementation-1.7",
    "valid-dependency-1",
    "valid-license-choice-1.7",
    "valid-license-expression-1",
    "valid-license-id-1",
    "valid-license-name-1",
    "valid-saasbom-1.5",
];

/// (name, content) of the suite's documents. Left out: `ext`, which are not BOMs of this specification but of extensions.
fn documents() -> Option<Vec<(String, Vec<u8>)>> {
    let folder = data::path("cyclonedx-spec/tools/src/test/resources")?;
    let mut documents = Vec::new();
    for version in 0..=7 {
        for entry in std::fs::read_dir(folder.join(format!("1.{version}"))).unwrap() {
            let path = entry.unwrap().path();
            documents.push((path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap()));
        }
    }
    documents.sort();
    Some(documents)
}

#[test]
fn valid_documents_are_accepted_and_invalid_ones_refused_with_a_place() {
    let Some(documents) = documents() else { return };
    let (mut accepted, mut refused, mut wrong) = (0, 0, Vec::new());
    for (name, content) in &documents {
        let found = sbom::validate(content).unwrap();
        let is_valid = name.starts_with("valid");
        match (is_valid, found.is_empty()) {
            (true, true) => accepted += 1,
            (false, false) if name.starts_with("invalid") => {
                assert!(
                    found.iter().all(|finding| !finding.place.is_empty() || !finding.what.is_empty()),
                    "{name}: {found:?}"
                );
                refused += 1;
            }
            // What the schemas cannot say: documents that the suite calls "skip" or "informal".
            _ if name.starts_with("skip") || name.starts_with("informal") => {}
            _ => wrong.push((name, found)),
        }
    }
    assert!(wrong.is_empty(), "accepted {accepted}, refused {refused}, wrong {}: {wrong:#?}", wrong.len());
    assert_eq!((accepted, refused), (657, 311));
}

#[test]
fn every_document_of_the_suite_is_read() {
    let Some(documents) = documents() else { return };
    for (name, content) in &documents {
        let (document, inventory) = read(content).unwrap();
        // Two targets of a citation: protobuf's text form cannot be read past that.
        assert!(document.complete || name == "invalid-citations-1.7.textproto", "{name}: {:?}", inventory.anomalies);
        if name.starts_with("valid") {
            assert!(
                inventory.anomalies.iter().all(|anomaly| anomaly.what.contains("more than once")),
                "{name}: {:?}",
                inventory.anomalies
            );
            // Some claim another version than the one in whose folder they are; one claims none.
            assert!(document.version.is_some() || name == "valid-patent-1.7.textproto", "{name}");
        }
    }
}

#[test]
fn the_same_document_in_json_xml_and_protobuf_gives_the_same_components() {
    let Some(documents) = documents() else { return };
    let mut by_stem: BTreeMap<&str, Vec<(&str, &[u8])>> = BTreeMap::new();
    for (name, content) in documents.iter().filter(|(name, _)| name.starts_with("valid")) {
        let (stem, syntax) = name.rsplit_once('.').unwrap();
        by_stem.entry(stem).or_default().push((syntax, content));
    }
    let mut different = Vec::new();
    for (stem, versions) in by_stem {
        let read = |content: &[u8]| {
            let inventory = read(content).unwrap().1;
            let mut dependencies = inventory.dependencies;
            dependencies.sort();
            let statements: Vec<String> = inventory
                .statements
                .iter()
                .map(|each| {
                    format!("{:?} {:?} {:?} {:?}", each.vulnerability, each.subjects, each.status, each.justification)
                })
                .collect();
            (identities(&inventory.components), dependencies.len(), statements)
        };
        for other in versions.iter().skip(1) {
            let (one, two) = (read(versions[0].1), read(other.1));
            if one != two {
                different.push((stem, format!("{stem}: {} {one:#?}\n{} {two:#?}", versions[0].0, other.0)));
            }
        }
    }
    // There the suite's own documents differ: other purls, names or versions are written in the one than in the other.
    different.retain(|(stem, _)| !DIFFERENT.iter().any(|prefix| stem.starts_with(prefix)));
    let text: Vec<&str> = different.iter().map(|(_, text)| text.as_str()).collect();
    assert!(different.is_empty(), "{}\n{}", different.len(), text.join("\n"));
}
