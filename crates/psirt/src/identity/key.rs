//! The package key: one text per package, whoever names it and however: `pypi/django`, `deb/debian/openssl`, `cpe/o/linux/linux_kernel`,
//! `git/github.com/madler/zlib`, `sha256/…`.
//!
//! Not a version: that, and the release of a distribution, stand beside the key in [`Keyed`]. Invariant: what an ecosystem holds for one
//! name gives one key (PEP 503, NuGet's case, crates.io's hyphen, Go's `v` and path case).

use std::fmt;

use super::cpe::Cpe;
use super::purl::{Parts, Purl};
use super::release::{distribution, release};
use super::repository::repository;

/// The key of the Linux kernel, under which every way to name it ends.
pub const KERNEL: &str = "cpe/o/linux/linux_kernel";

/// The canonical text of a package.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PackageKey(String);

/// A package key with what was said beside it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Keyed {
    /// The package.
    pub key: PackageKey,
    /// The version, as the package's scheme writes it.
    pub version: Option<String>,
    /// The release of the distribution it is built for: `12`, `22.04`, `3.19`.
    pub release: Option<String>,
}

impl PackageKey {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A key that an index holds.
    pub(crate) fn known(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The kind of the key, which is its first segment: `pypi`, `deb`, `cpe`, `git`, `product`.
    #[must_use]
    pub fn kind(&self) -> &str {
        kind_of(&self.0)
    }

    /// The last segment: the name without its vendor or group.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(self.0.as_str(), |(_, name)| name)
    }

    /// The key of a package of a kind.
    #[must_use]
    pub fn of(kind: &str, namespace: Option<&str>, name: &str) -> Self {
        let mut text = String::with_capacity(kind.len().saturating_add(name.len()).saturating_add(24));
        text.push_str(kind);
        text.push('/');
        if let Some(namespace) = namespace {
            text.push_str(namespace);
            text.push('/');
        }
        text.push_str(name);
        Self(text)
    }

    /// The key of a package URL. Types that say where the source is kept lead to the repository.
    #[must_use]
    pub fn of_purl(purl: &Purl) -> Keyed {
        let parts = purl.parts();
        let namespace = parts.namespace.as_deref();
        let mut version = parts.version.clone();
        let mut release_of = None;
        let key = match parts.kind.as_str() {
            "pypi" => Self::of("pypi", None, &pep503(&parts.name)),
            "cargo" => Self::of("cargo", None, &parts.name.to_lowercase().replace('_', "-")),
            "nuget" | "dotnet" => Self::of("nuget", None, &parts.name.to_lowercase()),
            "golang" => {
                version = version.map(|text| without_v(&text).to_owned());
                Self::of("golang", None, &go_module(parts))
            }
            "composer" | "hex" | "swift" => of_lower(&parts.kind, namespace, &parts.name),
            "cpan" | "conan" | "vcpkg" | "bitnami" => Self::of(&parts.kind, None, &parts.name.to_lowercase()),
            "github" | "gitlab" | "bitbucket" => {
                let host = if parts.kind == "bitbucket" { "bitbucket.org" } else { &format!("{}.com", parts.kind) };
                version = version.map(|text| without_v(&text).to_owned());
                of_lower("git", Some(&format!("{host}/{}", namespace.unwrap_or_default())), &parts.name)
            }
            "githubactions" => {
                of_lower("git", Some(&format!("github.com/{}", namespace.unwrap_or_default())), &parts.name)
            }
            "git" => of_lower("git", namespace, parts.name.trim_end_matches(".git")),
            "deb" | "apk" | "alpine" | "rpm" | "alpm" | "ebuild" => {
                let keyed = of_distribution(purl);
                version = keyed.version;
                release_of = keyed.release;
                keyed.key
            }
            kind => Self::of(kind, namespace, &parts.name),
        };
        Keyed { key, version, release: release_of }
    }

    /// The key of a CPE name; `None` if vendor or product is not said.
    #[must_use]
    pub fn of_cpe(cpe: &Cpe) -> Option<Keyed> {
        let key = format!("cpe/{}/{}/{}", cpe.part().plain()?, cpe.vendor().plain()?, cpe.product().plain()?);
        let version = cpe.version().plain().filter(|_| !cpe.version().has_wildcard()).map(|version| {
            // NVD writes `1.0:rc1` for what its makers call `1.0rc1`.
            match cpe.update().plain() {
                Some(update) if !cpe.update().has_wildcard() => {
                    format!("{version}{}{update}", joint(&version, &update))
                }
                _ => version,
            }
        });
        Some(Keyed { key: Self(key), version, release: None })
    }

