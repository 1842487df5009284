//! Every checksum rule that fits the payloads of one identifier.
//!
//! Not a decision. Tried are exclusive or, sums and their negatives for bytes and nibbles, all cyclic codes of 8 bits in both
//! directions, the codes of 16, 32 and 64 bits in use, each at every place, with one constant or one for each value of a
//! counter. Cost: most rules fail at the second payload; 4,000 rules for 8 bytes of data take a millisecond or two.

use super::evidence::{Basis, difference, moving};
use yagura_ids::{Algorithm, ChecksumField, ChecksumRow, Constant, CounterRow, Direction, Strength};

/// A rule that fits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) row: ChecksumRow,
    /// Bits of checksum that independent changes of data bore out.
    pub(crate) evidence_bits: u32,
    /// Logarithm of the number of rules that it was chosen from.
    pub(crate) cost_bits: u32,
}

impl Candidate {
    /// What is more usual comes first: simple rules and known codes, in the last byte, then in the first.
    pub(crate) fn rank(&self) -> (u32, bool, u8, bool, u8, u8) {
        let field = self.row.field;
        let is_last = field.byte.saturating_add(field.bits.div_ceil(8)) == self.row.len;
        (self.cost_bits, !is_last, field.byte, !field.low, self.row.tail, 0)
    }
}

/// Codes of 8 bits that control units use: SAE J1850, AUTOSAR (0x2F), plain, Maxim, CDMA, DARC, WCDMA.
const KNOWN: [u32; 7] = [0x1D, 0x2F, 0x07, 0x31, 0x9B, 0x39, 0xD5];
/// Codes of 16 bits in use: CCITT, ARC, DNP, and that of CAN FD's smaller brother.
const KNOWN_16: [u32; 5] = [0x1021, 0x8005, 0x3D65, 0xC867, 0x8BB7];
/// Codes of 32 bits in use: AUTOSAR profile 4, Ethernet, Castagnoli.
const KNOWN_32: [u32; 3] = [0xF4AC_FB13, 0x04C1_1DB7, 0x1EDC_6F41];

const SIMPLE_COST: u32 = 7;
pub(crate) const KNOWN_COST: u32 = 8;
const ANY_COST: u32 = 13;
const WIDE_COST: u32 = 12;
/// Which counter, and which of the codes.
const BY_COUNTER_COST: u32 = 2;
/// A checksum moves at least so many of its bits.
const MOVING_BITS_MIN: u32 = 4;
const MOVING_BITS_MIN_OF_NIBBLE: u32 = 3;

struct Search<'a> {
    payloads: &'a [&'a [u8]],
    moving: [u8; 64],
    len: u8,
    found: Vec<Candidate>,
}

/// Rules that fit all payloads, which are of the same length and different.
pub(crate) fn candidates(payloads: &[&[u8]], counters: &[CounterRow]) -> Vec<Candidate> {
    let len = payloads.first().map_or(0, |payload| u8::try_from(payload.len()).unwrap_or(0));
    let mut search = Search { payloads, moving: moving(payloads), len, found: Vec::new() };
    if len < 2 {
        return Vec::new();
    }
    search.try_bytes(None);
    search.try_nibbles();
    search.try_wide();
    let doubtful =
        |found: &Vec<Candidate>| found.iter().all(|one| one.evidence_bits < one.cost_bits.saturating_add(28));
    if doubtful(&search.found) {
        let nibbles: Vec<u8> = counters.iter().filter_map(nibble_of).collect();
        nibbles.into_iter().for_each(|nibble| search.try_bytes(Some(nibble)));
    }
    search.found
}

/// The nibble that a counter of four bits fills.
fn nibble_of(counter: &CounterRow) -> Option<u8> {
    let aligned = counter.bits == 4 && counter.start.is_multiple_of(4) && !counter.little_endian;
    u8::try_from(counter.start / 4).ok().filter(|_| aligned)
}

