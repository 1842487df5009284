//! Checks what no compiler checks: layers, file lengths, module docs, banned names, habits of tests.
//!
//! Not a linter of style: rustfmt and clippy do that. Every finding names file and line and what to do.

mod layers;
mod sources;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// `layers.toml`.
#[derive(Deserialize)]
pub(crate) struct Layers {
    pub(crate) layers: BTreeMap<String, Vec<String>>,
    pub(crate) pure: CrateList,
    pub(crate) bare_metal: BareMetal,
}

/// Names of crates, without `yagura-`.
#[derive(Deserialize)]
pub(crate) struct CrateList {
    pub(crate) crates: Vec<String>,
}

/// Crates that must build without std, and for which target.
#[derive(Deserialize)]
pub(crate) struct BareMetal {
    pub(crate) crates: Vec<String>,
    pub(crate) target: String,
}

impl Layers {
    /// Reads `layers.toml` at the root.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        read_toml(&root.join("layers.toml"))
    }
}

/// `tidy.toml`.
#[derive(Deserialize)]
struct Limits {
    files: FileLimits,
    modules: ModuleLimits,
}

#[derive(Deserialize)]
struct FileLimits {
    lines_max: usize,
    exceptions: BTreeMap<String, usize>,
}

#[derive(Deserialize)]
struct ModuleLimits {
    banned: Vec<String>,
}

/// One thing to mend.
struct Finding(String);

/// Runs all checks and fails if one finds something.
pub(crate) fn tidy(root: &Path) -> anyhow::Result<()> {
    let limits: Limits = read_toml(&root.join("tidy.toml"))?;
    let rules = Layers::read(root)?;
    let mut findings = layers::check(root, &rules)?;
    findings.extend(sources::check(root, &limits, &rules)?);
    for Finding(text) in &findings {
        eprintln!("tidy: {text}");
    }
    if !findings.is_empty() {
        bail!("tidy found {} thing(s) to mend", findings.len());
    }
    Ok(())
}

fn read_toml<T: for<'de> Deserialize<'de>>(path: &Path) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{} is not what tidy expects", path.display()))
}
