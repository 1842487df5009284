//! `yagura evidence verify`: everything that a vault can prove, checked offline.
//!
//! Not a repair. `store` checks bytes, order and tree against the signed checkpoint, `server::evidence` the reports' own
//! signatures and chains; this reads the key, shows progress and prints.

use crate::failure::Failure;
use crate::output::{Output, emit};
use ed25519_dalek::VerifyingKey;
use ed25519_dalek::pkcs8::DecodePublicKey as _;
use serde::Serialize;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use yagura_server::evidence::{Audit, Summary};
use yagura_store::{Progress, Unverifiable, Verified, verify};

#[derive(Serialize)]
struct Report {
    vault: String,
    intact: bool,
    origin: Option<String>,
    root: Option<String>,
    records: u64,
    covered_by_checkpoint: u64,
    bytes: u64,
    unfinished_end: Option<String>,
    first_damage: Option<String>,
    #[serde(flatten)]
    summary: Summary,
}

/// Verifies the vault in `dir`.
pub(crate) fn verify_vault(dir: &Path, key: Option<&str>, output: Output) -> Result<(), Failure> {
    let key = verifying_key(dir, key)?;
    let mut audit = Audit::new();
    let mut meter = Meter::new();
    let result = verify(dir, &key, &mut |record| audit.visit(record), &mut |progress| meter.show(progress));
    meter.clear();
    let summary = audit.finish();
    let report = match &result {
        Ok(verified) => intact(dir, verified, summary),
        Err(Unverifiable::Corrupt(corruption)) => damaged(dir, corruption.to_string(), summary),
        Err(error) => return Err(Failure::input(dir.display(), error)),
    };
    emit(output, &report, || report.text())?;
    if report.intact {
        return Ok(());
    }
    let wrong = report.first_damage.unwrap_or_else(|| format!("{} record(s) are wrong", report.summary.wrong));
    Err(Failure::Check(format!("{}: {wrong}", dir.display())))
}

fn intact(dir: &Path, verified: &Verified, summary: Summary) -> Report {
    Report {
        vault: dir.display().to_string(),
        intact: summary.wrong == 0,
        origin: Some(verified.origin.clone()),
        root: Some(verified.root.to_string()),
        records: verified.records,
        covered_by_checkpoint: verified.covered,
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

/// The vault's public key: given as hexadecimal or file, or the one that the server keeps beside its vault.
fn verifying_key(dir: &Path, key: Option<&str>) -> Result<VerifyingKey, Failure> {
    if let Some(bytes) = key.and_then(hex_key) {
        return VerifyingKey::from_bytes(&bytes).map_err(|error| Failure::input("--key", error));
    }
    let beside = dir.join("..").join("identity").join("vault.pub");
    let path = key.map_or(beside, PathBuf::from);
    let text = std::fs::read_to_string(&path).map_err(|error| Failure::file(&path, &error))?;
    VerifyingKey::from_public_key_pem(&text).map_err(|error| Failure::input(path.display(), error))
}

fn hex_key(text: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    if text.len() != 2 * key.len() || !text.is_ascii() {
        return None;
    }
    for (byte, at) in key.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(key)
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
