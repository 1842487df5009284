//! Who speaks on a J1939 bus: a row of the profile for each source address.
//!
//! Not the identifiers themselves. Invariant: a bus has rows only if its training traffic was J1939 without doubt.

use crate::profile::Row;

/// A row of the source table, 20 bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SourceRow {
    /// The first identifier with this source address; its bus is the source's.
    pub owner: u16,
    /// The address.
    pub address: u8,
    /// Checks that clean traffic would raise, so they are not judged: bit 0 transport, 1 requests, 2 address.
    pub muted: u8,
    /// The shortest period of its identifiers, µs; 0 if none is periodic.
    pub period: u32,
    /// The most requests (PGN 59904) that it sent in a second.
    pub requests: u16,
    /// The NAME (SAE J1939-81) with which it claimed its address; `None` if training did not show a claim.
    pub name: Option<u64>,
}

impl SourceRow {
    /// No NAME: all ones would be a NAME of reserved values only.
    const NO_NAME: u64 = u64::MAX;
}

impl Row for SourceRow {
    const KIND: u8 = 31;
    const LEN: usize = 20;

    fn read(bytes: &[u8]) -> Option<Self> {
        let (&[o0, o1, address, muted @ 0..=7, p0, p1, p2, p3, r0, r1, 0, 0], name) =
            bytes.split_first_chunk::<12>()?
        else {
            return None;
        };
        let name = u64::from_be_bytes(name.try_into().ok()?);
        Some(Self {
            owner: u16::from_be_bytes([o0, o1]),
            address,
            muted,
            period: u32::from_be_bytes([p0, p1, p2, p3]),
            requests: u16::from_be_bytes([r0, r1]),
            name: (name != Self::NO_NAME).then_some(name),
        })
    }

    fn write(&self, out: &mut [u8]) {
        let head = self.owner.to_be_bytes().into_iter().chain([self.address, self.muted & 7]);
        let body = head.chain(self.period.to_be_bytes()).chain(self.requests.to_be_bytes()).chain([0; 2]);
        let all = body.chain(self.name.unwrap_or(Self::NO_NAME).to_be_bytes());
        out.iter_mut().zip(all).for_each(|(room, byte)| *room = byte);
    }

    fn owner(&self) -> u16 {
        self.owner
    }
}
