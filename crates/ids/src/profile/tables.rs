//! Which tables a profile of version 2 may have, and how they follow each other.
//!
//! Not the rows (each kind has its own file beside the detector that reads it). To add a kind: a field in [`Tables`], one in
//! [`Contents`], a line in `Tables::parse`, `Contents::tables_len` and `Contents::write_tables`, and its section in
//! docs/format/profile.md. Invariant: kinds ascend, each at most once, none empty; a kind that is not known is refused.

use super::{BusRow, IdRow, ProfileError, Row, Source, TABLE_HEADER_LEN, Table};
use crate::diag::DiagRow;
use crate::integrity::{ChecksumRow, CounterRow};
use crate::j1939::SourceRow;
use crate::payload::{ConstantRow, FieldRow};
use crate::relation::{RelationRow, SignalRow};
use crate::spec::{RuleRow, StateRow};

/// The tables after the identifiers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tables<'a> {
    /// How identifiers protect their data.
    pub checksums: Table<'a, ChecksumRow>,
    /// How identifiers count their frames.
    pub counters: Table<'a, CounterRow>,
    /// What single fields do.
    pub fields: Table<'a, FieldRow>,
    /// Signals that are compared with others.
    pub signals: Table<'a, SignalRow>,
    /// How they follow from each other.
    pub relations: Table<'a, RelationRow>,
    /// Bits that never change.
    pub constants: Table<'a, ConstantRow>,
    /// What identifiers are in diagnostics.
    pub diagnostics: Table<'a, DiagRow>,
    /// Who speaks on J1939 buses.
    pub sources: Table<'a, SourceRow>,
    /// What values signals may have.
    pub rules: Table<'a, RuleRow>,
    /// Signals that tell what the vehicle is doing.
    pub states: Table<'a, StateRow>,
}

impl<'a> Tables<'a> {
    /// Reads the tables in `bytes`, which are all that follows the identifier table; `ids` is its number of rows.
    pub(super) fn parse(mut bytes: &'a [u8], ids: usize) -> Result<Self, ProfileError> {
        let mut tables = Self::default();
        let mut last = 0;
        while !bytes.is_empty() {
            let (section, rest) = Section::split(bytes)?;
            if section.kind <= last {
                return Err(ProfileError::TableOrder(section.kind));
            }
            match section.kind {
                ChecksumRow::KIND => tables.checksums = section.table(ids)?,
                CounterRow::KIND => tables.counters = section.table(ids)?,
                FieldRow::KIND => tables.fields = section.table(ids)?,
                SignalRow::KIND => tables.signals = section.table(ids)?,
                RelationRow::KIND => tables.relations = section.table(ids)?,
                ConstantRow::KIND => tables.constants = section.table(ids)?,
                DiagRow::KIND => tables.diagnostics = section.table(ids)?,
                SourceRow::KIND => tables.sources = section.table(ids)?,
                RuleRow::KIND => tables.rules = section.table(ids)?,
                StateRow::KIND => tables.states = section.table(ids)?,
                kind => return Err(ProfileError::UnknownTable(kind)),
            }
            last = section.kind;
            bytes = rest;
        }
        Ok(tables)
    }
}

/// One table as it lies in the blob.
struct Section<'a> {
    kind: u8,
    row_len: usize,
    rows: &'a [u8],
}

impl<'a> Section<'a> {
    /// The first table of `bytes`, and what follows it.
    fn split(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), ProfileError> {
        let cut = ProfileError::Tables { left: bytes.len() };
        let (&[kind, row_len, 0, 0, n0, n1, n2, n3], rest) =
            bytes.split_first_chunk::<TABLE_HEADER_LEN>().ok_or(cut)?
        else {
            return Err(cut);
        };
        let row_len = usize::from(row_len);
        let count = usize::try_from(u32::from_be_bytes([n0, n1, n2, n3])).map_err(|_| cut)?;
        let len = count.checked_mul(row_len).filter(|len| *len > 0).ok_or(cut)?;
        let (rows, rest) = rest.split_at_checked(len).ok_or(cut)?;
        Ok((Self { kind, row_len, rows }, rest))
    }

