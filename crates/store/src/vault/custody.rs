//! What was done with the evidence itself: legal holds, deletions, exports. Records of the vault like any other.
//!
//! Not an access control: who may hold or export is decided at the edge. Format: one JSON object, member `what` tells the kind
//! (docs/format/vault.md). Invariants: decoding gives back what was encoded; a hold ends by a record of its own and by nothing else.

use super::catalogue::Catalogue;
use super::error::VaultError;
use super::publish::read_small;
use super::reader::VaultReader;
use super::record::{Position, RecordKind};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use yagura_model::UnixMicros;

/// Directory of copies of the custody records of archived segments.
pub(crate) const CUSTODY: &str = "custody";
/// The longest custody record.
pub const CUSTODY_BYTES_MAX: usize = 64 << 10;

/// Evidence that must not be deleted, whatever its age.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Hold {
    /// Its name, unique in the vault.
    pub id: String,
    /// The case it is for, in words.
    pub case: String,
    /// Of this vehicle (`TENANT/VEHICLE`) or device (`TENANT/VEHICLE/DEVICE`) only.
    pub of: Option<String>,
    /// Received from this time on.
    pub from: Option<UnixMicros>,
    /// Received before this time.
    pub to: Option<UnixMicros>,
    /// Who asked for it.
    pub by: String,
}

impl Hold {
    /// Whether it keeps a record of this device (`TENANT/VEHICLE/DEVICE`), or of nobody known, received at this time.
    #[must_use]
    pub fn keeps(&self, device: Option<&str>, received: UnixMicros) -> bool {
        let early = self.from.is_some_and(|from| received < from);
        let late = self.to.is_some_and(|to| received >= to);
        let below = |of: &str, device: &str| {
            device.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let other = self.of.as_ref().zip(device).is_some_and(|(of, device)| !below(of, device));
        !early && !late && !other
    }
}

/// A segment whose payloads were deleted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Deletion {
    /// Its first position.
    pub first: u64,
    /// The position behind its last record.
    pub end: u64,
    /// How long it was.
    pub bytes: u64,
    /// When its first record was received.
    pub received_from: UnixMicros,
    /// When its last record was received.
    pub received_to: UnixMicros,
    /// Why, in words: which retention, whose order.
    pub reason: String,
}

/// Evidence that was read or given out.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Access {
    /// To whom, or who ran the command.
    pub by: String,
    /// `export`, `search`, `proof`, `alert page`, `record`.
    pub how: String,
    /// What was asked for, in words.
    pub asked: String,
    /// How many records were given out.
    pub records: u64,
    /// SHA-256 of the bundle's manifest, hexadecimal, if there was one.
    pub manifest: Option<String>,
    /// Whose evidence, if that is one tenant's.
    pub tenant: Option<String>,
    /// Why, as the reader said.
    pub why: Option<String>,
    /// How many times the same was read since the record before.
    pub times: u64,
    /// When it was read first, if that is not when it was recorded.
    pub first: Option<UnixMicros>,
    /// When it was read last, likewise.
    pub last: Option<UnixMicros>,
}

/// A custody record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Custody {
    /// Evidence is held from now on.
    HoldAdded(Hold),
    /// A hold is over.
    HoldRemoved {
        /// Which.
        id: String,
        /// Who ended it.
        by: String,
        /// Why.
        reason: String,
    },
    /// A segment is deleted now.
    Deleted(Deletion),
    /// Evidence was read or exported.
    Accessed(Access),
    /// Nothing came for so long that the copy of a log ([`crate::Vault::append_replica`]) closes its last segment here, so that it can
    /// be archived.
    Idle {
        /// The first record of the segment that ends before this one.
        segment: u64,
    },
}

impl Custody {
    /// The record's payload.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let time = |time: &Option<UnixMicros>| time.map(|time| time.0);
        let value = match self {
            Self::HoldAdded(hold) => json!({
                "what": "hold-added", "id": hold.id, "case": hold.case, "of": hold.of,
                "from_us": time(&hold.from), "to_us": time(&hold.to), "by": hold.by,
            }),
            Self::HoldRemoved { id, by, reason } => {
                json!({"what": "hold-removed", "id": id, "by": by, "reason": reason})
            }
            Self::Deleted(it) => json!({
                "what": "deleted", "first": it.first, "end": it.end, "bytes": it.bytes,
                "received_from_us": it.received_from.0, "received_to_us": it.received_to.0, "reason": it.reason,
            }),
            Self::Accessed(it) => json!({
                "what": "accessed", "by": it.by, "how": it.how, "asked": it.asked, "records": it.records,
                "manifest": it.manifest, "tenant": it.tenant, "why": it.why, "times": it.times,
                "first_us": time(&it.first), "last_us": time(&it.last),
            }),
            Self::Idle { segment } => json!({"what": "idle", "segment": segment}),
        };
        value.to_string().into_bytes()
    }

    /// Reads a payload; `None` if it is not a custody record that is known here.
    #[must_use]
    pub fn decode(payload: &[u8]) -> Option<Self> {
        if payload.len() > CUSTODY_BYTES_MAX {
            return None;
        }
        let Ok(Value::Object(map)) = serde_json::from_slice(payload) else { return None };
        let fields = Fields(map);
        Some(match fields.0.get("what")?.as_str()? {
            "hold-added" => Self::HoldAdded(Hold {
                id: fields.text("id")?,
                case: fields.text("case")?,
                of: fields.text("of"),
                from: fields.time("from_us"),
                to: fields.time("to_us"),
                by: fields.text("by")?,
            }),
            "hold-removed" => {
                Self::HoldRemoved { id: fields.text("id")?, by: fields.text("by")?, reason: fields.text("reason")? }
            }
            "deleted" => Self::Deleted(Deletion {
                first: fields.number("first")?,
                end: fields.number("end")?,
                bytes: fields.number("bytes")?,
                received_from: fields.time("received_from_us")?,
                received_to: fields.time("received_to_us")?,
                reason: fields.text("reason")?,
            }),
            "accessed" => Self::Accessed(Access {
                by: fields.text("by")?,
                how: fields.text("how")?,
                asked: fields.text("asked")?,
                records: fields.number("records")?,
                manifest: fields.text("manifest"),
                tenant: fields.text("tenant"),
                why: fields.text("why"),
                // Records of before had no such number.
                times: fields.number("times").unwrap_or(1),
                first: fields.time("first_us"),
                last: fields.time("last_us"),
            }),
            "idle" => Self::Idle { segment: fields.number("segment")? },
            _ => return None,
        })
    }
}

