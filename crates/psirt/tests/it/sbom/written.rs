//! What is read can be written in three formats and read again; what a format cannot say is listed, and two documents can be compared.

use yagura_psirt::Instant;
use yagura_psirt::component::{Component, Inventory};
use yagura_psirt::sbom::{self, Header};
use yagura_psirt::vex::Status;

use super::read;
use crate::data;

fn header() -> Header {
    Header {
        name: "test".to_owned(),
        namespace: "https://example.org/test".to_owned(),
        created: Instant::parse("2026-11-23").unwrap(),
        tool: "yagura".to_owned(),
    }
}

/// What each format can say of each component.
fn sayable(inventory: &Inventory) -> Vec<String> {
    let mut all: Vec<String> = inventory
        .components
        .iter()
        .map(|component| {
            let Component { name, version, purls, cpes, swids, supplier, .. } = component;
            let digests = component.digests.iter().filter(|digest| digest.algorithm.starts_with("sha"));
            let digests: Vec<&str> = digests.map(|digest| digest.hex.as_str()).collect();
            // What no URL may hold is written with percent signs.
            let source = component.sources.first().filter(|url| !url.contains(['{', ' ', '%']));
            format!("{name} {version:?} {purls:?} {cpes:?} {swids:?} {supplier:?} {digests:?} {source:?}")
        })
        .collect();
    all.sort();
    all
}

fn statements(inventory: &Inventory) -> Vec<(String, Status)> {
    let mut all: Vec<_> =
        inventory.statements.iter().map(|each| (each.vulnerability[0].clone(), each.status)).collect();
    all.sort_by_key(|(name, status)| format!("{name} {status:?}"));
    all
}

#[test]
fn documents_survive_the_way_through_each_format() {
    let archives =
        ["cyclonedx-examples/examples.tar.zst", "spdx-examples/spdx-examples.tar.zst", "sbom-yocto/sbom-yocto.tar.zst"];
    let mut invalid = Vec::new();
    for (name, content) in archives.into_iter().filter_map(data::archive).flatten() {
        let Ok((_, inventory)) = read(&content) else { continue };
        let header = header();
        let cyclonedx = sbom::write_cyclonedx(&inventory, &header);
        assert_eq!(cyclonedx, sbom::write_cyclonedx(&inventory, &header), "{name}");
        for finding in sbom::validate(cyclonedx.text.as_bytes()).unwrap().into_iter().take(1) {
            invalid.push(format!("{name}: {finding:?}"));
        }
        for (format, written) in [
            ("cyclonedx", cyclonedx),
            ("spdx2", sbom::write_spdx2(&inventory, &header)),
            ("spdx3", sbom::write_spdx3(&inventory, &header)),
        ] {
            let (document, again) = read(written.text.as_bytes()).unwrap();
            assert!(document.complete, "{name} {format}");
            assert_eq!(again.components.len(), inventory.components.len(), "{name} {format}");
            assert_eq!(sayable(&again), sayable(&inventory), "{name} {format}");
            let local = |inventory: &Inventory| -> usize {
                inventory.statements.iter().filter(|each| !each.subjects.is_empty()).count()
            };
            if format != "spdx2"
                && written.unsaid.iter().all(|unsaid| !unsaid.what.contains("not of this document"))
                && local(&inventory) == inventory.statements.len()
            {
                assert_eq!(statements(&again), statements(&inventory), "{name} {format}");
            }
        }
    }
    assert!(invalid.is_empty(), "{}\n{}", invalid.len(), invalid.join("\n"));
}

#[test]
fn a_diff_names_what_came_went_and_changed() {
    let inventory = |components: &[(&str, &str, &str)]| Inventory {
        components: components
            .iter()
            .enumerate()
            .map(|(index, (name, version, purl))| Component {
                reference: index.to_string(),
                name: (*name).to_owned(),
                version: Some((*version).to_owned()),
                purls: (!purl.is_empty()).then(|| (*purl).to_owned()).into_iter().collect(),
                ..Component::default()
            })
            .collect(),
        ..Inventory::default()
    };
    let earlier = inventory(&[
        ("same", "1", "pkg:npm/same@1"),
        ("gone", "1", ""),
        ("up", "1", "pkg:npm/%40x/up@1"),
        ("named", "1", ""),
        ("moved", "1", "pkg:npm/moved@1"),
        ("twice", "1", "pkg:npm/twice@1"),
        ("twice", "2", "pkg:npm/twice@2"),
    ]);
    let later = inventory(&[
        ("new", "1", ""),
        ("twice", "2", "pkg:npm/twice@2"),
        ("twice", "3", "pkg:npm/twice@3"),
        ("moved", "1", "pkg:npm/%40y/moved@1"),
        ("named", "2", ""),
        ("up", "2", "pkg:npm/%40x/up@2"),
        ("same", "1", "pkg:npm/same@1"),
    ]);
    let diff = sbom::diff(&earlier, &later);
    let names = |list: &[&Component]| list.iter().map(|each| each.name.clone()).collect::<Vec<_>>();
    assert_eq!((names(&diff.added), names(&diff.removed)), (vec!["new".to_owned()], vec!["gone".to_owned()]));
    let versions: Vec<_> = diff
        .version_changed
        .iter()
        .map(|(one, two)| (one.name.as_str(), one.version.as_deref().unwrap(), two.version.as_deref().unwrap()))
        .collect();
    assert_eq!(versions, [("up", "1", "2"), ("named", "1", "2"), ("twice", "1", "3")]);
    assert_eq!(diff.identity_changed.len(), 1);
}
