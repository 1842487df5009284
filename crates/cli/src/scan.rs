//! `yagura scan`: SBOMs against the advisory database.
//!
//! Not the matching (`yagura_psirt::findings`), and no server. A document that cannot be read is an error if it was named, and passed over
//! if it was found in a directory; components without an identity are told, never dropped.

mod shown;

use crate::args::{FailOn, Scan};
use crate::failure::Failure;
use crate::feed::{db_path, failure, now};
use crate::output::out;
use crate::serve::chain;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use yagura_feed::Database;
use yagura_psirt::component::{Anomaly, Inventory};
use yagura_psirt::findings::{Build, Document, Finding, Report, scan, to_json};
use yagura_psirt::score::cvss;
use yagura_psirt::{sbom, vex};

/// How deep directories are walked.
const DEPTH_MAX: usize = 32;
/// No document of statements is larger.
const STATEMENTS_BYTES_MAX: u64 = 256 << 20;

/// Runs the command.
pub(crate) fn run(args: &Scan) -> Result<(), Failure> {
    let dir = db_path(&args.db)?;
    let database = Database::open(&dir).map_err(failure)?;
    let index = database.index(now()).map_err(failure)?;
    let (mut read, mut unread) = (Vec::new(), 0_usize);
    for path in &args.sboms {
        match inventories(path, &mut read) {
            Ok(()) => {}
            // What cannot be read costs itself; the others are scanned.
            Err(Failure::Input(what)) => {
                eprintln!("yagura: {what}");
                unread += 1;
                read.push(broken(path, what));
            }
            Err(failure) => return Err(failure),
        }
    }
    let mut stated = database.statements().map_err(failure)?.into_iter().map(|one| (one.place, one.read)).collect();
    statements(&args.vex, &mut stated)?;
    let mut documents: Vec<Document<'_>> = read.iter().map(|(name, inventory)| of_sbom(name, inventory)).collect();
    documents.extend(stated.iter().map(|(name, read)| of_statements(name, read)));
    let mut report = scan(&index, &documents, &Build::default())
        .map_err(|error| Failure::Input(format!("{}: {}", dir.display(), chain(&error))))?;
    if let Some(id) = &args.explain {
        let is_meant = |finding: &Finding<'_>| {
            let mut ids = [finding.advisory, finding.group].into_iter().chain(finding.aliases.iter().copied());
            ids.any(|known| known.eq_ignore_ascii_case(id))
        };
        report.findings.retain(is_meant);
    }
    let mut text = match (&args.explain, args.json) {
        (_, true) => to_json(&report, &documents).map_err(|error| Failure::Internal(error.to_string()))?,
        (Some(id), false) => shown::explained(&index, &report, &documents, id)?,
        (None, false) => shown::table(&report, &documents),
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    out(text.as_bytes())?;
    if unread > 0 {
        return Err(Failure::Input(format!("{unread} of {} SBOMs cannot be read", args.sboms.len())));
    }
    judge(&report, args.fail_on)
}

/// A document of which nothing is known but what is wrong with it.
fn broken(path: &Path, what: String) -> (String, Inventory) {
    let place = "the document".to_owned();
    (path.display().to_string(), Inventory { anomalies: vec![Anomaly { place, what }], ..Inventory::default() })
}

/// The severity of a finding in tenths of CVSS: the worst that any source says.
pub(crate) fn tenths(finding: &Finding<'_>) -> Option<u32> {
    let of = |vector: &str| match cvss::score(vector) {
        Ok(scored) => Some((scored.score().value * 10.0).round() as u32),
        Err(_) => match vector.to_ascii_uppercase().as_str() {
            "LOW" | "NEGLIGIBLE" => Some(10),
            "MEDIUM" | "MODERATE" => Some(50),
            "HIGH" | "IMPORTANT" => Some(80),
            "CRITICAL" => Some(95),
            _ => None,
        },
    };
    finding.scores.iter().filter_map(|score| of(&score.vector)).max()
}

