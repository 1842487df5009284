//! `yagura evidence search`, `export` and `prove`: evidence for auditors.
//!
//! Not the making of bundles (that is `server::evidence`). What was exported is left as a record for the vault, if this may.

use super::source::{question, reader, signing_key};
use crate::args::{EvidenceSource, Records};
use crate::failure::Failure;
use crate::output::{Output, emit, out};
use crate::serve::chain;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use yagura_columns::Catalogue;
use yagura_model::UnixMicros;
use yagura_server::evidence::bundle::{Files, Making, export, proof_text};
use yagura_server::evidence::reads::reason;
use yagura_server::evidence::select::search;
use yagura_server::evidence::{view, zip};
use yagura_store::{Access, Custody, Position, VaultReader, verifier_key};

/// Prints the records that are asked for, one a line.
pub(crate) fn find(source: &EvidenceSource, records: &Records, output: Output) -> Result<(), Failure> {
    let (vault, _) = reader(source)?;
    let catalogue = Catalogue::builtin();
    let (mut told, mut count) = (Ok(()), 0_u64);
    let searched = search(&vault, &question(records)?, &mut |found| {
        count += 1;
        if told.is_ok() {
            let value = view::view(&found.record, found.key.as_ref(), &catalogue);
            told = emit(output, &value, || view::line(&value));
        }
    });
    searched.map_err(|error| Failure::input(&source.vault, chain(&error)))?;
    let access = access("search", question(records)?.to_string(), count, records);
    // Of a copy without its private key nothing can be recorded, and none is asked to be.
    let logged = super::hold::record(&source.vault, &Custody::Accessed(access)).is_ok();
    told?;
    let told =
        if logged { "the search is a record of the vault" } else { "the search could not be recorded in the vault" };
    if output == Output::Text { out(format!("{count} record(s); {told}\n").as_bytes()) } else { Ok(()) }
}

/// A read of evidence by whoever runs this.
fn access(how: &str, asked: String, count: u64, records: &Records) -> Access {
    let (by, how, why) = (super::hold::who(), how.to_owned(), records.reason.as_deref().and_then(reason));
    let tenant = [&records.vehicle, &records.device].into_iter().flatten().find_map(|name| name.split('/').next());
    Access { by, how, asked, records: count, tenant: tenant.map(str::to_owned), why, times: 1, ..Access::default() }
}

/// Prints who read evidence, one a line.
pub(crate) fn reads(source: &EvidenceSource, by: Option<&str>, output: Output) -> Result<(), Failure> {
    let (vault, _) = reader(source)?;
    let custody = vault.custody().map_err(|error| Failure::input(&source.vault, chain(&error)))?;
    for (position, custody) in custody {
        let Custody::Accessed(access) = custody else { continue };
        if by.is_some_and(|by| by != access.by) {
            continue;
        }
        let value = json!({
            "position": position.0, "by": access.by, "how": access.how, "asked": access.asked, "records": access.records,
            "why": access.why, "tenant": access.tenant, "times": access.times, "first": access.first.map(view::time),
            "last": access.last.map(view::time), "manifest": access.manifest,
        });
        emit(output, &value, || read_line(position, &access))?;
    }
    Ok(())
}

fn read_line(position: Position, access: &Access) -> String {
    let Access { by, how, asked, times, .. } = access;
    let when = access.first.map(|first| format!(" at {}", view::time(first))).unwrap_or_default();
    let why = access.why.as_ref().map(|why| format!(", because: {why}")).unwrap_or_default();
    let times = if *times > 1 { format!(", {times} times") } else { String::new() };
    format!("{position} {by}{when}: {how} of {asked}{times}{why}")
}

