//! Versions as keys: bytes whose order is the order of their scheme (ADR-0037).
//!
//! Not a dependency solver, and no lists of what was released. A version is read once, when it is imported; from then on comparing it is a
//! comparison of bytes. Invariants: equal keys are versions that their scheme calls equal; keys of different schemes say nothing of each
//! other. Three schemes have orders that no key can have (`alpm`, `maven`, `composer` with `#`): what is done is said in their files.

mod apk;
mod composer;
mod conan;
mod distro;
mod dotted;
mod gem;
mod generic;
mod key;
mod line;
mod maven;
mod native;
mod pypi;
mod range;
mod refusal;
mod scheme;
mod semver;
mod stated;
mod vers;

use refusal::Refusal;
use std::cmp::Ordering;

pub use line::{answer_compare, answer_vers};
pub use native::{NOTATION_BYTES_MAX, Native, NativeError, from_native};
pub use range::{Cut, Side, VersionRange, range_bytes_contain};
pub use scheme::Scheme;
pub use stated::{Remark, Stated, StatedError, stated};
pub use vers::{Comparator, Constraint, Vers, VersError};

/// The longest version that is read, in bytes. The longest of 100,000 real ones has 146.
pub const VERSION_BYTES_MAX: usize = 1024;

/// A version that its scheme refuses.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{scheme} version `{text}`, column {column}: {why}")]
pub struct VersionError {
    /// The scheme that refuses it.
    pub scheme: Scheme,
    /// The version, cut at 80 characters.
    pub text: String,
    /// Where, in characters from 1.
    pub column: usize,
    /// What is wrong there.
    pub why: &'static str,
}

/// A version as bytes that sort as its scheme orders versions.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct VersionKey(Vec<u8>);

impl VersionKey {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Bytes that [`Self::as_bytes`] gave.
    #[must_use]
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

/// The key of a version that its scheme accepts.
pub fn key(scheme: Scheme, text: &str) -> Result<VersionKey, VersionError> {
    let mut out = Vec::new();
    match write(scheme, text, &mut out) {
        Ok(None) => Ok(VersionKey(out)),
        Ok(Some(refusal)) | Err(refusal) => Err(error(scheme, text, refusal)),
    }
}

/// The key of any version, and why its scheme refuses it, if it does.
///
/// What a scheme refuses is read as its ecosystem reads it anyway (`1.2` by semantic versions, setuptools' versions of old by PyPI); where
/// an ecosystem has no such reading the version is ordered as `generic`, before all that the scheme accepts. Refused for good is only what
/// is empty, longer than [`VERSION_BYTES_MAX`] or holds control characters.
pub fn key_or_fallback(scheme: Scheme, text: &str) -> Result<(VersionKey, Option<VersionError>), VersionError> {
    let mut out = Vec::new();
    let refused = write_key(scheme, text, &mut out)?;
    Ok((VersionKey(out), refused))
}

/// As [`key_or_fallback`], into a buffer that is emptied first.
pub fn write_key(scheme: Scheme, text: &str, out: &mut Vec<u8>) -> Result<Option<VersionError>, VersionError> {
    out.clear();
    match write(scheme, text, out) {
        Ok(refusal) => Ok(refusal.map(|refusal| error(scheme, text, refusal))),
        Err(refusal) => {
            check(scheme, text).map_err(|refusal| error(scheme, text, refusal))?;
            out.clear();
            out.push(0);
            generic::write(text, out);
            Ok(Some(error(scheme, text, refusal)))
        }
    }
}

/// How two versions compare. A version that the scheme refuses is compared if its ecosystem has a reading of it.
pub fn compare(scheme: Scheme, a: &str, b: &str) -> Result<Ordering, VersionError> {
    let read = |text: &str| {
        let mut out = Vec::new();
        write(scheme, text, &mut out).map_err(|refusal| error(scheme, text, refusal))?;
        Ok(out)
    };
    let (key_a, key_b) = (read(a)?, read(b)?);
    Ok(match scheme {
        Scheme::Maven => maven::compare(a, b),
        Scheme::Composer => composer::compare(a, b),
        _ => scheme.order(&key_a, &key_b),
    })
}

impl Scheme {
    /// How two keys of this scheme compare.
    #[must_use]
    pub fn order(self, a: &[u8], b: &[u8]) -> Ordering {
        if self == Self::Alpm && (a.starts_with(b) || b.starts_with(a)) { Ordering::Equal } else { a.cmp(b) }
    }
}

/// What no scheme reads.
fn check(scheme: Scheme, text: &str) -> Result<(), Refusal> {
    if text.is_empty() {
        return Err(Refusal::start("the version is empty"));
    }
    if text.len() > VERSION_BYTES_MAX {
        return Err(Refusal { offset: VERSION_BYTES_MAX, why: "the version is longer than 1,024 bytes" });
    }
    match text.bytes().position(|byte| byte < b' ') {
        Some(offset) if scheme != Scheme::Lexicographic => Err(Refusal { offset, why: "there is a control character" }),
        _ => Ok(()),
    }
}

/// Appends the key. `Ok` with a refusal is a reading of the ecosystem's own, `Err` is none.
fn write(scheme: Scheme, text: &str, out: &mut Vec<u8>) -> Result<Option<Refusal>, Refusal> {
    check(scheme, text)?;
    match scheme {
        Scheme::Semver | Scheme::Cargo | Scheme::Hex => return Ok(semver::write(semver::SEMVER, text, out)),
        Scheme::Npm => return Ok(semver::write(semver::NPM, text, out)),
        Scheme::Golang => return Ok(semver::write(semver::GOLANG, text, out)),
        Scheme::Pub => return Ok(semver::write(semver::PUB, text, out)),
        Scheme::Swift => return Ok(semver::write(semver::SWIFT, text, out)),
        Scheme::Nuget => return Ok(semver::write(semver::NUGET, text, out)),
        Scheme::Deb => return Ok(distro::write_deb(text, out)),
        Scheme::Rpm => return Ok(distro::write_rpm(text, out)),
        Scheme::Alpm => return Ok(distro::write_alpm(text, out)),
        Scheme::Pypi => return Ok(pypi::write(text, out)),
        Scheme::Gem => return Ok(gem::write(text, out)),
        Scheme::Apk => return Ok(apk::write_apk(text, out)),
        Scheme::Generic => generic::write(text, out),
        Scheme::Maven => maven::write(text, out),
        Scheme::Composer => composer::write(text, out),
        Scheme::Conan => conan::write(text, out),
        Scheme::Lexicographic => out.extend(text.as_bytes()),
        strict => {
            // Room below for what these refuse.
            out.push(1);
            match strict {
                Scheme::Gentoo => apk::write_gentoo(text, out)?,
                Scheme::Hackage => dotted::write_hackage(text, out)?,
                Scheme::Cran => dotted::write_cran(text, out)?,
                Scheme::Cpan => dotted::write_cpan(text, out)?,
                Scheme::Openssl => dotted::write_openssl(text, out)?,
                Scheme::Nginx | Scheme::Intdot => dotted::write_intdot(text, out)?,
                Scheme::Kernel => dotted::write_kernel(text, out)?,
                _ => generic::write_datetime(text, out)?,
            }
        }
    }
    Ok(None)
}

fn error(scheme: Scheme, text: &str, refusal: Refusal) -> VersionError {
    let before = text.char_indices().take_while(|(at, _)| *at < refusal.offset).count();
    VersionError { scheme, text: text.chars().take(80).collect(), column: before.saturating_add(1), why: refusal.why }
}
