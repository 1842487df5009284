//! Finds how identifiers protect their data: checksums and counters, from clean traffic alone.
//!
//! Not a judgement of traffic (`ids::integrity` is; rules are tried here with its code). Invariants: a rule that is given holds
//! on every training frame, and so many independent changes of data bear it out that chance does not (ADR-0014). Cost: 12 bytes
//! of memory a frame of 8 bytes, some milliseconds an identifier.

mod checksum;
mod counter;
mod evidence;
mod search;
mod series;

pub(crate) use series::Payloads;

use crate::integrity::checksum::{Family, Finding, habits};
use yagura_ids::{ChecksumRow, CounterRow, RULES_MAX};
use yagura_model::{BusId, CanId};

/// How an identifier protects its data of one length.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Protection {
    /// Where.
    pub bus: BusId,
    /// Whose.
    pub id: CanId,
    /// Bytes of data that this is about.
    pub len: u8,
    /// Frames looked at.
    pub frames: u32,
    /// Different payloads among them.
    pub distinct: u32,
    /// The checksum and its alternatives; none if there is no checksum, or too little data to tell.
    pub checksums: Vec<ChecksumRow>,
    /// Chance has to be luckier than 1 in 2 to the power of this to make the checksum up.
    pub evidence_bits: u32,
    /// The counters.
    pub counters: Vec<CounterRow>,
}

impl Protection {
    /// The bytes that a checksum covers: bit n stands for byte n.
    #[must_use]
    pub fn covered(&self) -> u64 {
        let all = self.checksums.iter().map(|row| row.covered).fold(u64::MAX, |all, covered| all & covered);
        if self.checksums.is_empty() { 0 } else { all }
    }
}

/// The protection of every identifier and length, by bus, key and length. Owners of rows are 0.
pub(crate) fn find(payloads: &Payloads) -> Vec<Protection> {
    let mut found: Vec<Finding<'_>> = payloads.series().map(Finding::of).collect();
    // What some identifiers of a vehicle show beyond doubt, others do likely, too.
    let families: Vec<Family> = found.iter().filter_map(Finding::family).collect();
    let habits = habits(&found);
    found.iter_mut().for_each(|finding| finding.decide(&families, &habits));
    let mut protections: Vec<Protection> = found.into_iter().map(Finding::protection).collect();
    limit(&mut protections);
    protections
}

/// Keeps what the detector has room for: lengths with the most frames first.
fn limit(protections: &mut [Protection]) {
    for same in protections.chunk_by_mut(|a, b| (a.bus, a.id) == (b.bus, b.id)) {
        let mut order: Vec<&mut Protection> = same.iter_mut().collect();
        order.sort_by_key(|protection| core::cmp::Reverse(protection.frames));
        let (mut checksums, mut counters) = (0_usize, 0_usize);
        for protection in order {
            checksums = checksums.saturating_add(protection.checksums.len());
            counters = counters.saturating_add(protection.counters.len());
            if checksums > RULES_MAX {
                protection.checksums.clear();
            }
            if counters > RULES_MAX {
                protection.counters.clear();
            }
        }
    }
}

/// The rows of all protections, given where each identifier stands in the profile.
pub(crate) fn rows(
    protections: &[Protection],
    owner: impl Fn(BusId, CanId) -> Option<u16>,
) -> (Vec<ChecksumRow>, Vec<CounterRow>) {
    let (mut checksums, mut counters) = (Vec::new(), Vec::new());
    for protection in protections {
        let Some(owner) = owner(protection.bus, protection.id) else { continue };
        checksums.extend(protection.checksums.iter().map(|row| ChecksumRow { owner, ..*row }));
        counters.extend(protection.counters.iter().map(|row| CounterRow { owner, ..*row }));
    }
    (checksums, counters)
}
