//! How complete the list of identifiers is, judged from when training showed each of them first (after Good and Turing: what
//! was seen once foretells what was not seen yet).
//!
//! Not a list of identifiers that may come. A newcomer is an identifier that was first heard after its session had settled;
//! who is there from the start belongs to the vehicle's state and says nothing about growth. Diagnostics and protocol are left
//! out: their dialogues are judged by themselves.

use crate::observe::{IdTraffic, Logger, LoggerBytes, LoggerClock};
use yagura_ids::{Novelty, SETTLE};
use yagura_model::CanId;

/// Less training than this, µs of busy bus, does not tell that a list is complete. A Kona's unit woke up after 26 s.
const COMPLETE_MIN: u64 = 60_000_000;
/// Nor does less than this for J1939 control messages, which are cyclic while a function is in use, and used often.
const CONTROL_MIN: u64 = 20_000_000;
/// Parameter groups that tell a J1939 network: engine speed, vehicle speed, temperatures, fluids, faults, address claimed.
const J1939_GROUPS: [u32; 8] = [0xF003, 0xF004, 0xFEF1, 0xFEEE, 0xFEEF, 0xFEF2, 0xFECA, 0xEE00];
/// Fewer of them are chance.
const J1939_MIN: usize = 3;

/// The novelty of a bus with these identifiers, after `busy` µs of training. Without a clock the list is open without limit.
pub(crate) fn novelty(ids: &[IdTraffic], busy: u64, logger: Logger) -> Novelty {
    let speaks_j1939 = ids.iter().filter(|id| is_j1939_group(id.id)).count() >= J1939_MIN;
    let mut novelty = Novelty { open: if speaks_j1939 { Novelty::J1939 } else { 0 }, ..Novelty::default() };
    let newcomers: Vec<&IdTraffic> = ids.iter().filter(|id| id.is_newcomer() && !novelty.is_transient(id.id)).collect();
    for (bit, none) in STRATA {
        let tells = ids.len() >= IDS_MIN && logger.bytes == LoggerBytes::Whole;
        if tells && !ids.iter().any(|id| missing(id.id) == none) {
            novelty.open |= none;
            continue;
        }
        let enough = if bit == Novelty::CONTROL { CONTROL_MIN } else { COMPLETE_MIN };
        let foretells = |id: &&IdTraffic| novelty.bit(id.id) == bit && id.foretells(busy);
        if busy < enough || newcomers.iter().copied().any(|id| foretells(&id)) {
            novelty.open |= bit;
        }
    }
    if logger.clock == LoggerClock::Useless {
        return novelty;
    }
    // Twice as many as training foretells, and one more; three at once, or twice what ever came within the time to settle.
    let foretold = newcomers.iter().filter(|id| id.foretells(busy)).count().saturating_add(1);
    let interval = busy.checked_div(count(foretold).saturating_mul(2)).unwrap_or(0) / 100_000;
    novelty.interval = u8::try_from(interval.max(1)).unwrap_or(u8::MAX);
    novelty.burst = u8::try_from(burst(&newcomers).saturating_mul(2).saturating_add(3)).unwrap_or(u8::MAX);
    novelty
}

/// Strata, and the mark of a bus that has no identifier of their length.
const STRATA: [(u8, u8); 3] = [
    (Novelty::STANDARD, Novelty::NO_STANDARD),
    (Novelty::EXTENDED, Novelty::NO_EXTENDED),
    (Novelty::CONTROL, Novelty::NO_EXTENDED),
];

/// Fewer identifiers do not tell which lengths a bus has.
const IDS_MIN: usize = 4;

fn missing(id: CanId) -> u8 {
    if id.key() < CanId::EXTENDED_BIT { Novelty::NO_STANDARD } else { Novelty::NO_EXTENDED }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

fn is_j1939_group(id: CanId) -> bool {
    let raw = id.raw();
    let format = raw >> 16 & 0xFF;
    let specific = if format < 0xF0 { 0 } else { raw >> 8 & 0xFF };
    id.key() >= CanId::EXTENDED_BIT && raw >> 24 & 3 == 0 && J1939_GROUPS.contains(&(format << 8 | specific))
}

/// The most newcomers within [`SETTLE`].
fn burst(newcomers: &[&IdTraffic]) -> usize {
    let mut times: Vec<u64> = newcomers.iter().map(|id| id.first_busy).collect();
    times.sort_unstable();
    let within = |(index, start): (usize, &u64)| {
        times.partition_point(|time| *time <= start.saturating_add(SETTLE)).saturating_sub(index)
    };
    times.iter().enumerate().map(within).max().unwrap_or(0)
}

impl IdTraffic {
    fn is_newcomer(&self) -> bool {
        self.settled_for > 0
    }

    /// Whether a newcomer shows that more are to come: it came after the first fifth, or in one second only.
    fn foretells(&self, busy: u64) -> bool {
        let second = |busy: u64| busy / 1_000_000;
        let last = self.arrivals.last().map_or(self.first_busy, |arrival| arrival.busy);
        self.first_busy >= busy / 5 || second(last) == second(self.first_busy)
    }
}
