//! Checks a bundle with nothing but the bundle and the log's public key.
//!
//! Not a vault check (that is `store::verify`). Invariants: every file is accounted for; a record counts as proven only under the one
//! checkpoint that the key signed; what is wrong is named by file. Cost: one signature check a report, one hash a byte.

use super::bundle::{FORMAT, Files, STAMP_FILE, manifest_note, pretty, proof_file, record_file, view_file};
use super::select::{Certificates, Found, device_of};
use super::view;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::VerifyingKey;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use yagura_columns::Catalogue;
use yagura_link::peek;
use yagura_model::DeviceId;
use yagura_store::{
    Checkpoint, Digest, Nonce, Record, RecordKind, StampRoots, TimeStamp, leaf_hash, open_checkpoint, open_text,
    parse_record, record_entry, verify_inclusion,
};

/// Faults that are kept one by one.
pub const FAULTS_MAX: usize = 100;
const RECORD_HEADER_LEN: usize = 28;

/// Something in a bundle that is not as it was made.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub what: String,
}

/// What a bundle proves.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct BundleCheck {
    /// The log's name as signed.
    pub origin: String,
    /// How many records the checkpoint covers.
    pub log_size: u64,
    /// What was asked for when the bundle was made.
    pub asked: String,
    /// Which program made it.
    pub tool: String,
    /// Records that are proven to be in the log.
    pub proven: u64,
    /// Reports whose devices' signatures hold.
    pub reports: u64,
    /// Reports that are not in this bundle, though their neighbours of the same boot are.
    pub not_included: u64,
    /// Whether the log's key signed the list of what is in here. If not, records may have been left out unseen.
    pub complete: bool,
    /// When an authority stamped the checkpoint, if one did: every record was there by then.
    pub stamped: Option<String>,
    /// Who stamped it.
    pub stamped_by: Option<String>,
    /// How many things are wrong.
    pub wrong: u64,
    /// The first [`FAULTS_MAX`] of them.
    pub faults: Vec<Fault>,
}

impl BundleCheck {
    fn fault(&mut self, file: &str, what: impl Into<String>) {
        self.wrong += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { file: file.to_owned(), what: what.into() });
        }
    }
}

/// Checks a bundle against the log's key, and its time stamp against the authorities that are given. Without any a stamp must hold by the
/// certificate in it.
#[must_use]
pub fn check(files: &Files, key: &VerifyingKey, roots: Option<&StampRoots>) -> BundleCheck {
    let mut check = BundleCheck::default();
    let Some(manifest) = manifest(files, &mut check) else { return check };
    sums(files, &manifest, &mut check);
    let note = files.get("checkpoint").map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
    let checkpoint = match open_checkpoint(&note, key) {
        Ok(checkpoint) => checkpoint,
        Err(error) => {
            check.fault("checkpoint", error.to_string());
            return check;
        }
    };
    (check.origin, check.log_size) = (checkpoint.origin.clone(), checkpoint.size);
    signature(files, &checkpoint, key, &mut check);
    stamp(files, note.as_bytes(), roots, &mut check);
    let mut records = Vec::new();
    for position in positions(&manifest, &mut check) {
        records.extend(record(files, position, &note, &checkpoint, &mut check));
    }
    contents(files, &manifest, records, &mut check);
    check
}

fn manifest(files: &Files, check: &mut BundleCheck) -> Option<Value> {
    let name = "manifest.json";
    let parsed = files.get(name).and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
    let Some(manifest) = parsed else {
        check.fault(name, "missing, or not JSON");
        return None;
    };
    let text = |field: &str| manifest.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    (check.asked, check.tool) = (text("asked"), text("tool"));
    if text("format") != FORMAT {
        check.fault(name, format!("format {:?} is not known here, expected {FORMAT:?}", text("format")));
        return None;
    }
    if files.get(name) != Some(&pretty(&manifest)) {
        check.fault(name, "not written as bundles are");
    }
    Some(manifest)
}