fn judge(report: &Report<'_>, fail_on: Option<FailOn>) -> Result<(), Failure> {
    let Some(fail_on) = fail_on else { return Ok(()) };
    let least = match fail_on {
        FailOn::Low | FailOn::Kev => 0,
        FailOn::Medium => 40,
        FailOn::High => 70,
        FailOn::Critical => 90,
    };
    let counts = |finding: &&Finding<'_>| match fail_on {
        FailOn::Kev => finding.exploited.is_some(),
        // Without a score nobody can say that it is less.
        _ => finding.exploited.is_some() || tenths(finding).is_none_or(|tenths| tenths >= least),
    };
    match report.findings.iter().filter(|finding| finding.is_open()).filter(counts).count() {
        0 => Ok(()),
        found => Err(Failure::Check(format!("{found} open findings reach --fail-on"))),
    }
}

fn of_sbom<'a>(name: &'a str, inventory: &'a Inventory) -> Document<'a> {
    Document {
        name,
        components: &inventory.components,
        dependencies: &inventory.dependencies,
        statements: &inventory.statements,
        anomalies: &inventory.anomalies,
    }
}

fn of_statements<'a>(name: &'a str, read: &'a vex::Read) -> Document<'a> {
    // What is wrong with them was said when they were imported or read.
    Document { name, components: &[], dependencies: &[], statements: &read.statements, anomalies: &[] }
}

/// The inventories of a file, a directory or standard input.
pub(crate) fn inventories(path: &Path, read: &mut Vec<(String, Inventory)>) -> Result<(), Failure> {
    if path.as_os_str() == "-" {
        read.push(("-".to_owned(), inventory(io::stdin().lock()).map_err(|error| Failure::input("-", chain(&error)))?));
        return Ok(());
    }
    if !path.is_dir() {
        let file = File::open(path).map_err(|error| Failure::file(path, &error))?;
        let inventory = inventory(file).map_err(|error| Failure::input(path.display(), chain(&error)))?;
        read.push((path.display().to_string(), inventory));
        return Ok(());
    }
    let mut files = Vec::new();
    files_of(path, 0, &mut files)?;
    let (before, mut passed_over) = (read.len(), 0_usize);
    for file in files {
        let opened = File::open(&file).map_err(|error| Failure::file(&file, &error))?;
        match inventory(opened) {
            Ok(inventory) => read.push((file.display().to_string(), inventory)),
            Err(sbom::SbomError::Unknown { .. }) => passed_over += 1,
            Err(error) => read.push(broken(&file, chain(&error))),
        }
    }
    if passed_over > 0 {
        eprintln!("yagura: {}: {passed_over} files are no SBOM", path.display());
    }
    if read.len() == before {
        return Err(Failure::input(path.display(), "no SBOM in this directory"));
    }
    Ok(())
}

fn inventory(input: impl io::Read) -> Result<Inventory, sbom::SbomError> {
    let mut inventory = Inventory::default();
    sbom::read(input, &mut inventory)?;
    inventory.settle();
    Ok(inventory)
}

/// Files below a directory in the order of their names, without hidden ones.
fn files_of(dir: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |error| Failure::file(dir, &error);
    let entries: Result<Vec<_>, _> = std::fs::read_dir(dir).map_err(failed)?.collect();
    let mut entries = entries.map_err(failed)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries.iter().filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b".")) {
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() && depth < DEPTH_MAX {
            files_of(&entry.path(), depth + 1, files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn statements(paths: &[PathBuf], stated: &mut Vec<(String, vex::Read)>) -> Result<(), Failure> {
    for path in paths {
        let length = std::fs::metadata(path).map_err(|error| Failure::file(path, &error))?.len();
        if length > STATEMENTS_BYTES_MAX {
            return Err(Failure::input(
                path.display(),
                format!("{length} bytes; at most {STATEMENTS_BYTES_MAX} are read"),
            ));
        }
        let read = vex::read(&std::fs::read(path).map_err(|error| Failure::file(path, &error))?);
        for anomaly in &read.anomalies {
            eprintln!("yagura: {}: {}: {}", path.display(), anomaly.place, anomaly.what);
        }
        if read.statements.is_empty() {
            return Err(Failure::input(path.display(), "no statement in it"));
        }
        stated.push((path.display().to_string(), read));
    }
    Ok(())
}
