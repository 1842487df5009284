//! Traces: the way of one report from its request to the lake, told to an OpenTelemetry collector.
//!
//! Not metrics (those count everything) and not logs. A few reports are chosen at the gate, at most one every [`ROOT_EVERY_US`]; what
//! happens to the batches that they are in becomes spans of their trace:
//!
//! ```text
//! report ─┬─ intake ─── append       waits for the vault; the write it was part of
//!         ├─ judge                   the batch of the pipeline that held it
//!         └─ flush                   the commit to the lake that held it
//! ```
//!
//! Invariants: without `--otlp` every call here is one load; nothing waits for the collector; what finds no room is dropped and counted.
//! Cost with it: a few short locks a batch; memory ≤ [`export::SPANS_MAX`] spans and [`FOLLOWED_MAX`] reports.

mod export;

pub use export::{SPANS_MAX, TracesError};

use crate::clock;
use export::Span;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::mpsc;
use yagura_model::UnixMicros;

/// The shortest time between two chosen reports.
pub const ROOT_EVERY_US: i64 = 100_000;
/// Reports whose way is followed at the same time; the oldest is let go.
pub const FOLLOWED_MAX: usize = 1_024;
/// Writes of the vault that are remembered until the reports in them come back.
const APPENDS_MAX: usize = 256;

static TRACES: OnceLock<Traces> = OnceLock::new();

struct Traces {
    spans: mpsc::Sender<Span>,
    dropped: AtomicU64,
    last_root: AtomicI64,
    ways: Mutex<Ways>,
}

#[derive(Default)]
struct Ways {
    followed: VecDeque<Followed>,
    appends: VecDeque<(std::ops::Range<u64>, UnixMicros, UnixMicros)>,
}

/// A chosen report that is durable.
struct Followed {
    position: u64,
    trace: [u8; 16],
    root: [u8; 8],
}

/// Begins to tell a collector, such as `http://127.0.0.1:4318`. Once a process; within a runtime.
///
/// # Errors
/// [`TracesError`]
pub fn start(url: &str) -> Result<(), TracesError> {
    let (spans, waiting) = mpsc::channel(SPANS_MAX);
    let exporter = export::Exporter::new(url)?;
    let traces = Traces { spans, dropped: AtomicU64::new(0), last_root: AtomicI64::new(0), ways: Mutex::default() };
    TRACES.set(traces).map_err(|_| TracesError::Twice)?;
    tokio::spawn(exporter.run(waiting));
    Ok(())
}

/// Spans that found no room or that no collector took.
#[must_use]
pub fn dropped() -> u64 {
    TRACES.get().map_or(0, |traces| traces.dropped.load(Ordering::Relaxed))
}

impl Traces {
    fn tell(&self, span: Span) {
        if self.spans.try_send(span).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn ways(&self) -> MutexGuard<'_, Ways> {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the reports at these positions that they were part of something.
    fn batch(&self, name: &'static str, positions: std::ops::Range<u64>, started: UnixMicros, last: bool) {
        let (ended, records) = (clock::now(), positions.end.saturating_sub(positions.start));
        let mut ways = self.ways();
        for report in ways.followed.iter().filter(|report| positions.contains(&report.position)) {
            let attributes = vec![("yagura.records", number(records)), ("yagura.position", number(report.position))];
            self.tell(Span::child(report.trace, report.root, name, (started, ended), attributes));
        }
        if last {
            ways.followed.retain(|report| report.position >= positions.end);
        }
    }
}

/// A report that was chosen at the gate.
pub(crate) struct Root {
    trace: [u8; 16],
    id: [u8; 8],
    started: UnixMicros,
}

/// Chooses the report that begins now, perhaps.
pub(crate) fn root() -> Option<Root> {
    let traces = TRACES.get()?;
    let (now, last) = (clock::now(), traces.last_root.load(Ordering::Relaxed));
    let due = now.0.saturating_sub(last) >= ROOT_EVERY_US || now.0 < last;
    if !due || traces.last_root.compare_exchange(last, now.0, Ordering::Relaxed, Ordering::Relaxed).is_err() {
        return None;
    }
    let (mut trace, mut id) = ([0; 16], [0; 8]);
    getrandom::fill(&mut trace).ok()?;
    getrandom::fill(&mut id).ok()?;
    Some(Root { trace, id, started: now })
}

impl Root {
    /// The report is durable at `position`; the intake had it since `handed_in`.
    pub(crate) fn durable(&self, position: u64, handed_in: UnixMicros) {
        let Some(traces) = TRACES.get() else { return };
        let intake = Span::child(self.trace, self.id, "intake", (handed_in, clock::now()), Vec::new());
        let mut ways = traces.ways();
        let append = ways.appends.iter().rev().find(|(positions, _, _)| positions.contains(&position));
        if let Some((positions, started, ended)) = append {
            let attributes = vec![("yagura.records", number(positions.end.saturating_sub(positions.start)))];
            traces.tell(Span::child(self.trace, intake.id, "append", (*started, *ended), attributes));
        }
        traces.tell(intake);
        if ways.followed.len() >= FOLLOWED_MAX {
            ways.followed.pop_front();
        }
        ways.followed.push_back(Followed { position, trace: self.trace, root: self.id });
    }

    /// The answer is ready.
    pub(crate) fn answered(self, bytes: usize, status: u16) {
        let Some(traces) = TRACES.get() else { return };
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let attributes = vec![("http.response.status_code", i64::from(status)), ("yagura.bytes", bytes)];
        traces.tell(Span::root(self.trace, self.id, "report", (self.started, clock::now()), attributes));
    }
}

/// When something began, if anybody wants to know.
pub(crate) fn now() -> Option<UnixMicros> {
    TRACES.get().map(|_| clock::now())
}

/// Records became durable in one write.
pub(crate) fn appended(positions: std::ops::Range<u64>, started: Option<UnixMicros>) {
    let (Some(traces), Some(started)) = (TRACES.get(), started) else { return };
    let mut ways = traces.ways();
    if ways.appends.len() >= APPENDS_MAX {
        ways.appends.pop_front();
    }
    ways.appends.push_back((positions, started, clock::now()));
}

/// Records were judged as one batch and what they mean was applied.
pub(crate) fn judged(positions: std::ops::Range<u64>, started: Option<UnixMicros>) {
    if let (Some(traces), Some(started)) = (TRACES.get(), started) {
        traces.batch("judge", positions, started, false);
    }
}

/// The rows of all records before `end` are in the lake.
pub(crate) fn flushed(end: u64, started: Option<UnixMicros>) {
    if let (Some(traces), Some(started)) = (TRACES.get(), started) {
        traces.batch("flush", 0..end, started, true);
    }
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
