//! `yagura sbom …`: SBOMs converted, compared, and held against their schemas.
//!
//! Not the formats (`yagura_psirt::sbom`).

use crate::args::{Sbom, SbomFormat};
use crate::failure::Failure;
use crate::feed::now;
use crate::output::{Output, emit, out};
use crate::scan::inventories;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use yagura_psirt::component::{Anomaly, Component, Inventory};
use yagura_psirt::sbom::{Header, diff, validate, write_cyclonedx, write_spdx2, write_spdx3};

/// Runs a command.
pub(crate) fn run(command: &Sbom) -> Result<(), Failure> {
    match command {
        Sbom::Convert { to, sbom } => convert(*to, sbom),
        Sbom::Diff { before, after, json } => changes(before, after, Output::from_flag(*json)),
        Sbom::Check { sboms, json } => check(sboms, Output::from_flag(*json)),
    }
}

/// One document; what is wrong with it is told.
fn one(path: &Path) -> Result<Inventory, Failure> {
    let mut read = Vec::new();
    inventories(path, &mut read)?;
    let (name, inventory) = match (read.pop(), read.is_empty()) {
        (Some(only), true) => only,
        _ => return Err(Failure::input(path.display(), "one SBOM is expected, not a directory of several")),
    };
    for anomaly in &inventory.anomalies {
        eprintln!("yagura: {name}: {}: {}", anomaly.place, anomaly.what);
    }
    Ok(inventory)
}

fn convert(to: SbomFormat, path: &Path) -> Result<(), Failure> {
    let inventory = one(path)?;
    let created = now();
    let name = path.file_stem().map_or_else(|| "sbom".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let header = Header {
        namespace: format!("https://yagura.invalid/sbom/{}", created.0),
        name,
        created,
        tool: format!("yagura-{}", env!("CARGO_PKG_VERSION")),
    };
    let written = match to {
        SbomFormat::Cyclonedx => write_cyclonedx(&inventory, &header),
        SbomFormat::Spdx2 => write_spdx2(&inventory, &header),
        SbomFormat::Spdx3 => write_spdx3(&inventory, &header),
    };
    for unsaid in &written.unsaid {
        eprintln!("yagura: {}: lost: {}", unsaid.of, unsaid.what);
    }
    out(written.text.as_bytes())
}

/// A change as scripts read it.
#[derive(Serialize)]
struct Change<'a> {
    change: &'static str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<&'a str>,
}

fn changes(before: &Path, after: &Path, output: Output) -> Result<(), Failure> {
    let (before, after) = (one(before)?, one(after)?);
    let found = diff(&before, &after);
    let version = |component: &Component| component.version.as_deref().unwrap_or("no version").to_owned();
    let alone = |change, component| (change, None, Some(component));
    let lines = (found.added.iter().map(|component| alone("added", *component)))
        .chain(found.removed.iter().map(|component| ("removed", Some(*component), None)))
        .chain(found.version_changed.iter().map(|(a, b)| ("version", Some(*a), Some(*b))))
        .chain(found.identity_changed.iter().map(|(a, b)| ("identity", Some(*a), Some(*b))));
    for (change, before, after) in lines {
        let Some(named) = after.or(before) else { continue };
        let line = Change {
            change,
            name: &named.name,
            before: before.and_then(|component| component.version.as_deref()),
            after: after.and_then(|component| component.version.as_deref()),
            purl: named.purls.first().map(String::as_str),
        };
        emit(output, &line, || match (before, after) {
            (Some(before), Some(after)) => format!("{change}: {} {} → {}", named.name, version(before), version(after)),
            _ => format!("{change}: {} {}", named.name, version(named)),
        })?;
    }
    eprintln!(
        "yagura: {} added, {} removed, {} in another version, {} under another identity",
        found.added.len(),
        found.removed.len(),
        found.version_changed.len(),
        found.identity_changed.len()
    );
    Ok(())
}

/// A document as scripts read it.
#[derive(Serialize)]
struct Checked<'a> {
    document: &'a str,
    valid: bool,
    anomalies: Vec<Wrong<'a>>,
}

#[derive(Serialize)]
struct Wrong<'a> {
    place: &'a str,
    what: &'a str,
}

fn check(paths: &[PathBuf], output: Output) -> Result<(), Failure> {
    let mut invalid = 0;
    for path in paths {
        let bytes = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
        let found = match validate(&bytes) {
            Ok(found) => found,
            Err(error) => vec![Anomaly { place: "the document".to_owned(), what: error.to_string() }],
        };
        invalid += usize::from(!found.is_empty());
        let document = path.display().to_string();
        let anomalies = found.iter().map(|anomaly| Wrong { place: &anomaly.place, what: &anomaly.what }).collect();
        let checked = Checked { document: &document, valid: found.is_empty(), anomalies };
        emit(output, &checked, || {
            let mut text = format!("{document}: {}", if checked.valid { "valid" } else { "invalid" });
            for anomaly in &found {
                let _ = write!(text, "\n    {}: {}", anomaly.place, anomaly.what);
            }
            text
        })?;
    }
    if invalid > 0 { Err(Failure::Check(format!("{invalid} of {} SBOMs are invalid", paths.len()))) } else { Ok(()) }
}
