//! Attacks on a bus: what is forged, and what of the clean traffic is suppressed or changed.
//!
//! Not an exploit and not a physical bus: arbitration does not delay anyone, so a flood adds frames instead of displacing them.
//! Invariant: the same attack, seed and clean traffic give the same frames. Cost: one generator state while an attack runs.

use crate::recording::Subject;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use yagura_model::{BusId, CanId, Frame, FrameKind, Micros, Payload, StandardId};

/// The ways in which a simulated vehicle is attacked.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum AttackKind {
    /// Frames of the highest priority, back to back: nobody else gets a word in.
    Flood,
    /// Random identifiers, lengths and data.
    Fuzz,
    /// False values under a known identifier, several times as often as its owner sends.
    Injection,
    /// The owner of an identifier is silenced.
    Suspension,
    /// The owner is silenced and someone else speaks in its place, at its pace, with false values.
    Masquerade,
    /// Guessing the key of an ECU's security access (ISO 14229 service 0x27) over diagnostics.
    SeedKey,
}

impl AttackKind {
    /// All of them, in the order in which a fleet's first attacked vehicles get them.
    pub const ALL: [Self; 6] =
        [Self::Injection, Self::SeedKey, Self::Flood, Self::Suspension, Self::Fuzz, Self::Masquerade];

    /// Its name, for logs and for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flood => "flood",
            Self::Fuzz => "fuzz",
            Self::Injection => "injection",
            Self::Suspension => "suspension",
            Self::Masquerade => "masquerade",
            Self::SeedKey => "seed-key",
        }
    }
}

/// One attack on one vehicle.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Attack {
    /// How.
    pub kind: AttackKind,
    /// On whom: the identifier that is injected, suspended or impersonated. For the other kinds only its bus counts.
    pub target: Subject,
    /// Median gap of the target's frames, µs.
    pub target_gap: u64,
    /// From this instant of the vehicle's clock.
    pub start: Micros,
    /// Until before this instant.
    pub end: Micros,
    /// What its random choices follow from.
    pub seed: u64,
}

/// Gap between flood frames, µs: what a 500 kbit/s bus carries of 8-byte frames.
const FLOOD_GAP: u64 = 250;
/// Gap between fuzzed frames, µs.
const FUZZ_GAP: u64 = 2_000;
/// Injected frames for each one of the owner.
const INJECTION_FACTOR: u64 = 4;
/// From one guess of the key to the next, µs, and the steps of one guess.
const GUESS_GAP: u64 = 40_000;
const GUESS_STEPS: [u64; 4] = [0, 4_000, 10_000, 15_000];
const TESTER: u16 = 0x7E0;
const ECU: u16 = 0x7E8;

/// An attack that is running: gives forged frames in order of time.
#[derive(Clone, Debug)]
pub(crate) struct Forger {
    attack: Attack,
    random: ChaCha8Rng,
    next: Micros,
    step: u64,
    /// The last clean frame of the target; what is forged in its name resembles it.
    model: Option<Frame>,
    seed: [u8; 4],
}

impl Forger {
    pub(crate) fn new(attack: Attack) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(attack.seed);
        // Nobody attacks on the stroke of a period.
        let start = attack.start.plus(u64::from(random.next_u32() % 5_000));
        Self { attack, random, next: start, step: 0, model: None, seed: [0; 4] }
    }

    pub(crate) const fn attack(&self) -> &Attack {
        &self.attack
    }

    /// What becomes of a clean frame while the attack runs.
    pub(crate) fn pass(&mut self, frame: Frame) -> Option<Frame> {
        let is_target = (frame.bus, frame.id) == self.attack.target;
        if !is_target || frame.time < self.attack.start || frame.time >= self.attack.end {
            return Some(frame);
        }
        self.model = Some(frame);
        match self.attack.kind {
            AttackKind::Suspension => None,
            AttackKind::Masquerade => Some(self.falsified(frame)),
            AttackKind::Flood | AttackKind::Fuzz | AttackKind::Injection | AttackKind::SeedKey => Some(frame),
        }
    }

    /// When the next forged frame is due; [`Micros::MAX`] if none will be.
    pub(crate) fn due(&self) -> Micros {
        let forges = !matches!(self.attack.kind, AttackKind::Suspension | AttackKind::Masquerade);
        if forges && self.next < self.attack.end { self.next } else { Micros::MAX }
    }

    /// The forged frame that is due, if there is one to be made.
    pub(crate) fn forge(&mut self) -> Option<Frame> {
        let time = self.next;
        match self.attack.kind {
            AttackKind::Suspension | AttackKind::Masquerade => None,
            AttackKind::Flood => {
                self.next = time.plus(FLOOD_GAP);
                self.frame(time, 0, &[0; 8])
            }
            AttackKind::Fuzz => {
                self.next = time.plus(FUZZ_GAP / 2 + u64::from(self.random.next_u32()) % FUZZ_GAP);
                let mut data = [0; 8];
                self.random.fill_bytes(&mut data);
                let [len, high, low, ..] = self.random.next_u64().to_be_bytes();
                let len = usize::from(len % 9);
                let id = u16::from_be_bytes([high, low]);
                self.frame(time, id, data.get(..len).unwrap_or(&[]))
            }
            AttackKind::Injection => {
                self.next = time.plus((self.attack.target_gap / INJECTION_FACTOR).max(FLOOD_GAP));
                let model = self.model?;
                Some(Frame { time, ..self.falsified(model) })
            }
            AttackKind::SeedKey => self.guess(time),
        }
    }

    /// Ask for a seed, get it, send a key, be refused; again.
    fn guess(&mut self, time: Micros) -> Option<Frame> {
        let step = usize::try_from(self.step % 4).unwrap_or(0);
        let at = |step: usize| GUESS_STEPS.get(step).copied().unwrap_or(GUESS_GAP);
        self.step += 1;
        self.next = time.plus(at(step + 1) - at(step));
        let mut words = [0; 4];
        self.random.fill_bytes(&mut words);
        match step {
            0 => self.frame(time, TESTER, &[0x02, 0x27, 0x01, 0, 0, 0, 0, 0]),
            1 => {
                self.seed = words;
                let [a, b, c, d] = self.seed;
                self.frame(time, ECU, &[0x06, 0x67, 0x01, a, b, c, d, 0xAA])
            }
            2 => {
                let [a, b, c, d] = words;
                self.frame(time, TESTER, &[0x06, 0x27, 0x02, a, b, c, d, 0])
            }
            _ => self.frame(time, ECU, &[0x03, 0x7F, 0x27, 0x35, 0xAA, 0xAA, 0xAA, 0xAA]),
        }
    }

    /// The frame with false data of the same length.
    fn falsified(&mut self, frame: Frame) -> Frame {
        let mut payload = frame.payload;
        let noise = self.random.next_u64().to_be_bytes();
        for (byte, noise) in payload.as_mut_slice().iter_mut().zip(noise).skip(1).take(3) {
            *byte ^= noise | 1;
        }
        Frame { payload, ..frame }
    }

    fn frame(&self, time: Micros, id: u16, data: &[u8]) -> Option<Frame> {
        let id = CanId::Standard(StandardId::new(id & StandardId::MAX).ok()?);
        let payload = Payload::new(data).ok()?;
        let bus: BusId = self.attack.target.0;
        Some(Frame { time, bus, id, kind: FrameKind::Data, payload })
    }
}
