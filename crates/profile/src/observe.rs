//! What training traffic looked like: per bus the distances of its frames, per identifier the distances of its own.
//!
//! Not a judgement (that is `behaviour`). Invariant: distances are measured on the clocks of `ids`, so that a pause, a jump of
//! the logger or disorder between interfaces means the same here and there. Cost: 12 bytes a frame, two passes.

use crate::learn::{LearnError, Settings};
use std::collections::BTreeMap;
use yagura_ids::{BUSES_MAX, BusClock, HEAP_MAX, Lengths, SESSION_GAP, SETTLE};
use yagura_model::{BusId, CanId, Frame, FrameKind};

/// Frames of one bus in their order.
#[derive(Default)]
pub(crate) struct BusTraffic {
    clock: BusClock,
    /// Distance to the frame before, µs; capped at `u32::MAX`.
    pub(crate) gaps: Vec<u32>,
    /// Which identifier each frame had; [`NO_ID`] for remote frames.
    slots: Vec<u32>,
    ids: BTreeMap<u32, IdTraffic>,
    by_slot: Vec<u32>,
}

/// Slot of frames that belong to the bus but to no identifier's schedule.
const NO_ID: u32 = u32::MAX;

/// Frames of one identifier on one bus.
pub(crate) struct IdTraffic {
    slot: u32,
    pub(crate) id: CanId,
    pub(crate) lengths: Lengths,
    pub(crate) frames: u32,
    /// Its data frames by length, FD by the next longer of 8; how often a length comes tells habit from damage.
    by_length: [u32; 9],
    /// Number of the training frame that showed it first, all buses counted.
    pub(crate) first: u64,
    /// For how long its session had been settled when it came first, µs; 0 for one that was there from the start.
    pub(crate) settled_for: u64,
    /// When it came first, busy clock of its bus, µs.
    pub(crate) first_busy: u64,
    /// Its data frames.
    pub(crate) arrivals: Vec<Arrival>,
}

/// When a frame came, on the clocks of its bus, µs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) steady: u64,
    pub(crate) busy: u64,
    /// How long a pause of the bus may have held it back.
    pub(crate) held: u32,
}

/// Whether the logger's times tell anything.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LoggerClock {
    /// They may be what they say.
    Plausible,
    /// More frames a second than any bus carries: times were lost or written in another unit.
    Useless,
}

/// Whether the logger's bytes are those of the bus.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LoggerBytes {
    /// As far as lengths tell.
    Whole,
    /// Several identifiers lost bytes now and then.
    Lost,
}

/// What can be relied on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Logger {
    pub(crate) clock: LoggerClock,
    pub(crate) bytes: LoggerBytes,
}

/// One or two identifiers with a rare length may have their reasons; more have one in common.
const DAMAGED_MIN: usize = 3;

/// The most frames a second that CAN carries: 1 Mbit/s, 47 bits for a frame without data, and some for coarse clocks; over a
/// whole training, in which no bus is always full.
const FRAMES_PER_SECOND_MAX: u64 = 22_000;

/// All training traffic.
#[derive(Default)]
pub(crate) struct Traffic {
    pub(crate) buses: BTreeMap<BusId, BusTraffic>,
    pub(crate) frames: u64,
}

impl Traffic {
    pub(crate) fn read(frames: impl IntoIterator<Item = Frame>, settings: &Settings) -> Result<Self, LearnError> {
        let mut traffic = Self::default();
        let mut ids = 0_usize;
        for frame in frames {
            if matches!(frame.kind, FrameKind::Error) {
                continue;
            }
            if traffic.frames >= settings.frames_max {
                return Err(LearnError::TooManyFrames { max: settings.frames_max });
            }
            let buses = traffic.buses.len();
            let bus = traffic.buses.entry(frame.bus).or_default();
            if bus.gaps.is_empty() && buses == BUSES_MAX {
                return Err(LearnError::TooManyBuses { max: BUSES_MAX });
            }
            ids = ids.saturating_add(bus.take(&frame, traffic.frames));
            if ids > settings.ids_max {
                return Err(LearnError::TooManyIds { max: settings.ids_max });
            }
            traffic.frames = traffic.frames.saturating_add(1);
        }
        if traffic.frames == 0 {
            return Err(LearnError::NoFrames);
        }
        Ok(traffic)
    }
}

