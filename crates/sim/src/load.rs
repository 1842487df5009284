//! A fleet for measuring: signed reports made ahead of time, as fast as the cores allow, and a line to the gate that costs little.
//!
//! Not the vehicles of the demo: no bus, no detectors, no spool, and nothing is sent twice. Invariants: the bytes of a report follow
//! from the plan and the vehicle's number alone; a vehicle's reports are one chain, to be sent in order. Cost of a report of 60
//! events: ~60 µs, most of it zstd and the signature.
//!
//! What the vehicles say: one in [`ATTACKED_ONE_IN`] is under attack and raises every kind of event of the catalogue that a vehicle can raise,
//! in bursts; the others send what a fleet sends all day (a sender's clock that drifts, the maker's own events), which rules read
//! and do not fire on. Each report holds one sample of the vehicle's state besides its events.

mod alerts;
mod line;

pub use alerts::{AlertStream, WatchError, fetch};
pub use line::{Line, LineError, LineIdentity, Reply};

use ed25519_dalek::SigningKey;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use sha2::{Digest as _, Sha256};
use yagura_idsm::{Context, InstanceId, Message, ProtocolVersion, SensorInstanceId, Timestamp};
use yagura_link::{Clock, Digest, Losses, Place, ReportWriter, WriteError};
use yagura_model::{
    BusId, CanContext, CanId, DeviceId, EventId, Gear, Micros, Name, NameError, Payload, UnixMicros, VehicleState,
};

/// One vehicle in so many is under attack.
pub const ATTACKED_ONE_IN: u32 = 100;
/// The event that a marked report carries; no rule but the bench's own looks for it.
pub const MARK: EventId = EventId(0x7FFE);
/// The most events of one report.
pub const EVENTS_MAX: u32 = 4_000;
/// Sensor time between two events of a vehicle.
pub const EVENT_EVERY: Micros = Micros(250_000);
/// The maker's own events: ids and bytes of context.
const MAKERS: (u16, u32, usize) = (0x7100, 24, 12);
/// What a vehicle under attack raises: all events of the catalogue about CAN, diagnostics and J1939.
const ATTACKS: [EventId; 20] = [
    EventId::CAN_UNKNOWN_ID,
    EventId::CAN_WRONG_LENGTH,
    EventId::CAN_EARLY_FRAME,
    EventId::CAN_SILENT_ID,
    EventId::CAN_BUS_FLOOD,
    EventId::CAN_WRONG_BUS,
    EventId::CAN_BUS_ERROR,
    EventId::CAN_WRONG_CHECKSUM,
    EventId::CAN_WRONG_COUNTER,
    EventId::CAN_IMPOSSIBLE_CHANGE,
    EventId::CAN_SIGNAL_CONTRADICTION,
    EventId::CAN_OUT_OF_SPECIFICATION,
    EventId::DIAG_TRANSPORT_ABUSE,
    EventId::DIAG_SECURITY_ACCESS,
    EventId::DIAG_SCAN,
    EventId::DIAG_UNSAFE_REQUEST,
    EventId::J1939_TRANSPORT_ABUSE,
    EventId::J1939_REQUEST_FLOOD,
    EventId::J1939_ADDRESS_THEFT,
    EventId::J1939_WRONG_SOURCE,
];

/// What a measured fleet is.
#[derive(Clone, Copy, Debug)]
pub struct LoadPlan {
    /// Whose fleet it is.
    pub tenant: Name,
    /// Events of one report.
    pub events_per_report: u32,
    /// What everything else follows from.
    pub seed: u64,
    /// The time of every vehicle's first event.
    pub start: UnixMicros,
}

/// One vehicle of the fleet and where its chain stands.
#[derive(Clone, Debug)]
pub struct LoadVehicle {
    /// Who it is.
    pub device: DeviceId,
    /// What it signs with.
    pub key: SigningKey,
    plan: LoadPlan,
    attacked: bool,
    random: ChaCha8Rng,
    sequence: u64,
    previous: Digest,
    /// Sensor time of the next event.
    time: Micros,
}

