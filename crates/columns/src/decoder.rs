//! From the bodies of opened reports to rows of `events` and `vehicle_state`.
//!
//! Not a check of who sent a report or whether it is in order (that is `link`). Invariants: each entry of a body becomes a row,
//! is an excerpt, or is counted as undecodable; an entry's row carries its index in the body, so that a stranger finds it in the
//! evidence; the same reports give the same rows. Cost: about 0.2 µs and no allocation per event; see `benches/decode.rs`.

mod observed;

pub use observed::{ForeignRow, ObservedRow};

use crate::rows::{ContextColumns, EventRow, EventRows, ObservedColumns, Origin, StateRow, StateRows};
use crate::schema::{bucket_of_text, event_date, partition_date};
use arrow::record_batch::RecordBatch;
use thiserror::Error;
use yagura_catalogue::{Catalogue, ContextLayout, severity_id};
use yagura_idsm::Message;
use yagura_link::{Entry, Header, entries, states};
use yagura_model::{CanContext, CanId, DeviceId, EventId, Gear, Place, Severity, UnixMicros, VehicleState};

/// The most rows that a decoder holds; [`Decoder::finish`] before that.
pub const DECODER_ROWS_MAX: usize = 1 << 20;
/// How far a state sample may be from an event, in µs, and still be stated as the vehicle's state at the event.
pub const STATE_AGE_MAX: i64 = 10_000_000;

/// What came of one report.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Decoded {
    /// Rows of `events`.
    pub events: usize,
    /// Rows of `vehicle_state`.
    pub states: usize,
    /// Entries, or context data of events, that could not be read. An event whose context cannot be read still is a row,
    /// with the context as its payload.
    pub undecodable: usize,
}

/// What [`Decoder::finish`] hands out.
#[derive(Clone, Debug)]
pub struct Batches {
    /// Rows of [`crate::events_schema`].
    pub events: RecordBatch,
    /// Rows of [`crate::vehicle_state_schema`].
    pub states: RecordBatch,
}

/// Why a decoder takes no more, or cannot finish.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DecoderError {
    /// It holds [`DECODER_ROWS_MAX`] rows. Finish it first; nothing of this report was taken.
    #[error("decoder holds {rows} rows, the maximum is {DECODER_ROWS_MAX}")]
    Full {
        /// How many rows it holds.
        rows: usize,
    },
    /// The rows do not fit the schema. A mistake of this crate.
    #[error("rows do not fit their schema")]
    Schema(#[from] arrow::error::ArrowError),
}

/// Something that the platform itself observed: a row of `events` without a message.
#[derive(Clone, Copy, Debug)]
pub struct AnomalyRow<'a> {
    /// Its own record in the vault.
    pub position: u64,
    /// Which of several anomalies of that record, from 0.
    pub entry_index: u16,
    /// When the server saw it; also the time of the event.
    pub received: UnixMicros,
    /// Whose report it was; `None` if that is unknown: tenant, vehicle and sensor are then empty.
    pub device: Option<&'a DeviceId>,
    /// The report's boot and sequence, 0 if unknown.
    pub report: (u64, u64),
    /// What was observed.
    pub event: EventId,
    /// How many times, at least 1.
    pub count: u32,
    /// What was expected, in the catalogue's unit.
    pub expected: Option<i64>,
    /// What was seen, in the catalogue's unit.
    pub observed: Option<i64>,
}

#[derive(Clone, Copy)]
struct Known {
    index: usize,
    severity_id: i32,
    context: ContextLayout,
}

/// Collects the rows of many reports.
pub struct Decoder {
    catalogue: Catalogue,
    events: EventRows,
    states: StateRows,
    samples: Vec<(i64, VehicleState)>,
    buckets: observed::Buckets,
    /// What was found of the ids that were looked up last, by their lowest bits.
    found: [Option<(EventId, Option<Known>)>; FOUND_MAX],
}