impl BusTraffic {
    /// Returns how many identifiers are new: 0 or 1.
    fn take(&mut self, frame: &Frame, number: u64) -> usize {
        let gap = self.clock.advance(frame.time, 0);
        self.gaps.push(u32::try_from(gap).unwrap_or(u32::MAX));
        let before = self.ids.len();
        let slot = u32::try_from(before).unwrap_or(NO_ID);
        let entry = self.ids.entry(frame.id.key()).or_insert_with(|| IdTraffic::new(slot, frame.id, number));
        entry.lengths.allow(frame);
        entry.frames = entry.frames.saturating_add(1);
        if let Some(count) = entry.by_length.get_mut(usize::from(frame.payload.len().min(8))) {
            *count = count.saturating_add(1);
        }
        if entry.slot == slot {
            self.by_slot.push(frame.id.key());
        }
        let remote = matches!(frame.kind, FrameKind::Remote { .. });
        self.slots.push(if remote { NO_ID } else { entry.slot });
        self.ids.len().saturating_sub(before)
    }

    /// Judges what wrote the capture.
    pub(crate) fn logger(&self) -> Logger {
        let damaged = self.ids.values().filter(|id| id.is_damaged()).count();
        let bytes = if damaged < DAMAGED_MIN { LoggerBytes::Whole } else { LoggerBytes::Lost };
        Logger { clock: self.clock(), bytes }
    }

    fn clock(&self) -> LoggerClock {
        let micros: u64 = self.gaps.iter().skip(1).map(|gap| u64::from(*gap)).fold(0, u64::saturating_add);
        let frames = u64::try_from(self.gaps.len()).unwrap_or(u64::MAX);
        let fits = frames.saturating_mul(1_000_000) <= micros.saturating_mul(FRAMES_PER_SECOND_MAX);
        if fits || frames < 100 { LoggerClock::Plausible } else { LoggerClock::Useless }
    }

    /// Second pass: the arrivals of each identifier, now that it is known from which gap on this bus counts as idle.
    /// Returns the identifiers by key and how long the bus was busy, µs.
    pub(crate) fn measure(&mut self, idle_cap: u32) -> (Vec<IdTraffic>, u64) {
        let mut at = Arrival { steady: 0, busy: 0, held: 0 };
        let mut heap_until = 0_u64;
        let mut settled = 0_u64;
        for (gap, slot) in self.gaps.iter().zip(&self.slots) {
            at.steady = at.steady.saturating_add(u64::from(*gap));
            at.busy = at.busy.saturating_add(u64::from((*gap).min(idle_cap)));
            if *gap > idle_cap {
                heap_until = at.steady.saturating_add(u64::from(*gap).min(HEAP_MAX));
                at.held = *gap;
            }
            if at.steady >= heap_until {
                at.held = 0;
            }
            if u64::from(*gap) >= SESSION_GAP {
                settled = at.steady.saturating_add(SETTLE);
            }
            let key = usize::try_from(*slot).ok().and_then(|slot| self.by_slot.get(slot));
            if let Some(id) = key.and_then(|key| self.ids.get_mut(key)) {
                if id.arrivals.is_empty() {
                    id.settled_for = at.steady.saturating_sub(settled);
                    id.first_busy = at.busy;
                }
                id.arrivals.push(at);
            }
        }
        (std::mem::take(&mut self.ids).into_values().collect(), at.busy)
    }
}

impl IdTraffic {
    fn new(slot: u32, id: CanId, first: u64) -> Self {
        Self {
            slot,
            id,
            lengths: Lengths::default(),
            frames: 0,
            by_length: [0; 9],
            first,
            settled_for: 0,
            first_busy: 0,
            arrivals: Vec::new(),
        }
    }

    /// Whether it has one length but for a few frames: what a logger makes of it that loses bytes.
    pub(crate) fn is_damaged(&self) -> bool {
        let most = self.by_length.iter().copied().max().unwrap_or(0);
        let rest = self.by_length.iter().copied().fold(0, u32::saturating_add).saturating_sub(most);
        rest > 0 && rest.saturating_mul(20) < most
    }
}
