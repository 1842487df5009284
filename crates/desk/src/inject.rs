//! The attack simulator: a clean capture and an order → the same capture under attack, with labels.
//!
//! Not a bus: arbitration delays nobody, so a flood adds frames instead of displacing them, and forged frames keep the times of
//! those they replace. Not a way onto a vehicle's bus: files in, files out. Every choice that the order leaves open follows from its seed.
//! Invariants: the same frames, order and profile give the same result; frames outside of the window come out unchanged and in
//! their order; a masquerade keeps times, identifiers, lengths and all bits outside of its field, but those that a knowing
//! attacker repairs. Cost: the capture is held in memory.

mod masquerade;
mod order;
mod target;

pub use order::{InjectError, Kind, Order};

use crate::eval::{Labelled, Segment};
use masquerade::Masquerade;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::io::{self, Write};
use target::Target;
use yagura_ids::Profile;
use yagura_model::{BusId, CanId, Frame, FrameKind, Micros, Payload, StandardId};

/// Distance of flood frames, µs: what a 500 kbit/s bus carries of 8-byte frames.
const FLOOD_GAP: u64 = 250;
/// Mean distance of fuzzed frames, µs.
const FUZZ_GAP: u64 = 2_000;
/// Distance of a tester's requests in a scan, µs, and how long the answer takes.
const SCAN_GAP: u64 = 25_000;
const SCAN_ANSWER: u64 = 3_000;
/// Frames that `inject-fast` adds for each one of the owner.
const FAST_FACTOR: u64 = 4;
/// Steps from one frame of the owner to the next.
const FAST_STEPS: u64 = FAST_FACTOR + 1;
const TESTER: u16 = 0x7E0;
const ECU: u16 = 0x7E8;

/// A capture under attack.
#[derive(Clone, Debug)]
pub struct Forged {
    /// All frames, in order of time.
    pub frames: Vec<Labelled>,
    /// When the attack was, in the capture's clock.
    pub window: Segment,
    /// Whose frames were forged, added or suppressed, if it was one identifier.
    pub target: Option<CanId>,
    /// Frames that an attacker wrote. A frame whose data came out as it was is not one.
    pub forged: usize,
    /// Frames that were suppressed.
    pub suppressed: usize,
}

/// Attacks a clean capture. With a profile the attacker knows the checksums and counters that it holds, and repairs them.
///
/// # Errors
/// [`InjectError`] if the order does not fit the capture.
pub fn inject(frames: &[Frame], order: &Order, repair: Option<&Profile<'_>>) -> Result<Forged, InjectError> {
    let start = frames.first().ok_or(InjectError::Empty)?.time;
    let (from, to) = (start.plus(order.start.0), start.plus(order.end.0));
    if from >= to || frames.iter().all(|frame| frame.time < from || frame.time >= to) {
        return Err(InjectError::Window);
    }
    let mut forger =
        Forger { order, from, to, random: ChaCha8Rng::seed_from_u64(order.seed), out: Vec::new(), suppressed: 0 };
    let mut name = None;
    if order.kind.has_target() {
        let target = Target::choose(frames, order, repair)?;
        name = Some(target.id);
        forger.on_target(frames, &target, repair)?;
    } else {
        forger.on_bus(frames);
    }
    let mut out = forger.out;
    // Stable: of frames at the same time the recorded one comes first.
    out.sort_by_key(|labelled| labelled.frame.time);
    let forged = out.iter().filter(|labelled| labelled.is_attack).count();
    let window = Segment { kind: order.kind.name().to_owned(), start: from, end: to };
    Ok(Forged { frames: out, window, target: name, forged, suppressed: forger.suppressed })
}

struct Forger<'a> {
    order: &'a Order,
    from: Micros,
    to: Micros,
    random: ChaCha8Rng,
    out: Vec<Labelled>,
    suppressed: usize,
}

