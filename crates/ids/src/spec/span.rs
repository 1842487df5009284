//! Which rows of a table belong to an identifier, found once.
//!
//! Not checked against the table: a row that is not there reads as none. Cost: 3 bytes an identifier and table.

use crate::profile::{Row, Table};

/// Rows of one owner: they stand together.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Span {
    first: [u8; 2],
    len: u8,
}

impl Span {
    /// Who has more rows than this in one table does not fit.
    pub(crate) const ROWS_MAX: usize = u8::MAX as usize;
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self { first: [0; 2], len: 0 };
}

impl Span {
    /// The rows of `owner` in `table`, at most [`Self::ROWS_MAX`]; none if they stand beyond the 65,535th.
    pub(crate) fn of<R: Row>(table: &Table<'_, R>, owner: u16) -> Self {
        let rows = table.of(owner);
        let len = u8::try_from(rows.end.saturating_sub(rows.start)).unwrap_or(u8::MAX);
        u16::try_from(rows.start).map_or(Self::REST, |first| Self { first: first.to_ne_bytes(), len })
    }

    /// How many.
    pub(crate) fn len(self) -> usize {
        usize::from(self.len)
    }

    /// Where they stand.
    pub(crate) fn indices(self) -> core::ops::Range<usize> {
        let first = usize::from(u16::from_ne_bytes(self.first));
        first..first.saturating_add(self.len())
    }

    /// The rows.
    pub(crate) fn rows<'a, R: Row>(self, table: &Table<'a, R>) -> impl Iterator<Item = R> + use<'a, R> {
        let table = *table;
        self.indices().filter_map(move |index| table.get(index))
    }
}
