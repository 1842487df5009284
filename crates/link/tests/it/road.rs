//! Both ends over a bad road: loss, duplication, reordering, restarts of either end, a busy and a strict cloud; all from a seed.
//!
//! The invariants: what the uplink regards as acknowledged is in the cloud's store exactly once; the chain is unbroken and
//! without gaps; every happening is in the store or declared as lost. A failure prints its seed; `ROAD_SEEDS=1000` soaks.

use crate::golden::{CLOCK, key};
use std::collections::{BTreeMap, BTreeSet};
use yagura_idsm::{InstanceId, Message, ProtocolVersion, SensorInstanceId};
use yagura_link::{
    Anomaly, Chain, Digest, Entry, Judgement, Limits, Losses, Notice, Receipt, ReportId, ReportWriter, Resume,
    SealError, Settings, Transmit, Uplink, entries, open,
};
use yagura_model::{DeviceId, EventId, Micros, UnixMicros};

/// SplitMix64: small, seeded, good enough to make trouble.
struct Luck(u64);

impl Luck {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    fn permille(&mut self, chance: u64) -> bool {
        self.below(1_000) < chance
    }
}

/// How bad the road is: in percent per packet, crashes and disconnects in permille per millisecond.
#[derive(Clone, Copy, Debug)]
struct Road {
    loss: u64,
    duplicate: u64,
    delay_millis: u64,
    busy: u64,
    cloud_crash: u64,
    vehicle_crash: u64,
    disconnect: u64,
}

/// What is on its way.
enum Packet {
    Report(ReportId, Vec<u8>),
    AskResume,
    Receipt(Vec<u8>),
    Busy,
    Refused(ReportId),
    Resume(Option<Resume>),
}

/// The cloud: a store that survives, and a chain that is rebuilt from it.
#[derive(Default)]
struct Cloud {
    store: Vec<Vec<u8>>,
    chain: Chain,
    anomalies: Vec<Anomaly>,
    refused: u64,
}

impl Cloud {
    fn handle_report(&mut self, id: ReportId, bytes: &[u8], now: Micros) -> Packet {
        let opened = open(bytes, &key().verifying_key(), &Limits::default()).expect("the road does not change bytes");
        let received = CLOCK.unix(now);
        let position = match self.chain.judge(&opened.header, &opened.digest, received) {
            Judgement::Accept { anomalies } => {
                self.anomalies.extend(anomalies);
                self.store.push(bytes.to_vec());
                let position = self.store.len() as u64 - 1;
                self.chain.record(&opened.header, &opened.digest, position);
                position
            }
            Judgement::Duplicate { position } => position,
            Judgement::Refuse(_) => {
                self.refused += 1;
                return Packet::Refused(id);
            }
        };
        assert_eq!(self.store[position as usize], bytes, "a receipt is for these bytes");
        let device = opened.header.device;
        let receipt =
            Receipt { device, boot: id.boot, sequence: id.sequence, report: opened.digest, position, received };
        Packet::Receipt(receipt.seal(&key()))
    }

    /// Forgets everything but the store.
    fn restart(&mut self) {
        let before = std::mem::take(&mut self.chain);
        for (position, bytes) in self.store.iter().enumerate() {
            let opened = open(bytes, &key().verifying_key(), &Limits::default()).expect("stored whole");
            self.chain.record(&opened.header, &opened.digest, position as u64);
        }
        assert_eq!(self.chain, before, "the chain is a view of the store");
    }
}

fn settings() -> Settings {
    Settings {
        spool_reports_max: 40,
        answer_micros_max: 400_000,
        retry_micros_min: 20_000,
        retry_micros_max: 300_000,
        ..Settings::default()
    }
}

/// The vehicle: an uplink, its memory as last saved, and what it knows to be acknowledged.
struct Vehicle {
    uplink: Uplink,
    memory: Option<Vec<u8>>,
    writer: ReportWriter,
    acknowledged: BTreeSet<ReportId>,
    happened: u64,
    lost_in_crash: u64,
}

fn device() -> DeviceId {
    "acme/kona-0001/cgw".parse().unwrap()
}

impl Vehicle {
    fn new() -> Self {
        Self {
            uplink: Uplink::new(device(), settings()),
            memory: None,
            writer: ReportWriter::new(),
            acknowledged: BTreeSet::new(),
            happened: 0,
            lost_in_crash: 0,
        }
    }

