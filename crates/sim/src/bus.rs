//! The bus of one vehicle: clean traffic from a recording, and what attackers make of it.
//!
//! Not a sensor: nothing is judged here. Invariants: times never go back; between attacks the traffic is the recording's,
//! frame for frame. Cost: a comparison a frame while nobody attacks.

use crate::attack::{Attack, Forger};
use crate::recording::Replay;
use crate::schedule::Schedule;
use yagura_model::{Frame, Micros};

/// A frame on the bus and whether an attacker put it there or changed it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OnBus {
    /// The frame.
    pub frame: Frame,
    /// Ground truth; no sensor sees it.
    pub is_forged: bool,
}

/// An endless bus.
#[derive(Clone, Debug)]
pub struct Bus {
    clean: Replay,
    waiting: Option<Frame>,
    schedule: Option<Schedule>,
    round: u64,
    forger: Option<Forger>,
}

impl Bus {
    /// The traffic of `replay`, attacked as `schedule` says.
    #[must_use]
    pub fn new(replay: Replay, schedule: Option<Schedule>) -> Self {
        let mut bus = Self { clean: replay, waiting: None, schedule, round: 0, forger: None };
        bus.forger = bus.attack_of_round().map(Forger::new);
        bus.waiting = bus.clean.next();
        bus
    }

    /// The attack that runs now or comes next.
    #[must_use]
    pub fn attack(&self) -> Option<&Attack> {
        self.forger.as_ref().map(Forger::attack)
    }

    /// The time of the next frame.
    #[must_use]
    pub fn next_time(&self) -> Micros {
        let clean = self.waiting.map_or(Micros::MAX, |frame| frame.time);
        self.forger.as_ref().map_or(clean, |forger| forger.due().min(clean))
    }

    fn attack_of_round(&self) -> Option<Attack> {
        self.schedule.as_ref()?.attack(self.round, self.clean.recording())
    }

    /// The next clean frame; moves on to the next attack once this one is over.
    fn take_clean(&mut self) -> Option<Frame> {
        let frame = self.waiting.take()?;
        self.waiting = self.clean.next();
        if self.forger.as_ref().is_some_and(|forger| frame.time >= forger.attack().end) {
            self.round += 1;
            self.forger = self.attack_of_round().map(Forger::new);
        }
        Some(frame)
    }
}

impl Iterator for Bus {
    type Item = OnBus;

    fn next(&mut self) -> Option<OnBus> {
        loop {
            let clean_time = self.waiting.map_or(Micros::MAX, |frame| frame.time);
            if let Some(forger) = &mut self.forger
                && forger.due() < clean_time
            {
                if let Some(frame) = forger.forge() {
                    return Some(OnBus { frame, is_forged: true });
                }
                continue;
            }
            let clean = self.take_clean()?;
            let Some(forger) = &mut self.forger else { return Some(OnBus { frame: clean, is_forged: false }) };
            if let Some(frame) = forger.pass(clean) {
                return Some(OnBus { frame, is_forged: frame != clean });
            }
        }
    }
}
