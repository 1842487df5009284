//! What OpenEmbedded's cve-check and vex classes write: per recipe its version and how each vulnerability stands.
//!
//! Not an SBOM by name, but one by content: each package is a component with a recipe, each issue a statement of the build.

use serde::Deserialize;

use super::shape::{Many, said};
use crate::component::{Component, Kind, Sink};
use crate::vex::{Statement, Status, Subject};

/// An entry of `package`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Package {
    name: Option<String>,
    version: Option<String>,
    layer: Option<String>,
    products: Option<Vec<Product>>,
    cpes: Option<Many<String>>,
    issue: Option<Vec<Issue>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Product {
    product: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Issue {
    id: Option<String>,
    status: Option<String>,
    detail: Option<String>,
    description: Option<String>,
}

pub(super) fn package(raw: Package, pointer: &str, sink: &mut dyn Sink) {
    let name = raw.name.unwrap_or_default();
    let mut properties = vec![("recipe".to_owned(), name.clone())];
    properties.extend(said(raw.layer).map(|layer| ("layer".to_owned(), layer)));
    let products = raw.products.into_iter().flatten().filter_map(|product| said(product.product));
    properties.extend(products.map(|product| ("product".to_owned(), product)));
    sink.component(Component {
        reference: pointer.to_owned(),
        kind: Kind::Source,
        name,
        version: said(raw.version),
        cpes: raw.cpes.unwrap_or_default().0,
        properties,
        ..Component::default()
    });
    for issue in raw.issue.into_iter().flatten() {
        let (Some(id), Some(status)) = (issue.id, issue.status.as_deref().and_then(status)) else { continue };
        let words = [issue.detail, issue.description].into_iter().filter_map(said).collect::<Vec<_>>().join(": ");
        sink.statement(Statement {
            vulnerability: vec![id],
            subjects: vec![Subject::Reference(pointer.to_owned())],
            within: Vec::new(),
            status,
            justification: None,
            impact: said(Some(words)),
            action: None,
            author: None,
            since: None,
            beyond: Vec::new(),
        });
    }
}

/// `Patched` covers versions out of the range too: either way the build says that this version does not have it.
fn status(word: &str) -> Option<Status> {
    Some(match word {
        "Patched" => Status::Fixed,
        "Unpatched" => Status::Affected,
        "Ignored" => Status::NotAffected,
        "Unknown" => Status::UnderInvestigation,
        _ => return None,
    })
}