    fn observe(&mut self, now: Micros, count: u16) {
        let message = Message {
            version: ProtocolVersion::V2,
            instance: InstanceId::default(),
            sensor: SensorInstanceId::default(),
            event: EventId::CAN_EARLY_FRAME,
            count,
            reserved: 0,
            timestamp: None,
            context: None,
            signature: None,
        };
        self.happened += u64::from(count);
        self.writer.push_message(now, &message).expect("room");
    }

    fn seal(&mut self, now: Micros) {
        match self.uplink.seal(&mut self.writer, CLOCK, now, &key()) {
            Ok(_) | Err(SealError::SpoolFull { .. }) => self.memory = Some(self.uplink.save()),
            Err(SealError::AwaitsResume) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// Power is gone: what was not sealed is lost with the writer, and only the memory survives.
    fn crash(&mut self) {
        self.lost_in_crash += self.writer.discard().events;
        self.uplink = match &self.memory {
            Some(saved) => Uplink::restore(saved, settings()).expect("saved whole"),
            None => Uplink::new(device(), settings()),
        };
        // The boot's number is durable before anything is sealed in it.
        self.memory = Some(self.uplink.save());
    }

    fn note(&mut self, notice: Option<Notice>) {
        match notice {
            Some(Notice::Acknowledged(id)) => drop(self.acknowledged.insert(id)),
            Some(other) => panic!("{other:?}"),
            None => {}
        }
    }
}

struct World {
    road: Road,
    luck: Luck,
    now: Micros,
    cloud: Cloud,
    vehicle: Vehicle,
    /// By time of arrival; with the connection that it belongs to.
    air: BTreeMap<(Micros, u64), (u64, Packet)>,
    sent: u64,
    /// Crashes and disconnects so far. An answer to a connection that is gone finds nobody.
    connection: u64,
}

impl World {
    fn new(seed: u64, road: Road) -> Self {
        let (cloud, vehicle) = (Cloud::default(), Vehicle::new());
        Self { road, luck: Luck(seed), now: Micros(0), cloud, vehicle, air: BTreeMap::new(), sent: 0, connection: 0 }
    }

    /// Puts a packet on the road: never, once, or twice, each after its own delay.
    fn send(&mut self, connection: u64, make: impl Fn() -> Packet) {
        let copies =
            if self.luck.percent(self.road.loss) { 0 } else { 1 + u64::from(self.luck.percent(self.road.duplicate)) };
        for _ in 0..copies {
            let arrival = self.now.plus(1_000 + self.luck.below(1 + self.road.delay_millis * 1_000));
            self.sent += 1;
            self.air.insert((arrival, self.sent), (connection, make()));
        }
    }

    fn step(&mut self) {
        self.now = self.now.plus(1_000);
        if self.luck.permille(self.road.cloud_crash) {
            self.cloud.restart();
        }
        if self.luck.permille(self.road.vehicle_crash) {
            self.vehicle.crash();
            self.connection += 1;
        }
        if self.luck.permille(self.road.disconnect) {
            self.vehicle.uplink.handle_disconnect(self.now);
            self.connection += 1;
        }
        while let Some(entry) = self.air.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (connection, packet) = entry.remove();
            self.arrive(connection, packet);
        }
        if self.vehicle.uplink.poll_timeout() <= self.now {
            self.vehicle.uplink.handle_timeout(self.now);
        }
        let mut out = Vec::new();
        while let Some(transmit) = self.vehicle.uplink.poll_transmit(self.now) {
            out.push(match transmit {
                Transmit::Resume => None,
                Transmit::Report { id, bytes } => Some((id, bytes.to_vec())),
            });
        }
        for packet in out {
            let make = || packet.clone().map_or(Packet::AskResume, |(id, bytes)| Packet::Report(id, bytes));
            self.send(self.connection, make);
        }
    }

    fn arrive(&mut self, connection: u64, packet: Packet) {
        let is_heard = connection == self.connection;
        match packet {
            Packet::Report(..) if self.luck.percent(self.road.busy) => self.send(connection, || Packet::Busy),
            Packet::Report(id, bytes) => match self.cloud.handle_report(id, &bytes, self.now) {
                Packet::Receipt(receipt) => self.send(connection, || Packet::Receipt(receipt.clone())),
                _ => self.send(connection, || Packet::Refused(id)),
            },
            Packet::AskResume => {
                let resume = self.cloud.chain.resume();
                self.send(connection, || Packet::Resume(resume));
            }
            // A receipt proves itself, whenever and however it comes.
            Packet::Receipt(bytes) => {
                let receipt = Receipt::open(&bytes, &key().verifying_key()).expect("signed by the cloud");
                let notice = self.vehicle.uplink.handle_receipt(&receipt);
                self.vehicle.note(notice);
            }
            _ if !is_heard => {}
            Packet::Busy => self.vehicle.uplink.handle_busy(self.now, 50_000),
            Packet::Refused(id) => {
                let notice = self.vehicle.uplink.handle_refusal(id);
                assert_eq!(notice, None, "only echoes of settled reports are refused");
            }
            Packet::Resume(resume) => {
                let notice = self.vehicle.uplink.handle_resume(resume);
                self.vehicle.note(notice);
            }
        }
    }

    /// Drives for a while, then lets the road heal until nothing waits.
    fn drive(&mut self, millis: u64) {
        for _ in 0..millis {
            if self.luck.percent(20) {
                let count = 1 + self.luck.below(5) as u16;
                self.vehicle.observe(self.now, count);
            }
            if self.luck.percent(4) {
                self.vehicle.seal(self.now);
            }
            self.step();
        }
        self.road =
            Road { loss: 0, duplicate: 0, delay_millis: 5, busy: 0, cloud_crash: 0, vehicle_crash: 0, disconnect: 0 };
        self.rest();
        self.vehicle.seal(self.now);
        self.rest();
    }

    /// Steps until nothing waits and nothing is on the road.
    fn rest(&mut self) {
        let end = self.now.plus(60_000_000);
        while self.vehicle.uplink.poll_timeout() < Micros::MAX || !self.air.is_empty() {
            self.step();
            assert!(self.now < end, "the vehicle never comes to rest: {:?}", self.vehicle.uplink);
        }
        assert_eq!(self.vehicle.uplink.waiting(), 0, "a report waits and nothing will send it");
    }

    /// What the store holds: each report once, happenings in it, losses declared in it.
    fn check(&self) {
        let mut digests = BTreeSet::new();
        let (mut stored, mut declared) = (0, Losses::NONE);
        let mut ids = BTreeSet::new();
        for bytes in &self.cloud.store {
            let opened = open(bytes, &key().verifying_key(), &Limits::default()).unwrap();
            assert!(digests.insert(Digest::of(bytes)), "stored twice");
            assert!(ids.insert(ReportId { boot: opened.header.boot, sequence: opened.header.sequence }));
            declared = declared.plus(opened.header.losses);
            for entry in entries(&opened.body) {
                let Ok(Entry::Message(message)) = entry else { panic!("{entry:?}") };
                stored += u64::from(message.count);
            }
        }
        assert!(self.vehicle.acknowledged.is_subset(&ids), "acknowledged, but not in the store");
        assert_eq!(self.vehicle.happened, stored + declared.events + self.vehicle.lost_in_crash, "a silent loss");
        let anomalies: Vec<_> = self.cloud.anomalies.iter().filter(|a| !matches!(a, Anomaly::Losses(_))).collect();
        assert!(anomalies.is_empty(), "{anomalies:?}");
    }
}

fn roads() -> [Road; 4] {
    let calm =
        Road { loss: 0, duplicate: 0, delay_millis: 5, busy: 0, cloud_crash: 0, vehicle_crash: 0, disconnect: 0 };
    [
        calm,
        Road { loss: 20, duplicate: 20, delay_millis: 150, ..calm },
        Road { loss: 60, duplicate: 40, delay_millis: 400, busy: 10, cloud_crash: 5, ..calm },
        Road { loss: 10, duplicate: 30, delay_millis: 100, busy: 5, cloud_crash: 5, vehicle_crash: 4, disconnect: 4 },
    ]
}

fn drive(seed: u64, road: Road) -> World {
    /// Says the seed if the test fails.
    struct Seed(u64, Road);
    impl Drop for Seed {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("failed with seed {} on {:?}", self.0, self.1);
            }
        }
    }
    let _seed = Seed(seed, road);
    let mut world = World::new(seed, road);
    world.drive(1_500);
    world.check();
    world
}

