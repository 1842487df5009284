//! `yagura evidence verify BUNDLE`: a bundle, as one file or as a directory, checked and told in words.
//!
//! Not the check itself (that is `server::evidence::check`). Invariant: a key or an authority that nobody gave is said not to be checked.

use super::source::{parse_key, verifying_key};
use crate::failure::Failure;
use crate::output::{Output, emit};
use std::path::{Path, PathBuf};
use yagura_server::evidence::bundle::Files;
use yagura_server::evidence::check::{BundleCheck, check};
use yagura_server::evidence::zip;
use yagura_store::StampRoots;

/// The files of a bundle, if this is one.
pub(super) fn files(what: &str) -> Result<Option<Files>, Failure> {
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
pub(super) fn verify(
    what: &str,
    files: &Files,
    key: Option<&str>,
    roots: Option<&StampRoots>,
    output: Output,
) -> Result<(), Failure> {
    let own = files.get("log.key").and_then(|bytes| parse_key(std::str::from_utf8(bytes).ok()?.trim()));
    let given = key.map(|key| verifying_key(what, Some(key))).transpose()?;
    let trusted = given.is_some();
    let Some(key) = given.or(own) else {
        return Err(Failure::input(what, "no log.key in the bundle: give it with --key"));
    };
    let result = check(files, &key, roots);
    emit(output, &result, || text(&result, trusted, roots.is_some()))?;
    match result.faults.first() {
        None => Ok(()),
        Some(fault) => Err(Failure::Check(format!("{what}: {}: {}", fault.file, fault.what))),
    }
}

fn text(result: &BundleCheck, key_given: bool, tsa_given: bool) -> String {
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
    if !key_given {
        lines.push(
            "KEY NOT CHECKED: the key is the bundle's own; compare log.key with one that you trust, or give --key"
                .to_owned(),
        );
    }
    if let Some((time, by)) = result.stamped.as_ref().zip(result.stamped_by.as_ref()) {
        let trusted = if tsa_given { "" } else { "; AUTHORITY NOT CHECKED: give --tsa-ca" };
        lines.push(format!("all of it was there at {time}, says the time stamp of {by}{trusted}"));
    }
    lines.extend(result.faults.iter().map(|fault| format!("WRONG {}: {}", fault.file, fault.what)));
    lines.push(if result.wrong == 0 { "intact".to_owned() } else { format!("{} THINGS ARE WRONG", result.wrong) });
    lines.join("\n")
}