    /// The key of a vendor's product: a CPE without its part, with white space as CPE writes it.
    #[must_use]
    pub fn of_product(vendor: &str, product: &str) -> Self {
        let (vendor, product) = (cpe_word(vendor), cpe_word(product));
        if vendor == "linux" && matches!(product.as_str(), "linux" | "linux_kernel" | "kernel") {
            return Self(KERNEL.to_owned());
        }
        Self::of("product", Some(&vendor), &product)
    }

    /// The key of a repository; `None` if the text is no address of one.
    #[must_use]
    pub fn of_repository(url: &str) -> Option<Self> {
        repository(url).map(|path| Self::of("git", None, &path))
    }

    /// The key of content by its digest.
    #[must_use]
    pub fn of_digest(algorithm: &str, hex: &str) -> Option<Self> {
        let algorithm: String =
            algorithm.chars().filter(char::is_ascii_alphanumeric).flat_map(char::to_lowercase).collect();
        let written = hex.len() >= 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        (written && !algorithm.is_empty()).then(|| Self::of("digest", Some(&algorithm), &hex.to_ascii_lowercase()))
    }

    /// The key of a SWID tag.
    #[must_use]
    pub fn of_swid(tag: &str) -> Option<Self> {
        let tag = tag.trim();
        (!tag.is_empty()).then(|| Self::of("swid", None, &tag.to_lowercase()))
    }
}

impl fmt::Display for PackageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first segment of a key.
#[must_use]
pub(crate) fn kind_of(key: &str) -> &str {
    key.split_once('/').map_or(key, |(kind, _)| kind)
}

/// A vendor's or product's name as CPE names write it.
#[must_use]
pub(crate) fn cpe_word(text: &str) -> String {
    let mut word = String::with_capacity(text.len());
    for part in text.split(|c: char| c.is_whitespace() || c == '/').filter(|part| !part.is_empty()) {
        if !word.is_empty() {
            word.push('_');
        }
        word.extend(part.chars().flat_map(char::to_lowercase));
    }
    word
}

/// PEP 503: runs of `-`, `_` and `.` are one hyphen, case does not matter.
pub(super) fn pep503(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    let mut run = false;
    for c in name.chars() {
        if matches!(c, '-' | '_' | '.') {
            run = true;
            continue;
        }
        if run && !normal.is_empty() {
            normal.push('-');
        }
        run = false;
        normal.extend(c.to_lowercase());
    }
    normal
}

/// `v1.2` and `go1.2` as `1.2`.
pub(super) fn without_v(version: &str) -> &str {
    let rest = version.strip_prefix("go").or_else(|| version.strip_prefix(['v', 'V'])).unwrap_or(version);
    if rest.starts_with(|c: char| c.is_ascii_digit()) { rest } else { version }
}

fn of_lower(kind: &str, namespace: Option<&str>, name: &str) -> PackageKey {
    PackageKey::of(kind, namespace.map(str::to_lowercase).as_deref(), &name.to_lowercase())
}

/// A module's path; the major version belongs to it, also if the document wrote it as a subpath.
fn go_module(parts: &Parts) -> String {
    let mut path = parts.namespace.as_ref().map_or_else(String::new, |namespace| format!("{namespace}/"));
    path.push_str(&parts.name);
    if let Some(major) = parts.subpath.as_deref().filter(|subpath| is_major(subpath)) {
        path.push('/');
        path.push_str(major);
    }
    path.to_lowercase()
}

fn is_major(subpath: &str) -> bool {
    subpath
        .strip_prefix('v')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A distribution's package: the namespace is the distribution, whatever alias of it is written; an `epoch` belongs to the version.
fn of_distribution(purl: &Purl) -> Keyed {
    let parts = purl.parts();
    let kind = if parts.kind == "alpine" { "apk" } else { &parts.kind };
    let distro = purl.qualifier("distro").unwrap_or_default();
    let written = parts.namespace.as_deref().unwrap_or_else(|| match kind {
        "apk" => "alpine",
        "alpm" => "arch",
        _ => distro.split(['-', ':']).next().unwrap_or_default(),
    });
    let namespace = distribution(written);
    let version = parts.version.as_ref().map(|version| match purl.qualifier("epoch") {
        Some(epoch) if epoch != "0" && !version.contains(':') => format!("{epoch}:{version}"),
        _ => version.clone(),
    });
    Keyed { key: PackageKey::of(kind, Some(&namespace), &parts.name), version, release: release(&namespace, distro) }
}

/// What stands between a version and an update: `1.0` and `rc1` need nothing, `1.0` and `2` a point.
fn joint(version: &str, update: &str) -> &'static str {
    let digits = version.ends_with(|c: char| c.is_ascii_digit()) && update.starts_with(|c: char| c.is_ascii_digit());
    if digits { "." } else { "" }
}
