//! The whole way, as `yagura serve` goes it: signature, intake, vault, pipeline, state, lake; all threads of it.
//!
//! Not TLS and HTTP (that is the bench `gate`), and no sealing of receipts. A report is opened where the gate opens it, on the
//! threads of the runtime.

use crate::Fallible;
use crate::load::Load;
use crate::usage;
use std::collections::HashMap;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use yagura_link::{Limits, open, peek};
use yagura_server::api::{Health, Live, News};
use yagura_server::gate::Counters;
use yagura_server::identity::Identity;
use yagura_server::intake::{Intake, IntakeError, NotTaken, Verified};
use yagura_server::lake::SharedLake;
use yagura_server::pipeline::{ActiveRules, Ordered, Parts, Pipeline, Rules, Tail};
use yagura_server::psirt::Knowledge;
use yagura_server::state::{PartitionNumber, State};
use yagura_store::{Vault, VaultOptions};

/// Reports that are on their way into the vault at the same time.
const IN_FLIGHT: usize = 900;

/// A server without its sockets.
struct Cloud {
    intake: Intake,
    pipeline: Pipeline,
    state: State,
    live: Live,
    health: Health,
}

impl Cloud {
    async fn open(dir: &Path, identity: &Identity) -> Fallible<Self> {
        let options = VaultOptions {
            dir: dir.join("vault"),
            origin: "yagura.bench/vault".to_owned(),
            key: identity.vault_key().clone(),
            segment_bytes: VaultOptions::SEGMENT_BYTES,
        };
        let intake = Intake::open(Vault::open(options)?.0, Arc::new(Counters::default()))?;
        let state = State::open(&dir.join("state.db")).await?;
        let lake = SharedLake::open(&dir.join("lake")).await??;
        let (live, health) = (Live::default(), Health::default());
        let pipeline = Pipeline::start(Parts {
            state: state.clone(),
            partition: state.take_over(PartitionNumber::SINGLE).await?,
            ordered: Ordered::Before,
            matches: None,
            vault: intake.reader().ok_or("no vault")?,
            durable: intake.durable().ok_or("no vault")?,
            vouched: intake.vouched(),
            lake,
            knowledge: Knowledge::default(),
            tail: Tail::default(),
            live: live.clone(),
            health: health.clone(),
            rules: ActiveRules::fixed(Rules::of(crate::load::rules()?)?),
        });
        let pipeline = pipeline.await?;
        Ok(Self { intake, pipeline, state, live, health })
    }

    /// The fleet's certificates: known to vault, pipeline and state.
    async fn enrol(&self, load: &Load) -> Fallible<()> {
        let mut enrolling = JoinSet::new();
        let room = Arc::new(Semaphore::new(IN_FLIGHT));
        for der in &load.certificates {
            let (intake, der, permit) = (self.intake.clone(), der.clone(), Arc::clone(&room).acquire_owned().await?);
            enrolling.spawn(async move {
                let position = intake.enrolment(der).await;
                drop(permit);
                position
            });
        }
        while let Some(enrolled) = enrolling.join_next().await {
            enrolled??;
        }
        self.judged().await
    }

    async fn judged(&self) -> Fallible<()> {
        let durable = self.intake.durable().map_or(0, |durable| *durable.borrow());
        self.pipeline.position().wait_for(|position| *position >= durable).await?;
        Ok(())
    }

    async fn stop(self) {
        self.intake.stop().await;
        self.pipeline.stop().await;
        for problem in self.health.problems() {
            println!("{{\"problem\":\"{}\",\"detail\":\"{}\"}}", problem.kind, problem.detail);
        }
        self.state.close().await;
    }
}

/// What a run took.
pub(crate) struct Outcome {
    pub(crate) events: f64,
    /// Until the last report was acknowledged.
    pub(crate) taken: Duration,
    /// Until all of it was in the lake.
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    pub(crate) vault_bytes: u64,
    pub(crate) lake_bytes: u64,
    pub(crate) threads: Vec<(String, Duration)>,
    /// From the report's arrival to its first alert, sorted.
    pub(crate) latencies: Vec<Duration>,
}

