//! A whole fleet against a real gate: what `yagura demo` runs.
//!
//! Not the demo itself: it starts no server and prints nothing. Invariants: vehicles keep their identity and the memory of their
//! chain in the fleet's directory, so the next run goes on with the next boot; a vehicle that cannot start tries again.
//! Cost: ~15 KB and a wake-up every 100 ms a vehicle, plus its traffic.

use crate::bus::Bus;
use crate::drive::{Happening, Surroundings, TICK, drive};
use crate::enrol::{EnrolError, enrol};
use crate::https::{Https, HttpsError};
use crate::keep::Keep;
use crate::ledger::Ledger;
use crate::models::{Model, ModelError};
use crate::recording::Replay;
use crate::schedule::{FleetPlan, VehiclePlan};
use crate::sensor::{Sensor, SensorError};
use crate::transport::Call;
use crate::vehicle::{Vehicle, VehicleTally};
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use yagura_link::{Settings, Uplink};
use yagura_model::{DeviceId, Name, NameError, UnixMicros};

/// Vehicles that enrol at the same time.
const ENROLLING_MAX: usize = 16;
/// Happenings that may wait to be told; more are not told.
const HAPPENINGS_MAX: usize = 4_096;
/// Pause before a vehicle that could not start tries again, and the longest one.
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_LONGEST: Duration = Duration::from_secs(15);
/// From one call of the progress callback to the next.
pub const PROGRESS_EVERY: Duration = Duration::from_secs(1);
/// A simulated vehicle's spool is small, and it comes back soon after the gate does.
const UPLINK: Settings = Settings {
    spool_bytes_max: 2 << 20,
    spool_reports_max: 512,
    answer_micros_max: 12_000_000,
    retry_micros_min: 250_000,
    retry_micros_max: 8_000_000,
};
/// How long the fleet waits for its vehicles' farewells.
const STOP_MAX: Duration = Duration::from_secs(8);

