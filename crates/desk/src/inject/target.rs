//! Whose frames are forged, and which of their bits, where the order leaves it open.
//!
//! Not a model of signals. Choice: the identifier is drawn by the seed among the periodic ones whose data move; the field is its
//! byte with the most values that holds neither checksum nor counter, as far as the profile knows. Cost: one pass.

use super::{InjectError, Order, is_data};
use std::collections::{BTreeMap, BTreeSet};
use yagura_ids::{Field, Profile};
use yagura_model::{BusId, CanId, Frame, Micros, Place};

/// Fewer frames than this in a capture are no target.
const FRAMES_MIN: usize = 50;

/// A target.
pub(super) struct Target {
    pub(super) bus: BusId,
    pub(super) id: CanId,
    pub(super) field: Option<Field>,
    /// Median distance of its frames, µs.
    pub(super) gap: u64,
}

impl Target {
    pub(super) fn choose(frames: &[Frame], order: &Order, profile: Option<&Profile<'_>>) -> Result<Self, InjectError> {
        let (bus, id) = match order.target {
            Some(id) => {
                let is_it = |frame: &&Frame| frame.id == id && order.bus.is_none_or(|bus| bus == frame.bus);
                (frames.iter().find(is_it).ok_or(InjectError::Target)?.bus, id)
            }
            None => draw(frames, order).ok_or(InjectError::Target)?,
        };
        let own: Vec<&Frame> =
            frames.iter().filter(|frame| (frame.bus, frame.id) == (bus, id) && is_data(frame)).collect();
        let field = order.field.or_else(|| moving_byte(&own, &protected(profile, bus, id)));
        if order.kind.has_field() && field.is_none() {
            return Err(InjectError::Field);
        }
        Ok(Self { bus, id, field, gap: median_gap(&own) })
    }
}

/// What an identifier sends.
#[derive(Default)]
struct Sent<'f> {
    frames: usize,
    values: BTreeSet<&'f [u8]>,
}

/// An identifier that is sent often and whose data move.
fn draw(frames: &[Frame], order: &Order) -> Option<(BusId, CanId)> {
    let mut seen: BTreeMap<(BusId, CanId), Sent<'_>> = BTreeMap::new();
    for frame in frames.iter().filter(|frame| is_data(frame) && order.bus.is_none_or(|bus| bus == frame.bus)) {
        let sent = seen.entry((frame.bus, frame.id)).or_default();
        sent.frames = sent.frames.saturating_add(1);
        sent.values.insert(frame.payload.as_slice());
    }
    seen.retain(|_, sent| sent.frames >= FRAMES_MIN && sent.values.len() > FRAMES_MIN / 10);
    let at = order.seed.checked_rem(u64::try_from(seen.len()).ok()?)?;
    seen.into_keys().nth(usize::try_from(at).ok()?)
}

/// Bytes that hold a checksum or a counter.
fn protected(profile: Option<&Profile<'_>>, bus: BusId, id: CanId) -> BTreeSet<u16> {
    let Some(profile) = profile else { return BTreeSet::new() };
    let Some(owner) = profile.id_index(bus, id).and_then(|index| u16::try_from(index).ok()) else {
        return BTreeSet::new();
    };
    let tables = profile.tables();
    let checksums = tables.checksums.of(owner).filter_map(|index| tables.checksums.get(index));
    let checksums = checksums.map(|row| Place { start: row.field.start(), bits: row.field.bits, witness: None });
    let counters = tables.counters.of(owner).filter_map(|index| tables.counters.get(index)).map(|row| row.place());
    let bytes =
        |place: Place| place.start / 8..=place.start.saturating_add(u16::from(place.bits)).saturating_sub(1) / 8;
    checksums.chain(counters).flat_map(bytes).collect()
}

fn moving_byte(own: &[&Frame], protected: &BTreeSet<u16>) -> Option<Field> {
    let len = own.iter().map(|frame| u16::from(frame.payload.len())).min()?;
    let values = |byte: u16| {
        let of = |frame: &&Frame| frame.payload.as_slice().get(usize::from(byte)).copied();
        own.iter().filter_map(of).collect::<BTreeSet<u8>>().len()
    };
    let free = (0..len).filter(|byte| !protected.contains(byte));
    let (most, byte) = free.map(|byte| (values(byte), byte)).max()?;
    if most < 2 { None } else { Field::big_endian(byte.checked_mul(8)?, 8).ok() }
}

fn median_gap(own: &[&Frame]) -> u64 {
    let mut gaps: Vec<u64> = own.windows(2).filter_map(gap).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied().unwrap_or(10_000)
}

fn gap(pair: &[&Frame]) -> Option<u64> {
    let [before, after] = pair else { return None };
    let time: Micros = after.time;
    Some(time.since(before.time))
}
