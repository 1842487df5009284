//! Syft's own JSON, and the dependency snapshots that GitHub's API takes: what tools say before they say it in a standard.
//!
//! Not all that syft knows: locations and metadata matter to it, the identity to us.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::shape::said;
use crate::component::{Component, Kind, Sink};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Artifact {
    id: Option<String>,
    name: Option<String>,
    version: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    purl: Option<String>,
    cpes: Option<Vec<Cpe>>,
    licenses: Option<Vec<Licence>>,
    metadata: Option<Metadata>,
}

/// Text up to schema 10, an object after it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Cpe {
    Text(String),
    Object { cpe: String },
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Licence {
    Text(String),
    Object {
        value: Option<String>,
        #[serde(rename = "spdxExpression")]
        expression: Option<String>,
    },
}

/// What a distribution's package was built from.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    source: Option<serde_json::Value>,
    #[serde(rename = "sourceVersion")]
    source_version: Option<String>,
    #[serde(rename = "sourceRpm")]
    source_rpm: Option<String>,
    #[serde(rename = "originPackage")]
    origin_package: Option<String>,
    #[serde(rename = "gitCommitOfApkPort")]
    commit: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Relationship {
    parent: String,
    child: String,
    #[serde(rename = "type")]
    kind: String,
}

pub(super) fn artifact(raw: Artifact, pointer: &str, sink: &mut dyn Sink) {
    let mut component = Component {
        reference: raw.id.unwrap_or_else(|| pointer.to_owned()),
        kind: if raw.kind.as_deref() == Some("linux-kernel") { Kind::OperatingSystem } else { Kind::Library },
        name: raw.name.unwrap_or_default(),
        version: said(raw.version),
        purls: said(raw.purl).into_iter().collect(),
        ..Component::default()
    };
    for cpe in raw.cpes.into_iter().flatten() {
        let (Cpe::Text(cpe) | Cpe::Object { cpe }) = cpe;
        component.cpes.push(cpe);
    }
    for licence in raw.licenses.into_iter().flatten() {
        component.licences.extend(match licence {
            Licence::Text(text) => said(Some(text)),
            Licence::Object { value, expression } => said(expression).or_else(|| said(value)),
        });
    }
    let metadata = raw.metadata.unwrap_or_default();
    let source = metadata.source.as_ref().and_then(serde_json::Value::as_str).map(str::to_owned);
    let facts = [
        ("syft:package:type", raw.kind),
        ("syft:metadata:source", source),
        ("syft:metadata:sourceVersion", metadata.source_version),
        ("syft:metadata:sourceRpm", metadata.source_rpm),
        ("syft:metadata:originPackage", metadata.origin_package),
        ("syft:metadata:gitCommitOfApkPort", metadata.commit),
    ];
    for (name, value) in facts {
        component.properties.extend(said(value).map(|value| (name.to_owned(), value)));
    }
    sink.component(component);
}

pub(super) fn relationship(relationship: &Relationship, sink: &mut dyn Sink) {
    match relationship.kind.as_str() {
        // The child is what needs the parent.
        "dependency-of" => sink.dependency(&relationship.child, &relationship.parent),
        "contains" | "ownership-by-file-overlap" => sink.dependency(&relationship.parent, &relationship.child),
        _ => {}
    }
}

/// A manifest of a GitHub dependency snapshot.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Manifest {
    resolved: Option<BTreeMap<String, Resolved>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resolved {
    package_url: Option<String>,
    dependencies: Option<Vec<String>>,
}

/// Hands on the packages of a manifest; GitHub gives a package URL and nothing else.
pub(super) fn manifest(name: &str, manifest: Manifest, sink: &mut dyn Sink) {
    for (key, resolved) in manifest.resolved.into_iter().flatten() {
        let reference = format!("{name}#{key}");
        for to in resolved.dependencies.into_iter().flatten() {
            sink.dependency(&reference, &format!("{name}#{to}"));
        }
        let purl = resolved.package_url.unwrap_or_default();
        let path = purl.split(['?', '#']).next().unwrap_or_default();
        let (path, version) = path.rsplit_once('@').map_or((path, None), |(path, version)| (path, Some(version)));
        sink.component(Component {
            reference,
            name: path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(&key).to_owned(),
            version: version.map(str::to_owned),
            purls: said(Some(purl)).into_iter().collect(),
            ..Component::default()
        });
    }
}
