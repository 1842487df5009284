//! Judges frames whose identifier the profile does not know: how surprising that is, given how complete its list is.
//!
//! Not a judge of diagnostic or transport protocols: those have dialogues of their own (`diag`, `j1939`). Of a list that
//! training showed to be complete every unknown frame is told. Otherwise newcomers are expected, and told is what exceeds them:
//! more new identifiers than the profile's budget, or one that sends faster than control units do. Once told, an identifier
//! stays told, and every further new one is told with it until [`ALERT_SPAN`] passes without. What is there from the start of
//! a session is the vehicle in a state that training did not show, and makes the list incomplete for as long as the detector
//! runs. State: [`STRANGERS_MAX`] × 24 bytes, 40 a bus. Cost: one pass over the strangers, for unknown frames only.

use crate::finding::Strength;
use crate::judge::Evidence;
use crate::pace::Pace;
use crate::profile::{Novelty, Profile};
use yagura_model::CanId;

/// How many unknown identifiers are told apart.
pub const STRANGERS_MAX: usize = 64;
/// Who sends within this time from the start of a session belongs to it, µs of steady clock: most cycles are shorter.
pub const SETTLE: u64 = 2_000_000;
/// No state of a vehicle adds more identifiers than this, unless training showed many to come.
const SETTLING_MAX: u8 = 16;
/// For how long an unknown frame that was told makes further unknown identifiers suspect, µs.
pub const ALERT_SPAN: u64 = 2_000_000;

/// The fastest cycle common in vehicles, 10 ms, with a tenth for jitter and three frames in a heap.
const STRANGER_PACE: Pace = Pace { interval: 9_000, tolerance: 27_000 };
/// All control units answer a functional request at once, some thirteen; then a tester asks them one after the other.
const TESTER_PACE: Pace = Pace { interval: 1_000_000, tolerance: 24_000_000 };

/// What kind of identifier it is; strata differ in how many newcomers are to be expected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stratum {
    /// Protocol between nodes that the profile knows: no question of the list.
    Protocol,
    /// Diagnostics: testers come and go.
    Diagnostic,
    /// Of a J1939 node that training did not show, whatever it sends: nodes do not come and go, and none is silent for long.
    Node,
    /// Everything else, by the bit of [`Novelty::open`].
    Listed(u8),
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Standing {
    #[default]
    Free,
    Heard,
    Told,
}

#[derive(Clone, Copy, Debug, Default)]
struct Stranger {
    due: u64,
    key: u32,
    bus: u8,
    standing: Standing,
    evidence: Evidence,
}

impl Stranger {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self { due: 0, key: 0, bus: 0, standing: Standing::Free, evidence: Evidence::REST };
}

/// Unknown identifiers that were heard lately.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strangers {
    places: [Stranger; STRANGERS_MAX],
    next: usize,
    /// The place that was judged last.
    recent: usize,
    /// J1939 source addresses of the profile's identifiers, one bit each.
    sources: [u32; 8],
}

/// What is known of novelty on one bus; times on its steady clock, µs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Newcomers {
    settled: u64,
    alert: u64,
    due: u64,
    testers_due: u64,
    /// Strata shown to be incomplete since the detector started.
    open: u8,
    /// Newcomers since the session's start.
    settling: u8,
}

impl Newcomers {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self { settled: 0, alert: 0, due: 0, testers_due: 0, open: 0, settling: 0 };
}

impl Newcomers {
    /// The bus starts anew at `now`.
    pub(crate) const fn settle(&mut self, now: u64) {
        self.settled = now.saturating_add(SETTLE);
        self.settling = 0;
    }

    /// Whether the bus was heard, and long enough since its session began.
    pub(crate) const fn is_settled(&self, now: u64) -> bool {
        self.settled != 0 && now >= self.settled
    }
}

impl Strangers {
    /// As if nothing had been heard: all bytes zero.
    pub(crate) const REST: Self = Self { places: [Stranger::REST; STRANGERS_MAX], next: 0, recent: 0, sources: [0; 8] };

    /// Takes up the sources of a profile, from rest.
    pub(crate) fn start(&mut self, profile: &Profile<'_>) {
        for row in profile.ids().filter(|row| row.id.key() >= CanId::EXTENDED_BIT) {
            let (word, bit) = source_bit(row.id.raw());
            if let Some(word) = self.sources.get_mut(word) {
                *word |= bit;
            }
        }
    }