impl LoadVehicle {
    /// The vehicle of this number.
    ///
    /// # Errors
    /// [`NameError`] if the number makes no name; it always does.
    pub fn new(plan: &LoadPlan, number: u32) -> Result<Self, NameError> {
        let hash = Sha256::new().chain_update(b"yagura load").chain_update(plan.seed.to_be_bytes());
        let secret: [u8; 32] = hash.chain_update(number.to_be_bytes()).finalize().into();
        let vehicle = Name::new(&format!("VSIM{number:08}"))?;
        Ok(Self {
            device: DeviceId { tenant: plan.tenant, vehicle, sensor: Name::new("cgw")? },
            key: SigningKey::from_bytes(&secret),
            plan: *plan,
            attacked: number % ATTACKED_ONE_IN == ATTACKED_ONE_IN - 1,
            random: ChaCha8Rng::from_seed(secret),
            sequence: 0,
            previous: Digest::ZERO,
            time: Micros(0),
        })
    }

    /// Its next report.
    ///
    /// # Errors
    /// [`WriteError`], if the plan has more than [`EVENTS_MAX`] events a report.
    pub fn report(&mut self, writer: &mut ReportWriter) -> Result<Vec<u8>, WriteError> {
        let clock = Clock { boot_at: self.plan.start, uncertainty: 0 };
        self.state(writer)?;
        for _ in 0..self.plan.events_per_report {
            self.event(writer, clock)?;
        }
        self.seal(writer, clock)
    }

    /// Its next report, whose last event is a [`MARK`] of `now`.
    ///
    /// # Errors
    /// As [`Self::report`].
    pub fn marked_report(&mut self, writer: &mut ReportWriter, now: UnixMicros) -> Result<Vec<u8>, WriteError> {
        let clock = Clock { boot_at: self.plan.start, uncertainty: 0 };
        self.state(writer)?;
        for _ in 1..self.plan.events_per_report {
            self.event(writer, clock)?;
        }
        let since = u64::try_from(now.since(self.plan.start)).unwrap_or_default();
        let mark = message(MARK, clock, Micros(since), None);
        writer.push_message(Micros(since), &mark)?;
        self.seal(writer, clock)
    }

    fn seal(&mut self, writer: &mut ReportWriter, clock: Clock) -> Result<Vec<u8>, WriteError> {
        let (device, sequence, previous) = (self.device, self.sequence, self.previous);
        let place = Place { device, boot: 1, sequence, previous, losses: Losses::NONE, oldest_held: sequence };
        let sealed = writer.seal(&place, clock, self.time, &self.key)?;
        self.sequence += 1;
        self.previous = sealed.digest;
        Ok(sealed.bytes)
    }

    fn state(&mut self, writer: &mut ReportWriter) -> Result<(), WriteError> {
        let speed = i32::try_from(self.random.next_u32() % 13_000).unwrap_or(0);
        let state = VehicleState {
            time: self.time,
            speed_centi_kmh: Some(speed),
            accelerator_permille: Some(u16::try_from(self.random.next_u32() % 1_000).unwrap_or(0)),
            brake_pressed: Some(speed < 1_000),
            gear: Some(Gear::Drive),
        };
        writer.push_state(&state).map(drop)
    }

    fn event(&mut self, writer: &mut ReportWriter, clock: Clock) -> Result<(), WriteError> {
        let time = self.time;
        self.time = Micros(time.0 + EVENT_EVERY.0);
        let draw = self.random.next_u32();
        if !self.attacked && draw.is_multiple_of(2) {
            let (first, kinds, len) = MAKERS;
            let id = EventId(first.saturating_add(u16::try_from(draw / 2 % kinds).unwrap_or(0)));
            // A state of the maker's own, of which little changes from one event to the next.
            let mut data = [0x5A; 64];
            data.iter_mut().zip(self.random.next_u32().to_be_bytes()).for_each(|(room, byte)| *room = byte);
            let context = Context::new(1, data.get(..len).unwrap_or(&[]));
            return writer.push_message(time, &message(id, clock, time, Some(context))).map(drop);
        }
        let id = if self.attacked { self.attack() } else { EventId::CAN_CLOCK_SKEW };
        let context = self.context(draw);
        let mut room = [0; CanContext::LEN_MAX];
        let len = context.encode(&mut room);
        let context = Context::new(context.version(), room.get(..len).unwrap_or(&[]));
        writer.push_message(time, &message(id, clock, time, Some(context))).map(drop)
    }

