//! The fleet of the bench: vehicles with keys and certificates, their signed reports in a file, and 200 rules.
//!
//! Not a simulation of vehicles (that is `sim`). 10,000 vehicles of 20 models report in turn. An ordinary report has 60 events that raise no
//! alert by themselves: other makers' sensors and clock skews, on the identifiers of the model; and five samples of the vehicle's
//! state. One report in fifty is that of a vehicle under attack, which reports once: a tenth of its events raise alerts.

use crate::Fallible;
use ed25519_dalek::SigningKey;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::ops::Range;
use std::path::Path;
use yagura_detect::RuleFile;
use yagura_idsm::{Context, InstanceId, Message, ProtocolVersion, SensorInstanceId, Timestamp};
use yagura_link::{Clock, Digest, Losses, Place, ReportWriter};
use yagura_model::{BusId, CanContext, CanId, DeviceId, EventId, Gear, Micros, Payload, UnixMicros, VehicleState};
use yagura_server::clock;
use yagura_server::identity::{DEVICE_VALIDITY, EnrolmentRequest, Identity};

/// Vehicles that report in turn.
pub(crate) const VEHICLES: u32 = 10_000;
/// Every such report is that of a vehicle under attack.
const ATTACKED_EACH: u32 = 50;
const MODELS: u32 = 20;
const STATES: u32 = 5;
const RULES: usize = 200;

/// A small generator of numbers that look random and are always the same (PCG).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).unwrap_or(0) % bound
    }
}

/// One report: whose it is, and where its bytes are in the file.
pub(crate) struct Sent {
    pub(crate) vehicle: usize,
    pub(crate) bytes: Range<u64>,
    pub(crate) attacked: bool,
}

/// The fleet and what it sends.
pub(crate) struct Load {
    pub(crate) devices: Vec<DeviceId>,
    pub(crate) keys: Vec<SigningKey>,
    pub(crate) certificates: Vec<Vec<u8>>,
    pub(crate) file: File,
    pub(crate) reports: Vec<Sent>,
    pub(crate) events_per_report: u32,
}

struct Chain {
    sequence: u64,
    previous: Digest,
}

impl Load {
    /// Signs `reports` reports of `events_per_report` events and puts them into a file in `dir`.
    pub(crate) fn make(dir: &Path, identity: &Identity, reports: u32, events_per_report: u32) -> Fallible<Self> {
        let vehicles = VEHICLES.min(reports) + reports / ATTACKED_EACH + 1;
        let mut load = Self {
            devices: Vec::new(),
            keys: Vec::new(),
            certificates: Vec::new(),
            file: File::open("/dev/null")?,
            reports: Vec::new(),
            events_per_report,
        };
        for vehicle in 0..vehicles {
            let device: DeviceId = format!("acme/WYGR{:02}{vehicle:011}/cgw", vehicle % MODELS).parse()?;
            let mut seed = [7; 32];
            seed[..4].copy_from_slice(&vehicle.to_be_bytes());
            let key = SigningKey::from_bytes(&seed);
            let request = EnrolmentRequest { device, key: key.verifying_key() };
            load.certificates.push(identity.authority().issue(&request, clock::now(), DEVICE_VALIDITY)?.der);
            load.devices.push(device);
            load.keys.push(key);
        }
        load.write(&dir.join("reports"), reports)?;
        Ok(load)
    }

    fn write(&mut self, path: &Path, reports: u32) -> Fallible<()> {
        let mut out = BufWriter::new(File::create(path)?);
        let mut numbers = Numbers(2026);
        let start = clock::now();
        let ordinary = VEHICLES.min(reports);
        let mut chains: Vec<Chain> =
            self.devices.iter().map(|_| Chain { sequence: 0, previous: Digest::ZERO }).collect();
        let (mut end, mut attacked, mut turn) = (0, 0, 0);
        for number in 0..reports {
            let is_attacked = number % ATTACKED_EACH == ATTACKED_EACH - 1;
            let vehicle = if is_attacked { ordinary + attacked } else { turn % ordinary };
            if is_attacked {
                attacked += 1
            } else {
                turn += 1
            }
            let at = vehicle as usize;
            let (Some(device), Some(key), Some(chain)) = (self.devices.get(at), self.keys.get(at), chains.get_mut(at))
            else {
                continue;
            };
            // A report of the last minute; one in a hundred comes two days late.
            let late = if numbers.below(100) == 0 { 2 * 86_400_000_000 } else { 0 };
            let boot_at = UnixMicros(start.0 - late - 60_000_000);
            let clock = Clock { boot_at, uncertainty: 1_000 };
            let round = Micros::from_millis(u64::from(turn / ordinary) * 60_000 / u64::from(reports / ordinary + 1));
            let mut writer = body(&mut numbers, (vehicle % MODELS, is_attacked), clock, round, self.events_per_report)?;
            let place = Place {
                device: *device,
                boot: 1,
                sequence: chain.sequence,
                previous: chain.previous,
                losses: Losses::NONE,
                oldest_held: chain.sequence,
            };
            let sealed = writer.seal(&place, clock, Micros(0), key)?;
            (chain.sequence, chain.previous) = (chain.sequence + 1, sealed.digest);
            out.write_all(&sealed.bytes)?;
            let begin = end;
            end += sealed.bytes.len() as u64;
            self.reports.push(Sent { vehicle: at, bytes: begin..end, attacked: is_attacked });
        }
        out.into_inner()?.sync_all()?;
        self.file = File::open(path)?;
        Ok(())
    }
}

