//! The transport protocol of SAE J1939-21: RTS, CTS, BAM, data, acknowledgement and abort of each pair of nodes.
//!
//! Not a reassembly: what a message carries is not looked at. Who breaks the rules is told, not who answers it: a node that
//! sends data because a forged CTS asked for them does what it must. State: 40 bytes a session, [`SESSIONS_MAX`] of them, the
//! oldest gives way.

use crate::finding::Strength;
use crate::pace::Pace;

/// Sessions that are followed at a time.
pub const SESSIONS_MAX: usize = 16;
/// The longest time-out of the protocol is 1.25 s (T2, T3); a session without news for twice as long is over, µs.
const SESSION_SPAN: u64 = 2_500_000;
/// A node answers within 200 ms (Tr) and retries no sooner than after 1.25 s: what comes again sooner is no retry, µs.
const REPEAT_SPAN: u64 = 200_000;
/// Connections asked for and not yet answered, on one bus: control units have room for few.
const UNANSWERED_MAX: usize = 8;
/// How often the same may be asked for again: two retries (J1939-21, 5.10.2.4), one more for luck.
const REPEATS_MAX: u8 = 3;
/// "Wait" messages in a row; each holds a connection for 0.5 s.
const HOLDS_MAX: u8 = 16;
/// Aborts: at most ten a second for long, and twenty at once.
const ABORTS: Pace = Pace { interval: 100_000, tolerance: 2_000_000 };
/// How long a source is remembered that broke a rule once, µs.
const OFFENCE_SPAN: u64 = 10_000_000;
/// Sources that are remembered for it.
const OFFENDERS_MAX: usize = 8;
/// The longest message that the protocol carries, bytes.
const MESSAGE_BYTES_MAX: u16 = 1785;
/// The destination of broadcasts.
const GLOBAL: u8 = 0xFF;

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Phase {
    #[default]
    Closed,
    /// RTS sent, no CTS yet.
    Asked,
    /// Data may come: CTS or BAM sent.
    Granted,
    /// Data under way.
    Sending,
    /// All that was granted is sent.
    Sent,
}

/// Which network and nodes: originator, then responder.
type Key = (u8, u8, u8);

#[derive(Clone, Copy, Debug, Default)]
struct Session {
    key: Option<Key>,
    at: u64,
    pgn: [u8; 3],
    phase: Phase,
    /// 0 if its start was not seen.
    packets: u8,
    /// The number of the packet that comes next.
    next: u8,
    /// The last one that was granted.
    granted: u8,
    repeats: u8,
    holds: u8,
}

impl Session {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self {
        key: None,
        at: 0,
        pgn: [0; 3],
        phase: Phase::Closed,
        packets: 0,
        next: 0,
        granted: 0,
        repeats: 0,
        holds: 0,
    };
}

impl Session {
    const fn is_open(&self, now: u64) -> bool {
        !matches!(self.phase, Phase::Closed) && now.saturating_sub(self.at) <= SESSION_SPAN
    }
}

/// A frame of the protocol.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leg {
    /// Network, source, destination.
    pub(super) slot: u8,
    pub(super) source: u8,
    pub(super) target: u8,
    pub(super) now: u64,
    /// Whether the capture, or the bus, has just begun: then a session may have begun before.
    pub(super) fresh: bool,
}

/// A source that broke a rule lately.
#[derive(Clone, Copy, Debug, Default)]
struct Offender {
    /// Network and source.
    key: Option<(u8, u8)>,
    until: u64,
}

impl Offender {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self { key: None, until: 0 };
}

/// The sessions of all networks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Transport {
    sessions: [Session; SESSIONS_MAX],
    offenders: [Offender; OFFENDERS_MAX],
    aborts_due: u64,
}

impl Transport {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self =
        Self { sessions: [Session::REST; SESSIONS_MAX], offenders: [Offender::REST; OFFENDERS_MAX], aborts_due: 0 };
}

