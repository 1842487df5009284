//! The source package that a distribution's binary package is built from: advisories speak of that one.
//!
//! Not a package database: what syft, trivy and SPDX documents write beside a package is read, and nothing is guessed.

use crate::identity::{PackageKey, Purl};

use super::chain::Chain;
use super::{Confidence, Method};

impl Chain<'_, '_> {
    /// By the qualifier `upstream` of a package URL: `openssl`, `openssl@3.0.2-1`, `openssl-3.0.7-1.el9.src.rpm`.
    pub(super) fn upstream(&mut self, purl: &Purl) {
        let Some(upstream) = purl.qualifier("upstream") else { return };
        let (name, version) = match upstream.split_once('@') {
            Some((name, version)) => (name, Some(version.to_owned())),
            None => (without_rpm(upstream), None),
        };
        self.of_source(purl, name, version);
    }

    /// By what tools write as properties.
    pub(super) fn source_package(&mut self) {
        let component = self.component;
        let said = |names: &[&str]| {
            let found = component.properties.iter().find(|(name, _)| names.contains(&name.as_str()));
            found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
        };
        let written =
            said(&["aquasecurity:trivy:SrcName", "syft:metadata:source", "syft:metadata:originPackage", "source"]);
        let info = said(&["sourceInfo"]).and_then(|info| info.strip_prefix("built package from:")).map(str::trim);
        let (name, version) = match (written, info) {
            (Some(name), _) => (name, trivy_version(component)),
            (None, Some(info)) => match info.split_once(' ') {
                Some((name, version)) => (name, Some(version.trim().to_owned())),
                None => (info, None),
            },
            (None, None) => match said(&["syft:metadata:sourceRpm"]) {
                Some(file) => (without_rpm(file), None),
                None => return,
            },
        };
        for purl in &component.purls {
            if let Ok(purl) = Purl::read(purl) {
                self.of_source(&purl, name, version.clone());
            }
        }
    }

    fn of_source(&mut self, purl: &Purl, name: &str, version: Option<String>) {
        let binary = PackageKey::of_purl(purl);
        let kind = binary.key.kind().to_owned();
        if !matches!(kind.as_str(), "deb" | "rpm" | "apk" | "alpm") || name.is_empty() || binary.key.name() == name {
            return;
        }
        let namespace = binary.key.as_str().split('/').nth(1).map(str::to_owned);
        let key = PackageKey::of(&kind, namespace.as_deref(), name);
        let reason = format!("it is built from the source package {name}");
        let mut identity = self.identity(key, Method::SourcePackage, 95, reason);
        identity.version = version.or(binary.version).or(identity.version);
        identity.release = binary.release;
        identity.confidence = Confidence::percent(95);
        self.add(identity);
    }
}

fn trivy_version(component: &crate::component::Component) -> Option<String> {
    let said = |name: &str| component.properties.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let version = said("aquasecurity:trivy:SrcVersion").or_else(|| said("syft:metadata:sourceVersion"))?;
    let mut whole = match said("aquasecurity:trivy:SrcEpoch") {
        Some(epoch) if epoch != "0" => format!("{epoch}:{version}"),
        _ => version.to_owned(),
    };
    if let Some(release) = said("aquasecurity:trivy:SrcRelease") {
        whole.push('-');
        whole.push_str(release);
    }
    Some(whole)
}

/// The name in `name-version-release.src.rpm`.
fn without_rpm(file: &str) -> &str {
    let Some(stem) = file.strip_suffix(".src.rpm").or_else(|| file.strip_suffix(".nosrc.rpm")) else { return file };
    stem.rsplitn(3, '-').nth(2).unwrap_or(stem)
}

/// What upstream called the version: without epoch, revision, and what was repacked.
pub(super) fn upstream_part(version: &str) -> String {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    let version = version.rsplit_once('-').map_or(version, |(upstream, _)| upstream);
    let end = version.find(['+', '~']).unwrap_or(version.len());
    version.get(..end).unwrap_or(version).to_owned()
}
