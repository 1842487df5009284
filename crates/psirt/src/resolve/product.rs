//! From a product's name to the vendors that may have made it, by what advisories and the mapping data know.
//!
//! Not a similarity of strings: names are equal but for case and `-`, or they are not the same. Evidence counts: a vendor that the document
//! gives, a distribution's package of the same name that the mapping data knows, a single vendor of an uncommon name.

use crate::component::Kind;
use crate::identity::{Cpe, PackageKey, cpe_word, kind_of};
use crate::index::{SegmentError, bare_name};

use super::Method;
use super::chain::Chain;
use super::recipe::{self, archive_name, recipe_version, repository_name};

/// Vendors that a name may have before nothing is said of it.
const VENDORS_MAX: usize = 4;
/// A name as short as this says nothing by itself.
const SHORT: usize = 4;
/// Names that many unrelated things have.
const COMMON: [&str; 40] = [
    "agent",
    "api",
    "app",
    "application",
    "auth",
    "base",
    "build",
    "client",
    "cli",
    "common",
    "config",
    "console",
    "core",
    "daemon",
    "dashboard",
    "database",
    "docker",
    "driver",
    "engine",
    "framework",
    "gateway",
    "image",
    "kernel",
    "library",
    "logger",
    "main",
    "manager",
    "module",
    "monitor",
    "parser",
    "platform",
    "plugin",
    "project",
    "proxy",
    "runtime",
    "server",
    "service",
    "test",
    "tools",
    "utils",
];
/// Distributions whose package of a name the mapping data leads from.
const DISTROS: [&str; 5] = ["deb/debian/", "deb/ubuntu/", "rpm/fedora/", "rpm/opensuse/", "apk/alpine/"];