/// Gives a vehicle of a model its one-time enrolment token, or says why not.
pub type TokenSource = Arc<dyn Fn(DeviceId, &'static str) -> Call<Result<String, String>> + Send + Sync>;

/// What a fleet needs.
#[derive(Clone)]
pub struct FleetOptions {
    /// Who it is and when it is attacked.
    pub plan: FleetPlan,
    /// Whose fleet it is.
    pub tenant: Name,
    /// The gate, like `https://127.0.0.1:8443`.
    pub gate: String,
    /// The authority that signed the gate's certificate, PEM.
    pub trust: String,
    /// Where vehicles keep identity and memory.
    pub directory: PathBuf,
    /// Where tokens come from.
    pub tokens: TokenSource,
    /// The wall-clock time now.
    pub now: UnixMicros,
    /// Where receipts are noted, for tests.
    pub ledger: Option<Arc<Ledger>>,
}

/// Why a fleet cannot start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FleetError {
    /// A model cannot be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A profile cannot be used.
    #[error(transparent)]
    Sensor(#[from] SensorError),
    /// A vehicle's name is none.
    #[error("name of a vehicle")]
    Name(#[from] NameError),
    /// The authority cannot be used.
    #[error(transparent)]
    Trust(#[from] HttpsError),
}

/// What a fleet has done so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FleetSummary {
    /// Vehicles of the plan.
    pub vehicles: u64,
    /// Vehicles on the road.
    pub started: u64,
    /// Frames judged, over all vehicles.
    pub frames: u64,
    /// Frames that attackers forged or changed.
    pub forged: u64,
    /// Security events raised by detectors.
    pub raised: u64,
    /// Events that passed the filters.
    pub qualified: u64,
    /// Reports sealed.
    pub sealed: u64,
    /// Reports acknowledged.
    pub acknowledged: u64,
    /// Reports refused for good.
    pub refused: u64,
    /// Reports that wait for a receipt.
    pub waiting: u64,
}

/// What has happened since the callback was called last.
#[derive(Debug)]
pub struct Progress<'a> {
    /// How far the fleet is.
    pub summary: FleetSummary,
    /// What there is to tell.
    pub happenings: &'a [Happening],
}

/// Runs a fleet until `shutdown` completes; `progress` is called every [`PROGRESS_EVERY`] and once at the end.
///
/// # Errors
/// [`FleetError`] if it cannot start. Trouble on the way is told, not returned.
pub async fn run_fleet(
    options: FleetOptions,
    mut progress: impl FnMut(&Progress<'_>),
    shutdown: impl Future<Output = ()>,
) -> Result<FleetSummary, FleetError> {
    let (sender, mut happenings) = mpsc::channel(HAPPENINGS_MAX);
    let (stop, stopping) = watch::channel(false);
    let mut fleet = Fleet::start(&options, &sender, &stopping)?;
    drop((sender, stopping));
    let mut ticks = interval(PROGRESS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            _ = ticks.tick() => {
                let told = drain(&mut happenings);
                progress(&Progress { summary: fleet.summary(), happenings: &told });
            }
        }
    }
    stop.send_replace(true);
    // A vehicle that does not end in time is cut off; its memory is on disk.
    let _ = timeout(STOP_MAX, async { while fleet.tasks.join_next().await.is_some() {} }).await;
    fleet.tasks.shutdown().await;
    let (summary, told) = (fleet.summary(), drain(&mut happenings));
    progress(&Progress { summary, happenings: &told });
    Ok(summary)
}

fn drain(happenings: &mut mpsc::Receiver<Happening>) -> Vec<Happening> {
    std::iter::from_fn(|| happenings.try_recv().ok()).collect()
}

struct Fleet {
    tasks: JoinSet<()>,
    tallies: Vec<Arc<Mutex<VehicleTally>>>,
    started: Arc<Mutex<u64>>,
}

impl Fleet {
    fn start(
        options: &FleetOptions,
        happenings: &mpsc::Sender<Happening>,
        stop: &watch::Receiver<bool>,
    ) -> Result<Self, FleetError> {
        let models = Model::builtin()?;
        for model in &models {
            Sensor::new(&model.profile, None)?;
        }
        let yard = Arc::new(Yard {
            options: options.clone(),
            anonymous: Https::anonymous(&options.gate, &options.trust)?,
            enrolling: Semaphore::new(ENROLLING_MAX),
            start: Instant::now(),
            started: Arc::default(),
        });
        let mut fleet = Self { tasks: JoinSet::new(), tallies: Vec::new(), started: Arc::clone(&yard.started) };
        for plan in options.plan.vehicles(models.len()) {
            let Some(model) = models.get(plan.model) else { continue };
            let vehicle = Name::new(&format!("{}-{:04}", model.prefix, plan.number + 1))?;
            let device = DeviceId { tenant: options.tenant, vehicle, sensor: model.sensor };
            let tally = Arc::new(Mutex::new(VehicleTally::default()));
            fleet.tallies.push(Arc::clone(&tally));
            let surroundings = Surroundings {
                device,
                keep: None,
                ledger: options.ledger.clone(),
                happenings: happenings.clone(),
                tally,
            };
            let trip = Trip { yard: Arc::clone(&yard), plan, model: Arc::clone(model), surroundings };
            fleet.tasks.spawn(trip.run(stop.clone()));
        }
        Ok(fleet)
    }

    fn summary(&self) -> FleetSummary {
        let mut summary = FleetSummary {
            vehicles: u64::try_from(self.tallies.len()).unwrap_or(u64::MAX),
            started: *self.started.lock().unwrap_or_else(PoisonError::into_inner),
            ..FleetSummary::default()
        };
        for tally in &self.tallies {
            let tally = *tally.lock().unwrap_or_else(PoisonError::into_inner);
            summary.frames += tally.sensor.frames;
            summary.forged += tally.forged;
            summary.raised += tally.sensor.raised;
            summary.qualified += tally.sensor.qualified;
            summary.sealed += tally.sealed;
            summary.acknowledged += tally.acknowledged;
            summary.refused += tally.refused;
            summary.waiting += tally.waiting;
        }
        summary
    }
}

/// What all vehicles of a fleet share on their way out.
struct Yard {
    options: FleetOptions,
    anonymous: Https,
    enrolling: Semaphore,
    start: Instant,
    started: Arc<Mutex<u64>>,
}

/// One vehicle from its parking place to the end of the run.
struct Trip {
    yard: Arc<Yard>,
    plan: VehiclePlan,
    model: Arc<Model>,
    surroundings: Surroundings,
}

/// Why a vehicle cannot start now.
#[derive(Debug, Error)]
enum StartError {
    #[error(transparent)]
    Enrol(#[from] EnrolError),
    #[error(transparent)]
    Https(#[from] HttpsError),
    #[error(transparent)]
    Sensor(#[from] SensorError),
    #[error("folder of the vehicle")]
    Keep(#[from] std::io::Error),
    #[error("model without a recording")]
    NoRecording,
}

impl Trip {
    async fn run(self, mut stop: watch::Receiver<bool>) {
        // Vehicles do not all wake at the same instant.
        sleep(TICK * u32::from(self.plan.phase_permille) / 1_000).await;
        let mut pause = RETRY_FIRST;
        loop {
            let ready = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                ready = self.ready() => ready,
            };
            match ready {
                Ok((vehicle, transport, keep)) => {
                    *self.yard.started.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                    let surroundings = Surroundings { keep: Some(keep), ..self.surroundings.clone() };
                    drive(vehicle, transport, surroundings, stop).await;
                    return;
                }
                Err(error) => self.tell(Happening::Waiting { device: self.device(), reason: chain_of(&error) }),
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = sleep(pause) => pause = (pause * 2).min(RETRY_LONGEST),
            }
        }
    }

    /// Everything that a vehicle needs before it drives off.
    async fn ready(&self) -> Result<(Vehicle<'_>, Arc<Https>, Arc<Keep>), StartError> {
        let options = &self.yard.options;
        let keep = Keep::open(&options.directory, &self.device().vehicle)?;
        let permit = self.yard.enrolling.acquire().await;
        let token = (options.tokens)(self.device(), self.model.name);
        let enrolled = enrol(&keep, &self.device(), &self.yard.anonymous, &options.trust, token).await?;
        drop(permit);
        if enrolled.is_new {
            self.tell(Happening::Enrolled(self.device()));
        }
        let keep = Arc::new(keep);
        let transport = Https::new(&options.gate, &enrolled.identity, &enrolled.key_pem)?;
        let (identity, key) = (&enrolled.identity, &enrolled.key_pem);
        let transport = transport.renewing(self.device(), identity, key, Arc::clone(&keep))?;
        let sensor = Sensor::new(&self.model.profile, self.model.state.clone())?;
        let uplink = self.uplink(&keep)?;
        let elapsed = i64::try_from(self.yard.start.elapsed().as_micros()).unwrap_or(i64::MAX);
        let vehicle = Vehicle::new(self.bus()?, sensor, uplink, enrolled.credentials, options.now.plus(elapsed));
        Ok((vehicle, Arc::new(transport), keep))
    }

    fn bus(&self) -> Result<Bus, StartError> {
        let recordings = &self.model.recordings;
        let count = u64::try_from(recordings.len()).unwrap_or(0);
        let index = self.plan.recording.checked_rem(count).and_then(|index| usize::try_from(index).ok()).unwrap_or(0);
        let recording = recordings.get(index).ok_or(StartError::NoRecording)?;
        Ok(Bus::new(Replay::new(Arc::clone(recording), self.plan.phase_permille), self.plan.schedule))
    }

    /// The uplink's next boot; a fresh one if there is no usable memory.
    fn uplink(&self, keep: &Keep) -> Result<Uplink, StartError> {
        let fresh = || Uplink::new(self.device(), UPLINK);
        let Some(memory) = keep.uplink()? else { return Ok(fresh()) };
        match Uplink::restore(&memory, UPLINK) {
            Ok(uplink) if *uplink.device() == self.device() => Ok(uplink),
            Ok(_) => Ok(fresh()),
            Err(error) => {
                self.tell(Happening::NotKept { device: self.device(), reason: chain_of(&error) });
                Ok(fresh())
            }
        }
    }

    const fn device(&self) -> DeviceId {
        self.surroundings.device
    }

    fn tell(&self, happening: Happening) {
        // Happenings are for people; a full queue means there are more than people read.
        let _ = self.surroundings.happenings.try_send(happening);
    }
}

/// An error with its causes, for people.
fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(below) = cause {
        text = format!("{text}: {below}");
        cause = below.source();
    }
    text
}
