//! What differs between two profiles: identifiers that came or went, habits that changed, knowledge that was gained or lost.
//!
//! Not a judgement which is right. Changes of timing that are within the tolerance of what is judged are not told. Invariant: a
//! profile does not differ from itself. Cost: one pass over both.

use crate::reason::span;
use crate::report::class_name;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use yagura_ids::{IdRow, Profile, Row, Table};
use yagura_model::{BusId, CanId};

/// A change of a period is told from this share of it on, in hundredths.
const PERIOD_PERCENT: u64 = 10;

/// What differs.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Difference {
    /// Identifiers of the second profile only, as `bus:identifier`.
    pub added: Vec<String>,
    /// Identifiers of the first profile only.
    pub removed: Vec<String>,
    /// Identifiers of both, and what changed in words.
    pub changed: BTreeMap<String, Vec<String>>,
}

/// Compares two profiles.
#[must_use]
pub fn diff(before: &Profile<'_>, after: &Profile<'_>) -> Difference {
    let rows = |profile: &Profile<'_>| -> BTreeMap<(BusId, CanId), (u16, IdRow)> {
        let numbered = profile.ids().enumerate();
        numbered.map(|(at, row)| ((row.bus, row.id), (u16::try_from(at).unwrap_or(u16::MAX), row))).collect()
    };
    let (old, new) = (rows(before), rows(after));
    let name = |(bus, id): &(BusId, CanId)| format!("{}:{id}", bus.0);
    let mut difference = Difference {
        added: new.keys().filter(|key| !old.contains_key(key)).map(name).collect(),
        removed: old.keys().filter(|key| !new.contains_key(key)).map(name).collect(),
        changed: BTreeMap::new(),
    };
    for (key, (old_owner, old_row)) in &old {
        let Some((new_owner, new_row)) = new.get(key) else { continue };
        let mut changes = habits(old_row, new_row);
        changes.extend(knowledge((before, *old_owner), (after, *new_owner)));
        if !changes.is_empty() {
            difference.changed.insert(name(key), changes);
        }
    }
    difference
}

fn habits(old: &IdRow, new: &IdRow) -> Vec<String> {
    let mut changes = Vec::new();
    if old.class != new.class {
        changes.push(format!("{} → {}", class_name(old.class), class_name(new.class)));
    }
    let moved = u64::from(old.period.abs_diff(new.period)).saturating_mul(100);
    if moved > u64::from(old.period).saturating_mul(PERIOD_PERCENT) {
        changes.push(format!("period {} → {}", span(old.period), span(new.period)));
    }
    if old.lengths != new.lengths {
        changes.push("other lengths or formats".to_owned());
    }
    let judged = |what: &str, old: bool, new: bool| match (old, new) {
        (false, true) => Some(format!("{what} now judged")),
        (true, false) => Some(format!("{what} no longer judged")),
        _ => None,
    };
    changes.extend(judged("injection", old.pace.interval > 0, new.pace.interval > 0));
    changes.extend(judged("silence", old.silence > 0, new.silence > 0));
    changes
}

/// Rows of the tables, kind by kind: how many before and after, or that they changed.
fn knowledge((before, old): (&Profile<'_>, u16), (after, new): (&Profile<'_>, u16)) -> Vec<String> {
    let (a, b) = (before.tables(), after.tables());
    let changes = [
        rows("diagnostics", (&a.diagnostics, old), (&b.diagnostics, new)),
        rows("checksum", (&a.checksums, old), (&b.checksums, new)),
        rows("counter", (&a.counters, old), (&b.counters, new)),
        rows("rule of a specification", (&a.rules, old), (&b.rules, new)),
        rows("driving state signal", (&a.states, old), (&b.states, new)),
    ];
    changes.into_iter().flatten().collect()
}

fn rows<R: Row>(what: &str, (a, old): (&Table<'_, R>, u16), (b, new): (&Table<'_, R>, u16)) -> Option<String> {
    let bytes = |table: &Table<'_, R>, owner: u16| -> Vec<Vec<u8>> {
        let rows = table.of(owner).filter_map(|index| table.get(index));
        rows.map(|row| {
            let mut bytes = vec![0; R::LEN];
            row.write(&mut bytes);
            // The first two bytes are the owner's number, which may differ for the same identifier.
            bytes.split_off(2.min(R::LEN))
        })
        .collect()
    };
    let (old, new) = (bytes(a, old), bytes(b, new));
    match (old.len(), new.len()) {
        (before, after) if before != after => Some(format!("{what}: {before} → {after}")),
        _ if old != new => Some(format!("{what}: changed")),
        _ => None,
    }
}

impl Difference {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }

    /// As text, one line an identifier.
    #[must_use]
    pub fn text(&self) -> String {
        if self.is_empty() {
            return "no difference\n".to_owned();
        }
        let mut text = String::new();
        for (sign, names) in [('-', &self.removed), ('+', &self.added)] {
            for name in names {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{sign} {name}");
            }
        }
        for (name, changes) in &self.changed {
            let _ = writeln!(text, "~ {name}  {}", changes.join("; "));
        }
        text
    }
}