/// Writes a bundle.
pub(crate) fn bundle(source: &EvidenceSource, records: &Records, to: &Path, output: Output) -> Result<(), Failure> {
    let (vault, key) = reader(source)?;
    let question = question(records)?;
    let origin = origin(&vault, source)?;
    let signer = signing_key(&source.vault).filter(|signer| signer.verifying_key() == key);
    let log_key = verifier_key(&origin, &key);
    let tool = format!("yagura {}", env!("CARGO_PKG_VERSION"));
    let making = Making {
        question: &question,
        log_key: &log_key,
        tool: &tool,
        made: now(),
        signer: signer.as_ref().map(|signer| (origin.as_str(), signer)),
    };
    let files = export(&vault, &making).map_err(|error| Failure::input(&source.vault, chain(&error)))?;
    write(&files, to)?;
    let count = files.keys().filter(|name| name.starts_with("records/")).count() as u64;
    let manifest = files.get("manifest.json").map(|bytes| view::sha256(bytes));
    let access = Access { manifest: manifest.clone(), ..access("export", question.to_string(), count, records) };
    let logged = super::hold::record(&source.vault, &Custody::Accessed(access)).is_ok();
    let value = json!({
        "bundle": to.display().to_string(), "records": count, "manifest": manifest, "log": log_key,
        "signed": signer.is_some(), "logged": logged,
    });
    emit(output, &value, || {
        let signed = if signer.is_some() {
            "the list of its records is signed by the log"
        } else {
            "the list of its records is NOT signed: the log's private key is not here, so nobody can see whether one was left out"
        };
        let logged = if logged {
            "the export is a record of the vault"
        } else {
            "the export could not be recorded in the vault"
        };
        format!(
            "{}: {count} record(s); {signed}; {logged}\nlog key, to be given by another way: {log_key}",
            to.display()
        )
    })
}

/// Prints the proofs of one record.
pub(crate) fn prove(source: &EvidenceSource, position: u64, since: Option<u64>, output: Output) -> Result<(), Failure> {
    let (vault, _) = reader(source)?;
    let failed = |error| Failure::input(&source.vault, chain(&error));
    let proof = vault.inclusion_proof(Position(position)).map_err(failed)?;
    let proven = Access {
        by: super::hold::who(),
        how: "proof".to_owned(),
        asked: format!("record {position}"),
        records: 1,
        times: 1,
        ..Access::default()
    };
    // As for a search.
    let _ = super::hold::record(&source.vault, &Custody::Accessed(proven));
    let mut text = proof_text(&proof);
    let mut value = json!({
        "position": position, "size": proof.tree_size, "leaf": proof.leaf.to_string(), "root": proof.root.to_string(),
        "entry": BASE64_STANDARD.encode(&proof.entry), "tlog_proof": text,
    });
    if let Some(old) = since {
        let (hashes, _) = vault.consistency_proof(old).map_err(failed)?;
        let root = vault.root_at(old).map_err(failed)?;
        let hashes: Vec<String> = hashes.iter().map(|hash| BASE64_STANDARD.encode(hash.0)).collect();
        text.push_str(&format!("\nconsistency {old} {}\n{}\n", proof.tree_size, hashes.join("\n")));
        if let Some(object) = value.as_object_mut() {
            let consistency = json!({"old_size": old, "old_root": root.to_string(), "hashes": hashes});
            object.insert("consistency".to_owned(), consistency);
        }
    }
    emit(output, &value, || text.clone())
}

fn origin(vault: &VaultReader, source: &EvidenceSource) -> Result<String, Failure> {
    let note = vault.checkpoint().map_err(|error| Failure::input(&source.vault, chain(&error)))?;
    let origin = note.as_deref().and_then(|note| note.lines().next()).map(str::to_owned);
    origin.ok_or_else(|| Failure::input(&source.vault, "no checkpoint yet"))
}

/// Writes the files as a ZIP archive or as a directory that is not there yet.
fn write(files: &Files, to: &Path) -> Result<(), Failure> {
    let failed = |error| Failure::file(to, &error);
    if to.extension().is_some_and(|extension| extension == "zip") {
        let bytes = zip::write(files).map_err(|error| Failure::input(to.display(), error))?;
        return fs::write(to, bytes).map_err(failed);
    }
    if to.exists() {
        return Err(Failure::input(to.display(), "is there already: give a new directory or FILE.zip"));
    }
    for (name, bytes) in files {
        let path = to.join(name);
        path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
        fs::write(&path, bytes).map_err(failed)?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the edge reads the clock")]
pub(crate) fn now() -> UnixMicros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMicros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
