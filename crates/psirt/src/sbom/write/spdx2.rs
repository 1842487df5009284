//! An inventory as SPDX 2.3 JSON.
//!
//! Not a home for VEX: SPDX 2 has no word for a status, so statements are listed as unsaid. See [`super`].

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::{Header, Unsaid, Written, algorithm, dependencies, kind, object, unsaid, written};
use crate::component::{Component, Inventory};

/// Writes SPDX 2.3.
#[must_use]
pub fn spdx2(inventory: &Inventory, header: &Header) -> Written {
    let mut list = Vec::new();
    let ids = identifiers(inventory);
    let id = |reference: &str| ids.get(reference).cloned().unwrap_or_default();
    let packages: Vec<Value> =
        inventory.components.iter().map(|component| package(component, &id(&component.reference), &mut list)).collect();
    let described = inventory
        .components
        .iter()
        .map(|component| ("SPDXRef-DOCUMENT".to_owned(), "DESCRIBES", id(&component.reference)));
    let depends = dependencies(inventory, &mut list);
    let depends = depends.iter().flat_map(|(from, to)| to.iter().map(|to| (id(from), "DEPENDS_ON", id(to))));
    let relationships: Vec<Value> = described
        .take(1)
        .chain(depends)
        .map(|(from, kind, to)| json!({ "spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to }))
        .collect();
    for statement in &inventory.statements {
        unsaid(&mut list, &statement.vulnerability.join(", "), "a statement on a vulnerability");
    }
    let document = object([
        ("spdxVersion", json!("SPDX-2.3")),
        ("dataLicense", json!("CC0-1.0")),
        ("SPDXID", json!("SPDXRef-DOCUMENT")),
        ("name", json!(header.name)),
        ("documentNamespace", json!(header.namespace)),
        ("creationInfo", json!({ "created": header.created.text(), "creators": [format!("Tool: {}", header.tool)] })),
        ("packages", packages.into()),
        ("relationships", relationships.into()),
    ]);
    written(&document, list)
}

/// A valid and unique `SPDXRef-` for each reference; those that are valid stay.
fn identifiers(inventory: &Inventory) -> HashMap<&str, String> {
    let is_valid = |reference: &str| {
        let rest = reference.strip_prefix("SPDXRef-").filter(|rest| !rest.is_empty() && *rest != "DOCUMENT");
        rest.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-'))
    };
    let references = || inventory.components.iter().map(|component| component.reference.as_str());
    let mut taken: HashSet<String> = references().filter(|reference| is_valid(reference)).map(str::to_owned).collect();
    let mut ids = HashMap::new();
    for (index, component) in inventory.components.iter().enumerate() {
        let reference = component.reference.as_str();
        if is_valid(reference) {
            ids.insert(reference, reference.to_owned());
            continue;
        }
        let name: String =
            component.name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
        let mut id = format!("SPDXRef-{name}-{index}");
        while !taken.insert(id.clone()) {
            id.push_str("-x");
        }
        ids.entry(reference).or_insert(id);
    }
    ids
}

fn package(component: &Component, id: &str, list: &mut Vec<Unsaid>) -> Value {
    let of = component.reference.as_str();
    let purpose = kind(component.kind).1;
    if purpose.is_none() {
        unsaid(list, of, format!("the kind {:?}", component.kind));
    }
    if component.group.is_some() {
        unsaid(list, of, "the group");
    }
    if component.sources.len() > 1 {
        unsaid(list, of, "further places of its source");
    }
    let checksums = component.digests.iter().filter_map(|digest| {
        let name = algorithm(&digest.algorithm).and_then(|names| names.1);
        if name.is_none() {
            unsaid(list, of, format!("a digest by {}", digest.algorithm));
        }
        Some(json!({ "algorithm": name?, "checksumValue": digest.hex }))
    });
    let checksums: Value = checksums.collect();
    let text = |value: Option<&String>| json!(value.map_or("NOASSERTION", String::as_str));
    if component.licences.len() > 2 {
        unsaid(list, of, "licences after the second");
    }
    object([
        ("SPDXID", json!(id)),
        ("name", json!(component.name)),
        ("versionInfo", json!(component.version)),
        ("supplier", component.supplier.as_ref().map_or(Value::Null, |name| json!(format!("Organization: {name}")))),
        ("downloadLocation", text(component.sources.first())),
        ("filesAnalyzed", json!(false)),
        ("checksums", checksums),
        ("sourceInfo", source_info(component, list)),
        ("licenseDeclared", text(component.licences.first())),
        ("licenseConcluded", text(component.licences.get(1).or(component.licences.first()))),
        ("copyrightText", json!("NOASSERTION")),
        ("primaryPackagePurpose", json!(purpose)),
        ("externalRefs", external(component)),
    ])
}

fn source_info(component: &Component, list: &mut Vec<Unsaid>) -> Value {
    let kept = |name: &str| matches!(name, "sourceInfo" | "swhid" | "gitoid");
    for (name, _) in component.properties.iter().filter(|(name, _)| !kept(name)) {
        unsaid(list, &component.reference, format!("the property '{name}'"));
    }
    let said = component.properties.iter().find(|(name, _)| name == "sourceInfo").map(|(_, value)| value.clone());
    match (component.patches.as_slice(), said) {
        ([], said) => json!(said),
        // As OpenEmbedded writes it.
        ([patch], None) if patch.kind == "backport" => json!(format!("CVEs fixed: {}", patch.resolves.join(" "))),
        (_, said) => {
            unsaid(list, &component.reference, "its patches");
            json!(said)
        }
    }
}

fn external(component: &Component) -> Value {
    let cpe = |cpe: &String| if cpe.starts_with("cpe:2.3:") { "cpe23Type" } else { "cpe22Type" };
    let purls = component.purls.iter().map(|purl| ("PACKAGE-MANAGER", "purl", purl));
    let cpes = component.cpes.iter().map(|name| ("SECURITY", cpe(name), name));
    let swids = component.swids.iter().map(|tag| ("SECURITY", "swid", tag));
    let persistent = component.properties.iter().filter_map(|(name, value)| match name.as_str() {
        "swhid" => Some(("PERSISTENT-ID", "swh", value)),
        "gitoid" => Some(("PERSISTENT-ID", "gitoid", value)),
        _ => None,
    });
    let all = purls.chain(cpes).chain(swids).chain(persistent);
    all.map(|(category, kind, locator)| {
        json!({ "referenceCategory": category, "referenceType": kind, "referenceLocator": locator })
    })
    .collect()
}
