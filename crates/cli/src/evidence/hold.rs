//! `yagura evidence hold`: legal holds, as records of the vault.
//!
//! Not a deletion and not a server: a running server takes the record from its inbox; without one this opens the vault itself.

use super::give::now;
use super::source::{is_partition, reader, signing_key, time};
use crate::args::{EvidenceSource, HoldAdd};
use crate::failure::Failure;
use crate::output::{Output, emit};
use crate::serve::chain;
use serde_json::json;
use std::path::Path;
use yagura_server::evidence::inbox::{INBOX_DIR, leave};
use yagura_server::evidence::view;
use yagura_store::{Custody, Hold, NewRecord, RecordKind, Vault, VaultError, VaultOptions};

/// Holds evidence from now on.
pub(crate) fn add(source: &EvidenceSource, add: &HoldAdd, output: Output) -> Result<(), Failure> {
    let of = add.device.clone().or_else(|| add.vehicle.clone());
    let by = add.by.clone().unwrap_or_else(who);
    let (from, to) = (time("--from", add.from.as_deref())?, time("--to", add.to.as_deref())?);
    let made = view::sha256(format!("{}\n{of:?}\n{from:?}\n{to:?}\n{by}\n{}", add.case, now().0).as_bytes());
    let id = made.get(..8).unwrap_or_default().to_owned();
    let hold = Hold { id: id.clone(), case: add.case.clone(), of, from, to, by };
    let how = record(&source.vault, &Custody::HoldAdded(hold))?;
    emit(output, &json!({"hold": id, "recorded": how.text()}), || format!("hold {id} {}", how.text()))
}

/// Ends a hold.
pub(crate) fn remove(source: &EvidenceSource, id: &str, reason: &str, output: Output) -> Result<(), Failure> {
    let (vault, _) = reader(source)?;
    let holds = vault.holds().map_err(|error| Failure::input(&source.vault, chain(&error)))?;
    if !holds.iter().any(|hold| hold.id == id) {
        return Err(Failure::input(id, "no hold of this name is in force; `yagura evidence hold list` shows them"));
    }
    let removed = Custody::HoldRemoved { id: id.to_owned(), by: who(), reason: reason.to_owned() };
    let how = record(&source.vault, &removed)?;
    emit(output, &json!({"hold": id, "recorded": how.text()}), || format!("end of hold {id} {}", how.text()))
}

/// Prints the holds in force.
pub(crate) fn list(source: &EvidenceSource, output: Output) -> Result<(), Failure> {
    let (vault, _) = reader(source)?;
    let holds = vault.holds().map_err(|error| Failure::input(&source.vault, chain(&error)))?;
    let values: Vec<_> = holds
        .iter()
        .map(|hold| {
            json!({
                "id": hold.id, "case": hold.case, "of": hold.of, "from": hold.from.map(view::time),
                "to": hold.to.map(view::time), "by": hold.by,
            })
        })
        .collect();
    emit(output, &values, || {
        let line = |hold: &Hold| {
            let of = hold.of.as_deref().unwrap_or("everything");
            let from = hold.from.map_or_else(|| "the beginning".to_owned(), view::time);
            let to = hold.to.map_or_else(|| "further notice".to_owned(), view::time);
            format!("{} {of}, received from {from} until {to}: {} (by {})", hold.id, hold.case, hold.by)
        };
        let lines: Vec<String> = holds.iter().map(line).collect();
        if lines.is_empty() { "no hold is in force".to_owned() } else { lines.join("\n") }
    })
}

/// How a custody record got to the vault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Recorded {
    /// It is in the vault.
    Now,
    /// A running server takes it within a second or two.
    Left,
}

impl Recorded {
    const fn text(self) -> &'static str {
        match self {
            Self::Now => "is a record of the vault",
            Self::Left => "is left for the running server, which records it within seconds",
        }
    }
}

/// Makes a custody record of a vault: through the running server, or directly if none runs.
pub(crate) fn record(vault: &str, custody: &Custody) -> Result<Recorded, Failure> {
    let inbox = Path::new(vault).join("..").join(INBOX_DIR);
    let leave = || leave(&inbox, custody).map_err(|error| Failure::file(&inbox, &error));
    if is_partition(vault) {
        leave()?;
        return Ok(Recorded::Left);
    }
    let key = signing_key(vault);
    let key = key.ok_or_else(|| {
        Failure::input(vault, "the vault's private key is not beside it: only who runs it can do this")
    })?;
    let failed = |error: VaultError| Failure::input(vault, chain(&error));
    let note = std::fs::read_to_string(Path::new(vault).join("checkpoint"));
    let note = note.map_err(|error| Failure::file(&Path::new(vault).join("checkpoint"), &error))?;
    let origin = note.lines().next().unwrap_or_default().to_owned();
    let segment_bytes = VaultOptions::SEGMENT_BYTES;
    match Vault::open(VaultOptions { dir: vault.into(), origin, key, segment_bytes }) {
        Ok((mut opened, _)) => {
            let payload = custody.encode();
            opened
                .append(&[NewRecord { kind: RecordKind::Custody, received: now(), payload: &payload }])
                .map_err(failed)?;
            opened.checkpoint().map_err(failed)?;
            Ok(Recorded::Now)
        }
        Err(VaultError::Locked { .. }) => {
            leave()?;
            Ok(Recorded::Left)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Who runs this, as the system says.
pub(crate) fn who() -> String {
    std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).unwrap_or_else(|_| "unknown".to_owned())
}
