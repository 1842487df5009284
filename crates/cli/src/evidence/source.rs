//! Where evidence is: a vault's directory, with its archive behind it, or an archive's URL; and whose key signs it.
//!
//! Opens nothing for writing but what `hold` asks for.

use crate::args::{EvidenceSource, Records};
use crate::failure::Failure;
use crate::serve::chain;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _};
use ed25519_dalek::{SigningKey, VerifyingKey};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use yagura_columns::Catalogue;
use yagura_model::UnixMicros;
use yagura_server::evidence::select::{Question, event_named};
use yagura_server::evidence::view;
use yagura_server::serve::PARTITIONS_DIR;
use yagura_store::disk::LocalDisk;
use yagura_store::objects::{self, Objects};
use yagura_store::{VaultReader, open_verifier_key};

/// The longest key file that is read.
const KEY_FILE_BYTES_MAX: u64 = 16 << 10;

/// Whether this names an object store and no directory.
pub(crate) fn is_url(text: &str) -> bool {
    text.starts_with("s3://") || text.starts_with("az://")
}

/// The object store of a URL.
pub(crate) fn open_objects(url: &str) -> Result<Arc<dyn Objects>, Failure> {
    objects::open(url).map_err(|error| Failure::input(url, chain(&error)))
}

/// A reader of what is named, and the key that its checkpoints are checked with.
pub(crate) fn reader(source: &EvidenceSource) -> Result<(VaultReader, VerifyingKey), Failure> {
    let key = verifying_key(&source.vault, source.key.as_deref())?;
    let opened = if is_url(&source.vault) {
        VaultReader::of_archive(open_objects(&source.vault)?, key)
    } else {
        let behind = source.objects.as_deref().map(|url| open_objects(&archive_url(url))).transpose()?;
        VaultReader::of_disk(Arc::new(LocalDisk::new(Path::new(&source.vault))), behind, key)
    };
    let reader = opened.map_err(|error| Failure::input(&source.vault, chain(&error)))?;
    Ok((reader, key))
}

/// The archive of a server's `--objects URL`.
pub(crate) fn archive_url(url: &str) -> String {
    format!("{}/vault", url.trim_end_matches('/'))
}

/// The public key: given as note key, as hexadecimal or as file; else the one that the server keeps beside its vault.
pub(crate) fn verifying_key(vault: &str, key: Option<&str>) -> Result<VerifyingKey, Failure> {
    let path = match key {
        Some(text) => match parse_key(text) {
            Some(key) => return Ok(key),
            None => PathBuf::from(text),
        },
        None if is_url(vault) => return Err(Failure::input(vault, "give the vault's public key with --key")),
        None => beside(vault, "vault.pub"),
    };
    let text = read_key_file(&path)?;
    let parsed = VerifyingKey::from_public_key_pem(&text).ok().or_else(|| parse_key(text.trim()));
    parsed.ok_or_else(|| Failure::input(path.display(), "neither a PEM public key nor a log's key"))
}

/// The private key that the server keeps beside its vault, if this may read it.
pub(crate) fn signing_key(vault: &str) -> Option<SigningKey> {
    let text = read_key_file(&beside(vault, "vault.key")).ok().filter(|_| !is_url(vault))?;
    SigningKey::from_pkcs8_pem(&text).ok()
}

fn beside(vault: &str, name: &str) -> PathBuf {
    let data = Path::new(vault).join(if is_partition(vault) { "../.." } else { ".." });
    data.join("identity").join(name)
}

/// Whether this is the vault of a partition: a copy of a cluster's log, into which only the log may write.
pub(crate) fn is_partition(vault: &str) -> bool {
    let whole = Path::new(vault).canonicalize().unwrap_or_else(|_| vault.into());
    whole.parent().and_then(Path::file_name).is_some_and(|name| name == PARTITIONS_DIR)
}

fn read_key_file(path: &Path) -> Result<String, Failure> {
    let failed = |error| Failure::file(path, &error);
    if std::fs::metadata(path).map_err(failed)?.len() > KEY_FILE_BYTES_MAX {
        return Err(Failure::input(path.display(), "too large for a key"));
    }
    std::fs::read_to_string(path).map_err(failed)
}

/// A key as hexadecimal or as note tools write it.
pub(crate) fn parse_key(text: &str) -> Option<VerifyingKey> {
    open_verifier_key(text).map(|(_, key)| key).or_else(|| VerifyingKey::from_bytes(&hex_key(text)?).ok())
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

/// What is asked for.
pub(crate) fn question(records: &Records) -> Result<Question, Failure> {
    let catalogue = Catalogue::builtin();
    let wrong =
        |option: &str, text: &str, expected: &str| Failure::input(option, format!("{text:?} is not {expected}"));
    let event = records.event.as_deref().map(|text| {
        event_named(text, &catalogue)
            .ok_or_else(|| wrong("--event", text, "a symbol of the event catalogue or a number"))
    });
    let positions = records
        .position
        .as_deref()
        .map(|text| positions(text).ok_or_else(|| wrong("--position", text, "A..B, A.. or one position")));
    Ok(Question {
        vehicle: records.vehicle.clone(),
        device: records.device.clone(),
        from: time("--from", records.from.as_deref())?,
        to: time("--to", records.to.as_deref())?,
        event: event.transpose()?,
        report: records.report.clone(),
        positions: positions.transpose()?,
    })
}

/// An instant in RFC 3339.
pub(crate) fn time(option: &str, text: Option<&str>) -> Result<Option<UnixMicros>, Failure> {
    let parse = |text: &str| {
        view::parse_time(text)
            .ok_or_else(|| Failure::input(option, format!("{text:?} is not like 2026-11-22T08:00:00Z")))
    };
    text.map(parse).transpose()
}

fn positions(text: &str) -> Option<(u64, u64)> {
    match text.split_once("..") {
        None => text.parse().ok().and_then(|at: u64| Some((at, at.checked_add(1)?))),
        Some((from, "")) => Some((from.parse().ok()?, u64::MAX)),
        Some((from, to)) => Some((from.parse().ok()?, to.parse().ok()?)),
    }
}
