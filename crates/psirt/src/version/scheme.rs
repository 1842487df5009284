//! The schemes by which versions are ordered, and the names that others give them.
//!
//! Not the orders. Names are those of VERS and purl types, OSV ecosystems, and CVE `versionType`s; a name that nobody defines is `None`,
//! and callers then take [`Scheme::Generic`] and say so. The numbers of the variants are stored in indexes: they are only ever added to.

use std::fmt;

/// How versions are ordered.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum Scheme {
    /// Anything else: the order of `libversion`.
    Generic = 0,
    /// Semantic Versioning 2.0.0.
    Semver = 1,
    /// npm: node-semver.
    Npm = 2,
    /// Cargo.
    Cargo = 3,
    /// Go modules and the Go distribution.
    Golang = 4,
    /// Hex.
    Hex = 5,
    /// Dart's Pub, where builds have an order.
    Pub = 6,
    /// Swift packages.
    Swift = 7,
    /// NuGet.
    Nuget = 8,
    /// Debian, Ubuntu, opkg.
    Deb = 9,
    /// RPM.
    Rpm = 10,
    /// Alpine, Wolfi, Chainguard.
    Apk = 11,
    /// Gentoo.
    Gentoo = 12,
    /// Arch Linux.
    Alpm = 13,
    /// Python.
    Pypi = 14,
    /// Maven.
    Maven = 15,
    /// Ruby gems.
    Gem = 16,
    /// Composer, Packagist.
    Composer = 17,
    /// Conan.
    Conan = 18,
    /// Haskell.
    Hackage = 19,
    /// R.
    Cran = 20,
    /// Perl.
    Cpan = 21,
    /// OpenSSL.
    Openssl = 22,
    /// nginx.
    Nginx = 23,
    /// The Linux kernel.
    Kernel = 24,
    /// Integers between dots (VERS).
    Intdot = 25,
    /// Instants by RFC 3339 (VERS).
    Datetime = 26,
    /// Bytes of UTF-8 (VERS).
    Lexicographic = 27,
}

/// Every scheme with its VERS type; the place is the number.
const NAMES: [(Scheme, &str); 28] = [
    (Scheme::Generic, "generic"),
    (Scheme::Semver, "semver"),
    (Scheme::Npm, "npm"),
    (Scheme::Cargo, "cargo"),
    (Scheme::Golang, "golang"),
    (Scheme::Hex, "hex"),
    (Scheme::Pub, "pub"),
    (Scheme::Swift, "swift"),
    (Scheme::Nuget, "nuget"),
    (Scheme::Deb, "deb"),
    (Scheme::Rpm, "rpm"),
    (Scheme::Apk, "apk"),
    (Scheme::Gentoo, "gentoo"),
    (Scheme::Alpm, "alpm"),
    (Scheme::Pypi, "pypi"),
    (Scheme::Maven, "maven"),
    (Scheme::Gem, "gem"),
    (Scheme::Composer, "composer"),
    (Scheme::Conan, "conan"),
    (Scheme::Hackage, "hackage"),
    (Scheme::Cran, "cran"),
    (Scheme::Cpan, "cpan"),
    (Scheme::Openssl, "openssl"),
    (Scheme::Nginx, "nginx"),
    (Scheme::Kernel, "kernel"),
    (Scheme::Intdot, "intdot"),
    (Scheme::Datetime, "datetime"),
    (Scheme::Lexicographic, "lexicographic"),
];

/// What others call them, lower case.
const ALIASES: [(&str, Scheme); 69] = [
    ("alpine", Scheme::Apk),
    ("chainguard", Scheme::Apk),
    ("wolfi", Scheme::Apk),
    ("minimos", Scheme::Apk),
    ("alpaquita", Scheme::Apk),
    ("bellsoft hardened containers", Scheme::Apk),
    ("cleanstart", Scheme::Apk),
    ("arch", Scheme::Alpm),
    ("archlinux", Scheme::Alpm),
    ("arch linux", Scheme::Alpm),
    ("ebuild", Scheme::Gentoo),
    ("portage", Scheme::Gentoo),
    ("debian", Scheme::Deb),
    ("dpkg", Scheme::Deb),
    ("ubuntu", Scheme::Deb),
    ("echo", Scheme::Deb),
    ("opkg", Scheme::Deb),
    ("opam", Scheme::Deb),
    ("red hat", Scheme::Rpm),
    ("redhat", Scheme::Rpm),
    ("almalinux", Scheme::Rpm),
    ("rocky linux", Scheme::Rpm),
    ("suse", Scheme::Rpm),
    ("opensuse", Scheme::Rpm),
    ("openeuler", Scheme::Rpm),
    ("mageia", Scheme::Rpm),
    ("azure linux", Scheme::Rpm),
    ("photon os", Scheme::Rpm),
    ("crates.io", Scheme::Cargo),
    ("crates", Scheme::Cargo),
    ("rust", Scheme::Cargo),
    ("go", Scheme::Golang),
    ("python", Scheme::Pypi),
    ("pep440", Scheme::Pypi),
    ("rubygems", Scheme::Gem),
    ("ruby", Scheme::Gem),
    ("packagist", Scheme::Composer),
    ("php", Scheme::Composer),
    ("conancenter", Scheme::Conan),
    ("dart", Scheme::Pub),
    ("swifturl", Scheme::Swift),
    ("github", Scheme::Semver),
    ("github actions", Scheme::Semver),
    ("bitnami", Scheme::Semver),
    ("bioconductor", Scheme::Semver),
    ("julia", Scheme::Semver),
    ("vscode", Scheme::Semver),
    ("vsx", Scheme::Semver),
    ("kubernetes", Scheme::Semver),
    ("cocoapods", Scheme::Semver),
    ("elixir", Scheme::Hex),
    ("erlang", Scheme::Hex),
    ("ghc", Scheme::Hackage),
    ("haskell", Scheme::Hackage),
    ("perl", Scheme::Cpan),
    ("linux", Scheme::Kernel),
    ("node", Scheme::Npm),
    ("node-semver", Scheme::Npm),
    ("java", Scheme::Maven),
    ("dotnet", Scheme::Nuget),
    (".net", Scheme::Nuget),
    ("date", Scheme::Lexicographic),
    ("custom", Scheme::Generic),
    ("other", Scheme::Generic),
    ("ecosystem", Scheme::Generic),
    ("oss-fuzz", Scheme::Generic),
    ("android", Scheme::Generic),
    ("yocto", Scheme::Generic),
    ("bitbake", Scheme::Generic),
];

impl Scheme {
    /// All schemes.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(scheme, _)| *scheme)
    }

    /// Its VERS type.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(scheme, _)| *scheme == self).map_or("generic", |(_, name)| name)
    }

    /// By a VERS type, a purl type, an OSV ecosystem (with or without its `:suffix`) or a CVE `versionType`; case does not matter.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let lower = name.trim().to_ascii_lowercase();
        let bare = lower.split(':').next().unwrap_or_default();
        let known = NAMES.iter().map(|(scheme, name)| (*name, *scheme)).chain(ALIASES);
        known.into_iter().find(|(known, _)| *known == bare).map(|(_, scheme)| scheme)
    }

    /// By the number that it is stored as.
    #[must_use]
    pub fn numbered(number: u8) -> Option<Self> {
        NAMES.get(usize::from(number)).map(|(scheme, _)| *scheme)
    }

    /// The number that it is stored as.
    #[must_use]
    pub fn number(self) -> u8 {
        NAMES.iter().zip(0_u8..).find(|((scheme, _), _)| *scheme == self).map_or(0, |(_, number)| number)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
