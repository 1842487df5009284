//! The gate's figures: a `yagura serve` of its own process, vehicles over mTLS on loopback, alerts on the API.
//!
//! Not the pipeline's figure. The load generator shares the machine's cores with the server, so the rate is that of both together;
//! the server's own processor time, read from the system, says what the server costs. It counts until everything that
//! was sent is judged and in the lake.

use super::drive::{Driver, Road, connect, drive};
use super::ground::TENANT;
use super::latency::watch;
use super::machine::Process;
use super::outcome::{GateFigures, LatencyFigures, Times, rounded};
use super::sign::{Signers, Signing};
use super::{Bench, blocking, rate, say};
use crate::child::{Launch, Server};
use crate::failure::Failure;
use crate::serve::chain;
use ed25519_dalek::pkcs8::EncodePrivateKey as _;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use hdrhistogram::Histogram;
use std::collections::{HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use yagura_model::DeviceId;
use yagura_server::identity::Identity;
use yagura_server::serve::LAKE_DIR;
use yagura_sim::{Line, LoadVehicle};
use yagura_store::{Lake, Table};

/// The most connections that are kept open.
const CONNECTIONS_MAX: u32 = 256;
/// The most vehicles that send marked reports.
const MARKERS_MAX: u32 = 32;
/// The gate's share of the pipeline's rate for which reports are made, at full load and at half.
const FULL: f64 = 1.0;
/// How long the server may take to commit what it acknowledged.
const COMMIT_MAX: Duration = Duration::from_secs(120);
/// How often the lake is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Which vehicles do what: the first ones send, the next ones mark.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    drivers: usize,
    markers: usize,
}

impl Places {
    pub(super) fn of(fleet: u32) -> Result<Self, Failure> {
        let markers = (fleet / 2).clamp(1, MARKERS_MAX);
        let drivers = fleet.saturating_sub(markers).clamp(1, CONNECTIONS_MAX);
        let size = |number: u32| usize::try_from(number).map_err(|error| Failure::Internal(error.to_string()));
        Ok(Self { drivers: size(drivers)?, markers: size(markers)? })
    }

    /// Those that send.
    pub(super) const fn drivers(self) -> usize {
        self.drivers
    }

    /// All of them.
    pub(super) const fn devices(self) -> usize {
        self.drivers + self.markers
    }
}

/// What was measured at the gate.
pub(super) struct AtGate {
    pub(super) figures: GateFigures,
    pub(super) latency: LatencyFigures,
    pub(super) times: Histogram<u64>,
    /// Reports acknowledged in both phases.
    pub(super) acknowledged: u64,
}

impl Bench {
    /// Both phases at the gate; `seconds` of each.
    pub(super) async fn gate(
        &mut self,
        places: Places,
        identity: &Identity,
        certificates: Vec<String>,
        pipeline_rate: f64,
        seconds: [f64; 2],
    ) -> Result<AtGate, Failure> {
        let [full, half] = seconds;
        let wanted = pipeline_rate * FULL * (full + half / 2.0);
        let each = (wanted / places.drivers as f64).ceil().max(4.0) as u64;
        let sign = move |signers: &mut Signers, signing: &Signing| signers.in_memory(0..places.drivers, each, signing);
        let reports = self.sign("the gate", each * places.drivers as u64, sign).await?;
        say("gate", "the server starts");
        let log = self.ground.data.join("serve.log");
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let launch = Launch {
            data: &self.ground.data,
            tenant: TENANT,
            gate: any,
            console: any,
            rules: Some(&self.ground.rules),
            quotas: Some(&self.ground.quotas),
            log: &log,
        };
        let server = Server::start(&launch).await?;
        let vehicles = self.vehicles(places)?;
        let records = self.records;
        let phases = Phases { server: &server, trust: identity.authority().pem(), records };
        let measured = phases.run(self, certificates, vehicles, reports, seconds).await;
        server.stop().await?;
        measured
    }

    /// Gives drivers as many reports as they need to send `wanted` together, behind those that they did not send.
    async fn refill(&mut self, drivers: &mut [Driver], wanted: f64) -> Result<(), Failure> {
        let count = drivers.len();
        let each = (wanted / count.max(1) as f64).ceil() as usize;
        let left = drivers.iter().map(|driver| driver.reports.len()).min().unwrap_or(0);
        let missing = each.saturating_sub(left) as u64;
        let sign = move |signers: &mut Signers, signing: &Signing| {
            let more = signers.in_memory(0..count, missing, signing)?;
            let named = more.into_iter().enumerate();
            Ok(named
                .filter_map(|(at, reports)| Some((signers.vehicle(at)?.device, reports)))
                .collect::<HashMap<_, _>>())
        };
        let mut more = self.sign("half of that load", missing * count as u64, sign).await?;
        for driver in drivers {
            driver.reports.extend(more.remove(&driver.name).unwrap_or_default());
        }
        Ok(())
    }

    /// The vehicles that send and mark, as their chains stand.
    fn vehicles(&mut self, places: Places) -> Result<Vec<LoadVehicle>, Failure> {
        let Some(signers) = &mut self.signers else { return Err(Failure::Internal("no signers".to_owned())) };
        let all = (0..places.devices()).map_while(|number| signers.vehicle(number).cloned());
        Ok(all.collect())
    }
}

/// A server that is up, and what its vault held before.
struct Phases<'a> {
    server: &'a Server,
    trust: &'a str,
    records: u64,
}