/// Every file is named with its SHA-256, and every named file is there.
fn sums(files: &Files, manifest: &Value, check: &mut BundleCheck) {
    let empty = serde_json::Map::new();
    let sums = manifest.get("files").and_then(Value::as_object).unwrap_or(&empty);
    for (name, sum) in sums {
        match files.get(name) {
            None => check.fault(name, "named in the manifest, but missing"),
            Some(bytes) if sum.as_str() != Some(&view::sha256(bytes)) => {
                check.fault(name, "its SHA-256 is not the one in the manifest");
            }
            Some(_) => {}
        }
    }
    for name in files.keys().filter(|name| !sums.contains_key(*name)) {
        if name != "manifest.json" && name != "manifest.note" {
            check.fault(name, "not named in the manifest: it does not belong here");
        }
    }
}

fn signature(files: &Files, checkpoint: &Checkpoint, key: &VerifyingKey, check: &mut BundleCheck) {
    let name = "manifest.note";
    let Some(note) = files.get(name) else { return };
    let manifest = files.get("manifest.json").map_or(&[][..], Vec::as_slice);
    let expected = manifest_note(&checkpoint.origin, manifest);
    match open_text(&String::from_utf8_lossy(note), &checkpoint.origin, key) {
        Ok(text) if text == expected => check.complete = true,
        Ok(_) => check.fault(name, "signs another manifest: records, views or the list of them were changed"),
        Err(error) => check.fault(name, error.to_string()),
    }
}

/// The time stamp is over this checkpoint.
fn stamp(files: &Files, checkpoint: &[u8], roots: Option<&StampRoots>, check: &mut BundleCheck) {
    let Some(response) = files.get(STAMP_FILE) else { return };
    let checked = TimeStamp::open(response).and_then(|stamp| {
        stamp.check(checkpoint, Nonce::Any, roots)?;
        Ok(stamp)
    });
    match checked {
        Ok(stamp) => {
            (check.stamped, check.stamped_by) = (Some(view::time(stamp.time())), Some(stamp.authority()));
        }
        Err(error) => check.fault(STAMP_FILE, error.to_string()),
    }
}

/// The positions that the manifest lists, which ascend.
fn positions(manifest: &Value, check: &mut BundleCheck) -> Vec<u64> {
    let listed = manifest.get("records").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let positions: Vec<u64> = listed.iter().filter_map(|it| it.get("position").and_then(Value::as_u64)).collect();
    if positions.len() != listed.len() || !positions.is_sorted_by(|a, b| a < b) {
        check.fault("manifest.json", "the list of records is not in order of position");
    }
    positions
}

/// A record that is proven to be in the log.
fn record(
    files: &Files,
    position: u64,
    note: &str,
    checkpoint: &Checkpoint,
    check: &mut BundleCheck,
) -> Option<Record> {
    let name = record_file(position);
    let Some(bytes) = files.get(&name) else {
        check.fault(&name, "missing");
        return None;
    };
    let Some(record) = parse_record(bytes) else {
        check.fault(&name, "not a record: header of 28 bytes, then the payload");
        return None;
    };
    if record.position.0 != position {
        check.fault(&name, format!("record {} stands in its place", record.position));
        return None;
    }
    let payload = bytes.get(RECORD_HEADER_LEN..).unwrap_or_default();
    let entry = bytes.first_chunk().map(|header| record_entry(header, payload))?;
    let proof = files.get(&proof_file(position)).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let Some(hashes) = proof.as_deref().and_then(|text| proof_hashes(text, position, note)) else {
        check.fault(&proof_file(position), "missing, or not the proof of this record under this checkpoint");
        return None;
    };
    if !verify_inclusion(leaf_hash(&entry), position, checkpoint.size, &hashes, checkpoint.root) {
        check.fault(&name, "the proof does not lead to the signed root: record or proof was changed");
        return None;
    }
    check.proven += 1;
    Some(record)
}

