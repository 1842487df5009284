//! Tables that follow the identifiers in a profile of version 2: one per kind of knowledge, each row owned by an identifier.
//!
//! Not the bus and identifier tables. Format: docs/format/profile.md. Invariant: every row of a [`Table`] that a checked
//! profile gives is legal, and rows stand in the order of their owners. Cost: rows are decoded where they lie.

use core::marker::PhantomData;
use core::ops::Range;

/// What a table holds one of.
pub trait Row: Copy + Sized {
    /// Number of the kind, as in the format.
    const KIND: u8;
    /// Bytes of a row.
    const LEN: usize;

    /// The row in `bytes`, which are [`Self::LEN`] long; `None` if it is not legal.
    fn read(bytes: &[u8]) -> Option<Self>;

    /// The row in `bytes` that [`Self::read`] accepted before: need not check again what costs time at each frame.
    fn reread(bytes: &[u8]) -> Option<Self> {
        Self::read(bytes)
    }

    /// Writes the row to `out`, which is [`Self::LEN`] long.
    fn write(&self, out: &mut [u8]);

    /// Whose row it is: an index into the identifier table. Rows stand in ascending order of it.
    fn owner(&self) -> u16;
}

/// The rows of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a, R> {
    bytes: &'a [u8],
    rows: PhantomData<R>,
}

impl<R> Default for Table<'_, R> {
    fn default() -> Self {
        Self { bytes: &[], rows: PhantomData }
    }
}

impl<'a, R: Row> Table<'a, R> {
    /// A table of whole rows.
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, rows: PhantomData }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len().checked_div(R::LEN).unwrap_or(0)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// One row.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<R> {
        let start = index.checked_mul(R::LEN)?;
        R::reread(self.bytes.get(start..start.checked_add(R::LEN)?)?)
    }

    /// All rows.
    pub fn iter(&self) -> impl Iterator<Item = R> + use<'a, R> {
        self.bytes.chunks_exact(R::LEN).filter_map(R::read)
    }

    /// Where the rows of `owner` stand.
    #[must_use]
    pub fn of(&self, owner: u16) -> Range<usize> {
        self.first_from(owner)..self.first_from(owner.saturating_add(1))
    }

    fn first_from(&self, owner: u16) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.get(middle) {
                Some(row) if row.owner() < owner => low = middle.saturating_add(1),
                _ => high = middle,
            }
        }
        low
    }

    /// The first row that is not legal, not in order, or whose owner does not exist.
    pub(crate) fn first_fault(&self, ids: usize) -> Option<usize> {
        let mut last = 0;
        self.bytes.chunks_exact(R::LEN).position(|bytes| match R::read(bytes) {
            Some(row) if row.owner() >= last && usize::from(row.owner()) < ids => {
                last = row.owner();
                false
            }
            _ => true,
        })
    }
}
