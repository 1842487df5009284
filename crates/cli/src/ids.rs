//! `yagura ids …`: reads the arguments' files, calls `desk`, prints.
//!
//! Not a detector of its own: the same `ids` crate that runs in a vehicle. Unreadable lines go to standard error with
//! file:line and are counted; results go to standard output, progress to standard error if it is a terminal.

use crate::failure::Failure;
use crate::output::{Output, emit, out};
use serde::Serialize;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use yagura_capture::ReadError;
use yagura_columns::Catalogue;
use yagura_desk::{Alert, Capture, DeskError, Report, Wanted, Watch};
use yagura_ids::Profile;
use yagura_model::Micros;
use yagura_profile::spec::Fault;

/// How often progress is shown.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// Shows progress and unreadable lines on standard error.
pub(crate) struct Terminal {
    start: Instant,
    shown: Option<Instant>,
    is_terminal: bool,
}

impl Terminal {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), shown: None, is_terminal: std::io::stderr().is_terminal() }
    }

    /// Takes the progress line away.
    pub(crate) fn clear(&mut self) {
        if self.shown.take().is_some() {
            eprint!("\r\x1b[K");
        }
    }
}

impl Watch for Terminal {
    fn unreadable(&mut self, path: &Path, error: &ReadError) {
        self.clear();
        match error {
            ReadError::Line { line, reason } => eprintln!("{}:{line}: {reason}", path.display()),
            other => eprintln!("{}: {other}", path.display()),
        }
    }

    fn more_unreadable(&mut self, path: &Path, lines: u64) {
        self.clear();
        eprintln!("{}: {lines} more unreadable lines", path.display());
    }

    fn mended(&mut self, path: &Path, fault: &Fault) {
        self.clear();
        eprintln!("{}:{fault}", path.display());
    }

    fn progress(&mut self, path: &Path, frames: u64, time: Micros) {
        if !self.is_terminal || self.shown.is_some_and(|shown| shown.elapsed() < PROGRESS_EVERY) {
            return;
        }
        self.shown = Some(Instant::now());
        let rate = frames as f64 / 1e6 / self.start.elapsed().as_secs_f64().max(1e-3);
        eprint!("\r\x1b[K{}: {frames} frames, at {time}, {rate:.1} M frames/s", path.display());
    }
}

impl From<DeskError> for Failure {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::File { path, source } => Self::file(&path, &source),
            other => Self::Input(other.to_string()),
        }
    }
}

/// What `ids learn` was asked for.
pub(crate) struct Learning<'a> {
    pub(crate) captures: &'a [PathBuf],
    pub(crate) dbc: &'a [PathBuf],
    pub(crate) out: &'a Path,
    pub(crate) json: Output,
}

/// `ids learn`: captures of clean traffic to a profile.
pub(crate) fn learn_profile(asked: &Learning<'_>) -> Result<(), Failure> {
    let mut terminal = Terminal::new();
    let lesson = {
        let specification = yagura_desk::read_specification(asked.dbc, &mut terminal)?;
        yagura_desk::learn(asked.captures, &specification, &mut terminal)?
    };
    terminal.clear();
    std::fs::write(asked.out, lesson.learned.encode()).map_err(|error| Failure::file(asked.out, &error))?;
    let report = Report::of(&lesson)?;
    emit(asked.json, &report, || format!("{}: {}", asked.out.display(), report.text()))
}

/// `ids replay`: a capture through the detectors.
pub(crate) fn replay(capture: &Path, profile: &Path, json: Output) -> Result<(), Failure> {
    let bytes = yagura_desk::read_profile(profile)?;
    let profile = Profile::parse(&bytes).map_err(|error| Failure::input(profile.display(), error))?;
    let catalogue = Catalogue::builtin();
    let mut terminal = Terminal::new();
    let mut capture = Capture::open(capture)?;
    let mut told = Ok(());
    let mut line = Vec::new();
    let tell = |alert: &Alert<'_>| {
        if told.is_err() {
            return;
        }
        line.clear();
        let written = match json {
            Output::Json => alert.write_json(&mut line, &profile, &catalogue),
            Output::Text => alert.write_text(&mut line, &profile, &catalogue),
        };
        told = written.map_err(|error| Failure::Internal(error.to_string())).and_then(|()| out(&line));
    };
    let tally = yagura_desk::replay(&mut capture, profile, &mut terminal, tell)?;
    terminal.clear();
    told?;
    let rate = tally.frames as f64 / terminal.start.elapsed().as_secs_f64().max(1e-6);
    eprintln!(
        "{} frames, {} unreadable lines, {:.3} s of traffic, {rate:.0} frames/s, {} flagged, {} security events, {} qualified incidents",
        tally.frames,
        tally.unreadable,
        tally.seconds(),
        tally.alerts,
        tally.events,
        tally.incidents
    );
    Ok(())
}

/// `ids explain --capture`: everything behind one alert.
pub(crate) fn explain_alert(
    profile: &Path,
    capture: &Path,
    event: Option<&str>,
    at: Option<f64>,
    id: Option<String>,
) -> Result<(), Failure> {
    let wanted = match event {
        Some(line) => Wanted::of_line(line).map_err(|error| Failure::input("--event", error))?,
        None => Wanted { t: at.unwrap_or(0.0), bus: None, id },
    };
    let bytes = yagura_desk::read_profile(profile)?;
    let profile = Profile::parse(&bytes).map_err(|error| Failure::input(profile.display(), error))?;
    let mut terminal = Terminal::new();
    let mut reading = Capture::open(capture)?;
    let text = yagura_desk::explain_alert(&mut reading, &profile, &wanted, &mut terminal)?;
    terminal.clear();
    match text {
        Some(text) => out(text.as_bytes()),
        None => Err(Failure::input(capture.display(), "raises no such alert by this profile")),
    }
}

/// `ids diff`: what differs between two profiles.
pub(crate) fn diff(before: &Path, after: &Path, json: Output) -> Result<(), Failure> {
    let (old, new) = (yagura_desk::read_profile(before)?, yagura_desk::read_profile(after)?);
    let old = Profile::parse(&old).map_err(|error| Failure::input(before.display(), error))?;
    let new = Profile::parse(&new).map_err(|error| Failure::input(after.display(), error))?;
    let difference = yagura_desk::diff(&old, &new);
    emit(json, &difference, || difference.text())
}

/// `ids explain`: what a profile knows.
pub(crate) fn explain(path: &Path, json: Output) -> Result<(), Failure> {
    let bytes = yagura_desk::read_profile(path)?;
    let profile = Profile::parse(&bytes).map_err(|error| Failure::input(path.display(), error))?;
    let rows: Vec<Identifier> = profile.ids().map(|row| Identifier::of(&row)).collect();
    emit(json, &rows, || yagura_profile::explain(&profile))
}

#[derive(Serialize)]
struct Identifier {
    bus: u8,
    can_id: String,
    class: String,
    frames: u32,
    period_micros: u32,
    silence_micros: u32,
}

impl Identifier {
    fn of(row: &yagura_ids::IdRow) -> Self {
        Self {
            bus: row.bus.0,
            can_id: row.id.to_string(),
            class: format!("{:?}", row.class).to_lowercase(),
            frames: row.frames,
            period_micros: row.period,
            silence_micros: row.silence,
        }
    }
}
