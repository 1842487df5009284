//! Vehicles at the gate of a server: a bounded number of connections that stay open, as fast as receipts come or at a steady rate.
//!
//! Not the server. Invariants: a vehicle's reports go out in order and one at a time; what the gate turned away for now is sent
//! again; everything refused for good ends the bench. Cost: a task a connection.

use crate::failure::Failure;
use crate::serve::chain;
use hdrhistogram::Histogram;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use yagura_model::DeviceId;
use yagura_sim::{Line, LineError, LineIdentity, Reply};

/// Pause before a report that was turned away is sent again.
const BUSY_PAUSE: Duration = Duration::from_millis(20);
/// The longest time a histogram holds, in microseconds: beyond it, this.
const LONGEST_US: u64 = 600_000_000;

/// A vehicle before it connects: who it is, certificate and key in PEM, its reports.
pub(super) struct Road {
    pub(super) name: DeviceId,
    pub(super) certificate: String,
    pub(super) key: String,
    pub(super) reports: VecDeque<Vec<u8>>,
}

/// A vehicle on its line, with the reports that it has not sent.
pub(super) struct Driver {
    pub(super) name: DeviceId,
    pub(super) line: Line,
    pub(super) reports: VecDeque<Vec<u8>>,
}

/// What drivers did.
pub(super) struct Driven {
    pub(super) acknowledged: u64,
    pub(super) turned_away: u64,
    /// From the request to its receipt, µs.
    pub(super) receipts: Histogram<u64>,
    /// When the last receipt came.
    pub(super) last: Instant,
    pub(super) drivers: Vec<Driver>,
}

/// An empty histogram of microseconds.
pub(super) fn histogram() -> Result<Histogram<u64>, Failure> {
    Histogram::new_with_max(LONGEST_US, 3).map_err(|error| Failure::Internal(error.to_string()))
}

/// Counts a duration.
pub(super) fn note(histogram: &mut Histogram<u64>, took: Duration) {
    histogram.saturating_record(u64::try_from(took.as_micros()).unwrap_or(LONGEST_US).max(1));
}

/// Connects all vehicles.
pub(super) async fn connect(gate: SocketAddr, trust: &str, vehicles: Vec<Road>) -> Result<Vec<Driver>, Failure> {
    let mut connecting = JoinSet::new();
    for Road { name, certificate, key, reports } in vehicles {
        let trust = trust.to_owned();
        connecting.spawn(async move {
            let identity = LineIdentity { certificate: &certificate, key: &key, trust: &trust };
            Ok::<_, LineError>(Driver { name, line: Line::connect(gate, &identity).await?, reports })
        });
    }
    let mut drivers = Vec::new();
    while let Some(connected) = connecting.join_next().await {
        let connected = connected.map_err(|error| Failure::Internal(chain(&error)))?;
        drivers.push(connected.map_err(|error| broken(&error))?);
    }
    Ok(drivers)
}

/// Sends for `seconds`: all at once, or `per_second` reports a second in all.
pub(super) async fn drive(drivers: Vec<Driver>, seconds: f64, per_second: Option<f64>) -> Result<Driven, Failure> {
    let started = Instant::now();
    let end = started + Duration::from_secs_f64(seconds);
    let count = drivers.len().max(1);
    let every = per_second.map(|rate| Duration::from_secs_f64(count as f64 / rate.max(1.0)));
    let mut driving = JoinSet::new();
    for (index, driver) in drivers.into_iter().enumerate() {
        // Vehicles do not speak in step.
        let first = every.map(|every| every.mul_f64(index as f64 / count as f64));
        driving.spawn(one(driver, end, every.zip(first)));
    }
    let mut sum =
        Driven { acknowledged: 0, turned_away: 0, receipts: histogram()?, last: started, drivers: Vec::new() };
    while let Some(ended) = driving.join_next().await {
        let ended = ended.map_err(|error| Failure::Internal(chain(&error)))??;
        sum.acknowledged += ended.acknowledged;
        sum.turned_away += ended.turned_away;
        sum.last = sum.last.max(ended.last);
        sum.receipts.add(&ended.receipts).map_err(|error| Failure::Internal(error.to_string()))?;
        sum.drivers.extend(ended.drivers);
    }
    Ok(sum)
}

async fn one(mut driver: Driver, end: Instant, pace: Option<(Duration, Duration)>) -> Result<Driven, Failure> {
    let mut due = Instant::now() + pace.map_or(Duration::ZERO, |(_, first)| first);
    let (mut acknowledged, mut turned_away, mut receipts) = (0, 0, histogram()?);
    let mut last = due;
    loop {
        if let Some((every, _)) = pace {
            tokio::time::sleep_until(due).await;
            due += every;
        }
        if Instant::now() >= end {
            break;
        }
        let Some(report) = driver.reports.pop_front() else { break };
        let sent = Instant::now();
        turned_away += deliver(&mut driver.line, &report).await?;
        last = Instant::now();
        note(&mut receipts, last - sent);
        acknowledged += 1;
    }
    Ok(Driven { acknowledged, turned_away, receipts, last, drivers: vec![driver] })
}

/// Sends until there is a receipt; how often the report was turned away.
pub(super) async fn deliver(line: &mut Line, report: &[u8]) -> Result<u64, Failure> {
    let mut turned_away = 0;
    loop {
        match line.send(report).await.map_err(|error| broken(&error))? {
            Reply::Receipt => return Ok(turned_away),
            Reply::Busy => turned_away += 1,
            Reply::Refused(status) => {
                return Err(Failure::Check(format!("the gate refused a report with status {status}")));
            }
        }
        tokio::time::sleep(BUSY_PAUSE).await;
    }
}

fn broken(error: &LineError) -> Failure {
    Failure::Machine(chain(error))
}
