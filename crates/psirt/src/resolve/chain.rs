//! The steps from what a component says to keys.
//!
//! Not the knowledge of distributions, recipes and products: their files have it. Invariant: a later step adds what an earlier one could not
//! know; of two ways to one key the surer stays.

use std::borrow::Cow;

use crate::component::Component;
use crate::identity::{Cpe, KERNEL, PackageKey, Purl, commit, is_commit, tag_version};
use crate::index::{Database, SegmentError};

use super::recipe;
use super::{Confidence, Identity, Method, Resolved};

/// Kinds of keys that no source of advisories uses by itself: they count only if the index knows the very key.
const WEAK: [&str; 8] = ["generic", "yocto", "vcpkg", "oci", "docker", "swid", "git", "digest"];

pub(super) struct Chain<'c, 'd> {
    pub(super) database: &'c Database<'d>,
    pub(super) component: &'c Component,
    pub(super) resolved: Resolved,
}

impl<'c, 'd> Chain<'c, 'd> {
    pub(super) fn new(database: &'c Database<'d>, component: &'c Component) -> Self {
        Self { database, component, resolved: Resolved::default() }
    }

    pub(super) fn run(&mut self) -> Result<(), SegmentError> {
        let component = self.component;
        for purl in &component.purls {
            match Purl::read(purl) {
                Ok(purl) => self.purl(&purl)?,
                Err(error) => self.resolved.tried.push(format!("package URL {purl:?}: {error}")),
            }
        }
        for cpe in &component.cpes {
            match Cpe::parse(cpe) {
                Ok(cpe) => self.cpe(cpe)?,
                Err(error) => self.resolved.tried.push(format!("CPE {cpe:?}: {error}")),
            }
        }
        self.content()?;
        self.sources();
        self.source_package();
        self.mapped()?;
        self.recipe()?;
        if !self.resolved.is_identified {
            self.by_vendor()?;
        }
        // Once more, from what the last steps found.
        self.mapped()
    }

    pub(super) fn finish(mut self) -> Resolved {
        let identities = &mut self.resolved.identities;
        identities.sort_by(|a, b| b.confidence.cmp(&a.confidence).then_with(|| a.key.cmp(&b.key)));
        self.resolved
    }

    /// Adds a key, or makes it surer.
    pub(super) fn add(&mut self, identity: Identity) {
        let same = |known: &&mut Identity| {
            known.key == identity.key && known.version == identity.version && known.commit == identity.commit
        };
        match self.resolved.identities.iter_mut().find(same) {
            Some(known) if known.confidence < identity.confidence => *known = identity,
            Some(_) => {}
            None => self.resolved.identities.push(identity),
        }
    }

    pub(super) fn identity(
        &self,
        key: PackageKey,
        method: Method,
        percent: u8,
        reason: impl Into<Cow<'static, str>>,
    ) -> Identity {
        Identity {
            key,
            version: self.component.version.clone(),
            commit: None,
            release: None,
            cpe: None,
            confidence: Confidence::percent(percent),
            method,
            reason: reason.into(),
        }
    }

    /// Notes that a key is one that advisories use.
    pub(super) fn identified(&mut self) {
        self.resolved.is_identified = true;
    }

    fn purl(&mut self, purl: &Purl) -> Result<(), SegmentError> {
        let keyed = PackageKey::of_purl(purl);
        let version = keyed.version.or_else(|| self.component.version.clone());
        let by_commit = version.as_deref().filter(|version| is_commit(version) && keyed.key.kind() == "git");
        let is_git = keyed.key.kind() == "git";
        if !WEAK.contains(&keyed.key.kind()) || self.database.knows(keyed.key.as_str())? {
            self.identified();
        }
        // A generic name is a name without a registry that would keep it unique.
        let (percent, reason) = match keyed.key.kind() {
            "generic" | "yocto" => (70, "its package URL has this name, which no registry keeps unique"),
            _ => (100, "its package URL names this package"),
        };
        let mut identity = self.identity(keyed.key, Method::Purl, percent, reason);
        identity.commit = by_commit.map(str::to_owned);
        identity.version = if is_git { version.as_deref().map(tag_version) } else { version };
        identity.release = keyed.release;
        self.add(identity);
        if let Some(url) = purl.qualifier("vcs_url") {
            self.source(url);
        }
        self.upstream(purl);
        Ok(())
    }

