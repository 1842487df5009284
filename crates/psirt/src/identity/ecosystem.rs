//! OSV's ecosystems: `PyPI`, `Debian:12`, `Ubuntu:22.04:LTS`, `Alpine:v3.19`, `Red Hat:…` with a name → a package key and a release.
//!
//! Not a list to refuse by: an ecosystem that is new is kept under its own name in lower case, so that a later reader finds it.

use super::key::{KERNEL, Keyed, PackageKey, cpe_word, pep503};
use super::release::{distribution, release};
use super::repository::repository;

/// The key of a package within an ecosystem.
#[must_use]
pub fn from_ecosystem(ecosystem: &str, name: &str) -> Keyed {
    let (base, suffix) = ecosystem.split_once(':').unwrap_or((ecosystem, ""));
    let name = name.trim();
    let of = |kind: &str, name: &str| PackageKey::of(kind, None, name);
    let base = base.trim().to_lowercase();
    let key = match base.as_str() {
        "pypi" => of("pypi", &pep503(name)),
        "npm" | "gem" | "cran" | "hackage" | "opam" | "bioconductor" => of(&base, name),
        "rubygems" => of("gem", name),
        "go" => of("golang", &name.to_lowercase()),
        "maven" => of("maven", &name.replacen(':', "/", 1)),
        "crates.io" => of("cargo", &name.to_lowercase().replace('_', "-")),
        "nuget" => of("nuget", &name.to_lowercase()),
        "packagist" => of("composer", &name.to_lowercase()),
        "hex" | "pub" | "bitnami" => of(&base, &name.to_lowercase()),
        "swifturl" => of("swift", &repository(name).unwrap_or_else(|| name.to_lowercase())),
        "conancenter" => of("conan", &name.to_lowercase()),
        "github actions" => of("git", &format!("github.com/{}", name.to_lowercase())),
        "git" => PackageKey::of_repository(name).unwrap_or_else(|| of("git", &name.to_lowercase())),
        "linux" => return Keyed { key: kernel(), version: None, release: None },
        "oss-fuzz" => of("oss-fuzz", &name.to_lowercase()),
        _ => return of_distribution(&base, suffix, name),
    };
    Keyed { key, version: None, release: None }
}

fn kernel() -> PackageKey {
    let mut segments = KERNEL.splitn(2, '/');
    PackageKey::of(segments.next().unwrap_or_default(), None, segments.next().unwrap_or_default())
}

fn of_distribution(base: &str, suffix: &str, name: &str) -> Keyed {
    let namespace = distribution(base);
    let kind = match namespace.as_str() {
        "debian" | "ubuntu" | "echo" | "raspbian" => "deb",
        "alpine" | "wolfi" | "chainguard" | "minimos" | "alpaquita" | "bellsoft hardened containers" => "apk",
        "redhat" | "rocky" | "almalinux" | "suse" | "opensuse" | "mageia" | "photon" | "azurelinux" | "openeuler"
        | "oraclelinux" | "amazonlinux" | "fedora" => "rpm",
        "arch" => "alpm",
        other => return Keyed { key: PackageKey::of(&cpe_word(other), None, name), version: None, release: None },
    };
    Keyed {
        key: PackageKey::of(kind, Some(&cpe_word(&namespace)), name),
        version: None,
        release: release(&namespace, suffix),
    }
}
