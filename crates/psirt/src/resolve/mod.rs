//! A component → the package keys that it may be known by, each with how sure that is and why.
//!
//! Not a matcher of versions. The chain goes from what is said to what is guessed: package URL, CPE, digest, commit; then what stands behind
//! them (a distribution's source package, a recipe, the mapping data); then vendor and product; then a name, if evidence beside the name
//! speaks for it. A name alone is never enough where several vendors have it. A component that leads nowhere has its trials listed.
//! Cost: a few look-ups per component (ADR-0040).

mod chain;
mod product;
mod recipe;
mod source;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::component::Component;
use crate::identity::{Cpe, PackageKey};
use crate::index::{Database, SegmentError};

/// By which way a key was found.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Method {
    /// The component's package URL.
    Purl,
    /// The component's CPE name.
    Cpe,
    /// A digest of its content.
    Digest,
    /// Its SWID tag.
    Swid,
    /// The commit or repository of its source.
    Repository,
    /// The distribution's source package that it is built from.
    SourcePackage,
    /// The recipe that built it.
    Recipe,
    /// Data that maps package URLs and CPE names onto each other.
    Mapping,
    /// Vendor and product.
    Product,
    /// The name, with weak evidence beside it.
    Name,
}

impl Method {
    /// One word for reports and interfaces.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Purl => "purl",
            Self::Cpe => "cpe",
            Self::Digest => "digest",
            Self::Swid => "swid",
            Self::Repository => "repository",
            Self::SourcePackage => "source package",
            Self::Recipe => "recipe",
            Self::Mapping => "mapping",
            Self::Product => "product",
            Self::Name => "name",
        }
    }
}

/// How sure a match is, in percent.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Confidence(u8);

impl Confidence {
    /// At most 100.
    #[must_use]
    pub const fn percent(percent: u8) -> Self {
        Self(if percent > 100 { 100 } else { percent })
    }

    /// From 0 to 1.
    #[must_use]
    pub fn share(self) -> f32 {
        f32::from(self.0) / 100.0
    }

    /// `exact`, `mapped` or `name`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self.0 {
            90.. => "exact",
            60.. => "mapped",
            _ => "name",
        }
    }

    /// Less sure by so many points, and never nothing.
    #[must_use]
    pub fn less(self, points: u8) -> Self {
        Self(self.0.saturating_sub(points).max(1))
    }
}

/// One key that a component may be known by.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// The package.
    pub key: PackageKey,
    /// The version, in the words of that package's scheme.
    pub version: Option<String>,
    /// The commit.
    pub commit: Option<String>,
    /// The release of the distribution.
    pub release: Option<String>,
    /// The CPE name, where one led here: it narrows what matches.
    pub cpe: Option<Cpe>,
    /// How sure.
    pub confidence: Confidence,
    /// By which way.
    pub method: Method,
    /// Why, in a sentence without a full stop.
    pub reason: Cow<'static, str>,
}

/// What a component leads to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resolved {
    /// Keys, the surest first; none twice.
    pub identities: Vec<Identity>,
    /// What was tried in vain.
    pub tried: Vec<String>,
    /// Whether an identity is one that advisories use. A key of a kind that nobody publishes advisories for is none.
    pub is_identified: bool,
}

/// Finds the keys of a component.
///
/// # Errors
/// A segment is damaged.
pub fn resolve(database: &Database<'_>, component: &Component) -> Result<Resolved, SegmentError> {
    let mut chain = chain::Chain::new(database, component);
    chain.run()?;
    Ok(chain.finish())
}

/// Finds the keys of a component that a document names by nothing but a name, and that was built from a recipe which says more.
///
/// # Errors
/// A segment is damaged.
pub fn resolve_built(
    database: &Database<'_>,
    component: &Component,
    recipe: &Component,
) -> Result<Resolved, SegmentError> {
    let mut resolved = resolve(database, recipe)?;
    for identity in &mut resolved.identities {
        identity.reason = Cow::Owned(format!("{} is built from {}: {}", component.name, recipe.name, identity.reason));
    }
    Ok(resolved)
}
