//! Decides which checksum an identifier has, if any.
//!
//! Not the search itself (`search`). Every rule that fits is a candidate. One is given if the data bear it out more often than
//! there are rules to choose from, and if no other explains the data as well; up to [`ALTERNATIVES_MAX`] that do are given
//! together, and a frame is wrong only if it breaks all. Invariant: what is given holds on every training frame.

use super::Protection;
use super::counter::counters;
use super::evidence::{Pairs, moving};
use super::search::{Candidate, KNOWN_COST, candidates};
use super::series::Series;
use std::collections::BTreeSet;
use yagura_ids::{Algorithm, ChecksumField, ChecksumRow, Constant, CounterRow};
use yagura_model::CanId;

/// How unlikely a rule that is none must be, beyond the number of rules tried: 1 in 2^20 a vehicle of 256 identifiers.
const MARGIN_BITS: u32 = 28;
/// The same where other identifiers of the vehicle show the rule: there are few to choose from.
const FAMILY_BITS: u32 = 28;
/// A candidate that has so much less evidence than the best does not explain the data as well.
const FAR_BEHIND_BITS: u32 = 24;
/// Rules that explain the data equally well; more say that the data are too few. Each costs a forged frame as much as the first.
const ALTERNATIVES_MAX: usize = 2;
/// The same for data of more than 8 bytes.
const ALTERNATIVES_MAX_OF_FD: usize = 1;
/// Fewer different payloads are too few, whatever moves in them.
const DISTINCT_MIN: usize = 8;

/// So many identifiers make a habit.
const HABIT_MIN: usize = 4;
/// Evidence of an identifier that counts for a habit and is enough to share one: four bits that count, in four bits of checksum.
/// With a constant that one in twenty has by chance, four such are as much as one rule beyond doubt.
const HABIT_BITS: u32 = 16;

/// What is shared by the checksums of a vehicle: algorithm, width, tail and place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Family {
    algorithm: Algorithm,
    field: ChecksumField,
    from_end: u8,
    tail: u8,
    nibble: Option<u8>,
}

impl Family {
    fn of(row: &ChecksumRow) -> Self {
        let nibble = match row.constant {
            Constant::One(_) => None,
            Constant::ByCounter { nibble, .. } => Some(nibble),
        };
        let from_end = row.len.saturating_sub(row.field.byte);
        Self { algorithm: row.algorithm, field: row.field, from_end, tail: row.tail, nibble }
    }

    fn is_of(&self, row: &ChecksumRow) -> bool {
        let other = Self::of(row);
        let same_place = self.field == other.field
            || (self.from_end == other.from_end
                && (self.field.bits, self.field.low) == (other.field.bits, other.field.low));
        same_place && (self.algorithm, self.tail, self.nibble) == (other.algorithm, other.tail, other.nibble)
    }
}

/// What was found in one series.
pub(crate) struct Finding<'a> {
    series: &'a Series,
    distinct: Vec<&'a [u8]>,
    counters: Vec<CounterRow>,
    candidates: Vec<Candidate>,
    chosen: Vec<Candidate>,
}

impl<'a> Finding<'a> {
    pub(crate) fn of(series: &'a Series) -> Self {
        let distinct = series.distinct();
        let counters = counters(series, &[]);
        let mut candidates = if distinct.len() < DISTINCT_MIN { Vec::new() } else { candidates(&distinct, &counters) };
        let best = candidates.iter().map(|candidate| candidate.evidence_bits).max().unwrap_or(0);
        candidates.retain(|candidate| candidate.evidence_bits.saturating_add(FAR_BEHIND_BITS) > best);
        candidates.sort_by_key(Candidate::rank);
        let mut candidates = without_equivalents(candidates);
        if candidates.iter().any(|candidate| is_natural(series.id, &candidate.row)) {
            candidates.retain(|candidate| {
                is_natural(series.id, &candidate.row) || candidate.cost_bits <= KNOWN_COST && is_code(&candidate.row)
            });
        }
        Self { series, distinct, counters, candidates, chosen: Vec::new() }
    }

    /// The family of a checksum that is beyond doubt.
    pub(crate) fn family(&self) -> Option<Family> {
        match self.candidates.as_slice() {
            [only] if only.evidence_bits >= only.cost_bits.saturating_add(MARGIN_BITS) => Some(Family::of(&only.row)),
            _ => None,
        }
    }

    /// Its sum or exclusive or in the first or last byte whose constant has a reason.
    fn natural(&self) -> impl Iterator<Item = &Candidate> {
        let is_at_edge = |row: &ChecksumRow| row.field.byte == 0 || row.field.byte.saturating_add(1) == row.len;
        self.candidates.iter().filter(move |one| is_natural(self.series.id, &one.row) && is_at_edge(&one.row))
    }

    /// Chooses among the candidates, given what other identifiers of the vehicle do.
    pub(crate) fn decide(&mut self, families: &[Family], habits: &[Algorithm]) {
        if self.candidates.is_empty() {
            return;
        }
        let pairs = Pairs::of(&self.distinct);
        self.candidates.retain(|candidate| is_code(&candidate.row) || !pairs.explain(&candidate.row));
        let known = |candidate: &&Candidate| {
            let in_family = families.iter().any(|family| family.is_of(&candidate.row));
            in_family && candidate.evidence_bits >= FAMILY_BITS
        };
        let of_habit =
            self.natural().find(|one| habits.contains(&one.row.algorithm) && one.evidence_bits >= HABIT_BITS);
        let of_habit = of_habit.copied();
        let of_family: Vec<Candidate> = self.candidates.iter().filter(known).copied().collect();
        let enough = |candidate: &Candidate| candidate.evidence_bits >= candidate.cost_bits.saturating_add(MARGIN_BITS);
        let most = if self.series.len > 8 { ALTERNATIVES_MAX_OF_FD } else { ALTERNATIVES_MAX };
        self.chosen = match of_family.as_slice() {
            [] if let Some(one) = of_habit => vec![one],
            [] if self.candidates.len() <= most && self.candidates.iter().all(enough) => self.candidates.clone(),
            [] => Vec::new(),
            _ => of_family,
        };
        self.chosen.truncate(most);
        if let Some(copy) = self.chosen.first().and_then(|chosen| self.copy_of(&chosen.row)) {
            self.chosen.push(copy);
        }
    }

