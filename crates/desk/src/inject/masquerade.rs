//! False values in one field of a frame, and the repair of what protects it.
//!
//! Not an attacker who knows relations between signals: one field lies, the others tell the truth. The false value stays within
//! the range that the capture shows and away from the truth: a constant differs from the value before the window by at least a tenth
//! of the range, an offset is a quarter of it, a ramp reaches half of it at the end of the window. With a profile, counters go on
//! from the last frame that was sent and checksums fit. Invariant: the same orders give the same frames. Cost: O(1) a frame.

use super::target::Target;
use super::{InjectError, Kind, Order, is_data};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;
use yagura_ids::{ChecksumRow, CounterRow, Field, Profile};
use yagura_model::{Frame, Micros};

/// A share of the range, in hundredths.
const OFFSET: i128 = 25;
const RAMP: i128 = 50;
const APART: i128 = 10;

pub(super) struct Masquerade {
    kind: Kind,
    field: Option<Writer>,
    low: i128,
    high: i128,
    constant: i128,
    sign: i128,
    from: Micros,
    span: u64,
    /// Values before the window, the oldest first.
    past: Vec<i128>,
    next: usize,
    checksums: Vec<ChecksumRow>,
    counters: Vec<(CounterRow, Option<u16>)>,
}

impl Masquerade {
    pub(super) fn new(
        frames: &[Frame],
        order: &Order,
        target: &Target,
        (from, to): (Micros, Micros),
        repair: Option<&Profile<'_>>,
    ) -> Result<Self, InjectError> {
        let own = || frames.iter().filter(|frame| (frame.bus, frame.id) == (target.bus, target.id) && is_data(frame));
        let inside = own().filter(|frame| from <= frame.time && frame.time < to).count();
        if inside == 0 {
            return Err(InjectError::Target);
        }
        let mut it = Self {
            kind: order.kind,
            field: target.field.filter(|_| order.kind.has_field()).map(Writer::new),
            low: 0,
            high: 0,
            constant: 0,
            sign: if order.seed.is_multiple_of(2) { 1 } else { -1 },
            from,
            span: to.since(from).max(1),
            past: Vec::new(),
            next: 0,
            checksums: Vec::new(),
            counters: Vec::new(),
        };
        if let Some(writer) = &it.field {
            let value = |frame: &Frame| writer.field.value(frame.payload.as_slice()).map(i128::from);
            let all: Vec<i128> = own().filter_map(value).collect();
            let past: Vec<i128> = own().filter(|frame| frame.time < from).filter_map(value).collect();
            it.low = all.iter().min().copied().ok_or(InjectError::Field)?;
            it.high = all.iter().max().copied().ok_or(InjectError::Field)?;
            it.past = replayed(&past, inside);
            if it.low == it.high {
                return Err(InjectError::Field);
            }
            let last = past.last().or(all.first()).copied().unwrap_or(it.low);
            it.constant = it.apart(last, order.seed);
        }
        it.know(target, repair);
        Ok(it)
    }

    /// What the attacker knows of the target's protection.
    fn know(&mut self, target: &Target, repair: Option<&Profile<'_>>) {
        let Some(profile) = repair else { return };
        let Some(owner) = profile.id_index(target.bus, target.id).and_then(|at| u16::try_from(at).ok()) else { return };
        let tables = profile.tables();
        self.checksums = tables.checksums.of(owner).filter_map(|index| tables.checksums.get(index)).collect();
        let counters = tables.counters.of(owner).filter_map(|index| tables.counters.get(index));
        self.counters = counters.map(|row| (row, None)).collect();
    }

    const fn range(&self) -> i128 {
        self.high.saturating_sub(self.low)
    }

    fn share(&self, hundredths: i128) -> i128 {
        (self.range().saturating_mul(hundredths) / 100).max(1)
    }

    /// A value of the range that differs from another.
    fn apart(&self, from: i128, seed: u64) -> i128 {
        let apart = self.share(APART);
        let free = self.range().saturating_sub(apart.saturating_mul(2)).max(1);
        let drawn = i128::from(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32);
        let step = apart.saturating_add(drawn.checked_rem(free).unwrap_or(0));
        let up = from.saturating_add(step);
        if up <= self.high { up } else { from.saturating_sub(step).max(self.low) }
    }

