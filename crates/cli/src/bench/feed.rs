//! The pipeline's figure: a server within this process takes reports from lanes of files as fast as it can.
//!
//! A process of its own (`yagura bench` starts it), so that its processor time and memory are the server's alone. What is measured:
//! bytes of reports → signature verified, durable in the vault, decoded, judged by all rules, rows committed to the lake. Not TLS
//! and HTTP (that is the gate's figure) and not signing. The clock runs from the first report to the end of the server, which
//! stops when everything is judged and then commits what is left.

use super::ground::{Fleet, TENANT};
use super::machine::Process;
use super::sign::{Lane, Lanes};
use crate::failure::Failure;
use crate::output::{Output, emit};
use crate::serve::{chain, runtime};
use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use yagura_link::{Limits, Opened, Opener};
use yagura_model::DeviceId;
use yagura_server::config::{Config, RawConfig};
use yagura_server::intake::{Intake, IntakeError, NotTaken, Verified};
use yagura_server::serve::{Inside, serve};

/// Reports of one lane that wait for the vault at the same time.
const WINDOW: usize = 512;
/// Pause before a report that found no room is handed in again.
const BUSY_PAUSE: Duration = Duration::from_millis(1);

/// What is to be handed in.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Order {
    pub(super) data: PathBuf,
    pub(super) rules: PathBuf,
    pub(super) fleet: Fleet,
    pub(super) lanes: Lanes,
}

/// What came of it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Fed {
    pub(super) reports: u64,
    pub(super) events: u64,
    pub(super) wall_seconds: f64,
    pub(super) cpu_seconds: f64,
    pub(super) peak_memory_bytes: u64,
    /// How often the intake had no room at once.
    pub(super) turned_away: u64,
    pub(super) rules: usize,
}

/// Hands in what the order in `file` names and prints what came of it.
pub(crate) fn run(file: &Path) -> Result<(), Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| Failure::file(file, &error))?;
    let order: Order = serde_json::from_str(&text).map_err(|error| Failure::input(file.display(), error))?;
    let fed = runtime()?.block_on(feed(order))?;
    emit(Output::Json, &fed, String::new)
}

type Known = Arc<Vec<(DeviceId, VerifyingKey)>>;

async fn feed(order: Order) -> Result<Fed, Failure> {
    let known = (0..order.fleet.vehicles).map(|number| {
        let vehicle = order.fleet.vehicle(number)?;
        Ok((vehicle.device, vehicle.key.verifying_key()))
    });
    let known: Known = Arc::new(known.collect::<Result<_, Failure>>()?);
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let config = Config::try_from(RawConfig {
        data_dir: Some(order.data),
        api: Some(any),
        gate: Some(any),
        tenant: Some(TENANT.to_owned()),
        rules_dir: Some(order.rules),
        ..RawConfig::default()
    });
    let config = config.map_err(|error| Failure::Internal(chain(&error)))?;
    let (ready, announced) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(config, ready, async {
        let _ = stopped.await;
    }));
    let Ok(up) = announced.await else {
        return Err(Failure::Machine(match server.await {
            Ok(Err(error)) => chain(&error),
            _ => "the server did not start".to_owned(),
        }));
    };
    let (rules, inside) = (up.rules, up.inside);
    let mut inside = inside.ok_or_else(|| Failure::Internal("a single node lets its own program in".to_owned()))?;
    judged(&mut inside).await?;
    let (started, cpu) = (Instant::now(), Process::Own.cpu_seconds());
    let mut fed = hand_in(&order.lanes, &known, &inside.intake).await?;
    judged(&mut inside).await?;
    // Whoever holds the intake keeps the vault open.
    drop(inside);
    let _ = stop.send(());
    let ended = server.await.map_err(|error| Failure::Internal(chain(&error)))?;
    ended.map_err(|error| Failure::Machine(chain(&error)))?;
    fed.wall_seconds = started.elapsed().as_secs_f64();
    fed.cpu_seconds = Process::Own.cpu_seconds() - cpu;
    fed.peak_memory_bytes = Process::Own.peak_memory_bytes();
    fed.events = fed.reports.saturating_mul(u64::from(order.fleet.events_per_report));
    fed.rules = rules;
    Ok(fed)
}

/// Waits until everything durable is judged.
async fn judged(inside: &mut Inside) -> Result<(), Failure> {
    let durable = *inside.durable.borrow();
    let reached = inside.position.wait_for(|position| *position >= durable).await;
    reached.map(drop).map_err(|_| Failure::Internal("the pipeline ended".to_owned()))
}

async fn hand_in(lanes: &Lanes, known: &Known, intake: &Intake) -> Result<Fed, Failure> {
    let mut feeding = JoinSet::new();
    // Two reports of one vehicle are never under way at the same time: they would race.
    let window = WINDOW.min(lanes.vehicles_least);
    for path in &lanes.files {
        feeding.spawn(one_lane(Lane::open(path)?, Arc::clone(known), intake.clone(), window));
    }
    let mut sum = Fed::default();
    while let Some(ended) = feeding.join_next().await {
        let (reports, turned_away) = ended.map_err(|error| Failure::Internal(chain(&error)))??;
        sum.reports += reports;
        sum.turned_away += turned_away;
    }
    Ok(sum)
}

/// Reports taken, and how often there was no room.
async fn one_lane(mut lane: Lane, known: Known, intake: Intake, window: usize) -> Result<(u64, u64), Failure> {
    let (mut under_way, mut taken, mut turned_away) = (JoinSet::new(), 0, 0);
    // As each of the gate's threads has one.
    let mut opener = Opener::new(Limits::default());
    let mut count = |result: Result<Result<u64, Failure>, tokio::task::JoinError>| -> Result<(), Failure> {
        turned_away += result.map_err(|error| Failure::Internal(chain(&error)))??;
        taken += 1;
        Ok(())
    };
    while let Some((number, report)) = lane.next().map_err(|error| Failure::Machine(format!("lane: {error}")))? {
        if under_way.len() >= window
            && let Some(ended) = under_way.join_next().await
        {
            count(ended)?;
        }
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        let Some((device, key)) = known.get(index).copied() else {
            return Err(Failure::Internal(format!("a lane names vehicle {number}")));
        };
        let opened = opener.open(&report, &key);
        let Opened { header, digest, .. } =
            opened.map_err(|error| Failure::Internal(format!("report of {device}: {error}")))?;
        let report = Verified { header, digest, bytes: report.into(), sent: None };
        under_way.spawn(one_report(report, intake.clone()));
    }
    while let Some(ended) = under_way.join_next().await {
        count(ended)?;
    }
    Ok((taken, turned_away))
}

/// What the gate does with a report that it has verified with the key of its connection: asks for durability.
async fn one_report(report: Verified, intake: Intake) -> Result<u64, Failure> {
    let mut turned_away = 0;
    loop {
        let taken = match intake.room(report.bytes.len()) {
            Ok(room) => intake.report(report.clone(), room).await,
            Err(busy) => Err(NotTaken::Not(busy)),
        };
        match taken {
            Ok(_) => return Ok(turned_away),
            Err(NotTaken::Not(IntakeError::Busy)) => turned_away += 1,
            Err(other) => {
                return Err(Failure::Machine(format!("a report of {} was not taken: {other:?}", report.header.device)));
            }
        }
        tokio::time::sleep(BUSY_PAUSE).await;
    }
}
