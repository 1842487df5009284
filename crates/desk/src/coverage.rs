//! The map of blind spots: what would contradict a false value, field by field.
//!
//! Not a promise about all attackers: a checksum binds only those who do not repair it, a relation only those who do not forge
//! the witnesses as well. Invariant: a field of which nothing is known counts as seen by nothing; "relation" is said only of a
//! signal that its relations can convict alone. Cost: one pass over the profile.

use serde::Serialize;
use std::collections::BTreeSet;
use yagura_ids::{Bits, ByteOrder, Field, Profile};
use yagura_profile::LearnedField;

/// Weight of broken relations that convicts a signal.
const CONVICTING: u32 = 2;

/// A field and who would contradict a lie in it.
#[derive(Clone, Debug, Serialize)]
pub struct FieldCover {
    /// Index of its identifier in the profile.
    #[serde(skip)]
    pub(crate) owner: u16,
    /// Where it lies: first bit, counted from the most significant bit of the first byte, and number of bits.
    pub bits: [u16; 2],
    /// The same as the attack simulator takes it.
    #[serde(skip)]
    pub(crate) field: Option<Field>,
    /// Identifiers whose signals measure the same.
    pub witnesses: Vec<String>,
    /// Whether those can convict it alone.
    pub by_relation: bool,
}

/// Fields that measure something, with what covers them.
pub(crate) fn field_covers(profile: &Profile<'_>, fields: &[LearnedField]) -> Vec<FieldCover> {
    fields.iter().filter(|field| field.is_measured()).map(|field| cover(profile, field)).collect()
}

fn cover(profile: &Profile<'_>, field: &LearnedField) -> FieldCover {
    let tables = profile.tables();
    let is_it = |bits: Bits| (bits.order, bits.shift, bits.len) == (field.bits.order, field.bits.shift, field.bits.len);
    let (mut witnesses, mut by_relation) = (BTreeSet::new(), false);
    for signal in tables.signals.of(field.owner) {
        if !tables.signals.get(signal).is_some_and(|row| is_it(row.bits)) {
            continue;
        }
        let (mut weight, mut others) = (0_u32, false);
        for index in tables.relations.of(field.owner) {
            let Some(relation) = tables.relations.get(index).filter(|row| usize::from(row.judged) == signal) else {
                continue;
            };
            let Some(witness) = tables.signals.get(usize::from(relation.witness)) else { continue };
            weight = weight.saturating_add(u32::from(relation.weight));
            others |= witness.owner != field.owner;
            if witness.owner != field.owner
                && let Some(row) = profile.id(usize::from(witness.owner))
            {
                witnesses.insert(row.id);
            }
        }
        by_relation |= others && weight >= CONVICTING;
    }
    FieldCover {
        owner: field.owner,
        bits: [field.bits.start(), u16::from(field.bits.len)],
        field: forgeable(field.bits),
        witnesses: witnesses.into_iter().map(|id| id.to_string()).collect(),
        by_relation,
    }
}

/// The field as the simulator writes it.
fn forgeable(bits: Bits) -> Option<Field> {
    let (shift, len) = (u16::from(bits.shift), bits.len);
    let field = match bits.order {
        ByteOrder::Big => Field::big_endian(64_u16.checked_sub(shift)?.checked_sub(u16::from(len))?, len),
        ByteOrder::Little => Field::little_endian(shift, len),
    };
    field.ok().map(|field| if bits.signed { field.signed() } else { field })
}
