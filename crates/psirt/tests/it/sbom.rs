//! Readers of SBOMs beside the official suites and documents found in the wild. Counts come from the documents by other means than the reader.

mod graph;
mod hostile;
mod real;
mod suite;
mod written;

use yagura_psirt::component::{Component, Inventory};
use yagura_psirt::sbom::{self, Document, SbomError};

/// Reads a document whole.
pub(crate) fn read(bytes: &[u8]) -> Result<(Document, Inventory), SbomError> {
    let mut inventory = Inventory::default();
    let document = sbom::read(bytes, &mut inventory)?;
    inventory.settle();
    Ok((document, inventory))
}

/// What identifies each component, whatever syntax it came in.
pub(crate) fn identities(components: &[Component]) -> Vec<String> {
    let mut all: Vec<String> = components
        .iter()
        .map(|component| {
            let Component { group, name, version, purls, cpes, swids, digests, sources, patches, .. } = component;
            format!("{group:?} {name} {version:?} {purls:?} {cpes:?} {swids:?} {digests:?} {sources:?} {patches:?}")
        })
        .collect();
    all.sort();
    all
}
