//! Words of components' names, by which a new segment finds the product versions that it may concern.
//!
//! Not an identity and no match: whoever shares a word with a new package is matched again, whole. A match can change only if an advisory
//! speaks of a package that the component leads to already, or whose name it carries somewhere (in its name, package URL, CPE, repository,
//! recipe or digest), cut at punctuation, whatever the way of the resolver (ADR-0040). Invariant: too many are asked, never too few.

use std::collections::{BTreeSet, HashSet};
use yagura_psirt::component::Component;
use yagura_psirt::index::{Segment, SegmentError};
use yagura_psirt::resolve::Resolved;

/// A word longer than this is cut, on both sides alike.
const WORD_CHARS_MAX: usize = 64;

/// Adds the words of a component and of the packages that it leads to.
pub(super) fn of_component(component: &Component, resolved: &Resolved, words: &mut BTreeSet<String>) {
    resolved.identities.iter().for_each(|identity| add(name(identity.key.as_str()), words));
    add(&component.name, words);
    let lists = [&component.purls, &component.cpes, &component.swids, &component.sources];
    lists.into_iter().flatten().for_each(|text| add(text, words));
    component.properties.iter().for_each(|(_, value)| add(value, words));
    component.digests.iter().for_each(|digest| add(&digest.hex, words));
}

/// The words by which holders are looked for of packages that new segments speak of, or that older ones spoke of in an advisory which a new
/// one says anew: one word of each package, the longest.
pub(super) fn of_news(old: &[&[u8]], new: &[&[u8]]) -> Result<BTreeSet<String>, SegmentError> {
    let (mut wanted, mut anew) = (BTreeSet::new(), HashSet::new());
    for bytes in new {
        let segment = Segment::open(bytes)?;
        for index in 0..segment.records() {
            anew.insert(segment.record(index)?.id);
        }
        for key in segment.keys() {
            wanted.extend(longest(key?));
        }
    }
    for bytes in old {
        let segment = Segment::open(bytes)?;
        for key in segment.keys() {
            let key = key?;
            for entry in segment.entries(key)? {
                if anew.contains(entry?.record()?.id) {
                    wanted.extend(longest(key));
                    break;
                }
            }
        }
    }
    Ok(wanted)
}

fn longest(key: &str) -> Option<String> {
    let mut all = BTreeSet::new();
    add(name(key), &mut all);
    all.into_iter().max_by_key(String::len)
}

/// The name in a package key: its last part, or the one before the major version of a Go module.
fn name(key: &str) -> &str {
    let is_major =
        |part: &&str| part.strip_prefix('v').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    key.rsplit('/').find(|part| !is_major(part)).unwrap_or(key)
}

fn add(text: &str, words: &mut BTreeSet<String>) {
    let decoded = decoded(text);
    let parts = decoded.split(|char: char| !char.is_alphanumeric()).filter(|part| !part.is_empty());
    words.extend(parts.map(|part| part.to_lowercase().chars().take(WORD_CHARS_MAX).collect()));
}

/// The text without percent-encoding.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let coded = behind.get(..2).filter(|_| *first == b'%').and_then(|pair| std::str::from_utf8(pair).ok());
        match coded.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_found_by_every_part_of_what_names_it() {
        let component = Component {
            name: "libssl3".to_owned(),
            purls: vec!["pkg:deb/debian/libssl3@3.0.2?upstream=openssl%403.0.2".to_owned()],
            cpes: vec!["cpe:2.3:a:*:Expat_XML:2.5:*:*:*:*:*:*:*".to_owned()],
            sources: vec!["https://example.org/madler/zlib.git".to_owned()],
            ..Component::default()
        };
        let mut words = BTreeSet::new();
        of_component(&component, &Resolved::default(), &mut words);
        for word in ["libssl3", "openssl", "expat", "xml", "zlib", "madler"] {
            assert!(words.contains(word), "{word} is not in {words:?}");
        }
    }
}
