//! Which rows of a chunk: bitmaps of a fixed size, and one per predicate.
//!
//! Not compressed: a chunk is small enough to stay in cache (512 bytes a bitmap). Invariant: bits at or above the number of rows
//! of the chunk are 0. Predicates that no row passes have no bitmap, so most rules cost one look-up per chunk.

use crate::pool::PredicateId;
use std::ops::Range;

/// Rows that are evaluated at once.
pub(crate) const CHUNK_ROWS: usize = 4_096;
const WORDS: usize = CHUNK_ROWS / 64;

/// A set of rows of a chunk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Mask([u64; WORDS]);

impl Mask {
    pub(crate) const EMPTY: Self = Self([0; WORDS]);

    /// The rows below `rows`.
    pub(crate) fn first(rows: usize) -> Self {
        let mut mask = Self::EMPTY;
        let mut left = rows;
        for word in &mut mask.0 {
            *word = if left >= 64 { u64::MAX } else { (1_u64 << left).wrapping_sub(1) };
            left = left.saturating_sub(64);
        }
        mask
    }

    pub(crate) fn set(&mut self, row: usize) {
        if let Some(word) = self.0.get_mut(row >> 6) {
            *word |= 1 << (row & 63);
        }
    }

    pub(crate) fn has(&self, row: usize) -> bool {
        self.0.get(row >> 6).is_some_and(|word| word & (1 << (row & 63)) != 0)
    }

    pub(crate) fn and(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a &= b);
    }

    pub(crate) fn or(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
    }

    pub(crate) fn and_not(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a &= !b);
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().fold(0, |all, word| all | word) == 0
    }

    /// The rows, ascending.
    pub(crate) fn rows(&self) -> impl Iterator<Item = usize> {
        self.rows_of(0..CHUNK_ROWS)
    }

    /// The rows of a block, ascending; a block begins and ends where words do, or at the end of the chunk.
    pub(crate) fn rows_of(&self, block: Range<usize>) -> impl Iterator<Item = usize> + use<> {
        let words = (block.start >> 6)..block.end.div_ceil(64).min(WORDS);
        let mut mask = [0; WORDS];
        let both = mask.iter_mut().zip(&self.0).take(words.end).skip(words.start);
        both.for_each(|(to, word)| *to = *word);
        mask.into_iter().enumerate().take(words.end).skip(words.start).flat_map(|(index, word)| {
            let base = index << 6;
            std::iter::successors(Some(word), |w| Some(w & w.wrapping_sub(1)))
                .take_while(|w| *w != 0)
                .map(move |w| base | w.trailing_zeros() as usize)
        })
    }
}

/// One mask per predicate, those that no row passes left out.
pub(crate) struct PredicateMasks {
    masks: Vec<Mask>,
    present: Vec<bool>,
    touched: Vec<PredicateId>,
}

impl PredicateMasks {
    pub(crate) fn new(predicates: usize) -> Self {
        Self { masks: vec![Mask::EMPTY; predicates], present: vec![false; predicates], touched: Vec::new() }
    }

    /// Forgets the last chunk; costs what the last chunk touched.
    pub(crate) fn clear(&mut self) {
        for id in self.touched.drain(..) {
            if let Some(mask) = self.masks.get_mut(id.0 as usize) {
                *mask = Mask::EMPTY;
            }
            if let Some(present) = self.present.get_mut(id.0 as usize) {
                *present = false;
            }
        }
    }

    fn touch(&mut self, id: PredicateId) -> Option<&mut Mask> {
        let present = self.present.get_mut(id.0 as usize)?;
        if !*present {
            *present = true;
            self.touched.push(id);
        }
        self.masks.get_mut(id.0 as usize)
    }

    pub(crate) fn set(&mut self, id: PredicateId, row: usize) {
        if let Some(mask) = self.touch(id) {
            mask.set(row);
        }
    }

    pub(crate) fn or(&mut self, id: PredicateId, rows: &Mask) {
        if let Some(mask) = self.touch(id) {
            mask.or(rows);
        }
    }

    /// The rows that pass; `None` if no row does.
    pub(crate) fn get(&self, id: PredicateId) -> Option<&Mask> {
        let present = self.present.get(id.0 as usize).copied().unwrap_or(false);
        if present { self.masks.get(id.0 as usize) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn mask(rows: &BTreeSet<usize>) -> Mask {
        let mut mask = Mask::EMPTY;
        rows.iter().for_each(|row| mask.set(*row));
        mask
    }

    proptest! {
        #[test]
        fn masks_are_sets(
            a in proptest::collection::btree_set(0..CHUNK_ROWS, 0..50),
            b in proptest::collection::btree_set(0..CHUNK_ROWS, 0..50),
        ) {
            prop_assert_eq!(mask(&a).rows().collect::<BTreeSet<_>>(), a.clone());
            let mut and = mask(&a);
            and.and(&mask(&b));
            prop_assert_eq!(and, mask(&a.intersection(&b).copied().collect()));
            let mut or = mask(&a);
            or.or(&mask(&b));
            prop_assert_eq!(or, mask(&a.union(&b).copied().collect()));
            let mut not = mask(&a);
            not.and_not(&mask(&b));
            prop_assert_eq!(not, mask(&a.difference(&b).copied().collect()));
            prop_assert_eq!(not.is_empty(), a.is_subset(&b));
        }

        #[test]
        fn the_first_rows_are_those_below(rows in 0..=CHUNK_ROWS) {
            prop_assert_eq!(Mask::first(rows), mask(&(0..rows).collect()));
        }
    }
}
