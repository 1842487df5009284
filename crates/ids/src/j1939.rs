//! J1939 (SAE J1939-21 and -81): a network that knows its nodes, judged by its protocols instead of by a list of identifiers.
//!
//! Not a decoder of parameters. Requests, acknowledgements, multi-packet messages and address claims of known nodes come with
//! identifiers that training need not have shown: they are judged by the rules of their protocol, and expected if they keep
//! them. A source address that training did not show is still unknown (ADR-0017). Invariants: bounded state; only buses whose
//! training traffic was J1939 are judged. Cost: O(1) a frame; state 2.5 KiB.

mod address;
mod request;
mod row;
#[cfg(test)]
mod tests;
mod transport;

pub use address::SOURCES_MAX;
pub use request::REQUESTERS_MAX;
pub use row::SourceRow;
pub use transport::SESSIONS_MAX;

use crate::diag::Note;
use crate::finding::{Check, Strength, Tray};
use crate::profile::{BUSES_MAX, Profile};
use address::{Addresses, Claim};
use request::{RATE_MIN, Requests};
use transport::{Leg, Transport};
use yagura_model::{BusId, CanContext, CanId, ExtendedId, Frame, FrameKind};

/// J1939 networks of a vehicle.
pub const NETWORKS_MAX: usize = 4;
/// A node that was not heard for one to two of these spans does not run, µs.
const LIFE_SPAN: u64 = 500_000;
/// A node that was heard in the last two of these spans has been running for at least one, µs: control units claim
/// their addresses within the first seconds, some after they began to send.
const SETTLED_SPAN: u64 = 5_000_000;
/// A bus that was quiet for so long starts anew: sessions may have begun unseen, µs.
const FRESH_SPAN: u64 = 2_000_000;

/// The address of a node that has none.
const NULL: u8 = 0xFE;

/// A message's parts, as its identifier tells them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Header {
    /// Parameter group, without the destination.
    pgn: u32,
    /// Destination, or 0xFF.
    target: u8,
    source: u8,
}

impl Header {
    const REQUEST: u32 = 0xEA00;
    const ACKNOWLEDGEMENT: u32 = 0xE800;
    const CONTROL: u32 = 0xEC00;
    const DATA: u32 = 0xEB00;
    const CLAIM: u32 = 0xEE00;

    fn of(id: CanId) -> Option<Self> {
        let CanId::Extended(id) = id else { return None };
        let [high, format, specific, source] = id.raw().to_be_bytes();
        let page = u32::from(high & 3) << 16 | u32::from(format) << 8;
        let addressed = format < 0xF0;
        let (pgn, target) = if addressed { (page, specific) } else { (page | u32::from(specific), 0xFF) };
        Some(Self { pgn, target, source })
    }

    /// Whether the message makes a node do something: torque and speed control, transmission control, external brake request,
    /// cab message.
    const fn is_command(self) -> bool {
        matches!(self.pgn, 0x0000 | 0x0100 | 0x0400 | 0xE000)
    }
}

/// One J1939 bus.
#[derive(Clone, Copy, Debug, Default)]
struct Network {
    /// Addresses that training showed, a bit each.
    known: [u32; 8],
    /// Addresses heard in this span and in the one before it.
    heard: [[u32; 8]; 2],
    span: u64,
    /// Addresses heard in this long span and in the two before it.
    settled: [[u32; 8]; 3],
    long_span: u64,
    last: u64,
    begun: u64,
}

impl Network {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self =
        Self { known: [0; 8], heard: [[0; 8]; 2], span: 0, settled: [[0; 8]; 3], long_span: 0, last: 0, begun: 0 };
}

impl Network {
    const fn place(address: u8) -> (usize, u32) {
        ((address >> 5) as usize, 1 << (address & 31))
    }

    fn knows(&self, address: u8) -> bool {
        let (word, bit) = Self::place(address);
        self.known.get(word).is_some_and(|known| known & bit != 0)
    }

    /// Whether a node runs, and has been running for a while.
    fn lives(&self, address: u8) -> bool {
        let (word, bit) = Self::place(address);
        let has = |heard: &[u32; 8]| heard.get(word).is_some_and(|heard| heard & bit != 0);
        let [_, last, before] = &self.settled;
        self.heard.iter().any(has) && has(last) && has(before)
    }

