//! A bundle: some records of a vault with all that a stranger needs to check them. Format: docs/format/export.md.
//!
//! Not the check (that is `check`). Invariants: a bundle's bytes follow from vault, question and time of making; every file but the
//! manifest and its signature is named in the manifest with its SHA-256; every record has a proof under one checkpoint. Cost: the
//! bundle in memory, at most [`BUNDLE_BYTES_MAX`].

use super::select::{Certificates, Found, Question, search};
use super::view;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use yagura_columns::Catalogue;
use yagura_model::UnixMicros;
use yagura_store::{InclusionProof, Position, Record, RecordKind, VaultError, VaultReader, sign_text};

/// What a bundle calls itself.
pub const FORMAT: &str = "yagura evidence bundle 1";
/// The most bytes of records in a bundle. Ask for less: a narrower time, one vehicle.
pub const BUNDLE_BYTES_MAX: usize = 1 << 30;
/// The time stamp over the file `checkpoint`.
pub(super) const STAMP_FILE: &str = "checkpoint.tsr";
/// The page for a stranger.
pub const HOWTO: &str = include_str!("howto.txt");

/// A file's name to its bytes.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Who makes a bundle, of what.
#[derive(Clone, Debug)]
pub struct Making<'a> {
    /// What goes in.
    pub question: &'a Question,
    /// The vault's key as note tools write it.
    pub log_key: &'a str,
    /// Name and version of the program.
    pub tool: &'a str,
    /// When.
    pub made: UnixMicros,
    /// Signs the manifest, so that nothing can be left out of the bundle unseen. Only who runs the vault has it.
    pub signer: Option<(&'a str, &'a SigningKey)>,
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The vault cannot be read, or has no checkpoint yet that covers a record.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Ask for less.
    #[error("the bundle would exceed {BUNDLE_BYTES_MAX} bytes: ask for less, by --from, --to, --vehicle or --position")]
    TooLarge,
}

/// Makes a bundle.
///
/// # Errors
/// [`ExportError`]
pub fn export(vault: &VaultReader, making: &Making<'_>) -> Result<Files, ExportError> {
    let (mut found, mut bytes) = (Vec::new(), 0);
    let certificates = search(vault, making.question, &mut |it| {
        bytes += it.record.payload.len();
        if bytes <= BUNDLE_BYTES_MAX {
            found.push(it);
        }
    })?;
    if bytes > BUNDLE_BYTES_MAX {
        return Err(ExportError::TooLarge);
    }
    let asked: BTreeSet<u64> = found.iter().map(|it| it.record.position.0).collect();
    for position in needed(&found, &certificates).difference(&asked) {
        let record = vault.record(Position(*position))?;
        found.push(Found { device: super::select::device_of(&record), record, key: None });
    }
    found.sort_by_key(|it| it.record.position);
    // A stamped checkpoint says since when the records are there; the oldest that covers them says it best.
    let end = found.last().map_or(0, |it| it.record.position.0 + 1);
    let stamped = vault.stamped_over(end)?;
    let (checkpoint, stamp) = match stamped {
        Some(stamped) => (stamped.checkpoint, Some(stamped.response)),
        None => (vault.checkpoint()?.unwrap_or_default(), None),
    };
    let proofs = found.iter().map(|it| vault.inclusion_proof_under(it.record.position, &checkpoint));
    let proofs: Vec<InclusionProof> = proofs.collect::<Result<_, _>>()?;
    let mut files = Files::new();
    let catalogue = Catalogue::builtin();
    let mut listed = Vec::new();
    for (it, proof) in found.iter().zip(&proofs) {
        let (record, at) = (&it.record, it.record.position.0);
        files.insert(record_file(at), [proof.entry.get(..28).unwrap_or_default(), &record.payload].concat());
        files.insert(proof_file(at), proof_text(proof).into_bytes());
        files.insert(view_file(at), view_text(record, it, &catalogue));
        listed.push(json!({
            "position": at, "kind": view::kind(record.kind), "asked_for": asked.contains(&at),
            "device": it.device.as_ref().map(ToString::to_string), "sha256": view::sha256(&record.payload),
        }));
    }
    files.insert("checkpoint".to_owned(), checkpoint.into_bytes());
    files.insert("log.key".to_owned(), format!("{}\n", making.log_key).into_bytes());
    files.insert("HOWTO.txt".to_owned(), HOWTO.as_bytes().to_vec());
    files.extend(stamp.map(|stamp| (STAMP_FILE.to_owned(), stamp)));
    seal(&mut files, &listed, making);
    Ok(files)
}

/// The certificates that verify the reports.
fn needed(found: &[Found], certificates: &Certificates) -> BTreeSet<u64> {
    let reports = found.iter().filter(|it| it.record.kind == RecordKind::Report);
    reports.filter_map(|it| it.device.as_ref()).flat_map(|device| certificates.positions(device)).collect()
}

fn view_text(record: &Record, found: &Found, catalogue: &Catalogue) -> Vec<u8> {
    pretty(&view::view(record, found.key.as_ref(), catalogue))
}

/// JSON as it stands in bundles.
pub(super) fn pretty(value: &Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}

/// Adds the manifest over all files and signs it.
fn seal(files: &mut Files, listed: &[Value], making: &Making<'_>) {
    let sums: BTreeMap<&String, String> = files.iter().map(|(name, bytes)| (name, view::sha256(bytes))).collect();
    let manifest = pretty(&json!({
        "format": FORMAT,
        "tool": making.tool,
        "made": view::time(making.made),
        "asked": making.question.to_string(),
        "log": making.log_key,
        "records": listed,
        "files": sums,
    }));
    if let Some((origin, key)) = making.signer {
        files
            .insert("manifest.note".to_owned(), sign_text(&manifest_note(origin, &manifest), origin, key).into_bytes());
    }
    files.insert("manifest.json".to_owned(), manifest);
}

/// What is signed of a manifest: no checkpoint of the log, since its second line is no number.
pub(super) fn manifest_note(origin: &str, manifest: &[u8]) -> String {
    format!("{origin}/evidence-bundle\nsha256 {}\n", view::sha256(manifest))
}

pub(super) fn record_file(position: u64) -> String {
    format!("records/{position:020}")
}

pub(super) fn proof_file(position: u64) -> String {
    format!("proofs/{position:020}.tlog-proof")
}

pub(super) fn view_file(position: u64) -> String {
    format!("decoded/{position:020}.json")
}

/// A proof as C2SP tlog-proof has it.
#[must_use]
pub fn proof_text(proof: &InclusionProof) -> String {
    let mut text = format!("c2sp.org/tlog-proof@v1\nindex {}\n", proof.position);
    for hash in &proof.hashes {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}", BASE64_STANDARD.encode(hash.0));
    }
    text.push('\n');
    text.push_str(&proof.checkpoint);
    text
}
