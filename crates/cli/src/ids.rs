//! `yagura ids …`: the sensor's core at the desk.
//!
//! Not a detector of its own: the same `ids` crate that runs in a vehicle. Unreadable lines go to standard error with
//! file:line and are counted; events go to standard output.

use crate::failure::Failure;
use crate::output::{Output, emit};
use serde::Serialize;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use yagura_capture::{ReadError, Reader};
use yagura_columns::Catalogue;
use yagura_ids::{Detector, IDS_MAX, Profile};
use yagura_model::{Frame, Micros, SecurityEvent};
use yagura_profile::{Settings, learn};

/// Unreadable lines that are told one by one; the rest is only counted.
const FAULTS_TOLD_MAX: u64 = 20;

type Lines = Box<dyn BufRead>;

/// `ids learn`: captures of clean traffic to a profile.
pub(crate) fn learn_profile(captures: &[impl AsRef<Path>], output: &Path, json: Output) -> Result<(), Failure> {
    let mut frames = Vec::new();
    for path in captures {
        read_frames(path.as_ref(), |frame| frames.push(frame))?;
    }
    let learned = learn(frames, &Settings::default()).map_err(|error| Failure::Input(error.to_string()))?;
    let bytes = learned.encode();
    std::fs::write(output, &bytes).map_err(|error| Failure::file(output, &error))?;
    let summary = Learned {
        profile: output.display().to_string(),
        bytes: bytes.len(),
        buses: learned.buses.len(),
        identifiers: learned.ids.len(),
        silence_judged: learned.ids.iter().filter(|id| id.silence > 0).count(),
        injection_judged: learned.ids.iter().filter(|id| id.pace.interval > 0).count(),
        late_identifiers: learned.profile().map_or(0, |profile| profile.source().late_ids),
    };
    if summary.late_identifiers > 0 {
        eprintln!(
            "{} identifiers appeared only near the end: learn from more traffic, or expect alarms of unknown identifiers",
            summary.late_identifiers
        );
    }
    emit(json, &summary, || {
        format!(
            "{}: {} identifiers on {} bus(es); injection is judged on {}, silence on {} of them; {} bytes",
            summary.profile,
            summary.identifiers,
            summary.buses,
            summary.injection_judged,
            summary.silence_judged,
            summary.bytes
        )
    })
}

#[derive(Serialize)]
struct Learned {
    profile: String,
    bytes: usize,
    buses: usize,
    identifiers: usize,
    silence_judged: usize,
    injection_judged: usize,
    late_identifiers: u32,
}

/// `ids replay`: a capture through the detectors.
pub(crate) fn replay(capture: &Path, profile: &Path, json: Output) -> Result<(), Failure> {
    let bytes = read_profile(profile)?;
    let profile = Profile::parse(&bytes).map_err(|error| Failure::input(profile.display(), error))?;
    let mut detector = Box::new(Detector::<IDS_MAX>::new(profile).map_err(|error| Failure::Input(error.to_string()))?);
    let catalogue = Catalogue::builtin();
    let mut told = Ok(());
    let mut events = 0_u64;
    let mut tell = |event: SecurityEvent| {
        events += 1;
        let line = Event::of(&event, &catalogue);
        if told.is_ok() {
            told = emit(json, &line, || line.text());
        }
    };
    let summary = read_frames(capture, |frame| detector.handle_frame(&frame, &mut tell))?;
    detector.handle_timeout(Micros::MAX, &mut tell);
    told?;
    eprintln!("{} frames, {} unreadable lines, {events} security events", summary.frames, summary.unreadable);
    Ok(())
}

/// One security event as a line of text or JSON.
#[derive(Serialize)]
struct Event {
    time: String,
    event_id: String,
    event_name: String,
    title: String,
    severity: String,
    count: u16,
    bus: u8,
    can_id: String,
    expected: u32,
    observed: u32,
    payload: String,
}

impl Event {
    fn of(event: &SecurityEvent, catalogue: &Catalogue) -> Self {
        let entry = catalogue.get(event.id);
        Self {
            time: event.time.to_string(),
            event_id: event.id.to_string(),
            event_name: entry.map_or_else(String::new, |entry| entry.symbol.clone()),
            title: entry.map_or_else(|| "event without a catalogue entry".to_owned(), |entry| entry.title.en.clone()),
            severity: entry.map_or_else(String::new, |entry| format!("{:?}", entry.severity).to_lowercase()),
            count: event.count,
            bus: event.context.bus.0,
            can_id: event.context.id.to_string(),
            expected: event.context.expected,
            observed: event.context.observed,
            payload: event.context.payload.to_string(),
        }
    }

    fn text(&self) -> String {
        let Self { time, event_name, severity, bus, can_id, count, expected, observed, payload, .. } = self;
        format!(
            "({time}) {severity:<8} {event_name:<16} bus {bus} id {can_id} ×{count} \
             expected {expected} observed {observed} data {payload}"
        )
    }
}

/// `ids explain`: what a profile knows.
pub(crate) fn explain(path: &Path, json: Output) -> Result<(), Failure> {
    let bytes = read_profile(path)?;
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

fn read_profile(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::file(path, &error))
}

/// Hands every frame to `each`; tells unreadable lines with file:line; returns what was read.
fn read_frames(path: &Path, mut each: impl FnMut(Frame)) -> Result<yagura_capture::Summary, Failure> {
    let mut reader = Reader::new(open(path)?);
    let mut faults = 0_u64;
    for item in &mut reader {
        match item {
            Ok(frame) => each(frame),
            Err(ReadError::Line { line, reason }) => {
                faults += 1;
                if faults <= FAULTS_TOLD_MAX {
                    eprintln!("{}:{line}: {reason}", path.display());
                }
            }
            Err(error) => return Err(Failure::input(path.display(), error)),
        }
    }
    if faults > FAULTS_TOLD_MAX {
        eprintln!("{}: {} more unreadable lines", path.display(), faults - FAULTS_TOLD_MAX);
    }
    Ok(reader.summary())
}

fn open(path: &Path) -> Result<Lines, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(std::io::stdin())));
    }
    let file = File::open(path).map_err(|error| Failure::file(path, &error))?;
    Ok(Box::new(BufReader::with_capacity(1 << 16, file)))
}