/// Of how many ids it is remembered what the catalogue says. A power of two.
const FOUND_MAX: usize = 64;

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder that names events by the built-in catalogue.
    #[must_use]
    pub fn new() -> Self {
        Self::with_catalogue(Catalogue::builtin())
    }

    /// A decoder that names events by this catalogue.
    #[must_use]
    pub fn with_catalogue(catalogue: Catalogue) -> Self {
        let (events, states) = (EventRows::default(), StateRows::default());
        let (samples, buckets) = (Vec::new(), observed::Buckets::default());
        Self { catalogue, events, states, samples, buckets, found: [None; FOUND_MAX] }
    }

    /// How many rows are held, of both tables.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.events.len().saturating_add(self.states.len())
    }

    /// Takes the rows of one opened report.
    ///
    /// # Errors
    /// [`DecoderError::Full`] before anything is taken.
    pub fn push(
        &mut self,
        position: u64,
        received: UnixMicros,
        header: &Header,
        body: &[u8],
    ) -> Result<Decoded, DecoderError> {
        self.check_room()?;
        let origin = origin_of(&header.device, position, received, (header.boot, header.sequence));
        let mut decoded = Decoded::default();
        self.take_states(&origin, header, body, &mut decoded);
        for (index, entry) in entries(body).enumerate() {
            match entry {
                Ok(Entry::Message(message)) => self.take_event(&origin, header, &message, index, &mut decoded),
                Ok(Entry::State(_) | Entry::Excerpt(_)) => {}
                Ok(Entry::Unknown { .. }) | Err(_) => decoded.undecodable = decoded.undecodable.saturating_add(1),
            }
        }
        self.events.end_report(&origin);
        Ok(decoded)
    }

    /// Takes a row for something that the platform itself observed.
    ///
    /// # Errors
    /// [`DecoderError::Full`].
    pub fn push_anomaly(&mut self, anomaly: &AnomalyRow<'_>) -> Result<(), DecoderError> {
        self.check_room()?;
        let (position, received) = (anomaly.position, anomaly.received);
        let nobody = Origin {
            received: received.0,
            bucket: bucket_of_text("", ""),
            tenant: "",
            vehicle: "",
            sensor: "",
            boot: signed(anomaly.report.0),
            sequence: signed(anomaly.report.1),
            position: signed(position),
        };
        let origin = anomaly.device.map_or(nobody, |device| origin_of(device, position, received, anomaly.report));
        let known = self.known(anomaly.event);
        let row = EventRow {
            time: received.0,
            date: event_date(received),
            event_id: anomaly.event.0,
            event_name: known.and_then(|k| self.catalogue.nth(k.index)).map(|e| e.symbol.as_str()),
            severity_id: known.map_or(severity_id(Severity::Low), |k| k.severity_id),
            count: i32::try_from(anomaly.count).unwrap_or(i32::MAX),
            idsm_instance: 0,
            sensor_instance: 0,
            context: ContextColumns {
                expected: anomaly.expected,
                observed: anomaly.observed,
                ..ContextColumns::default()
            },
            speed_kmh: None,
            gear: None,
            entry_index: i32::from(anomaly.entry_index),
            observed: ObservedColumns::default(),
        };
        self.events.push(&row);
        self.events.end_report(&origin);
        Ok(())
    }

    /// Hands out all rows; the decoder is empty then and can go on.
    ///
    /// # Errors
    /// [`DecoderError::Schema`] if this crate is wrong.
    pub fn finish(&mut self) -> Result<Batches, DecoderError> {
        Ok(Batches { events: self.events.finish()?, states: self.states.finish()? })
    }

    fn check_room(&self) -> Result<(), DecoderError> {
        let rows = self.rows();
        if rows >= DECODER_ROWS_MAX { Err(DecoderError::Full { rows }) } else { Ok(()) }
    }

    fn known(&mut self, event: EventId) -> Option<Known> {
        let slot = usize::from(event.0).checked_rem(FOUND_MAX).and_then(|at| self.found.get_mut(at));
        if let Some(Some((id, known))) = slot
            && *id == event
        {
            return *known;
        }
        let index = self.catalogue.position(event);
        let known = index.and_then(|index| {
            let entry = self.catalogue.nth(index)?;
            Some(Known { index, severity_id: severity_id(entry.severity), context: entry.context })
        });
        if let Some(slot) = usize::from(event.0).checked_rem(FOUND_MAX).and_then(|at| self.found.get_mut(at)) {
            *slot = Some((event, known));
        }
        known
    }

    /// Rows of the samples, which are also kept for the events of this report, sorted by time.
    fn take_states(&mut self, origin: &Origin<'_>, header: &Header, body: &[u8], decoded: &mut Decoded) {
        self.samples.clear();
        for (index, state) in states(body) {
            let time = header.clock.unix(state.time);
            self.samples.push((time.0, state));
            decoded.states = decoded.states.saturating_add(1);
            let row = StateRow {
                time: time.0,
                date: partition_date(time, UnixMicros(origin.received)),
                speed_kmh: speed_kmh(&state),
                accelerator_percent: state.accelerator_permille.map(|permille| f64::from(permille) / 10.0),
                brake_pressed: state.brake_pressed,
                gear: state.gear.map(gear_name),
                entry_index: i32::try_from(index).unwrap_or(i32::MAX),
            };
            self.states.push(&row);
        }
        self.states.end_report(origin);
        self.samples.sort_by_key(|(time, _)| *time);
    }

    fn take_event(
        &mut self,
        origin: &Origin<'_>,
        header: &Header,
        message: &Message<'_>,
        index: usize,
        decoded: &mut Decoded,
    ) {
        let stamped = message.timestamp.and_then(|stamp| stamp.to_unix());
        let time = stamped.unwrap_or_else(|| header.clock.unix(header.last));
        let known = self.known(message.event);
        let layout = known.map_or(ContextLayout::None, |k| k.context);
        let (context, readable) = context_columns(layout, message);
        if !readable {
            decoded.undecodable = decoded.undecodable.saturating_add(1);
        }
        let state = nearest(&self.samples, time.0);
        let row = EventRow {
            time: time.0,
            date: partition_date(time, UnixMicros(origin.received)),
            event_id: message.event.0,
            event_name: known.and_then(|k| self.catalogue.nth(k.index)).map(|e| e.symbol.as_str()),
            severity_id: known.map_or(severity_id(Severity::Low), |k| k.severity_id),
            count: i32::from(message.count),
            idsm_instance: i32::from(message.instance.raw()),
            sensor_instance: i32::from(message.sensor.raw()),
            context,
            speed_kmh: state.and_then(speed_kmh),
            gear: state.and_then(|s| s.gear).map(gear_name),
            entry_index: i32::try_from(index).unwrap_or(i32::MAX),
            observed: ObservedColumns::default(),
        };
        self.events.push(&row);
        decoded.events = decoded.events.saturating_add(1);
    }
}