    fn cpe(&mut self, cpe: Cpe) -> Result<(), SegmentError> {
        let version = cpe.version().plain().filter(|_| !cpe.version().has_wildcard());
        let product = cpe.product().plain().unwrap_or_default();
        if matches!(product.as_str(), "linux_kernel")
            || (product == "linux" && cpe.vendor().plain().as_deref() == Some("linux"))
        {
            self.kernel(version.as_deref(), Method::Cpe, 100, "its CPE names the Linux kernel");
            return Ok(());
        }
        if let Some(keyed) = PackageKey::of_cpe(&cpe) {
            self.identified();
            let mut identity = self.identity(keyed.key, Method::Cpe, 95, "its CPE names this product");
            identity.version = keyed.version.or(identity.version);
            identity.cpe = Some(cpe);
            self.add(identity);
            return Ok(());
        }
        match cpe.vendor().plain() {
            _ if product.is_empty() => {
                self.resolved.tried.push(format!("CPE {cpe}: it names no product"));
                Ok(())
            }
            Some(vendor) => self.cpe_of_any_part(cpe, &vendor, &product, version),
            None => self.cpe_of_any_vendor(cpe, &product, version),
        }
    }

    /// Adds the kernel, by the part of a version that upstream gives it.
    pub(super) fn kernel(&mut self, version: Option<&str>, method: Method, percent: u8, reason: &'static str) {
        self.identified();
        let mut identity = self.identity(PackageKey::known(KERNEL), method, percent, reason);
        identity.version = version.or(self.component.version.as_deref()).and_then(recipe::kernel_version);
        self.add(identity);
    }

    fn content(&mut self) -> Result<(), SegmentError> {
        for digest in &self.component.digests {
            let Some(key) = PackageKey::of_digest(&digest.algorithm, &digest.hex) else { continue };
            if self.database.knows(key.as_str())? {
                self.identified();
                let identity = self.identity(key, Method::Digest, 100, "its content has this digest");
                self.add(identity);
            }
        }
        for tag in &self.component.swids {
            if let Some(key) = PackageKey::of_swid(tag)
                && self.database.knows(key.as_str())?
            {
                self.identified();
                let identity = self.identity(key, Method::Swid, 100, "it has this SWID tag");
                self.add(identity);
            }
        }
        Ok(())
    }

    fn sources(&mut self) {
        for source in &self.component.sources {
            self.source(source);
        }
    }

    fn source(&mut self, address: &str) {
        let Some(key) = PackageKey::of_repository(address) else { return };
        let commit = commit(address).map(str::to_owned);
        if recipe::is_kernel_repository(key.as_str()) {
            self.kernel(None, Method::Repository, 90, "its source is the kernel's repository");
            if let Some(identity) = self.resolved.identities.iter_mut().find(|identity| identity.key.as_str() == KERNEL)
            {
                identity.commit = commit;
            }
            return;
        }
        let percent = if commit.is_some() { 90 } else { 75 };
        let mut identity = self.identity(key, Method::Repository, percent, "its source is kept in this repository");
        identity.version = self.component.version.as_deref().map(tag_version);
        identity.commit = commit;
        self.add(identity);
    }

    /// What the mapping data says beside the keys that are known.
    fn mapped(&mut self) -> Result<(), SegmentError> {
        for at in 0..self.resolved.identities.len() {
            let Some(from) = self.resolved.identities.get(at).cloned() else { continue };
            if matches!(from.method, Method::Mapping | Method::Name | Method::Product) || from.key.as_str() == KERNEL {
                continue;
            }
            let is_distro = matches!(from.key.kind(), "deb" | "rpm" | "apk" | "alpm");
            // Where a distribution speaks of its package, upstream's ranges say nothing of what it patched.
            if is_distro && self.database.knows(from.key.as_str())? {
                continue;
            }
            let keys = self.database.same_as(from.key.as_str())?;
            let to_cpe = from.key.kind() != "cpe";
            for key in keys.into_iter().filter(|key| key.starts_with("cpe/") == to_cpe) {
                if !to_cpe && !matches!(crate::identity::kind_of(key), "git" | "oss-fuzz" | "conan") {
                    continue;
                }
                self.identified();
                let (percent, reason) = if is_distro {
                    (
                        45,
                        format!(
                            "{} is this product by the mapping data; the distribution's own data is not loaded and may say that it is patched",
                            from.key
                        ),
                    )
                } else {
                    (75, format!("{} is this product by the mapping data", from.key))
                };
                let mut identity =
                    self.identity(PackageKey::known(key), Method::Mapping, percent.min(from.confidence.0), reason);
                identity.version = if is_distro {
                    from.version.as_deref().map(super::source::upstream_part)
                } else {
                    from.version.clone()
                };
                if key == KERNEL {
                    identity.version = identity.version.as_deref().and_then(recipe::kernel_version);
                }
                self.add(identity);
            }
        }
        Ok(())
    }
}
