//! How much a rule that holds proves: independent changes of data, counted by linear algebra over bits.
//!
//! Not a test of a rule. A thousand frames in which only four bits move prove no more than four: every code that is linear in
//! bits and fits the first four fits all. Invariant: the rank never exceeds the number of moving bits.

use yagura_ids::ChecksumRow;

/// A basis of differences of payloads, bit by bit.
#[derive(Default)]
pub(crate) struct Basis {
    /// Each with the position of its highest bit.
    rows: Vec<(usize, [u64; 8])>,
}

impl Basis {
    /// Takes a difference; returns whether it was new.
    pub(crate) fn take(&mut self, mut word: [u64; 8]) -> bool {
        for (pivot, row) in &self.rows {
            if bit(&word, *pivot) {
                word.iter_mut().zip(row).for_each(|(word, row)| *word ^= row);
            }
        }
        let Some(pivot) = highest(&word) else { return false };
        for (_, row) in &mut self.rows {
            if bit(row, pivot) {
                row.iter_mut().zip(&word).for_each(|(row, word)| *row ^= word);
            }
        }
        self.rows.push((pivot, word));
        true
    }

    /// How many independent ones there were.
    pub(crate) fn rank(&self) -> u32 {
        u32::try_from(self.rows.len()).unwrap_or(u32::MAX)
    }
}

fn bit(word: &[u64; 8], at: usize) -> bool {
    word.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
}

fn highest(word: &[u64; 8]) -> Option<usize> {
    let at = word.iter().rposition(|word| *word != 0)?;
    let top = word.get(at)?.checked_ilog2()?;
    at.checked_mul(64)?.checked_add(usize::try_from(top).ok()?)
}

/// The difference of two payloads of the same length, without the bits of `skip`.
pub(crate) fn difference(a: &[u8], b: &[u8], skip: &[u8; 64]) -> [u64; 8] {
    let mut bytes = [0_u8; 64];
    for ((place, skip), (a, b)) in bytes.iter_mut().zip(skip).zip(a.iter().zip(b)) {
        *place = (a ^ b) & !skip;
    }
    let mut words = [0; 8];
    words.iter_mut().zip(bytes.as_chunks().0).for_each(|(word, bytes)| *word = u64::from_le_bytes(*bytes));
    words
}

/// Bits that differ anywhere among the payloads.
pub(crate) fn moving(payloads: &[&[u8]]) -> [u8; 64] {
    let mut moving = [0; 64];
    let Some(first) = payloads.first() else { return moving };
    for payload in payloads {
        for (place, (a, b)) in moving.iter_mut().zip(payload.iter().zip(first.iter())) {
            *place |= a ^ b;
        }
    }
    moving
}

/// Parts of the data that say the same as another part: copies and inverses. Any two of them make a sum or an exclusive or
/// that never changes and protects nothing else.
pub(crate) struct Pairs {
    /// Moving bytes, and those of them that are one of a pair.
    bytes: (u32, u32),
    /// The same for nibbles.
    nibbles: (u32, u32),
}

impl Pairs {
    pub(crate) fn of(payloads: &[&[u8]]) -> Self {
        let moving = moving(payloads);
        let bytes = |at: usize| moving.get(at).copied().unwrap_or(0);
        let nibble = |at: usize| if at.is_multiple_of(2) { bytes(at / 2) >> 4 } else { bytes(at / 2) & 0xF };
        let byte_at = |payload: &[u8], at: usize| payload.get(at).copied().unwrap_or(0);
        let nibble_at = |payload: &[u8], at: usize| {
            let byte = payload.get(at / 2).copied().unwrap_or(0);
            if at.is_multiple_of(2) { byte & 0xF0 } else { byte << 4 }
        };
        Self { bytes: count(payloads, 64, bytes, byte_at), nibbles: count(payloads, 128, nibble, nibble_at) }
    }

    /// Whether too little is left of the moving data without pairs to be a checksum and two things that it protects. Where only
    /// two parts move, nobody can tell, and this does not.
    pub(crate) const fn explain(&self, row: &ChecksumRow) -> bool {
        let (moving, paired) = if row.field.bits == 4 { self.nibbles } else { self.bytes };
        moving > 2 && moving.saturating_sub(paired) < 3 && paired > 0
    }
}

/// How many parts move, and how many of them are one of a pair. Parts are in the high bits of what `read` gives.
fn count(
    payloads: &[&[u8]],
    parts: usize,
    moves: impl Fn(usize) -> u8,
    read: impl Fn(&[u8], usize) -> u8,
) -> (u32, u32) {
    let moving: Vec<usize> = (0..parts).filter(|at| moves(*at) != 0).collect();
    let is_pair = |a: usize, b: usize| {
        let same = |relation: fn(u8, u8) -> u8| {
            let mut values = payloads.iter().map(|payload| relation(read(payload, a), read(payload, b)));
            let first = values.next();
            values.all(|value| Some(value) == first)
        };
        same(|a, b| a ^ b) || same(u8::wrapping_add) || same(u8::wrapping_sub)
    };
    let paired = moving.iter().filter(|a| moving.iter().any(|b| *a != b && is_pair(**a, *b))).count();
    (u32::try_from(moving.len()).unwrap_or(0), u32::try_from(paired).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_independent_changes_count() {
        let mut basis = Basis::default();
        let word = |low: u64, high: u64| [low, 0, 0, 0, 0, 0, 0, high];
        assert!(basis.take(word(3, 0)) && basis.take(word(1, 1)));
        assert!(!basis.take(word(2, 1)) && !basis.take(word(0, 0)));
        assert!(basis.take(word(0, 1)));
        assert_eq!(basis.rank(), 3);
    }
}
