//! The profiles of the AUTOSAR E2E protocol (PRS_E2EProtocol) as rows: checksum and counter.
//!
//! Not their state machine: timeouts are judged in `silence`, counters in `counter`. Profile 1 and 11 start their code at 0, the
//! others at all ones; data identifiers are folded into the constant. Invariant: `None` if the header does not fit the length.

use super::checksum::{Algorithm, ChecksumField, ChecksumRow, Constant, Direction, ECMA_182};
use super::counter::CounterRow;
use super::crc::{crc32, crc64};
use crate::finding::Strength;
use core::array;
use core::iter::repeat_n;

/// Which bytes of the data identifier profiles 1 and 11 put into the code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DataIdMode {
    /// Both.
    Both,
    /// The low byte with even counters, the high byte with odd ones; profile 1 only.
    Alternating,
    /// The low one.
    Low,
    /// The low one and a zero; the lowest nibble of the high one is sent.
    Nibble,
}

/// A profile and what it needs to know.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum E2eProfile {
    /// CRC-8 SAE J1850, counter of 4 bits from 0 to 14. Profile 11 is the same on the bus.
    P01 {
        /// The data identifier.
        data_id: u16,
        /// How it enters the code.
        mode: DataIdMode,
    },
    /// CRC-8 of polynomial 0x2F, counter of 4 bits. Profile 22 is the same on the bus.
    P02 {
        /// One for each value of the counter.
        data_ids: [u8; 16],
    },
    /// CRC-32 of profile 4, header of 12 bytes.
    P04,
    /// CRC-16 CCITT, header of 3 bytes.
    P05 {
        /// The data identifier.
        data_id: u16,
    },
    /// CRC-16 CCITT, header of 5 bytes with a length.
    P06 {
        /// The data identifier.
        data_id: u16,
    },
    /// CRC-64, header of 20 bytes.
    P07,
}

impl E2eProfile {
    /// The rows for data of `len` bytes with the header at byte `offset`.
    #[must_use]
    pub fn rows(&self, owner: u16, len: u8, offset: u8) -> Option<(ChecksumRow, CounterRow)> {
        let (field, algorithm, counter, header) = self.layout(offset)?;
        if offset.checked_add(header)? > len || len > 64 {
            return None;
        }
        let covered = u64::MAX.checked_shr(u32::from(64_u8.checked_sub(len)?)).unwrap_or(0);
        let (constant, strength) = (Constant::One(0), Strength::Likely);
        let row =
            ChecksumRow { owner, algorithm, field, covered, tail: 0, len, constant, strength, alternative: false };
        let data = len.checked_sub(field.bits / 8)?;
        let code = |start: u32, before: &[u8], after: &[u8]| code_of_zeros(&row, start, before, data, after);
        let one = |value: u64| Constant::One(row.residue(0, value));
        let by_counter =
            |known, values| Constant::ByCounter { nibble: offset.saturating_mul(2).saturating_add(3), known, values };
        let (tail, constant) = match self {
            Self::P01 { data_id, mode } => {
                let [high, low] = data_id.to_be_bytes();
                let constant = match mode {
                    DataIdMode::Both => one(code(0, &[low, high], &[])),
                    DataIdMode::Low => one(code(0, &[low], &[])),
                    DataIdMode::Nibble => one(code(0, &[low, 0], &[])),
                    DataIdMode::Alternating => by_counter(
                        0x7FFF,
                        array::from_fn(|counter| {
                            let id = if counter & 1 == 0 { low } else { high };
                            code(0, &[id], &[]).to_le_bytes()[0]
                        }),
                    ),
                };
                (0, constant)
            }
            Self::P02 { data_ids } => {
                (1, by_counter(u16::MAX, data_ids.map(|id| !code(0xFF, &[], &[id]).to_le_bytes()[0])))
            }
            Self::P04 => (0, one(!code(u32::MAX, &[], &[]))),
            Self::P05 { data_id } => (2, one(code(0xFFFF, &[], &data_id.to_le_bytes()))),
            Self::P06 { data_id } => (2, one(code(0xFFFF, &[], &data_id.to_be_bytes()))),
            Self::P07 => {
                let zeros = repeat_n(0, usize::from(data));
                (0, one(!crc64(ECMA_182, 64, Direction::LowFirst, u64::MAX, zeros)))
            }
        };
        let row = ChecksumRow { tail, constant, ..row };
        Some((row, CounterRow { owner, len, ..counter }))
    }

    /// Checksum, its algorithm, the counter, and the length of the header.
    fn layout(&self, offset: u8) -> Option<(ChecksumField, Algorithm, CounterRow, u8)> {
        let field = |byte: u8, bits, low| offset.checked_add(byte).map(|byte| ChecksumField { byte, bits, low });
        let counter =
            |bit: u16, bits| Some(CounterRow::full(0, u16::from(offset).checked_mul(8)?.checked_add(bit)?, bits));
        let code = |poly, direction| Algorithm::Crc { poly, direction };
        Some(match self {
            Self::P01 { .. } => {
                let counter = CounterRow { values: 15, ..counter(12, 4)? };
                (field(0, 8, false)?, code(0x1D, Direction::HighFirst), counter, 2)
            }
            Self::P02 { .. } => (field(0, 8, false)?, code(0x2F, Direction::HighFirst), counter(12, 4)?, 2),
            Self::P04 => (field(8, 32, false)?, code(0xF4AC_FB13, Direction::LowFirst), counter(16, 16)?, 12),
            Self::P05 { .. } => (field(0, 16, true)?, code(0x1021, Direction::HighFirst), counter(16, 8)?, 3),
            Self::P06 { .. } => (field(0, 16, false)?, code(0x1021, Direction::HighFirst), counter(32, 8)?, 5),
            Self::P07 => (field(0, 64, false)?, Algorithm::Crc64, counter(112, 16)?, 20),
        })
    }
}

/// The code of `before`, so many bytes of 0 and `after`.
fn code_of_zeros(row: &ChecksumRow, start: u32, before: &[u8], zeros: u8, after: &[u8]) -> u64 {
    let Algorithm::Crc { poly, direction } = row.algorithm else { return 0 };
    let bytes = before.iter().copied().chain(repeat_n(0, usize::from(zeros))).chain(after.iter().copied());
    u64::from(crc32(poly, row.field.bits, direction, start, bytes))
}