impl Search<'_> {
    fn bits_moving(&self, field: ChecksumField) -> u32 {
        let bytes = self.moving.iter().skip(usize::from(field.byte)).take(usize::from(field.bits.div_ceil(8)));
        let nibble = |byte: u8| match (field.bits, field.low) {
            (4, true) => byte & 0xF,
            (4, false) => byte >> 4,
            _ => byte,
        };
        bytes.map(|byte| nibble(*byte).count_ones()).fold(0, u32::saturating_add)
    }

    fn try_bytes(&mut self, selector: Option<u8>) {
        for byte in 0..self.len {
            let field = ChecksumField::byte(byte);
            let is_selector = selector.is_some_and(|nibble| nibble / 2 == byte);
            if self.bits_moving(field) < MOVING_BITS_MIN || is_selector {
                continue;
            }
            let more = if selector.is_some() { BY_COUNTER_COST } else { 0 };
            let plain = [Algorithm::Xor, Algorithm::Sum, Algorithm::Difference];
            let carry = [Algorithm::CarrySum, Algorithm::CarryDifference];
            let carry = carry.into_iter().filter(|_| selector.is_none());
            for algorithm in plain.into_iter().chain(carry) {
                self.try_rule(algorithm, field, 0, selector, SIMPLE_COST.saturating_add(more));
            }
            // Codes whose polynomial is even lose their last bit; none is used.
            for poly in (1..=0xFF).step_by(2) {
                let cost = if KNOWN.contains(&poly) { KNOWN_COST } else { ANY_COST };
                for direction in [Direction::HighFirst, Direction::LowFirst] {
                    for tail in 0..=1 {
                        let code = Algorithm::Crc { poly, direction };
                        self.try_rule(code, field, tail, selector, cost.saturating_add(more));
                    }
                }
            }
        }
    }

    fn try_nibbles(&mut self) {
        for (byte, low) in (0..self.len).flat_map(|byte| [(byte, true), (byte, false)]) {
            let field = ChecksumField { byte, bits: 4, low };
            if self.bits_moving(field) < MOVING_BITS_MIN_OF_NIBBLE {
                continue;
            }
            for algorithm in [Algorithm::NibbleXor, Algorithm::NibbleSum, Algorithm::NibbleDifference] {
                self.try_rule(algorithm, field, 0, None, SIMPLE_COST);
            }
        }
    }

    fn try_wide(&mut self) {
        for (byte, low) in (0..self.len).flat_map(|byte| [(byte, true), (byte, false)]) {
            let field = |bits: u8| ChecksumField { byte, bits, low };
            for direction in [Direction::HighFirst, Direction::LowFirst] {
                for (poly, tail) in KNOWN_16.into_iter().flat_map(|poly| (0..=2).map(move |tail| (poly, tail))) {
                    self.try_rule(Algorithm::Crc { poly, direction }, field(16), tail, None, WIDE_COST);
                }
                for poly in KNOWN_32 {
                    self.try_rule(Algorithm::Crc { poly, direction }, field(32), 0, None, WIDE_COST);
                }
            }
            self.try_rule(Algorithm::Crc64, field(64), 0, None, WIDE_COST);
        }
    }

    fn try_rule(&mut self, algorithm: Algorithm, field: ChecksumField, tail: u8, selector: Option<u8>, cost_bits: u32) {
        let wide = field.byte.saturating_add(field.bits.div_ceil(8));
        if wide > self.len || (field.bits > 8 && self.bits_moving(field) < u32::from(field.bits)) {
            return;
        }
        let covered = u64::MAX.checked_shr(u32::from(64_u8.saturating_sub(self.len))).unwrap_or(0);
        let (constant, strength) = (Constant::One(0), Strength::Likely);
        let row = ChecksumRow {
            owner: 0,
            algorithm,
            field,
            covered,
            tail,
            len: self.len,
            constant,
            strength,
            alternative: false,
        };
        let fitted = match selector {
            None => self.fit(row),
            Some(nibble) => self.fit_by_counter(row, nibble),
        };
        if let Some((row, rank)) = fitted {
            let evidence_bits = rank.saturating_mul(self.bits_moving(field));
            self.found.push(Candidate { row, evidence_bits, cost_bits });
        }
    }

    fn fit(&self, row: ChecksumRow) -> Option<(ChecksumRow, u32)> {
        let (first, rest) = self.payloads.split_first()?;
        let constant = Constant::One(row.residue(row.contribution(first), row.field.read(first)?));
        let row = ChecksumRow { constant, ..row };
        if rest.iter().any(|payload| row.violation(payload).is_some()) {
            return None;
        }
        let skip = bits_of(row.field);
        let mut basis = Basis::default();
        rest.iter().for_each(|payload| {
            basis.take(difference(first, payload, &skip));
        });
        Some((row, basis.rank()))
    }

    /// One constant for each value of a nibble; only payloads that share it bear the rule out.
    fn fit_by_counter(&self, row: ChecksumRow, nibble: u8) -> Option<(ChecksumRow, u32)> {
        let mut groups: [Option<&[u8]>; 16] = [None; 16];
        let (mut known, mut values) = (0_u16, [0_u8; 16]);
        let (skip, mut basis) = (bits_of(row.field), Basis::default());
        for payload in self.payloads {
            let byte = *payload.get(usize::from(nibble / 2))?;
            let counter = if nibble % 2 == 1 { byte & 0xF } else { byte >> 4 };
            let residue = row.residue(row.contribution(payload), row.field.read(payload)?);
            let residue = residue.to_le_bytes()[0];
            let (group, value) = (groups.get_mut(usize::from(counter))?, values.get_mut(usize::from(counter))?);
            match *group {
                None => (*group, *value) = (Some(&**payload), residue),
                Some(_) if *value != residue => return None,
                Some(first) => {
                    basis.take(difference(first, payload, &skip));
                }
            }
            known |= 1 << counter;
        }
        Some((ChecksumRow { constant: Constant::ByCounter { nibble, known, values }, ..row }, basis.rank()))
    }
}

/// The bits of a field, byte by byte.
fn bits_of(field: ChecksumField) -> [u8; 64] {
    let mut bits = [0; 64];
    let nibble = if field.low { 0xF } else { 0xF0 };
    let each = if field.bits == 4 { nibble } else { 0xFF };
    let places = bits.iter_mut().skip(usize::from(field.byte)).take(usize::from(field.bits.div_ceil(8)));
    places.for_each(|place| *place = each);
    bits
}
