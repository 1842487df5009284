//! An inventory as CycloneDX 1.6 JSON.
//!
//! Not a place for a serial number: it would be another one at each writing. See [`super`].

use serde_json::{Value, json};

use super::{Header, Unsaid, Written, algorithm, dependencies, is_compound, is_listed, kind, object, unsaid, written};
use crate::component::{Component, Inventory, Kind};
use crate::vex::{Justification, Statement, Status, Subject};

/// Writes CycloneDX 1.6.
#[must_use]
pub fn cyclonedx(inventory: &Inventory, header: &Header) -> Written {
    let mut list = Vec::new();
    let (services, components): (Vec<_>, Vec<_>) =
        inventory.components.iter().partition(|component| component.kind == Kind::Service);
    let dependencies: Vec<Value> = dependencies(inventory, &mut list)
        .into_iter()
        .map(|(from, to)| json!({ "ref": from, "dependsOn": to }))
        .collect();
    let document = object([
        ("bomFormat", json!("CycloneDX")),
        ("specVersion", json!("1.6")),
        ("version", json!(1)),
        (
            "metadata",
            json!({
                "timestamp": header.created.text(),
                "tools": { "components": [{ "type": "application", "name": header.tool }] },
                "properties": [{ "name": "name", "value": header.name }, { "name": "namespace", "value": header.namespace }],
            }),
        ),
        ("components", components.into_iter().map(|each| component(each, &mut list)).collect()),
        ("services", services.into_iter().map(|each| service(each, &mut list)).collect()),
        ("dependencies", dependencies.into()),
        ("vulnerabilities", inventory.statements.iter().filter_map(|each| vulnerability(each, &mut list)).collect()),
    ]);
    written(&document, list)
}

fn component(component: &Component, list: &mut Vec<Unsaid>) -> Value {
    let of = component.reference.as_str();
    let word = kind(component.kind).0.unwrap_or_else(|| {
        unsaid(list, of, format!("the kind {:?}, written as library", component.kind));
        "library"
    });
    // The first of each is the component's own; the others are evidence of the same.
    let further = |field: &str, values: &[String]| -> Vec<Value> {
        values.iter().skip(1).map(|value| json!({ "field": field, "concludedValue": value })).collect()
    };
    let evidence =
        [further("purl", &component.purls), further("cpe", &component.cpes), further("swid", &component.swids)]
            .concat();
    object([
        ("type", json!(word)),
        ("bom-ref", json!(of)),
        ("supplier", component.supplier.as_ref().map_or(Value::Null, |name| json!({ "name": name }))),
        ("group", json!(component.group)),
        ("name", json!(component.name)),
        ("version", json!(component.version)),
        ("hashes", hashes(component, list)),
        ("licenses", licences(component, list)),
        ("cpe", json!(component.cpes.first())),
        ("purl", json!(component.purls.first())),
        ("swid", component.swids.first().map_or(Value::Null, |tag| json!({ "tagId": tag, "name": component.name }))),
        ("pedigree", object([("patches", patches(component, list))])),
        ("externalReferences", sources(component, list)),
        ("evidence", object([("identity", evidence.into())])),
        ("properties", properties(component)),
    ])
}

fn service(component: &Component, list: &mut Vec<Unsaid>) -> Value {
    let identities = [&component.purls, &component.cpes, &component.swids];
    if identities.iter().any(|identities| !identities.is_empty()) || !component.digests.is_empty() {
        unsaid(list, &component.reference, "identifiers and digests of a service");
    }
    object([
        ("bom-ref", json!(component.reference)),
        ("provider", component.supplier.as_ref().map_or(Value::Null, |name| json!({ "name": name }))),
        ("group", json!(component.group)),
        ("name", json!(component.name)),
        ("version", json!(component.version)),
        ("licenses", licences(component, list)),
        ("externalReferences", sources(component, list)),
        ("properties", properties(component)),
    ])
}

fn sources(component: &Component, list: &mut Vec<Unsaid>) -> Value {
    let references = component.sources.iter().map(|source| {
        let url = iri(source);
        if url != *source {
            unsaid(list, &component.reference, format!("the source '{source}', which is no URL, written as '{url}'"));
        }
        json!({ "type": "vcs", "url": url })
    });
    references.collect()
}