    fn hear(&mut self, address: u8, now: u64) {
        if now.saturating_sub(self.last) > FRESH_SPAN || self.last == 0 {
            self.begun = now;
        }
        self.last = now;
        let elapsed = now.saturating_sub(self.span);
        if elapsed >= LIFE_SPAN {
            let [current, before] = &mut self.heard;
            *before = if elapsed < LIFE_SPAN.saturating_mul(2) { *current } else { [0; 8] };
            *current = [0; 8];
            self.span = now;
        }
        let elapsed = now.saturating_sub(self.long_span);
        if elapsed >= SETTLED_SPAN {
            let [current, last, _] = self.settled;
            let paused = elapsed >= SETTLED_SPAN.saturating_mul(2);
            self.settled = if paused { [[0; 8]; 3] } else { [[0; 8], current, last] };
            self.long_span = now;
        }
        let (word, bit) = Self::place(address);
        let ([heard, _], [settled, _, _]) = (&mut self.heard, &mut self.settled);
        for current in [heard, settled] {
            current.get_mut(word).into_iter().for_each(|heard| *heard |= bit);
        }
    }

    const fn is_fresh(&self, now: u64) -> bool {
        now.saturating_sub(self.begun) < FRESH_SPAN
    }
}

/// What is said of a frame.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Judged {
    /// What was found, not muted.
    pub note: Option<Note>,
    /// The address whose silence after a claim is told with this frame, and how long it is silent, µs.
    pub silent: Option<(u8, u64)>,
    /// Whether its protocol expects the frame, whatever identifier it has.
    pub in_order: bool,
}

/// The J1939 networks of a vehicle.
#[derive(Clone, Copy, Debug, Default)]
pub struct J1939 {
    networks: [Network; NETWORKS_MAX],
    /// Which network each bus of the profile is, from 1; 0 for none.
    slots: [u8; BUSES_MAX],
    transport: Transport,
    requests: Requests,
    addresses: Addresses<NETWORKS_MAX>,
}

impl J1939 {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self {
        networks: [Network::REST; NETWORKS_MAX],
        slots: [0; BUSES_MAX],
        transport: Transport::REST,
        requests: Requests::REST,
        addresses: Addresses::REST,
    };
}

impl J1939 {
    /// The networks of a profile; `None` if it has more than [`NETWORKS_MAX`] or more than [`SOURCES_MAX`] sources.
    #[must_use]
    pub fn of(profile: &Profile<'_>) -> Option<Self> {
        let mut this = Self::REST;
        this.start(profile).then_some(this)
    }

    /// Takes up the networks of a profile, from rest. Returns whether there was room.
    pub(crate) fn start(&mut self, profile: &Profile<'_>) -> bool {
        self.learn(profile).is_some()
    }

    fn learn(&mut self, profile: &Profile<'_>) -> Option<()> {
        let mut count = 0_u8;
        for row in profile.tables().sources.iter() {
            let bus = profile.id(usize::from(row.owner)).and_then(|id| profile.bus_index(id.bus))?;
            let slot = self.slots.get_mut(bus)?;
            if *slot == 0 {
                count = count.saturating_add(1);
                *slot = count;
            }
            let slot = slot.saturating_sub(1);
            let (word, bit) = Network::place(row.address);
            *self.networks.get_mut(usize::from(slot))?.known.get_mut(word)? |= bit;
            self.addresses.learn(slot, &row).then_some(())?;
        }
        Some(())
    }