/// Kinds of events of other makers' sensors (AUTOSAR ids), as their gateways and head units report them.
const FOREIGN: [u16; 24] = [
    0x0011, 0x0012, 0x0013, 0x0014, 0x0015, 0x0021, 0x0022, 0x0023, 0x0031, 0x0032, 0x0041, 0x0042, 0x0051, 0x0052,
    0x0053, 0x0061, 0x0062, 0x0071, 0x0072, 0x0073, 0x0081, 0x0082, 0x0091, 0x00A1,
];
/// Kinds that raise alerts.
const ALERTING: [u16; 12] =
    [0x8001, 0x8002, 0x8003, 0x8004, 0x8006, 0x8009, 0x800A, 0x800B, 0x800D, 0x8101, 0x8103, 0x8201];
/// `CAN_CLOCK_SKEW`: a kind that is counted by a correlation and raises no alert by itself.
const COUNTED: u16 = 0x8007;

fn body(
    numbers: &mut Numbers,
    (model, attacked): (u32, bool),
    clock: Clock,
    from: Micros,
    events: u32,
) -> Fallible<ReportWriter> {
    let mut writer = ReportWriter::new();
    let mut time = from;
    let kinds = [0; 3].map(|_| FOREIGN[numbers.below(24) as usize]);
    let mut speed = 2_000 + i32::try_from(numbers.below(10_000))?;
    let mut data = u64::from(numbers.below(u32::MAX)) << 16;
    for number in 0..events {
        time = Micros(time.0 + 1_000 + u64::from(numbers.below(20_000)));
        if number % (events / STATES).max(1) == 0 {
            speed += i32::try_from(numbers.below(200))? - 100;
            let (speed, gear) = (Some(speed.max(0)), Some(Gear::Drive));
            writer.push_state(&VehicleState { time, speed_centi_kmh: speed, gear, ..VehicleState::default() })?;
        }
        let event = match numbers.below(10) {
            0 if attacked => ALERTING[numbers.below(12) as usize],
            0..=4 => COUNTED,
            _ => kinds[numbers.below(3) as usize],
        };
        let mut room = [0; CanContext::LEN_MAX];
        let (version, len) = if event >= 0x8000 {
            // Thirty identifiers a model; an intruder's are arbitrary.
            let of_model = 0x100 + model * 40 + numbers.below(30) * 8;
            let id = if attacked && event != COUNTED { numbers.below(0x800) } else { of_model % 0x700 };
            data = data.wrapping_add(0x0101);
            let context = CanContext {
                bus: BusId(u8::try_from(id % 3)?),
                id: CanId::from_key(id)?,
                kind: 0,
                expected: 10_000 << (id % 4),
                observed: 5_000 + numbers.below(5_000),
                payload: Payload::new(&data.to_be_bytes())?,
                place: yagura_model::Place::default(),
            };
            (context.version(), context.encode(&mut room))
        } else {
            // A rule's number and a port, as a firewall writes them.
            let detail = u64::from(event) << 32 | u64::from(numbers.below(4_096));
            room[..8].copy_from_slice(&detail.to_be_bytes());
            (1, 8)
        };
        let message = Message {
            version: ProtocolVersion::V2,
            instance: InstanceId::new(1)?,
            sensor: SensorInstanceId::new(u8::try_from(numbers.below(3))?)?,
            event: EventId(event),
            count: 1 + u16::try_from(numbers.below(20) / 19)?,
            reserved: 0,
            timestamp: Timestamp::from_unix(clock.unix(time)),
            context: Some(Context::new(version, room.get(..len).unwrap_or(&[]))),
            signature: None,
        };
        writer.push_message(time, &message)?;
    }
    Ok(writer)
}

/// The shipped rules, and such as a fleet's owner writes by the hundred until there are 200: lists of identifiers and events,
/// vehicle names, data, limits.
pub(crate) fn rules() -> Fallible<Vec<RuleFile>> {
    let mut files = Vec::new();
    let mut rules = 0;
    for folder in ["can", "diag", "fleet", "link", "sensor"] {
        for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules").join(folder))? {
            let path = entry?.path();
            let text = std::fs::read_to_string(&path)?;
            // Rules that look values up are left out with their sets.
            if text.contains("|expand") {
                continue;
            }
            rules += 1 + text.matches("\n---").count();
            files.push(RuleFile { path: path.display().to_string(), text });
        }
    }
    let mut numbers = Numbers(7);
    for n in rules..RULES {
        let mut ids = String::new();
        for _ in 0..8 {
            write!(ids, "{}, ", numbers.below(0x800))?;
        }
        let event = ["CAN_UNKNOWN_ID", "CAN_CLOCK_SKEW", "CAN_EARLY_FRAME", "EVENT_0021"][numbers.below(4) as usize];
        let vehicle = numbers.below(500);
        let more = match n % 4 {
            0 => format!("payload|contains: '{:04X}'", numbers.below(0x1_0000)),
            1 => format!("observed|gt: {}", 9_990 + numbers.below(10)),
            2 => format!("vehicle|contains|all: ['WYGR', '{vehicle:03}']"),
            _ => format!("payload|startswith: ['{:04X}', '{:04X}']", numbers.below(0x1_0000), numbers.below(0x1_0000)),
        };
        let filter = if n % 5 == 0 { " and not filter" } else { "" };
        let text = format!(
            "title: bench {n}\nid: bench-{n}\nlogsource: {{product: vehicle}}\ndetection:\n  selection:\n    event_name: {event}\n    \
             can_id: [{ids}]\n    {more}\n  filter: {{vehicle|startswith: 'WYGR{vehicle:04}'}}\n  condition: selection{filter}\n"
        );
        files.push(RuleFile { path: format!("bench-{n}.yml"), text });
    }
    Ok(files)
}