/// Sends everything, as fast as it is taken or so many reports a second.
pub(crate) async fn run(dir: &Path, identity: &Identity, load: &Arc<Load>, rate: Option<f64>) -> Fallible<Outcome> {
    let cloud = Cloud::open(dir, identity).await?;
    cloud.enrol(load).await?;
    let before = usage::bytes_under(&dir.join("vault"));
    let arrivals: Arc<Mutex<HashMap<String, Instant>>> = Arc::default();
    let watching = tokio::spawn(watch(cloud.live.clone(), Arc::clone(&arrivals)));
    let (start, cpu) = (Instant::now(), usage::process_time());
    feed(&cloud.intake, load, rate, &arrivals).await?;
    let taken = start.elapsed();
    cloud.judged().await?;
    let threads = usage::by_thread_name();
    cloud.stop().await;
    let (wall, cpu) = (start.elapsed(), usage::process_time().saturating_sub(cpu));
    let mut latencies = watching.await?;
    latencies.sort_unstable();
    let events = f64::from(load.events_per_report) * load.reports.len() as f64;
    let (vault, lake) = (usage::bytes_under(&dir.join("vault")), usage::bytes_under(&dir.join("lake")));
    Ok(Outcome { events, taken, wall, cpu, vault_bytes: vault - before, lake_bytes: lake, threads, latencies })
}

async fn feed(
    intake: &Intake,
    load: &Arc<Load>,
    rate: Option<f64>,
    arrivals: &Mutex<HashMap<String, Instant>>,
) -> Fallible<()> {
    let room = Arc::new(Semaphore::new(IN_FLIGHT));
    let start = Instant::now();
    for number in 0..load.reports.len() {
        if let Some(rate) = rate {
            let due = start + Duration::from_secs_f64(number as f64 / rate);
            if due > Instant::now() {
                tokio::time::sleep_until(due.into()).await;
            }
        }
        let permit = Arc::clone(&room).acquire_owned().await?;
        if let Some(sent) = load.reports.get(number).filter(|sent| sent.attacked && rate.is_some()) {
            let vehicle = load.devices.get(sent.vehicle).map(|device| device.vehicle.to_string()).unwrap_or_default();
            arrivals.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(vehicle, Instant::now());
        }
        let (intake, load) = (intake.clone(), Arc::clone(load));
        tokio::spawn(async move {
            if let Err(error) = one(&intake, &load, number).await {
                println!("{{\"problem\":\"report {number}\",\"detail\":\"{error}\"}}");
            }
            drop(permit);
        });
    }
    let _all = room.acquire_many(u32::try_from(IN_FLIGHT)?).await?;
    Ok(())
}

/// What the gate does with one report.
async fn one(intake: &Intake, load: &Load, number: usize) -> Fallible<()> {
    let sent = load.reports.get(number).ok_or("no such report")?;
    let mut bytes = vec![0; usize::try_from(sent.bytes.end - sent.bytes.start)?];
    load.file.read_exact_at(&mut bytes, sent.bytes.start)?;
    let key = load.keys.get(sent.vehicle).ok_or("no such vehicle")?.verifying_key();
    peek(&bytes)?;
    let opened = open(&bytes, &key, &Limits::default())?;
    loop {
        let room = match intake.room(bytes.len()) {
            Ok(room) => room,
            Err(_) => {
                tokio::task::yield_now().await;
                continue;
            }
        };
        let report = Verified { header: opened.header, digest: opened.digest, bytes: bytes.clone().into(), sent: None };
        match intake.report(report, room).await {
            Ok(_) => return Ok(()),
            Err(NotTaken::Not(IntakeError::Busy)) => tokio::task::yield_now().await,
            Err(error) => return Err(format!("{error:?}").into()),
        }
    }
}

/// Waits for the first alert of each vehicle.
async fn watch(live: Live, arrivals: Arc<Mutex<HashMap<String, Instant>>>) -> Vec<Duration> {
    let mut news = live.subscribe();
    drop(live);
    let mut latencies = Vec::new();
    loop {
        match news.recv().await {
            Ok((_, News::Incident(_))) => {}
            Ok((_, News::Alert(alert))) => {
                let mut arrivals = arrivals.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let arrived = alert.vehicle.and_then(|vehicle| arrivals.remove(&vehicle));
                latencies.extend(arrived.map(|at| at.elapsed()));
            }
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return latencies,
        }
    }
}
