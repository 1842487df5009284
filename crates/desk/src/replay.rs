//! A capture through the detectors of a profile: one [`Alert`] a flagged frame or silence.
//!
//! Not a judge of its own: everything told comes from `ids`. Findings about the frame at hand make one alert; findings about
//! something else, a silence for instance, make one each. Invariant: the same frames and profile give the same alerts. Cost: a
//! clean frame costs the detector and one comparison; the detector takes about 1 MB.

use crate::{Alert, Capture, DeskError, Watch};
use std::path::Path;
use yagura_ids::{Check, Detector, Finding, IDS_MAX, Profile, Sink};
use yagura_model::{Frame, Micros, SecurityEvent};

/// What a replay counted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Frames judged.
    pub frames: u64,
    /// Time between the frames, µs: steps back and jumps of more than 2 s are not counted.
    pub micros: u64,
    /// Lines of the capture that were no frame.
    pub unreadable: u64,
    /// Alerts told: flagged frames and silences.
    pub alerts: u64,
    /// Security events that a vehicle would have raised.
    pub events: u64,
    /// Attacks told to a person: incidents with at least one qualified alert.
    pub incidents: u64,
}

impl Tally {
    /// Seconds of traffic.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a duration for people; microseconds are exact up to 285 years")]
    pub fn seconds(&self) -> f64 {
        self.micros as f64 / 1e6
    }
}

/// A longer distance of two frames is a pause of the logger, not traffic, µs.
const PAUSE: u64 = 2_000_000;

#[derive(Debug, Default)]
struct Collector {
    findings: Vec<Finding>,
    events: u64,
}

impl Sink for Collector {
    fn raise(&mut self, _: SecurityEvent) {
        self.events = self.events.saturating_add(1);
    }

    fn find(&mut self, finding: &Finding) {
        self.findings.push(*finding);
    }
}

/// A detector at work.
#[derive(Debug)]
pub struct Replay<'p> {
    detector: Box<Detector<'p, IDS_MAX>>,
    collector: Collector,
    tally: Tally,
    previous: Option<Micros>,
    last_incident: u32,
    shift: i64,
}

impl<'p> Replay<'p> {
    /// A replay that has seen nothing yet.
    ///
    /// # Errors
    /// [`DeskError::Capacity`] if the profile is too large for a detector.
    pub fn new(profile: Profile<'p>) -> Result<Self, DeskError> {
        let detector = Box::new(Detector::new(profile)?);
        let (collector, tally) = (Collector::default(), Tally::default());
        Ok(Self { detector, collector, tally, previous: None, last_incident: 0, shift: 0 })
    }

    /// From now on, alerts tell times with so many microseconds added: the capture's own clock.
    pub const fn shift_micros(&mut self, shift: i64) {
        self.shift = shift;
    }

    /// Judges a frame; hands each alert to `tell`.
    pub fn judge(&mut self, frame: &Frame, tell: &mut impl FnMut(&Alert)) {
        self.tally.frames = self.tally.frames.saturating_add(1);
        let gap = self.previous.replace(frame.time).map_or(0, |previous| frame.time.since(previous));
        if gap <= PAUSE {
            self.tally.micros = self.tally.micros.saturating_add(gap);
        }
        self.detector.handle_frame(frame, &mut self.collector);
        if !self.collector.findings.is_empty() {
            self.tell(Some(frame), tell);
        }
    }

    /// Ends the replay: tells what was still counted.
    pub fn finish(&mut self, tell: &mut impl FnMut(&Alert)) -> Tally {
        self.detector.handle_timeout(Micros::MAX, &mut self.collector);
        self.tell(None, tell);
        self.tally.events = self.collector.events;
        self.tally
    }

    fn tell(&mut self, frame: Option<&Frame>, tell: &mut impl FnMut(&Alert)) {
        let mut findings = std::mem::take(&mut self.collector.findings);
        let is_own = |finding: &Finding| {
            let of_frame =
                frame.is_some_and(|frame| (frame.bus, frame.id) == (finding.context.bus, finding.context.id));
            of_frame && finding.check != Check::Silent
        };
        // Stable: of equal findings the one that was told first stays first.
        findings.sort_by_key(|finding| (!is_own(finding), !finding.qualified, std::cmp::Reverse(finding.strength)));
        let own = findings.partition_point(is_own);
        let (own, other) = findings.split_at_checked(own).unwrap_or((&[], &[]));
        let shift = self.shift;
        let own = std::iter::once((own, true)).filter(|(own, _)| !own.is_empty());
        let groups = own.chain(other.chunks(1).map(|other| (other, false)));
        for alert in groups.filter_map(|(findings, is_own)| Alert::of(findings, shift, is_own)) {
            self.tally.alerts = self.tally.alerts.saturating_add(1);
            if alert.is_qualified() && alert.incident() > self.last_incident {
                self.last_incident = alert.incident();
                self.tally.incidents = self.tally.incidents.saturating_add(1);
            }
            tell(&alert);
        }
        findings.clear();
        self.collector.findings = findings;
    }
}

/// The profile in a file, not yet checked.
///
/// # Errors
/// [`DeskError::File`] if it cannot be read.
pub fn read_profile(path: &Path) -> Result<Vec<u8>, DeskError> {
    std::fs::read(path).map_err(|source| DeskError::file(path, source))
}

/// Replays a whole capture. `tell` gets each alert as it is found.
///
/// # Errors
/// [`DeskError`] if the capture cannot be read or the profile is too large.
pub fn replay(
    capture: &mut Capture,
    profile: Profile<'_>,
    watch: &mut impl Watch,
    mut tell: impl FnMut(&Alert),
) -> Result<Tally, DeskError> {
    let mut replay = Replay::new(profile)?;
    while let Some(frame) = capture.next_frame(watch)? {
        replay.shift_micros(capture.shift_micros());
        replay.judge(&frame, &mut tell);
    }
    let mut tally = replay.finish(&mut tell);
    tally.unreadable = capture.summary().unreadable;
    Ok(tally)
}