impl Transport {
    /// Takes up a frame of the protocol, `control` for connection management (PGN 60416), else data (PGN 60160). Returns what
    /// is wrong with it.
    pub(super) fn take(&mut self, leg: Leg, control: bool, data: &[u8]) -> Option<Strength> {
        let wrong = if control { self.control(leg, data) } else { self.data(leg, data) };
        match wrong? {
            Strength::Hint if self.is_offender((leg.slot, leg.source), leg.now) => Some(Strength::Likely),
            strength => Some(strength),
        }
    }

    /// Whether the source broke a rule lately; now it did.
    fn is_offender(&mut self, key: (u8, u8), now: u64) -> bool {
        let known = self.offenders.iter().position(|one| one.key == Some(key));
        let oldest = || self.offenders.iter().enumerate().min_by_key(|(_, one)| one.until).map(|(index, _)| index);
        let Some(offender) = known.or_else(oldest).and_then(|index| self.offenders.get_mut(index)) else {
            return false;
        };
        let again = offender.key == Some(key) && now < offender.until;
        *offender = Offender { key: Some(key), until: now.saturating_add(OFFENCE_SPAN) };
        again
    }

    fn control(&mut self, leg: Leg, data: &[u8]) -> Option<Strength> {
        let &[what, a, b, c, _, p0, p1, p2] = data else { return Some(Strength::Likely) };
        let pgn = [p0, p1, p2];
        let size = u16::from_le_bytes([a, b]);
        match what {
            0x10 => self.ask(leg, size, c, pgn),
            0x11 => self.grant(leg, a, b, pgn),
            0x13 => self.acknowledge(leg),
            0x20 => self.broadcast(leg, size, c, pgn),
            0xFF => self.abort(leg),
            _ => Some(Strength::Likely),
        }
    }

    fn ask(&mut self, leg: Leg, size: u16, packets: u8, pgn: [u8; 3]) -> Option<Strength> {
        let now = leg.now;
        let unanswered = |session: &&Session| {
            session.phase == Phase::Asked
                && session.key.is_some_and(|key| key.0 == leg.slot)
                && now.saturating_sub(session.at) <= SESSION_SPAN
        };
        let crowd = self.sessions.iter().filter(unanswered).count();
        let session = self.session((leg.slot, leg.source, leg.target))?;
        let again = session.phase == Phase::Asked && now.saturating_sub(session.at) <= REPEAT_SPAN;
        let repeats = if again { session.repeats.saturating_add(1) } else { 0 };
        *session =
            Session { key: session.key, at: now, pgn, phase: Phase::Asked, packets, repeats, ..Session::default() };
        if crowd >= UNANSWERED_MAX || repeats > REPEATS_MAX {
            return Some(Strength::Certain);
        }
        (leg.target == GLOBAL || !is_consistent(size, packets)).then_some(Strength::Likely)
    }

    fn grant(&mut self, leg: Leg, count: u8, next: u8, pgn: [u8; 3]) -> Option<Strength> {
        let now = leg.now;
        let session = self.session((leg.slot, leg.target, leg.source))?;
        if !session.is_open(now) {
            let key = session.key;
            *session = Session { key, at: now, pgn, phase: Phase::Granted, next, ..Session::default() };
            return (!leg.fresh).then_some(Strength::Hint);
        }
        let flying = session.phase == Phase::Sending && now.saturating_sub(session.at) <= REPEAT_SPAN;
        session.at = now;
        if session.packets == 0 {
            return None;
        }
        if pgn != session.pgn {
            return Some(Strength::Certain);
        }
        if count == 0 {
            session.holds = session.holds.saturating_add(1);
            return (session.holds > HOLDS_MAX).then_some(Strength::Likely);
        }
        if next == 0 || next > session.packets {
            return Some(Strength::Certain);
        }
        session.holds = 0;
        let again = session.phase != Phase::Asked && next <= session.granted;
        session.repeats = if again { session.repeats.saturating_add(1) } else { 0 };
        session.next = next;
        session.granted = next.saturating_add(count).saturating_sub(1).min(session.packets);
        session.phase = Phase::Granted;
        if session.repeats > REPEATS_MAX {
            return Some(Strength::Likely);
        }
        (count > session.packets || flying).then_some(Strength::Hint)
    }