    /// Takes up a frame of the profile's bus at `bus`; `now` is steady time, µs. `None` if that bus is not J1939 or the frame
    /// has no place in it.
    pub fn take(&mut self, bus: usize, frame: &Frame, now: u64) -> Option<Judged> {
        let slot = self.slots.get(bus)?.checked_sub(1)?;
        let header = Header::of(frame.id)?;
        let network = self.networks.get_mut(usize::from(slot))?;
        if matches!(frame.kind, FrameKind::Remote { .. }) {
            return None;
        }
        let data = frame.payload.as_slice();
        let known = network.knows(header.source);
        let lives = network.lives(header.source);
        let mut judged = Judged::default();
        let (muted, _) = self.addresses.habits(slot, header.source);
        if header.pgn == Header::CLAIM {
            judged = self.take_claim(slot, header, data, (known, lives), now);
            judged.note = judged.note.filter(|note| note.mute() & muted == 0);
        } else {
            network.hear(header.source, now);
            let fresh = network.is_fresh(now);
            let leg = Leg { slot, source: header.source, target: header.target, now, fresh };
            let wrong = match header.pgn {
                Header::CONTROL | Header::DATA => {
                    let wrong = self.transport.take(leg, header.pgn == Header::CONTROL, data);
                    // Who is a stranger anyway has no right to mishaps.
                    let worth = |strength: Strength| if known { strength } else { strength.max(Strength::Likely) };
                    wrong.map(|strength| Note::new(Check::J1939Transport, worth(strength), 0, 0))
                }
                Header::REQUEST => self.take_request(leg, data),
                Header::ACKNOWLEDGEMENT => None,
                group => {
                    // A command is nobody's answer.
                    let asked = known && !header.is_command();
                    judged.in_order = asked && self.requests.expect(slot, header.source, group, now);
                    judged.silent = self.addresses.watch(slot, header.source, now);
                    return Some(judged);
                }
            };
            judged.silent = self.addresses.watch(slot, header.source, now);
            let wrong = wrong.filter(|note| note.mute() & muted == 0);
            let mishap = wrong.is_none_or(|note| note.strength == Strength::Hint);
            judged.in_order = known && mishap && is_whole(header.pgn, data);
            judged.note = wrong;
        }
        Some(judged)
    }

    fn take_request(&mut self, leg: Leg, data: &[u8]) -> Option<Note> {
        let &[a, b, c, ..] = data else { return None };
        if u32::from_le_bytes([a, b, c, 0]) == Header::CLAIM {
            self.addresses.ask(leg.slot, leg.now);
        }
        let (_, learned) = self.addresses.habits(leg.slot, leg.source);
        let rate = u32::from(learned).saturating_mul(2).max(RATE_MIN);
        let surplus = self.requests.take((leg.slot, leg.source), [leg.target, a, b, c], rate, leg.now)?;
        Some(Note::new(Check::J1939Request, Strength::Certain, rate, surplus))
    }

    fn take_claim(&mut self, slot: u8, header: Header, data: &[u8], (known, lives): (bool, bool), now: u64) -> Judged {
        let Ok(name) = <[u8; 8]>::try_from(data).map(u64::from_le_bytes) else { return Judged::default() };
        if header.source == NULL {
            // A node that found no address says so, as it must.
            return Judged { in_order: true, ..Judged::default() };
        }
        match self.addresses.claim(slot, header.source, name, lives, now) {
            Claim::Right => Judged { in_order: known, ..Judged::default() },
            Claim::Theft => {
                let note = Note::new(Check::J1939Address, Strength::Certain, 0, 0);
                Judged { note: Some(note), ..Judged::default() }
            }
        }
    }

    /// Judges a frame; `seen`: whether training showed its identifier. Returns whether it is expected.
    pub(crate) fn judge(&mut self, bus: usize, frame: &Frame, seen: bool, now: u64, tray: &mut Tray) -> bool {
        let Some(judged) = self.take(bus, frame, now) else { return false };
        if let Some(note) = judged.note {
            tray.put(note.check, note.strength, CanContext::of(frame, note.expected, note.observed));
        } else if !seen && Header::of(frame.id).is_some_and(Header::is_command) {
            tray.put(Check::J1939Source, Strength::Certain, CanContext::of(frame, 0, 0));
        }
        let silent = judged.silent.and_then(|(address, absent)| absence(frame.bus, address, absent));
        if let Some(context) = silent {
            tray.put(Check::J1939Address, Strength::Certain, context);
        }
        judged.in_order
    }
}

/// The silence of an address: there is no frame to show, so it goes by the identifier of the claim.
fn absence(bus: BusId, address: u8, absent: u64) -> Option<CanContext> {
    let id = ExtendedId::new(0x18EE_FF00 | u32::from(address)).ok()?;
    Some(CanContext::of_absence(bus, CanId::Extended(id), 0, u32::try_from(absent).unwrap_or(u32::MAX)))
}

/// Whether a request or acknowledgement has the length and the values that the protocol knows.
fn is_whole(pgn: u32, data: &[u8]) -> bool {
    match pgn {
        Header::REQUEST => matches!(data.len(), 3 | 8),
        Header::ACKNOWLEDGEMENT => matches!(data, [0..=3 | 0x80..=0x83, _, _, _, _, _, _, _]),
        _ => data.len() == 8,
    }
}
