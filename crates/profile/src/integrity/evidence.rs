//! How much a rule that holds proves: independent changes of data, counted by linear algebra over bits.
//!
//! Not a test of a rule. A thousand frames in which only four bits move prove no more than four: every code that is linear in
//! bits and fits the first four fits all. Invariant: the rank never exceeds the number of moving bits.

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
