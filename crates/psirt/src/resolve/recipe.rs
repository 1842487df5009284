//! Recipes of OpenEmbedded and other embedded builds: names without what a build adds to them, and which of them are the kernel.
//!
//! Not a parser of recipes. `BPN` is a recipe's name without the affixes of its variants (`-native`, `nativesdk-`, `lib32-`).

use crate::component::Component;
use crate::identity::{PackageKey, Purl, repository};
use crate::index::SegmentError;

use super::Method;
use super::chain::Chain;

/// Recipes that begin with `linux` and are no kernel.
const NO_KERNEL: [&str; 5] = ["linux-libc-headers", "linux-firmware", "linux-atm", "linuxptp", "linux-pam"];
/// What a build puts in front of a recipe's name.
const PREFIXES: [&str; 4] = ["nativesdk-", "lib32-", "lib64-", "libx32-"];
/// What a build puts behind it.
const SUFFIXES: [&str; 9] =
    ["-native", "-crosssdk", "-cross", "-initial", "-src", "-dbg", "-dev", "-staticdev", "-doc"];

impl Chain<'_, '_> {
    /// By the recipe that a document names, or a package URL of type `yocto`.
    pub(super) fn recipe(&mut self) -> Result<(), SegmentError> {
        let component = self.component;
        let written =
            component.properties.iter().filter(|(name, _)| matches!(name.as_str(), "recipe" | "product" | "bpn"));
        let mut recipes: Vec<String> = written.map(|(_, value)| base_name(value).to_owned()).collect();
        for purl in component.purls.iter().filter_map(|purl| Purl::read(purl).ok()) {
            if matches!(purl.parts().kind.as_str(), "yocto" | "openembedded" | "bitbake") {
                recipes.push(base_name(&purl.parts().name).to_owned());
            }
        }
        recipes.sort_unstable();
        recipes.dedup();
        for recipe in recipes {
            let version = component.version.as_deref().map(|version| recipe_version(version).to_owned());
            if is_kernel(&recipe) {
                self.kernel(version.as_deref(), Method::Recipe, 95, "its recipe builds the Linux kernel");
            } else if let Some(name) = recipe.strip_prefix("python3-") {
                self.identified();
                let key = PackageKey::of("pypi", None, name);
                let mut identity =
                    self.identity(key, Method::Recipe, 80, format!("recipe {recipe} builds this Python package"));
                identity.version = version;
                self.add(identity);
            } else if !self.resolved.is_identified {
                self.product_of(&recipe, None, version, Method::Recipe)?;
            }
        }
        Ok(())
    }
}

/// A recipe's name without the affixes of its variants.
pub(super) fn base_name(recipe: &str) -> &str {
    let mut name = recipe.trim();
    // What OpenEmbedded's SPDX 2.2 calls the n-th download of a recipe.
    if let Some((recipe, number)) = name.rsplit_once("-source-")
        && number.bytes().all(|byte| byte.is_ascii_digit())
    {
        name = recipe;
    }
    loop {
        let shorter = PREFIXES
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix))
            .or_else(|| SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)));
        match shorter {
            Some(shorter) if !shorter.is_empty() => name = shorter,
            _ => return name,
        }
    }
}

/// Whether a recipe or package is the kernel: `linux-yocto`, `linux-imx`, `kernel-image-6.6`, `kernel-module-x`.
pub(super) fn is_kernel(name: &str) -> bool {
    let is_one = |word: &str| name == word || name.strip_prefix(word).is_some_and(|rest| rest.starts_with(['-', '_']));
    name == "linux_kernel"
        || name == "virtual/kernel"
        || (is_one("linux") && !NO_KERNEL.iter().any(|no| name.starts_with(no)))
        || ["kernel-image", "kernel-module", "kernel-base", "kernel-vmlinux", "kernel-devicetree"]
            .iter()
            .any(|word| name.starts_with(word))
}

/// Repositories whose content is the kernel, by their keys.
pub(super) fn is_kernel_repository(key: &str) -> bool {
    let is_forge = key.starts_with("git/git.kernel.org/pub/scm/linux/kernel/git/") && key.ends_with("/linux");
    is_forge
        || matches!(
            key,
            "git/github.com/torvalds/linux" | "git/git.yoctoproject.org/linux-yocto" | "git/github.com/gregkh/linux"
        )
}

/// The version that upstream gave a kernel: `6.12.38` of `6.12.38+git-yocto-standard`.
pub(super) fn kernel_version(version: &str) -> Option<String> {
    let version = version.trim().trim_start_matches('v');
    let numbers = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
    let (number, rest) = version.split_at_checked(numbers)?;
    let number = number.trim_end_matches('.');
    let candidate =
        rest.strip_prefix("-rc").map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    let is_version = number.contains('.');
    is_version.then(|| match candidate.filter(|digits| !digits.is_empty()) {
        Some(candidate) => format!("{number}-rc{candidate}"),
        None => number.to_owned(),
    })
}

/// A recipe's version without what the build adds: `2.41` of `2.41+git0+0c76c95`, `1.37.0` of `1.37.0-r0`.
pub(super) fn recipe_version(version: &str) -> &str {
    let version = version.split_once("+git").map_or(version, |(release, _)| release);
    match version.rsplit_once("-r") {
        Some((release, number)) if number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => release,
        _ => version,
    }
}

/// The name of a component as a recipe would have it; its file name without version and ending if it is a source archive.
pub(super) fn archive_name(component: &Component) -> Option<(String, String)> {
    let stem = [".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst", ".tgz", ".zip"]
        .iter()
        .find_map(|end| component.name.strip_suffix(end))?;
    let stem = stem.trim_end_matches(".orig");
    let is_digit = |rest: Option<&str>| rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let parted = |(at, c): &(usize, char)| matches!(c, '-' | '_') && is_digit(stem.get(at.saturating_add(1)..));
    if let Some((at, _)) = stem.char_indices().find(parted) {
        return Some((stem.get(..at)?.to_lowercase(), stem.get(at.saturating_add(1)..)?.to_owned()));
    }
    // `unzip60`: the digits do not say where the points are.
    let name = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    (name.len() < stem.len() && !name.is_empty())
        .then(|| (name.to_lowercase(), stem.get(name.len()..).unwrap_or_default().to_owned()))
}

/// The last part of the repository that a download is from, if the component is named after it: `sourceware.org.git.glibc.git`.
pub(super) fn repository_name(component: &Component) -> Option<String> {
    let path = component.sources.iter().find_map(|source| repository(source))?;
    let dotted = path.replace('/', ".");
    let named = component.name.trim_end_matches(".git").to_lowercase();
    let last = path.rsplit('/').next()?.trim_end_matches("-snapshots");
    (named == dotted).then(|| last.to_owned())
}
