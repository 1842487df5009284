//! What a piece of software is called: package URLs, CPE names, repositories, digests, and the one key that they lead to.
//!
//! Not a resolver: it reads what is written and normalises it; which of several names is right is judged in [`crate::resolve`]. Invariants:
//! reading a canonical text gives the same text again; two spellings that an ecosystem holds for the same package have the same
//! [`PackageKey`]. Cost: one allocation per part of a name (ADR-0040).

mod cpe;
mod cpe_match;
mod ecosystem;
mod key;
mod purl;
mod purl_types;
mod release;
mod repository;
#[cfg(test)]
mod tests;

pub use cpe::{Cpe, CpeError, Value};
pub use cpe_match::Relation;
pub use ecosystem::from_ecosystem;
pub use key::{KERNEL, Keyed, PackageKey};
pub(crate) use key::{cpe_word, kind_of};
pub use purl::{Parts, Purl, PurlError};
pub use release::{distribution, release};
pub use repository::repository;
pub(crate) use repository::{commit, is_commit, tag_version};

/// One line of `yagura purl`: the canonical form of a package URL.
///
/// # Errors
/// Why it is none, in a sentence.
pub fn canonical_purl(line: &str) -> Result<String, PurlError> {
    Purl::normalise(line.trim()).map(|purl| purl.to_string())
}