    /// How much a frame with the unknown `id` is worth at `now`, on the steady clock of bus number `bus`.
    pub(crate) fn judge(
        &mut self,
        (bus, id): (u8, CanId),
        newcomers: &mut Newcomers,
        novelty: Novelty,
        now: u64,
    ) -> Option<Strength> {
        let stratum = self.stratum(id, novelty);
        if stratum == Stratum::Protocol {
            return None;
        }
        let known = self.place((bus, id.key()));
        let known = known.inspect(|place| self.recent = *place).and_then(|place| self.places.get_mut(place));
        let told = match known {
            // Answers of several frames come as fast as the bus carries them.
            Some(stranger) if stratum == Stratum::Diagnostic => stranger.standing == Standing::Told,
            Some(stranger) if novelty.interval == 0 && novelty.open != 0 => stranger.standing == Standing::Told,
            Some(stranger) => stranger.goes_on(now),
            None => {
                let told = newcomers.is_surplus(stratum, novelty, now);
                self.remember(bus, id.key(), told, now);
                told
            }
        };
        if told {
            newcomers.alert = now.saturating_add(ALERT_SPAN);
        }
        // Of a tester's or an answering identifier the dialogue is judged (`diag`), and needs no confirmation.
        let quiet = if stratum == Stratum::Diagnostic { None } else { Some(Strength::Hint) };
        if told { Some(Strength::Certain) } else { quiet }
    }

    /// What was found about an unknown identifier so far.
    pub(crate) fn evidence(&mut self, (bus, key): (u8, u32)) -> Option<&mut Evidence> {
        let place = self.place((bus, key))?;
        self.places.get_mut(place).map(|place| &mut place.evidence)
    }

    fn place(&self, (bus, key): (u8, u32)) -> Option<usize> {
        let is_it = |place: &Stranger| place.key == key && place.bus == bus && place.standing != Standing::Free;
        // Evidence is asked for right after a stranger was judged, and few send at a time.
        if self.places.get(self.recent).is_some_and(is_it) {
            return Some(self.recent);
        }
        self.places.iter().position(is_it)
    }

    fn stratum(&self, id: CanId, novelty: Novelty) -> Stratum {
        let (word, bit) = source_bit(id.raw());
        let is_known = self.sources.get(word).is_some_and(|word| word & bit != 0);
        let is_j1939 = id.key() >= CanId::EXTENDED_BIT && novelty.open & Novelty::J1939 != 0;
        match novelty.stratum(id) {
            Stratum::Protocol | Stratum::Listed(_) if is_j1939 && !is_known => Stratum::Node,
            other => other,
        }
    }

    /// Takes the place of one that was told, or else the next in turn.
    fn remember(&mut self, bus: u8, key: u32, told: bool, now: u64) {
        let free = self.places.iter().position(|place| place.standing != Standing::Heard);
        let at = free.unwrap_or(self.next);
        if free.is_none() {
            self.next = self.next.saturating_add(1) % STRANGERS_MAX;
        }
        self.recent = at;
        if let Some(place) = self.places.get_mut(at) {
            let standing = if told { Standing::Told } else { Standing::Heard };
            *place = Stranger { key, bus, standing, ..Stranger::default() };
            STRANGER_PACE.judge(&mut place.due, now);
        }
    }
}

impl Stranger {
    /// Takes up a further frame. Returns whether it is told.
    fn goes_on(&mut self, now: u64) -> bool {
        if !STRANGER_PACE.judge(&mut self.due, now).admitted {
            self.standing = Standing::Told;
        }
        self.standing == Standing::Told
    }
}

impl Newcomers {
    /// Whether an identifier that was not heard before is more than was to be expected.
    fn is_surplus(&mut self, stratum: Stratum, novelty: Novelty, now: u64) -> bool {
        if now < self.alert {
            return true;
        }
        let bit = match stratum {
            Stratum::Protocol => return false,
            Stratum::Diagnostic => return !TESTER_PACE.judge(&mut self.testers_due, now).admitted,
            // As control messages: training of some length shows every node.
            Stratum::Node if novelty.open & Novelty::CONTROL == 0 => return true,
            Stratum::Node => Novelty::EXTENDED,
            Stratum::Listed(bit) => bit,
        };
        if now < self.settled && novelty.may_settle(bit) {
            self.open |= bit;
            self.settling = self.settling.saturating_add(1);
            return self.settling > SETTLING_MAX.max(novelty.burst.saturating_mul(2));
        }
        let open = (novelty.open | self.open) & bit != 0;
        !open || !novelty.pace().judge(&mut self.due, now).admitted
    }
}

/// Word and bit of the source address of a J1939 identifier.
const fn source_bit(raw: u32) -> (usize, u32) {
    ((raw >> 5 & 7) as usize, 1_u32.wrapping_shl(raw & 31))
}
