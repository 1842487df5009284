//! Real traffic: clean captures and attack traces of `../shared/data/can`.
//!
//! Not a capture reader for users (that is `capture`). Labels are read for scoring only.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use yagura_capture::{Input, Reader};
use yagura_ids::{Check, Detector, Finding, Profile, Sink};
use yagura_model::{BusId, CanId, EventId, Frame, FrameKind, Micros, Payload, SecurityEvent};

/// Room for every vehicle at hand.
pub(crate) const IDS: usize = 512;

/// A folder of the shared data, or `None` with a printed reason.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/can").join(name);
    if path.is_dir() {
        return Some(path);
    }
    println!("SKIPPED: {} is not there", path.display());
    None
}

/// The files of a folder by name.
pub(crate) fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.to_str().unwrap().ends_with(suffix)).collect();
    files.sort();
    files
}

pub(crate) fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// The frames of a candump log.
pub(crate) fn candump(path: &Path) -> Vec<Frame> {
    Reader::new(BufReader::new(File::open(path).unwrap())).filter_map(Result::ok).collect()
}

/// A frame and whether it belongs to an attack.
pub(crate) struct Labelled {
    pub(crate) frame: Frame,
    pub(crate) attack: bool,
}

/// The frames of a `t,bus,id,ext,data,label,attack` table.
pub(crate) fn table(path: &Path) -> Vec<Labelled> {
    let lines = Input::new(BufReader::new(File::open(path).unwrap())).unwrap().lines();
    lines.skip(1).map(|line| labelled(&line.unwrap())).collect()
}

fn labelled(line: &str) -> Labelled {
    let mut cells = line.split(',');
    let mut cell = || cells.next().unwrap();
    let (seconds, micros) = cell().split_once('.').unwrap();
    let time = Micros(seconds.parse::<u64>().unwrap() * 1_000_000 + micros.parse::<u64>().unwrap());
    let bus = BusId(cell().parse().unwrap());
    let raw = u32::from_str_radix(cell(), 16).unwrap();
    let key = if cell() == "1" { raw | CanId::EXTENDED_BIT } else { raw };
    let data = cell();
    let bytes: Vec<u8> =
        (0..data.len()).step_by(2).map(|at| u8::from_str_radix(&data[at..at + 2], 16).unwrap()).collect();
    let payload = Payload::new(&bytes).unwrap();
    let frame = Frame { time, bus, id: CanId::from_key(key).unwrap(), kind: FrameKind::Data, payload };
    Labelled { frame, attack: cell() == "1" }
}

/// All events of a replay, to its end.
pub(crate) fn replay<'a>(profile: &[u8], frames: impl IntoIterator<Item = &'a Frame>) -> Vec<SecurityEvent> {
    let mut detector: Box<Detector<'_, IDS>> = Box::new(Detector::new(Profile::parse(profile).unwrap()).unwrap());
    let mut events = Vec::new();
    let mut sink = |event| events.push(event);
    for frame in frames {
        detector.handle_frame(frame, &mut sink);
    }
    detector.handle_timeout(Micros::MAX, &mut sink);
    events
}

/// What is told of a replay: each finding with the number of its frame.
pub(crate) fn findings<'a>(profile: &[u8], frames: impl IntoIterator<Item = &'a Frame>) -> Vec<(usize, Finding)> {
    let mut detector: Box<Detector<'_, IDS>> = Box::new(Detector::new(Profile::parse(profile).unwrap()).unwrap());
    let mut log = Log::default();
    for frame in frames {
        detector.handle_frame(frame, &mut log);
        log.frame += 1;
    }
    log.findings
}

#[derive(Default)]
struct Log {
    frame: usize,
    findings: Vec<(usize, Finding)>,
}

impl Sink for Log {
    fn raise(&mut self, _: SecurityEvent) {}

    fn find(&mut self, finding: &Finding) {
        self.findings.push((self.frame, *finding));
    }
}

/// Findings told, and how many of them qualified, by check.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Told(pub(crate) BTreeMap<Check, (usize, usize)>);

impl Told {
    pub(crate) fn of(findings: &[(usize, Finding)]) -> Self {
        let mut told = Self::default();
        for (_, finding) in findings {
            let entry = told.0.entry(finding.check).or_default();
            entry.0 += 1;
            entry.1 += usize::from(finding.qualified);
        }
        told
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (check, (told, qualified)) in &other.0 {
            let entry = self.0.entry(*check).or_default();
            entry.0 += told;
            entry.1 += qualified;
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        self.0
            .iter()
            .try_for_each(|(check, (told, qualified))| write!(f, "{} {told} ({qualified} qualified) ", check.name()))
    }
}

/// Events and happenings by kind.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tally(pub(crate) BTreeMap<EventId, (usize, u32)>);

impl Tally {
    pub(crate) fn of(events: &[SecurityEvent]) -> Self {
        let mut tally = Self::default();
        events.iter().for_each(|event| tally.add(event.id, 1, u32::from(event.count)));
        tally
    }

    pub(crate) fn add(&mut self, event: EventId, events: usize, happenings: u32) {
        let entry = self.0.entry(event).or_default();
        entry.0 += events;
        entry.1 += happenings;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |event: EventId| match event {
            EventId::CAN_UNKNOWN_ID => "unknown",
            EventId::CAN_WRONG_LENGTH => "length",
            EventId::CAN_EARLY_FRAME => "early",
            EventId::CAN_SILENT_ID => "silent",
            EventId::CAN_BUS_FLOOD => "flood",
            _ => "other",
        };
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        self.0
            .iter()
            .try_for_each(|(event, (events, happenings))| write!(f, "{} {events} (×{happenings}) ", name(*event)))
    }
}