    fn table<R: Row>(&self, ids: usize) -> Result<Table<'a, R>, ProfileError> {
        if self.row_len != R::LEN {
            return Err(ProfileError::TableRow { kind: self.kind, row: 0 });
        }
        let table = Table::new(self.rows);
        match table.first_fault(ids) {
            Some(row) => Err(ProfileError::TableRow { kind: self.kind, row }),
            None => Ok(table),
        }
    }
}

/// What a profile is made of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Contents<'a> {
    /// What it was learned from.
    pub source: Source,
    /// By bus number.
    pub buses: &'a [BusRow],
    /// By bus number, then key.
    pub ids: &'a [IdRow],
    /// By owner.
    pub checksums: &'a [ChecksumRow],
    /// By owner.
    pub counters: &'a [CounterRow],
    /// By owner.
    pub fields: &'a [FieldRow],
    /// By owner.
    pub signals: &'a [SignalRow],
    /// By owner.
    pub relations: &'a [RelationRow],
    /// By owner.
    pub constants: &'a [ConstantRow],
    /// By owner.
    pub diagnostics: &'a [DiagRow],
    /// By owner.
    pub sources: &'a [SourceRow],
    /// By owner.
    pub rules: &'a [RuleRow],
    /// By owner.
    pub states: &'a [StateRow],
}

impl Contents<'_> {
    pub(super) const fn tables_len(&self) -> usize {
        table_len::<ChecksumRow>(self.checksums)
            .saturating_add(table_len::<CounterRow>(self.counters))
            .saturating_add(table_len::<FieldRow>(self.fields))
            .saturating_add(table_len::<SignalRow>(self.signals))
            .saturating_add(table_len::<RelationRow>(self.relations))
            .saturating_add(table_len::<ConstantRow>(self.constants))
            .saturating_add(table_len::<DiagRow>(self.diagnostics))
            .saturating_add(table_len::<SourceRow>(self.sources))
            .saturating_add(table_len::<RuleRow>(self.rules))
            .saturating_add(table_len::<StateRow>(self.states))
    }

    /// Fills `out`, which is [`Self::tables_len`] long.
    pub(super) fn write_tables(&self, out: &mut [u8]) -> Option<()> {
        let out = write_table(self.checksums, out)?;
        let out = write_table(self.counters, out)?;
        let out = write_table(self.fields, out)?;
        let out = write_table(self.signals, out)?;
        let out = write_table(self.relations, out)?;
        let out = write_table(self.constants, out)?;
        let out = write_table(self.diagnostics, out)?;
        let out = write_table(self.sources, out)?;
        let out = write_table(self.rules, out)?;
        let out = write_table(self.states, out)?;
        out.is_empty().then_some(())
    }
}

const fn table_len<R: Row>(rows: &[R]) -> usize {
    if rows.is_empty() { 0 } else { TABLE_HEADER_LEN.saturating_add(rows.len().saturating_mul(R::LEN)) }
}

/// Writes a table to the front of `out`; returns the rest of it.
fn write_table<'o, R: Row>(rows: &[R], out: &'o mut [u8]) -> Option<&'o mut [u8]> {
    if rows.is_empty() {
        return Some(out);
    }
    let (header, out) = out.split_first_chunk_mut::<TABLE_HEADER_LEN>()?;
    let [n0, n1, n2, n3] = u32::try_from(rows.len()).ok()?.to_be_bytes();
    *header = [R::KIND, u8::try_from(R::LEN).ok()?, 0, 0, n0, n1, n2, n3];
    let (table, rest) = out.split_at_mut_checked(rows.len().checked_mul(R::LEN)?)?;
    table.chunks_exact_mut(R::LEN).zip(rows).for_each(|(room, row)| row.write(room));
    Some(rest)
}
