//! Compares `layers.toml` with what cargo says of the workspace.
//!
//! Not a check of third-party crates: cargo-deny does that.

use super::{Finding, Layers};
use anyhow::{Context as _, bail};
use serde::Deserialize;
use std::path::Path;
use std::process::Command;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

/// Every crate is in the table, and depends only on what the table allows.
pub(super) fn check(root: &Path, rules: &Layers) -> anyhow::Result<Vec<Finding>> {
    let packages = metadata(root)?.packages;
    let rooms = packages.iter().filter_map(|package| Some((short(&package.name)?, package)));
    Ok(rooms.flat_map(|(room, package)| check_room(room, package, rules)).collect())
}

fn check_room(room: &str, package: &Package, rules: &Layers) -> Vec<Finding> {
    let Some(allowed) = rules.layers.get(room) else {
        return vec![Finding(format!(
            "layers.toml does not name the crate `{room}`: add it with what it may depend on"
        ))];
    };
    let used = package.dependencies.iter().filter(|dependency| dependency.kind.as_deref() != Some("dev"));
    used.filter_map(|dependency| short(&dependency.name))
        .filter(|name| !allowed.iter().any(|ok| ok == name))
        .map(|name| Finding(format!("`{room}` depends on `{name}`, which layers.toml does not allow")))
        .collect()
}

fn short(name: &str) -> Option<&str> {
    name.strip_prefix("yagura-")
}

fn metadata(root: &Path) -> anyhow::Result<Metadata> {
    let output = Command::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .context("cannot start cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("cargo metadata printed something else than its JSON")
}
