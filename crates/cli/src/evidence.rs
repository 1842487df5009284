//! `yagura evidence`: everything that a vault can prove, checked, searched and given out.
//!
//! Not a repair. `store` checks bytes, order and tree against the signed checkpoint, `server::evidence` the reports' own
//! signatures and chains; this reads the key, shows progress and prints.

mod bundle;
mod give;
mod hold;
mod source;

use crate::args::{Evidence, EvidenceSource, HoldCommand};
use crate::failure::Failure;
use crate::output::{Output, emit};
use crate::serve::{chain, stamp_roots};
use serde::Serialize;
use source::{archive_url, is_url, open_objects, reader, verifying_key};
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use yagura_server::evidence::{Audit, Summary, view};
use yagura_store::disk::LocalDisk;
use yagura_store::{
    Progress, RecordRef, StampRoots, StampsVerified, Unverifiable, Verified, verify_archive, verify_with,
};

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
    time_stamps: Option<Stamps>,
    unfinished_end: Option<String>,
    first_damage: Option<String>,
    #[serde(flatten)]
    summary: Summary,
}

/// Time stamps of the vault's checkpoints.
#[derive(Serialize)]
struct Stamps {
    count: u64,
    records_covered: u64,
    first: Option<String>,
    last: Option<String>,
    last_by: String,
    /// Whether the authority's certificate was checked against one that was given.
    authority_checked: bool,
}

impl Stamps {
    fn of(stamps: &StampsVerified, roots: Option<&StampRoots>) -> Self {
        Self {
            count: stamps.stamps,
            records_covered: stamps.covered,
            first: stamps.first.map(view::time),
            last: stamps.last.map(view::time),
            last_by: stamps.authority.clone(),
            authority_checked: roots.is_some(),
        }
    }

    fn text(&self) -> String {
        let Self { count, records_covered, first, last, last_by, .. } = self;
        let (first, last) = (first.as_deref().unwrap_or_default(), last.as_deref().unwrap_or_default());
        let trusted = if self.authority_checked { "" } else { "; AUTHORITY NOT CHECKED: give --tsa-ca" };
        format!(
            "{count} time stamps hold, from {first} to {last}, over the first {records_covered} records ({last_by}){trusted}"
        )
    }
}

/// Does what the command line says.
pub(crate) fn run(command: Evidence) -> Result<(), Failure> {
    match command {
        Evidence::Verify { what, key, objects, tsa_ca, json } => {
            let output = Output::from_flag(json);
            let roots = tsa_ca.as_deref().map(stamp_roots).transpose()?;
            match bundle::files(&what)? {
                Some(files) => bundle::verify(&what, &files, key.as_deref(), roots.as_ref(), output),
                None => {
                    let source = EvidenceSource { vault: what, key, objects };
                    verify_vault(&source, roots.as_ref(), output)
                }
            }
        }
        Evidence::Search { source, records, json } => give::find(&source, &records, Output::from_flag(json)),
        Evidence::Reads { source, by, json } => give::reads(&source, by.as_deref(), Output::from_flag(json)),
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
fn verify_vault(source: &EvidenceSource, roots: Option<&StampRoots>, output: Output) -> Result<(), Failure> {
    let (what, objects) = (source.vault.as_str(), source.objects.as_deref());
    let key = verifying_key(what, source.key.as_deref())?;
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
    // The tree is sound: now the stamps over its checkpoints.
    let result = match result {
        Ok(verified) => {
            let stamps = reader(source)?.0.verify_stamps(roots);
            stamps.map(|stamps| (verified, stamps)).map_err(Unverifiable::from)
        }
        Err(error) => Err(error),
    };
    let origin = result.as_ref().ok().map(|(verified, _)| verified.origin.as_str());
    let (dir, summary) = (Path::new(what), audit.finish(origin));
    let report = match &result {
        Ok((verified, stamps)) => intact(dir, verified, Stamps::of(stamps, roots), summary),
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

fn intact(dir: &Path, verified: &Verified, stamps: Stamps, summary: Summary) -> Report {
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
        time_stamps: Some(stamps),
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
        time_stamps: None,
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
        lines.extend(self.time_stamps.as_ref().filter(|stamps| stamps.count > 0).map(Stamps::text));
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
        let Summary { reports, devices, enrolments, anomalies, missing, out_of_turn, findings, .. } = &self.summary;
        lines.push(format!("{reports} reports of {devices} devices under {enrolments} certificates: signatures hold"));
        lines.push(format!("{anomalies} anomalies recorded, {missing} reports never arrived"));
        if *out_of_turn > 0 && self.summary.wrong == 0 {
            lines.push(format!(
                "{out_of_turn} signed reports stand here again or too late; the worker gave them no rows"
            ));
        }
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