impl Forger<'_> {
    fn clean(&mut self, frame: Frame) {
        self.out.push(Labelled { frame, is_attack: false, name: None });
    }

    fn forged(&mut self, frame: Frame) {
        self.out.push(Labelled { frame, is_attack: true, name: Some(0) });
    }

    const fn is_inside(&self, time: Micros) -> bool {
        self.from.0 <= time.0 && time.0 < self.to.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.random.next_u64().checked_rem(limit).unwrap_or(0)
    }

    /// Attacks that concern no identifier of the vehicle.
    fn on_bus(&mut self, frames: &[Frame]) {
        frames.iter().for_each(|frame| self.clean(*frame));
        let bus = self.order.bus.or_else(|| frames.first().map(|frame| frame.bus)).unwrap_or_default();
        let mut time = self.from.plus(self.below(5_000));
        let mut step = 0_u64;
        while time < self.to {
            let gap = match self.order.kind {
                Kind::Flood => self.flood(bus, time),
                Kind::Fuzz => self.fuzz(bus, time),
                _ => self.scan(bus, time, step),
            };
            step = step.saturating_add(1);
            time = time.plus(gap.max(1));
        }
    }

    fn flood(&mut self, bus: BusId, time: Micros) -> u64 {
        if let Some(frame) = standard(bus, time, 0, &[0; 8]) {
            self.forged(frame);
        }
        FLOOD_GAP
    }

    fn fuzz(&mut self, bus: BusId, time: Micros) -> u64 {
        let (mut data, [len, high, low, ..]) = ([0; 8], self.random.next_u64().to_be_bytes());
        self.random.fill_bytes(&mut data);
        let id = u16::from_be_bytes([high, low]) & StandardId::MAX;
        if let Some(frame) = standard(bus, time, id, data.get(..usize::from(len % 9)).unwrap_or(&[])) {
            self.forged(frame);
        }
        (FUZZ_GAP / 2).saturating_add(self.below(FUZZ_GAP))
    }

    /// One service after the other (ISO 14229-1), each answered "service not supported".
    fn scan(&mut self, bus: BusId, time: Micros, step: u64) -> u64 {
        let [service, ..] = step.to_le_bytes();
        let request = standard(bus, time, TESTER, &[0x02, service, 0x00, 0, 0, 0, 0, 0]);
        let answer = standard(bus, time.plus(SCAN_ANSWER), ECU, &[0x03, 0x7F, service, 0x11, 0xAA, 0xAA, 0xAA, 0xAA]);
        for frame in [request, answer].into_iter().flatten() {
            self.forged(frame);
        }
        SCAN_GAP
    }

    /// Attacks on one identifier.
    fn on_target(
        &mut self,
        frames: &[Frame],
        target: &Target,
        repair: Option<&Profile<'_>>,
    ) -> Result<(), InjectError> {
        let mut masquerade = Masquerade::new(frames, self.order, target, (self.from, self.to), repair)?;
        for frame in frames {
            if (frame.bus, frame.id) != (target.bus, target.id) || !self.is_inside(frame.time) || !is_data(frame) {
                self.clean(*frame);
                continue;
            }
            match self.order.kind {
                Kind::Suspension => self.suppressed = self.suppressed.saturating_add(1),
                Kind::InjectFlam => {
                    self.clean(*frame);
                    let time = frame.time.plus(100_u64.saturating_add(self.below(200)));
                    let forged = masquerade.forge(frame, &mut self.random);
                    self.forged(Frame { time, ..forged });
                }
                Kind::InjectFast => {
                    self.clean(*frame);
                    let gap = (target.gap / FAST_STEPS).max(FLOOD_GAP);
                    for at in 1..=FAST_FACTOR {
                        let forged = masquerade.forge(frame, &mut self.random);
                        self.forged(Frame { time: frame.time.plus(gap.saturating_mul(at)), ..forged });
                    }
                }
                _ => {
                    let forged = masquerade.forge(frame, &mut self.random);
                    if forged.payload == frame.payload { self.clean(*frame) } else { self.forged(forged) }
                }
            }
        }
        Ok(())
    }
}

const fn is_data(frame: &Frame) -> bool {
    matches!(frame.kind, FrameKind::Data | FrameKind::Fd { .. })
}

fn standard(bus: BusId, time: Micros, id: u16, data: &[u8]) -> Option<Frame> {
    let id = CanId::Standard(StandardId::new(id).ok()?);
    Some(Frame { time, bus, id, kind: FrameKind::Data, payload: Payload::new(data).ok()? })
}

impl Forged {
    /// Writes capture and labels as CSV: `t,bus,id,ext,data,label,attack`. Returns how many frames the form cannot hold
    /// (remote and error frames) and were left out.
    ///
    /// # Errors
    /// What writing fails with.
    pub fn write_csv(&self, out: &mut impl Write) -> io::Result<usize> {
        writeln!(out, "t,bus,id,ext,data,label,attack")?;
        let mut left_out = 0_usize;
        for Labelled { frame, is_attack, .. } in &self.frames {
            if !is_data(frame) {
                left_out = left_out.saturating_add(1);
                continue;
            }
            let extended = u8::from(matches!(frame.id, CanId::Extended(_)));
            let name = if *is_attack { self.window.kind.as_str() } else { "" };
            let (time, bus, id, data) = (frame.time, frame.bus.0, frame.id, frame.payload);
            writeln!(out, "{time},{bus},{id},{extended},{data},{},{name}", u8::from(*is_attack))?;
        }
        Ok(left_out)
    }
}

#[cfg(test)]
mod tests;
