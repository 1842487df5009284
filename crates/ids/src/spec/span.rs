//! Which rows of a table belong to an identifier, found once.
//!
//! Not checked against the table: a row that is not there reads as none. Cost: 4 bytes an identifier and table.

use crate::profile::{Row, Table};

/// Rows of one owner: they stand together.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Span {
    first: u16,
    len: u16,
}

impl Span {
    /// The rows of `owner` in `table`; none if they stand beyond the 65,535th.
    pub(crate) fn of<R: Row>(table: &Table<'_, R>, owner: u16) -> Self {
        let rows = table.of(owner);
        let len = rows.end.saturating_sub(rows.start);
        match (u16::try_from(rows.start), u16::try_from(len)) {
            (Ok(first), Ok(len)) => Self { first, len },
            _ => Self::default(),
        }
    }

    /// How many.
    pub(crate) const fn len(self) -> u16 {
        self.len
    }

    /// Where they stand.
    pub(crate) fn indices(self) -> core::ops::Range<usize> {
        let first = usize::from(self.first);
        first..first.saturating_add(usize::from(self.len))
    }

    /// The rows.
    pub(crate) fn rows<'a, R: Row>(self, table: &Table<'a, R>) -> impl Iterator<Item = R> + use<'a, R> {
        let table = *table;
        self.indices().filter_map(move |index| table.get(index))
    }
}
