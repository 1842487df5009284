//! An advisory's packages and ranges → the keys and rules under which a segment files them.
//!
//! Not a reader of formats, and not a resolver: a package is filed under what its source calls it. Names that say nothing (`n/a`) are not
//! filed. What cannot be read is handed back as [`Refused`], and the rest goes on.

use crate::advisory::{Affected, Package, Versions};
use crate::identity::{Cpe, KERNEL, Keyed, PackageKey, Purl, from_ecosystem};
use crate::version::{Scheme, key};

/// A part of an advisory that the index could not take, with the reason.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refused {
    /// The advisory.
    pub advisory: String,
    /// What is wrong, naming the value.
    pub what: String,
}

/// How an advisory named a package. It bounds how sure a match by that name can be.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Via {
    /// A package URL or a name within an ecosystem.
    Package,
    /// A CPE name.
    Cpe,
    /// A repository.
    Repository,
    /// A vendor's product by its words.
    Product,
    /// A digest.
    Digest,
}

impl Via {
    pub(super) const ALL: [Self; 5] = [Self::Package, Self::Cpe, Self::Repository, Self::Product, Self::Digest];

    pub(super) fn number(self) -> u8 {
        Self::ALL.into_iter().zip(0_u8..).find(|(known, _)| *known == self).map_or(0, |(_, number)| number)
    }
}

/// One place where an advisory's package is filed.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) key: PackageKey,
    pub(super) release: Option<String>,
    /// A CPE that says more than vendor and product.
    pub(super) narrow: Option<String>,
    pub(super) via: Via,
    /// Versions that the name itself has.
    pub(super) versions: Vec<String>,
}

/// Where the packages of `affected` are filed, each place once.
pub(super) fn places(affected: &Affected, refused: &mut Vec<String>) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for package in &affected.packages {
        match place(package) {
            Ok(Some(found)) => add(&mut places, found),
            Ok(None) => {}
            Err(why) => refused.push(why),
        }
    }
    for (versions, _) in &affected.ranges {
        if let Versions::Commits { repository: Some(url), .. } = versions
            && let Some(key) = PackageKey::of_repository(url)
        {
            add(&mut places, bare(key, Via::Repository));
        }
    }
    // A name without more is wider than the same with more.
    let wide: Vec<PackageKey> =
        places.iter().filter(|place| place.narrow.is_none()).map(|place| place.key.clone()).collect();
    let versioned = affected.ranges.is_empty();
    places.retain(|place| place.narrow.is_none() || versioned || !wide.contains(&place.key));
    places
}

fn add(places: &mut Vec<Place>, found: Place) {
    let same =
        |place: &&mut Place| place.key == found.key && place.release == found.release && place.narrow == found.narrow;
    match places.iter_mut().find(same) {
        Some(known) => {
            known.via = known.via.min(found.via);
            for version in found.versions {
                if !known.versions.contains(&version) {
                    known.versions.push(version);
                }
            }
        }
        None => places.push(found),
    }
}

fn bare(key: PackageKey, via: Via) -> Place {
    Place { key, release: None, narrow: None, via, versions: Vec::new() }
}

fn keyed(keyed: Keyed, via: Via, narrow: Option<String>) -> Place {
    Place { key: keyed.key, release: keyed.release, narrow, via, versions: keyed.version.into_iter().collect() }
}

fn place(package: &Package) -> Result<Option<Place>, String> {
    Ok(match package {
        Package::Purl(text) => {
            let purl = Purl::read(text).map_err(|error| error.to_string())?;
            Some(keyed(PackageKey::of_purl(&purl), Via::Package, None))
        }
        Package::Cpe(text) => {
            let cpe = Cpe::parse(text).map_err(|error| error.to_string())?;
            let narrow = cpe.is_narrowed().then(|| cpe.clone().of_any_version().to_string());
            PackageKey::of_cpe(&cpe).map(|found| keyed(found, Via::Cpe, narrow))
        }
        Package::Ecosystem { ecosystem, name } => Some(keyed(from_ecosystem(ecosystem, name), Via::Package, None)),
        Package::Product { vendor, product } => {
            let says = |text: &str| !says_nothing(text);
            (says(vendor) && says(product)).then(|| bare(PackageKey::of_product(vendor, product), Via::Product))
        }
        Package::Repository(url) => PackageKey::of_repository(url).map(|key| bare(key, Via::Repository)),
        Package::Digest(algorithm, hex) => PackageKey::of_digest(algorithm, hex).map(|key| bare(key, Via::Digest)),
    })
}

/// Words that stand where a name should.
fn says_nothing(text: &str) -> bool {
    let text = text.trim();
    ["n/a", "na", "-", "*", "unknown", "unspecified", "none", "not available", ""]
        .iter()
        .any(|no| text.eq_ignore_ascii_case(no))
}

/// The scheme by which a place orders versions. A package's own scheme stands above the source's word for it.
pub(super) fn scheme_of(place: &PackageKey, versions: &Versions) -> Scheme {
    if place.as_str() == KERNEL {
        return Scheme::Kernel;
    }
    match place.kind() {
        "cpe" | "product" | "git" | "digest" | "swid" | "generic" | "oss-fuzz" | "github" => {}
        kind => return Scheme::named(kind).unwrap_or(Scheme::Generic),
    }
    let Versions::Interval { scheme: Some(word), introduced, .. } = versions else { return Scheme::Generic };
    match Scheme::named(word) {
        // Vendors write `semver` beside what is none; the order of `generic` agrees where both can read.
        Some(Scheme::Semver) if introduced.as_ref().is_none_or(|text| key(Scheme::Semver, text).is_err()) => {
            Scheme::Generic
        }
        Some(scheme) => scheme,
        None => Scheme::Generic,
    }
}
