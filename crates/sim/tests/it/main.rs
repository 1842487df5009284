//! Simulated vehicles against a cloud in memory, and against a small TLS gate.
//!
//! Time is tokio's paused clock: minutes of traffic take milliseconds, and a seed decides every accident.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests stop at the first surprise and say why"
)]

mod attacks;
mod gate;
mod road;
mod same_events;

use ed25519_dalek::SigningKey;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use yagura_link::{Entry, Settings, Uplink, entries};
use yagura_model::{DeviceId, EventId, UnixMicros};
use yagura_sim::{
    Bus, Credentials, Happening, Keep, Kept, Ledger, MemoryCloud, MemoryLink, Model, Replay, Schedule, Sensor,
    Surroundings, Vehicle, VehicleTally, Weather, drive,
};

/// 2026-11-22T00:00:00Z.
const WALL: UnixMicros = UnixMicros(1_795_305_600_000_000);

fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

fn device(n: u8) -> DeviceId {
    format!("demo/vehicle-{n}/tap").parse().unwrap()
}

fn cloud() -> Arc<MemoryCloud> {
    Arc::new(MemoryCloud::new(key(255)))
}

/// What a run of one vehicle is made of.
struct Run {
    model: Arc<Model>,
    number: u8,
    schedule: Option<Schedule>,
    weather: Weather,
    seed: u64,
    keep: Option<Arc<Keep>>,
    ledger: Option<Arc<Ledger>>,
}

impl Run {
    fn of(model: &Arc<Model>, number: u8) -> Self {
        let (weather, seed) = (Weather::default(), u64::from(number));
        Self { model: Arc::clone(model), number, schedule: None, weather, seed, keep: None, ledger: None }
    }

    /// Drives the vehicle for so many seconds; gives its tally and what there was to tell.
    async fn drive(self, cloud: Arc<MemoryCloud>, seconds: u64) -> (VehicleTally, Vec<Happening>) {
        let (device, key) = (device(self.number), key(self.number));
        cloud.enrol(device, key.verifying_key());
        let settings = Settings { retry_micros_min: 200_000, retry_micros_max: 2_000_000, ..Settings::default() };
        let memory = self.keep.as_ref().and_then(|keep| keep.uplink().unwrap());
        let uplink = memory.map_or_else(|| Uplink::new(device, settings), |m| Uplink::restore(&m, settings).unwrap());
        let sensor = Sensor::new(&self.model.profile, self.model.state.clone()).unwrap();
        let bus = Bus::new(Replay::new(Arc::clone(&self.model.recordings[0]), 0), self.schedule);
        let who = Credentials { key, receipt_key: cloud.receipt_key() };
        let vehicle = Vehicle::new(bus, sensor, uplink, who, WALL);
        let transport = Arc::new(MemoryLink::new(cloud, device, self.weather, self.seed));
        let (happenings, mut told) = mpsc::channel(10_000);
        let tally = Arc::new(Mutex::new(VehicleTally::default()));
        let surroundings = Surroundings { device, keep: self.keep, ledger: self.ledger, happenings, tally };
        let (stop, stopping) = watch::channel(false);
        let clock = async {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            stop.send_replace(true);
        };
        let (tally, ()) = tokio::join!(drive(vehicle, transport, surroundings, stopping), clock);
        told.close();
        let mut happenings = Vec::new();
        while let Ok(happening) = told.try_recv() {
            happenings.push(happening);
        }
        (tally, happenings)
    }
}

/// A message as far as it does not depend on the boot's wall clock.
type Told = (EventId, u16, Vec<u8>);

/// The messages of all reports of a device, in the order of its chain.
fn messages(reports: &[Kept], device: DeviceId) -> Vec<Told> {
    let mut own: Vec<&Kept> = reports.iter().filter(|kept| kept.device == device).collect();
    own.sort_by_key(|kept| (kept.report.header.boot, kept.report.header.sequence));
    let mut told = Vec::new();
    for kept in own {
        for entry in entries(&kept.report.body) {
            if let Entry::Message(message) = entry.unwrap() {
                told.push((message.event, message.count, message.context.unwrap().data.to_vec()));
            }
        }
    }
    told
}