fn origin_of<'a>(
    device: &'a DeviceId,
    position: u64,
    received: UnixMicros,
    (boot, sequence): (u64, u64),
) -> Origin<'a> {
    let (tenant, vehicle) = (device.tenant.as_str(), device.vehicle.as_str());
    Origin {
        received: received.0,
        bucket: bucket_of_text(tenant, vehicle),
        tenant,
        vehicle,
        sensor: device.sensor.as_str(),
        boot: signed(boot),
        sequence: signed(sequence),
        position: signed(position),
    }
}

/// The lake has no unsigned numbers; what does not fit is at the largest.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn speed_kmh(state: &VehicleState) -> Option<f64> {
    state.speed_centi_kmh.map(|centi| f64::from(centi) / 100.0)
}

const fn gear_name(gear: Gear) -> &'static str {
    match gear {
        Gear::Park => "park",
        Gear::Reverse => "reverse",
        Gear::Neutral => "neutral",
        Gear::Drive => "drive",
    }
}

/// The columns of an event's context, and whether it could be read as the layout says.
fn context_columns<'a>(layout: ContextLayout, message: &Message<'a>) -> (ContextColumns<'a>, bool) {
    let Some(context) = message.context else { return (ContextColumns::default(), true) };
    let raw = ContextColumns { payload: Some(context.data), ..ContextColumns::default() };
    if layout != ContextLayout::Can {
        return (raw, true);
    }
    let Ok(can) = CanContext::decode(context.data) else { return (raw, false) };
    let payload =
        context.data.get(CanContext::HEADER_LEN..).and_then(|data| data.get(..usize::from(can.payload.len())));
    let placed = can.place != Place::default();
    let columns = ContextColumns {
        bus: Some(i32::from(can.bus.0)),
        can_id: Some(i64::from(can.id.raw())),
        can_extended: Some(matches!(can.id, CanId::Extended(_))),
        frame_kind: Some(match can.kind {
            0 => "data",
            1 => "fd",
            2 => "remote",
            _ => "error",
        }),
        expected: Some(i64::from(can.expected)),
        observed: Some(i64::from(can.observed)),
        payload: payload.filter(|payload| !payload.is_empty()),
        place_start_bit: placed.then(|| i32::from(can.place.start)),
        place_bits: placed.then(|| i32::from(can.place.bits)),
        witness: can.place.witness.map(|witness| i64::from(witness.raw())),
    };
    (columns, true)
}

/// The sample nearest to `time`, if it is near enough; of two as near, the earlier.
fn nearest(samples: &[(i64, VehicleState)], time: i64) -> Option<&VehicleState> {
    let after = samples.partition_point(|(at, _)| *at <= time);
    let distance = |sample: &&(i64, VehicleState)| sample.0.saturating_sub(time).saturating_abs();
    let before = after.checked_sub(1).and_then(|i| samples.get(i));
    let candidates = before.into_iter().chain(samples.get(after));
    candidates.min_by_key(distance).filter(|s| distance(s) <= STATE_AGE_MAX).map(|(_, state)| state)
}

#[cfg(test)]
mod tests;