    fn acknowledge(&mut self, leg: Leg) -> Option<Strength> {
        let session = self.session((leg.slot, leg.target, leg.source))?;
        let open = session.is_open(leg.now);
        let nothing_sent = matches!(session.phase, Phase::Asked | Phase::Granted) && session.packets != 0;
        session.phase = Phase::Closed;
        ((!open && !leg.fresh) || (open && nothing_sent)).then_some(Strength::Hint)
    }

    fn broadcast(&mut self, leg: Leg, size: u16, packets: u8, pgn: [u8; 3]) -> Option<Strength> {
        let now = leg.now;
        let session = self.session((leg.slot, leg.source, GLOBAL))?;
        let overlaps = matches!(session.phase, Phase::Granted | Phase::Sending)
            && session.packets != 0
            && now.saturating_sub(session.at) <= REPEAT_SPAN;
        let (key, phase) = (session.key, Phase::Granted);
        *session = Session { key, at: now, pgn, phase, packets, next: 1, granted: packets, ..Session::default() };
        if leg.target != GLOBAL || !is_consistent(size, packets) {
            return Some(Strength::Likely);
        }
        overlaps.then_some(Strength::Hint)
    }

    fn abort(&mut self, leg: Leg) -> Option<Strength> {
        for key in [(leg.slot, leg.source, leg.target), (leg.slot, leg.target, leg.source)] {
            let session = self.sessions.iter_mut().find(|session| session.key == Some(key));
            session.into_iter().for_each(|session| session.phase = Phase::Closed);
        }
        (!ABORTS.judge(&mut self.aborts_due, leg.now).admitted).then_some(Strength::Certain)
    }

    fn data(&mut self, leg: Leg, data: &[u8]) -> Option<Strength> {
        let &[number, _, _, _, _, _, _, _] = data else { return Some(Strength::Likely) };
        let session = self.session((leg.slot, leg.source, leg.target))?;
        if !session.is_open(leg.now) {
            let key = session.key;
            let (at, next) = (leg.now, number.wrapping_add(1));
            *session = Session { key, at, phase: Phase::Sending, next, ..Session::default() };
            return (!leg.fresh).then_some(Strength::Hint);
        }
        session.at = leg.now;
        let expected = session.next;
        let early = session.phase == Phase::Asked;
        session.next = number.wrapping_add(1);
        if session.packets == 0 {
            return None;
        }
        session.phase = match number {
            last if last >= session.packets && leg.target == GLOBAL => Phase::Closed,
            last if last >= session.granted => Phase::Sent,
            _ => Phase::Sending,
        };
        if number == 0 || number > session.packets {
            return Some(Strength::Likely);
        }
        (early || number < expected).then_some(Strength::Hint)
    }

    fn session(&mut self, key: Key) -> Option<&mut Session> {
        let known = self.sessions.iter().position(|session| session.key == Some(key));
        let index = match known {
            Some(index) => index,
            None => {
                let oldest = self.sessions.iter().enumerate().min_by_key(|(_, one)| (one.key.is_some(), one.at));
                let index = oldest.map(|(index, _)| index)?;
                *self.sessions.get_mut(index)? = Session { key: Some(key), ..Session::default() };
                index
            }
        };
        self.sessions.get_mut(index)
    }
}

/// Whether so many packets of seven bytes make a message of that size, and the protocol carries such.
const fn is_consistent(size: u16, packets: u8) -> bool {
    size > 8 && size <= MESSAGE_BYTES_MAX && size.div_ceil(7) == packets as u16
}
