//! From a report to its alert on the API, while the server is under load.
//!
//! Not the time of a receipt (that is the drivers'). A few vehicles send a marked report each at fixed instants; one rule looks for
//! the mark; a console's stream says when the alert was told. The time runs from the instant at which the report was due, so a
//! server that keeps its vehicles waiting does not look faster for it. Invariant: a mark whose alert is never told is counted.

use super::drive::{deliver, histogram, note};
use super::ground::MARK_RULE;
use crate::failure::Failure;
use crate::serve::chain;
use hdrhistogram::Histogram;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use yagura_link::ReportWriter;
use yagura_model::UnixMicros;
use yagura_server::api::types::Alert;
use yagura_server::clock;
use yagura_sim::{AlertStream, Line, LoadVehicle};

/// How often a vehicle sends a marked report.
const MARK_EVERY: Duration = Duration::from_millis(200);
/// How long the last alerts may take after the last mark.
const PATIENCE: Duration = Duration::from_secs(30);

/// Marks whose alert was not told yet, and how long the others took.
struct Board {
    /// By vehicle: the time of the marked event, and the instant at which its report was due.
    waiting: HashMap<String, VecDeque<(UnixMicros, Instant)>>,
    times: Histogram<u64>,
}

#[derive(Clone)]
struct Shared(Arc<Mutex<Board>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> usize {
        self.lock().waiting.values().map(VecDeque::len).sum()
    }

    /// An alert was told: it stands for all marks up to its last event.
    fn told(&self, alert: &Alert) {
        let now = Instant::now();
        let Some(vehicle) = alert.vehicle.as_ref().filter(|_| alert.rule_id == MARK_RULE) else { return };
        let mut board = self.lock();
        let Board { waiting, times } = &mut *board;
        let Some(marks) = waiting.get_mut(vehicle) else { return };
        while let Some((_, due)) = marks.pop_front_if(|(time, _)| *time <= alert.last_time.0) {
            note(times, now - due);
        }
    }
}

/// What was seen.
pub(super) struct Seen {
    /// Marked reports acknowledged.
    pub(super) marked: u64,
    /// Marks whose alert was never told.
    pub(super) unseen: u64,
    /// From due to told, µs.
    pub(super) times: Histogram<u64>,
}

/// Marks and watches for `seconds`.
pub(super) async fn watch(sign_in: &str, vehicles: Vec<(Line, LoadVehicle)>, seconds: f64) -> Result<Seen, Failure> {
    let stream = AlertStream::open(sign_in).await.map_err(|error| Failure::Machine(chain(&error)))?;
    let board = Shared(Arc::new(Mutex::new(Board { waiting: HashMap::new(), times: histogram()? })));
    let watching = tokio::spawn(told(stream, board.clone()));
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let count = u32::try_from(vehicles.len().max(1)).unwrap_or(1);
    let mut marking = JoinSet::new();
    for (index, (line, vehicle)) in (0_u32..).zip(vehicles) {
        let first = Instant::now() + MARK_EVERY * index / count;
        marking.spawn(mark(line, vehicle, first, end, board.clone()));
    }
    let mut marked = 0;
    while let Some(ended) = marking.join_next().await {
        marked += ended.map_err(|error| Failure::Internal(chain(&error)))??;
    }
    let all_told = async {
        while board.waiting() > 0 && !watching.is_finished() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    // What is not told by then is counted as unseen.
    let _ = timeout(PATIENCE, all_told).await;
    watching.abort();
    let unseen = board.waiting() as u64;
    let times = board.lock().times.clone();
    Ok(Seen { marked, unseen, times })
}

async fn mark(
    mut line: Line,
    mut vehicle: LoadVehicle,
    first: Instant,
    end: Instant,
    board: Shared,
) -> Result<u64, Failure> {
    let (mut writer, mut due, mut marked) = (ReportWriter::new(), first, 0);
    let name = vehicle.device.vehicle.to_string();
    while due < end {
        tokio::time::sleep_until(due).await;
        let now = clock::now();
        let report = vehicle.marked_report(&mut writer, now);
        let report = report.map_err(|error| Failure::Internal(format!("report: {error}")))?;
        board.lock().waiting.entry(name.clone()).or_default().push_back((now, due));
        deliver(&mut line, &report).await?;
        marked += 1;
        due += MARK_EVERY;
    }
    Ok(marked)
}

async fn told(mut stream: AlertStream, board: Shared) -> Result<(), Failure> {
    while let Some(text) = stream.next().await.map_err(|error| Failure::Machine(chain(&error)))? {
        if let Ok(alert) = serde_json::from_str::<Alert>(&text) {
            board.told(&alert);
        }
    }
    Ok(())
}