impl<'d> Chain<'_, 'd> {
    /// A CPE that leaves open only whether it is an application, an operating system or hardware.
    pub(super) fn cpe_of_any_part(
        &mut self,
        cpe: Cpe,
        vendor: &str,
        product: &str,
        version: Option<String>,
    ) -> Result<(), SegmentError> {
        self.identified();
        let key = |part: &str| PackageKey::of("cpe", Some(&format!("{part}/{vendor}")), product);
        let mut keys = Vec::new();
        for part in ["a", "o", "h"] {
            if self.database.knows(key(part).as_str())? {
                keys.push(key(part));
            }
        }
        if keys.is_empty() {
            keys.push(key("a"));
        }
        for key in keys {
            let mut identity = self.identity(key, Method::Cpe, 95, "its CPE names this product");
            identity.version = version.clone().or(identity.version);
            identity.cpe = Some(cpe.clone());
            self.add(identity);
        }
        Ok(())
    }

    /// A CPE that leaves the vendor open: a build system's word on the product. If nobody has such a product yet, a later advisory may.
    pub(super) fn cpe_of_any_vendor(
        &mut self,
        cpe: Cpe,
        product: &str,
        version: Option<String>,
    ) -> Result<(), SegmentError> {
        let before = self.resolved.identities.len();
        self.product_of(product, None, version.clone(), Method::Cpe)?;
        if self.resolved.identities.len() == before {
            let reason = "its CPE names this product of any vendor, of which no advisory and no mapping speaks";
            let mut identity = self.identity(PackageKey::of("cpe", Some("*/*"), product), Method::Cpe, 40, reason);
            identity.version = version.or(identity.version);
            self.identified();
            self.add(identity);
        }
        for identity in self.resolved.identities.iter_mut().skip(before) {
            identity.cpe = Some(cpe.clone());
        }
        Ok(())
    }

    /// By the namespace of a generic package URL, the group or the supplier, and the name; or by the name alone.
    pub(super) fn by_vendor(&mut self) -> Result<(), SegmentError> {
        let component = self.component;
        let name = component.name.as_str();
        if recipe::is_kernel(name) && component.purls.is_empty() {
            self.kernel(None, Method::Name, 70, "its name is that of a kernel package");
            return Ok(());
        }
        let weak = component.purls.iter().filter_map(|purl| crate::identity::Purl::read(purl).ok());
        for purl in weak {
            let parts = purl.parts();
            let version = parts.version.clone().or_else(|| component.version.clone());
            let version = version.as_deref().map(|version| recipe_version(version).to_owned());
            self.product_of(recipe::base_name(&parts.name), parts.namespace.as_deref(), version, Method::Product)?;
        }
        if self.resolved.is_identified {
            return Ok(());
        }
        let (name, version) = match (archive_name(component), repository_name(component)) {
            (Some((name, version)), _) => (name, component.version.clone().or(Some(version))),
            (None, Some(name)) => (name, component.version.clone()),
            (None, None) => (recipe::base_name(name).to_owned(), component.version.clone()),
        };
        let version = version.as_deref().map(|version| recipe_version(version).to_owned());
        let vendor = component.group.as_deref().or(component.supplier.as_deref());
        // What a build downloads is what its recipe names; any other bare name may be anybody's.
        let is_download = component.kind == Kind::Source && !component.sources.is_empty();
        let method = match vendor {
            _ if is_download => Method::Recipe,
            Some(_) => Method::Product,
            None => Method::Name,
        };
        self.product_of(&name, vendor, version, method)
    }

    /// Adds the products of a name, as far as the evidence goes.
    pub(super) fn product_of(
        &mut self,
        name: &str,
        vendor: Option<&str>,
        version: Option<String>,
        method: Method,
    ) -> Result<(), SegmentError> {
        let mut known = self.named(name)?;
        // `python3` and `glib-2.0` are recipes of python and glib.
        let shorter = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'));
        let name = if known.is_empty() && method == Method::Recipe && !shorter.is_empty() { shorter } else { name };
        if known.is_empty() && method == Method::Recipe {
            known = self.named(name)?;
        }
        let found: Vec<(String, u8, String)> = match vendor.map(vendor_word) {
            Some(vendor) if known.iter().any(|key| vendor_of(key) == vendor) => known
                .iter()
                .filter(|key| vendor_of(key) == vendor)
                .map(|key| {
                    ((*key).to_owned(), 90, format!("vendor {vendor} and product {name} are those of advisories"))
                })
                .collect(),
            _ => self.by_evidence(name, &known, method)?,
        };
        if found.is_empty() {
            let what = if known.is_empty() {
                "no advisory and no mapping knows a product of that name"
            } else {
                "several vendors have a product of that name, or the name is too common"
            };
            self.resolved.tried.push(format!("{} {name:?}: {what}", method.word()));
            return Ok(());
        }
        for (key, percent, reason) in found {
            self.identified();
            let mut identity = self.identity(PackageKey::known(&key), method, percent, reason);
            identity.version = version.clone().or(identity.version);
            self.add(identity);
        }
        Ok(())
    }

    /// Keys of products of a name that advisories or the mapping data know.
    fn named(&self, name: &str) -> Result<Vec<&'d str>, SegmentError> {
        let bare = bare_name(name);
        let mut known = self.database.by_name(&bare)?;
        known.extend(self.database.products(&bare)?);
        known.retain(|key| matches!(kind_of(key), "cpe" | "product"));
        known.sort_unstable();
        known.dedup();
        Ok(known)
    }

    fn by_evidence(
        &self,
        name: &str,
        known: &[&str],
        method: Method,
    ) -> Result<Vec<(String, u8, String)>, SegmentError> {
        let says_little = name.len() < SHORT || COMMON.contains(&name);
        if says_little && matches!(method, Method::Name | Method::Product) {
            return Ok(Vec::new());
        }
        for distro in DISTROS {
            let package = format!("{distro}{}", name.to_lowercase());
            let same: Vec<&str> =
                self.database.same_as(&package)?.into_iter().filter(|key| key.starts_with("cpe/")).collect();
            if !same.is_empty() {
                let percent = if method == Method::Name { 55 } else { 75 };
                let reason = format!("{package} of the same name is this product by the mapping data");
                return Ok(same.into_iter().map(|key| (key.to_owned(), percent, reason.clone())).collect());
            }
        }
        let mut vendors: Vec<&str> = known.iter().map(|key| vendor_of(key)).collect();
        vendors.sort_unstable();
        vendors.dedup();
        // A build system or recipe names the product it means; a bare name may be anybody's.
        let is_stated = matches!(method, Method::Cpe | Method::Recipe);
        let percent = match (vendors.len(), is_stated, says_little) {
            (1, true, _) => 65,
            (1, false, false) => 35,
            (2..=VENDORS_MAX, true, false) => 40,
            _ => return Ok(Vec::new()),
        };
        let reason = match vendors.len() {
            1 => format!("the only product named {name} in advisories and mapping data"),
            several => format!("one of {several} products named {name}; the document leaves the vendor open"),
        };
        Ok(known.iter().map(|key| ((*key).to_owned(), percent, reason.clone())).collect())
    }
}

/// The vendor in `cpe/a/vendor/product` or `product/vendor/product`.
fn vendor_of(key: &str) -> &str {
    key.rsplit('/').nth(1).unwrap_or_default()
}

/// A supplier as a vendor: `Organization: OpenSSL Inc.` → `openssl`.
fn vendor_word(text: &str) -> String {
    let text = text.trim_start_matches("Organization:").trim_start_matches("Person:").trim();
    let word = cpe_word(text);
    let ends =
        ["_inc.", "_inc", "_ltd.", "_ltd", "_gmbh", "_foundation", "_project", "_corporation", "_corp.", ",", "_llc"];
    let mut short = word.as_str();
    while let Some(rest) = ends.iter().find_map(|end| short.strip_suffix(end)) {
        short = rest;
    }
    short.to_owned()
}
