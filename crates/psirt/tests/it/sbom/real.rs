//! Documents that tools and projects wrote: each is read, and has the components that another way of counting finds.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use yagura_psirt::component::{Inventory, Kind};
use yagura_psirt::sbom::{Format, SbomError};

use super::read;
use crate::data;

/// Components of a JSON document, counted in its tree.
fn in_tree(document: &Value) -> usize {
    fn nested(component: &Value) -> usize {
        1 + list(&component["components"]) + list(&component["services"])
    }
    fn list(components: &Value) -> usize {
        components.as_array().map_or(0, |components| components.iter().map(nested).sum())
    }
    let root = document.pointer("/metadata/component").map_or(0, nested);
    let graph = document["@graph"].as_array().into_iter().flatten();
    let packages = graph.filter(|element| {
        let class = element["type"].as_str().unwrap();
        let identified = ["externalIdentifier", "software_contentIdentifier", "software_packageUrl"];
        class.ends_with("Package")
            || ((class == "software_File" || class == "software_Snippet")
                && identified.iter().any(|key| !element[key].is_null()))
    });
    root + list(&document["components"])
        + list(&document["services"])
        + document["packages"].as_array().map_or(0, Vec::len)
        + packages.count()
}

/// Components of a text document, counted by what begins each.
fn in_text(text: &str) -> usize {
    if text.contains("SPDXVersion") {
        return text.split(['\n', '\r']).filter(|line| line.starts_with("PackageName:")).count();
    }
    let (mut count, mut pedigree) = (0, 0);
    for tag in text.split('<').skip(1) {
        let name = tag
            .split(|letter: char| letter == '>' || letter == '/' && !tag.starts_with('/') || letter.is_whitespace())
            .next();
        match name.unwrap() {
            "pedigree" => pedigree += 1,
            "/pedigree" => pedigree -= 1,
            "component" | "service" if pedigree == 0 => count += 1,
            _ => {}
        }
    }
    count
}

fn check(archive: &str, documents_expected: usize, components_expected: usize, not_sboms: &[&str]) {
    let Some(files) = data::archive(archive) else { return };
    let (mut documents, mut components) = (0, 0);
    for (name, content) in files {
        if name.ends_with(".csv")
            || name.ends_with("LICENSE")
            || name.ends_with("SOURCE.txt")
            || name.ends_with(".tar.zst")
        {
            continue;
        }
        if not_sboms.iter().any(|other| name.ends_with(other)) {
            assert!(matches!(read(&content), Err(SbomError::Unknown { .. })), "{name}");
            continue;
        }
        let (document, inventory) = read(&content).unwrap_or_else(|error| panic!("{name}: {error}"));
        // This one was published cut off in the middle of a licence.
        assert!(document.complete != name.ends_with("istio-source.spdx"), "{name}: {:?}", inventory.anomalies);
        let content = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&content);
        // One has more after its end.
        let expected = match serde_json::Deserializer::from_slice(content).into_iter::<Value>().next() {
            Some(Ok(tree)) => in_tree(&tree),
            _ => in_text(&String::from_utf8_lossy(content)),
        };
        assert_eq!(inventory.components.len(), expected, "{name}: {:?}", inventory.anomalies);
        for anomaly in &inventory.anomalies {
            let known = ["more than once", "without a name", "does not end", "more follows"];
            assert!(known.iter().any(|known| anomaly.what.contains(known)), "{name}: {anomaly:?}");
        }
        documents += 1;
        components += expected;
    }
    assert_eq!((documents, components), (documents_expected, components_expected), "{archive}");
}

#[test]
fn the_official_examples_of_cyclonedx_are_read_whole() {
    check("cyclonedx-examples/examples.tar.zst", 71, 10_143, &[]);
}

#[test]
fn the_official_examples_of_spdx_are_read_whole() {
    check("spdx-examples/spdx-examples.tar.zst", 56, 140, &["pom-with-spdx-plugin.xml"]);
}

#[test]
fn documents_found_in_the_wild_are_read_whole() {
    let not_sboms = ["bashrc2-sbom-cdx.json", "scanoss-sbom-cdx.json", "maubot-spdx.json"];
    check("sbom-bom-shelter/in-the-wild.tar.zst", 54, 16_970, &not_sboms);
}

#[test]
fn what_yocto_writes_is_read_in_all_its_forms() {
    check("sbom-yocto/sbom-yocto.tar.zst", 2, 239, &[]);
    let Some(files) = data::archive("sbom-yocto/sbom-yocto.tar.zst") else { return };
    let file = |end: &str| &files.iter().find(|(name, _)| name.ends_with(end)).unwrap().1;

    let (document, spdx3) = read(file("rootfs.spdx.json")).unwrap();
    assert_eq!((document.format, document.version.as_deref()), (Format::Spdx3Json, Some("3.0.1")));
    let (_, cyclonedx) = read(file("bom.json")).unwrap();
    let (document, spdx2) = read(file("rootfs.spdx.tar.zst")).unwrap();
    assert_eq!((document.format, document.complete), (Format::Archive, true));
    assert_eq!(spdx2.anomalies, []);

    // The SPDX 3 document is of another image and release than the other two: its statements are those of the document.
    assert_eq!(spdx3.statements.len(), 72);
    assert!(
        spdx3
            .components
            .iter()
            .any(|component| component.properties.contains(&("recipe".to_owned(), "busybox".to_owned())))
    );

    // CycloneDX and SPDX 2.2 are of one release, built for two images: what both have, by the product of its CPE, is of one version.
    let products = |inventory: &Inventory| -> BTreeMap<String, BTreeSet<String>> {
        let mut products: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for cpe in inventory.components.iter().flat_map(|component| &component.cpes) {
            let parts: Vec<&str> = cpe.split(':').collect();
            products.entry(parts[4].to_owned()).or_default().insert(parts[5].to_owned());
        }
        products
    };
    let (in_spdx, in_cyclonedx) = (products(&spdx2), products(&cyclonedx));
    let both: Vec<&String> = in_spdx.keys().filter(|product| in_cyclonedx.contains_key(*product)).collect();
    assert!(both.len() >= 40, "{}", both.len());
    for product in both {
        assert_eq!(in_spdx[product], in_cyclonedx[product], "{product}");
    }
    assert!(spdx2.components.iter().any(|component| component.kind == Kind::Source && !component.patches.is_empty()));
    // Every reference between documents leads somewhere.
    let known: BTreeSet<&str> = spdx2.components.iter().map(|component| component.reference.as_str()).collect();
    let recipes = spdx2
        .dependencies
        .iter()
        .filter(|(from, to)| from.contains("SPDXRef-Package-") && to.contains("SPDXRef-Recipe-"));
    assert!(recipes.clone().count() > 0);
    assert!(recipes.clone().all(|(from, to)| known.contains(from.as_str()) && known.contains(to.as_str())));
}
