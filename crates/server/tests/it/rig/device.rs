//! A device: its key and its chain of reports.

use ed25519_dalek::SigningKey;
use sha2::{Digest as _, Sha256};
use yagura_idsm::{Detail, InstanceId, Qualified, SensorInstanceId};
use yagura_link::{Clock, Digest, ExcerptFrame, Losses, Place, ReportWriter, Sealed};
use yagura_model::{
    BusId, CanContext, CanId, DeviceId, EventId, Frame, FrameKind, Gear, Micros, Payload, SecurityEvent, UnixMicros,
    VehicleState,
};
use yagura_server::clock;

pub(crate) struct Device {
    pub(crate) id: DeviceId,
    pub(crate) key: SigningKey,
    pub(crate) place: Place,
    pub(crate) clock: Clock,
    at: Micros,
}

impl Device {
    /// Same name, same key.
    pub(crate) fn new(name: &str) -> Self {
        let id: DeviceId = name.parse().unwrap();
        let place =
            Place { device: id, boot: 1, sequence: 0, previous: Digest::ZERO, losses: Losses::NONE, oldest_held: 0 };
        let clock = Clock { boot_at: clock::now().plus(-60_000_000), uncertainty: 1_000 };
        let key = SigningKey::from_bytes(&Sha256::digest(name).into());
        Self { id, key, place, clock, at: Micros::from_secs(50) }
    }

    pub(crate) fn vehicle(&self) -> String {
        self.id.vehicle.to_string()
    }

    /// The next report, its first event at this instant.
    pub(crate) fn report_from(&mut self, first: UnixMicros, events: &[EventId]) -> Sealed {
        let after_boot = i64::try_from(self.at.plus(500_000).0).unwrap();
        self.clock.boot_at = first.plus(-after_boot);
        self.report(events)
    }

    /// The next report: a state sample, the events half a second apart, an excerpt for the first of them.
    pub(crate) fn report(&mut self, events: &[EventId]) -> Sealed {
        let mut writer = ReportWriter::new();
        let state = VehicleState {
            time: self.at,
            speed_centi_kmh: Some(4_250),
            gear: Some(Gear::Drive),
            ..VehicleState::default()
        };
        writer.push_state(&state).unwrap();
        for (nth, id) in events.iter().enumerate() {
            self.at = self.at.plus(500_000);
            let index = writer.push_qualified(&qualified(*id, self.at), &self.clock).unwrap();
            if nth == 0 {
                writer.push_excerpt(index, &excerpt(self.at)).unwrap();
            }
        }
        self.at = self.at.plus(100_000);
        let sealed = writer.seal(&self.place, self.clock, self.at, &self.key).unwrap();
        self.place.sequence += 1;
        self.place.oldest_held = self.place.sequence;
        self.place.previous = sealed.digest;
        self.place.losses = Losses::NONE;
        sealed
    }
}

fn frame(time: Micros, raw: u32) -> Frame {
    Frame {
        time,
        bus: BusId(0),
        id: CanId::from_key(raw).unwrap(),
        kind: FrameKind::Data,
        payload: Payload::new(&[0xDE, 0xAD, 0xBE, 0xEF]).unwrap(),
    }
}

fn qualified(id: EventId, time: Micros) -> Qualified {
    let context = CanContext::of(&frame(time, 0x2B0), 10_000, 1_200);
    Qualified {
        instance: InstanceId::new(1).unwrap(),
        sensor: SensorInstanceId::new(0).unwrap(),
        detail: Detail::Detailed,
        event: SecurityEvent { id, time, count: 1, context },
    }
}

fn excerpt(time: Micros) -> Vec<ExcerptFrame> {
    let around = [(-20_000_i64, 0x100), (-10_000, 0x2B0), (0, 0x2B0), (10_000, 0x101)];
    let frames = around.into_iter().map(|(offset, raw)| {
        let at = Micros(time.0.saturating_add_signed(offset));
        ExcerptFrame { frame: frame(at, raw), raised: offset == 0 }
    });
    frames.collect()
}