#[test]
fn whatever_the_road_does_every_report_arrives_once_and_every_loss_is_declared() {
    let seeds = std::env::var("ROAD_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(12);
    let (mut crashes, mut lost, mut stored) = (0, 0, 0);
    for road in roads() {
        for seed in 0..seeds {
            let world = drive(seed, road);
            crashes += world.vehicle.uplink.boot() - 1;
            lost += world.vehicle.lost_in_crash;
            stored += world.cloud.store.len();
        }
    }
    assert!(crashes > 20 && lost > 0, "the road was too good: {crashes} crashes, {lost} lost");
    assert!(stored > 1_000, "the vehicles hardly spoke: {stored} reports");
}

#[test]
fn the_same_seed_makes_the_same_drive() {
    let [.., worst] = roads();
    assert_eq!(drive(7, worst).cloud.store, drive(7, worst).cloud.store);
}

#[test]
fn a_vehicle_that_sends_before_it_saves_is_found_out_and_goes_on() {
    let calm = roads()[0];
    let mut world = World::new(1, calm);
    world.drive(300);
    let old = world.vehicle.uplink.save();
    let seen = world.cloud.store.len();
    // These are sent, acknowledged and then forgotten.
    world.drive(300);
    assert!(world.cloud.store.len() > seen);
    world.vehicle.memory = Some(old);
    world.vehicle.crash();
    world.vehicle.observe(world.now, 1);
    world.vehicle.seal(world.now);
    world.rest();
    let [Anomaly::ChainBroken { .. }] = world.cloud.anomalies[..] else { panic!("{:?}", world.cloud.anomalies) };

    // Without any memory it asks first, and the chain goes on unbroken.
    world.vehicle.memory = None;
    world.vehicle.crash();
    world.vehicle.observe(world.now, 1);
    while matches!(world.vehicle.uplink.poll_transmit(world.now), Some(Transmit::Resume)) {
        let notice = world.vehicle.uplink.handle_resume(world.cloud.chain.resume());
        assert!(matches!(notice, Some(Notice::MemoryLost { .. })));
    }
    world.vehicle.seal(world.now);
    world.rest();
    assert_eq!(world.cloud.anomalies.len(), 1, "{:?}", world.cloud.anomalies);
    assert_eq!(world.cloud.refused, 0);
}

#[test]
fn a_memory_turned_back_twice_is_refused_declared_and_recovered_from() {
    let calm = roads()[0];
    let mut world = World::new(3, calm);
    world.drive(200);
    let old = world.vehicle.uplink.save();
    for count in [2, 3] {
        // The same boot number twice, with different reports.
        world.vehicle.uplink = Uplink::restore(&old, settings()).unwrap();
        world.vehicle.observe(world.now, count);
        world.vehicle.uplink.seal(&mut world.vehicle.writer, CLOCK, world.now, &key()).unwrap();
        let mut notices = Vec::new();
        while world.vehicle.uplink.poll_timeout() < Micros::MAX {
            let transmit = world.vehicle.uplink.poll_transmit(world.now);
            let answer = match transmit {
                Some(Transmit::Report { id, bytes }) => world.cloud.handle_report(id, bytes, world.now),
                Some(Transmit::Resume) => Packet::Resume(world.cloud.chain.resume()),
                None => break,
            };
            notices.extend(match answer {
                Packet::Receipt(bytes) => {
                    world.vehicle.uplink.handle_receipt(&Receipt::open(&bytes, &key().verifying_key()).unwrap())
                }
                Packet::Refused(id) => world.vehicle.uplink.handle_refusal(id),
                Packet::Resume(resume) => world.vehicle.uplink.handle_resume(resume),
                _ => None,
            });
        }
        assert!(!notices.is_empty());
    }
    assert_eq!(world.cloud.refused, 1);
    // The refused report's happenings are declared by the next, which goes on behind the cloud's last.
    world.vehicle.seal(world.now);
    world.rest();
    let losses = Losses { events: 3, reports: 1, ..Losses::NONE };
    assert_eq!(world.cloud.anomalies, [Anomaly::Losses(losses)]);
}

#[test]
fn a_receipt_names_bytes_so_a_receipt_for_others_settles_nothing() {
    let mut world = World::new(5, roads()[0]);
    assert_eq!(world.vehicle.uplink.poll_transmit(world.now), Some(Transmit::Resume));
    world.vehicle.uplink.handle_resume(None);
    world.vehicle.seal(world.now);
    let forged =
        Receipt { device: device(), boot: 1, sequence: 0, report: Digest::ZERO, position: 0, received: UnixMicros(0) };
    let id = ReportId { boot: 1, sequence: 0 };
    assert_eq!(world.vehicle.uplink.handle_receipt(&forged), Some(Notice::Conflict(id)));
    assert_eq!(world.vehicle.uplink.waiting(), 1);
}
