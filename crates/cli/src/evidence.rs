//! `yagura evidence`: everything that a vault can prove, checked, searched and given out.
//!
//! Not a repair. `store` checks bytes, order and tree against the signed checkpoint, `server::evidence` the reports' own
//! signatures and chains; this reads the key, shows progress and prints.

mod give;
mod hold;
mod source;

use crate::args::{Evidence, HoldCommand};
use crate::failure::Failure;
use crate::output::{Output, emit};
use crate::serve::chain;
use serde::Serialize;
use source::{archive_url, is_url, open_objects, parse_key, verifying_key};
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use yagura_server::evidence::bundle::Files;
use yagura_server::evidence::check::{BundleCheck, check};
use yagura_server::evidence::{Audit, Summary, zip};
use yagura_store::disk::LocalDisk;
use yagura_store::{Progress, RecordRef, Unverifiable, Verified, verify_archive, verify_with};

#[derive(Serialize)]
struct Report {
    vault: String,
    intact: bool,
    origin: Option<String>,
    root: Option<String>,
    records: u64,
    covered_by_checkpoint: u64,
    only_in_archive: u64,
    deleted: u64,
    bytes: u64,
    unfinished_end: Option<String>,
    first_damage: Option<String>,
    #[serde(flatten)]
    summary: Summary,
}

/// Does what the command line says.
pub(crate) fn run(command: Evidence) -> Result<(), Failure> {
    match command {
        Evidence::Verify { what, key, objects, json } => {
            let output = Output::from_flag(json);
            match bundle_files(&what)? {
                Some(files) => verify_bundle(&what, &files, key.as_deref(), output),
                None => verify_vault(&what, key.as_deref(), objects.as_deref(), output),
            }
        }
        Evidence::Search { source, records, json } => give::find(&source, &records, Output::from_flag(json)),
        Evidence::Export { source, records, out, json } => {
            give::bundle(&source, &records, &out, Output::from_flag(json))
        }
        Evidence::Prove { source, position, since, json } => {
            give::prove(&source, position, since, Output::from_flag(json))
        }
        Evidence::Hold(HoldCommand::Add { source, hold, json }) => hold::add(&source, &hold, Output::from_flag(json)),
        Evidence::Hold(HoldCommand::Remove { source, id, reason, json }) => {
            hold::remove(&source, &id, &reason, Output::from_flag(json))
        }
        Evidence::Hold(HoldCommand::List { source, json }) => hold::list(&source, Output::from_flag(json)),
    }
}

/// Verifies a vault or an archive.
fn verify_vault(what: &str, key: Option<&str>, objects: Option<&str>, output: Output) -> Result<(), Failure> {
    let key = verifying_key(what, key)?;
    let mut audit = Audit::new();
    let mut meter = Meter::new();
    let visit = &mut |record: RecordRef<'_>| audit.visit(record);
    let show = &mut |progress| meter.show(progress);
    let result = if is_url(what) {
        verify_archive(open_objects(what)?, &key, visit, show)
    } else {
        let behind = objects.map(|url| open_objects(&archive_url(url))).transpose()?;
        verify_with(Arc::new(LocalDisk::new(Path::new(what))), behind, &key, visit, show)
    };
    meter.clear();
    let (dir, summary) = (Path::new(what), audit.finish());
    let report = match &result {
        Ok(verified) => intact(dir, verified, summary),
        Err(Unverifiable::Corrupt(corruption)) => damaged(dir, corruption.to_string(), summary),
        Err(error) => return Err(Failure::input(dir.display(), chain(error))),
    };
    emit(output, &report, || report.text())?;
    if report.intact {
        return Ok(());
    }
    let wrong = report.first_damage.unwrap_or_else(|| format!("{} record(s) are wrong", report.summary.wrong));
    Err(Failure::Check(format!("{}: {wrong}", dir.display())))
}

/// The files of a bundle, if this is one.
fn bundle_files(what: &str) -> Result<Option<Files>, Failure> {
    let path = Path::new(what);
    let failed = |error| Failure::file(path, &error);
    if path.is_file() {
        let bytes = std::fs::read(path).map_err(failed)?;
        return zip::read(&bytes).map(Some).map_err(|error| Failure::Check(format!("{what}: {error}")));
    }
    if !path.join("manifest.json").exists() {
        return Ok(None);
    }
    let mut files = Files::new();
    let mut dirs = vec![PathBuf::new()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(path.join(&dir)).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = dir.join(entry.file_name());
            if entry.file_type().map_err(failed)?.is_dir() {
                dirs.push(name);
            } else {
                files.insert(name.display().to_string(), std::fs::read(entry.path()).map_err(failed)?);
            }
        }
    }
    Ok(Some(files))
}