struct Fields(Map<String, Value>);

impl Fields {
    fn text(&self, name: &str) -> Option<String> {
        Some(self.0.get(name)?.as_str()?.to_owned())
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name)?.as_u64()
    }

    fn time(&self, name: &str) -> Option<UnixMicros> {
        Some(UnixMicros(self.0.get(name)?.as_i64()?))
    }
}

/// File of the copy of a custody record.
pub(crate) fn custody_file(position: u64) -> String {
    format!("{CUSTODY}/{position:020}")
}

impl VaultReader {
    /// All custody records in order. Reads copies for what is archived and the records themselves behind that.
    ///
    /// # Errors
    /// The disk's own; [`VaultError::Corrupt`] if a record is damaged.
    pub fn custody(&self) -> Result<Vec<(Position, Custody)>, VaultError> {
        let disk = &*self.shared.disk;
        let archived = Catalogue::read(disk)?.end();
        let names = disk.list(CUSTODY).map_err(|error| VaultError::io("list", CUSTODY, error))?;
        let mut positions: Vec<u64> = names.iter().filter_map(|name| name.parse().ok()).collect();
        positions.retain(|position| *position < archived);
        positions.sort_unstable();
        let mut found = Vec::new();
        for position in positions {
            let payload = read_small(disk, &custody_file(position))?.unwrap_or_default();
            found.extend(Custody::decode(&payload).map(|custody| (Position(position), custody)));
        }
        for record in self.read_from(Position(archived)) {
            let record = record?;
            if record.kind == RecordKind::Custody {
                found.extend(Custody::decode(&record.payload).map(|custody| (record.position, custody)));
            }
        }
        Ok(found)
    }

    /// The holds that are in force.
    ///
    /// # Errors
    /// As [`Self::custody`].
    pub fn holds(&self) -> Result<Vec<Hold>, VaultError> {
        let mut holds = BTreeMap::new();
        for (_, custody) in self.custody()? {
            match custody {
                Custody::HoldAdded(hold) => drop(holds.insert(hold.id.clone(), hold)),
                Custody::HoldRemoved { id, .. } => drop(holds.remove(&id)),
                Custody::Deleted(_) | Custody::Accessed(_) | Custody::Idle { .. } => {}
            }
        }
        Ok(holds.into_values().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_custody_record_is_read_back() {
        let hold = Hold {
            id: "a1".into(),
            case: "A-7".into(),
            of: Some("acme/v7".into()),
            by: "ann".into(),
            ..Hold::default()
        };
        let deletion = Deletion {
            first: 3,
            end: 9,
            bytes: 100,
            received_from: UnixMicros(-1),
            received_to: UnixMicros(7),
            reason: "retention of 90 days".into(),
        };
        let access = Access {
            by: "x".into(),
            how: "export".into(),
            asked: "all".into(),
            records: 2,
            times: 3,
            first: Some(UnixMicros(5)),
            ..Access::default()
        };
        let removed = Custody::HoldRemoved { id: "a1".into(), by: "bob".into(), reason: "closed".into() };
        let idle = Custody::Idle { segment: 7 };
        for custody in [Custody::HoldAdded(hold), removed, Custody::Deleted(deletion), Custody::Accessed(access), idle]
        {
            assert_eq!(Custody::decode(&custody.encode()), Some(custody));
        }
    }

    #[test]
    fn a_hold_keeps_what_it_names() {
        let hold = Hold {
            of: Some("acme/v7".into()),
            from: Some(UnixMicros(10)),
            to: Some(UnixMicros(20)),
            ..Hold::default()
        };
        assert!(hold.keeps(Some("acme/v7/cgw"), UnixMicros(10)) && hold.keeps(None, UnixMicros(19)));
        assert!(!hold.keeps(Some("acme/v77/cgw"), UnixMicros(10)));
        assert!(!hold.keeps(Some("acme/v7/cgw"), UnixMicros(20)) && !hold.keeps(None, UnixMicros(9)));
        assert!(Hold::default().keeps(Some("x/y/z"), UnixMicros(0)));
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Custody::decode(&bytes);
        }
    }
}
