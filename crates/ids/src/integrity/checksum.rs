//! One checksum rule of an identifier.
//!
//! Not E2E state (counters are beside it). Invariant: the byte it stands in lies within the data it protects, else the frame
//! is not judged.

use crate::profile::Row;

/// How the checksum byte follows from the other bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Algorithm {
    /// Exclusive or of all other bytes and the constant.
    Xor,
    /// Sum of all other bytes and the constant, modulo 256.
    Sum,
}

/// A row of the checksum table, 8 bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ChecksumRow {
    /// Whose.
    pub owner: u16,
    /// How it is computed.
    pub algorithm: Algorithm,
    /// Which byte holds it.
    pub byte: u8,
    /// What is added last.
    pub constant: u8,
}

impl Row for ChecksumRow {
    const KIND: u8 = 1;
    const LEN: usize = 8;

    fn read(bytes: &[u8]) -> Option<Self> {
        let &[o0, o1, algorithm, byte, constant, 0, 0, 0] = bytes else { return None };
        let algorithm = match algorithm {
            1 => Algorithm::Xor,
            2 => Algorithm::Sum,
            _ => return None,
        };
        Some(Self { owner: u16::from_be_bytes([o0, o1]), algorithm, byte, constant })
    }

    fn write(&self, out: &mut [u8]) {
        let [o0, o1] = self.owner.to_be_bytes();
        let algorithm = match self.algorithm {
            Algorithm::Xor => 1,
            Algorithm::Sum => 2,
        };
        out.iter_mut()
            .zip([o0, o1, algorithm, self.byte, self.constant, 0, 0, 0])
            .for_each(|(room, byte)| *room = byte);
    }

    fn owner(&self) -> u16 {
        self.owner
    }
}