    /// Attacks come in bursts: one kind for eight events.
    fn attack(&self) -> EventId {
        let burst = usize::try_from(self.time.0 / EVENT_EVERY.0 / 8 + self.sequence).unwrap_or(0);
        ATTACKS.get(burst % ATTACKS.len()).copied().unwrap_or(EventId::CAN_UNKNOWN_ID)
    }

    fn context(&mut self, draw: u32) -> CanContext {
        // Forty identifiers a model, as a vehicle has; of eight bytes of data three change.
        let id = CanId::from_key(0x100 + draw / 2 % 40 * 0x0B).unwrap_or(CanId::LOWEST);
        let mut data = [0x10, 0x27, 0x00, 0x00, 0x80, 0xFF, 0x00, 0x00];
        data.iter_mut().skip(2).zip(self.random.next_u32().to_be_bytes()).take(3).for_each(|(at, byte)| *at = byte);
        CanContext {
            bus: BusId(u8::try_from(draw % 3).unwrap_or(0)),
            id,
            kind: 0,
            expected: 10_000,
            observed: 9_000 + draw % 700,
            payload: Payload::new(&data).unwrap_or(Payload::EMPTY),
            place: yagura_model::Place::default(),
        }
    }
}

fn message(event: EventId, clock: Clock, time: Micros, context: Option<Context<'_>>) -> Message<'_> {
    Message {
        version: ProtocolVersion::V2,
        instance: InstanceId::default(),
        sensor: SensorInstanceId::default(),
        event,
        count: 1,
        reserved: 0,
        timestamp: Timestamp::from_unix(clock.unix(time)),
        context,
        signature: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use yagura_link::{Entry, Limits, entries, open};

    fn plan(seed: u64) -> LoadPlan {
        let tenant = Name::new("acme").unwrap();
        LoadPlan { tenant, events_per_report: 60, seed, start: UnixMicros(1_790_000_000_000_000) }
    }

    fn reports(seed: u64, number: u32, count: usize) -> Vec<Vec<u8>> {
        let mut vehicle = LoadVehicle::new(&plan(seed), number).unwrap();
        let mut writer = ReportWriter::new();
        (0..count).map(|_| vehicle.report(&mut writer).unwrap()).collect()
    }

    fn events(bytes: &[u8], key: &SigningKey) -> Vec<EventId> {
        let opened = open(bytes, &key.verifying_key(), &Limits::default()).unwrap();
        let messages = entries(&opened.body).filter_map(|entry| match entry {
            Ok(Entry::Message(message)) => Some(message.event),
            _ => None,
        });
        messages.collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_one_does_not() {
        assert_eq!(reports(7, 3, 3), reports(7, 3, 3));
        assert_ne!(reports(7, 3, 3), reports(8, 3, 3));
    }

    #[test]
    fn reports_are_one_chain_signed_by_the_vehicle() {
        let key = LoadVehicle::new(&plan(7), 3).unwrap().key.verifying_key();
        let mut previous = Digest::ZERO;
        for (sequence, bytes) in reports(7, 3, 4).iter().enumerate() {
            let opened = open(bytes, &key, &Limits::default()).unwrap();
            assert_eq!((opened.header.sequence, opened.header.previous), (sequence as u64, previous));
            previous = opened.digest;
        }
    }

    #[test]
    fn a_vehicle_under_attack_raises_every_kind_and_another_one_no_attack() {
        for (number, attacked) in [(ATTACKED_ONE_IN - 1, true), (0, false)] {
            let key = LoadVehicle::new(&plan(7), number).unwrap().key;
            let all: BTreeSet<_> = reports(7, number, 8).iter().flat_map(|bytes| events(bytes, &key)).collect();
            assert_eq!(ATTACKS.iter().all(|kind| all.contains(kind)), attacked, "{all:?}");
            assert_eq!(ATTACKS.iter().any(|kind| all.contains(kind)), attacked, "{all:?}");
        }
    }

    #[test]
    fn a_marked_report_has_as_many_events_and_ends_with_the_mark() {
        let mut vehicle = LoadVehicle::new(&plan(7), 3).unwrap();
        let now = plan(7).start.plus(5_000_000);
        let bytes = vehicle.marked_report(&mut ReportWriter::new(), now).unwrap();
        let events = events(&bytes, &vehicle.key);
        assert_eq!((events.len(), events.last()), (60, Some(&MARK)));
    }
}