/// Verifies a bundle.
fn verify_bundle(what: &str, files: &Files, key: Option<&str>, output: Output) -> Result<(), Failure> {
    let own = files.get("log.key").and_then(|bytes| parse_key(std::str::from_utf8(bytes).ok()?.trim()));
    let given = key.map(|key| verifying_key(what, Some(key))).transpose()?;
    let trusted = given.is_some();
    let Some(key) = given.or(own) else {
        return Err(Failure::input(what, "no log.key in the bundle: give it with --key"));
    };
    let result = check(files, &key);
    emit(output, &result, || bundle_text(&result, trusted))?;
    match result.faults.first() {
        None => Ok(()),
        Some(fault) => Err(Failure::Check(format!("{what}: {}: {}", fault.file, fault.what))),
    }
}

fn bundle_text(result: &BundleCheck, trusted: bool) -> String {
    let BundleCheck { origin, log_size, asked, tool, proven, reports, not_included, .. } = result;
    let mut lines = vec![
        format!("bundle of the log {origin}, asked for: {asked}; made by {tool}"),
        format!("{proven} records are proven to be among the {log_size} of the signed checkpoint"),
        format!(
            "{reports} reports: the signatures of their devices hold; {not_included} between them are not in this bundle"
        ),
    ];
    lines.push(if result.complete {
        "the log signed the list of records: none was left out or added since".to_owned()
    } else {
        "NOT SIGNED: the list of records is not signed by the log; some may have been left out".to_owned()
    });
    if !trusted {
        lines.push(
            "KEY NOT CHECKED: the key is the bundle's own; compare log.key with one that you trust, or give --key"
                .to_owned(),
        );
    }
    lines.extend(result.faults.iter().map(|fault| format!("WRONG {}: {}", fault.file, fault.what)));
    lines.push(if result.wrong == 0 { "intact".to_owned() } else { format!("{} THINGS ARE WRONG", result.wrong) });
    lines.join("\n")
}

fn intact(dir: &Path, verified: &Verified, summary: Summary) -> Report {
    Report {
        vault: dir.display().to_string(),
        intact: summary.wrong == 0,
        origin: Some(verified.origin.clone()),
        root: Some(verified.root.to_string()),
        records: verified.records,
        covered_by_checkpoint: verified.covered,
        only_in_archive: verified.elsewhere,
        deleted: verified.deleted,
        bytes: verified.bytes,
        unfinished_end: verified.unfinished.as_ref().map(|cut| format!("{cut:?}")),
        first_damage: None,
        summary,
    }
}

fn damaged(dir: &Path, damage: String, summary: Summary) -> Report {
    Report {
        vault: dir.display().to_string(),
        intact: false,
        origin: None,
        root: None,
        records: 0,
        covered_by_checkpoint: 0,
        only_in_archive: 0,
        deleted: 0,
        bytes: 0,
        unfinished_end: None,
        first_damage: Some(damage),
        summary,
    }
}

impl Report {
    fn text(&self) -> String {
        let mut lines = Vec::new();
        if let Some(root) = &self.root {
            let Self { records, bytes, covered_by_checkpoint: covered, .. } = self;
            lines.push(format!("{records} records, {bytes} bytes: checksums and order hold"));
            lines.push(format!("signed checkpoint over {covered} records, root {root}: tree and tiles agree"));
        }
        if self.only_in_archive > 0 {
            let count = self.only_in_archive;
            lines.push(format!(
                "{count} records are in the archive only: their leaves hold; give --objects to check them whole"
            ));
        }
        if self.deleted > 0 {
            lines.push(format!(
                "{} records were deleted: their leaves hold, and records say when and why",
                self.deleted
            ));
        }
        let Summary { reports, devices, enrolments, anomalies, missing, findings, .. } = &self.summary;
        lines.push(format!("{reports} reports of {devices} devices under {enrolments} certificates: signatures hold"));
        lines.push(format!("{anomalies} anomalies recorded, {missing} reports never arrived"));
        let wrong = findings.iter().map(|finding| {
            let device = finding.device.as_deref().unwrap_or("unreadable device");
            format!("WRONG position {} ({device}): {}", finding.position, finding.what)
        });
        lines.extend(wrong);
        if let Some(cut) = &self.unfinished_end {
            lines.push(format!("unfinished end, as a crash leaves it; the server cuts it off when it starts: {cut}"));
        }
        let verdict = self.first_damage.as_ref().map_or_else(|| "intact".to_owned(), |what| format!("DAMAGED {what}"));
        lines.push(if self.summary.wrong > 0 { "WRONG RECORDS".to_owned() } else { verdict });
        lines.join("\n")
    }
}

/// Progress on the terminal, if standard error is one.
struct Meter {
    shown: bool,
    terminal: bool,
}

impl Meter {
    fn new() -> Self {
        Self { shown: false, terminal: std::io::stderr().is_terminal() }
    }

    fn show(&mut self, progress: Progress) {
        if self.terminal {
            let percent = (progress.bytes * 100).checked_div(progress.bytes_total).unwrap_or(100);
            eprint!("\r{percent:3} % of {} MB, {} records ", progress.bytes_total / 1_000_000, progress.records);
            let _ = std::io::stderr().flush();
            self.shown = true;
        }
    }

    fn clear(&self) {
        if self.shown {
            eprint!("\r\x1b[K");
        }
    }
}
