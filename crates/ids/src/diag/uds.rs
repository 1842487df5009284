//! The dialogue of a tester with one control unit, in the services of UDS and KWP2000: session, security access, refusals.
//!
//! Not a list of what a maker's control units allow: that nobody outside knows. The control unit's own answers say it: it
//! refuses what does not exist and what the asker may not do, and a tester that goes on asking shows what it is. A refusal now
//! and then is daily bread in a workshop, so only rows of them are told, at the next request of the one who asks.
//! State: 40 bytes.

use super::Note;
use super::services::{self, AUTHENTICATION, NEGATIVE, RESET, SECURITY, SESSION, Services};
use crate::finding::{Check, Strength};
use crate::spec::DrivingState;

/// Points of refused requests at which a tester scans. A further refused request counts 2, one next to the refused one before
/// it 6, an answer takes 2 away: 32 kinds of requests that do not exist, or 11 in sequence. A tool that asks for what some
/// model of a series has, does not come so far without an answer.
const SCAN_MAX: u8 = 64;
/// Seeds that a tester may ask for without ever using one.
const SEEDS_MAX: u8 = 4;
/// Wrong keys that a tester may send: control units lock after the second or third (ISO 14229-1, 10.4).
const KEYS_MAX: u8 = 2;
/// Dangerous requests that may be refused in a row.
const DENIALS_MAX: u8 = 3;
/// Resets of one control unit within [`RESET_SPAN`].
const RESETS_MAX: u8 = 3;
/// How long resets are counted, µs.
const RESET_SPAN: u64 = 10_000_000;
/// Without a request for so long a control unit returns to its default session (S3 of ISO 14229-2 is 5 s), µs.
const SESSION_SPAN: u64 = 10_000_000;
/// Answers later than this belong to nothing (P2* of ISO 14229-2 is 5 s), µs.
pub(super) const ANSWER_SPAN: u64 = 6_000_000;

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Session {
    /// The capture began in the middle, or nothing was asked for long.
    #[default]
    Unknown,
    Default,
    Other,
}

/// What a tester and a control unit said so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dialogue {
    asked: u64,
    reset: u64,
    /// The request that waits for an answer; 0 for none.
    pending: u32,
    refused: u32,
    session: Session,
    pending_dangerous: bool,
    begun: bool,
    seeded: bool,
    scan: u8,
    seeds: u8,
    wrong_keys: u8,
    denials: u8,
    resets: u8,
}

impl Dialogue {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self {
        asked: 0,
        reset: 0,
        pending: 0,
        refused: 0,
        session: Session::Unknown,
        pending_dangerous: false,
        begun: false,
        seeded: false,
        scan: 0,
        seeds: 0,
        wrong_keys: 0,
        denials: 0,
        resets: 0,
    };
}

/// Who asks: what was learned of the identifier, and the state of the vehicle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker {
    pub(crate) services: Option<Services>,
    pub(crate) state: DrivingState,
    pub(crate) functional: bool,
}

impl Asker {
    fn learned(&self, service: u8) -> bool {
        self.services.is_some_and(|services| services.has(service))
    }
}

impl Dialogue {
    /// Takes up a request; `message` is its first bytes.
    pub(crate) fn ask(&mut self, message: &[u8], asker: Asker, now: u64) -> Option<Note> {
        let service = message.first().copied().unwrap_or(0);
        if now.saturating_sub(self.asked) > SESSION_SPAN {
            self.session = Session::Unknown;
        }
        let argument = services::argument(message);
        let note = self.judge(message, service, asker, now);
        self.asked = now;
        self.begun = true;
        if !asker.functional && service != 0x3E {
            self.pending = argument.max(1);
            self.pending_dangerous = services::is_dangerous(message);
        }
        note
    }

    fn judge(&mut self, message: &[u8], service: u8, asker: Asker, now: u64) -> Option<Note> {
        // Who was not learned is told as such.
        if services::is_malformed(message) && asker.services.is_some() && !asker.learned(service) {
            return Some(Note::new(Check::Scan, Strength::Likely, 0, 1));
        }
        let unsafe_request = self.judge_safety(message, service, asker, now);
        let security = match service {
            SECURITY | AUTHENTICATION => self.judge_security(message, service),
            _ => None,
        };
        let scan = (self.scan >= SCAN_MAX).then(|| {
            let requests = u32::from(self.scan / 2);
            Note::new(Check::Scan, Strength::Certain, 0, requests)
        });
        security.or(unsafe_request).or(scan)
    }