/// The hashes of a C2SP tlog-proof of this index that ends with this note.
pub(super) fn proof_hashes(text: &str, index: u64, note: &str) -> Option<Vec<Digest>> {
    let rest = text.strip_prefix("c2sp.org/tlog-proof@v1\n")?.strip_prefix(&format!("index {index}\n"))?;
    let hashes = rest.strip_suffix(note)?.strip_suffix('\n')?;
    let decode = |line: &str| Some(Digest(BASE64_STANDARD.decode(line).ok()?.try_into().ok()?));
    hashes.lines().map(decode).collect()
}

/// What the records say: signatures of devices, links of their chains, decoded views.
fn contents(files: &Files, manifest: &Value, records: Vec<Record>, check: &mut BundleCheck) {
    let catalogue = Catalogue::builtin();
    let listed = listed(manifest);
    let mut certificates = Certificates::default();
    let mut chains: HashMap<DeviceId, BTreeMap<(u64, u64), Link>> = HashMap::new();
    for record in records {
        certificates.see(&record);
        let device = device_of(&record);
        let mut key = None;
        if record.kind == RecordKind::Report {
            match device.and_then(|device| certificates.opening(&record, &device)) {
                Some(found) => {
                    check.reports += 1;
                    key = Some(found);
                    if let (Some(device), Some((place, link))) = (device, Link::of(&record)) {
                        chains.entry(device).or_default().insert(place, link);
                    }
                }
                None => {
                    check.fault(&record_file(record.position.0), "no certificate in the bundle verifies this report")
                }
            }
        }
        let found = Found { device, key, record };
        views(files, &listed, &found, &catalogue, check);
    }
    chains.values().for_each(|chain| links(chain, check));
}

/// What the manifest says of each record.
fn listed(manifest: &Value) -> HashMap<u64, (String, String)> {
    let list = manifest.get("records").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let text = |it: &Value, field: &str| it.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let entry = |it: &Value| Some((it.get("position")?.as_u64()?, (text(it, "kind"), text(it, "sha256"))));
    list.iter().filter_map(entry).collect()
}

fn views(
    files: &Files,
    listed: &HashMap<u64, (String, String)>,
    found: &Found,
    catalogue: &Catalogue,
    check: &mut BundleCheck,
) {
    let record = &found.record;
    let said = (view::kind(record.kind).to_owned(), view::sha256(&record.payload));
    if listed.get(&record.position.0) != Some(&said) {
        check.fault("manifest.json", format!("what it says of record {} is not so", record.position));
    }
    let name = view_file(record.position.0);
    let made = pretty(&view::view(record, found.key.as_ref(), catalogue));
    match files.get(&name) {
        None => check.fault(&name, "missing"),
        Some(bytes) if *bytes != made => {
            check.fault(
                &name,
                "not what the record says, as this program reads it: changed, or made by another version",
            );
        }
        Some(_) => {}
    }
}

/// A report's link to the one before it.
struct Link {
    file: String,
    digest: String,
    previous: String,
}

impl Link {
    fn of(record: &Record) -> Option<((u64, u64), Self)> {
        let header = peek(&record.payload).ok()?;
        let link = Self {
            file: record_file(record.position.0),
            digest: view::sha256(&record.payload),
            previous: header.previous.to_string(),
        };
        Some(((header.boot, header.sequence), link))
    }
}

/// Neighbours must be linked; what is between others is counted.
fn links(chain: &BTreeMap<(u64, u64), Link>, check: &mut BundleCheck) {
    for (((boot, sequence), before), ((boot_after, sequence_after), after)) in chain.iter().zip(chain.iter().skip(1)) {
        if boot != boot_after {
            continue;
        }
        match sequence_after - sequence {
            1 if after.previous != before.digest => check.fault(&after.file, "not linked to the report before it"),
            1 => {}
            gap => check.not_included += gap - 1,
        }
    }
}