    /// The frame that is sent instead.
    pub(super) fn forge(&mut self, frame: &Frame, random: &mut ChaCha8Rng) -> Frame {
        let mut forged = *frame;
        let truth = self.field.as_ref().and_then(|writer| writer.field.value(frame.payload.as_slice()));
        if let Some(truth) = truth {
            let lie = self.lie(i128::from(truth), frame.time, random);
            if let Some(writer) = &self.field {
                writer.write(lie, forged.payload.as_mut_slice());
            }
        }
        self.repair(&mut forged);
        forged
    }

    fn lie(&mut self, truth: i128, time: Micros, random: &mut ChaCha8Rng) -> i128 {
        let moved = |by: i128, it: &Self| {
            let (there, back) = (truth.saturating_add(by), truth.saturating_sub(by));
            if (it.low..=it.high).contains(&there) { there } else { back.clamp(it.low, it.high) }
        };
        match self.kind {
            Kind::MasqRamp => {
                let elapsed = i128::from(time.since(self.from));
                let by = self.share(RAMP).saturating_mul(elapsed).checked_div(i128::from(self.span)).unwrap_or(0);
                moved(self.sign.saturating_mul(by), self)
            }
            Kind::MasqOffset => moved(self.sign.saturating_mul(self.share(OFFSET)), self),
            Kind::MasqReplay => {
                let value = self.past.get(self.next).copied().unwrap_or(truth);
                self.next = self.next.saturating_add(1).checked_rem(self.past.len()).unwrap_or(0);
                value
            }
            Kind::MasqRandom => {
                let values = self.range().saturating_add(1);
                self.low.saturating_add(i128::from(random.next_u64()).checked_rem(values).unwrap_or(0))
            }
            _ => self.constant,
        }
    }

    fn repair(&mut self, frame: &mut Frame) {
        for (row, last) in &mut self.counters {
            if let Some(value) = row.advance(*last, frame.payload.as_mut_slice()) {
                *last = Some(value);
            }
        }
        let before = frame.payload;
        for row in &self.checksums {
            if !row.alternative {
                row.repair(frame.payload.as_mut_slice());
            }
        }
        // Rows that are alternatives of each other protect the same place: the first that applies suffices.
        let wrong = |row: &ChecksumRow| row.violation(frame.payload.as_slice()).is_some();
        if self.checksums.iter().any(|row| !row.alternative && wrong(row)) {
            frame.payload = before;
            for row in &self.checksums {
                if row.repair(frame.payload.as_mut_slice()) {
                    break;
                }
            }
        }
    }
}

/// What is replayed: as many values as the window has frames, taken from where the past moved most.
fn replayed(past: &[i128], frames: usize) -> Vec<i128> {
    let len = frames.min(past.len());
    if len == 0 {
        return Vec::new();
    }
    let moved = |piece: &&[i128]| {
        piece.windows(2).map(|pair| pair.first().zip(pair.last()).map_or(0, |(a, b)| a.abs_diff(*b))).sum::<u128>()
    };
    let step = (len / 4).max(1);
    past.windows(len).step_by(step).max_by_key(moved).unwrap_or(past).to_vec()
}

/// Puts values into the bits of a field.
pub(super) struct Writer {
    field: Field,
    /// Byte and mask of each bit, the least significant first.
    bits: Vec<(usize, u8)>,
}

impl Writer {
    /// Finds the bits by asking the field what each one is worth.
    pub(super) fn new(field: Field) -> Self {
        let mut bits = vec![(0, 0); usize::from(field.bits())];
        let mut data = [0_u8; yagura_model::Payload::LEN_MAX];
        for (byte, mask) in (0..data.len()).flat_map(|byte| (0..8).map(move |bit| (byte, 1_u8 << bit))) {
            if let Some(place) = data.get_mut(byte) {
                *place = mask;
            }
            let weight = field.raw(&data).and_then(u64::checked_ilog2).and_then(|bit| usize::try_from(bit).ok());
            if let Some(bit) = weight.and_then(|bit| bits.get_mut(bit)) {
                *bit = (byte, mask);
            }
            if let Some(place) = data.get_mut(byte) {
                *place = 0;
            }
        }
        Self { field, bits }
    }

    pub(super) fn write(&self, value: i128, data: &mut [u8]) {
        for (bit, (byte, mask)) in self.bits.iter().enumerate() {
            let is_set =
                u32::try_from(bit).ok().and_then(|bit| value.checked_shr(bit)).is_some_and(|value| value & 1 == 1);
            if let Some(place) = data.get_mut(*byte) {
                *place = if is_set { *place | mask } else { *place & !mask };
            }
        }
    }
}
