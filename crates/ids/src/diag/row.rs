//! What an identifier is in diagnostics: a row of the profile, and what the standards say of identifiers without one.
//!
//! Not the conversation itself (`talk`). Invariant: rows are learned from whole, well-formed exchanges only; an identifier that
//! ever carried anything else has none.

use super::services::Services;
use crate::profile::{Profile, Row};
use yagura_model::CanId;

/// Who speaks with an identifier.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// A tester, to every control unit.
    Functional,
    /// A tester, to one control unit.
    Request,
    /// A control unit.
    Response,
}

/// A row of the diagnostics table, 16 bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DiagRow {
    /// Whose.
    pub owner: u16,
    /// The other side's identifier, as an index; its own if there is none.
    pub peer: u16,
    /// Who speaks.
    pub role: Role,
    /// Checks that clean traffic would raise, so they are not judged: bit 0 ISO-TP, 1 security access, 2 scan, 3 unsafe request.
    pub muted: u8,
    /// What was asked for in training; none for a response.
    pub services: Services,
}

impl Row for DiagRow {
    const KIND: u8 = 30;
    const LEN: usize = 16;

    fn read(bytes: &[u8]) -> Option<Self> {
        let &[o0, o1, p0, p1, role, muted @ 0..=15, h0, h1, l0, l1, l2, l3, l4, l5, l6, l7] = bytes else {
            return None;
        };
        let role = match role {
            0 => Role::Functional,
            1 => Role::Request,
            2 => Role::Response,
            _ => return None,
        };
        let low = u64::from_be_bytes([l0, l1, l2, l3, l4, l5, l6, l7]);
        let services = Services { low, high: u16::from_be_bytes([h0, h1]) };
        Some(Self { owner: u16::from_be_bytes([o0, o1]), peer: u16::from_be_bytes([p0, p1]), role, muted, services })
    }

    fn write(&self, out: &mut [u8]) {
        let role = match self.role {
            Role::Functional => 0,
            Role::Request => 1,
            Role::Response => 2,
        };
        let head = self.owner.to_be_bytes().into_iter().chain(self.peer.to_be_bytes()).chain([role, self.muted & 15]);
        let all = head.chain(self.services.high.to_be_bytes()).chain(self.services.low.to_be_bytes());
        out.iter_mut().zip(all).for_each(|(room, byte)| *room = byte);
    }

    fn owner(&self) -> u16 {
        self.owner
    }
}

/// What an identifier is in diagnostics.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Line {
    /// Key of the identifier with which the tester asks.
    pub request: u32,
    /// Who speaks.
    pub role: Role,
    /// As in [`DiagRow`].
    pub muted: u8,
    /// What was asked for in training; `None` if the identifier was not learned.
    pub services: Option<Services>,
}

impl Line {
    /// As a profile's row says.
    #[must_use]
    pub fn of(row: &DiagRow, profile: &Profile<'_>) -> Option<Self> {
        let asker = if row.role == Role::Response { row.peer } else { row.owner };
        let id = profile.id(usize::from(asker))?.id;
        let request = Self::standard(id).map_or(id.key(), |line| line.request);
        Some(Self { request, role: row.role, muted: row.muted, services: Some(row.services) })
    }

    /// As ISO 15765-4 says of every vehicle: 0x7DF and 0x18DB33F1 ask all, 0x7E0-0x7E7 one, 0x7E8-0x7EF answer; with 29 bits
    /// testers have the addresses 0xF0-0xFD.
    #[must_use]
    pub const fn standard(id: CanId) -> Option<Self> {
        let (raw, key) = (id.raw(), id.key());
        let (role, request) = match id {
            CanId::Standard(_) => match raw {
                0x7DF => (Role::Functional, key),
                0x7E0..=0x7E7 => (Role::Request, key),
                0x7E8..=0x7EF => (Role::Response, key.wrapping_sub(8)),
                _ => return None,
            },
            CanId::Extended(_) => {
                let (target, source) = (raw >> 8 & 0xFF, raw & 0xFF);
                match (raw >> 16, source, target) {
                    (0x18DB, 0xF0..=0xFD, _) => (Role::Functional, key),
                    (0x18DA, 0xF0..=0xFD, _) => (Role::Request, key),
                    (0x18DA, _, 0xF0..=0xFD) => {
                        (Role::Response, CanId::EXTENDED_BIT | 0x18DA_0000 | source << 8 | target)
                    }
                    _ => return None,
                }
            }
        };
        Some(Self { request, role, muted: 0, services: None })
    }
}