    fn judge_safety(&mut self, message: &[u8], service: u8, asker: Asker, now: u64) -> Option<Note> {
        let dangerous = services::is_dangerous(message);
        let note = |strength| Some(Note::new(Check::UnsafeRequest, strength, 0, u32::from(service)));
        if asker.state == DrivingState::Workshop {
            return None;
        }
        if service == RESET && !asker.functional {
            if now.saturating_sub(self.reset) > RESET_SPAN {
                self.resets = 0;
            }
            self.reset = now;
            self.resets = self.resets.saturating_add(1);
            if self.resets > RESETS_MAX {
                return note(Strength::Certain);
            }
        }
        if !dangerous {
            return None;
        }
        if asker.state == DrivingState::Driving {
            return note(if asker.learned(service) { Strength::Likely } else { Strength::Certain });
        }
        if self.denials >= DENIALS_MAX {
            return note(Strength::Certain);
        }
        if self.session == Session::Default && services::needs_session(service) && !asker.learned(service) {
            return note(Strength::Likely);
        }
        (asker.services.is_some() && !asker.learned(service)).then_some(())?;
        note(Strength::Hint)
    }

    fn judge_security(&mut self, message: &[u8], service: u8) -> Option<Note> {
        let level = message.get(1).copied().unwrap_or(0);
        let is_seed = service == SECURITY && level & 1 == 1;
        let note = |strength, attempts: u8| {
            Some(Note::new(Check::SecurityAccess, strength, u32::from(level), u32::from(attempts)))
        };
        if self.wrong_keys > KEYS_MAX {
            return note(Strength::Certain, self.wrong_keys);
        }
        if is_seed {
            return (self.seeds >= SEEDS_MAX).then(|| note(Strength::Likely, self.seeds)).flatten();
        }
        self.seeds = 0;
        if self.wrong_keys >= KEYS_MAX {
            return note(Strength::Likely, self.wrong_keys);
        }
        // A capture may begin between seed and key.
        if service == SECURITY && self.begun && !self.seeded {
            return note(Strength::Likely, 0);
        }
        None
    }

    /// Takes up an answer; `message` is its first bytes. What it says is told at the next request, but for a unit that locks
    /// itself: there may be none.
    pub(crate) fn answer(&mut self, message: &[u8], now: u64) -> Option<Note> {
        let &first = message.first()?;
        let asked = u8::try_from(self.pending >> 24).unwrap_or(0);
        let current = self.pending != 0 && now.saturating_sub(self.asked) <= ANSWER_SPAN;
        if first == NEGATIVE {
            let (&service, &code) = message.get(1).zip(message.get(2))?;
            return if current && service == asked { self.refuse(service, code) } else { None };
        }
        if current && first == asked | 0x40 {
            self.grant(message);
        }
        None
    }

    fn refuse(&mut self, service: u8, code: u8) -> Option<Note> {
        const BUSY: u8 = 0x21;
        const LATER: u8 = 0x78;
        if code == BUSY || code == LATER {
            return None;
        }
        let argument = core::mem::take(&mut self.pending);
        if self.pending_dangerous && services::says_forbidden(code) {
            self.denials = self.denials.saturating_add(1);
        }
        if services::says_unknown(code) && argument != self.refused {
            let next = argument.abs_diff(self.refused) == 1;
            self.scan = self.scan.saturating_add(if next { 6 } else { 2 }).min(SCAN_MAX.saturating_mul(2));
            self.refused = argument;
        }
        let level = argument & 0xFF;
        match (service, code) {
            (SECURITY, 0x24 | 0x37) => self.seeded = false,
            (SECURITY, 0x35) | (AUTHENTICATION, 0x50..=0x5D) => {
                self.wrong_keys = self.wrong_keys.saturating_add(1);
            }
            (SECURITY, 0x36) => {
                self.seeded = false;
                self.wrong_keys = self.wrong_keys.saturating_add(1).max(KEYS_MAX.saturating_add(1));
                let attempts = u32::from(self.wrong_keys);
                return Some(Note::new(Check::SecurityAccess, Strength::Certain, level, attempts));
            }
            _ => {}
        }
        None
    }

    fn grant(&mut self, message: &[u8]) {
        let &[first, second, ..] = message else { return };
        self.pending = 0;
        self.scan = self.scan.saturating_sub(2);
        if self.pending_dangerous {
            self.denials = 0;
        }
        match first & !0x40 {
            SESSION => {
                let default = matches!(second, 0x01 | 0x81);
                self.session = if default { Session::Default } else { Session::Other };
                self.seeded = false;
            }
            RESET => {
                self.session = Session::Default;
                self.seeded = false;
            }
            SECURITY if second & 1 == 1 => {
                self.seeded = true;
                // A seed of zeros says that the unit is unlocked already.
                if message.get(2..).is_some_and(|seed| seed.iter().any(|byte| *byte != 0)) {
                    self.seeds = self.seeds.saturating_add(1);
                }
            }
            SECURITY => {
                self.seeded = false;
                self.wrong_keys = 0;
            }
            AUTHENTICATION => self.wrong_keys = 0,
            _ => {}
        }
    }

    /// Whether an answer to the last request is due.
    pub(crate) const fn expects_answer(&self, now: u64) -> bool {
        self.begun && now.saturating_sub(self.asked) <= ANSWER_SPAN
    }
}