impl Phases<'_> {
    async fn run(
        &self,
        bench: &mut Bench,
        certificates: Vec<String>,
        vehicles: Vec<LoadVehicle>,
        reports: Vec<Vec<Vec<u8>>>,
        [full, half]: [f64; 2],
    ) -> Result<AtGate, Failure> {
        let process = Process::Other(self.server.child.id().unwrap_or(0));
        let lake = bench.ground.data.join(LAKE_DIR);
        committed(&lake, self.records).await?;
        let announced = &self.server.announcement;
        let (Some(gate), Some(sign_in)) = (&announced.gate, &announced.sign_in) else {
            return Err(Failure::Internal("the server has no gate or no console".to_owned()));
        };
        let address = gate.trim_start_matches("https://").parse();
        let address: SocketAddr = address.map_err(|error| Failure::Internal(format!("{gate}: {error}")))?;
        let (drivers, markers) = split(certificates, vehicles, reports)?;
        let connections = drivers.len();
        let idle = process.cpu_seconds();
        let drivers = connect(address, self.trust, drivers).await?;
        let handshakes = process.cpu_seconds() - idle;
        say("gate", &format!("{connections} vehicles send as fast as receipts come"));
        let (started, cpu) = (Instant::now(), process.cpu_seconds());
        let mut driven = drive(drivers, full, None).await?;
        let wall = (driven.last - started).as_secs_f64();
        committed(&lake, self.records + driven.acknowledged).await?;
        let server_cpu = process.cpu_seconds() - cpu;
        let per_second = rate(driven.acknowledged, wall);
        bench.refill(&mut driven.drivers, per_second / 2.0 * half).await?;
        say("latency", &format!("{:.0} reports/s, and marked ones whose alerts are awaited", per_second / 2.0));
        let marking = connect(address, self.trust, markers.iter().map(Marker::on_the_road).collect()).await?;
        let marking = pair(marking, markers)?;
        let (paced, seen) =
            tokio::try_join!(drive(driven.drivers, half, Some(per_second / 2.0)), watch(sign_in, marking, half))?;
        let receipt_ms = Times::of(&driven.receipts);
        let figures = GateFigures {
            events_per_second: rounded(per_second * bench.events(), 1.0),
            reports_per_second: rounded(per_second, 1.0),
            events_per_core_second: rounded(rate(driven.acknowledged, server_cpu) * bench.events(), 1.0),
            server_cpu_us_per_report: rounded(server_cpu * 1e6 / (driven.acknowledged.max(1) as f64), 10.0),
            server_cpu_seconds: rounded(server_cpu, 100.0),
            handshake_cpu_us: rounded(handshakes * 1e6 / (connections.max(1) as f64), 1.0),
            wall_seconds: rounded(wall, 1_000.0),
            reports: driven.acknowledged,
            connections,
            turned_away: driven.turned_away,
            receipt_ms,
            peak_memory_bytes: process.peak_memory_bytes(),
        };
        let load = rounded(rate(paced.acknowledged + seen.marked, half), 1.0);
        let latency = LatencyFigures {
            load_reports_per_second: load,
            load_events_per_second: load * bench.events(),
            marked: seen.marked,
            unseen: seen.unseen,
            receipt_ms: Times::of(&paced.receipts),
        };
        let acknowledged = driven.acknowledged + paced.acknowledged + seen.marked;
        Ok(AtGate { figures, latency, times: seen.times, acknowledged })
    }
}

/// A vehicle that will send marked reports.
struct Marker {
    certificate: String,
    key: String,
    vehicle: LoadVehicle,
}

impl Marker {
    fn on_the_road(&self) -> Road {
        Road {
            name: self.vehicle.device,
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            reports: VecDeque::new(),
        }
    }
}

/// Vehicles with what they show the gate: those that send, those that mark.
fn split(
    certificates: Vec<String>,
    vehicles: Vec<LoadVehicle>,
    reports: Vec<Vec<Vec<u8>>>,
) -> Result<(Vec<Road>, Vec<Marker>), Failure> {
    let mut reports = reports.into_iter();
    let (mut drivers, mut markers) = (Vec::new(), Vec::new());
    for (certificate, vehicle) in certificates.into_iter().zip(vehicles) {
        let key = vehicle.key.to_pkcs8_pem(LineEnding::LF).map_err(|error| Failure::Internal(error.to_string()))?;
        let key = key.to_string();
        match reports.next() {
            Some(chain) => drivers.push(Road { name: vehicle.device, certificate, key, reports: chain.into() }),
            None => markers.push(Marker { certificate, key, vehicle }),
        }
    }
    Ok((drivers, markers))
}

/// Each marker on its own line.
fn pair(lines: Vec<Driver>, markers: Vec<Marker>) -> Result<Vec<(Line, LoadVehicle)>, Failure> {
    let mut by_name: HashMap<DeviceId, Line> = lines.into_iter().map(|driver| (driver.name, driver.line)).collect();
    let mut one = |marker: Marker| {
        let line = by_name.remove(&marker.vehicle.device);
        line.map(|line| (line, marker.vehicle)).ok_or_else(|| Failure::Internal("a marker has no line".to_owned()))
    };
    markers.into_iter().map(&mut one).collect()
}

/// Waits until the first `records` records are in the lake, as another reader sees it.
async fn committed(lake: &Path, records: u64) -> Result<(), Failure> {
    let end = Instant::now() + COMMIT_MAX;
    loop {
        let dir = lake.to_owned();
        let position = blocking(move || {
            let lake = Lake::open(&dir.to_string_lossy(), 0).map_err(|error| Failure::Machine(chain(&error)))?;
            Ok(lake.committed(Table::Events).map_or(0, |position| position.0 + 1))
        });
        let reached = position.await?;
        if reached >= records {
            return Ok(());
        }
        if Instant::now() > end {
            let seconds = COMMIT_MAX.as_secs();
            return Err(Failure::Check(format!("{reached} of {records} records are in the lake after {seconds} s")));
        }
        sleep(LOOK_EVERY).await;
    }
}
