//! What changed between two SBOMs of a product.
//!
//! Not a text comparison: components are paired by identity without version, then by name; order does not matter. Cost: two hash tables.

use std::collections::HashMap;

use crate::component::{Component, Inventory};

/// The changes, each list in the order of its document.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Diff<'a> {
    /// Only in the later document.
    pub added: Vec<&'a Component>,
    /// Only in the earlier one.
    pub removed: Vec<&'a Component>,
    /// The same thing in another version, as (earlier, later).
    pub version_changed: Vec<(&'a Component, &'a Component)>,
    /// The same name and version under other identities: other purls, CPEs, SWIDs or digests.
    pub identity_changed: Vec<(&'a Component, &'a Component)>,
}

/// Compares `earlier` with `later`.
#[must_use]
pub fn diff<'a>(earlier: &'a Inventory, later: &'a Inventory) -> Diff<'a> {
    let mut left: Vec<Option<&Component>> = earlier.components.iter().map(Some).collect();
    let mut right: Vec<Option<&Component>> = later.components.iter().map(Some).collect();
    let mut pairs = Vec::new();
    // From the surest likeness to the weakest; what is paired is out of the game.
    pair(&mut left, &mut right, &mut pairs, |component| Some((identity(component)?, component.version.clone())));
    pair(&mut left, &mut right, &mut pairs, |component| Some((name(component), component.version.clone())));
    pair(&mut left, &mut right, &mut pairs, |component| Some((identity(component)?, None)));
    pair(&mut left, &mut right, &mut pairs, |component| Some((name(component), None)));
    pairs.sort_by_key(|(at, _, _)| *at);
    let mut diff = Diff {
        added: right.into_iter().flatten().collect(),
        removed: left.into_iter().flatten().collect(),
        ..Diff::default()
    };
    for (_, earlier, later) in pairs {
        if earlier.version != later.version {
            diff.version_changed.push((earlier, later));
        } else if identities(earlier) != identities(later) {
            diff.identity_changed.push((earlier, later));
        }
    }
    diff
}

type Key = (String, Option<String>);

fn pair<'a>(
    left: &mut [Option<&'a Component>],
    right: &mut [Option<&'a Component>],
    pairs: &mut Vec<(usize, &'a Component, &'a Component)>,
    key: impl Fn(&Component) -> Option<Key>,
) {
    let mut waiting: HashMap<Key, Vec<usize>> = HashMap::new();
    for (index, component) in right.iter().enumerate().rev() {
        if let Some(key) = component.and_then(&key) {
            waiting.entry(key).or_default().push(index);
        }
    }
    for (at, slot) in left.iter_mut().enumerate() {
        let Some(earlier) = *slot else { continue };
        let partner = key(earlier).and_then(|key| waiting.get_mut(&key)?.pop());
        if let Some(later) = partner.and_then(|index| right.get_mut(index)?.take()) {
            pairs.push((at, earlier, later));
            *slot = None;
        }
    }
}

/// The first package URL without its version and what follows, else the first CPE up to its product.
fn identity(component: &Component) -> Option<String> {
    if let Some(purl) = component.purls.first() {
        let path = purl.split(['?', '#']).next().unwrap_or_default();
        let name_at = path.rfind('/').unwrap_or_default();
        let version_at = path.rfind('@').filter(|at| *at > name_at).unwrap_or(path.len());
        return path.get(..version_at).map(str::to_owned);
    }
    let cpe = component.cpes.first()?;
    let product_fields = if cpe.starts_with("cpe:2.3:") { 5 } else { 4 };
    Some(cpe.split(':').take(product_fields).collect::<Vec<_>>().join(":"))
}

fn name(component: &Component) -> String {
    format!("{:?}/{}/{}", component.kind, component.group.as_deref().unwrap_or_default(), component.name)
}

fn identities(component: &Component) -> [Vec<String>; 4] {
    let digests = component.digests.iter().map(|digest| format!("{}:{}", digest.algorithm, digest.hex)).collect();
    let mut all = [component.purls.clone(), component.cpes.clone(), component.swids.clone(), digests];
    all.iter_mut().for_each(|list| list.sort());
    all
}