    /// A sum or exclusive or of which only one other byte ever moved may be a mere copy of that byte: then the rest is not
    /// covered. This is the rule that says so.
    fn copy_of(&self, row: &ChecksumRow) -> Option<Candidate> {
        if is_code(row) {
            return None;
        }
        let others = |(at, bits): (usize, &u8)| (*bits != 0 && row.field.mask() >> (at & 63) & 1 == 0).then_some(at);
        let moved: Vec<usize> = moving(&self.distinct).iter().enumerate().filter_map(others).collect();
        let &[at] = moved.as_slice() else { return None };
        let first = self.distinct.first()?;
        let covered = 1_u64.checked_shl(u32::try_from(at).ok()?)?;
        let chosen = row;
        let row = ChecksumRow { covered, ..*row };
        let constant = Constant::One(row.residue(row.contribution(first), row.field.read(first)?));
        // A copy adds nothing or inverts. If that is not what it does, but the constant of all bytes makes sense, it is none.
        let is_copy = matches!(constant, Constant::One(0 | 1 | 0xF | 0xFF));
        if !is_copy && is_natural(self.series.id, chosen) {
            return None;
        }
        Some(Candidate { row: ChecksumRow { constant, ..row }, evidence_bits: 0, cost_bits: 0 })
    }

    pub(crate) fn protection(self) -> Protection {
        let rows = self.chosen.iter().zip([false].into_iter().chain(core::iter::repeat(true)));
        let checksums: Vec<ChecksumRow> =
            rows.map(|(chosen, alternative)| ChecksumRow { alternative, ..chosen.row }).collect();
        let counters = if checksums.is_empty() { self.counters } else { counters(self.series, &checksums) };
        Protection {
            bus: self.series.bus,
            id: self.series.id,
            len: self.series.len,
            frames: u32::try_from(self.series.frames()).unwrap_or(u32::MAX),
            distinct: u32::try_from(self.distinct.len()).unwrap_or(u32::MAX),
            checksums,
            evidence_bits: self.chosen.first().map_or(0, |chosen| chosen.evidence_bits),
            counters,
        }
    }
}

const fn is_code(row: &ChecksumRow) -> bool {
    matches!(row.algorithm, Algorithm::Crc { .. } | Algorithm::Crc64)
}

/// Whether a sum or exclusive or has a constant with a reason: none, an inversion, or the identifier in it (with the length, as
/// some makers have it). About 1 in 20 has by chance.
fn is_natural(id: CanId, row: &ChecksumRow) -> bool {
    let Constant::One(constant) = row.constant else { return false };
    let bytes = id.key().to_be_bytes().map(u64::from);
    let sum: u64 = bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte));
    let xor: u64 = bytes.iter().fold(0, |all, byte| all ^ byte);
    let mask = if row.field.bits == 4 { 0xF } else { 0xFF };
    let len = u64::from(row.len);
    let usual = match row.algorithm {
        Algorithm::Xor | Algorithm::NibbleXor => [0, mask, xor, xor],
        Algorithm::Sum | Algorithm::CarrySum => [0, mask, sum, sum.wrapping_add(len)],
        Algorithm::Difference | Algorithm::CarryDifference => {
            [0, mask, sum.wrapping_neg(), sum.wrapping_neg().wrapping_sub(1)]
        }
        _ => return false,
    };
    usual.iter().any(|usual| usual & mask == constant)
}

/// Simple rules that so many identifiers of a vehicle show, each with a constant that has a reason (the identifier itself, as a
/// rule), that together they are beyond doubt.
pub(crate) fn habits(findings: &[Finding<'_>]) -> Vec<Algorithm> {
    let naturals = || findings.iter().map(|finding| finding.natural().filter(|one| one.evidence_bits >= HABIT_BITS));
    let algorithms: BTreeSet<Algorithm> = naturals().flatten().map(|one| one.row.algorithm).collect();
    let is_habit = |algorithm: &Algorithm| {
        let each = naturals().filter_map(|mut found| found.find(|one| one.row.algorithm == *algorithm));
        each.count() >= HABIT_MIN
    };
    algorithms.into_iter().filter(is_habit).collect()
}

/// Of rules that say the same of every payload, the first.
fn without_equivalents(candidates: Vec<Candidate>) -> Vec<Candidate> {
    let mut different: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        if !different.iter().any(|other| are_equivalent(&other.row, &candidate.row)) {
            different.push(candidate);
        }
        if different.len() > 4 * ALTERNATIVES_MAX {
            break;
        }
    }
    different
}

/// Whether what one rule makes right is right for the other, on payloads without any structure.
fn are_equivalent(a: &ChecksumRow, b: &ChecksumRow) -> bool {
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut payload = vec![0; usize::from(a.len)];
    (0..32).all(|_| {
        for byte in &mut payload {
            // A step of xorshift64; its statistics do not matter here.
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            *byte = seed.to_le_bytes()[3];
        }
        a.repair(&mut payload);
        b.violation(&payload).is_none()
    })
}