/// Text with what no IRI may hold written in percent signs.
fn iri(text: &str) -> String {
    let mut iri = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() || " <>\"{}|\\^`".contains(letter) {
            letter.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| iri.push_str(&format!("%{byte:02X}")));
        } else {
            iri.push(letter);
        }
    }
    iri
}

fn properties(component: &Component) -> Value {
    component.properties.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

fn hashes(component: &Component, list: &mut Vec<Unsaid>) -> Value {
    let digests = component.digests.iter().filter_map(|digest| {
        let name = algorithm(&digest.algorithm);
        if name.is_none() {
            unsaid(list, &component.reference, format!("a digest by {}", digest.algorithm));
        }
        Some(json!({ "alg": name?.0, "content": digest.hex }))
    });
    digests.collect()
}

fn licences(component: &Component, list: &mut Vec<Unsaid>) -> Value {
    if let [only] = component.licences.as_slice()
        && is_compound(only)
    {
        return json!([{ "expression": only }]);
    }
    if component.licences.iter().any(|licence| is_compound(licence)) {
        unsaid(list, &component.reference, "an expression beside other licences, written as a licence's name");
    }
    let named = |licence: &String| if is_listed(licence) { "id" } else { "name" };
    component.licences.iter().map(|licence| json!({ "license": { named(licence): licence } })).collect()
}

fn patches(component: &Component, list: &mut Vec<Unsaid>) -> Value {
    let patches = component.patches.iter().map(|patch| {
        let known = ["backport", "cherry-pick", "unofficial", "monkey"].contains(&patch.kind.as_str());
        if !known {
            unsaid(list, &component.reference, format!("the kind of patch '{}', written as unofficial", patch.kind));
        }
        let resolves = patch.resolves.iter().map(|id| json!({ "type": "security", "id": id })).collect();
        object([("type", json!(if known { &patch.kind } else { "unofficial" })), ("resolves", resolves)])
    });
    patches.collect()
}

fn vulnerability(statement: &Statement, list: &mut Vec<Unsaid>) -> Option<Value> {
    let name = statement.vulnerability.first()?;
    let affects = statement.subjects.iter().filter_map(|subject| match subject {
        Subject::Reference(reference) => Some(json!({ "ref": reference })),
        Subject::Name(name) if name.starts_with("urn:cdx:") => Some(json!({ "ref": name })),
        Subject::Purl(other) | Subject::Cpe(other) | Subject::Name(other) => {
            unsaid(list, name, format!("a statement on '{other}', which is not of this document"));
            None
        }
    });
    let affects: Value = affects.collect();
    if !statement.within.is_empty() {
        unsaid(list, name, "the limitation to a subcomponent");
    }
    if statement.author.is_some() {
        unsaid(list, name, "who made the statement");
    }
    let others = statement.vulnerability.iter().skip(1);
    Some(object([
        ("id", json!(name)),
        ("references", others.map(|id| json!({ "id": id, "source": { "name": "alias" } })).collect()),
        ("recommendation", json!(statement.action)),
        (
            "analysis",
            object([
                ("state", json!(state(statement.status))),
                ("justification", json!(statement.justification.and_then(|why| justification(why, name, list)))),
                ("detail", json!(statement.impact)),
                ("lastUpdated", json!(statement.since.map(crate::Instant::text))),
            ]),
        ),
        ("affects", affects),
    ]))
}

fn state(status: Status) -> &'static str {
    match status {
        Status::Affected => "exploitable",
        Status::NotAffected => "not_affected",
        Status::Fixed => "resolved",
        Status::UnderInvestigation => "in_triage",
    }
}

fn justification(why: Justification, name: &str, list: &mut Vec<Unsaid>) -> Option<&'static str> {
    Some(match why {
        Justification::ComponentNotPresent => "requires_dependency",
        Justification::CodeNotPresent => "code_not_present",
        Justification::CodeNotInExecutePath => "code_not_reachable",
        Justification::CodeNotControllable => {
            unsaid(list, name, "that an adversary cannot control the code, written as requires_environment");
            "requires_environment"
        }
        Justification::Mitigated => "protected_by_mitigating_control",
    })
}
