//! Many rows in one statement.
//!
//! Not a COPY and not arrays: `VALUES (…),(…)` is what both databases know. Invariants: rows of one call are distinct under the key of
//! an `ON CONFLICT` behind them, and sorted by it, so that two owners of partitions lock shared rows in the same order. Rows go in
//! pieces of fixed sizes, so that few texts are ever prepared. Cost: one statement for up to [`PIECES`]`[0]` rows.

use super::StateError;
use super::database::{Dialect, On, Row, Sql, Tx, Value};
use std::fmt::Write;

/// How many rows a statement holds.
const PIECES: [usize; 5] = [256, 64, 16, 4, 1];

/// A statement around `VALUES`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Many {
    /// Up to `VALUES`.
    pub(super) before: &'static str,
    /// Behind the last row.
    pub(super) after: &'static str,
}

impl Many {
    /// Runs it for all rows; how many it touched.
    pub(super) async fn execute<const N: usize>(
        self,
        tx: &mut Tx,
        rows: Vec<[Value<'_>; N]>,
    ) -> Result<u64, StateError> {
        let (mut touched, dialect) = (0, On::from(&mut *tx).dialect());
        let mut rest = rows.into_iter();
        for size in sizes(rest.len()) {
            touched += self.piece(dialect, rest.by_ref().take(size), size).execute(&mut *tx).await?;
        }
        Ok(touched)
    }

    /// What it gives for all rows.
    pub(super) async fn all<T: Row, const N: usize>(
        self,
        on: impl Into<On<'_>>,
        rows: Vec<[Value<'_>; N]>,
    ) -> Result<Vec<T>, StateError> {
        let (mut on, mut given, mut rest) = (on.into(), Vec::new(), rows.into_iter());
        let dialect = on.dialect();
        for size in sizes(rest.len()) {
            let again = match &mut on {
                On::Pool(pool) => On::Pool(pool),
                On::Tx(tx) => On::Tx(tx),
            };
            given.extend(self.piece(dialect, rest.by_ref().take(size), size).all::<T>(again).await?);
        }
        Ok(given)
    }

    fn piece<'q, const N: usize>(
        self,
        dialect: Dialect,
        rows: impl Iterator<Item = [Value<'q>; N]>,
        size: usize,
    ) -> Sql<'q> {
        let mut text = String::with_capacity(self.before.len() + self.after.len() + 8 + size * N * 6);
        text.push_str(self.before);
        text.push_str(" VALUES ");
        let mut next = 1..;
        for row in 0..size {
            text.push_str(if row == 0 { "(" } else { ",(" });
            for (column, number) in (0..N).zip(next.by_ref()) {
                let comma = if column == 0 { "" } else { "," };
                // Writing to a string cannot fail.
                let _ = match dialect {
                    Dialect::Sqlite => write!(text, "{comma}?"),
                    Dialect::Postgres => write!(text, "{comma}${number}"),
                };
            }
            text.push(')');
        }
        text.push(' ');
        text.push_str(self.after);
        Sql::made(text, rows.flatten().collect())
    }
}

/// The pieces that hold `rows` rows.
fn sizes(rows: usize) -> impl Iterator<Item = usize> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let size = PIECES.into_iter().find(|size| *size <= rest)?;
        rest -= size;
        Some(size)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_hold_all_rows() {
        for rows in [0, 1, 5, 300, 1023] {
            assert_eq!(sizes(rows).sum::<usize>(), rows);
        }
        assert_eq!(sizes(300).collect::<Vec<_>>(), [256, 16, 16, 4, 4, 4]);
    }
}
